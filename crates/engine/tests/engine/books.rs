//! Books through the engine, a scenario for each rule: what is lost or wrong drops the book, is told, is not quoted on, and is
//! made up for by asking or by subscribing anew; and the limits of age and lag at the time of an order.
#![allow(clippy::unwrap_used)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use colibri_abi::{Level, book_flag};
use colibri_engine::risk::{RiskLimits, RiskRefusal};
use colibri_engine::strategy::{Input, MarketNeed, OrderRequest, Strategy, StrategyActions};
use colibri_engine::{MarketId, VenueIndex, View};
use colibri_model::{
    Decimal, InstrumentId, OrderTerms, OrderType, Price, Quantity, QuantityUnit, Side, StrategyId, TimeInForce, VenueId,
};
use colibri_standard::{SessionRole, SessionStatus};

use crate::desk::{BOOK_RULE, BookMessage, Delivery, Desk, QUOTES, pmm};

const MARKET: MarketId = MarketId {
    venue: VenueIndex(0),
    instrument: InstrumentId(1),
};

fn level(price: i64, quantity: i64) -> Level {
    Level { price, quantity }
}

/// Bid 99.90, ask 100.10.
fn whole(id: u64) -> BookMessage {
    BookMessage {
        flags: book_flag::SNAPSHOT | book_flag::RANGE_IDS,
        ids: (id, id),
        bids: vec![level(9_990, 50_000)],
        asks: vec![level(10_010, 50_000)],
        ..BookMessage::default()
    }
}

fn change(previous: u64, id: u64) -> BookMessage {
    BookMessage {
        flags: book_flag::RANGE_IDS | book_flag::PREVIOUS_ID,
        ids: (id, id),
        previous,
        ..BookMessage::default()
    }
}

fn tell(desk: &mut Desk, message: BookMessage) {
    desk.at_exchange(|_, _| vec![(0, Delivery::Message(message))]);
    desk.run(0);
}

fn has_book(desk: &Desk) -> bool {
    desk.view().market(MARKET).unwrap().book().is_some()
}

fn started(rule: &'static str, begins: Option<BookMessage>) -> Desk {
    let mut desk = Desk::of_rule(pmm(QUOTES), rule);
    desk.exchange.book_begins = begins;
    desk.start();
    assert!(has_book(&desk));
    assert_eq!(desk.live(), 2, "it quotes");
    desk
}

/// The book is gone, and told so; what was done about it has brought it back.
fn lost_and_found(desk: &mut Desk, why: &str) {
    assert!(!has_book(desk));
    assert!(desk.logged(why), "{:?}", desk.log);
    assert_eq!(desk.view().counts().book_drops, 1);
    desk.run(1_000);
    assert!(has_book(desk), "{:?}", desk.log);
}

#[test]
fn overlapping_ids_a_gap_is_asked_for_again() {
    let mut desk = started(BOOK_RULE, None);
    desk.at_exchange(|exchange, _| {
        exchange.book_id += 1;
        vec![(0, exchange.next_diff(&[], &[]))]
    });
    desk.run(0);
    lost_and_found(
        &mut desk,
        "the book of BTC-USDT was dropped: updates 101 to 101 are missing",
    );
    assert_eq!((desk.exchange.snapshots, desk.exchange.book_subscribed), (2, 0));
}

#[test]
fn previous_ids_a_broken_chain_is_subscribed_anew() {
    let rule = r#"rule = "previous", snapshot_by_request = false, snapshot_depth = 400"#;
    let mut desk = started(rule, Some(whole(100)));
    tell(&mut desk, change(100, 107));
    tell(&mut desk, change(107, 107));
    tell(&mut desk, change(107, 4));
    assert!(has_book(&desk), "a keep-alive and a reset are no gaps");
    tell(&mut desk, change(6, 8));
    lost_and_found(&mut desk, "the update follows 6, but the book is at 4");
    assert_eq!((desk.exchange.snapshots, desk.exchange.book_subscribed), (0, 1));
}

#[test]
fn next_ids_a_gap_is_subscribed_anew() {
    let rule = r#"rule = "next", snapshot_by_request = false, snapshot_depth = 200"#;
    let mut desk = started(rule, Some(whole(100)));
    tell(&mut desk, change(0, 101));
    assert!(has_book(&desk));
    tell(&mut desk, change(0, 103));
    lost_and_found(&mut desk, "updates 102 to 102 are missing");
    assert_eq!(desk.exchange.book_subscribed, 1);
}

