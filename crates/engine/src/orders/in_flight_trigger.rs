//! One trigger of ours: an order that waits at the exchange for a price.

use colibri_model::{
    ClientOrderId, ExchangeOrderId, MonoNs, Pair, PositionEffect, StrategyId, TriggerEvidence, TriggerIntent,
    TriggerState, TriggerTransitionError, WallNs,
};
use colibri_standard::ReportSource;
use serde::{Deserialize, Serialize};

use crate::orders::{CancelState, EndKnown, Inquiry, OrderOrigin};

/// What a report says about a trigger, beside the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TriggerReport {
    /// The exchange's id of the trigger.
    pub exchange_id: Option<ExchangeOrderId>,
    /// The exchange's id of the order that it became.
    pub order: Option<ExchangeOrderId>,
    /// The client id of that order, where it is not the trigger's.
    pub order_client_id: Option<ClientOrderId>,
    /// Words.
    pub reason: Option<String>,
    /// The exchange's time.
    pub exchange_time: Option<WallNs>,
    /// What told it; `None` for conclusions of the engine's own.
    pub source: Option<ReportSource>,
}

/// What the next question about a trigger asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TriggerQuestion {
    /// The trigger.
    #[default]
    Trigger,
    /// The order that it may have become: the exchange, which had the trigger, denies it.
    Order,
}

/// A trigger of ours, from before it is sent until long after it is done. What it became is an order, tracked by itself under
/// the same client id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InFlightTrigger {
    /// Who decided it.
    pub strategy: StrategyId,
    /// The strategy's own number for it: its order's too.
    pub tag: u32,
    /// Of which pair.
    pub pair: Pair,
    /// The trigger as it was decided.
    pub intent: TriggerIntent,
    /// From where.
    pub origin: OrderOrigin,
    /// The exchange's id of the trigger, once known.
    pub exchange_id: Option<ExchangeOrderId>,
    /// The exchange's id of the order that it became, once known.
    pub order: Option<ExchangeOrderId>,
    /// The client id of that order at the exchange, where it was told and is not the trigger's.
    pub order_client_id: Option<ClientOrderId>,
    /// Where a cancel stands.
    pub cancel: CancelState,
    /// When it was sent (for a recovered one: when this run began).
    pub sent: MonoNs,
    /// When its placement was answered or given up. Until then a denial says nothing.
    pub answered: Option<MonoNs>,
    /// How its end, if it has come, is known.
    pub end_known: EndKnown,
    /// Before when a cancel is not sent again; `None` where none has come to nothing.
    pub cancel_again: Option<MonoNs>,
    /// Cancels that came to nothing.
    pub cancel_failures: u32,
    /// When it was decided.
    pub created: WallNs,
    /// When the exchange first confirmed it, by our clock.
    pub accepted: Option<MonoNs>,
    /// The exchange's time of the last report.
    pub exchange_time: Option<WallNs>,
    /// When it ended.
    pub closed: Option<MonoNs>,
    /// The last words about it.
    pub reason: Option<String>,
    /// Questions about it.
    pub inquiry: Inquiry,
    /// What the next of them asks for.
    pub question: TriggerQuestion,
    state: TriggerState,
}

impl InFlightTrigger {
    /// A trigger that is about to be sent.
    #[must_use]
    pub fn new(
        strategy: StrategyId,
        tag: u32,
        pair: Pair,
        intent: TriggerIntent,
        sent: MonoNs,
        created: WallNs,
    ) -> InFlightTrigger {
        InFlightTrigger {
            strategy,
            tag,
            pair,
            intent,
            origin: OrderOrigin::ThisRun,
            exchange_id: None,
            order: None,
            order_client_id: None,
            cancel: CancelState::None,
            sent,
            answered: None,
            end_known: EndKnown::Told,
            cancel_again: None,
            cancel_failures: 0,
            created,
            accepted: None,
            exchange_time: None,
            closed: None,
            reason: None,
            inquiry: Inquiry::default(),
            question: TriggerQuestion::Trigger,
            state: TriggerState::PendingPlace,
        }
    }

