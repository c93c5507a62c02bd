//! One seed from its first process to the verdict: time, the process that is killed and started again, the person who watches.

use colibri_driver::simulated_transport::{Latency, SimulatedTransport};
use colibri_driver::{DriverIndex, HostTime};
use colibri_engine::VenuePhase;
use colibri_engine::orders::ClientIdSource;
use colibri_model::{Amount, Decimal, Millis, MonoNs, SplitMix64, WallNs};
use colibri_sim::SimConfig;
use colibri_sim::config::{FlowConfig, RandomFlow};
use colibri_sim::time::Timestamp;
use colibri_sim::venue::Venue;
use colibri_standard::OrderEntry;
use colibri_store::journal::MemoryDisk;

use super::blueprint::{self, Blueprint};
use super::contract_plan::{ContractPlan, SHORTEST_LIFE};
use super::fault::Fault;
use super::mix::Mix;
use super::outsider::Outsider;
use super::process::Process;
use super::projection::Projection;
use super::stage::{Face, Stage};
use super::trace::{Printing, Trace};
use super::verdict;
use super::watch::Watch;
use super::world::FaultyExchange;
use super::{Continuity, SeedReport, Simulation, by_name};

/// Microseconds since 1970 at monotonic time zero: 2026-01-01.
const EPOCH_MICROS: i64 = 1_767_225_600_000_000;
/// The monotonic clock when a seed begins.
const BEGIN: MonoNs = MonoNs(1_000_000_000_000);
/// What a seed must come to, to count: it goes on until it has.
const LEAST_ORDERS: u64 = 100;
const LEAST_FAULTS: u64 = 10;
/// One that has not come to it after so many times its minutes does not trade.
const PATIENCE: u64 = 12;
/// Between the last fault and the request to stop.
const CALM: Millis = Millis(60_000);
/// Between the last fault and that request where the bot is not ready yet, or may not ask yet, at most: the longest ban is two
/// minutes.
const READY: Millis = Millis(200_000);
/// What a bot needs, once it may ask again, to cancel what it could not and to see what others did meanwhile.
const CAUGHT_UP: Millis = Millis(45_000);
/// How long the bot has to hear what somebody else has cancelled before it is stopped.
const LEFT: Millis = Millis(2_000);
/// From the last fault on, everything must be settled within this time.
const SETTLE: Millis = Millis(300_000);
/// Instruments are asked for so often, so that rules that change are learned of within a seed.
const INSTRUMENTS: Millis = Millis(30_000);
/// The drawdown that throws the kill switch, in USDT, in every tenth seed.
const DRAWDOWN: i64 = 5;

/// How often the market moves, milliseconds: a market that moves more often takes most of a seed's time and shows no more.
const STEP_MS: u32 = 400;

/// A seed on its way.
pub(super) struct Run {
    pub(super) blueprint: Blueprint,
    pub(super) transport: SimulatedTransport<FaultyExchange>,
    pub(super) process: Option<Process>,
    processes: u64,
    pub(super) random: SplitMix64,
    pub(super) mix: Mix,
    pub(super) trace: Trace,
    pub(super) now: MonoNs,
    /// The host's wall clock less the exchange's clock, nanoseconds.
    pub(super) skew: i64,
    pub(super) next_fault: MonoNs,
    /// When a killed process is started again.
    restart: Option<MonoNs>,
    /// When the disk works again.
    pub(super) repair: Option<MonoNs>,
    /// When a process whose disk has failed for good is killed.
    pub(super) doomed: Option<MonoNs>,
    /// The history, in seeds that have one: SQLite takes a fifth of their time.
    pub(super) history: Option<Projection>,
    watch: Watch,
    seed: u64,
    /// How long faults strike at least.
    minutes: u64,
    continuity: Continuity,
    turns: u64,
    from_snapshots: u64,
}

