//! How much of a window is used.

use std::collections::VecDeque;

use colibri_model::MonoNs;

use super::LimiterTime;

/// The count of one window, aligned to the exchange's clock or sliding.
#[derive(Debug, Clone)]
pub(super) enum Window {
    /// Begins on multiples of its length: what was used in the window of that number.
    Aligned { length_ns: u64, number: i64, used: u64 },
    /// What was used when, within the last length.
    Sliding {
        length_ns: u64,
        taken: VecDeque<(MonoNs, u64)>,
        used: u64,
    },
}

impl Window {
    pub(super) fn new(length_ms: u64, aligned: bool) -> Window {
        // A length in milliseconds that does not fit in nanoseconds is longer than any process lives.
        let length_ns = length_ms.saturating_mul(1_000_000).clamp(1, i64::MAX as u64);
        if aligned {
            Window::Aligned {
                length_ns,
                number: i64::MIN,
                used: 0,
            }
        } else {
            Window::Sliding {
                length_ns,
                taken: VecDeque::new(),
                used: 0,
            }
        }
    }

    /// The number of the aligned window at `now`. Never before one that was seen: the exchange's clock is corrected at
    /// times, and a window that is begun twice would be filled twice.
    fn number_at(length_ns: u64, seen: i64, now: LimiterTime) -> i64 {
        now.exchange.0.div_euclid(length_ns as i64).max(seen)
    }

    pub(super) fn used(&self, now: LimiterTime) -> u64 {
        match self {
            Window::Aligned {
                length_ns,
                number,
                used,
            } => {
                if Window::number_at(*length_ns, *number, now) == *number {
                    *used
                } else {
                    0
                }
            }
            Window::Sliding { length_ns, taken, used } => {
                let gone: u64 = taken
                    .iter()
                    .take_while(|(at, _)| at.0.saturating_add(*length_ns) <= now.mono.0)
                    .map(|(_, weight)| weight)
                    .sum();
                used.saturating_sub(gone)
            }
        }
    }

    fn advance(&mut self, now: LimiterTime) {
        match self {
            Window::Aligned {
                length_ns,
                number,
                used,
            } => {
                let current = Window::number_at(*length_ns, *number, now);
                if current != *number {
                    *number = current;
                    *used = 0;
                }
            }
            Window::Sliding { length_ns, taken, used } => {
                while let Some(&(at, weight)) = taken.front() {
                    if at.0.saturating_add(*length_ns) > now.mono.0 {
                        break;
                    }
                    *used = used.saturating_sub(weight);
                    taken.pop_front();
                }
            }
        }
    }

    pub(super) fn take(&mut self, weight: u64, now: LimiterTime) {
        self.advance(now);
        match self {
            Window::Aligned { used, .. } => *used = used.saturating_add(weight),
            Window::Sliding { taken, used, .. } => {
                *used = used.saturating_add(weight);
                match taken.back_mut() {
                    Some((at, last)) if *at == now.mono => *last = last.saturating_add(weight),
                    _ => taken.push_back((now.mono, weight)),
                }
            }
        }
    }

    /// Takes back the newest use.
    pub(super) fn refund(&mut self, weight: u64, now: LimiterTime) {
        self.advance(now);
        match self {
            Window::Aligned { used, .. } => *used = used.saturating_sub(weight),
            Window::Sliding { taken, used, .. } => {
                let mut left = weight.min(*used);
                *used -= left;
                while left > 0 {
                    let Some((_, last)) = taken.back_mut() else { break };
                    let part = left.min(*last);
                    *last -= part;
                    left -= part;
                    if *last == 0 {
                        taken.pop_back();
                    }
                }
            }
        }
    }

    /// When no more than `allowed` will be used, where that is now or later.
    pub(super) fn room_at(&self, allowed: u64, now: LimiterTime) -> MonoNs {
        if self.used(now) <= allowed {
            return now.mono;
        }
        match self {
            Window::Aligned { length_ns, number, .. } => {
                let start = (number + 1).saturating_mul(*length_ns as i64);
                MonoNs(
                    now.mono
                        .0
                        .saturating_add(u64::try_from(start - now.exchange.0).unwrap_or(0).max(1)),
                )
            }
            Window::Sliding { length_ns, taken, used } => {
                let mut left = *used;
                for (at, weight) in taken {
                    left = left.saturating_sub(*weight);
                    if left <= allowed {
                        return MonoNs(at.0.saturating_add(*length_ns));
                    }
                }
                now.mono
            }
        }
    }
}
