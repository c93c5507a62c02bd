//! What the engine promises: priority, prices, funds, self-trade prevention; and for any sequence of operations,
//! conservation of assets and a sound book.
#![allow(clippy::unwrap_used)]

mod contracts;
mod properties;
mod rules;

use rust_decimal::Decimal;

use super::*;
use crate::identity::{AccountId, AccountName, Asset, ClientOrderId, MarketId, Symbol};
use crate::time::Timestamp;

const MARKET: MarketId = MarketId(0);
const ALICE: AccountId = AccountId(0);
const BOB: AccountId = AccountId(1);

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn engine() -> Engine {
    let mut engine = Engine::new();
    engine.add_market(MarketSettings {
        symbol: Symbol::from("BTCUSDT"),
        base: Asset::from("BTC"),
        quote: Asset::from("USDT"),
        lot: dec("0.001"),
        settlement: Settlement::Assets,
    });
    for name in ["alice", "bob"] {
        let settings = AccountSettings {
            name: AccountName::from(name),
            fees: FeeRates {
                maker: dec("0.001"),
                taker: dec("0.002"),
            },
            fee_asset: None,
            trade_group: None,
            history: History::Keep,
        };
        let balances = [(Asset::from("BTC"), dec("10")), (Asset::from("USDT"), dec("10000"))];
        engine.add_account(settings, balances, at(0));
    }
    engine
}

fn limit(id: &str, side: Side, price: &str, quantity: &str) -> NewOrder {
    NewOrder {
        client_id: ClientOrderId::from(id),
        side,
        kind: OrderKind::Limit,
        time_in_force: TimeInForce::GoodTillCancel,
        price: dec(price),
        size: OrderSize::Base(dec(quantity)),
        self_trade_prevention: SelfTradePrevention::None,
        strategy_id: None,
        strategy_type: None,
        terms: ContractTerms::default(),
    }
}

fn market(id: &str, side: Side, size: OrderSize) -> NewOrder {
    NewOrder {
        kind: OrderKind::Market,
        price: Decimal::ZERO,
        size,
        ..limit(id, side, "1", "1")
    }
}

fn balance(engine: &Engine, account: AccountId, asset: &str) -> (Decimal, Decimal) {
    let balance = engine.account(account).ledger.balance(&Asset::from(asset));
    (balance.free, balance.locked)
}

/// Every asset's sum over all accounts, plus what was collected in fees.
fn total(engine: &Engine, asset: &str) -> Decimal {
    let asset = Asset::from(asset);
    let held: Decimal = (0..2)
        .map(|place| engine.account(AccountId(place)).ledger.balance(&asset))
        .map(|balance| balance.free + balance.locked)
        .sum();
    held + engine.collected_fees().get(&asset).copied().unwrap_or_default()
}

/// The invariants that hold between any two operations.
fn sound(engine: &Engine) {
    let market = engine.market(MARKET);
    let best = |side| market.book().best(side).map(|(price, _)| price);
    if let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell)) {
        assert!(bid < ask, "the book is crossed: {bid} against {ask}");
    }
    for side in [Side::Buy, Side::Sell] {
        for (price, level) in market.book().levels(side) {
            let orders: Vec<_> = level.orders.iter().map(|id| market.order(*id).unwrap()).collect();
            assert!(!orders.is_empty());
            assert!(
                orders
                    .iter()
                    .all(|order| order.status.is_open() && order.price == price && order.side == side)
            );
            assert_eq!(
                orders.iter().map(|order| order.remaining()).sum::<Decimal>(),
                level.quantity
            );
            assert!(orders.iter().all(|order| order.remaining() > Decimal::ZERO));
            assert!(
                orders.windows(2).all(|pair| pair[0].id < pair[1].id),
                "arrival order is id order"
            );
        }
    }
    for account in [ALICE, BOB] {
        for (asset, side) in [("BTC", Side::Sell), ("USDT", Side::Buy)] {
            let bound: Decimal = market
                .open_orders(account)
                .filter(|order| order.side == side)
                .map(Order::locked_amount)
                .sum();
            let (free, locked) = balance(engine, account, asset);
            assert_eq!(locked, bound, "{asset} locked is what open orders bind");
            assert!(free >= Decimal::ZERO);
        }
    }
}
