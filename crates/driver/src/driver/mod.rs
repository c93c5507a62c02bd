//! The driver's core: a state machine around one connector. No socket, no thread, no clock.
//!
//! An input is posted with the host's time; it becomes one call of the connector, and whatever follows from it (grants, ends
//! of operations, closed streams) becomes further calls, until nothing is left to do. What a transport must do is taken as
//! [`Effect`]s afterwards; what the connector tells goes to the [`Sink`] while it runs. Nothing here assumes that what a call
//! leads to has happened when the call returns: a connector in another process answers later.

mod admission;
mod backoff;
mod bounds;
mod call;
mod clock;
mod core;
mod endpoint;
mod entropy;
mod fault;
mod frame_pacing;
mod heed;
mod kept_order;
mod mending;
mod operation;
mod order_entry;
mod request;
mod rerun;
mod session;
mod snapshot;
mod stream;
mod subscriptions;
#[cfg(test)]
pub(crate) mod tests;
mod timers;
mod url;

use std::collections::BTreeMap;

use colibri_abi::{Connector, Fault, Header, Now, OrderOp, RSlice, Response, frame_kind};
use colibri_model::{Millis, MonoNs, OpId, VenueId};
use colibri_standard::{Command, Lane, Outcome, Refusal, RejectReason, SessionRole, Subscription, Transport};

use self::bounds::STEPS;
use self::call::Call;
use self::core::{Core, EndedBy, Todo};
use self::operation::{CommandBytes, INTERNAL, Origin, Phase};
use crate::limiter::SharedLimiter;
use crate::{
    ConnectorState, DriverError, DriverSetup, Effect, FrameKind, Health, HostTime, HttpFailure, HttpResponse, Input,
    LogLevel, PoolHealth, Rehearsal, RequestId, Rest, Sink,
};

pub use self::snapshot::{DriverSnapshot, RestoreError, RestoredDriver};

/// Runs one connector.
#[derive(Debug)]
pub struct Driver {
    connector: Connector,
    core: Core,
    state: ConnectorState,
    rehearsal: Rehearsal,
}

impl Driver {
    /// A driver around a connector. `limiter` is shared with the other drivers of the thread.
    ///
    /// # Errors
    /// Environment, addresses or credentials that do not fit the manifest.
    pub fn new(setup: &DriverSetup, connector: Connector, limiter: SharedLimiter) -> Result<Driver, DriverError> {
        Ok(Driver {
            connector,
            core: Core::new(setup, limiter)?,
            state: ConnectorState::Running,
            rehearsal: setup.rehearsal.clone(),
        })
    }

    /// What is wanted of a session from now on: the whole set. Opened, and opened again, until it is
    /// [unwanted](Driver::unwant); takes effect at the next [`Input::Wake`].
    pub fn want(&mut self, role: SessionRole, subscriptions: Vec<Subscription>) {
        self.core.session(role).want(subscriptions);
    }

    /// A session does not deliver what it should, whatever it sends: it is closed at the next [`Input::Wake`], and opened
    /// again after its back-off. One that is down already is left alone.
    pub fn reopen(&mut self, role: SessionRole, reason: &str) {
        self.core.session(role).condemn(reason);
    }

    /// A session is not wanted any more: closed at the next [`Input::Wake`].
    pub fn unwant(&mut self, role: SessionRole) {
        self.core.session(role).unwant();
    }

    /// Handles one input, and everything that follows from it.
    pub fn post<S: Sink + ?Sized>(&mut self, time: HostTime, input: Input<'_>, sink: &mut S) {
        self.core.now = time;
        self.core.observe_clocks(sink);
        if let ConnectorState::Faulted { .. } = self.state {
            self.refuse_input(input, sink);
            return;
        }
        match input {
            Input::Frame { stream, kind, bytes } => {
                let Some(number) = self.core.stream_told(stream).map(|entry| entry.number) else {
                    return;
                };
                self.core.counts.frames_received += 1;
                let kind = match kind {
                    FrameKind::Text => frame_kind::TEXT,
                    FrameKind::Binary => frame_kind::BINARY,
                    FrameKind::Ping => frame_kind::PING,
                };
                self.core.reading = Some(stream);
                self.call(bytes.len(), sink, |c, now, a| c.frame(now, number, kind, bytes, a));
                self.core.reading = None;
            }
            Input::Orders(ops) => self.post_orders(ops, sink),
            Input::Http { request, result } => self.post_answer(request, result, sink),
            Input::Command { op, command } => self.post_command(op, command.kind(), command.to_json(), sink),
            Input::RawCommand { op, kind, payload } => self.post_command(op, kind, payload.to_vec(), sink),
            Input::StreamOpened { stream } => {
                if let Some(number) = self.core.stream_opened(stream) {
                    self.call(0, sink, |c, now, a| c.stream_opened(now, number, a));
                }
            }
            Input::Pinged { stream } => {
                let role = self.core.streams.get(&stream).map(|s| s.role);
                // Only the exchange's own pings show that an account without events is still listened to.
                if role == Some(SessionRole::User) {
                    self.core.stream_told(stream);
                }
            }
            Input::FrameRefused { stream, frame, reason } => self.core.frame_refused(stream, frame, reason, sink),
            Input::StreamClosed { stream, code, reason } => self.core.stream_lost(stream, code, reason, sink),
            Input::Wake => self.wake(sink),
        }
        self.drain(sink);
    }

