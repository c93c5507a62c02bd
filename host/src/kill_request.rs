//! A person's request to throw a bot's kill switch: a file in the bot's folder.
//!
//! The running bot looks for it a few times a second, throws the switch, and removes it once that stands in the journal. A bot
//! that does not run finds it at its next start, before anything is placed. Whoever may write in the folder may stop the bot.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The file's name in a bot's folder.
pub const KILL_REQUEST: &str = "kill.request";
/// How often a running bot looks for it.
const LOOK: Duration = Duration::from_millis(200);
/// A reason longer than this is cut: it goes into journal, log and screen.
const LONGEST_REASON: usize = 200;

/// Writes a request. One that lies there is replaced.
///
/// # Errors
/// The folder cannot be written.
pub fn write(folder: &Path, reason: &str) -> std::io::Result<()> {
    let path = folder.join(KILL_REQUEST);
    let half = folder.join(format!("{KILL_REQUEST}.new"));
    let mut file = std::fs::File::create(&half)?;
    file.write_all(reason.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(half, path)
}

/// Whether a request lies there.
#[must_use]
pub fn is_pending(folder: &Path) -> bool {
    folder.join(KILL_REQUEST).exists()
}

/// Removes a request, where there is one.
///
/// # Errors
/// It is there and cannot be removed.
pub fn remove(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(folder.join(KILL_REQUEST)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A running bot's look at its folder.
#[derive(Debug)]
pub struct KillWatch {
    folder: PathBuf,
    next: Instant,
}

impl KillWatch {
    /// Looks at once, and from then on every fifth of a second.
    #[must_use]
    pub fn new(folder: &Path) -> KillWatch {
        KillWatch {
            folder: folder.to_owned(),
            next: Instant::now(),
        }
    }

    /// When it wants to look next.
    #[must_use]
    pub const fn next(&self) -> Instant {
        self.next
    }

    /// The reason in a request, if it is time to look and one lies there. A request that cannot be read is one all the same.
    pub fn look(&mut self, now: Instant) -> Option<String> {
        if now < self.next {
            return None;
        }
        self.next = now + LOOK;
        let path = self.folder.join(KILL_REQUEST);
        if !path.exists() {
            return None;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let shown = text.chars().filter(|c| !c.is_control()).take(LONGEST_REASON);
        let reason: String = shown.collect();
        Some(match reason.trim() {
            "" => "a person asked for it".to_owned(),
            reason => reason.to_owned(),
        })
    }

    /// The request has been carried out and stands in the journal.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn done(&self) -> std::io::Result<()> {
        remove(&self.folder)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_is_found_until_it_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = KillWatch::new(folder.path());
        let now = Instant::now() + LOOK;
        assert_eq!(watch.look(now), None);
        write(folder.path(), "the market\nis mad").unwrap();
        assert_eq!(watch.look(now), None, "it is not time yet");
        assert_eq!(watch.look(now + LOOK).unwrap(), "the marketis mad");
        assert!(is_pending(folder.path()));
        watch.done().unwrap();
        assert_eq!(watch.look(now + LOOK * 2), None);
        watch.done().unwrap();
        std::fs::write(folder.path().join(KILL_REQUEST), [0xff, 0xfe]).unwrap();
        let reason = watch.look(now + LOOK * 3).unwrap();
        assert_eq!(reason, "a person asked for it", "not text, and a request all the same");
    }
}
