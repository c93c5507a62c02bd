//! What a recording holds, entry by entry.

use colibri_driver::HostTime;
use colibri_model::{MonoNs, Record, WallNs};

use crate::bytes::{Bytes, Unreadable, put_bytes, put_json, put_number, put_signed, put_text};
use crate::{DigestValue, RecordedInput, RecordingError, RunSetup};

pub(crate) const SETUP: u8 = 1;
pub(crate) const JOURNALED: u8 = 2;
pub(crate) const JOURNAL_REFUSED: u8 = 3;
pub(crate) const MARK: u8 = 4;
pub(crate) const STATUS: u8 = 5;
pub(crate) const SNAPSHOT: u8 = 6;
pub(crate) const GATHERED: u8 = 7;
/// Inputs have the tags from here on.
pub(crate) const INPUTS: u8 = 16;

/// Where a desk stood: what a replay is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Inputs posted so far.
    pub inputs: u64,
    /// The digest of everything that the desk told, wanted and did until then.
    pub digest: DigestValue,
}

/// A piece that was gathered ahead of a snapshot ([`colibri_desk::Desk::gather`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gathered {
    /// The most that was asked for.
    pub most: u64,
    /// The piece, as JSON.
    pub piece: Vec<u8>,
}

/// Everything that the desk's next actions depend on, between two inputs: a replay can enter here. Right before it stands a mark;
/// before that, from the block to enter at on, what the run was made from and pieces that were gathered ahead, between inputs that
/// whoever enters passes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The time of the last input before it.
    pub time: HostTime,
    /// The time of the run's first input.
    pub began: HostTime,
    /// Inputs posted so far.
    pub inputs: u64,
    /// Appends to the journal so far.
    pub appends: u64,
    /// What the mark before it says. The digest begins anew behind it, following this one.
    pub digest: DigestValue,
    /// The desk, as JSON ([`colibri_desk::Desk::snapshot`]).
    pub desk: Vec<u8>,
}

/// One entry of a recording.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// What the run was made from: the first entry, and before each snapshot again.
    Setup(Box<RunSetup>),
    /// Records that the journal held before the run, oldest first.
    Journaled(Vec<Record>),
    /// An input of the desk.
    Input {
        /// When.
        time: HostTime,
        /// What.
        input: Box<RecordedInput>,
    },
    /// The journal refused an append during the input before this entry.
    JournalRefused {
        /// Which append of the run, from zero.
        append: u64,
        /// Why.
        why: String,
    },
    /// Where the desk stood.
    Mark(Mark),
    /// How things stood, for people: JSON.
    Status(String),
    /// A part of the snapshot that follows.
    Gathered(Gathered),
    /// Where a replay can enter.
    Snapshot(Box<Snapshot>),
}

/// The time of the entry before, which the next one's is told against.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LastTime {
    mono: u64,
    offset: i64,
}

impl LastTime {
    /// Both clocks: how far the monotonic one has come, and by how much the other has moved against it.
    pub(crate) fn put(&mut self, out: &mut Vec<u8>, time: HostTime) {
        let mono = time.mono.0;
        let offset = time.wall.0.wrapping_sub(mono.cast_signed());
        put_signed(out, mono.wrapping_sub(self.mono).cast_signed());
        put_signed(out, offset.wrapping_sub(self.offset));
        *self = LastTime { mono, offset };
    }

    pub(crate) fn read(&mut self, bytes: &mut Bytes<'_>) -> Result<HostTime, Unreadable> {
        self.mono = self.mono.wrapping_add(bytes.signed()?.cast_unsigned());
        self.offset = self.offset.wrapping_add(bytes.signed()?);
        let wall = self.offset.wrapping_add(self.mono.cast_signed());
        Ok(HostTime::new(MonoNs(self.mono), WallNs(wall)))
    }
}

pub(crate) fn put_setup(out: &mut Vec<u8>, setup: &RunSetup) {
    out.push(SETUP);
    put_json(out, setup);
}

pub(crate) fn put_journaled(out: &mut Vec<u8>, records: &[Record]) {
    out.push(JOURNALED);
    put_json(out, records);
}

