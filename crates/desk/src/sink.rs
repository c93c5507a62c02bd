//! What a driver tells goes to the engine at once; what is for people becomes an action.

use colibri_abi::{BookBatch, TopOfBook, TradeBatch};
use colibri_driver::{Asked, LogLevel, Sink};
use colibri_engine::{Engine, HostNow, VenueIndex};
use colibri_model::{MonoNs, OpId};
use colibri_standard::{Event, Outcome, SessionRole, SessionStatus};

use crate::{DeskAction, Observer};

/// The receiver of one driver's news during one input.
pub(crate) struct DeskSink<'a, O: Observer + ?Sized> {
    pub(crate) engine: &'a mut Engine,
    pub(crate) venue: VenueIndex,
    pub(crate) now: HostNow,
    pub(crate) actions: &'a mut Vec<DeskAction>,
    pub(crate) observer: &'a mut O,
}

impl<O: Observer + ?Sized> Sink for DeskSink<'_, O> {
    fn book(&mut self, batch: &BookBatch<'_>) {
        self.observer.book(self.venue, batch);
        self.engine.on_book(self.venue, batch, self.now);
    }
    fn trades(&mut self, batch: &TradeBatch<'_>) {
        self.observer.trades(self.venue, batch);
        self.engine.on_trades(self.venue, batch, self.now);
    }
    fn top(&mut self, top: &TopOfBook) {
        self.observer.top(self.venue, top);
        self.engine.on_top(self.venue, top, self.now);
    }
    fn event(&mut self, event: Event) {
        self.observer.event(self.venue, &event);
        self.engine.on_event(self.venue, event, self.now);
    }
    fn completed(&mut self, op: OpId, outcome: Outcome) {
        self.observer.completed(self.venue, op, &outcome);
        self.engine.on_completed(self.venue, op, outcome, self.now);
    }
    fn session(&mut self, role: SessionRole, status: SessionStatus) {
        self.observer.session(self.venue, role, status);
        self.engine.on_session(self.venue, role, status, self.now);
    }
    fn asked(&mut self, asked: Asked<'_>) {
        self.observer.asked(self.venue, asked);
    }
    fn session_rests(&mut self, role: SessionRole, reason: &str, until: MonoNs) {
        self.engine.on_session_rests(self.venue, role, reason, until, self.now);
    }
    fn log(&mut self, level: LogLevel, text: &str) {
        self.observer.log(level, text);
        self.actions.push(DeskAction::Log {
            level,
            text: text.to_owned(),
        });
    }
}
