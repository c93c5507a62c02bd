//! Why the history cannot be written or asked.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::journal::JournalFileError;

/// The history cannot be written or asked. Trading is not concerned: the journal is the truth.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// SQLite refused.
    #[error("the history {}: {source}", path.display())]
    Sqlite {
        /// Which database.
        path: PathBuf,
        /// The refusal.
        source: rusqlite::Error,
    },
    /// The file is not a database, or is damaged.
    #[error("{} is not a sound SQLite database; if it is a history, delete it: it is built again from the journal", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalFileError),
    /// Batches were left out.
    #[error(
        "the history is at byte {projected} of the journal and was given the batch at byte {offset}; project what lies between first"
    )]
    Gap {
        /// Up to where the history goes.
        projected: u64,
        /// Where the batch begins.
        offset: u64,
    },
    /// It is the history of another journal.
    #[error("the history was built from another journal; catch up with this one first, which builds it again")]
    OtherJournal,
    /// The sums leave the range of a decimal.
    #[error("the sums of {pair} do not fit into a decimal of 28 digits; ask for a shorter time")]
    Overflow {
        /// Of which pair.
        pair: String,
    },
    /// The thread that writes the history has ended.
    #[error("the disk thread has ended: {0}")]
    ThreadEnded(String),
    /// The thread that writes the history cannot do so now.
    #[error("the history is not up to date: {0}; it is tried again")]
    Failing(String),
    /// The thread that writes the history is too slow.
    #[error("the history is still behind the journal; it goes on catching up")]
    Behind,
}

impl HistoryError {
    pub(crate) fn sqlite(path: PathBuf, source: rusqlite::Error) -> HistoryError {
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => HistoryError::Damaged { path },
            _ => HistoryError::Sqlite { path, source },
        }
    }
}
