//! The orders of one connector instance.

mod kept;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use colibri_model::{ClientOrderId, ExchangeOrderId, Fill, InstrumentId, MonoNs, OrderEvidence, OrderState};

use crate::orders::live_counts::LiveCounts;
use crate::orders::{InFlightOrder, NameThere, OrderReport, OrderTotals};

use kept::Gathering;

/// Ended orders that are remembered, for late fills and late reports.
const REMEMBERED: usize = 10_000;

/// A change of an order's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderChange {
    /// Which order.
    pub client_id: ClientOrderId,
    /// From which state.
    pub from: OrderState,
    /// To which.
    pub to: OrderState,
    /// What was filled of it then.
    pub totals: OrderTotals,
}

/// Orders by client id and by exchange id.
#[derive(Debug, Clone, Default)]
pub struct OrderTracker {
    orders: BTreeMap<ClientOrderId, InFlightOrder>,
    by_exchange: BTreeMap<(InstrumentId, ExchangeOrderId), ClientOrderId>,
    /// Our own names of orders by the names that amends gave them.
    renamed: BTreeMap<ClientOrderId, ClientOrderId>,
    live: BTreeSet<ClientOrderId>,
    /// How many of them there are of each instrument.
    live_counts: LiveCounts,
    ended: VecDeque<ClientOrderId>,
    /// Ended orders of which fills were missing when they were last told of.
    lacking: BTreeSet<ClientOrderId>,
    /// What of the orders was written down ahead of a snapshot.
    gathering: Option<Gathering>,
}

impl OrderTracker {
    /// Tracks an order, before it is sent.
    pub fn track(&mut self, order: InFlightOrder) {
        let id = order.client_id().clone();
        self.touch(&id);
        if let Some(exchange_id) = &order.exchange_id {
            self.by_exchange
                .insert((order.intent.instrument, exchange_id.clone()), id.clone());
        }
        if order.may_be_live() {
            self.begin_live(&id, order.intent.instrument);
        } else {
            self.ended.push_back(id.clone());
            if !order.missing_fills().is_zero() {
                self.lacking.insert(id.clone());
            }
        }
        self.orders.insert(id, order);
    }

    /// An order by client id.
    #[must_use]
    pub fn get(&self, id: &ClientOrderId) -> Option<&InFlightOrder> {
        self.orders.get(id)
    }

    /// An order by client id, for what does not change its state.
    pub fn get_mut(&mut self, id: &ClientOrderId) -> Option<&mut InFlightOrder> {
        self.touch(id);
        self.orders.get_mut(id)
    }

    /// The client id of the order that a report is about: by client id where it is one of ours, else by exchange id.
    #[must_use]
    pub fn find(
        &self,
        instrument: Option<InstrumentId>,
        client_id: Option<&ClientOrderId>,
        exchange_id: Option<&ExchangeOrderId>,
    ) -> Option<ClientOrderId> {
        if let Some(id) = client_id
            && self.orders.contains_key(id)
        {
            return Some(id.clone());
        }
        if let Some(id) = client_id.and_then(|id| self.renamed.get(id)) {
            return Some(id.clone());
        }
        let key = (instrument?, exchange_id?.clone());
        self.by_exchange.get(&key).cloned()
    }

    /// An amend has given an order another name at the exchange. It keeps its own here.
    pub fn rename(&mut self, id: &ClientOrderId, name: &ClientOrderId) {
        self.touch(id);
        let Some(order) = self.orders.get_mut(id) else { return };
        order.name_there = NameThere::Known;
        if name == id {
            order.renamed = None;
        } else {
            order.renamed = Some(name.clone());
            // Earlier names stay known: reports of them may still be on their way.
            self.renamed.insert(name.clone(), id.clone());
        }
    }

