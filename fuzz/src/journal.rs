//! A journal, whole, torn or damaged: its reader, and the writer that goes on after it.
//!
//! An input that begins as a journal does is one, byte for byte. Any other is text: a record a line, an empty line between
//! batches, framed here with the right length and checksum; what follows a zero byte is put behind the last batch as it is.

use colibri_model::{Journal, Record, WallNs};
use colibri_store::journal::{Batch, Durability, JournalFile, JournalId, JournalReader, Mark, MemoryDisk, Tail};

/// The first bytes of a journal (`docs/journal.md`).
const MAGIC: &[u8] = b"COLIBRIJ";
const ID: JournalId = JournalId(7);
/// More batches than any input holds: a reader that goes further goes in circles.
const MOST_BATCHES: usize = 1 << 16;

/// The bytes of a journal's disk.
///
/// # Panics
/// Where reading goes in circles or past damage, differs the second time, or where a writer loses or changes a whole batch.
pub fn journal(data: &[u8]) {
    let bytes = if data.starts_with(MAGIC) {
        data.to_vec()
    } else {
        framed(data)
    };
    let whole = read(&bytes);
    go_on(&bytes, whole.as_deref());
}

/// Every batch, where the journal is undamaged up to its end.
fn read(bytes: &[u8]) -> Option<Vec<Batch>> {
    let mut reader = JournalReader::on(MemoryDisk::holding(bytes.to_vec())).ok()?;
    let mut batches = Vec::new();
    let damaged = loop {
        assert!(batches.len() < MOST_BATCHES, "it goes in circles");
        let from = reader.position();
        match reader.next_batch() {
            Ok(Some(batch)) => {
                assert!(batch.offset >= from && batch.end > batch.offset);
                assert_eq!(reader.position(), batch.end);
                batches.push(batch);
            }
            Ok(None) => break false,
            Err(error) => {
                assert_eq!(reader.position(), from, "it does not go past {error}");
                assert!(reader.next_batch().is_err(), "damage stays damage");
                break true;
            }
        }
    };
    again(&mut reader, &batches);
    if damaged {
        return None;
    }
    let size = bytes.len() as u64;
    let tail = reader.tail().expect("a disk in memory is measured");
    match tail {
        Tail::Whole => assert_eq!(reader.position(), size),
        Tail::Torn { offset, bytes } => assert_eq!((offset, offset + bytes), (reader.position(), size)),
    }
    Some(batches)
}

/// Reads a second time, from the beginning and from two bookmarks. Leaves the reader behind the last batch.
fn again(reader: &mut JournalReader<MemoryDisk>, batches: &[Batch]) {
    reader.rewind();
    for batch in batches {
        let found = reader.next_batch().ok().flatten();
        assert_eq!(found.as_ref(), Some(batch));
    }
    let end = reader.position();
    for batch in batches.first().into_iter().chain(batches.last()) {
        assert!(matches!(reader.resume_after(batch.mark()), Ok(true)));
        assert_eq!(reader.position(), batch.end);
        let elsewhere = Mark {
            offset: batch.offset.wrapping_sub(u64::from(batch.checksum)),
            ..batch.mark()
        };
        assert!(batch.checksum == 0 || matches!(reader.resume_after(elsewhere), Ok(false)));
    }
    assert_eq!(reader.position(), end);
}

/// Opens the journal for writing and appends: what was whole is there still, and the new batch behind it.
fn go_on(bytes: &[u8], whole: Option<&[Batch]>) {
    let disk = MemoryDisk::holding(bytes.to_vec());
    let Ok((mut file, _)) = JournalFile::on(disk.clone(), Durability::Process, ID) else {
        assert_eq!(disk.bytes(), bytes, "what cannot be opened is not changed");
        return;
    };
    let stopped = Record::Stopped {
        bot: "fuzz".to_owned(),
        reason: "asked to".to_owned(),
        time: WallNs(1),
    };
    file.append(std::slice::from_ref(&stopped))
        .expect("a disk in memory has room");
    let Some(whole) = whole else { return };
    let now = read(&disk.bytes()).expect("what was appended to is readable");
    let (last, before) = now.split_last().expect("a batch was appended");
    // A journal of an earlier schema is marked first.
    let before = match before.split_last() {
        Some((mark, older)) if older.len() == whole.len() && matches!(mark.records[..], [Record::Migrated { .. }]) => {
            older
        }
        _ => before,
    };
    assert_eq!(before, whole);
    assert_eq!(last.records, [stopped]);
}

/// A journal of the batches that a text states.
fn framed(data: &[u8]) -> Vec<u8> {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (text, tail) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let disk = MemoryDisk::default();
    JournalFile::on(disk.clone(), Durability::Process, ID).expect("an empty disk becomes a journal");
    let mut bytes = disk.bytes();
    for batch in batches(text) {
        let length = (batch.len() as u32).to_le_bytes();
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&length);
        hasher.update(batch);
        bytes.extend_from_slice(&length);
        bytes.extend_from_slice(&hasher.finalize().to_le_bytes());
        bytes.extend_from_slice(batch);
    }
    bytes.extend_from_slice(tail);
    bytes
}

/// The parts of a text between empty lines.
fn batches(mut text: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some(at) = text.windows(2).position(|pair| pair == b"\n\n") {
        found.push(&text[..at]);
        text = &text[at + 2..];
    }
    found.push(text.strip_suffix(b"\n").unwrap_or(text));
    found.retain(|batch| !batch.is_empty());
    found
}
