//! The exchange's clock: measured, refused, jumped over.

use colibri_abi::op_kind;
use colibri_standard::TimeEvent;

use super::*;

/// Tells the time when asked: the exchange is ten seconds ahead of our wall clock.
fn with_time(now: Now, heard: &Heard, out: &mut Out<'_>) {
    match heard {
        Heard::Command(op, kind, _) if kind == "server_time" => {
            out.want(*op, "query");
        }
        Heard::Response(op, 200, body) if body.starts_with("time ") => {
            let event = Event::Time(TimeEvent {
                exchange_time: WallNs::from_millis(body[5..].parse().unwrap()),
            });
            out.event(event.kind(), &event.to_json());
            finish(*op, &Outcome::Done, out);
        }
        _ => ordinary(now, heard, out),
    }
}

/// A driver that has measured: the exchange is ten seconds ahead of our wall clock.
fn measured() -> Bench {
    let mut bench = unmeasured();
    tell_time(&mut bench, 10_000);
    bench
}

/// A driver whose exchange takes signed requests for five seconds, and has not told its time yet.
fn unmeasured() -> Bench {
    let (connector, heard) = scripted(with_time);
    let mut timed = setup();
    timed.manifest.timestamps.window_ms = Millis(5_000);
    Bench::set_up(&timed, connector, heard)
}

/// Answers the question for the time that is out: the exchange is so far ahead of our wall clock.
fn tell_time(bench: &mut Bench, ahead: i64) {
    let requests = bench.requests();
    let asked = requests.iter().rfind(|r| r.method == "GET").unwrap().id;
    let exchange = bench.time().wall.as_millis() + ahead;
    bench.answer(asked, 200, &[], &format!("time {exchange}"));
    for request in requests.into_iter().filter(|r| r.method != "GET") {
        bench.effects.push(Effect::Http(request));
    }
}

#[test]
fn the_clock_is_measured_at_the_start_and_again_and_orders_get_its_time() {
    let seen = Arc::new(Mutex::new(0));
    let (connector, heard) = scripted({
        let seen = seen.clone();
        move |now, heard, out| {
            if matches!(heard, Heard::Orders(_)) {
                *seen.lock().unwrap() = now.exchange_ns - now.wall_ns;
            }
            with_time(now, heard, out);
        }
    });
    let mut bench = Bench::with(connector, heard);
    let request = bench.requests()[0].id;
    bench.now_ms += 100;
    let exchange = bench.time().wall.as_millis() - 50 + 10_000;
    bench.answer(request, 200, &[], &format!("time {exchange}"));
    assert!(
        bench.told.events.is_empty(),
        "the driver's own question is nobody else's"
    );
    bench.place(1);
    assert_eq!(*seen.lock().unwrap(), 10_000_000_000);
    let clock = bench.driver.health().clock;
    assert_eq!(
        (clock.offset_ns, clock.round_trip),
        (Some(10_000_000_000), Some(Millis(100)))
    );
    bench.requests();
    bench.pass(1_001);
    assert_eq!(bench.requests().len(), 1, "the next quick sample");
}

#[test]
fn an_order_that_was_refused_for_its_time_runs_once_more_and_no_oftener() {
    let mut bench = measured();
    bench.place(6);
    let first = bench.requests();
    bench.answer(first[0].id, 401, &[], "");
    assert_eq!(bench.outcome(6), None, "it was not executed: it may run again");
    bench.wake();
    let asked = bench.requests();
    assert_eq!((asked.len(), asked[0].method.as_str()), (1, "GET"), "the time first");
    bench.effects.extend(asked.into_iter().map(Effect::Http));
    tell_time(&mut bench, -4_000);
    let again = bench.requests();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].method, "POST");
    bench.answer(again[0].id, 401, &[], "");
    assert!(matches!(bench.outcome(6), Some(Outcome::ClockSkew(_))));
    bench.wake();
    tell_time(&mut bench, -4_000);
    assert!(bench.requests().is_empty(), "one new run, not more");
    assert_eq!(bench.driver.health().counts.reruns, 1);
}

