//! Jittered exponential back-off.

use colibri_model::{Millis, SplitMix64};
use serde::{Deserialize, Serialize};

/// The first delay's bound, milliseconds.
const BASE_MS: u64 = 500;
/// No delay is longer, milliseconds.
const CAP_MS: u64 = 30_000;

/// How long to wait before trying again: doubling, half of it random, so that many clients do not come back at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Backoff {
    attempt: u32,
}

impl Backoff {
    /// The next delay.
    pub(super) fn next(&mut self, random: &mut SplitMix64) -> Millis {
        let bound = BASE_MS.saturating_mul(1 << self.attempt.min(16)).min(CAP_MS);
        self.attempt = self.attempt.saturating_add(1);
        Millis(bound / 2 + random.below(bound / 2 + 1))
    }

    /// As it is after so many delays.
    pub(super) const fn at(attempt: u32) -> Backoff {
        Backoff { attempt }
    }

    /// It worked: begin anew.
    pub(super) fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_the_cap_within_its_bounds_and_begins_anew() {
        let mut random = SplitMix64::new(7);
        let mut backoff = Backoff::default();
        for attempt in 0..40u32 {
            let bound = (BASE_MS << attempt.min(16)).min(CAP_MS);
            let Millis(delay) = backoff.next(&mut random);
            assert!((bound / 2..=bound).contains(&delay), "attempt {attempt}: {delay}");
        }
        backoff.reset();
        assert!(backoff.next(&mut random).0 <= BASE_MS);
    }

    #[test]
    fn the_same_seed_gives_the_same_delays() {
        let run = || {
            let (mut random, mut backoff) = (SplitMix64::new(3), Backoff::default());
            (0..8).map(|_| backoff.next(&mut random).0).collect::<Vec<_>>()
        };
        assert_eq!(run(), run());
    }
}
