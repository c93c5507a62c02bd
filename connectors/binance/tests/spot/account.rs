//! Questions about the account and the market.

use colibri_sdk::model::{ExchangeOrderId, TradeId, WallNs};
use colibri_sdk::standard::{
    BalanceScope, Balances, BookSnapshot, Candles, Command, Event, Fees, OpenOrders, OrderStatus, OrderStatusQuery,
    OrdersSince, Outcome, RejectReason, ServerTime, TradesSince,
};
use colibri_sdk::testing::{Action, events, outcome};

use crate::stage::{BTC, only, request, stage};

#[test]
fn balances_are_those_that_are_not_zero() {
    let mut stage = stage();
    stage.command(1, &Command::Balances(Balances {}));
    let (endpoint, url) = request(&stage.granted(1));
    assert_eq!(endpoint, "account");
    assert!(url.starts_with("/api/v3/account?omitZeroBalances=true&timestamp="));
    let actions = stage.response(
        1,
        200,
        br#"{"makerCommission":15,"updateTime":1660801833000,"accountType":"SPOT","balances":[{"asset":"BTC","free":"1.3447112","locked":"0.08600000"}],"permissions":["SPOT"]}"#,
    );
    let balances = only!(actions, Balances);
    assert_eq!(balances.scope, BalanceScope::All);
    assert_eq!(balances.balances[0].total().to_string(), "1.43071120");
    assert_eq!(balances.exchange_time, Some(WallNs(1_660_801_833_000_000_000)));
}

#[test]
fn fee_rates_add_up() {
    let command = Command::Fees(Fees { instrument: BTC });
    let body = br#"{"symbol":"BTCUSDT","standardCommission":{"maker":"0.001","taker":"0.002","buyer":"0.0001","seller":"0.0003"},
        "specialCommission":{"maker":"0.01","taker":"0.02","buyer":"0","seller":"0"},
        "taxCommission":{"maker":"0.0005","taker":"0.0006","buyer":"0","seller":"0"},"discount":{"discount":"0.75"}}"#;
    let actions = stage().ask(1, &command, 200, body);
    let fees = only!(actions, Fees);
    assert_eq!(
        (fees.rates.maker.to_string(), fees.rates.taker.to_string()),
        ("0.0118".to_owned(), "0.0229".to_owned())
    );
    assert!(outcome(&stage().ask(1, &command, 200, b"{}"), 1).unwrap().is_unknown());
}

#[test]
fn open_orders_cost_by_whether_a_symbol_is_named() {
    for (instrument, endpoint, path) in [
        (Some(BTC), "open_orders", "/api/v3/openOrders?symbol=BTCUSDT&timestamp"),
        (None, "open_orders_of_all", "/api/v3/openOrders?timestamp"),
    ] {
        let mut stage = stage();
        let wanted = stage.command(1, &Command::OpenOrders(OpenOrders { instrument }));
        assert_eq!(
            wanted,
            [Action::Want {
                op: 1,
                endpoint: endpoint.to_owned()
            }]
        );
        assert!(request(&stage.granted(1)).1.starts_with(path));
        let order = r#"{"symbol":"FOREIGN","orderId":1,"clientOrderId":"web_1","price":"0.1","origQty":"1.0","executedQty":"0.0","cummulativeQuoteQty":"0.0","status":"PENDING_NEW","timeInForce":"GTC","type":"STOP_LOSS_LIMIT","side":"SELL","time":1,"updateTime":1499827319559}"#;
        let actions = stage.response(1, 200, format!("[{order}]").as_bytes());
        let order = only!(actions, Order);
        assert_eq!(
            (order.instrument, order.symbol.as_str(), order.order_type),
            (None, "FOREIGN", None)
        );
        assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
    }
    let actions = stage().ask(
        1,
        &Command::OpenOrders(OpenOrders::default()),
        200,
        b"[{\"symbol\":\"X\"}]",
    );
    assert!(
        outcome(&actions, 1).unwrap().is_unknown(),
        "a list that cannot be read whole is no evidence"
    );
}

