//! The state of a driver without its connector, so that a connector's call can change it while the connector is borrowed.

use std::collections::{BTreeMap, VecDeque};

use colibri_abi::{Grant, Now, OrderOp, outcome_kind};
use colibri_model::{Millis, MonoNs, OpId, SplitMix64, VenueId};
use colibri_standard::{ConnectorManifest, LivenessManifest, Outcome, PoolScope, Refusal, RejectReason, SessionRole};

use super::admission::AdmissionQueue;
use super::backoff::Backoff;
use super::bounds::{CallBounds, LogAllowance, OPERATIONS};
use super::clock::ExchangeClock;
use super::endpoint::{EndpointIndex, EndpointTable};
use super::entropy::GrantSource;
use super::operation::{CommandBytes, Operation, OperationTable, Origin, Phase, Repeatable};
use super::session::Session;
use super::stream::{HeldDial, Stream};
use super::timers::Timers;
use crate::limiter::{Charge, LimiterTime, SharedLimiter};
use crate::signing::Keyring;
use crate::{Counts, DriverError, DriverSetup, Effect, HostTime, LogLevel, Sink, StreamId};

/// How long a connector may work on an operation without asking for anything.
const WORKING: Millis = Millis(10_000);
/// No operation lives longer, however many pages it has.
const LIFE: Millis = Millis(300_000);
/// How often an idempotent operation is run again.
const RERUNS: u32 = 2;
/// A wait that is asked of an operation longer than this ends it instead.
const LONGEST_REST: Millis = Millis(10_000);
/// How long a pool rests after a 429 that does not say.
const THROTTLE_PAUSE: Millis = Millis(1_000);
/// How long the pools of a stream rest after a 429 to its handshake, which says nothing.
const HANDSHAKE_PAUSE: Millis = Millis(10_000);
/// How long after a ban that does not say: the shortest that exchanges give.
const BAN_PAUSE: Millis = Millis(120_000);

