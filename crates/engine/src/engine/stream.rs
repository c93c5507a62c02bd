//! Where a stream stands, judged by what it delivers, and what it still owes.
//!
//! What lives here: the states of a stream, every transition between them, and the memory of what a question has told and
//! the stream has not. What must not live here: what follows from a state; that is the engine's.

use std::collections::BTreeMap;

use colibri_model::{ClientOrderId, FillKey, Millis, MonoNs};
use serde::{Deserialize, Serialize};

/// Where a stream stands: a session as a whole, or what it delivers of one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum StreamState {
    /// Not connected.
    #[default]
    Down,
    /// Being connected, logged in, subscribed.
    Opening,
    /// It delivers, and what was missed before is not made up for yet: orders to be reconciled, a book to be synchronized.
    Healing,
    /// It delivers, and nothing is missing.
    Live,
    /// It is connected and does not deliver what it should, or is not known to.
    Silent,
    /// It is connected and delivers nothing, because there is nothing: the exchange was asked, and has what was told last.
    Quiet,
}

/// What happens to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamEvent {
    /// It is being opened.
    Opening,
    /// It is open: the first message may come.
    Opened,
    /// The connection is lost or given up.
    Lost,
    /// It should have delivered something and has not.
    Silenced,
    /// The exchange was asked, and has nothing newer than what was delivered.
    Confirmed,
    /// It delivers again, and nothing was missed between.
    Heard,
    /// Something of it is missing: a gap, a message that cannot be read.
    Doubted,
    /// What was missing is made up for.
    Healed,
}

impl StreamState {
    /// The state after an event; the same where the event changes nothing. A silence that is made up for by asking does
    /// not end: only what the stream itself delivers ends it.
    pub(crate) const fn after(self, event: StreamEvent) -> StreamState {
        match (self, event) {
            (_, StreamEvent::Lost) => StreamState::Down,
            (_, StreamEvent::Opening) => StreamState::Opening,
            (StreamState::Down | StreamState::Opening, StreamEvent::Opened)
            | (StreamState::Live, StreamEvent::Doubted) => StreamState::Healing,
            (StreamState::Healing, StreamEvent::Healed)
            | (StreamState::Silent | StreamState::Quiet, StreamEvent::Heard) => StreamState::Live,
            (StreamState::Healing | StreamState::Live | StreamState::Quiet, StreamEvent::Silenced) => {
                StreamState::Silent
            }
            (StreamState::Silent, StreamEvent::Confirmed) => StreamState::Quiet,
            (state, _) => state,
        }
    }

    /// Whether messages may come and are believed to be all that there are from now on.
    #[must_use]
    pub const fn delivers(self) -> bool {
        matches!(self, StreamState::Healing | StreamState::Live)
    }

    /// Whether it is connected, whatever it delivers.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            StreamState::Healing | StreamState::Live | StreamState::Silent | StreamState::Quiet
        )
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            StreamState::Down => "down",
            StreamState::Opening => "opening",
            StreamState::Healing => "healing",
            StreamState::Live => "live",
            StreamState::Silent => "silent",
            StreamState::Quiet => "quiet",
        }
    }
}

/// A stream: where it stands, since when and why.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Stream {
    pub(crate) state: StreamState,
    pub(crate) since: MonoNs,
    /// Why it is not live; empty where there is nothing to say.
    pub(crate) why: String,
    /// When it last delivered something.
    pub(crate) last_data: Option<MonoNs>,
    /// When it will be opened again, while it is down.
    pub(crate) retry_at: Option<MonoNs>,
}

impl Stream {
    /// Takes an event in; whether the state changed.
    pub(crate) fn on(&mut self, event: StreamEvent, why: &str, now: MonoNs) -> bool {
        let after = self.state.after(event);
        if after == self.state {
            return false;
        }
        self.state = after;
        self.since = now;
        self.why.clear();
        self.why.push_str(why);
        if after != StreamState::Down {
            self.retry_at = None;
        }
        true
    }
}

/// What a question or an answer has told of our orders, and the user stream has not told yet: it must, within the
/// manifest's `lag_ms`, or it is silent however often it pings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Owed {
    orders: BTreeMap<ClientOrderId, OwedOrder>,
    #[serde(with = "crate::kept::pairs")]
    fills: BTreeMap<FillKey, MonoNs>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct OwedOrder {
    since: MonoNs,
    news: OrderNews,
}

