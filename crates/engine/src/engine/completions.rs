//! The ends of operations, and what each is evidence of.

use colibri_model::{ClientOrderId, InstrumentId, Millis, MonoNs, OpId, OrderEvidence};
use colibri_standard::{Command, Fees, Outcome, RejectReason};

use crate::HostNow;
use crate::engine::core::Core;
use crate::engine::operations::Purpose;
use crate::engine::{LogLevel, VenueIndex};
use crate::orders::{CancelState, Denial, OrderReport};

/// The first question after an unknown outcome.
const FIRST_QUESTION: Millis = Millis(100);
/// How long the end of an order may lag behind the acceptance of its cancel.
const CANCEL_GRACE: Millis = Millis(2_000);
/// A cancel whose outcome is unknown and whose order cannot be asked about is sent again after so long.
const CANCEL_UNKNOWN: Millis = Millis(5_000);
/// A ban may be long, and so may what a 429 asks for; the cancel is tried again at least so often.
const CANCEL_AT_LEAST: Millis = Millis(60_000);

impl Core {
    pub(crate) fn on_completed(&mut self, index: VenueIndex, op: OpId, outcome: &Outcome, now: HostNow) {
        self.at(now);
        let Some(venue) = self.state.venues.get_mut(index.0) else {
            return;
        };
        let Some(purpose) = venue.ops.end(op) else { return };
        self.brakes.doubt_profit();
        match &purpose {
            Purpose::Instruments | Purpose::UseInstruments | Purpose::StartBalances => {
                self.bring_up_ended(index, &purpose, outcome);
            }
            Purpose::Fees(instrument) => self.fees_ended(index, *instrument, outcome),
            Purpose::Balances => {
                if let Some(refusal) = outcome.refusal() {
                    let text = format!("asking for {purpose:?} failed: {refusal}");
                    self.log(LogLevel::Warn, text);
                }
            }
            Purpose::Snapshot(instrument) => self.snapshot_ended(index, *instrument, outcome),
            Purpose::Resubscribe(instrument) => self.resubscribe_ended(index, *instrument, outcome),
            Purpose::Place(id) => {
                self.place_ended(index, id, outcome);
                self.placed_in_place(index, id, outcome);
            }
            Purpose::Replace { cancel, place } => self.replace_ended(index, op, (cancel, place), outcome),
            Purpose::Cancel(id) => self.cancel_ended(index, id, outcome),
            Purpose::Amend(id, quantity) => self.amend_ended(index, id, *quantity, outcome),
            Purpose::OrderStatus(id) => self.status_ended(index, id, outcome),
            Purpose::OrderFills(id) => self.order_fills_ended(index, id),
            Purpose::ReconcileOrders(_)
            | Purpose::ReconcileFills(_)
            | Purpose::ReconcileHistory(_)
            | Purpose::ReconcileBalances => {
                self.reconcile_ended(index, op, &purpose, outcome);
            }
            Purpose::Proof => self.proof_ended(index, op, outcome),
            Purpose::Contracts(_) => self.contracts_ended(index, op, &purpose, outcome),
            Purpose::PlaceTrigger(_)
            | Purpose::CancelTrigger(_)
            | Purpose::TriggerStatus(_)
            | Purpose::TriggerOrder(_)
            | Purpose::ReconcileTriggers(_) => self.trigger_op_ended(index, op, &purpose, outcome),
        }
        self.wake_at(now.mono);
    }

    /// The rates stay zero until they are told, so they are asked for until they are.
    fn fees_ended(&mut self, index: VenueIndex, instrument: InstrumentId, outcome: &Outcome) {
        let Some(market) = self.state.venues[index.0].market(instrument) else {
            return;
        };
        let failures = market.fees_asked;
        let Some(refusal) = outcome.refusal() else { return };
        let wait = self.back_off(failures);
        let again = self.wake_in(wait);
        let venue = &mut self.state.venues[index.0];
        let text = format!(
            "{}: asking for the fee rates failed ({refusal}); trying again in {} ms",
            venue.id, wait.0
        );
        if let Some(market) = venue.market_mut(instrument) {
            market.fees_asked = failures.saturating_add(1);
            market.fees_again = Some(again);
        }
        self.log(LogLevel::Warn, text);
    }

