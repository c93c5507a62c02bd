//! What the engine promises: priority, prices, funds, self-trade prevention; and for any sequence of operations,
//! conservation of assets and a sound book.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::identity::{AccountId, AccountName, Asset, ClientOrderId, MarketId, OrderId, Symbol};
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

#[test]
fn price_then_time_decides_who_trades_first() {
    let mut engine = engine();
    engine
        .place(MARKET, ALICE, limit("a", Side::Sell, "101", "1"), at(1))
        .unwrap();
    engine
        .place(MARKET, ALICE, limit("b", Side::Sell, "100", "1"), at(2))
        .unwrap();
    engine
        .place(MARKET, ALICE, limit("c", Side::Sell, "100", "1"), at(3))
        .unwrap();
    let report = engine
        .place(MARKET, BOB, limit("t", Side::Buy, "101", "2.5"), at(4))
        .unwrap();
    let prices: Vec<_> = report.fills.iter().map(|fill| (fill.price, fill.quantity)).collect();
    assert_eq!(
        prices,
        [(dec("100"), dec("1")), (dec("100"), dec("1")), (dec("101"), dec("0.5"))]
    );
    assert_eq!(report.order.status, OrderStatus::Filled);
    assert_eq!(
        engine.market(MARKET).order(OrderId(2)).unwrap().status,
        OrderStatus::Filled
    );
    assert_eq!(
        engine.market(MARKET).book().quantity(Side::Sell, dec("101")),
        dec("0.5")
    );
}

#[test]
fn fees_are_taken_from_what_is_received_and_price_improvement_is_released() {
    let mut engine = engine();
    engine
        .place(MARKET, ALICE, limit("a", Side::Sell, "100", "1"), at(1))
        .unwrap();
    engine
        .place(MARKET, BOB, limit("t", Side::Buy, "110", "1"), at(2))
        .unwrap();
    assert_eq!(balance(&engine, BOB, "BTC"), (dec("10.998"), dec("0")));
    assert_eq!(balance(&engine, BOB, "USDT"), (dec("9900"), dec("0")));
    assert_eq!(balance(&engine, ALICE, "USDT"), (dec("10099.9"), dec("0")));
    assert_eq!(balance(&engine, ALICE, "BTC"), (dec("9"), dec("0")));
}

#[test]
fn a_resting_order_locks_what_it_would_pay() {
    let mut engine = engine();
    engine
        .place(MARKET, ALICE, limit("a", Side::Buy, "100", "2"), at(1))
        .unwrap();
    assert_eq!(balance(&engine, ALICE, "USDT"), (dec("9800"), dec("200")));
    let amend = Amend {
        key: OrderKey::ClientId(ClientOrderId::from("a")),
        client_id: ClientOrderId::from("a2"),
        quantity: dec("0.5"),
    };
    engine.amend(MARKET, ALICE, amend, at(2)).unwrap();
    assert_eq!(balance(&engine, ALICE, "USDT"), (dec("9950"), dec("50")));
    let key = OrderKey::ClientId(ClientOrderId::from("a2"));
    engine
        .cancel(
            MARKET,
            ALICE,
            &key,
            CancelRestriction::OnlyNew,
            ClientOrderId::from("x"),
            at(3),
        )
        .unwrap();
    assert_eq!(balance(&engine, ALICE, "USDT"), (dec("10000"), dec("0")));
    let again = engine.cancel(
        MARKET,
        ALICE,
        &key,
        CancelRestriction::None,
        ClientOrderId::from("x"),
        at(4),
    );
    assert_eq!(again.unwrap_err(), Reject::UnknownOrder);
}

