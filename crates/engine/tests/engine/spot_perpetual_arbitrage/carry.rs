//! A desk with two venues: one engine between two scripted exchanges, spot and contracts.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use colibri_abi::Level;
use colibri_engine::strategy::build;
use colibri_engine::{Engine, EngineAction, EngineSetup, HostNow, LogLevel, Recovered, VenueIndex, VenueSetup};
use colibri_model::{Asset, ClientOrderId, Decimal, FillCause, MonoNs, Quantity, Side, StrategyId, VenueId, WallNs};
use colibri_standard::{OrderStatus, ReportSource};

use crate::desk::{Delivery, Exchange, Memory, Perp, START, hand_over, manifest_of};

const CONFIG: &str = r#"
    spot_venue = "spot"
    spot_market = "BTC-USDT"
    perpetual_venue = "perp"
    perpetual_market = "BTC-USDT"
    order_amount = 1
    perpetual_leverage = 5
    min_opening_arbitrage_pct = 0.01
    min_closing_arbitrage_pct = -0.001
    next_arbitrage_opening_delay = 20
    residual_deadline = 10
"#;

pub const SPOT: usize = 0;
pub const PERP: usize = 1;

/// One engine between two scripted exchanges.
pub struct Carry {
    pub engine: Engine<Memory>,
    pub journal: Memory,
    pub exchanges: [Exchange; 2],
    pub log: Vec<(LogLevel, String)>,
    pub millis: u64,
    pub queue: BTreeMap<(u64, u64), (usize, Delivery)>,
    pub sequence: u64,
}

impl Carry {
    pub fn new(lines: &str, prepare: impl FnOnce(&mut [Exchange; 2])) -> Carry {
        let mut exchanges = [Exchange::new(), Exchange::new()];
        // Fees in the quote asset, so that legs are as large as what was traded; a test of its own has them otherwise.
        exchanges[SPOT].fee_asset = Some(Asset::new("USDT"));
        let mut perp = Perp::new();
        perp.leverage = Decimal::from(5);
        exchanges[PERP].perp = Some(perp);
        prepare(&mut exchanges);
        let mut carry = Carry::made(lines, exchanges, Memory::default(), 0);
        carry.start();
        carry
    }

    pub fn made(lines: &str, exchanges: [Exchange; 2], journal: Memory, millis: u64) -> Carry {
        let setup = EngineSetup {
            bot: "bot".to_owned(),
            version: "test".to_owned(),
            seed: 7,
            recovered: Recovered::from_records(&journal.0.borrow().records),
            ..EngineSetup::default()
        };
        let mut engine = Engine::new(setup, journal.clone());
        for (name, exchange) in ["spot", "perp"].into_iter().zip(&exchanges) {
            let choices = exchange.perp.as_ref().map(|perp| perp.choices.clone());
            engine.add_venue(VenueSetup {
                venue: VenueId::new(name).unwrap(),
                account: "main".to_owned().try_into().unwrap(),
                manifest: manifest_of(exchange),
                pairs: vec!["BTC-USDT".parse().unwrap()],
                environment: "live".to_owned(),
                adopt: exchange.adopt.clone(),
                contracts: choices.unwrap_or_default(),
            });
        }
        let mut table: toml::Table = CONFIG.parse().unwrap();
        table.extend(lines.parse::<toml::Table>().unwrap());
        let strategy = build("spot_perpetual_arbitrage", StrategyId::new("carry").unwrap(), table).unwrap();
        engine.add_strategy(strategy);
        Carry {
            engine,
            journal,
            exchanges,
            log: Vec::new(),
            millis,
            queue: BTreeMap::new(),
            sequence: 0,
        }
    }

    pub fn start(&mut self) {
        let now = self.now();
        self.engine.start(now);
        self.drain();
        self.run(3_000);
    }

    /// The host dies, and another begins a while later.
    pub fn crash(self) -> Carry {
        let mut exchanges = self.exchanges;
        for exchange in &mut exchanges {
            exchange.stream_is_up = true;
        }
        let mut carry = Carry::made("", exchanges, self.journal, self.millis + 1_000);
        carry.start();
        carry
    }

