//! Free and locked amounts of each asset of an account. Amounts never go below zero: a caller checks first.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::identity::Asset;

/// What an account holds of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// Available for new orders.
    pub free: Decimal,
    /// Bound by open orders.
    pub locked: Decimal,
}

/// The balances of one account.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    balances: BTreeMap<Asset, Balance>,
}

impl Ledger {
    /// The balance of `asset`; zero when the account never held it.
    pub fn balance(&self, asset: &Asset) -> Balance {
        self.balances.get(asset).copied().unwrap_or_default()
    }

    /// Every asset that the account has held, in order of code.
    pub fn iter(&self) -> impl Iterator<Item = (&Asset, &Balance)> {
        self.balances.iter()
    }

    /// Adds `amount` to the free balance; negative amounts take from it.
    pub fn credit(&mut self, asset: &Asset, amount: Decimal) {
        self.entry(asset).free += amount;
    }

    /// Moves `amount` from free to locked.
    pub fn lock(&mut self, asset: &Asset, amount: Decimal) {
        let balance = self.entry(asset);
        balance.free -= amount;
        balance.locked += amount;
    }

    /// Moves `amount` from locked to free.
    pub fn unlock(&mut self, asset: &Asset, amount: Decimal) {
        self.lock(asset, -amount);
    }

    fn entry(&mut self, asset: &Asset) -> &mut Balance {
        if !self.balances.contains_key(asset) {
            self.balances.insert(asset.clone(), Balance::default());
        }
        self.balances.get_mut(asset).expect("just inserted")
    }
}