#[test]
fn an_amended_order_keeps_its_place() {
    let mut engine = engine();
    engine
        .place(MARKET, ALICE, limit("a", Side::Buy, "100", "2"), at(1))
        .unwrap();
    engine
        .place(MARKET, ALICE, limit("b", Side::Buy, "100", "2"), at(2))
        .unwrap();
    let amend = Amend {
        key: OrderKey::Id(OrderId(1)),
        client_id: ClientOrderId::from("a"),
        quantity: dec("1"),
    };
    engine.amend(MARKET, ALICE, amend, at(3)).unwrap();
    engine
        .place(MARKET, BOB, limit("t", Side::Sell, "100", "1"), at(4))
        .unwrap();
    assert_eq!(
        engine.market(MARKET).order(OrderId(1)).unwrap().status,
        OrderStatus::Filled
    );
    assert_eq!(
        engine.market(MARKET).order(OrderId(2)).unwrap().status,
        OrderStatus::New
    );
}

#[test]
fn time_in_force_decides_about_the_rest() {
    let mut engine = engine();
    engine
        .place(MARKET, ALICE, limit("a", Side::Sell, "100", "1"), at(1))
        .unwrap();
    let fok = NewOrder {
        time_in_force: TimeInForce::FillOrKill,
        ..limit("f", Side::Buy, "100", "2")
    };
    let report = engine.place(MARKET, BOB, fok, at(2)).unwrap();
    assert_eq!((report.order.status, report.fills.len()), (OrderStatus::Expired, 0));
    assert_eq!(report.order.expiry_reason, Some(ExpiryReason::UnfilledFillOrKill));
    let ioc = NewOrder {
        time_in_force: TimeInForce::ImmediateOrCancel,
        ..limit("i", Side::Buy, "100", "2")
    };
    let report = engine.place(MARKET, BOB, ioc, at(3)).unwrap();
    assert_eq!(
        (report.order.status, report.order.executed),
        (OrderStatus::Expired, dec("1"))
    );
    assert_eq!(balance(&engine, BOB, "USDT"), (dec("9900"), dec("0")));
    let maker = NewOrder {
        kind: OrderKind::LimitMaker,
        ..limit("m", Side::Buy, "100", "1")
    };
    engine
        .place(MARKET, ALICE, limit("b", Side::Sell, "100", "1"), at(4))
        .unwrap();
    assert_eq!(engine.place(MARKET, BOB, maker, at(5)).unwrap_err(), Reject::WouldTake);
}

#[test]
fn a_market_order_by_quote_amount_buys_whole_lots() {
    let mut engine = engine();
    engine
        .place(MARKET, ALICE, limit("a", Side::Sell, "100", "1"), at(1))
        .unwrap();
    let report = engine
        .place(
            MARKET,
            BOB,
            market("m", Side::Buy, OrderSize::Quote(dec("33.35"))),
            at(2),
        )
        .unwrap();
    assert_eq!(
        (report.order.status, report.order.executed),
        (OrderStatus::Filled, dec("0.333"))
    );
    let rest = engine
        .place(
            MARKET,
            BOB,
            market("n", Side::Buy, OrderSize::Quote(dec("1000"))),
            at(3),
        )
        .unwrap();
    assert_eq!(
        (rest.order.status, rest.order.executed),
        (OrderStatus::Expired, dec("0.667"))
    );
    let none = engine.place(MARKET, BOB, market("o", Side::Buy, OrderSize::Quote(dec("10"))), at(4));
    assert_eq!(none.unwrap_err(), Reject::NoLiquidity);
    let poor = engine.place(MARKET, BOB, market("p", Side::Sell, OrderSize::Base(dec("100"))), at(5));
    assert_eq!(poor.unwrap_err(), Reject::InsufficientBalance);
}

