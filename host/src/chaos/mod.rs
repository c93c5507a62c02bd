//! Deterministic simulation: the real engine, driver core, journal and connector library against the local exchange, in one
//! thread and in virtual time, everything random from one seed.
//!
//! What lives here: the faults, the wires that they strike, the process that is killed and started again, and the promises
//! that are checked in the end. What must not live here: anything that the host does outside of a simulation.
//!
//! A seed runs at least ten virtual minutes under faults. Then the faults stop, the bot is stopped, and within five virtual
//! minutes everything must be as the exchange has it (`verdict`). The same seed gives the same run, to the last byte.

pub mod fault;
mod outsider;
mod process;
mod spoil;
pub mod trace;
mod trader;
mod verdict;
mod wire;
mod world;

use std::collections::BTreeMap;
use std::rc::Rc;

use colibri_driver::simulated_transport::{Latency, SimulatedTransport};
use colibri_driver::{DriverIndex, HostTime};
use colibri_loader::Library;
use colibri_model::{Millis, MonoNs, SplitMix64, WallNs};
use colibri_sim::SimConfig;
use colibri_sim::binance::Exchange;
use colibri_sim::config::{FlowConfig, RandomFlow};
use colibri_sim::time::Timestamp;
use colibri_standard::ConnectorManifest;
use colibri_store::journal::{DiskFault, MemoryDisk};

use fault::{Fault, Mix, Place};
use process::{Blueprint, Process};
use trace::{Printing, Trace};
use world::FaultyExchange;

/// Microseconds since 1970 at monotonic time zero: 2026-01-01.
const EPOCH_MICROS: i64 = 1_767_225_600_000_000;
/// The monotonic clock when a seed begins.
const BEGIN: MonoNs = MonoNs(1_000_000_000_000);
/// What a seed must come to, to count.
const LEAST_ORDERS: u64 = 100;
const LEAST_FAULTS: u64 = 10;
/// Between the last fault and the request to stop.
const CALM: Millis = Millis(60_000);
/// Between the last fault and that request where the bot is not ready yet, at most: the longest ban is two minutes.
const READY: Millis = Millis(200_000);
/// From the last fault on, everything must be settled within this time.
const SETTLE: Millis = Millis(300_000);

/// What seeds are run with.
pub struct Simulation {
    /// The connector's library, loaded once.
    pub library: Rc<Library>,
    /// Its manifest.
    pub manifest: ConnectorManifest,
    /// How long faults strike, virtual minutes.
    pub minutes: u64,
}

/// How a seed went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedReport {
    /// The seed.
    pub seed: u64,
    /// The name of its mix of faults.
    pub mix: &'static str,
    /// Orders that reached the exchange.
    pub orders: u64,
    /// Trades of the account.
    pub fills: u64,
    /// Processes that were started.
    pub processes: usize,
    /// How often each fault struck.
    pub faults: BTreeMap<Fault, u64>,
    /// How long it took from the last fault to the proof, virtual milliseconds.
    pub settled_ms: u64,
    /// Promises that were broken.
    pub violations: Vec<String>,
    /// The number of everything that happened.
    pub trace: u64,
}

impl SeedReport {
    /// Faults that struck.
    #[must_use]
    pub fn fault_count(&self) -> u64 {
        self.faults.values().sum()
    }
}

/// A seed on its way.
struct Run {
    blueprint: Blueprint,
    transport: SimulatedTransport<FaultyExchange>,
    process: Option<Process>,
    processes: usize,
    random: SplitMix64,
    mix: Mix,
    trace: Trace,
    now: MonoNs,
    /// The host's wall clock less the exchange's clock, nanoseconds.
    skew: i64,
    next_fault: MonoNs,
    /// When a killed process is started again.
    restart: Option<MonoNs>,
    /// When the disk works again.
    repair: Option<MonoNs>,
    /// When a process whose disk has failed for good is killed.
    doomed: Option<MonoNs>,
}

impl Simulation {
    /// Runs one seed.
    ///
    /// # Errors
    /// The simulation itself cannot be set up. A broken promise is no error: it is in the report.
    pub fn run(&self, seed: u64, mix: Mix, printing: Printing) -> Result<SeedReport, String> {
        let mut run = Run::new(self, seed, mix, printing)?;
        run.start_process()?;
        let storm_ends = BEGIN.plus(Millis(self.minutes.max(10) * 60_000));
        run.until(storm_ends)?;
        run.clear_up()?;
        run.until(storm_ends.plus(CALM))?;
        // A ban may outlast the storm: a bot that is not ready yet is not asked to stop yet.
        while run.now < storm_ends.plus(READY) && !run.transport.world.outsider.ledger_started {
            run.until(run.now.plus(Millis(1_000)))?;
        }
        run.stop();
        let deadline = storm_ends.plus(SETTLE);
        while run.now < deadline && !run.is_stopped() {
            run.until(run.now.plus(Millis(1_000)).min(deadline))?;
        }
        let settled_ms = run.now.since(storm_ends).0;
        Ok(run.report(seed, settled_ms))
    }
}

