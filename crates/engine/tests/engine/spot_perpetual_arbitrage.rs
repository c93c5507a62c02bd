//! Spot-perpetual arbitrage at a desk with two venues: both legs, one leg, half a leg, a leg whose answer is lost, and what is left.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use colibri_abi::{Level, op_flag, order_side};
use colibri_engine::strategy::build;
use colibri_engine::{Engine, EngineAction, EngineSetup, HostNow, LogLevel, Recovered, VenueIndex, VenueSetup};
use colibri_model::{
    Amount, Asset, ClientOrderId, Decimal, FillCause, MonoNs, Quantity, Side, StrategyId, VenueId, WallNs,
};
use colibri_standard::{FillEvent, OrderStatus, ReportSource};

use crate::desk::{Delivery, Exchange, Memory, Perp, Placement, START, hand_over, manifest_of};

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

const SPOT: usize = 0;
const PERP: usize = 1;

/// One engine between two scripted exchanges.
struct Carry {
    engine: Engine<Memory>,
    journal: Memory,
    exchanges: [Exchange; 2],
    log: Vec<(LogLevel, String)>,
    millis: u64,
    queue: BTreeMap<(u64, u64), (usize, Delivery)>,
    sequence: u64,
}

impl Carry {
    fn new(lines: &str, prepare: impl FnOnce(&mut [Exchange; 2])) -> Carry {
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

    fn made(lines: &str, exchanges: [Exchange; 2], journal: Memory, millis: u64) -> Carry {
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

    fn start(&mut self) {
        let now = self.now();
        self.engine.start(now);
        self.drain();
        self.run(3_000);
    }

    /// The host dies, and another begins a while later.
    fn crash(self) -> Carry {
        let mut exchanges = self.exchanges;
        for exchange in &mut exchanges {
            exchange.stream_is_up = true;
        }
        let mut carry = Carry::made("", exchanges, self.journal, self.millis + 1_000);
        carry.start();
        carry
    }

    fn now(&self) -> HostNow {
        HostNow {
            mono: MonoNs(self.millis * 1_000_000),
            wall: WallNs::from_millis(START + i64::try_from(self.millis).unwrap()),
        }
    }

    fn deliver(&mut self, at: usize, after: u64, delivery: Delivery) {
        self.sequence += 1;
        self.queue.insert((self.millis + after, self.sequence), (at, delivery));
    }

    fn drain(&mut self) {
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

    fn step(&mut self, millis: u64) {
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
    fn run(&mut self, millis: u64) {
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
    fn market_moves(&mut self, at: usize, bid: i64, ask: i64) {
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
    fn apart(&mut self) {
        self.market_moves(PERP, 10_210, 10_220);
    }

    fn together(&mut self) {
        self.market_moves(PERP, 9_985, 9_995);
    }

    /// Time passes until an order is open at a venue.
    fn until_open(&mut self, at: usize) {
        let end = self.millis + 60_000;
        while self.exchanges[at].open().count() == 0 {
            self.run(250);
            assert!(self.millis < end, "{at}: nothing is sent: {}", self.status());
        }
    }

    /// The one order that is open at a venue.
    fn open(&self, at: usize) -> ClientOrderId {
        let open: Vec<_> = self.exchanges[at].open().map(|o| o.client_id.clone()).collect();
        let [one] = <[ClientOrderId; 1]>::try_from(open).unwrap_or_else(|open| panic!("{at}: {open:?} are open"));
        one
    }

    /// The exchange fills so much of the one open order, and tells; what is left of it does not rest.
    fn fills(&mut self, at: usize, quantity: &str) {
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

    fn tell_status(&mut self, at: usize, id: &ClientOrderId) {
        let event = self.exchanges[at].order_event(id, ReportSource::Stream, self.now());
        self.deliver(at, 0, Delivery::Event(event));
        let balances = self.exchanges[at].balances_event(ReportSource::Stream, self.now());
        self.deliver(at, 0, Delivery::Event(balances));
    }

    /// Both legs are opened: one bought in spot, one sold in the perpetual.
    fn opened(lines: &str) -> Carry {
        let mut carry = Carry::new(lines, |_| {});
        carry.apart();
        carry.run(1_000);
        carry.fills(SPOT, "1");
        carry.fills(PERP, "1");
        carry.run(1_000);
        assert!(carry.logged("opened: spot 1 of 1; perp -1 of -1"), "{:?}", carry.log);
        carry
    }

    /// What each leg holds, by its fills.
    fn held(&self) -> (String, String) {
        let view = self.engine.view();
        let markets: Vec<_> = view.markets().collect();
        let text = |quantity: Quantity| quantity.0.normalize().to_string();
        (text(markets[SPOT].position().held()), text(markets[PERP].held()))
    }

    fn placements(&self) -> [u64; 2] {
        [self.exchanges[SPOT].placements, self.exchanges[PERP].placements]
    }

    fn logged(&self, text: &str) -> bool {
        self.log.iter().any(|(_, line)| line.contains(text))
    }

    fn status(&self) -> String {
        self.engine.view().strategies().next().unwrap().status.to_owned()
    }

    /// Stops with proof, ledger equal to exchange at both venues, positions equal to the exchange's.
    fn check(mut self) {
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

fn held(spot: &str, perpetual: &str) -> (String, String) {
    (spot.to_owned(), perpetual.to_owned())
}

#[test]
fn both_legs_are_opened_where_prices_are_apart_and_closed_where_they_have_met() {
    let mut carry = Carry::new("", |_| {});
    carry.run(2_000);
    assert_eq!(carry.placements(), [0, 0], "{}", carry.status());
    carry.apart();
    carry.run(1_000);
    assert_eq!(carry.placements(), [1, 1], "both at once");
    let spot = &carry.exchanges[SPOT].orders[&carry.open(SPOT)];
    // 100.10 and five basis points are 100.15005, rounded to the side that is not worse.
    assert_eq!((spot.side, spot.price.0), (Side::Buy, Decimal::new(10_015, 2)));
    let perpetual = &carry.exchanges[PERP].orders[&carry.open(PERP)];
    assert_eq!(
        (perpetual.side, perpetual.price.0),
        (Side::Sell, Decimal::new(10_205, 2))
    );
    carry.run(2_000);
    assert_eq!(
        carry.placements(),
        [1, 1],
        "while they are under way nothing more is sent"
    );
    carry.fills(SPOT, "1");
    carry.fills(PERP, "1");
    carry.run(5_000);
    assert_eq!(carry.held(), held("1", "-1"));
    assert_eq!(carry.placements(), [1, 1], "{}", carry.status());
    assert!(carry.status().starts_with("opened"), "{}", carry.status());

    carry.together();
    carry.run(1_000);
    assert_eq!(carry.placements(), [2, 2]);
    let close = carry.exchanges[PERP]
        .perp
        .as_ref()
        .unwrap()
        .placed
        .last()
        .copied()
        .unwrap();
    assert_eq!(close.side, order_side::BUY);
    assert!(close.flags & op_flag::REDUCE_ONLY != 0, "it only reduces");
    carry.fills(SPOT, "1");
    carry.fills(PERP, "1");
    carry.run(1_000);
    assert_eq!(carry.held(), held("0", "0"));
    assert!(carry.logged("closed: spot 0 of 0; perp 0 of 0"), "{:?}", carry.log);

    // The next waits.
    carry.apart();
    carry.run(15_000);
    assert_eq!(carry.placements(), [2, 2], "{}", carry.status());
    carry.run(6_000);
    assert_eq!(carry.placements(), [3, 3], "{}", carry.status());
    carry.fills(SPOT, "1");
    carry.fills(PERP, "1");
    carry.check();
}

#[test]
fn the_other_way_round_spot_is_sold_and_the_perpetual_bought() {
    let mut carry = Carry::new("", |_| {});
    carry.market_moves(PERP, 9_780, 9_790);
    carry.run(1_000);
    assert_eq!(carry.exchanges[SPOT].orders[&carry.open(SPOT)].side, Side::Sell);
    carry.fills(SPOT, "1");
    carry.fills(PERP, "1");
    carry.run(1_000);
    assert_eq!(carry.held(), held("-1", "1"));
    carry.check();
}

#[test]
fn a_leg_that_was_filled_in_part_is_sent_the_rest() {
    let mut carry = Carry::new("", |_| {});
    carry.apart();
    carry.run(1_000);
    carry.fills(PERP, "1");
    carry.fills(SPOT, "0.4");
    // The perpetual has more than spot: that is sent whatever it costs now.
    carry.market_moves(SPOT, 10_190, 10_200);
    carry.run(2_000);
    let rest = &carry.exchanges[SPOT].orders[&carry.open(SPOT)];
    assert_eq!(
        (rest.side, rest.quantity.0.normalize()),
        (Side::Buy, Decimal::new(6, 1))
    );
    carry.fills(SPOT, "0.6");
    carry.run(1_000);
    assert_eq!(carry.held(), held("1", "-1"));
    assert_eq!(carry.placements(), [2, 1]);
    carry.check();
}

#[test]
fn what_one_leg_has_beyond_the_other_is_undone_at_the_deadline_and_what_both_have_is_kept() {
    let mut carry = Carry::new("", |_| {});
    carry.apart();
    carry.run(1_000);
    carry.fills(PERP, "1");
    carry.fills(SPOT, "0.4");
    // Spot is not filled any more, however often it is sent.
    for _ in 0..8 {
        carry.run(1_500);
        if carry.exchanges[SPOT].open().count() == 1 {
            carry.fills(SPOT, "0");
        }
    }
    assert!(
        carry.logged("what one has beyond the other is undone, 0.4 is kept"),
        "{:?}",
        carry.log
    );
    carry.until_open(PERP);
    let back = &carry.exchanges[PERP].orders[&carry.open(PERP)];
    assert_eq!(
        (back.side, back.quantity.0.normalize()),
        (Side::Buy, Decimal::new(6, 1))
    );
    carry.fills(PERP, "0.6");
    carry.run(1_000);
    assert_eq!(carry.held(), held("0.4", "-0.4"));
    assert!(carry.status().starts_with("opened"), "{}", carry.status());
    carry.check();
}

#[test]
fn a_leg_that_is_refused_has_the_other_undone() {
    let mut carry = Carry::new("residual_deadline = 5", |_| {});
    for _ in 0..20 {
        carry.exchanges[PERP].script.push_back(Placement::Refused);
    }
    carry.apart();
    carry.run(1_000);
    carry.fills(SPOT, "1");
    carry.run(12_000);
    assert!(
        carry.logged("what one has beyond the other is undone, 0 is kept"),
        "{:?}",
        carry.log
    );
    carry.exchanges[PERP].script.clear();
    carry.fills(SPOT, "1");
    carry.run(1_000);
    assert_eq!(carry.held(), held("0", "0"));
    carry.check();
}

#[test]
fn held_legs_wait_for_a_person() {
    let mut carry = Carry::new("residual = \"hold\"", |_| {});
    carry.apart();
    carry.run(1_000);
    carry.fills(SPOT, "1");
    carry.fills(PERP, "0");
    while !carry.status().starts_with("HELD") {
        carry.run(500);
        if carry.exchanges[PERP].open().count() == 1 {
            carry.fills(PERP, "0");
        }
        assert!(carry.millis < 60_000, "{}", carry.status());
    }
    let sent = carry.placements();
    carry.run(30_000);
    assert_eq!(carry.placements(), sent);
    let told = carry.log.iter().filter(|(level, _)| *level == LogLevel::Error).count();
    assert!(told >= 2, "it is told again and again: {:?}", carry.log);
    assert_eq!(carry.held(), held("1", "0"));
    carry.check();
}

#[test]
fn a_leg_of_unknown_outcome_is_waited_for_and_never_sent_twice() {
    for placement in [Placement::TakenAnswerLost, Placement::LostAnswerLost] {
        let mut carry = Carry::new("", |_| {});
        carry.exchanges[PERP].script.push_back(placement);
        carry.exchanges[PERP].denies_orders = true;
        carry.apart();
        carry.run(1_000);
        carry.fills(SPOT, "1");
        carry.run(5_000);
        assert_eq!(carry.placements(), [1, 1], "{placement:?}");
        assert!(carry.status().contains("of -1, an order over 1"), "{}", carry.status());
        carry.exchanges[PERP].denies_orders = false;
        let is_settled = |carry: &Carry| carry.status().starts_with("opened") || carry.status().starts_with("closed");
        while carry.millis < 120_000 || !is_settled(&carry) {
            assert!(carry.millis < 300_000, "{placement:?}: {}", carry.status());
            carry.run(1_000);
            if carry.exchanges[PERP].open().count() == 1 {
                carry.fills(PERP, "1");
            }
            if carry.exchanges[SPOT].open().count() == 1 {
                carry.fills(SPOT, "1");
            }
        }
        let (spot, perpetual) = carry.held();
        assert_eq!(
            perpetual,
            if spot == "0" {
                "0".to_owned()
            } else {
                format!("-{spot}")
            },
            "{placement:?}"
        );
        carry.check();
    }
}

#[test]
fn a_fill_that_is_told_after_its_order_s_end_is_not_sent_again() {
    let mut carry = Carry::new("", |_| {});
    carry.apart();
    carry.run(1_000);
    carry.fills(SPOT, "1");
    let (id, now) = (carry.open(PERP), carry.now());
    let late: FillEvent = carry.exchanges[PERP].trade(&id, "1", now);
    carry.exchanges[PERP].hides_trades = true;
    carry.tell_status(PERP, &id);
    carry.run(5_000);
    assert_eq!(carry.held(), held("1", "0"));
    assert_eq!(carry.placements(), [1, 1]);
    assert!(carry.status().contains("fills of 1 not told yet"), "{}", carry.status());
    carry.exchanges[PERP].hides_trades = false;
    carry.deliver(PERP, 0, Delivery::Event(late.into()));
    carry.run(1_000);
    assert!(carry.status().starts_with("opened"), "{}", carry.status());
    carry.check();
}

#[test]
fn where_neither_leg_was_filled_and_the_prices_have_met_it_is_let_go() {
    let mut carry = Carry::new("", |_| {});
    carry.apart();
    carry.run(1_000);
    carry.together();
    carry.fills(SPOT, "0");
    carry.fills(PERP, "0");
    carry.run(3_000);
    assert_eq!(carry.placements(), [1, 1]);
    assert!(
        carry.logged("the prices have moved before both legs were filled: 0 is kept"),
        "{:?}",
        carry.log
    );
    assert!(carry.status().starts_with("closed"), "{}", carry.status());
    carry.check();
}

#[test]
fn while_it_closes_a_leg_that_is_behind_is_sent_until_it_is_there() {
    let mut carry = Carry::opened("");
    carry.together();
    carry.run(1_000);
    carry.fills(SPOT, "1");
    carry.apart();
    for _ in 0..15 {
        carry.run(1_000);
        if carry.exchanges[PERP].open().count() == 1 {
            carry.fills(PERP, "0");
        }
    }
    assert!(carry.logged("what is missing is sent again"), "{:?}", carry.log);
    carry.until_open(PERP);
    carry.fills(PERP, "1");
    carry.run(1_000);
    assert_eq!(carry.held(), held("0", "0"));
    carry.check();
}

#[test]
fn a_fee_of_the_bought_asset_is_bought_too() {
    let mut carry = Carry::new("", |exchanges| exchanges[SPOT].fee_asset = None);
    carry.apart();
    carry.run(1_000);
    carry.fills(SPOT, "1");
    carry.fills(PERP, "1");
    carry.run(2_000);
    // A thousandth of one went as the fee: 0.1 USDT, which the exchange does not take as an order.
    assert_eq!(carry.held(), held("0.999", "-1"));
    assert!(carry.status().starts_with("opened"), "{}", carry.status());
    carry.check();
}

#[test]
fn what_the_exchange_closes_of_the_perpetual_is_sold_in_spot() {
    let mut carry = Carry::opened("");
    let now = carry.now();
    let forced = carry.exchanges[PERP].trade_by_itself(FillCause::Liquidation, Side::Buy, 103, "0.7", now);
    carry.deliver(PERP, 0, Delivery::Event(forced.into()));
    carry.run(1_500);
    assert!(
        carry.logged("the exchange has closed 0.7 of the perpetual leg (liquidation)"),
        "{:?}",
        carry.log
    );
    let sold = &carry.exchanges[SPOT].orders[&carry.open(SPOT)];
    assert_eq!(
        (sold.side, sold.quantity.0.normalize()),
        (Side::Sell, Decimal::new(7, 1))
    );
    carry.fills(SPOT, "0.7");
    carry.run(1_000);
    assert_eq!(carry.held(), held("0.3", "-0.3"));
    carry.check();
}

#[test]
fn a_restart_goes_on_with_what_both_legs_have() {
    let mut carry = Carry::opened("").crash();
    assert!(
        carry.logged("an earlier run left 1 in spot and -1 in the perpetual: 1 is kept open"),
        "{:?}",
        carry.log
    );
    assert_eq!(carry.placements(), [1, 1], "{}", carry.status());
    carry.together();
    carry.run(1_000);
    carry.fills(SPOT, "1");
    carry.fills(PERP, "1");
    carry.run(1_000);
    assert_eq!(carry.held(), held("0", "0"));
    carry.check();
}

#[test]
fn a_restart_between_the_legs_undoes_the_one_that_was_filled() {
    let mut carry = Carry::new("", |_| {});
    carry.apart();
    carry.run(1_000);
    carry.fills(SPOT, "1");
    carry.fills(PERP, "0");
    let mut carry = carry.crash();
    carry.run(1_500);
    let back = &carry.exchanges[SPOT].orders[&carry.open(SPOT)];
    assert_eq!((back.side, back.quantity.0.normalize()), (Side::Sell, Decimal::ONE));
    carry.fills(SPOT, "1");
    carry.run(1_000);
    assert_eq!(carry.held(), held("0", "0"));
    carry.check();
}

#[test]
fn nothing_is_sent_for_one_leg_where_the_other_cannot_be_paid_for() {
    let mut carry = Carry::new("", |exchanges| {
        exchanges[PERP].perp.as_mut().unwrap().available = Decimal::from(10);
    });
    carry.apart();
    carry.run(3_000);
    assert_eq!(carry.placements(), [0, 0]);
    assert!(
        carry.logged("USDT are needed at perp, and 10 are free"),
        "{:?}",
        carry.log
    );
    let mut carry = Carry::new("", |exchanges| {
        exchanges[SPOT]
            .balances
            .insert(Asset::new("USDT"), Amount(Decimal::from(50)));
    });
    carry.apart();
    carry.run(3_000);
    assert_eq!(carry.placements(), [0, 0]);
    assert!(
        carry.logged("USDT are needed at spot, and 50 are free"),
        "{:?}",
        carry.log
    );
}

#[test]
fn a_position_that_somebody_else_opened_is_not_touched() {
    let mut carry = Carry::new("", |_| {});
    let now = carry.now();
    let other = carry.exchanges[PERP].trade_by_itself(FillCause::Order, Side::Sell, 100, "2", now);
    carry.deliver(PERP, 0, Delivery::Event(other.into()));
    carry.apart();
    carry.run(5_000);
    assert_eq!(carry.placements(), [0, 0]);
    assert!(
        carry.logged("the account holds -2 of BTC-USDT at perp, and 0 by this bot's orders"),
        "{:?}",
        carry.log
    );
}
