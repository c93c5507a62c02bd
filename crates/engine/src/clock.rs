//! The Clock: iterators ticked in the order in which they were added, on real or virtual time. Time is passed in; an
//! overrun is counted and reported, never silent.

use colibri_model::{Millis, MonoNs};
use serde::{Deserialize, Serialize};

use crate::HostNow;

/// One tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// Counts from 1; skipped ticks are counted too.
    pub number: u64,
    /// When it was due: a multiple of the tick size from an aligned start.
    pub due: MonoNs,
    /// When it is.
    pub now: HostNow,
    /// How many ticks were skipped just before this one because the host came late.
    pub skipped: u64,
}

/// Something that the Clock ticks. `C` is what all of them work on.
pub trait TimeIterator<C: ?Sized> {
    /// The Clock has started, or runs already while the iterator is added.
    fn started(&mut self, _context: &mut C, _now: HostNow) {}
    /// A tick.
    fn ticked(&mut self, context: &mut C, tick: &Tick);
    /// The Clock has stopped, or the iterator is removed.
    fn stopped(&mut self, _context: &mut C, _now: HostNow) {}
}

/// How punctual the ticks were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TickStats {
    /// Ticks that ran.
    pub ticks: u64,
    /// Ticks that were skipped.
    pub skipped: u64,
    /// Ticks that ran a whole tick size late or more.
    pub overruns: u64,
    /// How late the last tick ran, nanoseconds.
    pub last_lateness_ns: u64,
    /// How late the latest tick ran, nanoseconds.
    pub max_lateness_ns: u64,
    /// The sum over all ticks, nanoseconds: divided by `ticks` it is the mean.
    pub total_lateness_ns: u64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Running {
    next: MonoNs,
    number: u64,
}

/// What changes of a clock while it runs, in a snapshot.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct KeptClock {
    running: Option<Running>,
    stats: TickStats,
}

/// Ordered iterators and when they are ticked next.
#[derive(Debug)]
pub struct Clock<I> {
    size: Millis,
    iterators: Vec<I>,
    running: Option<Running>,
    stats: TickStats,
}

impl<I> Clock<I> {
    /// A stopped clock that ticks every `size` (at least a millisecond).
    #[must_use]
    pub fn new(size: Millis) -> Clock<I> {
        Clock {
            size: Millis(size.0.max(1)),
            iterators: Vec::new(),
            running: None,
            stats: TickStats::default(),
        }
    }

    fn size_ns(&self) -> u64 {
        self.size.0.saturating_mul(1_000_000)
    }

    /// Adds an iterator behind those that are there; it is started at once where the clock runs.
    pub fn add<C: ?Sized>(&mut self, mut iterator: I, context: &mut C, now: HostNow)
    where
        I: TimeIterator<C>,
    {
        if self.running.is_some() {
            iterator.started(context, now);
        }
        self.iterators.push(iterator);
    }

    /// Starts: iterators are told in order; the first tick is due at the next multiple of the tick size of the wall clock.
    /// From then on the monotonic clock alone counts, so that a correction of the wall clock moves no tick.
    pub fn start<C: ?Sized>(&mut self, context: &mut C, now: HostNow)
    where
        I: TimeIterator<C>,
    {
        if self.running.is_some() {
            return;
        }
        let into = u64::try_from(now.wall.0.max(0)).unwrap_or(0) % self.size_ns();
        let next = MonoNs(now.mono.0.saturating_add(self.size_ns() - into));
        self.running = Some(Running { next, number: 0 });
        for iterator in &mut self.iterators {
            iterator.started(context, now);
        }
    }

    /// Ticks every iterator once where a tick is due. Ticks that were missed are skipped and counted, not caught up.
    pub fn poll<C: ?Sized>(&mut self, context: &mut C, now: HostNow) -> Option<Tick>
    where
        I: TimeIterator<C>,
    {
        let size = self.size_ns();
        let running = self.running.as_mut()?;
        if now.mono < running.next {
            return None;
        }
        let lateness = now.mono.0 - running.next.0;
        let skipped = lateness / size;
        let due = MonoNs(running.next.0 + skipped * size);
        running.number += skipped + 1;
        running.next = MonoNs(due.0.saturating_add(size));
        let tick = Tick {
            number: running.number,
            due,
            now,
            skipped,
        };
        let stats = &mut self.stats;
        stats.ticks += 1;
        stats.skipped += skipped;
        stats.overruns += u64::from(skipped > 0);
        stats.last_lateness_ns = lateness;
        stats.max_lateness_ns = stats.max_lateness_ns.max(lateness);
        stats.total_lateness_ns = stats.total_lateness_ns.saturating_add(lateness);
        for iterator in &mut self.iterators {
            iterator.ticked(context, &tick);
        }
        Some(tick)
    }

