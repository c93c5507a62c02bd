//! Placing, cancelling, amending.

use colibri_sdk::abi::{OrderOp, Text48, op_flag, op_kind, order_side, order_type, time_in_force};
use colibri_sdk::model::{ClientOrderId, Liquidity, WallNs};
use colibri_sdk::standard::{CancelAll, Command, Event, OrderStatus, Outcome, RejectReason, ReportSource};
use colibri_sdk::testing::{Action, Refuse, Stage, events, outcome};

use crate::stage::{BTC, limit, only, request, stage};

const FULL: &[u8] = include_bytes!("../fixtures/order_full.json");

#[test]
fn a_limit_order_is_signed_as_the_documentation_says() {
    let mut stage = stage();
    let actions = stage.orders(&[limit(7)]);
    let [
        Action::Request {
            op,
            endpoint,
            url,
            headers,
            body,
            signed,
        },
    ] = actions.as_slice()
    else {
        panic!("{actions:?}");
    };
    assert_eq!((*op, endpoint.as_str(), body.as_str()), (7, "place_order", ""));
    let query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.005&price=60000&newClientOrderId=x-C1\
                 &newOrderRespType=FULL&timestamp=1700000000000000";
    assert_eq!(
        *url,
        format!("https://api.binance.com/api/v3/order?{query}&signature=${{signature}}")
    );
    assert!(headers.contains(&("X-MBX-APIKEY".to_owned(), "KEY1".to_owned())));
    assert_eq!(signed.len(), 1);
    assert_eq!(
        (signed[0].slot.as_str(), signed[0].preimage.as_str()),
        ("secret", query)
    );
}

fn placed(order: OrderOp) -> String {
    let (endpoint, url) = request(&stage().orders(&[order]));
    assert_eq!(endpoint, "place_order");
    url
}

#[test]
fn every_order_type_sends_what_it_takes() {
    let market = OrderOp {
        order_type: order_type::MARKET,
        time_in_force: 0,
        price: 0,
        ..limit(1)
    };
    assert!(placed(market).contains("side=BUY&type=MARKET&quantity=0.005&newClientOrderId"));
    let quote = OrderOp {
        flags: op_flag::QUOTE_QUANTITY,
        quantity: 1_250_000_000,
        ..market
    };
    assert!(placed(quote).contains("type=MARKET&quoteOrderQty=12.5&new"));
    let maker = OrderOp {
        order_type: order_type::LIMIT_MAKER,
        side: order_side::SELL,
        ..limit(1)
    };
    assert!(placed(maker).contains("side=SELL&type=LIMIT_MAKER&quantity=0.005&price=60000&"));
    for (tif, text) in [(time_in_force::IOC, "IOC"), (time_in_force::FOK, "FOK")] {
        let order = OrderOp {
            time_in_force: tif,
            ..limit(1)
        };
        assert!(placed(order).contains(&format!("timeInForce={text}&")));
    }
}

#[test]
fn the_answer_tells_fills_and_order() {
    let mut stage = stage();
    stage.orders(&[limit(7)]);
    let actions = stage.response(7, 200, FULL);
    let told = events(&actions);
    let [Event::Fill(first), Event::Fill(second), Event::Order(order)] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(first.trade_id.as_str(), "56");
    assert_eq!(first.price.to_string(), "59990.00000000");
    assert_eq!(first.fee.as_ref().unwrap().asset.as_str(), "BTC");
    assert_eq!(first.liquidity, Some(Liquidity::Taker));
    assert_eq!(second.client_id, ClientOrderId::new("x-C1").ok());
    assert_eq!(order.status, OrderStatus::PartiallyFilled);
    assert_eq!((order.instrument, order.source), (Some(BTC), ReportSource::Ack));
    assert_eq!(order.op.unwrap().0, 7);
    assert_eq!(order.exchange_id.as_ref().unwrap().as_str(), "28");
    assert_eq!(order.exchange_time, Some(WallNs(1_800_000_000_123_456_000)));
    assert_eq!(outcome(&actions, 7), Some(Outcome::Done));
    assert!(stage.response(7, 200, FULL).is_empty(), "an operation ends once");
}

