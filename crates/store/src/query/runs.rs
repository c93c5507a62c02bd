//! When bots ran.

use colibri_model::WallNs;
use rusqlite::params;

use super::filter::{instant, maybe_instant};
use crate::history::{History, HistoryError};

/// A run of a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its number, counted from 1.
    pub run: i64,
    /// The bot.
    pub bot: String,
    /// The host's version.
    pub version: String,
    /// When it started.
    pub started: WallNs,
    /// When it stopped; `None` while it runs, or where it crashed.
    pub stopped: Option<WallNs>,
    /// Why it stopped.
    pub stop_reason: Option<String>,
}

impl History {
    /// The newest `limit` runs, of one bot or of all, newest first.
    ///
    /// # Errors
    /// [`HistoryError::Sqlite`].
    pub fn runs(&self, bot: Option<&str>, limit: u32) -> Result<Vec<Run>, HistoryError> {
        self.read_runs(bot, limit).map_err(|source| self.failed(source))
    }

    fn read_runs(&self, bot: Option<&str>, limit: u32) -> rusqlite::Result<Vec<Run>> {
        self.connection
            .prepare_cached("SELECT * FROM runs WHERE ?1 IS NULL OR bot = ?1 ORDER BY run DESC LIMIT ?2")?
            .query_map(params![bot, limit], |row| {
                Ok(Run {
                    run: row.get("run")?,
                    bot: row.get("bot")?,
                    version: row.get("version")?,
                    started: instant(row, "started_ns")?,
                    stopped: maybe_instant(row, "stopped_ns")?,
                    stop_reason: row.get("stop_reason")?,
                })
            })?
            .collect()
    }
}
