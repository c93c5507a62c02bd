//! A connector's timers.

use std::collections::{BTreeMap, BTreeSet};

use colibri_model::MonoNs;
use serde::{Deserialize, Serialize};

/// Timers by the connector's number and by time.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Timers {
    by_number: BTreeMap<u64, MonoNs>,
    by_time: BTreeSet<(MonoNs, u64)>,
}

impl Timers {
    /// Sets, moves or (at zero) clears a timer.
    pub(super) fn set(&mut self, number: u64, at: MonoNs) {
        if let Some(before) = self.by_number.remove(&number) {
            self.by_time.remove(&(before, number));
        }
        if at != MonoNs(0) {
            self.by_number.insert(number, at);
            self.by_time.insert((at, number));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_number.len()
    }

    pub(super) fn next(&self) -> Option<MonoNs> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the next timer that has come due.
    pub(super) fn take_due(&mut self, now: MonoNs) -> Option<u64> {
        let &(at, number) = self.by_time.first().filter(|(at, _)| *at <= now)?;
        self.by_time.remove(&(at, number));
        self.by_number.remove(&number);
        Some(number)
    }

    pub(super) fn clear(&mut self) {
        self.by_number.clear();
        self.by_time.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_is_set_moved_cleared_and_taken_in_order() {
        let mut timers = Timers::default();
        timers.set(1, MonoNs(50));
        timers.set(2, MonoNs(20));
        timers.set(1, MonoNs(10));
        timers.set(3, MonoNs(5));
        timers.set(3, MonoNs(0));
        assert_eq!((timers.len(), timers.next()), (2, Some(MonoNs(10))));
        assert_eq!(timers.take_due(MonoNs(9)), None);
        assert_eq!(timers.take_due(MonoNs(20)), Some(1));
        assert_eq!(timers.take_due(MonoNs(20)), Some(2));
        assert_eq!(timers.take_due(MonoNs(99)), None);
    }
}