/// What remains to be told to the connector, once its current call has returned.
#[derive(Debug)]
pub(super) enum Todo {
    /// Run an operation's command.
    Issue(OpId),
    /// An operation is admitted.
    Grant(Grant),
    /// The host has ended an operation.
    Ended(OpId, u32),
    /// A stream is closed.
    StreamClosed { number: u32, code: u32, reason: String },
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
    pub keyring: Keyring,
    pub streams: BTreeMap<StreamId, Stream>,
    pub held: Vec<HeldDial>,
    pub sessions: [Session; 2],
    pub timers: Timers,
    pub clock: ExchangeClock,
    pub clock_interval: Millis,
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
            keyring: Keyring::new(setup.credentials.clone()),
            streams: BTreeMap::new(),
            held: Vec::new(),
            sessions: [Session::new(SessionRole::Market), Session::new(SessionRole::User)],
            timers: Timers::default(),
            clock: ExchangeClock::new(),
            clock_interval: manifest.polling.time_ms,
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
        }
    }

    /// A number that no request, stream or frame had before.
    pub(super) fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
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
        self.settle(id, None);
        self.operations.move_to(id, Phase::Working, self.now.mono.plus(WORKING));
    }

    /// Tells the limiter that an operation's charge is answered; gives it back where `outcome` says so.
    fn settle(&mut self, id: OpId, outcome: Option<&Outcome>) {
        let Some(operation) = self.operations.get_mut(id) else {
            return;
        };
        let never_written = matches!(operation.phase, Phase::Granted(_));
        let last = operation.last_endpoint;
        let time = LimiterTime {
            mono: self.now.mono,
            exchange: self.clock.exchange_time(self.now),
        };
        if let Some(endpoint) = operation.unsettled.take() {
            let row = self.endpoints.row(endpoint);
            let mut limiter = self.limiter.borrow_mut();
            limiter.settle(&row.charges);
            if never_written || matches!(outcome, Some(Outcome::NotSent(_))) {
                for charge in &row.charges {
                    limiter.refund(*charge, time);
                }
                self.queue.stir();
            }
        }
        if let (Some(Outcome::Done), Some(endpoint)) = (outcome, last) {
            for charge in &self.endpoints.row(endpoint).refunds {
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
        let Some(operation) = self.operations.remove(id) else {
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
        self.heed(&operation, &outcome, sink);
        if let Some(rest) = self.rest_before_rerun(&operation, &outcome) {
            self.rerun(operation, &outcome, rest);
            return;
        }
        match operation.origin {
            Origin::Command | Origin::Order => sink.completed(operation.original, outcome),
            Origin::Session(role) => self.session_outcome(role, id, &outcome, sink),
            Origin::Clock => {
                self.clock.schedule(self.now.mono, self.clock_interval);
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

    /// NotSent is evidence: it is not believed of what has been written, nor of what an earlier run has written.
    fn honest<S: Sink + ?Sized>(&self, operation: &Operation, outcome: Outcome, sink: &mut S) -> Outcome {
        match outcome {
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
            other => other,
        }
    }

    /// Slows down or stops where the exchange asks for it; measures the clock again where it refused our time.
    fn heed<S: Sink + ?Sized>(&mut self, operation: &Operation, outcome: &Outcome, sink: &mut S) {
        match outcome {
            Outcome::Throttled {
                retry_after,
                pool,
                refusal,
            } => {
                self.counts.throttled += 1;
                let until = self
                    .now
                    .mono
                    .plus((*retry_after).unwrap_or(THROTTLE_PAUSE).max(THROTTLE_PAUSE));
                if let Some(endpoint) = operation.last_endpoint {
                    let row = self.endpoints.row(endpoint);
                    let named = self.endpoints.pools.iter().find(|p| Some(&p.id) == pool.as_ref());
                    let resting = |charge: &&Charge| named.is_none_or(|named| named.index == charge.pool);
                    for charge in row.charges.iter().filter(resting) {
                        self.limiter.borrow_mut().pause(charge.pool, until);
                    }
                    let which = named.map_or("its pools rest", |named| named.id.as_str());
                    let text = format!("over a rate limit at {:?} ({which}): {refusal}", row.id);
                    self.log(LogLevel::Warn, &text, sink);
                }
            }
            Outcome::Banned { until, refusal } => {
                let exchange = self.clock.exchange_time(self.now);
                let span = until.map_or(BAN_PAUSE, |until| {
                    Millis(u64::try_from((until.0 - exchange.0) / 1_000_000 + 1).unwrap_or(0))
                });
                self.stop_until(self.now.mono.plus(span.max(THROTTLE_PAUSE)));
                self.log(
                    LogLevel::Error,
                    &format!("banned for {} ms, nothing is sent until then: {refusal}", span.0),
                    sink,
                );
            }
            Outcome::ClockSkew(refusal) => {
                self.clock.disprove(self.now.mono);
                self.log(
                    LogLevel::Warn,
                    &format!("the exchange refused our time, it is measured again: {refusal}"),
                    sink,
                );
            }
            _ => {}
        }
    }

    /// Sends nothing until then; nor do the other drivers of this address.
    fn stop_until(&mut self, until: MonoNs) {
        self.banned_until = self.banned_until.max(until);
        for pool in self.endpoints.pools.iter().filter(|p| p.scope == PoolScope::Ip) {
            self.limiter.borrow_mut().pause(pool.index, until);
        }
        self.queue.stir();
    }

    /// A stream's handshake was refused with an HTTP status: 429 and 418 count for streams too.
    pub(super) fn heed_handshake(&mut self, endpoint: EndpointIndex, status: u16) {
        match status {
            429 => {
                let until = self.now.mono.plus(HANDSHAKE_PAUSE);
                for charge in &self.endpoints.row(endpoint).charges {
                    self.limiter.borrow_mut().pause(charge.pool, until);
                }
            }
            418 => self.stop_until(self.now.mono.plus(BAN_PAUSE)),
            _ => {}
        }
    }

    /// How long to wait before an operation is run again; `None` where it is not.
    fn rest_before_rerun(&mut self, operation: &Operation, outcome: &Outcome) -> Option<Millis> {
        let may = operation.origin == Origin::Command
            && operation.repeatable == Repeatable::Yes
            && operation.command.is_some()
            && operation.last_endpoint.is_some()
            && self.fault.is_none();
        if !may {
            return None;
        }
        let asked = match outcome {
            Outcome::ClockSkew(_) => (operation.clock_reruns == 0).then_some(Millis(0))?,
            Outcome::Unknown(_) | Outcome::NotExecuted(_) if operation.reruns < RERUNS => Millis(0),
            Outcome::NotSent(refusal) if refusal.reason == RejectReason::NotConnected && operation.reruns < RERUNS => {
                Millis(0)
            }
            Outcome::Throttled { retry_after, .. } if operation.reruns < RERUNS => {
                retry_after.unwrap_or(THROTTLE_PAUSE)
            }
            _ => return None,
        };
        let rest = Backoff::at(operation.reruns).next(&mut self.random).max(asked);
        let until = self.now.mono.plus(rest);
        (rest <= LONGEST_REST && until < operation.latest).then_some(rest)
    }

    fn rerun(&mut self, mut operation: Operation, outcome: &Outcome, rest: Millis) {
        self.counts.reruns += 1;
        operation.reruns += 1;
        operation.clock_reruns += u32::from(outcome.kind() == outcome_kind::CLOCK_SKEW);
        let until = self.now.mono.plus(rest);
        operation.phase = Phase::Resting(until);
        operation.deadline = until;
        operation.last_endpoint = None;
        let id = self.operations.internal_id();
        self.operations.insert(id, operation);
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
        self.finish(id, outcome, EndedBy::Host, sink);
    }

    /// Corrects the pools by the usage headers of an answer.
    pub(super) fn read_usage_headers(&mut self, headers: &[(String, String)]) {
        let time = self.limiter_time();
        for pool in &self.endpoints.pools {
            let Some(wanted) = &pool.usage_header else { continue };
            let stated = headers.iter().find(|(name, _)| name == wanted);
            if let Some(used) = stated.and_then(|(_, value)| value.trim().parse().ok()) {
                self.limiter.borrow_mut().correct(pool.index, used, time);
            }
        }
    }

    /// The row that an operation's phase names.
    pub(super) fn granted_endpoint(&self, id: OpId) -> Option<EndpointIndex> {
        match self.operations.get(id)?.phase {
            Phase::Granted(endpoint) => Some(endpoint),
            _ => None,
        }
    }
}
