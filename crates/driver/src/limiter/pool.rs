//! One pool: two counts of the same window, a reserve for what matters more, a pause.

use std::collections::BTreeSet;

use colibri_model::MonoNs;
use colibri_standard::{Pool, Priority};
use serde::{Deserialize, Serialize};

use super::window::Window;
use super::{LimitShare, LimiterTime, PoolUse};

/// A tenth of a pool is kept free for each higher priority that uses it.
const RESERVE_DIVISOR: u64 = 10;
/// From this size on, a pool keeps at least one free for each.
const SMALLEST_WITH_RESERVE: u64 = 4;

/// Whether there is room.
pub(super) enum Room {
    Now,
    NotBefore(MonoNs),
    Never,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PoolState {
    /// The exchange's limit, for everybody together.
    whole_limit: u64,
    /// Our share of it.
    share: LimitShare,
    /// What everybody has used, as far as the exchange says. Never less than `ours`.
    whole: Window,
    /// What we have used.
    ours: Window,
    /// Admitted and not yet answered: not in what the exchange states.
    in_flight: u64,
    /// When the newest of the statements that were heeded was asked for.
    stated: MonoNs,
    paused_until: MonoNs,
    priorities: BTreeSet<Priority>,
}

impl PoolState {
    pub(super) fn new(pool: &Pool, share: LimitShare, priorities: &BTreeSet<Priority>) -> PoolState {
        PoolState {
            whole_limit: pool.limit,
            share,
            whole: Window::new(pool.window_ms, pool.aligned),
            ours: Window::new(pool.window_ms, pool.aligned),
            in_flight: 0,
            stated: MonoNs(0),
            paused_until: MonoNs(0),
            priorities: priorities.clone(),
        }
    }

    /// Another driver uses it too; of two shares the smaller holds.
    pub(super) fn join(&mut self, share: LimitShare, priorities: &BTreeSet<Priority>) {
        self.share = self.share.min(share);
        self.priorities.extend(priorities);
    }

    fn our_limit(&self) -> u64 {
        self.share.of(self.whole_limit)
    }

    /// What an operation of this priority leaves free.
    fn reserve(&self, limit: u64, priority: Priority) -> u64 {
        let higher = self.priorities.iter().filter(|p| **p < priority).count() as u64;
        let each = (limit / RESERVE_DIVISOR).max(u64::from(limit >= SMALLEST_WITH_RESERVE));
        each * higher
    }

    pub(super) fn room(&self, weight: u64, priority: Priority, now: LimiterTime) -> Room {
        if weight > self.our_limit() {
            return Room::Never;
        }
        let mut time = self.paused_until;
        for (window, limit) in [(&self.ours, self.our_limit()), (&self.whole, self.whole_limit)] {
            let ceiling = limit.saturating_sub(self.reserve(limit, priority));
            // What is heavier than all that its priority may use waits for an empty window instead of for ever.
            let allowed = ceiling.saturating_sub(weight);
            time = time.max(window.room_at(self.in_flight, allowed, now));
        }
        if time <= now.mono {
            Room::Now
        } else {
            Room::NotBefore(time)
        }
    }

    fn advance(&mut self, now: LimiterTime) {
        self.ours.advance(self.in_flight, now);
        self.whole.advance(self.in_flight, now);
    }

    pub(super) fn take(&mut self, weight: u64, now: LimiterTime) {
        self.advance(now);
        self.ours.take(weight);
        self.whole.take(weight);
        self.in_flight = self.in_flight.saturating_add(weight);
    }

    pub(super) fn settle(&mut self, weight: u64, now: LimiterTime) {
        self.advance(now);
        let weight = weight.min(self.in_flight);
        self.in_flight -= weight;
        self.ours.settle(weight, now);
        self.whole.settle(weight, now);
    }

    pub(super) fn refund(&mut self, weight: u64, now: LimiterTime) {
        self.advance(now);
        self.ours.refund(weight);
        self.whole.refund(weight);
    }

    pub(super) fn correct(&mut self, used: u64, asked: MonoNs, now: LimiterTime) {
        self.advance(now);
        if !self.whole.states_current(asked, now) {
            return;
        }
        let known = self.whole.used(self.in_flight, now);
        let ours = self.ours.used(self.in_flight, now);
        let stated = used.saturating_add(self.in_flight).max(ours);
        let newest = asked >= self.stated;
        self.stated = self.stated.max(asked);
        if stated > known || newest {
            self.whole.set(stated, self.in_flight, now);
        }
    }

    pub(super) fn set_limit(&mut self, limit: u64) {
        if limit > 0 {
            self.whole_limit = limit;
        }
    }

    pub(super) fn pause(&mut self, until: MonoNs) {
        self.paused_until = self.paused_until.max(until);
    }

    pub(super) fn usage(&self, now: LimiterTime) -> PoolUse {
        let ours = self.ours.used(self.in_flight, now);
        PoolUse {
            used: ours.max(self.whole.used(self.in_flight, now)),
            limit: self.our_limit(),
            whole_limit: self.whole_limit,
            paused_until: Some(self.paused_until).filter(|until| *until > now.mono),
        }
    }
}
