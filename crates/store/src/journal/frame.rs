//! The bytes: a header, then a frame a batch. `docs/journal.md` draws them.

use colibri_model::{OLDEST_SCHEMA, Record, SCHEMA_VERSION};

use super::error::JournalFileError;

/// The version of the framing.
pub const FORMAT_VERSION: u32 = 1;

/// Bytes of the header; the first frame begins there.
pub const HEADER_LEN: u64 = 28;

/// The most bytes of JSON that one batch may have. A length above it is damage, not a batch.
pub const MAX_BATCH: usize = 16 << 20;

/// Bytes before a frame's JSON: its length and its checksum.
pub(super) const FRAME_HEAD: usize = 8;

const MAGIC: [u8; 8] = *b"COLIBRIJ";

/// Which journal this is: a number drawn when the file was made, so that a history notices that it was built from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JournalId(pub u64);

/// The header of a new journal.
pub(super) fn header(id: JournalId) -> [u8; HEADER_LEN as usize] {
    let mut bytes = [0; HEADER_LEN as usize];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&SCHEMA_VERSION.to_le_bytes());
    bytes[16..24].copy_from_slice(&id.0.to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..24]);
    bytes[24..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Whether `bytes` are what is left of a header whose writing was interrupted.
pub(super) fn is_torn_header(bytes: &[u8]) -> bool {
    let known = bytes.len().min(MAGIC.len());
    bytes.len() < HEADER_LEN as usize && bytes[..known] == MAGIC[..known]
}

/// Reads a header.
///
/// The versions are judged before the checksum: a later format may keep no more than magic and version where they are.
pub(super) fn read_header(bytes: &[u8], name: &str) -> Result<(JournalId, u32), JournalFileError> {
    let name = || name.to_owned();
    if bytes.len() < HEADER_LEN as usize || bytes[..8] != MAGIC {
        return Err(JournalFileError::NotAJournal { name: name() });
    }
    let format = u32_at(bytes, 8);
    if format != FORMAT_VERSION {
        return Err(JournalFileError::Format {
            name: name(),
            found: format,
            expected: FORMAT_VERSION,
        });
    }
    if u32_at(bytes, 24) != crc32fast::hash(&bytes[..24]) {
        return Err(JournalFileError::Corrupt {
            name: name(),
            offset: 0,
            next: HEADER_LEN,
        });
    }
    let schema = u32_at(bytes, 12);
    check_schema(schema, name)?;
    let id = JournalId(u64::from(u32_at(bytes, 16)) | u64::from(u32_at(bytes, 20)) << 32);
    Ok((id, schema))
}

/// Whether records of a schema can be read.
fn check_schema(schema: u32, name: impl Fn() -> String) -> Result<(), JournalFileError> {
    if (OLDEST_SCHEMA..=SCHEMA_VERSION).contains(&schema) {
        return Ok(());
    }
    Err(JournalFileError::Schema {
        name: name(),
        found: schema,
        expected: SCHEMA_VERSION,
    })
}

/// The schema of the records that follow a batch, where the batch says that it is another: it stands alone then.
pub(super) fn migration(json: &[u8], name: &str) -> Result<Option<u32>, JournalFileError> {
    const BEGIN: &[u8] = br#"{"record":"migrated""#;
    if !json.starts_with(BEGIN) {
        return Ok(None);
    }
    match serde_json::from_slice(json) {
        Ok(Record::Migrated { to, .. }) => check_schema(to, || name.to_owned()).map(|()| Some(to)),
        // Told where the batch is read.
        _ => Ok(None),
    }
}

/// Writes the frame of a batch into `frame`, over what was there: length, checksum of length and JSON, and the records
/// as JSON, a line each.
pub(super) fn encode(records: &[Record], frame: &mut Vec<u8>) -> Result<(), String> {
    frame.clear();
    frame.extend_from_slice(&[0; FRAME_HEAD]);
    for (index, record) in records.iter().enumerate() {
        if index > 0 {
            frame.push(b'\n');
        }
        serde_json::to_writer(&mut *frame, record).map_err(|error| error.to_string())?;
    }
    let length = frame.len() - FRAME_HEAD;
    if length > MAX_BATCH {
        return Err(format!(
            "a batch of {} records takes {length} bytes and the most is {MAX_BATCH}",
            records.len()
        ));
    }
    let length = (length as u32).to_le_bytes();
    frame[..4].copy_from_slice(&length);
    let checksum = checksum(length, &frame[FRAME_HEAD..]);
    frame[4..FRAME_HEAD].copy_from_slice(&checksum.to_le_bytes());
    Ok(())
}

/// Reads the records of a frame's JSON.
pub(super) fn decode(json: &[u8]) -> Result<Vec<Record>, String> {
    json.split(|byte| *byte == b'\n')
        .map(|line| serde_json::from_slice(line).map_err(|error| error.to_string()))
        .collect()
}

/// The length of the JSON that a frame head announces, where it can be one.
pub(super) fn announced_length(head: &[u8]) -> Option<usize> {
    if head.len() < FRAME_HEAD {
        return None;
    }
    let length = u32_at(head, 0) as usize;
    // "{}" is the shortest record.
    (2..=MAX_BATCH).contains(&length).then_some(length)
}

/// The checksum of a frame (head and JSON), where it is whole.
pub(super) fn whole(frame: &[u8]) -> Option<u32> {
    let json = &frame[FRAME_HEAD..];
    let length = [frame[0], frame[1], frame[2], frame[3]];
    let stated = u32_at(frame, 4);
    (json.first() == Some(&b'{') && stated == checksum(length, json)).then_some(stated)
}

fn checksum(length: [u8; 4], json: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(json);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
