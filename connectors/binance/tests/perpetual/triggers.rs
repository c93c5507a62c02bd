//! Triggers: the service of conditional orders.

use colibri_sdk::model::{
    ClientOrderId, ExchangeOrderId, OrderTerms, OrderType, PositionEffect, PositionSide, Price, Quantity, Side,
    TimeInForce, TriggerBy, TriggerIntent, TriggerKind, WallNs,
};
use colibri_sdk::standard::{
    CancelAllTriggers, CancelTrigger, Command, Event, OpenTriggers, Outcome, PlaceTrigger, RejectReason, ReportSource,
    TriggerEvent, TriggerStatus, TriggerStatusQuery,
};
use colibri_sdk::testing::{events, outcome};

use crate::stage::{BTC, asked, only, stage, user};

fn stop() -> TriggerIntent {
    TriggerIntent {
        client_id: ClientOrderId::new("t-1").unwrap(),
        instrument: BTC,
        kind: TriggerKind::Stop,
        by: TriggerBy::Mark,
        trigger_price: Price(60_000.into()),
        side: Side::Sell,
        order_type: OrderType::Market,
        time_in_force: None,
        price: None,
        quantity: Some(Quantity("0.5".parse().unwrap())),
        terms: OrderTerms::default(),
    }
}

fn place(trigger: TriggerIntent) -> Command {
    Command::PlaceTrigger(PlaceTrigger::of(trigger))
}

#[test]
fn a_trigger_says_when_it_fires_and_what_it_becomes() {
    let closing = OrderTerms {
        effect: PositionEffect::ClosePosition,
        ..OrderTerms::default()
    };
    let reducing = OrderTerms {
        effect: PositionEffect::ReduceOnly,
        ..OrderTerms::default()
    };
    let of = |side, terms| OrderTerms {
        position_side: side,
        ..terms
    };
    let limit = TriggerIntent {
        kind: TriggerKind::TakeProfit,
        by: TriggerBy::Last,
        order_type: OrderType::Limit,
        time_in_force: Some(TimeInForce::Ioc),
        price: Some(Price(64_990.into())),
        ..stop()
    };
    for (trigger, said) in [
        (
            stop(),
            "side=SELL&type=STOP_MARKET&quantity=0.5&triggerPrice=60000&workingType=MARK_PRICE&clientAlgoId=t-1",
        ),
        (
            TriggerIntent {
                quantity: None,
                terms: closing,
                ..stop()
            },
            "side=SELL&type=STOP_MARKET&closePosition=true&triggerPrice=60000&workingType=MARK_PRICE&clientAlgoId=t-1",
        ),
        (
            TriggerIntent {
                terms: reducing,
                ..limit.clone()
            },
            "side=SELL&reduceOnly=true&type=TAKE_PROFIT&timeInForce=IOC&quantity=0.5&price=64990&triggerPrice=60000&workingType=CONTRACT_PRICE&clientAlgoId=t-1",
        ),
        (
            TriggerIntent {
                order_type: OrderType::LimitMaker,
                time_in_force: None,
                terms: of(PositionSide::Long, reducing),
                ..limit
            },
            "side=SELL&positionSide=LONG&type=TAKE_PROFIT&timeInForce=GTX&quantity=0.5&price=64990&triggerPrice=60000&workingType=CONTRACT_PRICE&clientAlgoId=t-1",
        ),
    ] {
        let (endpoint, url) = asked(&mut stage(), 1, &place(trigger));
        assert_eq!(endpoint, "place_trigger");
        assert!(
            url.starts_with(&format!(
                "/fapi/v1/algoOrder?algoType=CONDITIONAL&symbol=BTCUSDT&{said}&timestamp="
            )),
            "{url}"
        );
    }
    for (terms, reason) in [
        (of(PositionSide::Short, closing), RejectReason::WouldNotReduce),
        (
            OrderTerms {
                good_till: Some(WallNs(1)),
                ..OrderTerms::default()
            },
            RejectReason::Unsupported,
        ),
    ] {
        let quantity = stop()
            .quantity
            .filter(|_| terms.effect != PositionEffect::ClosePosition);
        let refused = stage().command(
            1,
            &place(TriggerIntent {
                terms,
                quantity,
                ..stop()
            }),
        );
        assert!(
            matches!(outcome(&refused, 1), Some(Outcome::NotSent(r)) if r.reason == reason),
            "{refused:?}"
        );
    }
}

