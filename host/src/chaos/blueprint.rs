//! What every process of a seed is made from: the library, the disk, the caps, the strategies.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use colibri_driver::{DriverIndex, HostTime};
use colibri_engine::risk::RiskLimits;
use colibri_engine::strategy::{self, Strategy};
use colibri_engine::{ContractChoices, Engine, EngineSetup, Recovered, VenueSetup};
use colibri_loader::Library;
use colibri_model::{Amount, Decimal, Journal, Millis, Pair, SplitMix64, StrategyId};
use colibri_standard::ConnectorManifest;
use colibri_store::journal::{Durability, JournalFile, JournalId, JournalReader, MemoryDisk};

use super::contract_plan::ContractPlan;
use super::contract_trader::ContractTrader;
use super::process::Process;
use super::stage::{Face, Stage};
use super::station::{self, Place, Station, venue_of};
use super::trace::Trace;
use super::trader::RandomTrader;
use super::witness::{Told, Witness};
use crate::runtime::setup::shared_limiter;

/// The largest notional of one order: no order at the exchange may be above it.
pub const MOST_NOTIONAL: i64 = 5_000;

/// The bot's name.
pub const BOT: &str = "chaos";

/// What every process of a seed is made from.
pub struct Blueprint {
    /// The connector's library, loaded once.
    pub library: Rc<Library>,
    /// The manifests of its connectors.
    pub manifests: BTreeMap<Face, ConnectorManifest>,
    /// Where it trades.
    pub stage: Stage,
    /// How it trades contracts.
    pub plan: ContractPlan,
    /// The disk, which outlives the process.
    pub disk: MemoryDisk,
    /// The seed.
    pub seed: u64,
    /// The drawdown that throws the kill switch.
    pub max_drawdown: Option<Amount>,
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

/// The strategy that an order of the bot's at a face is of, where it was placed by a run whose journal is lost.
#[must_use]
pub fn strategy_at(stage: Stage, face: Face) -> StrategyId {
    match (stage, face) {
        (Stage::Spot, _) => named("maker", StrategyId::new),
        (_, face) => trader_id(face, "btc"),
    }
}

fn trader_id(face: Face, base: &str) -> StrategyId {
    let kind = match face {
        Face::Spot => "random",
        Face::Contracts => "contract",
    };
    named(&format!("{kind}-{base}"), StrategyId::new)
}

pub(super) fn named<T, E: std::fmt::Debug>(text: &str, make: impl Fn(&str) -> Result<T, E>) -> T {
    make(text).expect("a short name of letters")
}

impl Blueprint {
    /// The manifest of a face's connector.
    ///
    /// # Errors
    /// The library has none.
    pub fn manifest(&self, face: Face) -> Result<&ConnectorManifest, String> {
        let manifest = self.manifests.get(&face);
        manifest.ok_or_else(|| format!("the library has no connector {:?}", face.connector()))
    }

    /// Starts a process: the first of the seed, or one after another was killed. Its drivers have the numbers from `index` on.
    ///
    /// # Errors
    /// What a real host would refuse to start with.
    pub fn start(&self, index: DriverIndex, time: HostTime, trace: &mut Trace) -> Result<Process, String> {
        let mut random = SplitMix64::new(self.seed ^ (index.0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let id = JournalId(self.seed);
        let (journal, _) = JournalFile::on(self.disk.clone(), Durability::Process, id).map_err(|e| e.to_string())?;
        let recovered = folded(&self.disk)?;
        let limiter = shared_limiter();
        let faces = self.stage.faces();
        let (mut stations, mut drivers) = (Vec::new(), Vec::new());
        for (at, face) in faces.iter().enumerate() {
            let place = Place {
                index: DriverIndex(index.0 + 2 * at),
                of: faces.len(),
                nonce_floor: u64::try_from(time.wall.as_millis()).unwrap_or(0),
            };
            let made_of = (&self.library, self.manifest(*face)?);
            let (station, driver) = Station::start(made_of, *face, place, limiter.clone(), &mut random)?;
            stations.push(station);
            drivers.push(driver);
        }
        let told = Told::default();
        let engine = self.engine(&random, recovered, journal, &told)?;
        let mut process = Process::new(engine, (stations, drivers), told, random);
        process.begin(time, trace);
        Ok(process)
    }

    /// The engine of a process, its venues and strategies added.
    ///
    /// # Errors
    /// A strategy's table is wrong.
    pub fn engine<J: Journal>(
        &self,
        random: &SplitMix64,
        recovered: Recovered,
        journal: J,
        told: &Told,
    ) -> Result<Engine<J>, String> {
        let mut random = random.clone();
        let pairs: Vec<Pair> = self.stage.pairs().iter().filter_map(|pair| pair.parse().ok()).collect();
        let has_contracts = self.stage.has(Face::Contracts);
        let risk = RiskLimits {
            max_order_notional: Some(Amount(Decimal::from(MOST_NOTIONAL))),
            max_open_orders: Some(20),
            max_drawdown: self.max_drawdown,
            max_position: if has_contracts {
                ContractPlan::caps(&pairs)
            } else {
                BTreeMap::new()
            },
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
        for face in self.stage.faces() {
            let contracts = match face {
                Face::Spot => ContractChoices::default(),
                Face::Contracts => self.plan.choices(&pairs),
            };
            engine.add_venue(VenueSetup {
                venue: venue_of(*face),
                account: station::account(),
                manifest: self.manifest(*face)?.clone(),
                pairs: pairs.clone(),
                environment: station::ENVIRONMENT.to_owned(),
                adopt: BTreeSet::new(),
                contracts,
            });
        }
        let mut add = |strategy| engine.add_strategy(Witness::listening_to(strategy, told.clone()));
        if self.stage == Stage::Spot {
            add(market_maker(&pairs[0])?);
        }
        for face in self.stage.faces() {
            for (pair, amount) in pairs.iter().zip([Decimal::new(2, 3), Decimal::new(5, 2)]) {
                let id = trader_id(*face, &pair.base.as_str().to_lowercase());
                let (venue, pair, seed) = (venue_of(*face), pair.clone(), random.next_u64());
                add(match face {
                    Face::Spot => Box::new(RandomTrader::new(id, venue, pair, amount, seed)),
                    Face::Contracts => {
                        // Positions come near their cap, and their margin to its end.
                        let amount = amount * Decimal::from(8);
                        let mode = self.plan.position_mode;
                        Box::new(ContractTrader::new(id, venue, pair, amount, mode, seed))
                    }
                });
            }
        }
        Ok(engine)
    }
}

fn market_maker(pair: &Pair) -> Result<Box<dyn Strategy>, String> {
    let venue = venue_of(Face::Spot);
    let table = format!(
        "venue = \"{venue}\"\nmarket = \"{pair}\"\nbid_spread = 0.0001\nask_spread = 0.0001\norder_amount = 0.002\n\
         order_levels = 2\norder_level_spread = 0.0001\norder_refresh_time = 10\n\
         order_refresh_tolerance_pct = 0.00002\nfilled_order_delay = 8"
    );
    let table = table.parse().map_err(|e: toml::de::Error| e.to_string())?;
    strategy::build("pure_market_making", strategy_at(Stage::Spot, Face::Spot), table).map_err(|e| e.to_string())
}