    pub fn now(&self) -> HostNow {
        HostNow {
            mono: MonoNs(self.millis * 1_000_000),
            wall: WallNs::from_millis(START + i64::try_from(self.millis).unwrap()),
        }
    }

    pub fn deliver(&mut self, at: usize, after: u64, delivery: Delivery) {
        self.sequence += 1;
        self.queue.insert((self.millis + after, self.sequence), (at, delivery));
    }

    pub fn drain(&mut self) {
        let actions: Vec<EngineAction> = self.engine.take_actions().collect();
        let now = self.now();
        for action in actions {
            let at = match &action {
                EngineAction::Log { level, text } => {
                    self.log.push((*level, text.clone()));
                    continue;
                }
                EngineAction::Orders { venue, .. }
                | EngineAction::Command { venue, .. }
                | EngineAction::Subscribe { venue, .. }
                | EngineAction::Reopen { venue, .. } => venue.0,
            };
            for (after, delivery) in self.exchanges[at].act(action, now) {
                self.deliver(at, after, delivery);
            }
        }
    }

    pub fn step(&mut self, millis: u64) {
        let end = self.millis + millis;
        loop {
            let wake = self.engine.next_wake().0.div_ceil(1_000_000).max(self.millis);
            let next = self.queue.keys().next().map_or(u64::MAX, |key| key.0).min(wake);
            if next > end {
                break;
            }
            self.millis = next;
            while let Some(entry) = self.queue.first_entry().filter(|e| e.key().0 <= self.millis) {
                let (at, delivery) = entry.remove();
                let now = self.now();
                hand_over(&mut self.engine, VenueIndex(at), &delivery, now);
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

    /// Time passes, and both books with it.
    pub fn run(&mut self, millis: u64) {
        for _ in 0..millis / 250 {
            self.step(250);
            for at in [SPOT, PERP] {
                let beat = self.exchanges[at].next_diff(&[], &[]);
                self.deliver(at, 0, beat);
            }
            self.step(0);
        }
    }

    /// The best bid and ask of a venue from now on, in cents.
    pub fn market_moves(&mut self, at: usize, bid: i64, ask: i64) {
        let level = |price, quantity| Level { price, quantity };
        let before: Vec<i64> = (9_500..=10_900).step_by(5).collect();
        let mut bids: Vec<Level> = before.iter().map(|price| level(*price, 0)).collect();
        let mut asks = bids.clone();
        bids.push(level(bid, 50_000));
        asks.push(level(ask, 50_000));
        let diff = self.exchanges[at].next_diff(&bids, &asks);
        self.deliver(at, 0, diff);
        self.step(0);
    }

    /// The perpetual is two percent above spot from now on.
    pub fn apart(&mut self) {
        self.market_moves(PERP, 10_210, 10_220);
    }

    pub fn together(&mut self) {
        self.market_moves(PERP, 9_985, 9_995);
    }

    /// Time passes until an order is open at a venue.
    pub fn until_open(&mut self, at: usize) {
        let end = self.millis + 60_000;
        while self.exchanges[at].open().count() == 0 {
            self.run(250);
            assert!(self.millis < end, "{at}: nothing is sent: {}", self.status());
        }
    }

    /// The one order that is open at a venue.
    pub fn open(&self, at: usize) -> ClientOrderId {
        let open: Vec<_> = self.exchanges[at].open().map(|o| o.client_id.clone()).collect();
        let [one] = <[ClientOrderId; 1]>::try_from(open).unwrap_or_else(|open| panic!("{at}: {open:?} are open"));
        one
    }

    /// The exchange fills so much of the one open order, and tells; what is left of it does not rest.
    pub fn fills(&mut self, at: usize, quantity: &str) {
        let id = self.open(at);
        let now = self.now();
        if quantity != "0" {
            let fill = self.exchanges[at].trade(&id, quantity, now);
            self.deliver(at, 0, Delivery::Event(fill.into()));
        }
        let order = self.exchanges[at].orders.get_mut(&id).unwrap();
        if order.filled != order.quantity {
            order.status = OrderStatus::Expired;
        }
        self.tell_status(at, &id);
        self.step(0);
    }

    /// The exchanges fill so much of the one open order at each.
    pub fn both_fill(&mut self, quantity: &str) {
        self.fills(SPOT, quantity);
        self.fills(PERP, quantity);
    }

    /// What the one open order at a venue is.
    pub fn open_at(&self, at: usize) -> (Side, Decimal) {
        let order = &self.exchanges[at].orders[&self.open(at)];
        (order.side, order.quantity.0.normalize())
    }

    /// The exchange buys so much of what is sold in the perpetual back.
    pub fn is_liquidated(&mut self, quantity: &str) {
        let now = self.now();
        let forced = self.exchanges[PERP].trade_by_itself(FillCause::Liquidation, Side::Buy, 103, quantity, now);
        self.deliver(PERP, 0, Delivery::Event(forced.into()));
    }

    pub fn tell_status(&mut self, at: usize, id: &ClientOrderId) {
        let event = self.exchanges[at].order_event(id, ReportSource::Stream, self.now());
        self.deliver(at, 0, Delivery::Event(event));
        let balances = self.exchanges[at].balances_event(ReportSource::Stream, self.now());
        self.deliver(at, 0, Delivery::Event(balances));
    }

    /// The prices have come apart, and both legs have been sent.
    pub fn sent(lines: &str, prepare: impl FnOnce(&mut [Exchange; 2])) -> Carry {
        let mut carry = Carry::new(lines, prepare);
        carry.apart();
        carry.run(1_000);
        carry
    }

    /// Both legs are opened: one bought in spot, one sold in the perpetual.
    pub fn opened(lines: &str) -> Carry {
        let mut carry = Carry::sent(lines, |_| {});
        carry.both_fill("1");
        carry.run(1_000);
        carry.has_told("opened: spot 1 of 1; perp -1 of -1");
        carry
    }

    /// What each leg holds, by its fills.
    pub fn held(&self) -> (String, String) {
        let view = self.engine.view();
        let markets: Vec<_> = view.markets().collect();
        let text = |quantity: Quantity| quantity.0.normalize().to_string();
        (text(markets[SPOT].position().held()), text(markets[PERP].held()))
    }

    pub fn placements(&self) -> [u64; 2] {
        [self.exchanges[SPOT].placements, self.exchanges[PERP].placements]
    }

    pub fn logged(&self, text: &str) -> bool {
        self.log.iter().any(|(_, line)| line.contains(text))
    }

    pub fn has_told(&self, text: &str) {
        assert!(self.logged(text), "{:?}", self.log);
    }

    pub fn status(&self) -> String {
        self.engine.view().strategies().next().unwrap().status.to_owned()
    }

    /// A second later the legs hold so much; then as [`Carry::check`].
    pub fn ends_with(mut self, spot: &str, perpetual: &str) {
        self.run(1_000);
        assert_eq!(self.held(), (spot.to_owned(), perpetual.to_owned()));
        self.check();
    }

    /// Stops with proof, ledger equal to exchange at both venues, positions equal to the exchange's.
    pub fn check(mut self) {
        self.run(20_000);
        let now = self.now();
        self.engine.stop("the test is over", now);
        self.drain();
        for _ in 0..60 {
            self.step(1_000);
        }
        assert!(self.engine.is_stopped(), "{:?}", self.engine.stop_report());
        let view = self.engine.view();
        for (venue, exchange) in view.venues().zip(&self.exchanges) {
            assert_eq!(exchange.open().count(), 0);
            for line in venue.ledger_balances() {
                assert!(line.agrees(), "{}: {line:?}", venue.id());
            }
        }
        let truth = self.exchanges[PERP].perp.as_ref().unwrap().positions.quantity();
        assert_eq!(view.markets().nth(1).unwrap().held(), truth);
    }
}
