//! Sessions of several streams: live when each of them is, and what is lost of them is opened again alone.

use super::*;

fn books_of(instruments: &[u32]) -> Vec<Subscription> {
    let book = |id: &u32| Subscription {
        instrument: InstrumentId(*id),
        channels: vec![Channel::Book],
    };
    instruments.iter().map(book).collect()
}

/// Two books where a stream carries one topic.
fn in_two_parts() -> Stage {
    let mut stage = stage();
    let command = OpenSession {
        session: 1,
        role: SessionRole::Market,
        subscriptions: books_of(&[1, 2]),
    };
    let actions = stage.command(1, &Command::OpenSession(command));
    assert!(matches!(
        actions.as_slice(),
        [
            Action::Open {
                stream: 1,
                session: 1,
                ..
            },
            Action::Open {
                stream: 2,
                session: 1,
                ..
            }
        ]
    ));
    stage
}

#[test]
fn a_session_with_more_topics_than_a_stream_carries_is_live_when_each_of_its_streams_is() {
    let mut stage = in_two_parts();
    stage.stream_opened(1);
    let actions = stage.frame(1, b"ok 1");
    assert!(statuses(&actions).is_empty() && outcome(&actions, 1).is_none());
    stage.stream_opened(2);
    let actions = stage.frame(2, b"ok 2");
    assert_eq!(statuses(&actions), [SessionStatus::Live]);
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));

    // A book is subscribed anew on the stream that carries it.
    let update = |add: &[u32], remove: &[u32]| {
        Command::UpdateSession(UpdateSession {
            session: 1,
            add: books_of(add),
            remove: books_of(remove),
        })
    };
    let actions = stage.command(3, &update(&[2], &[2]));
    let sent = |actions: &[Action]| -> Vec<u32> {
        let stream = |action: &Action| match action {
            Action::Send { stream, .. } => Some(*stream),
            _ => None,
        };
        actions.iter().filter_map(stream).collect()
    };
    assert_eq!(sent(&actions), [2, 2]);
    stage.frame(2, b"ok 3");
    assert_eq!(outcome(&stage.frame(2, b"ok 4"), 3), Some(Outcome::Done));
    let actions = stage.command(4, &update(&[3], &[]));
    assert!(matches!(outcome(&actions, 4), Some(Outcome::NotSent(r)) if r.reason == RejectReason::DoesNotFit));
    let actions = stage.command(5, &update(&[], &[1, 2]));
    assert_eq!(sent(&actions), [1, 2]);
    assert_eq!(
        outcome(&stage.frame(1, b"ok 5"), 5),
        None,
        "the other stream has not answered"
    );
    assert_eq!(outcome(&stage.frame(2, b"ok 6"), 5), Some(Outcome::Done));
}

#[test]
fn a_session_that_opens_is_down_with_the_first_of_its_streams_and_says_so_once() {
    let mut stage = in_two_parts();
    stage.stream_opened(1);
    stage.frame(1, b"ok 1");
    let actions = stage.stream_closed(2, 1006, "");
    assert_eq!(statuses(&actions), [SessionStatus::Down]);
    assert!(outcome(&actions, 1).unwrap().is_unknown());
    assert!(stage.stream_closed(1, 1000, "").is_empty());
    assert!(stage.frame(1, b"gone").is_empty());
}

/// As [`in_two_parts`], live.
fn live_in_two_parts() -> Stage {
    let mut stage = in_two_parts();
    for (stream, answer) in [(1, b"ok 1"), (2, b"ok 2")] {
        stage.stream_opened(stream);
        stage.frame(stream, answer);
    }
    stage
}

fn mend() -> Command {
    Command::MendSession(MendSession { session: 1 })
}

/// What was told of parts: where they stand, and the instruments.
fn parts(actions: &[Action]) -> Vec<(SessionStatus, Vec<u32>)> {
    let part = |event| match event {
        Event::SessionPart(part) => Some((part.status, part.subscriptions.iter().map(|s| s.instrument.0).collect())),
        _ => None,
    };
    events(actions).into_iter().filter_map(part).collect()
}

