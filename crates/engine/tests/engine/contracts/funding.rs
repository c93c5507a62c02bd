//! Funding: what was paid, once each, whichever way it is told.

use colibri_model::{PositionSide, Record, WallNs};
use colibri_standard::{FundingPaymentEvent, ReportSource, SessionRole, SessionStatus};

use super::{check, filled, market, perp, place, records, scene, settle, usdt, venue};
use crate::desk::START;
use crate::orders::{Scene, Told, buy};

fn paid(scene: &Scene) -> Vec<String> {
    let told = scene.told();
    let paid = told.iter().filter_map(|told| match told {
        Told::Funding(told) => Some(told.payment.amount.0.to_string()),
        _ => None,
    });
    paid.collect()
}

fn journaled(scene: &Scene) -> usize {
    let is = |r: &&Record| matches!(r, Record::FundingPaid { .. });
    records(scene).iter().filter(is).count()
}

/// The stream tells that something was paid, and not which entry it is.
fn hint(payment: &FundingPaymentEvent) -> FundingPaymentEvent {
    FundingPaymentEvent {
        id: None,
        symbol: String::new(),
        instrument: None,
        source: ReportSource::Stream,
        ..payment.clone()
    }
}

#[test]
fn a_payment_told_without_its_entry_is_asked_for_and_entered_once() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    let asked = perp(&mut scene).funding_asked_since.len();
    let time = scene.desk.now().wall;
    let payment = scene.desk.exchange.pay_funding(-3, time);
    scene.tell(0, hint(&payment));
    scene.tell(0, hint(&payment));
    scene.run(500);
    assert_eq!(perp(&mut scene).funding_asked_since.len(), asked + 1);
    assert_eq!(paid(&scene), ["-3"]);
    // With its entry on the stream too, and in every later answer.
    scene.tell(
        0,
        FundingPaymentEvent {
            source: ReportSource::Stream,
            ..payment
        },
    );
    scene.run(700_000);
    assert!(
        perp(&mut scene).funding_asked_since.len() > asked + 1,
        "and on the cadence"
    );
    assert_eq!((paid(&scene).len(), journaled(&scene)), (1, 1));
    let net = market(&scene).position_of(PositionSide::Net).unwrap();
    assert_eq!(net.funding[&settle()], usdt("-3"));
    check(scene);
}

#[test]
fn after_each_settlement_that_a_position_saw_payments_are_asked_for() {
    let at = WallNs::from_millis(START + 60_000);
    let mut scene = scene(|exchange| exchange.perp.as_mut().unwrap().next_funding = Some(at));
    assert_eq!(market(&scene).next_funding_time(), Some(at));
    filled(&mut scene, buy(99, "2"));
    let asked = perp(&mut scene).funding_asked_since.len();
    while scene.desk.now().wall < at {
        scene.run(1_000);
    }
    scene.desk.exchange.pay_funding(-3, at);
    scene.run(4_000);
    assert_eq!(
        perp(&mut scene).funding_asked_since.len(),
        asked,
        "the exchange's ledger lags"
    );
    scene.run(4_000);
    assert_eq!(perp(&mut scene).funding_asked_since.len(), asked + 1);
    assert_eq!(paid(&scene), ["-3"]);
    scene.run(60_000);
    assert_eq!(perp(&mut scene).funding_asked_since.len(), asked + 2, "and once more");
    check(scene);
}

#[test]
fn a_settlement_that_no_position_saw_is_no_reason_to_ask() {
    let at = WallNs::from_millis(START + 30_000);
    let mut scene = scene(|exchange| exchange.perp.as_mut().unwrap().next_funding = Some(at));
    let asked = perp(&mut scene).funding_asked_since.len();
    scene.run(120_000);
    assert_eq!(perp(&mut scene).funding_asked_since.len(), asked);
}

/// An order that is filled right before a settlement while the user stream is away: nobody knows of the position yet.
#[test]
fn a_settlement_that_a_position_may_have_seen_is_asked_about() {
    let at = WallNs::from_millis(START + 30_000);
    let mut scene = scene(|exchange| exchange.perp.as_mut().unwrap().next_funding = Some(at));
    place(&mut scene, buy(99, "2")).unwrap();
    let asked = perp(&mut scene).funding_asked_since.len();
    scene.run(120_000);
    assert_eq!(perp(&mut scene).funding_asked_since.len(), asked + 2);
}

