//! The state of a driver without its connector, so that a connector's call can change it while the connector is borrowed.

use std::collections::{BTreeMap, VecDeque};

use colibri_abi::{Grant, Now, OrderOp};
use colibri_model::{Millis, MonoNs, OpId, SplitMix64, VenueId};
use colibri_standard::{
    Auth, ConnectorManifest, LivenessManifest, Outcome, Priority, Refusal, RejectReason, SessionRole,
};

use super::admission::AdmissionQueue;
use super::bounds::{CallBounds, LogAllowance, OPERATIONS};
use super::clock::{ClockTrust, ExchangeClock};
use super::endpoint::{EndpointIndex, EndpointTable};
use super::entropy::GrantSource;
use super::operation::{CommandBytes, Operation, OperationTable, Origin, Phase, Repeatable};
use super::session::Session;
use super::stream::{HeldDial, Stream};
use super::timers::Timers;
use crate::limiter::{LimiterTime, SharedLimiter};
use crate::signing::Keyring;
use crate::{Counts, DriverError, DriverSetup, Effect, HostTime, LogLevel, Rest, Sink, StreamId};

/// How long a connector may work on an operation without asking for anything.
const WORKING: Millis = Millis(10_000);
/// No operation lives longer, however many pages it has.
const LIFE: Millis = Millis(300_000);

/// What remains to be told to the connector, once its current call has returned.
#[derive(Debug)]
pub(super) enum Todo {
    /// Run an operation's command.
    Issue(OpId),
    /// An operation is admitted.
    Grant(Grant),
    /// The host has ended an operation.
    Ended(OpId, u32),
    /// A stream is closed. Where its session may live without it, that one's role, and why it is down unless the connector
    /// says that it does.
    StreamClosed {
        number: u32,
        code: u32,
        reason: String,
        unless_mended: Option<(SessionRole, String)>,
    },
    /// A timer has come due.
    Timer(u64),
}

/// Who ended an operation: the connector need not be told what it has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndedBy {
    Connector,
    Host,
}

#[derive(Debug)]
pub(super) struct Core {
    pub venue: VenueId,
    pub now: HostTime,
    pub endpoints: EndpointTable,
    pub limiter: SharedLimiter,
    pub operations: OperationTable,
    pub queue: AdmissionQueue,
    pub serial_busy: Option<OpId>,
    pub banned_until: MonoNs,
    /// What was heard to rest and has not been passed on.
    pub rests: Vec<Rest>,
    pub keyring: Keyring,
    pub streams: BTreeMap<StreamId, Stream>,
    pub held: Vec<HeldDial>,
    pub sessions: [Session; 2],
    pub timers: Timers,
    pub clock: ExchangeClock,
    pub clock_interval: Millis,
    /// How old the time of a signed request may be at the exchange; zero where it does not say.
    pub timestamp_window: Millis,
    pub liveness: LivenessManifest,
    pub grants: GrantSource,
    pub random: SplitMix64,
    pub effects: VecDeque<Effect>,
    pub todo: VecDeque<Todo>,
    pub released: Vec<OrderOp>,
    pub counts: Counts,
    pub bounds: CallBounds,
    pub log_allowance: LogAllowance,
    /// What the connector did that it may not; handled once its call has returned.
    pub fault: Option<String>,
    /// Whose answer the connector reads now, and when that was asked.
    pub answering: Option<(Origin, MonoNs)>,
    /// Whose frame the connector reads now.
    pub reading: Option<StreamId>,
    /// The instruments in use, for a connector that is replaced.
    pub instruments: Option<Vec<u8>>,
    pub next_number: u64,
}

