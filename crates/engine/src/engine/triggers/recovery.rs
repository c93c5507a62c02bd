//! Taking up the triggers that the journal left, and the orders that they became.

use colibri_model::{
    AccountId, ClientOrderId, ExchangeOrderId, OrderState, Pair, Record, StrategyId, TriggerEvidence, TriggerIntent,
    TriggerState, VenueId, WallNs,
};

use crate::engine::core::Core;
use crate::engine::{Recovered, RecoveredOrder, VenueIndex};
use crate::orders::{CancelState, EndKnown, InFlightTrigger, NameThere, OrderOrigin, TriggerReport};

/// Ended triggers that are taken up, the youngest.
const ENDED: usize = 1_000;

/// A trigger as the journal left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveredTrigger {
    /// Who decided it.
    pub strategy: StrategyId,
    /// Where.
    pub venue: VenueId,
    /// In whose account.
    pub account: AccountId,
    /// Of which pair.
    pub pair: Pair,
    /// The trigger.
    pub intent: TriggerIntent,
    /// The exchange's id, where it was learned.
    pub exchange_id: Option<ExchangeOrderId>,
    /// The last state.
    pub state: TriggerState,
    /// The order that it became, where it was learned.
    pub order: Option<ExchangeOrderId>,
    /// The client id of that order, where it was told and is not the trigger's.
    pub order_client_id: Option<ClientOrderId>,
    /// When a cancel of it was last about to be sent: the wish outlives the run.
    pub cancel_wanted: Option<WallNs>,
    /// When it was decided.
    pub created: WallNs,
}

impl RecoveredTrigger {
    /// The order that it became: of which nothing is known yet but that.
    fn order(&self) -> RecoveredOrder {
        RecoveredOrder {
            strategy: self.strategy.clone(),
            venue: self.venue.clone(),
            account: self.account.clone(),
            pair: self.pair.clone(),
            intent: self.intent.becomes(),
            amend_to: None,
            exchange_id: self.order.clone(),
            names: self.order_client_id.iter().cloned().collect(),
            state: OrderState::Unknown,
            reported_filled: None,
            cancel_wanted: None,
            created: self.created,
        }
    }
}

impl Recovered {
    /// Adds a record about a trigger.
    pub(in crate::engine) fn add_trigger_record(&mut self, record: &Record) {
        match record {
            Record::TriggerIntent {
                strategy,
                venue,
                account,
                pair,
                trigger,
                time,
            } => {
                let recovered = RecoveredTrigger {
                    strategy: strategy.clone(),
                    venue: venue.clone(),
                    account: account.clone(),
                    pair: pair.clone(),
                    intent: trigger.clone(),
                    exchange_id: None,
                    state: TriggerState::PendingPlace,
                    order: None,
                    order_client_id: None,
                    cancel_wanted: None,
                    created: *time,
                };
                // One that the journal did know keeps what it knows.
                self.triggers.entry(trigger.client_id.clone()).or_insert(recovered);
                self.unsettle(venue, account);
                self.seen(venue, *time);
            }
            Record::TriggerCancelIntent { venue, client_id, time } => {
                if let Some(trigger) = self.triggers.get_mut(client_id) {
                    trigger.cancel_wanted = Some(*time);
                }
                self.seen(venue, *time);
            }
            Record::TriggerChanged {
                venue,
                client_id,
                exchange_id,
                state,
                order,
                order_client_id,
                time,
                ..
            } => {
                if let Some(trigger) = self.triggers.get_mut(client_id) {
                    trigger.state = *state;
                    trigger.exchange_id = trigger.exchange_id.take().or_else(|| exchange_id.clone());
                    trigger.order = trigger.order.take().or_else(|| order.clone());
                    trigger.order_client_id = trigger.order_client_id.take().or_else(|| order_client_id.clone());
                    let can_be_named = trigger.order.is_some() || trigger.order_client_id.is_some();
                    if *state == TriggerState::BecameOrder && can_be_named {
                        let became = trigger.order();
                        let known = self.orders.entry(client_id.clone()).or_insert_with(|| became.clone());
                        known.exchange_id = known.exchange_id.take().or(became.exchange_id);
                        if known.names.is_empty() {
                            known.names = became.names;
                        }
                    }
                }
                self.seen(venue, *time);
            }
            _ => {}
        }
    }

