//! Cancel and place in one request: both halves are told, whatever the status.

use colibri_sdk::abi::{OrderOp, Text48, op_flag, op_kind};
use colibri_sdk::standard::{Event, Outcome, RejectReason, ReplaceResult};
use colibri_sdk::testing::{Action, events, outcome};

use crate::stage::{limit, request, stage};

fn replace() -> OrderOp {
    OrderOp {
        kind: op_kind::REPLACE,
        exchange_id: Text48::new("9").unwrap(),
        other_client_id: Text48::new("x-C0").unwrap(),
        flags: op_flag::STOP_ON_FAILURE,
        ..limit(7)
    }
}

const CANCELLED: &str = r#"{"symbol":"BTCUSDT","origClientOrderId":"x-C0","orderId":9,"orderListId":-1,"clientOrderId":"c",
    "transactTime":1684804350068,"price":"1","origQty":"1","executedQty":"0","cummulativeQuoteQty":"0","status":"CANCELED",
    "timeInForce":"GTC","type":"LIMIT","side":"BUY"}"#;
const PLACED: &str = r#"{"symbol":"BTCUSDT","orderId":10,"orderListId":-1,"clientOrderId":"x-C1","transactTime":1684804350069,
    "price":"60000","origQty":"0.005","executedQty":"0","cummulativeQuoteQty":"0","status":"NEW","timeInForce":"GTC",
    "type":"LIMIT","side":"BUY","fills":[]}"#;

fn answer(status: u32, body: &str) -> (Vec<Action>, ReplaceResult, Outcome) {
    let mut stage = stage();
    stage.orders(&[replace()]);
    let actions = stage.response(7, status, body.as_bytes());
    let results: Vec<ReplaceResult> = events(&actions)
        .into_iter()
        .filter_map(|e| match e {
            Event::ReplaceResult(result) => Some(result),
            _ => None,
        })
        .collect();
    let [result] = results.try_into().unwrap();
    let end = outcome(&actions, 7).unwrap();
    (actions, result, end)
}

fn orders(actions: &[Action]) -> Vec<String> {
    events(actions)
        .into_iter()
        .filter_map(|e| match e {
            Event::Order(order) => Some(format!("{} {}", order.client_id.unwrap(), String::from(order.status))),
            _ => None,
        })
        .collect()
}

#[test]
fn the_request_names_both_orders() {
    let (endpoint, url) = request(&stage().orders(&[replace()]));
    assert_eq!(endpoint, "replace_order");
    assert!(
        url.contains("newClientOrderId=x-C1&newOrderRespType=FULL&cancelOrderId=9&cancelReplaceMode=STOP_ON_FAILURE&")
    );
    let allow = OrderOp {
        flags: 0,
        exchange_id: Text48::EMPTY,
        ..replace()
    };
    let (_, url) = request(&stage().orders(&[allow]));
    assert!(url.contains("cancelOrigClientOrderId=x-C0&cancelReplaceMode=ALLOW_FAILURE&"));
}

#[test]
fn both_done() {
    let body = format!(
        r#"{{"cancelResult":"SUCCESS","newOrderResult":"SUCCESS","cancelResponse":{CANCELLED},"newOrderResponse":{PLACED}}}"#
    );
    let (actions, result, end) = answer(200, &body);
    assert_eq!(orders(&actions), ["x-C0 cancelled", "x-C1 open"]);
    assert_eq!(
        (result.cancel, result.place, end),
        (Outcome::Done, Outcome::Done, Outcome::Done)
    );
}

#[test]
fn cancelled_but_not_placed() {
    let body = format!(
        r#"{{"code":-2021,"msg":"Order cancel-replace partially failed.","data":{{"cancelResult":"SUCCESS",
        "newOrderResult":"FAILURE","cancelResponse":{CANCELLED},
        "newOrderResponse":{{"code":-2010,"msg":"Order would immediately match and take."}}}}}}"#
    );
    let (actions, result, end) = answer(409, &body);
    assert_eq!(orders(&actions), ["x-C0 cancelled"]);
    assert_eq!((result.cancel, end), (Outcome::Done, Outcome::Done));
    assert!(matches!(result.place, Outcome::Rejected(r) if r.reason == RejectReason::WouldTakeLiquidity));
}

#[test]
fn placed_although_not_cancelled() {
    let body = format!(
        r#"{{"code":-2021,"msg":"Order cancel-replace partially failed.","data":{{"cancelResult":"FAILURE",
        "newOrderResult":"SUCCESS","cancelResponse":{{"code":-2011,"msg":"Unknown order sent."}},
        "newOrderResponse":{PLACED}}}}}"#
    );
    let (actions, result, end) = answer(409, &body);
    assert_eq!(orders(&actions), ["x-C1 open"]);
    assert_eq!((result.place, end), (Outcome::Done, Outcome::Done));
    assert!(matches!(result.cancel, Outcome::Rejected(r) if r.reason == RejectReason::OrderNotFound));
}

#[test]
fn neither() {
    let (actions, result, end) = answer(
        400,
        r#"{"code":-2022,"msg":"Order cancel-replace failed.","data":{"cancelResult":"FAILURE",
        "newOrderResult":"NOT_ATTEMPTED","cancelResponse":{"code":-2011,"msg":"Unknown order sent."},
        "newOrderResponse":null}}"#,
    );
    assert!(orders(&actions).is_empty());
    assert!(matches!(result.place, Outcome::NotSent(_)));
    assert!(matches!(end, Outcome::Rejected(r) if r.reason == RejectReason::OrderNotFound));
}

#[test]
fn a_half_that_is_unknown_makes_the_whole_unknown() {
    let body = format!(
        r#"{{"code":-2021,"msg":"x","data":{{"cancelResult":"SUCCESS","newOrderResult":"FAILURE",
        "cancelResponse":{CANCELLED},"newOrderResponse":{{"code":-1007,"msg":"Timeout"}}}}}}"#
    );
    let (_, result, end) = answer(409, &body);
    assert_eq!(result.cancel, Outcome::Done);
    assert!(result.place.is_unknown() && end.is_unknown());
}

#[test]
fn a_failure_of_the_whole_is_one_of_both_halves() {
    let (_, result, end) = answer(
        429,
        r#"{"code":-1015,"msg":"Too many new orders; current limit is 50 orders per 10 SECOND."}"#,
    );
    assert!(matches!(end, Outcome::Throttled { .. }));
    assert_eq!((&result.cancel, &result.place), (&end, &end));
    let (_, result, end) = answer(502, "<html>");
    assert!(end.is_unknown() && result.cancel.is_unknown() && result.place.is_unknown());
    let (_, result, _) = answer(200, "{}");
    assert!(result.place.is_unknown());
}
