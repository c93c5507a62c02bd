//! That a snapshot of an engine holds all of what an account has of contracts: another engine that is made of it stands the same
//! and goes on the same.

use std::collections::BTreeMap;

use colibri_engine::risk::RiskLimits;
use colibri_engine::{ContractChoices, EngineAction, PairChoices, Recovered, RestoredEngine, VenueIndex};
use colibri_model::{FillCause, Leverage, PositionMode, PositionSide, Side};
use colibri_standard::{MarginCallEvent, ReportSource};

use super::{filled, other_trade, perp, place, price, scene, sell, usdt};
use crate::desk::{Delivery, Exchange, Memory, Perp};
use crate::orders::{Scene, buy, quantity};

fn choices() -> ContractChoices {
    let of_pair = PairChoices {
        leverage: Some(Leverage::new(5.into()).unwrap()),
        margin_mode: None,
        ..PairChoices::default()
    };
    ContractChoices {
        position_mode: Some(PositionMode::OneWay),
        collateral_mode: None,
        pairs: BTreeMap::from([("BTC-USDT".parse().unwrap(), of_pair)]),
    }
}

fn written(scene: &Scene) -> Vec<u8> {
    serde_json::to_vec(&scene.desk.engine.snapshot().unwrap()).unwrap()
}

/// A scene in which everything of contracts has happened.
fn eventful() -> Scene {
    let mut scene = scene(|exchange| {
        let perp = exchange.perp.as_mut().unwrap();
        perp.choices = choices();
        let position = perp.positions.of_mut(PositionSide::Net);
        position.apply(&Perp::contract(), Side::Buy, price(90), quantity("1"));
    });
    filled(&mut scene, buy(99, "2"));
    place(&mut scene, sell(105, "1")).unwrap();
    let time = scene.desk.now().wall;
    let payment = scene.desk.exchange.pay_funding(-3, time);
    scene.tell(0, payment);
    other_trade(&mut scene, FillCause::Adl, Side::Sell, 98, "0.5");
    scene.tell(
        0,
        MarginCallEvent {
            cross_wallet: None,
            positions: Vec::new(),
            text: "short".to_owned(),
            exchange_time: None,
        },
    );
    perp(&mut scene).liquidation = Some(price(50));
    perp(&mut scene).misstated = quantity("0.1");
    scene.run(70_000);
    perp(&mut scene).leverage = 50.into();
    scene.desk.at_exchange(|exchange, now| {
        let told = exchange
            .perp
            .as_ref()
            .unwrap()
            .settings_event(ReportSource::Stream, now);
        vec![(0, Delivery::Event(told))]
    });
    scene.run(1_000);
    scene
}

#[test]
fn an_engine_made_of_a_snapshot_stands_and_goes_on_the_same() {
    let mut scene = eventful();
    let kept = written(&scene);
    let mut exchange = Exchange::new();
    let mut perp = Perp::new();
    perp.choices = choices();
    exchange.perp = Some(perp);
    let mut other = Scene::made(Recovered::default(), exchange, Memory::default(), RiskLimits::default());
    let restored: RestoredEngine = serde_json::from_slice(&kept).unwrap();
    other.desk.engine.restore(restored).unwrap();
    assert!(written(&other) == kept, "as it is written again");
    let positions = |scene: &Scene| super::market(scene).positions().unwrap().clone();
    assert_eq!(positions(&other), positions(&scene));
    // The same happens to both.
    let payment = scene.desk.exchange.pay_funding(-4, scene.desk.now().wall);
    let mark = scene.desk.exchange.perp.as_ref().unwrap().mark_event(scene.desk.now());
    let mut now = scene.desk.now();
    for _ in 0..20 {
        let mut done: Vec<Vec<EngineAction>> = Vec::new();
        let wake = scene.desk.engine.next_wake();
        now.wall.0 += i64::try_from(wake.0.saturating_sub(now.mono.0)).unwrap();
        now.mono = now.mono.max(wake);
        for engine in [&mut scene.desk.engine, &mut other.desk.engine] {
            engine.on_event(VenueIndex(0), payment.clone().into(), now);
            engine.on_event(VenueIndex(0), mark.clone(), now);
            engine.settle(now);
            engine.tick(now);
            done.push(engine.take_actions().collect());
        }
        assert_eq!(done[0], done[1]);
    }
    assert!(written(&other) == written(&scene));
    assert_eq!(
        positions(&other).net.funding[&super::settle()],
        usdt("-7"),
        "the first is known, and the second counts once"
    );
}
