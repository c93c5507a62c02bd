//! Orders over the WebSocket API: frames, signatures, answers, and what becomes of them when the stream goes.

use colibri_connector_binance::MANIFEST;
use colibri_sdk::abi::{OrderOp, Text48, op_flag, op_kind, order_type};
use colibri_sdk::model::{ClientOrderId, InstrumentId};
use colibri_sdk::standard::{
    Command, Event, KeyKind, OpenSession, OrderStatus, Outcome, RejectReason, ReportSource, SessionRole, SessionStatus,
    UseInstruments,
};
use colibri_sdk::testing::{Action, Stage, events, outcome};
use colibri_standard::{Manifest, OrderEntry, Transport};
use serde_json::{Value, json};

use crate::stage::{limit, only, stage_with, used};

/// A stage whose user session is live; orders get the ids from 2 on (HMAC, RSA), or from 3 on (Ed25519).
fn live(kind: KeyKind) -> Stage {
    let mut stage = stage_with(kind);
    stage.command(
        1,
        &Command::OpenSession(OpenSession {
            session: 2,
            role: SessionRole::User,
            subscriptions: Vec::new(),
        }),
    );
    stage.stream_opened(1);
    stage.granted(1);
    let mut actions = stage.frame(1, br#"{"id":1,"status":200,"result":{}}"#);
    if kind == KeyKind::Ed25519 {
        stage.granted(1);
        actions = stage.frame(1, br#"{"id":2,"status":200,"result":{"subscriptionId":0}}"#);
    }
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
    stage
}

fn over_stream(order: OrderOp) -> OrderOp {
    OrderOp {
        flags: order.flags | op_flag::OVER_STREAM,
        ..order
    }
}

/// The one frame among actions: its endpoint, itself, and what of it is signed.
fn frame(actions: &[Action]) -> (String, Value, Option<String>) {
    let [
        Action::Send {
            stream: 1,
            endpoint,
            frame,
            signed,
            ..
        },
    ] = actions
    else {
        panic!("{actions:?}");
    };
    let signed = signed.first().map(|s| {
        assert_eq!((s.name.as_str(), s.slot.as_str()), ("signature", "secret"));
        s.preimage.clone()
    });
    (endpoint.clone(), serde_json::from_str(frame).unwrap(), signed)
}

fn acting(kind: u32) -> OrderOp {
    let mut order = OrderOp {
        kind,
        client_id: Text48::new("x-C1").unwrap(),
        exchange_id: Text48::new("28").unwrap(),
        ..limit(8)
    };
    order.grant.op = 8;
    order
}

#[test]
fn a_key_that_cannot_log_on_signs_each_request_over_its_parameters_sorted_and_unencoded() {
    for kind in [KeyKind::HmacSha256, KeyKind::Rsa] {
        let mut stage = live(kind);
        let (endpoint, frame, signed) = frame(&stage.orders(&[over_stream(limit(7))]));
        assert_eq!(endpoint, "order_place");
        assert_eq!(
            frame,
            json!({"id": 2, "method": "order.place", "params": {
                "apiKey": "KEY1", "newClientOrderId": "x-C1", "newOrderRespType": "FULL", "price": "60000", "quantity": "0.005",
                "side": "BUY", "symbol": "BTCUSDT", "timeInForce": "GTC", "timestamp": 1_700_000_000_000_000_u64, "type": "LIMIT",
                "signature": "${signature}",
            }})
        );
        assert_eq!(
            signed.unwrap(),
            "apiKey=KEY1&newClientOrderId=x-C1&newOrderRespType=FULL&price=60000&quantity=0.005&side=BUY&symbol=BTCUSDT\
             &timeInForce=GTC&timestamp=1700000000000000&type=LIMIT"
        );
    }
}

#[test]
fn a_key_that_has_logged_on_sends_a_timestamp_and_no_signature() {
    let mut stage = live(KeyKind::Ed25519);
    let (_, frame, signed) = frame(&stage.orders(&[over_stream(limit(7))]));
    assert_eq!(signed, None);
    assert_eq!(frame["id"], json!(3));
    let names: Vec<&String> = frame["params"].as_object().unwrap().keys().collect();
    assert!(names.contains(&&"timestamp".to_owned()), "{names:?}");
    assert!(
        !names.iter().any(|n| ["apiKey", "signature"].contains(&n.as_str())),
        "{names:?}"
    );
}

#[test]
fn a_symbol_in_other_letters_is_signed_as_it_is_written() {
    let mut stage = live(KeyKind::HmacSha256);
    let set = UseInstruments {
        instruments: vec![used(InstrumentId(1), "X-USDT", "１２３４５６\"\\")],
    };
    stage.command(9_001, &Command::UseInstruments(set));
    let (_, frame, signed) = frame(&stage.orders(&[over_stream(limit(7))]));
    assert_eq!(frame["params"]["symbol"], "１２３４５６\"\\");
    assert!(signed.unwrap().contains("&symbol=１２３４５６\"\\&"));
}

#[test]
fn every_order_operation_has_its_method() {
    let cases = [
        (
            over_stream(OrderOp {
                order_type: order_type::MARKET,
                time_in_force: 0,
                price: 0,
                flags: op_flag::QUOTE_QUANTITY,
                quantity: 1_250_000_000,
                ..limit(8)
            }),
            "order_place",
            "order.place",
            json!({"quoteOrderQty": "12.5", "type": "MARKET"}),
        ),
        (
            over_stream(acting(op_kind::CANCEL)),
            "order_cancel",
            "order.cancel",
            json!({"orderId": 28}),
        ),
        (
            over_stream(OrderOp {
                exchange_id: Text48::EMPTY,
                ..acting(op_kind::CANCEL)
            }),
            "order_cancel",
            "order.cancel",
            json!({"origClientOrderId": "x-C1"}),
        ),
        (
            over_stream(OrderOp {
                price: 0,
                quantity: 300_000,
                ..acting(op_kind::AMEND)
            }),
            "order_amend",
            "order.amend.keepPriority",
            json!({"orderId": 28, "newQty": "0.003", "newClientOrderId": "x-C1"}),
        ),
        (
            over_stream(OrderOp {
                flags: op_flag::STOP_ON_FAILURE,
                other_client_id: Text48::new("x-C0").unwrap(),
                ..acting(op_kind::REPLACE)
            }),
            "order_replace",
            "order.cancelReplace",
            json!({"cancelOrderId": 28, "cancelReplaceMode": "STOP_ON_FAILURE", "newClientOrderId": "x-C1"}),
        ),
    ];
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let manifest = manifest.connector("binance").unwrap();
    for (order, endpoint, method, parameters) in cases {
        let (sent_to, frame, _) = frame(&live(KeyKind::HmacSha256).orders(&[order]));
        assert_eq!(
            (sent_to.as_str(), frame["method"].as_str().unwrap()),
            (endpoint, method)
        );
        for (name, value) in parameters.as_object().unwrap() {
            assert_eq!(frame["params"][name], *value, "{frame}");
        }
        let declared = &manifest.endpoints[endpoint];
        assert_eq!((declared.transport, declared.path.as_str()), (Transport::Send, method));
    }
    assert_eq!(
        manifest.orders.entry,
        OrderEntry::Http,
        "the user's choice, not the default"
    );
}

/// What a test's order costs over the stream it costs over HTTP, but for the pool that counts HTTP requests.
#[test]
fn both_ways_cost_the_same() {
    let manifest = Manifest::parse(MANIFEST).unwrap();
    let manifest = manifest.connector("binance").unwrap();
    let stream = manifest.orders.stream.as_ref().unwrap();
    for (http, stream) in [
        (Some(&manifest.orders.place), Some(&stream.place)),
        (Some(&manifest.orders.cancel), Some(&stream.cancel)),
        (manifest.orders.amend.as_ref(), stream.amend.as_ref()),
        (manifest.orders.replace.as_ref(), stream.replace.as_ref()),
    ] {
        let (http, stream) = (&manifest.endpoints[http.unwrap()], &manifest.endpoints[stream.unwrap()]);
        let over_http: Vec<_> = http.costs.iter().filter(|c| c.pool != "requests").collect();
        assert_eq!(over_http, stream.costs.iter().collect::<Vec<_>>());
        assert_eq!((http.priority, http.auth), (stream.priority, stream.auth));
        assert!(!stream.idempotent);
    }
}

const PLACED: &str = r#"{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"x-C1","transactTime":1800000000123456,
    "price":"60000.0","origQty":"0.005","executedQty":"0.001","origQuoteOrderQty":"0.0","cummulativeQuoteQty":"59.99",
    "status":"PARTIALLY_FILLED","timeInForce":"GTC","type":"LIMIT","side":"BUY","workingTime":1800000000123456,
    "fills":[{"price":"59990.0","qty":"0.001","commission":"0.000001","commissionAsset":"BTC","tradeId":56}],
    "selfTradePreventionMode":"NONE"}"#;

#[test]
fn the_answer_tells_fills_order_and_limits() {
    let mut stage = live(KeyKind::HmacSha256);
    stage.orders(&[over_stream(limit(7))]);
    let answer = format!(
        r#"{{"id":2,"status":200,"result":{PLACED},"rateLimits":[
        {{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":100,"count":3}},
        {{"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":200000,"count":4043}},
        {{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000,"count":321}}]}}"#
    );
    let actions = stage.frame(1, answer.as_bytes());
    let told = events(&actions);
    let pools: Vec<_> = told
        .iter()
        .filter_map(|e| match e {
            Event::Usage(usage) => Some((usage.pool.as_str(), usage.used, usage.limit)),
            _ => None,
        })
        .collect();
    assert_eq!(
        pools,
        [
            ("orders_10s", 3, Some(100)),
            ("orders_1d", 4_043, Some(200_000)),
            ("weight", 321, Some(6_000))
        ]
    );
    let [Event::Fill(fill), Event::Order(order)] = &told[3..] else {
        panic!("{told:?}");
    };
    assert_eq!((fill.trade_id.as_str(), fill.source), ("56", ReportSource::Ack));
    assert_eq!(
        (order.op.unwrap().0, order.status.clone()),
        (7, OrderStatus::PartiallyFilled)
    );
    assert_eq!(outcome(&actions, 7), Some(Outcome::Done));
    let again = stage.frame(1, answer.as_bytes());
    assert_eq!(outcome(&again, 7), None, "an operation ends once");
    assert_eq!(events(&again).len(), 3, "a second answer says nothing but the limits");
}