#[test]
fn a_live_session_that_loses_a_stream_says_what_it_carried_and_opens_it_again_when_it_is_told_to() {
    let mut stage = live_in_two_parts();
    let actions = stage.stream_closed(2, 1006, "");
    assert_eq!(parts(&actions), [(SessionStatus::Down, vec![2])]);
    assert!(statuses(&actions).is_empty(), "the session is live");
    assert!(
        !actions.iter().any(|a| matches!(a, Action::Open { .. })),
        "when is the host's decision"
    );

    // What it will carry is neither changed nor given to another stream meanwhile.
    let update = |add: &[u32]| {
        Command::UpdateSession(UpdateSession {
            session: 1,
            add: books_of(add),
            remove: books_of(add),
        })
    };
    let actions = stage.command(5, &update(&[2]));
    assert!(matches!(outcome(&actions, 5), Some(Outcome::NotSent(r)) if r.reason == RejectReason::NotConnected));

    let actions = stage.command(6, &mend());
    assert!(
        matches!(
            actions.as_slice(),
            [Action::Open {
                stream: 3,
                session: 1,
                ..
            }]
        ),
        "{actions:?}"
    );
    let actions = stage.stream_opened(3);
    assert!(
        actions
            .iter()
            .any(|a| matches!(a, Action::Send { stream: 3, frame, .. } if frame == "Subscribe 1 3"))
    );
    assert!(events(&actions).is_empty(), "the session is live, and takes no step");
    let actions = stage.frame(3, b"ok 3");
    assert_eq!(parts(&actions), [(SessionStatus::Live, vec![2])]);
    assert_eq!(
        (statuses(&actions).len(), outcome(&actions, 6)),
        (0, Some(Outcome::Done))
    );
    let actions = stage.command(7, &update(&[2]));
    assert!(
        actions.iter().all(|a| !matches!(a, Action::Send { stream: 1 | 2, .. })),
        "it is on the new stream"
    );
    assert_eq!(
        outcome(&stage.command(8, &mend()), 8),
        Some(Outcome::Done),
        "nothing is lost"
    );
}

/// What is kept of a session does not hold where its streams are opened.
#[test]
fn a_later_instance_opens_a_stream_again_where_the_earlier_one_did() {
    let addresses = |actions: &[Action]| -> Vec<String> {
        let opened = actions.iter().filter_map(|action| match action {
            Action::Open { url, .. } => Some(url.clone()),
            _ => None,
        });
        opened.collect()
    };
    let mut stage = live_in_two_parts();
    let mut later = later(&mut stage);
    let opened = [&mut stage, &mut later].map(|stage| {
        stage.stream_closed(2, 1006, "");
        addresses(&stage.command(6, &mend()))
    });
    assert_eq!(opened[0], opened[1]);
    assert!(opened[0][0].starts_with("ws"), "{opened:?}");
}

#[test]
fn a_stream_that_is_lost_again_while_it_is_opened_ends_the_attempt_alone() {
    let mut stage = live_in_two_parts();
    stage.stream_closed(1, 1006, "");
    stage.command(6, &mend());
    stage.stream_opened(3);
    let actions = stage.frame(3, b"no 3");
    assert!(matches!(outcome(&actions, 6), Some(Outcome::Rejected(_))));
    assert!(actions.iter().any(|a| matches!(a, Action::Close { stream: 3, .. })));
    assert_eq!(
        (parts(&actions), statuses(&actions).len()),
        (vec![(SessionStatus::Down, vec![1])], 0)
    );
    // The host gives the next attempt up.
    stage.command(7, &mend());
    let actions = stage.ended(7, 10);
    assert!(actions.iter().any(|a| matches!(a, Action::Close { stream: 4, .. })));
    assert_eq!(parts(&actions), [(SessionStatus::Down, vec![1])]);
    stage.command(8, &mend());
    stage.stream_opened(5);
    let actions = stage.frame(5, b"ok 4");
    assert_eq!(
        (parts(&actions), outcome(&actions, 8)),
        (vec![(SessionStatus::Live, vec![1])], Some(Outcome::Done))
    );
}

#[test]
fn a_session_is_down_with_the_last_of_its_streams() {
    let mut stage = live_in_two_parts();
    stage.stream_closed(2, 1006, "");
    stage.command(6, &mend());
    let actions = stage.stream_closed(1, 1006, "");
    assert_eq!(
        (statuses(&actions), parts(&actions).len()),
        (vec![SessionStatus::Down], 0)
    );
    assert!(stage.stream_opened(3).is_empty(), "the host closes it with the others");
    let actions = stage.command(7, &mend());
    assert!(matches!(outcome(&actions, 7), Some(Outcome::NotSent(r)) if r.reason == RejectReason::NotConnected));
}

