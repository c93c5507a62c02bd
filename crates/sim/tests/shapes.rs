//! Our replies have the fields of real ones: compared with the payloads of other clients' test suites, where these are
//! at hand. What we do not do (stop prices, icebergs, order lists) is left out by name.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;

use colibri_sim::binance::{Method, Outgoing, SocketPath};
use serde_json::{Value, json};
use support::{Desk, lively, signed_request};

/// Fields that belong to features which this exchange does not have.
const NOT_OURS: &[&str] = &[
    "stopPrice",
    "trailingDelta",
    "trailingTime",
    "icebergQty",
    "strategyId",
    "strategyType",
    "preventedMatchId",
    "preventedQuantity",
    "isWorking",
    "time",
    "updateTime",
    "usedSor",
    "workingFloor",
    "ignore",
];

/// Fields that the documentation no longer has: the order ids of a trade left the stream.
const RETIRED: &[(&str, &str)] = &[("ExchangeData/Trades.json", ".a"), ("ExchangeData/Trades.json", ".b")];

fn fixture(path: &str) -> Option<Value> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/jkorf/binance");
    match std::fs::read_to_string(root.join(path)) {
        Ok(text) => Some(serde_json::from_str(&text).unwrap()),
        Err(_) => {
            println!("skipped: {path} is not at hand");
            None
        }
    }
}

/// The paths of all fields; rows of an array share theirs.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object.iter().filter(|(name, _)| !NOT_OURS.contains(&name.as_str())) {
                let path = format!("{path}.{name}");
                fields(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(rows) => rows.iter().for_each(|row| fields(row, &format!("{path}[]"), found)),
        _ => {}
    }
}

fn covers(ours: &Value, theirs: &Value, what: &str) {
    let (mut our_fields, mut their_fields) = (BTreeSet::new(), BTreeSet::new());
    fields(ours, "", &mut our_fields);
    fields(theirs, "", &mut their_fields);
    let retired = |field: &&String| RETIRED.iter().any(|(file, name)| what.ends_with(file) && field == name);
    let missing: Vec<_> = their_fields
        .difference(&our_fields)
        .filter(|field| !retired(field))
        .collect();
    assert!(
        missing.is_empty(),
        "{what} lacks {missing:?}\nours: {ours}\ntheirs: {theirs}"
    );
}

#[test]
fn replies_have_the_fields_of_real_ones() {
    let mut desk = Desk::new(&lively());
    let order = "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side=BUY&quantity=0.001&price=50000";
    let (_, taken) = desk.order("symbol=BTCUSDT&type=MARKET&side=BUY&quantity=0.5");
    let (_, resting) = desk.order(&format!("{order}&newClientOrderId=a"));
    let query = |desk: &mut Desk, path: &str, query: &str| desk.signed(Method::Get, path, query).1;
    let amend = "symbol=BTCUSDT&origClientOrderId=a&newClientOrderId=a&newQty=0.0005";
    let trading = "Endpoints/Spot/Trading";
    let data = "Endpoints/Spot/ExchangeData";
    let account = "Endpoints/Spot/Account";
    let replies = [
        (format!("{trading}/PlaceOrder.json"), taken),
        (
            format!("{trading}/GetOrder.json"),
            query(&mut desk, "/api/v3/order", "symbol=BTCUSDT&orderId=1"),
        ),
        (format!("{trading}/GetOrder.json"), {
            let id = resting["orderId"].as_u64().unwrap();
            query(&mut desk, "/api/v3/order", &format!("symbol=BTCUSDT&orderId={id}"))
        }),
        (
            format!("{trading}/GetOpenOrders.json"),
            query(&mut desk, "/api/v3/openOrders", "symbol=BTCUSDT"),
        ),
        (
            format!("{trading}/GetOrders.json"),
            query(&mut desk, "/api/v3/allOrders", "symbol=BTCUSDT"),
        ),
        (
            format!("{trading}/GetUserTrades.json"),
            query(&mut desk, "/api/v3/myTrades", "symbol=BTCUSDT"),
        ),
        (format!("{trading}/CancelOrder.json"), {
            desk.signed(Method::Put, "/api/v3/order/amend/keepPriority", amend);
            desk.signed(Method::Delete, "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=a")
                .1
        }),
        (
            format!("{account}/GetAccountInfo.json"),
            query(&mut desk, "/api/v3/account", ""),
        ),
        (
            format!("{account}/GetCommissionRates.json"),
            query(&mut desk, "/api/v3/account/commission", "symbol=BTCUSDT"),
        ),
        (
            format!("{account}/GetOrderRateLimitStatus.json"),
            query(&mut desk, "/api/v3/rateLimit/order", ""),
        ),
        (
            format!("{data}/GetExchangeInfo.json"),
            desk.get("/api/v3/exchangeInfo", "").1,
        ),
        (format!("{data}/GetServerTime.json"), desk.get("/api/v3/time", "").1),
        (
            format!("{data}/GetRecentTrades.json"),
            desk.get("/api/v3/trades", "symbol=BTCUSDT").1,
        ),
        (
            format!("{data}/GetAggregatedTradeHistory.json"),
            desk.get("/api/v3/aggTrades", "symbol=BTCUSDT").1,
        ),
        (
            format!("{data}/GetKlines.json"),
            desk.get("/api/v3/klines", "symbol=BTCUSDT&interval=1m").1,
        ),
        (
            format!("{data}/GetAvgPrice.json"),
            desk.get("/api/v3/avgPrice", "symbol=BTCUSDT").1,
        ),
        (
            format!("{data}/GetTicker.json"),
            desk.get("/api/v3/ticker/24hr", "symbol=BTCUSDT").1,
        ),
        (
            format!("{data}/GetPrice.json"),
            desk.get("/api/v3/ticker/price", "symbol=BTCUSDT").1,
        ),
        (
            format!("{data}/GetBookPrice.json"),
            desk.get("/api/v3/ticker/bookTicker", "symbol=BTCUSDT").1,
        ),
    ];
    for (path, ours) in replies {
        let compared = fixture(&path).filter(|theirs| theirs["response"] != Value::Null);
        if let Some(theirs) = compared {
            // A query finds nothing at times: then this would compare with an error.
            if ours.get("code").is_none() {
                covers(&ours, &theirs["response"], &path);
            } else {
                assert!(path.ends_with("GetOrder.json"), "{path}: {ours}");
            }
        }
    }
}

