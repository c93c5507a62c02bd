//! Questions to the history: trades, orders, triggers, sums a pair, what profit is counted from, runs, balances.
//!
//! All of them read; sums are exact decimals, made here and not in SQL, which would make floats of them.

mod balances;
mod filter;
mod orders;
mod profit;
mod runs;
mod summary;
mod trades;
mod triggers;

pub use balances::AccountBalance;
pub use filter::Filter;
pub use orders::Order;
pub use runs::Run;
pub use summary::PairSummary;
pub use trades::Trade;
pub use triggers::Trigger;
