//! What Binance's documentation promises of REST, checked in virtual time: replies, refusals, history.
#![allow(clippy::unwrap_used)]

mod support;

use colibri_sim::binance::Method;
use colibri_sim::config::{AccountConfig, Holding};
use serde_json::{Value, json};
use support::{API_KEY, Desk, ED25519_API_KEY, ed25519_base64, hmac_hex, parsed, quiet};

const LIMIT: &str = "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC";

fn code(reply: (u16, Value)) -> (u16, i64) {
    (reply.0, reply.1["code"].as_i64().unwrap_or_default())
}

#[test]
fn exchange_info_lists_symbols_and_filters() {
    let mut desk = Desk::new(&quiet());
    let (_, info) = desk.get("/api/v3/exchangeInfo", "symbol=BTCUSDT");
    let symbol = &info["symbols"][0];
    assert_eq!(symbol["permissionSets"], json!([["SPOT"]]));
    let names: Vec<&str> = symbol["filters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["filterType"].as_str().unwrap())
        .collect();
    for name in [
        "PRICE_FILTER",
        "LOT_SIZE",
        "MARKET_LOT_SIZE",
        "NOTIONAL",
        "PERCENT_PRICE_BY_SIDE",
        "MAX_NUM_ORDERS",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    assert_eq!(symbol["filters"][0]["tickSize"], "0.01000000");
    let count = |desk: &mut Desk, query| {
        desk.get("/api/v3/exchangeInfo", query).1["symbols"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count(&mut desk, ""), 3);
    assert_eq!(count(&mut desk, "symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D"), 2);
    assert_eq!(count(&mut desk, "permissions=SPOT"), 3);
    assert_eq!(count(&mut desk, "permissions=%5B%22MARGIN%22%5D"), 0);
    assert_eq!(count(&mut desk, "symbolStatus=HALT"), 0);
    assert_eq!(code(desk.get("/api/v3/exchangeInfo", "symbol=NOPE")), (400, -1121));
    assert_eq!(code(desk.get("/api/v3/exchangeInfo", "symbol=btcusdt")), (400, -1100));
    assert_eq!(code(desk.get("/api/v3/time", "x=1")), (400, -1101));
    assert_eq!(code(desk.get("/api/v3/depth", "symbol=BTCUSDT&x=1")), (400, -1104));
}

#[test]
fn a_signature_covers_query_and_body_as_sent() {
    let mut desk = Desk::new(&quiet());
    let query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC";
    let body = format!("quantity=0.001&price=50000&timestamp={}", desk.now.millis());
    let signed = format!("{body}&signature={}", hmac_hex(&format!("{query}{body}")));
    let headers = [("X-MBX-APIKEY", API_KEY)];
    let reply = desk.raw(Method::Post, "/api/v3/order", query, &signed, &headers);
    assert_eq!(reply.status, 200, "{}", reply.body);

    let query = format!("timestamp={}", desk.now.millis());
    let account = |desk: &mut Desk, query: &str, key: &str| {
        code(parsed(&desk.raw(
            Method::Get,
            "/api/v3/account",
            query,
            "",
            &[("X-MBX-APIKEY", key)],
        )))
    };
    let signature = ed25519_base64(&query)
        .replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D");
    assert_eq!(
        account(&mut desk, &format!("{query}&signature={signature}"), ED25519_API_KEY),
        (200, 0)
    );
    let good = format!("{query}&signature={}", hmac_hex(&query));
    assert_eq!(account(&mut desk, &good, API_KEY), (200, 0));
    assert_eq!(account(&mut desk, &good, ED25519_API_KEY), (400, -1022));
    assert_eq!(account(&mut desk, &good, "unknown"), (401, -2015));
    assert_eq!(account(&mut desk, &good, "not a key"), (401, -2014));
    assert_eq!(account(&mut desk, &query, API_KEY), (400, -1102));
    assert_eq!(account(&mut desk, "signature=00", API_KEY), (400, -1102));
    desk.pass(6_000);
    assert_eq!(account(&mut desk, &good, API_KEY), (400, -1021));
}

#[test]
fn replies_to_a_new_order_come_in_three_sizes() {
    let mut desk = Desk::new(&quiet());
    let (_, full) = desk.order(&format!("{LIMIT}&side=SELL&quantity=0.01&price=60000&strategyId=7"));
    assert_eq!(
        (&full["fills"], &full["status"], &full["strategyId"]),
        (&json!([]), &json!("NEW"), &json!(7))
    );
    let (_, ack) = desk.order("symbol=BTCUSDT&type=LIMIT_MAKER&side=BUY&quantity=0.01&price=50000");
    assert_eq!(ack.as_object().unwrap().len(), 5);
    let take = "symbol=BTCUSDT&type=MARKET&side=BUY&quoteOrderQty=300&selfTradePreventionMode=NONE";
    let (_, taken) = desk.order(take);
    assert_eq!(
        (&taken["status"], &taken["executedQty"]),
        (&json!("FILLED"), &json!("0.00500000")),
        "{taken}"
    );
    assert_eq!(taken["cummulativeQuoteQty"], "300.00000000");
    assert_eq!(taken["fills"][0]["commission"], "0.00000500");
    assert_eq!(taken["fills"][0]["commissionAsset"], "BTC");
    let ioc = "symbol=BTCUSDT&type=LIMIT&side=BUY&timeInForce=IOC&quantity=0.01&price=60000&newOrderRespType=RESULT&selfTradePreventionMode=NONE";
    let (_, expired) = desk.order(ioc);
    assert_eq!(
        (&expired["status"], &expired["expiryReason"]),
        (&json!("EXPIRED"), &json!("UNFILLED_IOC_QUANTITY_EXPIRED"))
    );
    assert!(expired.get("fills").is_none());
}

#[test]
fn orders_are_refused_with_the_documented_codes() {
    let mut desk = Desk::new(&quiet());
    let mut refused = |query: &str| {
        let (_, reply) = desk.order(query);
        (
            reply["code"].as_i64().unwrap(),
            reply["msg"].as_str().unwrap().to_owned(),
        )
    };
    let filter = |name: &str| (-1013, format!("Filter failure: {name}"));
    let buy = |rest: &str| format!("{LIMIT}&side=BUY&{rest}");
    assert_eq!(refused(&buy("quantity=0.001&price=50000.001")), filter("PRICE_FILTER"));
    assert_eq!(refused(&buy("quantity=0.000011&price=50000")), filter("LOT_SIZE"));
    assert_eq!(refused(&buy("quantity=0.00001&price=50000")), filter("NOTIONAL"));
    assert_eq!(
        refused("symbol=BTCUSDT&side=SELL&type=MARKET&quantity=121"),
        filter("MARKET_LOT_SIZE")
    );
    assert_eq!(refused(&buy("quantity=0.000000001&price=50000")).0, -1111);
    assert_eq!(refused(&buy("quantity=0&price=50000")).0, -1013);
    assert_eq!(refused(&buy("quantity=1e3&price=50000")).0, -1100);
    assert_eq!(refused(&buy("price=50000")).0, -1102);
    assert_eq!(
        refused(&buy("quantity=100&price=50000")),
        (
            -2010,
            "Account has insufficient balance for requested action.".to_owned()
        )
    );
    assert_eq!(
        refused(&buy("quantity=0.001&price=50000&newClientOrderId=a.b")).0,
        -1100
    );
    assert_eq!(refused(&buy("quantity=0.001&price=50000&stopPrice=1")).0, -1106);
    assert_eq!(refused(&buy("quantity=0.001&price=50000&icebergQty=0.0005")).0, -1013);
    assert_eq!(refused("symbol=BTCUSDT&side=HOLD&type=MARKET&quantity=1").0, -1117);
    assert_eq!(refused("symbol=BTCUSDT&side=BUY&type=OTHER&quantity=1").0, -1116);
    assert_eq!(
        refused("symbol=BTCUSDT&side=BUY&type=STOP_LOSS&quantity=1").1,
        "Stop loss orders are not supported for this symbol."
    );
    assert_eq!(refused("symbol=BTCUSDT&side=BUY&type=MARKET").0, -1102);
    assert_eq!(
        refused("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&price=1").0,
        -1106
    );
    assert_eq!(
        refused("symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=100").0,
        -2010
    );
    assert_eq!(
        desk.order(&buy("quantity=0.001&price=50000&newClientOrderId=one")).0,
        200
    );
    let (_, twice) = desk.order(&buy("quantity=0.001&price=50000&newClientOrderId=one"));
    assert_eq!(
        (&twice["code"], &twice["msg"]),
        (&json!(-2010), &json!("Duplicate order sent."))
    );
    let (_, maker) = desk.order("symbol=BTCUSDT&type=LIMIT_MAKER&side=SELL&quantity=0.001&price=49000");
    assert_eq!(
        (&maker["code"], &maker["msg"]),
        (&json!(-2010), &json!("Order would immediately match and take."))
    );
}

#[test]
fn prices_far_from_the_average_are_refused() {
    let mut desk = Desk::new(&quiet());
    desk.order(&format!("{LIMIT}&side=SELL&quantity=0.01&price=60000"));
    desk.order(&format!(
        "{LIMIT}&side=BUY&quantity=0.01&price=60000&selfTradePreventionMode=NONE"
    ));
    let (_, reply) = desk.order(&format!("{LIMIT}&side=SELL&quantity=0.001&price=300000.01"));
    assert_eq!(reply["msg"], "Filter failure: PERCENT_PRICE_BY_SIDE");
    assert_eq!(
        desk.order(&format!("{LIMIT}&side=SELL&quantity=0.001&price=300000")).0,
        200
    );
    assert_eq!(
        desk.get("/api/v3/avgPrice", "symbol=BTCUSDT").1["price"],
        "60000.00000000"
    );
    let (_, small) = desk.order("symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.00001");
    assert_eq!(small["msg"], "Filter failure: NOTIONAL");
}

#[test]
fn an_order_is_found_by_either_name() {
    let mut desk = Desk::new(&quiet());
    let (_, placed) = desk.order(&format!(
        "{LIMIT}&side=BUY&quantity=0.001&price=50000&newClientOrderId=mine"
    ));
    let id = placed["orderId"].as_u64().unwrap();
    let mut query = |rest: &str| code(desk.signed(Method::Get, "/api/v3/order", &format!("symbol=BTCUSDT{rest}")));
    assert_eq!(query(&format!("&orderId={id}")), (200, 0));
    assert_eq!(query("&origClientOrderId=mine"), (200, 0));
    assert_eq!(query(&format!("&orderId={id}&origClientOrderId=other")), (400, -2039));
    assert_eq!(query("&orderId=999"), (400, -2013));
    assert_eq!(query(""), (400, -1102));
    let mut cancel = |rest: &str| code(desk.signed(Method::Delete, "/api/v3/order", &format!("symbol=BTCUSDT{rest}")));
    assert_eq!(cancel(&format!("&orderId={id}&origClientOrderId=other")), (400, -2011));
    assert_eq!(
        cancel("&origClientOrderId=mine&cancelRestrictions=ONLY_PARTIALLY_FILLED"),
        (400, -2011)
    );
    assert_eq!(cancel("&origClientOrderId=mine&cancelRestrictions=ONLY"), (400, -1145));
    assert_eq!(cancel("&origClientOrderId=mine&newClientOrderId=bye"), (200, 0));
    assert_eq!(cancel("&origClientOrderId=mine"), (400, -2011));
    assert_eq!(
        code(desk.signed(Method::Delete, "/api/v3/openOrders", "symbol=BTCUSDT")),
        (400, -2011)
    );
}

#[test]
fn cancel_replace_tells_what_became_of_both_halves() {
    let mut desk = Desk::new(&quiet());
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001";
    desk.order(&format!("{order}&price=50000&newClientOrderId=a"));
    let mut replace = |rest: &str| desk.signed(Method::Post, "/api/v3/order/cancelReplace", &format!("{order}&{rest}"));
    let (status, both) =
        replace("price=51000&newClientOrderId=b&cancelReplaceMode=STOP_ON_FAILURE&cancelOrigClientOrderId=a");
    assert_eq!(
        (status, &both["cancelResult"], &both["newOrderResult"]),
        (200, &json!("SUCCESS"), &json!("SUCCESS"))
    );
    assert_eq!(both["cancelResponse"]["origClientOrderId"], "a");
    assert_eq!(both["newOrderResponse"]["clientOrderId"], "b");
    let (status, none) = replace("price=51000&cancelReplaceMode=STOP_ON_FAILURE&cancelOrigClientOrderId=a");
    assert_eq!((status, &none["code"]), (400, &json!(-2022)));
    assert_eq!(
        (&none["data"]["newOrderResult"], &none["data"]["newOrderResponse"]),
        (&json!("NOT_ATTEMPTED"), &Value::Null)
    );
    let (status, new) =
        replace("price=51000&cancelReplaceMode=ALLOW_FAILURE&cancelOrigClientOrderId=a&newClientOrderId=c");
    assert_eq!(
        (status, &new["code"], &new["data"]["cancelResponse"]["code"]),
        (409, &json!(-2021), &json!(-2011))
    );
    let (status, old) =
        replace("price=51000&cancelReplaceMode=STOP_ON_FAILURE&cancelOrigClientOrderId=b&newClientOrderId=c");
    assert_eq!(
        (
            status,
            &old["data"]["cancelResult"],
            &old["data"]["newOrderResponse"]["code"]
        ),
        (409, &json!("SUCCESS"), &json!(-2010))
    );
    let (status, fail) =
        replace("price=51000&cancelReplaceMode=ALLOW_FAILURE&cancelOrigClientOrderId=b&newClientOrderId=c");
    assert_eq!((status, &fail["code"]), (400, &json!(-2022)));
    let (status, early) = replace("price=51000.001&cancelReplaceMode=ALLOW_FAILURE&cancelOrigClientOrderId=c");
    assert_eq!(
        (status, &early["msg"]),
        (400, &json!("Filter failure: PRICE_FILTER")),
        "filters come before the cancel"
    );
}

#[test]
fn an_amendment_reduces_at_most_ten_times() {
    let mut desk = Desk::new(&quiet());
    desk.order(&format!("{LIMIT}&side=BUY&quantity=0.1&price=50000&newClientOrderId=a"));
    let mut amend = |rest: &str| {
        desk.signed(
            Method::Put,
            "/api/v3/order/amend/keepPriority",
            &format!("symbol=BTCUSDT&{rest}"),
        )
    };
    let (_, first) = amend("origClientOrderId=a&newQty=0.09&newClientOrderId=a");
    assert_eq!(first["amendedOrder"]["qty"], "0.09000000");
    let (_, second) = amend("origClientOrderId=a&newQty=0.08");
    let name = second["amendedOrder"]["clientOrderId"].as_str().unwrap().to_owned();
    assert_eq!(
        (
            second["amendedOrder"]["origClientOrderId"].as_str(),
            name.as_str() == "a"
        ),
        (Some("a"), false)
    );
    assert_eq!(code(amend("origClientOrderId=a&newQty=0.07")), (400, -2038));
    assert_eq!(
        code(amend(&format!("origClientOrderId={name}&newQty=0.08"))),
        (400, -2038)
    );
    assert_eq!(
        code(amend(&format!("origClientOrderId={name}&newQty=0.09"))),
        (400, -2038)
    );
    for step in 0..8 {
        assert_eq!(amend(&format!("orderId=1&newQty=0.0{}", 79 - step)).0, 200);
    }
    let (_, spent) = amend("orderId=1&newQty=0.01");
    assert_eq!(
        (&spent["code"], &spent["msg"]),
        (&json!(-2038), &json!("Filter failure: MAX_NUM_ORDER_AMENDS"))
    );
}

#[test]
fn history_pages_in_the_documented_combinations() {
    let mut desk = Desk::new(&quiet());
    for place in 0..6 {
        desk.order(&format!(
            "{LIMIT}&side=SELL&quantity=0.001&price=60000&newClientOrderId=s{place}"
        ));
        desk.order(&format!(
            "{LIMIT}&side=BUY&quantity=0.001&price=60000&selfTradePreventionMode=NONE"
        ));
        desk.pass(1_000);
    }
    let start = desk.now.millis() - 6_000;
    let mut ids = |query: &str| -> Vec<u64> {
        let (_, rows) = desk.signed(Method::Get, "/api/v3/myTrades", &format!("symbol=BTCUSDT{query}"));
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(ids("&limit=4"), [5, 5, 6, 6], "both sides are this account's");
    assert_eq!(ids("&fromId=2&limit=2"), [2, 2]);
    assert_eq!(ids(&format!("&startTime={}&limit=2", start + 1_000)), [2, 2]);
    assert_eq!(ids(&format!("&endTime={}&limit=2", start + 1_000)), [2, 2]);
    assert_eq!(ids(&format!("&startTime={start}&endTime={}", start + 999)), [1, 1]);
    assert_eq!(ids("&orderId=3"), [2]);
    assert_eq!(ids("&orderId=3&fromId=3"), [] as [u64; 0]);
    let mut refused = |path: &str, query: &str| code(desk.signed(Method::Get, path, query));
    assert_eq!(
        refused("/api/v3/myTrades", "symbol=BTCUSDT&fromId=1&startTime=1"),
        (400, -1128)
    );
    assert_eq!(
        refused("/api/v3/myTrades", "symbol=BTCUSDT&startTime=0&endTime=86400001"),
        (400, -1127)
    );
    assert_eq!(refused("/api/v3/allOrders", "symbol=BTCUSDT&limit=0"), (400, -1130));
    let (_, orders) = desk.signed(Method::Get, "/api/v3/allOrders", "symbol=BTCUSDT&orderId=11");
    assert_eq!(orders.as_array().unwrap().len(), 2);
    let (_, newest) = desk.signed(Method::Get, "/api/v3/allOrders", "symbol=BTCUSDT&limit=1");
    assert_eq!(newest[0]["orderId"], 12);
    let (_, minutes) = desk.get("/api/v3/klines", "symbol=BTCUSDT&interval=1s&limit=3");
    assert_eq!(minutes.as_array().unwrap().len(), 3);
    assert_eq!(minutes[0].as_array().unwrap().len(), 12);
    let (_, trades) = desk.get("/api/v3/aggTrades", "symbol=BTCUSDT&fromId=5");
    assert_eq!(trades.as_array().unwrap().len(), 2);
}

#[test]
fn times_come_in_the_unit_asked_for() {
    let mut desk = Desk::new(&quiet());
    let mut time = |unit: &str| {
        let (status, body) = parsed(&desk.raw(Method::Get, "/api/v3/time", "", "", &[("x-mbx-time-unit", unit)]));
        (status, body["serverTime"].as_i64().or(body["code"].as_i64()).unwrap())
    };
    assert_eq!(time("MICROSECOND"), (200, 1_790_000_000_000_000));
    assert_eq!(time("millisecond"), (200, 1_790_000_000_000));
    assert_eq!(time("SECOND"), (400, -1194));
}

#[test]
fn retired_and_unknown_routes_do_not_speak_json() {
    let mut desk = Desk::new(&quiet());
    for (method, path, status) in [
        (Method::Post, "/api/v3/userDataStream", 410),
        (Method::Put, "/api/v3/userDataStream", 410),
        (Method::Get, "/api/v1/ping", 410),
        (Method::Get, "/api/v3/nothing", 404),
        (Method::Post, "/api/v3/ping", 404),
    ] {
        let reply = desk.raw(method, path, "", "", &[]);
        assert_eq!(reply.status, status);
        assert!(reply.body.starts_with("<html>"));
    }
}

#[test]
fn accounts_are_apart_and_read_only_keys_do_not_trade() {
    let mut reader = AccountConfig::demo();
    reader.name = "reader".into();
    reader.keys.truncate(1);
    reader.keys[0].api_key = "readerKey".into();
    reader.keys[0].permission = colibri_sim::config::KeyPermission::ReadOnly;
    reader.balances = vec![
        Holding {
            asset: "USDT".into(),
            amount: 5.into(),
        },
        Holding {
            asset: "BTC".into(),
            amount: 0.into(),
        },
    ];
    let mut config = quiet();
    config.accounts.push(reader);
    let mut desk = Desk::new(&config);
    desk.order(&format!("{LIMIT}&side=BUY&quantity=0.001&price=50000"));
    let mut as_reader = |method, path: &str, query: &str| {
        let query = format!("{query}&timestamp={}", desk.now.millis());
        let query = format!("{query}&signature={}", hmac_hex(&query));
        parsed(&desk.raw(method, path, &query, "", &[("X-MBX-APIKEY", "readerKey")]))
    };
    assert_eq!(
        as_reader(Method::Get, "/api/v3/openOrders", "symbol=BTCUSDT").1,
        json!([])
    );
    assert_eq!(
        code(as_reader(Method::Get, "/api/v3/order", "symbol=BTCUSDT&orderId=1")),
        (400, -2013)
    );
    assert_eq!(
        code(as_reader(
            Method::Post,
            "/api/v3/order",
            &format!("{LIMIT}&side=BUY&quantity=0.001&price=5000")
        )),
        (401, -2015)
    );
    let (_, account) = as_reader(Method::Get, "/api/v3/account", "omitZeroBalances=true");
    assert_eq!(
        account["balances"],
        json!([{ "asset": "USDT", "free": "5.00000000", "locked": "0.00000000" }])
    );
}

#[test]
fn a_halted_market_takes_no_orders() {
    let mut config = quiet();
    config.markets[0].status = colibri_sim::config::MarketStatus::Halt;
    let mut desk = Desk::new(&config);
    let (_, reply) = desk.order(&format!("{LIMIT}&side=BUY&quantity=0.001&price=50000"));
    assert_eq!(
        (&reply["code"], &reply["msg"]),
        (&json!(-1013), &json!("Market is closed."))
    );
    assert_eq!(
        code(desk.get("/api/v3/depth", "symbol=BTCUSDT&symbolStatus=TRADING")),
        (400, -1220)
    );
    assert_eq!(
        desk.get("/api/v3/exchangeInfo", "symbolStatus=HALT").1["symbols"][0]["symbol"],
        "BTCUSDT"
    );
}

#[test]
fn prevented_matches_are_remembered() {
    let mut desk = Desk::new(&quiet());
    desk.order(&format!("{LIMIT}&side=SELL&quantity=0.002&price=60000"));
    let take = format!("{LIMIT}&side=BUY&quantity=0.003&price=60000&selfTradePreventionMode=EXPIRE_BOTH");
    let (_, taker) = desk.order(&take);
    assert_eq!(
        (&taker["status"], &taker["preventedQuantity"]),
        (&json!("EXPIRED_IN_MATCH"), &json!("0.00300000"))
    );
    assert_eq!(taker["preventedMatches"][0]["makerPreventedQuantity"], "0.00200000");
    let (_, rows) = desk.signed(Method::Get, "/api/v3/myPreventedMatches", "symbol=BTCUSDT&orderId=1");
    assert_eq!(
        (rows[0]["makerOrderId"].as_u64(), rows[0]["takerOrderId"].as_u64()),
        (Some(1), Some(2))
    );
    let (_, account) = desk.signed(Method::Get, "/api/v3/account", "");
    assert!(
        account["balances"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["locked"] == "0.00000000")
    );
}
