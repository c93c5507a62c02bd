//! Reads a recording, entry by entry.

use std::io::Read;

use crate::bytes::Bytes;
use crate::entry::{self, LastTime};
use crate::{Block, Entry, MAGIC, RecordingError};

/// Reads the files of a recording, one after the other.
#[derive(Debug)]
pub struct Reader<R> {
    /// Those that are still to be opened, the next one last.
    files: Vec<R>,
    file: Option<R>,
    at: u64,
    number: u64,
    entries: Vec<u8>,
    read: usize,
    last: LastTime,
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
            number: 0,
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
        if let Some(file) = &mut self.file {
            let mut magic = [0; MAGIC.len()];
            let filled = file.read_exact(&mut magic);
            if filled.is_err() || magic != MAGIC {
                return Err(RecordingError::NotARecording(magic));
            }
        }
        Ok(())
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
                    self.number += 1;
                    self.last = LastTime::default();
                }
            }
        }
        let mut bytes = Bytes(&self.entries[self.read..]);
        let entry = entry::read(&mut bytes, &mut self.last).map_err(|what| RecordingError::Entry {
            number: self.number - 1,
            what: what.0,
        })?;
        self.read = self.entries.len() - bytes.0.len();
        Ok(Some(entry))
    }
}
