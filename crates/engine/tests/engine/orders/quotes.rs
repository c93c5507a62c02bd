//! Pure market making that replaces its quotes instead of cancelling all and quoting anew.

use colibri_abi::Level;
use colibri_engine::Recovered;
use colibri_engine::risk::RiskLimits;
use colibri_model::{Decimal, Side};

use crate::desk::{Desk, Exchange, Memory, QUOTES, Replacing, pmm};

fn desk(exchange: Exchange) -> Desk {
    let table = format!("{QUOTES}\nrefresh = \"replace\"");
    let (recovered, risk) = (Recovered::default(), RiskLimits::default());
    let mut desk = Desk::made(pmm(&table), recovered, exchange, Memory::default(), risk);
    desk.start();
    desk
}

/// From 100 to 110, and time for a refresh.
fn the_market_moves(desk: &mut Desk) {
    let level = |price, quantity| Level { price, quantity };
    desk.at_exchange(|exchange, _| {
        let bids = [level(9_990, 0), level(9_980, 0), level(10_990, 50_000)];
        let asks = [level(10_010, 0), level(10_020, 0), level(11_010, 50_000)];
        vec![(0, exchange.next_diff(&bids, &asks))]
    });
    desk.book_beats(3_000, 5);
}

fn prices(desk: &Desk) -> Vec<(Side, Decimal)> {
    desk.exchange.open().map(|o| (o.side, o.price.0)).collect()
}

fn follow(desk: &Desk) {
    let mut prices = prices(desk);
    prices.sort();
    let wanted = [
        (Side::Buy, Decimal::new(1_089, 1)),
        (Side::Sell, Decimal::new(1_111, 1)),
    ];
    assert_eq!(prices, wanted);
    assert_eq!(desk.live(), 2);
}

#[test]
fn quotes_follow_by_one_request_each() {
    let mut exchange = Exchange::new();
    exchange.replaces_at_once = true;
    let mut desk = desk(exchange);
    desk.book_beats(3_000, 5);
    assert_eq!(
        desk.exchange.replaces, 0,
        "what is within the tolerance keeps its place"
    );
    the_market_moves(&mut desk);
    follow(&desk);
    assert_eq!((desk.exchange.replaces, desk.exchange.placements), (2, 2));
    desk.stop();
    assert!(desk.engine.is_stopped());
}

#[test]
fn quotes_follow_by_turns_where_there_is_no_such_request() {
    let mut desk = desk(Exchange::new());
    the_market_moves(&mut desk);
    follow(&desk);
    assert_eq!((desk.exchange.replaces, desk.exchange.placements), (0, 4));
    desk.stop();
    assert!(desk.engine.is_stopped());
}

#[test]
fn a_quote_that_was_not_replaced_is_cancelled_and_quoted_anew() {
    let mut exchange = Exchange::new();
    exchange.replaces_at_once = true;
    exchange
        .replace_script
        .extend([Replacing::NotSent, Replacing::PlaceFails]);
    let mut desk = desk(exchange);
    the_market_moves(&mut desk);
    desk.book_beats(3_000, 5);
    follow(&desk);
    desk.stop();
    assert!(desk.engine.is_stopped());
}
