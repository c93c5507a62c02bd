//! The engine at a scripted exchange: bring-up, quoting, every way in which reports are lost or doubled, stopping.
#![allow(clippy::unwrap_used)]

use colibri_engine::{BookSource, LogLevel, StrategyState, VenuePhase};
use colibri_model::{ClientOrderId, Decimal, OrderState, Quantity, Record, Side};
use colibri_standard::{OrderStatus, ReportSource, SessionRole, SessionStatus};

use crate::desk::{Delivery, Desk, Placement, QUOTES};

pub(crate) fn order_of(desk: &Desk, side: Side) -> ClientOrderId {
    let found = desk
        .view()
        .live_orders(&desk.strategy_id())
        .find(|o| o.intent.side == side)
        .unwrap();
    found.client_id().clone()
}

pub(crate) fn state_of(desk: &Desk, id: &ClientOrderId) -> OrderState {
    desk.view().order(id).unwrap().state()
}

#[test]
fn it_comes_up_quotes_and_stops_with_proof() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let view = desk.view();
    assert_eq!(*view.venues().next().unwrap().phase(), VenuePhase::Ready);
    assert_eq!(view.strategies().next().unwrap().state, StrategyState::Running);
    let prices: Vec<_> = desk.exchange.open().map(|o| (o.side, o.price.0)).collect();
    assert!(prices.contains(&(Side::Buy, Decimal::from(99))) && prices.contains(&(Side::Sell, Decimal::from(101))));
    assert_eq!(desk.live(), 2);
    for order in view.live_orders(&desk.strategy_id()) {
        assert_eq!(order.state(), OrderState::Open);
    }
    // Every intent stands in the journal before anything is known of it from the exchange.
    let records = desk.journal.0.borrow().records.clone();
    let intents = records.iter().filter(|r| matches!(r, Record::Intent { .. })).count();
    assert_eq!(intents, 2);
    desk.stop();
    assert!(desk.engine.is_stopped());
    let report = desk.engine.stop_report().unwrap();
    assert!(
        report.is_proven() && report.venues[0].remaining.is_empty(),
        "{report:?}"
    );
    assert_eq!(desk.exchange.open().count(), 0);
    assert!(matches!(
        desk.journal.0.borrow().records.last(),
        Some(Record::Stopped { .. })
    ));
    desk.assert_ledger_agrees();
}

#[test]
fn quotes_stay_while_the_price_does_and_follow_when_it_moves() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let before = order_of(&desk, Side::Buy);
    desk.book_beats(3_000, 7);
    assert_eq!(
        order_of(&desk, Side::Buy),
        before,
        "within the tolerance, the place in the queue is kept"
    );
    assert_eq!(desk.exchange.placements, 2);
    let level = |price, quantity| colibri_abi::Level { price, quantity };
    desk.at_exchange(|exchange, _| {
        let bids = [level(9_990, 0), level(9_980, 0), level(10_990, 50_000)];
        let asks = [level(10_010, 0), level(10_020, 0), level(11_010, 50_000)];
        vec![(0, exchange.next_diff(&bids, &asks))]
    });
    desk.book_beats(3_000, 5);
    assert_eq!(desk.live(), 2);
    let buy = desk
        .view()
        .order(&order_of(&desk, Side::Buy))
        .unwrap()
        .intent
        .price
        .unwrap();
    assert_eq!(buy.0, Decimal::new(1_089, 1), "one percent below 110, a tick at a time");
    assert_eq!(desk.exchange.open().count(), 2);
}

#[test]
fn a_placement_whose_answer_is_lost_is_asked_about_and_found() {
    let mut desk = Desk::new(QUOTES);
    desk.exchange.script.push_back(Placement::TakenAnswerLost);
    desk.start();
    desk.book_beats(2_000, 4);
    assert_eq!(
        desk.live(),
        2,
        "nothing is placed in the place of an order that may be live"
    );
    desk.book_beats(500, 6);
    let view = desk.view();
    assert_eq!(view.counts().orders_unknown, 1);
    assert_eq!(view.counts().unknown_resolved, 1);
    assert!(
        view.live_orders(&desk.strategy_id())
            .all(|o| o.state() == OrderState::Open)
    );
    assert_eq!(desk.exchange.status_queries, 1);
    desk.stop();
    assert!(desk.engine.is_stopped());
    assert_eq!(desk.exchange.open().count(), 0);
}

