//! A position: what is held, what it cost, and what a fill makes of it.

use rust_decimal::Decimal;

use super::booked;
use crate::matching::Side;
use crate::time::Timestamp;

/// Which of a contract's positions. One-way mode has the first alone, hedge mode the other two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum PositionSide {
    /// The one position of one-way mode, long or short.
    #[default]
    Both,
    /// The long position of hedge mode.
    Long,
    /// The short position of hedge mode.
    Short,
}

impl PositionSide {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Both, Self::Long, Self::Short];

    /// The exchange's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Both => "BOTH",
            Self::Long => "LONG",
            Self::Short => "SHORT",
        }
    }

    /// Reads the exchange's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|side| side.as_str() == text)
    }

    /// Whether an order of `side` can only close this position, by the rules of hedge mode.
    pub const fn closes_by(self, side: Side) -> bool {
        matches!((self, side), (Self::Long, Side::Sell) | (Self::Short, Side::Buy))
    }
}

/// A position. Default is flat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// Base held; below zero when short.
    pub amount: Decimal,
    /// What it cost, in the margin asset, with the sign of the amount.
    cost: Decimal,
    /// What would have to come back for nothing to be lost, fees and what was realised included; with the amount's sign.
    break_even: Decimal,
    /// What was realised here since the account exists, without fees.
    pub realized: Decimal,
    /// What is set aside for it while it is isolated, without its unrealised profit.
    pub isolated_wallet: Decimal,
    /// When it last changed.
    pub updated: Timestamp,
}

/// What a fill did to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Applied {
    /// Profit or loss, without fees.
    pub realized: Decimal,
    /// Base that was closed, and what part of the position before it was; 1 is all of it.
    pub closed: Decimal,
    pub closed_part: Decimal,
    /// Base that was opened.
    pub opened: Decimal,
}

impl Position {
    /// Whether nothing is held.
    pub fn is_flat(&self) -> bool {
        self.amount.is_zero()
    }

    /// The average price paid; zero when flat.
    pub fn entry_price(&self) -> Decimal {
        self.per_base(self.cost)
    }

    /// The price at which closing would cost nothing in all; zero when flat.
    pub fn break_even_price(&self) -> Decimal {
        self.per_base(self.break_even).max(Decimal::ZERO)
    }

    fn per_base(&self, amount: Decimal) -> Decimal {
        if self.is_flat() {
            return Decimal::ZERO;
        }
        amount / self.amount
    }

    /// Its value at a price; below zero when short.
    pub fn notional(&self, price: Decimal) -> Decimal {
        self.amount * price
    }

    /// What closing at a price would realise.
    pub fn unrealized(&self, price: Decimal) -> Decimal {
        self.amount * price - self.cost
    }

    /// What it cost, exactly, with the sign of the amount.
    pub fn cost(&self) -> Decimal {
        self.cost
    }

    /// Base that an order of `side` could close.
    pub fn closable(&self, side: Side) -> Decimal {
        match side {
            Side::Sell => self.amount.max(Decimal::ZERO),
            Side::Buy => (-self.amount).max(Decimal::ZERO),
        }
    }

    /// Applies a fill of `quantity` base, above zero.
    pub(super) fn apply(
        &mut self,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        fee: Decimal,
        now: Timestamp,
    ) -> Applied {
        let sign = match side {
            Side::Buy => Decimal::ONE,
            Side::Sell => Decimal::NEGATIVE_ONE,
        };
        let closed = self.closable(side).min(quantity);
        let opened = quantity - closed;
        let mut applied = Applied {
            realized: Decimal::ZERO,
            closed,
            closed_part: Decimal::ZERO,
            opened,
        };
        if closed > Decimal::ZERO {
            // What comes back has the sign of the position, which is the other one.
            let proceeds = -sign * closed * price;
            if closed == self.amount.abs() {
                applied.closed_part = Decimal::ONE;
                applied.realized = proceeds - self.cost;
                self.cost = Decimal::ZERO;
                self.break_even = Decimal::ZERO;
            } else {
                applied.closed_part = closed / self.amount.abs();
                applied.realized = booked(proceeds - self.cost * applied.closed_part);
                self.cost -= proceeds - applied.realized;
                self.break_even -= proceeds - fee;
            }
            self.amount += sign * closed;
        }
        if opened > Decimal::ZERO {
            self.amount += sign * opened;
            self.cost += sign * opened * price;
            self.break_even += sign * opened * price + fee * opened / quantity;
        }
        self.realized += applied.realized;
        self.updated = now;
        applied
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn fill(position: &mut Position, side: Side, quantity: &str, price: &str) -> Decimal {
        let fee = Decimal::ZERO;
        position
            .apply(side, dec(quantity), dec(price), fee, Timestamp::default())
            .realized
    }

    #[test]
    fn profit_is_a_difference_of_prices_whichever_way_it_turns() {
        let mut position = Position::default();
        assert_eq!(fill(&mut position, Side::Buy, "1", "100"), Decimal::ZERO);
        assert_eq!(fill(&mut position, Side::Buy, "1", "110"), Decimal::ZERO);
        assert_eq!(position.entry_price(), dec("105"));
        assert_eq!(fill(&mut position, Side::Sell, "0.5", "120"), dec("7.5"));
        assert_eq!(
            (position.entry_price(), position.unrealized(dec("100"))),
            (dec("105"), dec("-7.5"))
        );
        // Through zero: 1.5 are closed, half a coin is sold short.
        assert_eq!(fill(&mut position, Side::Sell, "2", "90"), dec("-22.5"));
        assert_eq!((position.amount, position.entry_price()), (dec("-0.5"), dec("90")));
        assert_eq!(fill(&mut position, Side::Buy, "0.5", "80"), dec("5"));
        assert!(position.is_flat());
        assert_eq!(
            (position.entry_price(), position.cost()),
            (Decimal::ZERO, Decimal::ZERO)
        );
        assert_eq!(position.realized, dec("-10"));
    }

    #[test]
    fn what_is_cut_stays_in_the_cost() {
        let mut position = Position::default();
        fill(&mut position, Side::Buy, "1", "100");
        fill(&mut position, Side::Buy, "2", "100.01");
        let first = fill(&mut position, Side::Sell, "1", "101");
        let second = fill(&mut position, Side::Sell, "1", "101");
        let third = fill(&mut position, Side::Sell, "1", "101");
        assert_eq!(first, dec("0.99333333"));
        assert_eq!(first + second + third, dec("2.98"));
    }

    #[test]
    fn fees_move_the_break_even_price_away() {
        let now = Timestamp::default();
        let mut long = Position::default();
        long.apply(Side::Buy, dec("2"), dec("100"), dec("0.2"), now);
        assert_eq!(long.break_even_price(), dec("100.1"));
        long.apply(Side::Sell, dec("1"), dec("110"), dec("0.1"), now);
        assert_eq!(long.break_even_price(), dec("90.3"));
        let mut short = Position::default();
        short.apply(Side::Sell, dec("2"), dec("100"), dec("0.2"), now);
        assert_eq!(short.break_even_price(), dec("99.9"));
    }
}
