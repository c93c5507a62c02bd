//! The journal on disks that fail: what was appended is there, what was not is not, and damage is named.
#![allow(clippy::unwrap_used)]

mod samples;

use colibri_model::{Journal, Record, SCHEMA_VERSION, Side};
use colibri_store::journal::{
    DiskFault, Durability, FORMAT_VERSION, FileDisk, HEADER_LEN, JournalFile, JournalFileError, JournalId,
    JournalReader, MemoryDisk, Tail,
};
use proptest::prelude::*;
use samples::{any_batches, fill, intent, started};

fn open(disk: &MemoryDisk) -> Result<(JournalFile<MemoryDisk>, Tail), JournalFileError> {
    JournalFile::on(disk.clone(), Durability::Process, JournalId(7))
}

fn written(batches: &[Vec<Record>]) -> MemoryDisk {
    let disk = MemoryDisk::default();
    let (mut journal, _) = open(&disk).unwrap();
    for batch in batches {
        journal.append(batch).unwrap();
    }
    disk
}

fn read(disk: &MemoryDisk) -> Result<Vec<Vec<Record>>, JournalFileError> {
    let mut reader = JournalReader::on(disk.clone())?;
    let mut batches = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        batches.push(batch.records);
    }
    Ok(batches)
}

/// Where each batch ends.
fn ends(disk: &MemoryDisk) -> Vec<usize> {
    let mut reader = JournalReader::on(disk.clone()).unwrap();
    let mut ends = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        ends.push(batch.end as usize);
    }
    ends
}

proptest! {
    #[test]
    fn what_is_appended_is_read(batches in any_batches()) {
        prop_assert_eq!(read(&written(&batches)).unwrap(), batches);
    }

    #[test]
    fn any_cut_leaves_whole_batches_and_can_be_appended_to(batches in any_batches(), at in any::<prop::sample::Index>()) {
        let whole = written(&batches);
        let bytes = whole.bytes();
        let cut = at.index(bytes.len() + 1);
        let disk = MemoryDisk::holding(bytes[..cut].to_vec());
        let (mut journal, tail) = open(&disk).unwrap();
        let kept = ends(&whole).iter().filter(|end| **end <= cut).count();
        prop_assert_eq!(&read(&disk).unwrap()[..], &batches[..kept]);
        let last = ends(&whole).get(kept.wrapping_sub(1)).copied().unwrap_or(HEADER_LEN as usize);
        if cut >= HEADER_LEN as usize && cut > last {
            prop_assert_eq!(tail, Tail::Torn { offset: last as u64, bytes: (cut - last) as u64 });
        } else {
            prop_assert_eq!(tail, Tail::Whole);
        }
        journal.append(&[started(1)]).unwrap();
        prop_assert_eq!(read(&disk).unwrap().pop().unwrap(), vec![started(1)]);
    }

    #[test]
    fn a_flipped_bit_before_the_last_batch_is_found(
        batches in prop::collection::vec(prop::collection::vec(samples::any_record(), 1..4), 2..12),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let whole = written(&batches);
        let mut bytes = whole.bytes();
        let ends = ends(&whole);
        let flipped = at.index(ends[ends.len() - 2]);
        bytes[flipped] ^= 1 << bit;
        let disk = MemoryDisk::holding(bytes.clone());
        let error = open(&disk).map(|_| ()).unwrap_err();
        if flipped >= HEADER_LEN as usize {
            let begin = ends.iter().rev().find(|end| **end <= flipped).copied().unwrap_or(HEADER_LEN as usize);
            let at_begin = matches!(error, JournalFileError::Corrupt { offset, .. } if offset == begin as u64);
            prop_assert!(at_begin, "{} for byte {}", error, flipped);
        }
        prop_assert_eq!(disk.bytes(), bytes, "a damaged journal is left as it is");
    }

    #[test]
    fn a_full_disk_leaves_no_half_batch(batches in any_batches(), room in 0..3000_usize) {
        let disk = MemoryDisk::default();
        let (mut journal, _) = open(&disk).unwrap();
        disk.set_fault(Some(DiskFault::Full { room }));
        let taken: Vec<Vec<Record>> =
            batches.iter().filter(|batch| journal.append(batch).is_ok()).cloned().collect();
        prop_assert_eq!(&read(&disk).unwrap(), &taken);
        disk.set_fault(None);
        journal.append(&[started(9)]).unwrap();
        prop_assert_eq!(read(&disk).unwrap().len(), taken.len() + 1);
    }
}

