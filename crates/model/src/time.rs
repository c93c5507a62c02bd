//! Instants and spans. Nothing here reads a clock.

use serde::{Deserialize, Serialize};

/// An instant of the host's monotonic clock, nanoseconds since an arbitrary start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MonoNs(pub u64);

impl MonoNs {
    /// The time since `earlier`; zero where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: MonoNs) -> Millis {
        Millis(self.0.saturating_sub(earlier.0) / 1_000_000)
    }

    /// This instant and a span.
    #[must_use]
    pub const fn plus(self, span: Millis) -> MonoNs {
        MonoNs(self.0.saturating_add(span.0.saturating_mul(1_000_000)))
    }
}

/// An instant of a wall clock (the host's or an exchange's), nanoseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WallNs(pub i64);

impl WallNs {
    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> WallNs {
        WallNs(millis.saturating_mul(1_000_000))
    }

    /// Milliseconds since 1970, the fraction dropped.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

/// A span in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);
