//! Every operation ends, once, with an outcome that is true.

use colibri_abi::{PreimagePart, Sign, accepted, op_kind, outcome_kind};

use super::*;

#[test]
fn an_order_is_admitted_built_signed_sent_and_answered() {
    let mut bench = Bench::new(ordinary);
    bench.place(7);
    let Some(Heard::Orders(ops)) = bench.heard().into_iter().next() else {
        panic!("the order did not reach the connector");
    };
    assert!(ops[0].grant.nonce > 0 && ops[0].grant.entropy != [0; 16] && ops[0].grant.op == 7);
    let requests = bench.requests();
    assert_eq!(requests[0].method, "POST");
    let hmac = crate::signing::sign(
        scheme::HMAC_SHA256,
        key_encoding::RAW,
        KeyKind::HmacSha256,
        &Secret::from_text("key".into()),
        b"op=7",
    )
    .unwrap();
    let hex: String = hmac.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(
        requests[0].url,
        format!("https://api.example.com/v1/order?op=7&signature={hex}")
    );
    assert!(
        !format!("{:?}", requests[0]).contains(&hex),
        "a signature is not printed"
    );
    bench.answer(requests[0].id, 200, &[], "");
    assert_eq!(bench.outcome(7), Some(&Outcome::Done));
    assert_eq!(bench.driver.health().operations, 0);
}

#[test]
fn a_deadline_after_sending_is_unknown_and_a_late_answer_changes_nothing() {
    let mut bench = Bench::new(ordinary);
    bench.place(7);
    let request = bench.requests()[0].id;
    bench.pass(4_999);
    assert_eq!(bench.outcome(7), None);
    bench.pass(2);
    assert_eq!(reason(bench.outcome(7)), Some(RejectReason::Deadline));
    assert!(bench.outcome(7).unwrap().is_unknown());
    assert!(bench.effects.contains(&Effect::AbandonHttp(request)));
    assert!(bench.heard().contains(&Heard::Ended(7, outcome_kind::UNKNOWN)));
    bench.answer(request, 200, &[], "");
    assert_eq!(bench.told.completed.len(), 1);
}

#[test]
fn a_connector_that_builds_nothing_ends_as_not_sent() {
    let mut bench = Bench::new(|_, _, _| {});
    bench.place(7);
    bench.command(8, &balances());
    bench.pass(10_001);
    assert!(matches!(bench.outcome(7), Some(Outcome::NotSent(_))));
    assert!(matches!(bench.outcome(8), Some(Outcome::NotSent(_))));
}

#[test]
fn a_refused_connection_is_not_sent_and_a_cut_one_is_unknown() {
    let mut bench = Bench::new(ordinary);
    bench.place(1);
    bench.place(2);
    let requests = bench.requests();
    bench.fail(requests[0].id, HttpFailure::NotSent("refused".into()));
    bench.fail(requests[1].id, HttpFailure::Unknown("cut".into()));
    assert!(matches!(bench.outcome(1), Some(Outcome::NotSent(_))));
    assert!(bench.outcome(2).unwrap().is_unknown());
    assert!(bench.effects.is_empty(), "what is over is not abandoned");
    bench.pass(60_000);
    assert!(bench.requests().is_empty(), "an order is never run again");
}

#[test]
fn what_was_written_cannot_be_called_not_sent() {
    let mut bench = Bench::new(|_, heard, out| {
        if let Heard::Orders(ops) = heard {
            let op = ops[0].grant.op;
            signed_request(op, "place", "/order", out);
            finish(op, &Outcome::NotSent(Refusal::new(RejectReason::BadRequest, "")), out);
        }
    });
    bench.place(7);
    assert!(bench.outcome(7).unwrap().is_unknown());
}

#[test]
fn an_idempotent_query_is_run_again_and_told_once_for_its_own_number() {
    let mut bench = Bench::new(ordinary);
    bench.command(5, &balances());
    let first = bench.requests();
    bench.fail(first[0].id, HttpFailure::Unknown("cut".into()));
    assert_eq!(bench.outcome(5), None);
    bench.pass(1_000);
    let second = bench.requests();
    assert_eq!(second.len(), 1);
    bench.answer(second[0].id, 503, &[], "");
    bench.pass(2_000);
    let third = bench.requests();
    bench.answer(third[0].id, 200, &[], "");
    assert_eq!(bench.outcome(5), Some(&Outcome::Done));
    assert_eq!(bench.driver.health().counts.reruns, 2);
    let commands: Vec<u64> = bench
        .heard()
        .iter()
        .filter_map(|h| match h {
            Heard::Command(op, kind, _) if kind == "balances" => Some(*op),
            _ => None,
        })
        .collect();
    assert_eq!(commands.len(), 3);
    assert!(commands[1] >> 63 == 1 && commands[2] != commands[1]);
}

#[test]
fn runs_are_bounded_and_what_is_not_idempotent_is_not_run_again() {
    let mut bench = Bench::new(|now, heard, out| match heard {
        Heard::Granted(grant) if grant.op == 6 => {
            plain_request(6, "once", "https://api.example.com/v1/once", out);
        }
        _ => ordinary(now, heard, out),
    });
    bench.command(5, &balances());
    for _ in 0..3 {
        let request = bench.requests()[0].id;
        bench.fail(request, HttpFailure::NotSent("refused".into()));
        bench.pass(3_000);
    }
    assert!(matches!(bench.outcome(5), Some(Outcome::NotSent(_))));
    bench.command(
        6,
        &Command::CancelAll(colibri_standard::CancelAll {
            instrument: Default::default(),
        }),
    );
    let request = bench.requests()[0].id;
    bench.fail(request, HttpFailure::Unknown("cut".into()));
    assert!(bench.outcome(6).unwrap().is_unknown());
}

