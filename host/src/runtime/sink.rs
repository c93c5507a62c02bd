//! What a driver tells goes to the engine at once; what is for people goes to the log.

use colibri_abi::{BookBatch, TopOfBook, TradeBatch};
use colibri_driver::{LogLevel, Sink};
use colibri_engine::{Engine, HostNow, VenueIndex};
use colibri_model::{Journal, OpId};
use colibri_standard::{Event, Outcome, SessionRole, SessionStatus};

use crate::log::{Level, Log};

/// The receiver of one driver's news during one input.
pub struct EngineSink<'a, J: Journal> {
    /// The engine.
    pub engine: &'a mut Engine<J>,
    /// Which venue the driver is.
    pub venue: VenueIndex,
    /// When.
    pub now: HostNow,
    /// The log.
    pub log: &'a mut Log,
}

impl<J: Journal> Sink for EngineSink<'_, J> {
    fn book(&mut self, batch: &BookBatch<'_>) {
        self.engine.on_book(self.venue, batch, self.now);
    }
    fn trades(&mut self, batch: &TradeBatch<'_>) {
        self.engine.on_trades(self.venue, batch, self.now);
    }
    fn top(&mut self, top: &TopOfBook) {
        self.engine.on_top(self.venue, top, self.now);
    }
    fn event(&mut self, event: Event) {
        self.engine.on_event(self.venue, event, self.now);
    }
    fn completed(&mut self, op: OpId, outcome: Outcome) {
        self.engine.on_completed(self.venue, op, outcome, self.now);
    }
    fn session(&mut self, role: SessionRole, status: SessionStatus) {
        self.engine.on_session(self.venue, role, status, self.now);
    }
    fn log(&mut self, level: LogLevel, text: &str) {
        self.log.line(self.now.wall.0, of_driver(level), text);
    }
}

/// The log's level of a driver's.
#[must_use]
pub const fn of_driver(level: LogLevel) -> Level {
    match level {
        LogLevel::Error => Level::Error,
        LogLevel::Warn => Level::Warn,
        LogLevel::Info => Level::Info,
        LogLevel::Debug => Level::Debug,
    }
}

/// The log's level of the engine's.
#[must_use]
pub const fn of_engine(level: colibri_engine::LogLevel) -> Level {
    match level {
        colibri_engine::LogLevel::Error => Level::Error,
        colibri_engine::LogLevel::Warn => Level::Warn,
        colibri_engine::LogLevel::Info => Level::Info,
        colibri_engine::LogLevel::Debug => Level::Debug,
    }
}
