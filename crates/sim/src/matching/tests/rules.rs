//! Priority, prices, funds, time in force, self-trade prevention: one case each.

use super::*;
use crate::identity::OrderId;

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
        settlement: Settlement::Assets,
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
