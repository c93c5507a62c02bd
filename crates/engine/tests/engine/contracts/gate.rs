//! The gate: caps on positions, leverage and the distance to liquidation, margin in the place of balances; and what only reduces
//! passes.

use colibri_engine::risk::RiskLimits;
use colibri_model::{Amount, Decimal, KillCause};

use super::{filled, limited, market, perp, place, price, reducing, refusal, refusals, scene, sell, usdt, venue};
use crate::orders::{Scene, buy, quantity};

fn capped(limits: impl FnOnce(&mut RiskLimits)) -> Scene {
    let mut risk = RiskLimits::default();
    limits(&mut risk);
    limited(|_| {}, risk)
}

#[test]
fn caps_on_positions_count_what_live_orders_may_open() {
    let mut scene = capped(|risk| {
        risk.max_position.insert("BTC-USDT".parse().unwrap(), quantity("3"));
    });
    filled(&mut scene, buy(99, "2"));
    assert!(place(&mut scene, buy(98, "1")).is_some());
    assert!(place(&mut scene, buy(97, "0.5")).is_none());
    assert!(refusal(&scene).contains("max_position.BTC-USDT"), "{}", refusal(&scene));
    assert!(
        place(&mut scene, sell(101, "4")).is_none(),
        "what is held long makes no room: it may have been closed before"
    );
    assert!(refusal(&scene).contains("max_position.BTC-USDT"), "{}", refusal(&scene));
    assert!(place(&mut scene, sell(101, "3")).is_some());
    assert!(place(&mut scene, sell(102, "0.5")).is_none());
    assert!(
        place(&mut scene, reducing(sell(103, "2"))).is_some(),
        "it cannot turn the position over"
    );
}

#[test]
fn caps_on_notional_are_in_the_quote_asset() {
    let mut scene = capped(|risk| risk.max_position_notional = Some(usdt("250")));
    assert!(place(&mut scene, buy(99, "2")).is_some());
    assert!(place(&mut scene, buy(99, "1")).is_none());
    assert!(refusal(&scene).contains("max_position_notional"));
    let mut scene = capped(|risk| risk.max_gross_notional = Some(usdt("250")));
    assert!(place(&mut scene, buy(99, "2")).is_some());
    assert!(place(&mut scene, sell(101, "3")).is_none());
    assert!(refusal(&scene).contains("max_gross_notional"));
}

#[test]
fn positions_are_capped_by_what_answers_for_them() {
    let mut scene = capped(|risk| risk.max_leverage = Some(Decimal::from(2)));
    perp(&mut scene).equity = Decimal::from(100);
    scene.run(70_000);
    assert!(place(&mut scene, buy(99, "1")).is_some());
    assert!(place(&mut scene, buy(99, "1.5")).is_none());
    assert!(
        refusal(&scene).contains("max_leverage in [risk]"),
        "{}",
        refusal(&scene)
    );
    assert!(refusal(&scene).contains("2.5"), "{}", refusal(&scene));
}

#[test]
fn near_its_liquidation_a_position_only_becomes_smaller() {
    let mut scene = capped(|risk| risk.min_liquidation_distance = Some(Decimal::new(1, 1)));
    filled(&mut scene, buy(99, "2"));
    perp(&mut scene).liquidation = Some(price(95));
    scene.run(70_000);
    let distance = market(&scene).distance_to_liquidation(colibri_model::PositionSide::Net);
    assert_eq!(distance, Some(Decimal::new(5, 2)));
    assert!(place(&mut scene, buy(99, "1")).is_none());
    assert!(refusal(&scene).contains("min_liquidation_distance"));
    assert!(place(&mut scene, sell(101, "2")).is_some());
    perp(&mut scene).liquidation = Some(price(80));
    scene.run(70_000);
    assert!(place(&mut scene, buy(99, "1")).is_some());
}

/// How near the liquidation is is not known by a mark price that nobody has told for long.
#[test]
fn by_an_old_mark_price_a_position_only_becomes_smaller() {
    let mut scene = capped(|risk| risk.min_liquidation_distance = Some(Decimal::new(1, 1)));
    filled(&mut scene, buy(99, "2"));
    perp(&mut scene).liquidation = Some(price(50));
    scene.run(70_000);
    assert!(place(&mut scene, buy(90, "1")).is_some());
    perp(&mut scene).tells_no_mark = true;
    scene.run(15_000);
    assert!(place(&mut scene, buy(91, "1")).is_some(), "it is not that old");
    scene.run(31_000);
    assert_eq!(place(&mut scene, buy(92, "1")), None);
    assert!(
        refusal(&scene).contains("s ago, too long to say how near the position is"),
        "{}",
        refusal(&scene)
    );
    assert!(
        place(&mut scene, reducing(sell(101, "2"))).is_some(),
        "it is the way out"
    );
    perp(&mut scene).tells_no_mark = false;
    scene.run(5_000);
    assert!(place(&mut scene, buy(93, "1")).is_some());
}

