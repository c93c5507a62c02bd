//! What an engine wants done outside.

use colibri_abi::OrderOp;
use colibri_model::OpId;
use colibri_standard::{Command, SessionRole, Subscription};

use crate::engine::VenueIndex;

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Something is broken.
    Error,
    /// Something is odd and was handled.
    Warn,
    /// What an operator wants to know.
    Info,
    /// What an author wants to know.
    Debug,
}

/// Something for the host to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineAction {
    /// Send order operations. `grant.op` of each is set; the rest of the grant is the driver's to fill.
    Orders {
        /// Where.
        venue: VenueIndex,
        /// The operations, in order.
        ops: Vec<OrderOp>,
    },
    /// Run a command. It ends with `on_completed` of the same `op`.
    Command {
        /// Where.
        venue: VenueIndex,
        /// The operation.
        op: OpId,
        /// The command.
        command: Command,
    },
    /// Keep a session of that role open, with these subscriptions and no others.
    Subscribe {
        /// Where.
        venue: VenueIndex,
        /// Which session.
        role: SessionRole,
        /// Everything wanted on it.
        subscriptions: Vec<Subscription>,
    },
    /// Close a session that does not deliver what it should, and open it again.
    Reopen {
        /// Where.
        venue: VenueIndex,
        /// Which session.
        role: SessionRole,
        /// What is wrong with it.
        reason: String,
    },
    /// A line for the log.
    Log {
        /// How much it matters.
        level: LogLevel,
        /// The line.
        text: String,
    },
}
