//! Why a journal cannot be opened or read.

use std::io;

/// A journal that cannot be opened or read. Writing fails with [`colibri_model::JournalError`].
#[derive(Debug, thiserror::Error)]
pub enum JournalFileError {
    /// The operating system refused.
    #[error("cannot {what} the journal {name}: {source}")]
    Io {
        /// Which journal.
        name: String,
        /// What was being done: a verb.
        what: &'static str,
        /// The refusal.
        source: io::Error,
    },
    /// Another process writes it.
    #[error("the journal {name} is in use: another host is running on it; stop that one first")]
    InUse {
        /// Which journal.
        name: String,
    },
    /// The file is something else.
    #[error("{name} is not a journal (its first bytes are not a journal's); give the path of one, or of a new file")]
    NotAJournal {
        /// Which file.
        name: String,
    },
    /// Framed in another way.
    #[error(
        "the journal {name} has format {found} and this version reads format {expected}: run the version that wrote it, \
         close what is open, then start with a new journal"
    )]
    Format {
        /// Which journal.
        name: String,
        /// What it says.
        found: u32,
        /// What this code reads.
        expected: u32,
    },
    /// Its records mean something else.
    #[error(
        "the journal {name} has records of schema {found} and this version reads schema {expected}: run the version \
         that wrote it, close what is open, then start with a new journal"
    )]
    Schema {
        /// Which journal.
        name: String,
        /// What it says.
        found: u32,
        /// What this code reads.
        expected: u32,
    },
    /// A batch is damaged, and whole ones follow it: not a torn end.
    #[error(
        "the journal {name} is damaged at byte {offset}, and whole records follow from byte {next}: nothing was \
         changed; restore it from a copy, or move it aside and check open orders at the exchange before starting anew"
    )]
    Corrupt {
        /// Which journal.
        name: String,
        /// Where the damaged batch begins.
        offset: u64,
        /// Where the next whole one begins.
        next: u64,
    },
    /// A batch is whole but is not made of records.
    #[error("the journal {name} holds at byte {offset} what this version cannot read as a record: {reason}")]
    Record {
        /// Which journal.
        name: String,
        /// Where the batch begins.
        offset: u64,
        /// What the parser said.
        reason: String,
    },
}