    /// Stops: iterators are told in order. Starting again aligns anew.
    pub fn stop<C: ?Sized>(&mut self, context: &mut C, now: HostNow)
    where
        I: TimeIterator<C>,
    {
        if self.running.take().is_some() {
            for iterator in &mut self.iterators {
                iterator.stopped(context, now);
            }
        }
    }

    /// When the next tick is due; `None` while the clock is stopped.
    #[must_use]
    pub fn next_tick(&self) -> Option<MonoNs> {
        self.running.map(|r| r.next)
    }

    pub(crate) const fn kept(&self) -> KeptClock {
        KeptClock {
            running: self.running,
            stats: self.stats,
        }
    }

    /// Goes on from a snapshot of a clock like this one. Its iterators are not told that it starts: they are restored too.
    pub(crate) fn restore(&mut self, kept: KeptClock) {
        self.running = kept.running;
        self.stats = kept.stats;
    }

    /// How punctual the ticks were.
    #[must_use]
    pub const fn stats(&self) -> TickStats {
        self.stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use colibri_model::WallNs;

    struct Named(&'static str);

    impl TimeIterator<Vec<String>> for Named {
        fn started(&mut self, log: &mut Vec<String>, _: HostNow) {
            log.push(format!("{} started", self.0));
        }
        fn ticked(&mut self, log: &mut Vec<String>, tick: &Tick) {
            log.push(format!("{} {}+{}", self.0, tick.number, tick.skipped));
        }
        fn stopped(&mut self, log: &mut Vec<String>, _: HostNow) {
            log.push(format!("{} stopped", self.0));
        }
    }

    fn at(millis: u64) -> HostNow {
        HostNow {
            mono: MonoNs(millis * 1_000_000),
            wall: WallNs::from_millis(1_700_000_000_000 + i64::try_from(millis).unwrap_or(0)),
        }
    }

    #[test]
    fn iterators_are_ticked_in_the_order_they_were_added() {
        let (mut clock, mut log) = (Clock::new(Millis(1000)), Vec::new());
        clock.add(Named("a"), &mut log, at(0));
        clock.add(Named("b"), &mut log, at(0));
        clock.start(&mut log, at(300));
        assert_eq!(clock.next_tick(), Some(at(1000).mono), "aligned to a multiple");
        assert_eq!(clock.poll(&mut log, at(999)), None);
        assert!(clock.poll(&mut log, at(1000)).is_some());
        clock.add(Named("c"), &mut log, at(1500));
        assert!(clock.poll(&mut log, at(2004)).is_some());
        clock.stop(&mut log, at(2100));
        assert_eq!(clock.poll(&mut log, at(9000)), None);
        let expected = [
            "a started",
            "b started",
            "a 1+0",
            "b 1+0",
            "c started",
            "a 2+0",
            "b 2+0",
            "c 2+0",
            "a stopped",
            "b stopped",
            "c stopped",
        ];
        assert_eq!(log, expected);
        assert_eq!(clock.stats().max_lateness_ns, 4_000_000);
    }

    #[test]
    fn an_overrun_is_told_and_the_next_tick_is_a_multiple_again() {
        let (mut clock, mut log) = (Clock::new(Millis(1000)), Vec::new());
        clock.add(Named("a"), &mut log, at(0));
        clock.start(&mut log, at(0));
        assert_eq!(
            clock.poll(&mut log, at(3200)).map(|t| (t.number, t.skipped)),
            Some((3, 2))
        );
        assert_eq!(clock.next_tick(), Some(at(4000).mono));
        let stats = clock.stats();
        assert_eq!((stats.ticks, stats.skipped, stats.overruns), (1, 2, 1));
    }
}