const ANSWER: &str = r#"{"algoId":2146760,"clientAlgoId":"t-1","algoType":"CONDITIONAL","orderType":"TAKE_PROFIT","symbol":"BTCUSDT",
    "side":"SELL","positionSide":"LONG","timeInForce":"GTC","quantity":"0.01","algoStatus":"NEW","triggerPrice":"750.000",
    "price":"750.000","icebergQuantity":null,"selfTradePreventionMode":"EXPIRE_MAKER","workingType":"CONTRACT_PRICE","priceMatch":"NONE",
    "closePosition":false,"priceProtect":false,"reduceOnly":true,"activatePrice":"","callbackRate":"","createTime":1750485492076,
    "updateTime":1750485492077,"triggerTime":0,"goodTillDate":0}"#;

#[test]
fn a_placement_tells_the_trigger() {
    let mut stage = stage();
    let told = only!(stage.ask(7, &place(stop()), 200, ANSWER.as_bytes()), Trigger);
    assert_eq!((told.source, told.status), (ReportSource::Ack, TriggerStatus::Placed));
    assert_eq!((told.op.unwrap().0, told.instrument), (7, Some(BTC)));
    assert_eq!(told.exchange_id.unwrap().as_str(), "2146760");
    assert_eq!(told.client_id, ClientOrderId::new("t-1").ok());
    assert_eq!(
        (told.kind, told.by, told.side),
        (Some(TriggerKind::TakeProfit), Some(TriggerBy::Last), Some(Side::Sell))
    );
    assert_eq!((told.order_type, told.order), (Some(OrderType::Limit), None));
    let terms = told.terms.unwrap();
    assert_eq!(
        (terms.position_side, terms.effect),
        (PositionSide::Long, PositionEffect::ReduceOnly)
    );
    assert_eq!(told.exchange_time.unwrap().as_millis(), 1_750_485_492_077);
    let refused = stage.ask(
        8,
        &place(stop()),
        400,
        br#"{"code":-2021,"msg":"Order would immediately trigger."}"#,
    );
    assert!(matches!(outcome(&refused, 8), Some(Outcome::Rejected(r)) if r.reason == RejectReason::WouldTriggerAtOnce));
    assert!(
        outcome(&stage.ask(9, &place(stop()), 200, b"{}"), 9)
            .unwrap()
            .is_unknown()
    );
}

#[test]
fn a_cancel_is_read_in_its_old_form_and_its_new_one() {
    let cancel = |client: Option<&str>, id: Option<&str>| {
        Command::CancelTrigger(CancelTrigger {
            instrument: BTC,
            client_id: client.and_then(|c| ClientOrderId::new(c).ok()),
            exchange_id: id.and_then(|i| ExchangeOrderId::new(i).ok()),
        })
    };
    let (_, url) = asked(&mut stage(), 1, &cancel(Some("t-1"), Some("2146760")));
    assert!(url.starts_with("/fapi/v1/algoOrder?algoId=2146760&timestamp="), "{url}");
    let (_, url) = asked(&mut stage(), 1, &cancel(Some("t-1"), None));
    assert!(
        url.starts_with("/fapi/v1/algoOrder?clientAlgoId=t-1&timestamp="),
        "{url}"
    );
    let old = r#"{"algoId":2146760,"clientAlgoId":"t-1","code":"200","msg":"success"}"#.to_owned();
    for body in [old, ANSWER.replace("\"NEW\"", "\"CANCELED\"")] {
        let told = only!(
            stage().ask(1, &cancel(Some("t-1"), None), 200, body.as_bytes()),
            Trigger
        );
        assert_eq!(
            (told.status, told.symbol.as_str()),
            (TriggerStatus::Cancelled, "BTCUSDT")
        );
        assert_eq!((told.exchange_id.unwrap().as_str(), told.op.unwrap().0), ("2146760", 1));
    }
    let gone = stage().ask(
        1,
        &cancel(Some("t-1"), None),
        400,
        br#"{"code":-2011,"msg":"Unknown order sent."}"#,
    );
    assert!(matches!(outcome(&gone, 1), Some(Outcome::Rejected(r)) if r.reason == RejectReason::OrderNotFound));
}

