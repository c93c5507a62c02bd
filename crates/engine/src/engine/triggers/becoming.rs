//! The orders that triggers become: found whichever of the two is told first, and whatever was believed of the trigger.

use colibri_model::{
    ClientOrderId, ExchangeOrderId, FillCause, InstrumentId, Millis, OrderEvidence, TriggerEvidence, TriggerState,
};
use colibri_standard::{FillEvent, OrderEvent};

use crate::engine::VenueIndex;
use crate::engine::core::Core;
use crate::orders::{InFlightOrder, NameThere, OrderReport, TriggerReport};

/// How long the order of a trigger may take to be told before it is asked about.
const ORDER_GRACE: Millis = Millis(500);

impl Core {
    /// The order that an order's report is about, where it is one that a trigger of ours became: tracked from here on.
    pub(crate) fn order_of_trigger(&mut self, index: VenueIndex, event: &OrderEvent) -> Option<ClientOrderId> {
        if event.cause != FillCause::Order {
            return None;
        }
        let venue = &self.state.venues[index.0];
        let instrument = venue.instrument_of(event.instrument, &event.symbol);
        let (name, number) = (event.client_id.as_ref(), event.exchange_id.as_ref());
        let tracker = &venue.triggers.tracker;
        let trigger = tracker.find_by_order(instrument, name, number, event.trigger.as_ref())?;
        let report = TriggerReport {
            exchange_id: event.trigger.clone(),
            order: event.exchange_id.clone(),
            order_client_id: event.client_id.clone(),
            source: Some(event.source),
            ..TriggerReport::default()
        };
        self.learn_trigger(index, &trigger, TriggerEvidence::BecameOrder, &report);
        self.state.venues[index.0]
            .orders
            .find(instrument, Some(&trigger), number)
    }

    /// As [`Core::order_of_trigger`], of a fill.
    pub(crate) fn filled_order_of_trigger(
        &mut self,
        index: VenueIndex,
        instrument: InstrumentId,
        event: &FillEvent,
    ) -> Option<ClientOrderId> {
        if event.cause != FillCause::Order {
            return None;
        }
        let venue = &self.state.venues[index.0];
        let (name, number) = (event.client_id.as_ref(), event.exchange_id.as_ref());
        let trigger = venue
            .triggers
            .tracker
            .find_by_order(Some(instrument), name, number, None)?;
        let report = TriggerReport {
            order: event.exchange_id.clone(),
            order_client_id: event.client_id.clone(),
            source: Some(event.source),
            ..TriggerReport::default()
        };
        self.learn_trigger(index, &trigger, TriggerEvidence::BecameOrder, &report);
        self.state.venues[index.0]
            .orders
            .find(Some(instrument), Some(&trigger), number)
    }

    /// Whether an order is one that a trigger became, and the exchange now tells its name: for the first time, or another one
    /// than the connector's manifest promises.
    pub(crate) fn names_order_of_trigger(&self, index: VenueIndex, id: &ClientOrderId, name: &ClientOrderId) -> bool {
        let venue = &self.state.venues[index.0];
        let Some(order) = venue.orders.get(id) else {
            return false;
        };
        let of_trigger = || venue.triggers.tracker.get(id).is_some();
        order.known_name().is_none() || (name != id && order.renamed.is_none() && of_trigger())
    }

    /// Tracks the order that a trigger became, once it can be named to the exchange.
    pub(super) fn track_order_of(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        let keeps = venue.order_keeps_client_id();
        let Some(trigger) = venue.triggers.tracker.get(id) else {
            return;
        };
        let named = keeps || trigger.order_client_id.is_some();
        if trigger.state() != TriggerState::BecameOrder || !(named || trigger.order.is_some()) {
            return;
        }
        let (number, name) = (trigger.order.clone(), trigger.order_client_id.clone());
        let instrument = trigger.intent.instrument;
        let known = venue
            .orders
            .find(Some(instrument), Some(id), number.as_ref())
            .or_else(|| venue.orders.find(None, name.as_ref(), None));
        if let Some(order) = known {
            // An amend may have given it yet another name since.
            if let Some(name) = name.filter(|name| self.names_order_of_trigger(index, &order, name)) {
                self.order_renamed(index, &order, &name);
            }
            return self.order_number_learned(index, &order, number);
        }
        // Ended long ago, in an earlier run.
        if venue.untracked.contains(id) {
            return;
        }
        let mut order = InFlightOrder::new(
            trigger.strategy.clone(),
            trigger.tag,
            trigger.pair.clone(),
            trigger.intent.becomes(),
            now.mono,
            now.wall,
        );
        order.origin = trigger.origin;
        order.answered = Some(now.mono);
        if !named {
            order.name_there = NameThere::NotTold;
        }
        venue.orders.track(order);
        if let Some(name) = &name {
            venue.orders.rename(id, name);
        }
        let was_foreign = self.forget_foreign_order(index, instrument, number.as_ref(), name.as_ref());
        let report = OrderReport {
            exchange_id: number,
            ..OrderReport::default()
        };
        self.learn(index, id, OrderEvidence::Acknowledged, &report);
        // What was told of it while it was nobody's was not taken in.
        let wait = if was_foreign { Millis(0) } else { ORDER_GRACE };
        self.ask_about(index, id, wait);
    }

    /// The exchange's number of an order that was known by its name alone.
    fn order_number_learned(&mut self, index: VenueIndex, order: &ClientOrderId, number: Option<ExchangeOrderId>) {
        let known = self.state.venues[index.0].orders.get(order);
        if number.is_some() && known.is_some_and(|order| order.exchange_id.is_none()) {
            let report = OrderReport {
                exchange_id: number,
                ..OrderReport::default()
            };
            self.learn(index, order, OrderEvidence::Acknowledged, &report);
        }
    }

    /// An order that was taken for somebody else's is ours. Whether it was.
    fn forget_foreign_order(
        &mut self,
        index: VenueIndex,
        instrument: InstrumentId,
        number: Option<&ExchangeOrderId>,
        name: Option<&ClientOrderId>,
    ) -> bool {
        let venue = &mut self.state.venues[index.0];
        let market = venue.market(instrument).and_then(|m| m.instrument.as_ref());
        let Some(symbol) = market.map(|i| i.symbol.clone()) else {
            return false;
        };
        let keys = [
            number.map(|number| format!("{symbol} {number}")),
            name.map(|name| format!("{symbol} {name}")),
        ];
        let mut was_foreign = false;
        for key in keys.into_iter().flatten() {
            was_foreign |= venue.foreign.remove(&key).is_some();
            was_foreign |= venue.reconcile.foreign_seen.remove(&key).is_some();
        }
        was_foreign
    }
}