impl Core {
    pub(super) fn new(setup: &DriverSetup, limiter: SharedLimiter) -> Result<Core, DriverError> {
        let manifest: &ConnectorManifest = &setup.manifest;
        setup
            .credentials
            .check(&manifest.credentials)
            .map_err(|source| DriverError::Credentials {
                venue: setup.venue.clone(),
                source,
            })?;
        let endpoints = EndpointTable::new(setup, &mut limiter.borrow_mut())?;
        let label = format!("{} {}", setup.venue, setup.account.as_ref().map_or("", |a| a.as_str()));
        Ok(Core {
            venue: setup.venue.clone(),
            now: HostTime::default(),
            endpoints,
            limiter,
            operations: OperationTable::default(),
            queue: AdmissionQueue::default(),
            serial_busy: None,
            banned_until: MonoNs(0),
            rests: Vec::new(),
            keyring: Keyring::new(setup.credentials.clone()),
            streams: BTreeMap::new(),
            held: Vec::new(),
            sessions: [Session::new(SessionRole::Market), Session::new(SessionRole::User)],
            timers: Timers::default(),
            clock: ExchangeClock::new(),
            clock_interval: manifest.polling.time_ms,
            timestamp_window: manifest.timestamps.window_ms,
            liveness: manifest.liveness.clone(),
            grants: GrantSource::new(setup.seed, &label, setup.nonce_floor),
            random: SplitMix64::new(setup.seed),
            effects: VecDeque::new(),
            todo: VecDeque::new(),
            released: Vec::new(),
            counts: Counts::default(),
            bounds: CallBounds::default(),
            log_allowance: LogAllowance::default(),
            fault: None,
            answering: None,
            reading: None,
            instruments: None,
            next_number: 0,
        })
    }

    /// The time as the connector gets it.
    pub(super) fn connector_now(&self) -> Now {
        Now {
            mono_ns: self.now.mono.0,
            wall_ns: self.now.wall.0,
            exchange_ns: self.clock.exchange_time(self.now).0,
        }
    }

    pub(super) fn limiter_time(&self) -> LimiterTime {
        LimiterTime {
            mono: self.now.mono,
            exchange: self.clock.exchange_time(self.now),
            uncertainty_ns: self.clock.uncertainty(self.now.mono),
        }
    }

    /// When what the connector reads now was asked for, at the earliest.
    pub(super) fn asked_at(&self) -> MonoNs {
        let on_stream = || {
            let asked = self.operations.on_stream(self.reading?).into_iter();
            asked.filter_map(|op| self.operations.get(op).map(|o| o.sent_at)).min()
        };
        match self.answering {
            Some((_, asked)) => asked,
            None => on_stream().unwrap_or(self.now.mono),
        }
    }

    /// A number that no request, stream or frame had before.
    pub(super) fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Looks at the host's clocks, which agree unless somebody set one or the machine slept.
    pub(super) fn observe_clocks<S: Sink + ?Sized>(&mut self, sink: &mut S) {
        if let Some(Millis(moved)) = self.clock.observe(self.now) {
            self.counts.clock_steps += 1;
            let text = format!(
                "this machine's clock moved by {moved} ms against its own run (it was set, or the machine slept); the \
                 exchange's time is asked for again"
            );
            self.log(LogLevel::Warn, &text, sink);
        }
    }

    /// A line about the connector.
    pub(super) fn log<S: Sink + ?Sized>(&self, level: LogLevel, text: &str, sink: &mut S) {
        sink.log(level, &format!("{}: {text}", self.venue));
    }

    /// Begins an operation of the driver itself.
    pub(super) fn begin_internal(&mut self, origin: Origin, kind: &str, payload: Vec<u8>, life: Millis) -> OpId {
        let id = self.operations.internal_id();
        let latest = self.now.mono.plus(life);
        let mut operation = Operation::new(id, origin, latest, latest);
        operation.command = Some(CommandBytes {
            kind: kind.to_owned(),
            payload,
        });
        self.operations.insert(id, operation);
        self.todo.push_back(Todo::Issue(id));
        id
    }

    /// Begins an operation of the host; says why not where it cannot.
    pub(super) fn begin(&mut self, id: OpId, origin: Origin, command: Option<CommandBytes>) -> Result<(), Refusal> {
        if self.operations.len() >= OPERATIONS {
            return Err(Refusal::new(
                RejectReason::NoRoom,
                format!("{OPERATIONS} operations are in flight already"),
            ));
        }
        let mut operation = Operation::new(id, origin, self.now.mono.plus(WORKING), self.now.mono.plus(LIFE));
        operation.command = command;
        if origin == Origin::Order {
            operation.repeatable = Repeatable::No;
        }
        self.operations.insert(id, operation);
        Ok(())
    }

