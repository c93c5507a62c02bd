//! A session of several streams: each is judged by what it tells itself.

use colibri_model::InstrumentId;
use colibri_standard::{Channel, Subscription};

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
    let mut bench = Bench::new(two_streams());
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
