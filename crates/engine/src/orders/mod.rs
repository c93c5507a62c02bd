//! Orders in flight: tracked before they are sent, known by evidence alone, filled by the ledger.
//!
//! What lives here: client order ids, the order and its cancel, the tracker, the fill ledger, and when to ask about an
//! order. What must not live here: the transition table (it is the model's), journal and commands (the engine's).

mod client_id;
mod fill_ledger;
#[cfg(test)]
mod gathering_tests;
#[cfg(test)]
mod history_tests;
mod in_flight;
mod inquiry;
mod live_counts;
mod totals;
mod tracker;

pub use client_id::{ClientIdError, ClientIdSource};
pub use fill_ledger::{FillLedger, Recorded};
pub use in_flight::{CancelState, EndKnown, InFlightOrder, OrderOrigin, OrderReport};
pub use inquiry::{Denial, Inquiry};
pub use totals::OrderTotals;
pub use tracker::{OrderChange, OrderTracker};
