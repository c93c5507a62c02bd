//! Entries on their way into blocks.

use std::collections::VecDeque;
use std::mem;

use crate::entry::{self, LastTime};
use crate::{Block, BlockKind, Entry, Snapshot};

/// A block is closed when it holds so many bytes.
const BLOCK: usize = 256 << 10;
/// What the entry that fills a block may add to it before its room grows.
const MARGIN: usize = 16 << 10;
/// Room that is larger is given back to the system.
const MOST_ROOM: usize = 2 * (BLOCK + MARGIN);
/// Rooms of written blocks that are kept to be used again.
const SPARE: usize = 4;

/// Puts entries one after the other, and closes a block where one is full.
#[derive(Debug)]
pub struct EntryWriter {
    entries: Vec<u8>,
    /// Of the block that is open.
    kind: BlockKind,
    last: LastTime,
    next: u32,
    closed: VecDeque<Block>,
    spare: Vec<Vec<u8>>,
}

impl Default for EntryWriter {
    fn default() -> EntryWriter {
        EntryWriter {
            entries: room(),
            kind: BlockKind::Plain,
            last: LastTime::default(),
            next: 0,
            closed: VecDeque::with_capacity(SPARE),
            spare: Vec::with_capacity(SPARE),
        }
    }
}

fn room() -> Vec<u8> {
    Vec::with_capacity(BLOCK + MARGIN)
}

impl EntryWriter {
    /// Puts an entry, as a reader gave it.
    pub fn put(&mut self, entry: &Entry) {
        if matches!(entry, Entry::Setup(_)) {
            self.begin_entrance();
        }
        self.write(|out, last| entry.put(out, last));
    }

    /// What follows is a block to enter at; the first is that of the run's begin, and none of a snapshot.
    pub(crate) fn begin_entrance(&mut self) {
        self.close();
        if self.next > 0 {
            self.kind = BlockKind::Entrance;
        }
    }

    /// Puts an entry that `put` writes.
    pub(crate) fn write<T>(&mut self, put: impl FnOnce(&mut Vec<u8>, &mut LastTime) -> T) -> T {
        put(&mut self.entries, &mut self.last)
    }

    /// Closes the block where it is full.
    pub fn close_if_full(&mut self) {
        if self.entries.len() >= BLOCK {
            self.close();
        }
    }

    /// Closes the block. Each can be read by itself: times begin anew.
    pub fn close(&mut self) {
        if self.entries.is_empty() {
            return;
        }
        self.last = LastTime::default();
        let room = self.spare.pop().unwrap_or_else(room);
        let entries = mem::replace(&mut self.entries, room);
        let kind = mem::take(&mut self.kind);
        let number = self.next;
        self.next += 1;
        self.closed.push_back(Block { number, kind, entries });
    }

    /// The oldest closed block that was not taken yet: blocks are written in this order.
    pub fn next_block(&mut self) -> Option<Block> {
        self.closed.pop_front()
    }

    /// Room of a block that was written, to be used again.
    pub fn give_back(&mut self, mut room: Vec<u8>) {
        room.clear();
        // That of a large snapshot is not kept for entries that never fill it.
        if self.spare.len() < SPARE && room.capacity() <= MOST_ROOM {
            self.spare.push(room);
        }
    }
}

impl Entry {
    fn put(&self, out: &mut Vec<u8>, last: &mut LastTime) {
        match self {
            Entry::Setup(setup) => entry::put_setup(out, setup),
            Entry::Journaled(records) => entry::put_journaled(out, records),
            Entry::Input { time, input } => input.put(out, last, *time),
            Entry::JournalRefused { append, why } => entry::put_refused(out, *append, why),
            Entry::Mark(mark) => entry::put_mark(out, *mark),
            Entry::Status(json) => entry::put_status(out, json),
            Entry::Gathered(gathered) => entry::put_gathered(out, gathered.most, &gathered.piece),
            Entry::Snapshot(snapshot) => snapshot.put(out),
        }
    }

    /// Its bytes, as they stand alone in a block.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out, &mut LastTime::default());
        out
    }
}

impl Snapshot {
    fn put(&self, out: &mut Vec<u8>) {
        entry::put_desk(out, &self.desk);
        entry::put_place(out, self.time, self.began, (self.inputs, self.appends), self.digest);
    }
}
