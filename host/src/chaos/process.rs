//! The host's process as far as it decides: engine, drivers, journal and the real connectors, without socket or thread.

use colibri_abi::OrderOp;
use colibri_desk::{Desk, DeskAction, DeskInput, DeskVenue, Observer, Operator, RestoredDesk};
use colibri_driver::{Driver, DriverIndex, Effect, Health, HostTime, Input};
use colibri_engine::{Engine, Recovered, VenueIndex};
use colibri_model::{MonoNs, NoSnapshot, OpId, SplitMix64};
use colibri_standard::{Outcome, SessionRole, SessionStatus};
use colibri_store::journal::{Durability, JournalFile, JournalId, MemoryDisk};

use super::blueprint::Blueprint;
use super::station::{PanicIn, Station};
use super::trace::Trace;
use super::witness::Told;
use crate::runtime::setup::shared_limiter;

/// A process.
pub struct Process {
    /// What its strategies were told.
    pub told: Told,
    /// Its venues, as its desk has them in order.
    stations: Vec<Station>,
    desk: Desk<JournalFile<MemoryDisk>>,
    effects: Vec<(DriverIndex, Effect)>,
    /// Panics that were asked for.
    panics: u64,
    /// What its engine draws from.
    random: SplitMix64,
    /// What was gathered ahead of the next snapshot of it.
    gathered: Vec<Vec<u8>>,
}

impl Process {
    /// A process that has not begun.
    #[must_use]
    pub fn new(
        engine: Engine<JournalFile<MemoryDisk>>,
        (stations, drivers): (Vec<Station>, Vec<Driver>),
        told: Told,
        random: SplitMix64,
    ) -> Process {
        let venues = drivers
            .into_iter()
            .map(|driver| DeskVenue::new(driver).with_bulk_lane());
        Process {
            told,
            stations,
            desk: Desk::new(engine, venues.collect()),
            effects: Vec::new(),
            panics: 0,
            random,
            gathered: Vec::new(),
        }
    }

    /// Begins.
    pub fn begin(&mut self, time: HostTime, trace: &mut Trace) {
        self.post(time, DeskInput::Start, trace);
        self.turn(time, None, trace);
    }

    /// What decides.
    #[must_use]
    pub const fn engine(&self) -> &Engine<JournalFile<MemoryDisk>> {
        self.desk.engine()
    }

    fn drivers(&self) -> impl Iterator<Item = &Driver> {
        self.desk.venues().iter().map(DeskVenue::driver)
    }

    /// When it has something to do by itself.
    #[must_use]
    pub fn next_wake(&self) -> MonoNs {
        let lanes = self.stations.iter().filter_map(|station| station.lane.next_wake());
        lanes.fold(self.desk.next_wake(), MonoNs::min)
    }

    /// The numbers of its drivers, bulk lanes' among them.
    pub fn numbers(&self) -> impl Iterator<Item = DriverIndex> {
        self.stations.iter().flat_map(|s| [s.index, s.lane.index])
    }

    /// Whether a driver is one of its own.
    #[must_use]
    pub fn has(&self, driver: DriverIndex) -> bool {
        self.numbers().any(|number| number == driver)
    }

    /// How many venues it has.
    #[must_use]
    pub fn venues(&self) -> usize {
        self.stations.len()
    }

    /// How the drivers of what is traded are doing.
    pub fn health(&self) -> impl Iterator<Item = Health> {
        self.drivers().map(Driver::health)
    }

    /// Operations that have not ended, bulk lanes' among them.
    #[must_use]
    pub fn operations(&self) -> usize {
        let lanes = self.stations.iter().map(|station| station.lane.operations());
        self.health().map(|health| health.operations).chain(lanes).sum()
    }

    /// Faults of connectors that nobody asked for.
    #[must_use]
    pub fn connector_faults(&self) -> u64 {
        let lanes = self.stations.iter().map(|station| station.lane.faults);
        let faults: u64 = self.health().map(|health| health.counts.faults).chain(lanes).sum();
        faults.saturating_sub(self.panics)
    }

    /// A connector is to panic in such a call, once it has emitted so many actions.
    pub fn rehearse_panic(&mut self, venue: VenueIndex, call: PanicIn, actions: u32) {
        self.panics += 1;
        self.stations[venue.0].rehearse_panic(call, actions);
    }

    /// A bulk lane's connector is to panic in its next call.
    pub fn rehearse_lane_panic(&mut self, venue: VenueIndex, actions: u32) {
        self.panics += 1;
        self.stations[venue.0].rehearse_lane_panic(actions);
    }

    /// No panic is asked for any more.
    pub fn cancel_panics(&mut self) {
        self.stations.iter_mut().for_each(Station::cancel_panics);
    }

