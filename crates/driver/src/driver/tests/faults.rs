//! Timers, market data, and a connector that breaks.

use colibri_abi::{Level, book_flag};
use colibri_model::InstrumentId;
use colibri_standard::{Channel, Subscription};

use super::*;
use crate::{ConnectorState, FrameKind, Rehearsal};

fn batch(flags: u32) -> BookBatch<'static> {
    const LEVELS: &[Level] = &[Level { price: 1, quantity: 2 }];
    BookBatch {
        instrument: 1,
        flags,
        first_id: 1,
        last_id: 1,
        previous_id: 0,
        exchange_ns: 0,
        checksum: 0,
        price_exponent: 0,
        quantity_exponent: 0,
        reserved: 0,
        bids: RSlice::from_slice(LEVELS),
        asks: RSlice::from_slice(&[]),
        ext: [0; 4],
    }
}

#[test]
fn timers_fire_and_books_reach_the_sink_and_unknown_flags_do_not() {
    let mut bench = Bench::new(|now, heard, out| match heard {
        Heard::Command(op, ..) => {
            out.set_timer(3, now.mono_ns + 5_000_000_000);
            finish(*op, &Outcome::Done, out);
        }
        Heard::Timer(_) => {
            out.book(&batch(book_flag::SNAPSHOT));
            out.book(&batch(1 << 20));
        }
        _ => {}
    });
    bench.command(1, &balances());
    bench.pass(5_001);
    assert!(bench.heard().contains(&Heard::Timer(3)));
    assert_eq!(bench.told.books, 1);
    assert!(matches!(bench.told.events.last(), Some(Event::Notice(_))));
}

#[test]
fn log_lines_are_cut_and_limited_and_unreadable_events_are_told() {
    let mut bench = Bench::new(|_, heard, out| {
        if let Heard::Command(op, ..) = heard {
            for _ in 0..150 {
                out.log(3, &"é".repeat(1_000));
            }
            out.event("order", b"{}");
            out.event("a_later_kind", b"{}");
            finish(*op, &Outcome::Done, out);
        }
    });
    bench.command(1, &balances());
    assert_eq!(bench.outcome(1), Some(&Outcome::Done));
    let counts = bench.driver.health().counts;
    assert_eq!((counts.dropped_log_lines, counts.unreadable_events), (50, 1));
    assert!(bench.told.log.iter().all(|(_, text)| text.len() < 1_100));
}

#[test]
fn a_panic_ends_what_was_in_flight_and_a_new_connector_goes_on() {
    let mut bench = Bench::new(|now, heard, out| match heard {
        Heard::Frame(..) => panic!("a bug"),
        Heard::Command(_, kind, _) if kind == "open_session" => {
            open_stream(11, 1, "wss://ws.example.com/ws", out);
        }
        _ => ordinary(now, heard, out),
    });
    bench.command(
        9,
        &Command::UseInstruments(colibri_standard::UseInstruments { instruments: vec![] }),
    );
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
    for op in 1..=3 {
        bench.place(op);
    }
    bench.post(Input::Frame {
        stream,
        kind: FrameKind::Text,
        bytes: b"x",
    });
    assert!(matches!(
        bench.driver.health().connector,
        ConnectorState::Faulted { .. }
    ));
    assert!(bench.outcome(1).unwrap().is_unknown() && bench.outcome(2).unwrap().is_unknown());
    assert!(
        matches!(bench.outcome(3), Some(Outcome::NotSent(_))),
        "it was still queued"
    );
    assert!(bench.effects.contains(&Effect::CloseStream { stream, code: 1000 }));
    assert!(bench.told.log.iter().any(|(_, text)| text.contains("a bug")));
    assert_eq!(
        bench.told.sessions.last(),
        Some(&(SessionRole::Market, SessionStatus::Down))
    );
    assert_eq!(bench.driver.next_wake(), None);
    bench.place(4);
    assert!(matches!(bench.outcome(4), Some(Outcome::NotSent(_))));

    let (connector, heard) = scripted(ordinary);
    bench.driver.replace_connector(connector, bench.time(), &mut bench.told);
    let kinds: Vec<String> = heard
        .lock()
        .unwrap()
        .iter()
        .filter_map(|h| match h {
            Heard::Command(_, kind, _) => Some(kind.clone()),
            _ => None,
        })
        .collect();
    assert!(kinds.starts_with(&["use_instruments".to_owned()]) && kinds.contains(&"open_session".to_owned()));
    assert_eq!(bench.driver.health().connector, ConnectorState::Running);
}

#[test]
fn more_actions_than_an_input_allows_are_a_fault() {
    let mut bench = Bench::new(|_, heard, out| {
        if let Heard::Command(..) = heard {
            for _ in 0..1_000 {
                out.book(&batch(0));
            }
        }
    });
    bench.command(1, &balances());
    assert!(matches!(
        bench.driver.health().connector,
        ConnectorState::Faulted { .. }
    ));
    assert!(bench.told.books < 100);
}

#[test]
fn too_many_timers_are_a_fault() {
    let mut bench = Bench::new(|now, heard, out| {
        if let Heard::Command(op, ..) = heard {
            for timer in 0..50 {
                out.set_timer(op * 100 + timer, now.mono_ns + 1_000_000_000_000);
            }
            finish(*op, &Outcome::Done, out);
        }
    });
    for op in 1..=82 {
        bench.command(op, &balances());
    }
    assert!(matches!(
        bench.driver.health().connector,
        ConnectorState::Faulted { .. }
    ));
}

/// What a connector that panics after so many actions of its second command has told, and how that command ended.
fn rehearsed(actions: u32) -> (usize, Outcome) {
    let mut bench = Bench::new(|_, heard, out| {
        if let Heard::Command(op, ..) = heard {
            out.book(&batch(0));
            out.book(&batch(0));
            finish(*op, &Outcome::Done, out);
        }
    });
    let rehearsal = Rehearsal::default();
    bench.driver.rehearsal = rehearsal.clone();
    bench.command(1, &balances());
    rehearsal.panic_after(actions);
    bench.command(2, &balances());
    assert!(matches!(
        bench.driver.health().connector,
        ConnectorState::Faulted { .. }
    ));
    let ended = bench.told.completed.iter().find(|(op, _)| *op == OpId(2));
    (bench.told.books - 2, ended.unwrap().1.clone())
}

#[test]
fn a_rehearsed_panic_cuts_what_its_call_tells() {
    for (actions, books) in [(0, 0), (1, 1), (2, 2)] {
        let (told, ended) = rehearsed(actions);
        assert_eq!(told, books);
        assert!(matches!(ended, Outcome::NotSent(_)), "{ended:?}");
    }
    assert_eq!(rehearsed(u32::MAX), (2, Outcome::Done));
}
