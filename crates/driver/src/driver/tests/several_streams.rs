//! A session of several streams: each is judged by what it tells itself, and may be lost alone.

use colibri_model::InstrumentId;
use colibri_standard::{Channel, SessionEvent, SessionPart, Subscription};

use super::*;
use crate::FrameKind;

/// Opens two streams for the market session, and is live with the first's word.
fn two_streams() -> impl FnMut(Now, &Heard, &mut Out<'_>) + Send {
    let mut opening = 0;
    move |now, heard, out| match heard {
        Heard::Command(op, kind, _) if kind == "open_session" => {
            opening = *op;
            open_stream(11, 1, "wss://ws.example.com/ws", out);
            open_stream(12, 1, "wss://ws.example.com/ws", out);
        }
        Heard::Frame(11, bytes) if bytes == b"subscribed" => finish(opening, &Outcome::Done, out),
        Heard::Frame(..) => {}
        _ => ordinary(now, heard, out),
    }
}

fn tells(bench: &mut Bench, stream: StreamId, text: &str) {
    let bytes = text.as_bytes();
    bench.post(Input::Frame {
        stream,
        kind: FrameKind::Text,
        bytes,
    });
}

fn live() -> (Bench, StreamId, StreamId) {
    live_with(two_streams())
}

fn live_with(behaviour: impl FnMut(Now, &Heard, &mut Out<'_>) + Send + 'static) -> (Bench, StreamId, StreamId) {
    let mut bench = Bench::new(behaviour);
    let subscription = Subscription {
        instrument: InstrumentId(1),
        channels: vec![Channel::Book, Channel::Trades],
    };
    bench.driver.want(SessionRole::Market, vec![subscription]);
    bench.wake();
    let streams = bench.dialed();
    for &stream in &streams {
        bench.post(Input::StreamOpened { stream });
    }
    tells(&mut bench, streams[0], "subscribed");
    (bench, streams[0], streams[1])
}

#[test]
fn a_stream_that_only_pings_is_silent_beside_one_that_tells() {
    let (mut bench, books, trades) = live();
    tells(&mut bench, trades, "a trade");
    for _ in 0..29 {
        bench.pass(1_000);
        tells(&mut bench, books, "an update");
        bench.post(Input::Pinged { stream: trades });
    }
    let status = |bench: &Bench| bench.driver.health().sessions[0].status;
    assert_eq!(status(&bench), Some(SessionStatus::Live));
    bench.pass(1_000);
    assert_eq!(status(&bench), Some(SessionStatus::Down));
    for stream in [books, trades] {
        assert!(bench.effects.contains(&Effect::CloseStream { stream, code: 1000 }));
    }
    let why = bench.driver.health().sessions[0].down_reason.clone();
    assert_eq!(why.as_deref(), Some("no data for too long on its stream stream"));
}

#[test]
fn a_session_lives_while_each_of_its_streams_tells() {
    let (mut bench, books, trades) = live();
    for round in 0..60 {
        bench.pass(10_000);
        tells(&mut bench, if round % 2 == 0 { books } else { trades }, "data");
    }
    let session = bench.driver.health().sessions[0].clone();
    assert_eq!((session.status, session.reconnects), (Some(SessionStatus::Live), 0));
    assert_eq!(
        session.last_frame,
        Some(bench.time().mono),
        "when any of them told last"
    );
}

/// As [`two_streams`], of a connector that knows what each carries: it says that a part is lost while another is there, and
/// opens it again, as stream 13 and on, when it is asked to.
fn in_parts() -> impl FnMut(Now, &Heard, &mut Out<'_>) + Send {
    let mut whole = two_streams();
    let (mut open, mut mending, mut last) = (vec![11, 12], 0, 12);
    let tell = |event: Event, out: &mut Out<'_>| {
        out.event(event.kind(), &event.to_json());
    };
    let part = |status| SessionPart {
        session: 1,
        status,
        subscriptions: vec![Subscription {
            instrument: InstrumentId(1),
            channels: vec![Channel::Book],
        }],
        reason: None,
    };
    move |now, heard, out| match heard {
        Heard::Closed(stream, _) => {
            open.retain(|there| there != stream);
            if open.is_empty() {
                let (status, reason) = (SessionStatus::Down, None);
                let session = 1;
                tell(
                    Event::Session(SessionEvent {
                        session,
                        status,
                        reason,
                    }),
                    out,
                );
                return;
            }
            tell(Event::SessionPart(part(SessionStatus::Down)), out);
            if mending != 0 {
                let refusal = Refusal::new(RejectReason::NotConnected, "lost again");
                finish(std::mem::take(&mut mending), &Outcome::Unknown(refusal), out);
            }
        }
        Heard::Command(op, kind, _) if kind == "mend_session" => {
            (mending, last) = (*op, last + 1);
            open.push(last);
            open_stream(last, 1, "wss://ws.example.com/ws", out);
        }
        Heard::Frame(_, bytes) if bytes == b"subscribed again" => {
            tell(Event::SessionPart(part(SessionStatus::Live)), out);
            finish(std::mem::take(&mut mending), &Outcome::Done, out);
        }
        _ => whole(now, heard, out),
    }
}

