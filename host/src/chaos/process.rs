//! The host's process as far as it decides: engine, driver, journal and the real connector, without socket or thread.

use std::rc::Rc;

use colibri_abi::OrderOp;
use colibri_desk::{Desk, DeskAction, DeskInput, DeskVenue, Observer, Operator, RestoredDesk};
use colibri_driver::{
    Credentials, Driver, DriverIndex, DriverSetup, Effect, Health, HostTime, Input, Rehearsal, Secret,
};
use colibri_engine::risk::RiskLimits;
use colibri_engine::strategy::{self, Strategy};
use colibri_engine::{ContractChoices, Engine, EngineSetup, Recovered, VenueIndex, VenueSetup};
use colibri_loader::Library;
use colibri_model::{
    AccountId, Amount, Decimal, Journal, Millis, MonoNs, NoSnapshot, OpId, Pair, SplitMix64, StrategyId, VenueId,
};
use colibri_sim::config::{DEMO_API_KEY, DEMO_SECRET};
use colibri_standard::{ConnectorManifest, KeyKind, Outcome, SessionRole, SessionStatus};
use colibri_store::journal::{Durability, JournalFile, JournalId, JournalReader, MemoryDisk};

use super::lane::Lane;
use super::trace::Trace;
use super::trader::RandomTrader;
use super::wire;
use super::witness::{Told, Witness};
use crate::runtime::setup::shared_limiter;

/// The largest notional of one order: no order at the exchange may be above it.
pub const MOST_NOTIONAL: i64 = 5_000;
/// The pairs that are traded.
pub const PAIRS: [&str; 2] = ["BTC-USDT", "ETH-USDT"];

/// The bot's name.
pub const BOT: &str = "chaos";

/// The market maker's name.
#[must_use]
pub fn market_maker_id() -> StrategyId {
    named("maker", StrategyId::new)
}

/// What every process of a seed is made from.
pub struct Blueprint {
    /// The connector's library, loaded once.
    pub library: Rc<Library>,
    /// Its manifest.
    pub manifest: ConnectorManifest,
    /// The disk, which outlives the process.
    pub disk: MemoryDisk,
    /// The seed.
    pub seed: u64,
    /// The drawdown that throws the kill switch.
    pub max_drawdown: Option<Amount>,
}

/// Makes a connector instance.
pub type Make = Rc<dyn Fn() -> Result<colibri_abi::Connector, String>>;

/// In which call a connector panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanicIn {
    /// The next, whichever it is.
    AnyCall,
    /// The next that hands it orders.
    Orders,
    /// The next that hands it an answer.
    Answer,
}

/// A process.
pub struct Process {
    /// Its number as the transport knows it: each process of a seed has its own.
    pub index: DriverIndex,
    /// The connector instance for what is large.
    pub lane: Lane,
    /// What its strategies were told.
    pub told: Told,
    desk: Desk<JournalFile<MemoryDisk>>,
    effects: Vec<(DriverIndex, Effect)>,
    make: Make,
    rehearsal: Rehearsal,
    /// A panic that waits for its call, and after how many actions it comes.
    panic: Option<(PanicIn, u32)>,
    /// Panics that were asked for.
    panics: u64,
    /// What its desk was made from.
    recipe: (DriverSetup, EngineRecipe),
    /// What was gathered ahead of the next snapshot of it.
    gathered: Vec<Vec<u8>>,
}

/// What an engine is made from beside the blueprint and the journal.
struct EngineRecipe {
    venue: VenueId,
    account: AccountId,
    environment: String,
    random: SplitMix64,
}

/// The journal of a disk, folded.
///
/// # Errors
/// It is damaged.
pub fn folded(disk: &MemoryDisk) -> Result<Recovered, String> {
    let mut reader = JournalReader::on(disk.clone()).map_err(|e| e.to_string())?;
    let mut recovered = Recovered::default();
    while let Some(batch) = reader.next_batch().map_err(|e| e.to_string())? {
        for record in &batch.records {
            recovered.add(record);
        }
    }
    Ok(recovered)
}

