//! A floor of several venues with two instruments each, for what streams do and do not tell. Orders go to the scripted
//! exchange of the desk; books are the floor's own.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use colibri_abi::{BookBatch, Level, book_flag};
use colibri_engine::strategy::{self, BookNeed, Input, MarketNeed, PauseReason, Strategy, StrategyActions};
use colibri_engine::{
    ContractChoices, Engine, EngineAction, EngineSetup, HostNow, MarketView, StrategyState, StrategyView, VenueIndex,
    VenueSetup, View,
};
use colibri_model::{AccountId, InstrumentId, MonoNs, Pair, StrategyId, VenueId, WallNs};
use colibri_standard::{
    Channel, Command, Event, Manifest, Outcome, Refusal, RejectReason, SessionPart, SessionRole, SessionStatus,
    Subscription,
};

use crate::desk::{Delivery, Exchange, MANIFEST, Memory, START};

/// What a strategy was told, as far as a test asks.
pub type Told = Rc<RefCell<Vec<(String, String)>>>;

/// One venue of the floor.
pub struct Site {
    pub exchange: Exchange,
    /// The last update of each book at the exchange.
    pub book_ids: [u64; 2],
    /// When a snapshot of which instrument was asked for, and how deep.
    pub asked: Vec<(u64, InstrumentId, u32)>,
    /// When open orders were asked for.
    pub reconciled: Vec<u64>,
    /// Whether requests for snapshots fail.
    pub snapshots_fail: bool,
}

#[derive(Debug, Clone)]
enum News {
    Plain(Box<Delivery>),
    Book { instrument: u32, id: u64, flags: u32 },
}

pub struct Floor {
    pub engine: Engine<Memory>,
    pub sites: Vec<Site>,
    pub told: Told,
    pub log: Vec<String>,
    pub millis: u64,
    queue: BTreeMap<(u64, u64), (usize, News)>,
    sequence: u64,
}

/// A strategy that writes down when it is paused and resumed.
struct Witness {
    inner: Box<dyn Strategy>,
    id: StrategyId,
    need: BookNeed,
    told: Told,
}

impl Strategy for Witness {
    fn id(&self) -> &StrategyId {
        &self.id
    }
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }
    fn needs(&self) -> Vec<MarketNeed> {
        self.inner.needs()
    }
    fn book_need(&self) -> BookNeed {
        self.need
    }
    fn input(&mut self, input: Input<'_>, view: &View<'_>, actions: &mut StrategyActions) {
        let word = match input {
            Input::Started => Some("started".to_owned()),
            Input::Paused(reason) => Some(format!("paused: {}", view.pause_in_words(reason))),
            Input::Resumed => Some("resumed".to_owned()),
            _ => None,
        };
        if let Some(word) = word {
            self.told.borrow_mut().push((self.id.to_string(), word));
        }
        self.inner.input(input, view, actions);
    }
}

impl Floor {
    /// Venues of these names, and a market maker for each strategy: its name, venue, pair, and what it needs of books.
    pub fn new(venues: &[&str], strategies: &[(&str, &str, &str, BookNeed)]) -> Floor {
        Floor::with_manifest(MANIFEST, venues, strategies)
    }

    /// As [`Floor::new`], with a manifest of the test's own.
    pub fn with_manifest(manifest: &str, venues: &[&str], strategies: &[(&str, &str, &str, BookNeed)]) -> Floor {
        Floor::made(manifest, venues, strategies, &["BTC-USDT", "ETH-USDT"], &[])
    }

    /// As [`Floor::new`]; ETH-USDT is watched only.
    pub fn watching(venues: &[&str], strategies: &[(&str, &str, &str, BookNeed)]) -> Floor {
        Floor::made(MANIFEST, venues, strategies, &["BTC-USDT"], &["ETH-USDT"])
    }

