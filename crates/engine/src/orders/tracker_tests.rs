//! The tracker under reports in every order.
#![allow(clippy::unwrap_used)]

use colibri_model::{
    AccountId, Decimal, Fee, FillCause, FillKey, OrderIntent, OrderTerms, OrderType, Pair, PositionSide, Price,
    Quantity, QuantityUnit, Side, StrategyId, TimeInForce, TradeId, VenueId, WallNs,
};
use proptest::prelude::*;

use super::*;
use crate::orders::{FillLedger, Recorded};

fn order(quantity: i64) -> InFlightOrder {
    let intent = OrderIntent {
        client_id: ClientOrderId::new("clb1").unwrap(),
        instrument: InstrumentId(1),
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: Some(TimeInForce::Gtc),
        price: Some(Price(Decimal::from(100))),
        quantity: Quantity(Decimal::from(quantity)),
        quantity_unit: QuantityUnit::Base,
        terms: OrderTerms::default(),
    };
    let pair: Pair = "BTC-USDT".parse().unwrap();
    InFlightOrder::new(StrategyId::new("s").unwrap(), 0, pair, intent, MonoNs(0), WallNs(0))
}

fn fill(number: i64, quantity: i64) -> Fill {
    Fill {
        key: FillKey {
            account: AccountId::new("a").unwrap(),
            venue: VenueId::new("v").unwrap(),
            pair: "BTC-USDT".parse().unwrap(),
            trade_id: TradeId::new(&number.to_string()).unwrap(),
            side: Side::Buy,
        },
        client_id: None,
        exchange_id: Some(ExchangeOrderId::new("x1").unwrap()),
        side: Side::Buy,
        price: Price(Decimal::from(100 + number)),
        quantity: Quantity(Decimal::from(quantity)),
        fee: None,
        liquidity: None,
        position_side: PositionSide::Net,
        cause: FillCause::Order,
        exchange_time: WallNs(0),
        local_time: WallNs(0),
    }
}

#[derive(Debug, Clone, Copy)]
enum Report {
    Said(OrderEvidence),
    Fill(i64),
}

fn feed(tracker: &mut OrderTracker, ledger: &mut FillLedger, id: &ClientOrderId, report: Report) {
    match report {
        Report::Said(evidence) => {
            let report = OrderReport {
                exchange_id: Some(ExchangeOrderId::new("x1").unwrap()),
                ..OrderReport::default()
            };
            tracker.learn(id, evidence, &report, MonoNs(5));
        }
        Report::Fill(number) => {
            let fill = fill(number, 1);
            if ledger.record(&fill) == Recorded::New {
                tracker.add_fill(id, &fill, MonoNs(5));
            }
        }
    }
}

#[test]
fn a_fee_that_comes_later_is_filled_in_once() {
    let mut ledger = FillLedger::default();
    let mut report = fill(1, 1);
    assert_eq!(ledger.record(&report), Recorded::New);
    report.fee = Some(Fee {
        asset: colibri_model::Asset::new("BNB"),
        amount: colibri_model::Amount(Decimal::ONE),
    });
    assert_eq!(ledger.record(&report), Recorded::FeeLearned);
    assert_eq!(ledger.record(&report), Recorded::Known);
    assert_eq!(ledger.duplicates(), 2);
}

#[test]
fn a_trade_of_two_orders_of_ours_is_a_fill_of_each() {
    let mut ledger = FillLedger::default();
    let bought = fill(1, 1);
    let mut sold = bought.clone();
    (sold.key.side, sold.side) = (Side::Sell, Side::Sell);
    assert_eq!(ledger.record(&bought), Recorded::New);
    assert_eq!(ledger.record(&sold), Recorded::New);
    assert_eq!(ledger.record(&sold), Recorded::Known);
    let written = serde_json::to_string(&sold).unwrap();
    assert_eq!(serde_json::from_str::<Fill>(&written).unwrap(), sold);
}

#[test]
fn the_exchange_s_counter_shows_missing_fills() {
    let mut tracker = OrderTracker::default();
    tracker.track(order(3));
    let id = ClientOrderId::new("clb1").unwrap();
    let change = tracker
        .learn(&id, OrderEvidence::Filled, &OrderReport::default(), MonoNs(1))
        .unwrap();
    assert_eq!(
        (change.from, change.to),
        (OrderState::PendingCreate, OrderState::Filled)
    );
    assert_eq!(tracker.get(&id).unwrap().missing_fills(), Quantity(Decimal::from(3)));
    tracker.add_fill(&id, &fill(1, 3), MonoNs(2));
    assert!(tracker.get(&id).unwrap().missing_fills().is_zero());
    assert_eq!(tracker.live_count(), 0);
}

