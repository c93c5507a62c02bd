//! Balances, fees, positions, margin and its tiers, orders.

use colibri_sdk::model::{CollateralMode, FillCause, MarginMode, PositionSide, Quantity};
use colibri_sdk::standard::{
    BalanceScope, Balances, Command, Event, Fees, Margin, MarginTiers, OpenOrders, OrderStatus, OrderStatusQuery,
    Outcome, PositionScope, Positions, RejectReason, ReportSource, ServerTime,
};
use colibri_sdk::testing::{events, outcome};

use crate::stage::{BTC, asked, only, request, stage};

#[test]
fn what_can_be_withdrawn_is_free_and_the_rest_of_the_wallet_is_locked() {
    let body = br#"[{"accountAlias":"SgsR","asset":"USDT","balance":"122607.35","crossWalletBalance":"23.72469206",
        "crossUnPnl":"0.00000000","availableBalance":"25.5","maxWithdrawAmount":"23.75","marginAvailable":true,"updateTime":1617939110373},
        {"asset":"BNB","balance":"1.5","availableBalance":"2","updateTime":0},
        {"asset":"FDUSD","balance":"-2","maxWithdrawAmount":"0","updateTime":0}]"#;
    let actions = stage().ask(1, &Command::Balances(Balances {}), 200, body);
    let told = only!(actions, Balances);
    assert_eq!((told.scope, told.source), (BalanceScope::All, ReportSource::Query));
    let of = |n: usize| {
        let b = &told.balances[n];
        (b.asset.as_str().to_owned(), b.free.to_string(), b.locked.to_string())
    };
    assert_eq!(of(0), ("USDT".to_owned(), "23.75".to_owned(), "122583.60".to_owned()));
    assert_eq!(of(1), ("BNB".to_owned(), "1.5".to_owned(), "0.0".to_owned()));
    assert_eq!(of(2), ("FDUSD".to_owned(), "-2".to_owned(), "0".to_owned()));
    assert_eq!(told.exchange_time.unwrap().as_millis(), 1_617_939_110_373);
}

#[test]
fn fees_are_those_of_the_account() {
    let body = br#"{"symbol":"BTCUSDT","makerCommissionRate":"0.0002","takerCommissionRate":"0.0004","rpiCommissionRate":"0.00005"}"#;
    let fees = only!(
        stage().ask(1, &Command::Fees(Fees { instrument: BTC }), 200, body),
        Fees
    );
    assert_eq!(
        (fees.rates.maker.to_string(), fees.rates.taker.to_string()),
        ("0.0002".to_owned(), "0.0004".to_owned())
    );
}

#[test]
fn positions_are_signed_in_either_mode() {
    let body = br#"[{"symbol":"BTCUSDT","positionSide":"BOTH","positionAmt":"-0.500","entryPrice":"61824.0","breakEvenPrice":"61800.1",
        "markPrice":"61830.12","unRealizedProfit":"-3.06","liquidationPrice":"71000","isolatedMargin":"6179.34","notional":"-30915",
        "marginAsset":"USDT","isolatedWallet":"6182.4","initialMargin":"6183.01","maintMargin":"123.66","positionInitialMargin":"6183.01",
        "openOrderInitialMargin":"0","adl":2,"bidNotional":"0","askNotional":"0","updateTime":1720736417660},
        {"symbol":"ETHUSDT","positionSide":"SHORT","positionAmt":"2","entryPrice":"0.0","markPrice":"3000","unRealizedProfit":"0",
        "liquidationPrice":"0","leverage":"4","marginType":"cross","isolatedMargin":"0.00000000","updateTime":0},
        {"symbol":"XRPUSDT","positionSide":"LONG","positionAmt":"7","unrealizedProfit":"1","adl":0}]"#;
    let actions = stage().ask(1, &Command::Positions(Positions { instrument: None }), 200, body);
    let told = only!(actions, Positions);
    assert_eq!((told.scope, told.positions.len()), (PositionScope::All, 3));
    let position = &told.positions[0].position;
    assert_eq!(
        (position.side, position.quantity.to_string()),
        (PositionSide::Net, "-0.500".to_owned())
    );
    assert_eq!(position.liquidation_price.unwrap().to_string(), "71000");
    assert_eq!(position.isolated_margin.unwrap().to_string(), "6179.34");
    assert_eq!((position.adl_rank, position.leverage), (Some(2), None));
    assert_eq!(position.margin_asset.as_ref().unwrap().as_str(), "USDT");
    let short = &told.positions[1].position;
    assert_eq!(
        (short.side, short.quantity),
        (PositionSide::Short, Quantity((-2).into()))
    );
    assert_eq!(
        (short.entry_price, short.liquidation_price, short.isolated_margin),
        (None, None, None)
    );
    assert_eq!(
        (short.margin_mode, short.leverage.unwrap().to_string()),
        (Some(MarginMode::Cross), "4".to_owned())
    );
    assert_eq!(told.positions[2].instrument, None, "it is not in use");
    assert_eq!(told.positions[2].position.unrealized.unwrap().to_string(), "1");

    let mut stage = stage();
    let of_one = Command::Positions(Positions { instrument: Some(BTC) });
    let (endpoint, url) = asked(&mut stage, 2, &of_one);
    assert!(
        endpoint == "positions" && url.starts_with("/fapi/v3/positionRisk?symbol=BTCUSDT&timestamp="),
        "{url}"
    );
    let told = only!(stage.response(2, 200, b"[]"), Positions);
    assert_eq!(
        (told.scope, told.instrument, told.positions.len()),
        (PositionScope::Instrument, Some(BTC), 0)
    );
}

