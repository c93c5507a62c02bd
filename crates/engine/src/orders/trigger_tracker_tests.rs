#![allow(clippy::unwrap_used)]
use colibri_model::{
    Decimal, OrderTerms, OrderType, Pair, Price, Quantity, Side, StrategyId, TriggerBy, TriggerIntent, TriggerKind,
    WallNs,
};
use colibri_standard::ReportSource;

use super::*;
use crate::orders::{CancelState, EndKnown};
use TriggerEvidence as E;
use TriggerState as S;

fn named(id: &str) -> ClientOrderId {
    ClientOrderId::new(id).unwrap()
}

fn number(id: &str) -> ExchangeOrderId {
    ExchangeOrderId::new(id).unwrap()
}

fn trigger(id: &str) -> InFlightTrigger {
    let intent = TriggerIntent {
        client_id: named(id),
        instrument: InstrumentId(1),
        kind: TriggerKind::Stop,
        by: TriggerBy::Mark,
        trigger_price: Price(Decimal::from(90)),
        side: Side::Sell,
        order_type: OrderType::Market,
        time_in_force: None,
        price: None,
        quantity: Some(Quantity(Decimal::ONE)),
        terms: OrderTerms::default(),
    };
    let pair: Pair = "BTC-USDT".parse().unwrap();
    InFlightTrigger::new(StrategyId::new("s").unwrap(), 7, pair, intent, MonoNs(0), WallNs(0))
}

fn told(source: ReportSource) -> TriggerReport {
    TriggerReport {
        exchange_id: Some(number("x1")),
        source: Some(source),
        ..TriggerReport::default()
    }
}

fn tracker() -> TriggerTracker {
    let mut tracker = TriggerTracker::default();
    tracker.track(trigger("t1"));
    tracker
}

#[test]
fn it_is_found_by_either_id_and_its_order_by_every_name() {
    let mut tracker = tracker();
    tracker.learn(&named("t1"), E::Placed, &told(ReportSource::Ack), MonoNs(1));
    let here = Some(InstrumentId(1));
    assert_eq!(tracker.find(here, None, Some(&number("x1"))), Some(named("t1")));
    assert_eq!(tracker.find(Some(InstrumentId(2)), None, Some(&number("x1"))), None);
    let report = TriggerReport {
        order: Some(number("33")),
        order_client_id: Some(named("theirs")),
        ..told(ReportSource::Stream)
    };
    let change = tracker.learn(&named("t1"), E::BecameOrder, &report, MonoNs(2)).unwrap();
    assert_eq!((change.from, change.to), (S::Placed, S::BecameOrder));
    assert_eq!(tracker.live_count(), 0);
    for (name, order, of) in [
        (Some(named("t1")), None, None),
        (Some(named("theirs")), None, None),
        (None, Some(number("33")), None),
        (Some(named("else")), Some(number("99")), Some(number("x1"))),
    ] {
        let found = tracker.find_by_order(here, name.as_ref(), order.as_ref(), of.as_ref());
        assert_eq!(found, Some(named("t1")), "{name:?} {order:?} {of:?}");
    }
    assert_eq!(
        tracker.find_by_order(here, Some(&named("else")), Some(&number("99")), None),
        None
    );
}

#[test]
fn an_end_that_nobody_told_is_taken_back_by_an_answer_and_not_by_the_stream() {
    for (evidence, end) in [(E::Absent, S::Rejected), (E::NotSent, S::Rejected)] {
        let mut tracker = tracker();
        tracker.get_mut(&named("t1")).unwrap().cancel = CancelState::Wanted;
        let none = TriggerReport::default();
        let change = tracker.learn(&named("t1"), evidence, &none, MonoNs(1)).unwrap();
        assert_eq!(change.to, end);
        let t = tracker.get(&named("t1")).unwrap();
        assert_eq!((t.end_known, t.cancel), (EndKnown::Inferred, CancelState::Wanted));
        assert_eq!(
            tracker.learn(&named("t1"), E::Placed, &told(ReportSource::Stream), MonoNs(2)),
            None
        );
        let change = tracker
            .learn(&named("t1"), E::Placed, &told(ReportSource::Query), MonoNs(3))
            .unwrap();
        assert_eq!((change.to, tracker.live_count()), (S::Placed, 1), "{evidence:?}");
        assert!(
            tracker.get(&named("t1")).unwrap().cancel_due().is_some(),
            "and its cancel is wanted still"
        );
    }
}

#[test]
fn an_end_that_was_told_stays_but_for_an_order() {
    let mut tracker = tracker();
    tracker.learn(&named("t1"), E::Placed, &told(ReportSource::Ack), MonoNs(1));
    tracker.learn(&named("t1"), E::Cancelled, &told(ReportSource::Stream), MonoNs(2));
    assert_eq!(
        tracker.learn(&named("t1"), E::Placed, &told(ReportSource::Query), MonoNs(3)),
        None
    );
    let report = TriggerReport {
        order: Some(number("33")),
        ..told(ReportSource::Stream)
    };
    let change = tracker.learn(&named("t1"), E::BecameOrder, &report, MonoNs(4)).unwrap();
    assert_eq!((change.from, change.to), (S::Cancelled, S::BecameOrder));
}

#[test]
fn the_oldest_that_ended_are_forgotten_with_every_name() {
    let mut tracker = TriggerTracker::default();
    for at in 0..REMEMBERED + 2 {
        let id = format!("t{at}");
        tracker.track(trigger(&id));
        let report = TriggerReport {
            exchange_id: Some(number(&format!("x{at}"))),
            order: Some(number(&format!("o{at}"))),
            order_client_id: Some(named(&format!("n{at}"))),
            ..TriggerReport::default()
        };
        tracker.learn(&named(&id), E::BecameOrder, &report, MonoNs(1));
    }
    assert_eq!(tracker.iter().count(), REMEMBERED);
    assert_eq!(tracker.by_exchange.len(), REMEMBERED);
    assert_eq!(tracker.by_order.len(), REMEMBERED);
    assert_eq!(tracker.by_order_name.len(), REMEMBERED);
    assert!(tracker.get(&named("t1")).is_none() && tracker.get(&named("t2")).is_some());
}

#[test]
fn one_that_became_an_order_that_nobody_named_is_not_forgotten_however_many_end_after_it() {
    let mut tracker = tracker();
    tracker.learn(&named("t1"), E::BecameOrder, &TriggerReport::default(), MonoNs(1));
    for at in 0..REMEMBERED + 2 {
        let id = format!("later{at}");
        tracker.track(trigger(&id));
        tracker.learn(&named(&id), E::Cancelled, &TriggerReport::default(), MonoNs(2));
    }
    assert!(tracker.get(&named("t1")).is_some(), "its order is asked for");
    assert_eq!(tracker.iter().count(), REMEMBERED);
}