/// Three books on streams of their own, of which the second and the third are lost, and opened again as streams 4 and 5.
fn two_lost_of_three() -> Stage {
    let mut stage = stage();
    let command = OpenSession {
        session: 1,
        role: SessionRole::Market,
        subscriptions: books_of(&[1, 2, 3]),
    };
    stage.command(1, &Command::OpenSession(command));
    for stream in 1..=3 {
        stage.stream_opened(stream);
        stage.frame(stream, format!("ok {stream}").as_bytes());
    }
    for stream in [2, 3] {
        let actions = stage.stream_closed(stream, 1006, "");
        assert_eq!(parts(&actions), [(SessionStatus::Down, vec![stream])]);
    }
    let actions = stage.command(6, &mend());
    let opens = |stream| move |a: &Action| matches!(a, Action::Open { stream: s, .. } if *s == stream);
    assert!(
        actions.iter().any(opens(4)) && actions.iter().any(opens(5)),
        "{actions:?}"
    );
    stage
}

/// Only what is lost still is opened by the next attempt.
fn third_comes_with_the_next_attempt(stage: &mut Stage) {
    let actions = stage.command(7, &mend());
    assert!(
        matches!(actions.as_slice(), [Action::Open { stream: 6, .. }]),
        "{actions:?}"
    );
    stage.stream_opened(6);
    let actions = stage.frame(6, b"ok 5");
    assert_eq!(
        (parts(&actions), outcome(&actions, 7)),
        (vec![(SessionStatus::Live, vec![3])], Some(Outcome::Done))
    );
}

/// The host takes no frame of an operation that has ended: what opens two streams ends with the second.
#[test]
fn of_two_streams_that_are_lost_one_comes_back_where_the_other_cannot_be_opened() {
    let mut stage = two_lost_of_three();
    let actions = stage.stream_closed(5, 1006, "");
    assert_eq!(parts(&actions), [(SessionStatus::Down, vec![3])]);
    assert_eq!(outcome(&actions, 6), None, "the other stream is opened by it");
    let actions = stage.stream_opened(4);
    assert!(
        actions
            .iter()
            .any(|a| matches!(a, Action::Send { stream: 4, frame, .. } if frame == "Subscribe 1 4"))
    );
    let actions = stage.frame(4, b"ok 4");
    assert_eq!(parts(&actions), [(SessionStatus::Live, vec![2])]);
    assert!(outcome(&actions, 6).unwrap().is_unknown(), "not all is back");
    third_comes_with_the_next_attempt(&mut stage);
}

#[test]
fn of_two_streams_that_are_lost_the_first_that_is_there_waits_for_no_other() {
    let mut stage = two_lost_of_three();
    stage.stream_opened(4);
    let actions = stage.frame(4, b"ok 4");
    assert_eq!(parts(&actions), [(SessionStatus::Live, vec![2])]);
    assert_eq!(outcome(&actions, 6), None, "the other stream is being opened by it");
    let actions = stage.stream_closed(5, 1006, "");
    assert_eq!(parts(&actions), [(SessionStatus::Down, vec![3])]);
    assert!(outcome(&actions, 6).unwrap().is_unknown());
    third_comes_with_the_next_attempt(&mut stage);
}

#[test]
fn two_streams_that_are_lost_are_back_when_both_are() {
    let mut stage = two_lost_of_three();
    for (stream, answer, ended) in [(5, b"ok 4", None), (4, b"ok 5", Some(Outcome::Done))] {
        stage.stream_opened(stream);
        let actions = stage.frame(stream, answer);
        assert_eq!(parts(&actions), [(SessionStatus::Live, vec![stream - 2])]);
        assert_eq!(outcome(&actions, 6), ended);
    }
}

#[test]
fn an_attempt_that_the_host_gives_up_leaves_both_streams_lost() {
    let mut stage = two_lost_of_three();
    stage.stream_opened(4);
    let actions = stage.ended(6, 10);
    assert_eq!(
        parts(&actions),
        [(SessionStatus::Down, vec![2]), (SessionStatus::Down, vec![3])]
    );
    let opened = stage.command(7, &mend());
    assert_eq!(opened.iter().filter(|a| matches!(a, Action::Open { .. })).count(), 2);
}
