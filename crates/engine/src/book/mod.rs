//! Order books: levels on dense integer ticks, kept in sequence by the rule that the connector's manifest declares.
//!
//! What lives here: the book and its queries, and the keeper that decides whether an update follows. What must not live
//! here: exchange names, requests (who reads a [`BookChange`] asks for the snapshot), floats.

mod fault;
mod grid;
mod keeper;
mod ladder;
mod order_book;
mod query;

pub use fault::BookFault;
pub use grid::Grid;
pub use keeper::{BookChange, BookKeeper};
pub use order_book::{BookLevel, OrderBook};
