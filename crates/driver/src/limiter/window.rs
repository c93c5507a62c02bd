//! How much of a window is used, as the exchange may count it.
//!
//! A request counts at the exchange when it arrives: after it was admitted, not later than it was answered. Which window that
//! falls into is not known exactly, so it counts in every window that it may be in.

use std::collections::VecDeque;

use colibri_model::MonoNs;
use serde::{Deserialize, Serialize};

use super::LimiterTime;

/// The count of one window, aligned to the exchange's clock or sliding.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Window {
    Aligned(AlignedWindow),
    Sliding(SlidingWindow),
}

/// Windows that begin on multiples of their length of the exchange's clock, which is known to within an uncertainty: between
/// the earliest and the latest time at which the next one may begin, two of them are counted.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct AlignedWindow {
    length_ns: u64,
    /// The window that has begun for certain.
    current: i64,
    used: u64,
    /// The last window that may have begun: `current` or the one after it.
    upcoming: i64,
    /// What counts in `upcoming`, where that is not `current`.
    used_next: u64,
}

/// The last so many nanoseconds: what was answered in them; what is not answered yet may arrive at any time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SlidingWindow {
    length_ns: u64,
    answered: VecDeque<(MonoNs, u64)>,
    total: u64,
}

impl AlignedWindow {
    /// The earliest and the latest window that an instant may be in.
    fn numbers(&self, exchange_ns: i64, uncertainty_ns: u64) -> (i64, i64) {
        let length = self.length_ns as i64;
        // No two ends of windows are in doubt at once.
        let doubt = uncertainty_ns.min((self.length_ns - 1) / 2) as i64;
        let number = |ns: i64| ns.div_euclid(length);
        (
            number(exchange_ns.saturating_sub(doubt)),
            number(exchange_ns.saturating_add(doubt)),
        )
    }

    /// As it is now. A window that was seen is not begun twice: the exchange's clock is corrected at times.
    fn at(mut self, in_flight: u64, now: LimiterTime) -> AlignedWindow {
        let (certain, possible) = self.numbers(now.exchange.0, now.uncertainty_ns);
        if certain > self.current {
            self.used = if certain == self.upcoming {
                self.used_next
            } else {
                in_flight
            };
            self.current = certain;
        }
        if possible > self.upcoming {
            self.upcoming = possible;
            // What is on its way when a window may begin may arrive in it.
            self.used_next = in_flight;
        }
        self.upcoming = self.upcoming.max(self.current);
        self
    }

    const fn between(&self) -> bool {
        self.upcoming > self.current
    }

    fn most_used(&self) -> u64 {
        if self.between() {
            self.used.max(self.used_next)
        } else {
            self.used
        }
    }

    fn room_at(&self, allowed: u64, now: LimiterTime) -> MonoNs {
        if self.most_used() <= allowed {
            return now.mono;
        }
        // The next window that begins for certain, or where that is as full already the one after it.
        let windows = if self.between() && self.used_next > allowed {
            2
        } else {
            1
        };
        let doubt = now.uncertainty_ns.min((self.length_ns - 1) / 2);
        let start = self
            .current
            .saturating_add(windows)
            .saturating_mul(self.length_ns as i64)
            .saturating_add_unsigned(doubt);
        let wait = u64::try_from(start.saturating_sub(now.exchange.0)).unwrap_or(0);
        MonoNs(now.mono.0.saturating_add(wait.max(1)))
    }

    /// The window of which an answer states the use, where there is no doubt about it: whatever it says of another one is
    /// of no use now.
    fn states_current(&self, asked: MonoNs, now: LimiterTime) -> bool {
        let took = i64::try_from(now.mono.0.saturating_sub(asked.0)).unwrap_or(i64::MAX);
        let (earliest, _) = self.numbers(now.exchange.0.saturating_sub(took), now.uncertainty_ns);
        let (_, latest) = self.numbers(now.exchange.0, now.uncertainty_ns);
        earliest == self.current && latest == self.current && !self.between()
    }
}

impl SlidingWindow {
    fn counted(&self, now: LimiterTime) -> u64 {
        let gone: u64 = self
            .answered
            .iter()
            .take_while(|(at, _)| at.0.saturating_add(self.length_ns) <= now.mono.0)
            .map(|(_, weight)| weight)
            .sum();
        self.total.saturating_sub(gone)
    }

    fn forget(&mut self, now: LimiterTime) {
        while let Some(&(at, weight)) = self.answered.front() {
            if at.0.saturating_add(self.length_ns) > now.mono.0 {
                break;
            }
            self.total = self.total.saturating_sub(weight);
            self.answered.pop_front();
        }
    }

    fn add(&mut self, weight: u64, now: LimiterTime) {
        if weight == 0 {
            return;
        }
        self.total = self.total.saturating_add(weight);
        match self.answered.back_mut() {
            Some((at, last)) if *at == now.mono => *last = last.saturating_add(weight),
            _ => self.answered.push_back((now.mono, weight)),
        }
    }

