//! Placing, cancelling, amending; batches.

use colibri_sdk::abi::{OrderOp, Text48, op_flag, op_kind, order_side, order_type, position_side, time_in_force};
use colibri_sdk::model::{ClientOrderId, FillCause, OrderType, PositionEffect, PositionSide, TimeInForce};
use colibri_sdk::standard::{CancelAll, Command, Event, OrderStatus, Outcome, RejectReason, ReportSource};
use colibri_sdk::testing::{Action, Stage, events, outcome};

use crate::stage::{BTC, limit, only, request, stage};

#[test]
fn a_limit_order_is_signed_as_the_documentation_says() {
    let actions = stage().orders(&[limit(7)]);
    let [
        Action::Request {
            op,
            endpoint,
            url,
            headers,
            signed,
            ..
        },
    ] = actions.as_slice()
    else {
        panic!("{actions:?}");
    };
    assert_eq!((*op, endpoint.as_str()), (7, "place_order"));
    let query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.005&price=60000&newClientOrderId=x-C1\
                 &newOrderRespType=RESULT&timestamp=1700000000000";
    assert_eq!(
        *url,
        format!("https://fapi.binance.com/fapi/v1/order?{query}&signature=${{signature}}")
    );
    assert_eq!(headers, &[("X-MBX-APIKEY".to_owned(), "KEY1".to_owned())]);
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
fn every_order_says_what_it_is() {
    let market = OrderOp {
        order_type: order_type::MARKET,
        time_in_force: 0,
        price: 0,
        ..limit(1)
    };
    let maker = OrderOp {
        order_type: order_type::LIMIT_MAKER,
        time_in_force: 0,
        side: order_side::SELL,
        ..limit(1)
    };
    let dated = OrderOp {
        time_in_force: time_in_force::GTD,
        ..limit(1)
    };
    let reducing = OrderOp {
        flags: op_flag::REDUCE_ONLY,
        side: order_side::SELL,
        ..limit(1)
    };
    for (order, said) in [
        (market, "side=BUY&type=MARKET&quantity=0.005&newClientOrderId=x-C1&"),
        (
            maker,
            "side=SELL&type=LIMIT&timeInForce=GTX&quantity=0.005&price=60000&",
        ),
        (
            OrderOp {
                time_in_force: time_in_force::IOC,
                ..limit(1)
            },
            "type=LIMIT&timeInForce=IOC&",
        ),
        (
            dated.good_till(1_723_164_854_900_000_000),
            "timeInForce=GTD&quantity=0.005&price=60000&goodTillDate=1723164854000&",
        ),
        (reducing, "side=SELL&reduceOnly=true&type=LIMIT&"),
        (
            limit(1).of_position(position_side::LONG, 0),
            "side=BUY&positionSide=LONG&type=LIMIT&",
        ),
        (
            limit(1).of_position(position_side::SHORT, 0),
            "side=BUY&positionSide=SHORT&type=LIMIT&",
        ),
        // In hedge mode the word is left out: selling of the long side only reduces it.
        (
            reducing.of_position(position_side::LONG, 0),
            "side=SELL&positionSide=LONG&type=LIMIT&",
        ),
    ] {
        let url = placed(order);
        assert!(url.contains(said), "{url}");
        assert_eq!(url.contains("reduceOnly"), said.contains("reduceOnly"), "{url}");
    }
}

#[test]
fn an_order_that_cannot_be_said_is_not_sent() {
    let id = |text| Text48::new(text).unwrap();
    for (order, reason) in [
        (
            OrderOp {
                client_id: id("too long for Binance: 1234567890 12345"),
                ..limit(7)
            },
            RejectReason::BadRequest,
        ),
        (
            OrderOp {
                client_id: id("a b"),
                ..limit(7)
            },
            RejectReason::BadRequest,
        ),
        (
            OrderOp {
                flags: op_flag::CLOSE_POSITION,
                quantity: 0,
                ..limit(7)
            },
            RejectReason::Unsupported,
        ),
        (
            OrderOp {
                flags: op_flag::QUOTE_QUANTITY,
                order_type: order_type::MARKET,
                time_in_force: 0,
                price: 0,
                ..limit(7)
            },
            RejectReason::Unsupported,
        ),
        // It may only reduce the long position, and buys.
        (
            OrderOp {
                flags: op_flag::REDUCE_ONLY,
                ..limit(7)
            }
            .of_position(position_side::LONG, 0),
            RejectReason::WouldNotReduce,
        ),
        (
            OrderOp {
                kind: op_kind::REPLACE,
                exchange_id: id("28"),
                ..limit(7)
            },
            RejectReason::Unsupported,
        ),
    ] {
        let actions = stage().orders(&[order]);
        match outcome(&actions, 7) {
            Some(Outcome::NotSent(refusal)) => assert_eq!(refusal.reason, reason, "{order:?}"),
            other => panic!("{other:?}"),
        }
        assert!(!actions.iter().any(|a| matches!(a, Action::Request { .. })));
    }
}

/// An acknowledgement as it is since mid-2026: no average price, no notional, no fills.
const ACK: &[u8] = br#"{"clientOrderId":"x-C1","cumQty":"0.002","executedQty":"0.002","orderId":22542179,"origQty":"0.005",
    "price":"60000.0","reduceOnly":false,"side":"BUY","positionSide":"SHORT","status":"PARTIALLY_FILLED","stopPrice":"0",
    "closePosition":false,"symbol":"BTCUSDT","timeInForce":"GTD","type":"LIMIT","origType":"LIMIT",
    "updateTime":1566818724722,"workingType":"CONTRACT_PRICE","priceProtect":false,"priceMatch":"NONE",
    "selfTradePreventionMode":"NONE","goodTillDate":1693207680000}"#;