#[test]
fn a_placement_that_never_arrived_is_gone_only_after_repeated_denials() {
    let mut desk = Desk::new(QUOTES);
    desk.exchange.script.push_back(Placement::LostAnswerLost);
    desk.start();
    let lost = desk
        .view()
        .live_orders(&desk.strategy_id())
        .find(|o| o.exchange_id.is_none())
        .unwrap();
    let (lost, side) = (lost.client_id().clone(), lost.intent.side);
    desk.book_beats(1_000, 9);
    assert_eq!(state_of(&desk, &lost), OrderState::Unknown, "one denial is not enough");
    desk.book_beats(1_000, 15);
    assert_eq!(state_of(&desk, &lost), OrderState::Rejected);
    assert!(desk.exchange.status_queries >= 2);
    assert!(
        desk.exchange.open().any(|o| o.side == side),
        "the level is quoted again"
    );
}

#[test]
fn a_refusal_ends_the_order_and_the_next_round_tries_again() {
    let mut desk = Desk::new(QUOTES);
    desk.exchange.script.extend([Placement::Refused, Placement::NotSent]);
    desk.start();
    assert_eq!(desk.live(), 0);
    assert_eq!(desk.view().counts().orders_rejected, 2);
    desk.book_beats(3_000, 5);
    assert_eq!(desk.exchange.open().count(), 2);
}

#[test]
fn a_fill_told_three_ways_counts_once() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let buy = order_of(&desk, Side::Buy);
    desk.at_exchange(|exchange, now| {
        let fill = exchange.trade(&buy, "0.4", now);
        let mut ack = fill.clone();
        ack.source = ReportSource::Ack;
        ack.fee = None;
        let mut answers = vec![
            (1, Delivery::Event(ack.into())),
            (2, Delivery::Event(fill.clone().into())),
            (3, Delivery::Event(fill.into())),
        ];
        answers.extend(exchange.stream(&buy, now, 2));
        answers
    });
    desk.run(500);
    {
        let view = desk.view();
        let order = view.order(&buy).unwrap();
        assert_eq!(
            (order.state(), order.filled().0),
            (OrderState::PartiallyFilled, Decimal::new(4, 1))
        );
        assert_eq!(
            order.fees().values().next().unwrap().0,
            Decimal::new(4, 4),
            "the fee came with the second report"
        );
        assert_eq!((view.counts().buy_fills, view.counts().duplicate_fills), (1, 2));
    }
    desk.assert_ledger_agrees();
    desk.stop();
    assert!(desk.engine.is_stopped());
    desk.assert_ledger_agrees();
}

#[test]
fn a_cancel_that_races_with_a_fill_loses_nothing() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let buy = order_of(&desk, Side::Buy);
    // The exchange fills the order; before we hear of it we cancel, and the cancel finds nothing.
    desk.at_exchange(|exchange, now| {
        let fill = exchange.trade(&buy, "1", now);
        let mut answers = exchange.stream(&buy, now, 300);
        answers.push((400, Delivery::Event(fill.into())));
        answers
    });
    desk.stop();
    assert!(desk.engine.is_stopped());
    let view = desk.view();
    let order = view.order(&buy).unwrap();
    assert_eq!((order.state(), order.filled().0), (OrderState::Filled, Decimal::ONE));
    assert_eq!(view.counts().buy_fills, 1);
    desk.assert_ledger_agrees();
}

#[test]
fn a_status_of_filled_without_its_trades_asks_for_them() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let sell = order_of(&desk, Side::Sell);
    desk.at_exchange(|exchange, now| {
        exchange.trade(&sell, "1", now);
        exchange.stream(&sell, now, 1)
    });
    desk.run(100);
    assert_eq!(state_of(&desk, &sell), OrderState::Filled);
    assert_eq!(
        desk.view().order(&sell).unwrap().missing_fills(),
        Quantity(Decimal::ONE)
    );
    desk.run(1_000);
    assert!(desk.view().order(&sell).unwrap().missing_fills().is_zero());
    assert_eq!(desk.view().counts().sell_fills, 1);
    desk.assert_ledger_agrees();
}

