//! Sessions and streams: opened, watched, opened again.

use colibri_model::InstrumentId;
use colibri_standard::{Channel, SessionEvent, Subscription};

use super::*;
use crate::FrameKind;

fn subscription(id: u32) -> Subscription {
    Subscription {
        instrument: InstrumentId(id),
        channels: vec![Channel::Book],
    }
}

/// Opens stream 11 for session 1 or 12 for session 2, subscribes when it is open, and is live when told so.
fn sessions() -> impl FnMut(Now, &Heard, &mut Out<'_>) + Send {
    let mut opening = 0;
    move |now, heard, out| match heard {
        Heard::Command(op, kind, payload) if kind == "open_session" => {
            opening = *op;
            let session = if payload.contains("\"session\":1") { 1 } else { 2 };
            open_stream(10 + session, session, "wss://ws.example.com/ws", out);
        }
        Heard::Opened(stream) => {
            send_frame(*stream, 0, "subscribe", out);
            let event = Event::Session(SessionEvent {
                session: stream - 10,
                status: SessionStatus::Subscribing,
                reason: None,
            });
            out.event(event.kind(), &event.to_json());
        }
        Heard::Closed(stream, _) => {
            let event = Event::Session(SessionEvent {
                session: stream - 10,
                status: SessionStatus::Down,
                reason: None,
            });
            out.event(event.kind(), &event.to_json());
        }
        Heard::Frame(_, bytes) if bytes == b"subscribed" => finish(opening, &Outcome::Done, out),
        Heard::Frame(_, bytes) if bytes == b"denied" => {
            finish(
                opening,
                &Outcome::AuthFailed(Refusal::new(RejectReason::NotPermitted, "")),
                out,
            );
        }
        _ => ordinary(now, heard, out),
    }
}

fn text(bench: &mut Bench, stream: StreamId, text: &str) {
    bench.post(Input::Frame {
        stream,
        kind: FrameKind::Text,
        bytes: text.as_bytes(),
    });
}

/// A live market session.
fn live() -> (Bench, StreamId) {
    let mut bench = Bench::new(sessions());
    bench.driver.want(SessionRole::Market, vec![subscription(1)]);
    assert_eq!(bench.driver.next_wake(), Some(MonoNs(0)));
    bench.wake();
    let stream = bench.dialed()[0];
    bench.post(Input::StreamOpened { stream });
    text(&mut bench, stream, "subscribed");
    (bench, stream)
}

#[test]
fn a_wanted_session_is_opened_and_its_steps_are_told() {
    let (bench, _) = live();
    assert_eq!(
        bench.told.sessions,
        [
            (SessionRole::Market, SessionStatus::Subscribing),
            (SessionRole::Market, SessionStatus::Live)
        ]
    );
    assert!(
        bench
            .effects
            .iter()
            .any(|e| matches!(e, Effect::SendFrame(f) if f.bytes == b"subscribe"))
    );
    let health = bench.driver.health();
    assert_eq!((health.sessions[0].streams, health.sessions[0].reconnects), (1, 0));
    assert_eq!(health.sessions[1].status, None);
}

#[test]
fn a_lost_stream_is_opened_again_after_a_jittered_back_off() {
    let (mut bench, stream) = live();
    for attempt in 0..3u64 {
        bench.effects.clear();
        let current = if attempt == 0 { stream } else { bench_stream(&bench) };
        bench.post(Input::StreamClosed {
            stream: current,
            code: 1006,
            reason: "reset",
        });
        assert_eq!(
            bench.told.sessions.last(),
            Some(&(SessionRole::Market, SessionStatus::Down))
        );
        let bound = 500 << attempt;
        bench.pass(bound / 2 - 1);
        assert!(
            !bench.effects.iter().any(|e| matches!(e, Effect::OpenStream(_))),
            "too early"
        );
        bench.pass(bound / 2 + 2);
        assert!(
            bench.effects.iter().any(|e| matches!(e, Effect::OpenStream(_))),
            "too late"
        );
    }
    assert_eq!(bench.driver.health().sessions[0].reconnects, 3);
    assert!(bench.heard().contains(&Heard::Closed(11, 1006)));
}

