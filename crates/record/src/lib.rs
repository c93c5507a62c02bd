//! Recordings: everything that a desk was given, in order, so that it can be given it again.
//!
//! What lives here: what a recording holds ([`Entry`]), its bytes, the blocks that they are kept in (compressed, each with a
//! checksum), the [`Recorder`] that looks on while a desk works, and the [`Reader`]. What must not live here: threads and
//! sockets (the host writes the blocks), the building of a desk (the host replays), and secrets: a recording holds no key
//! and no signature, because what is compared is what a connector asked to have signed. It does hold what an exchange
//! answered, session tokens included, so its files are for their owner alone.

mod block;
mod bytes;
mod digest;
mod entry;
mod error;
mod input;
mod reader;
mod recorder;
mod setup;
mod state;
mod writer;

pub use block::{Block, BlockKind, MAGIC, Packer};
pub use digest::{Digest, DigestValue};
pub use entry::{Entry, Gathered, Mark, Snapshot};
pub use error::RecordingError;
pub use input::RecordedInput;
pub use reader::{Entrance, Reader, entrances, snapshot_at};
pub use recorder::{Recorder, RecordingJournal};
pub use setup::{BulkLaneUse, RecordedVenue, RunSetup};
pub use writer::EntryWriter;
