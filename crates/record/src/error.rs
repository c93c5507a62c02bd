//! A recording that cannot be read.

/// What is wrong with a recording, and where.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// The system does not give the bytes.
    #[error("the recording cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// It does not begin as a recording does.
    #[error("this is no recording, or one of a version that this program does not know: it begins with {0:02x?}")]
    NotARecording([u8; 8]),
    /// A block's bytes are not those that were written. What stands before it is whole.
    #[error("block {number} of the recording, at byte {at}, is damaged ({what}); what stands before it is whole")]
    Damaged {
        /// Which block, from zero.
        number: u64,
        /// Where in the file it begins.
        at: u64,
        /// What does not fit.
        what: &'static str,
    },
    /// The file ends within a block: the process died while it wrote. What stands before it is whole.
    #[error("the recording ends within block {number}, at byte {at}: its writer died; what stands before it is whole")]
    Torn {
        /// Which block, from zero.
        number: u64,
        /// Where in the file it begins.
        at: u64,
    },
    /// An entry's bytes mean nothing.
    #[error("an entry of block {number} of the recording cannot be understood: {what}")]
    Entry {
        /// Which block, from zero.
        number: u64,
        /// What does not fit.
        what: String,
    },
}
