//! When a kill strikes.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use colibri_model::SplitMix64;

use super::bot::{DEADLINE, Run};

/// What a run says when its strategy may trade.
const TRADES: &str = "strategy maker starts";
/// How long a run that is killed while it starts may have lived: longer than a start takes.
const STARTING_MS: u64 = 600;
/// How long a run that is killed while it trades may have traded.
const TRADING_MS: u64 = 1_500;
/// How much a run may have journaled when it is killed: some dozens of records.
const JOURNALED_BYTES: u64 = 12_000;

/// How long the journal goes unwatched between two looks at its length.
const GLANCE: Duration = Duration::from_millis(1);

/// A moment for a kill. Random moments are the subject here: the delays are drawn, not tuned, and no assertion waits for
/// one to be long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So long after the process was started: while it reads its journal, unlocks its keys, connects, reconciles.
    Starting(Duration),
    /// So long after its strategy started.
    Trading(Duration),
    /// As soon as it has journaled so many bytes: between a journaled intent and the order's answer.
    Journaled(u64),
}

impl Moment {
    /// The next moment: one in five while starting, two while trading, two at the journal.
    pub fn draw(random: &mut SplitMix64) -> Moment {
        match random.below(5) {
            0 => Moment::Starting(Duration::from_millis(random.below(STARTING_MS))),
            1 | 2 => Moment::Trading(Duration::from_millis(random.below(TRADING_MS))),
            _ => Moment::Journaled(random.below(JOURNALED_BYTES)),
        }
    }

    /// Waits for it.
    ///
    /// # Panics
    /// Where the run ends by itself, or does not get there within [`DEADLINE`].
    pub fn wait(self, run: &mut Run, journal: &Path) {
        match self {
            Moment::Starting(delay) => run.let_run(delay),
            Moment::Trading(delay) => {
                run.wait_for(TRADES);
                run.let_run(delay);
            }
            Moment::Journaled(bytes) => {
                let length = || std::fs::metadata(journal).map_or(0, |file| file.len());
                let end = run.journal_before + bytes;
                let started = Instant::now();
                while length() < end {
                    run.let_run(GLANCE);
                    assert!(started.elapsed() < DEADLINE, "{end} bytes were not journaled in time");
                }
            }
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::Starting(delay) => write!(f, "{} ms after its start", delay.as_millis()),
            Moment::Trading(delay) => write!(f, "{} ms into trading", delay.as_millis()),
            Moment::Journaled(bytes) => write!(f, "{bytes} bytes into its journal"),
        }
    }
}
