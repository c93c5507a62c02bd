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

/// Two that look on together, the first before the second.
#[derive(Debug)]
pub struct Both<'a, A: ?Sized, B: ?Sized>(pub &'a mut A, pub &'a mut B);

impl<A: Observer + ?Sized, B: Observer + ?Sized> Observer for Both<'_, A, B> {
    fn book(&mut self, venue: VenueIndex, batch: &BookBatch<'_>) {
        self.0.book(venue, batch);
        self.1.book(venue, batch);
    }
    fn trades(&mut self, venue: VenueIndex, batch: &TradeBatch<'_>) {
        self.0.trades(venue, batch);
        self.1.trades(venue, batch);
    }
    fn top(&mut self, venue: VenueIndex, top: &TopOfBook) {
        self.0.top(venue, top);
        self.1.top(venue, top);
    }
    fn event(&mut self, venue: VenueIndex, event: &Event) {
        self.0.event(venue, event);
        self.1.event(venue, event);
    }
    fn completed(&mut self, venue: VenueIndex, op: OpId, outcome: &Outcome) {
        self.0.completed(venue, op, outcome);
        self.1.completed(venue, op, outcome);
    }
    fn session(&mut self, venue: VenueIndex, role: SessionRole, status: SessionStatus) {
        self.0.session(venue, role, status);
        self.1.session(venue, role, status);
    }
    fn asked(&mut self, venue: VenueIndex, asked: Asked<'_>) {
        self.0.asked(venue, asked);
        self.1.asked(venue, asked);
    }
    fn log(&mut self, level: LogLevel, text: &str) {
        self.0.log(level, text);
        self.1.log(level, text);
    }
    fn orders(&mut self, venue: VenueIndex, ops: &[OrderOp]) {
        self.0.orders(venue, ops);
        self.1.orders(venue, ops);
    }
    fn command(&mut self, venue: VenueIndex, op: OpId, command: &Command) {
        self.0.command(venue, op, command);
        self.1.command(venue, op, command);
    }
}
