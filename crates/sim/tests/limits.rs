//! Request weight, bans and unfilled order counts, in virtual time.
#![allow(clippy::unwrap_used)]

mod support;

use colibri_sim::SimConfig;
use colibri_sim::binance::{CloseCode, Method, Outgoing, SocketPath};
use colibri_sim::config::LimitConfig;
use serde_json::{Value, json};
use support::{Desk, parsed, quiet, signed_request};

const LIMIT: &str = "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC";

fn code(reply: (u16, Value)) -> (u16, i64) {
    (reply.0, reply.1["code"].as_i64().unwrap_or_default())
}

#[test]
fn weight_is_charged_refunded_and_enforced() {
    let limits = LimitConfig {
        weight_per_minute: 60,
        violations_before_ban: 2,
        ..LimitConfig::default()
    };
    let mut desk = Desk::new(&SimConfig { limits, ..quiet() });
    let used = |reply: &colibri_sim::binance::HttpResponse| reply.header("X-MBX-USED-WEIGHT-1M").unwrap().to_owned();
    let reply = desk.raw(Method::Get, "/api/v3/exchangeInfo", "", "", &[]);
    assert_eq!(used(&reply), "20");
    let order = format!("{LIMIT}&side=BUY&quantity=0.001&price=50000");
    let reply = desk.signed_raw(Method::Post, "/api/v3/order", &order);
    assert_eq!(
        (used(&reply), reply.header("X-MBX-ORDER-COUNT-10S")),
        ("20".to_owned(), Some("1")),
        "a success is free"
    );
    let reply = desk.signed_raw(Method::Post, "/api/v3/order", &format!("{order}&x=1"));
    assert_eq!(used(&reply), "21", "a failure is not");
    let over = desk.signed_raw(Method::Get, "/api/v3/rateLimit/order", "");
    assert_eq!((over.status, parsed(&over).1["code"].as_i64()), (429, Some(-1003)));
    assert!((1..=60).contains(&over.header("Retry-After").unwrap().parse::<i64>().unwrap()));
    desk.signed_raw(Method::Get, "/api/v3/rateLimit/order", "");
    let ban = desk.signed_raw(Method::Get, "/api/v3/rateLimit/order", "");
    assert_eq!((ban.status, ban.header("Retry-After")), (418, Some("120")));
    desk.pass(120_000);
    let (_, counts) = desk.signed(Method::Get, "/api/v3/rateLimit/order", "");
    assert_eq!(
        (&counts[0]["count"], &counts[1]["count"]),
        (&json!(0), &json!(1)),
        "the day outlives ten seconds"
    );
}

/// web-socket-api.md, "Rate limits": weight is the address's and unfilled orders are the account's, whichever door they use.
#[test]
fn orders_over_http_and_over_the_socket_count_together() {
    let limits = LimitConfig {
        orders_per_10_seconds: 2,
        ..LimitConfig::default()
    };
    let mut desk = Desk::new(&SimConfig { limits, ..quiet() });
    let peer = "127.0.0.1".parse().unwrap();
    let id = desk.exchange.ws_open(&SocketPath::Api, "", peer, desk.now).unwrap();
    let ask = |desk: &mut Desk, number: i64| {
        let params = json!({ "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
            "price": "50000", "quantity": "0.001" });
        let request = signed_request(number, "order.place", params, desk.now.millis());
        desk.exchange.ws_message(id, &request, desk.now);
        let answers = desk.exchange.drain().into_iter().filter_map(|(_, frame)| match frame {
            Outgoing::Text(text) => Some(serde_json::from_str::<Value>(&text).unwrap()),
            _ => None,
        });
        answers.into_iter().find(|a| a["id"] == json!(number)).unwrap()
    };
    let order = format!("{LIMIT}&side=BUY&quantity=0.001&price=50000");
    assert_eq!(desk.order(&order).0, 200);
    let second = ask(&mut desk, 1);
    assert_eq!(
        (&second["status"], &second["rateLimits"][0]["count"]),
        (&json!(200), &json!(2))
    );
    let third = ask(&mut desk, 2);
    assert_eq!(
        (&third["status"], &third["error"]["code"]),
        (&json!(429), &json!(-1015))
    );
    assert_eq!(code(desk.order(&order)), (429, -1015));
}

#[test]
fn unfilled_orders_are_limited() {
    let limits = LimitConfig {
        orders_per_10_seconds: 2,
        ..LimitConfig::default()
    };
    let mut desk = Desk::new(&SimConfig { limits, ..quiet() });
    let order = format!("{LIMIT}&side=BUY&quantity=0.001&price=50000");
    desk.order(&format!("{order}&newClientOrderId=a"));
    desk.order(&order);
    let (status, over) = desk.order(&order);
    assert_eq!((status, &over["code"]), (429, &json!(-1015)));
    assert_eq!(
        over["msg"],
        "Too many new orders; current limit is 2 orders per 10 SECOND."
    );
    let replace = format!("{order}&cancelReplaceMode=STOP_ON_FAILURE&cancelOrigClientOrderId=a");
    assert_eq!(
        code(desk.signed(Method::Post, "/api/v3/order/cancelReplace", &replace)),
        (429, -1015)
    );
    let cancel_only = format!("{replace}&orderRateLimitExceededMode=CANCEL_ONLY");
    let (status, reply) = desk.signed(Method::Post, "/api/v3/order/cancelReplace", &cancel_only);
    assert_eq!(
        (status, &reply["code"], &reply["data"]["cancelResult"]),
        (429, &json!(-2021), &json!("SUCCESS"))
    );
    desk.pass(10_000);
    assert_eq!(desk.order(&order).0, 200);
}

#[test]
fn the_socket_api_tells_when_to_try_again() {
    let limits = LimitConfig {
        weight_per_minute: 10,
        violations_before_ban: 1,
        ..LimitConfig::default()
    };
    let mut desk = Desk::new(&SimConfig { limits, ..quiet() });
    let peer = "127.0.0.1".parse().unwrap();
    let id = desk.exchange.ws_open(&SocketPath::Api, "", peer, desk.now).unwrap();
    let mut frames = Vec::new();
    for _ in 0..3 {
        desk.exchange.ws_message(
            id,
            r#"{"id":1,"method":"depth","params":{"symbol":"BTCUSDT"}}"#,
            desk.now,
        );
        frames.extend(desk.exchange.drain().into_iter().map(|(_, frame)| frame));
    }
    let reply = |frame: &Outgoing| match frame {
        Outgoing::Text(text) => serde_json::from_str::<Value>(text).unwrap(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reply(&frames[0])["status"], 200);
    let over = reply(&frames[1]);
    let minute_ends = (desk.now.millis() / 60_000 + 1) * 60_000;
    assert_eq!(
        (&over["status"], &over["error"]["data"]["retryAfter"]),
        (&json!(429), &json!(minute_ends))
    );
    let ban = reply(&frames[2]);
    assert_eq!(
        (&ban["status"], &ban["error"]["data"]["retryAfter"]),
        (&json!(418), &json!(desk.now.millis() + 120_000))
    );
    assert_eq!(frames[3], Outgoing::Close(CloseCode::Policy, "IP banned"));
    assert_eq!(
        desk.exchange
            .ws_open(&SocketPath::Api, "", peer, desk.now)
            .unwrap_err()
            .status,
        418
    );
}
