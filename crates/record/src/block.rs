//! The blocks of a recording's file: a length, a checksum, and entries compressed together (LZ4).
//!
//! A file is [`MAGIC`] and blocks. A block is four little-endian numbers of 32 bits (bytes of the entries, bytes of their
//! compressed form, the number of the block in its recording, and the CRC-32 of all else) and the compressed bytes.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

use crate::RecordingError;

/// What a recording's file begins with; the digits are the version of its format.
pub const MAGIC: [u8; 8] = *b"COLIREC1";

/// The most bytes of entries in a block that is read: more is damage. A writer closes a block long before.
const MOST: usize = 64 << 20;
/// No compressed byte stands for more bytes than this (LZ4): a block that claims it asks for memory, not for its entries.
const MOST_EXPANSION: usize = 255;
const HEADER: usize = 16;

/// Entries on their way to a file: the bytes that a [`Recorder`](crate::Recorder) has closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its number in the recording, from zero, over all its files.
    pub number: u32,
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

    /// Reads the next, from `at` in its file; `None` where the file ends.
    pub(crate) fn read(file: &mut impl Read, number: u64, at: u64) -> Result<Option<(Block, u64)>, RecordingError> {
        let damaged = |what| RecordingError::Damaged { number, at, what };
        let torn = || RecordingError::Torn { number, at };
        let mut header = [0; HEADER];
        match read_full(file, &mut header)? {
            0 => return Ok(None),
            HEADER => {}
            _ => return Err(torn()),
        }
        let mut numbers = [0u32; 4];
        for (number, bytes) in numbers.iter_mut().zip(header.chunks_exact(4)) {
            *number = u32::from_le_bytes(bytes.try_into().expect("four bytes at a time"));
        }
        let [entries, length, own, crc] = numbers;
        let (entries, length) = (entries as usize, length as usize);
        if entries > MOST || length > MOST || entries / MOST_EXPANSION > length {
            return Err(damaged("its length is absurd"));
        }
        if u64::from(own) != number {
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
        let block = Block { number: own, entries };
        Ok(Some((block, at + (HEADER + compressed.len()) as u64)))
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
        let numbers = [
            u32::try_from(block.entries.len()).map_err(|_| io::Error::from(ErrorKind::InvalidInput))?,
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
