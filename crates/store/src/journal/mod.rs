//! The journal: an append-only file of [`Record`](colibri_model::Record)s, written before what they announce is done.
//!
//! The format, and what survives which failure, are in `docs/journal.md`. What lives here: the frame, the writer, the
//! reader and the disk beneath them. What must not: the meaning of a record (that is the history's,
//! and the engine's).

mod disk;
mod error;
mod file;
mod file_disk;
mod frame;
mod memory_disk;
mod reader;
mod segment;

pub use disk::Disk;
pub use error::JournalFileError;
pub use file::{Durability, JournalFile};
pub use file_disk::FileDisk;
pub use frame::{FORMAT_VERSION, HEADER_LEN, JournalId, MAX_BATCH};
pub use memory_disk::{DiskFault, MemoryDisk};
pub use reader::{Batch, JournalReader, Mark, Tail};