    /// Asks again for the fee rates that could not be had.
    pub(crate) fn ask_fees_again(&mut self, index: VenueIndex) {
        let now = self.mono();
        let (mut due, mut next) = (Vec::new(), None);
        for market in &mut self.state.venues[index.0].markets {
            match market.fees_again {
                Some(at) if at <= now => {
                    market.fees_again = None;
                    due.push(market.id);
                }
                Some(at) => next = Some(next.map_or(at, |next: MonoNs| next.min(at))),
                None => {}
            }
        }
        if let Some(next) = next {
            self.wake_at(next);
        }
        for instrument in due {
            self.command(index, Purpose::Fees(instrument), Command::Fees(Fees { instrument }));
        }
    }

    /// Wants an answer about an order within `wait`.
    pub(crate) fn ask_about(&mut self, index: VenueIndex, id: &ClientOrderId, wait: Millis) {
        let at = self.wake_in(wait);
        let venue = &mut self.state.venues[index.0];
        if let Some(order) = venue.orders.get_mut(id) {
            order.inquiry.want(at);
            venue.in_doubt.insert(id.clone());
        }
    }

    pub(crate) fn place_ended(&mut self, index: VenueIndex, id: &ClientOrderId, outcome: &Outcome) {
        let now = self.mono();
        if let Some(order) = self.state.venues[index.0].orders.get_mut(id) {
            order.answered = Some(now);
        }
        let report = OrderReport {
            reason: outcome.refusal().map(ToString::to_string),
            ..OrderReport::default()
        };
        let evidence = match outcome {
            Outcome::Done => OrderEvidence::Acknowledged,
            // Our ids are never used twice: an order of that id is this one.
            Outcome::Rejected(refusal) if refusal.reason == RejectReason::DuplicateClientId => {
                OrderEvidence::OutcomeUnknown
            }
            Outcome::Rejected(_) => OrderEvidence::Rejected,
            Outcome::Unknown(_) => OrderEvidence::OutcomeUnknown,
            Outcome::NotSent(_)
            | Outcome::NotExecuted(_)
            | Outcome::Throttled { .. }
            | Outcome::Banned { .. }
            | Outcome::AuthFailed(_)
            | Outcome::ClockSkew(_)
            | Outcome::Maintenance(_) => OrderEvidence::NotSent,
        };
        if let Some(refusal) = outcome.refusal() {
            let text = format!("order {id} was not confirmed: {refusal}");
            self.log(LogLevel::Warn, text);
        }
        match evidence {
            OrderEvidence::Acknowledged => self.placement_taken(index, id),
            OrderEvidence::Rejected => self.placement_refused(index, id),
            _ => {}
        }
        self.learn(index, id, evidence, &report);
        if evidence == OrderEvidence::OutcomeUnknown {
            let unknown = self.state.venues[index.0]
                .orders
                .get(id)
                .is_some_and(|o| !o.is_settled());
            if unknown {
                self.ask_about(index, id, FIRST_QUESTION);
            }
        }
    }

