//! The `[record]` table of a bot's file.

use std::num::NonZeroU32;

use colibri_model::Millis;
use serde::Deserialize;

/// Whether a run is recorded without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Every run.
    Always,
    /// A run that was started with `colibri record`.
    #[default]
    OnRequest,
}

/// What is recorded, and for how long it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordSettings {
    /// Which runs are recorded; `on_request` where absent.
    pub when: When,
    /// Recordings of finished runs that are older are deleted when another begins; days, 14 where absent.
    pub keep_days: NonZeroU32,
    /// The most that all recordings of the bot may hold, gigabytes (10^9 bytes); 20 where absent. The oldest are deleted first;
    /// of a run that reaches it by itself the oldest files, as far as a replay can enter at the next.
    pub keep_gb: NonZeroU32,
    /// How often the whole state is written down, so that a replay can enter there; seconds, 600 where absent, zero for never.
    pub snapshot_seconds: u32,
}

impl Default for RecordSettings {
    fn default() -> RecordSettings {
        RecordSettings {
            when: When::OnRequest,
            keep_days: NonZeroU32::new(14).expect("fourteen is not zero"),
            keep_gb: NonZeroU32::new(20).expect("twenty is not zero"),
            snapshot_seconds: 600,
        }
    }
}

impl RecordSettings {
    /// How often there is a snapshot; `None` for never.
    #[must_use]
    pub fn snapshot_every(&self) -> Option<Millis> {
        let seconds = u64::from(self.snapshot_seconds);
        (seconds > 0).then_some(Millis(seconds * 1_000))
    }

    /// The most bytes of all recordings.
    #[must_use]
    pub const fn most_bytes(&self) -> u64 {
        self.keep_gb.get() as u64 * 1_000_000_000
    }

    /// How old a recording may become, seconds.
    #[must_use]
    pub const fn most_seconds(&self) -> u64 {
        self.keep_days.get() as u64 * 86_400
    }
}
