//! What was chosen is journaled, set, read back, and only then traded with; and what was not chosen is left alone.

use std::collections::BTreeMap;

use colibri_engine::risk::RiskLimits;
use colibri_engine::{ContractChoices, LogLevel, Outage, PairChoices, Recovered};
use colibri_model::{Decimal, Leverage, MarginMode, PositionMode, Record, TradingSetting};
use colibri_standard::{Command, RejectReason, ReportSource, SessionRole, SessionStatus};

use super::{perp, place, records, scene, venue};
use crate::desk::{Delivery, Exchange, Memory, Perp};
use crate::orders::{Scene, Told, buy};

fn chosen(leverage: i64, margin_mode: MarginMode) -> ContractChoices {
    let of_pair = PairChoices {
        leverage: Some(Leverage::new(Decimal::from(leverage)).unwrap()),
        margin_mode: Some(margin_mode),
        ..PairChoices::default()
    };
    ContractChoices {
        position_mode: Some(PositionMode::OneWay),
        collateral_mode: None,
        pairs: BTreeMap::from([("BTC-USDT".parse().unwrap(), of_pair)]),
    }
}

fn choose(exchange: &mut Exchange, choices: ContractChoices) {
    exchange.perp.as_mut().unwrap().choices = choices;
}

fn kinds(scene: &mut Scene) -> Vec<&'static str> {
    perp(scene).set.iter().map(Command::kind).collect()
}

#[test]
fn what_differs_is_journaled_and_set_and_read_back_before_the_first_order() {
    let mut scene = scene(|exchange| choose(exchange, chosen(5, MarginMode::Isolated)));
    assert_eq!(
        kinds(&mut scene),
        ["set_margin_mode", "set_leverage"],
        "the position mode is so already"
    );
    let leverage = perp(&mut scene).set.iter().find_map(|command| match command {
        Command::SetLeverage(set) => Some(set.margin_mode),
        _ => None,
    });
    assert_eq!(
        leverage,
        Some(None),
        "an instrument has one leverage, whatever its margin mode: a connector refuses one for each"
    );
    assert_eq!(
        perp(&mut scene).settings_asked,
        3,
        "once before, once after, and once more since the user stream came up in between"
    );
    assert_eq!(venue(&scene).outage(), None);
    let market = super::market(&scene);
    assert_eq!(market.margin_mode(), Some(MarginMode::Isolated));
    assert_eq!(
        market.leverage(colibri_model::PositionSide::Net).unwrap().value(),
        Decimal::from(5)
    );
    assert_eq!(market.position_mode(), Some(PositionMode::OneWay));
    let set: Vec<TradingSetting> = records(&scene)
        .into_iter()
        .filter_map(|record| match record {
            Record::SettingChosen { chosen, .. } => Some(chosen),
            _ => None,
        })
        .collect();
    assert!(
        matches!(
            set[..],
            [TradingSetting::MarginMode { .. }, TradingSetting::Leverage { .. }]
        ),
        "{set:?}"
    );
    assert!(place(&mut scene, buy(99, "2")).is_some());
}

#[test]
fn what_was_not_chosen_is_never_set() {
    let mut scene = scene(|_| {});
    assert_eq!(kinds(&mut scene), Vec::<&str>::new());
    assert!(place(&mut scene, buy(99, "2")).is_some());
    assert_eq!(
        perp(&mut scene).settings_asked,
        2,
        "again when the user stream has come up"
    );
}

/// A setting is believed when it has been read back, not when it was done.
#[test]
fn what_is_done_and_not_so_is_not_traded_with() {
    let mut scene = scene(|exchange| {
        choose(exchange, chosen(5, MarginMode::Cross));
        exchange.perp.as_mut().unwrap().forgets = true;
    });
    assert_eq!(venue(&scene).outage(), Some(Outage::Settings));
    assert!(place(&mut scene, buy(99, "2")).is_none());
    let why = venue(&scene).not_ready().unwrap();
    assert!(why.contains("leverage of BTC-USDT is 20, and 5 was chosen"), "{why}");
    perp(&mut scene).forgets = false;
    scene.run(70_000);
    assert_eq!(venue(&scene).outage(), None, "it is tried again");
}

#[test]
fn what_open_positions_forbid_is_told_and_tried_again() {
    let mut scene = scene(|exchange| {
        choose(exchange, chosen(20, MarginMode::Isolated));
        exchange.perp.as_mut().unwrap().refuses = Some(RejectReason::HasPositionOrOrders);
    });
    let why = venue(&scene).not_ready().unwrap();
    assert!(why.contains("positions or orders are open"), "{why}");
    let errors = |scene: &Scene| {
        scene
            .desk
            .log
            .iter()
            .filter(|(level, _)| *level == LogLevel::Error)
            .count()
    };
    let told = errors(&scene);
    assert_eq!(told, 1, "{:?}", scene.desk.log);
    scene.run(130_000);
    assert_eq!(errors(&scene), told, "the same is not told again");
    assert!(kinds(&mut scene).len() > 1);
    perp(&mut scene).refuses = None;
    scene.run(130_000);
    assert_eq!(venue(&scene).outage(), None);
}

#[test]
fn a_setting_whose_outcome_is_unknown_is_read_back() {
    let mut scene = scene(|exchange| {
        choose(exchange, chosen(5, MarginMode::Cross));
        exchange.perp.as_mut().unwrap().lose_set_answers = 1;
    });
    scene.run(2_000);
    assert_eq!(kinds(&mut scene), ["set_leverage"], "once: it was done");
    assert_eq!(venue(&scene).outage(), None);
}

