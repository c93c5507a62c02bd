//! An engine at a desk with a scripted exchange: virtual time, no socket, every answer under the test's control.
#![allow(clippy::unwrap_used)]

mod exchange;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use colibri_abi::{BookBatch, Level, book_flag};
use colibri_engine::orders::InFlightOrder;
use colibri_engine::risk::RiskLimits;
use colibri_engine::strategy::{Input, MarketNeed, Strategy, StrategyActions};
use colibri_engine::{
    ContractChoices, Engine, EngineAction, EngineSetup, HostNow, LogLevel, Recovered, RecoveredOrder, VenueIndex,
    VenueSetup, View,
};
use colibri_model::{
    AccountId, Decimal, Journal, JournalError, Millis, MonoNs, OpId, Quantity, Record, StrategyId, VenueId, WallNs,
};
use colibri_standard::{ConnectorManifest, Event, Manifest, Outcome, SessionRole, SessionStatus};

pub use exchange::{Amendment, Exchange, Naming, OWN_NAMES, Perp, Placement, Replacing, Resting};

pub const START: i64 = 1_700_000_000_000;
const V: VenueIndex = VenueIndex(0);

/// A journal in memory that can be made to fail.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub Rc<RefCell<MemoryInner>>);

#[derive(Debug, Default)]
pub struct MemoryInner {
    pub records: Vec<Record>,
    pub fails: Option<String>,
}

impl Journal for Memory {
    fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        let mut inner = self.0.borrow_mut();
        if let Some(why) = &inner.fails {
            return Err(JournalError(why.clone()));
        }
        inner.records.extend_from_slice(records);
        Ok(())
    }
}

/// Something that reaches the engine.
#[derive(Debug, Clone)]
pub enum Delivery {
    Event(Event),
    Completed(OpId, Outcome),
    Session(SessionRole, SessionStatus),
    Book {
        ids: (u64, u64),
        flags: u32,
        bids: Vec<Level>,
        asks: Vec<Level>,
    },
    /// As `Book`, with everything that a message about a book can carry.
    Message(BookMessage),
}

/// A message about a book, owned.
#[derive(Debug, Clone, Default)]
pub struct BookMessage {
    pub flags: u32,
    pub ids: (u64, u64),
    pub previous: u64,
    pub exchange_ns: i64,
    pub checksum: u32,
    /// Where it is not that of the instrument.
    pub price_exponent: Option<i32>,
    pub bids: Vec<Level>,
    pub asks: Vec<Level>,
}

impl BookMessage {
    fn batch(&self) -> BookBatch<'_> {
        BookBatch {
            instrument: 1,
            flags: self.flags,
            first_id: self.ids.0,
            last_id: self.ids.1,
            previous_id: self.previous,
            exchange_ns: self.exchange_ns,
            checksum: self.checksum,
            price_exponent: self.price_exponent.unwrap_or(-2),
            quantity_exponent: -4,
            reserved: 0,
            bids: self.bids.as_slice().into(),
            asks: self.asks.as_slice().into(),
            ext: [0; 4],
        }
    }
}

pub struct Desk {
    pub engine: Engine<Memory>,
    pub journal: Memory,
    pub exchange: Exchange,
    pub log: Vec<(LogLevel, String)>,
    millis: u64,
    queue: BTreeMap<(u64, u64), Delivery>,
    sequence: u64,
}

pub const MANIFEST: &str = r#"
    [library]
    name = "fake"
    version = "0.1.0"
    abi = "1.0"
    maintainer = "tests"
    licence = "Apache-2.0"
    [[connector]]
    name = "fake"
    standard = "spot"
    documentation = "https://example.com"
    capabilities = ["user_stream", "limit_maker", "status_by_client_id", "fee_rates", "order_history"]
    orders = { place = "place", cancel = "cancel", amend = "amend", replace = "replace" }
    book = { rule = "overlap", snapshot_by_request = true, snapshot_depth = 100 }
    client_id = { max_length = 36 }
    environments.live = { rest = "https://api.example.com" }
    endpoints.place = { method = "POST", host = "rest", path = "/order" }
    endpoints.cancel = { method = "DELETE", host = "rest", path = "/order" }
    endpoints.amend = { method = "PUT", host = "rest", path = "/order" }
    endpoints.replace = { method = "POST", host = "rest", path = "/replace" }
"#;

/// How the manifest says that books are sequenced, unless a test says otherwise.
pub const BOOK_RULE: &str = r#"rule = "overlap", snapshot_by_request = true, snapshot_depth = 100"#;

pub const QUOTES: &str = r#"
    venue = "fake"
    market = "BTC-USDT"
    bid_spread = 0.01
    ask_spread = 0.01
    order_amount = 1
    order_refresh_time = 10
    filled_order_delay = 2
"#;

