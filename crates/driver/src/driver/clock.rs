//! The exchange's clock: measured by asking for it, kept as an offset from our monotonic clock.
//!
//! Each answer gives `exchange time − middle of the round trip`, wrong by at most half of that round trip. Of the last few
//! samples the one counts that is known best now: half its round trip, and what two clocks may have drifted apart since. A
//! sample that cannot be true together with it shows a step: the older ones go.
//!
//! Measured against the monotonic clock, so that a step of the host's wall clock moves nothing. But a machine that slept has
//! a monotonic clock that stood still: where wall and monotonic clock disagree, either may be right, so the exchange's time
//! is uncertain by as much until it has been asked for again, which is done at once.

use std::collections::VecDeque;

use colibri_model::{Millis, MonoNs, WallNs};
use serde::{Deserialize, Serialize};

use crate::{ClockHealth, HostTime};

/// How many samples are kept.
const SAMPLES: usize = 8;
/// So many samples are taken quickly at the start: the first one pays for the connection.
const QUICK_SAMPLES: usize = 3;
/// The time between these, and before asking again where nothing is known.
const QUICK: Millis = Millis(1_000);
/// By how much two clocks drift apart, millionths: a bad quartz is off by a hundred.
const DRIFT_PER_MILLION: u64 = 200;
/// Exchanges tell the time to a millisecond.
const RESOLUTION_NS: u64 = 1_000_000;
/// By how much the wall clock may move against the monotonic one between two samples: time daemons slew it by half a
/// thousandth.
const STEP_NS: u64 = 500_000_000;
/// How wrong our wall clock is taken to be while nothing is measured, nanoseconds.
const UNMEASURED_NS: u64 = 1_000_000_000;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Sample {
    /// Exchange time at monotonic time zero.
    origin: i64,
    round_trip: u64,
    /// When the exchange told it, at the latest.
    at: MonoNs,
}

impl Sample {
    /// How wrong it may be now, either way.
    fn bound(&self, now: MonoNs) -> u64 {
        let age = now.0.saturating_sub(self.at.0);
        let drift = (u128::from(age) * u128::from(DRIFT_PER_MILLION) / 1_000_000) as u64;
        (self.round_trip / 2 + RESOLUTION_NS).saturating_add(drift)
    }

    fn contradicts(&self, other: &Sample, now: MonoNs) -> bool {
        self.origin.abs_diff(other.origin) > self.bound(now).saturating_add(other.bound(now))
    }
}

/// Whether requests that carry a time may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClockTrust {
    /// The exchange's time is known well enough, or cannot be known better.
    Known,
    /// It will be known once the question that is out, or due, is answered.
    Asking,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ExchangeClock {
    samples: VecDeque<Sample>,
    /// When to ask next; `None` where the connector cannot.
    pub next: Option<MonoNs>,
    /// Whether an answer is awaited.
    pub asking: bool,
    /// Whether the samples are known to be wrong: the next one replaces them all. Until then they are still the best there is.
    disproved: bool,
    /// Wall clock minus monotonic clock, when that was last looked at.
    gap: Option<i64>,
    /// By how much these two have moved against each other since the last sample.
    stepped: u64,
    /// When that was seen last: what was asked before is of no use, its answer may have slept with the machine.
    stepped_at: MonoNs,
}

/// Wall clock minus monotonic clock.
fn gap(now: HostTime) -> i64 {
    now.wall.0.saturating_sub_unsigned(now.mono.0)
}

impl ExchangeClock {
    pub(super) fn new() -> ExchangeClock {
        ExchangeClock {
            next: Some(MonoNs(0)),
            ..ExchangeClock::default()
        }
    }

    fn best(&self, now: MonoNs) -> Option<&Sample> {
        self.samples.iter().min_by_key(|s| s.bound(now))
    }

    /// The exchange's time; our wall clock until it is measured.
    pub(super) fn exchange_time(&self, now: HostTime) -> WallNs {
        match self.best(now.mono) {
            Some(sample) => WallNs(sample.origin.saturating_add_unsigned(now.mono.0)),
            None => now.wall,
        }
    }

    /// By how much that may be wrong, either way, nanoseconds; a guess while nothing is measured.
    pub(super) fn uncertainty(&self, now: MonoNs) -> u64 {
        self.best(now)
            .map_or(UNMEASURED_NS, |sample| sample.bound(now))
            .saturating_add(self.stepped)
    }

    /// Whether what carries a time may be sent to an exchange that takes it for so long (zero: it does not say).
    pub(super) fn trust(&self, now: MonoNs, window: Millis) -> ClockTrust {
        let known = self.next.is_none()
            || window == Millis(0)
            || (!self.samples.is_empty()
                && !self.disproved
                && self.uncertainty(now) <= window.0.saturating_mul(1_000_000));
        if known { ClockTrust::Known } else { ClockTrust::Asking }
    }