#[test]
fn the_takers_mode_decides_about_trades_with_oneself() {
    use SelfTradePrevention as Stp;
    for (mode, taker, maker) in [
        (Stp::None, OrderStatus::Filled, OrderStatus::PartiallyFilled),
        (Stp::ExpireTaker, OrderStatus::ExpiredInMatch, OrderStatus::New),
        (Stp::ExpireMaker, OrderStatus::New, OrderStatus::ExpiredInMatch),
        (
            Stp::ExpireBoth,
            OrderStatus::ExpiredInMatch,
            OrderStatus::ExpiredInMatch,
        ),
        (Stp::Decrement, OrderStatus::ExpiredInMatch, OrderStatus::New),
        (Stp::Transfer, OrderStatus::ExpiredInMatch, OrderStatus::New),
    ] {
        let mut engine = engine();
        engine
            .place(MARKET, ALICE, limit("m", Side::Buy, "2", "6"), at(1))
            .unwrap();
        let order = NewOrder {
            self_trade_prevention: mode,
            ..limit("t", Side::Sell, "2", "2")
        };
        let report = engine.place(MARKET, ALICE, order, at(2)).unwrap();
        let resting = engine.market(MARKET).order(OrderId(1)).unwrap();
        assert_eq!((report.order.status, resting.status), (taker, maker), "{mode:?}");
        if matches!(mode, Stp::Decrement | Stp::Transfer) {
            assert_eq!((report.order.prevented, resting.prevented), (dec("2"), dec("2")));
            assert_eq!(engine.market(MARKET).book().quantity(Side::Buy, dec("2")), dec("4"));
            assert_eq!(balance(&engine, ALICE, "USDT"), (dec("9992"), dec("8")));
        }
        sound(&engine);
    }
}

