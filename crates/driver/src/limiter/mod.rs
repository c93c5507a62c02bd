//! The rate limiter: weighted, linked pools, shared by the drivers of one thread.
//!
//! What lives here: how much of each pool is used, who may use the rest, and when there will be room. Pure: time is handed
//! in. What must not live here: operations and their queues (the driver has those), and any exchange's numbers (manifests
//! have those).
//!
//! A pool is known by what it counts for (an address, a key, an account), so two drivers that name the same one share it.
//! Limiters of two threads cannot share: each is given a fixed [`LimitShare`] of every limit, and so are two bots.
//!
//! The promise: whatever is asked for, and whatever the exchange states, what is admitted never adds up to more than the
//! limit in any window as the exchange counts it, however long requests and answers take. It holds as long as the exchange's
//! clock is known to within the uncertainty that is handed in, less than half a window, and nobody else uses more than was
//! stated.

mod pool;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod window;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use colibri_model::{MonoNs, SnapshotUnusable, WallNs};
use colibri_standard::{Pool, Priority};
use serde::{Deserialize, Serialize};

use pool::PoolState;

/// A limiter that the drivers of one thread share.
pub type SharedLimiter = Rc<RefCell<Limiter>>;

/// Which part of every limit a limiter may use, in thousandths: so that two threads, or two processes of one address, keep
/// a limit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LimitShare(u32);

impl LimitShare {
    /// All of it.
    pub const WHOLE: LimitShare = LimitShare(1000);

    /// So many thousandths, at least one and at most all.
    #[must_use]
    pub const fn per_mille(thousandths: u32) -> LimitShare {
        LimitShare(match thousandths {
            0 => 1,
            1..=1000 => thousandths,
            _ => 1000,
        })
    }

    /// In thousandths.
    #[must_use]
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// This share for so many to use, each its own part; at least a thousandth.
    #[must_use]
    pub fn divided(self, users: usize) -> LimitShare {
        let users = u32::try_from(users.max(1)).unwrap_or(u32::MAX);
        LimitShare::per_mille(self.0 / users)
    }

    /// That share of this share.
    #[must_use]
    pub const fn times(self, other: LimitShare) -> LimitShare {
        LimitShare::per_mille(self.0 * other.0 / 1000)
    }

    /// This share of a limit, at least one.
    #[must_use]
    pub const fn of(self, limit: u64) -> u64 {
        let part = (limit as u128 * self.0 as u128 / 1000) as u64;
        if part == 0 { 1 } else { part }
    }
}

/// The part of the exchange's limits that an instance may use, where others use the same account or address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitShares {
    /// Of each pool that is not named.
    pub every: LimitShare,
    /// By the pool's id in the manifest.
    pub pools: BTreeMap<String, LimitShare>,
}

impl Default for LimitShares {
    fn default() -> Self {
        LimitShares {
            every: LimitShare::WHOLE,
            pools: BTreeMap::new(),
        }
    }
}

impl LimitShares {
    /// The share of a pool.
    #[must_use]
    pub fn of(&self, pool: &str) -> LimitShare {
        self.pools.get(pool).copied().unwrap_or(self.every)
    }
}

/// What makes a pool the same pool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PoolKey {
    /// The exchange, as connector and addresses.
    pub exchange: String,
    /// The account or key that it counts for; empty for the address.
    pub holder: String,
    /// The pool's id in the manifest.
    pub pool: String,
}

/// A pool of a limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolIndex(usize);

/// What an operation costs of one pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// The pool.
    pub pool: PoolIndex,
    /// How much.
    pub weight: u64,
}

/// The instant of an admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimiterTime {
    /// The monotonic clock: sliding windows, pauses.
    pub mono: MonoNs,
    /// The exchange's clock, as far as it is known: aligned windows.
    pub exchange: WallNs,
    /// By how much the exchange's clock may be before or after that, nanoseconds.
    pub uncertainty_ns: u64,
}

/// What a limiter says to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// There was room, and it is taken.
    Admitted,
    /// No room before that time.
    NotBefore {
        /// When it is worth asking again.
        time: MonoNs,
        /// The pool that is short.
        pool: PoolIndex,
    },
    /// It costs more than the pool ever has.
    Never {
        /// The pool.
        pool: PoolIndex,
    },
}

/// How a pool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// Used in the current window.
    pub used: u64,
    /// How much this limiter may use of a window.
    pub limit: u64,
    /// How much the exchange allows in a window, to everybody together.
    pub whole_limit: u64,
    /// Until when nothing is admitted.
    pub paused_until: Option<MonoNs>,
}

/// What of a limiter's pools is used, in a snapshot: of all drivers that share it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KeptPools(Vec<(PoolKey, PoolState)>);

/// Weighted, linked pools.
#[derive(Debug)]
pub struct Limiter {
    share: LimitShare,
    pools: Vec<PoolState>,
    index: BTreeMap<PoolKey, PoolIndex>,
}

