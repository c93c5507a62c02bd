//! The ends of operations on triggers, and what each is evidence of.

use colibri_model::{ClientOrderId, InstrumentId, Millis, OpId, TriggerEvidence, TriggerState};
use colibri_standard::{Outcome, RejectReason};

use crate::engine::core::Core;
use crate::engine::operations::Purpose;
use crate::engine::{LogLevel, VenueIndex};
use crate::orders::{CancelState, Denial, TriggerQuestion, TriggerReport};

/// The first question after an unknown outcome.
const FIRST_QUESTION: Millis = Millis(100);
/// How long the end of a trigger may lag behind the acceptance of its cancel.
const CANCEL_GRACE: Millis = Millis(2_000);
/// A cancel whose outcome is unknown and whose trigger cannot be asked about is sent again after so long.
const CANCEL_UNKNOWN: Millis = Millis(5_000);
/// A ban may be long; the cancel is tried again at least so often.
const CANCEL_AT_LEAST: Millis = Millis(60_000);

impl Core {
    pub(crate) fn trigger_op_ended(&mut self, index: VenueIndex, op: OpId, purpose: &Purpose, outcome: &Outcome) {
        match purpose {
            Purpose::PlaceTrigger(id) => self.trigger_placed(index, id, outcome),
            Purpose::CancelTrigger(id) => self.trigger_cancel_ended(index, id, outcome),
            Purpose::TriggerStatus(id) => self.trigger_status_ended(index, id, outcome),
            Purpose::TriggerOrder(id) => self.trigger_order_ended(index, id, outcome),
            Purpose::ReconcileTriggers(instrument) => {
                if *outcome == Outcome::Done {
                    self.ask_about_unseen_triggers(index, *instrument);
                }
                self.reconcile_ended(index, op, purpose, outcome);
            }
            _ => {}
        }
    }

    fn trigger_placed(&mut self, index: VenueIndex, id: &ClientOrderId, outcome: &Outcome) {
        let now = self.mono();
        if let Some(trigger) = self.state.venues[index.0].triggers.tracker.get_mut(id) {
            trigger.answered = Some(now);
        }
        let report = TriggerReport {
            reason: outcome.refusal().map(ToString::to_string),
            ..TriggerReport::default()
        };
        let evidence = match outcome {
            Outcome::Done => TriggerEvidence::Placed,
            // Our ids are never used twice: a trigger of that id is this one.
            Outcome::Rejected(refusal) if refusal.reason == RejectReason::DuplicateClientId => {
                TriggerEvidence::OutcomeUnknown
            }
            Outcome::Rejected(_) => TriggerEvidence::Rejected,
            Outcome::Unknown(_) => TriggerEvidence::OutcomeUnknown,
            Outcome::NotSent(_)
            | Outcome::NotExecuted(_)
            | Outcome::Throttled { .. }
            | Outcome::Banned { .. }
            | Outcome::AuthFailed(_)
            | Outcome::ClockSkew(_)
            | Outcome::Maintenance(_) => TriggerEvidence::NotSent,
        };
        if let Some(refusal) = outcome.refusal() {
            let text = format!("trigger {id} was not confirmed: {refusal}");
            self.log(LogLevel::Warn, text);
        }
        match evidence {
            TriggerEvidence::Placed => self.placement_taken(index, id),
            TriggerEvidence::Rejected => self.placement_refused(index, id),
            _ => {}
        }
        self.learn_trigger(index, id, evidence, &report);
        let state = self.state.venues[index.0].triggers.tracker.get(id).map(|t| t.state());
        if state == Some(TriggerState::Unknown) {
            self.ask_about_trigger(index, id, FIRST_QUESTION);
        }
    }

    fn trigger_cancel_ended(&mut self, index: VenueIndex, id: &ClientOrderId, outcome: &Outcome) {
        let since = self.mono();
        let Some(trigger) = self.state.venues[index.0].triggers.tracker.get_mut(id) else {
            return;
        };
        if !trigger.may_be_live() {
            return;
        }
        let question = match outcome {
            Outcome::Done => {
                trigger.cancel = CancelState::Accepted { since };
                trigger.cancel_again = None;
                Some(CANCEL_GRACE)
            }
            Outcome::Unknown(_) => {
                trigger.cancel_failed(since.plus(CANCEL_UNKNOWN));
                trigger.cancel = CancelState::Unknown { since };
                self.wake_in(CANCEL_UNKNOWN);
                Some(FIRST_QUESTION)
            }
            // Fired, cancelled or never seen: the exchange's status of the trigger tells which.
            Outcome::Rejected(_) => {
                self.trigger_cancel_later(index, id, Millis(0));
                Some(Millis(0))
            }
            Outcome::Throttled { retry_after, .. } => {
                self.trigger_cancel_later(index, id, retry_after.unwrap_or_default().min(CANCEL_AT_LEAST));
                None
            }
            Outcome::Banned { until, .. } => {
                let ban = until.map_or(0, |until| until.0.saturating_sub(self.state.now.wall.0));
                let ban = Millis(u64::try_from(ban / 1_000_000).unwrap_or(0));
                self.trigger_cancel_later(index, id, ban.min(CANCEL_AT_LEAST));
                None
            }
            Outcome::NotSent(_)
            | Outcome::NotExecuted(_)
            | Outcome::AuthFailed(_)
            | Outcome::ClockSkew(_)
            | Outcome::Maintenance(_) => {
                self.trigger_cancel_later(index, id, Millis(0));
                None
            }
        };
        if let Some(wait) = question {
            self.ask_about_trigger(index, id, wait);
        }
        if let Some(refusal) = outcome.refusal() {
            let text = format!("the cancel of trigger {id} was not confirmed: {refusal}");
            self.log(LogLevel::Info, text);
        }
    }

