//! Records to test with.
#![allow(clippy::unwrap_used, dead_code, reason = "each test file uses its own part of these")]

use colibri_model::{
    AccountId, Amount, Asset, Balance, ClientOrderId, Decimal, ExchangeOrderId, Fee, Fill, FillCause, FillKey,
    InstrumentId, Liquidity, OrderIntent, OrderState, OrderTerms, OrderType, Pair, PositionEffect, PositionSide, Price,
    Quantity, QuantityUnit, Record, Side, StrategyId, TimeInForce, TradeId, TriggerBy, TriggerIntent, TriggerKind,
    TriggerState, VenueId, WallNs,
};
use proptest::prelude::*;

pub fn venue() -> VenueId {
    VenueId::new("binance").unwrap()
}

pub fn account() -> AccountId {
    AccountId::new("main").unwrap()
}

pub fn strategy() -> StrategyId {
    StrategyId::new("maker").unwrap()
}

pub fn pair() -> Pair {
    "BTC-USDT".parse().unwrap()
}

pub fn client_id(number: u32) -> ClientOrderId {
    ClientOrderId::new(&format!("c{number}")).unwrap()
}

pub fn started(time: i64) -> Record {
    Record::Started {
        bot: "bot".into(),
        version: "0.1.0".into(),
        time: WallNs(time),
    }
}

pub fn stopped(time: i64) -> Record {
    Record::Stopped {
        bot: "bot".into(),
        reason: "asked to".into(),
        time: WallNs(time),
    }
}

pub fn intent(order: u32, time: i64) -> Record {
    Record::Intent {
        strategy: strategy(),
        venue: venue(),
        account: account(),
        pair: pair(),
        order: OrderIntent {
            client_id: client_id(order),
            instrument: InstrumentId(7),
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: Some(TimeInForce::Gtc),
            price: Some(Price(Decimal::new(6_182_401, 2))),
            quantity: Quantity(Decimal::new(10, 4)),
            quantity_unit: QuantityUnit::Base,
            terms: OrderTerms::default(),
        },
        time: WallNs(time),
    }
}

pub fn cancel(order: u32, time: i64) -> Record {
    Record::CancelIntent {
        venue: venue(),
        client_id: client_id(order),
        time: WallNs(time),
    }
}

pub fn changed(order: u32, state: OrderState, time: i64) -> Record {
    Record::OrderChanged {
        venue: venue(),
        client_id: client_id(order),
        exchange_id: (state != OrderState::Unknown).then(|| ExchangeOrderId::new(&format!("e{order}")).unwrap()),
        state,
        filled: None,
        reason: (state == OrderState::Unknown).then(|| "no answer, \"yet\"".to_owned()),
        exchange_time: None,
        time: WallNs(time),
    }
}

/// A stop that closes the position, named as an order of the same number from a hundred on.
pub fn trigger_intent(trigger: u32, time: i64) -> Record {
    Record::TriggerIntent {
        strategy: strategy(),
        venue: venue(),
        account: account(),
        pair: pair(),
        trigger: TriggerIntent {
            client_id: client_id(100 + trigger),
            instrument: InstrumentId(7),
            kind: TriggerKind::Stop,
            by: TriggerBy::Mark,
            trigger_price: Price(Decimal::new(6_000_000, 2)),
            side: Side::Sell,
            order_type: OrderType::Market,
            time_in_force: None,
            price: None,
            quantity: None,
            terms: OrderTerms {
                effect: PositionEffect::ClosePosition,
                good_till: Some(WallNs(5_000)),
                ..OrderTerms::default()
            },
        },
        time: WallNs(time),
    }
}

pub fn trigger_cancel(trigger: u32, time: i64) -> Record {
    Record::TriggerCancelIntent {
        venue: venue(),
        client_id: client_id(100 + trigger),
        time: WallNs(time),
    }
}

