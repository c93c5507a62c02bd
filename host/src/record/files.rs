//! The files of one recording, written one after the other.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use colibri_record::{Block, Packer};

use super::folder;

/// A file is followed by the next when it holds so many bytes.
const FILE_BYTES: u64 = 256 << 20;

/// Blocks go into the last file of a folder.
#[derive(Debug)]
pub struct RecordingFiles {
    folder: PathBuf,
    file: File,
    number: u32,
    in_file: u64,
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
            in_file: 0,
            packer: Packer::default(),
        })
    }

    /// Writes the next block, and returns its bytes in the file.
    ///
    /// # Errors
    /// The system refuses.
    pub fn write(&mut self, block: &Block) -> io::Result<u64> {
        if self.in_file >= FILE_BYTES {
            self.number += 1;
            self.file = folder::next_file(&self.folder, self.number)?;
            self.in_file = 0;
        }
        let written = self.packer.write(block, &mut self.file)?;
        self.in_file += written;
        Ok(written)
    }
}
