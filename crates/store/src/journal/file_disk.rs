//! A journal's real file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::error::JournalFileError;

/// A file on a real disk.
///
/// The writer holds an exclusive lock on a file beside it (`<name>.lock`, empty), because on some systems a lock on the
/// journal itself would keep readers out.
#[derive(Debug)]
pub struct FileDisk {
    path: PathBuf,
    file: File,
    /// Held, never read: the lock ends with it, however the process ends.
    _lock: Option<File>,
}

impl FileDisk {
    /// Opens for writing, and makes the file (readable by its owner only) where there is none.
    ///
    /// # Errors
    /// [`JournalFileError::InUse`] while another [`FileDisk`] writes it, in this process or another;
    /// [`JournalFileError::Io`] where the operating system refuses.
    pub fn exclusive(path: &Path) -> Result<FileDisk, JournalFileError> {
        let failed = |what| {
            move |source| JournalFileError::Io {
                name: path.display().to_string(),
                what,
                source,
            }
        };
        let lock = owner_only(OpenOptions::new().create(true).truncate(false).write(true))
            .open(lock_path(path))
            .map_err(failed("make the lock file of"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalFileError::InUse {
                    name: path.display().to_string(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
        }
        let file = owner_only(OpenOptions::new().create(true).read(true).append(true))
            .open(path)
            .map_err(failed("open"))?;
        sync_folder(path).map_err(failed("make"))?;
        Ok(FileDisk {
            path: path.to_owned(),
            file,
            _lock: Some(lock),
        })
    }

    /// Opens for reading, which is allowed while a host writes.
    ///
    /// # Errors
    /// [`JournalFileError::Io`] where the operating system refuses.
    pub fn read_only(path: &Path) -> Result<FileDisk, JournalFileError> {
        let file = File::open(path).map_err(|source| JournalFileError::Io {
            name: path.display().to_string(),
            what: "open",
            source,
        })?;
        Ok(FileDisk {
            path: path.to_owned(),
            file,
            _lock: None,
        })
    }
}

impl Disk for FileDisk {
    fn name(&self) -> String {
        self.path.display().to_string()
    }
    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(&self.file, into, offset);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_read(&self.file, into, offset);
    }
    fn truncate(&mut self, size: u64) -> io::Result<()> {
        self.file.set_len(size)
    }
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// What was traded is the user's affair alone.
fn owner_only(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// A new file survives a power cut only once its folder does.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
