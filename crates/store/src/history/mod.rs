//! The history: orders, triggers, fills, balances and runs in SQLite, projected from the journal.
//!
//! It holds nothing that the journal does not, so it may be deleted at any time. Decimals are stored as text, times as
//! integers of nanoseconds since 1970. Questions to it are in [`crate::query`].

mod column;
mod database;
mod disk_thread;
mod error;
mod projection;
mod schema;
mod triggers;

pub(crate) use column::{Read, Word};
pub use database::{CaughtUp, History, Projected, RebuildCause};
pub use disk_thread::{DiskReport, DiskThread};
pub use error::HistoryError;
