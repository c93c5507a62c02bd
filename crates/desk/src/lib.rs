//! One bot as a state machine: an engine, and the drivers of the connectors that it trades through.
//!
//! What lives here: who hands what to whom inside a bot, and in which order. The same [`Desk`] runs over sockets, in the
//! simulation and in a replay: what differs is where its inputs come from and who carries its actions out. What must not
//! live here: sockets, threads, files, a clock; anything that decides about orders (the engine) or about operations (the
//! driver).

mod desk;
mod input;
mod observer;
mod restart;
mod sink;
mod snapshot;

pub use desk::{Desk, DeskVenue};
pub use input::{DeskAction, DeskInput, Operator};
pub use observer::{Both, Observer, Unobserved};
pub use snapshot::{RestartHistory, RestoredDesk, RestoredVenue, SNAPSHOT_VERSION};
