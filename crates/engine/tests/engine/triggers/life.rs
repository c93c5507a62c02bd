//! The ways of a trigger, and what becomes of outcomes that nobody knows.

use colibri_model::{OrderState, PositionEffect, Record, TriggerState};
use colibri_standard::TriggerStatus;

use super::{Stage, closing, refused, stop};
use crate::desk::Placement;
use crate::orders::{Told, quantity};
use TriggerState as S;

#[test]
fn it_is_journaled_before_it_is_sent_and_becomes_an_order_of_its_strategy() {
    let mut stage = Stage::placed();
    let is_intent = |r: &Record| matches!(r, Record::TriggerIntent { .. });
    assert_eq!(stage.journaled(is_intent), 1);
    let name = stage.fire();
    assert_eq!(name, stage.trigger, "the exchange keeps the name");
    stage.tell(1);
    stage.tell_order(&name, 2);
    stage.trade(&name, "1", 3);
    stage.tell_order(&name, 4);
    stage.run(100);
    assert_eq!(stage.told_states(), [S::Placed, S::BecameOrder]);
    assert_eq!(stage.told()[1].tag, 9);
    assert!(stage.told()[1].order.is_some());
    let order = stage.scene.desk.view().order(&stage.trigger).unwrap();
    assert_eq!((order.state(), order.tag), (OrderState::Filled, 9));
    assert_eq!(order.intent.terms.effect, PositionEffect::ReduceOnly);
    let fills = stage
        .scene
        .told()
        .into_iter()
        .filter(|t| matches!(t, Told::Fill(fill) if fill.tag == 9));
    assert_eq!(fills.count(), 1);
    assert_eq!(stage.scene.desk.view().counts().triggers_fired, 1);
    stage.check("it fired");
}

#[test]
fn where_the_journal_cannot_be_written_none_is_sent() {
    let mut stage = Stage::placed();
    let sent = stage.exchange().waiting.placements;
    stage.scene.desk.journal.0.borrow_mut().fails = Some("the disk is full".to_owned());
    stage
        .scene
        .wish(colibri_engine::strategy::StrategyAction::PlaceTrigger(stop()));
    stage.scene.run(200);
    assert_eq!(stage.exchange().waiting.placements, sent);
    assert_eq!(refused(&stage.scene).len(), 1);
    // Cancelling goes on.
    stage.cancel();
    stage.scene.run(200);
    assert_eq!(stage.state(), S::Cancelled);
}

#[test]
fn an_unknown_outcome_is_asked_about_and_never_sent_again() {
    let mut stage = Stage::sent(stop(), |e| e.waiting.script.push_back(Placement::TakenAnswerLost));
    stage.run(9_000);
    assert_eq!(stage.state(), S::PendingPlace);
    stage.run(2_000);
    assert_eq!(stage.state(), S::Placed);
    assert_eq!(stage.exchange().waiting.placements, 1);
    stage.check("its answer was lost");

    let mut stage = Stage::sent(stop(), |e| e.waiting.script.push_back(Placement::LostAnswerLost));
    stage.run(11_000);
    assert_eq!(stage.state(), S::Unknown);
    let asked = stage.exchange().waiting.status_queries;
    assert!(asked > 0);
    stage.run(8_000);
    assert_eq!(stage.state(), S::Unknown, "denials prove nothing while they are young");
    stage.run(8_000);
    assert_eq!(stage.state(), S::Rejected);
    assert_eq!(stage.exchange().waiting.placements, 1);
    stage.check("it never arrived");
}

#[test]
fn a_trigger_that_was_denied_and_waits_all_the_same_is_taken_back() {
    let mut stage = Stage::sent(stop(), |e| {
        e.waiting.script.push_back(Placement::TakenAnswerLost);
        e.waiting.denies = true;
        e.stream_is_up = false;
    });
    // The answers come from a cache that knows nothing, and what waits is not asked for before the slow cadence.
    stage.run(40_000);
    assert_eq!(stage.state(), S::Rejected);
    stage.exchange().waiting.denies = false;
    stage.run(70_000);
    assert_eq!(stage.state(), S::Placed, "the list of what waits tells it");
    stage.check("it was denied");
}

#[test]
fn one_that_is_refused_or_not_sent_is_told_with_the_reason() {
    for (placement, words) in [
        (Placement::Refused, "would_trigger_at_once"),
        (Placement::NotSent, "no room"),
    ] {
        let mut stage = Stage::sent(stop(), |e| e.waiting.script.push_back(placement));
        stage.run(100);
        assert_eq!(stage.state(), S::Rejected, "{placement:?}");
        let told = stage.told();
        let reason = told[0].reason.clone().unwrap();
        assert!(reason.contains(words), "{reason}");
        stage.check("it was not placed");
    }
}

#[test]
fn its_price_is_reached_and_its_order_is_refused() {
    let mut stage = Stage::placed();
    stage.end(TriggerStatus::Triggered);
    stage.tell(1);
    stage.run(100);
    assert_eq!(stage.state(), S::Triggered);
    stage.end(TriggerStatus::Rejected);
    // Nobody tells: it is asked about.
    stage.run(5_000);
    assert_eq!(stage.told_states(), [S::Placed, S::Triggered, S::Rejected]);
    stage.check("there was no margin");
}

#[test]
fn it_expires_when_its_position_is_gone() {
    let mut stage = Stage::placed_at(closing(), |_| {});
    stage.end(TriggerStatus::Expired);
    stage.tell(1);
    stage.run(100);
    assert_eq!(stage.state(), S::Expired);
    stage.check("it expired");
}

#[test]
fn an_order_that_closes_a_position_is_not_whole_before_the_exchange_says_so() {
    let mut stage = Stage::placed_at(closing(), |_| {});
    let name = stage.fire();
    // The fill is told first, and nothing says yet how large the order is.
    stage.trade(&name, "0.5", 1);
    stage.run(10);
    assert_eq!(stage.filled(), quantity("0.5"));
    let state = |stage: &Stage| stage.scene.desk.view().order(&stage.trigger).unwrap().state();
    assert_eq!(state(&stage), OrderState::PartiallyFilled);
    stage.tell_order(&name, 1);
    stage.trade(&name, "1.5", 2);
    stage.run(100);
    assert_eq!(state(&stage), OrderState::Filled, "two were told to be the whole");
    stage.tell(1);
    stage.check("it closed");
}