pub(crate) fn put_refused(out: &mut Vec<u8>, append: u64, why: &str) {
    out.push(JOURNAL_REFUSED);
    put_number(out, append);
    put_text(out, why);
}

pub(crate) fn put_mark(out: &mut Vec<u8>, mark: Mark) {
    out.push(MARK);
    put_number(out, mark.inputs);
    out.extend_from_slice(&mark.digest.0.to_le_bytes());
}

pub(crate) fn put_status(out: &mut Vec<u8>, json: &str) {
    out.push(STATUS);
    put_text(out, json);
}

pub(crate) fn put_gathered(out: &mut Vec<u8>, most: u64, piece: &[u8]) {
    out.push(GATHERED);
    put_number(out, most);
    put_bytes(out, piece);
}

/// Writes the desk of a snapshot, behind which stands [`put_place`].
pub(crate) fn put_desk(out: &mut Vec<u8>, desk: &[u8]) {
    out.push(SNAPSHOT);
    put_bytes(out, desk);
}

/// What stands with a snapshot, right behind [`put_desk`].
pub(crate) fn put_place(out: &mut Vec<u8>, time: HostTime, began: HostTime, counts: (u64, u64), digest: DigestValue) {
    // Whole, so that it can be read by itself.
    LastTime::default().put(out, time);
    LastTime::default().put(out, began);
    put_number(out, counts.0);
    put_number(out, counts.1);
    out.extend_from_slice(&digest.0.to_le_bytes());
}

fn read_digest(bytes: &mut Bytes<'_>) -> Result<DigestValue, Unreadable> {
    let mut digest = [0; 16];
    for byte in &mut digest {
        *byte = bytes.byte()?;
    }
    Ok(DigestValue(u128::from_le_bytes(digest)))
}

fn read_snapshot(bytes: &mut Bytes<'_>) -> Result<Snapshot, Unreadable> {
    Ok(Snapshot {
        desk: bytes.bytes()?.to_vec(),
        time: LastTime::default().read(bytes)?,
        began: LastTime::default().read(bytes)?,
        inputs: bytes.number()?,
        appends: bytes.number()?,
        digest: read_digest(bytes)?,
    })
}

impl Entry {
    /// An entry of its own bytes ([`Entry::to_bytes`]).
    ///
    /// # Errors
    /// They mean nothing, or more than one entry.
    pub fn from_bytes(bytes: &[u8]) -> Result<Entry, RecordingError> {
        let mut bytes = Bytes(bytes);
        let entry = read(&mut bytes, &mut LastTime::default()).and_then(|entry| match bytes.0 {
            [] => Ok(entry),
            _ => Err(Unreadable::new("something follows it")),
        });
        entry.map_err(|what| RecordingError::Entry {
            number: 0,
            what: what.0,
        })
    }
}

/// The next entry.
pub(crate) fn read(bytes: &mut Bytes<'_>, last: &mut LastTime) -> Result<Entry, Unreadable> {
    Ok(match bytes.byte()? {
        SETUP => Entry::Setup(bytes.json()?),
        JOURNALED => Entry::Journaled(bytes.json()?),
        JOURNAL_REFUSED => Entry::JournalRefused {
            append: bytes.number()?,
            why: bytes.text()?,
        },
        MARK => {
            let inputs = bytes.number()?;
            let digest = read_digest(bytes)?;
            Entry::Mark(Mark { inputs, digest })
        }
        STATUS => Entry::Status(bytes.text()?),
        GATHERED => Entry::Gathered(Gathered {
            most: bytes.number()?,
            piece: bytes.bytes()?.to_vec(),
        }),
        SNAPSHOT => Entry::Snapshot(Box::new(read_snapshot(bytes)?)),
        tag if tag >= INPUTS => {
            let time = last.read(bytes)?;
            let input = Box::new(RecordedInput::read(tag, bytes)?);
            Entry::Input { time, input }
        }
        tag => return Err(Unreadable::new(format!("no entry has the tag {tag}"))),
    })
}
