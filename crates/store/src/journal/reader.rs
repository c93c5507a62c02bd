//! Reading a journal, also while a host appends to it.

use std::io;
use std::path::Path;

use colibri_model::Record;

use super::disk::Disk;
use super::error::JournalFileError;
use super::file_disk::FileDisk;
use super::frame::{self, FRAME_HEAD, HEADER_LEN, JournalId};

/// How many bytes are asked of the disk at a time.
const CHUNK: usize = 256 << 10;

/// Records that were appended together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Where it begins in the file.
    pub offset: u64,
    /// Where it ends, and the next one begins.
    pub end: u64,
    /// The checksum in its frame, which tells it from another batch in the same place.
    pub checksum: u32,
    /// The records, in order.
    pub records: Vec<Record>,
}

impl Batch {
    /// The mark of having read it.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            offset: self.offset,
            end: self.end,
            checksum: self.checksum,
        }
    }
}

/// A bookmark: the last batch that somebody has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Where that batch begins.
    pub offset: u64,
    /// Where it ends.
    pub end: u64,
    /// Its checksum.
    pub checksum: u32,
}

/// What a journal ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// A whole batch.
    Whole,
    /// The beginning of a batch whose writing was interrupted. Nothing depended on it: `append` had not returned.
    Torn {
        /// Where it begins.
        offset: u64,
        /// How many bytes of it there are.
        bytes: u64,
    },
}

/// Reads batches in order, and goes on when the journal has grown.
#[derive(Debug)]
pub struct JournalReader<D = FileDisk> {
    window: Window<D>,
    id: JournalId,
    schema: u32,
    position: u64,
}

/// Where a whole frame lies.
#[derive(Debug, Clone, Copy)]
struct Extent {
    offset: u64,
    length: usize,
    checksum: u32,
}

impl Extent {
    fn end(self) -> u64 {
        self.offset + self.length as u64
    }
}

impl JournalReader<FileDisk> {
    /// Opens a journal's file for reading. No lock is needed or taken.
    ///
    /// # Errors
    /// As [`JournalReader::on`].
    pub fn open(path: &Path) -> Result<JournalReader, JournalFileError> {
        JournalReader::on(FileDisk::read_only(path)?)
    }
}

impl<D: Disk> JournalReader<D> {
    /// Reads the header of the journal on `disk`.
    ///
    /// # Errors
    /// [`JournalFileError`] where it is not a journal, or one of another version.
    pub fn on(disk: D) -> Result<JournalReader<D>, JournalFileError> {
        let name = disk.name();
        let mut window = Window {
            disk,
            start: 0,
            bytes: Vec::new(),
        };
        let header = window
            .take(0, HEADER_LEN as usize)
            .map_err(|source| JournalFileError::Io {
                name: name.clone(),
                what: "read",
                source,
            })?;
        let (id, schema) = frame::read_header(header, &name)?;
        Ok(JournalReader {
            window,
            id,
            schema,
            position: HEADER_LEN,
        })
    }

    /// Which journal this is.
    #[must_use]
    pub fn id(&self) -> JournalId {
        self.id
    }

    /// The version of the records from where it is on (`colibri_model::SCHEMA_VERSION`).
    pub(super) fn schema(&self) -> u32 {
        self.schema
    }

    /// Where the next batch begins, or will.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many bytes the journal has now.
    ///
    /// # Errors
    /// [`JournalFileError::Io`].
    pub fn size(&self) -> Result<u64, JournalFileError> {
        self.window.disk.size().map_err(|source| self.failed("measure", source))
    }

    /// Goes on after the batch that `mark` names, where the journal still has it; says whether it does. It may not: a
    /// power cut can take batches that somebody had read, and a copy can have been restored.
    ///
    /// # Errors
    /// [`JournalFileError::Io`].
    pub fn resume_after(&mut self, mark: Mark) -> Result<bool, JournalFileError> {
        self.window.forget();
        let found = self.frame_at(mark.offset)?;
        let same = found.is_some_and(|extent| extent.end() == mark.end && extent.checksum == mark.checksum);
        if same {
            self.position = mark.end;
        }
        Ok(same)
    }

    /// Begins again at the first batch.
    pub fn rewind(&mut self) {
        self.window.forget();
        self.position = HEADER_LEN;
    }