#[test]
fn a_session_that_is_found_silent_is_closed_told_and_opened_again_after_its_back_off() {
    let (mut bench, stream) = live();
    bench.driver.reopen(SessionRole::Market, "it told nothing of BTC-USDT");
    assert_eq!(bench.driver.next_wake(), Some(MonoNs(0)));
    bench.wake();
    assert!(bench.effects.contains(&Effect::CloseStream { stream, code: 1000 }));
    assert_eq!(
        bench.told.sessions.last(),
        Some(&(SessionRole::Market, SessionStatus::Down))
    );
    let health = bench.driver.health().sessions[0].clone();
    assert_eq!(health.down_reason.as_deref(), Some("it told nothing of BTC-USDT"));
    let (role, reason, until) = bench.told.rests.last().cloned().unwrap();
    assert_eq!(
        (role, reason.as_str()),
        (SessionRole::Market, "it told nothing of BTC-USDT")
    );
    assert_eq!(health.next_attempt, Some(until));
    // One that is down already is not put off further.
    bench.driver.reopen(SessionRole::Market, "again");
    bench.pass(600);
    let stream = bench_stream(&bench);
    bench.post(Input::StreamOpened { stream });
    text(&mut bench, stream, "subscribed");
    let health = bench.driver.health().sessions[0].clone();
    assert_eq!(
        (health.reconnects, health.next_attempt, health.down_reason),
        (1, None, None)
    );
    // A live session's condemnation is forgotten with it.
    bench.pass(10_000);
    assert_eq!(bench.driver.health().sessions[0].reconnects, 1);
}

fn bench_stream(bench: &Bench) -> StreamId {
    *bench.driver.core.streams.keys().next_back().unwrap()
}

#[test]
fn silence_is_judged_by_data_and_not_by_pings() {
    let (mut bench, stream) = live();
    bench.pass(20_000);
    text(&mut bench, stream, "data");
    bench.pass(20_000);
    bench.post(Input::Pinged { stream });
    bench.pass(9_000);
    assert_eq!(
        bench.told.sessions.last(),
        Some(&(SessionRole::Market, SessionStatus::Live))
    );
    bench.pass(1_001);
    assert!(
        bench
            .told
            .sessions
            .contains(&(SessionRole::Market, SessionStatus::Down))
    );
    assert!(bench.effects.contains(&Effect::CloseStream { stream, code: 1000 }));
}

#[test]
fn a_user_session_without_events_lives_by_the_exchanges_pings() {
    let mut bench = Bench::new(sessions());
    bench.driver.want(SessionRole::User, vec![]);
    bench.wake();
    let stream = bench.dialed()[0];
    bench.post(Input::StreamOpened { stream });
    text(&mut bench, stream, "subscribed");
    for _ in 0..5 {
        bench.pass(60_000);
        bench.post(Input::Pinged { stream });
    }
    assert_eq!(
        bench.told.sessions.last(),
        Some(&(SessionRole::User, SessionStatus::Live))
    );
    bench.pass(90_001);
    assert_eq!(
        bench.told.sessions.last(),
        Some(&(SessionRole::User, SessionStatus::Down))
    );
}

#[test]
fn a_connection_is_replaced_before_the_exchange_ends_it() {
    let (mut bench, mut stream) = live();
    for _ in 0..176 {
        bench.pass(20_000);
        text(&mut bench, stream, "data");
    }
    assert!(bench.dialed().is_empty());
    bench.pass(20_000);
    let dialed = bench.dialed();
    assert_eq!(dialed.len(), 1, "opened again at once, without back-off");
    stream = dialed[0];
    bench.post(Input::StreamOpened { stream });
    text(&mut bench, stream, "subscribed");
    assert_eq!(
        bench.told.sessions.last(),
        Some(&(SessionRole::Market, SessionStatus::Live))
    );
}