#[test]
fn the_second_run_of_an_order_tells_how_it_ended() {
    for (status, kind) in [(200, 0), (500, 1)] {
        let mut bench = measured();
        bench.place(6);
        let first = bench.requests();
        bench.answer(first[0].id, 401, &[], "");
        bench.wake();
        tell_time(&mut bench, 0);
        let again = bench.requests();
        bench.answer(again[0].id, status, &[], "");
        let outcome = bench.outcome(6).unwrap();
        assert_eq!(u8::from(outcome.is_unknown()), kind, "{outcome:?}");
    }
}

#[test]
fn an_order_whose_second_run_never_came_was_refused_for_its_time() {
    let mut bench = measured();
    bench.place(6);
    let first = bench.requests();
    bench.answer(first[0].id, 401, &[], "");
    bench.pass(20_000);
    assert!(
        matches!(bench.outcome(6), Some(Outcome::ClockSkew(_))),
        "{:?}",
        bench.outcome(6)
    );
}

#[test]
fn a_refusal_of_a_request_that_is_still_out_is_not_believed() {
    let mut bench = Bench::new(|_, heard, out| {
        if let Heard::Orders(ops) = heard {
            signed_request(ops[0].grant.op, "place", "/order", out);
            let refusal = Refusal::new(RejectReason::BadRequest, "guessed");
            finish(ops[0].grant.op, &Outcome::ClockSkew(refusal), out);
        }
    });
    bench.place(1);
    assert!(bench.outcome(1).unwrap().is_unknown());
}

#[test]
fn a_question_that_was_refused_for_its_time_runs_once_more() {
    let mut bench = measured();
    bench.command(5, &balances());
    let first = bench.requests();
    bench.answer(first[0].id, 401, &[], "");
    bench.wake();
    tell_time(&mut bench, 0);
    bench.pass(600);
    let again = bench.requests();
    assert_eq!(again.len(), 1);
    bench.answer(again[0].id, 401, &[], "");
    assert!(matches!(bench.outcome(5), Some(Outcome::ClockSkew(_))));
}

#[test]
fn nothing_is_signed_before_the_exchange_has_told_its_time() {
    let mut bench = unmeasured();
    bench.place(1);
    let asked = bench.requests();
    assert_eq!((asked.len(), asked[0].method.as_str()), (1, "GET"));
    bench.answer(asked[0].id, 500, &[], "");
    bench.pass(6_000);
    let Some(Outcome::NotSent(refusal)) = bench.outcome(1) else {
        panic!("{:?}", bench.outcome(1));
    };
    assert!(refusal.text.contains("time is not known"), "{refusal}");
    bench.place(2);
    tell_time(&mut bench, 0);
    assert_eq!(bench.requests()[0].method, "POST");
}

#[test]
fn a_clock_that_is_set_by_minutes_moves_no_deadline_and_is_measured_anew_at_once() {
    for minutes in [-10i64, 10] {
        let mut bench = measured();
        bench.place(1);
        let out = bench.requests();
        bench.wall_set += minutes * 60_000;
        bench.place(2);
        bench.wake();
        let requests = bench.requests();
        assert!(
            requests.iter().all(|r| r.method == "GET"),
            "no order before the time is known"
        );
        bench.effects.extend(requests.into_iter().map(Effect::Http));
        // The exchange's time has gone on as before.
        tell_time(&mut bench, 10_000 - minutes * 60_000);
        let placed = bench.requests();
        assert_eq!(placed.len(), 1);
        bench.pass(4_900);
        assert_eq!(bench.outcome(1), None, "its deadline is of the monotonic clock");
        let clock = bench.driver.health().clock;
        assert_eq!(clock.offset_ns, Some((10_000 - minutes * 60_000) * 1_000_000));
        assert!(clock.uncertainty_ns.unwrap() < 10_000_000);
        bench.answer(out[0].id, 200, &[], "");
        assert_eq!(bench.outcome(1), Some(&Outcome::Done));
        assert_eq!(bench.driver.health().counts.clock_steps, 1);
        assert!(
            bench
                .told
                .log
                .iter()
                .any(|(_, text)| text.contains("this machine's clock moved"))
        );
        bench.requests();
        bench.order(3, op_kind::CANCEL);
        assert_eq!(bench.requests().len(), 1);
    }
}
