//! The time that inputs carry: nothing here reads a clock.

use colibri_model::{MonoNs, WallNs};
use serde::{Deserialize, Serialize};

/// What time it is at the host. Every input of the engine carries one; real or virtual, the engine cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostNow {
    /// Monotonic: for ages, timers and ticks.
    pub mono: MonoNs,
    /// The wall clock: for records, and for aligning ticks when the clock starts.
    pub wall: WallNs,
}
