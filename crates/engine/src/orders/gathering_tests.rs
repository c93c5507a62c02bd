//! Orders and fills that are gathered ahead of a snapshot: whatever happens meanwhile, the pieces and the snapshot are the whole.
#![allow(clippy::unwrap_used)]

use colibri_model::{
    AccountId, ClientOrderId, Decimal, ExchangeOrderId, Fee, Fill, FillCause, FillKey, InstrumentId, MonoNs,
    OrderEvidence, OrderIntent, OrderTerms, OrderType, PositionSide, Price, Quantity, QuantityUnit, Side, StrategyId,
    TimeInForce, TradeId, VenueId, WallNs,
};
use proptest::prelude::*;

use crate::orders::{FillLedger, InFlightOrder, OrderReport, OrderTracker};

fn id(number: u8) -> ClientOrderId {
    ClientOrderId::new(&format!("clb{number}")).unwrap()
}

fn order(number: u8) -> InFlightOrder {
    let intent = OrderIntent {
        client_id: id(number),
        instrument: InstrumentId(1),
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: Some(TimeInForce::Gtc),
        price: Some(Price(Decimal::from(100))),
        quantity: Quantity(Decimal::from(9)),
        quantity_unit: QuantityUnit::Base,
        terms: OrderTerms::default(),
    };
    let pair = "BTC-USDT".parse().unwrap();
    InFlightOrder::new(StrategyId::new("s").unwrap(), 0, pair, intent, MonoNs(0), WallNs(0))
}

fn fill(number: u8, fee: Option<u8>) -> Fill {
    Fill {
        key: FillKey {
            account: AccountId::new("a").unwrap(),
            venue: VenueId::new("v").unwrap(),
            pair: "BTC-USDT".parse().unwrap(),
            trade_id: TradeId::new(&number.to_string()).unwrap(),
            side: Side::Buy,
        },
        client_id: None,
        exchange_id: Some(ExchangeOrderId::new(&format!("x{number}")).unwrap()),
        side: Side::Buy,
        price: Price(Decimal::from(100)),
        quantity: Quantity(Decimal::ONE),
        fee: fee.map(|fee| Fee {
            asset: colibri_model::Asset::new("BNB"),
            amount: colibri_model::Amount(Decimal::from(fee)),
        }),
        liquidity: None,
        position_side: PositionSide::Net,
        cause: FillCause::Order,
        exchange_time: WallNs(0),
        local_time: WallNs(0),
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Track(u8),
    Cancelled(u8),
    Renamed(u8),
    Filled { order: u8, fill: u8, fee: Option<u8> },
    Gather(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let some = 0..40u8;
    prop_oneof![
        some.clone().prop_map(Step::Track),
        some.clone().prop_map(Step::Cancelled),
        some.clone().prop_map(Step::Renamed),
        (some.clone(), some, prop::option::of(0..3u8)).prop_map(|(order, fill, fee)| Step::Filled { order, fill, fee }),
        (0..6usize).prop_map(Step::Gather),
    ]
}

proptest! {
    #[test]
    fn pieces_and_snapshot_are_the_whole(steps in prop::collection::vec(step(), 0..120)) {
        let (mut tracker, mut ledger) = (OrderTracker::default(), FillLedger::default());
        let (mut orders, mut fills) = (Vec::new(), Vec::new());
        for (at, step) in (1u64..).zip(steps) {
            let now = MonoNs(at);
            match step {
                Step::Track(number) if tracker.get(&id(number)).is_none() => tracker.track(order(number)),
                Step::Track(_) => {}
                Step::Cancelled(number) => {
                    tracker.learn(&id(number), OrderEvidence::Cancelled, &OrderReport::default(), now);
                }
                Step::Renamed(number) => tracker.rename(&id(number), &id(number.wrapping_add(100))),
                Step::Filled { order, fill: number, fee } => {
                    let fill = fill(number, fee);
                    ledger.record(&fill);
                    ledger.attribute(&fill.key, &id(order));
                    tracker.add_fill(&id(order), &fill, now);
                }
                Step::Gather(most) => {
                    orders.extend(tracker.gather(most).1.into_iter().cloned());
                    fills.extend(ledger.gather(most).1.into_iter().cloned());
                }
            }
        }
        let written = serde_json::to_vec(&(&tracker, &ledger)).unwrap();
        let (mut read, mut read_ledger): (OrderTracker, FillLedger) = serde_json::from_slice(&written).unwrap();
        read.complete(orders);
        read_ledger.complete(fills);
        for tracker in [&mut tracker, &mut read] {
            tracker.end_gathering();
        }
        ledger.end_gathering();
        prop_assert_eq!(format!("{tracker:?}"), format!("{read:?}"));
        prop_assert_eq!(format!("{ledger:?}"), format!("{read_ledger:?}"));
    }
}
