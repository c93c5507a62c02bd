//! Perpetual market making at a desk: what is quoted while nothing is held, and the way out of what was filled, whatever comes late,
//! in parts or not at all.
#![allow(clippy::unwrap_used)]

use colibri_abi::{Level, OrderOp, op_flag, position_side};
use colibri_engine::strategy::build;
use colibri_engine::{Recovered, risk::RiskLimits};
use colibri_model::{Decimal, FillCause, PositionMode, PositionSide, Price, Quantity, Side, StrategyId, from_mantissa};
use colibri_standard::{FillEvent, OrderStatus, ReportSource};

use crate::desk::{Delivery, Desk, Exchange, Memory, Perp, Placement};

const CONFIG: &str = r#"
    venue = "fake"
    market = "BTC-USDT"
    leverage = 5
    bid_spread = 0.01
    ask_spread = 0.01
    order_amount = 1
    order_refresh_time = 10
    filled_order_delay = 2
    long_profit_taking_spread = 0.02
    short_profit_taking_spread = 0.02
    stop_loss_spread = 0.05
    stop_loss_slippage_buffer = 0.01
    time_between_stop_loss_orders = 20
"#;

fn exchange() -> Exchange {
    let mut exchange = Exchange::new();
    let mut perp = Perp::new();
    perp.leverage = Decimal::from(5);
    exchange.perp = Some(perp);
    exchange
}

fn desk_of(lines: &str, exchange: Exchange, recovered: Recovered, journal: Memory) -> Desk {
    let table = format!("{CONFIG}{lines}").parse().unwrap();
    let strategy = build("perpetual_market_making", StrategyId::new("mm").unwrap(), table).unwrap();
    Desk::made(strategy, recovered, exchange, journal, RiskLimits::default())
}

fn started(lines: &str, prepare: impl FnOnce(&mut Perp)) -> Desk {
    let mut exchange = exchange();
    prepare(exchange.perp.as_mut().unwrap());
    let mut desk = desk_of(lines, exchange, Recovered::default(), Memory::default());
    desk.start();
    run(&mut desk, 3_000);
    desk
}

/// Time passes, and the book with it. At no time may more be on the way out than is held.
fn run(desk: &mut Desk, millis: u64) {
    for _ in 0..millis / 500 {
        desk.book_beats(500, 1);
        never_too_much(desk);
    }
}

fn never_too_much(desk: &Desk) {
    let perp = desk.exchange.perp.as_ref().unwrap();
    let reduces = |order: &&crate::desk::Resting| {
        let op = perp
            .placed
            .iter()
            .find(|op| op.client_id.as_str() == order.client_id.as_str());
        op.is_some_and(|op| op.flags & op_flag::REDUCE_ONLY != 0)
    };
    let leaving: Decimal = desk
        .exchange
        .open()
        .filter(reduces)
        .map(|order| order.quantity.0 - order.filled.0)
        .sum();
    let held = perp
        .positions
        .iter()
        .map(|(_, position)| position.quantity.0.abs())
        .sum::<Decimal>();
    assert!(leaving <= held, "{leaving} are on the way out of {held}");
}

/// What rests at the exchange: side, price, quantity left, whether it only reduces.
fn resting(desk: &Desk) -> Vec<(Side, String, String, bool)> {
    let perp = desk.exchange.perp.as_ref().unwrap();
    let mut resting: Vec<_> = desk
        .exchange
        .open()
        .map(|order| {
            let op = perp
                .placed
                .iter()
                .find(|op| op.client_id.as_str() == order.client_id.as_str());
            let left = (order.quantity.0 - order.filled.0).normalize().to_string();
            let price = order.price.0.normalize().to_string();
            (order.side, price, left, op.unwrap().flags & op_flag::REDUCE_ONLY != 0)
        })
        .collect();
    resting.sort_by(|a, b| a.1.cmp(&b.1));
    resting
}

fn order(side: Side, price: &str, left: &str, reduces: bool) -> (Side, String, String, bool) {
    (side, price.to_owned(), left.to_owned(), reduces)
}

/// The exchange fills so much of the order that rests at a side and price; nothing is told yet.
fn fill(desk: &mut Desk, side: Side, price: &str, quantity: &str) -> FillEvent {
    let price = Price(price.parse().unwrap());
    let found = desk.exchange.open().find(|o| o.side == side && o.price == price);
    let id = found
        .unwrap_or_else(|| panic!("nothing rests at {price}"))
        .client_id
        .clone();
    let now = desk.now();
    desk.exchange.trade(&id, quantity, now)
}

