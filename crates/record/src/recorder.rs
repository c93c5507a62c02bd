//! Looks on while a desk works and keeps what it is given.

use std::mem;

use colibri_desk::{Desk, DeskInput};
use colibri_driver::HostTime;
use colibri_engine::Progress;
use colibri_model::{Journal, JournalError, Millis, MonoNs, NoSnapshot, Record};

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
    /// The times of the first input and of the last.
    span: Option<(HostTime, HostTime)>,
    digest: Digest,
    /// What the run was made from, as an entry: it stands before each snapshot.
    setup: Vec<u8>,
    entrance: Entrance,
    /// Where snapshots and their pieces are written first.
    piece: Vec<u8>,
}

/// Whether a block to enter at was begun whose snapshot is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entrance {
    None,
    Begun,
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
            span: None,
            digest: Digest::default(),
            setup: Vec::new(),
            entrance: Entrance::None,
            piece: Vec::new(),
        };
        entry::put_setup(&mut recorder.setup, setup);
        recorder.writer.write(|out, _| out.extend_from_slice(&recorder.setup));
        for records in journaled.chunks(1_000) {
            recorder.writer.write(|out, _| entry::put_journaled(out, records));
            recorder.writer.close_if_full();
        }
        recorder
    }

    /// Keeps an input that is about to be posted.
    pub fn keep(&mut self, time: HostTime, input: &DeskInput<'_>) {
        self.since.get_or_insert(time.mono);
        self.span.get_or_insert((time, time)).1 = time;
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

    /// Gathers some of what hardly changes, ahead of the next snapshot: at most so many of each kind ([`Desk::gather`]). To be
    /// called as [`Recorder::snapshot`].
    pub fn gather<J: Journal>(&mut self, desk: &mut Desk<RecordingJournal<J>>, most: usize) -> Progress {
        self.begin_entrance();
        self.piece.clear();
        let progress = desk.gather(most, &mut self.piece);
        let Recorder { writer, piece, .. } = self;
        writer.write(|out, _| entry::put_gathered(out, most as u64, piece));
        self.writer.close_if_full();
        progress
    }

    /// A place to enter at: everything that the desk's next actions depend on. To be called between a turn whose actions were
    /// carried out and the next input. Returns how many bytes the desk is, without what was gathered.
    ///
    /// # Errors
    /// Those of [`Desk::snapshot`]: nothing is written then.
    pub fn snapshot<J: Journal>(&mut self, desk: &mut Desk<RecordingJournal<J>>) -> Result<usize, NoSnapshot> {
        // The mark stands before it, and the state that it is of is the same whether there is a snapshot or not.
        self.piece.clear();
        desk.snapshot(&mut self.piece)?;
        self.begin_entrance();
        self.entrance = Entrance::None;
        let Recorder {
            writer,
            digest,
            inputs,
            span,
            piece,
            ..
        } = self;
        let (inputs, (began, time)) = (*inputs, span.unwrap_or_default());
        let engine = desk.engine();
        let value = mark(writer, digest, inputs, |digest| digest.state(&engine.view()));
        let appends = engine.journal().appends();
        writer.write(|out, _| {
            entry::put_desk(out, piece);
            entry::put_place(out, time, began, (inputs, appends), value);
        });
        writer.close();
        *digest = Digest::following(value);
        self.since = None;
        self.marked = time.mono;
        Ok(self.piece.len())
    }

    fn begin_entrance(&mut self) {
        if self.entrance == Entrance::None {
            self.entrance = Entrance::Begun;
            self.writer.begin_entrance();
            let Recorder { writer, setup, .. } = self;
            writer.write(|out, _| out.extend_from_slice(setup));
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
        mark(&mut self.writer, &mut self.digest, self.inputs, state);
    }
}

fn mark(writer: &mut EntryWriter, digest: &mut Digest, inputs: u64, state: impl FnOnce(&mut Digest)) -> DigestValue {
    state(digest);
    let value = digest.value();
    let mark = Mark { inputs, digest: value };
    writer.write(|out, _| entry::put_mark(out, mark));
    value
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

    /// Appends so far, the refused ones too.
    #[must_use]
    pub const fn appends(&self) -> u64 {
        self.appends
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
