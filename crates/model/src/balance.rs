//! Balances.

use serde::{Deserialize, Serialize};

use crate::{Amount, Asset};

/// What an account holds of an asset, as the exchange states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The asset.
    pub asset: Asset,
    /// Free to trade.
    pub free: Amount,
    /// Locked in open orders.
    pub locked: Amount,
}

impl Balance {
    /// Free and locked together.
    #[must_use]
    pub fn total(&self) -> Amount {
        self.free + self.locked
    }
}
