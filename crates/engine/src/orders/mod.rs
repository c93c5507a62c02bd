//! Orders in flight: tracked before they are sent, known by evidence alone, filled by the ledger.
//!
//! What lives here: client order ids, the order and its cancel, the trigger that may become one, a tracker of each, the fill
//! ledger, and when to ask about an order or a trigger. What must not live here: the transition tables (they are the model's),
//! journal and commands (the engine's).

mod client_id;
mod fill_ledger;
#[cfg(test)]
mod gathering_tests;
#[cfg(test)]
mod history_tests;
mod in_flight;
mod in_flight_trigger;
mod inquiry;
mod live_counts;
mod totals;
mod tracker;
mod trigger_tracker;

pub use client_id::{ClientIdError, ClientIdSource};
pub use fill_ledger::{FillLedger, Recorded};
pub use in_flight::{CancelState, EndKnown, InFlightOrder, NameThere, OrderOrigin, OrderReport};
pub use in_flight_trigger::{InFlightTrigger, TriggerQuestion, TriggerReport};
pub use inquiry::{Denial, Inquiry};
pub use totals::OrderTotals;
pub use tracker::{OrderChange, OrderTracker};
pub use trigger_tracker::{TriggerChange, TriggerTracker};