#[test]
fn a_disk_that_cannot_be_cut_is_not_appended_to_again() {
    let disk = written(&[vec![started(1)]]);
    let (mut journal, _) = open(&disk).unwrap();
    disk.set_fault(Some(DiskFault::Failing { room: 10 }));
    let first = journal.append(&[intent(1, 2)]).unwrap_err();
    disk.set_fault(None);
    let second = journal.append(&[intent(1, 2)]).unwrap_err();
    assert_eq!(first, second);
    assert_eq!(read(&disk).unwrap(), vec![vec![started(1)]]);
    let (mut journal, tail) = open(&disk).unwrap();
    assert!(matches!(tail, Tail::Torn { bytes: 10, .. }));
    journal.append(&[intent(1, 2)]).unwrap();
}

#[test]
fn a_disk_that_was_read_only_for_a_while_is_written_again() {
    let disk = MemoryDisk::default();
    let (mut journal, _) = open(&disk).unwrap();
    journal.append(&[started(1)]).unwrap();
    disk.set_fault(Some(DiskFault::ReadOnly));
    journal.append(&[intent(1, 2)]).unwrap_err();
    disk.set_fault(None);
    journal.append(&[intent(2, 3)]).unwrap();
    assert_eq!(read(&disk).unwrap(), vec![vec![started(1)], vec![intent(2, 3)]]);
}

#[test]
fn after_a_failed_sync_nothing_is_appended() {
    let disk = MemoryDisk::default();
    let (mut journal, _) = JournalFile::on(disk.clone(), Durability::Machine, JournalId(1)).unwrap();
    journal.append(&[started(1)]).unwrap();
    disk.set_fault(Some(DiskFault::Unsyncable));
    journal.append(&[intent(1, 2)]).unwrap_err();
    disk.set_fault(None);
    journal.append(&[intent(2, 3)]).unwrap_err();
}

#[test]
fn a_power_cut_takes_nothing_that_was_made_durable() {
    let disk = MemoryDisk::default();
    let (mut journal, _) = JournalFile::on(disk.clone(), Durability::Machine, JournalId(1)).unwrap();
    journal.append(&[started(1)]).unwrap();
    disk.lose_power();
    assert_eq!(read(&disk).unwrap(), vec![vec![started(1)]]);

    let (mut journal, _) = open(&disk).unwrap();
    journal.append(&[intent(1, 2)]).unwrap();
    disk.lose_power();
    assert_eq!(read(&disk).unwrap(), vec![vec![started(1)]]);
}

#[test]
fn other_versions_and_other_files_are_refused_by_name() {
    let bytes = written(&[vec![started(1)]]).bytes();

    let mut newer = bytes.clone();
    newer[8] = FORMAT_VERSION as u8 + 1;
    assert!(matches!(
        open(&MemoryDisk::holding(newer)),
        Err(JournalFileError::Format {
            found: 2,
            expected: 1,
            ..
        })
    ));

    let mut schema = bytes;
    schema[12] = 9;
    let checksum = crc32fast::hash(&schema[..24]);
    schema[24..28].copy_from_slice(&checksum.to_le_bytes());
    assert!(matches!(
        open(&MemoryDisk::holding(schema)),
        Err(JournalFileError::Schema { found: 9, .. })
    ));

    for other in [&b"hello"[..], b"SQLite format 3\0 and what follows in a database"] {
        let disk = MemoryDisk::holding(other.to_vec());
        assert!(matches!(open(&disk), Err(JournalFileError::NotAJournal { .. })));
        assert_eq!(disk.bytes(), other);
    }
}

#[test]
fn a_record_of_no_known_kind_is_named_by_its_place() {
    let json = br#"{"record":"invented"}"#;
    let mut bytes = MemoryDisk::holding(written(&[]).bytes()).bytes();
    let length = (json.len() as u32).to_le_bytes();
    let mut checked = length.to_vec();
    checked.extend_from_slice(json);
    bytes.extend_from_slice(&length);
    bytes.extend_from_slice(&crc32fast::hash(&checked).to_le_bytes());
    bytes.extend_from_slice(json);
    let error = read(&MemoryDisk::holding(bytes)).unwrap_err();
    assert!(
        matches!(error, JournalFileError::Record { offset: HEADER_LEN, .. }),
        "{error}"
    );
}