    pub(crate) fn cancel_ended(&mut self, index: VenueIndex, id: &ClientOrderId, outcome: &Outcome) {
        let since = self.mono();
        let Some(order) = self.state.venues[index.0].orders.get_mut(id) else {
            return;
        };
        if !order.may_be_live() {
            return;
        }
        let question = match outcome {
            Outcome::Done => {
                order.cancel = CancelState::Accepted { since };
                order.cancel_again = None;
                Some(CANCEL_GRACE)
            }
            Outcome::Unknown(_) => {
                order.cancel_failed(since.plus(CANCEL_UNKNOWN));
                order.cancel = CancelState::Unknown { since };
                self.wake_in(CANCEL_UNKNOWN);
                Some(FIRST_QUESTION)
            }
            // Filled, cancelled or never seen: the exchange's status of the order tells which.
            Outcome::Rejected(_) => {
                self.cancel_later(index, id, Millis(0));
                Some(Millis(0))
            }
            Outcome::Throttled { retry_after, .. } => {
                self.cancel_later(index, id, retry_after.unwrap_or_default().min(CANCEL_AT_LEAST));
                None
            }
            Outcome::Banned { until, .. } => {
                let ban = until.map_or(0, |until| until.0.saturating_sub(self.state.now.wall.0));
                let ban = Millis(u64::try_from(ban / 1_000_000).unwrap_or(0));
                self.cancel_later(index, id, ban.min(CANCEL_AT_LEAST));
                None
            }
            Outcome::NotSent(_)
            | Outcome::NotExecuted(_)
            | Outcome::AuthFailed(_)
            | Outcome::ClockSkew(_)
            | Outcome::Maintenance(_) => {
                self.cancel_later(index, id, Millis(0));
                None
            }
        };
        if let Some(wait) = question {
            self.ask_about(index, id, wait);
        }
        if let Some(refusal) = outcome.refusal() {
            let text = format!("the cancel of order {id} was not confirmed: {refusal}");
            self.log(LogLevel::Info, text);
        }
    }

    /// A cancel came to nothing: it is sent again after a back-off, and not before `least`, until the order has ended.
    fn cancel_later(&mut self, index: VenueIndex, id: &ClientOrderId, least: Millis) {
        let order = self.state.venues[index.0].orders.get(id);
        let failures = order.map_or(0, |o| o.cancel_failures);
        let wait = self.back_off(failures).max(least);
        let again = self.wake_in(wait);
        if let Some(order) = self.state.venues[index.0].orders.get_mut(id) {
            order.cancel_failed(again);
        }
    }

    fn status_ended(&mut self, index: VenueIndex, id: &ClientOrderId, outcome: &Outcome) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let Some(order) = venue.orders.get_mut(id) else { return };
        match outcome {
            Outcome::Done => {
                // The order event came before. A cancel that was lost has left the order working: it is sent again.
                let lost = matches!(order.cancel, CancelState::Unknown { .. } | CancelState::Accepted { .. });
                if lost && order.may_be_live() {
                    // Its replacement was not placed either, then: it is left working.
                    if order.replaced_by.take().is_some() {
                        order.cancel = CancelState::None;
                    } else {
                        self.cancel_later(index, id, Millis(0));
                    }
                }
            }
            Outcome::Rejected(refusal) if refusal.reason == RejectReason::OrderNotFound && order.may_be_live() => {
                if order.answered.is_some() && order.inquiry.denied(now) == Denial::Absent {
                    let report = OrderReport {
                        reason: Some("the exchange does not have it".to_owned()),
                        ..OrderReport::default()
                    };
                    let text = format!("order {id}: the exchange has denied it often and late enough: it is gone");
                    self.log(LogLevel::Warn, text);
                    return self.learn(index, id, OrderEvidence::Absent, &report);
                }
                order.inquiry.again(now, &mut self.random);
            }
            _ => {}
        }
        let venue = &mut self.state.venues[index.0];
        let Some(order) = venue.orders.get_mut(id) else { return };
        if order.inquiry.due().is_none() && order.may_be_live() && !(*outcome == Outcome::Done && order.is_settled()) {
            order.inquiry.again(now, &mut self.random);
        }
        self.settle_or_wait(index, id);
    }

    fn order_fills_ended(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        if let Some(order) = venue.orders.get_mut(id)
            && !order.missing_fills().is_zero()
        {
            order.fills_inquiry.again(now, &mut self.random);
        }
        self.settle_or_wait(index, id);
    }

    /// Keeps an order among those in doubt while a question about it is due.
    fn settle_or_wait(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let venue = &mut self.state.venues[index.0];
        let Some(order) = venue.orders.get(id) else { return };
        match [order.inquiry.due(), order.fills_inquiry.due()]
            .into_iter()
            .flatten()
            .min()
        {
            Some(due) => {
                venue.in_doubt.insert(id.clone());
                self.wake_at(due);
            }
            None => {
                venue.in_doubt.remove(id);
            }
        }
    }
}