    /// The connector has been given an answer and goes on working.
    pub(super) fn working_again(&mut self, id: OpId) {
        for id in [id].into_iter().chain(self.operations.carried_by(id)) {
            self.settle(id, None);
            self.operations.move_to(id, Phase::Working, self.now.mono.plus(WORKING));
        }
    }

    /// Tells the limiter that an operation's charge is answered; gives it back where `outcome` says so.
    fn settle(&mut self, id: OpId, outcome: Option<&Outcome>) {
        let time = self.limiter_time();
        let Some(operation) = self.operations.get_mut(id) else {
            return;
        };
        let never_written = matches!(operation.phase, Phase::Granted(_));
        let last = operation.last_endpoint;
        if operation.unsettled.is_some() {
            operation.settled_at = time.mono;
        }
        let just_settled = operation.settled_at == time.mono;
        if let Some(endpoint) = operation.unsettled.take() {
            let row = self.endpoints.row(endpoint);
            let mut limiter = self.limiter.borrow_mut();
            let (charges, _) = row.part(operation.batch.as_ref());
            limiter.settle(charges, time);
            if never_written || matches!(outcome, Some(Outcome::NotSent(_))) {
                for charge in charges {
                    limiter.refund(*charge, time);
                }
                self.queue.stir();
            }
        }
        // What was settled before may count in a window that has ended.
        if let (Some(Outcome::Done), Some(endpoint), true) = (outcome, last, just_settled) {
            let (_, refunds) = self.endpoints.row(endpoint).part(operation.batch.as_ref());
            for charge in refunds {
                self.limiter.borrow_mut().refund(*charge, time);
                self.queue.stir();
            }
        }
        if self.serial_busy == Some(id) {
            self.serial_busy = None;
            self.queue.stir();
        }
    }

    /// Ends an operation, once: limits heeded, run again where it may be, else told to whoever asked.
    pub(super) fn finish<S: Sink + ?Sized>(&mut self, id: OpId, outcome: Outcome, by: EndedBy, sink: &mut S) {
        self.settle(id, Some(&outcome));
        let Some(mut operation) = self.operations.remove(id) else {
            return;
        };
        if let Phase::InFlight(_, request) = operation.phase {
            self.effects.push_back(Effect::AbandonHttp(request));
        }
        let unknown_to_connector = match operation.phase {
            Phase::Queued(_) => operation.origin == Origin::Order,
            Phase::Resting(_) => true,
            _ => false,
        };
        if by == EndedBy::Host && !unknown_to_connector {
            self.todo.push_back(Todo::Ended(id, outcome.kind()));
        }
        let outcome = self.honest(&operation, outcome, sink);
        let outcome = self.with_bounded_wait(outcome, sink);
        self.heed(&operation, &outcome, sink);
        if let Some((order, endpoint)) = self.order_for_http(&mut operation, &outcome) {
            self.run_order_over_http(operation, order, endpoint);
            return;
        }
        if matches!(outcome, Outcome::ClockSkew(_)) {
            // Evidence that this request was not executed.
            operation.writes = operation.writes.saturating_sub(1);
            let order = operation
                .order
                .take()
                .filter(|_| operation.clock_reruns == 0 && self.clock.next.is_some());
            let order = order.and_then(|order| Some((self.endpoint_for_order(order.kind)?, order)));
            if let Some((endpoint, order)) = order {
                self.run_order_again(operation, *order, endpoint);
                return;
            }
        }
        if let Some(rest) = self.rest_before_rerun(&operation, &outcome) {
            self.rerun(operation, &outcome, rest);
            return;
        }
        match operation.origin {
            Origin::Command | Origin::Order => sink.completed(operation.original, outcome),
            Origin::Session(role) => self.session_outcome(role, id, &outcome, sink),
            Origin::Clock => {
                self.clock.schedule(self.now.mono, self.clock_interval);
                self.queue.stir();
                let unsupported = outcome.refusal().is_some_and(|r| r.reason == RejectReason::Unsupported);
                if unsupported {
                    self.clock.next = None;
                }
            }
            Origin::Restore => {
                if let Some(refusal) = outcome.refusal() {
                    self.log(
                        LogLevel::Error,
                        &format!("the connector did not take the instruments in use: {refusal}"),
                        sink,
                    );
                }
            }
        }
    }

