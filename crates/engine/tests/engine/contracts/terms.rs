//! What orders say beyond side, price and quantity: on their way out, in the journal, and where a connector lacks it.

use colibri_abi::{margin_mode, op_flag, position_side};
use colibri_engine::risk::RiskRefusal;
use colibri_engine::strategy::{OrderRequest, StrategyAction};
use colibri_model::{MarginMode, OrderTerms, PositionEffect, PositionMode, PositionSide, Record, TimeInForce, WallNs};
use colibri_standard::Capability;

use super::{filled, of_side, perp, place, records, reducing, refusal, scene, sell};
use crate::desk::Amendment;
use crate::orders::{Scene, Told, buy, quantity};

fn reason(scene: &Scene) -> RiskRefusal {
    let told = scene.told();
    let last = told.iter().rev().find_map(|told| match told {
        Told::Refused(refused) => Some(refused.reason.clone()),
        _ => None,
    });
    last.unwrap()
}

fn until(order: OrderRequest, millis: i64, scene: &Scene) -> OrderRequest {
    OrderRequest {
        time_in_force: Some(TimeInForce::Gtd),
        terms: OrderTerms {
            good_till: Some(WallNs(scene.desk.now().wall.0 + millis * 1_000_000)),
            ..order.terms
        },
        ..order
    }
}

#[test]
fn terms_stand_in_the_journal_and_in_the_operation() {
    let mut scene = scene(|exchange| exchange.perp.as_mut().unwrap().position_mode = PositionMode::Hedge);
    filled(&mut scene, of_side(buy(99, "2"), PositionSide::Long));
    let order = of_side(reducing(sell(101, "1")), PositionSide::Long);
    let order = until(order, 700_250, &scene);
    let wanted = order.terms.good_till.unwrap();
    place(&mut scene, order).unwrap();
    let op = *perp(&mut scene).placed.last().unwrap();
    assert_eq!(op.position_side(), position_side::LONG);
    assert_eq!(op.margin_mode(), margin_mode::UNSAID);
    assert_eq!(op.flags & op_flag::REDUCE_ONLY, op_flag::REDUCE_ONLY);
    let good_till = op.good_till_ns().unwrap();
    assert!(
        good_till <= wanted.0 && wanted.0 - good_till < 1_000_000_000,
        "to the second, and no later"
    );
    let journaled = records(&scene);
    let last = journaled.iter().rev().find_map(|r| match r {
        Record::Intent { order, .. } => Some(order.terms),
        _ => None,
    });
    let terms = last.unwrap();
    assert_eq!(
        (terms.effect, terms.position_side),
        (PositionEffect::ReduceOnly, PositionSide::Long)
    );
    assert_eq!(terms.good_till, Some(WallNs(good_till)));
    let order = scene.desk.view().order(&scene.order).unwrap();
    assert_eq!(order.intent.terms, terms);
    let scene = scene.crash(1_000);
    let order = scene
        .desk
        .view()
        .order(&scene.desk.exchange.open().next().unwrap().client_id)
        .unwrap();
    assert_eq!(order.intent.terms, terms, "after a restart too");
}

/// What the connector has not declared is refused before anything is journaled, with the capability as the reason.
#[test]
fn what_a_connector_lacks_is_refused_before_it_is_journaled() {
    let mut scene = scene(|exchange| {
        let perp = exchange.perp.as_mut().unwrap();
        perp.capabilities = vec!["set_leverage"];
    });
    let intents = |scene: &Scene| {
        records(scene)
            .iter()
            .filter(|r| matches!(r, Record::Intent { .. }))
            .count()
    };
    let mut close = sell(101, "0");
    close.terms.effect = PositionEffect::ClosePosition;
    let mut isolated = buy(99, "1");
    isolated.terms.margin_mode = Some(MarginMode::Isolated);
    let dated = until(buy(99, "1"), 900_000, &scene);
    for (order, lacking) in [
        (reducing(sell(101, "1")), Capability::ReduceOnly),
        (close, Capability::ClosePosition),
        (of_side(buy(99, "1"), PositionSide::Long), Capability::HedgeMode),
        (isolated, Capability::OrderMarginMode),
        (dated, Capability::GoodTillDate),
    ] {
        assert!(place(&mut scene, order).is_none());
        assert_eq!(reason(&scene), RiskRefusal::Unsupported(lacking));
    }
    assert_eq!(intents(&scene), 0);
    assert!(place(&mut scene, buy(99, "1")).is_some());
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut scene = scene(|_| {});
    let mut whole = sell(101, "1");
    whole.terms.effect = PositionEffect::ClosePosition;
    let soon = until(buy(99, "1"), 5_000, &scene);
    let mut undated = buy(99, "1");
    undated.time_in_force = Some(TimeInForce::Gtd);
    for (order, why) in [
        (whole, "has no quantity"),
        (soon, "nearer than the exchange takes"),
        (undated, "a date stands in orders"),
        (of_side(buy(99, "1"), PositionSide::Long), "position mode is one_way"),
    ] {
        assert!(place(&mut scene, order).is_none());
        assert!(refusal(&scene).contains(why), "{}", refusal(&scene));
    }
}

#[test]
fn a_spot_order_has_no_terms_of_contracts() {
    let mut scene = Scene::empty(|_| {});
    scene.wish(StrategyAction::Create(reducing(buy(99, "1"))));
    assert_eq!(reason(&scene), RiskRefusal::Unsupported(Capability::ReduceOnly));
}

/// An amend of a contract's order carries its price and its side.
#[test]
fn an_amend_carries_side_and_price() {
    let mut scene = scene(|exchange| exchange.amend_script.push_back(Amendment::Done));
    place(&mut scene, buy(99, "2")).unwrap();
    scene.amend("1");
    scene.run(500);
    assert_eq!(scene.desk.exchange.amended_prices, [9_900]);
    let order = scene.desk.view().order(&scene.order).unwrap();
    assert_eq!(order.intent.quantity, quantity("1"));
}
