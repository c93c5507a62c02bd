//! When triggers are asked about, and what waits as a whole.

use colibri_model::{ClientOrderId, InstrumentId, Millis, TriggerState};
use colibri_standard::{Command, OpenTriggers, OrderStatusQuery, TriggerStatusQuery};

use crate::engine::VenueIndex;
use crate::engine::core::Core;
use crate::engine::operations::Purpose;
use crate::orders::{InFlightTrigger, TriggerQuestion};

/// How long the order of a trigger whose price was reached may take to be told before it is asked about.
const FIRED_GRACE: Millis = Millis(2_000);

impl InFlightTrigger {
    /// Whether something about it is to be asked.
    pub(crate) fn has_questions(&self) -> bool {
        !self.is_settled() || self.question == TriggerQuestion::Order
    }
}

impl Core {
    /// Wants an answer about a trigger within `wait`.
    pub(super) fn ask_about_trigger(&mut self, index: VenueIndex, id: &ClientOrderId, wait: Millis) {
        let at = self.wake_in(wait);
        let triggers = &mut self.state.venues[index.0].triggers;
        if let Some(trigger) = triggers.tracker.get_mut(id) {
            trigger.inquiry.want(at);
            triggers.in_doubt.insert(id.clone());
        }
    }

    /// After a report: what is still open to doubt is asked about, what is not any more is left alone.
    pub(super) fn settle_trigger_questions(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let is_asked = venue.ops.has(&Purpose::TriggerStatus(id.clone()));
        let triggers = &mut venue.triggers;
        let Some(trigger) = triggers.tracker.get_mut(id) else {
            return;
        };
        let fired = matches!(trigger.state(), TriggerState::Triggered | TriggerState::BecameOrder);
        if !trigger.has_questions() {
            trigger.inquiry.settled();
        } else if fired && trigger.inquiry.due().is_none() && !is_asked {
            trigger.inquiry.want(now.plus(FIRED_GRACE));
        }
        self.keep_trigger_in_doubt(index, id);
    }

    /// Keeps a trigger among those in doubt while something about it is to be asked, or is being asked.
    pub(super) fn keep_trigger_in_doubt(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let triggers = &mut self.state.venues[index.0].triggers;
        let Some(trigger) = triggers.tracker.get(id) else {
            triggers.in_doubt.remove(id);
            return;
        };
        let due = trigger.inquiry.due();
        if due.is_some() || trigger.has_questions() {
            triggers.in_doubt.insert(id.clone());
        } else {
            triggers.in_doubt.remove(id);
        }
        if let Some(due) = due {
            self.wake_at(due);
        }
    }

    /// Asks what is due.
    pub(crate) fn ask_trigger_questions(&mut self, index: VenueIndex) {
        let ids: Vec<ClientOrderId> = self.state.venues[index.0].triggers.in_doubt.iter().cloned().collect();
        for id in ids {
            self.ask_trigger_question(index, &id);
        }
    }

    fn ask_trigger_question(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let under_way = [Purpose::TriggerStatus(id.clone()), Purpose::TriggerOrder(id.clone())];
        if under_way.iter().any(|purpose| venue.ops.has(purpose)) {
            return;
        }
        let Some(trigger) = venue.triggers.tracker.get_mut(id) else {
            return;
        };
        let Some(due) = trigger.inquiry.due() else { return };
        if due > now {
            return self.wake_at(due);
        }
        trigger.inquiry.asked();
        let instrument = trigger.intent.instrument;
        let [status, order] = under_way;
        match trigger.question {
            TriggerQuestion::Trigger => {
                let query = TriggerStatusQuery {
                    instrument,
                    client_id: Some(id.clone()),
                    exchange_id: trigger.exchange_id.clone(),
                };
                self.command(index, status, Command::TriggerStatus(query));
            }
            TriggerQuestion::Order => {
                let query = OrderStatusQuery {
                    instrument,
                    client_id: Some(id.clone()),
                    exchange_id: None,
                };
                self.command(index, order, Command::OrderStatus(query));
            }
        }
    }

    /// What waits in these instruments, as commands; none where the connector has no triggers.
    pub(crate) fn open_triggers(
        &self,
        index: VenueIndex,
        instruments: &[InstrumentId],
    ) -> Vec<(InstrumentId, Command)> {
        if self.state.venues[index.0].trigger_manifest().is_none() {
            return Vec::new();
        }
        let ask = |&instrument: &InstrumentId| {
            let of = OpenTriggers {
                instrument: Some(instrument),
            };
            (instrument, Command::OpenTriggers(of))
        };
        instruments.iter().map(ask).collect()
    }
}
