//! What of an order has been filled, and what that cost.

use std::collections::BTreeMap;

use colibri_model::{Amount, Asset, Fill, Price, Quantity};
use serde::{Deserialize, Serialize};

/// The sums of an order's fills in the ledger: never the exchange's counters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OrderTotals {
    /// How much of the base asset.
    pub filled: Quantity,
    /// For how much of the quote asset.
    pub filled_quote: Amount,
    /// Fees by asset, as far as reports have said them.
    pub fees: BTreeMap<Asset, Amount>,
}

impl OrderTotals {
    /// The average price of the fills; `None` while there is none.
    #[must_use]
    pub fn average_price(&self) -> Option<Price> {
        self.filled
            .is_positive()
            .then(|| Price(self.filled_quote.0 / self.filled.0))
    }

    /// Adds a fill that the ledger took as new.
    pub fn add_fill(&mut self, fill: &Fill) {
        self.filled += fill.quantity;
        self.filled_quote += fill.notional();
        self.add_fee(fill);
    }

    /// Adds what a fill cost.
    pub fn add_fee(&mut self, fill: &Fill) {
        if let Some(fee) = &fill.fee {
            *self.fees.entry(fee.asset.clone()).or_default() += fee.amount;
        }
    }
}
