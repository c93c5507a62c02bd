//! How long the Clock's ticks took.

use std::time::Duration;

use crate::report::TickTimings;

/// A day of ticks at one a second; of more, the first are forgotten one by one.
const KEPT: usize = 86_400;

/// The times of the last ticks.
#[derive(Debug, Clone, Default)]
pub struct TickTimes {
    times: Vec<Duration>,
    next: usize,
    longest: Duration,
}

impl TickTimes {
    /// Adds a tick's time.
    pub fn add(&mut self, time: Duration) {
        self.longest = self.longest.max(time);
        if self.times.len() < KEPT {
            self.times.push(time);
        } else {
            self.times[self.next] = time;
        }
        self.next = (self.next + 1) % KEPT;
    }

    /// The last one.
    #[must_use]
    pub fn last(&self) -> Duration {
        let at = (self.next + KEPT - 1) % KEPT;
        self.times.get(at).copied().unwrap_or_default()
    }

    /// The longest ever.
    #[must_use]
    pub const fn longest(&self) -> Duration {
        self.longest
    }

    /// Median, 99th percentile and longest.
    #[must_use]
    pub fn timings(&self) -> TickTimings {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = sorted.len().saturating_sub(1) * percent / 100;
            sorted.get(rank).map_or(0, |time| micros(*time))
        };
        TickTimings {
            p50_us: at(50),
            p99_us: at(99),
            max_us: micros(self.longest),
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_of_what_was_added_and_the_longest_is_kept() {
        let mut times = TickTimes::default();
        for i in 1..=101 {
            times.add(Duration::from_micros(i));
        }
        assert_eq!(
            times.timings(),
            TickTimings {
                p50_us: 51,
                p99_us: 100,
                max_us: 101
            }
        );
        assert_eq!(times.last(), Duration::from_micros(101));
        for _ in 0..KEPT {
            times.add(Duration::ZERO);
        }
        assert_eq!(
            times.timings(),
            TickTimings {
                p50_us: 0,
                p99_us: 0,
                max_us: 101
            }
        );
    }
}
