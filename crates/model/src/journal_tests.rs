//! That what earlier versions wrote is read as it stands, and that spot's records are written as they were.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::{
    FundingKey, FundingPaymentId, InstrumentId, Leverage, OrderTerms, OrderType, PositionEffect, PositionMode,
    QuantityUnit, TimeInForce, TriggerBy, TriggerKind,
};
use rust_decimal::Decimal;

const INTENT: &str = r#"{"record":"intent","strategy":"maker","venue":"v","account":"a","pair":"BTC-USDT","order":{"client_id":"c1","instrument":7,"side":"buy","order_type":"limit","time_in_force":"gtc","price":"61824.01","quantity":"0.0010","quantity_unit":"base"},"time":5}"#;
const FILLED: &str = r#"{"record":"filled","strategy":null,"fill":{"key":{"account":"a","venue":"v","pair":"BTC-USDT","trade_id":"t1"},"client_id":null,"exchange_id":null,"side":"sell","price":"1.5","quantity":"2","fee":null,"liquidity":"maker","exchange_time":1,"local_time":2}}"#;

fn written(record: &Record) -> String {
    serde_json::to_string(record).unwrap()
}

fn venue() -> VenueId {
    VenueId::new("v").unwrap()
}

fn account() -> AccountId {
    AccountId::new("a").unwrap()
}

fn pair() -> Pair {
    "BTC-USDT".parse().unwrap()
}

#[test]
fn spot_records_are_read_and_written_as_before() {
    for line in [INTENT, FILLED] {
        let record: Record = serde_json::from_str(line).unwrap();
        assert_eq!(written(&record), line);
    }
    let Record::Intent { order, .. } = serde_json::from_str(INTENT).unwrap() else {
        panic!("it is an intent");
    };
    assert!(order.terms.is_plain());
}

#[test]
fn records_of_contracts_survive_the_journal() {
    let terms = OrderTerms {
        position_side: PositionSide::Short,
        effect: PositionEffect::ReduceOnly,
        margin_mode: None,
        good_till: Some(WallNs(9)),
    };
    let client_id = ClientOrderId::new("c1").unwrap();
    let trigger = TriggerIntent {
        client_id: client_id.clone(),
        instrument: InstrumentId(1),
        kind: TriggerKind::Stop,
        by: TriggerBy::Mark,
        trigger_price: Price(Decimal::from(60_000)),
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: Some(TimeInForce::Gtd),
        price: Some(Price(Decimal::from(60_100))),
        quantity: Some(Quantity(Decimal::ONE)),
        terms,
    };
    let order = OrderIntent {
        client_id: client_id.clone(),
        instrument: InstrumentId(1),
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: Some(TimeInForce::Gtd),
        price: trigger.price,
        quantity: Quantity(Decimal::ONE),
        quantity_unit: QuantityUnit::Base,
        terms,
    };
    let strategy = StrategyId::new("s").unwrap();
    let (venue, account, pair, time) = (venue(), account(), pair(), WallNs(3));
    let records = [
        Record::Intent {
            strategy: strategy.clone(),
            venue: venue.clone(),
            account: account.clone(),
            pair: pair.clone(),
            order,
            time,
        },
        Record::SettingChosen {
            venue: venue.clone(),
            account: account.clone(),
            pair: None,
            chosen: TradingSetting::PositionMode {
                mode: PositionMode::Hedge,
            },
            time,
        },
        Record::SettingChosen {
            venue: venue.clone(),
            account: account.clone(),
            pair: Some(pair.clone()),
            chosen: TradingSetting::Leverage {
                leverage: Leverage::new(Decimal::from(5)).unwrap(),
                position_side: PositionSide::Net,
            },
            time,
        },
        Record::TriggerIntent {
            strategy,
            venue: venue.clone(),
            account: account.clone(),
            pair: pair.clone(),
            trigger,
            time,
        },
        Record::TriggerCancelIntent {
            venue: venue.clone(),
            client_id: client_id.clone(),
            time,
        },
        Record::TriggerChanged {
            venue: venue.clone(),
            client_id,
            exchange_id: None,
            state: TriggerState::BecameOrder,
            order: Some(ExchangeOrderId::new("77").unwrap()),
            order_client_id: None,
            reason: None,
            exchange_time: None,
            time,
        },
        Record::FundingPaid {
            strategy: None,
            payment: FundingPayment {
                key: FundingKey {
                    account: account.clone(),
                    venue: venue.clone(),
                    pair: pair.clone(),
                    time,
                    id: FundingPaymentId::new("9689322392").unwrap(),
                },
                asset: Asset::new("USDT"),
                amount: Amount(Decimal::new(-1, 2)),
                position_side: PositionSide::Net,
                rate: Some(Decimal::new(1, 4)),
                quantity: None,
                local_time: time,
            },
        },
        Record::FundingReconciled {
            venue: venue.clone(),
            account: account.clone(),
            through: time,
            time,
        },
        Record::ContractKnown {
            venue: venue.clone(),
            account: account.clone(),
            pair: pair.clone(),
            contract: Contract::inverse(Decimal::from(100), Asset::new("BTC")),
            time,
        },
        Record::PriceSeen {
            venue: venue.clone(),
            pair: pair.clone(),
            price: Price(Decimal::new(61_250, 2)),
            of: WallNs(2),
            time,
        },
        Record::ForcedReduction {
            venue,
            account,
            pair,
            position_side: PositionSide::Long,
            cause: FillCause::Liquidation,
            side: Some(Side::Sell),
            quantity: None,
            price: None,
            exchange_id: None,
            exchange_time: None,
            time,
        },
    ];
    for record in records {
        let line = written(&record);
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), record, "{line}");
    }
}
