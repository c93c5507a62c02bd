//! The host's two clocks, read together at the edge.

use colibri_model::{MonoNs, WallNs};
use serde::{Deserialize, Serialize};

/// What time it is at the host. The driver adds the exchange's time by the offset that it has measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostTime {
    /// The monotonic clock: deadlines, ages, back-off.
    pub mono: MonoNs,
    /// The wall clock, UTC: shown, journaled, and the exchange's time until that is measured.
    pub wall: WallNs,
}

impl HostTime {
    /// Both clocks' readings.
    #[must_use]
    pub const fn new(mono: MonoNs, wall: WallNs) -> HostTime {
        HostTime { mono, wall }
    }
}