    fn remove(&mut self, weight: u64, newest_first: NewestFirst) {
        let mut left = weight.min(self.total);
        self.total -= left;
        while left > 0 {
            let entry = match newest_first {
                NewestFirst::Yes => self.answered.back_mut(),
                NewestFirst::No => self.answered.front_mut(),
            };
            let Some((_, here)) = entry else { break };
            let part = left.min(*here);
            *here -= part;
            left -= part;
            if *here == 0 {
                match newest_first {
                    NewestFirst::Yes => self.answered.pop_back(),
                    NewestFirst::No => self.answered.pop_front(),
                };
            }
        }
    }

    fn room_at(&self, in_flight: u64, allowed: u64, now: LimiterTime) -> MonoNs {
        let mut left = self.counted(now).saturating_add(in_flight);
        if left <= allowed {
            return now.mono;
        }
        for (at, weight) in &self.answered {
            let ends = at.0.saturating_add(self.length_ns);
            if ends <= now.mono.0 {
                continue;
            }
            left = left.saturating_sub(*weight);
            if left <= allowed {
                return MonoNs(ends);
            }
        }
        // Only what is in flight is in the way: if it is answered this moment, it counts for one more window.
        MonoNs(now.mono.0.saturating_add(self.length_ns))
    }
}

/// Which entries go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NewestFirst {
    Yes,
    No,
}

impl Window {
    pub(super) fn new(length_ms: u64, aligned: bool) -> Window {
        // A length in milliseconds that does not fit in nanoseconds is longer than any process lives.
        let length_ns = length_ms.saturating_mul(1_000_000).clamp(1, i64::MAX as u64);
        if aligned {
            Window::Aligned(AlignedWindow {
                length_ns,
                current: i64::MIN,
                used: 0,
                upcoming: i64::MIN,
                used_next: 0,
            })
        } else {
            Window::Sliding(SlidingWindow {
                length_ns,
                answered: VecDeque::new(),
                total: 0,
            })
        }
    }

    /// What may count in the current window at most, what is in flight included.
    pub(super) fn used(&self, in_flight: u64, now: LimiterTime) -> u64 {
        match self {
            Window::Aligned(window) => window.at(in_flight, now).most_used(),
            Window::Sliding(window) => window.counted(now).saturating_add(in_flight),
        }
    }

    /// To be called before anything is counted, so that what is in flight when a window ends counts in the next.
    pub(super) fn advance(&mut self, in_flight: u64, now: LimiterTime) {
        match self {
            Window::Aligned(window) => *window = window.at(in_flight, now),
            Window::Sliding(window) => window.forget(now),
        }
    }

    /// Something is admitted; the caller adds it to what is in flight.
    pub(super) fn take(&mut self, weight: u64) {
        if let Window::Aligned(window) = self {
            window.used = window.used.saturating_add(weight);
            if window.between() {
                window.used_next = window.used_next.saturating_add(weight);
            }
        }
    }

    /// Something is answered; the caller takes it from what is in flight.
    pub(super) fn settle(&mut self, weight: u64, now: LimiterTime) {
        if let Window::Sliding(window) = self {
            window.add(weight, now);
        }
    }

    /// What was settled just now counts no more.
    pub(super) fn refund(&mut self, weight: u64) {
        match self {
            Window::Aligned(window) => {
                window.used = window.used.saturating_sub(weight);
                if window.between() {
                    window.used_next = window.used_next.saturating_sub(weight);
                }
            }
            Window::Sliding(window) => window.remove(weight, NewestFirst::Yes),
        }
    }

    /// Whether what an answer states is about the window of now: it was asked at `asked`.
    pub(super) fn states_current(&self, asked: MonoNs, now: LimiterTime) -> bool {
        match self {
            Window::Aligned(window) => window.states_current(asked, now),
            Window::Sliding(_) => true,
        }
    }

    /// Sets the use of the current window, what is in flight included.
    pub(super) fn set(&mut self, used: u64, in_flight: u64, now: LimiterTime) {
        match self {
            Window::Aligned(window) => window.used = used,
            Window::Sliding(window) => {
                let wanted = used.saturating_sub(in_flight);
                if wanted > window.total {
                    window.add(wanted - window.total, now);
                } else {
                    // The newest stay: they count for longest.
                    window.remove(window.total - wanted, NewestFirst::No);
                }
            }
        }
    }

    /// When no more than `allowed` may be used, as far as can be said now; `now` where that is so already.
    pub(super) fn room_at(&self, in_flight: u64, allowed: u64, now: LimiterTime) -> MonoNs {
        match self {
            Window::Aligned(window) => window.at(in_flight, now).room_at(allowed, now),
            Window::Sliding(window) => window.room_at(in_flight, allowed, now),
        }
    }
}
