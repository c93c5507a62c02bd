//! The files of one recording, written one after the other; the oldest go where there is no room for all.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use colibri_record::{Block, BlockKind, Packer};

use super::folder;

/// A file is followed by the next where a replay can enter, when it holds so many bytes; where it holds twice as many, anywhere.
pub const FILE_BYTES: u64 = 256 << 20;

/// A file that is not written to any more.
#[derive(Debug)]
struct Finished {
    path: PathBuf,
    bytes: u64,
    begins: BlockKind,
    at: SystemTime,
}

/// Blocks go into the last file of a folder.
#[derive(Debug)]
pub struct RecordingFiles {
    folder: PathBuf,
    file: File,
    number: u32,
    begins: BlockKind,
    in_file: u64,
    file_bytes: u64,
    finished: VecDeque<Finished>,
    packer: Packer,
}

impl RecordingFiles {
    /// Makes the first file in a folder that holds none.
    ///
    /// # Errors
    /// The system refuses, or there is one.
    pub fn begin(folder: &Path) -> io::Result<RecordingFiles> {
        Ok(RecordingFiles {
            folder: folder.to_owned(),
            file: folder::next_file(folder, 1)?,
            number: 1,
            begins: BlockKind::Plain,
            in_file: 0,
            file_bytes: FILE_BYTES,
            finished: VecDeque::new(),
            packer: Packer::default(),
        })
    }

    /// Writes the next block, and returns its bytes in the file.
    ///
    /// # Errors
    /// The system refuses.
    pub fn write(&mut self, block: &Block) -> io::Result<u64> {
        let is_full = match block.kind {
            BlockKind::Entrance => self.in_file >= self.file_bytes,
            BlockKind::Plain => self.in_file >= 2 * self.file_bytes,
        };
        if is_full {
            self.next_file(block.kind)?;
        }
        let written = self.packer.write(block, &mut self.file)?;
        self.in_file += written;
        Ok(written)
    }

    fn next_file(&mut self, begins: BlockKind) -> io::Result<()> {
        let finished = Finished {
            path: folder::file_path(&self.folder, self.number),
            bytes: self.in_file,
            begins: self.begins,
            at: SystemTime::now(),
        };
        self.number += 1;
        self.file = folder::next_file(&self.folder, self.number)?;
        self.finished.push_back(finished);
        self.begins = begins;
        self.in_file = 0;
        Ok(())
    }

    /// Bytes of the file that is written to.
    #[must_use]
    pub const fn in_file(&self) -> u64 {
        self.in_file
    }

    /// Deletes the oldest file, where a replay can enter at the one after it. Returns its bytes; `None` where it has to stay.
    ///
    /// # Errors
    /// The system refuses.
    pub fn drop_oldest(&mut self) -> io::Result<Option<u64>> {
        let next = self.finished.get(1).map_or(self.begins, |file| file.begins);
        if next != BlockKind::Entrance {
            return Ok(None);
        }
        let Some(oldest) = self.finished.pop_front() else {
            return Ok(None);
        };
        fs::remove_file(&oldest.path)?;
        Ok(Some(oldest.bytes))
    }

    /// Whether the oldest file was finished longer ago than that.
    #[must_use]
    pub fn is_oldest_older(&self, age: Duration) -> bool {
        let oldest = self.finished.front();
        oldest.is_some_and(|file| file.at.elapsed().is_ok_and(|is| is > age))
    }

    /// With files of another size.
    #[cfg(test)]
    pub(super) const fn with_file_bytes(mut self, bytes: u64) -> RecordingFiles {
        self.file_bytes = bytes;
        self
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_oldest_file_goes_where_the_next_can_be_entered() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = RecordingFiles::begin(folder.path()).unwrap().with_file_bytes(50);
        let mut number = 0;
        let mut write = |files: &mut RecordingFiles, kind| {
            let entries = vec![0; 400];
            files.write(&Block { number, kind, entries }).unwrap();
            number += 1;
        };
        let count = || fs::read_dir(folder.path()).unwrap().count();
        // Until it holds twice as much, a file ends before a block to enter at only.
        for kind in [BlockKind::Plain, BlockKind::Plain, BlockKind::Plain] {
            write(&mut files, kind);
        }
        assert_eq!(count(), 1);
        assert_eq!(files.drop_oldest().unwrap(), None, "it is the only one");
        write(&mut files, BlockKind::Entrance);
        assert_eq!(count(), 2);
        assert!(files.is_oldest_older(Duration::ZERO) && !files.is_oldest_older(Duration::from_secs(600)));
        assert!(files.drop_oldest().unwrap() > Some(50));
        assert_eq!(count(), 1);
        // Without a place to enter at, everything before is needed.
        for _ in 0..8 {
            write(&mut files, BlockKind::Plain);
        }
        assert!(count() > 1);
        assert_eq!(files.drop_oldest().unwrap(), None);
    }
}
