//! Reads a recording, entry by entry, from its begin or from a snapshot on.

use std::io::{Read, Seek, SeekFrom};

use crate::block::{BlockHeader, HEADER, MAGIC_1};
use crate::bytes::Bytes;
use crate::entry::{self, LastTime};
use crate::{Block, BlockKind, Entry, MAGIC, RecordingError, Snapshot};

/// Reads the files of a recording, one after the other.
#[derive(Debug)]
pub struct Reader<R> {
    /// Those that are still to be opened, the next one last.
    files: Vec<R>,
    file: Option<R>,
    at: u64,
    /// Of the next block; not known of the first, before which others may have been deleted.
    number: Option<u64>,
    entries: Vec<u8>,
    read: usize,
    last: LastTime,
}

/// A block to enter at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entrance {
    /// In which file, counted from the first that is there.
    pub file: usize,
    /// Where in it.
    pub at: u64,
}

impl<R: Read> Reader<R> {
    /// A reader of a recording's files, in their order.
    ///
    /// # Errors
    /// The first is none of a recording's files.
    pub fn new(files: impl IntoIterator<Item = R>) -> Result<Reader<R>, RecordingError> {
        let mut files: Vec<R> = files.into_iter().collect();
        files.reverse();
        let mut reader = Reader {
            files,
            file: None,
            at: 0,
            number: None,
            entries: Vec::new(),
            read: 0,
            last: LastTime::default(),
        };
        reader.open()?;
        Ok(reader)
    }

    fn open(&mut self) -> Result<(), RecordingError> {
        self.file = self.files.pop();
        self.at = MAGIC.len() as u64;
        match &mut self.file {
            Some(file) => read_magic(file),
            None => Ok(()),
        }
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// The recording is damaged, or ends within a block. What was read before is whole.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, RecordingError> {
        while self.read == self.entries.len() {
            let Some(file) = &mut self.file else { return Ok(None) };
            match Block::read(file, self.number, self.at)? {
                None => self.open()?,
                Some((block, at)) => {
                    self.entries = block.entries;
                    self.at = at;
                    self.read = 0;
                    self.number = Some(u64::from(block.number) + 1);
                    self.last = LastTime::default();
                }
            }
        }
        let mut bytes = Bytes(&self.entries[self.read..]);
        let entry = entry::read(&mut bytes, &mut self.last).map_err(|what| RecordingError::Entry {
            number: self.number.unwrap_or_default().saturating_sub(1),
            what: what.0,
        })?;
        self.read = self.entries.len() - bytes.0.len();
        Ok(Some(entry))
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Goes to a block to enter at: the next entry is the first of it.
    ///
    /// # Errors
    /// The system refuses, or there is no such file.
    pub fn entering(files: impl IntoIterator<Item = R>, entrance: Entrance) -> Result<Reader<R>, RecordingError> {
        let mut reader = Reader::new(files.into_iter().skip(entrance.file))?;
        if let Some(file) = &mut reader.file {
            file.seek(SeekFrom::Start(entrance.at))?;
        }
        reader.at = entrance.at;
        Ok(reader)
    }
}

fn read_magic(file: &mut impl Read) -> Result<(), RecordingError> {
    let mut magic = [0; MAGIC.len()];
    let filled = file.read_exact(&mut magic);
    if filled.is_err() || ![MAGIC, MAGIC_1].contains(&magic) {
        return Err(RecordingError::NotARecording(magic));
    }
    Ok(())
}

/// The blocks to enter at of a recording's files, in their order. Only the blocks' headers are read; whether a block is whole
/// shows when it is entered. Ends where a file does not go on as one.
///
/// # Errors
/// The system refuses, or one is none of a recording's files.
pub fn entrances<R: Read + Seek>(files: impl IntoIterator<Item = R>) -> Result<Vec<Entrance>, RecordingError> {
    let mut found = Vec::new();
    for (number, mut file) in files.into_iter().enumerate() {
        read_magic(&mut file)?;
        let mut at = MAGIC.len() as u64;
        let mut header = [0; HEADER];
        while file.read_exact(&mut header).is_ok() {
            let header = BlockHeader::of(&header);
            if header.kind == BlockKind::Entrance {
                found.push(Entrance { file: number, at });
            }
            at += (HEADER + header.length) as u64;
            file.seek(SeekFrom::Start(at))?;
        }
    }
    Ok(found)
}

/// The snapshot of a block to enter at.
///
/// # Errors
/// The block is damaged, or holds none.
pub fn snapshot_at<R: Read + Seek>(
    files: impl IntoIterator<Item = R>,
    entrance: Entrance,
) -> Result<Snapshot, RecordingError> {
    let mut reader = Reader::entering(files, entrance)?;
    let mut begins = true;
    while let Some(entry) = reader.next_entry()? {
        match entry {
            Entry::Setup(_) if !begins => break,
            Entry::Snapshot(snapshot) => return Ok(*snapshot),
            _ => begins = false,
        }
    }
    Err(RecordingError::Entry {
        number: 0,
        what: "behind a block to enter at there is no snapshot".to_owned(),
    })
}
