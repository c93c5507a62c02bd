//! Each form that a line may have, and what is refused.

#![allow(clippy::unwrap_used)]

use colibri_abi::{Now, frame_kind, outcome_kind};
use serde_json::json;

use super::{Input, InputError, Moment, nanoseconds, parse};

fn one(line: &str) -> Input {
    let mut inputs = parse(line.as_bytes()).unwrap();
    assert_eq!(inputs.len(), 1, "{line}");
    inputs.remove(0)
}

#[test]
fn time_is_a_number_or_three_clocks() {
    let wall = Moment {
        wall_ns: Some(1_499_827_319_559_000_000),
        ..Moment::default()
    };
    assert_eq!(one(r#"{"now":1499827319559}"#), Input::Now(wall));
    assert_eq!(one(r#"{"now":"1499827319559"}"#), Input::Now(wall));
    let now = wall.apply(Now::default());
    assert_eq!(
        (now.mono_ns, now.exchange_ns),
        (1_499_827_319_559_000_000, 1_499_827_319_559_000_000)
    );
    let Input::Now(moment) = one(r#"{"now":{"mono_ns":5,"exchange_ns":7}}"#) else {
        panic!("not a time");
    };
    let before = Now {
        mono_ns: 1,
        wall_ns: 2,
        exchange_ns: 3,
    };
    let now = moment.apply(before);
    assert_eq!((now.mono_ns, now.wall_ns, now.exchange_ns), (5, 7, 7));
    assert_eq!(nanoseconds(1_723_161_253_937_085), 1_723_161_253_937_085_000);
    assert_eq!(nanoseconds(1_723_161_253_937_085_768), 1_723_161_253_937_085_768);
}

#[test]
fn a_command_has_a_kind_and_a_payload_in_one_of_three_forms() {
    let same = |line: &str, op| {
        assert_eq!(
            one(line),
            Input::Command {
                op,
                kind: "fees".to_owned(),
                payload: json!({"pair": "BTC-USDT"}),
            }
        );
    };
    same(
        r#"{"command":{"kind":"fees","op":4,"payload":{"pair":"BTC-USDT"}}}"#,
        Some(4),
    );
    same(r#"{"command":{"kind":"fees","pair":"BTC-USDT"}}"#, None);
    same(r#"{"fees":{"pair":"BTC-USDT"}}"#, None);
    let Input::Command { kind, payload, .. } = one(r#"{"command":"balances"}"#) else {
        panic!("not a command");
    };
    assert_eq!((kind.as_str(), payload), ("balances", json!({})));
}

#[test]
fn now_takes_effect_before_what_stands_beside_it() {
    let inputs = parse(br#"{"frame":"x","now":5,"nonce":9}"#).unwrap();
    assert!(matches!(
        inputs.as_slice(),
        [Input::Now(_), Input::Nonce(9), Input::Frame { .. }]
    ));
}

#[test]
fn a_body_is_a_text_or_json_as_it_was_written() {
    let body = |line: &str| match one(line) {
        Input::Response(response) => (response.status, String::from_utf8(response.body).unwrap()),
        other => panic!("{other:?}"),
    };
    assert_eq!(body(r#"{"response":{"body":"[1]"}}"#), (200, "[1]".to_owned()));
    assert_eq!(
        body(r#"{"response":{"op":1,"status":404,"body":{"price":1.10,"id":12345678901234567890123}}}"#),
        (404, r#"{"price":1.10,"id":12345678901234567890123}"#.to_owned())
    );
    assert_eq!(body(r#"{"response":{"status":204,"body":null}}"#), (204, String::new()));
    assert_eq!(body(r#"{"response":{}}"#), (200, String::new()));
}

#[test]
fn headers_are_an_object_or_a_list_and_end_in_lower_case() {
    for line in [
        r#"{"response":{"headers":{"Retry-After":3}}}"#,
        r#"{"response":{"headers":[["Retry-After","3"]]}}"#,
    ] {
        let Input::Response(response) = one(line) else {
            panic!("not a response");
        };
        assert_eq!(response.headers, [("retry-after".to_owned(), "3".to_owned())]);
    }
}

#[test]
fn streams_are_named_or_the_one_that_was_asked_for() {
    assert_eq!(one(r#"{"stream":{"opened":3}}"#), Input::StreamOpened(Some(3)));
    for line in [
        r#"{"stream":{"opened":null}}"#,
        r#"{"stream":{"opened":true}}"#,
        r#"{"stream_opened":{}}"#,
    ] {
        assert_eq!(one(line), Input::StreamOpened(None), "{line}");
    }
    let closed = |stream, code, reason: &str| Input::StreamClosed {
        stream,
        code,
        reason: reason.to_owned(),
    };
    assert_eq!(
        one(r#"{"stream":{"closed":3,"code":1001,"reason":"away"}}"#),
        closed(Some(3), 1001, "away")
    );
    assert_eq!(one(r#"{"stream":{"closed":null}}"#), closed(None, 1006, ""));
    assert_eq!(one(r#"{"stream_closed":3}"#), closed(Some(3), 1006, ""));
    assert!(parse(br#"{"stream":{}}"#).is_err());
}

#[test]
fn a_frame_is_a_text_json_or_bytes() {
    let frame = |line: &str| match one(line) {
        Input::Frame { stream, kind, bytes } => (stream, kind, String::from_utf8(bytes).unwrap()),
        other => panic!("{other:?}"),
    };
    let text = |stream, text: &str| (stream, frame_kind::TEXT, text.to_owned());
    assert_eq!(
        frame(r#"{"frame":{"stream":1,"text":"{\"a\":1.0}"}}"#),
        text(Some(1), r#"{"a":1.0}"#)
    );
    assert_eq!(frame(r#"{"frame":{"json":{"a":1.0}}}"#), text(None, r#"{"a":1.0}"#));
    assert_eq!(frame(r#"{"frame":"hello"}"#), text(None, "hello"));
    assert_eq!(frame(r#"{"frame":[1,"x"]}"#), text(None, r#"[1,"x"]"#));
    let exchanges_own = r#"{"stream":"btcusdt@trade","data":{"p":"1.0"}}"#;
    assert_eq!(
        frame(&format!(r#"{{"frame":{exchanges_own}}}"#)),
        text(None, exchanges_own)
    );
    assert_eq!(frame(r#"{"frame":{"e":"trade"}}"#), text(None, r#"{"e":"trade"}"#));
    assert_eq!(
        frame(r#"{"frame":{"stream":2,"base64":"aGk="}}"#),
        (Some(2), frame_kind::BINARY, "hi".to_owned())
    );
}

#[test]
fn the_rest() {
    assert_eq!(one(r#"{"timer":4}"#), Input::Timer(4));
    assert_eq!(one(r#"{"timer":{"timer":4}}"#), Input::Timer(4));
    assert_eq!(one(r#"{"snapshot":{}}"#), Input::Snapshot);
    for line in [
        r#"{"ended":{"op":3,"outcome":"not_sent"}}"#,
        r#"{"ended":{"op":3,"outcome":3}}"#,
    ] {
        assert_eq!(
            one(line),
            Input::Ended {
                op: Some(3),
                outcome: outcome_kind::NOT_SENT
            }
        );
    }
    assert_eq!(
        one(r#"{"ended":3}"#),
        Input::Ended {
            op: Some(3),
            outcome: outcome_kind::UNKNOWN
        }
    );
    let Input::Orders(orders) = one(r#"{"cancel":{"pair":"BTC-USDT","client_id":"c"}}"#) else {
        panic!("not orders");
    };
    assert_eq!(orders[0].kind.as_deref(), Some("cancel"));
}

#[test]
fn what_is_not_understood_is_told_and_nothing_of_the_line_takes_effect() {
    for line in ["", "[]", "{", "nonsense"] {
        assert!(
            matches!(parse(line.as_bytes()), Err(InputError::NotAnObject(_))),
            "{line}"
        );
    }
    assert!(matches!(parse(br#"{"now":5,"dance":{}}"#), Err(InputError::UnknownInput(key)) if key == "dance"));
    for line in [
        r#"{"now":"noon"}"#,
        r#"{"command":{"payload":{}}}"#,
        r#"{"command":{"kind":"fees","payload":{},"pair":"BTC-USDT"}}"#,
        r#"{"response":{"code":200}}"#,
        r#"{"orders":[{"stop_price":"1"}]}"#,
        r#"{"ended":{"op":1,"outcome":"moon"}}"#,
        r#"{"frame":{"base64":"?"}}"#,
        r#"{"grant":{"operation":1}}"#,
    ] {
        assert!(
            matches!(parse(line.as_bytes()), Err(InputError::Value { .. })),
            "{line}"
        );
    }
}