/// What there is to tell of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum OrderNews {
    /// That it works.
    Working,
    /// That it has ended.
    Ended,
}

impl Owed {
    /// Something else than the stream has told news of an order.
    pub(crate) fn order(&mut self, id: &ClientOrderId, news: OrderNews, now: MonoNs) {
        let owed = self.orders.entry(id.clone()).or_insert(OwedOrder { since: now, news });
        owed.news = owed.news.max(news);
    }

    /// The stream has told of an order.
    pub(crate) fn order_told(&mut self, id: &ClientOrderId, news: OrderNews) {
        if self.orders.get(id).is_some_and(|owed| owed.news <= news) {
            self.orders.remove(id);
        }
    }

    /// Something else than the stream has told a fill first.
    pub(crate) fn fill(&mut self, key: &FillKey, now: MonoNs) {
        self.fills.entry(key.clone()).or_insert(now);
    }

    /// The stream has told a fill.
    pub(crate) fn fill_told(&mut self, key: &FillKey) {
        self.fills.remove(key);
    }

    /// Nothing is owed any more: the stream is opened again, or was made up for.
    pub(crate) fn forgive(&mut self) {
        self.orders.clear();
        self.fills.clear();
    }

    /// Since when the oldest debt stands.
    pub(crate) fn since(&self) -> Option<MonoNs> {
        let orders = self.orders.values().map(|owed| owed.since);
        orders.chain(self.fills.values().copied()).min()
    }

    /// What has been owed for longer than `lag`, in words.
    pub(crate) fn overdue(&self, lag: Millis, now: MonoNs) -> Option<String> {
        let late = |since: MonoNs| now.since(since) >= lag;
        let order = self.orders.iter().find(|(_, owed)| late(owed.since)).map(|(id, owed)| {
            let what = match owed.news {
                OrderNews::Working => "works",
                OrderNews::Ended => "has ended",
            };
            format!("it did not tell that order {id} {what}")
        });
        let fill = || {
            let (key, _) = self.fills.iter().find(|(_, since)| late(**since))?;
            Some(format!("it did not tell trade {} of {}", key.trade_id, key.pair))
        };
        order.or_else(fill)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const STATES: [StreamState; 6] = [
        StreamState::Down,
        StreamState::Opening,
        StreamState::Healing,
        StreamState::Live,
        StreamState::Silent,
        StreamState::Quiet,
    ];
    const EVENTS: [StreamEvent; 8] = [
        StreamEvent::Opening,
        StreamEvent::Opened,
        StreamEvent::Lost,
        StreamEvent::Silenced,
        StreamEvent::Confirmed,
        StreamEvent::Heard,
        StreamEvent::Doubted,
        StreamEvent::Healed,
    ];

    #[test]
    fn live_is_reached_by_healing_or_by_delivering_again_and_by_nothing_else() {
        for state in STATES {
            for event in EVENTS {
                let after = state.after(event);
                if after == StreamState::Live && state != StreamState::Live {
                    assert!(
                        matches!(
                            (state, event),
                            (StreamState::Healing, StreamEvent::Healed)
                                | (StreamState::Silent | StreamState::Quiet, StreamEvent::Heard)
                        ),
                        "{state:?} {event:?}"
                    );
                }
                if event == StreamEvent::Lost {
                    assert_eq!(after, StreamState::Down, "{state:?}");
                }
                if !state.is_open() && !matches!(event, StreamEvent::Opened) {
                    assert!(!after.is_open(), "{state:?} {event:?}");
                }
            }
        }
    }

    #[test]
    fn a_debt_is_paid_by_news_that_say_as_much() {
        let id = ClientOrderId::new("a").unwrap();
        let mut owed = Owed::default();
        owed.order(&id, OrderNews::Working, MonoNs(0));
        owed.order(&id, OrderNews::Ended, MonoNs(5));
        owed.order_told(&id, OrderNews::Working);
        assert_eq!(owed.since(), Some(MonoNs(0)));
        let lag = Millis(1);
        assert_eq!(owed.overdue(lag, MonoNs(999_999)), None);
        let words = owed.overdue(lag, MonoNs(1_000_000)).unwrap();
        assert_eq!(words, "it did not tell that order a has ended");
        owed.order_told(&id, OrderNews::Ended);
        assert_eq!(owed.since(), None);
    }
}