/// Answers are told apart by their ids, whatever their order.
#[test]
fn answers_may_overtake_each_other() {
    let mut stage = live(KeyKind::HmacSha256);
    stage.orders(&[over_stream(limit(7)), over_stream(acting(op_kind::CANCEL))]);
    let actions = stage.frame(
        1,
        br#"{"id":3,"status":400,"error":{"code":-2011,"msg":"Unknown order sent."}}"#,
    );
    assert!(matches!(outcome(&actions, 8), Some(Outcome::Rejected(r)) if r.reason == RejectReason::OrderNotFound));
    assert_eq!(outcome(&actions, 7), None);
    let actions = stage.frame(1, format!(r#"{{"id":2,"status":200,"result":{PLACED}}}"#).as_bytes());
    assert_eq!(outcome(&actions, 7), Some(Outcome::Done));
}

#[test]
fn a_cancel_and_an_amend_are_told_by_the_order_s_own_name() {
    let mut stage = live(KeyKind::HmacSha256);
    stage.orders(&[over_stream(acting(op_kind::CANCEL))]);
    let actions = stage.frame(
        1,
        br#"{"id":2,"status":200,"result":{"symbol":"BTCUSDT","origClientOrderId":"x-C1","orderId":28,"orderListId":-1,
        "clientOrderId":"91fe37ce9e69c90d6358c0","transactTime":1684804350068,"price":"60000","origQty":"0.005",
        "executedQty":"0.001","origQuoteOrderQty":"0.0","cummulativeQuoteQty":"60","status":"CANCELED","timeInForce":"GTC",
        "type":"LIMIT","side":"BUY","selfTradePreventionMode":"NONE"}}"#,
    );
    let order = only!(actions, Order);
    assert_eq!(
        (order.client_id, order.status),
        (ClientOrderId::new("x-C1").ok(), OrderStatus::Cancelled)
    );
    stage.orders(&[over_stream(OrderOp {
        price: 0,
        ..acting(op_kind::AMEND)
    })]);
    let actions = stage.frame(
        1,
        br#"{"id":3,"status":200,"result":{"transactTime":1741923284382,"executionId":16,"amendedOrder":{"symbol":"BTCUSDT",
        "orderId":28,"orderListId":-1,"origClientOrderId":"x-C1","clientOrderId":"x-C1","price":"60000","qty":"0.003",
        "executedQty":"0","preventedQty":"0","quoteOrderQty":"0","cumulativeQuoteQty":"0","status":"NEW","timeInForce":"GTC",
        "type":"LIMIT","side":"BUY","workingTime":1741923284364,"selfTradePreventionMode":"NONE"}}}"#,
    );
    assert_eq!(only!(actions, Order).quantity.unwrap().to_string(), "0.003");
    assert_eq!(outcome(&actions, 8), Some(Outcome::Done));
}