#[test]
fn an_acknowledgement_tells_the_order() {
    let mut stage = stage();
    stage.orders(&[limit(7)]);
    let actions = stage.response(7, 200, ACK);
    assert_eq!(outcome(&actions, 7), Some(Outcome::Done));
    let order = only!(actions, Order);
    assert_eq!(order.status, OrderStatus::PartiallyFilled);
    assert_eq!((order.instrument, order.source), (Some(BTC), ReportSource::Ack));
    assert_eq!(order.op.unwrap().0, 7);
    assert_eq!(order.exchange_id.unwrap().as_str(), "22542179");
    assert_eq!(order.client_id, ClientOrderId::new("x-C1").ok());
    assert_eq!(
        (order.filled.unwrap().to_string(), order.filled_quote),
        ("0.002".to_owned(), None)
    );
    assert_eq!(order.time_in_force, Some(TimeInForce::Gtd));
    assert_eq!(order.exchange_time.unwrap().as_millis(), 1_566_818_724_722);
    let terms = order.terms.unwrap();
    assert_eq!(
        (terms.position_side, terms.effect),
        (PositionSide::Short, PositionEffect::Any)
    );
    assert_eq!(terms.good_till.unwrap().as_millis(), 1_693_207_680_000);
    assert_eq!(order.cause, FillCause::Order);
}

