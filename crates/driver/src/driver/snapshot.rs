//! A driver's whole state, its connector's among it, written down and gone on from: what a replay of a recorded run enters
//! at.
//!
//! What lives here: what stands in a snapshot of a driver, and what must be over before there can be one. What must not
//! stand in one: a secret or a signature (what waits to be sent may be signed, so there is no snapshot while something
//! does), and what the driver was made from.

use colibri_abi::{Actions, BookBatch, Connector, Request, StreamOpen, StreamSend, TopOfBook, TradeBatch, accepted};
use colibri_model::{MonoNs, NoSnapshot, OpId, SnapshotUnusable, SplitMix64};
use colibri_standard::SessionRole;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Driver;
use super::admission::AdmissionQueue;
use super::bounds::LogAllowance;
use super::clock::ExchangeClock;
use super::core::Core;
use super::endpoint::EndpointIndex;
use super::entropy::Drawn;
use super::operation::OperationTable;
use super::session::{Session, place};
use super::stream::{Stream, StreamPhase};
use super::timers::Timers;
use crate::limiter::{KeptPools, SharedLimiter};
use crate::{ConnectorState, Counts, DriverError, DriverSetup, HostTime, StreamId};

/// A snapshot of a driver as it is written: it borrows what it tells.
#[derive(Serialize)]
pub struct DriverSnapshot<'a> {
    connector: Box<RawValue>,
    now: HostTime,
    operations: &'a OperationTable,
    queue: &'a AdmissionQueue,
    serial_busy: Option<OpId>,
    banned_until: MonoNs,
    streams: Vec<(StreamId, KeptStream)>,
    sessions: &'a [Session; 2],
    timers: &'a Timers,
    clock: &'a ExchangeClock,
    grants: Drawn,
    random: &'a SplitMix64,
    counts: &'a Counts,
    log_allowance: &'a LogAllowance,
    instruments: Option<&'a str>,
    next_number: u64,
    limiter: KeptPools,
}

/// A snapshot of a driver as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoredDriver {
    connector: Box<RawValue>,
    now: HostTime,
    operations: OperationTable,
    queue: AdmissionQueue,
    serial_busy: Option<OpId>,
    banned_until: MonoNs,
    streams: Vec<(StreamId, KeptStream)>,
    sessions: [Session; 2],
    timers: Timers,
    clock: ExchangeClock,
    grants: Drawn,
    random: SplitMix64,
    counts: Counts,
    log_allowance: LogAllowance,
    instruments: Option<String>,
    next_number: u64,
    limiter: KeptPools,
}

#[derive(Serialize, Deserialize)]
struct KeptStream {
    number: u32,
    role: SessionRole,
    endpoint: EndpointIndex,
    phase: StreamPhase,
    /// `None` in what was written before streams were judged by themselves: then as its session.
    #[serde(default)]
    last_frame: Option<MonoNs>,
    pools: KeptPools,
    not_before: MonoNs,
}

impl RestoredDriver {
    /// The state of its connector: what another instance is created with, as `state` of its configuration.
    #[must_use]
    pub fn connector_state(&self) -> &RawValue {
        &self.connector
    }
}

/// The part of a connector's state that says whether it is the whole of it.
#[derive(Deserialize)]
struct Completeness {
    /// Libraries of before there were snapshots to enter at tell less, and do not say so.
    complete: Option<bool>,
}

impl Driver {
    /// Everything that the driver's next actions depend on beside its setup, between two inputs.
    ///
    /// # Errors
    /// Not at this moment, or never: a library that does not tell its whole state.
    pub fn state_snapshot(&mut self) -> Result<DriverSnapshot<'_>, NoSnapshot> {
        if self.state != ConnectorState::Running {
            return Err(NoSnapshot::NotNow("a connector has faulted and is not made anew yet"));
        }
        self.core.at_rest().map_err(NoSnapshot::NotNow)?;
        let connector = state_of(&mut self.connector)?;
        // Every field is named here, so that none is forgotten: one that stands with an underscore is made from the setup,
        // empty between two inputs, or of no consequence.
        let Core {
            venue: _,
            // Passed on with each input.
            rests: _,
            now,
            endpoints: _,
            limiter,
            operations,
            queue,
            serial_busy,
            banned_until,
            keyring: _,
            streams,
            held: _,
            sessions,
            timers,
            clock,
            clock_interval: _,
            timestamp_window: _,
            liveness: _,
            grants,
            random,
            effects: _,
            todo: _,
            released: _,
            counts,
            bounds: _,
            log_allowance,
            fault: _,
            answering: _,
            reading: _,
            instruments,
            next_number,
        } = &self.core;
        let instruments = match instruments {
            None => None,
            Some(bytes) => Some(std::str::from_utf8(bytes).map_err(|e| NoSnapshot::Never(e.to_string()))?),
        };
        Ok(DriverSnapshot {
            connector,
            now: *now,
            operations,
            queue,
            serial_busy: *serial_busy,
            banned_until: *banned_until,
            streams: streams.iter().map(|(id, stream)| (*id, kept(stream))).collect(),
            sessions,
            timers,
            clock,
            grants: grants.drawn(),
            random,
            counts,
            log_allowance,
            instruments,
            next_number: *next_number,
            limiter: limiter.borrow().kept(),
        })
    }

    /// A driver that goes on from a snapshot of one with the same setup, around a connector that was created with
    /// [`RestoredDriver::connector_state`].
    ///
    /// # Errors
    /// The setup is wrong, or the snapshot is of a driver with another.
    pub fn restored(
        setup: &DriverSetup,
        connector: Connector,
        limiter: SharedLimiter,
        snapshot: RestoredDriver,
    ) -> Result<Driver, RestoreError> {
        let mut driver = Driver::new(setup, connector, limiter)?;
        let core = &mut driver.core;
        core.limiter.borrow_mut().go_on_from(snapshot.limiter)?;
        for (id, kept) in snapshot.streams {
            let row = core.endpoints.some_row(kept.endpoint).ok_or_else(|| {
                SnapshotUnusable::new("it has a stream at an endpoint that the manifest does not have")
            })?;
            let mut gate = row.frames.gate();
            gate.go_on_from(kept.pools, kept.not_before)?;
            let stream = Stream {
                number: kept.number,
                role: kept.role,
                endpoint: kept.endpoint,
                phase: kept.phase,
                last_frame: kept
                    .last_frame
                    .unwrap_or(snapshot.sessions[place(kept.role)].last_frame),
                gate,
            };
            core.streams.insert(id, stream);
        }
        core.now = snapshot.now;
        core.operations = snapshot.operations;
        core.queue = snapshot.queue;
        core.serial_busy = snapshot.serial_busy;
        core.banned_until = snapshot.banned_until;
        core.sessions = snapshot.sessions;
        core.timers = snapshot.timers;
        core.clock = snapshot.clock;
        core.grants.go_on_from(snapshot.grants);
        core.random = snapshot.random;
        core.counts = snapshot.counts;
        core.log_allowance = snapshot.log_allowance;
        core.instruments = snapshot.instruments.map(String::into_bytes);
        core.next_number = snapshot.next_number;
        Ok(driver)
    }
}