fn tell_status(desk: &mut Desk, fill: &FillEvent) {
    let id = fill.client_id.clone().unwrap();
    let event = desk.exchange.order_event(&id, ReportSource::Stream, desk.now());
    desk.deliver(0, Delivery::Event(event));
}

fn tell(desk: &mut Desk, fill: &FillEvent) {
    desk.deliver(0, Delivery::Event(fill.clone().into()));
    tell_status(desk, fill);
}

/// Fills and tells.
fn trade(desk: &mut Desk, side: Side, price: &str, quantity: &str) {
    let fill = fill(desk, side, price, quantity);
    tell(desk, &fill);
    desk.run(0);
}

/// The best bid and the best ask from now on.
fn market_moves(desk: &mut Desk, bid: i64, ask: i64) {
    let level = |price, quantity| Level { price, quantity };
    let gone = |prices: &[i64]| prices.iter().map(|price| level(*price, 0)).collect::<Vec<_>>();
    desk.at_exchange(|exchange, _| {
        let mut bids = gone(&[9_990, 9_980, 9_410, 9_400]);
        let mut asks = gone(&[10_010, 10_020, 9_500]);
        bids.push(level(bid, 50_000));
        asks.push(level(ask, 50_000));
        vec![(0, exchange.next_diff(&bids, &asks))]
    });
    desk.run(0);
}

fn placed(desk: &Desk) -> &[OrderOp] {
    &desk.exchange.perp.as_ref().unwrap().placed
}

fn held(desk: &Desk) -> Quantity {
    desk.view().markets().next().unwrap().held()
}

/// Stops with proof; the wallet is what the ledger says.
fn check(mut desk: Desk) {
    run(&mut desk, 60_000);
    desk.stop();
    assert!(desk.engine.is_stopped(), "{:?}", desk.engine.stop_report());
    assert_eq!(desk.exchange.open().count(), 0);
    desk.assert_ledger_agrees();
}

#[test]
fn both_sides_are_quoted_and_the_way_out_of_a_fill_rests_alone() {
    let mut desk = started("", |_| {});
    let quotes = [order(Side::Sell, "101", "1", false), order(Side::Buy, "99", "1", false)];
    assert_eq!(resting(&desk), quotes);
    trade(&mut desk, Side::Buy, "99", "1");
    run(&mut desk, 1_000);
    // 99 and two percent, reduce-only; the sell quote, which would have closed it before, is gone.
    assert_eq!(resting(&desk), [order(Side::Sell, "100.98", "1", true)]);
    trade(&mut desk, Side::Sell, "100.98", "1");
    assert_eq!(held(&desk), Quantity::ZERO);
    run(&mut desk, 1_000);
    assert_eq!(resting(&desk), [], "nothing is quoted for a while after");
    run(&mut desk, 2_500);
    assert_eq!(resting(&desk), quotes);
    check(desk);
}

#[test]
fn the_way_out_is_of_what_was_filled_and_grows_with_it() {
    let mut desk = started("", |_| {});
    trade(&mut desk, Side::Buy, "99", "0.4");
    run(&mut desk, 1_000);
    let rest = order(Side::Buy, "99", "0.6", false);
    assert_eq!(resting(&desk), [order(Side::Sell, "100.98", "0.4", true), rest]);
    trade(&mut desk, Side::Sell, "100.98", "0.1");
    trade(&mut desk, Side::Buy, "99", "0.6");
    run(&mut desk, 1_000);
    assert_eq!(resting(&desk), [order(Side::Sell, "100.98", "0.9", true)]);
    assert_eq!(held(&desk), Quantity(Decimal::new(9, 1)));
    check(desk);
}

#[test]
fn what_nobody_renews_is_not_left_in_the_market() {
    let mut desk = started("", |_| {});
    trade(&mut desk, Side::Buy, "99", "0.4");
    run(&mut desk, 12_000);
    assert_eq!(
        resting(&desk),
        [order(Side::Sell, "100.98", "0.4", true)],
        "the rest of the quote is gone"
    );
    check(desk);
}

