//! The one place of this crate that reads a clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use colibri_model::{MonoNs, WallNs};

use crate::HostTime;

/// The host's clocks.
#[derive(Debug, Clone, Copy)]
pub struct HostClock {
    start: Instant,
}

impl HostClock {
    /// A clock whose monotonic time begins now, at one second: zero means "not set" to timers.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the edge at which real time enters")]
    pub fn start() -> HostClock {
        HostClock { start: Instant::now() }
    }

    /// What time it is.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the edge at which real time enters")]
    pub fn now(&self) -> HostTime {
        let mono = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
        HostTime::new(MonoNs(mono.saturating_add(1_000_000_000)), WallNs(wall))
    }

    /// The instant of a monotonic time, for a runtime's timer.
    #[must_use]
    pub fn instant(&self, mono: MonoNs) -> Instant {
        let since = std::time::Duration::from_nanos(mono.0.saturating_sub(1_000_000_000));
        self.start.checked_add(since).unwrap_or(self.start)
    }
}