#[test]
fn commission_is_paid_in_the_fee_asset_while_it_lasts() {
    let mut engine = engine();
    let bnb = engine.add_market(MarketSettings {
        symbol: Symbol::from("BNBUSDT"),
        base: Asset::from("BNB"),
        quote: Asset::from("USDT"),
        lot: dec("0.001"),
    });
    let settings = AccountSettings {
        fee_asset: Some(FeeAsset {
            asset: Asset::from("BNB"),
            discount: dec("0.25"),
        }),
        ..engine.account(BOB).settings.clone()
    };
    let carol = engine.add_account(
        AccountSettings {
            name: AccountName::from("carol"),
            ..settings
        },
        [(Asset::from("USDT"), dec("1000")), (Asset::from("BNB"), dec("0.001"))],
        at(0),
    );
    engine.transfer(ALICE, &Asset::from("BNB"), dec("1"), at(1)).unwrap();
    engine
        .place(bnb, ALICE, limit("a", Side::Sell, "500", "0.1"), at(1))
        .unwrap();
    engine
        .place(bnb, BOB, limit("b", Side::Buy, "500", "0.1"), at(1))
        .unwrap();
    engine
        .place(MARKET, ALICE, limit("c", Side::Sell, "100", "5"), at(2))
        .unwrap();
    let first = engine
        .place(MARKET, carol, limit("d", Side::Buy, "100", "1"), at(3))
        .unwrap();
    assert_eq!(first.fills[0].commission_asset, Asset::from("BNB"));
    assert_eq!(first.fills[0].commission, dec("0.0003"));
    let large = engine
        .place(MARKET, carol, limit("e", Side::Buy, "100", "4"), at(4))
        .unwrap();
    assert_eq!(large.fills[0].commission_asset, Asset::from("BTC"));
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

#[derive(Debug, Clone)]
enum Step {
    Place { account: usize, order: NewOrder },
    Cancel { account: usize, id: u64 },
    CancelAll { account: usize },
    Amend { account: usize, id: u64, lots: i64 },
}

fn new_order() -> impl Strategy<Value = NewOrder> {
    let prevention = prop_oneof![
        Just(SelfTradePrevention::None),
        Just(SelfTradePrevention::ExpireTaker),
        Just(SelfTradePrevention::ExpireMaker),
        Just(SelfTradePrevention::ExpireBoth),
        Just(SelfTradePrevention::Decrement),
    ];
    let time_in_force = prop_oneof![
        4 => Just(TimeInForce::GoodTillCancel),
        1 => Just(TimeInForce::ImmediateOrCancel),
        1 => Just(TimeInForce::FillOrKill),
    ];
    let kind = prop_oneof![6 => Just(OrderKind::Limit), 2 => Just(OrderKind::LimitMaker), 2 => Just(OrderKind::Market)];
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    (
        side,
        kind,
        time_in_force,
        prevention,
        95_i64..106,
        1_i64..3000,
        any::<bool>(),
        0_u32..20,
    )
        .prop_map(
            |(side, kind, time_in_force, self_trade_prevention, price, lots, by_quote, name)| {
                let base = OrderSize::Base(Decimal::new(lots, 3));
                let market = kind == OrderKind::Market;
                let limit = kind == OrderKind::Limit;
                NewOrder {
                    client_id: ClientOrderId::new(format!("c{name}")),
                    side,
                    kind,
                    time_in_force: if limit {
                        time_in_force
                    } else {
                        TimeInForce::GoodTillCancel
                    },
                    price: if market { Decimal::ZERO } else { Decimal::from(price) },
                    size: if market && by_quote {
                        OrderSize::Quote(Decimal::from(lots))
                    } else {
                        base
                    },
                    self_trade_prevention,
                    strategy_id: None,
                    strategy_type: None,
                }
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_usize..2, new_order()).prop_map(|(account, order)| Step::Place { account, order }),
        2 => (0_usize..2, 1_u64..60).prop_map(|(account, id)| Step::Cancel { account, id }),
        1 => (0_usize..2).prop_map(|account| Step::CancelAll { account }),
        2 => (0_usize..2, 1_u64..60, 1_i64..3000).prop_map(|(account, id, lots)| Step::Amend { account, id, lots }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn assets_are_conserved_and_the_book_is_sound(steps in proptest::collection::vec(step(), 1..80)) {
        let mut engine = engine();
        let before = (total(&engine, "BTC"), total(&engine, "USDT"));
        let mut last_update = 0;
        let mut replica = std::collections::BTreeMap::new();
        for (moment, step) in steps.into_iter().enumerate() {
            let now = at(moment as i64);
            match step {
                Step::Place { account, order } => {
                    let asked = order.clone();
                    if let Ok(report) = engine.place(MARKET, AccountId(account), order, now) {
                        let traded: Decimal = report.fills.iter().map(|fill| fill.quantity).sum();
                        prop_assert_eq!(traded, report.order.executed);
                        for fill in &report.fills {
                            let accepted = match (asked.kind, asked.side) {
                                (OrderKind::Market, _) => true,
                                (_, Side::Buy) => fill.price <= asked.price,
                                (_, Side::Sell) => fill.price >= asked.price,
                            };
                            prop_assert!(accepted);
                        }
                    }
                }
                Step::Cancel { account, id } => {
                    let key = OrderKey::Id(OrderId(id));
                    let name = ClientOrderId::from("x");
                    let _ = engine.cancel(MARKET, AccountId(account), &key, CancelRestriction::None, name, now);
                }
                Step::CancelAll { account } => {
                    engine.cancel_all(MARKET, AccountId(account), &ClientOrderId::from("x"), now);
                }
                Step::Amend { account, id, lots } => {
                    let amend = Amend {
                        key: OrderKey::Id(OrderId(id)),
                        client_id: ClientOrderId::new(format!("c{}", lots % 20)),
                        quantity: Decimal::new(lots, 3),
                    };
                    let _ = engine.amend(MARKET, AccountId(account), amend, now);
                }
            }
            sound(&engine);
            prop_assert_eq!(before, (total(&engine, "BTC"), total(&engine, "USDT")));
            for change in engine.market_mut(MARKET).take_changes() {
                prop_assert_eq!(change.id.0, last_update + 1);
                last_update = change.id.0;
                if change.quantity.is_zero() {
                    replica.remove(&(change.side, change.price));
                } else {
                    replica.insert((change.side, change.price), change.quantity);
                }
            }
            let market = engine.market(MARKET);
            let book: std::collections::BTreeMap<_, _> = [Side::Buy, Side::Sell]
                .into_iter()
                .flat_map(|side| market.book().levels(side).map(move |(price, level)| ((side, price), level.quantity)))
                .collect();
            prop_assert_eq!(&book, &replica);
        }
    }
}
