//! Two questions about what is open at once: reconciliation's and the stop's. What one was told is not forgotten by the other.
//! Nor is what the stream tells while one is being answered.
#![allow(clippy::unwrap_used)]

use colibri_model::{ClientOrderId, Decimal, ExchangeOrderId, Price, Quantity, Side};
use colibri_standard::{OrderStatus, ReportSource, SessionRole, SessionStatus};

use crate::desk::{Delivery, Desk, QUOTES, Resting};

/// How long questions for fills take here: whoever asks has heard of the open orders long before it is done.
const SLOW: u64 = 800;

/// A desk in whose account somebody else has an order, and questions for fills are slow.
fn desk_with_a_stranger() -> Desk {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let id = ClientOrderId::new("web_77").unwrap();
    let stranger = Resting {
        client_id: id.clone(),
        exchange_id: ExchangeOrderId::new("9001").unwrap(),
        side: Side::Buy,
        price: Price(Decimal::from(90)),
        quantity: Quantity(Decimal::ONE),
        filled: Quantity::ZERO,
        status: OrderStatus::Open,
    };
    desk.exchange.orders.insert(id, stranger);
    desk.exchange.slow_fills = SLOW;
    desk
}

/// The user stream goes and comes back: a reconciliation begins.
fn reconnect(desk: &mut Desk) {
    for status in [SessionStatus::Down, SessionStatus::Subscribing, SessionStatus::Live] {
        desk.at_exchange(|exchange, _| exchange.session(SessionRole::User, status));
        desk.run(0);
    }
}

fn assert_stops_and_shows_it(desk: &mut Desk) {
    desk.stop();
    let report = desk.engine.stop_report().unwrap();
    assert!(report.is_proven(), "{report:?}");
    assert_eq!(report.venues[0].foreign, 1, "it is open, and was told twice");
    assert_eq!(desk.exchange.open().count(), 1, "and left alone");
    assert_eq!(desk.view().venues().next().unwrap().foreign_orders().count(), 1);
}

#[test]
fn a_stop_while_a_reconciliation_is_under_way_shows_what_that_one_was_told() {
    let mut desk = desk_with_a_stranger();
    reconnect(&mut desk);
    let asked = desk.exchange.open_order_queries;
    desk.run(100);
    assert!(desk.exchange.open_order_queries <= asked + 1, "one at a time");
    // It has heard of the open orders, and waits for the fills.
    assert_stops_and_shows_it(&mut desk);
}

#[test]
fn a_reconciliation_that_falls_due_while_a_stop_asks_takes_nothing_from_it() {
    let mut desk = desk_with_a_stranger();
    desk.run(100);
    let asked = desk.exchange.open_order_queries;
    let now = desk.now();
    desk.engine.stop("the test is over", now);
    desk.drain();
    while desk.exchange.open_order_queries == asked {
        desk.run(1);
    }
    // The proof has heard of the open orders, and waits for the fills.
    desk.run(20);
    reconnect(&mut desk);
    desk.run(20);
    assert_eq!(
        desk.exchange.open_order_queries,
        asked + 1,
        "nobody else asks meanwhile"
    );
    assert_stops_and_shows_it(&mut desk);
}

/// A reconciliation is under way: it has heard of the open orders, and waits for the fills. None follows it for long: it is the
/// one that began behind the stream's return, not the one that this overtook.
fn reconcile_halfway(desk: &mut Desk) {
    let asked = desk.exchange.open_order_queries;
    reconnect(desk);
    while desk.exchange.open_order_queries < asked + 2 {
        desk.run(1);
    }
    desk.run(20);
}

/// Names of others' orders that are shown.
fn shown(desk: &Desk) -> Vec<String> {
    let view = desk.view();
    let foreign = view.venues().flat_map(|venue| venue.foreign_orders());
    foreign
        .map(|order| order.client_id.as_ref().unwrap().to_string())
        .collect()
}

#[test]
fn a_stranger_s_order_that_the_stream_tells_while_a_reconciliation_waits_is_not_forgotten_at_its_end() {
    let mut desk = desk_with_a_stranger();
    reconcile_halfway(&mut desk);
    let done = desk.view().counts().reconciliations;
    let later = ClientOrderId::new("web_78").unwrap();
    desk.at_exchange(|exchange, now| {
        let mut order = exchange.orders[&ClientOrderId::new("web_77").unwrap()].clone();
        order.client_id = later.clone();
        order.exchange_id = ExchangeOrderId::new("9002").unwrap();
        exchange.orders.insert(later.clone(), order);
        exchange.stream(&later, now, 1)
    });
    desk.run(10);
    assert_eq!(shown(&desk), ["web_77", "web_78"]);
    desk.run(2 * SLOW);
    assert!(desk.view().counts().reconciliations > done, "it has ended");
    assert_eq!(
        shown(&desk),
        ["web_77", "web_78"],
        "the answer is older than what the stream told"
    );
}

#[test]
fn a_stranger_s_order_that_has_ended_is_not_shown_by_an_answer_from_before_its_end() {
    let mut desk = desk_with_a_stranger();
    let id = ClientOrderId::new("web_77").unwrap();
    reconcile_halfway(&mut desk);
    let done = desk.view().counts().reconciliations;
    desk.at_exchange(|exchange, now| {
        let late = Delivery::Event(exchange.order_event(&id, ReportSource::Query, now));
        exchange.orders.get_mut(&id).unwrap().status = OrderStatus::Cancelled;
        let mut told = exchange.stream(&id, now, 1);
        told.push((20, late));
        told
    });
    desk.run(10);
    assert_eq!(shown(&desk), [""; 0]);
    desk.run(2 * SLOW);
    assert!(desk.view().counts().reconciliations > done, "it has ended");
    assert_eq!(shown(&desk), [""; 0]);
}
