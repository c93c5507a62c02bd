//! Looks on while a desk works and keeps what it is given.

use std::mem;

use colibri_desk::DeskInput;
use colibri_driver::HostTime;
use colibri_model::{Journal, JournalError, Millis, MonoNs, Record};

use crate::entry::{self, LastTime};
use crate::{Block, Digest, DigestValue, Mark, RunSetup, input};

/// A block is closed when it holds so many bytes,
const BLOCK: usize = 256 << 10;
/// or when its first entry is so old: what a process that dies may lose of its recording.
const BLOCK_AGE: Millis = Millis(1_000);
/// How far apart marks are, at most: what a replay that differs is narrowed down to.
const MARKS: Millis = Millis(1_000);

/// Keeps a desk's inputs. Its bytes go to blocks, which the host takes away and writes: nothing here waits for a disk.
///
/// An input is [kept](Recorder::keep) before it is posted, with [`Recorder::digest`] as the observer; afterwards
/// [`Recorder::posted`] is called with what the journal refused meanwhile.
pub struct Recorder {
    entries: Vec<u8>,
    spare: Vec<Vec<u8>>,
    closed: Vec<Block>,
    next: u32,
    last: LastTime,
    /// Of the block that is open.
    since: Option<MonoNs>,
    marked: MonoNs,
    inputs: u64,
    digest: Digest,
}

impl Recorder {
    /// A recording of a run that was made from `setup` and a journal that held `journaled`.
    #[must_use]
    pub fn new(setup: &RunSetup, journaled: &[Record]) -> Recorder {
        let mut recorder = Recorder {
            entries: Vec::with_capacity(BLOCK + (16 << 10)),
            spare: Vec::new(),
            closed: Vec::new(),
            next: 0,
            last: LastTime::default(),
            since: None,
            marked: MonoNs(0),
            inputs: 0,
            digest: Digest::default(),
        };
        entry::put_setup(&mut recorder.entries, setup);
        for records in journaled.chunks(1_000) {
            entry::put_journaled(&mut recorder.entries, records);
            if recorder.entries.len() >= BLOCK {
                recorder.close();
            }
        }
        recorder
    }

    /// Keeps an input that is about to be posted.
    pub fn keep(&mut self, time: HostTime, input: &DeskInput<'_>) {
        self.since.get_or_insert(time.mono);
        self.inputs += 1;
        input::put(&mut self.entries, &mut self.last, time, input);
    }

    /// What looks on while the input is posted.
    pub const fn digest(&mut self) -> &mut Digest {
        &mut self.digest
    }

    /// The input has been posted, and the journal has refused these of its appends. Closes the block where it is due.
    pub fn posted(&mut self, now: MonoNs, refused: impl IntoIterator<Item = (u64, String)>) {
        for (append, why) in refused {
            entry::put_refused(&mut self.entries, append, &why);
        }
        if now.since(self.marked) >= MARKS {
            self.marked = now;
            self.mark();
        }
        let old = self.since.is_some_and(|since| now.since(since) >= BLOCK_AGE);
        if old || self.entries.len() >= BLOCK {
            self.close();
        }
    }

    /// How things stand, for people, as JSON: where a reader can enter without replaying.
    pub fn status(&mut self, json: &str) {
        entry::put_status(&mut self.entries, json);
    }

    /// Inputs kept so far.
    #[must_use]
    pub const fn inputs(&self) -> u64 {
        self.inputs
    }

    /// The digest of everything so far.
    #[must_use]
    pub fn value(&self) -> DigestValue {
        self.digest.value()
    }

    /// The blocks that are closed, to be written in this order.
    pub fn take_blocks(&mut self) -> Vec<Block> {
        mem::take(&mut self.closed)
    }

    /// Room of a block that was written, to be used again.
    pub fn give_back(&mut self, mut room: Vec<u8>) {
        room.clear();
        if self.spare.len() < 4 {
            self.spare.push(room);
        }
    }

    /// The run is over: the last mark, and the last block.
    pub fn finish(&mut self) {
        self.mark();
        self.close();
    }

    fn mark(&mut self) {
        let mark = Mark {
            inputs: self.inputs,
            digest: self.digest.value(),
        };
        entry::put_mark(&mut self.entries, mark);
    }

    fn close(&mut self) {
        self.since = None;
        if self.entries.is_empty() {
            return;
        }
        // Each block can be read by itself: times begin anew.
        self.last = LastTime::default();
        let room = self
            .spare
            .pop()
            .unwrap_or_else(|| Vec::with_capacity(BLOCK + (16 << 10)));
        let number = self.next;
        self.next += 1;
        self.closed.push(Block {
            number,
            entries: mem::replace(&mut self.entries, room),
        });
    }
}

/// A journal whose refusals are noted: a desk decides by them, so that a replay needs them.
#[derive(Debug)]
pub struct RecordingJournal<J> {
    /// The journal.
    pub inner: J,
    appends: u64,
    refused: Vec<(u64, String)>,
}

impl<J> RecordingJournal<J> {
    /// Around a journal, from its next append on.
    pub const fn new(inner: J) -> RecordingJournal<J> {
        RecordingJournal {
            inner,
            appends: 0,
            refused: Vec::new(),
        }
    }

    /// The appends that were refused since the last time, counted from the first of the run, and why.
    pub fn take_refused(&mut self) -> Vec<(u64, String)> {
        mem::take(&mut self.refused)
    }
}

impl<J: Journal> Journal for RecordingJournal<J> {
    fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        let append = self.appends;
        self.appends += 1;
        self.inner
            .append(records)
            .inspect_err(|error| self.refused.push((append, error.0.clone())))
    }
}