#[test]
fn one_host_writes_and_others_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.journal");
    let (mut journal, tail) = JournalFile::open(&path, Durability::Machine).unwrap();
    assert_eq!(tail, Tail::Whole);
    assert!(matches!(
        JournalFile::open(&path, Durability::Process),
        Err(JournalFileError::InUse { .. })
    ));

    let mut reader = JournalReader::open(&path).unwrap();
    assert_eq!(reader.next_batch().unwrap(), None);
    journal.append(&[started(1), intent(1, 2)]).unwrap();
    let batch = reader.next_batch().unwrap().unwrap();
    assert_eq!(
        (batch.records, batch.end),
        (vec![started(1), intent(1, 2)], journal.end())
    );
    assert_eq!(reader.next_batch().unwrap(), None);

    let id = journal.id();
    drop(journal);
    let (journal, _) = JournalFile::open(&path, Durability::Process).unwrap();
    assert_eq!((journal.id(), journal.end()), (id, batch.end));
}

#[cfg(unix)]
#[test]
fn a_journal_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.journal");
    JournalFile::open(&path, Durability::Process).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

/// A journal as version 0.1.0 wrote it before there were environments, adopted orders and watermarks.
const SCHEMA_1: &[u8] = include_bytes!("fixtures/schema-1.journal");

#[test]
fn a_journal_of_the_first_schema_is_read_taken_up_and_marked() {
    let disk = MemoryDisk::holding(SCHEMA_1.to_vec());
    let old = read(&disk).unwrap();
    assert_eq!(old.len(), 15);
    assert_eq!(disk.bytes(), SCHEMA_1, "reading changes nothing");
    let (mut journal, tail) = open(&disk).unwrap();
    assert_eq!((tail, journal.id()), (Tail::Whole, JournalId(0x1234_5678_9abc_def0)));
    journal.append(&[started(9)]).unwrap();
    drop(journal);
    // A version that knows the first schema only must not miss what follows: it stops at the mark.
    assert!(disk.bytes().starts_with(SCHEMA_1));
    let now = read(&disk).unwrap();
    assert_eq!(now[..15], old);
    let mark = Record::Migrated {
        from: 1,
        to: SCHEMA_VERSION,
    };
    assert_eq!(now[15], [mark]);
    assert_eq!(now[16], [started(9)]);
    let size = disk.bytes().len();
    open(&disk).unwrap();
    assert_eq!(disk.bytes().len(), size, "it is marked once");
}

/// Before there were contracts: nothing that was written then is written otherwise now.
#[test]
fn a_journal_of_the_second_schema_is_marked_once_more() {
    let mut old = written(&[vec![started(1), intent(1, 2)], vec![fill(1, 1, Side::Buy, 100, 1, 3)]]).bytes();
    old[12] = 2;
    let checksum = crc32fast::hash(&old[..24]);
    old[24..28].copy_from_slice(&checksum.to_le_bytes());
    let disk = MemoryDisk::holding(old.clone());
    let before = read(&disk).unwrap();
    drop(open(&disk).unwrap());
    assert!(disk.bytes().starts_with(&old));
    let now = read(&disk).unwrap();
    assert_eq!(now[..2], before);
    let mark = Record::Migrated {
        from: 2,
        to: SCHEMA_VERSION,
    };
    assert_eq!(now[2], [mark]);
}

#[test]
fn a_mark_of_a_later_schema_is_refused_before_what_follows_is_read() {
    let disk = written(&[
        vec![started(1)],
        vec![Record::Migrated {
            from: SCHEMA_VERSION,
            to: SCHEMA_VERSION + 1,
        }],
        vec![started(2)],
    ]);
    for error in [read(&disk).unwrap_err(), open(&disk).unwrap_err()] {
        let text = error.to_string();
        assert!(
            matches!(
                error,
                JournalFileError::Schema { found, expected, .. }
                    if (found, expected) == (SCHEMA_VERSION + 1, SCHEMA_VERSION)
            ),
            "{text}"
        );
    }
}

/// A journal in a folder, in files of about so many bytes.
fn segmented(path: &std::path::Path, bound: u64) -> (JournalFile, Tail) {
    let disk = FileDisk::exclusive_in_segments(path, bound).unwrap();
    JournalFile::on(disk, Durability::Process, JournalId(7)).unwrap()
}

fn read_path(path: &std::path::Path) -> Result<Vec<Vec<Record>>, JournalFileError> {
    let mut reader = JournalReader::open(path)?;
    let mut batches = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        batches.push(batch.records);
    }
    Ok(batches)
}

