//! What a trigger must pass before anything is written or sent.

use colibri_engine::risk::{RiskLimits, RiskRefusal};
use colibri_engine::strategy::{StrategyAction, TriggerRequest};
use colibri_model::{
    Decimal, OrderType, Price, Record, RuleViolation, Side, TimeInForce, TriggerBy, TriggerKind, WallNs,
};
use colibri_standard::{Capability, SessionRole, SessionStatus};

use super::{opening, refused, stop};
use crate::desk::Exchange;
use crate::orders::{Scene, Told, buy, quantity};

fn wished(scene: &mut Scene, request: TriggerRequest) -> Option<RiskRefusal> {
    let before = refused(scene).len();
    let sent = scene.desk.exchange.waiting.placements;
    scene.wish(StrategyAction::PlaceTrigger(request));
    scene.run(100);
    let refusal = refused(scene).get(before).map(|r| r.reason.clone());
    let was_sent = scene.desk.exchange.waiting.placements > sent;
    assert_eq!(was_sent, refusal.is_none(), "{refusal:?}");
    refusal
}

fn of_contracts(risk: RiskLimits, prepare: impl FnOnce(&mut Exchange)) -> Scene {
    Scene::limited(risk, |e| {
        e.of_contracts();
        prepare(e);
    })
}

#[test]
fn what_the_connector_lacks_is_refused_by_name_and_before_the_journal() {
    let mut scene = of_contracts(RiskLimits::default(), |_| {});
    let by_index = TriggerRequest {
        by: TriggerBy::Index,
        ..stop()
    };
    assert_eq!(
        wished(&mut scene, by_index),
        Some(RiskRefusal::Lacks(Capability::TriggerByIndex))
    );
    let mut hedged = stop();
    hedged.terms.position_side = colibri_model::PositionSide::Long;
    assert_eq!(
        wished(&mut scene, hedged),
        Some(RiskRefusal::Lacks(Capability::HedgeMode))
    );
    let profit = TriggerRequest {
        kind: TriggerKind::TakeProfit,
        ..stop()
    };
    assert_eq!(
        wished(&mut scene, profit),
        Some(RiskRefusal::NoSuchTrigger("take_profit"))
    );
    let maker = TriggerRequest {
        order_type: OrderType::LimitMaker,
        price: Some(Price(Decimal::from(94))),
        ..stop()
    };
    assert_eq!(
        wished(&mut scene, maker),
        Some(RiskRefusal::NoSuchTrigger("limit_maker"))
    );
    let records = &scene.desk.journal.0.borrow().records;
    assert!(!records.iter().any(|r| matches!(r, Record::TriggerIntent { .. })));

    let mut spot = Scene::empty(|_| {});
    assert_eq!(
        wished(&mut spot, stop()),
        Some(RiskRefusal::NoSuchTrigger("triggers at all"))
    );
}

/// A date is judged as an order's is: whether it stands where it belongs, and whether the exchange takes one so near.
#[test]
fn a_date_is_judged_as_that_of_an_order() {
    let mut scene = of_contracts(RiskLimits::default(), |exchange| {
        let capabilities = &mut exchange.perp.as_mut().unwrap().capabilities;
        capabilities.extend(["good_till_date", "trigger_good_till"]);
    });
    let now = scene.desk.now().wall;
    let dated = |millis: i64| {
        let mut request = TriggerRequest {
            order_type: OrderType::Limit,
            price: Some(Price(Decimal::from(94))),
            time_in_force: Some(TimeInForce::Gtd),
            ..stop()
        };
        request.terms.good_till = Some(WallNs(now.0 + millis * 1_000_000));
        request
    };
    let words = |refusal: Option<RiskRefusal>| refusal.map(|refusal| refusal.to_string()).unwrap_or_default();
    let near = words(wished(&mut scene, dated(5_000)));
    assert!(near.contains("nearer than the exchange takes"), "{near}");
    let mut undated = dated(900_000);
    undated.terms.good_till = None;
    let undated = words(wished(&mut scene, undated));
    assert!(undated.contains("a date"), "{undated}");
    assert_eq!(wished(&mut scene, dated(900_000)), None);
}

