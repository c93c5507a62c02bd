//! A journal's real files.

use std::cell::RefCell;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::error::JournalFileError;
use super::segment::{self, HEAD_LEN, Head};

/// How large a file becomes before the next one is begun. One batch may take it beyond.
const SEGMENT: u64 = 64 << 20;

/// Files on a real disk, read and written as one: `journal`, then `journal.000001` and so on.
///
/// The writer holds an exclusive lock on a file beside them (`<name>.lock`, empty), because on some systems a lock on the
/// journal itself would keep readers out.
#[derive(Debug)]
pub struct FileDisk {
    path: PathBuf,
    /// How large a segment becomes.
    bound: u64,
    /// At least one, in order. A reader finds more as the writer begins them.
    segments: RefCell<Vec<Segment>>,
    access: Access,
}

#[derive(Debug)]
enum Access {
    Reading,
    Writing {
        /// Held, never read: the lock ends with it, however the process ends.
        _lock: File,
    },
}

/// One of the files.
#[derive(Debug)]
struct Segment {
    file: File,
    /// How many bytes of the journal stand before it.
    start: u64,
    /// Where in the file the journal's bytes begin.
    body: u64,
}

impl Segment {
    fn end(&self) -> io::Result<u64> {
        Ok(self.start + self.file.metadata()?.len().saturating_sub(self.body))
    }
}

impl FileDisk {
    /// Opens for writing, and makes the file (readable by its owner only) where there is none.
    ///
    /// # Errors
    /// [`JournalFileError::InUse`] while another [`FileDisk`] writes it, in this process or another;
    /// [`JournalFileError::Io`] where the operating system refuses, or a segment is missing.
    pub fn exclusive(path: &Path) -> Result<FileDisk, JournalFileError> {
        FileDisk::exclusive_in_segments(path, SEGMENT)
    }

    /// As [`FileDisk::exclusive`], in files of about `bound` bytes.
    ///
    /// # Errors
    /// As [`FileDisk::exclusive`].
    pub fn exclusive_in_segments(path: &Path, bound: u64) -> Result<FileDisk, JournalFileError> {
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
        let disk = FileDisk::of(path, file, bound, Access::Writing { _lock: lock });
        disk.find_segments().map_err(failed("open"))?;
        disk.remove_unbegun().map_err(failed("open"))?;
        Ok(disk)
    }

    /// Opens for reading, which is allowed while a host writes.
    ///
    /// # Errors
    /// [`JournalFileError::Io`] where the operating system refuses, or a segment is missing.
    pub fn read_only(path: &Path) -> Result<FileDisk, JournalFileError> {
        let failed = |source| JournalFileError::Io {
            name: path.display().to_string(),
            what: "open",
            source,
        };
        let file = File::open(path).map_err(failed)?;
        let disk = FileDisk::of(path, file, SEGMENT, Access::Reading);
        disk.find_segments().map_err(failed)?;
        Ok(disk)
    }

    fn of(path: &Path, file: File, bound: u64, access: Access) -> FileDisk {
        let first = Segment {
            file,
            start: 0,
            body: 0,
        };
        FileDisk {
            path: path.to_owned(),
            bound,
            segments: RefCell::new(vec![first]),
            access,
        }
    }

    /// Opens the segments that follow those that are open; whether there was one. One whose head is not whole is being begun, or
    /// was never: it holds nothing.
    fn find_segments(&self) -> io::Result<bool> {
        let mut found = false;
        while let Some(segment) = self.next_segment()? {
            self.segments.borrow_mut().push(segment);
            found = true;
        }
        Ok(found)
    }

