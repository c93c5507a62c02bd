//! The exchange's clock: measured by asking for it, kept as an offset from our monotonic clock.
//!
//! Each answer gives `exchange time − middle of the round trip`, wrong by at most half of that round trip; of the last few
//! samples the one with the shortest round trip counts. Measured against the monotonic clock, so that a step of the host's
//! wall clock moves nothing.

use std::collections::VecDeque;

use colibri_model::{Millis, MonoNs, WallNs};

use crate::{ClockHealth, HostTime};

/// How many samples are kept: old enough ones go, so that drift is followed.
const SAMPLES: usize = 8;
/// So many samples are taken quickly at the start: the first one pays for the connection.
const QUICK_SAMPLES: usize = 3;
/// The time between these.
const QUICK: Millis = Millis(1_000);

#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Exchange time at monotonic time zero.
    origin: i64,
    round_trip: u64,
}

#[derive(Debug, Default)]
pub(super) struct ExchangeClock {
    samples: VecDeque<Sample>,
    /// When to ask next; `None` where the connector cannot.
    pub next: Option<MonoNs>,
    /// Whether an answer is awaited.
    pub asking: bool,
    /// Whether the samples are known to be wrong: the next one replaces them all. Until then they are still the best there is.
    disproved: bool,
}

impl ExchangeClock {
    pub(super) fn new() -> ExchangeClock {
        ExchangeClock {
            next: Some(MonoNs(0)),
            ..ExchangeClock::default()
        }
    }

    fn best(&self) -> Option<&Sample> {
        self.samples.iter().min_by_key(|s| s.round_trip)
    }

    /// The exchange's time; our wall clock until it is measured.
    pub(super) fn exchange_time(&self, now: HostTime) -> WallNs {
        match self.best() {
            Some(sample) => WallNs(sample.origin.saturating_add_unsigned(now.mono.0)),
            None => now.wall,
        }
    }

    /// An answer: what the exchange said, when we had asked, when it came.
    pub(super) fn sample(&mut self, exchange: WallNs, asked: MonoNs, answered: MonoNs) {
        let round_trip = answered.0.saturating_sub(asked.0);
        if std::mem::take(&mut self.disproved) {
            self.samples.clear();
        }
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample {
            origin: exchange.0.saturating_sub_unsigned(asked.0 + round_trip / 2),
            round_trip,
        });
    }

    /// The exchange refused our timestamps: what was measured is wrong.
    pub(super) fn disprove(&mut self, now: MonoNs) {
        self.disproved = true;
        if self.next.is_some() {
            self.next = Some(now);
        }
    }

    /// When to ask again, after an answer or a failure.
    pub(super) fn schedule(&mut self, now: MonoNs, interval: Millis) {
        self.asking = false;
        let wait = if self.samples.len() < QUICK_SAMPLES {
            QUICK
        } else {
            interval
        };
        self.next = Some(now.plus(wait));
    }

    pub(super) fn health(&self, now: HostTime) -> ClockHealth {
        ClockHealth {
            offset_ns: self
                .best()
                .map(|_| self.exchange_time(now).0.saturating_sub(now.wall.0)),
            round_trip: self.best().map(|s| Millis(s.round_trip / 1_000_000)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> MonoNs {
        MonoNs(ms * 1_000_000)
    }

    #[test]
    fn the_shortest_round_trip_counts() {
        let mut clock = ExchangeClock::new();
        let now = HostTime::new(ms(1_000), WallNs::from_millis(50_000));
        assert_eq!(clock.exchange_time(now), now.wall);
        clock.sample(WallNs::from_millis(60_000), ms(0), ms(400));
        assert_eq!(clock.exchange_time(now), WallNs::from_millis(60_800));
        clock.sample(WallNs::from_millis(60_500), ms(500), ms(520));
        assert_eq!(clock.exchange_time(now), WallNs::from_millis(60_990));
        clock.sample(WallNs::from_millis(99_000), ms(600), ms(900));
        assert_eq!(clock.exchange_time(now), WallNs::from_millis(60_990));
        assert_eq!(clock.health(now).offset_ns, Some(10_990_000_000));
    }

    #[test]
    fn a_step_of_the_wall_clock_moves_nothing() {
        let mut clock = ExchangeClock::new();
        clock.sample(WallNs::from_millis(60_000), ms(0), ms(0));
        let stepped = HostTime::new(ms(5), WallNs::from_millis(-3_600_000));
        assert_eq!(clock.exchange_time(stepped), WallNs::from_millis(60_005));
    }

    #[test]
    fn what_was_disproved_serves_until_it_is_replaced() {
        let mut clock = ExchangeClock::new();
        let now = HostTime::new(ms(100), WallNs(0));
        clock.sample(WallNs::from_millis(5_000), ms(0), ms(0));
        clock.disprove(ms(100));
        assert_eq!(clock.next, Some(ms(100)));
        assert_eq!(clock.exchange_time(now), WallNs::from_millis(5_100));
        clock.sample(WallNs::from_millis(9_000), ms(0), ms(200));
        assert_eq!(clock.exchange_time(now), WallNs::from_millis(9_000));
    }

    #[test]
    fn samples_grow_old() {
        let mut clock = ExchangeClock::new();
        clock.sample(WallNs::from_millis(1), ms(0), ms(0));
        for i in 1..=SAMPLES as u64 {
            clock.sample(WallNs::from_millis(1_000), ms(i), ms(i + 10));
        }
        assert_eq!(clock.health(HostTime::default()).round_trip, Some(Millis(10)));
    }
}
