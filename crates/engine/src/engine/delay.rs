//! How long market data was under way: from the exchange's time of an update to its application here, over all books.
//!
//! The two clocks are compared as they are: what they differ by is in every figure. Where exchange and host run on one machine
//! that is nothing; elsewhere the spread says more than the place.

use serde::{Deserialize, Serialize};

/// Parts that each doubling of the delay has: a figure is wrong by an eighth at most.
const PARTS: u32 = 8;
/// Doublings of a microsecond that are told apart: up to nine hours.
const DOUBLINGS: u32 = 35;
const BUCKETS: usize = ((DOUBLINGS + 1) * PARTS) as usize;

/// Delays of book updates, counted since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataDelays {
    counts: Vec<u64>,
    longest_us: u64,
}

impl Default for DataDelays {
    fn default() -> Self {
        DataDelays {
            counts: vec![0; BUCKETS],
            longest_us: 0,
        }
    }
}

/// The bucket of a delay in microseconds.
#[inline]
const fn bucket(micros: u64) -> usize {
    if micros < PARTS as u64 {
        return micros as usize;
    }
    let doubling = micros.ilog2();
    let part = (micros >> (doubling - PARTS.ilog2())) as u32 & (PARTS - 1);
    let at = ((doubling - PARTS.ilog2() + 1) * PARTS + part) as usize;
    if at < BUCKETS { at } else { BUCKETS - 1 }
}

/// The longest delay of a bucket, microseconds.
const fn end_of(bucket: usize) -> u64 {
    let (doubling, part) = (bucket as u32 / PARTS, bucket as u64 % PARTS as u64);
    if doubling == 0 {
        return part;
    }
    ((PARTS as u64 + part + 1) << (doubling - 1)) - 1
}

impl DataDelays {
    /// An update was under way so long, nanoseconds; one that seems to come from the future took no time.
    #[inline]
    pub(crate) fn note(&mut self, nanos: i64) {
        let micros = nanos.max(0).unsigned_abs() / 1_000;
        self.counts[bucket(micros)] += 1;
        self.longest_us = self.longest_us.max(micros);
    }

    /// The longest ever, microseconds.
    #[must_use]
    pub const fn longest_us(&self) -> u64 {
        self.longest_us
    }

    /// How many updates were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// A delay, microseconds, that so many of a thousand updates did not exceed; zero where there was none.
    #[must_use]
    pub fn at_per_mille(&self, share: u64) -> u64 {
        let rank = (self.count() * share).div_ceil(1_000);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return end_of(bucket).min(self.longest_us);
            }
        }
        self.longest_us
    }

    /// The counts that are not zero: the longest delay that each is about, microseconds, and how many updates had it.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        let all = self.counts.iter().enumerate();
        all.filter(|(_, count)| **count > 0)
            .map(|(bucket, count)| (end_of(bucket), *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other_and_are_an_eighth_wide_at_most() {
        for at in 1..BUCKETS - 1 {
            let (before, end) = (end_of(at - 1), end_of(at));
            assert_eq!(bucket(before + 1), at);
            assert_eq!(bucket(end), at);
            assert!((end - before) * u64::from(PARTS) <= end.max(u64::from(PARTS)), "{at}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn shares_of_the_updates_are_told_with_the_longest() {
        let mut delays = DataDelays::default();
        assert_eq!((delays.at_per_mille(990), delays.count()), (0, 0));
        for millis in 1..=100 {
            delays.note(millis * 1_000_000);
        }
        delays.note(-5);
        assert!((50_000..58_000).contains(&delays.at_per_mille(500)));
        assert!((99_000..=100_000).contains(&delays.at_per_mille(990)));
        assert_eq!(
            (delays.at_per_mille(1_000), delays.longest_us(), delays.count()),
            (100_000, 100_000, 101)
        );
        assert_eq!(delays.counts().map(|(_, count)| count).sum::<u64>(), 101);
    }
}