/// At twenty times leverage an order takes a twentieth of its notional, and the fee; nothing of the base asset is needed to
/// sell.
#[test]
fn margin_takes_the_place_of_balances() {
    let mut scene = scene(|exchange| {
        let perp = exchange.perp.as_mut().unwrap();
        perp.available = Decimal::from(20);
        exchange.balances.remove(&colibri_model::Asset::new("BTC"));
    });
    assert!(place(&mut scene, sell(101, "2")).is_some());
    // Two at 101 take 10.1 of margin and 0.202 of fee, which the exchange's figure does not know yet.
    let free = venue(&scene).margin_available(&super::settle()).unwrap();
    assert_eq!(free, usdt("9.698"));
    assert!(place(&mut scene, sell(101, "2")).is_none());
    assert!(refusal(&scene).contains("of margin are needed"), "{}", refusal(&scene));
    assert!(place(&mut scene, sell(101, "1.5")).is_some());
}

#[test]
fn without_margin_what_reduces_is_placed_all_the_same() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    perp(&mut scene).available = Decimal::ZERO;
    scene.run(70_000);
    assert!(place(&mut scene, buy(99, "1")).is_none());
    assert!(
        place(&mut scene, sell(101, "1")).is_some(),
        "plain, and smaller than the position"
    );
    assert!(
        place(&mut scene, sell(102, "2")).is_none(),
        "with the first it would turn the position over"
    );
    assert!(place(&mut scene, reducing(sell(102, "2"))).is_some());
    assert_eq!(refusals(&scene), 2);
}

/// A budget bounds the margin of positions and orders.
#[test]
fn a_budget_is_of_margin() {
    let mut scene = capped(|risk| {
        risk.budget.insert(super::settle(), usdt("16"));
    });
    filled(&mut scene, buy(99, "2"));
    assert!(place(&mut scene, buy(99, "0.5")).is_some());
    assert!(place(&mut scene, buy(99, "1")).is_none());
    assert!(refusal(&scene).contains("budget.USDT"), "{}", refusal(&scene));
}

/// Loss counts by the mark price, with fees and funding, and the switch cancels everything and closes nothing.
#[test]
fn the_kill_switch_is_thrown_by_what_a_position_loses() {
    let mut scene = capped(|risk| risk.max_loss = Some(Amount(Decimal::from(30))));
    filled(&mut scene, buy(99, "2"));
    place(&mut scene, buy(90, "1")).unwrap();
    perp(&mut scene).mark = price(86);
    scene.desk.at_exchange(|exchange, now| {
        let told = exchange.perp.as_ref().unwrap().mark_event(now);
        vec![(0, crate::desk::Delivery::Event(told))]
    });
    scene.run(500);
    assert!(scene.desk.view().kill_switch().is_none(), "lost 26 and fees");
    let time = scene.desk.now().wall;
    let payment = scene.desk.exchange.pay_funding(-4, time);
    scene.tell(0, payment);
    scene.run(3_000);
    let kill = scene.desk.view().kill_switch().unwrap().clone();
    assert_eq!(kill.cause, KillCause::Loss);
    assert!(kill.proven.is_some());
    assert_eq!(scene.desk.exchange.open().count(), 0);
    assert_eq!(kill.venues[0].positions.len(), 1);
    assert_eq!(super::held(&scene), quantity("2"));
}

#[test]
fn what_only_reduces_passes_every_cap() {
    let limits = RiskLimits {
        max_order_notional: Some(usdt("150")),
        price_collar: Some(Decimal::new(5, 2)),
        ..RiskLimits::default()
    };
    let mut scene = limited(|_| {}, limits);
    filled(&mut scene, buy(99, "1"));
    filled(&mut scene, buy(98, "1"));
    assert_eq!(place(&mut scene, buy(99, "2")), None, "what opens is capped");
    assert!(
        place(&mut scene, reducing(sell(90, "2"))).is_some(),
        "it is the way out"
    );
}
