//! The database: opened, brought up to the journal, rebuilt.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

use super::error::HistoryError;
use super::projection;
use super::schema::{APPLICATION_ID, CREATE, DROP, HISTORY_VERSION};
use crate::journal::{Batch, Disk, HEADER_LEN, JournalId, JournalReader, Mark};

/// How long another process may hold the database before a question fails.
const BUSY: Duration = Duration::from_secs(5);

/// Batches projected in one transaction: enough that the commit does not count, few enough to bound memory.
const BATCHES_AT_ONCE: usize = 1024;

/// The history of one journal.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    pub(crate) connection: Connection,
    /// Why [`History::open`] emptied it, until [`History::catch_up`] has reported it.
    emptied: Option<RebuildCause>,
}

/// Up to where a history goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Projected {
    /// Of which journal.
    pub journal: JournalId,
    /// The last batch that is in it.
    pub mark: Mark,
}

/// What [`History::catch_up`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaughtUp {
    /// How many batches it projected.
    pub batches: u64,
    /// Whether, and why, it began from nothing.
    pub rebuilt: Option<RebuildCause>,
}

/// Why a history is built from nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebuildCause {
    /// Its tables are another version's.
    OtherVersion,
    /// It was of another journal.
    OtherJournal,
    /// It knew of batches that the journal no longer has: power was cut, or a copy restored.
    AheadOfJournal,
}

impl History {
    /// Opens the history at `path`, or makes an empty one; one whose tables are another version's is emptied. It is
    /// complete after [`History::catch_up`].
    ///
    /// # Errors
    /// [`HistoryError::Damaged`] for what is not a history; [`HistoryError::Sqlite`] where SQLite refuses.
    pub fn open(path: &Path) -> Result<History, HistoryError> {
        owner_only(path);
        History::on(path, Connection::open(path))
    }

    /// A history in memory, empty: for simulations and tests.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`].
    pub fn in_memory() -> Result<History, HistoryError> {
        History::on(Path::new("in memory"), Connection::open_in_memory())
    }

    fn on(path: &Path, connection: rusqlite::Result<Connection>) -> Result<History, HistoryError> {
        let failed = |source| HistoryError::sqlite(path.to_owned(), source);
        let mut connection = connection.map_err(failed)?;
        let Some(found) = prepare(&mut connection).map_err(failed)? else {
            return Err(HistoryError::Damaged { path: path.to_owned() });
        };
        Ok(History {
            path: path.to_owned(),
            connection,
            emptied: found.cause(),
        })
    }

    /// Opens a history for questions only, as it is, also while a host writes it.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`] where there is none.
    pub fn open_read_only(path: &Path) -> Result<History, HistoryError> {
        let failed = |source| HistoryError::sqlite(path.to_owned(), source);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        Ok(History {
            path: path.to_owned(),
            connection,
            emptied: None,
        })
    }

    /// Up to where it goes; `None` while it is empty.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`].
    pub fn projected(&self) -> Result<Option<Projected>, HistoryError> {
        projected(&self.connection).map_err(|source| self.failed(source))
    }

    /// Projects what the journal has and the history has not; from nothing where the two do not belong together.
    ///
    /// # Errors
    /// [`HistoryError::Journal`] where the journal is damaged (what lies before the damage is projected),
    /// [`HistoryError::Sqlite`] where SQLite refuses.
    pub fn catch_up<D: Disk>(&mut self, journal: &mut JournalReader<D>) -> Result<CaughtUp, HistoryError> {
        let mut rebuilt = self.emptied.take();
        journal.rewind();
        if let Some(projected) = self.projected()? {
            let cause = if projected.journal != journal.id() {
                Some(RebuildCause::OtherJournal)
            } else if !journal.resume_after(projected.mark)? {
                Some(RebuildCause::AheadOfJournal)
            } else {
                None
            };
            if cause.is_some() {
                rebuilt = cause;
                self.empty()?;
                journal.rewind();
            }
        }
        let batches = self.follow(journal)?;
        Ok(CaughtUp { batches, rebuilt })
    }

    /// Projects from where `journal` is to its end; says how many batches.
    pub(super) fn follow<D: Disk>(&mut self, journal: &mut JournalReader<D>) -> Result<u64, HistoryError> {
        let mut count = 0;
        let mut pending = Vec::new();
        loop {
            let batch = journal.next_batch();
            let more = match batch {
                Ok(Some(batch)) => {
                    pending.push(batch);
                    count += 1;
                    Ok(true)
                }
                Ok(None) => Ok(false),
                Err(error) => Err(error),
            };
            if pending.len() == BATCHES_AT_ONCE || !matches!(more, Ok(true)) {
                self.project(journal.id(), &pending)?;
                pending.clear();
            }
            if !more? {
                return Ok(count);
            }
        }
    }

