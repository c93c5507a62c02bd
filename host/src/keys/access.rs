//! Files that only their owner may read: checked when read, made so when written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::KeysError;

/// The most bytes that a file of secrets has: a thousand accounts fit many times over.
const MOST_BYTES: u64 = 8 << 20;

/// Reads a file of secrets.
///
/// # Errors
/// [`KeysError::Exposed`] where others may read or write it; [`KeysError::NoFile`]; [`KeysError::Io`].
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, KeysError> {
    let file = File::open(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => KeysError::NoFile { path: path.to_owned() },
        _ => KeysError::Io {
            what: "open",
            path: path.to_owned(),
            source,
        },
    })?;
    // Of the open file, not of the path: what is judged is what is read.
    let metadata = file.metadata().map_err(KeysError::io("inspect", path))?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeysError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
    }
    if metadata.len() > MOST_BYTES {
        return Err(KeysError::Format {
            path: path.to_owned(),
            reason: format!("it has {} bytes", metadata.len()),
        });
    }
    // Room for all of it at once: a text that grows leaves copies of itself behind.
    let mut text = Zeroizing::new(String::with_capacity(metadata.len() as usize + 1));
    file.take(MOST_BYTES)
        .read_to_string(&mut text)
        .map_err(KeysError::io("read", path))?;
    Ok(text)
}

/// Replaces a file: either the old or the new one is there, whole, whatever happens meanwhile.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), KeysError> {
    let folder = folder_of(path);
    let (fresh, mut file) = create_beside(path)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&fresh, path));
    if let Err(source) = written {
        // It holds nothing that the caller has not, and the next attempt makes another.
        drop(fs::remove_file(&fresh));
        return Err(KeysError::Io {
            what: "write",
            path: path.to_owned(),
            source,
        });
    }
    #[cfg(unix)]
    File::open(&folder)
        .and_then(|folder| folder.sync_all())
        .map_err(KeysError::io("write", &folder))?;
    Ok(())
}

/// Holds others off while a file is read, changed and replaced; until dropped.
pub(super) fn lock(path: &Path) -> Result<File, KeysError> {
    let folder = folder_of(path);
    make_folder(&folder)?;
    let lock = suffixed(path, ".lock");
    let file = owner_only(OpenOptions::new().create(true).truncate(false).write(true))
        .open(&lock)
        .map_err(KeysError::io("open", &lock))?;
    file.lock().map_err(KeysError::io("lock", &lock))?;
    Ok(file)
}

fn create_beside(path: &Path) -> Result<(PathBuf, File), KeysError> {
    let fresh = suffixed(path, ".new");
    // Under the lock nobody else writes it: what is there was left by a crash.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(KeysError::io("replace", &fresh)(error)),
        _ => {}
    }
    let file = owner_only(OpenOptions::new().create_new(true).write(true))
        .open(&fresh)
        .map_err(KeysError::io("create", &fresh))?;
    Ok((fresh, file))
}

fn make_folder(folder: &Path) -> Result<(), KeysError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(KeysError::io("create", folder))
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
