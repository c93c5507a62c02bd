//! The `[record]` table of a bot's file.

use std::num::NonZeroU32;

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
    /// a run that reaches it by itself is recorded no further.
    pub keep_gb: NonZeroU32,
}

impl Default for RecordSettings {
    fn default() -> RecordSettings {
        RecordSettings {
            when: When::OnRequest,
            keep_days: NonZeroU32::new(14).expect("fourteen is not zero"),
            keep_gb: NonZeroU32::new(20).expect("twenty is not zero"),
        }
    }
}

impl RecordSettings {
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