#[test]
fn an_order_that_cannot_be_said_is_not_sent() {
    let mut stage = stage();
    for (order, reason) in [
        (
            OrderOp {
                client_id: Text48::new("too long for Binance: 1234567890 1234567890").unwrap(),
                ..limit(7)
            },
            RejectReason::BadRequest,
        ),
        (
            OrderOp {
                flags: op_flag::REDUCE_ONLY,
                ..limit(7)
            },
            RejectReason::Unsupported,
        ),
        (OrderOp { kind: 9, ..limit(7) }, RejectReason::Unsupported),
        (
            OrderOp {
                kind: op_kind::AMEND,
                ..limit(7)
            },
            RejectReason::Unsupported,
        ),
        (
            OrderOp {
                instrument: 44,
                ..limit(7)
            },
            RejectReason::BadRequest,
        ),
    ] {
        let actions = stage.orders(&[order]);
        match outcome(&actions, 7) {
            Some(Outcome::NotSent(refusal)) => assert_eq!(refusal.reason, reason, "{order:?}"),
            other => panic!("{other:?}"),
        }
        assert!(!actions.iter().any(|a| matches!(a, Action::Request { .. })));
    }
}

#[test]
fn what_the_host_refuses_is_not_sent() {
    let mut stage = stage();
    stage.refuse(Refuse::Everything);
    let actions = stage.orders(&[limit(7)]);
    assert!(matches!(outcome(&actions, 7), Some(Outcome::NotSent(_))));
}

fn answered(status: u32, body: &[u8]) -> Outcome {
    let mut stage = stage();
    stage.orders(&[limit(7)]);
    let actions = stage.response(7, status, body);
    assert!(events(&actions).is_empty(), "{actions:?}");
    outcome(&actions, 7).unwrap()
}