fn exchange(seed: u64, manifest: &ConnectorManifest) -> Result<Exchange, String> {
    let mut config = SimConfig::demo();
    config.markets.truncate(process::PAIRS.len());
    config.flow = FlowConfig::Random(RandomFlow {
        seed,
        levels: 20,
        warm_up_seconds: 20,
        takers_per_second: 3.into(),
        ..RandomFlow::default()
    });
    // The exchange's limits are those that the manifest declares: one that is exceeded is answered with 429.
    let limit = |pool: &str| manifest.pools.get(pool).and_then(|pool| u32::try_from(pool.limit).ok());
    if let Some(limit) = limit("orders_10s") {
        config.limits.orders_per_10_seconds = limit;
    }
    if let Some(limit) = limit("weight") {
        config.limits.weight_per_minute = limit;
    }
    let opens = Timestamp::from_micros(EPOCH_MICROS.saturating_add_unsigned(BEGIN.0 / 1_000));
    Exchange::new(&config, Vec::new(), opens).map_err(|e| e.to_string())
}

impl Run {
    fn new(simulation: &Simulation, seed: u64, mix: Mix, printing: Printing) -> Result<Run, String> {
        let mut random = SplitMix64::new(seed);
        let world = FaultyExchange::new(
            exchange(random.next_u64(), &simulation.manifest)?,
            EPOCH_MICROS,
            random.next_u64(),
        );
        let latency = Latency {
            min: Millis(2),
            max: Millis(40),
        };
        let epoch = WallNs(EPOCH_MICROS * 1_000);
        let blueprint = Blueprint {
            library: simulation.library.clone(),
            manifest: simulation.manifest.clone(),
            disk: MemoryDisk::default(),
            seed: random.next_u64(),
        };
        Ok(Run {
            blueprint,
            transport: SimulatedTransport::new(world, latency, epoch, random.next_u64()),
            process: None,
            processes: 0,
            random,
            mix,
            trace: Trace::new(printing),
            now: BEGIN,
            skew: 0,
            next_fault: BEGIN.plus(Millis(5_000)),
            restart: None,
            repair: None,
            doomed: None,
        })
    }

    fn time(&self) -> HostTime {
        let mut time = self.transport.time_at(self.now);
        time.wall.0 += self.skew;
        time
    }

    fn start_process(&mut self) -> Result<(), String> {
        // A host that cannot write its journal refuses to start; its operator tries again once the disk works.
        self.restart = self.repair.map(|at| at.plus(Millis(1)));
        if self.restart.is_some() {
            return Ok(());
        }
        let index = DriverIndex(self.processes);
        self.processes += 1;
        let time = self.time();
        self.trace.line(self.now, &format!("process {} starts", self.processes));
        self.process = Some(self.blueprint.start(index, time, &mut self.trace)?);
        self.transport.world.outsider.transferred.clear();
        self.transport.world.outsider.ledger_started = false;
        self.carry_effects();
        Ok(())
    }

    fn kill(&mut self) {
        if self.doomed.take().is_some() {
            self.blueprint.disk.set_fault(None);
        }
        if let Some(process) = self.process.take() {
            self.trace.line(self.now, "the process is killed");
            self.transport.world.forget(process.index, self.now);
            self.transport.world.outsider.ledger_started = false;
            let down = Millis(100 + self.random.below(20_000));
            self.restart = Some(self.now.plus(down));
        }
    }

    fn carry_effects(&mut self) {
        let Some(process) = &mut self.process else { return };
        for effect in process.take_effects() {
            self.trace.effect(self.now, &effect);
            self.transport.execute(self.now, process.index, effect);
        }
    }

    /// Lets time pass.
    fn until(&mut self, end: MonoNs) -> Result<(), String> {
        loop {
            let wakes = [
                self.process.as_ref().map(Process::next_wake),
                self.transport.next_at(),
                self.restart,
                self.repair,
                self.doomed,
                Some(self.next_fault),
            ];
            let at = wakes.into_iter().flatten().fold(end, MonoNs::min).max(self.now);
            let event = self.transport.next(at);
            self.now = event.as_ref().map_or(at, |(time, ..)| time.mono).max(self.now);
            if event.is_none() && self.now >= end {
                return Ok(());
            }
            if self.repair.is_some_and(|at| at <= self.now) {
                self.repair = None;
                self.blueprint.disk.set_fault(None);
            }
            if self.doomed.is_some_and(|at| at <= self.now) {
                self.kill();
            }
            if self.restart.is_some_and(|at| at <= self.now) {
                self.start_process()?;
            }
            if self.next_fault <= self.now {
                self.draw_fault();
            }
            let time = self.time();
            if let Some(process) = &mut self.process {
                let input = match &event {
                    Some((_, driver, event)) if *driver == process.index => {
                        self.trace.event(self.now, event);
                        Some(event.as_input())
                    }
                    _ => None,
                };
                process.turn(time, input, &mut self.trace);
                let started = process
                    .engine()
                    .view()
                    .venues()
                    .any(|v| !v.ledger_balances().is_empty());
                self.transport.world.outsider.ledger_started = started;
            }
            self.carry_effects();
        }
    }