/// What the server pushes in a recorded WebSocket script.
fn pushed(script: &Value) -> Option<&Value> {
    let steps = script["steps"].as_array()?;
    steps
        .iter()
        .find(|step| step["dir"] == "server_pushes")
        .map(|step| &step["message"])
}

#[test]
fn events_have_the_fields_of_real_ones() {
    let mut desk = Desk::new(&lively());
    let peer = "127.0.0.1".parse().unwrap();
    let names = "btcusdt@trade/btcusdt@aggTrade/btcusdt@bookTicker/btcusdt@kline_1m/btcusdt@miniTicker/btcusdt@ticker/\
                 btcusdt@depth5/btcusdt@depth";
    let market = SocketPath::parse("/stream").unwrap();
    desk.exchange
        .ws_open(&market, &format!("streams={names}"), peer, desk.now)
        .unwrap();
    let user = desk.exchange.ws_open(&SocketPath::Api, "", peer, desk.now).unwrap();
    let subscribe = signed_request(1, "userDataStream.subscribe.signature", json!({}), desk.now.millis());
    desk.exchange.ws_message(user, &subscribe, desk.now);
    desk.order("symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side=BUY&quantity=0.001&price=50000");
    desk.exchange
        .transfer(&"demo".into(), &"USDT".into(), 1.into(), desk.now)
        .unwrap();
    desk.pass(10_000);
    let sent: Vec<Value> = desk
        .exchange
        .drain()
        .into_iter()
        .filter_map(|(_, frame)| match frame {
            Outgoing::Text(text) => Some(serde_json::from_str(&text).unwrap()),
            Outgoing::Ping(_) | Outgoing::Close(..) => None,
        })
        .collect();
    let on_stream = |name: &str| sent.iter().find(|frame| frame["stream"] == name).unwrap()["data"].clone();
    let on_account = |kind: &str| sent.iter().find(|frame| frame["event"]["e"] == kind).unwrap().clone();
    let folder = "Subscriptions/Spot";
    for (path, ours) in [
        (format!("{folder}/ExchangeData/Trades.json"), on_stream("btcusdt@trade")),
        (
            format!("{folder}/ExchangeData/AggregatedTrades.json"),
            on_stream("btcusdt@aggTrade"),
        ),
        (
            format!("{folder}/ExchangeData/BookTicker.json"),
            on_stream("btcusdt@bookTicker"),
        ),
        (
            format!("{folder}/ExchangeData/Klines.json"),
            on_stream("btcusdt@kline_1m"),
        ),
        (
            format!("{folder}/ExchangeData/MiniTicker.json"),
            on_stream("btcusdt@miniTicker"),
        ),
        (
            format!("{folder}/ExchangeData/Ticker.json"),
            on_stream("btcusdt@ticker"),
        ),
        (
            format!("{folder}/ExchangeData/PartialBook.json"),
            on_stream("btcusdt@depth5"),
        ),
        (format!("{folder}/Account/Order.json"), on_account("executionReport")),
        (
            format!("{folder}/Account/AccountPosition.json"),
            on_account("outboundAccountPosition"),
        ),
        (format!("{folder}/Account/Balance.json"), on_account("balanceUpdate")),
    ] {
        let Some(script) = fixture(&path) else { continue };
        let theirs = pushed(&script).unwrap();
        let theirs = theirs.get("data").unwrap_or(theirs);
        covers(&ours, theirs, &path);
    }
}