/// This machine's clock is ninety seconds ahead of the exchange's: by it the settlement seems over long before it is.
#[test]
fn a_settlement_is_awaited_by_the_exchange_s_clock() {
    const AHEAD_NS: i64 = 90_000_000_000;
    let mut scene = scene(|exchange| {
        let perp = exchange.perp.as_mut().unwrap();
        perp.behind = AHEAD_NS;
        perp.next_funding = Some(WallNs(WallNs::from_millis(START + 60_000).0 - AHEAD_NS));
    });
    filled(&mut scene, buy(99, "2"));
    let asked = perp(&mut scene).funding_asked_since.len();
    let at = WallNs::from_millis(START + 60_000);
    while scene.desk.now().wall < at {
        scene.run(1_000);
    }
    scene.run(4_000);
    let asked_by_then = perp(&mut scene).funding_asked_since.len();
    assert_eq!(asked_by_then, asked, "not over yet, or the exchange's ledger lags");
    scene.run(4_000);
    assert_eq!(perp(&mut scene).funding_asked_since.len(), asked + 1);
}

#[test]
fn a_restart_asks_from_where_payments_are_complete_and_knows_those_that_were() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    let time = scene.desk.now().wall;
    let payment = scene.desk.exchange.pay_funding(-3, time);
    scene.tell(0, hint(&payment));
    scene.run(500);
    let funded = market(&scene).positions().unwrap().clone();
    // Paid while nobody watched.
    let mut scene = scene.crash(30_000);
    let later = WallNs(scene.desk.now().wall.0 - 10_000_000_000);
    assert_eq!(market(&scene).positions().unwrap(), &funded);
    scene.desk.exchange.pay_funding(-5, later);
    let asked = perp(&mut scene).funding_asked_since.len();
    scene.run(610_000);
    let since = perp(&mut scene).funding_asked_since[asked];
    assert!(since <= time, "from before the last that is known");
    assert_eq!(paid(&scene), ["-5"], "each once");
    assert_eq!(journaled(&scene), 2);
    assert_eq!(venue(&scene).funding_payments().count(), 2);
    let net = market(&scene).position_of(PositionSide::Net).unwrap();
    assert_eq!(net.funding[&settle()], usdt("-8"));
}

#[test]
fn a_question_that_fails_is_asked_again() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    let time = scene.desk.now().wall;
    let payment = scene.desk.exchange.pay_funding(4, time);
    perp(&mut scene).lose_funding = 2;
    scene.tell(0, hint(&payment));
    scene.run(5_000);
    assert_eq!(paid(&scene), ["4"]);
    check(scene);
}

/// What was paid while the user stream was away is known right after it is back, however often it was asked for in vain.
#[test]
fn a_payment_is_asked_for_once_the_user_stream_is_back() {
    let mut scene = scene(|_| {});
    filled(&mut scene, buy(99, "2"));
    let session = |scene: &mut Scene, status| {
        scene
            .desk
            .at_exchange(|exchange, _| exchange.session(SessionRole::User, status));
    };
    session(&mut scene, SessionStatus::Down);
    perp(&mut scene).lose_funding = usize::MAX;
    let time = scene.desk.now().wall;
    scene.desk.exchange.pay_funding(4, time);
    scene.run(100_000);
    perp(&mut scene).lose_funding = 0;
    session(&mut scene, SessionStatus::Live);
    scene.run(2_000);
    assert_eq!(paid(&scene), ["4"]);
    check(scene);
}

/// What an instrument that the bot does not use was paid changes the wallet, and is no entry of a position.
#[test]
fn a_payment_of_another_instrument_is_a_change_from_outside() {
    let mut scene = scene(|_| {});
    let time = scene.desk.now().wall;
    let mut payment = scene.desk.exchange.pay_funding(-7, time);
    payment.instrument = None;
    payment.symbol = "ETHUSDT".to_owned();
    scene.desk.exchange.perp.as_mut().unwrap().payments = vec![payment.clone()];
    scene.tell(0, hint(&payment));
    scene.run(1_000);
    assert_eq!((paid(&scene).len(), journaled(&scene)), (0, 0));
    let external = records(&scene)
        .into_iter()
        .filter(|r| matches!(r, Record::ExternalChange { .. }));
    assert_eq!(external.count(), 1);
    check(scene);
}

/// Rates and mark price are told once a settling, however often they changed.
#[test]
fn rates_are_told_once_however_often_they_changed() {
    let mut scene = scene(|_| {});
    let told = |scene: &Scene| scene.told().iter().filter(|t| **t == Told::Rates).count();
    let before = told(&scene);
    let now = scene.desk.now();
    let perp = scene.desk.exchange.perp.as_ref().unwrap();
    let events = [perp.mark_event(now), perp.rate_event(now), perp.mark_event(now)];
    for event in events {
        scene.desk.engine.on_event(colibri_engine::VenueIndex(0), event, now);
    }
    scene.desk.engine.settle(now);
    assert_eq!(told(&scene), before + 1);
    assert!(market(&scene).funding_rate().unwrap().interval.is_some());
}
