//! Looks on while a desk works and keeps what it is given.

use std::mem;

use colibri_desk::DeskInput;
use colibri_driver::HostTime;
use colibri_model::{Journal, JournalError, Millis, MonoNs, Record};

use crate::{Block, Digest, DigestValue, EntryWriter, Mark, RunSetup, entry, input};

/// A block is closed when it is full, or when its first entry is so old: what a process that dies may lose of its recording.
const BLOCK_AGE: Millis = Millis(1_000);
/// How far apart marks are, at most: what a replay that differs is narrowed down to.
const MARKS: Millis = Millis(1_000);

/// Keeps a desk's inputs. Its bytes go to blocks, which the host takes away and writes: nothing here waits for a disk.
///
/// An input is [kept](Recorder::keep) before it is posted, with [`Recorder::digest`] as the observer; afterwards
/// [`Recorder::posted`] is called with what the journal refused meanwhile.
pub struct Recorder {
    writer: EntryWriter,
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
            writer: EntryWriter::default(),
            since: None,
            marked: MonoNs(0),
            inputs: 0,
            digest: Digest::default(),
        };
        recorder.writer.write(|out, _| entry::put_setup(out, setup));
        for records in journaled.chunks(1_000) {
            recorder.writer.write(|out, _| entry::put_journaled(out, records));
            recorder.writer.close_if_full();
        }
        recorder
    }

    /// Keeps an input that is about to be posted.
    pub fn keep(&mut self, time: HostTime, input: &DeskInput<'_>) {
        self.since.get_or_insert(time.mono);
        self.inputs += 1;
        self.writer.write(|out, last| input::put(out, last, time, input));
    }

    /// What looks on while the input is posted.
    pub const fn digest(&mut self) -> &mut Digest {
        &mut self.digest
    }

    /// The input has been posted, and the journal has refused these of its appends. Where a mark is due, `state` gives the
    /// digest what the desk holds ([`Digest::state`]). Closes the block where it is due.
    pub fn posted(
        &mut self,
        now: MonoNs,
        refused: impl IntoIterator<Item = (u64, String)>,
        state: impl FnOnce(&mut Digest),
    ) {
        for (append, why) in refused {
            self.writer.write(|out, _| entry::put_refused(out, append, &why));
        }
        if now.since(self.marked) >= MARKS {
            self.marked = now;
            self.mark(state);
        }
        if self.since.is_some_and(|since| now.since(since) >= BLOCK_AGE) {
            self.since = None;
            self.writer.close();
        } else {
            self.writer.close_if_full();
        }
    }

    /// How things stand, for people, as JSON: where a reader can enter without replaying.
    pub fn status(&mut self, json: &str) {
        self.writer.write(|out, _| entry::put_status(out, json));
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

    /// The oldest closed block that was not taken yet: blocks are written in this order.
    pub fn next_block(&mut self) -> Option<Block> {
        self.writer.next_block()
    }

    /// Room of a block that was written, to be used again.
    pub fn give_back(&mut self, room: Vec<u8>) {
        self.writer.give_back(room);
    }

    /// The run is over: the last mark, and the last block. `state` as in [`Recorder::posted`].
    pub fn finish(&mut self, state: impl FnOnce(&mut Digest)) {
        self.mark(state);
        self.writer.close();
    }

    fn mark(&mut self, state: impl FnOnce(&mut Digest)) {
        state(&mut self.digest);
        let mark = Mark {
            inputs: self.inputs,
            digest: self.digest.value(),
        };
        self.writer.write(|out, _| entry::put_mark(out, mark));
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
