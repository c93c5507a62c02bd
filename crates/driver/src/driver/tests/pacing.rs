//! The frames of a connection, which exchanges limit by themselves.

use colibri_model::InstrumentId;
use colibri_standard::{Channel, Subscription};
use proptest::prelude::*;

use super::*;
use crate::FrameKind;

/// Opens a market stream, and sends on it as many frames as each frame that comes says; `order` sends one for an operation.
fn bench() -> (Bench, StreamId) {
    let mut waiting = Vec::new();
    let mut bench = Bench::new(move |now, heard, out| match heard {
        Heard::Command(op, kind, _) if kind == "open_session" => {
            open_stream(11, 1, "wss://ws.example.com/ws", out);
            waiting.push(*op);
        }
        Heard::Opened(_) => finish(waiting.remove(0), &Outcome::Done, out),
        Heard::Frame(stream, bytes) => {
            let count = String::from_utf8(bytes.clone()).unwrap().parse().unwrap();
            for number in 0..count {
                send_frame(*stream, 0, &format!("subscribe {number}"), out);
            }
        }
        Heard::Command(op, kind, _) if kind == "balances" => {
            out.want(*op, "stream_order");
        }
        Heard::Granted(grant) => {
            send_frame(11, grant.op, "order", out);
        }
        _ => ordinary(now, heard, out),
    });
    bench.driver.want(
        SessionRole::Market,
        vec![Subscription {
            instrument: InstrumentId(1),
            channels: vec![Channel::Book],
        }],
    );
    bench.wake();
    let stream = bench.dialed()[0];
    bench.post(Input::StreamOpened { stream });
    (bench, stream)
}

fn frame(bench: &mut Bench, stream: StreamId, count: usize) {
    let text = count.to_string();
    bench.post(Input::Frame {
        stream,
        kind: FrameKind::Text,
        bytes: text.as_bytes(),
    });
}

/// The frames that went out since the last call.
fn sent(bench: &mut Bench) -> Vec<String> {
    let mut sent = Vec::new();
    bench.effects.retain(|effect| match effect {
        Effect::SendFrame(frame) => {
            sent.push(String::from_utf8(frame.bytes.clone()).unwrap());
            false
        }
        _ => true,
    });
    sent
}

#[test]
fn frames_wait_for_room_on_their_own_connection_and_keep_their_order() {
    let (mut bench, stream) = bench();
    frame(&mut bench, stream, 12);
    let expected = |from: usize, to: usize| (from..to).map(|n| format!("subscribe {n}")).collect::<Vec<_>>();
    assert_eq!(sent(&mut bench), expected(0, 5));
    bench.pass(999);
    assert!(sent(&mut bench).is_empty());
    bench.pass(1);
    assert_eq!(sent(&mut bench), expected(5, 10));
    bench.pass(1_000);
    assert_eq!(sent(&mut bench), expected(10, 12));
    assert_eq!(bench.driver.health().counts.frames_held, 7);
}

#[test]
fn a_frame_that_never_went_is_known_not_to_have() {
    let (mut bench, stream) = bench();
    frame(&mut bench, stream, 30);
    bench.command(1, &balances());
    bench.pass(3_001);
    assert_eq!(reason(bench.outcome(1)), Some(RejectReason::Deadline));
    assert!(
        matches!(bench.outcome(1), Some(Outcome::NotSent(_))),
        "it waited behind"
    );
    bench.command(2, &balances());
    bench.post(Input::StreamClosed {
        stream,
        code: 1006,
        reason: "",
    });
    bench.pass(100_000);
    assert!(matches!(bench.outcome(2), Some(Outcome::NotSent(_))));
    assert!(!sent(&mut bench).iter().any(|text| text == "order"));
}

#[test]
fn more_frames_than_can_ever_go_are_refused() {
    let (mut bench, stream) = bench();
    for _ in 0..30 {
        frame(&mut bench, stream, 50);
    }
    assert!(bench.driver.health().counts.refused > 0);
    assert!(bench.told.log.iter().any(|(_, text)| text.contains("too many frames")));
}

proptest! {
    /// However a connector sends, no second of a connection holds more frames than it may.
    #[test]
    fn no_second_holds_more_frames_than_it_may(
        bursts in proptest::collection::vec((0u64..900, 0usize..9), 1..40),
    ) {
        let (mut bench, stream) = bench();
        let mut times = Vec::new();
        let mut asked = 0;
        let mut note = |bench: &mut Bench| {
            let now = bench.now_ms;
            times.extend(sent(bench).iter().map(|_| now));
        };
        for (wait, count) in bursts {
            for _ in 0..wait {
                bench.pass(1);
                note(&mut bench);
            }
            asked += count;
            frame(&mut bench, stream, count);
            note(&mut bench);
        }
        for _ in 0..30_000 {
            bench.pass(1);
            note(&mut bench);
            if bench.driver.health().counts.frames_sent == asked as u64 {
                break;
            }
        }
        prop_assert_eq!(times.len(), asked, "each goes at last");
        for window in times.windows(6) {
            prop_assert!(window[5] - window[0] >= 1_000, "{:?}", window);
        }
    }
}
