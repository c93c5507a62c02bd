//! What a connector emits during one call. Market data goes straight to the sink; everything else changes the core, which
//! acts on it after the call.

use colibri_abi::{Actions, BookBatch, Request, StreamOpen, StreamSend, TopOfBook, TradeBatch, accepted, book_flag};
use colibri_model::{InstrumentId, MonoNs, OpId};
use colibri_standard::{Event, NoticeEvent, NoticeKind, Outcome, SessionRole, SessionStatus};

use super::bounds::{LogAllowance, TIMERS};
use super::core::{Core, EndedBy};
use super::operation::{INTERNAL, Origin, Phase};
use super::order_entry::Reopen;
use crate::{Asked, LogLevel, Sink};

/// Every bit of a book batch that has a meaning here.
const BOOK_FLAGS: u32 = book_flag::SNAPSHOT | book_flag::RANGE_IDS | book_flag::PREVIOUS_ID | book_flag::CHECKSUM;

/// The receiver of one call's actions.
pub(super) struct Call<'a, S: ?Sized> {
    pub core: &'a mut Core,
    pub sink: &'a mut S,
}

impl<S: Sink + ?Sized> Call<'_, S> {
    /// Counts an action; one too many is a fault.
    fn within_bounds(&mut self) -> bool {
        let within = self.core.bounds.count();
        if !within {
            self.fault("it emitted more actions than its input allows");
        }
        within
    }

    fn fault(&mut self, what: &str) {
        self.core.fault.get_or_insert_with(|| what.to_owned());
    }

    /// A market-data batch with bits that this host does not know: not applied, and told, because data is missing now.
    fn unknown_bits(&mut self, what: &str, instrument: u32) -> u32 {
        let text = format!("a {what} with a flag that this host does not know is not applied");
        self.core.log(LogLevel::Error, &text, self.sink);
        self.sink.event(Event::Notice(NoticeEvent {
            kind: NoticeKind::Unreadable {
                session: 1,
                instrument: Some(InstrumentId(instrument)),
            },
            text,
        }));
        accepted::REFUSED
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Session(event) => {
                let role = match event.session {
                    1 => SessionRole::Market,
                    2 => SessionRole::User,
                    _ => return,
                };
                match event.status {
                    SessionStatus::Down => {
                        let reason = event.reason.as_deref().unwrap_or("the connector says so");
                        self.core.session_down(role, reason, self.sink);
                    }
                    status => self.core.session_status(role, status, self.sink),
                }
            }
            Event::SessionPart(event) => {
                let lost = (event.status == SessionStatus::Down).then(|| {
                    event
                        .reason
                        .clone()
                        .unwrap_or_else(|| "the connector says so".to_owned())
                });
                let role = match event.session {
                    1 => SessionRole::Market,
                    2 => SessionRole::User,
                    _ => return,
                };
                self.sink.event(Event::SessionPart(event));
                if let Some(reason) = lost {
                    self.core.part_lost(role, &reason, self.sink);
                }
            }
            Event::Time(event) => {
                let answering = self.core.answering;
                if let Some((_, asked)) = answering {
                    let answered = self.core.now;
                    self.core.clock.sample(event.exchange_time, asked, answered);
                    self.core.queue.stir();
                }
                if !matches!(answering, Some((Origin::Clock, _))) {
                    self.sink.event(Event::Time(event));
                }
            }
            Event::Usage(event) => {
                let time = self.core.limiter_time();
                let asked = self.core.asked_at();
                let pool = self.core.endpoints.pools.iter().find(|p| p.id == event.pool);
                if let Some(pool) = pool.map(|p| p.index) {
                    let mut limiter = self.core.limiter.borrow_mut();
                    limiter.correct(pool, event.used, asked, time);
                    if let Some(limit) = event.limit {
                        limiter.set_limit(pool, limit);
                    }
                }
            }
            Event::Notice(notice) => {
                let shutdown = match notice.kind {
                    NoticeKind::Shutdown { session: 1 } => Some(SessionRole::Market),
                    NoticeKind::Shutdown { session: 2 } => Some(SessionRole::User),
                    _ => None,
                };
                self.sink.event(Event::Notice(notice));
                if let Some(role) = shutdown {
                    let reason = "the exchange is about to close its stream";
                    self.core.retire(role, reason, Reopen::AfterBackoff, self.sink);
                }
            }
            Event::Order(mut event) => {
                event.op = event.op.map(|op| self.original(op));
                self.sink.event(Event::Order(event));
            }
            Event::Trigger(mut event) => {
                event.op = event.op.map(|op| self.original(op));
                self.sink.event(Event::Trigger(event));
            }
            Event::ReplaceResult(mut event) => {
                event.op = self.original(event.op);
                self.sink.event(Event::ReplaceResult(event));
            }
            other => self.sink.event(other),
        }
    }

    /// The operation that the host knows, where a connector names a further run of it.
    fn original(&self, op: OpId) -> OpId {
        if op.0 & INTERNAL == 0 {
            return op;
        }
        self.core.operations.get(op).map_or(op, |o| o.original)
    }
}