    /// When [`Input::Wake`] is due: deadlines, timers, back-off, room in a pool, the clock. `None` where nothing is.
    #[must_use]
    pub fn next_wake(&self) -> Option<MonoNs> {
        if let ConnectorState::Faulted { .. } = self.state {
            return None;
        }
        let core = &self.core;
        let clock = if core.clock.asking { None } else { core.clock.next };
        [
            core.operations.next_deadline(),
            core.timers.next(),
            core.queue.next(),
            core.sessions_next(),
            core.held.iter().map(|h| h.not_before).min(),
            core.streams.values().filter_map(|s| s.gate.next()).min(),
            clock,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// What the transport must do, in order.
    pub fn take_effects(&mut self) -> impl Iterator<Item = Effect> + '_ {
        self.core.effects.drain(..)
    }

    /// What the exchange was heard to refuse until later since this was asked last: for the bulk lane, and for the drivers of
    /// other venues, that share the address or the account.
    pub fn take_rests(&mut self) -> Vec<Rest> {
        std::mem::take(&mut self.core.rests)
    }

    /// Another driver of this address or account has heard that something rests. Never shortens what is known.
    pub fn rest(&mut self, time: HostTime, rest: &Rest) {
        self.core.now = time;
        self.core.rest(rest);
    }

    /// What something that rests for this driver is to another one of the same limiter; `None` where it is nothing to it.
    #[must_use]
    pub fn rest_for(&self, rest: &Rest, other: &Driver) -> Option<Rest> {
        self.core.rest_for(rest, &other.core)
    }

    /// Which lane a command belongs to: bulk for what is large or slow at every exchange (instruments, candles), where the
    /// connector declares an endpoint of that lane.
    #[must_use]
    pub fn lane_of(&self, command: &Command) -> Lane {
        match command {
            Command::Instruments(_) | Command::Candles(_) if self.core.endpoints.has_bulk() => Lane::Bulk,
            _ => Lane::Hot,
        }
    }

    /// The highest nonce that a grant has carried: to begin above it next time.
    #[must_use]
    pub fn last_nonce(&self) -> u64 {
        self.core.grants.last_nonce()
    }

    /// Asks the connector for its state; it goes to [`Sink::snapshot`].
    pub fn snapshot<S: Sink + ?Sized>(&mut self, time: HostTime, sink: &mut S) {
        self.core.now = time;
        if self.state == ConnectorState::Running {
            self.call(0, sink, |c, _, a| c.snapshot(a));
            self.drain(sink);
        }
    }

    /// The connector instance's name in this installation.
    #[must_use]
    pub const fn venue(&self) -> &VenueId {
        &self.core.venue
    }

    /// Whether the connector runs.
    #[must_use]
    pub const fn state(&self) -> &ConnectorState {
        &self.state
    }

    /// How the driver is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        let core = &self.core;
        let time = core.limiter_time();
        let limiter = core.limiter.borrow();
        Health {
            connector: self.state.clone(),
            sessions: core
                .sessions
                .iter()
                .map(|s| s.health(core.streams.values().filter(|stream| stream.role == s.role).count()))
                .collect(),
            clock: core.clock.health(core.now),
            pools: core
                .endpoints
                .pools
                .iter()
                .map(|pool| {
                    let usage = limiter.usage(pool.index, time);
                    PoolHealth {
                        pool: pool.id.clone(),
                        used: usage.used,
                        limit: usage.limit,
                        whole_limit: usage.whole_limit,
                        paused_until: usage.paused_until,
                    }
                })
                .collect(),
            order_entry: core.order_entry_health(),
            operations: core.operations.len(),
            queued: core.queue.len(),
            counts: core.counts,
        }
    }
}

