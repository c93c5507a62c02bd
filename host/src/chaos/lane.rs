//! The bulk lane of a process: a second instance of the connector with a driver of its own, as the host has it on a thread.

use colibri_abi::{BookBatch, TopOfBook, TradeBatch};
use colibri_driver::bulk_lane::BulkReport;
use colibri_driver::{
    ConnectorState, Driver, DriverIndex, DriverSetup, Effect, HostTime, Input, LimitShare, Limiter, LogLevel,
    Rehearsal, Rest, Sink,
};
use colibri_model::{Millis, MonoNs, OpId};
use colibri_standard::{Command, Event, Outcome, Refusal, RejectReason, SessionRole, SessionStatus, UseInstruments};

use super::station::Make;

/// A lane that has ended is made anew after so long.
const REST: Millis = Millis(1_000);
/// Operations of the lane itself, told to nobody.
const OWN: u64 = 1 << 62;

/// The lane.
pub struct Lane {
    /// Its number as the transport knows it.
    pub index: DriverIndex,
    setup: DriverSetup,
    make: Make,
    /// What it may use of every limit.
    share: LimitShare,
    driver: Option<Driver>,
    ended: Option<MonoNs>,
    instruments: Option<UseInstruments>,
    /// What the exchange refuses, and until when.
    rests: Vec<(Rest, MonoNs)>,
    own: u64,
    reports: Reports,
    /// Faults of its connectors.
    pub faults: u64,
}

impl Lane {
    /// A lane around an instance of its own.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn start(index: DriverIndex, mut setup: DriverSetup, make: Make, share: LimitShare) -> Result<Lane, String> {
        setup.rehearsal = Rehearsal::default();
        let mut lane = Lane {
            index,
            setup,
            make,
            share,
            driver: None,
            ended: None,
            instruments: None,
            rests: Vec::new(),
            own: OWN,
            reports: Reports::default(),
            faults: 0,
        };
        lane.driver = Some(lane.driver()?);
        Ok(lane)
    }

    fn driver(&self) -> Result<Driver, String> {
        let limiter = Limiter::shared(self.share);
        Driver::new(&self.setup, (self.make)()?, limiter).map_err(|e| e.to_string())
    }

    /// The next call of its connector is to panic.
    #[must_use]
    pub const fn rehearsal(&self) -> &Rehearsal {
        &self.setup.rehearsal
    }

    /// Operations that it has not ended.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.driver.as_ref().map_or(0, |driver| driver.health().operations)
    }

    /// When it has something to do by itself.
    #[must_use]
    pub fn next_wake(&self) -> Option<MonoNs> {
        match &self.driver {
            Some(driver) => driver.next_wake(),
            None => self.ended.map(|at| at.plus(REST)),
        }
    }

    /// A command of the engine's.
    pub fn command(&mut self, time: HostTime, op: OpId, command: &Command) {
        if self.driver.is_some() {
            return self.post(time, Input::Command { op, command });
        }
        let refusal = Refusal::new(RejectReason::NotConnected, "the bulk lane is being made anew");
        let completed = BulkReport::Completed(op, Outcome::NotSent(refusal));
        self.reports.0.push(completed);
    }

    /// The instruments in use, now and whenever it is made anew.
    pub fn use_instruments(&mut self, time: HostTime, instruments: UseInstruments) {
        self.own += 1;
        let op = OpId(self.own);
        if self.driver.is_some() {
            let command = Command::UseInstruments(instruments.clone());
            self.post(time, Input::Command { op, command: &command });
        }
        self.instruments = Some(instruments);
    }

    /// The exchange refuses something until later, now and for a lane that takes its place before that is over.
    pub fn rest(&mut self, time: HostTime, rest: &Rest) {
        self.rests.retain(|(_, until)| *until > time.mono);
        self.rests.push((rest.clone(), time.mono.plus(rest.span)));
        if let Some(driver) = &mut self.driver {
            driver.rest(time, rest);
        }
    }

    /// An input of its transport. One that faults is let go, once its operations have been told.
    pub fn post(&mut self, time: HostTime, input: Input<'_>) {
        let Some(driver) = &mut self.driver else { return };
        driver.post(time, input, &mut self.reports);
        self.reports
            .0
            .extend(driver.take_rests().into_iter().map(BulkReport::Rest));
        if let ConnectorState::Faulted { .. } = driver.state() {
            self.faults += 1;
            self.driver = None;
            self.ended = Some(time.mono);
        }
    }

    /// Does what is due.
    ///
    /// # Errors
    /// It cannot be made anew.
    pub fn turn(&mut self, time: HostTime) -> Result<(), String> {
        if self.next_wake().is_none_or(|at| at > time.mono) {
            return Ok(());
        }
        if self.driver.is_some() {
            self.post(time, Input::Wake);
            return Ok(());
        }
        self.ended = None;
        let mut driver = self.driver()?;
        for (rest, until) in self.rests.iter().filter(|(_, until)| *until > time.mono) {
            let what = rest.what.clone();
            let span = until.since(time.mono);
            driver.rest(time, &Rest { what, span });
        }
        self.driver = Some(driver);
        if let Some(instruments) = self.instruments.take() {
            self.use_instruments(time, instruments);
        }
        Ok(())
    }

    /// What it has told.
    pub fn take_reports(&mut self) -> Vec<BulkReport> {
        std::mem::take(&mut self.reports.0)
    }

    /// What its wires are to do.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        self.driver
            .as_mut()
            .map(|driver| driver.take_effects().collect())
            .unwrap_or_default()
    }
}

#[derive(Debug, Default)]
struct Reports(Vec<BulkReport>);

impl Sink for Reports {
    fn book(&mut self, _: &BookBatch<'_>) {}
    fn trades(&mut self, _: &TradeBatch<'_>) {}
    fn top(&mut self, _: &TopOfBook) {}
    fn event(&mut self, event: Event) {
        self.0.push(BulkReport::Event(Box::new(event)));
    }
    fn completed(&mut self, op: OpId, outcome: Outcome) {
        if op.0 & OWN == 0 {
            self.0.push(BulkReport::Completed(op, outcome));
        }
    }
    fn session(&mut self, _: SessionRole, _: SessionStatus) {}
    fn log(&mut self, level: LogLevel, text: &str) {
        self.0.push(BulkReport::Log(level, format!("bulk lane: {text}")));
    }
}