impl Desk {
    pub fn new(strategy: &str) -> Desk {
        Desk::with(strategy, Recovered::default(), Exchange::new(), Memory::default())
    }

    pub fn limited(strategy: &str, risk: RiskLimits) -> Desk {
        let (recovered, exchange) = (Recovered::default(), Exchange::new());
        Desk::with_limits(strategy, recovered, exchange, Memory::default(), risk)
    }

    pub fn with(strategy: &str, recovered: Recovered, exchange: Exchange, journal: Memory) -> Desk {
        Desk::with_limits(strategy, recovered, exchange, journal, RiskLimits::default())
    }

    /// An exchange of which the manifest says how books are sequenced.
    pub fn of_rule(strategy: Box<dyn Strategy>, book_rule: &'static str) -> Desk {
        let mut exchange = Exchange::new();
        exchange.book_rule = book_rule;
        Desk::made(
            strategy,
            Recovered::default(),
            exchange,
            Memory::default(),
            RiskLimits::default(),
        )
    }

    /// As [`Desk::limited`], for a strategy of the test's own.
    pub fn of_strategy(strategy: Box<dyn Strategy>, risk: RiskLimits) -> Desk {
        let (recovered, exchange) = (Recovered::default(), Exchange::new());
        Desk::made(strategy, recovered, exchange, Memory::default(), risk)
    }

    fn with_limits(
        strategy: &str,
        recovered: Recovered,
        exchange: Exchange,
        journal: Memory,
        risk: RiskLimits,
    ) -> Desk {
        Desk::made(Box::new(Shrinking(pmm(strategy))), recovered, exchange, journal, risk)
    }

