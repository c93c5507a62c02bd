//! Market streams and the WebSocket API, frame by frame in virtual time.
#![allow(clippy::unwrap_used)]

mod support;

use colibri_sim::binance::{CloseCode, Method, Outgoing, SocketPath};
use colibri_sim::identity::ConnectionId;
use colibri_sim::time::Timestamp;
use serde_json::{Value, json};
use support::{Desk, lively, quiet, signed_request};

const LIMIT: &str = "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC";

fn open(desk: &mut Desk, path: &str, query: &str) -> ConnectionId {
    let path = SocketPath::parse(path).unwrap();
    desk.exchange
        .ws_open(&path, query, "127.0.0.1".parse().unwrap(), desk.now)
        .unwrap()
}

/// Every text frame sent to a connection since the last call.
fn texts(desk: &mut Desk, id: ConnectionId) -> Vec<Value> {
    let frames = desk.exchange.drain().into_iter().filter(|(other, _)| *other == id);
    frames
        .filter_map(|(_, frame)| match frame {
            Outgoing::Text(text) => Some(serde_json::from_str(&text).unwrap()),
            Outgoing::Ping(_) | Outgoing::Close(..) => None,
        })
        .collect()
}

fn ask(desk: &mut Desk, id: ConnectionId, text: &str) -> Value {
    texts(desk, id);
    desk.exchange.ws_message(id, text, desk.now);
    texts(desk, id).pop().unwrap()
}