    /// Takes evidence about an order in. `None` where nothing changed: unknown order, old report, known already.
    pub fn learn(
        &mut self,
        id: &ClientOrderId,
        evidence: OrderEvidence,
        report: &OrderReport,
        now: MonoNs,
    ) -> Option<OrderChange> {
        self.touch(id);
        let order = self.orders.get_mut(id)?;
        let from = order.state();
        let taken = order.learn(evidence, report, now);
        if let Some(exchange_id) = &order.exchange_id {
            let key = (order.intent.instrument, exchange_id.clone());
            self.by_exchange.entry(key).or_insert_with(|| id.clone());
        }
        let to = order.state();
        let instrument = order.intent.instrument;
        if !to.may_be_live() && !order.missing_fills().is_zero() {
            self.lacking.insert(id.clone());
        } else {
            self.lacking.remove(id);
        }
        if taken.is_err() || from == to {
            return None;
        }
        let totals = order.totals().clone();
        if to.is_terminal() {
            if self.end_live(id, instrument) {
                self.ended.push_back(id.clone());
                self.forget_oldest();
            }
        } else {
            self.begin_live(id, instrument);
            if from.is_terminal() {
                // It ends once more, and must stand among the ended once only.
                self.ended.retain(|ended| ended != id);
            }
        }
        Some(OrderChange {
            client_id: id.clone(),
            from,
            to,
            totals,
        })
    }

    /// Adds a new fill to its order. The fill is evidence of its own: filled in part, or wholly.
    pub fn add_fill(&mut self, id: &ClientOrderId, fill: &Fill, now: MonoNs) -> Option<OrderChange> {
        self.touch(id);
        let order = self.orders.get_mut(id)?;
        order.add_fill(fill);
        // An order that closes a position has no quantity of its own, and the exchange alone knows when it is whole.
        let whole = order.intent.quantity_unit == colibri_model::QuantityUnit::Base
            && order.intent.quantity.is_positive()
            && order.leaves().is_zero();
        let evidence = if whole {
            OrderEvidence::Filled
        } else {
            OrderEvidence::PartiallyFilled
        };
        let report = OrderReport {
            exchange_id: fill.exchange_id.clone(),
            ..OrderReport::default()
        };
        self.learn(id, evidence, &report, now)
    }

    fn begin_live(&mut self, id: &ClientOrderId, instrument: InstrumentId) {
        if self.live.insert(id.clone()) {
            self.live_counts.add(instrument);
        }
    }

    /// Whether it was live.
    fn end_live(&mut self, id: &ClientOrderId, instrument: InstrumentId) -> bool {
        let was_live = self.live.remove(id);
        if was_live {
            self.live_counts.remove(instrument);
        }
        was_live
    }

    fn forget_oldest(&mut self) {
        while self.ended.len() > REMEMBERED {
            let Some(id) = self.ended.pop_front() else { return };
            // One that came back to life, or whose fills are still missing, stays.
            let done = self
                .orders
                .get(&id)
                .is_some_and(|o| !o.may_be_live() && o.missing_fills().is_zero());
            if !done {
                continue;
            }
            self.touch(&id);
            let Some(order) = self.orders.remove(&id) else { continue };
            if order.renamed.is_some() {
                self.renamed.retain(|_, own| *own != id);
            }
            if let Some(exchange_id) = order.exchange_id {
                self.by_exchange.remove(&(order.intent.instrument, exchange_id));
            }
        }
    }

    /// Orders that may be in the exchange's book, oldest id first.
    pub fn live(&self) -> impl Iterator<Item = &InFlightOrder> {
        self.live.iter().filter_map(|id| self.orders.get(id))
    }

    /// The ids of orders that may be in the exchange's book.
    #[must_use]
    pub fn live_ids(&self) -> Vec<ClientOrderId> {
        self.live.iter().cloned().collect()
    }

    /// Orders that have ended and of which the exchange counts fills that it has not told.
    pub fn lacking_fills(&self) -> impl Iterator<Item = &InFlightOrder> {
        let lacking = self.lacking.iter().filter_map(|id| self.orders.get(id));
        lacking.filter(|order| !order.may_be_live() && !order.missing_fills().is_zero())
    }

    /// Orders that ended at `since` or later, newest first.
    pub fn ended_since(&self, since: MonoNs) -> impl Iterator<Item = &InFlightOrder> {
        self.ended
            .iter()
            .rev()
            .filter_map(|id| self.orders.get(id))
            .take_while(move |order| order.closed.is_none_or(|closed| closed >= since))
    }

    /// How many orders may be in the exchange's book.
    #[must_use]
    pub fn live_count(&self) -> usize {
        self.live.len()
    }

    /// How many of them there are, by instrument.
    pub(crate) const fn live_counts(&self) -> &LiveCounts {
        &self.live_counts
    }

    /// Every order that is remembered.
    pub fn iter(&self) -> impl Iterator<Item = &InFlightOrder> {
        self.orders.values()
    }
}

#[cfg(test)]
#[path = "tracker_tests.rs"]
mod tests;
