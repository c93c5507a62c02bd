//! Triggers on their way out: rules, risk, journal, tracker, and only then the connector.

use colibri_model::{ClientOrderId, Record, TriggerIntent};
use colibri_standard::{CancelTrigger, Capability, Command, PlaceTrigger};

use crate::engine::core::Core;
use crate::engine::dispatch::Note;
use crate::engine::operations::Purpose;
use crate::engine::venue::Venue;
use crate::engine::{LogLevel, VenueIndex};
use crate::orders::{CancelState, InFlightTrigger};
use crate::risk::RiskRefusal;
use crate::strategy::{BookNeed, RefusedTrigger, TriggerRequest};

impl Core {
    /// Carries out a strategy's wish for a trigger.
    pub(crate) fn wish_trigger(&mut self, strategy: usize, request: &TriggerRequest) {
        let Err(reason) = self.place_trigger(strategy, request) else {
            return;
        };
        self.state.counts.orders_refused += 1;
        let id = &self.state.strategies[strategy].id;
        let text = format!(
            "strategy {id}: a {} trigger at {} was not sent: {reason}",
            request.side.as_str(),
            request.trigger_price
        );
        let level = match reason {
            RiskRefusal::Stopping => LogLevel::Debug,
            _ => LogLevel::Info,
        };
        self.log(level, text);
        let refused = RefusedTrigger {
            market: request.market,
            tag: request.tag,
            reason,
        };
        self.notes.push_back(Note::TriggerRefused(strategy, refused));
    }

    /// Places a trigger: tracked and journaled before it is handed over.
    fn place_trigger(&mut self, strategy: usize, request: &TriggerRequest) -> Result<ClientOrderId, RiskRefusal> {
        let intent = self.checked_trigger(strategy, request)?;
        let now = self.state.now;
        let index = request.market.venue;
        let venue = &self.state.venues[index.0];
        let market = venue.market(intent.instrument).ok_or(RiskRefusal::NoSuchMarket)?;
        let strategy_id = self.state.strategies[strategy].id.clone();
        let pair = market.pair.clone();
        let record = Record::TriggerIntent {
            strategy: strategy_id.clone(),
            venue: venue.id.clone(),
            account: venue.account.clone(),
            pair: pair.clone(),
            trigger: intent.clone(),
            time: now.wall,
        };
        self.journal_first(record).map_err(|_| RiskRefusal::JournalFailed)?;
        let id = intent.client_id.clone();
        let command = PlaceTrigger::of(intent.clone());
        let trigger = InFlightTrigger::new(strategy_id, request.tag, pair, intent, now.mono, now.wall);
        self.state.venues[index.0].triggers.tracker.track(trigger);
        self.command(index, Purpose::PlaceTrigger(id.clone()), Command::PlaceTrigger(command));
        self.state.counts.triggers_sent += 1;
        self.state.order_rate.count(now.mono);
        Ok(id)
    }

    /// The trigger that a wish becomes: rounded to the rule, checked, with its id.
    ///
    /// One that can only reduce a position is the way out, and passes the operator's caps on what may be opened; it needs no
    /// book either: its price is its own. One that may open is checked as the order that it becomes.
    fn checked_trigger(&mut self, strategy: usize, request: &TriggerRequest) -> Result<TriggerIntent, RiskRefusal> {
        self.may_place(strategy)?;
        let now = self.mono();
        let opens = !request.terms.effect.only_reduces();
        let need = match opens {
            true => self.state.strategies[strategy].book_need,
            false => BookNeed::Polled,
        };
        let index = request.market.venue;
        let venue = self.state.venues.get(index.0).ok_or(RiskRefusal::NoSuchMarket)?;
        if let Some(outage) = venue.outage(need) {
            return Err(RiskRefusal::VenueNotReady(venue.in_words(outage)));
        }
        let market = venue
            .market(request.market.instrument)
            .ok_or(RiskRefusal::NoSuchMarket)?;
        let instrument = market.taking_orders()?;
        if opens && !venue.book_is_fresh(market, need, now) {
            return Err(RiskRefusal::NoFreshBook);
        }
        let rule = &instrument.rule;
        let mut intent = TriggerIntent {
            // A stand-in until every check has passed: an id that is drawn is used.
            client_id: ClientOrderId::new("unsent").expect("not empty, and short"),
            instrument: request.market.instrument,
            kind: request.kind,
            by: request.by,
            // A sell up, a buy down: a stop fires no later than was wanted, a take profit at no worse a price.
            trigger_price: rule.quantize_price(request.side, request.trigger_price),
            side: request.side,
            order_type: request.order_type,
            time_in_force: request.time_in_force,
            price: request.price.map(|price| rule.quantize_price(request.side, price)),
            quantity: request
                .quantity
                .map(|quantity| rule.quantize_quantity(request.order_type, quantity)),
            terms: venue.full_terms(market, request.terms),
        };
        venue.offers_trigger(&intent)?;
        venue.check_date(intent.time_in_force, intent.terms.good_till, self.state.now.wall)?;
        venue.check_position_side(market, intent.terms.position_side)?;
        rule.check_trigger(&intent)?;
        if let Some(most) = rule.max_triggers {
            let live = venue.triggers_in(market.id);
            if live >= most as usize {
                return Err(RiskRefusal::MarketTriggers { live, cap: most });
            }
        }
        if opens {
            self.trigger_passes_risk_gate(&self.state.strategies[strategy].id, index, &intent)?;
        }
        intent.client_id = self.next_client_id(strategy, index)?;
        Ok(intent)
    }