fn replaced(answer: &str) -> Vec<Action> {
    let mut stage = live(KeyKind::HmacSha256);
    stage.orders(&[over_stream(OrderOp {
        flags: op_flag::STOP_ON_FAILURE,
        other_client_id: Text48::new("x-C0").unwrap(),
        ..acting(op_kind::REPLACE)
    })]);
    stage.frame(1, answer.as_bytes())
}

#[test]
fn the_halves_of_a_replace_are_told_whatever_the_status() {
    let actions = replaced(
        r#"{"id":2,"status":400,"error":{"code":-2022,"msg":"Order cancel-replace failed.","data":{"cancelResult":"FAILURE",
        "newOrderResult":"NOT_ATTEMPTED","cancelResponse":{"code":-2011,"msg":"Unknown order sent."},"newOrderResponse":null}}}"#,
    );
    assert!(matches!(outcome(&actions, 8), Some(Outcome::Rejected(r)) if r.reason == RejectReason::OrderNotFound));
    let result = only!(actions, ReplaceResult);
    assert!(matches!(result.place, Outcome::NotSent(_)));

    let actions = replaced(
        r#"{"id":2,"status":409,"error":{"code":-2021,"msg":"Order cancel-replace partially failed.","data":{
        "cancelResult":"SUCCESS","newOrderResult":"FAILURE","cancelResponse":{"symbol":"BTCUSDT","origClientOrderId":"x-C0",
        "orderId":28,"orderListId":-1,"clientOrderId":"c","transactTime":1684804350068,"price":"1","origQty":"1",
        "executedQty":"0","cummulativeQuoteQty":"0","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"SELL"},
        "newOrderResponse":{"code":-2010,"msg":"Order would immediately match and take."}}}}"#,
    );
    assert_eq!(outcome(&actions, 8), Some(Outcome::Done));
    let told = events(&actions);
    assert!(
        matches!(&told[..], [Event::Order(cancelled), Event::ReplaceResult(result)]
            if cancelled.client_id == ClientOrderId::new("x-C0").ok() && result.cancel == Outcome::Done
            && matches!(&result.place, Outcome::Rejected(r) if r.reason == RejectReason::WouldTakeLiquidity)),
        "{told:?}"
    );

    // Not evidence of either half.
    for answer in [
        r#"{"id":2,"status":504}"#,
        r#"{"id":2,"status":409}"#,
        r#"{"id":2,"status":409,"error":{"code":-2021,"msg":"Order cancel-replace partially failed."}}"#,
    ] {
        assert!(outcome(&replaced(answer), 8).unwrap().is_unknown(), "{answer}");
    }
}