#[test]
fn checksums_a_lost_update_is_subscribed_anew() {
    let rule = concat!(
        r#"rule = "checksum", snapshot_by_request = false, snapshot_depth = 10, stream_depth = 10, "#,
        r#"checksum = { algorithm = "crc32", depth = 10, order = "asks_then_bids", numbers = "digits" }"#
    );
    let sum = |text: &str| crc32fast::hash(text.as_bytes());
    let first = BookMessage {
        flags: book_flag::SNAPSHOT | book_flag::CHECKSUM,
        checksum: sum("1001050000999050000"),
        ..whole(0)
    };
    let mut desk = started(rule, Some(first));
    let update = |bid: i64, checksum| BookMessage {
        flags: book_flag::CHECKSUM,
        bids: vec![level(bid, 7)],
        checksum,
        ..BookMessage::default()
    };
    tell(&mut desk, update(9_991, sum("100105000099917999050000")));
    assert!(has_book(&desk), "{:?}", desk.log);
    // An update of 99.92 before it is lost.
    tell(&mut desk, update(9_993, sum("1001050000999379992799917999050000")));
    lost_and_found(&mut desk, "the exchange's checksum is");
    assert_eq!(desk.exchange.book_subscribed, 1);
}

#[test]
fn whole_books_the_next_message_is_the_book() {
    let rule = r#"rule = "snapshots", snapshot_by_request = false, snapshot_depth = 20"#;
    let mut desk = started(rule, Some(whole(0)));
    let crossed = BookMessage {
        bids: vec![level(10_010, 1)],
        ..whole(0)
    };
    tell(&mut desk, crossed);
    assert!(!has_book(&desk));
    tell(&mut desk, whole(0));
    assert!(has_book(&desk));
    assert_eq!((desk.exchange.snapshots, desk.exchange.book_subscribed), (0, 0));
}

#[test]
fn a_crossed_book_is_dropped_at_once_and_asked_for_less_and_less_often() {
    let mut desk = started(BOOK_RULE, None);
    let mut drops = 0;
    for _ in 0..200 {
        desk.at_exchange(|exchange, _| vec![(0, exchange.next_diff(&[level(10_010, 1)], &[]))]);
        desk.run(0);
        assert!(!has_book(&desk), "it is never quoted on");
        drops = desk.view().counts().book_drops;
        desk.run(100);
    }
    assert!(desk.logged("the book is crossed: bid 10010, ask 10010"));
    assert!(
        drops > 3 && desk.exchange.snapshots < 15,
        "{} {drops}",
        desk.exchange.snapshots
    );
    // The exchange is itself again.
    desk.at_exchange(|exchange, _| vec![(0, exchange.next_diff(&[level(10_010, 0)], &[]))]);
    desk.run(31_000);
    desk.book_beats(100, 3);
    assert!(has_book(&desk), "{:?}", desk.log);
}

#[test]
fn a_book_that_disagrees_with_the_trading_rules_has_them_asked_for_again() {
    let mut desk = started(BOOK_RULE, None);
    desk.run(60_000);
    desk.book_beats(100, 1);
    let asked = desk.exchange.instruments_asked;
    for _ in 0..20 {
        desk.exchange.book_id += 1;
        let finer = BookMessage {
            price_exponent: Some(-3),
            ..change(0, desk.exchange.book_id)
        };
        tell(&mut desk, finer);
        desk.run(1_000);
    }
    assert!(desk.logged("the update's exponents (-3, -4) are not the instrument's"));
    assert_eq!(desk.exchange.instruments_asked, asked + 1, "once a minute at most");
}

#[test]
fn a_stream_that_does_not_begin_is_subscribed_anew() {
    let rule = r#"rule = "next", snapshot_by_request = false, snapshot_depth = 200"#;
    let mut desk = Desk::of_rule(pmm(QUOTES), rule);
    desk.start();
    assert!(!has_book(&desk));
    assert_eq!(desk.exchange.book_subscribed, 0, "it is given time");
    desk.exchange.book_begins = Some(whole(5));
    desk.run(10_000);
    assert_eq!(desk.exchange.book_subscribed, 1);
    assert!(has_book(&desk));
}

#[test]
fn a_burst_while_no_snapshot_comes_is_bounded_and_told() {
    let mut desk = started(BOOK_RULE, None);
    desk.exchange.book_is_silent = true;
    desk.at_exchange(|exchange, _| {
        exchange.book_id += 1;
        vec![(0, exchange.next_diff(&[], &[]))]
    });
    desk.run(0);
    for _ in 0..45 {
        desk.at_exchange(|exchange, _| (0..100).map(|_| (0, exchange.next_diff(&[], &[]))).collect());
        desk.run(400);
    }
    assert!(desk.logged("no snapshot came within 4096 updates"), "{:?}", desk.log);
    assert!(
        desk.view().market(MARKET).unwrap().book_age().0 >= 15_000,
        "it has been missing all the while"
    );
    assert_eq!(desk.live(), 0, "nothing rests on a book that is not known");
    desk.exchange.book_is_silent = false;
    desk.run(31_000);
    desk.book_beats(100, 1);
    assert!(has_book(&desk));
}