#[test]
fn reports_are_read_in_every_form() {
    let ack = String::from_utf8_lossy(ACK).into_owned();
    let told = |from: &str, to: &str| {
        let mut stage = stage();
        stage.orders(&[limit(7)]);
        let body = ack.replace(from, to);
        assert_ne!(body, ack, "{from}");
        only!(stage.response(7, 200, body.as_bytes()), Order)
    };
    assert_eq!(
        told("22542179", r#""22542179""#).exchange_id.unwrap().as_str(),
        "22542179"
    );
    assert_eq!(
        told(r#""goodTillDate":1693207680000"#, r#""goodTillDate":0"#)
            .terms
            .unwrap()
            .good_till,
        None
    );
    assert_eq!(
        told(r#""reduceOnly":false"#, r#""reduceOnly":"true""#)
            .terms
            .unwrap()
            .effect,
        PositionEffect::ReduceOnly
    );
    assert_eq!(
        told(r#""positionSide":"SHORT","#, "").terms.unwrap().position_side,
        PositionSide::Net
    );
    let closing = told(
        r#""origQty":"0.005""#,
        r#""origQty":"0","cumQuote":"120.5","avgPrice":"60250""#,
    );
    assert_eq!(
        (closing.quantity, closing.filled_quote.unwrap().to_string()),
        (None, "120.5".to_owned())
    );
    let maker = told(r#""timeInForce":"GTD""#, r#""timeInForce":"GTX""#);
    assert_eq!(
        (maker.order_type, maker.time_in_force),
        (Some(OrderType::LimitMaker), Some(TimeInForce::Gtc))
    );
    assert_eq!(told(r#""price":"60000.0""#, r#""price":"""#).price, None);
    assert_eq!(
        told("PARTIALLY_FILLED", "EXPIRED_IN_MATCH").status,
        OrderStatus::Expired
    );
    assert_eq!(
        told("PARTIALLY_FILLED", "NEW").status,
        OrderStatus::PartiallyFilled,
        "it counts a fill"
    );
    assert_eq!(
        told("PARTIALLY_FILLED", "SLEEPING").status,
        OrderStatus::Other("SLEEPING".to_owned())
    );
}

fn answered(status: u32, body: &[u8]) -> Outcome {
    let mut stage = stage();
    stage.orders(&[limit(7)]);
    let actions = stage.response(7, status, body);
    assert!(events(&actions).is_empty(), "{actions:?}");
    outcome(&actions, 7).unwrap()
}

#[test]
fn refusals_are_evidence_and_the_rest_is_not() {
    for (status, body) in [
        (500, &b""[..]),
        (503, br#"{"timestamp":1,"path":"/fapi/v1/order","msg":"Unknown error, please check your request or try again later."}"#),
        (503, b"<html>503 Service Unavailable</html>"),
        (503, b"Service Unavailable."),
        (408, br#"{"code":-1007,"msg":"Timeout waiting for response from backend server."}"#),
        (400, br#"{"code":-1006,"msg":"x"}"#),
        (200, b"{}"),
        (200, b"<html></html>"),
    ] {
        assert!(answered(status, body).is_unknown(), "{status}");
    }
    for body in [
        &br#"{"code":-1008,"msg":"Request throttled by system-level protection."}"#[..],
        br#"{"code":-1001,"msg":"Internal error; unable to process your request. Please try again."}"#,
        br#"{"msg":"Service Unavailable."}"#,
    ] {
        assert!(matches!(answered(503, body), Outcome::NotExecuted(_)));
    }
    for (code, reason) in [
        (-2019, RejectReason::InsufficientMargin),
        (-2022, RejectReason::WouldNotReduce),
        (-4061, RejectReason::PositionModeMismatch),
        (-5022, RejectReason::WouldTakeLiquidity),
        (-4116, RejectReason::DuplicateClientId),
    ] {
        let refused = answered(400, format!(r#"{{"code":{code},"msg":"words"}}"#).as_bytes());
        assert!(
            matches!(&refused, Outcome::Rejected(r) if r.reason == reason),
            "{refused:?}"
        );
    }
    let full = br#"{"code":-1015,"msg":"Too many new orders; current limit is 1200 orders per MINUTE."}"#;
    assert!(matches!(answered(429, full), Outcome::Throttled { pool: Some(pool), .. } if pool == "orders_1m"));
}

fn acting(kind: u32, client_id: &str, exchange_id: &str) -> OrderOp {
    let mut order = OrderOp {
        kind,
        instrument: BTC.0,
        client_id: Text48::new(client_id).unwrap(),
        exchange_id: Text48::new(exchange_id).unwrap(),
        ..OrderOp::default()
    };
    order.grant.op = 8;
    order
}

#[test]
fn a_cancel_names_the_order() {
    let mut stage = stage();
    let (endpoint, url) = request(&stage.orders(&[acting(op_kind::CANCEL, "x-C1", "28")]));
    assert_eq!(endpoint, "cancel_order");
    assert!(
        url.starts_with("/fapi/v1/order?symbol=BTCUSDT&orderId=28&timestamp="),
        "{url}"
    );
    let body = String::from_utf8_lossy(ACK).replace("PARTIALLY_FILLED", "CANCELED");
    assert_eq!(
        only!(stage.response(8, 200, body.as_bytes()), Order).status,
        OrderStatus::Cancelled
    );
    let (_, url) = request(&stage.orders(&[acting(op_kind::CANCEL, "x-C1", "")]));
    assert!(
        url.starts_with("/fapi/v1/order?symbol=BTCUSDT&origClientOrderId=x-C1&timestamp="),
        "{url}"
    );
    let actions = stage.response(8, 400, br#"{"code":-2011,"msg":"Unknown order sent."}"#);
    assert!(matches!(outcome(&actions, 8), Some(Outcome::Rejected(r)) if r.reason == RejectReason::OrderNotFound));
}

#[test]
fn an_amend_says_side_quantity_and_price() {
    let amend = OrderOp {
        side: order_side::SELL,
        price: 6_100_000_000_000,
        price_exponent: -8,
        quantity: 300_000,
        quantity_exponent: -8,
        other_client_id: Text48::new("x-C1").unwrap(),
        ..acting(op_kind::AMEND, "x-C1", "28")
    };
    let (endpoint, url) = request(&stage().orders(&[amend]));
    assert_eq!(endpoint, "amend_order");
    assert!(
        url.starts_with("/fapi/v1/order?symbol=BTCUSDT&orderId=28&side=SELL&quantity=0.003&price=61000&timestamp="),
        "{url}"
    );
    let renaming = OrderOp {
        other_client_id: Text48::new("x-C2").unwrap(),
        ..amend
    };
    for (incomplete, reason) in [
        (OrderOp { side: 0, ..amend }, RejectReason::BadRequest),
        (OrderOp { price: 0, ..amend }, RejectReason::BadRequest),
        (renaming, RejectReason::Unsupported),
    ] {
        let refused = stage().orders(&[incomplete]);
        assert!(
            matches!(outcome(&refused, 8), Some(Outcome::NotSent(r)) if r.reason == reason),
            "{incomplete:?}"
        );
    }
}

#[test]
fn cancelling_all_is_done_also_where_there_is_none() {
    let command = Command::CancelAll(CancelAll { instrument: BTC });
    let ask = |status, body: &[u8]| {
        let actions = stage().ask(20, &command, status, body);
        assert!(events(&actions).is_empty());
        outcome(&actions, 20).unwrap()
    };
    for (status, body) in [
        (
            200,
            &br#"{"code":200,"msg":"The operation of cancel all open order is done."}"#[..],
        ),
        (
            200,
            br#"{"code":"200","msg":"The operation of cancel all open order is done."}"#,
        ),
        (400, br#"{"code":-2011,"msg":"Unknown order sent."}"#),
    ] {
        assert_eq!(ask(status, body), Outcome::Done);
    }
    assert!(ask(500, b"").is_unknown() && ask(200, b"[]").is_unknown());
    assert!(matches!(ask(200, br#"{"code":-4109,"msg":"x"}"#), Outcome::Rejected(_)));
}

fn batch(stage: &mut Stage, orders: &[OrderOp]) -> Vec<Action> {
    let orders: Vec<OrderOp> = (30..)
        .zip(orders)
        .map(|(op, order)| {
            let mut order = order.in_batch_of(30);
            order.grant.op = op;
            order
        })
        .collect();
    stage.orders(&orders)
}

#[test]
fn a_batch_has_a_result_for_each_order() {
    let mut stage = stage();
    let second = OrderOp {
        client_id: Text48::new("x-C2").unwrap(),
        flags: op_flag::REDUCE_ONLY,
        ..limit(0)
    };
    let (endpoint, url) = request(&batch(&mut stage, &[limit(0), second]));
    assert_eq!(endpoint, "place_batch");
    let list = concat!(
        r#"[{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","quantity":"0.005","price":"60000","#,
        r#""newClientOrderId":"x-C1","newOrderRespType":"RESULT"},"#,
        r#"{"symbol":"BTCUSDT","side":"BUY","reduceOnly":"true","type":"LIMIT","timeInForce":"GTC","quantity":"0.005","#,
        r#""price":"60000","newClientOrderId":"x-C2","newOrderRespType":"RESULT"}]"#
    );
    let encoded: String = list
        .bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect();
    assert!(
        url.starts_with(&format!("/fapi/v1/batchOrders?batchOrders={encoded}&timestamp=")),
        "{url}"
    );
    let body = format!(
        r#"[{},{{"code":-2022,"msg":"ReduceOnly Order is rejected."}}]"#,
        String::from_utf8_lossy(ACK)
    );
    let actions = stage.response(30, 200, body.as_bytes());
    assert_eq!(only!(actions, Order).op.unwrap().0, 30);
    assert_eq!(outcome(&actions, 30), Some(Outcome::Done));
    assert!(matches!(outcome(&actions, 31), Some(Outcome::Rejected(r)) if r.reason == RejectReason::WouldNotReduce));
}

/// No status stands beside the code of one of a batch: one that nobody knows says nothing of whether the order is there.
#[test]
fn a_code_that_is_not_known_proves_nothing_of_an_order_in_a_batch() {
    let mut stage = stage();
    let second = OrderOp {
        client_id: Text48::new("x-C2").unwrap(),
        ..limit(0)
    };
    batch(&mut stage, &[limit(0), second]);
    let body = br#"[{"code":-9999,"msg":"something new"},{"code":-2019,"msg":"Margin is insufficient."}]"#;
    let actions = stage.response(30, 200, body);
    assert!(outcome(&actions, 30).unwrap().is_unknown(), "{actions:?}");
    assert!(
        matches!(outcome(&actions, 31), Some(Outcome::Rejected(r)) if r.reason == RejectReason::InsufficientMargin)
    );
}

#[test]
fn a_batch_of_cancels_names_all_in_one_way() {
    let cancels = |ids: [(&str, &str); 2]| ids.map(|(own, id)| acting(op_kind::CANCEL, own, id));
    let mut stage = stage();
    let (endpoint, url) = request(&batch(&mut stage, &cancels([("x-C1", "28"), ("x-C2", "29")])));
    assert_eq!(endpoint, "cancel_batch");
    assert!(
        url.starts_with("/fapi/v1/batchOrders?symbol=BTCUSDT&orderIdList=%5B28%2C29%5D&timestamp="),
        "{url}"
    );
    let body = format!(
        r#"[{},{{"code":-2011,"msg":"Unknown order sent."}}]"#,
        String::from_utf8_lossy(ACK).replace("PARTIALLY_FILLED", "CANCELED")
    );
    let actions = stage.response(30, 200, body.as_bytes());
    assert!(matches!(&events(&actions)[..], [Event::Order(o)] if o.status == OrderStatus::Cancelled));
    assert!(matches!(outcome(&actions, 31), Some(Outcome::Rejected(r)) if r.reason == RejectReason::OrderNotFound));
    let (_, url) = request(&batch(&mut stage, &cancels([("x-C1", "28"), ("x-C2", "")])));
    assert!(
        url.starts_with(
            "/fapi/v1/batchOrders?symbol=BTCUSDT&origClientOrderIdList=%5B%22x-C1%22%2C%22x-C2%22%5D&timestamp="
        ),
        "{url}"
    );
}
