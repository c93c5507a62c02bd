//! What a journal needs of a disk.

use std::io;

/// A file that grows at its end: a real one, or one in memory whose faults a test chooses.
pub trait Disk: Send + 'static {
    /// What to call it in a message: its path.
    fn name(&self) -> String;

    /// How many bytes it holds.
    ///
    /// # Errors
    /// As the operating system says.
    fn size(&self) -> io::Result<u64>;

    /// Writes at the end, in one call to the operating system; says how many bytes were taken, which may be fewer.
    ///
    /// # Errors
    /// As the operating system says; then nothing was written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Reads from `offset` on; says how many bytes were read: zero at the end.
    ///
    /// # Errors
    /// As the operating system says.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Cuts everything from `size` on.
    ///
    /// # Errors
    /// As the operating system says.
    fn truncate(&mut self, size: u64) -> io::Result<()>;

    /// Returns when what was written survives a power cut (`fdatasync`).
    ///
    /// # Errors
    /// As the operating system says; then what survives is not known.
    fn sync(&mut self) -> io::Result<()>;
}
