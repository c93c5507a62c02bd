//! Why a book had to be dropped.

/// Why a book was dropped. None of these is repaired by guessing: the book is gone until it is synchronized again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BookFault {
    /// Updates are missing.
    #[error("updates {expected} to {} are missing", first.saturating_sub(1))]
    Gap {
        /// The id that had to come next.
        expected: u64,
        /// The first id that came.
        first: u64,
    },
    /// The update does not name the one before it.
    #[error("the update follows {previous}, but the book is at {local}")]
    Chain {
        /// The id that the update says it follows.
        previous: u64,
        /// The id of the book.
        local: u64,
    },
    /// The snapshot is older than the first update that was kept: another must be asked for.
    #[error("the snapshot ends at {snapshot}, before the first update, {first}")]
    SnapshotTooOld {
        /// The id of the snapshot.
        snapshot: u64,
        /// The first id that is buffered.
        first: u64,
    },
    /// More updates came than are kept while a snapshot is awaited.
    #[error("no snapshot came within {updates} updates")]
    BufferFull {
        /// How many were kept.
        updates: usize,
    },
    /// Bid at or above ask after a whole update.
    #[error("the book is crossed: bid {bid}, ask {ask} (price mantissas)")]
    Crossed {
        /// Best bid, mantissa.
        bid: i64,
        /// Best ask, mantissa.
        ask: i64,
    },
    /// A price that is none: zero, below, or beyond what the arithmetic of ticks has room for.
    #[error("price mantissa {price} is not between 1 and 2^61")]
    PriceOutOfRange {
        /// The price, mantissa.
        price: i64,
    },
    /// A quantity below zero.
    #[error("quantity mantissa {quantity} at price mantissa {price} is below zero")]
    NegativeQuantity {
        /// The price, mantissa.
        price: i64,
        /// The quantity, mantissa.
        quantity: i64,
    },
    /// The exchange's checksum is not that of the book: an update was lost or misread, by whomever.
    #[error("the exchange's checksum is {stated}, the book's {computed}")]
    Checksum {
        /// What the exchange sent.
        stated: u32,
        /// What the book gives.
        computed: u32,
    },
    /// A message without the checksum that every message must have.
    #[error("the update lacks the checksum that the manifest says it has")]
    MissingChecksum,
    /// More levels than a book may have, in a message or in a side.
    #[error("{levels} levels a side are more than a book may have")]
    TooManyLevels {
        /// How many.
        levels: usize,
    },
    /// Mantissas at other exponents than were agreed for the instrument.
    #[error("the update's exponents ({price}, {quantity}) are not the instrument's")]
    Exponents {
        /// Of prices.
        price: i32,
        /// Of quantities.
        quantity: i32,
    },
    /// A flag that this version does not know: its meaning must not be dropped.
    #[error("the update has unknown flags {0:#x}")]
    UnknownFlags(u32),
    /// The ids that the sequence rule needs are not there, or are reversed.
    #[error("the update lacks the ids that the book's rule needs")]
    MissingIds,
    /// The engine was told that data is missing.
    #[error("a message could not be read")]
    Unreadable,
    /// The stream went down.
    #[error("the stream is down")]
    StreamDown,
}
