//! When to ask about an order, and how often the exchange must deny it.

use colibri_model::{Millis, MonoNs, SplitMix64};
use serde::{Deserialize, Serialize};

/// Denials prove nothing before so long after the first of them: the order may still be on its way, and exchanges answer
/// status queries from caches that lag their engines.
const DENIAL_AGE: Millis = Millis(10_000);
/// Denials count once in so long.
const DENIAL_SPACING: Millis = Millis(1_500);
/// So many denials make an order absent.
const DENIALS: u32 = 2;
/// Waits before each question, the last for all that follow. Jitter of a quarter is added.
const WAITS: [u64; 6] = [200, 500, 1_000, 2_000, 5_000, 10_000];

/// What a denial amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// Not enough yet: ask again.
    AskAgain,
    /// Old enough and repeated: the exchange does not have the order.
    Absent,
}

/// The questions about one order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Inquiry {
    due: Option<MonoNs>,
    attempts: u32,
    denials: u32,
    first_denial: MonoNs,
    last_denial: MonoNs,
}

impl Inquiry {
    /// When the next question is due; `None` where none is needed.
    #[must_use]
    pub const fn due(&self) -> Option<MonoNs> {
        self.due
    }

    /// Wants an answer at `at` or before.
    pub fn want(&mut self, at: MonoNs) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// The question has been sent: nothing is due until it ends.
    pub const fn asked(&mut self) {
        self.due = None;
    }

    /// The answer did not settle it: ask again after a back-off.
    pub fn again(&mut self, now: MonoNs, random: &mut SplitMix64) {
        let wait = WAITS[(self.attempts as usize).min(WAITS.len() - 1)];
        self.attempts = self.attempts.saturating_add(1);
        self.want(now.plus(Millis(wait + random.below(wait / 4))));
        // The denial that may decide is asked for when it can.
        let decisive = self.first_denial.plus(DENIAL_AGE);
        if self.denials > 0 && decisive > now {
            self.want(decisive);
        }
    }

    /// The exchange denied knowing the order. To be told of denials of an order only whose placement was answered or given
    /// up: before, it may not even be written.
    pub fn denied(&mut self, now: MonoNs) -> Denial {
        if self.denials == 0 {
            self.first_denial = now;
        }
        if self.denials == 0 || now.since(self.last_denial) >= DENIAL_SPACING {
            self.denials += 1;
            self.last_denial = now;
        }
        if self.denials >= DENIALS && now.since(self.first_denial) >= DENIAL_AGE {
            Denial::Absent
        } else {
            Denial::AskAgain
        }
    }

    /// A report told of the order: earlier denials mean nothing.
    pub const fn known(&mut self) {
        self.denials = 0;
    }

    /// The order is known again: earlier denials mean nothing, nothing is due.
    pub fn settled(&mut self) {
        *self = Inquiry::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> MonoNs {
        MonoNs(millis * 1_000_000)
    }

    #[test]
    fn a_denial_must_be_old_enough_and_repeated() {
        let mut inquiry = Inquiry::default();
        assert_eq!(inquiry.denied(at(11_000)), Denial::AskAgain, "once is not enough");
        assert_eq!(inquiry.denied(at(11_100)), Denial::AskAgain, "nor twice at once");
        assert_eq!(inquiry.denied(at(13_000)), Denial::AskAgain, "nor twice soon");
        assert_eq!(inquiry.denied(at(21_000)), Denial::Absent);
        inquiry.known();
        assert_eq!(
            inquiry.denied(at(33_000)),
            Denial::AskAgain,
            "a report between counts from anew"
        );
        assert_eq!(inquiry.denied(at(43_000)), Denial::Absent);
    }

    #[test]
    fn questions_back_off() {
        let (mut inquiry, mut random) = (Inquiry::default(), SplitMix64::new(1));
        let mut waits = Vec::new();
        for _ in 0..8 {
            inquiry.asked();
            inquiry.again(at(0), &mut random);
            waits.push(inquiry.due().map_or(0, |due| due.0 / 1_000_000));
        }
        assert!(waits.windows(2).take(5).all(|w| w[0] < w[1]), "{waits:?}");
        assert!(waits[7] <= 12_500);
        inquiry.want(at(5));
        assert_eq!(inquiry.due(), Some(at(5)), "sooner wins");
    }
}