#[test]
fn a_snapshot_from_before_the_stream_broke_is_not_used() {
    let mut desk = started(BOOK_RULE, None);
    let late = desk.exchange.snapshot();
    desk.at_exchange(|exchange, _| exchange.session(SessionRole::Market, SessionStatus::Down));
    desk.run(1);
    assert!(!has_book(&desk));
    desk.at_exchange(|_, _| vec![(0, late)]);
    desk.run(0);
    assert!(!has_book(&desk), "the stream is down: nothing is quoted on it");
}

/// What a test and its strategy share.
#[derive(Default)]
struct Wishes {
    wants_one: Cell<bool>,
    refused: RefCell<Vec<RiskRefusal>>,
}

/// Wishes an order when it is told of balances, paused or not, and remembers the refusals.
struct Wishing {
    id: StrategyId,
    wishes: Rc<Wishes>,
}

impl Strategy for Wishing {
    fn id(&self) -> &StrategyId {
        &self.id
    }
    fn kind(&self) -> &'static str {
        "wishing"
    }
    fn needs(&self) -> Vec<MarketNeed> {
        vec![MarketNeed {
            venue: VenueId::new("fake").unwrap(),
            pair: "BTC-USDT".parse().unwrap(),
        }]
    }
    fn input(&mut self, input: Input<'_>, _: &View<'_>, actions: &mut StrategyActions) {
        match input {
            Input::Balances(_) if self.wishes.wants_one.take() => actions.create(OrderRequest {
                market: MARKET,
                side: Side::Buy,
                order_type: OrderType::Limit,
                time_in_force: Some(TimeInForce::Gtc),
                price: Some(Price(Decimal::from(99))),
                quantity: Quantity(Decimal::ONE),
                quantity_unit: QuantityUnit::Base,
                terms: OrderTerms::default(),
                tag: 1,
            }),
            Input::Refused(refused) => self.wishes.refused.borrow_mut().push(refused.reason.clone()),
            _ => {}
        }
    }
}

fn wish(desk: &mut Desk, wishes: &Wishes) {
    wishes.wants_one.set(true);
    desk.at_exchange(|exchange, now| {
        let balances = exchange.balances_event(colibri_standard::ReportSource::Stream, now);
        vec![(0, Delivery::Event(balances))]
    });
    desk.run(0);
}

fn wishing() -> (Desk, Rc<Wishes>) {
    let wishes = Rc::new(Wishes::default());
    let strategy = Wishing {
        id: StrategyId::new("mm").unwrap(),
        wishes: Rc::clone(&wishes),
    };
    let mut desk = Desk::of_strategy(Box::new(strategy), RiskLimits::default());
    desk.start();
    (desk, wishes)
}

#[test]
fn an_order_needs_a_book_of_the_last_seconds_by_the_local_clock() {
    let (mut desk, wishes) = wishing();
    desk.book_beats(1_000, 1);
    wish(&mut desk, &wishes);
    let placed = desk.exchange.placements;
    assert!(placed > 0 && wishes.refused.borrow().is_empty());
    desk.run(10_001);
    wish(&mut desk, &wishes);
    assert_eq!(*wishes.refused.borrow(), [RiskRefusal::NoFreshBook]);
    assert_eq!(desk.exchange.placements, placed);
    desk.book_beats(0, 1);
    wish(&mut desk, &wishes);
    assert_eq!(wishes.refused.borrow().len(), 1, "{:?}", wishes.refused.borrow());
}

#[test]
fn an_order_needs_a_book_that_is_not_behind() {
    let (mut desk, wishes) = wishing();
    // The exchange's clock is an hour off: only differences count.
    let sent = |desk: &mut Desk, behind: i64| {
        desk.exchange.book_id += 1;
        let id = desk.exchange.book_id;
        let message = BookMessage {
            exchange_ns: desk.now().wall.0 + 3_600_000_000_000 - behind * 1_000_000,
            ..change(0, id)
        };
        tell(desk, message);
    };
    sent(&mut desk, 40);
    desk.run(500);
    sent(&mut desk, 20);
    wish(&mut desk, &wishes);
    assert!(wishes.refused.borrow().is_empty());
    desk.run(500);
    sent(&mut desk, 5_030);
    wish(&mut desk, &wishes);
    assert_eq!(*wishes.refused.borrow(), [RiskRefusal::NoFreshBook]);
    assert!(!has_book(&desk), "nor is it quoted on");
    desk.run(500);
    sent(&mut desk, 60);
    wish(&mut desk, &wishes);
    assert_eq!(wishes.refused.borrow().len(), 1);
    assert!(has_book(&desk));
}