    fn next_segment(&self) -> io::Result<Option<Segment>> {
        let segments = self.segments.borrow();
        let number = number(segments.len())?;
        let path = segment::path(&self.path, number);
        let opened = match self.access {
            Access::Reading => File::open(&path),
            Access::Writing { .. } => OpenOptions::new().read(true).append(true).open(&path),
        };
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A file behind a gap would be lost in silence.
                let after = segment::path(&self.path, number + 1);
                return if after.exists() {
                    Err(missing(&path, &after))
                } else {
                    Ok(None)
                };
            }
            Err(error) => return Err(error),
        };
        if file.metadata()?.len() < HEAD_LEN {
            return Ok(None);
        }
        let mut bytes = [0; HEAD_LEN as usize];
        let mut read = 0;
        while read < bytes.len() {
            match read_at(&file, read as u64, &mut bytes[read..])? {
                0 => return Ok(None),
                more => read += more,
            }
        }
        let last = segments.last().expect("there is at least one");
        let head = Head {
            journal: journal_id(&segments)?,
            number,
            start: last.end()?,
        };
        head.expect(&bytes, &path)?;
        Ok(Some(Segment {
            file,
            start: head.start,
            body: HEAD_LEN,
        }))
    }

    /// A segment whose beginning was interrupted holds nothing.
    fn remove_unbegun(&self) -> io::Result<()> {
        let path = segment::path(&self.path, number(self.segments.borrow().len())?);
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Begins the next segment. What stands before it survives a power cut first: a gap would be damage.
    fn begin_segment(&self) -> io::Result<()> {
        let mut segments = self.segments.borrow_mut();
        let last = segments.last().expect("there is at least one");
        last.file.sync_data()?;
        let head = Head {
            journal: journal_id(&segments)?,
            number: number(segments.len())?,
            start: last.end()?,
        };
        let path = segment::path(&self.path, head.number);
        let begun = begin(&path, head);
        if begun.is_err() {
            // It is found unbegun where it cannot be removed either, and holds nothing.
            drop(std::fs::remove_file(&path));
        }
        segments.push(Segment {
            file: begun?,
            start: head.start,
            body: HEAD_LEN,
        });
        Ok(())
    }
}

impl Disk for FileDisk {
    fn name(&self) -> String {
        self.path.display().to_string()
    }
    fn size(&self) -> io::Result<u64> {
        if matches!(self.access, Access::Reading) {
            self.find_segments()?;
        }
        let segments = self.segments.borrow();
        segments.last().expect("there is at least one").end()
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let full = {
            let segments = self.segments.borrow();
            let last = segments.last().expect("there is at least one");
            let length = last.end()? - last.start;
            length > super::frame::HEADER_LEN && length + bytes.len() as u64 > self.bound
        };
        if full {
            self.begin_segment()?;
        }
        let segments = self.segments.get_mut();
        segments.last_mut().expect("there is at least one").file.write(bytes)
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = {
                let segments = self.segments.borrow();
                let at = segments.partition_point(|s| s.start <= offset).saturating_sub(1);
                let held = segments.get(at + 1).map_or(u64::MAX, |next| next.start - offset);
                let length = usize::try_from(held).unwrap_or(usize::MAX).min(into.len());
                let segment = &segments[at];
                read_at(
                    &segment.file,
                    offset - segment.start + segment.body,
                    &mut into[..length],
                )?
            };
            if read > 0 || into.is_empty() || matches!(self.access, Access::Writing { .. }) || !self.find_segments()? {
                return Ok(read);
            }
        }
    }
    fn truncate(&mut self, size: u64) -> io::Result<()> {
        let segments = self.segments.get_mut();
        while segments.len() > 1 && segments.last().is_some_and(|s| s.start > size) {
            let number = number(segments.len() - 1)?;
            std::fs::remove_file(segment::path(&self.path, number))?;
            segments.pop();
        }
        let last = segments.last().expect("there is at least one");
        last.file.set_len(size.saturating_sub(last.start) + last.body)
    }
    fn sync(&mut self) -> io::Result<()> {
        let segments = self.segments.get_mut();
        segments.last().expect("there is at least one").file.sync_data()
    }
}

fn number(segments: usize) -> io::Result<u32> {
    u32::try_from(segments).map_err(|_| io::Error::other("the journal has too many segments"))
}

/// Which journal the first file is of.
fn journal_id(segments: &[Segment]) -> io::Result<u64> {
    let mut bytes = [0; 8];
    let first = segments.first().expect("there is at least one");
    read_at(&first.file, 16, &mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn begin(path: &Path, head: Head) -> io::Result<File> {
    // What was begun before and broke off is begun anew.
    let mut options = OpenOptions::new();
    let mut file = owner_only(options.create(true).read(true).append(true)).open(path)?;
    file.set_len(0)?;
    let bytes = head.to_bytes();
    if file.write(&bytes)? < bytes.len() {
        return Err(io::ErrorKind::StorageFull.into());
    }
    file.sync_data()?;
    sync_folder(path)?;
    Ok(file)
}

fn missing(path: &Path, after: &Path) -> io::Error {
    let text = format!(
        "the segment {} is missing and {} is there; restore the journal's files from a copy, or move them all aside and check \
         open orders at the exchange before starting anew",
        path.display(),
        after.display()
    );
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn read_at(file: &File, offset: u64, into: &mut [u8]) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, into, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, into, offset);
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
