//! What a connector may cause with one input, and in all. Over a bound is a fault of the connector; over the log's allowance
//! lines are dropped and counted.

use colibri_model::{Millis, MonoNs};
use serde::{Deserialize, Serialize};

/// Calls of `out` that any input may cause.
const CALLS: u64 = 64;
/// One more for each so many bytes of the input.
const BYTES_A_CALL: u64 = 8;
/// Timers that are set.
pub(super) const TIMERS: usize = 4_096;
/// Streams that are open or being opened.
pub(super) const STREAMS: usize = 64;
/// Operations that have not ended.
pub(super) const OPERATIONS: usize = 4_096;
/// Bytes of a log line.
const LOG_BYTES: usize = 1_024;
/// Log lines a second.
const LOG_LINES: u32 = 100;
/// Connector calls that one input may lead to (grants, ends of operations).
pub(super) const STEPS: u32 = 100_000;

/// The calls of `out` within one call of the connector.
#[derive(Debug, Default)]
pub(super) struct CallBounds {
    made: u64,
    allowed: u64,
}

impl CallBounds {
    /// For an input of so many bytes.
    pub(super) fn begin(&mut self, bytes: usize) {
        self.made = 0;
        self.allowed = CALLS + bytes as u64 / BYTES_A_CALL;
    }

    /// No more than so many.
    pub(super) fn cut(&mut self, actions: u64) {
        self.allowed = self.allowed.min(actions);
    }

    /// Counts a call; false where it is one too many.
    pub(super) fn count(&mut self) -> bool {
        self.made += 1;
        self.made <= self.allowed
    }
}

/// The connector's log lines in the current second.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct LogAllowance {
    since: MonoNs,
    lines: u32,
}

impl LogAllowance {
    /// Whether another line may be written.
    pub(super) fn take(&mut self, now: MonoNs) -> bool {
        if now.since(self.since) >= Millis(1_000) {
            self.since = now;
            self.lines = 0;
        }
        self.lines += 1;
        self.lines <= LOG_LINES
    }

    /// A line cut to its allowance.
    pub(super) fn cut(text: &str) -> &str {
        let mut end = text.len().min(LOG_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        &text[..end]
    }
}