    /// Projects batches in one transaction. Those that are in it already change nothing.
    ///
    /// # Errors
    /// [`HistoryError::Gap`] where batches between the history and these were left out; [`HistoryError::OtherJournal`];
    /// [`HistoryError::Sqlite`]. Then nothing has changed.
    pub fn project(&mut self, journal: JournalId, batches: &[Batch]) -> Result<(), HistoryError> {
        let Some(last) = batches.last() else {
            return Ok(());
        };
        let path = &self.path;
        let failed = |source| HistoryError::sqlite(path.clone(), source);
        // Immediate: what is projected is read under the lock under which it is written, whoever else projects.
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let start = match projected(&tx).map_err(failed)? {
            Some(projected) if projected.journal != journal => return Err(HistoryError::OtherJournal),
            Some(projected) => projected.mark.end,
            None => HEADER_LEN,
        };
        let mut end = start;
        for batch in batches.iter().filter(|batch| batch.end > start) {
            if batch.offset != end {
                return Err(HistoryError::Gap {
                    projected: end,
                    offset: batch.offset,
                });
            }
            for record in &batch.records {
                projection::apply(&tx, record).map_err(failed)?;
            }
            end = batch.end;
        }
        if end > start {
            remember(
                &tx,
                Projected {
                    journal,
                    mark: last.mark(),
                },
            )
            .map_err(failed)?;
        }
        tx.commit().map_err(failed)
    }

    /// Forgets everything.
    fn empty(&mut self) -> Result<(), HistoryError> {
        let path = &self.path;
        let failed = |source| HistoryError::sqlite(path.clone(), source);
        let tx = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        tx.execute_batch(DROP).map_err(failed)?;
        tx.execute_batch(CREATE).map_err(failed)?;
        tx.commit().map_err(failed)
    }

    pub(crate) fn failed(&self, source: rusqlite::Error) -> HistoryError {
        HistoryError::sqlite(self.path.clone(), source)
    }
}

/// What [`prepare`] found.
enum Found {
    /// Nothing, or this version's tables.
    Ours,
    /// Tables of another version.
    OtherVersion,
}

impl Found {
    fn cause(self) -> Option<RebuildCause> {
        match self {
            Found::Ours => None,
            Found::OtherVersion => Some(RebuildCause::OtherVersion),
        }
    }
}

/// Makes the tables where they are missing or another version's; `None` where the database is another program's.
fn prepare(connection: &mut Connection) -> rusqlite::Result<Option<Found>> {
    connection.busy_timeout(BUSY)?;
    let pragma =
        |connection: &Connection, name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let is_new = tables == 0;
    if !is_new && pragma(connection, "application_id")? != APPLICATION_ID {
        return Ok(None);
    }
    // A power cut may cost a projection its last transactions, never its soundness: they are projected again.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    if !is_new && pragma(connection, "user_version")? == HISTORY_VERSION {
        return Ok(Some(Found::Ours));
    }
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(DROP)?;
    tx.execute_batch(CREATE)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", HISTORY_VERSION)?;
    tx.commit()?;
    Ok(Some(if is_new { Found::Ours } else { Found::OtherVersion }))
}

fn projected(connection: &Connection) -> rusqlite::Result<Option<Projected>> {
    connection
        .query_row(
            "SELECT journal, batch_offset, batch_end, batch_checksum FROM projection",
            [],
            |row| {
                let unsigned = |index| row.get::<_, i64>(index).map(i64::cast_unsigned);
                Ok(Projected {
                    journal: JournalId(unsigned(0)?),
                    mark: Mark {
                        offset: unsigned(1)?,
                        end: unsigned(2)?,
                        checksum: row.get(3)?,
                    },
                })
            },
        )
        .optional()
}

fn remember(tx: &Transaction<'_>, projected: Projected) -> rusqlite::Result<()> {
    tx.execute(
        "INSERT OR REPLACE INTO projection (only, journal, batch_offset, batch_end, batch_checksum)
         VALUES (1, ?, ?, ?, ?)",
        params![
            projected.journal.0.cast_signed(),
            projected.mark.offset.cast_signed(),
            projected.mark.end.cast_signed(),
            projected.mark.checksum
        ],
    )?;
    Ok(())
}

/// Makes a new file readable by its owner only, before SQLite makes it with the process's default. Where that fails,
/// SQLite says what is wrong.
fn owner_only(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(path));
}