/// A driver that could not be made from a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Its setup is wrong.
    #[error(transparent)]
    Setup(#[from] DriverError),
    /// The snapshot does not fit it.
    #[error(transparent)]
    Snapshot(#[from] SnapshotUnusable),
}

impl Core {
    /// Whether nothing is half done; else what is.
    fn at_rest(&self) -> Result<(), &'static str> {
        if !self.held.is_empty() || self.streams.values().any(|stream| stream.gate.next().is_some()) {
            return Err("something that may be signed waits to be sent");
        }
        let idle = self.effects.is_empty() && self.todo.is_empty() && self.released.is_empty() && self.fault.is_none();
        if idle { Ok(()) } else { Err("the turn is not over") }
    }
}

fn kept(stream: &Stream) -> KeptStream {
    KeptStream {
        number: stream.number,
        role: stream.role,
        endpoint: stream.endpoint,
        phase: stream.phase,
        last_frame: Some(stream.last_frame),
        pools: stream.gate.pools(),
        not_before: stream.gate.not_before(),
    }
}

/// A connector's state, where it tells the whole of it.
fn state_of(connector: &mut Connector) -> Result<Box<RawValue>, NoSnapshot> {
    let never = |why: &dyn std::fmt::Display| NoSnapshot::Never(format!("the connector's state: {why}"));
    let mut listener = StateListener(None);
    connector.snapshot(&mut listener).map_err(|fault| never(&fault))?;
    let state = listener.0.ok_or_else(|| never(&"it tells none"))?;
    let Completeness { complete } = serde_json::from_slice(&state).map_err(|e| never(&e))?;
    match complete {
        Some(true) => {}
        Some(false) => return Err(NoSnapshot::NotNow("a connector is in the middle of an operation")),
        None => {
            return Err(never(
                &"its library does not tell all of it: it was built with an earlier sdk",
            ));
        }
    }
    let text = String::from_utf8(state).map_err(|e| never(&e))?;
    RawValue::from_string(text).map_err(|e| never(&e))
}

/// Takes a connector's state, and nothing else.
struct StateListener(Option<Vec<u8>>);

impl Actions for StateListener {
    fn want(&mut self, _: u64, _: &str) -> u32 {
        accepted::REFUSED
    }
    fn request(&mut self, _: &Request<'_>) -> u32 {
        accepted::REFUSED
    }
    fn open(&mut self, _: &StreamOpen<'_>) -> u32 {
        accepted::REFUSED
    }
    fn send(&mut self, _: &StreamSend<'_>) -> u32 {
        accepted::REFUSED
    }
    fn close(&mut self, _: u32, _: u32) -> u32 {
        accepted::REFUSED
    }
    fn set_timer(&mut self, _: u64, _: u64) -> u32 {
        accepted::REFUSED
    }
    fn book(&mut self, _: &BookBatch<'_>) -> u32 {
        accepted::REFUSED
    }
    fn trades(&mut self, _: &TradeBatch<'_>) -> u32 {
        accepted::REFUSED
    }
    fn top(&mut self, _: &TopOfBook) -> u32 {
        accepted::REFUSED
    }
    fn event(&mut self, _: &str, _: &[u8]) -> u32 {
        accepted::REFUSED
    }
    fn complete(&mut self, _: u64, _: u32, _: &[u8]) -> u32 {
        accepted::REFUSED
    }
    fn log(&mut self, _: u32, _: &str) -> u32 {
        accepted::REFUSED
    }
    fn snapshot(&mut self, state: &[u8]) -> u32 {
        self.0 = Some(state.to_vec());
        accepted::YES
    }
}