impl Limiter {
    /// A limiter that may use a share of every limit.
    #[must_use]
    pub fn new(share: LimitShare) -> Limiter {
        Limiter {
            share,
            pools: Vec::new(),
            index: BTreeMap::new(),
        }
    }

    /// The same, to be shared by the drivers of a thread.
    #[must_use]
    pub fn shared(share: LimitShare) -> SharedLimiter {
        Rc::new(RefCell::new(Limiter::new(share)))
    }

    /// The pool of a key, made where it is new. `share` is what may be used of this limiter's part: of several drivers that
    /// share a pool the least counts. `priorities` are those of the endpoints that use it: where there are several, a part
    /// is kept free for the higher ones.
    pub fn register(
        &mut self,
        key: PoolKey,
        pool: &Pool,
        share: LimitShare,
        priorities: &BTreeSet<Priority>,
    ) -> PoolIndex {
        let share = self.share.times(share);
        if let Some(&index) = self.index.get(&key) {
            self.pools[index.0].join(share, priorities);
            return index;
        }
        let index = PoolIndex(self.pools.len());
        self.pools.push(PoolState::new(pool, share, priorities));
        self.index.insert(key, index);
        index
    }

    /// Takes room for an operation in all of its pools, or in none.
    pub fn admit(&mut self, charges: &[Charge], priority: Priority, now: LimiterTime) -> Admission {
        let mut latest: Option<(MonoNs, PoolIndex)> = None;
        for charge in charges {
            let pool = charge.pool;
            match self.pools[pool.0].room(charge.weight, priority, now) {
                pool::Room::Now => {}
                pool::Room::NotBefore(time) => {
                    if latest.is_none_or(|(known, _)| time > known) {
                        latest = Some((time, pool));
                    }
                }
                pool::Room::Never => return Admission::Never { pool },
            }
        }
        if let Some((time, pool)) = latest {
            return Admission::NotBefore { time, pool };
        }
        for charge in charges {
            self.pools[charge.pool.0].take(charge.weight, now);
        }
        Admission::Admitted
    }

    /// An admitted operation has been answered, or never will be: what the exchange states from now on includes it. Its
    /// weight counts on, from now where windows slide: it arrived at the exchange by now.
    pub fn settle(&mut self, charges: &[Charge], now: LimiterTime) {
        for charge in charges {
            self.pools[charge.pool.0].settle(charge.weight, now);
        }
    }

    /// Gives settled room back: nothing was sent, or the exchange gives it back too.
    pub fn refund(&mut self, charge: Charge, now: LimiterTime) {
        self.pools[charge.pool.0].refund(charge.weight, now);
    }

    /// The exchange states the use of the current window, in answer to what was asked at `asked`. Raises what everybody has
    /// used, or lowers it where nothing newer was stated; never below what we know to have used ourselves. Not heeded where
    /// a window ended meanwhile: it may be of that one.
    pub fn correct(&mut self, pool: PoolIndex, used: u64, asked: MonoNs, now: LimiterTime) {
        self.pools[pool.0].correct(used, asked, now);
    }

    /// The exchange states the limit of a window.
    pub fn set_limit(&mut self, pool: PoolIndex, limit: u64) {
        self.pools[pool.0].set_limit(limit);
    }

    /// Admits nothing before `until`. Never shortens a pause.
    pub fn pause(&mut self, pool: PoolIndex, until: MonoNs) {
        self.pools[pool.0].pause(until);
    }

    /// For a snapshot: what of its limits is used.
    pub(crate) fn kept(&self) -> KeptPools {
        let mut keys: Vec<_> = self.index.iter().collect();
        keys.sort_by_key(|(_, index)| **index);
        let pools = keys
            .into_iter()
            .map(|(key, index)| (key.clone(), self.pools[index.0].clone()));
        KeptPools(pools.collect())
    }

    /// Goes on from a snapshot of a limiter in which the same pools were registered, in the same order, and perhaps more after
    /// them: those of drivers that share it and are made after this one.
    pub(crate) fn go_on_from(&mut self, kept: KeptPools) -> Result<(), SnapshotUnusable> {
        let is_kept = |(key, index): (&PoolKey, &PoolIndex)| kept.0.get(index.0).is_some_and(|(kept, _)| kept == key);
        if !self.index.iter().all(is_kept) {
            return Err(SnapshotUnusable::new("its rate limits are of another manifest"));
        }
        let (keys, pools): (Vec<_>, Vec<_>) = kept.0.into_iter().unzip();
        self.index = keys.into_iter().zip((0..).map(PoolIndex)).collect();
        self.pools = pools;
        Ok(())
    }

    /// How a pool stands.
    #[must_use]
    pub fn usage(&self, pool: PoolIndex, now: LimiterTime) -> PoolUse {
        self.pools[pool.0].usage(now)
    }
}