/// The inputs, one function each.
impl Driver {
    /// One call of the connector. A panic, or a bound that it broke, is kept for [`Driver::drain`].
    fn call<S: Sink + ?Sized>(
        &mut self,
        bytes: usize,
        sink: &mut S,
        function: impl FnOnce(&mut Connector, Now, &mut Call<'_, S>) -> Result<(), Fault>,
    ) {
        self.core.bounds.begin(bytes);
        let panics = self.rehearsal.take();
        if let Some(actions) = panics {
            self.core.bounds.cut(actions);
        }
        let now = self.core.connector_now();
        let core = &mut self.core;
        let ended = function(&mut self.connector, now, &mut Call { core, sink });
        if panics.is_some() {
            self.core.fault = Some("it panicked, as a simulation asked for".to_owned());
        } else if ended.is_err() {
            self.core.fault.get_or_insert_with(|| "it panicked".to_owned());
        }
    }

    fn post_command<S: Sink + ?Sized>(&mut self, op: OpId, kind: &str, payload: Vec<u8>, sink: &mut S) {
        if !self.is_new(op, sink) {
            return;
        }
        if kind == "use_instruments" {
            self.core.instruments = Some(payload.clone());
        }
        let command = CommandBytes {
            kind: kind.to_owned(),
            payload,
        };
        match self.core.begin(op, Origin::Command, Some(command)) {
            Ok(()) => self.core.todo.push_back(Todo::Issue(op)),
            Err(refusal) => sink.completed(op, Outcome::NotSent(refusal)),
        }
    }

    /// Order operations: those that the exchange takes several of in one request go out so, the others by themselves.
    fn post_orders<S: Sink + ?Sized>(&mut self, ops: &mut [OrderOp], sink: &mut S) {
        let mut batches: BTreeMap<(u32, u32), Vec<OrderOp>> = BTreeMap::new();
        for order in ops {
            let op = OpId(order.grant.op);
            if !self.is_new(op, sink) {
                continue;
            }
            let Some(endpoint) = self.core.endpoint_for_order(order.kind) else {
                let refusal = Refusal::new(
                    RejectReason::Unsupported,
                    "the connector's manifest has no endpoint for this kind of order operation",
                );
                sink.completed(op, Outcome::NotSent(refusal));
                continue;
            };
            if let Err(refusal) = self.core.begin(op, Origin::Order, None) {
                sink.completed(op, Outcome::NotSent(refusal));
                continue;
            }
            // On a stream each is a frame of its own.
            let over_http = self.core.endpoints.row(endpoint).transport == Transport::Http;
            let Some(row) = self.core.endpoints.batch_of(order.kind).filter(|_| over_http) else {
                self.core.enqueue(op, endpoint, Some(*order));
                continue;
            };
            let instrument = if row.one_instrument { order.instrument } else { 0 };
            let batch = batches.entry((order.kind, instrument)).or_default();
            batch.push(*order);
            if batch.len() >= row.most {
                let whole = std::mem::take(batch);
                self.core.enqueue_together(whole);
            }
        }
        for batch in batches.into_values() {
            self.core.enqueue_together(batch);
        }
    }

    /// Whether an operation's number can be used.
    fn is_new<S: Sink + ?Sized>(&self, op: OpId, sink: &mut S) -> bool {
        if op == OpId(0) || op.0 & INTERNAL != 0 {
            let refusal = Refusal::new(RejectReason::BadRequest, "the operation's number is the driver's own");
            sink.completed(op, Outcome::NotSent(refusal));
            return false;
        }
        if self.core.operations.get(op).is_some() {
            // Not completed: that would end the operation that has the number.
            self.core.log(
                LogLevel::Error,
                &format!("{op} is in flight already; the second use of its number is ignored"),
                sink,
            );
            return false;
        }
        true
    }

    fn post_answer<S: Sink + ?Sized>(
        &mut self,
        request: RequestId,
        result: &Result<HttpResponse, HttpFailure>,
        sink: &mut S,
    ) {
        let Some(op) = self.core.operations.of_request(request) else {
            return;
        };
        match result {
            Ok(answer) => {
                let asked = self.core.operations.get(op).map(|o| (o.origin, o.sent_at));
                self.core.working_again(op);
                let sent_at = asked.map_or(self.core.now.mono, |(_, at)| at);
                self.core.read_usage_headers(&answer.headers, sent_at);
                let headers: Vec<Header<'_>> = answer
                    .headers
                    .iter()
                    .map(|(name, value)| Header {
                        name: name.as_str().into(),
                        value: value.as_str().into(),
                    })
                    .collect();
                let response = Response {
                    op: op.0,
                    status: u32::from(answer.status),
                    reserved: 0,
                    headers: RSlice::from_slice(&headers),
                    body: RSlice::from_slice(&answer.body),
                    ext: [0; 4],
                };
                self.core.answering = asked;
                self.call(answer.body.len(), sink, |c, now, a| c.response(now, &response, a));
                self.core.answering = None;
            }
            Err(failure) => {
                for op in [op].into_iter().chain(self.core.operations.carried_by(op)) {
                    self.request_failed(op, failure, sink);
                }
            }
        }
    }

    /// An operation's request, or that of another which carries it, has failed without an answer.
    fn request_failed<S: Sink + ?Sized>(&mut self, op: OpId, failure: &HttpFailure, sink: &mut S) {
        // The request is over: there is nothing to abandon.
        let now = self.core.now.mono;
        self.core.operations.move_to(op, Phase::Working, now);
        let outcome = match failure {
            HttpFailure::NotSent(text) => {
                if let Some(operation) = self.core.operations.get_mut(op) {
                    operation.writes = operation.writes.saturating_sub(1);
                }
                let refusal = Refusal::new(RejectReason::NotConnected, text.as_str());
                // Earlier pages of the same operation may have been written.
                match self.core.operations.get(op).map(|o| o.writes) {
                    Some(0) => Outcome::NotSent(refusal),
                    _ => Outcome::Unknown(refusal),
                }
            }
            HttpFailure::Unknown(text) => Outcome::Unknown(Refusal::new(RejectReason::NotConnected, text.as_str())),
            HttpFailure::TooLarge { .. } => {
                Outcome::Unknown(Refusal::new(RejectReason::UnreadableAnswer, failure.to_string()))
            }
        };
        self.core.finish(op, outcome, EndedBy::Host, sink);
    }

    fn wake<S: Sink + ?Sized>(&mut self, sink: &mut S) {
        let now = self.core.now.mono;
        while let Some(op) = self.core.operations.due(now) {
            self.core.expire(op, sink);
        }
        while let Some(timer) = self.core.timers.take_due(now) {
            self.core.todo.push_back(Todo::Timer(timer));
        }
        self.core.dial_held();
        self.core.release_due_frames();
        if !self.core.clock.asking && self.core.clock.next.is_some_and(|at| at <= now) {
            self.core.clock.asking = true;
            self.core
                .begin_internal(Origin::Clock, "server_time", b"{}".to_vec(), Millis(10_000));
        }
        self.core.advance_sessions(sink);
    }

    /// Does what is left to do, until nothing is.
    fn drain<S: Sink + ?Sized>(&mut self, sink: &mut S) {
        for _ in 0..STEPS {
            if self.core.fault.is_some() {
                break;
            }
            match self.core.todo.pop_front() {
                Some(todo) => self.step(todo, sink),
                None => {
                    self.core.admit(sink);
                    if !self.core.released.is_empty() {
                        let orders = std::mem::take(&mut self.core.released);
                        self.call(orders.len() * 64, sink, |c, now, a| c.orders(now, &orders, a));
                    } else if self.core.todo.is_empty() {
                        return;
                    }
                }
            }
        }
        let reason = self
            .core
            .fault
            .take()
            .unwrap_or_else(|| "one input led to work without an end".to_owned());
        self.fault(reason, sink);
    }

    fn step<S: Sink + ?Sized>(&mut self, todo: Todo, sink: &mut S) {
        match todo {
            Todo::Issue(op) => {
                let taken = self.core.operations.get_mut(op).and_then(|o| o.command.take());
                let Some(command) = taken else { return };
                self.call(command.payload.len(), sink, |c, now, a| {
                    c.command(now, op.0, &command.kind, &command.payload, a)
                });
                if let Some(operation) = self.core.operations.get_mut(op) {
                    operation.command = Some(command);
                }
            }
            Todo::Grant(grant) => {
                let current = self.core.operations.get(OpId(grant.op)).map(|o| o.phase);
                if matches!(current, Some(Phase::Granted(_))) {
                    self.call(0, sink, |c, now, a| c.granted(now, &grant, a));
                }
            }
            Todo::Ended(op, kind) => self.call(0, sink, |c, now, a| c.ended(now, op.0, kind, a)),
            Todo::StreamClosed {
                number,
                code,
                reason,
                unless_mended,
            } => {
                let losses = unless_mended.as_ref().map(|(role, _)| self.core.losses(*role));
                // A connector may end what was out on the stream by itself: it is told only after this that the host has.
                let ended = self.core.todo.iter().filter(|t| matches!(t, Todo::Ended(..))).count();
                self.call(reason.len() + ended * 64, sink, |c, now, a| {
                    c.stream_closed(now, number, code, &reason, a)
                });
                if let Some((role, why)) = unless_mended
                    && Some(self.core.losses(role)) == losses
                {
                    self.core.session_down(role, &why, sink);
                }
            }
            Todo::Timer(timer) => self.call(0, sink, |c, now, a| c.timer(now, timer, a)),
        }
    }
}