impl<S: Sink + ?Sized> Actions for Call<'_, S> {
    fn want(&mut self, op: u64, endpoint: &str) -> u32 {
        if !self.within_bounds() {
            return accepted::REFUSED;
        }
        let op = OpId(op);
        let free = self.core.operations.get(op).is_some_and(|o| {
            // A grant that is not used is given back; only the connector knows that a stream has answered.
            let free = matches!(o.phase, Phase::Working | Phase::Granted(_) | Phase::OnStream(..));
            free && o.origin != Origin::Order
        });
        let Some(index) = self.core.endpoints.find(endpoint).filter(|_| free) else {
            let text = format!(
                "it wants endpoint {endpoint:?} for {op}: no such endpoint, or no operation that is free for it"
            );
            self.core.log(LogLevel::Error, &text, self.sink);
            return accepted::REFUSED;
        };
        self.core.working_again(op);
        self.core.enqueue(op, index, None);
        accepted::YES
    }

    fn request(&mut self, request: &Request<'_>) -> u32 {
        if !self.within_bounds() {
            return accepted::REFUSED;
        }
        self.sink.asked(Asked::Request(request));
        match self.core.take_request(request) {
            Ok(()) => accepted::YES,
            Err(why) => {
                self.core.refuse("a request", OpId(request.op), &why, self.sink);
                accepted::REFUSED
            }
        }
    }

    fn open(&mut self, open: &StreamOpen<'_>) -> u32 {
        if !self.within_bounds() {
            return accepted::REFUSED;
        }
        self.sink.asked(Asked::Stream(open));
        match self.core.take_open(open) {
            Ok(()) => accepted::YES,
            Err(why) => {
                self.core.refuse("a stream", OpId(0), &why, self.sink);
                accepted::REFUSED
            }
        }
    }

    fn send(&mut self, send: &StreamSend<'_>) -> u32 {
        if !self.within_bounds() {
            return accepted::REFUSED;
        }
        self.sink.asked(Asked::Frame(send));
        match self.core.take_send(send) {
            Ok(()) => accepted::YES,
            Err(why) => {
                self.core.refuse("a frame", OpId(send.op), &why, self.sink);
                accepted::REFUSED
            }
        }
    }

    fn close(&mut self, stream: u32, code: u32) -> u32 {
        if self.within_bounds() && self.core.close_stream(stream, code, self.sink) {
            accepted::YES
        } else {
            accepted::REFUSED
        }
    }

    fn set_timer(&mut self, timer: u64, at_mono_ns: u64) -> u32 {
        if !self.within_bounds() {
            return accepted::REFUSED;
        }
        self.core.timers.set(timer, MonoNs(at_mono_ns));
        if self.core.timers.len() > TIMERS {
            self.fault("it set more timers than it may");
            return accepted::REFUSED;
        }
        accepted::YES
    }

    fn book(&mut self, batch: &BookBatch<'_>) -> u32 {
        if !self.within_bounds() {
            return accepted::REFUSED;
        }
        if batch.flags & !BOOK_FLAGS != 0 {
            return self.unknown_bits("book batch", batch.instrument);
        }
        self.sink.book(batch);
        accepted::YES
    }

    fn trades(&mut self, batch: &TradeBatch<'_>) -> u32 {
        if !self.within_bounds() {
            return accepted::REFUSED;
        }
        if batch.flags != 0 {
            return self.unknown_bits("trade batch", batch.instrument);
        }
        self.sink.trades(batch);
        accepted::YES
    }

    fn top(&mut self, top: &TopOfBook) -> u32 {
        if !self.within_bounds() {
            return accepted::REFUSED;
        }
        if top.flags != 0 {
            return self.unknown_bits("top of book", top.instrument);
        }
        self.sink.top(top);
        accepted::YES
    }

    fn event(&mut self, kind: &str, payload: &[u8]) -> u32 {
        if !self.within_bounds() {
            return accepted::REFUSED;
        }
        match Event::parse(kind, payload) {
            Ok(Some(event)) => {
                self.handle(event);
                accepted::YES
            }
            // A kind that a later standard knows: events may grow.
            Ok(None) => accepted::YES,
            Err(error) => {
                self.core.counts.unreadable_events += 1;
                self.core.log(LogLevel::Error, &error.to_string(), self.sink);
                accepted::REFUSED
            }
        }
    }

    fn complete(&mut self, op: u64, outcome: u32, detail: &[u8]) -> u32 {
        if !self.within_bounds() {
            return accepted::REFUSED;
        }
        let outcome = Outcome::from_boundary(outcome, detail);
        self.core.finish(OpId(op), outcome, EndedBy::Connector, self.sink);
        accepted::YES
    }

    fn log(&mut self, level: u32, text: &str) -> u32 {
        if self.core.log_allowance.take(self.core.now.mono) {
            let text = LogAllowance::cut(text);
            self.core.log(LogLevel::from_boundary(level), text, self.sink);
        } else {
            self.core.counts.dropped_log_lines += 1;
        }
        accepted::YES
    }

    fn snapshot(&mut self, state: &[u8]) -> u32 {
        self.sink.snapshot(state);
        accepted::YES
    }
}
