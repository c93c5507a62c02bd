//! The host's process as far as it decides: engine, driver, journal and the real connector, without socket or thread.

use std::rc::Rc;

use colibri_desk::{Desk, DeskAction, DeskInput, DeskVenue, Observer, Operator};
use colibri_driver::{
    Credentials, Driver, DriverIndex, DriverSetup, Effect, HostTime, Input, LimitShare, Limiter, Secret,
};
use colibri_engine::risk::RiskLimits;
use colibri_engine::strategy::{self, Strategy};
use colibri_engine::{Engine, EngineSetup, Recovered, VenueIndex, VenueSetup};
use colibri_loader::Library;
use colibri_model::{AccountId, Amount, Decimal, Millis, MonoNs, OpId, Pair, SplitMix64, StrategyId, VenueId};
use colibri_sim::config::{DEMO_API_KEY, DEMO_SECRET};
use colibri_standard::{ConnectorManifest, KeyKind, Outcome, SessionRole, SessionStatus};
use colibri_store::journal::{Durability, JournalFile, JournalId, JournalReader, MemoryDisk};

use super::trace::Trace;
use super::trader::RandomTrader;
use super::wire;

/// The largest notional of one order: no order at the exchange may be above it.
pub const MOST_NOTIONAL: i64 = 5_000;
/// The pairs that are traded.
pub const PAIRS: [&str; 2] = ["BTC-USDT", "ETH-USDT"];

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
}

/// A process.
pub struct Process {
    /// Its number as the transport knows it: each process of a seed has its own.
    pub index: DriverIndex,
    desk: Desk<JournalFile<MemoryDisk>>,
    effects: Vec<Effect>,
    make: Box<dyn Fn() -> Result<colibri_abi::Connector, String>>,
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
        let make = Box::new(move || library.create(&name, &json).map_err(|e| e.to_string()));
        let driver = Driver::new(&setup, make()?, Limiter::shared(LimitShare::WHOLE)).map_err(|e| e.to_string())?;

        let risk = RiskLimits {
            max_order_notional: Some(Amount(Decimal::from(MOST_NOTIONAL))),
            max_open_orders: Some(20),
            ..RiskLimits::default()
        };
        let mut engine = Engine::new(
            EngineSetup {
                bot: "chaos".to_owned(),
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
            account,
            manifest: self.manifest.clone(),
            pairs: pairs.clone(),
        });
        engine.add_strategy(market_maker(&venue, &pairs[0])?);
        for (pair, amount) in pairs.iter().zip([Decimal::new(2, 3), Decimal::new(5, 2)]) {
            let id = named(
                &format!("random-{}", pair.base.as_str().to_lowercase()),
                StrategyId::new,
            );
            let trader = RandomTrader::new(id, venue.clone(), pair.clone(), amount, random.next_u64());
            engine.add_strategy(Box::new(trader));
        }
        let mut process = Process {
            index,
            desk: Desk::new(engine, vec![DeskVenue::new(driver)]),
            effects: Vec::new(),
            make,
        };
        process.post(time, DeskInput::Start, trace);
        process.turn(time, None, trace);
        Ok(process)
    }
}

fn named<T, E: std::fmt::Debug>(text: &str, make: impl Fn(&str) -> Result<T, E>) -> T {
    make(text).expect("a short name of letters")
}

fn market_maker(venue: &VenueId, pair: &Pair) -> Result<Box<dyn Strategy>, String> {
    let table = format!(
        "venue = \"{venue}\"\nmarket = \"{pair}\"\nbid_spread = 0.0001\nask_spread = 0.0001\norder_amount = 0.002\n\
         order_levels = 2\norder_level_spread = 0.0001\norder_refresh_time = 4\n\
         order_refresh_tolerance_pct = 0.00002\nfilled_order_delay = 1"
    );
    let table = table.parse().map_err(|e: toml::de::Error| e.to_string())?;
    strategy::build("pure_market_making", named("maker", StrategyId::new), table).map_err(|e| e.to_string())
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
        self.desk.next_wake()
    }

    /// Operations that the driver has not ended.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.driver().health().operations
    }

    /// Faults of the connector.
    #[must_use]
    pub fn connector_faults(&self) -> u64 {
        self.driver().health().counts.faults
    }

    /// One turn: an event, or none; then whatever is due, and what follows.
    pub fn turn(&mut self, time: HostTime, input: Option<Input<'_>>, trace: &mut Trace) {
        if let Some(input) = input {
            let driver = DriverIndex(0);
            self.post(time, DeskInput::Driver { driver, input }, trace);
        }
        self.post(time, DeskInput::Turn, trace);
        let actions: Vec<DeskAction> = self.desk.take_actions().collect();
        for action in actions {
            match action {
                DeskAction::Effect { effect, .. } => self.effects.push(effect),
                DeskAction::MakeConnector { venue } => {
                    let connector = (self.make)();
                    self.post(time, DeskInput::Made { venue, connector }, trace);
                }
                DeskAction::Log { level, text } => trace.line(time.mono, &format!("{level:?} {text}")),
                // Its venue has no bulk lane.
                DeskAction::Bulk { .. } | DeskAction::BulkInstruments { .. } => {}
            }
        }
    }

    /// Begins to stop.
    pub fn stop(&mut self, time: HostTime, trace: &mut Trace) {
        let stop = Operator::Stop("the seed is over".to_owned());
        self.post(time, DeskInput::Operator(&stop), trace);
        self.turn(time, None, trace);
    }

    /// What the wires are to do.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    fn post(&mut self, time: HostTime, input: DeskInput<'_>, trace: &mut Trace) {
        let mut onlooker = Onlooker { at: time.mono, trace };
        self.desk.post(time, input, &mut onlooker);
    }
}

struct Onlooker<'a> {
    at: MonoNs,
    trace: &'a mut Trace,
}

impl Observer for Onlooker<'_> {
    fn completed(&mut self, _: VenueIndex, op: OpId, outcome: &Outcome) {
        if *outcome != Outcome::Done {
            self.trace.line(self.at, &format!("{op} ended: {outcome:?}"));
        }
    }
    fn session(&mut self, _: VenueIndex, role: SessionRole, status: SessionStatus) {
        self.trace.line(self.at, &format!("session {role:?} {status:?}"));
    }
}
