//! What must hold when answers fail, lie or cannot be read: cancels carried on, ends proven, limits kept.
#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;

use colibri_engine::risk::RiskLimits;
use colibri_engine::strategy::PauseReason;
use colibri_engine::{Recovered, StrategyState, VenueIndex, VenuePhase};
use colibri_model::{ClientOrderId, Decimal, OrderState, Quantity, Record, Side};
use colibri_standard::{NoticeEvent, NoticeKind, OrderStatus};

use crate::desk::{Delivery, Desk, Placement, QUOTES};
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
fn an_answer_that_names_an_order_as_open_proves_nothing_whatever_was_told_before() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let buy = order_of(&desk, Side::Buy);
    let now = desk.now();
    desk.engine.stop("the test is over", now);
    desk.drain();
    // Both are told as cancelled, and one all the same as open when everything is asked for.
    desk.exchange.orders.get_mut(&buy).unwrap().status = OrderStatus::Open;
    desk.run(3_000);
    assert_eq!(state_of(&desk, &buy), OrderState::Cancelled);
    assert!(!desk.engine.is_stopped());
    desk.exchange.orders.get_mut(&buy).unwrap().status = OrderStatus::Cancelled;
    desk.stop();
    assert!(desk.engine.is_stopped());
}

#[test]
fn denials_of_an_old_order_count_from_the_first_of_them() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    desk.book_beats(1_000, 5);
    (desk.exchange.lose_cancels, desk.exchange.denies_orders) = (2, true);
    let (buy, sell) = (order_of(&desk, Side::Buy), order_of(&desk, Side::Sell));
    let now = desk.now();
    desk.engine.stop("the test is over", now);
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

/// Quotes that are made anew every second.
fn eager() -> String {
    QUOTES.replace("order_refresh_time = 10", "order_refresh_time = 1")
}

#[test]
fn no_more_orders_are_sent_in_a_second_than_the_cap_allows() {
    let risk = RiskLimits {
        max_orders_per_second: NonZeroU32::MIN,
        ..RiskLimits::default()
    };
    let mut desk = Desk::limited(QUOTES, risk);
    desk.start();
    assert_eq!(desk.exchange.placements, 1);
    assert!(desk.logged("within a second"));
    assert_eq!(
        RiskLimits::default().max_orders_per_second.get(),
        20,
        "a cap where none is named"
    );
}

#[test]
fn a_strategy_whose_orders_are_refused_again_and_again_rests() {
    let mut desk = Desk::new(&eager());
    desk.exchange.script.extend([Placement::Refused; 9]);
    desk.exchange.script.push_back(Placement::NotSent);
    desk.exchange.script.extend([Placement::Refused; 3]);
    desk.start();
    desk.book_beats(1_000, 15);
    let state = |desk: &Desk| desk.view().strategies().next().unwrap().state;
    assert_eq!(state(&desk), StrategyState::Paused(PauseReason::OrdersRefused));
    assert_eq!(
        desk.exchange.placements, 12,
        "the one in flight beside the tenth is the last"
    );
    assert!(desk.logged("in a row"));
    desk.book_beats(1_000, 55);
    assert_eq!(state(&desk), StrategyState::Running);
    assert_eq!(desk.exchange.open().count(), 2);
}

#[test]
fn orders_whose_account_is_not_there_any_more_are_named() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let orphans = desk.orphans_of_another_account();
    assert_eq!(orphans.len(), 2, "neither dropped nor taken for the other account's");
    assert!(orphans.iter().all(|o| o.account.as_str() == "main"));
    let desk = desk.crash(QUOTES, 1_000);
    assert_eq!(desk.engine.orphans().count(), 0);
}

/// Large quotes, which the desk's strategy shrinks, and leaves where they are.
fn large() -> String {
    QUOTES
        .replace("order_amount = 1", "order_amount = 2")
        .replace("order_refresh_time = 10", "order_refresh_time = 100")
}

#[test]
fn an_amend_is_journaled_before_it_is_sent_and_either_quantity_holds_until_it_is_told() {
    let mut desk = Desk::new(&large());
    desk.start();
    desk.book_beats(1_000, 1);
    assert_eq!(desk.exchange.amends, 2);
    let records = desk.journal.0.borrow().records.clone();
    let amends = records.iter().filter(|r| matches!(r, Record::AmendIntent { .. }));
    assert_eq!(amends.count(), 2);
    let (small, whole) = (Quantity(Decimal::new(15, 1)), Quantity(Decimal::TWO));
    let buy = order_of(&desk, Side::Buy);
    let order = |desk: &Desk| {
        let view = desk.view();
        let order = view.order(&buy).unwrap();
        (order.intent.quantity, order.amend_to)
    };
    assert_eq!(order(&desk), (whole, Some(small)));
    // The host dies before the answer.
    let recovered = Recovered::from_records(&records);
    assert_eq!(recovered.orders[&buy].amend_to, Some(small));
    let again = desk.crash(&large(), 500);
    let mut desk = again;
    desk.start();
    assert_eq!(order(&desk), (small, None), "the exchange was asked");
}

