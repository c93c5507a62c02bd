//! Order books: levels on dense integer ticks, kept in sequence by the rule that the connector's manifest declares.
//!
//! What lives here: the book and its queries, and the keeper that decides whether an update follows and what the
//! exchange's checksum says of it. What must not live
//! here: exchange names, requests (who reads a [`BookChange`] asks for the snapshot), floats.

mod buffer;
mod checksum;
mod fault;
mod grid;
mod keeper;
mod ladder;
mod lag;
mod order_book;
mod query;

pub use checksum::BookChecksum;
pub use fault::BookFault;
pub use grid::Grid;
pub use keeper::{BookChange, BookKeeper, SnapshotWanted};
pub use order_book::{BookLevel, OrderBook};

#[cfg(test)]
mod verified_tests;