    fn made(
        manifest: &str,
        venues: &[&str],
        strategies: &[(&str, &str, &str, BookNeed)],
        traded: &[&str],
        watched: &[&str],
    ) -> Floor {
        let pairs = |of: &[&str]| of.iter().map(|pair| pair.parse().unwrap()).collect::<Vec<Pair>>();
        let manifest = Manifest::parse(manifest).unwrap().connector("fake").unwrap().clone();
        let setup = EngineSetup {
            bot: "bot".to_owned(),
            version: "test".to_owned(),
            seed: 7,
            ..EngineSetup::default()
        };
        let mut engine = Engine::new(setup, Memory::default());
        for venue in venues {
            let index = engine.add_venue(VenueSetup {
                venue: VenueId::new(venue).unwrap(),
                account: AccountId::new("main").unwrap(),
                manifest: manifest.clone(),
                pairs: pairs(traded),
                environment: "live".to_owned(),
                adopt: std::collections::BTreeSet::new(),
                contracts: ContractChoices::default(),
            });
            engine.watch(index, pairs(watched));
        }
        let told = Told::default();
        for (id, venue, pair, need) in strategies {
            let table = format!(
                "venue = {venue:?}\nmarket = {pair:?}\nbid_spread = 0.01\nask_spread = 0.01\norder_amount = 1\n\
                 order_refresh_time = 10\n"
            );
            let id = StrategyId::new(id).unwrap();
            engine.add_strategy(Box::new(Witness {
                inner: strategy::build("pure_market_making", id.clone(), table.parse().unwrap()).unwrap(),
                id,
                need: *need,
                told: Rc::clone(&told),
            }));
        }
        let site = || Site {
            exchange: Exchange::new(),
            book_ids: [100, 100],
            asked: Vec::new(),
            reconciled: Vec::new(),
            snapshots_fail: false,
        };
        Floor {
            engine,
            sites: venues.iter().map(|_| site()).collect(),
            told,
            log: Vec::new(),
            millis: 0,
            queue: BTreeMap::new(),
            sequence: 0,
        }
    }

    pub fn now(&self) -> HostNow {
        HostNow {
            mono: MonoNs(self.millis * 1_000_000),
            wall: WallNs::from_millis(START + i64::try_from(self.millis).unwrap()),
        }
    }

