//! Time and admission, as the host hands them to a connector.

use abi_stable::StableAbi;

/// What time it is, in the three senses that a connector can need. Nothing else tells a connector the time.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Monotonic nanoseconds since an arbitrary start: for timers and ages.
    pub mono_ns: u64,
    /// The host's wall clock, nanoseconds since 1970-01-01 UTC.
    pub wall_ns: i64,
    /// The exchange's clock as the host estimates it, nanoseconds since 1970-01-01 UTC: for signed timestamps.
    pub exchange_ns: i64,
}

/// The host's admission of one operation: the limiter has made room, and what a signed request needs is drawn now.
#[repr(C)]
#[derive(StableAbi, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grant {
    /// The operation that was admitted.
    pub op: u64,
    /// Strictly increasing for a key, over restarts too.
    pub nonce: u64,
    /// Sixteen fresh random bytes.
    pub entropy: [u8; 16],
    /// Spare room; zero.
    pub ext: [u64; 2],
}
