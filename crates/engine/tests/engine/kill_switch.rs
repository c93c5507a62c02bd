//! The kill switch: what throws it, that everything is cancelled and proven, and that it outlives the run.
#![allow(clippy::unwrap_used)]

use colibri_engine::risk::RiskLimits;
use colibri_engine::strategy::PauseReason;
use colibri_engine::{KillSwitch, StrategyState};
use colibri_model::{Amount, Asset, Decimal, KillCause, Millis, Record, Side};
use colibri_standard::{SessionRole, SessionStatus};

use crate::desk::{Delivery, Desk, Placement, QUOTES};
use crate::trading::order_of;

fn loss(limit: i64) -> RiskLimits {
    RiskLimits {
        max_loss: Some(Amount(Decimal::from(limit))),
        ..RiskLimits::default()
    }
}

fn drawdown(limit: i64) -> RiskLimits {
    RiskLimits {
        max_drawdown: Some(Amount(Decimal::from(limit))),
        ..RiskLimits::default()
    }
}

fn stale(limit: u64) -> RiskLimits {
    RiskLimits {
        max_stale_ms: Some(Millis(limit)),
        ..RiskLimits::default()
    }
}

/// Fills the quote of a side wholly, at 99 or 101, less a fee of a thousandth.
fn fill(desk: &mut Desk, side: Side) {
    let id = order_of(desk, side);
    desk.at_exchange(|exchange, now| {
        let fill = exchange.trade(&id, "1", now);
        let mut answers = exchange.stream(&id, now, 1);
        answers.push((1, Delivery::Event(fill.into())));
        answers
    });
    desk.book_beats(1_000, 1);
}

/// Moves the book from one mid to another, both in whole units.
fn move_mid(desk: &mut Desk, from: i64, to: i64) {
    let level = |price, quantity| colibri_abi::Level { price, quantity };
    desk.at_exchange(|exchange, _| {
        let (old, new) = (from * 100, to * 100);
        let mut bids = vec![level(old - 10, 0), level(old - 20, 0), level(new - 10, 50_000)];
        let mut asks = vec![level(old + 10, 0), level(old + 20, 0), level(new + 10, 50_000)];
        bids.dedup_by_key(|l| l.price);
        asks.dedup_by_key(|l| l.price);
        vec![(0, exchange.next_diff(&bids, &asks))]
    });
    desk.run(10);
}

fn switch(desk: &Desk) -> Option<&KillSwitch> {
    desk.engine.kill_switch()
}

fn assert_thrown(desk: &Desk, cause: KillCause, parts: &[&str]) {
    let kill = switch(desk).expect("the switch is thrown");
    assert_eq!(kill.cause, cause);
    assert!(parts.iter().all(|part| kill.reason.contains(part)), "{}", kill.reason);
    let journaled = |r: &Record| matches!(r, Record::KillSwitchThrown { cause: c, reason, .. } if *c == cause && *reason == kill.reason);
    assert!(desk.journal.0.borrow().records.iter().any(journaled));
    let state = desk.view().strategies().next().unwrap().state;
    assert_eq!(state, StrategyState::Paused(PauseReason::KillSwitch));
}

#[test]
fn a_drawdown_throws_the_kill_switch_until_a_person_resumes() {
    let mut desk = Desk::limited(QUOTES, drawdown(5));
    desk.start();
    fill(&mut desk, Side::Buy);
    assert_eq!(switch(&desk), None);
    desk.exchange.block_cancels = 3;
    move_mid(&mut desk, 100, 90);
    desk.book_beats(1_000, 5);
    assert_thrown(&desk, KillCause::Drawdown, &["USDT", "max_drawdown is 5"]);
    assert_eq!(desk.exchange.open().count(), 0, "everything is cancelled");
    let placements = desk.exchange.placements;
    let mut desk = desk.crash(QUOTES, 1_000);
    desk.start();
    desk.book_beats(1_000, 12);
    assert_eq!(
        switch(&desk).unwrap().cause,
        KillCause::Drawdown,
        "a restart does not release it"
    );
    assert!(switch(&desk).unwrap().proven.is_some(), "and proves it anew");
    assert_eq!(desk.exchange.placements, placements);
    let now = desk.now();
    assert!(desk.engine.resume(now));
    desk.book_beats(1_000, 5);
    assert_eq!(desk.exchange.open().count(), 2);
    let released = |r: &Record| matches!(r, Record::KillSwitchReleased { .. });
    assert!(desk.journal.0.borrow().records.iter().any(released));
}

