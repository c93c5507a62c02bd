//! Realised profit by average cost.

use colibri_model::{Amount, Decimal, Price, Quantity, Side};

/// A position by its average cost, and what closing parts of it has realised.
///
/// Buying more raises the cost; selling takes the sold share of the cost away and realises the difference. What was sold
/// before it was bought is a short position, whose cost is what it brought in. Fees are not in it: they may be in a
/// third asset. Sums are exact; where a share must be rounded to 28 digits, the rest stays in the cost and is realised
/// with the last of the position, so that nothing is lost or made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AverageCost {
    /// The position in the base asset: above zero long, below short.
    quantity: Decimal,
    /// What it cost in the quote asset, with the position's sign.
    cost: Decimal,
    realised: Decimal,
}

impl AverageCost {
    /// The position in the base asset: above zero long, below short.
    #[must_use]
    pub fn position(&self) -> Quantity {
        Quantity(self.quantity)
    }

    /// What a unit of the position cost; `None` without one.
    #[must_use]
    pub fn average_price(&self) -> Option<Price> {
        self.cost.checked_div(self.quantity).map(Price)
    }

    /// What was realised so far, in the quote asset.
    #[must_use]
    pub fn realised(&self) -> Amount {
        Amount(self.realised)
    }

    /// Applies a fill; returns what it realised, in the quote asset. `None` where the sums leave a decimal's range; then
    /// nothing has changed.
    #[must_use = "where it is None the fill is not counted"]
    pub fn apply(&mut self, side: Side, price: Price, quantity: Quantity) -> Option<Amount> {
        let signed = match side {
            Side::Buy => quantity.0,
            Side::Sell => -quantity.0,
        };
        let opens = self.quantity.is_zero() || self.quantity.is_sign_positive() == signed.is_sign_positive();
        // The part that closes, with the position's sign, and its share of the cost.
        let (closing, share) = if opens {
            (Decimal::ZERO, Decimal::ZERO)
        } else if signed.abs() >= self.quantity.abs() {
            (self.quantity, self.cost)
        } else {
            (-signed, self.cost.checked_mul(-signed)?.checked_div(self.quantity)?)
        };
        let realised = price.0.checked_mul(closing)?.checked_sub(share)?;
        let opening = signed.checked_add(closing)?;
        let cost = self
            .cost
            .checked_sub(share)?
            .checked_add(price.0.checked_mul(opening)?)?;
        *self = AverageCost {
            quantity: self.quantity.checked_add(signed)?,
            cost,
            realised: self.realised.checked_add(realised)?,
        };
        Some(Amount(realised))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn of(fills: &[(Side, i64, i64)]) -> AverageCost {
        let mut position = AverageCost::default();
        for (side, price, quantity) in fills {
            position
                .apply(*side, Price((*price).into()), Quantity((*quantity).into()))
                .unwrap();
        }
        position
    }

    #[test]
    fn a_sale_realises_against_the_average_of_what_was_bought() {
        let position = of(&[(Side::Buy, 100, 1), (Side::Buy, 110, 1), (Side::Sell, 120, 1)]);
        assert_eq!(position.realised(), Amount(15.into()));
        assert_eq!(position.average_price(), Some(Price(105.into())));
        assert_eq!(position.position(), Quantity(1.into()));
    }

    #[test]
    fn a_short_position_gains_when_it_is_bought_back_for_less() {
        let position = of(&[(Side::Sell, 100, 2), (Side::Buy, 90, 1)]);
        assert_eq!(position.realised(), Amount(10.into()));
        assert_eq!(position.position(), Quantity((-1).into()));
        assert_eq!(position.average_price(), Some(Price(100.into())));
    }

    #[test]
    fn a_fill_larger_than_the_position_closes_it_and_opens_the_other_way() {
        let position = of(&[(Side::Buy, 100, 1), (Side::Sell, 130, 3)]);
        assert_eq!(position.realised(), Amount(30.into()));
        assert_eq!(position.position(), Quantity((-2).into()));
        assert_eq!(position.average_price(), Some(Price(130.into())));
    }

    #[test]
    fn sums_beyond_a_decimal_are_refused_and_change_nothing() {
        let mut position = of(&[(Side::Buy, 100, 1)]);
        let before = position;
        assert_eq!(position.apply(Side::Buy, Price(Decimal::MAX), Quantity(2.into())), None);
        assert_eq!(position, before);
    }

    fn fills() -> impl Strategy<Value = Vec<(Side, i64, i64)>> {
        let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
        prop::collection::vec((side, 1..1_000_000_i64, 1..10_000_i64), 1..40)
    }

    proptest! {
        /// Once flat, what was realised is exactly the money that came in less the money that went out, whatever was
        /// rounded on the way.
        #[test]
        fn nothing_is_lost_on_the_way_to_flat(fills in fills(), last in 1..1_000_000_i64) {
            let mut position = AverageCost::default();
            let mut cash = Decimal::ZERO;
            let mut trade = |side: Side, price: Decimal, quantity: Decimal| {
                position.apply(side, Price(price), Quantity(quantity)).unwrap();
                let notional = price * quantity;
                cash += match side { Side::Buy => -notional, Side::Sell => notional };
                position.position()
            };
            let mut left = Quantity::ZERO;
            for (side, price, quantity) in fills {
                left = trade(side, Decimal::new(price, 2), Decimal::new(quantity, 3));
            }
            let side = if left.is_positive() { Side::Sell } else { Side::Buy };
            trade(side, Decimal::new(last, 2), left.0.abs());
            prop_assert_eq!(position.position(), Quantity::ZERO);
            prop_assert!((position.realised().0 - cash).abs() < Decimal::new(1, 15));
        }
    }
}