pub fn trigger_changed(trigger: u32, state: TriggerState, time: i64) -> Record {
    let became = state == TriggerState::BecameOrder;
    Record::TriggerChanged {
        venue: venue(),
        client_id: client_id(100 + trigger),
        exchange_id: Some(ExchangeOrderId::new(&format!("x{trigger}")).unwrap()),
        state,
        order: became.then(|| ExchangeOrderId::new(&format!("e{}", 100 + trigger)).unwrap()),
        order_client_id: None,
        reason: (state == TriggerState::Rejected).then(|| "no margin".to_owned()),
        exchange_time: Some(WallNs(time - 1)),
        time: WallNs(time),
    }
}

pub fn fill(trade: u32, order: u32, side: Side, price: i64, quantity: i64, time: i64) -> Record {
    Record::Filled {
        strategy: None,
        fill: Fill {
            key: FillKey {
                account: account(),
                venue: venue(),
                pair: pair(),
                trade_id: TradeId::new(&format!("t{trade}")).unwrap(),
                side,
            },
            client_id: Some(client_id(order)),
            exchange_id: None,
            side,
            price: Price(Decimal::new(price, 2)),
            quantity: Quantity(Decimal::new(quantity, 4)),
            fee: Some(Fee {
                asset: Asset::new("BNB"),
                amount: Amount(Decimal::new(1, 5)),
            }),
            liquidity: Some(Liquidity::Maker),
            position_side: PositionSide::Net,
            cause: FillCause::Order,
            exchange_time: WallNs(time),
            local_time: WallNs(time + 1),
        },
    }
}

pub fn balances(free: i64, time: i64) -> Record {
    Record::Balances {
        venue: venue(),
        account: account(),
        balances: vec![Balance {
            asset: Asset::new("USDT"),
            free: Amount(Decimal::new(free, 2)),
            locked: Amount(Decimal::new(100, 2)),
        }],
        time: WallNs(time),
    }
}

pub fn any_record() -> impl Strategy<Value = Record> {
    let state = prop::sample::select(vec![
        OrderState::Acknowledged,
        OrderState::Open,
        OrderState::PartiallyFilled,
        OrderState::Unknown,
        OrderState::Filled,
        OrderState::Cancelled,
        OrderState::Rejected,
    ]);
    let waiting = prop::sample::select(vec![
        TriggerState::Placed,
        TriggerState::BecameOrder,
        TriggerState::Cancelled,
        TriggerState::Rejected,
    ]);
    let side = prop::sample::select(vec![Side::Buy, Side::Sell]);
    let order = 0..6_u32;
    let time = 0..1000_i64;
    prop_oneof![
        1 => time.clone().prop_map(started),
        1 => time.clone().prop_map(stopped),
        4 => (order.clone(), time.clone()).prop_map(|(order, time)| intent(order, time)),
        1 => (order.clone(), time.clone()).prop_map(|(order, time)| cancel(order, time)),
        4 => (order.clone(), state, time.clone()).prop_map(|(order, state, time)| changed(order, state, time)),
        4 => (0..8_u32, order.clone(), side, 1..9_999_i64, 1..99_i64, time.clone())
            .prop_map(|(trade, order, side, price, quantity, time)| fill(trade, order, side, price, quantity, time)),
        1 => (order.clone(), time.clone()).prop_map(|(trigger, time)| trigger_intent(trigger, time)),
        1 => (order.clone(), time.clone()).prop_map(|(trigger, time)| trigger_cancel(trigger, time)),
        2 => (order.clone(), waiting, time.clone())
            .prop_map(|(trigger, state, time)| trigger_changed(trigger, state, time)),
        1 => (0..3_i64, time).prop_map(|(free, time)| balances(free, time)),
    ]
}

/// What was appended, append by append.
pub fn any_batches() -> impl Strategy<Value = Vec<Vec<Record>>> {
    prop::collection::vec(prop::collection::vec(any_record(), 1..4), 1..12)
}