    /// One turn: an event of one of its drivers, or none; then whatever is due, and what follows.
    pub fn turn(&mut self, time: HostTime, event: Option<(DriverIndex, Input<'_>)>, trace: &mut Trace) {
        if let Some((driver, input)) = event {
            self.take(time, driver, input, trace);
        }
        for station in &mut self.stations {
            if let Err(why) = station.lane.turn(time) {
                trace.line(time.mono, &format!("the bulk lane cannot be made anew: {why}"));
            }
        }
        self.hear_lanes(time, trace);
        self.post(time, DeskInput::Turn, trace);
        let actions: Vec<DeskAction> = self.desk.take_actions().collect();
        for action in actions {
            match action {
                DeskAction::Effect { driver, effect } => {
                    self.effects.push((self.stations[driver.0].index, effect));
                }
                DeskAction::MakeConnector { venue } => {
                    let connector = self.stations[venue.0].make();
                    self.post(time, DeskInput::Made { venue, connector }, trace);
                }
                DeskAction::Log { level, text } => trace.line(time.mono, &format!("{level:?} {text}")),
                DeskAction::Bulk { venue, op, command } => self.stations[venue.0].lane.command(time, op, &command),
                DeskAction::BulkRest { venue, rest } => self.stations[venue.0].lane.rest(time, &rest),
                DeskAction::BulkInstruments { venue, instruments } => {
                    self.stations[venue.0].lane.use_instruments(time, instruments);
                }
            }
        }
        self.hear_lanes(time, trace);
    }

    /// An event of one of its drivers.
    fn take(&mut self, time: HostTime, number: DriverIndex, input: Input<'_>, trace: &mut Trace) {
        if let Some(station) = self.stations.iter_mut().find(|s| s.lane.index == number) {
            return station.lane.post(time, input);
        }
        let Some(at) = self.stations.iter().position(|s| s.index == number) else {
            return;
        };
        if matches!(input, Input::Http { .. }) {
            self.stations[at].comes(PanicIn::Answer);
        }
        let driver = DriverIndex(at);
        self.post(time, DeskInput::Driver { driver, input }, trace);
    }

    /// What a bulk lane reports is an input like any other.
    fn hear_lanes(&mut self, time: HostTime, trace: &mut Trace) {
        for venue in (0..self.stations.len()).map(VenueIndex) {
            for report in self.stations[venue.0].lane.take_reports() {
                self.post(time, DeskInput::Bulk { venue, report }, trace);
            }
        }
    }

    /// Writes the desk down, and goes on with another that is made from that: nothing may change by it. Whether it could be
    /// written down at this moment.
    pub fn go_on_from_snapshot(&mut self, blueprint: &Blueprint) -> Result<bool, String> {
        let (mut kept, mut piece) = (Vec::new(), Vec::new());
        // A little ahead, so that orders end and fills come after they were gathered.
        self.desk.gather(3, &mut piece);
        self.gathered.push(piece);
        if self.gathered.len() < 5 {
            return Ok(false);
        }
        match self.desk.snapshot(&mut kept) {
            Ok(()) => {}
            Err(NoSnapshot::NotNow(_)) => return Ok(false),
            Err(why) => return Err(why.to_string()),
        }
        let restored = RestoredDesk::read(&kept, &std::mem::take(&mut self.gathered)).map_err(|e| e.to_string())?;
        if restored.venues.len() != self.stations.len() {
            return Err("a snapshot without one of its venues".to_owned());
        }
        let limiter = shared_limiter();
        let mut venues = Vec::new();
        for (station, venue) in self.stations.iter().zip(restored.venues) {
            let (setup, (kept, restarts)) = (&station.setup, venue.into_parts());
            let mut config = setup.connector_config().map_err(|e| e.to_string())?;
            config.state = Some(serde_json::from_str(kept.connector_state().get()).map_err(|e| e.to_string())?);
            let json = serde_json::to_vec(&config).map_err(|e| e.to_string())?;
            let connector = blueprint.library.create(&setup.manifest.name, &json);
            let connector = connector.map_err(|e| e.to_string())?;
            let driver = Driver::restored(setup, connector, limiter.clone(), kept).map_err(|e| e.to_string())?;
            venues.push(DeskVenue::new(driver).with_bulk_lane().restarted(restarts));
        }
        let id = JournalId(blueprint.seed);
        let (elsewhere, _) =
            JournalFile::on(MemoryDisk::default(), Durability::Process, id).map_err(|e| e.to_string())?;
        let mut engine = blueprint.engine(&self.random, Recovered::default(), elsewhere, &self.told)?;
        engine.restore(restored.engine).map_err(|e| e.to_string())?;
        let mut desk = Desk::new(engine, venues);
        std::mem::swap(self.desk.engine_mut().journal_mut(), desk.engine_mut().journal_mut());
        self.desk = desk;
        Ok(true)
    }

    /// Begins to stop.
    pub fn stop(&mut self, time: HostTime, trace: &mut Trace) {
        let stop = Operator::Stop("the seed is over".to_owned());
        self.post(time, DeskInput::Operator(&stop), trace);
        self.turn(time, None, trace);
    }

    /// A person releases the kill switch.
    pub fn resume(&mut self, time: HostTime, trace: &mut Trace) {
        self.post(time, DeskInput::Operator(&Operator::Resume), trace);
        self.turn(time, None, trace);
    }

    /// What the wires are to do.
    pub fn take_effects(&mut self) -> Vec<(DriverIndex, Effect)> {
        let mut effects = std::mem::take(&mut self.effects);
        for station in &mut self.stations {
            let lane = station.lane.index;
            effects.extend(station.lane.take_effects().into_iter().map(|effect| (lane, effect)));
        }
        effects
    }

    fn post(&mut self, time: HostTime, input: DeskInput<'_>, trace: &mut Trace) {
        let mut onlooker = Onlooker {
            at: time.mono,
            trace,
            stations: &mut self.stations,
        };
        self.desk.post(time, input, &mut onlooker);
    }
}

struct Onlooker<'a> {
    at: MonoNs,
    trace: &'a mut Trace,
    stations: &'a mut [Station],
}

impl Observer for Onlooker<'_> {
    fn completed(&mut self, _: VenueIndex, op: OpId, outcome: &Outcome) {
        if *outcome != Outcome::Done {
            self.trace.line(self.at, &format!("{op} ended: {outcome:?}"));
        }
    }
    fn orders(&mut self, venue: VenueIndex, _: &[OrderOp]) {
        self.stations[venue.0].comes(PanicIn::Orders);
    }
    fn session(&mut self, _: VenueIndex, role: SessionRole, status: SessionStatus) {
        self.trace.line(self.at, &format!("session {role:?} {status:?}"));
    }
}
