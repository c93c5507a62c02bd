//! What a pair's fills have made: inventory, average cost, realised and unrealised profit, fees.

use std::collections::BTreeMap;

use colibri_model::{Amount, Asset, Decimal, Fee, Fill, Pair, Price, Quantity, Side};
use serde::{Deserialize, Serialize};

/// Fills of one side, added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FillTotals {
    /// How many.
    pub count: u64,
    /// Of the base asset.
    pub quantity: Quantity,
    /// Of the quote asset.
    pub notional: Amount,
}

/// The trading of one pair since the journal began.
///
/// Inventory starts at zero and is signed: selling what was held before makes it negative. Cost is averaged: adding to
/// inventory moves the average, reducing it realises the difference, turning it over starts a new average.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// Base asset bought less sold.
    pub inventory: Quantity,
    /// The average price of the inventory; zero where there is none.
    pub average_cost: Decimal,
    /// Profit that was realised, in the quote asset, before fees.
    pub realised: Amount,
    /// Buys.
    pub buys: FillTotals,
    /// Sells.
    pub sells: FillTotals,
    /// Fees by asset.
    pub fees: BTreeMap<Asset, Amount>,
    /// Fees paid in base or quote asset, valued in the quote asset at the fill's price.
    pub fees_in_quote: Amount,
    /// The price of the last fill.
    pub last_price: Option<Price>,
}

impl Position {
    /// Counts a fill, fee included.
    pub fn add_fill(&mut self, pair: &Pair, fill: &Fill) {
        let totals = match fill.side {
            Side::Buy => &mut self.buys,
            Side::Sell => &mut self.sells,
        };
        totals.count += 1;
        totals.quantity += fill.quantity;
        totals.notional += fill.notional();
        let signed = match fill.side {
            Side::Buy => fill.quantity.0,
            Side::Sell => -fill.quantity.0,
        };
        let (held, price) = (self.inventory.0, fill.price.0);
        let after = held + signed;
        if held.is_zero() || held.is_sign_negative() == signed.is_sign_negative() {
            self.average_cost = (self.average_cost * held + price * signed) / after;
        } else {
            let closed = held.abs().min(signed.abs());
            let gain = if held > Decimal::ZERO {
                price - self.average_cost
            } else {
                self.average_cost - price
            };
            self.realised += Amount(gain * closed);
            if after.is_zero() {
                self.average_cost = Decimal::ZERO;
            } else if after.is_sign_negative() != held.is_sign_negative() {
                self.average_cost = price;
            }
        }
        self.inventory = Quantity(after);
        self.last_price = Some(fill.price);
        if let Some(fee) = &fill.fee {
            self.add_fee(pair, fee, fill.price);
        }
    }

    /// Counts a fee.
    pub fn add_fee(&mut self, pair: &Pair, fee: &Fee, price: Price) {
        *self.fees.entry(fee.asset.clone()).or_default() += fee.amount;
        if fee.asset == pair.quote {
            self.fees_in_quote += fee.amount;
        } else if fee.asset == pair.base {
            self.fees_in_quote += Amount(fee.amount.0 * price.0);
        }
    }

    /// Fees that are in neither asset of the pair, by asset.
    pub fn other_fees<'p>(&'p self, pair: &'p Pair) -> impl Iterator<Item = (&'p Asset, Amount)> + use<'p> {
        let other = self
            .fees
            .iter()
            .filter(|(asset, _)| **asset != pair.base && **asset != pair.quote);
        other.map(|(asset, fee)| (asset, *fee))
    }

    /// What the inventory would realise at `mid`, before fees.
    #[must_use]
    pub fn unrealised(&self, mid: Price) -> Amount {
        Amount((mid.0 - self.average_cost) * self.inventory.0)
    }

    /// Realised and unrealised profit less the fees that are in base or quote asset.
    #[must_use]
    pub fn net(&self, mid: Price) -> Amount {
        self.realised + self.unrealised(mid) - self.fees_in_quote
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use colibri_model::{AccountId, FillCause, FillKey, PositionSide, TradeId, VenueId, WallNs};

    fn fill(side: Side, price: i64, quantity: i64) -> Fill {
        Fill {
            key: FillKey {
                account: AccountId::new("a").unwrap(),
                venue: VenueId::new("v").unwrap(),
                pair: "BTC-USDT".parse().unwrap(),
                trade_id: TradeId::new("1").unwrap(),
                side,
            },
            client_id: None,
            exchange_id: None,
            side,
            price: Price(Decimal::from(price)),
            quantity: Quantity(Decimal::from(quantity)),
            fee: Some(Fee {
                asset: Asset::new("BTC"),
                amount: Amount(Decimal::new(1, 2)),
            }),
            liquidity: None,
            position_side: PositionSide::Net,
            cause: FillCause::Order,
            exchange_time: WallNs(0),
            local_time: WallNs(0),
        }
    }

    #[test]
    fn cost_is_averaged_and_profit_realised_on_the_way_out() {
        let pair: Pair = "BTC-USDT".parse().unwrap();
        let mut position = Position::default();
        position.add_fill(&pair, &fill(Side::Buy, 100, 1));
        position.add_fill(&pair, &fill(Side::Buy, 110, 1));
        assert_eq!(position.average_cost, Decimal::from(105));
        position.add_fill(&pair, &fill(Side::Sell, 120, 1));
        assert_eq!(position.realised, Amount(Decimal::from(15)));
        assert_eq!(
            position.unrealised(Price(Decimal::from(100))),
            Amount(Decimal::from(-5))
        );
        position.add_fill(&pair, &fill(Side::Sell, 115, 3));
        assert_eq!(position.realised, Amount(Decimal::from(25)));
        assert_eq!(
            (position.inventory.0, position.average_cost),
            (Decimal::from(-2), Decimal::from(115))
        );
        position.add_fill(&pair, &fill(Side::Buy, 105, 2));
        assert_eq!(position.realised, Amount(Decimal::from(45)));
        assert!(position.inventory.is_zero() && position.average_cost.is_zero());
        assert_eq!(position.fees_in_quote, Amount(Decimal::new(550, 2)));
        assert_eq!((position.buys.count, position.sells.count), (3, 2));
    }
}