fn parts_told(bench: &Bench) -> Vec<SessionStatus> {
    let part = |event: &Event| match event {
        Event::SessionPart(part) => Some(part.status),
        _ => None,
    };
    bench.told.events.iter().filter_map(part).collect()
}

fn lose(bench: &mut Bench, stream: StreamId) {
    bench.effects.clear();
    bench.post(Input::StreamClosed {
        stream,
        code: 1006,
        reason: "",
    });
}

const LIVE: (SessionRole, SessionStatus) = (SessionRole::Market, SessionStatus::Live);
const DOWN: (SessionRole, SessionStatus) = (SessionRole::Market, SessionStatus::Down);

#[test]
fn a_stream_that_is_lost_beside_another_is_opened_again_alone() {
    let (mut bench, books, trades) = live_with(in_parts());
    lose(&mut bench, trades);
    assert_eq!(
        (bench.told.sessions.as_slice(), bench.effects.len()),
        ([LIVE].as_slice(), 0)
    );
    assert_eq!(parts_told(&bench), [SessionStatus::Down]);
    bench.pass(240);
    assert!(bench.dialed().is_empty(), "not without a back-off");
    bench.pass(260);
    let again = bench.dialed();
    assert_eq!(again.len(), 1);
    bench.post(Input::StreamOpened { stream: again[0] });
    tells(&mut bench, again[0], "subscribed again");
    for _ in 0..6 {
        bench.pass(10_000);
        tells(&mut bench, books, "data");
        tells(&mut bench, again[0], "data");
    }
    assert_eq!(parts_told(&bench), [SessionStatus::Down, SessionStatus::Live]);
    assert_eq!(bench.told.sessions, [LIVE], "the session was live all the while");
    let session = bench.driver.health().sessions[0].clone();
    assert_eq!((session.streams, session.reconnects), (2, 1));
}

#[test]
fn a_stream_that_falls_silent_beside_one_that_tells_is_closed_and_opened_again_alone() {
    let (mut bench, books, trades) = live_with(in_parts());
    for _ in 0..31 {
        bench.pass(1_000);
        tells(&mut bench, books, "an update");
    }
    let closed = |stream| Effect::CloseStream { stream, code: 1000 };
    assert!(bench.effects.contains(&closed(trades)) && !bench.effects.contains(&closed(books)));
    assert_eq!(bench.told.sessions, [LIVE]);
    assert_eq!(bench.dialed().len(), 1);
}

#[test]
fn a_stream_that_cannot_be_opened_again_takes_its_session_down() {
    let (mut bench, books, trades) = live_with(in_parts());
    lose(&mut bench, trades);
    for attempt in 1..=3 {
        assert_eq!(bench.told.sessions, [LIVE], "before attempt {attempt}");
        bench.pass(4_000);
        let again = bench.dialed();
        assert_eq!(again.len(), 1, "attempt {attempt}");
        lose(&mut bench, again[0]);
    }
    assert_eq!(bench.told.sessions, [LIVE, DOWN]);
    let closed = Effect::CloseStream {
        stream: books,
        code: 1000,
    };
    assert!(bench.effects.contains(&closed));
    let why = bench.driver.health().sessions[0].down_reason.clone().unwrap();
    assert!(why.starts_with("a stream of it could not be opened again: "), "{why}");
}

#[test]
fn the_last_stream_that_is_lost_takes_its_session_down_and_so_does_one_of_a_connector_that_tells_no_parts() {
    let (mut bench, books, trades) = live_with(in_parts());
    lose(&mut bench, trades);
    lose(&mut bench, books);
    assert_eq!(bench.told.sessions, [LIVE, DOWN]);
    bench.pass(400);
    assert!(
        !bench
            .heard()
            .iter()
            .any(|h| matches!(h, Heard::Command(_, kind, _) if kind == "mend_session")),
        "there is nothing to mend"
    );

    let (mut bench, books, trades) = live();
    lose(&mut bench, trades);
    assert_eq!(bench.told.sessions, [LIVE, DOWN]);
    let closed = Effect::CloseStream {
        stream: books,
        code: 1000,
    };
    assert!(bench.effects.contains(&closed));
}

#[test]
fn what_changes_while_a_stream_is_lost_is_told_once_it_is_back() {
    let (mut bench, _, trades) = live_with(in_parts());
    lose(&mut bench, trades);
    let more = [1, 2].map(|id| Subscription {
        instrument: InstrumentId(id),
        channels: vec![Channel::Book, Channel::Trades],
    });
    bench.driver.want(SessionRole::Market, more.to_vec());
    bench.pass(500);
    let updates = |bench: &Bench| {
        let update = |h: &&Heard| matches!(h, Heard::Command(_, kind, _) if kind == "update_session");
        bench.heard().iter().filter(update).count()
    };
    assert_eq!(updates(&bench), 0);
    let again = bench.dialed()[0];
    bench.post(Input::StreamOpened { stream: again });
    tells(&mut bench, again, "subscribed again");
    bench.wake();
    assert_eq!(updates(&bench), 1);
}