    pub fn made(
        strategy: Box<dyn Strategy>,
        recovered: Recovered,
        exchange: Exchange,
        journal: Memory,
        risk: RiskLimits,
    ) -> Desk {
        let manifest = manifest_of(&exchange);
        let setup = EngineSetup {
            bot: "bot".to_owned(),
            version: "test".to_owned(),
            seed: 7,
            recovered,
            risk,
            ..EngineSetup::default()
        };
        let mut engine = Engine::new(setup, journal.clone());
        engine.add_venue(VenueSetup {
            venue: VenueId::new("fake").unwrap(),
            account: AccountId::new("main").unwrap(),
            manifest,
            pairs: vec!["BTC-USDT".parse().unwrap()],
            environment: exchange.environment.clone(),
            adopt: exchange.adopt.clone(),
            contracts: exchange
                .perp
                .as_ref()
                .map(|perp| perp.choices.clone())
                .unwrap_or_default(),
        });
        engine.add_strategy(strategy);
        Desk {
            engine,
            journal,
            exchange,
            log: Vec::new(),
            millis: 0,
            queue: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// What a bot of another account makes of this one's journal.
    pub fn orphans_of_another_account(&self) -> Vec<RecoveredOrder> {
        let setup = EngineSetup {
            recovered: Recovered::from_records(&self.journal.0.borrow().records),
            ..EngineSetup::default()
        };
        let mut engine = Engine::new(setup, Memory::default());
        engine.add_venue(VenueSetup {
            venue: VenueId::new("fake").unwrap(),
            account: AccountId::new("other").unwrap(),
            manifest: Manifest::parse(MANIFEST).unwrap().connector("fake").unwrap().clone(),
            pairs: vec!["BTC-USDT".parse().unwrap()],
            environment: "live".to_owned(),
            adopt: BTreeSet::new(),
            contracts: ContractChoices::default(),
        });
        let orphans = engine.orphans().cloned().collect();
        engine.start(self.now());
        assert_eq!(engine.view().venues().next().unwrap().orders().count(), 0);
        orphans
    }

    /// The host dies: what was on its way to it is lost, what the exchange and the journal hold is not. Another begins a
    /// while later.
    pub fn crash(self, strategy: &str, after: u64) -> Desk {
        self.crash_limited(strategy, after, RiskLimits::default())
    }

    /// As [`Desk::crash`], and the other is limited.
    pub fn crash_limited(self, strategy: &str, after: u64, risk: RiskLimits) -> Desk {
        let recovered = Recovered::from_records(&self.journal.0.borrow().records);
        let mut desk = Desk::with_limits(strategy, recovered, self.exchange, self.journal, risk);
        desk.millis = self.millis + after;
        // The new host opens its streams anew.
        desk.exchange.stream_is_up = true;
        desk
    }

    /// How much time has passed.
    pub fn millis(&self) -> u64 {
        self.millis
    }

    /// It is so late when a new host begins, which opens its streams anew.
    pub fn begin_at(&mut self, millis: u64) {
        self.millis = millis;
        self.exchange.stream_is_up = true;
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

    pub fn deliver(&mut self, after: u64, delivery: Delivery) {
        self.sequence += 1;
        self.queue.insert((self.millis + after, self.sequence), delivery);
    }

    /// Starts and runs until the strategy has placed its quotes.
    pub fn start(&mut self) {
        let now = self.now();
        self.engine.start(now);
        self.drain();
        self.run(2_000);
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
                let delivery = entry.remove();
                self.hand_over(&delivery);
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

    fn hand_over(&mut self, delivery: &Delivery) {
        let now = self.now();
        hand_over(&mut self.engine, V, delivery, now);
    }

    /// Takes the engine's actions to the exchange and its answers into the queue.
    pub fn drain(&mut self) {
        let actions: Vec<EngineAction> = self.engine.take_actions().collect();
        let now = self.now();
        for action in actions {
            if let EngineAction::Log { level, text } = action {
                self.log.push((level, text));
                continue;
            }
            for (after, delivery) in self.exchange.act(action, now) {
                self.deliver(after, delivery);
            }
        }
    }

    /// Lets something happen at the exchange.
    pub fn at_exchange(&mut self, happens: impl FnOnce(&mut Exchange, HostNow) -> Vec<(u64, Delivery)>) {
        let now = self.now();
        for (after, delivery) in happens(&mut self.exchange, now) {
            self.deliver(after, delivery);
        }
    }

    /// The book moves on by one update that changes nothing.
    pub fn book_beats(&mut self, every: u64, times: u64) {
        for beat in 0..times {
            self.run(every);
            let _ = beat;
            self.at_exchange(|exchange, _| vec![(0, exchange.next_diff(&[], &[]))]);
            self.run(0);
        }
    }

    pub fn strategy_id(&self) -> StrategyId {
        StrategyId::new("mm").unwrap()
    }

    pub fn live(&self) -> usize {
        self.view().live_orders(&self.strategy_id()).count()
    }

    pub fn logged(&self, text: &str) -> bool {
        self.log.iter().any(|(_, line)| line.contains(text))
    }

    /// Stops and runs until it is proven, or for a minute.
    pub fn stop(&mut self) {
        let now = self.now();
        self.engine.stop("the test is over", now);
        self.drain();
        for _ in 0..60 {
            if self.engine.is_stopped() {
                break;
            }
            self.run(Millis(1_000).0);
        }
    }

    /// Ledger and exchange agree in every asset.
    pub fn assert_ledger_agrees(&self) {
        let view = self.view();
        let venue = view.venues().next().unwrap();
        let ledger = venue.ledger_balances();
        assert!(!ledger.is_empty());
        for line in ledger {
            assert!(line.agrees(), "{line:?}");
        }
    }
}

/// Something reaches the engine from one of its venues.
pub fn hand_over(engine: &mut Engine<Memory>, venue: VenueIndex, delivery: &Delivery, now: HostNow) {
    match delivery.clone() {
        Delivery::Event(event) => engine.on_event(venue, event, now),
        Delivery::Completed(op, outcome) => engine.on_completed(venue, op, outcome, now),
        Delivery::Session(role, status) => engine.on_session(venue, role, status, now),
        Delivery::Book { ids, flags, bids, asks } => {
            let message = BookMessage {
                flags: flags | book_flag::RANGE_IDS,
                ids,
                bids,
                asks,
                ..BookMessage::default()
            };
            engine.on_book(venue, &message.batch(), now);
        }
        Delivery::Message(message) => engine.on_book(venue, &message.batch(), now),
    }
}

/// The connector's manifest of an exchange.
pub fn manifest_of(exchange: &Exchange) -> ConnectorManifest {
    let manifest = match &exchange.perp {
        Some(perp) => perp.manifest(),
        None => MANIFEST.to_owned(),
    };
    let manifest = manifest.replace(BOOK_RULE, exchange.book_rule);
    Manifest::parse(&manifest).unwrap().connector("fake").unwrap().clone()
}

/// A strategy that shrinks each order of size two to one and a half on the first tick that sees it open.
struct Shrinking(Box<dyn Strategy>);

impl Strategy for Shrinking {
    fn id(&self) -> &StrategyId {
        self.0.id()
    }
    fn kind(&self) -> &'static str {
        self.0.kind()
    }
    fn needs(&self) -> Vec<MarketNeed> {
        self.0.needs()
    }
    fn input(&mut self, input: Input<'_>, view: &View<'_>, actions: &mut StrategyActions) {
        if let Input::Tick(_) = input {
            let large = |o: &&InFlightOrder| o.intent.quantity == Quantity(Decimal::TWO) && o.amend_to.is_none();
            for order in view.live_orders(self.id()).filter(large) {
                actions.amend(order.client_id().clone(), Quantity(Decimal::new(15, 1)));
            }
        }
        self.0.input(input, view, actions);
    }
}

pub fn pmm(table: &str) -> Box<dyn Strategy> {
    let id = StrategyId::new("mm").unwrap();
    colibri_engine::strategy::build("pure_market_making", id, table.parse().unwrap()).unwrap()
}
