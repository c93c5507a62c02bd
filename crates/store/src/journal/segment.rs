//! A journal in files of a bounded size: the first begins with the journal's header, each that follows with the head below and
//! then the frames, as if they stood behind those of the file before.

use std::io;
use std::path::{Path, PathBuf};

/// Bytes of a segment's head; its first frame begins there.
pub(super) const HEAD_LEN: u64 = 32;

const MAGIC: [u8; 8] = *b"COLIBRIS";

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Of which journal it is: bytes 16 to 24 of the journal's header.
    pub(super) journal: u64,
    /// Which it is, counted from one; the journal's first file is none.
    pub(super) number: u32,
    /// How many bytes of the journal stand in the files before it.
    pub(super) start: u64,
}

impl Head {
    pub(super) fn to_bytes(self) -> [u8; HEAD_LEN as usize] {
        let mut bytes = [0; HEAD_LEN as usize];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.journal.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.number.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.start.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..28]);
        bytes[28..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8; HEAD_LEN as usize]) -> Option<Head> {
        let eight = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let four = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        (bytes[..8] == MAGIC && four(28) == crc32fast::hash(&bytes[..28])).then(|| Head {
            journal: eight(8),
            number: four(16),
            start: eight(20),
        })
    }

    /// Reads the head of the segment at `path`, which must be this one.
    ///
    /// # Errors
    /// It is damaged, of another journal, or does not follow the file before it.
    pub(super) fn expect(self, bytes: &[u8; HEAD_LEN as usize], path: &Path) -> io::Result<()> {
        let what = match Head::read(bytes) {
            Some(found) if found == self => return Ok(()),
            None => "its head is damaged".to_owned(),
            Some(found) if found.journal != self.journal => "it is a segment of another journal".to_owned(),
            Some(found) => format!(
                "it follows {} bytes of the journal, and the files before it hold {}: one of them is missing or damaged",
                found.start, self.start
            ),
        };
        let path = path.display();
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "the segment {path} does not belong here: {what}; nothing was changed; restore the journal's files from a copy, \
                 or move them all aside and check open orders at the exchange before starting anew"
            ),
        ))
    }
}

/// The file of a segment: the journal's name and six digits; the journal's own for number zero.
pub(super) fn path(journal: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return journal.to_owned();
    }
    let mut name = journal.as_os_str().to_owned();
    name.push(format!(".{number:06}"));
    name.into()
}