#[test]
fn a_journal_grows_in_files_of_a_bounded_size_and_is_read_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.journal");
    let (mut journal, _) = segmented(&path, 1_000);
    let mut follower = JournalReader::open(&path).unwrap();
    let mut batches = Vec::new();
    for number in 0..40 {
        let batch = vec![intent(number, i64::from(number)), started(i64::from(number))];
        journal.append(&batch).unwrap();
        // One who reads along follows into each new file.
        assert_eq!(follower.next_batch().unwrap().unwrap().records, batch);
        assert_eq!(follower.next_batch().unwrap(), None);
        batches.push(batch);
        if number % 9 == 0 {
            let end = journal.end();
            drop(journal);
            journal = segmented(&path, 1_000).0;
            assert_eq!(journal.end(), end);
        }
    }
    let files = std::fs::read_dir(folder.path()).unwrap();
    let sizes: Vec<u64> = files.map(|f| f.unwrap().metadata().unwrap().len()).collect();
    assert!(sizes.len() > 10 && sizes.iter().all(|size| *size <= 1_032), "{sizes:?}");
    assert_eq!(read_path(&path).unwrap(), batches);
    // A bookmark holds across files.
    let mut reader = JournalReader::open(&path).unwrap();
    for _ in 0..25 {
        reader.next_batch().unwrap();
    }
    let mark = reader.next_batch().unwrap().unwrap().mark();
    let mut other = JournalReader::open(&path).unwrap();
    assert!(other.resume_after(mark).unwrap());
    assert_eq!(other.next_batch().unwrap().unwrap().records, batches[26]);
}

#[test]
fn a_torn_end_is_cut_in_the_last_file_and_a_file_that_was_never_begun_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.journal");
    let (mut journal, _) = segmented(&path, 600);
    let batches: Vec<Vec<Record>> = (0..6).map(|n| vec![intent(n, i64::from(n))]).collect();
    for batch in &batches {
        journal.append(batch).unwrap();
    }
    drop(journal);
    let last = (1..).map(|n| folder.path().join(format!("bot.journal.{n:06}")));
    let last = last.take_while(|p| p.exists()).last().unwrap();
    let whole = std::fs::read(&last).unwrap();
    for cut in (32..=whole.len()).step_by(13) {
        std::fs::write(&last, &whole[..cut]).unwrap();
        let (mut journal, _) = segmented(&path, 600);
        journal.append(&[started(9)]).unwrap();
        drop(journal);
        let read = read_path(&path).unwrap();
        assert!(batches.starts_with(&read[..read.len() - 1]), "cut at {cut}");
        assert_eq!(*read.last().unwrap(), [started(9)]);
        for number in 1..9 {
            let later = folder.path().join(format!("bot.journal.{number:06}"));
            if later > last && later.exists() {
                std::fs::remove_file(later).unwrap();
            }
        }
    }
    std::fs::write(&last, &whole).unwrap();
    // The process died while it began the next file: there is a part of a head.
    let number: u32 = last.extension().unwrap().to_str().unwrap().parse().unwrap();
    let next = folder.path().join(format!("bot.journal.{:06}", number + 1));
    std::fs::write(&next, &whole[..20]).unwrap();
    assert_eq!(read_path(&path).unwrap(), batches);
    let (mut journal, tail) = segmented(&path, 600);
    assert_eq!((tail, next.exists()), (Tail::Whole, false));
    journal.append(&[started(9)]).unwrap();
    assert_eq!(read_path(&path).unwrap().len(), 7);
}

#[test]
fn a_segment_that_is_missing_or_of_another_journal_is_named_and_nothing_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.journal");
    let (mut journal, _) = segmented(&path, 400);
    for number in 0..6 {
        journal.append(&[intent(number, 1)]).unwrap();
    }
    drop(journal);
    let second = folder.path().join("bot.journal.000002");
    let bytes = std::fs::read(&second).unwrap();
    std::fs::remove_file(&second).unwrap();
    for error in [
        read_path(&path).unwrap_err(),
        JournalFile::open(&path, Durability::Process).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.contains("000002 is missing") && text.contains("restore"), "{text}");
    }
    let mut other = bytes.clone();
    other[9] ^= 1;
    let checksum = crc32fast::hash(&other[..28]);
    other[28..32].copy_from_slice(&checksum.to_le_bytes());
    let mut damaged = bytes.clone();
    damaged[2] ^= 1;
    for (wrong, what) in [(other, "another journal"), (damaged, "damaged")] {
        std::fs::write(&second, &wrong).unwrap();
        let error = JournalFile::open(&path, Durability::Process).unwrap_err().to_string();
        assert!(error.contains(what) && error.contains("000002"), "{error}");
        assert_eq!(std::fs::read(&second).unwrap(), wrong);
    }
    std::fs::write(&second, bytes).unwrap();
    // A file in the middle that lost its end.
    let first = folder.path().join("bot.journal.000001");
    let whole = std::fs::read(&first).unwrap();
    std::fs::write(&first, &whole[..whole.len() - 1]).unwrap();
    let error = read_path(&path).unwrap_err().to_string();
    assert!(error.contains("missing or damaged"), "{error}");
}
