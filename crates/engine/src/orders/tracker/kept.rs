//! A tracker in a snapshot. Orders that have ended change no more, but for late fills, and there are many: they are gathered
//! ahead, a few at a time, and the snapshot itself names the others and those that have changed since.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use colibri_model::{ClientOrderId, ExchangeOrderId, InstrumentId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::OrderTracker;
use crate::engine::Progress;
use crate::orders::InFlightOrder;
use crate::orders::live_counts::LiveCounts;

/// How far gathering has come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gathering {
    /// Orders up to this one were looked at, and the ended ones gathered.
    up_to: Option<ClientOrderId>,
    /// Orders that were changed, made or forgotten since it began.
    touched: BTreeSet<ClientOrderId>,
}

#[derive(Serialize, Deserialize)]
struct Kept<O, S, M, R, V> {
    orders: O,
    /// Gathered and forgotten since.
    forgotten: Vec<ClientOrderId>,
    /// As pairs: their keys are no text.
    by_exchange: M,
    renamed: R,
    live: S,
    ended: V,
    lacking: S,
}

type Read = Kept<
    Vec<InFlightOrder>,
    BTreeSet<ClientOrderId>,
    Vec<((InstrumentId, ExchangeOrderId), ClientOrderId)>,
    BTreeMap<ClientOrderId, ClientOrderId>,
    VecDeque<ClientOrderId>,
>;

impl OrderTracker {
    /// An order is about to change.
    pub(super) fn touch(&mut self, id: &ClientOrderId) {
        if let Some(gathering) = &mut self.gathering {
            gathering.touched.insert(id.clone());
        }
    }

    /// Looks at the next orders, at most so many, and gives those that have ended.
    pub(crate) fn gather(&mut self, most: usize) -> (Progress, Vec<&InFlightOrder>) {
        let gathering = self.gathering.get_or_insert_default();
        let from = gathering.up_to.take().map_or(Bound::Unbounded, Bound::Excluded);
        let next: Vec<&InFlightOrder> = self
            .orders
            .range((from.clone(), Bound::Unbounded))
            .map(|(_, o)| o)
            .take(most)
            .collect();
        gathering.up_to = match (next.last(), from) {
            (Some(last), _) => Some(last.client_id().clone()),
            (None, Bound::Excluded(last)) => Some(last),
            (None, _) => None,
        };
        let progress = if next.len() < most {
            Progress::Done
        } else {
            Progress::More
        };
        (
            progress,
            next.into_iter().filter(|order| !order.may_be_live()).collect(),
        )
    }

    /// What was gathered belongs to a snapshot now.
    pub(crate) fn end_gathering(&mut self) {
        self.gathering = None;
    }

    /// Puts what was gathered to what a snapshot names.
    pub(crate) fn complete(&mut self, gathered: Vec<InFlightOrder>) {
        for order in gathered {
            let id = order.client_id().clone();
            let known = self.gathering.as_ref().is_some_and(|g| g.touched.contains(&id));
            if !known {
                self.orders.entry(id).or_insert(order);
            }
        }
    }

    /// Whether an order is not among those that were gathered as it is.
    fn is_to_be_named(&self, order: &InFlightOrder) -> bool {
        let Some(gathering) = &self.gathering else { return true };
        let id = order.client_id();
        order.may_be_live() || gathering.touched.contains(id) || gathering.up_to.as_ref().is_none_or(|up_to| id > up_to)
    }
}

impl Serialize for OrderTracker {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let touched = self.gathering.iter().flat_map(|gathering| &gathering.touched);
        let forgotten = touched.filter(|id| !self.orders.contains_key(*id)).cloned();
        let kept = Kept {
            orders: self
                .orders
                .values()
                .filter(|order| self.is_to_be_named(order))
                .collect::<Vec<_>>(),
            forgotten: forgotten.collect(),
            by_exchange: self.by_exchange.iter().collect::<Vec<_>>(),
            renamed: &self.renamed,
            live: &self.live,
            ended: &self.ended,
            lacking: &self.lacking,
        };
        kept.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OrderTracker {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OrderTracker, D::Error> {
        let kept = Read::deserialize(deserializer)?;
        let mut tracker = OrderTracker {
            orders: kept
                .orders
                .into_iter()
                .map(|order| (order.client_id().clone(), order))
                .collect(),
            by_exchange: kept.by_exchange.into_iter().collect(),
            renamed: kept.renamed,
            live: kept.live,
            live_counts: LiveCounts::default(),
            ended: kept.ended,
            lacking: kept.lacking,
            gathering: Some(Gathering {
                up_to: None,
                touched: kept.forgotten.into_iter().collect(),
            }),
        };
        let live: Vec<InstrumentId> = tracker.live().map(|order| order.intent.instrument).collect();
        for instrument in live {
            tracker.live_counts.add(instrument);
        }
        Ok(tracker)
    }
}
