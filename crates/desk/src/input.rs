//! What is posted to a desk, one at a time, and what it wants done.

use colibri_abi::Connector;
use colibri_driver::bulk_lane::BulkReport;
use colibri_driver::{DriverIndex, Effect, Input, LogLevel, Rest};
use colibri_engine::VenueIndex;
use colibri_model::OpId;
use colibri_standard::{Command, UseInstruments};

/// What a person wants of a running bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    /// Cancel everything, prove it, and end; with the reason for journal and log.
    Stop(String),
    /// Throw the kill switch; with the reason for journal and log.
    Kill(String),
    /// Release the kill switch.
    Resume,
}

/// One input of a desk.
#[derive(Debug)]
pub enum DeskInput<'a> {
    /// Begin: the Clock runs, the venues are brought up.
    Start,
    /// Something happened at a transport.
    Driver {
        /// Whose transport.
        driver: DriverIndex,
        /// What.
        input: Input<'a>,
    },
    /// A bulk lane reports; or did not take a command, which is a report too.
    Bulk {
        /// Whose lane.
        venue: VenueIndex,
        /// What.
        report: BulkReport,
    },
    /// The answer to [`DeskAction::MakeConnector`].
    Made {
        /// For which venue.
        venue: VenueIndex,
        /// The connector, or why there is none.
        connector: Result<Connector, String>,
    },
    /// A person wants something.
    Operator(&'a Operator),
    /// The end of a drain of inputs, or [`Desk::next_wake`](crate::Desk::next_wake) has come: what is due is done, strategies
    /// are told, and what they want goes to the drivers.
    Turn,
}

/// Something for the host to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeskAction {
    /// For a transport.
    Effect {
        /// Whose.
        driver: DriverIndex,
        /// What.
        effect: Effect,
    },
    /// A command for a bulk lane. It ends with a report of its completion.
    Bulk {
        /// Whose lane.
        venue: VenueIndex,
        /// The operation.
        op: OpId,
        /// The command.
        command: Command,
    },
    /// The instruments that a bulk lane's connector is to know, now and whenever it is made anew.
    BulkInstruments {
        /// Whose lane.
        venue: VenueIndex,
        /// The whole set.
        instruments: UseInstruments,
    },
    /// The exchange refuses something until later: a bulk lane is to send nothing of it, nor is one that takes its place
    /// before that is over.
    BulkRest {
        /// Whose lane.
        venue: VenueIndex,
        /// What, and for how long.
        rest: Rest,
    },
    /// A connector has faulted and its rest is over: make another like the first. Answered by [`DeskInput::Made`].
    MakeConnector {
        /// For which venue.
        venue: VenueIndex,
    },
    /// A line for the log.
    Log {
        /// How much it matters.
        level: LogLevel,
        /// The line.
        text: String,
    },
}
