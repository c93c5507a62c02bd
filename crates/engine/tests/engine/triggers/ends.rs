//! Stops and the kill switch: every trigger is cancelled, and proven gone by asking the exchange what waits.

use colibri_model::TriggerState;
use colibri_standard::TriggerStatus;

use super::{Stage, stop};
use crate::desk::Placement;
use TriggerState as S;

#[test]
fn a_stop_cancels_every_trigger_and_asks_what_waits() {
    let mut stage = Stage::placed();
    let asked = stage.exchange().waiting.open_queries;
    stage.scene.desk.stop();
    assert!(stage.scene.desk.engine.is_stopped());
    assert_eq!(stage.state(), S::Cancelled);
    assert!(stage.exchange().waiting.open_queries > asked);
    assert!(stage.scene.desk.logged("no trigger of ours waits"));
}

#[test]
fn a_stop_is_not_proven_while_one_is_unknown_or_its_cancel_is_not_done() {
    let mut stage = Stage::sent(stop(), |e| {
        e.waiting.script.push_back(Placement::TakenAnswerLost);
        e.waiting.lose_cancels = 1;
    });
    let now = stage.scene.desk.now();
    stage.scene.desk.engine.stop("the test is over", now);
    stage.scene.desk.drain();
    stage.scene.desk.run(9_000);
    let report = stage.scene.desk.engine.stop_report().unwrap();
    assert!(!report.is_proven());
    assert_eq!(report.venues[0].triggers, [stage.trigger.clone()]);
    stage.scene.desk.run(60_000);
    assert!(stage.scene.desk.engine.is_stopped());
    assert_eq!(stage.exchange().waiting().count(), 0);
}

#[test]
fn one_that_fires_while_the_bot_stops_is_cancelled_as_the_order_that_it_became() {
    let mut stage = Stage::placed_at(stop(), |e| e.waiting.block_cancels = 1);
    let now = stage.scene.desk.now();
    stage.scene.desk.engine.stop("the test is over", now);
    stage.scene.desk.drain();
    stage.scene.desk.run(20);
    // Nothing is told of it.
    let there = stage.fire();
    stage.scene.desk.run(20_000);
    assert!(stage.scene.desk.engine.is_stopped());
    assert_eq!(stage.state(), S::BecameOrder);
    assert!(stage.scene.desk.view().order(&there).unwrap().state().is_terminal());
    assert_eq!(stage.exchange().open().count(), 0);
}

#[test]
fn one_that_nobody_knew_and_that_fires_between_two_questions_is_found() {
    let mut stage = Stage::placed();
    // It is this bot's by its id, and no report of it ever came.
    let mut intent = stage.there();
    let last = intent.client_id.as_str().to_owned();
    intent.client_id = colibri_model::ClientOrderId::new(&format!("{}z", &last[..last.len() - 1])).unwrap();
    let hidden = intent.client_id.clone();
    stage.exchange().wait(intent);
    // Once what waits has been told, it fires: only a question about orders that comes later can tell.
    stage.exchange().waiting.fires_after_told = vec![hidden.clone()];
    stage.scene.desk.stop();
    assert!(stage.scene.desk.engine.is_stopped());
    assert_eq!(
        (stage.exchange().open().count(), stage.exchange().waiting().count()),
        (0, 0)
    );
    assert!(stage.scene.desk.view().order(&hidden).unwrap().state().is_terminal());
}

#[test]
fn the_kill_switch_cancels_every_trigger_proves_it_and_lets_none_be_placed() {
    let mut stage = Stage::placed();
    let now = stage.scene.desk.now();
    assert!(stage.scene.desk.engine.throw_kill_switch("a person", now));
    stage.scene.desk.drain();
    stage.run(3_000);
    assert_eq!(stage.state(), S::Cancelled);
    assert!(stage.scene.desk.engine.kill_switch().unwrap().proven.is_some());
    let sent = stage.exchange().waiting.placements;
    // One that comes back after the proof takes it away, and is cancelled anew.
    stage.end(TriggerStatus::Placed);
    stage
        .scene
        .wish(colibri_engine::strategy::StrategyAction::PlaceTrigger(stop()));
    stage.run(1_000);
    assert_eq!(stage.exchange().waiting.placements, sent);
    // It holds over a restart: what waits there is found and cancelled.
    let trigger = stage.trigger.clone();
    let mut scene = stage.scene.crash(1_000);
    scene.desk.start();
    scene.run(5_000);
    assert_eq!(scene.desk.exchange.waiting().count(), 0, "{trigger}");
    assert!(scene.desk.engine.kill_switch().unwrap().proven.is_some());
}
