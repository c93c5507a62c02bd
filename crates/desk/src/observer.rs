//! Who may look on: a recorder, a trace, a count. It changes nothing.

use colibri_abi::{BookBatch, OrderOp, TopOfBook, TradeBatch};
use colibri_driver::{Asked, LogLevel};
use colibri_engine::VenueIndex;
use colibri_model::OpId;
use colibri_standard::{Command, Event, Outcome, SessionRole, SessionStatus};

/// Looks on while a desk works. By default it looks away.
pub trait Observer {
    /// Book levels on their way to the engine.
    fn book(&mut self, venue: VenueIndex, batch: &BookBatch<'_>) {
        let _ = (venue, batch);
    }
    /// Public trades on their way to the engine.
    fn trades(&mut self, venue: VenueIndex, batch: &TradeBatch<'_>) {
        let _ = (venue, batch);
    }
    /// Best bid and ask on their way to the engine.
    fn top(&mut self, venue: VenueIndex, top: &TopOfBook) {
        let _ = (venue, top);
    }
    /// An event on its way to the engine.
    fn event(&mut self, venue: VenueIndex, event: &Event) {
        let _ = (venue, event);
    }
    /// The end of an operation.
    fn completed(&mut self, venue: VenueIndex, op: OpId, outcome: &Outcome) {
        let _ = (venue, op, outcome);
    }
    /// A step of a session.
    fn session(&mut self, venue: VenueIndex, role: SessionRole, status: SessionStatus) {
        let _ = (venue, role, status);
    }
    /// What a connector asks to have sent, unsigned.
    fn asked(&mut self, venue: VenueIndex, asked: Asked<'_>) {
        let _ = (venue, asked);
    }
    /// A line for the log.
    fn log(&mut self, level: LogLevel, text: &str) {
        let _ = (level, text);
    }
    /// Order operations that the engine sends.
    fn orders(&mut self, venue: VenueIndex, ops: &[OrderOp]) {
        let _ = (venue, ops);
    }
    /// A command that the engine gives.
    fn command(&mut self, venue: VenueIndex, op: OpId, command: &Command) {
        let _ = (venue, op, command);
    }
}

/// Nobody looks on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
