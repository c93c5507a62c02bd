//! Writing a journal.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::Path;

use colibri_model::{Journal, JournalError, Record, SCHEMA_VERSION};

use super::disk::Disk;
use super::error::JournalFileError;
use super::file_disk::FileDisk;
use super::frame::{self, HEADER_LEN, JournalId};
use super::reader::{JournalReader, Tail};

/// What an appended batch survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The end of this process, however it ends. A microsecond or two a batch.
    #[default]
    Process,
    /// A power cut too: `fdatasync` after each batch, a disk's own time.
    Machine,
}

/// A journal open for appending. Exactly one exists a file.
#[derive(Debug)]
pub struct JournalFile<D = FileDisk> {
    disk: D,
    id: JournalId,
    durability: Durability,
    /// The end of the last whole batch.
    end: u64,
    frame: Vec<u8>,
    state: WriteState,
}

#[derive(Debug)]
enum WriteState {
    Writable,
    /// What the file ends with is not known, so that nothing may be appended to it until it is opened again.
    Broken(String),
}

impl JournalFile<FileDisk> {
    /// Opens the journal at `path` for appending, or begins one; reads it through once and cuts a torn end, which is
    /// returned for the log.
    ///
    /// # Errors
    /// [`JournalFileError`]: in use, not a journal, of another version, or damaged before its end. Nothing was changed.
    pub fn open(path: &Path, durability: Durability) -> Result<(JournalFile, Tail), JournalFileError> {
        // Every new state is seeded from the operating system: enough to tell two files apart.
        let id = JournalId(RandomState::new().hash_one(path));
        JournalFile::on(FileDisk::exclusive(path)?, durability, id)
    }
}

impl<D: Disk> JournalFile<D> {
    /// As [`JournalFile::open`], on any disk. A new journal gets `id`; one that exists keeps its own.
    ///
    /// # Errors
    /// As [`JournalFile::open`].
    pub fn on(mut disk: D, durability: Durability, id: JournalId) -> Result<(JournalFile<D>, Tail), JournalFileError> {
        begin(&mut disk, id)?;
        let mut reader = JournalReader::on(disk)?;
        while reader.skip_batch()? {}
        let tail = reader.tail()?;
        let (id, end, schema) = (reader.id(), reader.position(), reader.schema());
        let mut disk = reader.into_disk();
        if tail != Tail::Whole {
            disk.truncate(end)
                .map_err(|source| failed(&disk, "cut the torn end of", source))?;
        }
        // What the last process left in the page cache is read and acted on from here: it must not vanish later.
        if durability == Durability::Machine {
            disk.sync().map_err(|source| failed(&disk, "sync", source))?;
        }
        let mut journal = JournalFile {
            disk,
            id,
            durability,
            end,
            frame: Vec::new(),
            state: WriteState::Writable,
        };
        if schema < SCHEMA_VERSION {
            journal.migrate(schema)?;
        }
        Ok((journal, tail))
    }

    /// Which journal this is.
    #[must_use]
    pub fn id(&self) -> JournalId {
        self.id
    }

    /// Where the last batch ends.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Records of this version follow from here on: versions that do not know them must stop here.
    fn migrate(&mut self, from: u32) -> Result<(), JournalFileError> {
        let to = SCHEMA_VERSION;
        self.append(&[Record::Migrated { from, to }]).map_err(|error| {
            let source = io::Error::other(error.0);
            failed(&self.disk, "migrate", source)
        })
    }

    fn write(&mut self) -> Result<(), JournalError> {
        let length = self.frame.len();
        let written = loop {
            match self.disk.append(&self.frame) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let cause = match written {
            Ok(written) if written == length => return self.sync(),
            Ok(written) => format!("only {written} of {length} bytes were taken: is the disk full?"),
            Err(error) => error.to_string(),
        };
        // All or none: half a batch must not stay, because the next one would be behind it. Where nothing was taken (a disk
        // that is read-only for a while), nothing must be cut, and the next attempt is as good as this one was.
        let untouched = self.disk.size().is_ok_and(|size| size == self.end);
        if !untouched && let Err(error) = self.disk.truncate(self.end) {
            return Err(self.broken(format!("{cause}; nor can the half-written batch be cut off: {error}")));
        }
        Err(JournalError(format!("{}: {cause}", self.disk.name())))
    }

    fn sync(&mut self) -> Result<(), JournalError> {
        if self.durability == Durability::Machine
            && let Err(error) = self.disk.sync()
        {
            // After a failed sync the system may have dropped the pages, and a second one would report success.
            return Err(self.broken(format!("what was written cannot be made durable: {error}")));
        }
        self.end += self.frame.len() as u64;
        Ok(())
    }

    fn broken(&mut self, cause: String) -> JournalError {
        let cause = format!(
            "{}: {cause}; repair the disk and start the host again",
            self.disk.name()
        );
        self.state = WriteState::Broken(cause.clone());
        JournalError(cause)
    }
}

impl<D: Disk> Journal for JournalFile<D> {
    fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        if let WriteState::Broken(cause) = &self.state {
            return Err(JournalError(cause.clone()));
        }
        if records.is_empty() {
            return Ok(());
        }
        frame::encode(records, &mut self.frame).map_err(JournalError)?;
        self.write()
    }
}

/// Writes the header where there is none yet, or only a part of one.
fn begin<D: Disk>(disk: &mut D, id: JournalId) -> Result<(), JournalFileError> {
    let size = disk.size().map_err(|source| failed(disk, "measure", source))?;
    if size >= HEADER_LEN {
        return Ok(());
    }
    let mut bytes = [0; HEADER_LEN as usize];
    let read = disk
        .read_at(0, &mut bytes)
        .map_err(|source| failed(disk, "read", source))?;
    if !frame::is_torn_header(&bytes[..read]) {
        return Err(JournalFileError::NotAJournal { name: disk.name() });
    }
    disk.truncate(0).map_err(|source| failed(disk, "begin", source))?;
    let header = frame::header(id);
    let written = disk.append(&header).map_err(|source| failed(disk, "begin", source))?;
    if written < header.len() {
        return Err(failed(disk, "begin", io::ErrorKind::StorageFull.into()));
    }
    disk.sync().map_err(|source| failed(disk, "begin", source))
}

fn failed<D: Disk>(disk: &D, what: &'static str, source: io::Error) -> JournalFileError {
    JournalFileError::Io {
        name: disk.name(),
        what,
        source,
    }
}