impl Blueprint {
    /// Starts a process: the first of the seed, or one after another was killed.
    ///
    /// # Errors
    /// What a real host would refuse to start with.
    pub fn start(&self, index: DriverIndex, time: HostTime, trace: &mut Trace) -> Result<Process, String> {
        let mut random = SplitMix64::new(self.seed ^ (index.0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let id = JournalId(self.seed);
        let (journal, _) = JournalFile::on(self.disk.clone(), Durability::Process, id).map_err(|e| e.to_string())?;
        let recovered = folded(&self.disk)?;
        let (venue, account) = (named("binance", VenueId::new), named("main", AccountId::new));
        let mut setup = DriverSetup::new(venue.clone(), self.manifest.clone());
        setup.account = Some(account.clone());
        setup.environment = "local".to_owned();
        for (role, address) in [
            ("rest", wire::REST),
            ("market", wire::STREAMS),
            ("ws_api", wire::STREAMS),
        ] {
            setup.addresses.insert(role.to_owned(), address.to_owned());
        }
        setup.credentials = Credentials::none().with_public("api_key", DEMO_API_KEY).with_secret(
            "secret",
            KeyKind::HmacSha256,
            Secret::new(DEMO_SECRET.as_bytes().to_vec()),
        );
        setup.seed = random.next_u64();
        setup.nonce_floor = u64::try_from(time.wall.as_millis()).unwrap_or(0);
        let config = setup.connector_config().map_err(|e| e.to_string())?;
        let json = serde_json::to_vec(&config).map_err(|e| e.to_string())?;
        let (library, name) = (self.library.clone(), self.manifest.name.clone());
        let make: Make = Rc::new(move || library.create(&name, &json).map_err(|e| e.to_string()));
        let driver = Driver::new(&setup, make()?, shared_limiter()).map_err(|e| e.to_string())?;
        let rehearsal = setup.rehearsal.clone();
        let driver_setup = setup.clone();
        setup.seed = setup.seed.rotate_left(32);
        let lane = Lane::start(DriverIndex(index.0 + 1), setup.clone(), make.clone())?;

        let told = Told::default();
        let make_engine = EngineRecipe {
            venue,
            account,
            environment: setup.environment.clone(),
            random,
        };
        let engine = self.engine(&make_engine, recovered, journal, &told)?;
        let mut process = Process {
            index,
            lane,
            told,
            desk: Desk::new(engine, vec![DeskVenue::new(driver).with_bulk_lane()]),
            effects: Vec::new(),
            make,
            rehearsal,
            panic: None,
            panics: 0,
            recipe: (driver_setup, make_engine),
            gathered: Vec::new(),
        };
        process.post(time, DeskInput::Start, trace);
        process.turn(time, None, trace);
        Ok(process)
    }

    fn engine<J: Journal>(
        &self,
        recipe: &EngineRecipe,
        recovered: Recovered,
        journal: J,
        told: &Told,
    ) -> Result<Engine<J>, String> {
        let (mut random, venue) = (recipe.random.clone(), &recipe.venue);
        let risk = RiskLimits {
            max_order_notional: Some(Amount(Decimal::from(MOST_NOTIONAL))),
            max_open_orders: Some(20),
            max_drawdown: self.max_drawdown,
            ..RiskLimits::default()
        };
        let mut engine = Engine::new(
            EngineSetup {
                bot: BOT.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                tick: Millis(1_000),
                seed: random.next_u64(),
                risk,
                recovered,
            },
            journal,
        );
        let pairs: Vec<Pair> = PAIRS.iter().filter_map(|pair| pair.parse().ok()).collect();
        engine.add_venue(VenueSetup {
            venue: venue.clone(),
            account: recipe.account.clone(),
            manifest: self.manifest.clone(),
            pairs: pairs.clone(),
            environment: recipe.environment.clone(),
            adopt: std::collections::BTreeSet::new(),
            contracts: ContractChoices::default(),
        });
        engine.add_strategy(Witness::listening_to(market_maker(venue, &pairs[0])?, told.clone()));
        for (pair, amount) in pairs.iter().zip([Decimal::new(2, 3), Decimal::new(5, 2)]) {
            let id = named(
                &format!("random-{}", pair.base.as_str().to_lowercase()),
                StrategyId::new,
            );
            let trader = RandomTrader::new(id, venue.clone(), pair.clone(), amount, random.next_u64());
            engine.add_strategy(Witness::listening_to(Box::new(trader), told.clone()));
        }
        Ok(engine)
    }
}

fn named<T, E: std::fmt::Debug>(text: &str, make: impl Fn(&str) -> Result<T, E>) -> T {
    make(text).expect("a short name of letters")
}

fn market_maker(venue: &VenueId, pair: &Pair) -> Result<Box<dyn Strategy>, String> {
    let table = format!(
        "venue = \"{venue}\"\nmarket = \"{pair}\"\nbid_spread = 0.0001\nask_spread = 0.0001\norder_amount = 0.002\n\
         order_levels = 2\norder_level_spread = 0.0001\norder_refresh_time = 10\n\
         order_refresh_tolerance_pct = 0.00002\nfilled_order_delay = 8"
    );
    let table = table.parse().map_err(|e: toml::de::Error| e.to_string())?;
    strategy::build("pure_market_making", market_maker_id(), table).map_err(|e| e.to_string())
}

impl Process {
    /// What decides.
    #[must_use]
    pub const fn engine(&self) -> &Engine<JournalFile<MemoryDisk>> {
        self.desk.engine()
    }

    fn driver(&self) -> &Driver {
        self.desk.venues()[0].driver()
    }

    /// When it has something to do by itself.
    #[must_use]
    pub fn next_wake(&self) -> MonoNs {
        self.lane
            .next_wake()
            .into_iter()
            .fold(self.desk.next_wake(), MonoNs::min)
    }

    /// Whether a driver is one of its two.
    #[must_use]
    pub fn has(&self, driver: DriverIndex) -> bool {
        driver == self.index || driver == self.lane.index
    }

    /// How the driver of what is traded is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        self.driver().health()
    }

    /// Faults of connectors that nobody asked for.
    #[must_use]
    pub fn connector_faults(&self) -> u64 {
        (self.driver().health().counts.faults + self.lane.faults).saturating_sub(self.panics)
    }

    /// The connector is to panic in such a call, once it has emitted so many actions.
    pub fn rehearse_panic(&mut self, call: PanicIn, actions: u32) {
        self.panics += 1;
        if call == PanicIn::AnyCall {
            self.rehearsal.panic_after(actions);
        } else {
            self.panic = Some((call, actions));
        }
    }

    /// The bulk lane's connector is to panic in its next call.
    pub fn rehearse_lane_panic(&mut self, actions: u32) {
        self.panics += 1;
        self.lane.rehearsal().panic_after(actions);
    }

    /// No panic is asked for any more.
    pub fn cancel_panics(&mut self) {
        self.panic = None;
        self.rehearsal.cancel();
        self.lane.rehearsal().cancel();
    }

    /// One turn: an event of one of its drivers, or none; then whatever is due, and what follows.
    pub fn turn(&mut self, time: HostTime, event: Option<(DriverIndex, Input<'_>)>, trace: &mut Trace) {
        match event {
            Some((driver, input)) if driver == self.lane.index => self.lane.post(time, input),
            Some((_, input)) => {
                if matches!(input, Input::Http { .. })
                    && let Some((PanicIn::Answer, actions)) = self.panic
                {
                    self.panic = None;
                    self.rehearsal.panic_after(actions);
                }
                let driver = DriverIndex(0);
                self.post(time, DeskInput::Driver { driver, input }, trace);
            }
            None => {}
        }
        if let Err(why) = self.lane.turn(time) {
            trace.line(time.mono, &format!("the bulk lane cannot be made anew: {why}"));
        }
        self.hear_lane(time, trace);
        self.post(time, DeskInput::Turn, trace);
        let actions: Vec<DeskAction> = self.desk.take_actions().collect();
        for action in actions {
            match action {
                DeskAction::Effect { effect, .. } => self.effects.push((self.index, effect)),
                DeskAction::MakeConnector { venue } => {
                    let connector = (self.make)();
                    self.post(time, DeskInput::Made { venue, connector }, trace);
                }
                DeskAction::Log { level, text } => trace.line(time.mono, &format!("{level:?} {text}")),
                DeskAction::Bulk { op, command, .. } => self.lane.command(time, op, &command),
                DeskAction::BulkRest { rest, .. } => self.lane.rest(time, &rest),
                DeskAction::BulkInstruments { instruments, .. } => self.lane.use_instruments(time, instruments),
            }
        }
        self.hear_lane(time, trace);
    }

    /// What the bulk lane reports is an input like any other.
    fn hear_lane(&mut self, time: HostTime, trace: &mut Trace) {
        let venue = VenueIndex(0);
        for report in self.lane.take_reports() {
            self.post(time, DeskInput::Bulk { venue, report }, trace);
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
        let (setup, recipe) = &self.recipe;
        let venue = restored.venues.into_iter().next();
        let (kept, restarts) = venue.ok_or("a snapshot without its venue")?.into_parts();
        let mut config = setup.connector_config().map_err(|e| e.to_string())?;
        config.state = Some(serde_json::from_str(kept.connector_state().get()).map_err(|e| e.to_string())?);
        let json = serde_json::to_vec(&config).map_err(|e| e.to_string())?;
        let connector = blueprint.library.create(&blueprint.manifest.name, &json);
        let connector = connector.map_err(|e| e.to_string())?;
        let driver = Driver::restored(setup, connector, shared_limiter(), kept).map_err(|e| e.to_string())?;
        let venue = DeskVenue::new(driver).with_bulk_lane().restarted(restarts);
        let id = JournalId(blueprint.seed);
        let (elsewhere, _) =
            JournalFile::on(MemoryDisk::default(), Durability::Process, id).map_err(|e| e.to_string())?;
        let mut engine = blueprint.engine(recipe, Recovered::default(), elsewhere, &self.told)?;
        engine.restore(restored.engine).map_err(|e| e.to_string())?;
        let mut desk = Desk::new(engine, vec![venue]);
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
        let lane = self.lane.index;
        effects.extend(self.lane.take_effects().into_iter().map(|effect| (lane, effect)));
        effects
    }

    fn post(&mut self, time: HostTime, input: DeskInput<'_>, trace: &mut Trace) {
        let mut onlooker = Onlooker {
            at: time.mono,
            trace,
            rehearsal: &self.rehearsal,
            panic: &mut self.panic,
        };
        self.desk.post(time, input, &mut onlooker);
    }
}

struct Onlooker<'a> {
    at: MonoNs,
    trace: &'a mut Trace,
    rehearsal: &'a Rehearsal,
    panic: &'a mut Option<(PanicIn, u32)>,
}

impl Observer for Onlooker<'_> {
    fn completed(&mut self, _: VenueIndex, op: OpId, outcome: &Outcome) {
        if *outcome != Outcome::Done {
            self.trace.line(self.at, &format!("{op} ended: {outcome:?}"));
        }
    }
    fn orders(&mut self, _: VenueIndex, _: &[OrderOp]) {
        if let Some((PanicIn::Orders, actions)) = *self.panic {
            *self.panic = None;
            self.rehearsal.panic_after(actions);
        }
    }
    fn session(&mut self, _: VenueIndex, role: SessionRole, status: SessionStatus) {
        self.trace.line(self.at, &format!("session {role:?} {status:?}"));
    }
}
