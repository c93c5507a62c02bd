//! What is kept comes back, however it is split into blocks and files, and damage is told where it is.
#![allow(clippy::unwrap_used)]

use std::io::Cursor;

use colibri_desk::{DeskInput, Operator};
use colibri_driver::bulk_lane::BulkReport;
use colibri_driver::{
    DriverIndex, FrameId, FrameKind, HostTime, HttpFailure, HttpResponse, Input, LogLevel, RequestId, Rest, Resting,
    StreamId, TransportEvent,
};
use colibri_engine::VenueIndex;
use colibri_model::{Journal, JournalError, Millis, MonoNs, OpId, Record, WallNs};
use colibri_record::{
    Block, Entry, MAGIC, Reader, RecordedInput, Recorder, RecordingError, RecordingJournal, RunSetup,
};
use colibri_standard::{Event, NoticeEvent, NoticeKind, Outcome, Refusal, RejectReason};
use proptest::prelude::*;

fn setup() -> RunSetup {
    RunSetup {
        host_version: "1.2.3".to_owned(),
        bot_file: "name = \"b\"".to_owned(),
        engine_seed: 7,
        venues: Vec::new(),
    }
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 é\\n]{0,40}"
}

fn event() -> impl Strategy<Value = TransportEvent> {
    let stream = any::<u64>().prop_map(StreamId);
    let request = any::<u64>().prop_map(RequestId);
    let kind = prop_oneof![Just(FrameKind::Text), Just(FrameKind::Binary)];
    let headers = prop::collection::vec((text(), text()), 0..4);
    let failure = prop_oneof![
        text().prop_map(HttpFailure::NotSent),
        text().prop_map(HttpFailure::Unknown),
        any::<u64>().prop_map(|limit| HttpFailure::TooLarge { limit }),
    ];
    prop_oneof![
        (request.clone(), any::<u16>(), headers, any::<Vec<u8>>()).prop_map(|(request, status, headers, body)| {
            let result = Ok(HttpResponse { status, headers, body });
            TransportEvent::Http { request, result }
        }),
        (request, failure).prop_map(|(request, failure)| TransportEvent::Http {
            request,
            result: Err(failure)
        }),
        stream
            .clone()
            .prop_map(|stream| TransportEvent::StreamOpened { stream }),
        stream.clone().prop_map(|stream| TransportEvent::Pinged { stream }),
        (stream.clone(), kind, any::<Vec<u8>>()).prop_map(|(stream, kind, bytes)| TransportEvent::Frame {
            stream,
            kind,
            bytes: bytes.into()
        }),
        (stream.clone(), any::<u64>(), text()).prop_map(|(stream, frame, reason)| TransportEvent::FrameRefused {
            stream,
            frame: FrameId(frame),
            reason
        }),
        (stream, any::<u16>(), text()).prop_map(|(stream, code, reason)| TransportEvent::StreamClosed {
            stream,
            code,
            reason
        }),
    ]
}

fn report() -> impl Strategy<Value = BulkReport> {
    let refusal = text().prop_map(|t| Refusal::new(RejectReason::Deadline, t));
    prop_oneof![
        text().prop_map(|text| BulkReport::Event(Box::new(Event::Notice(NoticeEvent {
            kind: NoticeKind::Other,
            text
        })))),
        (any::<u64>(), refusal).prop_map(|(op, why)| BulkReport::Completed(OpId(op), Outcome::Unknown(why))),
        any::<u64>().prop_map(|op| BulkReport::Completed(OpId(op), Outcome::Done)),
        (text(), any::<u64>()).prop_map(|(pool, span)| BulkReport::Rest(Rest {
            what: Resting::Pool(pool),
            span: Millis(span),
        })),
        any::<u64>().prop_map(|span| BulkReport::Rest(Rest {
            what: Resting::Everything,
            span: Millis(span),
        })),
        text().prop_map(|text| BulkReport::Log(LogLevel::Warn, text)),
    ]
}

fn input() -> impl Strategy<Value = RecordedInput> {
    let venue = (0usize..300).prop_map(VenueIndex);
    prop_oneof![
        Just(RecordedInput::Start),
        Just(RecordedInput::Turn),
        Just(RecordedInput::Operator(Operator::Resume)),
        text().prop_map(|why| RecordedInput::Operator(Operator::Stop(why))),
        (venue.clone(), text()).prop_map(|(venue, why)| RecordedInput::Made {
            venue,
            failure: Some(why)
        }),
        (venue, report()).prop_map(|(venue, report)| RecordedInput::Bulk { venue, report }),
        ((0usize..300).prop_map(DriverIndex), event())
            .prop_map(|(driver, event)| RecordedInput::Driver { driver, event }),
    ]
}

fn keep(recorder: &mut Recorder, time: HostTime, input: &RecordedInput) {
    match (input.as_input(), input) {
        (Some(input), _) => recorder.keep(time, &input),
        (None, RecordedInput::Made { venue, failure }) => {
            let (venue, connector) = (*venue, Err(failure.clone().unwrap()));
            recorder.keep(time, &DeskInput::Made { venue, connector });
        }
        (None, other) => panic!("{other:?} is an input of a desk"),
    }
    recorder.posted(time.mono, None, |_| {});
}

/// The files of a recording: a block a file, as small as they can be.
fn files(recorder: &mut Recorder) -> Vec<Vec<u8>> {
    recorder.finish(|_| {});
    let file = |block: Block| {
        let mut file = MAGIC.to_vec();
        block.write(&mut file).unwrap();
        file
    };
    std::iter::from_fn(|| recorder.next_block()).map(file).collect()
}

