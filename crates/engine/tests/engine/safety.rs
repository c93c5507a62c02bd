//! What must hold when answers fail, lie or cannot be read: cancels carried on, ends proven, limits kept.
#![allow(clippy::unwrap_used)]

use colibri_engine::StrategyState;
use colibri_model::{OrderState, Side};
use colibri_standard::{NoticeEvent, NoticeKind};

use crate::desk::{Delivery, Desk, QUOTES};
use crate::trading::{order_of, state_of};

#[test]
fn a_cancel_that_is_not_sent_is_sent_again_although_the_strategy_rests() {
    for lose in [0, 3] {
        let mut desk = Desk::new(QUOTES);
        desk.start();
        (desk.exchange.block_cancels, desk.exchange.lose_cancels) = (5, lose);
        // The book is stale: the strategy rests, wishes its quotes away once, and is asked nothing more.
        desk.run(90_000);
        let resting = desk.view().strategies().next().unwrap().state;
        assert!(matches!(resting, StrategyState::Paused(_)));
        assert_eq!(desk.exchange.block_cancels + desk.exchange.lose_cancels, 0);
        assert_eq!(desk.exchange.open().count(), 0, "the wish is carried on");
        assert_eq!(desk.live(), 0);
    }
}

#[test]
fn a_cancel_that_was_wanted_is_wanted_after_a_crash() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    desk.exchange.block_cancels = 100;
    desk.run(12_000);
    assert_eq!(desk.exchange.open().count(), 2);
    desk.exchange.block_cancels = 0;
    let mut desk = desk.crash(QUOTES, 1_000);
    // No book comes: no strategy runs.
    desk.exchange.book_is_silent = true;
    desk.start();
    desk.run(5_000);
    assert_eq!(desk.exchange.open().count(), 0);
}

#[test]
fn an_order_that_is_denied_and_open_all_the_same_keeps_the_stop_from_being_proven() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    (desk.exchange.lose_cancels, desk.exchange.denies_orders) = (1_000, true);
    desk.stop();
    assert!(desk.logged("it is gone"), "the denials were old and many enough");
    assert_eq!(desk.exchange.open().count(), 2);
    assert!(
        !desk.engine.is_stopped(),
        "the exchange tells both as open: {:?}",
        desk.engine.stop_report()
    );
    (desk.exchange.lose_cancels, desk.exchange.denies_orders) = (0, false);
    desk.stop();
    assert!(desk.engine.is_stopped(), "{:?}", desk.engine.stop_report());
    assert_eq!(desk.exchange.open().count(), 0, "they came back and were cancelled");
}

#[test]
fn denials_of_an_old_order_count_from_the_first_of_them() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    desk.book_beats(1_000, 5);
    (desk.exchange.lose_cancels, desk.exchange.denies_orders) = (2, true);
    let (buy, sell) = (order_of(&desk, Side::Buy), order_of(&desk, Side::Sell));
    desk.engine.stop("the test is over", desk.now());
    desk.drain();
    // The cancels time out after ten seconds; then the orders are asked about, and denied.
    desk.run(14_500);
    assert!(desk.exchange.status_queries >= 4);
    for id in [&buy, &sell] {
        assert_eq!(state_of(&desk, id), OrderState::Open, "a cache that lags is no proof");
    }
    desk.exchange.denies_orders = false;
    desk.stop();
    assert!(desk.engine.is_stopped());
    assert_eq!(desk.exchange.open().count(), 0);
}

/// A message of a session that could not be read.
fn unreadable(session: u32) -> Delivery {
    let kind = NoticeKind::Unreadable {
        session,
        instrument: None,
    };
    let text = "no such member".to_owned();
    Delivery::Event(NoticeEvent { kind, text }.into())
}

#[test]
fn an_unreadable_message_of_the_user_stream_is_made_up_for_by_asking() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let (buy, asked) = (order_of(&desk, Side::Buy), desk.exchange.open_order_queries);
    desk.at_exchange(|exchange, now| {
        // The report of this trade is what cannot be read.
        exchange.trade(&buy, "1", now);
        vec![(1, unreadable(2))]
    });
    desk.run(1);
    assert!(desk.view().venues().next().unwrap().not_ready().is_some());
    desk.run(500);
    assert!(desk.exchange.open_order_queries > asked);
    assert_eq!(state_of(&desk, &buy), OrderState::Filled);
    assert!(desk.view().venues().next().unwrap().not_ready().is_none());
    assert_eq!(desk.view().counts().book_drops, 0, "the books are as good as before");
    let asked = desk.exchange.open_order_queries;
    desk.at_exchange(|_, _| vec![(1, unreadable(1))]);
    desk.run(500);
    assert_eq!(desk.view().counts().book_drops, 1);
    assert_eq!(desk.exchange.open_order_queries, asked);
}
