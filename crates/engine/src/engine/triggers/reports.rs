//! What the exchange tells of triggers: ours, ours that no journal tells of, and those of others.

use colibri_model::{
    ClientOrderId, PositionEffect, Record, StrategyId, TimeInForce, TriggerEvidence, TriggerIntent, TriggerState,
};
use colibri_standard::{ReportSource, TriggerEvent};

use super::ForeignTrigger;
use crate::engine::adoption::no_strategy;
use crate::engine::core::Core;
use crate::engine::dispatch::Note;
use crate::engine::{LogLevel, VenueIndex};
use crate::orders::{InFlightTrigger, OrderOrigin, TriggerChange, TriggerReport};
use crate::strategy::OwnTriggerChange;

/// Whether evidence is of an end.
fn ends(evidence: TriggerEvidence) -> bool {
    TriggerState::Unknown
        .after(evidence)
        .is_ok_and(TriggerState::is_terminal)
}

impl Core {
    pub(crate) fn on_trigger(&mut self, index: VenueIndex, event: &TriggerEvent) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        venue.exchange_time = venue.exchange_time.max(event.exchange_time);
        if event.source == ReportSource::Stream {
            venue.user_stream.last_data = Some(now);
        }
        let instrument = venue.instrument_of(event.instrument, &event.symbol);
        let tracker = &venue.triggers.tracker;
        let found = tracker.find(instrument, event.client_id.as_ref(), event.exchange_id.as_ref());
        let Some(id) = found.or_else(|| self.adopt_trigger_if_ours(index, event)) else {
            return self.on_foreign_trigger(index, event);
        };
        let evidence = event.status.evidence();
        if event.source == ReportSource::Query {
            self.state.venues[index.0].triggers.seen.insert(id.clone());
            // A status that is not known is no end either.
            if evidence.is_none_or(|evidence| !ends(evidence)) {
                self.stopping.told_open(index);
            }
        }
        let Some(evidence) = evidence else {
            let text = format!("trigger {id} has a status that is not known: {:?}", event.status);
            return self.log(LogLevel::Warn, text);
        };
        let report = TriggerReport {
            exchange_id: event.exchange_id.clone(),
            order: event.order.clone(),
            order_client_id: event.order_client_id.clone(),
            reason: event.reason.clone(),
            exchange_time: event.exchange_time,
            source: Some(event.source),
        };
        self.learn_trigger(index, &id, evidence, &report);
    }

    /// Takes evidence about one of our triggers in: state, journal, the order that it became, questions, strategy.
    pub(crate) fn learn_trigger(
        &mut self,
        index: VenueIndex,
        id: &ClientOrderId,
        evidence: TriggerEvidence,
        report: &TriggerReport,
    ) {
        let now = self.state.now;
        let tracker = &mut self.state.venues[index.0].triggers.tracker;
        let known = |t: &InFlightTrigger| (t.exchange_id.is_some(), t.order.is_some(), t.order_client_id.is_some());
        let Some(before) = tracker.get(id).map(known) else {
            return;
        };
        let change = tracker.learn(id, evidence, report, now.mono);
        let learned = tracker.get(id).map(known) != Some(before);
        // Ids are worth a record of their own: it and its order can be asked about by them after a crash.
        if change.is_some() || learned {
            self.journal_trigger(index, id, report);
        }
        if let Some(change) = change {
            self.trigger_changed(index, &change, report);
        }
        self.track_order_of(index, id);
        self.settle_trigger_questions(index, id);
    }

    fn journal_trigger(&mut self, index: VenueIndex, id: &ClientOrderId, report: &TriggerReport) {
        let venue = &self.state.venues[index.0];
        let Some(trigger) = venue.triggers.tracker.get(id) else {
            return;
        };
        let record = Record::TriggerChanged {
            venue: venue.id.clone(),
            client_id: id.clone(),
            exchange_id: trigger.exchange_id.clone(),
            state: trigger.state(),
            order: trigger.order.clone(),
            order_client_id: trigger.order_client_id.clone(),
            reason: report.reason.clone(),
            exchange_time: report.exchange_time,
            time: self.state.now.wall,
        };
        self.journal_fact(record);
    }

    fn trigger_changed(&mut self, index: VenueIndex, change: &TriggerChange, report: &TriggerReport) {
        match (change.from, change.to) {
            (_, TriggerState::Rejected) => self.state.counts.orders_rejected += 1,
            (_, TriggerState::Unknown) => self.state.counts.orders_unknown += 1,
            (_, TriggerState::BecameOrder) => self.state.counts.triggers_fired += 1,
            _ => {}
        }
        if change.from == TriggerState::Unknown {
            self.state.counts.unknown_resolved += 1;
        }
        let Some(trigger) = self.state.venues[index.0].triggers.tracker.get(&change.client_id) else {
            return;
        };
        let market = Self::market_id(index, trigger.intent.instrument);
        let told = OwnTriggerChange::of(trigger, change, market, report.exchange_time, self.state.now.wall);
        self.notes.push_back(Note::Trigger(index, told));
    }

    /// Adopts a trigger that is not tracked, where its id says that it is this bot's: journaled, then tracked. Its client id
    /// then.
    fn adopt_trigger_if_ours(&mut self, index: VenueIndex, event: &TriggerEvent) -> Option<ClientOrderId> {
        let now = self.state.now;
        let venue = &self.state.venues[index.0];
        let id = event.client_id.clone()?;
        let ours = venue.ids.as_ref().is_some_and(|ids| ids.is_of_this_bot(&id));
        // Where its order is tracked or remembered, it was known, and has been forgotten since.
        if !ours || venue.untracked.contains(&id) || venue.orders.get(&id).is_some() {
            return None;
        }
        let evidence = event.status.evidence()?;
        // An end without an order is no news about one that nobody remembers.
        if ends(evidence) && evidence != TriggerEvidence::BecameOrder && event.source != ReportSource::Query {
            return None;
        }
        let market = venue.market(venue.instrument_of(event.instrument, &event.symbol)?)?;
        let terms = event.terms.unwrap_or_default();
        let order_type = event.order_type?;
        let quantity = event.quantity.filter(|quantity| quantity.is_positive());
        let intent = TriggerIntent {
            client_id: id.clone(),
            instrument: market.id,
            kind: event.kind?,
            by: event.by?,
            trigger_price: event.trigger_price?,
            side: event.side?,
            order_type,
            time_in_force: event.price.map(|_| TimeInForce::Gtc),
            price: event.price,
            quantity: match terms.effect {
                PositionEffect::ClosePosition => None,
                _ => Some(quantity?),
            },
            terms,
        };
        let names = |s: &&StrategyId| venue.ids.as_ref().is_some_and(|ids| ids.names(&id, s));
        let strategy = self.state.strategies.iter().map(|s| &s.id).find(names).cloned();
        let strategy = strategy.unwrap_or_else(no_strategy);
        let pair = market.pair.clone();
        let text = format!(
            "{}: the trigger {id} of {pair} is adopted: it has this bot's id, and no journal tells of it",
            venue.id
        );
        let record = Record::TriggerIntent {
            strategy: strategy.clone(),
            venue: venue.id.clone(),
            account: venue.account.clone(),
            pair: pair.clone(),
            trigger: intent.clone(),
            time: now.wall,
        };
        self.log(LogLevel::Warn, text);
        // It is there whether it can be written down or not, and where it cannot it is cancelled all the same.
        self.journal_fact(record);
        self.state.counts.triggers_adopted += 1;
        let created = event.exchange_time.unwrap_or(now.wall);
        let mut trigger = InFlightTrigger::new(strategy, 0, pair, intent, now.mono, created);
        trigger.origin = OrderOrigin::Adopted;
        trigger.answered = Some(now.mono);
        let triggers = &mut self.state.venues[index.0].triggers;
        for key in foreign_keys(event) {
            triggers.foreign.remove(&key);
            triggers.foreign_seen.remove(&key);
        }
        triggers.tracker.track(trigger);
        Some(id)
    }

    /// A trigger of somebody else is shown while it waits.
    fn on_foreign_trigger(&mut self, index: VenueIndex, event: &TriggerEvent) {
        let Some(key) = foreign_keys(event).next() else { return };
        let venue = &mut self.state.venues[index.0];
        if event.status.evidence().is_some_and(ends) {
            venue.triggers.foreign.remove(&key);
            venue.triggers.foreign_seen.insert(key, None);
            return;
        }
        if venue.triggers.foreign_seen.get(&key).is_some_and(Option::is_none) {
            // An answer that was given before it ended, and has come since: an end is final.
            return;
        }
        let trigger = ForeignTrigger {
            symbol: event.symbol.clone(),
            instrument: venue.instrument_of(event.instrument, &event.symbol),
            client_id: event.client_id.clone(),
            exchange_id: event.exchange_id.clone(),
            kind: event.kind,
            side: event.side,
            trigger_price: event.trigger_price,
            quantity: event.quantity,
        };
        venue.triggers.foreign_seen.insert(key.clone(), Some(trigger.clone()));
        venue.triggers.foreign.insert(key, trigger);
    }
}

/// What a foreign trigger is remembered by: its exchange id, or else its client id.
fn foreign_keys(event: &TriggerEvent) -> impl Iterator<Item = String> {
    let by_exchange = event.exchange_id.as_ref().map(|id| format!("{} {id}", event.symbol));
    let by_client = event.client_id.as_ref().map(|id| format!("{} {id}", event.symbol));
    by_exchange.into_iter().chain(by_client)
}