#[test]
fn a_cancel_whose_answer_is_lost_is_resolved_by_asking() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    desk.exchange.lose_cancel_answers = 1;
    desk.exchange.lose_cancels = 1;
    desk.stop();
    assert!(desk.engine.is_stopped(), "{:?}", desk.engine.stop_report());
    assert_eq!(desk.exchange.open().count(), 0);
}

#[test]
fn an_unknown_placement_is_cancelled_and_proven_gone_when_stopping() {
    let mut desk = Desk::new(QUOTES);
    desk.exchange
        .script
        .extend([Placement::TakenAnswerLost, Placement::LostAnswerLost]);
    desk.start();
    desk.stop();
    assert!(desk.engine.is_stopped(), "{:?}", desk.engine.stop_report());
    assert_eq!(desk.exchange.open().count(), 0);
    assert_eq!(desk.exchange.placements, 2, "nothing was sent twice");
}

#[test]
fn a_gap_drops_the_book_and_a_snapshot_brings_it_back() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    assert_eq!(desk.exchange.snapshots, 1);
    desk.exchange.book_id += 5;
    desk.at_exchange(|exchange, _| vec![(0, exchange.next_diff(&[], &[]))]);
    desk.run(1);
    assert!(desk.view().markets().next().unwrap().book().is_none());
    assert!(desk.logged("was dropped"));
    desk.run(100);
    assert!(desk.view().markets().next().unwrap().book().is_some());
    assert_eq!(desk.exchange.snapshots, 2);
    assert_eq!(desk.live(), 2, "a short gap leaves the quotes");
}

#[test]
fn a_stale_book_rests_the_strategy_and_withdraws_its_quotes() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    desk.run(15_000);
    assert!(matches!(
        desk.view().strategies().next().unwrap().state,
        StrategyState::Paused(_)
    ));
    assert_eq!(desk.exchange.open().count(), 0);
    desk.book_beats(1_000, 3);
    assert_eq!(desk.view().strategies().next().unwrap().state, StrategyState::Running);
    assert_eq!(desk.exchange.open().count(), 2);
}

#[test]
fn what_happened_while_the_user_stream_was_down_is_learned_before_trading_goes_on() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let (buy, sell) = (order_of(&desk, Side::Buy), order_of(&desk, Side::Sell));
    desk.at_exchange(|exchange, now| {
        exchange.trade(&buy, "1", now);
        exchange.orders.get_mut(&sell).unwrap().status = OrderStatus::Expired;
        exchange.session(SessionRole::User, SessionStatus::Down)
    });
    desk.run(3_000);
    assert!(matches!(
        desk.view().strategies().next().unwrap().state,
        StrategyState::Paused(_)
    ));
    assert_eq!(
        state_of(&desk, &buy),
        OrderState::Filled,
        "polling goes on while the stream is down"
    );
    assert_eq!(state_of(&desk, &sell), OrderState::Expired);
    desk.at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Live));
    desk.book_beats(1_000, 5);
    assert_eq!(desk.view().strategies().next().unwrap().state, StrategyState::Running);
    assert_eq!(desk.exchange.open().count(), 2);
    desk.assert_ledger_agrees();
}

#[test]
fn a_reconnect_of_the_market_stream_brings_a_new_book() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    desk.at_exchange(|exchange, _| exchange.session(SessionRole::Market, SessionStatus::Down));
    desk.run(100);
    let market = desk.view().markets().next().unwrap();
    assert!(market.book().is_none() && market.book_source() == BookSource::Polling);
    assert_eq!(
        desk.exchange.open().count(),
        0,
        "quotes that cannot be watched are withdrawn"
    );
    desk.at_exchange(|exchange, _| exchange.session(SessionRole::Market, SessionStatus::Live));
    desk.run(1_500);
    assert_eq!(desk.exchange.open().count(), 2);
}