    /// Its client id.
    #[must_use]
    pub const fn client_id(&self) -> &ClientOrderId {
        &self.intent.client_id
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> TriggerState {
        self.state
    }

    /// Whether it may wait at the exchange.
    #[must_use]
    pub const fn may_be_live(&self) -> bool {
        self.state.may_be_live()
    }

    /// Whether it may make a position larger: then it counts as its order would.
    #[must_use]
    pub const fn may_open(&self) -> bool {
        matches!(self.intent.terms.effect, PositionEffect::Any)
    }

    /// Whether nothing about it is open to doubt.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        match self.state {
            TriggerState::PendingPlace | TriggerState::Unknown | TriggerState::Triggered => false,
            TriggerState::Placed => matches!(
                self.cancel,
                CancelState::None | CancelState::Wanted | CancelState::Pending { .. }
            ),
            TriggerState::BecameOrder => self.order.is_some(),
            TriggerState::Expired | TriggerState::Cancelled | TriggerState::Rejected => true,
        }
    }

    /// The cancel came to nothing: it stays wanted, and is not sent again before `again`.
    pub fn cancel_failed(&mut self, again: MonoNs) {
        self.cancel = CancelState::Wanted;
        self.cancel_again = Some(again);
        self.cancel_failures = self.cancel_failures.saturating_add(1);
    }

    /// From when on a cancel may be sent; `None` where none is needed, or one is under way.
    #[must_use]
    pub fn cancel_due(&self) -> Option<MonoNs> {
        let may_be_sent = match self.cancel {
            CancelState::None | CancelState::Wanted => true,
            CancelState::Unknown { .. } => self.cancel_again.is_some(),
            CancelState::Pending { .. } | CancelState::Accepted { .. } => false,
        };
        let sendable = self.may_be_live() && may_be_sent && self.state != TriggerState::PendingPlace;
        sendable.then(|| self.cancel_again.unwrap_or_default())
    }

    /// Takes evidence in.
    ///
    /// # Errors
    /// [`TriggerTransitionError`] where the evidence cannot follow: an old report. The state is as it was; ids are kept.
    pub fn learn(
        &mut self,
        evidence: TriggerEvidence,
        report: &TriggerReport,
        now: MonoNs,
    ) -> Result<(), TriggerTransitionError> {
        use TriggerEvidence as E;
        let keep = |ours: &mut Option<ExchangeOrderId>, told: &Option<ExchangeOrderId>| {
            if ours.is_none() {
                ours.clone_from(told);
            }
        };
        keep(&mut self.exchange_id, &report.exchange_id);
        keep(&mut self.order, &report.order);
        if self.order_client_id.is_none() && report.order_client_id.as_ref() != Some(self.client_id()) {
            self.order_client_id.clone_from(&report.order_client_id);
        }
        // That it waits or has fired is believed of an answer only: a stream may lag.
        let believed = |state: &TriggerState| state.is_terminal() || report.source == Some(ReportSource::Query);
        let back = self.state.after_absence(evidence).filter(believed);
        let back = back.filter(|_| self.end_known == EndKnown::Inferred);
        let before = self.state;
        let next = match back {
            Some(next) => next,
            None => before.after(evidence)?,
        };
        let is_there = matches!(
            evidence,
            E::Placed | E::Triggered | E::BecameOrder | E::Expired | E::Cancelled
        );
        if is_there {
            self.accepted.get_or_insert(now);
            self.inquiry.known();
        }
        if is_there || (evidence == E::Rejected && report.source.is_some()) {
            self.end_known = EndKnown::Told;
        } else if next.is_terminal() && !before.is_terminal() {
            // Nobody has told its end: an answer that tells it as waiting is believed.
            self.end_known = EndKnown::Inferred;
        }
        if report.reason.is_some() {
            self.reason.clone_from(&report.reason);
        }
        if report.exchange_time.is_some() {
            self.exchange_time = self.exchange_time.max(report.exchange_time);
        }
        self.state = next;
        if next.is_terminal() {
            self.closed.get_or_insert(now);
            // Should a trigger that is inferred to be gone come back, its cancel is wanted as it was.
            if self.end_known == EndKnown::Inferred && self.cancel != CancelState::None {
                self.cancel = CancelState::Wanted;
            } else {
                self.cancel = CancelState::None;
            }
        } else {
            self.closed = None;
        }
        if is_there {
            self.question = TriggerQuestion::Trigger;
        }
        Ok(())
    }
}
