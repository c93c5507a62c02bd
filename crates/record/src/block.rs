//! The blocks of a recording's file: a length, a checksum, and entries compressed together (LZ4).
//!
//! A file is [`MAGIC`] and blocks. A block is four little-endian numbers of 32 bits (bytes of the entries, bytes of their
//! compressed form, the number of the block in its recording, and the CRC-32 of all else) and the compressed bytes.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

use crate::RecordingError;

/// What a recording's file begins with; the digits are the version of its format.
pub const MAGIC: [u8; 8] = *b"COLIREC2";
/// What files began with before there were blocks to enter at; else they are the same.
pub(crate) const MAGIC_1: [u8; 8] = *b"COLIREC1";

/// The most bytes of entries in a block that is read: more is damage. A writer closes a block long before.
const MOST: usize = 64 << 20;
/// No compressed byte stands for more bytes than this (LZ4): a block that claims it asks for memory, not for its entries.
const MOST_EXPANSION: usize = 255;
pub(crate) const HEADER: usize = 16;
/// In the length of the entries: the block is one to enter at.
const ENTRANCE: u32 = 1 << 31;

/// Whether a replay can begin with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BlockKind {
    /// It goes on from the one before.
    #[default]
    Plain,
    /// It holds what the run was made from and a snapshot.
    Entrance,
}

/// Entries on their way to a file: the bytes that a [`Recorder`](crate::Recorder) has closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its number in the recording, from zero, over all its files.
    pub number: u32,
    /// Whether a replay can begin with it.
    pub kind: BlockKind,
    /// The entries.
    pub entries: Vec<u8>,
}

impl Block {
    /// Writes it, compressed; see [`Packer`] for many.
    ///
    /// # Errors
    /// The system refuses.
    pub fn write(&self, file: &mut impl Write) -> io::Result<u64> {
        Packer::default().write(self, file)
    }

    /// Reads the next, from `at` in its file; `None` where the file ends. Its number is to be this one, where that is known.
    pub(crate) fn read(
        file: &mut impl Read,
        number: Option<u64>,
        at: u64,
    ) -> Result<Option<(Block, u64)>, RecordingError> {
        let expected = number;
        let number = number.unwrap_or_default();
        let damaged = |what| RecordingError::Damaged { number, at, what };
        let torn = || RecordingError::Torn { number, at };
        let mut header = [0; HEADER];
        match read_full(file, &mut header)? {
            0 => return Ok(None),
            HEADER => {}
            _ => return Err(torn()),
        }
        let BlockHeader {
            kind,
            entries,
            length,
            number: own,
            crc,
        } = BlockHeader::of(&header);
        if entries > MOST || length > MOST || entries / MOST_EXPANSION > length {
            return Err(damaged("its length is absurd"));
        }
        if expected.is_some_and(|number| number != u64::from(own)) {
            return Err(damaged("its number is another"));
        }
        let mut compressed = Vec::new();
        file.by_ref().take(length as u64).read_to_end(&mut compressed)?;
        if compressed.len() < length {
            return Err(torn());
        }
        if checksum(&header[..HEADER - 4], &compressed) != crc {
            return Err(damaged("its checksum does not fit"));
        }
        let entries =
            lz4_flex::block::decompress(&compressed, entries).map_err(|_| damaged("it cannot be decompressed"))?;
        let block = Block {
            number: own,
            kind,
            entries,
        };
        Ok(Some((block, at + (HEADER + compressed.len()) as u64)))
    }
}

/// What stands before a block's compressed bytes.
pub(crate) struct BlockHeader {
    pub(crate) kind: BlockKind,
    pub(crate) entries: usize,
    /// Bytes of the entries, compressed.
    pub(crate) length: usize,
    pub(crate) number: u32,
    crc: u32,
}

impl BlockHeader {
    pub(crate) fn of(header: &[u8; HEADER]) -> BlockHeader {
        let mut numbers = [0u32; 4];
        for (number, bytes) in numbers.iter_mut().zip(header.chunks_exact(4)) {
            *number = u32::from_le_bytes(bytes.try_into().expect("four bytes at a time"));
        }
        let [entries, length, number, crc] = numbers;
        let kind = if entries & ENTRANCE == 0 {
            BlockKind::Plain
        } else {
            BlockKind::Entrance
        };
        BlockHeader {
            kind,
            entries: (entries & !ENTRANCE) as usize,
            length: length as usize,
            number,
            crc,
        }
    }
}

/// Writes blocks, and keeps the room that it compresses them in.
#[derive(Default)]
pub struct Packer {
    compressed: Vec<u8>,
    table: CompressTable,
}

impl Packer {
    /// Writes a block, compressed, and returns its bytes in the file.
    ///
    /// # Errors
    /// The system refuses.
    pub fn write(&mut self, block: &Block, file: &mut impl Write) -> io::Result<u64> {
        let most = get_maximum_output_size(block.entries.len());
        if self.compressed.len() < most {
            self.compressed.resize(most, 0);
        }
        let length = compress_into_with_table(&block.entries, &mut self.compressed, &mut self.table)
            .expect("the room is as large as it can become");
        let compressed = &self.compressed[..length];
        let mut header = [0; HEADER];
        let flag = match block.kind {
            BlockKind::Plain => 0,
            BlockKind::Entrance => ENTRANCE,
        };
        let numbers = [
            u32::try_from(block.entries.len()).map_err(|_| io::Error::from(ErrorKind::InvalidInput))? | flag,
            u32::try_from(length).map_err(|_| io::Error::from(ErrorKind::InvalidInput))?,
            block.number,
        ];
        for (at, number) in header.chunks_exact_mut(4).zip(numbers) {
            at.copy_from_slice(&number.to_le_bytes());
        }
        let crc = checksum(&header[..HEADER - 4], compressed);
        header[HEADER - 4..].copy_from_slice(&crc.to_le_bytes());
        file.write_all(&header)?;
        file.write_all(compressed)?;
        Ok((HEADER + length) as u64)
    }
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packer({} bytes)", self.compressed.len())
    }
}

fn checksum(header: &[u8], compressed: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(compressed);
    hasher.finalize()
}

fn read_full(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