#[test]
fn what_is_not_evidence_leaves_the_order_unknown() {
    for (status, body) in [
        (500, &b""[..]),
        (502, b"<html><body>Bad Gateway</body></html>"),
        (504, br#"{"code":-1007,"msg":"Timeout waiting for response from backend server. Send status unknown; execution status unknown."}"#),
        (400, br#"{"code":-1006,"msg":"An unexpected response was received from the message bus. Execution status unknown."}"#),
        (200, b"{\"symbol\":\"BTCUSDT\""),
        (200, b"{}"),
        (200, b"<html></html>"),
    ] {
        assert!(answered(status, body).is_unknown(), "{status}");
    }
}

#[test]
fn what_is_evidence_is_told_as_such() {
    assert!(matches!(
        answered(400, br#"{"code":-2010,"msg":"Account has insufficient balance for requested action."}"#),
        Outcome::Rejected(r) if r.reason == RejectReason::InsufficientBalance && r.code.as_deref() == Some("-2010")
    ));
    assert!(matches!(
        answered(400, br#"{"code":-1021,"msg":"x"}"#),
        Outcome::ClockSkew(_)
    ));
    assert!(matches!(
        answered(401, br#"{"code":-2015,"msg":"x"}"#),
        Outcome::AuthFailed(_)
    ));
    assert!(matches!(answered(403, b"<html>"), Outcome::NotExecuted(_)));
    assert!(matches!(
        answered(503, br#"{"code":-1008,"msg":"x"}"#),
        Outcome::NotExecuted(_)
    ));
    assert!(matches!(answered(410, b"<html>"), Outcome::Rejected(_)));
    let mut stage = stage();
    stage.orders(&[limit(7)]);
    let actions = stage.response_with(
        7,
        429,
        &[("retry-after", "3")],
        br#"{"code":-1003,"msg":"Too much request weight used"}"#,
    );
    assert!(matches!(
        outcome(&actions, 7),
        Some(Outcome::Throttled { retry_after: Some(span), .. }) if span.0 == 3_000
    ));
}

fn cancel(op: u64, client_id: &str, exchange_id: &str) -> OrderOp {
    let mut order = OrderOp {
        kind: op_kind::CANCEL,
        instrument: BTC.0,
        client_id: Text48::new(client_id).unwrap(),
        exchange_id: Text48::new(exchange_id).unwrap(),
        ..OrderOp::default()
    };
    order.grant.op = op;
    order
}

const CANCELLED: &[u8] = br#"{"symbol":"BTCUSDT","origClientOrderId":"x-C1","orderId":28,"orderListId":-1,
    "clientOrderId":"cancelMyOrder1","transactTime":1800000000123,"price":"60000.0","origQty":"1.0","executedQty":"0.5",
    "cummulativeQuoteQty":"-1.0","status":"CANCELED","timeInForce":"GTC","type":"LIMIT","side":"BUY"}"#;

#[test]
fn a_cancel_names_the_order_by_the_exchange_s_id_where_it_is_known() {
    let mut stage = stage();
    let (endpoint, url) = request(&stage.orders(&[cancel(8, "x-C1", "28")]));
    assert_eq!(endpoint, "cancel_order");
    assert!(
        url.starts_with("/api/v3/order?symbol=BTCUSDT&orderId=28&timestamp="),
        "{url}"
    );
    let (_, url) = request(&stage.orders(&[cancel(9, "x-C1", "")]));
    assert!(
        url.starts_with("/api/v3/order?symbol=BTCUSDT&origClientOrderId=x-C1&timestamp="),
        "{url}"
    );
    let actions = stage.response(8, 200, CANCELLED);
    let order = only!(actions, Order);
    assert_eq!(
        order.client_id,
        ClientOrderId::new("x-C1").ok(),
        "not the id of the cancel"
    );
    assert_eq!(order.status, OrderStatus::Cancelled);
    assert_eq!(order.filled_quote, None, "negative is not known");
    assert_eq!(order.exchange_time, Some(WallNs(1_800_000_000_123_000_000)));
    let actions = stage.response(9, 400, br#"{"code":-2011,"msg":"Unknown order sent."}"#);
    assert!(matches!(outcome(&actions, 9), Some(Outcome::Rejected(r)) if r.reason == RejectReason::OrderNotFound));
}

fn cancel_all(stage: &mut Stage, status: u32, body: &[u8]) -> Vec<Action> {
    let command = Command::CancelAll(CancelAll { instrument: BTC });
    stage.ask(20, &command, status, body)
}

#[test]
fn cancelling_all_tells_every_order_and_those_of_lists() {
    let mut stage = stage();
    let body = format!(
        r#"[{order},{{"orderListId":1929,"contingencyType":"OCO","symbol":"BTCUSDT","orders":[],"orderReports":[{order},{order}]}}]"#,
        order = String::from_utf8_lossy(CANCELLED)
    );
    let actions = cancel_all(&mut stage, 200, body.as_bytes());
    assert_eq!(events(&actions).len(), 3);
    assert_eq!(outcome(&actions, 20), Some(Outcome::Done));
    let none = cancel_all(&mut stage, 400, br#"{"code":-2011,"msg":"Unknown order sent."}"#);
    assert_eq!(outcome(&none, 20), Some(Outcome::Done));
    let failed = cancel_all(&mut stage, 500, b"");
    assert!(outcome(&failed, 20).unwrap().is_unknown());
}

#[test]
fn an_amend_keeps_the_order_s_name_unless_it_gets_a_new_one() {
    let mut stage = stage();
    let amend = OrderOp {
        kind: op_kind::AMEND,
        quantity: 300_000,
        quantity_exponent: -8,
        ..cancel(5, "x-C1", "28")
    };
    let (endpoint, url) = request(&stage.orders(&[amend]));
    assert_eq!(endpoint, "amend_order");
    assert!(
        url.starts_with(
            "/api/v3/order/amend/keepPriority?symbol=BTCUSDT&orderId=28&newClientOrderId=x-C1&newQty=0.003&timestamp="
        ),
        "{url}"
    );
    let actions = stage.response(
        5,
        200,
        br#"{"transactTime":1741926410255,"executionId":75,"amendedOrder":{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,
            "origClientOrderId":"x-C1","clientOrderId":"x-C2","price":"60000.0","qty":"0.003","executedQty":"0.001",
            "preventedQty":"0","quoteOrderQty":"0","cumulativeQuoteQty":"60.0","status":"PARTIALLY_FILLED",
            "timeInForce":"GTC","type":"LIMIT","side":"BUY","workingTime":1741926410242,"selfTradePreventionMode":"NONE"}}"#,
    );
    let order = only!(actions, Order);
    assert_eq!(order.client_id, ClientOrderId::new("x-C2").ok());
    assert_eq!(order.previous_client_id, ClientOrderId::new("x-C1").ok());
    assert_eq!(order.quantity.unwrap().to_string(), "0.003");
    assert_eq!(order.filled_quote.unwrap().to_string(), "60.0");
    assert_eq!(order.exchange_time, Some(WallNs(1_741_926_410_255_000_000)));
}