    /// An order, where it is known: also one that a trigger became of which the record says nothing more.
    pub(in crate::engine) fn order_mut(&mut self, id: &ClientOrderId) -> Option<&mut RecoveredOrder> {
        if !self.orders.contains_key(id) {
            let became = self.triggers.get(id)?.order();
            self.orders.insert(id.clone(), became);
        }
        self.orders.get_mut(id)
    }

    /// What is known of the name of an order at the exchange: nothing, where a trigger became it and none was told.
    pub(in crate::engine) fn name_there(&self, id: &ClientOrderId, keeps: bool) -> NameThere {
        let order = self.orders.get(id);
        let told = order.is_some_and(|order| !order.names.is_empty());
        match self.triggers.contains_key(id) && !told && !keeps {
            true => NameThere::NotTold,
            false => NameThere::Known,
        }
    }
}

impl Core {
    /// Triggers that may wait and that no venue that was added takes up: their venue or their account is not there.
    pub(crate) fn orphan_triggers(&self) -> impl Iterator<Item = &RecoveredTrigger> {
        let live = self.recovered.triggers.values().filter(|t| t.state.may_be_live());
        live.filter(move |trigger| {
            let mut venues = self.state.venues.iter();
            !venues.any(|venue| venue.id == trigger.venue && venue.account == trigger.account)
        })
    }

    /// Tracks the triggers that the journal left at a venue. What was on its way when the host died is Unknown.
    pub(crate) fn recover_triggers(&mut self, index: VenueIndex) {
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        let mut triggers: Vec<_> = self
            .recovered
            .triggers
            .values()
            .filter(|t| t.venue == venue.id && t.account == venue.account)
            .filter_map(|t| Some((t, venue.markets.iter().find(|m| m.pair == t.pair)?.id)))
            .collect();
        triggers.sort_by_key(|(t, _)| (t.created, t.intent.client_id.clone()));
        let ended = triggers.iter().filter(|(t, _)| t.state.is_terminal()).count();
        let mut skip = ended.saturating_sub(ENDED);
        for (recovered, instrument) in triggers {
            let id = recovered.intent.client_id.clone();
            if recovered.state.is_terminal() && skip > 0 {
                skip -= 1;
                venue.untracked.insert(id);
                continue;
            }
            let mut intent = recovered.intent.clone();
            intent.instrument = instrument;
            let mut trigger = InFlightTrigger::new(
                recovered.strategy.clone(),
                0,
                recovered.pair.clone(),
                intent,
                now.mono,
                recovered.created,
            );
            trigger.origin = OrderOrigin::Recovered;
            trigger.answered = Some(now.mono);
            let report = TriggerReport {
                exchange_id: recovered.exchange_id.clone(),
                order: recovered.order.clone(),
                order_client_id: recovered.order_client_id.clone(),
                ..TriggerReport::default()
            };
            // From PendingPlace every state can be reached in one step.
            let _ = trigger.learn(evidence_of(recovered.state), &report, now.mono);
            // What an earlier run concluded is not known to have been told.
            if trigger.state().is_terminal() {
                trigger.end_known = EndKnown::Inferred;
            } else if recovered.cancel_wanted.is_some() {
                trigger.cancel = CancelState::Wanted;
            }
            if trigger.may_be_live() || !trigger.is_settled() {
                trigger.inquiry.want(now.mono);
                venue.triggers.in_doubt.insert(id);
            }
            venue.triggers.tracker.track(trigger);
        }
    }
}

const fn evidence_of(state: TriggerState) -> TriggerEvidence {
    match state {
        TriggerState::PendingPlace | TriggerState::Unknown => TriggerEvidence::OutcomeUnknown,
        TriggerState::Placed => TriggerEvidence::Placed,
        TriggerState::Triggered => TriggerEvidence::Triggered,
        TriggerState::BecameOrder => TriggerEvidence::BecameOrder,
        TriggerState::Expired => TriggerEvidence::Expired,
        TriggerState::Cancelled => TriggerEvidence::Cancelled,
        TriggerState::Rejected => TriggerEvidence::Rejected,
    }
}