fn read(files: &[Vec<u8>]) -> Result<Vec<(HostTime, RecordedInput)>, RecordingError> {
    let mut reader = Reader::new(files.iter().map(Cursor::new))?;
    let mut inputs = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        if let Entry::Input { time, input } = entry {
            inputs.push((time, *input));
        }
    }
    Ok(inputs)
}

proptest! {
    #[test]
    fn what_is_kept_comes_back(
        inputs in prop::collection::vec((any::<(u32, i64)>(), input()), 1..60)
    ) {
        let mut recorder = Recorder::new(&setup(), &[]);
        let mut mono = 0u64;
        let mut kept = Vec::new();
        for ((step, wall), input) in inputs {
            mono += u64::from(step);
            let time = HostTime::new(MonoNs(mono), WallNs(wall));
            keep(&mut recorder, time, &input);
            kept.push((time, input));
        }
        prop_assert_eq!(read(&files(&mut recorder)).unwrap(), kept);
    }

    #[test]
    fn an_entry_is_put_as_it_was_read(mono: u64, wall: i64, input in input()) {
        let time = HostTime::new(MonoNs(mono), WallNs(wall));
        let entry = Entry::Input { time, input: Box::new(input.clone()) };
        match Entry::from_bytes(&entry.to_bytes()).unwrap() {
            Entry::Input { time: read, input: again } => prop_assert_eq!((read, *again), (time, input)),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn a_changed_byte_is_told_and_what_stands_before_it_is_whole(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut recorder = Recorder::new(&setup(), &[]);
        for second in 0..5u64 {
            let time = HostTime::new(MonoNs(second * 2_000_000_000), WallNs(0));
            keep(&mut recorder, time, &RecordedInput::Turn);
            keep(&mut recorder, time, &RecordedInput::Operator(Operator::Stop("s".repeat(100))));
        }
        let whole = files(&mut recorder);
        let mut file: Vec<u8> = whole[0].clone();
        for more in &whole[1..] {
            file.extend_from_slice(&more[MAGIC.len()..]);
        }
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        prop_assert!(read(&[file]).is_err());
    }

    #[test]
    fn noise_is_refused(noise: Vec<u8>) {
        let mut file = MAGIC.to_vec();
        file.extend(noise.clone());
        prop_assert!(read(&[file]).is_ok() == noise.is_empty());
        prop_assert!(noise.starts_with(&MAGIC) || read(&[noise]).is_err());
    }
}

#[test]
fn a_file_that_is_cut_is_whole_up_to_there() {
    let mut recorder = Recorder::new(&setup(), &[]);
    for second in 0..5u64 {
        let time = HostTime::new(MonoNs(second * 2_000_000_000), WallNs(0));
        keep(&mut recorder, time, &RecordedInput::Turn);
    }
    let whole = files(&mut recorder);
    let mut file = whole.concat();
    // Every file begins with the magic; here they stand in one.
    file = file[..MAGIC.len()]
        .iter()
        .copied()
        .chain(whole.iter().flat_map(|f| f[MAGIC.len()..].to_vec()))
        .collect();
    file.truncate(file.len() - 1);
    let mut reader = Reader::new([Cursor::new(&file)]).unwrap();
    let mut turns = 0;
    let error = loop {
        match reader.next_entry() {
            Ok(Some(Entry::Input { .. })) => turns += 1,
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ends in order"),
            Err(error) => break error,
        }
    };
    assert!(turns >= 3, "{turns}");
    assert!(error.to_string().contains("its writer died"), "{error}");
}

struct Refusing(u64);

impl Journal for Refusing {
    fn append(&mut self, _: &[Record]) -> Result<(), JournalError> {
        self.0 += 1;
        if self.0 == 2 {
            Err(JournalError("no space".to_owned()))
        } else {
            Ok(())
        }
    }
}

#[test]
fn a_journals_refusals_are_kept_with_the_number_of_their_append() {
    let mut journal = RecordingJournal::new(Refusing(0));
    for expected in [true, false, true] {
        assert_eq!(journal.append(&[]).is_ok(), expected);
    }
    let mut recorder = Recorder::new(&setup(), &[]);
    recorder.keep(HostTime::default(), &DeskInput::Turn);
    recorder.posted(MonoNs(0), journal.take_refused(), |_| {});
    let files = files(&mut recorder);
    let mut reader = Reader::new(files.iter().map(Cursor::new)).unwrap();
    let mut refused = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        if let Entry::JournalRefused { append, why } = entry {
            refused.push((append, why));
        }
    }
    assert_eq!(refused, [(1, "no space".to_owned())]);
}

/// What is kept a second is copied into rooms that were written before: the engine's thread asks for no memory.
#[test]
fn rooms_are_used_again_and_do_not_grow() {
    let mut recorder = Recorder::new(&setup(), &[]);
    let frame = "x".repeat(1_000);
    let mut rooms = std::collections::BTreeSet::new();
    let mut blocks = 0;
    for millis in 0..20_000u64 {
        let time = HostTime::new(MonoNs(millis * 1_000_000), WallNs(0));
        let input = Input::Frame {
            stream: StreamId(1),
            kind: FrameKind::Text,
            bytes: frame.as_bytes(),
        };
        let driver = DriverIndex(0);
        recorder.keep(time, &DeskInput::Driver { driver, input });
        recorder.posted(time.mono, None, |_| {});
        while let Some(block) = recorder.next_block() {
            blocks += 1;
            rooms.insert((block.entries.as_ptr(), block.entries.capacity()));
            recorder.give_back(block.entries);
        }
    }
    assert!(blocks > 70, "{blocks}");
    assert!(rooms.len() <= 2, "{rooms:?}");
}
