//! How a running bot stands, for other processes: a small file in the bot's folder, written once a second.
//!
//! What lives here: what the file holds ([`Snapshot`]), how it is written and judged (`file`), and the table that people
//! read. What must not live here: gathering (the runtime's), history (the store's), anything secret.

mod contracts;
pub mod file;
mod snapshot;
mod table;

pub use contracts::{ContractStatus, ContractsStatus, MarginStatus, PositionStatus};
pub use file::{Found, Standing, StatusFile};
pub use snapshot::{
    BookStatus, ClockStatus, ConnectorStatus, Counters, DelayStatus, ForeignStatus, HistoryStatus, KillSwitchStatus,
    OrderEntryStatus, PoolStatus, ReconcileStatus, Snapshot, StrategyStatus, StreamStatus, TickStatus, TriggerStatus,
    UnknownOrder, VERSION, WatchedStatus,
};

#[cfg(test)]
mod tests;
