//! The status file: written whole or not at all, readable by its owner alone; and what a reader makes of it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Snapshot;

/// Its name in a bot's folder.
pub const NAME: &str = "status.json";
/// A bot writes once a second; one that has not for so long does not run as it should.
const LATE_MS: i64 = 5_000;

/// Writes a bot's status.
#[derive(Debug, Clone)]
pub struct StatusFile {
    path: PathBuf,
    temporary: PathBuf,
}

impl StatusFile {
    /// The file of the bot whose folder this is.
    #[must_use]
    pub fn of(folder: &Path) -> StatusFile {
        StatusFile {
            path: folder.join(NAME),
            temporary: folder.join("status.json.new"),
        }
    }

    /// Writes a snapshot: another process sees the one before, or this one whole.
    ///
    /// # Errors
    /// The disk's. The status is for people: nothing depends on it.
    pub fn write(&self, snapshot: &Snapshot) -> io::Result<()> {
        let text = serde_json::to_vec(snapshot)?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.temporary)?;
        file.write_all(&text)?;
        drop(file);
        fs::rename(&self.temporary, &self.path)
    }
}

/// Whether the bot that wrote a status runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It runs.
    Running,
    /// Its process is there and has not written for a while.
    Stuck,
    /// It ended in order.
    Ended,
    /// It is gone without a word: killed, crashed, or the machine went down.
    Gone,
}

impl Standing {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Standing::Running => "running",
            Standing::Stuck => "stuck",
            Standing::Ended => "ended",
            Standing::Gone => "gone",
        }
    }
}

/// A status that was found, and what it is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What was written last.
    pub snapshot: Snapshot,
    /// Whether the bot runs.
    pub standing: Standing,
    /// How long ago it was written.
    pub age_ms: i64,
}

impl Found {
    /// Judges a snapshot at `now_ms`; `alive` says whether a process exists.
    #[must_use]
    pub fn judge(snapshot: Snapshot, now_ms: i64, alive: impl Fn(u32) -> bool) -> Found {
        let age_ms = now_ms.saturating_sub(snapshot.written_ms).max(0);
        let standing = if snapshot.ended_ms.is_some() {
            Standing::Ended
        } else if !alive(snapshot.pid) {
            Standing::Gone
        } else if age_ms <= LATE_MS {
            Standing::Running
        } else {
            Standing::Stuck
        };
        Found {
            snapshot,
            standing,
            age_ms,
        }
    }

    /// The status in a bot's folder; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read, or is of another version of the host: in words.
    pub fn read(folder: &Path) -> Result<Option<Found>, String> {
        let path = folder.join(NAME);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
        };
        let snapshot: Snapshot = serde_json::from_slice(&text).map_err(|error| {
            format!(
                "{} is not a status of this version of colibri ({error}); the bot that wrote it may be another version",
                path.display()
            )
        })?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now_ms = i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
        Ok(Some(Found::judge(snapshot, now_ms, is_alive)))
    }

    /// Every status below a folder of bots' folders, by name.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn all(data: &Path) -> io::Result<Vec<(PathBuf, Result<Found, String>)>> {
        let mut folders: Vec<PathBuf> = match fs::read_dir(data) {
            Ok(entries) => entries.filter_map(|e| Some(e.ok()?.path())).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        folders.sort();
        Ok(folders
            .into_iter()
            .filter_map(|folder| {
                let found = Found::read(&folder).transpose()?;
                Some((folder, found))
            })
            .collect())
    }
}

/// Whether a process exists. Where the system does not show its processes, the file's age alone decides.
fn is_alive(pid: u32) -> bool {
    let processes = Path::new("/proc/self");
    !processes.exists() || Path::new("/proc").join(pid.to_string()).exists()
}
