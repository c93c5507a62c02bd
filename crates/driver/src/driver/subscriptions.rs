//! What a session should subscribe to, and what its connector was last told.

use std::collections::{BTreeMap, BTreeSet};

use colibri_model::InstrumentId;
use colibri_standard::{Channel, Subscription};
use serde::{Deserialize, Serialize};

type Channels = BTreeMap<InstrumentId, BTreeSet<Channel>>;

/// The two sets, and whether they differ: that is asked after every frame, and the sets may hold a thousand instruments.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Kept", into = "Kept")]
pub(super) struct Subscriptions {
    wanted: Channels,
    told: Channels,
    differ: bool,
}

/// As it is written into a snapshot.
#[derive(Serialize, Deserialize)]
struct Kept {
    wanted: Channels,
    told: Channels,
}

impl From<Kept> for Subscriptions {
    fn from(Kept { wanted, told }: Kept) -> Subscriptions {
        let differ = wanted != told;
        Subscriptions { wanted, told, differ }
    }
}

impl From<Subscriptions> for Kept {
    fn from(Subscriptions { wanted, told, .. }: Subscriptions) -> Kept {
        Kept { wanted, told }
    }
}

impl Subscriptions {
    /// Wants these from now on, and nothing else.
    pub(super) fn want(&mut self, subscriptions: Vec<Subscription>) {
        self.wanted.clear();
        for subscription in subscriptions {
            let channels = self.wanted.entry(subscription.instrument).or_default();
            channels.extend(subscription.channels);
        }
        self.differ = self.wanted != self.told;
    }

    /// Whether nothing is wanted.
    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Whether the connector was last told something else than what is wanted.
    pub(super) const fn differ(&self) -> bool {
        self.differ
    }

    /// All that is wanted, to be told to the connector now.
    pub(super) fn tell_all(&mut self) -> Vec<Subscription> {
        self.told();
        listed(&self.told)
    }

    /// What is wanted and was not, and what was and is not any more, to be told to the connector now.
    pub(super) fn tell_change(&mut self) -> (Vec<Subscription>, Vec<Subscription>) {
        let change = (minus(&self.wanted, &self.told), minus(&self.told, &self.wanted));
        self.told();
        change
    }

    fn told(&mut self) {
        self.told.clone_from(&self.wanted);
        self.differ = false;
    }
}

fn listed(channels: &Channels) -> Vec<Subscription> {
    let subscription = |(instrument, channels): (&InstrumentId, &BTreeSet<Channel>)| Subscription {
        instrument: *instrument,
        channels: channels.iter().copied().collect(),
    };
    channels.iter().map(subscription).collect()
}

/// What is in `a` and not in `b`.
fn minus(a: &Channels, b: &Channels) -> Vec<Subscription> {
    let mut rest = Channels::new();
    for (instrument, channels) in a {
        let known = b.get(instrument);
        let is_new = |channel: &&Channel| known.is_none_or(|known| !known.contains(channel));
        let new: BTreeSet<Channel> = channels.iter().filter(is_new).copied().collect();
        if !new.is_empty() {
            rest.insert(*instrument, new);
        }
    }
    listed(&rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(instrument: u32, channels: &[Channel]) -> Subscription {
        Subscription {
            instrument: InstrumentId(instrument),
            channels: channels.to_vec(),
        }
    }

    #[test]
    fn a_change_is_told_once_and_only_where_there_is_one() {
        let (both, depth) = ([Channel::Book, Channel::Trades], [Channel::Book]);
        let mut subscriptions = Subscriptions::default();
        assert!(!subscriptions.differ() && subscriptions.is_empty());
        subscriptions.want(vec![of(1, &both), of(2, &depth)]);
        assert!(subscriptions.differ());
        assert_eq!(subscriptions.tell_all(), [of(1, &both), of(2, &depth)]);
        assert!(!subscriptions.differ());
        subscriptions.want(vec![of(2, &both), of(3, &depth)]);
        assert!(subscriptions.differ());
        let text = serde_json::to_string(&subscriptions).unwrap();
        let mut subscriptions: Subscriptions = serde_json::from_str(&text).unwrap();
        assert!(subscriptions.differ(), "also after it was written down");
        let (add, remove) = subscriptions.tell_change();
        assert_eq!(add, [of(2, &[Channel::Trades]), of(3, &depth)]);
        assert_eq!(remove, [of(1, &both)]);
        assert!(!subscriptions.differ());
        subscriptions.want(Vec::new());
        assert!(subscriptions.differ() && subscriptions.is_empty());
        subscriptions.want(vec![of(3, &depth), of(2, &both)]);
        assert!(!subscriptions.differ(), "what was told is wanted again");
    }
}