#[test]
fn a_loss_is_stopped_and_the_order_for_it_goes_farther_until_it_is_filled() {
    let mut desk = started("", |_| {});
    trade(&mut desk, Side::Buy, "99", "1");
    run(&mut desk, 1_000);
    // Five percent below 99 are 94.05.
    market_moves(&mut desk, 9_410, 9_500);
    run(&mut desk, 1_000);
    assert_eq!(resting(&desk), [order(Side::Sell, "100.98", "1", true)], "not yet");
    market_moves(&mut desk, 9_400, 9_500);
    run(&mut desk, 2_000);
    // 94.05 less one percent is 93.1095.
    assert_eq!(resting(&desk), [order(Side::Sell, "93.11", "1", true)]);
    trade(&mut desk, Side::Sell, "93.11", "0.3");
    run(&mut desk, 5_000);
    assert_eq!(resting(&desk), [order(Side::Sell, "93.11", "0.7", true)]);
    run(&mut desk, 16_000);
    // 93.11 less one percent is 92.1789.
    assert_eq!(resting(&desk), [order(Side::Sell, "92.18", "0.7", true)]);
    trade(&mut desk, Side::Sell, "92.18", "0.7");
    assert_eq!(held(&desk), Quantity::ZERO);
    assert!(
        desk.logged("stop loss: sell 1 at 93.11 to close 1 that was opened at 99"),
        "{:?}",
        desk.log
    );
    check(desk);
}

#[test]
fn where_the_market_has_come_back_profit_is_waited_for_again() {
    let mut desk = started("", |_| {});
    trade(&mut desk, Side::Sell, "101", "1");
    run(&mut desk, 1_000);
    assert_eq!(resting(&desk), [order(Side::Buy, "98.98", "1", true)]);
    market_moves(&mut desk, 10_600, 10_610);
    run(&mut desk, 2_000);
    // 106.05 and one percent are 107.1105.
    assert_eq!(resting(&desk), [order(Side::Buy, "107.11", "1", true)]);
    desk.at_exchange(|exchange, _| {
        let level = |price, quantity| Level { price, quantity };
        let bids = [level(10_600, 0), level(10_000, 50_000)];
        let asks = [level(10_610, 0), level(10_010, 50_000)];
        vec![(0, exchange.next_diff(&bids, &asks))]
    });
    run(&mut desk, 5_000);
    assert_eq!(
        resting(&desk),
        [order(Side::Buy, "107.11", "1", true)],
        "until its time is over"
    );
    run(&mut desk, 20_000);
    assert_eq!(resting(&desk), [order(Side::Buy, "98.98", "1", true)]);
    check(desk);
}

#[test]
fn an_order_of_unknown_outcome_is_not_sent_twice() {
    let mut desk = started("", |_| {});
    desk.exchange.script.push_back(Placement::TakenAnswerLost);
    desk.exchange.denies_orders = true;
    trade(&mut desk, Side::Buy, "99", "1");
    // The sell quote, which would close it too, is cancelled first.
    desk.run(100);
    let before = placed(&desk).len();
    assert_eq!(before, 3);
    for _ in 0..8 {
        desk.book_beats(500, 1);
        assert_eq!(placed(&desk).len() - before, 0, "nothing more while it is not known");
    }
    desk.exchange.denies_orders = false;
    run(&mut desk, 20_000);
    assert_eq!(resting(&desk), [order(Side::Sell, "100.98", "1", true)]);
    check(desk);
}

#[test]
fn a_fill_that_is_told_after_its_order_s_end_is_not_closed_twice() {
    let mut desk = started("", |_| {});
    trade(&mut desk, Side::Buy, "99", "1");
    run(&mut desk, 1_000);
    let late = fill(&mut desk, Side::Sell, "100.98", "1");
    desk.exchange.hides_trades = true;
    tell_status(&mut desk, &late);
    let before = placed(&desk).len();
    run(&mut desk, 3_000);
    assert_eq!(held(&desk), Quantity(Decimal::ONE), "the fill is not known yet");
    assert_eq!(placed(&desk).len(), before, "and the order is known to have closed it");
    desk.exchange.hides_trades = false;
    tell(&mut desk, &late);
    run(&mut desk, 1_000);
    assert_eq!(held(&desk), Quantity::ZERO);
    check(desk);
}

