//! When the whole state of a run that is recorded is written down, and what that took.

use std::fmt;
use std::time::Duration;

use colibri_engine::Progress;
use colibri_model::{Millis, MonoNs, NoSnapshot};

/// Where there can be none at a moment, it is tried again after so long.
const AGAIN: Millis = Millis(20);
/// A snapshot that could not be had for so long is told of.
const LATE: Millis = Millis(30_000);

/// Of the engine's thread no more than one part in so many goes into snapshots.
const SHARE: u32 = 10_000;

/// When the next snapshot is due.
#[derive(Debug)]
pub struct SnapshotSchedule {
    every: Option<Millis>,
    /// When it is due; not known before the first input.
    due: Option<MonoNs>,
    /// Since when one is due and cannot be had, and whether that was told.
    waits: Option<(MonoNs, Told)>,
    progress: Progress,
    taken: SnapshotsTaken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Yes,
    No,
}

/// The snapshots of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotsTaken {
    /// How many.
    pub count: u64,
    /// Bytes of the last one, before it was compressed.
    pub bytes: usize,
    /// How long the engine's thread was busy with the last one.
    pub last: Duration,
    /// How long at most.
    pub longest: Duration,
}

impl fmt::Display for SnapshotsTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SnapshotsTaken {
            count, bytes, longest, ..
        } = self;
        match count {
            0 => f.write_str("no snapshot to enter at"),
            _ => write!(
                f,
                "{count} snapshots to enter at, the last of {bytes} bytes; the longest took {} µs",
                longest.as_micros()
            ),
        }
    }
}

impl SnapshotSchedule {
    /// A snapshot each so often; never for `None`.
    #[must_use]
    pub fn new(every: Option<Millis>) -> SnapshotSchedule {
        SnapshotSchedule {
            every,
            due: None,
            waits: None,
            progress: Progress::More,
            taken: SnapshotsTaken::default(),
        }
    }

    /// What was taken so far.
    #[must_use]
    pub const fn taken(&self) -> SnapshotsTaken {
        self.taken
    }

    /// Whether one is due.
    pub fn is_due(&mut self, now: MonoNs) -> bool {
        let Some(every) = self.every else { return false };
        now >= *self.due.get_or_insert(now.plus(every))
    }

    /// One is wanted at once: a file is full.
    pub fn hasten(&mut self, now: MonoNs) {
        if self.every.is_some() && self.waits.is_none() {
            self.due = Some(now);
        }
    }

    /// Whether all that can be gathered ahead was.
    #[must_use]
    pub fn is_gathered(&self) -> bool {
        self.progress == Progress::Done
    }

    /// Some was gathered, for so long.
    pub fn gathered(&mut self, progress: Progress, busy: Duration) {
        self.progress = progress;
        self.taken.longest = self.taken.longest.max(busy);
    }

    /// One was taken. One that took long is followed by the next so much later.
    pub fn took(&mut self, now: MonoNs, bytes: usize, busy: Duration) {
        self.waits = None;
        self.progress = Progress::More;
        let rest = busy.saturating_mul(SHARE).as_millis();
        let rest = Millis(u64::try_from(rest).unwrap_or(u64::MAX));
        self.due = self.every.map(|every| now.plus(every.max(rest)));
        self.taken = SnapshotsTaken {
            count: self.taken.count + 1,
            bytes,
            last: busy,
            longest: self.taken.longest.max(busy),
        };
    }

    /// None could be had. A line for the log, where there is something to tell.
    pub fn could_not(&mut self, now: MonoNs, why: &NoSnapshot) -> Option<String> {
        match why {
            NoSnapshot::Never(_) => {
                self.every = None;
                Some(format!("{why}; the recording can be replayed from its begin only"))
            }
            NoSnapshot::NotNow(_) => {
                self.due = Some(now.plus(AGAIN));
                let (since, told) = self.waits.get_or_insert((now, Told::No));
                if *told == Told::Yes || now.since(*since) < LATE {
                    return None;
                }
                *told = Told::Yes;
                Some(format!("{why}; it is tried again until there is one"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> MonoNs {
        MonoNs(millis * 1_000_000)
    }

    #[test]
    fn it_is_due_each_so_often_and_tried_until_it_can_be_had() {
        let mut schedule = SnapshotSchedule::new(Some(Millis(1_000)));
        assert!(!schedule.is_due(at(0)) && !schedule.is_due(at(999)) && schedule.is_due(at(1_000)));
        let later = NoSnapshot::NotNow("a test");
        assert_eq!(schedule.could_not(at(1_000), &later), None);
        assert!(!schedule.is_due(at(1_019)) && schedule.is_due(at(1_020)));
        let told: Vec<bool> = (0..3)
            .map(|n| schedule.could_not(at(31_000 + n), &later).is_some())
            .collect();
        assert_eq!(told, [true, false, false]);
        schedule.took(at(32_000), 5, Duration::from_micros(7));
        assert!(!schedule.is_due(at(32_999)) && schedule.is_due(at(33_000)));
        assert_eq!(schedule.taken().longest, Duration::from_micros(7));
        schedule.took(at(33_000), 5, Duration::from_micros(250));
        assert!(!schedule.is_due(at(35_499)) && schedule.is_due(at(35_500)));
        assert!(
            schedule
                .could_not(at(35_500), &NoSnapshot::Never("x".to_owned()))
                .is_some()
        );
        assert!(!schedule.is_due(at(99_000)));
        assert!(!SnapshotSchedule::new(None).is_due(at(99_000)));
    }
}
