//! One pool: two counts of the same window, a reserve for what matters more, a pause.

use std::collections::BTreeSet;

use colibri_model::MonoNs;
use colibri_standard::{Pool, Priority};

use super::window::Window;
use super::{LimitShare, LimiterTime, PoolUse};

/// A tenth of a pool is kept free for each higher priority that uses it.
const RESERVE_DIVISOR: u64 = 10;

/// Whether there is room.
pub(super) enum Room {
    Now,
    NotBefore(MonoNs),
    Never,
}

#[derive(Debug)]
pub(super) struct PoolState {
    /// The exchange's limit, for everybody together.
    whole_limit: u64,
    /// Our share of it.
    our_limit: u64,
    /// What everybody has used, as far as the exchange says.
    whole: Window,
    /// What we have used.
    ours: Window,
    /// Admitted and not yet answered: not in what the exchange states.
    in_flight: u64,
    paused_until: MonoNs,
    priorities: BTreeSet<Priority>,
}

impl PoolState {
    pub(super) fn new(pool: &Pool, share: LimitShare, priorities: &BTreeSet<Priority>) -> PoolState {
        PoolState {
            whole_limit: pool.limit,
            our_limit: share.of(pool.limit),
            whole: Window::new(pool.window_ms, pool.aligned),
            ours: Window::new(pool.window_ms, pool.aligned),
            in_flight: 0,
            paused_until: MonoNs(0),
            priorities: priorities.clone(),
        }
    }

    pub(super) fn join(&mut self, priorities: &BTreeSet<Priority>) {
        self.priorities.extend(priorities);
    }

    /// What an operation of this priority leaves free.
    fn reserve(&self, limit: u64, priority: Priority) -> u64 {
        let higher = self.priorities.iter().filter(|p| **p < priority).count() as u64;
        limit / RESERVE_DIVISOR * higher
    }

    pub(super) fn room(&self, weight: u64, priority: Priority, now: LimiterTime) -> Room {
        if weight > self.our_limit {
            return Room::Never;
        }
        let mut time = self.paused_until;
        for (window, limit) in [(&self.ours, self.our_limit), (&self.whole, self.whole_limit)] {
            let ceiling = limit.saturating_sub(self.reserve(limit, priority));
            // What is heavier than all that its priority may use waits for an empty window instead of for ever.
            time = time.max(window.room_at(ceiling.saturating_sub(weight), now));
        }
        if time <= now.mono {
            Room::Now
        } else {
            Room::NotBefore(time)
        }
    }

    pub(super) fn take(&mut self, weight: u64, now: LimiterTime) {
        self.ours.take(weight, now);
        self.whole.take(weight, now);
        self.in_flight = self.in_flight.saturating_add(weight);
    }

    pub(super) fn settle(&mut self, weight: u64) {
        self.in_flight = self.in_flight.saturating_sub(weight);
    }

    pub(super) fn refund(&mut self, weight: u64, now: LimiterTime) {
        self.ours.refund(weight, now);
        self.whole.refund(weight, now);
    }

    pub(super) fn correct(&mut self, used: u64, now: LimiterTime) {
        let known = self.whole.used(now);
        let stated = used.saturating_add(self.in_flight);
        if stated > known {
            self.whole.take(stated - known, now);
        }
    }

    pub(super) fn set_limit(&mut self, limit: u64, share: LimitShare) {
        if limit > 0 {
            self.whole_limit = limit;
            self.our_limit = share.of(limit);
        }
    }

    pub(super) fn pause(&mut self, until: MonoNs) {
        self.paused_until = self.paused_until.max(until);
    }

    pub(super) fn usage(&self, now: LimiterTime) -> PoolUse {
        PoolUse {
            used: self.ours.used(now).max(self.whole.used(now)),
            limit: self.our_limit,
            paused_until: Some(self.paused_until).filter(|until| *until > now.mono),
        }
    }
}
