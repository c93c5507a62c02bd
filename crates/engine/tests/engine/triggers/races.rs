//! Triggers through every race: what happens at the exchange, what is told of it in which order, and what must stand here.

use colibri_model::{ClientOrderId, OrderState, TriggerState};
use colibri_standard::TriggerStatus;

use super::{Stage, stop};
use crate::desk::{Naming, OWN_NAMES, Placement};
use crate::orders::quantity;
use TriggerState as S;

struct Race {
    name: &'static str,
    script: fn() -> Stage,
    ends: TriggerState,
}

fn run_all(races: &[Race]) {
    for race in races {
        let mut stage = (race.script)();
        assert_eq!(stage.state(), race.ends, "{}", race.name);
        stage.check(race.name);
    }
}

#[test]
fn a_cancel_and_the_price() {
    run_all(&[
        Race {
            name: "cancelled",
            script: || {
                let mut stage = Stage::placed();
                stage.cancel();
                stage.run(100);
                stage
            },
            ends: S::Cancelled,
        },
        Race {
            name: "cancelled before it was answered",
            script: || {
                let mut stage = Stage::sent(stop(), |_| {});
                stage.cancel();
                assert_eq!(stage.exchange().waiting.cancels, 0, "the exchange may not have it yet");
                stage.run(500);
                stage
            },
            ends: S::Cancelled,
        },
        Race {
            name: "the cancel never arrives, and is sent again",
            script: || {
                let mut stage = Stage::placed_at(stop(), |e| e.waiting.lose_cancels = 1);
                stage.cancel();
                stage.run(13_000);
                assert_eq!(stage.exchange().waiting.cancels, 2);
                stage
            },
            ends: S::Cancelled,
        },
        Race {
            name: "the cancel's answer is lost",
            script: || {
                let mut stage = Stage::placed_at(stop(), |e| {
                    e.waiting.lose_cancel_answers = 1;
                    e.stream_is_up = false;
                });
                stage.cancel();
                stage.run(11_000);
                assert_eq!(stage.exchange().waiting.cancels, 1);
                stage
            },
            ends: S::Cancelled,
        },
        Race {
            name: "there is no room for the cancel",
            script: || {
                let mut stage = Stage::placed_at(stop(), |e| e.waiting.block_cancels = 3);
                stage.cancel();
                stage.run(5_000);
                stage
            },
            ends: S::Cancelled,
        },
        Race {
            name: "it fires before the cancel comes, and nothing is told",
            script: || {
                let mut stage = Stage::placed();
                stage.fire();
                stage.cancel();
                stage.run(1_000);
                assert_eq!(stage.filled(), quantity("0"));
                stage
            },
            ends: S::BecameOrder,
        },
        Race {
            name: "it is told to be cancelled, and then to be an order",
            script: || {
                let mut stage = Stage::placed();
                stage.end(TriggerStatus::Cancelled);
                stage.tell(1);
                stage.run(100);
                assert_eq!(stage.state(), S::Cancelled);
                let name = stage.fire();
                stage.trade(&name, "1", 1);
                stage.tell(2);
                stage.run(100);
                assert_eq!(stage.told_states(), [S::Placed, S::Cancelled, S::BecameOrder]);
                stage
            },
            ends: S::BecameOrder,
        },
        Race {
            name: "it has expired, and its order shows",
            script: || {
                let mut stage = Stage::placed();
                stage.end(TriggerStatus::Expired);
                stage.tell(1);
                stage.run(100);
                let name = stage.fire();
                stage.tell_order(&name, 1);
                stage.run(100);
                stage
            },
            ends: S::BecameOrder,
        },
    ]);
}

/// The reports of a trigger that has become an order and traded, in every order.
#[test]
fn its_order_and_its_fills_in_whichever_order_they_are_told() {
    const ORDERS: [[u64; 3]; 6] = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]];
    for naming in [Naming::Keeps, Naming::OwnNameAndTrigger, Naming::OwnName] {
        for [trigger, order, fill] in ORDERS {
            let name = format!("{naming:?}: trigger {trigger}, order {order}, fill {fill}");
            let mut stage = placed_with(naming);
            let there = stage.fire();
            stage.tell(trigger);
            stage.trade(&there, "0.4", fill);
            stage.tell_order(&there, order);
            stage.run(50);
            assert_eq!(stage.state(), S::BecameOrder, "{name}");
            assert_eq!(stage.filled(), quantity("0.4"), "{name}");
            stage.run(2_000);
            let view = stage.scene.desk.view();
            let tracked = view.order(&stage.trigger).unwrap();
            assert_eq!(tracked.state(), OrderState::PartiallyFilled, "{name}");
            assert_eq!(tracked.name_at_exchange(), &there, "{name}");
            stage.check(&name);
        }
    }
}

/// A trigger that waits at an exchange that names the orders of triggers so.
pub fn placed_with(naming: Naming) -> Stage {
    Stage::placed_at(stop(), |e| {
        e.waiting.naming = naming;
        if naming != Naming::Keeps {
            e.perp.as_mut().unwrap().triggers = OWN_NAMES;
        }
    })
}

#[test]
fn an_order_whose_name_was_never_told_is_asked_about_and_cancelled_by_its_number() {
    let mut stage = placed_with(Naming::OwnName);
    let there = stage.fire();
    stage.scene.desk.exchange.stream_is_up = false;
    stage.tell(1);
    stage.run(50);
    let order = |stage: &Stage| {
        let view = stage.scene.desk.view();
        let order = view.order(&stage.trigger).unwrap();
        (order.state(), order.known_name().cloned())
    };
    assert_eq!(order(&stage), (OrderState::Acknowledged, None));
    stage.run(1_000);
    assert_eq!(order(&stage), (OrderState::Open, Some(there)), "the answer names it");
    stage.check("by its number");
}

#[test]
fn an_order_that_is_named_otherwise_than_the_manifest_promises_is_known_by_its_number_and_renamed() {
    let mut stage = Stage::placed_at(stop(), |e| e.waiting.naming = Naming::OwnName);
    let there = stage.fire();
    stage.tell(1);
    stage.tell_order(&there, 2);
    stage.run(100);
    let view = stage.scene.desk.view();
    assert_eq!(view.order(&stage.trigger).unwrap().known_name(), Some(&there));
    stage.check("it has a name of its own");
}

#[test]
fn one_that_the_exchange_denies_after_it_had_it_may_have_become_an_order() {
    let mut stage = Stage::placed();
    // Its service forgets it, and nobody tells of the order.
    let there: ClientOrderId = stage.fire();
    stage.exchange().waiting.denies = true;
    stage.cancel();
    stage.run(15_000);
    assert_eq!(stage.state(), S::BecameOrder);
    assert_eq!(stage.scene.desk.view().order(&there).unwrap().state(), OrderState::Open);
    stage.exchange().waiting.denies = false;
    stage.check("its order is asked for by the trigger's name");
}

#[test]
fn a_placement_that_fires_at_once() {
    let mut stage = Stage::sent(stop(), |e| e.waiting.script.push_back(Placement::TakenAnswerLost));
    let there = stage.fire();
    stage.tell_order(&there, 1);
    stage.run(100);
    assert_eq!(stage.state(), S::BecameOrder, "before its placement was answered");
    stage.run(11_000);
    assert_eq!(stage.state(), S::BecameOrder, "a time-out says nothing against it");
    stage.check("it fired at once");
}
