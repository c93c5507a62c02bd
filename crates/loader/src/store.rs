//! The content-addressed store: a verified library is opened from a private copy named by its digest, so that nothing can
//! change between check and use, and two versions of one library are two files to the system linker.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Sha256;

/// Tells the writers of one process apart.
static WRITERS: AtomicU64 = AtomicU64::new(0);

/// Puts `bytes`, whose digest is `digest`, into the store and returns the copy's absolute path. A copy that is there and
/// intact is used; one that was damaged is replaced.
pub(crate) fn keep(store: &Path, digest: Sha256, bytes: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(store)?;
    let folder = fs::canonicalize(store)?.join(digest.to_string());
    let copy = folder.join(file_name());
    if fs::read(&copy).is_ok_and(|kept| Sha256::of(&kept) == digest) {
        return Ok(copy);
    }
    fs::create_dir_all(&folder)?;
    restrict(&folder, 0o700)?;
    // Each writer writes a file of its own and renames it: a reader sees the old copy or the new one, never a part.
    let number = WRITERS.fetch_add(1, Ordering::Relaxed);
    let partial = folder.join(format!("partial.{}.{number}", std::process::id()));
    let _ = fs::remove_file(&partial);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    restrict(&partial, 0o500)?;
    fs::rename(&partial, &copy)?;
    Ok(copy)
}

const fn file_name() -> &'static str {
    if cfg!(target_os = "windows") {
        "lib.dll"
    } else if cfg!(target_os = "macos") {
        "lib.dylib"
    } else {
        "lib.so"
    }
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_copy_is_made_once_and_mended_when_damaged() {
        let store = tempfile::tempdir().unwrap();
        let digest = Sha256::of(b"one");
        let copy = keep(store.path(), digest, b"one").unwrap();
        assert!(copy.is_absolute() && copy.parent().unwrap().ends_with(digest.to_string()));
        let made = fs::metadata(&copy).unwrap().modified().unwrap();
        assert_eq!(keep(store.path(), digest, b"one").unwrap(), copy);
        assert_eq!(fs::metadata(&copy).unwrap().modified().unwrap(), made);

        fs::remove_file(&copy).unwrap();
        fs::write(&copy, b"other").unwrap();
        keep(store.path(), digest, b"one").unwrap();
        assert_eq!(fs::read(&copy).unwrap(), b"one");
        assert_eq!(
            fs::read_dir(copy.parent().unwrap()).unwrap().count(),
            1,
            "no partial file stays"
        );
    }

    #[test]
    fn many_may_keep_the_same_library_at_once() {
        let store = tempfile::tempdir().unwrap();
        let bytes = vec![7; 1 << 20];
        let digest = Sha256::of(&bytes);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert!(keep(store.path(), digest, &bytes).unwrap().exists()));
            }
        });
        let folder = store.path().join(digest.to_string());
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "no partial file stays");
    }

    #[cfg(unix)]
    #[test]
    fn the_copy_cannot_be_written() {
        use std::os::unix::fs::PermissionsExt as _;
        let store = tempfile::tempdir().unwrap();
        let copy = keep(store.path(), Sha256::of(b"x"), b"x").unwrap();
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o500);
    }
}
