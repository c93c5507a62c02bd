//! Where recordings are: a folder a run, named by the moment at which it began, its files numbered. For their owner alone:
//! what an exchange answered can hold session tokens.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use colibri_model::WallNs;
use colibri_record::{MAGIC, Reader, RecordingError, Snapshot, entrances, snapshot_at};

/// The folder of recordings in a bot's folder.
pub const RECORDINGS: &str = "recordings";
/// The extension of a recording's files.
const EXTENSION: &str = "colirec";

/// Makes the folder of a new recording.
///
/// # Errors
/// The system refuses, or a run began at the same moment.
pub fn make(bot_folder: &Path, began: WallNs) -> io::Result<PathBuf> {
    let all = bot_folder.join(RECORDINGS);
    let folder = all.join(name_of(began));
    private_folder(&all)?;
    private_folder(&folder)?;
    Ok(folder)
}

/// `2026-11-21T15-23-36.125Z`: the moment in UTC, without what file systems do not take.
fn name_of(began: WallNs) -> String {
    let millis = began.as_millis();
    let (days, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = date(days);
    let (h, m, s, ms) = (
        of_day / 3_600_000,
        of_day / 60_000 % 60,
        of_day / 1_000 % 60,
        of_day % 1_000,
    );
    format!("{year:04}-{month:02}-{day:02}T{h:02}-{m:02}-{s:02}.{ms:03}Z")
}

/// Year, month and day of a number of days since 1970 in the Gregorian calendar: years are counted from March on, so that the
/// leap day is the last of one.
const fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// Makes a folder, and those above it, for their owner alone.
///
/// # Errors
/// The system refuses.
#[cfg(unix)]
pub fn private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a folder, and those above it.
///
/// # Errors
/// The system refuses.
#[cfg(not(unix))]
pub fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// The path of a recording's file.
#[must_use]
pub fn file_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:06}.{EXTENSION}"))
}

/// Makes the next file of a recording.
///
/// # Errors
/// The system refuses.
pub fn next_file(folder: &Path, number: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(file_path(folder, number))?;
    file.write_all(&MAGIC)?;
    Ok(file)
}

/// The files of a recording, in order. `path` is its folder, or one file.
///
/// # Errors
/// There is none.
pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|e| e == EXTENSION) {
            files.push(file);
        }
    }
    if files.is_empty() {
        let text = format!("{} holds no recording (*.{EXTENSION})", path.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    files.sort();
    Ok(files)
}

/// Opens a recording.
///
/// # Errors
/// There is none, or it is of a version that this program does not know.
pub fn open(path: &Path) -> Result<Reader<BufReader<File>>, RecordingError> {
    Reader::new(opened(&files(path)?)?)
}

fn opened(files: &[PathBuf]) -> io::Result<Vec<BufReader<File>>> {
    files.iter().map(|file| File::open(file).map(BufReader::new)).collect()
}

/// Opens a recording at the last of its snapshots that `suits`; `None` where none does.
///
/// # Errors
/// As [`open`].
pub fn open_at(
    path: &Path,
    suits: impl Fn(&Snapshot) -> bool,
) -> Result<Option<Reader<BufReader<File>>>, RecordingError> {
    let files = files(path)?;
    for entrance in entrances(opened(&files)?)?.into_iter().rev() {
        // One that is damaged is passed by: an earlier one leads there as well, and tells of the damage.
        let snapshot = snapshot_at(opened(&files)?, entrance);
        if snapshot.is_ok_and(|snapshot| suits(&snapshot)) {
            return Reader::entering(opened(&files)?, entrance).map(Some);
        }
    }
    Ok(None)
}

/// A recording in a bot's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its folder.
    pub folder: PathBuf,
    /// Bytes of its files.
    pub bytes: u64,
    /// When its last file was written to.
    pub written: SystemTime,
}

/// The recordings of a bot, the oldest first.
///
/// # Errors
/// The system refuses.
pub fn list(bot_folder: &Path) -> io::Result<Vec<Kept>> {
    let all = bot_folder.join(RECORDINGS);
    if !all.exists() {
        return Ok(Vec::new());
    }
    let mut kept = Vec::new();
    for entry in fs::read_dir(all)? {
        let folder = entry?.path();
        if !folder.is_dir() {
            continue;
        }
        let (mut bytes, mut written) = (0, SystemTime::UNIX_EPOCH);
        for file in files(&folder).unwrap_or_default() {
            let about = fs::metadata(file)?;
            bytes += about.len();
            written = written.max(about.modified()?);
        }
        kept.push(Kept { folder, bytes, written });
    }
    kept.sort_by(|a, b| a.folder.cmp(&b.folder));
    Ok(kept)
}

/// Deletes recordings that are too old, and the oldest while all together are too large. Returns those that are gone.
///
/// # Errors
/// The system refuses.
pub fn retire(bot_folder: &Path, now: SystemTime, most_age: Duration, most_bytes: u64) -> io::Result<Vec<PathBuf>> {
    let kept = list(bot_folder)?;
    let mut bytes: u64 = kept.iter().map(|k| k.bytes).sum();
    let mut gone = Vec::new();
    for recording in kept {
        let age = now.duration_since(recording.written).unwrap_or_default();
        if age <= most_age && bytes <= most_bytes {
            continue;
        }
        fs::remove_dir_all(&recording.folder)?;
        bytes -= recording.bytes;
        gone.push(recording.folder);
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_folder_is_named_by_the_moment_in_utc() {
        let at = |seconds: i64| name_of(WallNs(seconds * 1_000_000_000));
        assert_eq!(at(0), "1970-01-01T00-00-00.000Z");
        assert_eq!(at(951_782_400), "2000-02-29T00-00-00.000Z");
        assert_eq!(at(1_795_274_616), "2026-11-21T15-23-36.000Z");
        assert_eq!(name_of(WallNs(1_709_164_799_999_000_000)), "2024-02-28T23-59-59.999Z");
    }

    #[test]
    fn the_oldest_go_first_and_the_newest_stay() {
        let bot = tempfile::tempdir().unwrap();
        let mut folders = Vec::new();
        for second in 0..4 {
            let folder = make(bot.path(), WallNs(second * 1_000_000_000)).unwrap();
            use std::io::Write as _;
            next_file(&folder, 1).unwrap().write_all(&[0; 92]).unwrap();
            folders.push(folder);
        }
        let now = SystemTime::now();
        let day = Duration::from_secs(86_400);
        assert!(retire(bot.path(), now, day, 400).unwrap().is_empty());
        assert_eq!(retire(bot.path(), now, day, 250).unwrap(), folders[..2]);
        assert_eq!(list(bot.path()).unwrap().len(), 2);
        assert_eq!(retire(bot.path(), now + 2 * day, day, 250).unwrap(), folders[2..]);
    }

    #[cfg(unix)]
    #[test]
    fn recordings_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let bot = tempfile::tempdir().unwrap();
        let folder = make(bot.path(), WallNs(0)).unwrap();
        next_file(&folder, 1).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&files(&folder).unwrap()[0]), 0o600);
    }
}