#[test]
fn an_amend_that_cannot_be_journaled_is_not_sent() {
    let mut desk = Desk::new(&large());
    let now = desk.now();
    desk.engine.start(now);
    desk.drain();
    while desk.exchange.placements < 2 {
        desk.run(1);
    }
    desk.run(20);
    desk.journal.0.borrow_mut().fails = Some("disk full".to_owned());
    desk.run(1_500);
    assert_eq!(desk.exchange.amends, 0);
}

#[test]
fn the_progress_of_one_order_s_fills_does_not_move_the_watermark() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let sell = order_of(&desk, Side::Sell);
    desk.at_exchange(|exchange, now| {
        exchange.trade(&sell, "1", now);
        exchange.stream(&sell, now, 1)
    });
    // Half a second after the status its fills are asked for; just then a reconciliation runs as well, and fails.
    desk.run(500);
    desk.exchange.lose_account_fills = 1;
    let asked = desk.exchange.account_fills_asked_from.len();
    desk.at_exchange(|_, _| vec![(0, unreadable(2))]);
    desk.run(2_000);
    assert_eq!(desk.view().order(&sell).unwrap().filled().0, Decimal::ONE);
    let asked = &desk.exchange.account_fills_asked_from[asked..];
    assert!(asked.len() >= 2);
    assert_eq!(
        asked[1], None,
        "what came before the fills of that order is still asked for"
    );
}

#[test]
fn fills_that_the_journal_lacks_are_asked_for_after_a_restart() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let buy = order_of(&desk, Side::Buy);
    desk.at_exchange(|exchange, now| {
        exchange.trade(&buy, "1", now);
        exchange.stream(&buy, now, 1)
    });
    desk.book_beats(5_000, 30);
    assert_eq!(desk.view().order(&buy).unwrap().filled().0, Decimal::ONE);
    desk.journal
        .0
        .borrow_mut()
        .records
        .retain(|r| !matches!(r, Record::Filled { .. }));
    let mut desk = desk.crash(QUOTES, 1_000);
    desk.start();
    assert_eq!(desk.view().order(&buy).unwrap().filled().0, Decimal::ONE);
}

#[test]
fn a_fill_s_strategy_is_known_from_any_of_its_records() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let buy = order_of(&desk, Side::Buy);
    desk.at_exchange(|exchange, now| vec![(1, Delivery::Event(exchange.trade(&buy, "1", now).into()))]);
    desk.run(100);
    let records = desk.journal.0.borrow().records.clone();
    let late = records
        .into_iter()
        .find(|r| matches!(r, Record::Filled { .. }))
        .unwrap();
    let mut early = late.clone();
    if let Record::Filled { strategy, fill } = &mut early {
        (*strategy, fill.client_id, fill.fee) = (None, None, None);
    }
    let recovered = Recovered::from_records(&[early, late.clone()]);
    let [(strategy, fill)] = recovered.fills.as_slice() else {
        panic!("it is one fill: {:?}", recovered.fills)
    };
    let whole = Record::Filled {
        strategy: strategy.clone(),
        fill: fill.clone(),
    };
    assert_eq!(whole, late);
}

#[test]
fn an_order_left_in_a_pair_that_is_not_listed_any_more_does_not_cost_the_venue() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    {
        let records = &mut desk.journal.0.borrow_mut().records;
        let mut left = records
            .iter()
            .find(|r| matches!(r, Record::Intent { .. }))
            .unwrap()
            .clone();
        if let Record::Intent { pair, order, .. } = &mut left {
            *pair = "OLD-USDT".parse().unwrap();
            order.client_id = ClientOrderId::new("clbold").unwrap();
        }
        records.push(left);
    }
    let mut desk = desk.crash(QUOTES, 1_000);
    desk.start();
    assert_eq!(*desk.view().venues().next().unwrap().phase(), VenuePhase::Ready);
    assert!(desk.logged("does not list OLD-USDT any more"));
    assert_eq!(desk.live(), 2, "its side is not quoted while it may be open");
    desk.book_beats(1_000, 25);
    assert_eq!(desk.exchange.open().count(), 2, "the exchange has denied it");
}

#[test]
fn a_pair_to_be_watched_that_is_not_listed_is_left_out_and_does_not_cost_the_venue() {
    let mut desk = Desk::new(QUOTES);
    desk.engine.watch(VenueIndex(0), vec!["OLD-USDT".parse().unwrap()]);
    desk.start();
    let view = desk.view();
    let venue = view.venues().next().unwrap();
    assert_eq!(*venue.phase(), VenuePhase::Ready);
    assert_eq!(venue.not_ready(), None);
    assert!(desk.logged("does not offer OLD-USDT, to be watched only: left out"));
    assert_eq!(desk.live(), 2, "what is traded is quoted");
    desk.book_beats(1_000, 25);
    assert_eq!(desk.live(), 2);
    desk.stop();
    assert!(desk.engine.is_stopped());
}

#[test]
fn a_pair_to_be_traded_that_is_not_listed_fails_the_venue() {
    let mut desk = Desk::new(QUOTES);
    desk.exchange.lists_nothing = true;
    desk.start();
    let view = desk.view();
    let VenuePhase::Failed(why) = view.venues().next().unwrap().phase() else {
        panic!("it came up without what it trades");
    };
    assert!(why.contains("does not offer BTC-USDT"), "{why}");
}