#[test]
fn limits_that_cannot_be_read_take_nothing_from_an_answer() {
    let mut stage = live(KeyKind::HmacSha256);
    stage.orders(&[over_stream(limit(7))]);
    let answer = format!(r#"{{"id":2,"status":200,"result":{PLACED},"rateLimits":[{{"rateLimitType":"ORDERS"}}]}}"#);
    let actions = stage.frame(1, answer.as_bytes());
    assert_eq!(outcome(&actions, 7), Some(Outcome::Done));
}

#[test]
fn a_failure_is_evidence_or_it_is_not_as_over_http() {
    for (answer, kind) in [
        (
            r#""status":400,"error":{"code":-2010,"msg":"Account has insufficient balance for requested action."}"#,
            2,
        ),
        (r#""status":403"#, 4),
        (
            r#""status":503,"error":{"code":-1008,"msg":"Server is currently overloaded"}"#,
            4,
        ),
        (
            r#""status":429,"error":{"code":-1015,"msg":"Too many new orders; current limit is 50 orders per 10 SECOND."}"#,
            5,
        ),
        (
            r#""status":418,"error":{"code":-1003,"msg":"IP banned until 1659146400000."}"#,
            6,
        ),
        (
            r#""status":401,"error":{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}"#,
            7,
        ),
        (
            r#""status":400,"error":{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}"#,
            8,
        ),
        (
            r#""status":400,"error":{"code":-1007,"msg":"Timeout waiting for response from backend server."}"#,
            10,
        ),
        (r#""status":500,"error":{"code":-9999,"msg":"?"}"#, 10),
        (r#""status":504"#, 10),
        (r#""status":200"#, 10),
        (r#""status":200,"result":{}"#, 10),
        (r#""status":200,"result":null"#, 10),
        (r#""status":200,"error":{"code":-9999,"msg":"?"}"#, 10),
    ] {
        let mut stage = live(KeyKind::HmacSha256);
        stage.orders(&[over_stream(limit(7))]);
        let actions = stage.frame(1, format!(r#"{{"id":2,{answer}}}"#).as_bytes());
        let ended = outcome(&actions, 7).unwrap();
        assert_eq!(ended.kind(), kind, "{answer}: {ended:?}");
    }
    let mut stage = live(KeyKind::HmacSha256);
    stage.orders(&[over_stream(limit(7))]);
    let actions = stage.frame(
        1,
        br#"{"id":2,"status":429,"error":{"code":-1003,"msg":"Too much","data":{"serverTime":1,"retryAfter":1700000005000}}}"#,
    );
    assert!(
        matches!(outcome(&actions, 7), Some(Outcome::Throttled { retry_after: Some(span), .. }) if span.0 == 5_000)
    );
}

#[test]
fn without_a_live_stream_nothing_is_sent() {
    let mut stage = stage_with(KeyKind::HmacSha256);
    let actions = stage.orders(&[over_stream(limit(7))]);
    assert!(matches!(outcome(&actions, 7), Some(Outcome::NotSent(r)) if r.reason == RejectReason::NotConnected));
    assert!(!actions.iter().any(|a| matches!(a, Action::Send { .. })));
}

#[test]
fn a_stream_that_is_lost_leaves_its_orders_unknown() {
    let mut stage = live(KeyKind::HmacSha256);
    stage.orders(&[over_stream(limit(7)), over_stream(acting(op_kind::CANCEL))]);
    let actions = stage.stream_closed(1, 1006, "reset");
    for op in [7, 8] {
        assert!(outcome(&actions, op).unwrap().is_unknown());
    }
}

#[test]
fn an_answer_that_comes_too_late_says_nothing_of_the_order() {
    let mut stage = live(KeyKind::HmacSha256);
    stage.orders(&[over_stream(limit(7))]);
    stage.ended(7, 10);
    let actions = stage.frame(1, format!(r#"{{"id":2,"status":200,"result":{PLACED}}}"#).as_bytes());
    assert!(actions.is_empty(), "{actions:?}");
}

/// web-socket-api.md, "Regarding API key revocation": the answer has no id, and the session is no longer logged on.
#[test]
fn a_key_that_is_revoked_ends_the_session() {
    let mut stage = live(KeyKind::Ed25519);
    stage.orders(&[over_stream(limit(7))]);
    let actions = stage.frame(
        1,
        br#"{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}}"#,
    );
    let session = only!(actions, Session);
    assert_eq!((session.session, session.status), (2, SessionStatus::Down));
    assert!(actions.iter().any(|a| matches!(a, Action::Close { stream: 1, .. })));
    assert_eq!(
        outcome(&actions, 7),
        None,
        "which request it was is not said: the host asks"
    );
}