    pub fn view(&self) -> View<'_> {
        self.engine.view()
    }

    pub fn market(&self, venue: usize, instrument: usize) -> MarketView<'_> {
        self.view()
            .venue(VenueIndex(venue))
            .unwrap()
            .markets()
            .nth(instrument)
            .unwrap()
    }

    pub fn strategy(&self, at: usize) -> StrategyView<'_> {
        self.view().strategies().nth(at).unwrap()
    }

    /// Why a strategy rests or waits, in words.
    pub fn why(&self, at: usize) -> String {
        self.view().pause_in_words(self.strategy(at).obstacle.unwrap())
    }

    /// Why a strategy is paused; it is.
    pub fn pause(&self, at: usize) -> PauseReason {
        match self.strategy(at).state {
            StrategyState::Paused(reason) => reason,
            other => panic!("it is {other:?}"),
        }
    }

    pub fn told_of(&self, strategy: &str) -> Vec<String> {
        let told = self.told.borrow();
        let its = told.iter().filter(|(id, _)| id == strategy);
        its.map(|(_, word)| word.clone()).collect()
    }

    pub fn start(&mut self) {
        let now = self.now();
        self.engine.start(now);
        self.drain();
        self.run(2_000);
    }

    fn post(&mut self, after: u64, venue: usize, news: News) {
        self.sequence += 1;
        self.queue.insert((self.millis + after, self.sequence), (venue, news));
    }

    /// A session of a venue moves.
    pub fn session(&mut self, venue: usize, role: SessionRole, status: SessionStatus) {
        for (after, delivery) in self.sites[venue].exchange.session(role, status) {
            self.post(after, venue, News::Plain(delivery.into()));
        }
        self.run(0);
    }

    /// The stream that carries one book of a venue moves, and no other of its session.
    pub fn part(&mut self, venue: usize, instrument: usize, status: SessionStatus) {
        let instrument = InstrumentId(u32::try_from(instrument).unwrap() + 1);
        let channels = vec![Channel::Book, Channel::Trades];
        let part = Event::SessionPart(SessionPart {
            session: 1,
            status,
            subscriptions: vec![Subscription { instrument, channels }],
            reason: (status == SessionStatus::Down).then(|| "the stream is closed (code 1006)".to_owned()),
        });
        self.post(0, venue, News::Plain(Delivery::Event(part).into()));
        self.run(0);
    }

    /// The book moves at the exchange, and the stream does not tell.
    pub fn moves_unseen(&mut self, venue: usize, instrument: usize) {
        self.sites[venue].book_ids[instrument] += 1;
    }

    /// The book moves and the stream tells.
    pub fn beat(&mut self, venue: usize, instrument: usize) {
        self.sites[venue].book_ids[instrument] += 1;
        let id = self.sites[venue].book_ids[instrument];
        let instrument = u32::try_from(instrument).unwrap() + 1;
        self.post(
            0,
            venue,
            News::Book {
                instrument,
                id,
                flags: 0,
            },
        );
        self.run(0);
    }

    /// Time goes on, and these books beat every second.
    pub fn run_beating(&mut self, seconds: u64, books: &[(usize, usize)]) {
        for _ in 0..seconds {
            self.run(1_000);
            for &(venue, instrument) in books {
                self.beat(venue, instrument);
            }
        }
    }

    /// Runs virtual time on: deliveries and wakes in order.
    pub fn run(&mut self, millis: u64) {
        let end = self.millis + millis;
        let mut turns = 0;
        loop {
            turns += 1;
            assert!(turns < 100_000, "the engine wakes without end at {} ms", self.millis);
            let wake = self.engine.next_wake().0.div_ceil(1_000_000).max(self.millis);
            let next = self.queue.keys().next().map_or(u64::MAX, |k| k.0).min(wake);
            if next > end {
                break;
            }
            self.millis = next;
            while let Some(entry) = self.queue.first_entry().filter(|e| e.key().0 <= self.millis) {
                let (venue, news) = entry.remove();
                self.hand_over(VenueIndex(venue), news);
                let now = self.now();
                self.engine.settle(now);
                self.drain();
            }
            if wake <= self.millis {
                let now = self.now();
                self.engine.tick(now);
                self.drain();
            }
        }
        self.millis = end;
    }

    fn hand_over(&mut self, venue: VenueIndex, news: News) {
        let now = self.now();
        match news {
            News::Plain(delivery) => match *delivery {
                Delivery::Event(event) => self.engine.on_event(venue, event, now),
                Delivery::Completed(op, outcome) => self.engine.on_completed(venue, op, outcome, now),
                Delivery::Session(role, status) => self.engine.on_session(venue, role, status, now),
                other => panic!("{other:?} is not of the floor"),
            },
            News::Book { instrument, id, flags } => {
                let level = |price| {
                    [Level {
                        price,
                        quantity: 50_000,
                    }]
                };
                let (bids, asks) = match flags & book_flag::SNAPSHOT {
                    0 => (Vec::new(), Vec::new()),
                    _ => (level(9_990).to_vec(), level(10_010).to_vec()),
                };
                let batch = BookBatch {
                    instrument,
                    flags: flags | book_flag::RANGE_IDS,
                    first_id: id,
                    last_id: id,
                    previous_id: 0,
                    exchange_ns: 0,
                    checksum: 0,
                    price_exponent: -2,
                    quantity_exponent: -4,
                    reserved: 0,
                    bids: bids.as_slice().into(),
                    asks: asks.as_slice().into(),
                    ext: [0; 4],
                };
                self.engine.on_book(venue, &batch, now);
            }
        }
    }

    fn drain(&mut self) {
        let actions: Vec<EngineAction> = self.engine.take_actions().collect();
        let now = self.now();
        for action in actions {
            let venue = match &action {
                EngineAction::Log { text, .. } => {
                    self.log.push(text.clone());
                    continue;
                }
                EngineAction::Orders { venue, .. }
                | EngineAction::Command { venue, .. }
                | EngineAction::Subscribe { venue, .. }
                | EngineAction::Reopen { venue, .. } => venue.0,
            };
            if let EngineAction::Command {
                op,
                command: Command::BookSnapshot(snapshot),
                ..
            } = &action
            {
                let (at, fails) = (self.millis, self.sites[venue].snapshots_fail);
                self.sites[venue].asked.push((at, snapshot.instrument, snapshot.depth));
                if fails {
                    let refusal = Refusal::new(RejectReason::NotConnected, "no answer");
                    self.post(
                        5,
                        venue,
                        News::Plain(Delivery::Completed(*op, Outcome::Unknown(refusal)).into()),
                    );
                    continue;
                }
                let instrument = snapshot.instrument.0;
                let id = self.sites[venue].book_ids[instrument as usize - 1];
                let flags = book_flag::SNAPSHOT;
                self.post(5, venue, News::Book { instrument, id, flags });
                self.post(5, venue, News::Plain(Delivery::Completed(*op, Outcome::Done).into()));
                continue;
            }
            if let EngineAction::Command {
                command: Command::OpenOrders(query),
                ..
            } = &action
                && query.instrument == Some(InstrumentId(1))
            {
                let at = self.millis;
                self.sites[venue].reconciled.push(at);
            }
            for (after, delivery) in self.sites[venue].exchange.act(action, now) {
                self.post(after, venue, News::Plain(with_both_instruments(delivery).into()));
            }
        }
    }
}

/// The desk's exchange knows one instrument; the floor's venues list a second like it.
fn with_both_instruments(delivery: Delivery) -> Delivery {
    match delivery {
        Delivery::Event(Event::Instruments(mut event)) => {
            let mut second = event.instruments[0].clone();
            second.pair = "ETH-USDT".parse::<Pair>().unwrap();
            second.symbol = "ETHUSDT".to_owned();
            event.instruments.push(second);
            Delivery::Event(event.into())
        }
        other => other,
    }
}