fn exchange(seed: u64, blueprint: &Blueprint) -> Result<Venue, String> {
    let mut config = SimConfig::demo();
    let pairs = blueprint.stage.pairs().len();
    config
        .markets
        .truncate(if blueprint.stage.has(Face::Spot) { pairs } else { 0 });
    config
        .perpetual
        .truncate(if blueprint.stage.has(Face::Contracts) { pairs } else { 0 });
    blueprint.plan.configure(&mut config);
    config.flow = FlowConfig::Random(RandomFlow {
        seed,
        levels: 20,
        warm_up_seconds: 20,
        takers_per_second: 1.into(),
        step_ms: STEP_MS,
        ..RandomFlow::default()
    });
    // The exchange's limits are those that the manifests declare: one that is exceeded is answered with 429.
    let limit = |face: Face, pool: &str| {
        let manifest = blueprint.manifests.get(&face)?;
        u32::try_from(manifest.pools.get(pool)?.limit).ok()
    };
    let (spot, contracts) = (&mut config.limits, &mut config.contracts.limits);
    for (face, pool, of_exchange) in [
        (Face::Spot, "orders_10s", &mut spot.orders_per_10_seconds),
        (Face::Spot, "weight", &mut spot.weight_per_minute),
        (Face::Contracts, "orders_10s", &mut contracts.orders_per_10_seconds),
        (Face::Contracts, "orders_1m", &mut contracts.orders_per_minute),
        (Face::Contracts, "weight", &mut contracts.weight_per_minute),
    ] {
        *of_exchange = limit(face, pool).unwrap_or(*of_exchange);
    }
    let opens = Timestamp::from_micros(EPOCH_MICROS.saturating_add_unsigned(BEGIN.0 / 1_000));
    Venue::new(&config, Vec::new(), opens).map_err(|e| e.to_string())
}