#[test]
fn a_loss_is_measured_from_the_session_s_start_with_the_inventory_at_its_price_then() {
    // Bought at 99; the bot is stopped in order, and starts again with the price at 90.
    let mut desk = Desk::new(QUOTES);
    desk.start();
    fill(&mut desk, Side::Buy);
    desk.stop();
    assert!(desk.engine.is_stopped());
    let mut desk = desk.crash_limited(QUOTES, 1_000, loss(5));
    desk.start();
    move_mid(&mut desk, 100, 96);
    desk.book_beats(1_000, 2);
    assert_eq!(switch(&desk), None, "four of the five may be lost");
    let profit = &desk.view().session_profits()[&Asset::new("USDT")];
    // A thousandth of what was bought went as its fee, and loses nothing any more.
    assert_eq!(profit.profit, Amount(Decimal::new(-3_996, 3)));
    move_mid(&mut desk, 96, 94);
    desk.book_beats(1_000, 2);
    assert_thrown(&desk, KillCause::Loss, &["lost 5", "USDT", "max_loss is 5"]);
}

#[test]
fn a_session_goes_on_over_a_crash_and_ends_with_a_proven_stop_or_a_resume() {
    let mut desk = Desk::limited(QUOTES, loss(6));
    desk.start();
    fill(&mut desk, Side::Buy);
    move_mid(&mut desk, 100, 96);
    desk.book_beats(1_000, 1);
    // Three below the price and a fee of 0.099: not yet six. Before the crash and after it together are.
    assert_eq!(switch(&desk), None);
    let mut desk = desk.crash_limited(QUOTES, 1_000, loss(6));
    desk.start();
    move_mid(&mut desk, 100, 93);
    desk.book_beats(1_000, 2);
    assert_thrown(&desk, KillCause::Loss, &["lost 6.09"]);
    let now = desk.now();
    assert!(desk.engine.resume(now));
    desk.book_beats(1_000, 2);
    move_mid(&mut desk, 93, 92);
    desk.book_beats(1_000, 2);
    assert_eq!(switch(&desk), None, "a person has looked: it is measured from there");
    desk.stop();
    let references = |desk: &Desk| {
        let records = desk.journal.0.borrow();
        records
            .records
            .iter()
            .filter(|r| matches!(r, Record::SessionReference { .. }))
            .count()
    };
    assert_eq!(references(&desk), 2, "one of the first session, one since the resume");
    let mut desk = desk.crash_limited(QUOTES, 1_000, loss(6));
    desk.start();
    assert_eq!(references(&desk), 3, "a stop that was proven ended the session");
}

#[test]
fn a_peak_is_at_least_where_the_session_began_also_after_a_crash() {
    let mut desk = Desk::limited(QUOTES, drawdown(6));
    desk.start();
    fill(&mut desk, Side::Buy);
    move_mid(&mut desk, 100, 95);
    desk.book_beats(1_000, 1);
    let mut desk = desk.crash_limited(QUOTES, 1_000, drawdown(6));
    desk.start();
    move_mid(&mut desk, 100, 93);
    desk.book_beats(1_000, 2);
    assert_thrown(&desk, KillCause::Drawdown, &["peak of"]);
}

#[test]
fn fees_without_a_price_are_named_and_left_out() {
    let mut desk = Desk::limited(QUOTES, loss(50));
    desk.exchange.fee_asset = Some(Asset::new("BNB"));
    desk.start();
    fill(&mut desk, Side::Buy);
    let value = desk.view().session_profits()[&Asset::new("USDT")].clone();
    assert_eq!(value.profit, Amount(Decimal::ONE), "bought at 99, worth 100");
    assert_eq!(value.uncounted_fees[&Asset::new("BNB")], Amount(Decimal::new(1, 3)));
    assert!(desk.logged("fees in BNB"));
    assert!(desk.logged("BNB-USDT"));
}

#[test]
fn a_book_that_is_stale_while_orders_are_live_throws_it() {
    let mut desk = Desk::limited(QUOTES, stale(100_000));
    desk.start();
    (desk.exchange.lose_cancels, desk.exchange.book_is_silent) = (1_000, true);
    // The strategy wishes its quotes away; the cancels do not arrive.
    desk.run(95_000);
    assert_eq!(switch(&desk), None);
    desk.run(10_000);
    assert_thrown(&desk, KillCause::Staleness, &["BTC-USDT", "max_stale_ms is 100000"]);
    assert_eq!(switch(&desk).unwrap().proven, None, "the orders are open");
    desk.exchange.lose_cancels = 0;
    desk.run(60_000);
    assert_eq!(desk.exchange.open().count(), 0);
    assert!(switch(&desk).unwrap().proven.is_some());
}

#[test]
fn without_live_orders_nothing_stale_throws_it() {
    let mut desk = Desk::limited(QUOTES, stale(5_000));
    desk.exchange.script.extend([Placement::Refused; 1_000]);
    desk.start();
    desk.exchange.book_is_silent = true;
    desk.at_exchange(|exchange, _| exchange.session(SessionRole::Market, SessionStatus::Down));
    desk.run(120_000);
    assert_eq!(switch(&desk), None);
}