#[test]
fn a_request_that_breaks_the_endpoint_table_is_refused_told_and_ended() {
    for url in [
        "https://api.evil.com/v1/query",
        "https://api.example.com/v1/withdraw",
        "https://api.example.com/query",
        "http://api.example.com/v1/query",
        "https://api.example.com/v1/query/../withdraw",
        "https://api.example.com/v1/query?x=${nothing}",
        "https://api.example.com/v1/query?x=${secret:secret}",
    ] {
        let mut bench = Bench::new(move |now, heard, out| match heard {
            Heard::Granted(grant) => {
                assert_eq!(plain_request(grant.op, "query", url, out), accepted::REFUSED);
            }
            _ => ordinary(now, heard, out),
        });
        bench.command(5, &balances());
        assert!(matches!(bench.outcome(5), Some(Outcome::NotSent(_))), "{url}");
        assert!(bench.requests().is_empty());
        assert_eq!(bench.driver.health().counts.refused, 1);
        assert!(bench.told.log.iter().any(|(level, _)| *level == LogLevel::Error));
    }
}

#[test]
fn nothing_is_sent_without_a_grant_or_for_another_endpoint_or_signed_where_none_is_due() {
    let mut bench = Bench::new(|now, heard, out| match heard {
        Heard::Command(op, _, _) if *op == 1 => {
            assert_eq!(
                plain_request(*op, "query", "https://api.example.com/v1/query", out),
                accepted::REFUSED
            );
        }
        Heard::Granted(grant) if grant.op == 2 => {
            plain_request(grant.op, "once", "https://api.example.com/v1/once", out);
        }
        Heard::Granted(grant) if grant.op == 3 => {
            signed_request(grant.op, "query", "/query", out);
        }
        _ => ordinary(now, heard, out),
    });
    for op in 1..=3 {
        bench.command(op, &balances());
        assert!(matches!(bench.outcome(op), Some(Outcome::NotSent(_))), "{op}");
    }
    assert!(bench.requests().is_empty());
}

#[test]
fn secrets_are_written_where_they_are_granted_and_escaped_there() {
    let mut bench = Bench::new(|_, heard, out| {
        if let Heard::Orders(ops) = heard {
            let body = br#"{"pass":"${secret:passphrase}","sign":"${again}"}"#;
            let parts = [PreimagePart {
                transform: transform::SHA256_HEX,
                reserved: 0,
                bytes: b"${secret:passphrase}".as_slice().into(),
            }];
            let sign = |name: &'static str, bytes: &'static [PreimagePart<'static>]| Sign {
                name: name.into(),
                slot: "secret".into(),
                scheme: scheme::HMAC_SHA512,
                encoding: encoding::BASE64,
                key_encoding: key_encoding::RAW,
                reserved: 0,
                preimage: bytes.into(),
            };
            let first = Sign {
                preimage: parts.as_slice().into(),
                ..sign("first", &[])
            };
            let parts = [PreimagePart {
                bytes: b"${first}".as_slice().into(),
                transform: transform::NONE,
                reserved: 0,
            }];
            let again = Sign {
                preimage: parts.as_slice().into(),
                ..sign("again", &[])
            };
            request(
                ops[0].grant.op,
                "place",
                "https://api.example.com/v1/order?p=${secret:passphrase}",
                &[first, again],
                body,
                out,
            );
        }
    });
    bench.place(7);
    let request = bench.requests().remove(0);
    assert!(request.url.ends_with("?p=hunter%222"));
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["pass"], "hunter\"2");
    assert_eq!(body["sign"].as_str().unwrap().len(), 88);
}

#[test]
fn a_kind_of_order_without_an_endpoint_and_a_number_of_the_drivers_own_are_refused() {
    let mut bench = Bench::new(ordinary);
    bench.order(1, op_kind::AMEND);
    assert_eq!(reason(bench.outcome(1)), Some(RejectReason::Unsupported));
    bench.place(1 << 63);
    assert_eq!(reason(bench.outcome(1 << 63)), Some(RejectReason::BadRequest));
    bench.place(2);
    bench.place(2);
    assert_eq!(bench.outcome(2), None);
    assert_eq!(bench.requests().len(), 1, "a number in flight is not used again");
}

#[test]
fn pages_are_admitted_one_by_one_and_the_last_decides() {
    let mut bench = Bench::new(|now, heard, out| match heard {
        Heard::Response(op, _, body) if body == "more" => {
            out.want(*op, "query");
        }
        _ => ordinary(now, heard, out),
    });
    bench.command(5, &balances());
    let first = bench.requests().remove(0);
    bench.answer(first.id, 200, &[], "more");
    let second = bench.requests().remove(0);
    assert_ne!(first.id, second.id);
    bench.answer(second.id, 200, &[], "last");
    assert_eq!(bench.outcome(5), Some(&Outcome::Done));
}

#[test]
fn large_answers_belong_to_the_bulk_lane() {
    let bench = Bench::new(ordinary);
    let instruments = Command::Instruments(colibri_standard::Instruments {});
    assert_eq!(bench.driver.lane_of(&instruments), colibri_standard::Lane::Bulk);
    assert_eq!(bench.driver.lane_of(&balances()), colibri_standard::Lane::Hot);
}