    /// NotSent is evidence: it is not believed of what has been written, nor of what an earlier run has written. Nor is a
    /// refusal of an order whose request is still out.
    fn honest<S: Sink + ?Sized>(&self, operation: &Operation, outcome: Outcome, sink: &mut S) -> Outcome {
        let unanswered = operation.origin == Origin::Order
            && match operation.phase {
                Phase::InFlight(..) | Phase::Carried(_) => true,
                // Only the connector knows which frame answers it; it must be reading one.
                Phase::OnStream(..) => operation.writes > 0 && self.reading.is_none(),
                _ => false,
            };
        match outcome {
            Outcome::Done | Outcome::Unknown(_) => outcome,
            Outcome::NotSent(refusal) if operation.clock_reruns > 0 && operation.writes == 0 => {
                Outcome::ClockSkew(refusal)
            }
            Outcome::NotSent(refusal)
                if operation.writes > 0 && (operation.origin == Origin::Order || operation.reruns > 0) =>
            {
                if operation.reruns == 0 {
                    self.log(
                        LogLevel::Error,
                        &format!(
                            "{} was said to be not sent, but it was written; taken as unknown",
                            operation.original
                        ),
                        sink,
                    );
                }
                Outcome::Unknown(refusal)
            }
            other if unanswered => {
                self.log(
                    LogLevel::Error,
                    &format!(
                        "{} was said to be refused before it was answered; taken as unknown",
                        operation.original
                    ),
                    sink,
                );
                match other.refusal() {
                    Some(refusal) => Outcome::Unknown(refusal.clone()),
                    None => other,
                }
            }
            other => other,
        }
    }

    /// An operation's deadline has come.
    pub(super) fn expire<S: Sink + ?Sized>(&mut self, id: OpId, sink: &mut S) {
        let Some(operation) = self.operations.get(id) else {
            return;
        };
        let written = operation.writes > 0;
        let outcome = match operation.phase {
            Phase::Resting(_) => {
                self.operations.move_to(id, Phase::Working, self.now.mono.plus(WORKING));
                self.todo.push_back(Todo::Issue(id));
                return;
            }
            Phase::Queued(endpoint)
                if !written
                    && self.endpoints.row(endpoint).auth == Auth::Signed
                    && self.clock.trust(self.now.mono, self.timestamp_window) == ClockTrust::Asking =>
            {
                Outcome::NotSent(Refusal::new(
                    RejectReason::Deadline,
                    format!(
                        "nothing is signed while the exchange's time is not known (it may be wrong by {} ms, and the exchange \
                         takes {} ms); it was not told before the deadline",
                        self.clock.uncertainty(self.now.mono) / 1_000_000,
                        self.timestamp_window.0
                    ),
                ))
            }
            Phase::Queued(endpoint) if self.waits_on(operation, endpoint) => {
                let deadline = self.now.mono.plus(self.endpoints.row(endpoint).deadline);
                self.operations.move_to(id, operation.phase, deadline);
                return;
            }
            Phase::Queued(_) if !written => Outcome::NotSent(Refusal::new(
                RejectReason::NoRoom,
                "the rate limit had no room before the deadline",
            )),
            _ if !written => Outcome::NotSent(Refusal::new(
                RejectReason::Deadline,
                "the deadline passed before anything was sent",
            )),
            _ => Outcome::Unknown(Refusal::new(
                RejectReason::Deadline,
                "the deadline passed without an answer",
            )),
        };
        self.distrust_stream_of(id);
        self.finish(id, outcome, EndedBy::Host, sink);
    }

    /// Whether an operation that the limiter has had no room for goes on waiting: a question of the host is as good in the
    /// limit's next window, and its place there is lost where it is told as failed and asked again. It ends with its life
    /// all the same. An order is stale by then, and a ban has an end of its own.
    fn waits_on(&self, operation: &Operation, endpoint: EndpointIndex) -> bool {
        operation.origin == Origin::Command
            && self.endpoints.row(endpoint).priority == Priority::Query
            && self.banned_until <= self.now.mono
            && self.now.mono < operation.latest
    }

    /// The row that an operation's phase names.
    pub(super) fn granted_endpoint(&self, id: OpId) -> Option<EndpointIndex> {
        match self.operations.get(id)?.phase {
            Phase::Granted(endpoint) => Some(endpoint),
            _ => None,
        }
    }
}
