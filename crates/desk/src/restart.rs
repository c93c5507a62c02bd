//! When something that broke is made anew: after a wait that doubles each time.

use colibri_model::{Millis, MonoNs};
use serde::{Deserialize, Serialize};

/// The first restart waits so long; each further one twice as long.
const FIRST_WAIT: Millis = Millis(1_000);
/// No restart waits longer.
const LONGEST_WAIT: Millis = Millis(60_000);

/// One that has held so long is as good as new: its next wait is the first again.
const HEALTHY: Millis = Millis(600_000);

/// The restarts of one connector.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Restart {
    times: u32,
    /// When one was asked for last.
    last: Option<MonoNs>,
    state: RestartState,
}

/// Whether a connector that was asked for has been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum RestartState {
    #[default]
    Made,
    Awaited,
}

impl Restart {
    fn has_held(&self, since: MonoNs) -> bool {
        self.state == RestartState::Made && self.last.is_some_and(|last| since.since(last) >= HEALTHY)
    }

    /// When a connector that has been broken since `since` is to be made anew.
    pub(crate) fn at(&self, since: MonoNs) -> MonoNs {
        let times = if self.has_held(since) { 0 } else { self.times };
        let wait = Millis(FIRST_WAIT.0.saturating_mul(1 << times.min(16)).min(LONGEST_WAIT.0));
        match (self.state, self.last) {
            (RestartState::Awaited, Some(last)) => last.plus(wait),
            _ => since.plus(wait),
        }
    }

    /// Whether one that has been broken since `since` is to be made anew now; counted, if so.
    pub(crate) fn is_due(&mut self, since: MonoNs, now: MonoNs) -> bool {
        let due = now >= self.at(since);
        if due {
            self.times = if self.has_held(since) { 1 } else { self.times + 1 };
            self.last = Some(now);
            self.state = RestartState::Awaited;
        }
        due
    }

    /// It has been made: the next wait begins when it breaks again.
    pub(crate) const fn made(&mut self) {
        self.state = RestartState::Made;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_restart_waits_twice_as_long_up_to_a_minute() {
        let mut restart = Restart::default();
        let mut broken = MonoNs(1);
        for wait in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            assert!(!restart.is_due(broken, broken), "it has only just broken");
            assert!(!restart.is_due(broken, broken.plus(Millis(wait - 1))), "{wait}");
            let now = broken.plus(Millis(wait));
            assert!(restart.is_due(broken, now), "{wait}");
            restart.made();
            broken = now.plus(Millis(1));
        }
    }

    #[test]
    fn one_that_could_not_be_made_is_tried_again_after_a_longer_wait() {
        let mut restart = Restart::default();
        let broken = MonoNs(1);
        let first = broken.plus(Millis(1_000));
        assert!(restart.is_due(broken, first));
        assert!(!restart.is_due(broken, first.plus(Millis(1_999))));
        assert!(restart.is_due(broken, first.plus(Millis(2_000))));
    }

    #[test]
    fn one_that_has_held_for_long_waits_as_the_first_time() {
        let mut restart = Restart::default();
        let mut broken = MonoNs(1);
        for _ in 0..4 {
            let at = restart.at(broken);
            assert!(restart.is_due(broken, at));
            restart.made();
            broken = at.plus(Millis(1));
        }
        assert_eq!(restart.at(broken), broken.plus(Millis(16_000)));
        let later = broken.plus(HEALTHY);
        assert_eq!(restart.at(later), later.plus(FIRST_WAIT));
        assert!(restart.is_due(later, later.plus(FIRST_WAIT)));
        restart.made();
        let again = later.plus(Millis(2_000));
        assert_eq!(restart.at(again), again.plus(Millis(2_000)));
    }
}