#[test]
fn prices_and_quantity_are_rounded_to_the_safe_side_and_checked_where_it_fires() {
    let mut scene = of_contracts(RiskLimits::default(), |_| {});
    let price = |text: &str| Price(text.parse().unwrap());
    let sell = TriggerRequest {
        trigger_price: price("95.001"),
        order_type: OrderType::Limit,
        price: Some(price("94.001")),
        quantity: Some(quantity("1.00009")),
        ..stop()
    };
    assert_eq!(wished(&mut scene, sell.clone()), None);
    let cover = TriggerRequest {
        side: Side::Buy,
        trigger_price: price("105.009"),
        price: Some(price("106.009")),
        ..sell
    };
    assert_eq!(wished(&mut scene, cover), None);
    let there: Vec<_> = scene
        .desk
        .exchange
        .waiting
        .triggers
        .values()
        .map(|t| &t.intent)
        .collect();
    let of = |side| there.iter().find(|t| t.side == side).unwrap();
    assert_eq!(
        (of(Side::Sell).trigger_price, of(Side::Sell).price),
        (price("95.01"), Some(price("94.01")))
    );
    assert_eq!(
        (of(Side::Buy).trigger_price, of(Side::Buy).price),
        (price("105"), Some(price("106")))
    );
    assert_eq!(of(Side::Sell).quantity, Some(quantity("1")));
    // One that has neither a quantity nor closes; one too small where it fires.
    let shapeless = TriggerRequest {
        quantity: None,
        ..stop()
    };
    assert!(matches!(
        wished(&mut scene, shapeless),
        Some(RiskRefusal::Rule(RuleViolation::Shape(_)))
    ));
    let small = opening("0.04");
    assert!(matches!(
        wished(&mut scene, small),
        Some(RiskRefusal::Rule(RuleViolation::Below { what: "notional", .. }))
    ));
}

#[test]
fn the_exchange_s_most_counts_those_of_others() {
    let mut scene = of_contracts(RiskLimits::default(), |e| e.waiting.most = Some(2));
    assert_eq!(wished(&mut scene, stop()), None);
    let mut intent = scene
        .desk
        .exchange
        .waiting
        .triggers
        .values()
        .next()
        .unwrap()
        .intent
        .clone();
    intent.client_id = colibri_model::ClientOrderId::new("web_77").unwrap();
    scene.desk.exchange.wait(intent);
    scene.run(70_000);
    assert_eq!(
        wished(&mut scene, stop()),
        Some(RiskRefusal::MarketTriggers { live: 2, cap: 2 })
    );
}

#[test]
fn one_that_may_open_counts_as_its_order_would_and_one_that_only_reduces_passes() {
    let pair: colibri_model::Pair = "BTC-USDT".parse().unwrap();
    let caps = || RiskLimits {
        max_position: [(pair.clone(), quantity("3"))].into(),
        max_open_orders: Some(3),
        price_collar: Some(Decimal::new(5, 2)),
        ..RiskLimits::default()
    };
    let mut scene = of_contracts(caps(), |_| {});
    // Its limit is five percent from where it fires, not from where the market is.
    assert_eq!(wished(&mut scene, opening("2")), None);
    let position = |worst: &str| {
        Some(RiskRefusal::Position {
            pair: pair.clone(),
            worst: quantity(worst),
            cap: quantity("3"),
        })
    };
    assert_eq!(wished(&mut scene, opening("2")), position("4"));
    // An order is judged beside the trigger.
    scene.wish(StrategyAction::Create(buy(99, "2")));
    let order_refused = |t: &Told| matches!(t, Told::Refused(r) if Some(r.reason.clone()) == position("4"));
    assert!(scene.told().iter().any(order_refused));
    let mut reducing = stop();
    reducing.quantity = Some(quantity("50"));
    assert_eq!(wished(&mut scene, reducing), None, "it only reduces");
    // Among the live orders those that may open are counted, and the others not.
    for _ in 0..2 {
        let mut small = opening("0.1");
        small.tag = 1;
        assert_eq!(wished(&mut scene, small), None);
    }
    assert_eq!(
        wished(&mut scene, opening("0.1")),
        Some(RiskRefusal::OpenOrders { live: 3, cap: 3 })
    );
    assert_eq!(wished(&mut scene, stop()), None);
    let far = TriggerRequest {
        price: Some(Price(Decimal::from(120))),
        ..opening("0.1")
    };
    assert!(wished(&mut scene, far).is_some());
}

#[test]
fn a_budget_holds_for_what_it_would_pay_where_it_fires() {
    let usdt = colibri_model::Asset::new("USDT");
    let caps = RiskLimits {
        budget: [(usdt, colibri_model::Amount(Decimal::from(8)))].into(),
        ..RiskLimits::default()
    };
    // A twentieth of it is margin.
    let mut scene = of_contracts(caps, |_| {});
    assert_eq!(wished(&mut scene, opening("1")), None);
    let refusal = wished(&mut scene, opening("1"));
    assert!(matches!(refusal, Some(RiskRefusal::Budget { .. })), "{refusal:?}");
}

#[test]
fn the_way_out_needs_no_book_and_the_way_in_does() {
    for (request, sent) in [(stop(), 1), (opening("1"), 0)] {
        let mut scene = of_contracts(RiskLimits::default(), |_| {});
        scene.wish_later(StrategyAction::PlaceTrigger(request));
        let status = SessionStatus::Down;
        scene.desk.at_exchange(|e, _| e.session(SessionRole::Market, status));
        scene.desk.run(0);
        assert!(scene.desk.view().markets().next().unwrap().book().is_none());
        assert_eq!(scene.desk.exchange.waiting.placements, sent);
    }
}