/// Somebody changes the leverage while the bot trades: nothing is placed, and nothing is set back.
#[test]
fn what_is_changed_from_outside_stops_placing_until_it_is_back() {
    let mut scene = scene(|exchange| choose(exchange, chosen(5, MarginMode::Cross)));
    let set = kinds(&mut scene).len();
    perp(&mut scene).leverage = Decimal::from(50);
    scene.desk.at_exchange(|exchange, now| {
        let told = exchange
            .perp
            .as_ref()
            .unwrap()
            .settings_event(ReportSource::Stream, now);
        vec![(0, Delivery::Event(told))]
    });
    scene.run(1_000);
    assert_eq!(venue(&scene).outage(), Some(Outage::Settings));
    assert!(scene.told().contains(&Told::Settings));
    assert!(scene.desk.logged("changed from outside"));
    assert!(place(&mut scene, buy(99, "2")).is_none());
    scene.run(200_000);
    assert_eq!(kinds(&mut scene).len(), set, "nothing is set back");
    perp(&mut scene).leverage = Decimal::from(5);
    scene.run(70_000);
    assert_eq!(venue(&scene).outage(), None);
    assert!(place(&mut scene, buy(99, "2")).is_some());
}

/// Somebody changes the margin mode, and no event tells of it.
#[test]
fn what_is_changed_from_outside_and_not_told_is_read_within_a_minute() {
    let mut scene = scene(|exchange| choose(exchange, chosen(5, MarginMode::Cross)));
    let set = kinds(&mut scene).len();
    perp(&mut scene).margin_mode = MarginMode::Isolated;
    scene.run(70_000);
    assert_eq!(venue(&scene).outage(), Some(Outage::Settings));
    assert!(place(&mut scene, buy(99, "2")).is_none());
    perp(&mut scene).margin_mode = MarginMode::Cross;
    scene.run(70_000);
    assert_eq!(venue(&scene).outage(), None);
    assert_eq!(kinds(&mut scene).len(), set, "nothing is set back");
}

#[test]
fn a_restart_asks_again_and_sets_what_was_changed_meanwhile() {
    let mut scene = scene(|exchange| choose(exchange, chosen(5, MarginMode::Cross)));
    let set = kinds(&mut scene).len();
    perp(&mut scene).leverage = Decimal::from(50);
    let mut scene = scene.crash(1_000);
    scene.run(3_000);
    assert_eq!(kinds(&mut scene).len(), set + 1);
    assert_eq!(venue(&scene).outage(), None);
}

/// A choice that the connector cannot set is compared all the same.
#[test]
fn what_cannot_be_set_is_told() {
    let scene = scene(|exchange| {
        let perp = exchange.perp.as_mut().unwrap();
        perp.capabilities.retain(|capability| *capability != "set_leverage");
        choose(exchange, chosen(5, MarginMode::Cross));
    });
    let why = venue(&scene).not_ready().unwrap();
    assert!(why.contains("set it at the exchange"), "{why}");
}

/// Where the choice cannot be written down, it is not sent, and it is written once a run.
#[test]
fn a_choice_that_is_not_journaled_is_not_sent() {
    let mut exchange = Exchange::new();
    exchange.perp = Some(Perp::new());
    choose(&mut exchange, chosen(5, MarginMode::Cross));
    exchange.perp.as_mut().unwrap().refuses = Some(RejectReason::HasPositionOrOrders);
    let mut scene = Scene::made(Recovered::default(), exchange, Memory::default(), RiskLimits::default());
    scene.desk.journal.0.borrow_mut().fails = Some("disk full".to_owned());
    scene.desk.start();
    scene.run(5_000);
    assert!(perp(&mut scene).settings_asked > 0);
    assert_eq!(kinds(&mut scene).len(), 0);
    scene.desk.journal.0.borrow_mut().fails = None;
    scene.run(200_000);
    assert!(kinds(&mut scene).len() > 1, "it is tried again and again");
    let journaled = records(&scene);
    let chosen = journaled.iter().filter(|r| matches!(r, Record::SettingChosen { .. }));
    assert_eq!(chosen.count(), 1);
}

/// Settings that differ blind nobody: orders that are live are seen, and the switch that is thrown by blindness is not.
#[test]
fn settings_that_differ_are_no_blindness() {
    let risk = RiskLimits {
        max_stale_ms: Some(colibri_model::Millis(20_000)),
        ..RiskLimits::default()
    };
    let mut scene = super::limited(|exchange| choose(exchange, chosen(5, MarginMode::Cross)), risk);
    place(&mut scene, buy(99, "2")).unwrap();
    perp(&mut scene).leverage = Decimal::from(50);
    scene.desk.at_exchange(|exchange, now| {
        let told = exchange
            .perp
            .as_ref()
            .unwrap()
            .settings_event(ReportSource::Stream, now);
        vec![(0, Delivery::Event(told))]
    });
    scene.run(60_000);
    assert_eq!(venue(&scene).outage(), Some(Outage::Settings));
    assert!(scene.desk.view().kill_switch().is_none());
    assert_eq!(scene.desk.exchange.open().count(), 1);
}

/// What the stream would have told of settings while it was down is asked for.
#[test]
fn what_was_changed_while_the_user_stream_was_down_is_found() {
    let mut scene = scene(|exchange| choose(exchange, chosen(5, MarginMode::Isolated)));
    let role = SessionRole::User;
    scene
        .desk
        .at_exchange(|exchange, _| exchange.session(role, SessionStatus::Down));
    scene.run(1_000);
    perp(&mut scene).leverage = Decimal::from(20);
    scene
        .desk
        .at_exchange(|exchange, _| exchange.session(role, SessionStatus::Live));
    scene.run(5_000);
    assert_eq!(venue(&scene).outage(), Some(Outage::Settings));
    assert_eq!(place(&mut scene, buy(99, "2")), None);
}
