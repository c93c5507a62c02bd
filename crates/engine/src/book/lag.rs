//! How far a stream is behind, told by the exchange's own time stamps.
//!
//! The two clocks are not the same, so that only differences say something: an update that took a second longer than the
//! fastest of the last minutes is a second behind. What cannot be seen is a delay that every update of those minutes had.

use colibri_model::{Millis, MonoNs};
use serde::{Deserialize, Serialize};

/// The fastest update is remembered for one such span at least and for two at most, so that an exchange whose clock was set
/// back does not count as behind for ever.
const SPAN: Millis = Millis(60_000);
/// Slower than every update.
const NONE: i64 = i64::MAX;

/// How long updates take, as far as that can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lag {
    /// Local minus exchange time of the last update.
    last: i64,
    /// The least of this span, and of the one before.
    fastest: [i64; 2],
    span_began: MonoNs,
}

impl Lag {
    pub(crate) const NONE: Lag = Lag {
        last: NONE,
        fastest: [NONE; 2],
        span_began: MonoNs(0),
    };

    /// An update came that left the exchange at `exchange_ns`.
    #[inline]
    pub(crate) fn note(&mut self, now: MonoNs, exchange_ns: i64) {
        let delay = (now.0 as i64).wrapping_sub(exchange_ns);
        self.last = delay;
        if now.since(self.span_began) >= SPAN {
            self.turn(now, delay);
        } else if delay < self.fastest[0] {
            self.fastest[0] = delay;
        }
    }

    #[cold]
    fn turn(&mut self, now: MonoNs, delay: i64) {
        let is_next = now.since(self.span_began).0 < 2 * SPAN.0;
        self.fastest = [delay, if is_next { self.fastest[0] } else { NONE }];
        self.span_began = now;
    }

    /// How much longer the last update took than the fastest; zero before there were two.
    pub(crate) fn behind(&self) -> Millis {
        let fastest = self.fastest[0].min(self.fastest[1]).min(self.last);
        let nanos = self.last.saturating_sub(fastest);
        Millis(nanos.unsigned_abs() / 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> MonoNs {
        MonoNs(millis * 1_000_000)
    }
    const fn exchange(millis: i64) -> i64 {
        (1_700_000_000_000 + millis) * 1_000_000
    }

    #[test]
    fn only_what_takes_longer_than_the_fastest_is_behind() {
        let mut lag = Lag::NONE;
        assert_eq!(lag.behind(), Millis(0));
        lag.note(at(1_000), exchange(500));
        assert_eq!(lag.behind(), Millis(0), "the clocks differ: that says nothing");
        lag.note(at(2_000), exchange(1_540));
        lag.note(at(3_000), exchange(2_500));
        assert_eq!(lag.behind(), Millis(40));
        lag.note(at(9_000), exchange(2_600));
        assert_eq!(lag.behind(), Millis(5_940));
        lag.note(at(9_001), exchange(8_541));
        assert_eq!(lag.behind(), Millis(0), "it has caught up");
    }

    #[test]
    fn a_clock_that_is_set_back_counts_for_two_spans_at_most() {
        let mut lag = Lag::NONE;
        for second in 0..300 {
            let skew = if second < 10 { 0 } else { 30_000 };
            lag.note(at(second * 1_000), exchange(second as i64 * 1_000 - skew));
            let behind = lag.behind();
            assert!(behind == Millis(0) || behind == Millis(30_000));
            assert!(behind == Millis(0) || second < 130, "{second}");
            assert!(behind > Millis(0) || !(10..60).contains(&second), "{second}");
        }
    }
}
