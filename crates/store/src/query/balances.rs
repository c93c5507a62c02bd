//! Balances as last stated.

use colibri_model::{AccountId, Balance, VenueId, WallNs};

use super::filter::{instant, word};
use crate::history::{History, HistoryError};

/// What an account holds of an asset, as the exchange last stated it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBalance {
    /// Where.
    pub venue: VenueId,
    /// Whose.
    pub account: AccountId,
    /// The balance.
    pub balance: Balance,
    /// Since when it has been so.
    pub time: WallNs,
}

impl History {
    /// The last balances, by venue, account and asset.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`].
    pub fn balances(&self) -> Result<Vec<AccountBalance>, HistoryError> {
        self.read_balances().map_err(|source| self.failed(source))
    }

    fn read_balances(&self) -> rusqlite::Result<Vec<AccountBalance>> {
        self.connection
            .prepare_cached(
                "SELECT * FROM balances
                 WHERE sequence IN (SELECT max(sequence) FROM balances GROUP BY venue, account, asset)
                 ORDER BY venue, account, asset",
            )?
            .query_map([], |row| {
                Ok(AccountBalance {
                    venue: word(row, "venue")?,
                    account: word(row, "account")?,
                    balance: Balance {
                        asset: word(row, "asset")?,
                        free: word(row, "free")?,
                        locked: word(row, "locked")?,
                    },
                    time: instant(row, "time_ns")?,
                })
            })?
            .collect()
    }
}
