//! Whatever a connector and an exchange do: every operation ends, once, and truly.

use std::collections::BTreeMap;

use colibri_model::{Price, SplitMix64};
use proptest::prelude::*;

use super::*;

/// A connector that does at each input one of many things, right and wrong.
fn erratic(seed: u64) -> impl FnMut(Now, &Heard, &mut Out<'_>) + Send {
    let mut random = SplitMix64::new(seed);
    move |_, heard, out| {
        let op = match heard {
            Heard::Command(op, ..) | Heard::Response(op, ..) | Heard::Ended(op, _) => *op,
            Heard::Granted(grant) => grant.op,
            Heard::Orders(ops) => ops[0].grant.op,
            _ => return,
        };
        let refusal = Refusal::new(RejectReason::Other("erratic".into()), "");
        match random.below(12) {
            0 => {}
            1 => finish(op, &Outcome::Done, out),
            2 => finish(op, &Outcome::Unknown(refusal), out),
            3 => finish(op, &Outcome::NotSent(refusal), out),
            4 => {
                let retry_after = Some(Millis(random.below(20_000)));
                let pool = None;
                finish(
                    op,
                    &Outcome::Throttled {
                        retry_after,
                        pool,
                        refusal,
                    },
                    out,
                );
            }
            5 => finish(op, &Outcome::ClockSkew(refusal), out),
            6 | 7 => {
                out.want(op, "query");
            }
            8 => {
                plain_request(op, "query", "https://api.evil.com/v1/query", out);
            }
            9 => {
                signed_request(op, "place", "/order", out);
                finish(op, &Outcome::NotSent(refusal), out);
            }
            _ => {
                let endpoint = if matches!(heard, Heard::Orders(_)) {
                    "place"
                } else {
                    "query"
                };
                if endpoint == "place" {
                    signed_request(op, "place", "/order", out);
                } else {
                    plain_request(op, "query", "https://api.example.com/v1/query", out);
                }
            }
        }
        if random.below(6) == 0 {
            finish(op, &Outcome::Done, out);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_operation_ends_once_and_nothing_that_was_written_is_called_not_sent(
        seed in any::<u64>(),
        steps in proptest::collection::vec((0u8..5, 0u64..3_000), 1..60),
    ) {
        let mut bench = Bench::new(erratic(seed));
        let mut random = SplitMix64::new(seed);
        let mut issued = 0;
        // Requests of orders, by operation, that the exchange may have seen.
        let mut written: BTreeMap<u64, u32> = BTreeMap::new();
        let mut open: Vec<(RequestId, Option<u64>)> = Vec::new();
        for (step, wait) in steps {
            match step {
                0 => {
                    issued += 1;
                    bench.place(issued);
                }
                1 => {
                    issued += 1;
                    bench.command(issued, &balances());
                }
                _ if !open.is_empty() => {
                    let (request, order) = open.swap_remove(random.below(open.len() as u64) as usize);
                    match random.below(3) {
                        0 => {
                            if let Some(order) = order {
                                written.remove(&order);
                            }
                            bench.fail(request, HttpFailure::NotSent("refused".into()));
                        }
                        1 => bench.fail(request, HttpFailure::Unknown("cut".into())),
                        _ => bench.answer(request, 200, &[], ""),
                    }
                }
                _ => {}
            }
            bench.pass(wait);
            for request in bench.requests() {
                let order = request.url.split("op=").nth(1).and_then(|q| q.split('&').next()?.parse().ok());
                if let Some(order) = order {
                    *written.entry(order).or_default() += 1;
                }
                open.push((request.id, order));
            }
        }
        bench.pass(700_000);
        prop_assert_eq!(bench.driver.health().operations, 0);
        for op in 1..=issued {
            let count = bench.told.completed.iter().filter(|(id, _)| *id == OpId(op)).count();
            prop_assert_eq!(count, 1, "op {}", op);
        }
        for (order, times) in written {
            prop_assert_eq!(times, 1, "an order was sent twice");
            let outcome = bench.outcome(order);
            prop_assert!(!matches!(outcome, Some(Outcome::NotSent(_))), "{:?}", outcome);
        }
    }
}

/// The nearest thing to money that passes here stays untouched: an event is handed on as it came.
#[test]
fn events_are_handed_on_as_they_came() {
    let order = br#"{"symbol":"X","source":"ack","status":"odd_status","price":"0.10","op":7,"later":1}"#;
    let mut bench = Bench::new(move |_, heard, out| {
        if let Heard::Command(op, ..) = heard {
            out.event("order", order);
            finish(*op, &Outcome::Done, out);
        }
    });
    bench.command(1, &balances());
    let Some(Event::Order(event)) = bench.told.events.first() else {
        panic!("no order event");
    };
    assert_eq!(event.op, Some(OpId(7)));
    assert_eq!(event.price, Some(Price("0.10".parse().unwrap())));
}
