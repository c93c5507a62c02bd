//! Triggers of which nobody says for a while how they stand, and names that could be taken for another's.

use colibri_engine::Recovered;
use colibri_engine::risk::RiskLimits;
use colibri_engine::strategy::StrategyAction;
use colibri_model::TriggerState as S;

use super::{Stage, stop};
use crate::desk::Placement;
use crate::orders::{Scene, buy};

/// However long the exchange wants nothing to be sent: what may still fire is tried to be cancelled each minute.
#[test]
fn a_cancel_that_is_throttled_for_an_hour_is_tried_each_minute() {
    let mut stage = Stage::placed_at(stop(), |e| e.waiting.throttle_cancels = 2);
    stage.cancel();
    stage.run(59_000);
    assert_eq!((stage.exchange().waiting.cancels, stage.state()), (1, S::Placed));
    stage.run(2_000);
    assert_eq!(stage.exchange().waiting.cancels, 2, "after a minute");
    stage.run(61_000);
    assert_eq!(stage.state(), S::Cancelled);
    stage.check("throttled");
}

#[test]
fn one_in_doubt_is_not_forgotten_where_the_answer_lacks_it() {
    let mut stage = Stage::sent(stop(), |e| {
        e.waiting.script.push_back(Placement::TakenAnswerLost);
        e.waiting.denies = true;
    });
    stage.run(10_200);
    assert_eq!(stage.state(), S::Unknown);
    assert!(stage.exchange().waiting.status_queries > 0, "it was denied");
    let live = stage
        .scene
        .desk
        .view()
        .live_triggers(&stage.scene.desk.strategy_id())
        .count();
    assert_eq!(live, 1, "it may wait there");
    stage.exchange().waiting.denies = false;
    stage.run(70_000);
    assert_eq!(stage.state(), S::Placed);
    stage.check("it was there");
}

/// A clock that was set back begins a run at the moment of an earlier one: the same ids would be drawn.
#[test]
fn an_order_is_never_given_the_id_of_a_trigger() {
    let stage = Stage::placed();
    let recovered = Recovered::from_records(&stage.scene.desk.journal.0.borrow().records);
    let desk = stage.scene.desk;
    let mut scene = Scene::made(recovered, desk.exchange, desk.journal, RiskLimits::default());
    scene.desk.begin_at(0);
    scene.desk.start();
    scene.wish(StrategyAction::Create(buy(99, "1")));
    scene.run(500);
    let view = scene.desk.view();
    let orders: Vec<_> = view
        .live_orders(&scene.desk.strategy_id())
        .map(|o| o.client_id().clone())
        .collect();
    assert_eq!(orders.len(), 1);
    assert_ne!(orders[0], stage.trigger, "the trigger has it");
    assert_eq!(view.trigger(&stage.trigger).unwrap().state(), S::Placed);
    assert_eq!(view.order(&stage.trigger).map(|o| o.client_id().clone()), None);
}