    /// The next batch; `None` at the end, which may move.
    ///
    /// # Errors
    /// [`JournalFileError::Corrupt`] and [`JournalFileError::Record`] name the place; reading does not go past it.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, JournalFileError> {
        let Some(extent) = self.next_extent()? else {
            return Ok(None);
        };
        self.note_migration(extent)?;
        let bytes = self.window.take(extent.offset, extent.length);
        let records = match bytes {
            Ok(bytes) => frame::decode(&bytes[FRAME_HEAD..]),
            Err(source) => return Err(self.failed("read", source)),
        };
        let records = records.map_err(|reason| JournalFileError::Record {
            name: self.window.disk.name(),
            offset: extent.offset,
            reason,
        })?;
        self.position = extent.end();
        Ok(Some(Batch {
            offset: extent.offset,
            end: extent.end(),
            checksum: extent.checksum,
            records,
        }))
    }

    /// Goes past the next batch without reading its records; whether there was one.
    pub(super) fn skip_batch(&mut self) -> Result<bool, JournalFileError> {
        let extent = self.next_extent()?;
        if let Some(extent) = extent {
            self.note_migration(extent)?;
            self.position = extent.end();
        }
        Ok(extent.is_some())
    }

    /// Takes note of a batch that says that the records behind it are of another version.
    fn note_migration(&mut self, extent: Extent) -> Result<(), JournalFileError> {
        let name = self.window.disk.name();
        let bytes = self.window.take(extent.offset, extent.length);
        let bytes = bytes.map_err(|source| JournalFileError::Io {
            name: name.clone(),
            what: "read",
            source,
        })?;
        if let Some(to) = frame::migration(&bytes[FRAME_HEAD..], &name)? {
            self.schema = to;
        }
        Ok(())
    }

    /// What comes after the last whole batch. Meaningful once [`JournalReader::next_batch`] said `None`, and on a
    /// journal that nobody writes: a batch being written looks torn.
    ///
    /// # Errors
    /// [`JournalFileError::Io`].
    pub fn tail(&self) -> Result<Tail, JournalFileError> {
        let size = self.size()?;
        Ok(if size <= self.position {
            Tail::Whole
        } else {
            Tail::Torn {
                offset: self.position,
                bytes: size - self.position,
            }
        })
    }

    /// The disk, once reading is done.
    pub(super) fn into_disk(self) -> D {
        self.window.disk
    }

    fn next_extent(&mut self) -> Result<Option<Extent>, JournalFileError> {
        let offset = self.position;
        if let Some(extent) = self.frame_at(offset)? {
            return Ok(Some(extent));
        }
        // What the window holds may be the beginning of a batch that the writer has since cut and written anew.
        self.window.forget();
        if let Some(extent) = self.frame_at(offset)? {
            return Ok(Some(extent));
        }
        // Here is no whole batch: the end, or damage. Only the end has nothing whole behind it.
        let next = self
            .window
            .find_frame(offset + 1)
            .map_err(|source| self.failed("read", source))?;
        self.window.forget();
        match next {
            Some(next) => Err(JournalFileError::Corrupt {
                name: self.window.disk.name(),
                offset,
                next,
            }),
            None => Ok(None),
        }
    }

    fn frame_at(&mut self, offset: u64) -> Result<Option<Extent>, JournalFileError> {
        self.window
            .whole_frame(offset)
            .map_err(|source| self.failed("read", source))
    }

    fn failed(&self, what: &'static str, source: io::Error) -> JournalFileError {
        JournalFileError::Io {
            name: self.window.disk.name(),
            what,
            source,
        }
    }
}

/// A part of the file, held in memory, that moves forward.
#[derive(Debug)]
struct Window<D> {
    disk: D,
    start: u64,
    bytes: Vec<u8>,
}

impl<D: Disk> Window<D> {
    /// Up to `length` bytes from `offset` on; fewer only where the file ends.
    fn take(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let held = self.start + self.bytes.len() as u64;
        if offset < self.start || offset > held {
            self.bytes.clear();
            self.start = offset;
        }
        let skipped = (offset - self.start) as usize;
        if skipped + length > self.bytes.len() {
            self.bytes.drain(..skipped);
            self.start = offset;
            while self.bytes.len() < length {
                let filled = self.bytes.len();
                self.bytes.resize(filled + CHUNK.max(length - filled), 0);
                let read = match self.disk.read_at(offset + filled as u64, &mut self.bytes[filled..]) {
                    Ok(read) => read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                        self.bytes.truncate(filled);
                        continue;
                    }
                    Err(error) => {
                        self.bytes.truncate(filled);
                        return Err(error);
                    }
                };
                self.bytes.truncate(filled + read);
                if read == 0 {
                    break;
                }
            }
        }
        let skipped = (offset - self.start) as usize;
        let end = self.bytes.len().min(skipped + length);
        Ok(&self.bytes[skipped..end])
    }

    fn forget(&mut self) {
        self.bytes.clear();
    }

    /// The frame at `offset`, where one is there and whole.
    fn whole_frame(&mut self, offset: u64) -> io::Result<Option<Extent>> {
        let Some(json) = frame::announced_length(self.take(offset, FRAME_HEAD)?) else {
            return Ok(None);
        };
        let length = FRAME_HEAD + json;
        let bytes = self.take(offset, length)?;
        if bytes.len() < length {
            return Ok(None);
        }
        Ok(frame::whole(bytes).map(|checksum| Extent {
            offset,
            length,
            checksum,
        }))
    }

    /// Where the first whole frame from `offset` on begins. None can begin within another's JSON: its length has a zero
    /// byte, and JSON has none.
    fn find_frame(&mut self, offset: u64) -> io::Result<Option<u64>> {
        let size = self.disk.size()?;
        let last = size.saturating_sub(FRAME_HEAD as u64 + 2);
        for at in offset..=last {
            let head = self.take(at, FRAME_HEAD + 1)?;
            if head.len() > FRAME_HEAD
                && head[FRAME_HEAD] == b'{'
                && frame::announced_length(head).is_some_and(|json| at + (FRAME_HEAD + json) as u64 <= size)
                && self.whole_frame(at)?.is_some()
            {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}