#[test]
fn a_restart_goes_on_with_what_the_fills_have_made() {
    let mut desk = started("", |_| {});
    trade(&mut desk, Side::Buy, "99", "0.5");
    run(&mut desk, 1_000);
    let recovered = Recovered::from_records(&desk.journal.0.borrow().records);
    let millis = desk.millis() + 5_000;
    let mut desk = desk_of("", desk.exchange, recovered, desk.journal);
    desk.begin_at(millis);
    desk.start();
    run(&mut desk, 4_000);
    assert_eq!(
        resting(&desk),
        [order(Side::Sell, "100.98", "0.5", true)],
        "one way out, and no quote"
    );
    check(desk);
}

#[test]
fn in_hedge_mode_each_side_has_its_own_way_out() {
    let mut desk = started("position_mode = \"Hedge\"", |perp| {
        perp.position_mode = PositionMode::Hedge
    });
    let sides: Vec<u32> = placed(&desk).iter().map(|op| op.position_side()).collect();
    assert_eq!(sides, [position_side::LONG, position_side::SHORT]);
    trade(&mut desk, Side::Buy, "99", "1");
    trade(&mut desk, Side::Sell, "101", "1");
    run(&mut desk, 1_000);
    let ways = [
        order(Side::Sell, "100.98", "1", true),
        order(Side::Buy, "98.98", "1", true),
    ];
    assert_eq!(resting(&desk), ways);
    let exits: Vec<u32> = placed(&desk)[2..].iter().map(|op| op.position_side()).collect();
    assert_eq!(exits.len(), 2);
    assert!(exits.contains(&position_side::LONG) && exits.contains(&position_side::SHORT));
    check(desk);
}

#[test]
fn nothing_is_quoted_where_the_exchange_is_set_otherwise_and_what_is_held_is_closed_all_the_same() {
    let mut desk = started("", |perp| perp.leverage = Decimal::from(20));
    assert_eq!(placed(&desk).len(), 0);
    assert!(
        desk.logged("the leverage of BTC-USDT at fake is 20, and 5 is configured"),
        "{:?}",
        desk.log
    );
    let now = desk.now();
    let fill = desk
        .exchange
        .trade_by_itself(FillCause::Order, Side::Sell, 101, "1", now);
    desk.deliver(0, Delivery::Event(fill.into()));
    run(&mut desk, 1_000);
    assert_eq!(resting(&desk), [order(Side::Buy, "98.98", "1", true)]);
    check(desk);
}

#[test]
fn what_the_exchange_closes_by_itself_shrinks_the_way_out() {
    let mut desk = started("", |_| {});
    trade(&mut desk, Side::Buy, "99", "1");
    run(&mut desk, 1_000);
    let now = desk.now();
    let forced = desk
        .exchange
        .trade_by_itself(FillCause::Liquidation, Side::Sell, 98, "0.6", now);
    desk.deliver(0, Delivery::Event(forced.into()));
    desk.run(1_000);
    run(&mut desk, 1_000);
    assert_eq!(resting(&desk), [order(Side::Sell, "100.98", "0.4", true)]);
    assert_eq!(
        desk.view()
            .markets()
            .next()
            .unwrap()
            .position_of(PositionSide::Net)
            .unwrap()
            .quantity,
        Quantity(Decimal::new(4, 1))
    );
    check(desk);
}

#[test]
fn quotes_that_there_is_no_margin_for_are_left_out_whole() {
    // One at 99 takes 19.8 of margin at five times leverage, one at 101 takes 20.2.
    let desk = started("", |perp| perp.available = Decimal::from(30));
    assert_eq!(resting(&desk), [order(Side::Buy, "99", "1", false)]);
    let price = from_mantissa(placed(&desk)[0].price, placed(&desk)[0].price_exponent);
    assert_eq!(price, Decimal::from(99));
    assert!(desk.exchange.orders.values().all(|o| o.status == OrderStatus::Open));
    check(desk);
}

/// A stop that was not taken protects nothing: it is sent again, and no farther than the first.
#[test]
fn a_stop_that_was_refused_is_sent_again_at_its_price() {
    for placement in [Placement::Refused, Placement::NotSent] {
        let mut desk = started("", |_| {});
        trade(&mut desk, Side::Buy, "99", "1");
        run(&mut desk, 1_000);
        desk.exchange.script.extend([placement, placement]);
        market_moves(&mut desk, 9_400, 9_500);
        run(&mut desk, 8_000);
        assert_eq!(resting(&desk), [order(Side::Sell, "93.11", "1", true)], "{placement:?}");
        assert!(desk.exchange.script.is_empty(), "{placement:?}: twice, and then taken");
        check(desk);
    }
}