#[test]
fn an_order_that_may_have_been_amended_lacks_no_more_than_the_smaller_quantity() {
    let mut order = order(3);
    order.amend_to = Some(Quantity(Decimal::from(2)));
    order
        .learn(OrderEvidence::Open, &OrderReport::default(), MonoNs(1))
        .unwrap();
    assert!(!order.is_settled(), "which of the two is asked");
    order
        .learn(OrderEvidence::Filled, &OrderReport::default(), MonoNs(1))
        .unwrap();
    assert_eq!(order.missing_fills(), Quantity(Decimal::from(2)));
}

#[test]
fn a_report_is_found_by_either_id() {
    let mut tracker = OrderTracker::default();
    tracker.track(order(3));
    let (id, exchange_id) = (ClientOrderId::new("clb1").unwrap(), ExchangeOrderId::new("x1").unwrap());
    assert_eq!(tracker.find(Some(InstrumentId(1)), None, Some(&exchange_id)), None);
    feed(
        &mut tracker,
        &mut FillLedger::default(),
        &id,
        Report::Said(OrderEvidence::Open),
    );
    assert_eq!(
        tracker.find(Some(InstrumentId(1)), None, Some(&exchange_id)),
        Some(id.clone())
    );
    assert_eq!(tracker.find(Some(InstrumentId(2)), None, Some(&exchange_id)), None);
    let theirs = ClientOrderId::new("web_1").unwrap();
    assert_eq!(tracker.find(None, Some(&theirs), None), None);
}

#[test]
fn an_order_that_ended_before_its_fills_were_told_lacks_them_until_they_are() {
    let (mut tracker, mut ledger) = (OrderTracker::default(), FillLedger::default());
    tracker.track(order(3));
    let id = ClientOrderId::new("clb1").unwrap();
    let missing = |tracker: &OrderTracker| tracker.lacking_fills().map(|o| o.missing_fills().0).collect::<Vec<_>>();
    assert!(
        missing(&tracker).is_empty(),
        "a live order lacks nothing: what is left of it says so"
    );
    feed(&mut tracker, &mut ledger, &id, Report::Said(OrderEvidence::Filled));
    assert_eq!(missing(&tracker), [Decimal::from(3)]);
    feed(&mut tracker, &mut ledger, &id, Report::Fill(1));
    feed(&mut tracker, &mut ledger, &id, Report::Fill(1));
    assert_eq!(missing(&tracker), [Decimal::from(2)]);
    feed(&mut tracker, &mut ledger, &id, Report::Fill(2));
    feed(&mut tracker, &mut ledger, &id, Report::Fill(3));
    assert!(missing(&tracker).is_empty());
}

proptest! {
    /// Whatever order and however often the reports of an order that was wholly filled come in, it ends filled, with each
    /// fill counted once.
    #[test]
    fn filled_in_any_order(mut reports in Just(vec![
        Report::Said(OrderEvidence::Acknowledged), Report::Said(OrderEvidence::Open), Report::Said(OrderEvidence::PartiallyFilled),
        Report::Said(OrderEvidence::Filled), Report::Said(OrderEvidence::OutcomeUnknown),
        Report::Fill(1), Report::Fill(2), Report::Fill(3), Report::Fill(1), Report::Fill(3),
    ]).prop_shuffle(), again in 0usize..10) {
        reports.push(reports[again]);
        let (mut tracker, mut ledger) = (OrderTracker::default(), FillLedger::default());
        tracker.track(order(3));
        let id = ClientOrderId::new("clb1").unwrap();
        for report in reports {
            feed(&mut tracker, &mut ledger, &id, report);
        }
        let order = tracker.get(&id).unwrap();
        prop_assert_eq!(order.state(), OrderState::Filled);
        prop_assert_eq!(order.filled(), Quantity(Decimal::from(3)));
        prop_assert_eq!(order.average_price(), Some(Price(Decimal::from(102))));
        prop_assert_eq!(tracker.live_count(), 0);
    }

    /// A cancel that races with a fill ends cancelled with the fill counted, in either order.
    #[test]
    fn cancelled_after_a_part_in_any_order(reports in Just(vec![
        Report::Said(OrderEvidence::Open), Report::Said(OrderEvidence::Cancelled), Report::Fill(1), Report::Fill(2), Report::Fill(2),
    ]).prop_shuffle()) {
        let (mut tracker, mut ledger) = (OrderTracker::default(), FillLedger::default());
        tracker.track(order(3));
        let id = ClientOrderId::new("clb1").unwrap();
        for report in reports {
            feed(&mut tracker, &mut ledger, &id, report);
        }
        let order = tracker.get(&id).unwrap();
        prop_assert_eq!(order.state(), OrderState::Cancelled);
        prop_assert_eq!(order.filled(), Quantity(Decimal::from(2)));
    }
}
