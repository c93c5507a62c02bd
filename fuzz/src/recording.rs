//! A recording of a run, whole, cut or damaged.
//!
//! An input that begins as a recording does is one, byte for byte. Any other is the entries of its only block, framed here
//! with the right length and checksum.

use colibri_record::{Block, Entry, MAGIC, Reader};

/// More entries than any input holds: a reader that goes further goes in circles.
const MOST_ENTRIES: usize = 1 << 20;

/// The bytes of a recording's file.
///
/// # Panics
/// Where reading goes in circles, or an entry that was read is not the same once it was written again.
pub fn recording(data: &[u8]) {
    if data.starts_with(&MAGIC) {
        return read(data);
    }
    let mut file = MAGIC.to_vec();
    let block = Block {
        kind: colibri_record::BlockKind::Plain,
        number: 0,
        entries: data.to_vec(),
    };
    block.write(&mut file).expect("a vector takes every byte");
    read(&file);
}

fn read(file: &[u8]) {
    let mut reader = Reader::new([file]).expect("it begins as a recording does");
    for _ in 0..MOST_ENTRIES {
        let Ok(Some(entry)) = reader.next_entry() else { return };
        let bytes = entry.to_bytes();
        let again = Entry::from_bytes(&bytes).expect("what was written can be read");
        assert_eq!(again.to_bytes(), bytes, "{entry:?}");
    }
    panic!("it goes in circles");
}
