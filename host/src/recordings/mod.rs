//! Recordings as files that a person keeps, looks through and gives away.
//!
//! What lives here: the list of a bot's recordings, their export, and what an export leaves out when it is redacted. What must
//! not live here: writing one while a bot trades (`record`), replaying one (`replay`).

mod export;
mod find;
mod list;
mod sensitive;
mod stand_in;

pub use export::{ExportRequest, Exported, Marks, Redaction, export};
pub use list::{Listed, list};
