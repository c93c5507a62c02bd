//! A disk in memory, for simulations and tests: it outlives the "process" that writes it, and it fails when told to.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::Disk;

/// How a [`MemoryDisk`] fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskFault {
    /// It takes `room` more bytes and then no more; it can be cut.
    Full {
        /// How many more bytes it takes.
        room: usize,
    },
    /// It refuses to be written or cut.
    ReadOnly,
    /// It takes `room` more bytes, then refuses to be written or cut.
    Failing {
        /// How many more bytes it takes.
        room: usize,
    },
    /// It takes bytes but cannot make them survive a power cut.
    Unsyncable,
}

/// A disk in memory. A clone is another handle of the same disk, as after a restart of the process.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
    fault: Option<DiskFault>,
}

impl MemoryDisk {
    /// A disk that already holds `bytes`.
    #[must_use]
    pub fn holding(bytes: Vec<u8>) -> MemoryDisk {
        let synced = bytes.len();
        MemoryDisk(Arc::new(Mutex::new(Content {
            bytes,
            synced,
            fault: None,
        })))
    }

    /// What it holds.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.content().bytes.clone()
    }

    /// From now on it fails so, or no longer.
    pub fn set_fault(&self, fault: Option<DiskFault>) {
        self.content().fault = fault;
    }

    /// A power cut: what was not synced is gone.
    pub fn lose_power(&self) {
        let mut content = self.content();
        let synced = content.synced;
        content.bytes.truncate(synced);
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for MemoryDisk {
    fn name(&self) -> String {
        "in memory".to_owned()
    }
    fn size(&self) -> io::Result<u64> {
        Ok(self.content().bytes.len() as u64)
    }
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut content = self.content();
        let taken = match &mut content.fault {
            None | Some(DiskFault::Unsyncable) => bytes.len(),
            Some(DiskFault::ReadOnly) => return Err(io::ErrorKind::ReadOnlyFilesystem.into()),
            Some(DiskFault::Full { room } | DiskFault::Failing { room }) => {
                if *room == 0 {
                    return Err(io::ErrorKind::StorageFull.into());
                }
                let taken = bytes.len().min(*room);
                *room -= taken;
                taken
            }
        };
        content.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let content = self.content();
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|from| content.bytes.get(from..))
            .unwrap_or_default();
        let taken = rest.len().min(into.len());
        into[..taken].copy_from_slice(&rest[..taken]);
        Ok(taken)
    }
    fn truncate(&mut self, size: u64) -> io::Result<()> {
        let mut content = self.content();
        if matches!(content.fault, Some(DiskFault::ReadOnly | DiskFault::Failing { .. })) {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        content.bytes.truncate(size);
        content.synced = content.synced.min(size);
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        let mut content = self.content();
        if content.fault == Some(DiskFault::Unsyncable) {
            return Err(io::Error::other("the disk does not answer"));
        }
        content.synced = content.bytes.len();
        Ok(())
    }
}
