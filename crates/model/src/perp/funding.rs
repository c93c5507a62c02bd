//! Funding: the rate, what was paid, and the prices that it goes by.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::PositionSide;
use crate::{AccountId, Amount, Asset, FundingPaymentId, Millis, Pair, Price, Quantity, VenueId, WallNs};

/// An instrument's funding rate: what longs pay shorts at the next settlement, as a fraction of the notional; below zero where
/// shorts pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingRate {
    /// The rate of the next settlement, as the exchange forecasts it now. Of one interval, never annualised.
    #[serde(with = "rust_decimal::serde::str")]
    pub rate: Decimal,
    /// When it is settled next, exchange time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_time: Option<WallNs>,
    /// How long it is from one settlement to the next, where the exchange says. It can change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Millis>,
}

impl FundingRate {
    /// The rate as if it were settled so often that it came to one interval of `span`: to compare exchanges that settle each
    /// hour with those that do each eight. `None` where the interval is not known, or zero.
    #[must_use]
    pub fn over(&self, span: Millis) -> Option<Decimal> {
        let interval = Decimal::from(self.interval?.0);
        (self.rate * Decimal::from(span.0)).checked_div(interval)
    }

    /// What a position receives at the next settlement if the rate and the mark price stay: below zero where it pays.
    #[must_use]
    pub fn expected(&self, contract: &super::Contract, quantity: Quantity, mark: Price) -> Amount {
        let notional = contract.notional(quantity, mark).0;
        let paid = self.rate * notional;
        Amount(if quantity.is_positive() { -paid } else { paid })
    }
}

/// The prices that positions are valued at, triggers are judged by and funding goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkPrice {
    /// The mark price.
    pub mark: Price,
    /// The index (the underlying's price at other places; an oracle's), where the exchange says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<Price>,
}

/// What makes a funding payment one payment, however often it is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FundingKey {
    /// Whose.
    pub account: AccountId,
    /// Through which connector instance.
    pub venue: VenueId,
    /// Of which instrument: two pairs that pay in one millisecond are two payments.
    pub pair: Pair,
    /// When it was settled, exchange time.
    pub time: WallNs,
    /// What tells apart payments of one pair in one millisecond (the long and the short position of hedge mode, two assets, a
    /// special payment beside the regular one): the exchange's number of the entry, or what the connector makes of its fields.
    pub id: FundingPaymentId,
}

/// A funding payment: an entry of the account's ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingPayment {
    /// Its identity.
    pub key: FundingKey,
    /// What it was paid in.
    pub asset: Asset,
    /// What was received; below zero where it was paid.
    pub amount: Amount,
    /// Of which position, where the exchange says.
    #[serde(default, skip_serializing_if = "PositionSide::is_net")]
    pub position_side: PositionSide,
    /// The rate that was settled, where it says.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "rust_decimal::serde::str_option"
    )]
    pub rate: Option<Decimal>,
    /// The position that it was of, signed, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// Ours, when the first report of it arrived.
    pub local_time: WallNs,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;
    use crate::perp::Contract;

    #[test]
    fn longs_pay_a_rate_above_zero() {
        let rate = FundingRate {
            rate: Decimal::new(1, 4),
            next_time: None,
            interval: Some(Millis(28_800_000)),
        };
        let contract = Contract::linear(Asset::new("USDT"));
        let (two, mark) = (Quantity(Decimal::from(2)), Price(Decimal::from(50_000)));
        assert_eq!(rate.expected(&contract, two, mark), Amount(Decimal::from(-10)));
        assert_eq!(rate.expected(&contract, -two, mark), Amount(Decimal::from(10)));
        assert_eq!(rate.over(Millis(86_400_000)), Some(Decimal::new(3, 4)));
    }

    #[test]
    fn payments_of_one_millisecond_are_told_apart() {
        let key = |pair: &str, id: &str| FundingKey {
            account: AccountId::new("main").unwrap(),
            venue: VenueId::new("binance_perpetual").unwrap(),
            pair: pair.parse().unwrap(),
            time: WallNs(1),
            id: FundingPaymentId::new(id).unwrap(),
        };
        let keys = BTreeSet::from([
            key("BTC-USDT", "9"),
            key("ETH-USDT", "9"),
            key("BTC-USDT", "10"),
            key("BTC-USDT", "9"),
        ]);
        assert_eq!(keys.len(), 3);
    }
}
