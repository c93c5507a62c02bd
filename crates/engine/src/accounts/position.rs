//! What a pair's fills have made: inventory, average cost, realised and unrealised profit, fees.

use std::collections::BTreeMap;

use colibri_model::{Amount, Asset, Contract, Fee, Fill, Pair, Position as Held, Price, Quantity, Side};
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
/// Inventory starts at zero and is signed: selling what was held before makes it negative. Cost is averaged, as the model counts it:
/// adding to inventory moves the average, reducing it realises the difference, turning it over starts a new average.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// Base asset bought less sold.
    pub inventory: Quantity,
    /// What of that is held, and what it cost: fees that were paid in the base asset are gone.
    held: Held,
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
        self.inventory += match fill.side {
            Side::Buy => fill.quantity,
            Side::Sell => -fill.quantity,
        };
        self.held
            .apply(&Contract::spot(pair), fill.side, fill.price, fill.quantity);
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
            self.held.give(&Contract::spot(pair), price, fee.amount);
        }
    }

    /// Profit that was realised, in the quote asset, before fees.
    #[must_use]
    pub const fn realised(&self) -> Amount {
        self.held.realized
    }

    /// How much is held: what was bought less what was sold, less what fees took of it.
    #[must_use]
    pub const fn held(&self) -> Quantity {
        self.held.quantity
    }

    /// The average price of what is held; `None` where nothing is.
    #[must_use]
    pub fn average_cost(&self, pair: &Pair) -> Option<Price> {
        self.held.entry_price(&Contract::spot(pair))
    }

    /// Fees that are in neither asset of the pair, by asset.
    pub fn other_fees<'p>(&'p self, pair: &'p Pair) -> impl Iterator<Item = (&'p Asset, Amount)> + use<'p> {
        let other = self
            .fees
            .iter()
            .filter(|(asset, _)| **asset != pair.base && **asset != pair.quote);
        other.map(|(asset, fee)| (asset, *fee))
    }

    /// What it would realise to sell what is held at `mid`, before fees.
    #[must_use]
    pub fn unrealised(&self, pair: &Pair, mid: Price) -> Amount {
        self.held.unrealized(&Contract::spot(pair), mid)
    }

    /// Realised and unrealised profit less the fees that are in base or quote asset.
    #[must_use]
    pub fn net(&self, pair: &Pair, mid: Price) -> Amount {
        self.realised() + self.unrealised(pair, mid) - self.fees_in_quote
    }

    /// Whether there is nothing to value.
    #[must_use]
    pub const fn is_flat(&self) -> bool {
        self.held.quantity.is_zero()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use colibri_model::{AccountId, Decimal, FillCause, FillKey, PositionSide, TradeId, VenueId, WallNs};

    fn fill(side: Side, price: i64, quantity: Decimal, fee: Decimal, asset: &str) -> Fill {
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
            quantity: Quantity(quantity),
            fee: Some(Fee {
                asset: Asset::new(asset),
                amount: Amount(fee),
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
        let mut add = |side, price, quantity: i64| {
            position.add_fill(&pair, &fill(side, price, quantity.into(), Decimal::ONE, "USDT"));
            position.clone()
        };
        add(Side::Buy, 100, 1);
        let position = add(Side::Buy, 110, 1);
        assert_eq!(position.average_cost(&pair), Some(Price(Decimal::from(105))));
        let position = add(Side::Sell, 120, 1);
        assert_eq!(position.realised(), Amount(Decimal::from(15)));
        assert_eq!(
            position.unrealised(&pair, Price(Decimal::from(100))),
            Amount(Decimal::from(-5))
        );
        let position = add(Side::Sell, 115, 3);
        assert_eq!(position.realised(), Amount(Decimal::from(25)));
        assert_eq!(position.inventory.0, Decimal::from(-2));
        assert_eq!(position.average_cost(&pair), Some(Price(Decimal::from(115))));
        let position = add(Side::Buy, 105, 2);
        assert_eq!(position.realised(), Amount(Decimal::from(45)));
        assert!(position.inventory.is_zero() && position.is_flat() && position.average_cost(&pair).is_none());
        assert_eq!(position.net(&pair, Price(Decimal::ONE)), Amount(Decimal::from(40)));
        assert_eq!((position.buys.count, position.sells.count), (3, 2));
    }

    #[test]
    fn a_fee_of_the_base_asset_is_held_no_more() {
        let pair: Pair = "BTC-USDT".parse().unwrap();
        let mut position = Position::default();
        let bought = fill(Side::Buy, 100, Decimal::new(1001, 3), Decimal::new(1, 3), "BTC");
        position.add_fill(&pair, &bought);
        assert_eq!(position.inventory.0, Decimal::new(1001, 3));
        assert_eq!(position.fees_in_quote, Amount(Decimal::new(1, 1)));
        // One is held, of the 1.001 that were bought: at 110 it is worth ten more than it cost.
        let mid = Price(Decimal::from(110));
        assert_eq!(position.unrealised(&pair, mid), Amount(Decimal::from(10)));
        assert_eq!(position.net(&pair, mid), Amount(Decimal::new(99, 1)));
        // As the ledger has it: paid 100.1, holding 1 at 110.
        assert_eq!(Decimal::from(110) - Decimal::new(1001, 1), Decimal::new(99, 1));
    }
}