    /// Cancels a trigger of a strategy's own.
    pub(crate) fn wish_trigger_cancel(&mut self, strategy: usize, id: &ClientOrderId) {
        let strategy = &self.state.strategies[strategy].id;
        let holds = |v: &Venue| v.triggers.tracker.get(id).is_some_and(|t| t.strategy == *strategy);
        if let Some(index) = self.state.venues.iter().position(holds).map(VenueIndex) {
            self.cancel_trigger(index, id);
        }
    }

    /// Cancels a trigger, unless it has ended or a cancel of it is under way; as [`Core::cancel`]. An order that it has become
    /// meanwhile is not meant.
    pub(crate) fn cancel_trigger(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        let Some(trigger) = venue.triggers.tracker.get_mut(id) else {
            return;
        };
        if trigger.may_be_live() && trigger.cancel == CancelState::None {
            trigger.cancel = CancelState::Wanted;
        }
        match trigger.cancel_due() {
            None => return,
            Some(due) if due > now.mono => return self.wake_at(due),
            Some(_) => trigger.cancel = CancelState::Pending { since: now.mono },
        }
        let cancel = CancelTrigger {
            instrument: trigger.intent.instrument,
            client_id: Some(id.clone()),
            exchange_id: trigger.exchange_id.clone(),
        };
        let record = Record::TriggerCancelIntent {
            venue: venue.id.clone(),
            client_id: id.clone(),
            time: now.wall,
        };
        // Cancelling is the safe direction: it goes on where the journal cannot be written.
        self.journal_fact(record);
        self.command(
            index,
            Purpose::CancelTrigger(id.clone()),
            Command::CancelTrigger(cancel),
        );
        self.state.counts.cancels_sent += 1;
    }

    /// Sends a cancel that waited for its trigger's placement to be answered.
    pub(crate) fn send_wanted_trigger_cancel(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let trigger = self.state.venues[index.0].triggers.tracker.get(id);
        if trigger.is_some_and(|t| t.cancel != CancelState::None) {
            self.cancel_trigger(index, id);
        }
    }

    /// Sends the cancels that came to nothing before and are due again.
    pub(crate) fn send_wanted_trigger_cancels(&mut self, index: VenueIndex) {
        let live = self.state.venues[index.0].triggers.tracker.live();
        let wanted = live.filter(|t| t.cancel != CancelState::None);
        let wanted: Vec<ClientOrderId> = wanted.map(|t| t.client_id().clone()).collect();
        for id in wanted {
            self.cancel_trigger(index, &id);
        }
    }
}

impl Venue {
    /// Whether the connector has such triggers.
    ///
    /// # Errors
    /// What it lacks.
    fn offers_trigger(&self, trigger: &TriggerIntent) -> Result<(), RiskRefusal> {
        let has = self
            .trigger_manifest()
            .ok_or(RiskRefusal::NoSuchTrigger("triggers at all"))?;
        if !has.kinds.contains(&trigger.kind) {
            return Err(RiskRefusal::NoSuchTrigger(trigger.kind.as_str()));
        }
        let needs = PlaceTrigger::of(trigger.clone()).needs;
        let lacks = |capability: &Capability| !self.has(capability);
        if let Some(lacking) = needs.into_iter().find(lacks) {
            return Err(RiskRefusal::Lacks(lacking));
        }
        if !has.orders.contains(&trigger.order_type) {
            return Err(RiskRefusal::NoSuchTrigger(trigger.order_type.as_str()));
        }
        Ok(())
    }

    /// How many triggers of the account may wait in an instrument, of others too: the exchange counts them all.
    fn triggers_in(&self, instrument: colibri_model::InstrumentId) -> usize {
        let ours = self.triggers.tracker.live();
        let ours = ours.filter(|t| t.intent.instrument == instrument).count();
        let others = self.triggers.foreign.values();
        ours + others.filter(|t| t.instrument == Some(instrument)).count()
    }
}