#[test]
fn a_changed_want_becomes_an_update_of_the_difference() {
    let (mut bench, _) = live();
    bench
        .driver
        .want(SessionRole::Market, vec![subscription(2), subscription(3)]);
    bench.wake();
    let Some(Heard::Command(_, kind, payload)) = bench.heard().pop() else {
        panic!("no command");
    };
    assert_eq!(kind, "update_session");
    assert!(payload.contains(r#""add":[{"instrument":2"#) && payload.contains(r#""remove":[{"instrument":1"#));
    assert_ne!(bench.driver.next_wake(), Some(MonoNs(0)), "asked once");
    bench.driver.unwant(SessionRole::Market);
    bench.wake();
    assert!(matches!(bench.heard().pop(), Some(Heard::Command(_, kind, _)) if kind == "close_session"));
    assert_eq!(bench.driver.health().sessions[0].status, None);
    assert_eq!(bench.driver.health().sessions[0].streams, 0);
}

#[test]
fn a_refused_key_is_not_tried_again_at_once() {
    let mut bench = Bench::new(sessions());
    bench.driver.want(SessionRole::User, vec![]);
    bench.wake();
    let stream = bench.dialed()[0];
    bench.post(Input::StreamOpened { stream });
    text(&mut bench, stream, "denied");
    bench.pass(59_000);
    assert!(bench.dialed().is_empty());
    bench.pass(2_000);
    assert_eq!(bench.dialed().len(), 1);
}

#[test]
fn a_stream_to_somewhere_else_is_not_opened() {
    let mut bench = Bench::new(|now, heard, out| match heard {
        Heard::Command(_, kind, _) if kind == "open_session" => {
            open_stream(11, 1, "wss://ws.evil.com/ws", out);
            open_stream(12, 9, "wss://ws.example.com/ws", out);
        }
        _ => ordinary(now, heard, out),
    });
    bench.driver.want(SessionRole::Market, vec![subscription(1)]);
    bench.wake();
    assert!(bench.dialed().is_empty());
    assert_eq!(bench.driver.health().counts.refused, 2);
}

#[test]
fn frames_of_a_stream_that_was_closed_go_nowhere() {
    let (mut bench, stream) = live();
    bench.post(Input::StreamClosed {
        stream,
        code: 1000,
        reason: "",
    });
    bench.heard.lock().unwrap().clear();
    text(&mut bench, stream, "late");
    assert!(bench.heard().is_empty());
}

/// A market session whose connector sends an operation over the stream when it is granted.
fn ordering() -> (Bench, StreamId) {
    let mut base = sessions();
    let mut bench = Bench::new(move |now, heard, out| match heard {
        Heard::Command(op, kind, _) if kind == "balances" => {
            out.want(*op, "stream_order");
        }
        Heard::Granted(grant) => {
            send_frame(11, grant.op, "order", out);
        }
        Heard::Frame(_, bytes) if bytes == b"done" => finish(5, &Outcome::Done, out),
        _ => base(now, heard, out),
    });
    bench.driver.want(SessionRole::Market, vec![subscription(1)]);
    bench.wake();
    let stream = bench.dialed()[0];
    bench.post(Input::StreamOpened { stream });
    text(&mut bench, stream, "subscribed");
    (bench, stream)
}

#[test]
fn an_operation_over_a_stream_is_answered_or_times_out_or_is_refused_or_lost() {
    let (mut bench, stream) = ordering();
    bench.command(5, &balances());
    text(&mut bench, stream, "done");
    assert_eq!(bench.outcome(5), Some(&Outcome::Done));

    bench.command(6, &balances());
    bench.pass(3_001);
    assert!(bench.outcome(6).unwrap().is_unknown());

    bench.effects.clear();
    bench.command(7, &balances());
    let frame = bench.effects.iter().find_map(|e| match e {
        Effect::SendFrame(f) => Some(f.id),
        _ => None,
    });
    bench.post(Input::FrameRefused {
        stream,
        frame: frame.unwrap(),
        reason: "full",
    });
    assert!(matches!(bench.outcome(7), Some(Outcome::NotSent(_))));

    bench.command(8, &balances());
    bench.post(Input::StreamClosed {
        stream,
        code: 1006,
        reason: "reset",
    });
    assert!(bench.outcome(8).unwrap().is_unknown());

    bench.command(9, &balances());
    assert_eq!(
        reason(bench.outcome(9)),
        Some(RejectReason::NotConnected),
        "no stream, nothing sent"
    );
    assert!(matches!(bench.outcome(9), Some(Outcome::NotSent(_))));
}

#[test]
fn a_login_of_two_steps_over_a_stream_is_admitted_twice_for_one_operation() {
    let mut step = 0;
    let mut opening = 0;
    let mut bench = Bench::new(move |now, heard, out| match heard {
        Heard::Command(op, kind, _) if kind == "open_session" => {
            opening = *op;
            open_stream(12, 2, "wss://ws.example.com/ws", out);
        }
        Heard::Opened(_) => {
            out.want(opening, "stream_order");
        }
        Heard::Granted(grant) => {
            send_frame(12, grant.op, "login", out);
        }
        Heard::Frame(..) if step == 0 => {
            step = 1;
            out.want(opening, "stream_order");
        }
        Heard::Frame(..) => finish(opening, &Outcome::Done, out),
        _ => ordinary(now, heard, out),
    });
    bench.driver.want(SessionRole::User, vec![]);
    bench.wake();
    let stream = bench.dialed()[0];
    bench.post(Input::StreamOpened { stream });
    text(&mut bench, stream, "logged in");
    text(&mut bench, stream, "subscribed");
    assert_eq!(bench.told.sessions, [(SessionRole::User, SessionStatus::Live)]);
    let sent = bench
        .effects
        .iter()
        .filter(|e| matches!(e, Effect::SendFrame(_)))
        .count();
    assert_eq!(sent, 2);
}

#[test]
fn a_handshake_that_is_refused_by_a_ban_stops_everything() {
    let mut bench = Bench::new(sessions());
    bench.driver.want(SessionRole::Market, vec![subscription(1)]);
    bench.wake();
    let stream = bench.dialed()[0];
    bench.post(Input::StreamClosed {
        stream,
        code: 418,
        reason: "teapot",
    });
    bench.place(1);
    assert!(bench.requests().is_empty());
    let pool = bench
        .driver
        .health()
        .pools
        .into_iter()
        .find(|p| p.pool == "weight")
        .unwrap();
    assert!(pool.paused_until.is_some());
}

/// A live user session on a driver that renews it every ten seconds. Each renewal ends with the next of `outcomes`.
fn renewed(outcomes: Vec<Outcome>) -> Bench {
    let (mut behaviour, mut outcomes) = (sessions(), outcomes.into_iter());
    let (connector, heard) = scripted(move |now, heard, out| match heard {
        Heard::Command(op, kind, _) if kind == "server_time" => unsupported(*op, out),
        Heard::Command(op, kind, payload) if kind == "renew_session" => {
            assert!(payload.contains("\"session\":2"), "{payload}");
            if let Some(outcome) = outcomes.next() {
                finish(*op, &outcome, out);
            }
        }
        _ => behaviour(now, heard, out),
    });
    let mut setup = setup();
    setup.manifest.liveness.renewal_ms = Millis(10_000);
    let mut bench = Bench::set_up(&setup, connector, heard);
    bench.driver.want(SessionRole::User, Vec::new());
    bench.wake();
    let stream = bench.dialed()[0];
    bench.post(Input::StreamOpened { stream });
    text(&mut bench, stream, "subscribed");
    bench
}

fn renewals(bench: &Bench) -> usize {
    let of_renewing = |heard: &Heard| matches!(heard, Heard::Command(_, kind, _) if kind == "renew_session");
    bench.heard().iter().filter(|heard| of_renewing(heard)).count()
}

fn refusal(reason: RejectReason) -> Refusal {
    Refusal::new(reason, "a test")
}

#[test]
fn a_session_is_renewed_as_often_as_the_manifest_says() {
    let mut bench = renewed(vec![Outcome::Done; 3]);
    bench.pass(9_999);
    assert_eq!(renewals(&bench), 0);
    bench.pass(1);
    assert_eq!(renewals(&bench), 1);
    bench.pass(20_000);
    assert_eq!(renewals(&bench), 3);
    bench.pass(15_000);
    assert_eq!(renewals(&bench), 4, "not again while one is under way");
    assert_eq!(bench.driver.health().sessions[1].status, Some(SessionStatus::Live));
}

#[test]
fn a_renewal_that_is_refused_opens_the_session_anew_and_one_of_unknown_fate_is_tried_again() {
    let mut bench = renewed(vec![
        Outcome::Throttled {
            retry_after: None,
            pool: None,
            refusal: refusal(RejectReason::NoRoom),
        },
        Outcome::Rejected(refusal(RejectReason::BadRequest)),
    ]);
    bench.pass(10_000);
    assert_eq!(renewals(&bench), 1);
    assert_eq!(bench.driver.health().sessions[1].status, Some(SessionStatus::Live));
    bench.pass(11_000);
    assert_eq!(renewals(&bench), 2, "again");
    let health = bench.driver.health().sessions[1].clone();
    assert!(
        health
            .down_reason
            .is_some_and(|why| why.contains("could not be renewed"))
    );
    assert!(health.reconnects > 0);
}