#[test]
fn a_journal_that_fails_stops_new_orders_and_not_cancels() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    desk.journal.0.borrow_mut().fails = Some("disk full".to_owned());
    let buy = order_of(&desk, Side::Buy);
    desk.at_exchange(|exchange, now| {
        let fill = exchange.trade(&buy, "1", now);
        let mut answers = exchange.stream(&buy, now, 1);
        answers.push((1, Delivery::Event(fill.into())));
        answers
    });
    desk.book_beats(1_000, 5);
    assert_eq!(desk.exchange.open().count(), 0, "the quotes are withdrawn");
    assert_eq!(desk.exchange.placements, 2);
    assert!(
        desk.log
            .iter()
            .any(|(level, text)| *level == LogLevel::Error && text.contains("disk full"))
    );
    desk.journal.0.borrow_mut().fails = None;
    desk.book_beats(1_000, 5);
    assert_eq!(desk.exchange.open().count(), 2, "trading goes on");
    let records = desk.journal.0.borrow();
    let filled = records
        .records
        .iter()
        .filter(|r| matches!(r, Record::Filled { .. }))
        .count();
    assert_eq!(filled, 1, "the fact that could not be written was written later");
}

#[test]
fn a_crash_leaves_no_orphan_and_no_duplicate() {
    let mut desk = Desk::new(QUOTES);
    desk.exchange.script.push_back(Placement::TakenAnswerLost);
    desk.start();
    let lost = desk
        .view()
        .live_orders(&desk.strategy_id())
        .find(|o| o.exchange_id.is_none())
        .unwrap();
    let lost = lost.client_id().clone();
    // The host dies here; while it is down the other order is filled.
    let other = desk
        .exchange
        .open()
        .find(|o| o.client_id != lost)
        .unwrap()
        .client_id
        .clone();
    let now = desk.now();
    desk.exchange.trade(&other, "1", now);
    let mut desk = desk.crash(QUOTES, 5_000);
    desk.start();
    assert_eq!(state_of(&desk, &other), OrderState::Filled);
    assert_eq!(desk.view().order(&other).unwrap().filled().0, Decimal::ONE);
    assert_eq!(
        state_of(&desk, &lost),
        OrderState::Cancelled,
        "found, and replaced by a quote of this run"
    );
    desk.book_beats(1_000, 5);
    assert_eq!(desk.exchange.open().count(), 2);
    desk.assert_ledger_agrees();
    desk.stop();
    assert!(desk.engine.is_stopped());
    desk.assert_ledger_agrees();
}

#[test]
fn fills_are_attributed_although_the_exchange_s_id_comes_later() {
    let mut desk = Desk::new(QUOTES);
    desk.exchange.script.push_back(Placement::TakenAnswerLost);
    desk.start();
    let lost = desk
        .view()
        .live_orders(&desk.strategy_id())
        .find(|o| o.exchange_id.is_none())
        .unwrap();
    let lost = lost.client_id().clone();
    desk.at_exchange(|exchange, now| {
        let mut fill = exchange.trade(&lost, "0.5", now);
        // As a trade history tells it: by the exchange's id alone.
        fill.client_id = None;
        vec![(1, Delivery::Event(fill.into()))]
    });
    desk.run(100);
    assert!(desk.view().order(&lost).unwrap().filled().is_zero());
    desk.book_beats(1_000, 12);
    assert_eq!(desk.view().order(&lost).unwrap().filled().0, Decimal::new(5, 1));
    desk.stop();
    desk.assert_ledger_agrees();
}

#[test]
fn virtual_time_is_all_the_time_there_is() {
    let run = || {
        let mut desk = Desk::new(QUOTES);
        desk.exchange
            .script
            .extend([Placement::TakenAnswerLost, Placement::Refused]);
        desk.start();
        desk.book_beats(1_700, 20);
        desk.stop();
        let records = desk.journal.0.borrow().records.clone();
        (records, desk.log)
    };
    assert_eq!(run(), run(), "the same inputs give the same records and the same log");
}
