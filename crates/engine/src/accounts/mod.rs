//! Accounts: balances as the exchange states them, balances as the fills say they must be, and profit.
//!
//! What lives here: arithmetic over balances and fills. What must not live here: order states, requests.

mod balances;
mod position;
mod takings;

pub use balances::{Account, LedgerBalance, StatedBalance};
pub use position::{FillTotals, Position};
pub use takings::Takings;