const ACCOUNT: &str = r#"{"totalInitialMargin":"110","totalMaintMargin":"22","totalWalletBalance":"150","totalUnrealizedProfit":"7",
    "totalMarginBalance":"157","totalCrossWalletBalance":"140","totalCrossUnPnl":"5","availableBalance":"35","maxWithdrawAmount":"30",
    "assets":[{"asset":"USDT","walletBalance":"150","unrealizedProfit":"7","crossWalletBalance":"140","crossUnPnl":"5","availableBalance":"35"},
    {"asset":"USDC","walletBalance":"0.00000000","unrealizedProfit":"0.00000000","crossUnPnl":"0.00000000","availableBalance":"35"}],
    "positions":[{"symbol":"BTCUSDT","positionSide":"BOTH","positionAmt":"1","isolatedWallet":"0","initialMargin":"100","maintMargin":"20"},
    {"symbol":"ETHUSDT","positionSide":"BOTH","positionAmt":"1","isolatedWallet":"10","initialMargin":"10","maintMargin":"2"}]}"#;

#[test]
fn margin_is_that_of_cross_positions_in_the_asset_of_the_mode() {
    for (multi, asset, mode) in [
        (false, "USDT", CollateralMode::SingleAsset),
        (true, "USD", CollateralMode::MultiAsset),
    ] {
        let mut stage = stage();
        let first = stage.ask(1, &Command::Margin(Margin {}), 200, ACCOUNT.as_bytes());
        assert!(events(&first).is_empty());
        let (endpoint, _) = request(&stage.granted(1));
        assert_eq!(endpoint, "account_config");
        let config = format!(r#"{{"dualSidePosition":true,"multiAssetsMargin":{multi}}}"#);
        let actions = stage.response(1, 200, config.as_bytes());
        assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
        let margin = only!(actions, Margin).margin;
        assert_eq!((margin.asset.as_str(), margin.collateral_mode), (asset, Some(mode)));
        let figures = [
            margin.equity,
            margin.available,
            margin.initial,
            margin.maintenance,
            margin.unrealized,
        ];
        assert_eq!(figures.map(|f| f.unwrap().to_string()), ["145", "35", "100", "20", "5"]);
        assert_eq!(margin.collateral.len(), 1, "what the account never had is left out");
    }
    // The version before says its mode itself.
    let v2 = ACCOUNT.replacen('{', r#"{"multiAssetsMargin":true,"#, 1);
    let margin = only!(stage().ask(1, &Command::Margin(Margin {}), 200, v2.as_bytes()), Margin).margin;
    assert_eq!(margin.asset.as_str(), "USD");
}

/// The totals are of USDT alone: what is set aside in another asset is in none of them.
#[test]
fn isolated_margin_in_another_asset_is_no_part_of_the_totals() {
    let usdc = r#""positions":[{"symbol":"BTCUSDC","positionSide":"BOTH","positionAmt":"1","isolatedWallet":"60","initialMargin":"60","maintMargin":"9"},
        {"symbol":"BTCUSDT_260925","positionSide":"BOTH","positionAmt":"1","isolatedWallet":"4","initialMargin":"4","maintMargin":"1"},"#;
    let body = ACCOUNT.replacen('{', r#"{"multiAssetsMargin":false,"#, 1);
    let body = body.replace(r#""positions":["#, usdc);
    let margin = only!(
        stage().ask(1, &Command::Margin(Margin {}), 200, body.as_bytes()),
        Margin
    )
    .margin;
    let figures = [margin.initial, margin.maintenance].map(|figure| figure.unwrap().to_string());
    assert_eq!(figures, ["96", "19"], "110 and 22, less ten and two, less four and one");
}

#[test]
fn tiers_come_in_either_form() {
    let one = r#"{"symbol":"BTCUSDT","notionalCoef":1.50,"brackets":[
        {"bracket":2,"initialLeverage":100,"notionalCap":250000,"notionalFloor":50000,"maintMarginRatio":0.005,"cum":50.0},
        {"bracket":1,"initialLeverage":125,"notionalCap":50000,"notionalFloor":0,"maintMarginRatio":0.004,"cum":0}]}"#;
    let other = r#"{"symbol":"ETHUSDT","brackets":[]}"#;
    let command = Command::MarginTiers(MarginTiers { instrument: BTC });
    for body in [one.to_owned(), format!("[{other},{one}]")] {
        let told = only!(stage().ask(1, &command, 200, body.as_bytes()), MarginTiers);
        assert_eq!(told.instrument, BTC);
        let [first, second] = told.tiers.as_slice() else {
            panic!("{told:?}")
        };
        assert_eq!(
            (first.floor.to_string(), first.max_leverage.to_string()),
            ("0".to_owned(), "125".to_owned())
        );
        assert_eq!(
            (second.deduction.to_string(), second.maintenance_rate.to_string()),
            ("50.0".to_owned(), "0.005".to_owned())
        );
    }
    assert!(
        outcome(&stage().ask(1, &command, 200, other.as_bytes()), 1)
            .unwrap()
            .is_unknown()
    );
}

const LIQUIDATED: &str = r#"{"orderId":6071832819,"symbol":"BTCUSDT","status":"FILLED","clientOrderId":"autoclose-1596107620040000020",
    "price":"10871.09","avgPrice":"10913.21000","origQty":"0.001","executedQty":"0.001","cumQuote":"10.91321","timeInForce":"IOC",
    "type":"LIMIT","reduceOnly":false,"closePosition":false,"side":"SELL","positionSide":"LONG","stopPrice":"0",
    "origType":"LIMIT","time":1596107620044,"updateTime":1596107620087}"#;

#[test]
fn an_order_that_the_exchange_made_is_told_as_forced_once() {
    let mut stage = stage();
    let body = format!("[{LIQUIDATED}]");
    let command = Command::OpenOrders(OpenOrders { instrument: Some(BTC) });
    let told = events(&stage.ask(1, &command, 200, body.as_bytes()));
    let [Event::Forced(forced), Event::Order(order)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (forced.cause, forced.source),
        (FillCause::Liquidation, ReportSource::Query)
    );
    assert_eq!(
        (forced.position_side, forced.exchange_id.clone()),
        (PositionSide::Long, order.exchange_id.clone())
    );
    assert_eq!(
        (order.cause, order.status.clone()),
        (FillCause::Liquidation, OrderStatus::Filled)
    );
    let again = events(&stage.ask(2, &command, 200, body.as_bytes()));
    assert!(matches!(again[..], [Event::Order(_)]), "{again:?}");
}

#[test]
fn an_order_is_asked_for_by_one_id() {
    let query = |client: Option<&str>, id: Option<&str>| {
        Command::OrderStatus(OrderStatusQuery {
            instrument: BTC,
            client_id: client.and_then(|c| colibri_sdk::model::ClientOrderId::new(c).ok()),
            exchange_id: id.and_then(|i| colibri_sdk::model::ExchangeOrderId::new(i).ok()),
        })
    };
    let (_, url) = asked(&mut stage(), 1, &query(Some("x-C1"), None));
    assert!(
        url.starts_with("/fapi/v1/order?symbol=BTCUSDT&origClientOrderId=x-C1&timestamp="),
        "{url}"
    );
    let (_, url) = asked(&mut stage(), 1, &query(Some("x-C1"), Some("28")));
    assert!(
        url.starts_with("/fapi/v1/order?symbol=BTCUSDT&orderId=28&timestamp="),
        "{url}"
    );
    let missing = stage().ask(
        1,
        &query(Some("x-C1"), None),
        400,
        br#"{"code":-2013,"msg":"Order does not exist."}"#,
    );
    assert!(matches!(outcome(&missing, 1), Some(Outcome::Rejected(r)) if r.reason == RejectReason::OrderNotFound));
}

#[test]
fn the_clock_is_asked_for_without_a_key() {
    let actions = stage().ask(
        1,
        &Command::ServerTime(ServerTime {}),
        200,
        br#"{"serverTime":1499827319559}"#,
    );
    assert_eq!(only!(actions, Time).exchange_time.as_millis(), 1_499_827_319_559);
}