#[test]
fn what_waits_is_listed_and_what_became_an_order_names_it() {
    let open = |instrument| Command::OpenTriggers(OpenTriggers { instrument });
    let (endpoint, _) = asked(&mut stage(), 1, &open(None));
    assert_eq!(endpoint, "open_triggers_of_all");
    let other = ANSWER.replace("CONDITIONAL", "VP");
    for body in [
        format!("[{ANSWER},{other}]"),
        format!(r#"{{"total":2,"orders":[{ANSWER},{other}]}}"#),
    ] {
        let told = only!(stage().ask(1, &open(Some(BTC)), 200, body.as_bytes()), Trigger);
        assert_eq!((told.status, told.source), (TriggerStatus::Placed, ReportSource::Query));
    }
    let status = Command::TriggerStatus(TriggerStatusQuery {
        instrument: BTC,
        client_id: ClientOrderId::new("t-1").ok(),
        exchange_id: None,
    });
    let answer = |state: &str, order: &str| {
        let body = ANSWER.replace(
            r#""algoStatus":"NEW""#,
            &format!(r#""algoStatus":"{state}","actualOrderId":{order}"#),
        );
        only!(stage().ask(1, &status, 200, body.as_bytes()), Trigger)
    };
    let became = answer("FINISHED", r#""974828356187""#);
    assert_eq!(
        (became.status, became.order.unwrap().as_str()),
        (TriggerStatus::BecameOrder, "974828356187")
    );
    assert_eq!(answer("TRIGGERED", "974828356187").status, TriggerStatus::BecameOrder);
    for (state, order, expected) in [
        ("FINISHED", r#""""#, TriggerStatus::Expired),
        ("TRIGGERED", "0", TriggerStatus::Triggered),
        ("TRIGGERING", r#""""#, TriggerStatus::Triggered),
        ("EXPIRED", "null", TriggerStatus::Expired),
        ("REJECTED", r#""""#, TriggerStatus::Rejected),
        ("ASLEEP", r#""""#, TriggerStatus::Other("ASLEEP".to_owned())),
    ] {
        let told = answer(state, order);
        assert_eq!((told.status, told.order), (expected, None), "{state}");
    }
    let all = Command::CancelAllTriggers(CancelAllTriggers { instrument: BTC });
    let done = stage().ask(
        1,
        &all,
        200,
        br#"{"code":200,"msg":"The operation of cancel all open order is done."}"#,
    );
    assert_eq!(outcome(&done, 1), Some(Outcome::Done));
}

fn pushed(state: &str, order: &str, rest: &str) -> TriggerEvent {
    let frame = format!(
        r#"{{"e":"ALGO_UPDATE","T":1750515742297,"E":1750515742303,"o":{{"caid":"t-1","aid":2148719,"at":"CONDITIONAL","o":"STOP_MARKET",
        "s":"BTCUSDT","S":"SELL","ps":"BOTH","f":"GTC","q":"0","X":"{state}","ai":"{order}","ap":"0.00000","aq":"0.00000","act":"0",
        "tp":"750","p":"0","V":"EXPIRE_MAKER","wt":"MARK_PRICE","pm":"NONE","cp":true,"pP":false,"R":true,"tt":0,"gtd":0{rest}}}}}"#
    );
    only!(user().frame(1, frame.as_bytes()), Trigger)
}

#[test]
fn the_stream_tells_a_trigger_s_life() {
    let placed = pushed("NEW", "", "");
    assert_eq!(
        (placed.status, placed.source, placed.op),
        (TriggerStatus::Placed, ReportSource::Stream, None)
    );
    assert_eq!((placed.quantity, placed.price), (None, None));
    assert_eq!(placed.terms.unwrap().effect, PositionEffect::ClosePosition);
    assert_eq!(
        (placed.kind, placed.by),
        (Some(TriggerKind::Stop), Some(TriggerBy::Mark))
    );
    assert_eq!(pushed("TRIGGERING", "", "").status, TriggerStatus::Triggered);
    let became = pushed("TRIGGERED", "33", r#","ia":true"#);
    assert_eq!(
        (became.status, became.order.unwrap().as_str()),
        (TriggerStatus::BecameOrder, "33")
    );
    let refused = pushed("REJECTED", "", r#","rm":"Margin is insufficient.""#);
    assert_eq!(
        (refused.status, refused.reason.as_deref()),
        (TriggerStatus::Rejected, Some("Margin is insufficient."))
    );
    assert_eq!(pushed("CANCELED", "", "").status, TriggerStatus::Cancelled);
    assert_eq!(pushed("EXPIRED", "", "").status, TriggerStatus::Expired);
    let old = user().frame(1, br#"{"e":"CONDITIONAL_ORDER_TRIGGER_REJECT","E":1685517224945,"T":1685517224955,"or":{"s":"ETHUSDT","i":155618472834,"r":"refused"}}"#);
    assert!(
        matches!(&events(&old)[..], [Event::Trigger(t)] if t.status == TriggerStatus::Rejected && t.reason.as_deref() == Some("refused"))
    );
}