#[test]
fn subscriptions_are_managed_by_messages() {
    let mut desk = Desk::new(&quiet());
    let id = open(&mut desk, "/ws/btcusdt@depth", "");
    let reply = ask(
        &mut desk,
        id,
        r#"{"method":"SUBSCRIBE","params":["btcusdt@trade","ethusdt@depth5@100ms"],"id":1}"#,
    );
    assert_eq!(reply, json!({ "result": null, "id": 1 }));
    ask(
        &mut desk,
        id,
        r#"{"method":"UNSUBSCRIBE","params":["btcusdt@depth"],"id":"x"}"#,
    );
    let reply = ask(&mut desk, id, r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#);
    assert_eq!(
        reply,
        json!({ "result": ["btcusdt@trade", "ethusdt@depth5@100ms"], "id": 3 })
    );
    let reply = ask(
        &mut desk,
        id,
        r#"{"method":"GET_PROPERTY","params":["combined"],"id":4}"#,
    );
    assert_eq!(reply["result"], false);
    desk.pass(1_000);
    assert_eq!(
        ask(&mut desk, id, r#"{"method":"GET_PROPERTY","params":["other"],"id":4}"#)["code"],
        0
    );
    assert_eq!(
        ask(
            &mut desk,
            id,
            r#"{"method":"SET_PROPERTY","params":["combined",1],"id":4}"#
        )["code"],
        1
    );
    assert_eq!(ask(&mut desk, id, r#"{"method":"FOLLOW","id":4}"#)["code"], 2);
    assert_eq!(ask(&mut desk, id, "{nonsense")["code"], 3);
    desk.pass(1_000);
    for _ in 0..6 {
        desk.exchange.ws_message(id, "{}", desk.now);
    }
    let closed = desk.exchange.drain().pop().unwrap().1;
    assert_eq!(
        closed,
        Outgoing::Close(CloseCode::Policy, "Too many requests"),
        "five messages a second"
    );
}

#[test]
fn market_streams_carry_what_happened() {
    let mut desk = Desk::new(&quiet());
    let names = "btcusdt@depth@100ms/btcusdt@depth/btcusdt@depth5@100ms/btcusdt@trade/btcusdt@aggTrade/\
                 btcusdt@bookTicker/btcusdt@kline_1m/btcusdt@miniTicker";
    let id = open(&mut desk, "/stream", &format!("streams={names}&timeUnit=microsecond"));
    for price in [60_001, 60_000, 60_000] {
        desk.order(&format!("{LIMIT}&side=SELL&quantity=0.001&price={price}"));
    }
    let frames = texts(&mut desk, id);
    assert_eq!(frames.last().unwrap()["data"]["A"], "0.00200000");
    desk.order("symbol=BTCUSDT&type=MARKET&side=BUY&quantity=0.003&selfTradePreventionMode=NONE");
    let frames = texts(&mut desk, id);
    let of = |frames: &[Value], stream: &str| -> Vec<Value> {
        frames
            .iter()
            .filter(|frame| frame["stream"] == stream)
            .map(|frame| frame["data"].clone())
            .collect()
    };
    let trades = of(&frames, "btcusdt@trade");
    assert_eq!(
        trades
            .iter()
            .map(|trade| trade["t"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(
        (&trades[0]["T"], &trades[0]["m"]),
        (&json!(desk.now.micros()), &json!(false))
    );
    let aggregates = of(&frames, "btcusdt@aggTrade");
    assert_eq!(aggregates.len(), 2);
    assert_eq!(
        (&aggregates[0]["q"], &aggregates[0]["f"], &aggregates[0]["l"]),
        (&json!("0.00200000"), &json!(1), &json!(2))
    );
    desk.pass(2_000);
    let frames = texts(&mut desk, id);
    let fast = of(&frames, "btcusdt@depth@100ms");
    assert_eq!(
        (&fast[0]["U"], &fast[0]["b"], &fast[0]["a"][0][1]),
        (&json!(1), &json!([]), &json!("0.00000000"))
    );
    assert_eq!(of(&frames, "btcusdt@depth")[0]["u"], fast.last().unwrap()["u"]);
    assert_eq!(of(&frames, "btcusdt@depth5@100ms")[0]["lastUpdateId"], fast[0]["u"]);
    let candle = &of(&frames, "btcusdt@kline_1m")[0]["k"];
    assert_eq!(
        (&candle["v"], &candle["n"], &candle["x"]),
        (&json!("0.00300000"), &json!(3), &json!(false))
    );
    assert_eq!(of(&frames, "btcusdt@miniTicker")[0]["h"], "60001.00000000");
    desk.pass(60_000);
    let closed = of(&texts(&mut desk, id), "btcusdt@kline_1m")
        .into_iter()
        .find(|event| event["k"]["x"] == true)
        .unwrap();
    assert_eq!(
        closed["k"]["T"].as_i64().unwrap() - closed["k"]["t"].as_i64().unwrap(),
        59_999_999
    );
}

#[test]
fn depth_updates_rebuild_the_book() {
    let mut desk = Desk::new(&lively());
    let id = open(&mut desk, "/ws/btcusdt@depth@100ms", "");
    let (_, snapshot) = desk.get("/api/v3/depth", "symbol=BTCUSDT&limit=5000");
    let mut last = snapshot["lastUpdateId"].as_u64().unwrap();
    let mut book = std::collections::BTreeMap::new();
    let apply = |book: &mut std::collections::BTreeMap<(String, String), String>, side: &str, levels: &Value| {
        for level in levels.as_array().unwrap() {
            let key = (side.to_owned(), level[0].as_str().unwrap().to_owned());
            match level[1].as_str().unwrap() {
                "0.00000000" => drop(book.remove(&key)),
                quantity => drop(book.insert(key, quantity.to_owned())),
            }
        }
    };
    apply(&mut book, "b", &snapshot["bids"]);
    apply(&mut book, "a", &snapshot["asks"]);
    desk.pass(60_000);
    let mut previous = None;
    for event in texts(&mut desk, id) {
        let (first, final_id) = (event["U"].as_u64().unwrap(), event["u"].as_u64().unwrap());
        assert!(previous.is_none_or(|previous| previous + 1 == first));
        previous = Some(final_id);
        if final_id > last {
            apply(&mut book, "b", &event["b"]);
            apply(&mut book, "a", &event["a"]);
            last = final_id;
        }
    }
    let (_, snapshot) = desk.get("/api/v3/depth", "symbol=BTCUSDT&limit=5000");
    let mut expected = std::collections::BTreeMap::new();
    apply(&mut expected, "b", &snapshot["bids"]);
    apply(&mut expected, "a", &snapshot["asks"]);
    assert_eq!(snapshot["lastUpdateId"].as_u64().unwrap(), last);
    assert_eq!(book, expected);
}

#[test]
fn silent_clients_are_cut_off() {
    let mut desk = Desk::new(&quiet());
    let silent = open(&mut desk, "/ws", "");
    let alive = open(&mut desk, "/ws-api/v3", "");
    let mut closed = Vec::new();
    for _ in 0..120 {
        desk.pass(1_000);
        for (id, frame) in desk.exchange.drain() {
            match frame {
                Outgoing::Ping(payload) if id == alive => desk.exchange.ws_pong(id, &payload, desk.now),
                Outgoing::Close(code, reason) => closed.push((id, code, reason)),
                _ => {}
            }
        }
    }
    assert_eq!(closed, [(silent, CloseCode::Policy, "Pong timeout")]);
    let day = Timestamp::from_millis(desk.now.millis() + 86_400_000);
    while desk.now < day {
        desk.pass(10_000);
        for (id, frame) in desk.exchange.drain() {
            match frame {
                Outgoing::Ping(payload) => desk.exchange.ws_pong(id, &payload, desk.now),
                Outgoing::Close(code, reason) => closed.push((id, code, reason)),
                Outgoing::Text(_) => {}
            }
        }
    }
    assert_eq!(closed[1].1, CloseCode::GoingAway);
}

#[test]
fn the_socket_api_answers_like_rest_and_shows_limits() {
    let mut desk = Desk::new(&quiet());
    let id = open(&mut desk, "/ws-api/v3", "");
    let time = ask(&mut desk, id, r#"{"id":null,"method":"time"}"#);
    assert_eq!(
        (&time["id"], &time["status"], &time["result"]["serverTime"]),
        (&Value::Null, &json!(200), &json!(desk.now.millis()))
    );
    assert_eq!(time["rateLimits"][0]["count"], 3, "connecting costs 2");
    let hidden = ask(
        &mut desk,
        id,
        r#"{"id":1,"method":"v3/ping","params":{"returnRateLimits":false}}"#,
    );
    assert_eq!(hidden, json!({ "id": 1, "status": 200, "result": {} }));
    let now = desk.now.millis();
    let params = json!({ "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC",
        "price": "61000.00", "quantity": "0.00500", "recvWindow": 5000 });
    let placed = ask(&mut desk, id, &signed_request(2, "order.place", params.clone(), now));
    assert_eq!(
        (&placed["status"], &placed["result"]["status"]),
        (&json!(200), &json!("NEW")),
        "{placed}"
    );
    assert_eq!(
        placed["rateLimits"][0],
        json!({ "rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100, "count": 1 })
    );
    let tested = ask(&mut desk, id, &signed_request(3, "order.test", params, now));
    assert_eq!(tested["result"], json!({}));
    for (method, params) in [
        ("openOrders.status", json!({})),
        ("order.status", json!({ "symbol": "BTCUSDT", "orderId": 1 })),
        ("allOrders", json!({ "symbol": "BTCUSDT" })),
        ("myTrades", json!({ "symbol": "BTCUSDT" })),
        ("account.status", json!({ "omitZeroBalances": true })),
        ("account.commission", json!({ "symbol": "BTCUSDT" })),
        ("account.rateLimits.orders", json!({})),
        (
            "order.amend.keepPriority",
            json!({ "symbol": "BTCUSDT", "orderId": 1, "newQty": "0.004" }),
        ),
        (
            "order.cancelReplace",
            json!({ "symbol": "BTCUSDT", "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": 1,
            "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "price": "62000", "quantity": "0.001" }),
        ),
        ("openOrders.cancelAll", json!({ "symbol": "BTCUSDT" })),
    ] {
        let reply = ask(&mut desk, id, &signed_request(4, method, params, now));
        assert_eq!(reply["status"], 200, "{method}: {reply}");
    }
    for (method, params) in [
        ("depth", json!({ "symbol": "BTCUSDT", "limit": 5 })),
        ("trades.recent", json!({ "symbol": "BTCUSDT" })),
        ("ticker.book", json!({ "symbols": ["BTCUSDT"] })),
        ("exchangeInfo", json!({ "symbols": ["BTCUSDT", "ETHUSDT"] })),
        ("session.status", json!({})),
        ("session.subscriptions", json!({})),
    ] {
        let request = json!({ "id": 5, "method": method, "params": params }).to_string();
        assert_eq!(ask(&mut desk, id, &request)["status"], 200, "{method}");
    }
    let code = |desk: &mut Desk, text: &str| ask(desk, id, text)["error"]["code"].as_i64().unwrap();
    assert_eq!(
        code(
            &mut desk,
            r#"{"id":1,"method":"session.logon","params":{"apiKey":"x","timestamp":1,"signature":"y"}}"#
        ),
        -2015
    );
    assert_eq!(
        code(&mut desk, &signed_request(6, "session.logon", json!({}), now)),
        -4056
    );
    assert_eq!(
        code(&mut desk, r#"{"id":1,"method":"userDataStream.subscribe"}"#),
        -2015
    );
    assert_eq!(
        code(
            &mut desk,
            r#"{"id":1,"method":"order.place","params":{"symbol":"BTCUSDT"}}"#
        ),
        -1102
    );
    assert_eq!(code(&mut desk, r#"{"id":1,"method":"nothing"}"#), -1020);
    assert_eq!(code(&mut desk, "[]"), -1135);
}

/// The events of an account's stream, from `act` on.
fn events(act: impl FnOnce(&mut Desk)) -> Vec<Value> {
    let mut desk = Desk::new(&quiet());
    let id = open(&mut desk, "/ws-api/v3", "");
    let now = desk.now.millis();
    let subscribed = ask(
        &mut desk,
        id,
        &signed_request(1, "userDataStream.subscribe.signature", json!({}), now),
    );
    assert_eq!(subscribed["result"]["subscriptionId"], 0);
    let twice = ask(
        &mut desk,
        id,
        &signed_request(1, "userDataStream.subscribe.signature", json!({}), now),
    );
    assert_eq!(twice["error"]["code"], -2035);
    act(&mut desk);
    texts(&mut desk, id)
        .into_iter()
        .map(|frame| frame["event"].clone())
        .collect()
}

/// Execution type, status and client ids of the execution reports.
fn course(events: &[Value]) -> Vec<(&str, &str, &str, &str)> {
    let text = |event: &'static str| event;
    let reports = events.iter().filter(|event| event["e"] == text("executionReport"));
    reports
        .map(|event| {
            let field = |name: &str| event[name].as_str().unwrap();
            (field("x"), field("X"), field("c"), field("C"))
        })
        .collect()
}

#[test]
fn a_cancel_names_itself_in_c_and_the_order_in_capital_c() {
    let events = events(|desk| {
        desk.order(&format!(
            "{LIMIT}&side=BUY&quantity=0.002&price=50000&newClientOrderId=mine"
        ));
        let amend = "symbol=BTCUSDT&origClientOrderId=mine&newQty=0.001&newClientOrderId=less";
        desk.signed(Method::Put, "/api/v3/order/amend/keepPriority", amend);
        desk.signed(
            Method::Delete,
            "/api/v3/order",
            "symbol=BTCUSDT&orderId=1&newClientOrderId=bye",
        );
    });
    assert_eq!(
        course(&events),
        [
            ("NEW", "NEW", "mine", ""),
            ("REPLACED", "NEW", "less", "mine"),
            ("CANCELED", "CANCELED", "bye", "less")
        ]
    );
    let free: Vec<_> = events
        .iter()
        .filter(|event| event["e"] == "outboundAccountPosition")
        .map(|e| e["B"][0]["f"].clone())
        .collect();
    assert_eq!(free, ["99900.00000000", "99950.00000000", "100000.00000000"]);
}

#[test]
fn a_market_order_that_exhausts_the_book_expires() {
    let events = events(|desk| {
        desk.order(&format!(
            "{LIMIT}&side=SELL&quantity=0.002&price=60000&newClientOrderId=rest"
        ));
        desk.order(
            "symbol=BTCUSDT&type=MARKET&side=BUY&quantity=0.003&newClientOrderId=take&selfTradePreventionMode=NONE",
        );
    });
    assert_eq!(
        course(&events),
        [
            ("NEW", "NEW", "rest", ""),
            ("NEW", "NEW", "take", ""),
            ("TRADE", "PARTIALLY_FILLED", "take", ""),
            ("TRADE", "FILLED", "rest", ""),
            ("EXPIRED", "EXPIRED", "take", ""),
        ]
    );
    assert_eq!(
        events.last().unwrap()["e"],
        "outboundAccountPosition",
        "one, at the end"
    );
    let expired = events.iter().find(|event| event["x"] == "EXPIRED").unwrap();
    assert_eq!(expired["eR"], "INSUFFICIENT_LIQUIDITY");
    let maker = events.iter().find(|event| event["m"] == true).unwrap();
    assert_eq!(
        (&maker["n"], &maker["N"], &maker["L"]),
        (&json!("0.12000000"), &json!("USDT"), &json!("60000.00000000"))
    );
}

#[test]
fn prevented_trades_are_told() {
    let events = events(|desk| {
        desk.order(&format!(
            "{LIMIT}&side=SELL&quantity=0.002&price=60000&newClientOrderId=rest"
        ));
        desk.order(&format!(
            "{LIMIT}&side=BUY&quantity=0.003&price=60000&newClientOrderId=take&selfTradePreventionMode=DECREMENT"
        ));
    });
    assert_eq!(
        course(&events)[2..],
        [
            ("TRADE_PREVENTION", "EXPIRED_IN_MATCH", "rest", ""),
            ("TRADE_PREVENTION", "NEW", "take", "")
        ]
    );
    let taker = events.iter().rfind(|event| event["x"] == "TRADE_PREVENTION").unwrap();
    assert_eq!(
        (&taker["B"], &taker["pl"], &taker["l"]),
        (&json!("0.00200000"), &json!("0.00200000"), &json!("0.00000000"))
    );
}