#[test]
fn an_order_that_is_not_known_is_typed() {
    let query = OrderStatusQuery {
        instrument: BTC,
        client_id: colibri_sdk::model::ClientOrderId::new("x-C1").ok(),
        exchange_id: None,
    };
    let mut stage = stage();
    stage.command(1, &Command::OrderStatus(query));
    assert!(
        request(&stage.granted(1))
            .1
            .starts_with("/api/v3/order?symbol=BTCUSDT&origClientOrderId=x-C1&timestamp")
    );
    let actions = stage.response(1, 400, br#"{"code":-2013,"msg":"Order does not exist."}"#);
    assert!(matches!(outcome(&actions, 1), Some(Outcome::Rejected(r)) if r.reason == RejectReason::OrderNotFound));
}

fn page(from: i64, count: i64) -> Vec<u8> {
    let rows: Vec<String> = (from..from + count)
        .map(|id| {
            format!(
                r#"{{"symbol":"BTCUSDT","id":{id},"orderId":100234,"orderListId":-1,"price":"4.00000100","qty":"12.0","quoteQty":"48.0","commission":"10.1","commissionAsset":"BNB","time":1499865549590,"isBuyer":true,"isMaker":false,"isBestMatch":true}}"#
            )
        })
        .collect();
    format!("[{}]", rows.join(",")).into_bytes()
}

#[test]
fn trades_come_page_by_page_each_admitted_anew() {
    let mut stage = stage();
    let query = TradesSince {
        instrument: BTC,
        from_id: None,
        since: Some(WallNs::from_millis(1_499_000_000_000)),
        exchange_id: None,
    };
    stage.command(1, &Command::TradesSince(query));
    assert!(
        request(&stage.granted(1))
            .1
            .starts_with("/api/v3/myTrades?symbol=BTCUSDT&startTime=1499000000000&limit=1000&")
    );
    let actions = stage.response(1, 200, &page(1, 1000));
    assert_eq!(events(&actions).len(), 1000);
    assert!(matches!(actions.last(), Some(Action::Want { op: 1, endpoint }) if endpoint == "trades"));
    assert!(
        request(&stage.granted(1))
            .1
            .starts_with("/api/v3/myTrades?symbol=BTCUSDT&fromId=1001&limit=1000&")
    );
    let actions = stage.response(1, 200, &page(1001, 2));
    let told = events(&actions);
    let [Event::Fill(fill), Event::Fill(_), Event::TradesProgress(progress)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(fill.client_id, None);
    assert_eq!(
        (progress.newest.as_ref().map(TradeId::as_str), progress.count),
        (Some("1002"), 1002)
    );
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
}

/// A page of orders as "GET /api/v3/allOrders" answers.
fn orders_page(from: i64, count: i64) -> Vec<u8> {
    let rows: Vec<String> = (from..from + count)
        .map(|id| {
            format!(
                r#"{{"symbol":"BTCUSDT","orderId":{id},"orderListId":-1,"clientOrderId":"c{id}","price":"0.1","origQty":"1.0","executedQty":"0.4","cummulativeQuoteQty":"0.04","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"BUY","stopPrice":"0.0","icebergQty":"0.0","time":1499827319559,"updateTime":1499827319560,"isWorking":true,"origQuoteOrderQty":"0.0","workingTime":1499827319559,"selfTradePreventionMode":"NONE"}}"#
            )
        })
        .collect();
    format!("[{}]", rows.join(",")).into_bytes()
}

#[test]
fn orders_since_come_page_by_page_ended_ones_too() {
    let mut stage = stage();
    let mut query = OrdersSince {
        instrument: BTC,
        from_id: None,
        since: Some(WallNs::from_millis(1_499_000_000_000)),
    };
    stage.command(1, &Command::OrdersSince(query.clone()));
    let (endpoint, url) = request(&stage.granted(1));
    assert_eq!(endpoint, "all_orders");
    assert!(
        url.starts_with("/api/v3/allOrders?symbol=BTCUSDT&startTime=1499000000000&limit=1000&"),
        "{url}"
    );
    let actions = stage.response(1, 200, &orders_page(1, 1000));
    assert_eq!(events(&actions).len(), 1000);
    let url = request(&stage.granted(1)).1;
    assert!(
        url.starts_with("/api/v3/allOrders?symbol=BTCUSDT&orderId=1001&limit=1000&"),
        "{url}"
    );
    let actions = stage.response(1, 200, &orders_page(1001, 1));
    let told = events(&actions);
    let [Event::Order(order)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(order.status, OrderStatus::Cancelled);
    assert_eq!(order.filled.map(|q| q.to_string()).as_deref(), Some("0.4"));
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
    query.from_id = ExchangeOrderId::new("abc").ok();
    let actions = stage.command(2, &Command::OrdersSince(query));
    assert!(matches!(outcome(&actions, 2), Some(Outcome::NotSent(_))));
}

#[test]
fn trades_of_an_order_cost_less_and_a_bad_id_is_refused() {
    let mut query = TradesSince {
        instrument: BTC,
        from_id: None,
        since: Some(WallNs(1)),
        exchange_id: ExchangeOrderId::new("77").ok(),
    };
    let mut stage = stage();
    stage.command(1, &Command::TradesSince(query.clone()));
    let (endpoint, url) = request(&stage.granted(1));
    assert_eq!(endpoint, "trades_of_order");
    assert!(
        url.starts_with("/api/v3/myTrades?symbol=BTCUSDT&orderId=77&limit=1000&"),
        "{url}"
    );
    query.from_id = TradeId::new("abc").ok();
    let actions = stage.command(2, &Command::TradesSince(query));
    assert!(matches!(outcome(&actions, 2), Some(Outcome::NotSent(_))));
}

#[test]
fn a_page_that_fails_ends_the_operation_without_progress() {
    let mut stage = stage();
    let query = TradesSince {
        instrument: BTC,
        from_id: TradeId::new("5").ok(),
        since: None,
        exchange_id: None,
    };
    let actions = stage.ask(1, &Command::TradesSince(query), 200, &page(5, 1000));
    assert!(outcome(&actions, 1).is_none());
    stage.granted(1);
    let actions = stage.response(1, 500, b"");
    assert!(events(&actions).is_empty());
    assert!(outcome(&actions, 1).unwrap().is_unknown());
}

#[test]
fn the_clock_is_read_in_either_unit() {
    for (body, expected) in [
        (&br#"{"serverTime":1499827319559}"#[..], 1_499_827_319_559_000_000),
        (br#"{"serverTime":1499827319559123}"#, 1_499_827_319_559_123_000),
    ] {
        let actions = stage().ask(1, &Command::ServerTime(ServerTime {}), 200, body);
        let time = only!(actions, Time);
        assert_eq!(time.exchange_time, WallNs(expected));
    }
}

#[test]
fn a_book_costs_by_its_depth() {
    for (depth, endpoint, limit) in [
        (5, "depth_100", 100),
        (500, "depth_500", 500),
        (1000, "depth_1000", 1000),
        (9999, "depth_5000", 5000),
    ] {
        let mut stage = stage();
        stage.command(1, &Command::BookSnapshot(BookSnapshot { instrument: BTC, depth }));
        let (asked, url) = request(&stage.granted(1));
        assert_eq!(
            (asked.as_str(), url),
            (endpoint, format!("/api/v3/depth?symbol=BTCUSDT&limit={limit}"))
        );
        let actions = stage.response(
            1,
            200,
            br#"{"lastUpdateId":1027024,"bids":[["4.00000000","431.00000000"]],"asks":[["4.00000200","12.00000000"]]}"#,
        );
        let Action::Book {
            instrument,
            flags,
            ids,
            bids,
            asks,
            ..
        } = &actions[0]
        else {
            panic!("{actions:?}")
        };
        assert_eq!((*instrument, *flags, *ids), (1, 3, (1_027_024, 1_027_024, 0)));
        assert_eq!((bids[0].price, asks[0].quantity), (400_000_000, 1_200_000_000));
    }
    let command = Command::BookSnapshot(BookSnapshot {
        instrument: BTC,
        depth: 5,
    });
    for bad in [
        &b"{}"[..],
        br#"{"lastUpdateId":1,"bids":[]}"#,
        br#"{"lastUpdateId":1,"bids":[["1"]],"asks":[]}"#,
    ] {
        let actions = stage().ask(1, &command, 200, bad);
        assert!(outcome(&actions, 1).unwrap().is_unknown());
        assert_eq!(actions.len(), 1);
    }
}

const KLINE: &str = r#"[OPEN,"0.01634790","0.80000000","0.01575800","0.01577100","148976.11427815",1499644799999,"2434.19055334",308,"1756.87402397","28.46694368","0"]"#;

#[test]
fn candles_come_page_by_page_from_a_time_on() {
    let mut stage = stage();
    let query = Candles {
        instrument: BTC,
        interval: "1m".to_owned(),
        since: Some(WallNs::from_millis(60_000_000_000)),
        until: None,
        limit: Some(1001),
    };
    stage.command(1, &Command::Candles(query.clone()));
    assert_eq!(
        request(&stage.granted(1)).1,
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=60000000000&limit=1000"
    );
    let rows: Vec<String> = (0..1000u64)
        .map(|i| KLINE.replace("OPEN", &(60_000_000_000 + i * 60_000).to_string()))
        .collect();
    stage.response(1, 200, format!("[{}]", rows.join(",")).as_bytes());
    assert_eq!(
        request(&stage.granted(1)).1,
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime=60059940001&limit=1"
    );
    let actions = stage.response(1, 200, format!("[{}]", KLINE.replace("OPEN", "60060000000")).as_bytes());
    let candles = only!(actions, Candles);
    assert_eq!(candles.candles.len(), 1001);
    assert_eq!(candles.candles[0].volume.to_string(), "148976.11427815");
    assert_eq!(candles.candles[0].trades, 308);
    let odd = Candles {
        interval: "7m".to_owned(),
        ..query
    };
    assert!(matches!(
        outcome(&stage.command(2, &Command::Candles(odd)), 2),
        Some(Outcome::NotSent(_))
    ));
}
