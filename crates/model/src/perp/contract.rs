//! Contracts: what one is, and what a quantity of it is worth.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use super::Leverage;
use crate::{Amount, Asset, Pair, Price, Quantity, WallNs};

/// Decimal places that amounts of the settle asset are kept at where a division makes more: far below any exchange's own
/// unit, and far enough above the limits of a decimal that sums stay exact.
pub const MONEY_PLACES: u32 = 12;

/// How a contract's profit follows its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContractKind {
    /// Quantities are of the base asset, whatever the exchange's own unit is; profit is the difference of prices, in the
    /// settle asset (mostly the quote asset).
    Linear,
    /// Quantities are of contracts, each worth a fixed amount of the quote asset; profit is in the base asset.
    Inverse,
}

/// What an instrument is a contract of. An instrument without one is spot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// How its profit follows its price.
    pub kind: ContractKind,
    /// Linear: how much of the base asset the exchange's own unit of quantity is (1 where it counts the base asset, as Binance
    /// does; 0.01 BTC at OKX): by it a connector converts, and nobody else. Inverse: how much of the quote asset one contract
    /// is worth.
    #[serde(with = "rust_decimal::serde::str")]
    pub size: Decimal,
    /// What profit, funding and margin are in.
    pub settle: Asset,
    /// When it is settled for good; `None` for a perpetual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<WallNs>,
    /// The highest leverage that any position in it may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_leverage: Option<Leverage>,
}

impl Contract {
    /// A perpetual whose quantity is of the base asset.
    #[must_use]
    pub fn linear(settle: Asset) -> Contract {
        Contract {
            kind: ContractKind::Linear,
            size: Decimal::ONE,
            settle,
            delivery: None,
            max_leverage: None,
        }
    }

    /// What spot is counted by: a quantity of the base asset, paid for in the quote asset. It has neither margin nor funding.
    #[must_use]
    pub fn spot(pair: &Pair) -> Contract {
        Contract::linear(pair.quote.clone())
    }

    /// A perpetual of contracts that are each worth `size` of the quote asset, settled in the base asset.
    #[must_use]
    pub fn inverse(size: Decimal, settle: Asset) -> Contract {
        Contract {
            kind: ContractKind::Inverse,
            size,
            ..Contract::linear(settle)
        }
    }

    /// Whether it has no delivery.
    #[must_use]
    pub const fn is_perpetual(&self) -> bool {
        self.delivery.is_none()
    }

    /// What a signed quantity is worth at a price, in the settle asset, such that the profit of holding it from one price to
    /// another is the difference of its worths. Below zero for a short linear and for a long inverse position: it is no notional.
    /// Zero where the price is zero.
    ///
    /// # Panics
    /// Where it leaves the range of a decimal, as its operators do; [`Contract::checked_worth`] does not.
    #[must_use]
    pub fn worth(&self, quantity: Quantity, price: Price) -> Amount {
        self.checked_worth(quantity, price)
            .expect("a worth below 7.9e28, the range of a decimal")
    }

    /// As [`Contract::worth`]; `None` where it leaves the range of a decimal.
    #[must_use]
    pub fn checked_worth(&self, quantity: Quantity, price: Price) -> Option<Amount> {
        match self.kind {
            ContractKind::Linear => quantity.0.checked_mul(price.0),
            ContractKind::Inverse if price.is_zero() => Some(Decimal::ZERO),
            ContractKind::Inverse => {
                let worth = quantity.0.checked_mul(self.size)?.checked_div(price.0)?;
                Some(-to_places(worth))
            }
        }
        .map(Amount)
    }

    /// The size of a position or an order, never below zero, in the settle asset: what leverage, margin and fees are of.
    #[must_use]
    pub fn notional(&self, quantity: Quantity, price: Price) -> Amount {
        Amount(self.worth(quantity, price).0.abs())
    }

    /// The size of a position or an order in the quote asset, never below zero: what caps are of, whatever it settles in.
    #[must_use]
    pub fn quote_notional(&self, quantity: Quantity, price: Price) -> Amount {
        match self.kind {
            ContractKind::Linear => Amount((quantity.0 * price.0).abs()),
            ContractKind::Inverse => Amount((quantity.0 * self.size).abs()),
        }
    }

    /// Whether its profit is in the base asset.
    #[must_use]
    pub const fn is_inverse(&self) -> bool {
        matches!(self.kind, ContractKind::Inverse)
    }

    /// The average price at which a signed quantity has the worth `cost`; `None` where there is none.
    #[must_use]
    pub fn price_of(&self, quantity: Quantity, cost: Amount) -> Option<Price> {
        match self.kind {
            ContractKind::Linear => cost.0.checked_div(quantity.0),
            ContractKind::Inverse => (-quantity.0 * self.size).checked_div(cost.0),
        }
        .map(|price| Price(price.normalize()))
    }
}

/// A quotient at [`MONEY_PLACES`].
pub(crate) fn to_places(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(MONEY_PLACES, RoundingStrategy::MidpointNearestEven)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profit_is_the_difference_of_worths() {
        let long = Quantity(Decimal::from(2));
        let linear = Contract::linear(Asset::new("USDT"));
        let gain = |c: &Contract, q, from: i64, to: i64| {
            c.worth(q, Price(Decimal::from(to))) - c.worth(q, Price(Decimal::from(from)))
        };
        assert_eq!(gain(&linear, long, 100, 110), Amount(Decimal::from(20)));
        assert_eq!(gain(&linear, -long, 100, 110), Amount(Decimal::from(-20)));
        // 1,000 contracts of 100 USD from 50,000 to 100,000: 2 BTC became 1 BTC of the same worth.
        let inverse = Contract::inverse(Decimal::from(100), Asset::new("BTC"));
        let long = Quantity(Decimal::from(1_000));
        assert_eq!(gain(&inverse, long, 50_000, 100_000), Amount(Decimal::ONE));
        assert_eq!(gain(&inverse, -long, 50_000, 100_000), Amount(-Decimal::ONE));
        let notional = inverse.notional(-long, Price(Decimal::from(50_000)));
        assert_eq!(notional, Amount(Decimal::from(2)));
        let quoted = inverse.quote_notional(-long, Price(Decimal::from(50_000)));
        assert_eq!(quoted, Amount(Decimal::from(100_000)));
    }

    #[test]
    fn the_price_of_a_cost_is_the_average() {
        for contract in [
            Contract::linear(Asset::new("USDT")),
            Contract::inverse(Decimal::from(100), Asset::new("BTC")),
        ] {
            for quantity in [5, -5] {
                let (quantity, price) = (Quantity(Decimal::from(quantity)), Price(Decimal::from(50_000)));
                let cost = contract.worth(quantity, price);
                assert_eq!(contract.price_of(quantity, cost), Some(price));
            }
            assert_eq!(contract.price_of(Quantity::ZERO, Amount::ZERO), None);
        }
    }
}
