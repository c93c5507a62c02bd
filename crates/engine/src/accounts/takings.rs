//! What strategies have taken of the accounts: paid by their fills, less what these brought.

use std::collections::BTreeMap;

use colibri_model::{Amount, Asset, Fee, Fill, Pair, Side, StrategyId};
use serde::{Deserialize, Serialize};

/// Net amounts paid, by strategy and asset, since the journal began. Negative is what fills have brought.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Takings {
    paid: BTreeMap<StrategyId, BTreeMap<Asset, Amount>>,
}

impl Takings {
    /// Counts a fill, fee included.
    pub fn add_fill(&mut self, strategy: &StrategyId, pair: &Pair, fill: &Fill) {
        let (base, quote) = match fill.side {
            Side::Buy => (-fill.quantity.as_base_amount(), fill.notional()),
            Side::Sell => (fill.quantity.as_base_amount(), -fill.notional()),
        };
        self.pay(strategy, &pair.base, base);
        self.pay(strategy, &pair.quote, quote);
        if let Some(fee) = &fill.fee {
            self.add_fee(strategy, fee);
        }
    }

    /// Counts a fee that was learned after its fill.
    pub fn add_fee(&mut self, strategy: &StrategyId, fee: &Fee) {
        self.pay(strategy, &fee.asset, fee.amount);
    }

    fn pay(&mut self, strategy: &StrategyId, asset: &Asset, amount: Amount) {
        if !self.paid.contains_key(strategy) {
            self.paid.insert(strategy.clone(), BTreeMap::new());
        }
        let assets = self.paid.get_mut(strategy).expect("just inserted where it was absent");
        *assets.entry(asset.clone()).or_default() += amount;
    }

    /// What a strategy has paid of an asset, net.
    #[must_use]
    pub fn of_strategy(&self, strategy: &StrategyId, asset: &Asset) -> Amount {
        let paid = self.paid.get(strategy).and_then(|assets| assets.get(asset));
        paid.copied().unwrap_or_default()
    }

    /// What every strategy together has paid of an asset, net; strategies of earlier runs too.
    #[must_use]
    pub fn of_bot(&self, asset: &Asset) -> Amount {
        self.paid.values().filter_map(|assets| assets.get(asset)).copied().sum()
    }
}