#[test]
fn a_user_stream_that_stays_away_while_orders_are_live_throws_it() {
    let mut desk = Desk::limited(QUOTES, stale(20_000));
    desk.start();
    desk.exchange.block_cancels = 1_000;
    desk.at_exchange(|exchange, _| exchange.session(SessionRole::User, SessionStatus::Down));
    desk.book_beats(1_000, 19);
    assert_eq!(switch(&desk), None);
    desk.book_beats(1_000, 3);
    assert_thrown(
        &desk,
        KillCause::Staleness,
        &["2 orders", "user stream", "max_stale_ms is 20000"],
    );
}

#[test]
fn a_person_s_throw_cancels_everything_and_proves_it() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    let now = desk.now();
    assert!(desk.engine.throw_kill_switch("it looks wrong", now));
    desk.drain();
    let now = desk.now();
    assert!(!desk.engine.throw_kill_switch("again", now), "it is thrown already");
    assert_thrown(&desk, KillCause::Person, &["it looks wrong"]);
    assert_eq!(switch(&desk).unwrap().proven, None);
    assert_eq!(switch(&desk).unwrap().venues[0].remaining.len(), 2);
    let asked = desk.exchange.open_order_queries;
    desk.book_beats(1_000, 5);
    assert_eq!(desk.exchange.open().count(), 0);
    let kill = desk.view().kill_switch().unwrap();
    assert!(kill.proven.is_some() && kill.venues[0].proven && kill.venues[0].remaining.is_empty());
    assert!(desk.exchange.open_order_queries > asked, "asked after the last cancel");
    // A stop proves it for itself, and the switch outlives it.
    desk.stop();
    assert!(desk.engine.is_stopped());
    let mut desk = desk.crash(QUOTES, 1_000);
    desk.start();
    assert_eq!(switch(&desk).unwrap().cause, KillCause::Person);
}

#[test]
fn thrown_before_the_start_nothing_is_ever_placed() {
    let mut desk = Desk::new(QUOTES);
    let now = desk.now();
    assert!(desk.engine.throw_kill_switch("before the start", now));
    desk.start();
    desk.book_beats(1_000, 20);
    assert_eq!(desk.exchange.placements, 0);
    assert!(switch(&desk).unwrap().proven.is_some());
}

#[test]
fn cancels_that_fail_are_sent_until_the_exchange_says_that_nothing_is_open() {
    for (blocked, lost, answers) in [(40, 0, 0), (0, 3, 0), (0, 0, 2), (7, 2, 0)] {
        let mut desk = Desk::new(QUOTES);
        desk.start();
        (desk.exchange.block_cancels, desk.exchange.lose_cancels) = (blocked, lost);
        desk.exchange.lose_cancel_answers = answers;
        let now = desk.now();
        desk.engine.throw_kill_switch("test", now);
        desk.drain();
        desk.book_beats(1_000, 600);
        assert_eq!(desk.exchange.open().count(), 0, "{blocked} {lost} {answers}");
        assert!(switch(&desk).unwrap().proven.is_some());
    }
}

#[test]
fn an_order_of_unknown_fate_keeps_the_proof_away_and_is_named() {
    let mut desk = Desk::new(QUOTES);
    desk.exchange.script.push_back(Placement::TakenAnswerLost);
    desk.start();
    // Its answer is a time-out; questions about it are answered by a cache that has not seen it.
    desk.exchange.denies_orders = true;
    desk.book_beats(1_000, 9);
    desk.run(400);
    desk.exchange.lose_cancels = 2;
    let now = desk.now();
    desk.engine.throw_kill_switch("test", now);
    desk.drain();
    desk.book_beats(500, 4);
    let kill = switch(&desk).unwrap();
    assert_eq!(kill.proven, None);
    assert_eq!(kill.venues[0].unknown.len(), 1, "{kill:?}");
    desk.exchange.denies_orders = false;
    desk.book_beats(1_000, 60);
    assert_eq!(desk.exchange.open().count(), 0);
    let kill = switch(&desk).unwrap();
    assert!(kill.proven.is_some() && kill.venues[0].unknown.is_empty());
}

#[test]
fn an_order_that_comes_back_takes_the_proof_away_and_is_cancelled() {
    let mut desk = Desk::new(QUOTES);
    desk.start();
    (desk.exchange.lose_cancels, desk.exchange.denies_orders) = (1_000, true);
    let now = desk.now();
    desk.engine.throw_kill_switch("test", now);
    desk.drain();
    desk.book_beats(1_000, 60);
    assert!(desk.logged("it is gone"), "denied often and late enough");
    assert_eq!(desk.exchange.open().count(), 2);
    assert_eq!(switch(&desk).unwrap().proven, None, "both are told as open");
    (desk.exchange.lose_cancels, desk.exchange.denies_orders) = (0, false);
    desk.book_beats(1_000, 60);
    assert_eq!(desk.exchange.open().count(), 0);
    assert!(switch(&desk).unwrap().proven.is_some());
}