    /// Looks at both clocks of the host. Says by how much they have moved against each other, where that is too much:
    /// somebody set the wall clock, or the machine slept.
    pub(super) fn observe(&mut self, now: HostTime) -> Option<Millis> {
        let seen = gap(now);
        let known = *self.gap.get_or_insert(seen);
        let moved = seen.abs_diff(known);
        if moved <= STEP_NS {
            return None;
        }
        self.gap = Some(seen);
        self.stepped_at = now.mono;
        if !self.samples.is_empty() {
            self.stepped = self.stepped.saturating_add(moved);
        }
        self.ask_now(now.mono);
        Some(Millis(moved / 1_000_000))
    }

    fn ask_now(&mut self, now: MonoNs) {
        if self.next.is_some() {
            self.next = Some(now);
        }
    }

    /// An answer: what the exchange said, when we had asked, when it came.
    pub(super) fn sample(&mut self, exchange: WallNs, asked: MonoNs, answered: HostTime) {
        let now = answered.mono;
        if asked < self.stepped_at {
            return;
        }
        let round_trip = now.0.saturating_sub(asked.0);
        let sample = Sample {
            origin: exchange.0.saturating_sub_unsigned(asked.0 + round_trip / 2),
            round_trip,
            at: now,
        };
        let step = self.best(now).is_some_and(|best| best.contradicts(&sample, now));
        if self.disproved || self.stepped > 0 || step {
            self.samples.clear();
        }
        self.disproved = false;
        self.stepped = 0;
        self.gap = Some(gap(answered));
        if self.samples.len() == SAMPLES {
            // The worst goes: a slow round trip tells nothing beside quick ones.
            let worst = (0..SAMPLES).max_by_key(|i| self.samples[*i].bound(now)).unwrap_or(0);
            self.samples.remove(worst);
        }
        self.samples.push_back(sample);
    }

    /// The exchange refused our timestamps: what was measured is wrong. False where it cannot be measured again.
    pub(super) fn disprove(&mut self, now: MonoNs) -> bool {
        self.disproved = true;
        self.ask_now(now);
        self.next.is_some()
    }

    /// When to ask again, after an answer or a failure.
    pub(super) fn schedule(&mut self, now: MonoNs, interval: Millis) {
        self.asking = false;
        let wait = if self.samples.len() < QUICK_SAMPLES || self.disproved || self.stepped > 0 {
            QUICK
        } else {
            interval
        };
        self.next = Some(now.plus(wait));
    }