    fn draw_fault(&mut self) {
        let wait = Millis(500 + self.random.below(9_000));
        self.next_fault = self.now.plus(wait);
        let Some(fault) = self.mix.draw(&mut self.random) else {
            return;
        };
        self.trace.line(self.now, &format!("fault: {}", fault.name()));
        if fault.place() == Place::Host {
            return self.strike_host(fault);
        }
        // One in four comes in a row, so that the second attempt meets it too.
        let several = self.random.below(4) == 0 && fault.place() != Place::Handshake;
        let count = if several { 1 + self.random.below(3) } else { 1 };
        for _ in 0..count {
            self.transport.world.arm(fault);
        }
        match fault {
            // A handshake only comes where a stream has ended, and a question where an answer was lost.
            Fault::HandshakeRefused | Fault::HandshakeSilent => {
                self.transport.world.arm(Fault::StreamCut);
                // While a stream is awaited nothing trades: a storm of these alone would prove nothing.
                self.next_fault = self.next_fault.plus(Millis(10_000));
            }
            Fault::StaleRead => self.transport.world.arm(Fault::AnswerLost),
            _ => {}
        }
    }

    fn strike_host(&mut self, fault: Fault) {
        let until = self.now.plus(Millis(1_000 + self.random.below(15_000)));
        let works = self.repair.is_none() && self.doomed.is_none();
        let disk = &self.blueprint.disk;
        match fault {
            Fault::Killed if self.process.is_some() => self.kill(),
            Fault::DiskFull if works => {
                let room = usize::try_from(self.random.below(4_000)).unwrap_or(0);
                disk.set_fault(Some(DiskFault::Full { room }));
                self.repair = Some(until);
            }
            Fault::DiskReadOnly if works => {
                disk.set_fault(Some(DiskFault::ReadOnly));
                self.repair = Some(until);
            }
            Fault::DiskTorn if works && self.process.is_some() => {
                // The batch that is cut is the last thing that this process writes.
                let room = usize::try_from(self.random.below(900)).unwrap_or(0);
                disk.set_fault(Some(DiskFault::Failing { room }));
                self.doomed = Some(until);
            }
            Fault::ClockJump => {
                // Up to two minutes either way, most of them small.
                let reach = [200, 2_000, 120_000][usize::try_from(self.random.below(3)).unwrap_or(0)];
                let millis =
                    i64::try_from(self.random.below(2 * reach)).unwrap_or(0) - i64::try_from(reach).unwrap_or(0);
                self.skew = millis * 1_000_000;
            }
            _ => return,
        }
        self.transport.world.strike(fault);
    }

    /// The faults stop.
    fn clear_up(&mut self) -> Result<(), String> {
        self.trace.line(self.now, "the faults stop");
        self.next_fault = MonoNs(u64::MAX);
        if self.doomed.is_some() {
            self.kill();
        }
        self.repair = None;
        self.blueprint.disk.set_fault(None);
        self.transport.world.clear_up(self.now);
        if self.process.is_none() {
            self.start_process()?;
        }
        Ok(())
    }

    fn stop(&mut self) {
        let time = self.time();
        if let Some(process) = &mut self.process {
            self.trace.line(self.now, "the bot is stopped");
            process.stop(time, &mut self.trace);
        }
        self.carry_effects();
    }

    fn is_stopped(&self) -> bool {
        self.process
            .as_ref()
            .is_some_and(|process| process.engine().is_stopped())
    }

    fn report(self, seed: u64, settled_ms: u64) -> SeedReport {
        let world = &self.transport.world;
        let engine = world.exchange.engine();
        let (mut orders, mut fills) = (0, 0);
        if let Some(account) = outsider::account(&world.exchange) {
            orders = engine.markets().map(|(_, m)| m.orders_of(account).count() as u64).sum();
            fills = engine.markets().map(|(_, m)| m.trades_of(account).len() as u64).sum();
        }
        let mut violations = match &self.process {
            Some(process) => verdict::violations(process, world, &self.blueprint.disk),
            None => vec!["there is no process".to_owned()],
        };
        if orders < LEAST_ORDERS {
            violations.push(format!("only {orders} orders: the seed proves little"));
        }
        let faults: u64 = world.struck.values().sum();
        if faults < LEAST_FAULTS && self.mix != Mix::calm() {
            violations.push(format!("only {faults} faults: the seed proves little"));
        }
        let connector_faults = self.process.as_ref().map_or(0, Process::connector_faults);
        if connector_faults > 0 {
            violations.push(format!("the connector faulted {connector_faults} times"));
        }
        SeedReport {
            seed,
            mix: self.mix.name(),
            orders,
            fills,
            processes: self.processes,
            faults: world.struck.clone(),
            settled_ms,
            violations,
            trace: self.trace.hash(),
        }
    }
}