impl Run {
    /// A seed at its beginning.
    ///
    /// # Errors
    /// The exchange's configuration, or SQLite, refuses.
    pub(super) fn new(
        simulation: &Simulation,
        seed: u64,
        (mix, stage): (Mix, Stage),
        printing: Printing,
        continuity: Continuity,
    ) -> Result<Run, String> {
        let mut random = SplitMix64::new(seed);
        let mut manifests = simulation.manifests.clone();
        for manifest in manifests.values_mut() {
            manifest.polling.instruments_ms = INSTRUMENTS;
            let perpetual = manifest.perpetual.as_mut();
            if let Some(dates) = perpetual.and_then(|perpetual| perpetual.good_till.as_mut()) {
                dates.least_ms = SHORTEST_LIFE;
            }
        }
        let kills = seed % 10 == 9;
        let is_mixed = mix.name() == "mixed";
        // Of the seeds that meet everything, every third sends its orders over the stream.
        if is_mixed
            && seed % 3 == 1
            && let Some(spot) = manifests.get_mut(&Face::Spot)
        {
            spot.orders.entry = OrderEntry::Stream;
        }
        // What cannot be written cannot outlast a restart: where the switch is looked at, the disk works.
        let disk_faults = [Fault::DiskFull, Fault::DiskReadOnly, Fault::DiskTorn];
        let has_history = seed % 10 == 3 || mix == Mix::alone(Fault::HistoryFailing);
        let mix = disk_faults
            .into_iter()
            .filter(|_| kills && is_mixed)
            .fold(mix, Mix::without);
        let market = random.next_u64();
        let wires = random.next_u64();
        let blueprint = Blueprint {
            library: simulation.library.clone(),
            manifests,
            stage,
            plan: ContractPlan::draw(&mut SplitMix64::new(market)),
            disk: MemoryDisk::default(),
            seed: random.next_u64(),
            max_drawdown: kills.then(|| Amount(Decimal::from(DRAWDOWN))),
        };
        let of_names = &blueprint.manifest(stage.faces()[0])?.client_id;
        let names = ClientIdSource::new(of_names, blueprint::BOT, WallNs(EPOCH_MICROS), seed);
        let outsider = Outsider::with_bot_names(names.map_err(|e| e.to_string())?, stage);
        let venue = exchange(market, &blueprint)?;
        let world = FaultyExchange::new((venue, stage), outsider, EPOCH_MICROS, wires);
        let latency = Latency {
            min: Millis(2),
            max: Millis(40),
        };
        let epoch = WallNs(EPOCH_MICROS * 1_000);
        let watch = Watch::new(blueprint.plan, BEGIN);
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
            history: has_history.then(|| Projection::new(BEGIN)).transpose()?,
            watch,
            seed,
            minutes: simulation.minutes.max(10),
            continuity,
            turns: 0,
            from_snapshots: 0,
        })
    }

    /// From the first process to the verdict.
    ///
    /// # Errors
    /// The simulation itself cannot go on.
    pub(super) fn carry_through(mut self) -> Result<SeedReport, String> {
        self.start_process()?;
        self.until(BEGIN.plus(Millis(self.minutes * 60_000)))?;
        let patience = BEGIN.plus(Millis(self.minutes * PATIENCE * 60_000));
        while self.now < patience && !self.proves_enough() {
            self.until(self.now.plus(Millis(10_000)))?;
        }
        let storm_ended = self.now;
        self.clear_up()?;
        self.watch.nobody_resumes();
        let mut may_ask = self.may_ask();
        self.until(storm_ended.plus(CALM))?;
        may_ask = may_ask.max(self.may_ask());
        // A ban may outlast the storm: a bot that is not ready yet, or that may not ask yet, is not asked to stop yet.
        while self.now < storm_ended.plus(READY) && !(self.is_ready() && self.now >= may_ask.plus(CAUGHT_UP)) {
            self.until(self.now.plus(Millis(1_000)))?;
            may_ask = may_ask.max(self.may_ask());
        }
        self.transport.world.leave_the_market(self.now);
        self.until(self.now.plus(LEFT))?;
        if let Some(process) = &self.process {
            self.watch.before_the_stop(process, &self.transport.world, self.now);
        }
        self.stop();
        let deadline = storm_ended.plus(SETTLE);
        while self.now < deadline && !self.is_stopped() {
            self.until(self.now.plus(Millis(1_000)).min(deadline))?;
        }
        self.report(storm_ended)
    }

    /// Whether the bot knows what the account holds and has done.
    fn is_ready(&self) -> bool {
        self.transport.world.outsider.ready.len() == self.blueprint.stage.faces().len()
    }

    /// When the last ban or 429 ends that the bot heard of; the beginning of time where none holds it. It is the bot's own
    /// word, and bounded by [`READY`]: one that rests for longer than any ban is judged all the same.
    fn may_ask(&self) -> MonoNs {
        let health = self.process.iter().flat_map(Process::health);
        let paused = health.flat_map(|health| health.pools);
        paused.filter_map(|pool| pool.paused_until).max().unwrap_or(MonoNs(0))
    }

    /// Whether the bot is up and its venue ready.
    pub(super) fn can_trade(&self) -> bool {
        let view = self.process.as_ref().map(|process| process.engine().view());
        view.is_some_and(|view| view.venues().all(|venue| venue.not_ready().is_none()))
    }

    fn orders(&self) -> u64 {
        verdict::orders_of_the_bot(&self.transport.world)
    }

    fn proves_enough(&self) -> bool {
        self.orders() >= LEAST_ORDERS && (self.mix.is_calm() || self.transport.world.struck_count() >= LEAST_FAULTS)
    }

    fn time(&self) -> HostTime {
        let mut time = self.transport.time_at(self.now);
        time.wall.0 += self.skew;
        time
    }

    pub(super) fn start_process(&mut self) -> Result<(), String> {
        // A host that cannot write its journal refuses to start; its operator tries again once the disk works.
        self.restart = self.repair.map(|at| at.plus(Millis(1)));
        if self.restart.is_some() {
            return Ok(());
        }
        // Each process has two drivers a venue.
        let drivers = 2 * self.blueprint.stage.faces().len() as u64;
        let index = DriverIndex(usize::try_from(self.processes * drivers).unwrap_or(usize::MAX));
        self.processes += 1;
        let time = self.time();
        self.trace.line(self.now, &format!("process {} starts", self.processes));
        let process = self.blueprint.start(index, time, &mut self.trace)?;
        self.watch.started(&process, self.now);
        self.process = Some(process);
        self.transport.world.outsider.transferred.clear();
        self.transport.world.outsider.ready.clear();
        self.carry_effects();
        Ok(())
    }

    pub(super) fn kill(&mut self) {
        if self.doomed.take().is_some() {
            self.blueprint.disk.set_fault(None);
        }
        if let Some(process) = self.process.take() {
            self.trace.line(self.now, "the process is killed");
            self.watch.ended(&process);
            for driver in process.numbers() {
                self.transport.world.forget(driver, self.now);
            }
            self.transport.world.outsider.ready.clear();
            let down = Millis(100 + self.random.below(20_000));
            self.restart = Some(self.now.plus(down));
        }
    }

    fn carry_effects(&mut self) {
        let Some(process) = &mut self.process else { return };
        for (driver, effect) in process.take_effects() {
            self.trace.effect(self.now, &effect);
            self.transport.execute(self.now, driver, effect);
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
                self.process.as_ref().and_then(|_| self.watch.resume_at()),
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
                    Some((_, driver, event)) if process.has(*driver) => {
                        self.trace.event(self.now, event);
                        Some((*driver, event.as_input()))
                    }
                    _ => None,
                };
                process.turn(time, input, &mut self.trace);
                self.turns += 1;
                if let Continuity::FromSnapshots(turns) = self.continuity
                    && self.turns.is_multiple_of(turns)
                {
                    self.from_snapshots += u64::from(process.go_on_from_snapshot(&self.blueprint)?);
                }
                let view = process.engine().view();
                let ready = view.venues().filter(|v| *v.phase() == VenuePhase::Ready);
                let ready = ready.filter_map(|venue| Face::of_venue(venue.id().as_str()));
                self.transport.world.outsider.ready = ready.collect();
                let world = &self.transport.world;
                self.watch.look(process, world, self.now, &mut self.random);
                for what in self.watch.take_untold() {
                    self.trace.line(self.now, &format!("broken: {what}"));
                }
                if self.watch.is_to_resume(self.now) {
                    self.trace.line(self.now, "a person releases the kill switch");
                    process.resume(time, &mut self.trace);
                    self.watch.resumed();
                }
            }
            self.carry_effects();
            if let Some(history) = &mut self.history
                && let Err(why) = history.follow_if_due(&self.blueprint.disk, self.now)
            {
                self.watch.broken(format!("the history does not follow: {why}"));
            }
            // What the exchange does from then on, the bot does not hear.
            if self.is_stopped() {
                return Ok(());
            }
        }
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

    fn report(mut self, storm_ended: MonoNs) -> Result<SeedReport, String> {
        let (orders, faults) = (self.orders(), self.transport.world.struck_count());
        let minutes = storm_ended.since(BEGIN).0 / 60_000;
        let mut violations = match &self.process {
            Some(process) => {
                self.watch.ended(process);
                verdict::violations(process, &self.transport.world, &self.blueprint.disk)
            }
            None => vec!["there is no process".to_owned()],
        };
        self.watch.over(&self.transport.world);
        violations.extend(self.watch.violations());
        if let Some(history) = &mut self.history {
            match blueprint::folded(&self.blueprint.disk) {
                Ok(journal) => violations.extend(history.differences(&self.blueprint.disk, &journal)),
                Err(why) => violations.push(format!("the journal cannot be read: {why}")),
            }
        }
        if orders < LEAST_ORDERS {
            violations.push(format!("it did not trade: {orders} orders in {minutes} minutes"));
        }
        if faults < LEAST_FAULTS && !self.mix.is_calm() {
            violations.push(format!(
                "only {faults} faults in {minutes} minutes: the seed proves little"
            ));
        }
        let world = &self.transport.world;
        Ok(SeedReport {
            seed: self.seed,
            stage: self.blueprint.stage,
            mix: self.mix.name().to_owned(),
            minutes,
            orders,
            fills: verdict::trades_of_the_account(world),
            processes: self.processes,
            kill_switches: self.watch.throws(),
            faults: by_name(&world.struck),
            settled_ms: self.now.since(storm_ended).0,
            violations,
            trace: self.trace.hash(),
            from_snapshots: self.from_snapshots,
        })
    }
}