    /// A cancel came to nothing: it is sent again after a back-off, and not before `least`, until the trigger has ended.
    fn trigger_cancel_later(&mut self, index: VenueIndex, id: &ClientOrderId, least: Millis) {
        let trigger = self.state.venues[index.0].triggers.tracker.get(id);
        let failures = trigger.map_or(0, |t| t.cancel_failures);
        let wait = self.back_off(failures).max(least);
        let again = self.wake_in(wait);
        if let Some(trigger) = self.state.venues[index.0].triggers.tracker.get_mut(id) {
            trigger.cancel_failed(again);
        }
    }

    fn trigger_status_ended(&mut self, index: VenueIndex, id: &ClientOrderId, outcome: &Outcome) {
        let now = self.mono();
        let Some(trigger) = self.state.venues[index.0].triggers.tracker.get_mut(id) else {
            return;
        };
        match outcome {
            // The trigger event came before. A cancel that was lost has left the trigger waiting: it is sent again.
            Outcome::Done => {
                let lost = matches!(
                    trigger.cancel,
                    CancelState::Unknown { .. } | CancelState::Accepted { .. }
                );
                if lost && trigger.may_be_live() {
                    self.trigger_cancel_later(index, id, Millis(0));
                }
            }
            Outcome::Rejected(refusal)
                if refusal.reason == RejectReason::OrderNotFound
                    && (trigger.may_be_live() || trigger.has_questions()) =>
            {
                if trigger.answered.is_some() && trigger.inquiry.denied(now) == Denial::Absent {
                    return self.trigger_is_absent(index, id);
                }
                trigger.inquiry.again(now, &mut self.random);
            }
            _ => {}
        }
        self.ask_again_unless_settled(index, id, outcome);
    }

    /// The exchange has denied a trigger often and late enough.
    fn trigger_is_absent(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let asks_order = venue.order_keeps_client_id();
        let Some(trigger) = venue.triggers.tracker.get_mut(id) else {
            return;
        };
        if trigger.state() == TriggerState::BecameOrder {
            // Which one is not known, and so nothing is proven: it is asked about further.
            trigger.inquiry.known();
            trigger.inquiry.again(now, &mut self.random);
            self.keep_trigger_in_doubt(index, id);
            let text = format!(
                "trigger {id} became an order that the exchange does not name: see to it at the exchange yourself"
            );
            return self.log(LogLevel::Error, text);
        }
        if asks_order {
            // It may have ended as an order, which has its id.
            trigger.question = TriggerQuestion::Order;
            trigger.inquiry.settled();
            trigger.inquiry.want(now);
        }
        let text = format!("trigger {id}: the exchange has denied it often and late enough: it is gone");
        self.log(LogLevel::Warn, text);
        let report = TriggerReport {
            reason: Some("the exchange does not have it".to_owned()),
            ..TriggerReport::default()
        };
        self.learn_trigger(index, id, TriggerEvidence::Absent, &report);
    }

    /// The question is answered whether a trigger that is gone became an order: the order's event came before.
    fn trigger_order_ended(&mut self, index: VenueIndex, id: &ClientOrderId, outcome: &Outcome) {
        let answered = match outcome {
            Outcome::Done => true,
            Outcome::Rejected(refusal) => refusal.reason == RejectReason::OrderNotFound,
            _ => false,
        };
        if let Some(trigger) = self.state.venues[index.0]
            .triggers
            .tracker
            .get_mut(id)
            .filter(|_| answered)
        {
            trigger.question = TriggerQuestion::Trigger;
        }
        self.ask_again_unless_settled(index, id, outcome);
    }

    /// A question about a trigger has ended: what is still in doubt is asked about again, after a back-off.
    fn ask_again_unless_settled(&mut self, index: VenueIndex, id: &ClientOrderId, outcome: &Outcome) {
        let now = self.mono();
        let Some(trigger) = self.state.venues[index.0].triggers.tracker.get_mut(id) else {
            return;
        };
        let unanswered = trigger.may_be_live() && *outcome != Outcome::Done;
        if (unanswered || trigger.has_questions()) && trigger.inquiry.due().is_none() {
            trigger.inquiry.again(now, &mut self.random);
        }
        self.keep_trigger_in_doubt(index, id);
    }

    /// Triggers that should be waiting and that the exchange did not tell as waiting are asked about.
    fn ask_about_unseen_triggers(&mut self, index: VenueIndex, instrument: InstrumentId) {
        let venue = &self.state.venues[index.0];
        let started = venue.reconcile.started;
        let waiting = venue.triggers.tracker.live().filter(|t| {
            t.intent.instrument == instrument
                && matches!(t.state(), TriggerState::Placed | TriggerState::Triggered)
                && t.accepted.is_some_and(|at| at < started)
        });
        let unseen = waiting.map(|t| t.client_id().clone());
        let unseen: Vec<_> = unseen.filter(|id| !venue.triggers.seen.contains(id)).collect();
        for id in unseen {
            self.ask_about_trigger(index, &id, Millis(0));
        }
    }
}