    pub(super) fn health(&self, now: HostTime) -> ClockHealth {
        let best = self.best(now.mono);
        ClockHealth {
            offset_ns: best.map(|_| self.exchange_time(now).0.saturating_sub(now.wall.0)),
            round_trip: best.map(|s| Millis(s.round_trip / 1_000_000)),
            uncertainty_ns: best.map(|_| self.uncertainty(now.mono)),
            measured: best.map(|s| s.at),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> MonoNs {
        MonoNs(ms * 1_000_000)
    }
    fn host(mono: u64, wall: i64) -> HostTime {
        HostTime::new(ms(mono), WallNs::from_millis(wall))
    }

    #[test]
    fn the_best_known_sample_counts() {
        let mut clock = ExchangeClock::new();
        let now = host(1_000, 50_000);
        assert_eq!(clock.exchange_time(now), now.wall);
        clock.sample(WallNs::from_millis(60_000), ms(0), host(400, 49_400));
        assert_eq!(clock.exchange_time(now), WallNs::from_millis(60_800));
        clock.sample(WallNs::from_millis(60_300), ms(500), host(520, 49_520));
        assert_eq!(clock.exchange_time(now), WallNs::from_millis(60_790));
        clock.sample(WallNs::from_millis(60_600), ms(600), host(900, 49_900));
        assert_eq!(clock.exchange_time(now), WallNs::from_millis(60_790), "a slow one");
        let health = clock.health(now);
        assert_eq!(health.offset_ns, Some(10_790_000_000));
        // Half of 20 ms, the resolution, and 480 ms of drift.
        assert_eq!(health.uncertainty_ns, Some(11_096_000));
        assert_eq!(health.measured, Some(ms(520)));
    }

    #[test]
    fn a_step_of_the_wall_clock_moves_nothing_and_is_asked_about_at_once() {
        let mut clock = ExchangeClock::new();
        clock.observe(host(0, 50_000));
        clock.sample(WallNs::from_millis(60_000), ms(0), host(0, 50_000));
        clock.schedule(ms(0), Millis(60_000));
        assert_eq!(clock.trust(ms(5), Millis(5_000)), ClockTrust::Known);
        let stepped = host(5, -3_600_000);
        assert_eq!(clock.observe(stepped), Some(Millis(3_650_005)));
        assert_eq!(clock.observe(stepped), None, "told once");
        assert_eq!(clock.exchange_time(stepped), WallNs::from_millis(60_005));
        assert_eq!(clock.next, Some(ms(5)));
        assert_eq!(clock.trust(ms(5), Millis(5_000)), ClockTrust::Asking);
        clock.sample(WallNs::from_millis(60_020), ms(10), host(20, -3_599_985));
        assert_eq!(clock.trust(ms(20), Millis(5_000)), ClockTrust::Known);
    }

    #[test]
    fn a_machine_that_slept_gets_the_exchange_s_time_anew() {
        let mut clock = ExchangeClock::new();
        clock.observe(host(0, 50_000));
        clock.sample(WallNs::from_millis(60_000), ms(0), host(0, 50_000));
        // Ten minutes asleep: the monotonic clock stood still.
        assert!(clock.observe(host(1_000, 651_000)).is_some());
        assert!(clock.uncertainty(ms(1_000)) > 600_000_000_000);
        clock.sample(WallNs::from_millis(60_900), ms(900), host(1_005, 651_005));
        assert!(clock.uncertainty(ms(1_005)) > 600_000_000_000, "it was asked before");
        clock.sample(WallNs::from_millis(661_000), ms(1_000), host(1_010, 651_010));
        assert_eq!(clock.exchange_time(host(1_010, 651_010)), WallNs::from_millis(661_005));
        assert!(clock.uncertainty(ms(1_010)) < 10_000_000);
    }

    #[test]
    fn a_slew_is_no_step() {
        let mut clock = ExchangeClock::new();
        for second in 0..900u64 {
            let wall = 50_000 + second as i64 * 1_000 + second as i64 / 2;
            assert_eq!(clock.observe(host(second * 1_000, wall)), None);
        }
    }

    #[test]
    fn what_was_disproved_serves_until_it_is_replaced() {
        let mut clock = ExchangeClock::new();
        clock.sample(WallNs::from_millis(5_000), ms(0), host(0, 0));
        assert!(clock.disprove(ms(100)));
        assert_eq!(clock.next, Some(ms(100)));
        assert_eq!(clock.exchange_time(host(100, 0)), WallNs::from_millis(5_100));
        assert_eq!(clock.trust(ms(100), Millis(5_000)), ClockTrust::Asking);
        clock.schedule(ms(100), Millis(60_000));
        assert_eq!(clock.next, Some(ms(1_100)), "a failed question is put again soon");
        clock.sample(WallNs::from_millis(9_000), ms(0), host(200, 0));
        assert_eq!(clock.exchange_time(host(100, 0)), WallNs::from_millis(9_000));
        clock.next = None;
        assert!(!clock.disprove(ms(300)), "nobody can be asked");
    }

    #[test]
    fn what_is_known_grows_uncertain_with_time() {
        let mut clock = ExchangeClock::new();
        clock.sample(WallNs::from_millis(1), ms(0), host(0, 0));
        let day = 86_400_000;
        assert_eq!(clock.trust(ms(day / 24), Millis(5_000)), ClockTrust::Known);
        assert_eq!(clock.trust(ms(day), Millis(5_000)), ClockTrust::Asking);
        assert_eq!(clock.trust(ms(day), Millis(0)), ClockTrust::Known, "nobody checks it");
    }

    proptest! {
        /// The truth is never further away than the uncertainty says: whatever requests and answers take, however the two
        /// clocks drift within what is allowed, and whenever the wall clock is set or the machine sleeps.
        #[test]
        fn the_uncertainty_is_true(
            drift in -100i64..=100,
            steps in proptest::collection::vec((0u64..200_000, 0u64..3_000, 0u64..3_000, 0u8..12, -600_000i64..600_000), 1..40),
        ) {
            let mut clock = ExchangeClock::new();
            let mut mono = 1_000_000_000u64;
            // What the monotonic clock did not count while the machine slept.
            let mut slept = 0i64;
            let mut set = 0i64;
            let at = |mono: u64, slept: i64, set: i64| HostTime::new(
                MonoNs(mono),
                WallNs(1_000_000_000_000 + mono as i64 + slept + set),
            );
            let truth = |mono: u64, slept: i64| {
                7_000_000_000_000 + mono as i64 + slept + (mono as i128 * i128::from(drift) / 1_000_000) as i64
            };
            clock.observe(at(mono, slept, set));
            for (wait, there, back, what, by) in steps {
                mono += wait * 1_000_000;
                match what {
                    // Less than a step goes unnoticed only while it cannot be told from a slew.
                    0 if by > 1_000 => slept += by * 1_000_000,
                    1 if by.abs() > 1_000 => set += by * 1_000_000,
                    _ => {}
                }
                let now = at(mono, slept, set);
                clock.observe(now);
                if clock.health(now).measured.is_some() {
                    let wrong = clock.exchange_time(now).0.abs_diff(truth(mono, slept));
                    prop_assert!(wrong <= clock.uncertainty(now.mono), "wrong by {wrong} ns");
                }
                let asked = mono;
                mono += there * 1_000_000;
                // Exchanges cut what is below a millisecond.
                let told = truth(mono, slept) / 1_000_000 * 1_000_000;
                if what == 2 && by > 1_000 {
                    slept += by * 1_000_000;
                }
                mono += back * 1_000_000 + 1;
                let answered = at(mono, slept, set);
                clock.observe(answered);
                clock.sample(WallNs(told), MonoNs(asked), answered);
            }
        }
    }
}
