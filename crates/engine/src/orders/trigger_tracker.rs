//! The triggers of one connector instance.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use colibri_model::{ClientOrderId, ExchangeOrderId, InstrumentId, MonoNs, TriggerEvidence, TriggerState};
use serde::{Deserialize, Serialize};

use crate::orders::{InFlightTrigger, TriggerReport};

/// Ended triggers that are remembered, for late reports.
const REMEMBERED: usize = 1_000;

/// A change of a trigger's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerChange {
    /// Which trigger.
    pub client_id: ClientOrderId,
    /// From which state.
    pub from: TriggerState,
    /// To which.
    pub to: TriggerState,
}

/// Triggers by client id, by the exchange's id, and by the order that they became.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TriggerTracker {
    triggers: BTreeMap<ClientOrderId, InFlightTrigger>,
    #[serde(with = "crate::kept::pairs")]
    by_exchange: BTreeMap<(InstrumentId, ExchangeOrderId), ClientOrderId>,
    #[serde(with = "crate::kept::pairs")]
    by_order: BTreeMap<(InstrumentId, ExchangeOrderId), ClientOrderId>,
    by_order_name: BTreeMap<ClientOrderId, ClientOrderId>,
    live: BTreeSet<ClientOrderId>,
    ended: VecDeque<ClientOrderId>,
}

impl TriggerTracker {
    /// Tracks a trigger, before it is sent.
    pub fn track(&mut self, trigger: InFlightTrigger) {
        let id = trigger.client_id().clone();
        if trigger.may_be_live() {
            self.live.insert(id.clone());
        } else {
            self.ended.push_back(id.clone());
        }
        self.triggers.insert(id.clone(), trigger);
        self.index(&id);
        self.forget_oldest();
    }

    /// A trigger by client id.
    #[must_use]
    pub fn get(&self, id: &ClientOrderId) -> Option<&InFlightTrigger> {
        self.triggers.get(id)
    }

    /// A trigger by client id, for what does not change its state.
    pub fn get_mut(&mut self, id: &ClientOrderId) -> Option<&mut InFlightTrigger> {
        self.triggers.get_mut(id)
    }

    /// The client id of the trigger that a report is about: by client id where it is one of ours, else by the exchange's id.
    #[must_use]
    pub fn find(
        &self,
        instrument: Option<InstrumentId>,
        client_id: Option<&ClientOrderId>,
        exchange_id: Option<&ExchangeOrderId>,
    ) -> Option<ClientOrderId> {
        if let Some(id) = client_id.filter(|id| self.triggers.contains_key(*id)) {
            return Some(id.clone());
        }
        self.by_exchange.get(&(instrument?, exchange_id?.clone())).cloned()
    }

    /// The client id of the trigger that became an order: by the order's names, or by the trigger's id where the order's report
    /// says it. An order never has a trigger's client id but by being what became of it.
    #[must_use]
    pub fn find_by_order(
        &self,
        instrument: Option<InstrumentId>,
        client_id: Option<&ClientOrderId>,
        exchange_id: Option<&ExchangeOrderId>,
        trigger: Option<&ExchangeOrderId>,
    ) -> Option<ClientOrderId> {
        if let Some(id) = self.find(instrument, client_id, trigger) {
            return Some(id);
        }
        if let Some(id) = client_id.and_then(|name| self.by_order_name.get(name)) {
            return Some(id.clone());
        }
        self.by_order.get(&(instrument?, exchange_id?.clone())).cloned()
    }

    /// Takes evidence about a trigger in. `None` where its state is what it was: unknown trigger, old report, known already.
    pub fn learn(
        &mut self,
        id: &ClientOrderId,
        evidence: TriggerEvidence,
        report: &TriggerReport,
        now: MonoNs,
    ) -> Option<TriggerChange> {
        let trigger = self.triggers.get_mut(id)?;
        let from = trigger.state();
        let taken = trigger.learn(evidence, report, now);
        let to = trigger.state();
        self.index(id);
        if taken.is_err() || from == to {
            return None;
        }
        if to.is_terminal() {
            if self.live.remove(id) {
                self.ended.push_back(id.clone());
                self.forget_oldest();
            }
        } else {
            self.live.insert(id.clone());
            if from.is_terminal() {
                // It ends once more, and must stand among the ended once only.
                self.ended.retain(|ended| ended != id);
            }
        }
        Some(TriggerChange {
            client_id: id.clone(),
            from,
            to,
        })
    }

    /// Makes a trigger known by what is known of it.
    fn index(&mut self, id: &ClientOrderId) {
        let Some(trigger) = self.triggers.get(id) else { return };
        let instrument = trigger.intent.instrument;
        if let Some(known) = &trigger.exchange_id {
            let key = (instrument, known.clone());
            self.by_exchange.entry(key).or_insert_with(|| id.clone());
        }
        if let Some(order) = &trigger.order {
            let key = (instrument, order.clone());
            self.by_order.entry(key).or_insert_with(|| id.clone());
        }
        if let Some(name) = &trigger.order_client_id {
            self.by_order_name.entry(name.clone()).or_insert_with(|| id.clone());
        }
    }

    fn forget_oldest(&mut self) {
        // What is still asked about is not forgotten, however many have ended since.
        let mut looks = self.ended.len();
        while self.ended.len() > REMEMBERED && looks > 0 {
            looks -= 1;
            let Some(id) = self.ended.pop_front() else { return };
            if self.triggers.get(&id).is_some_and(InFlightTrigger::has_questions) {
                self.ended.push_back(id);
                continue;
            }
            let Some(trigger) = self.triggers.remove(&id) else {
                continue;
            };
            let instrument = trigger.intent.instrument;
            if let Some(known) = trigger.exchange_id {
                self.by_exchange.remove(&(instrument, known));
            }
            if let Some(order) = trigger.order {
                self.by_order.remove(&(instrument, order));
            }
            if let Some(name) = &trigger.order_client_id {
                self.by_order_name.remove(name);
            }
        }
    }

    /// Triggers that may wait at the exchange, oldest id first.
    pub fn live(&self) -> impl Iterator<Item = &InFlightTrigger> {
        self.live.iter().filter_map(|id| self.triggers.get(id))
    }

    /// The ids of triggers that may wait at the exchange.
    #[must_use]
    pub fn live_ids(&self) -> Vec<ClientOrderId> {
        self.live.iter().cloned().collect()
    }

    /// How many triggers may wait at the exchange.
    #[must_use]
    pub fn live_count(&self) -> usize {
        self.live.len()
    }

    /// Every trigger that is remembered.
    pub fn iter(&self) -> impl Iterator<Item = &InFlightTrigger> {
        self.triggers.values()
    }
}

#[cfg(test)]
#[path = "trigger_tracker_tests.rs"]
mod tests;
