//! One order of ours.

use std::collections::BTreeMap;

use colibri_model::{
    Amount, Asset, ClientOrderId, ExchangeOrderId, Fill, MonoNs, OrderEvidence, OrderIntent, OrderState, Pair, Price,
    Quantity, QuantityUnit, StrategyId, TransitionError, WallNs,
};

use colibri_standard::ReportSource;
use serde::{Deserialize, Serialize};

use crate::orders::{Inquiry, OrderTotals};

/// Where a cancel stands, beside the state of its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelState {
    /// None is under way.
    None,
    /// Wanted, and sent once the placement has been answered (before, the exchange may not have the order yet), or, where
    /// the last one came to nothing, once [`InFlightOrder::cancel_again`] has come.
    Wanted,
    /// Sent, not yet answered.
    Pending {
        /// Since when.
        since: MonoNs,
    },
    /// The exchange took it; the order's end is yet to be told.
    Accepted {
        /// Since when.
        since: MonoNs,
    },
    /// Whether the exchange has it is not known: the order is asked about.
    Unknown {
        /// Since when.
        since: MonoNs,
    },
}

/// Where an order comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderOrigin {
    /// This run.
    ThisRun,
    /// The journal of an earlier run.
    Recovered,
    /// The exchange: no journal tells of it, and its client id is of this bot, or its user said that it is.
    Adopted,
}

impl OrderOrigin {
    /// Whether the strategy's own number for the order is not known any more.
    #[must_use]
    pub const fn has_lost_its_tag(self) -> bool {
        matches!(self, OrderOrigin::Recovered | OrderOrigin::Adopted)
    }
}

/// What a report says about an order, beside the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderReport {
    /// The exchange's id.
    pub exchange_id: Option<ExchangeOrderId>,
    /// The exchange's counter of what is filled.
    pub filled: Option<Quantity>,
    /// Words.
    pub reason: Option<String>,
    /// The exchange's time.
    pub exchange_time: Option<WallNs>,
    /// What told it; `None` for conclusions of the engine's own.
    pub source: Option<ReportSource>,
}

/// What is known of an order's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndKnown {
    /// The exchange told it in this run, or the order has not ended.
    Told,
    /// The exchange denied the order, or an earlier run noted its end: a query that tells it as working brings it back.
    Inferred,
}

/// Whether the name is known that an order has at the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum NameThere {
    /// It is ours, or another that was told.
    #[default]
    Known,
    /// A trigger became it, and the exchange gave it a name that it has not told: it has its number alone.
    NotTold,
}

/// An order of ours, from before it is sent until long after it is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InFlightOrder {
    /// Who decided it.
    pub strategy: StrategyId,
    /// The strategy's own number for it (for a market maker: side and level).
    pub tag: u32,
    /// Of which pair.
    pub pair: Pair,
    /// The order as it was decided; its quantity follows an amend.
    pub intent: OrderIntent,
    /// From where.
    pub origin: OrderOrigin,
    /// The smaller quantity that it may have instead, by an amend whose outcome is not known yet.
    pub amend_to: Option<Quantity>,
    /// The exchange's id, once known.
    pub exchange_id: Option<ExchangeOrderId>,
    /// What the exchange calls it since an amend renamed it; `None` while it has its own name.
    pub renamed: Option<ClientOrderId>,
    /// Whether its name at the exchange is known.
    #[serde(default)]
    pub name_there: NameThere,
    /// Where a cancel stands.
    pub cancel: CancelState,
    /// The order that is to take its place in the same request, while that has not been answered: should its cancel come to
    /// nothing, it is left working.
    pub replaced_by: Option<ClientOrderId>,
    /// The order whose place it takes.
    pub replaces: Option<ClientOrderId>,
    /// When it was sent (for a recovered order: when this run began).
    pub sent: MonoNs,
    /// When its placement was answered or given up (for a recovered order: when this run began). Until then a denial says
    /// nothing: it may not have been written yet.
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
    /// Questions about its state.
    pub inquiry: Inquiry,
    /// Questions about its fills.
    pub fills_inquiry: Inquiry,
    state: OrderState,
    reported_filled: Quantity,
    totals: OrderTotals,
}

impl InFlightOrder {
    /// An order that is about to be sent.
    #[must_use]
    pub fn new(
        strategy: StrategyId,
        tag: u32,
        pair: Pair,
        intent: OrderIntent,
        sent: MonoNs,
        created: WallNs,
    ) -> InFlightOrder {
        InFlightOrder {
            strategy,
            tag,
            pair,
            intent,
            origin: OrderOrigin::ThisRun,
            amend_to: None,
            exchange_id: None,
            renamed: None,
            name_there: NameThere::Known,
            cancel: CancelState::None,
            replaced_by: None,
            replaces: None,
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
            fills_inquiry: Inquiry::default(),
            state: OrderState::PendingCreate,
            reported_filled: Quantity::ZERO,
            totals: OrderTotals::default(),
        }
    }

    /// Its client id.
    #[must_use]
    pub const fn client_id(&self) -> &ClientOrderId {
        &self.intent.client_id
    }

    /// Its client id at the exchange, which an amend may have changed.
    #[must_use]
    pub fn name_at_exchange(&self) -> &ClientOrderId {
        self.renamed.as_ref().unwrap_or(&self.intent.client_id)
    }

    /// The client id to name it by to the exchange; `None` where only the exchange's own number will do.
    #[must_use]
    pub fn known_name(&self) -> Option<&ClientOrderId> {
        match self.name_there {
            NameThere::Known => Some(self.name_at_exchange()),
            NameThere::NotTold => None,
        }
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> OrderState {
        self.state
    }

    /// Whether it may be in the exchange's book.
    #[must_use]
    pub const fn may_be_live(&self) -> bool {
        self.state.may_be_live()
    }

    /// What the ledger says is filled, for how much, at which cost.
    #[must_use]
    pub const fn totals(&self) -> &OrderTotals {
        &self.totals
    }

    /// What the ledger says is filled.
    #[must_use]
    pub const fn filled(&self) -> Quantity {
        self.totals.filled
    }

    /// The filled notional, by the ledger.
    #[must_use]
    pub const fn filled_quote(&self) -> Amount {
        self.totals.filled_quote
    }

    /// Fees by asset, by the ledger.
    #[must_use]
    pub const fn fees(&self) -> &BTreeMap<Asset, Amount> {
        &self.totals.fees
    }

    /// The average price of its fills.
    #[must_use]
    pub fn average_price(&self) -> Option<Price> {
        self.totals.average_price()
    }

    /// What is not filled (zero for quantities in the quote asset, which the ledger does not count down).
    #[must_use]
    pub fn leaves(&self) -> Quantity {
        match self.intent.quantity_unit {
            QuantityUnit::Base => {
                Quantity((self.intent.quantity.0 - self.totals.filled.0).max(rust_decimal::Decimal::ZERO))
            }
            QuantityUnit::Quote => Quantity::ZERO,
        }
    }

    /// What the exchange counts as filled, by the highest report; zero while none has said.
    #[must_use]
    pub const fn reported_filled(&self) -> Quantity {
        self.reported_filled
    }

    /// What the exchange counts as filled and the ledger does not have.
    #[must_use]
    pub fn missing_fills(&self) -> Quantity {
        Quantity((self.reported_filled.0 - self.totals.filled.0).max(rust_decimal::Decimal::ZERO))
    }

    /// Whether a report is of before the last one: what it says of an amended quantity is over.
    #[must_use]
    pub fn is_older_news(&self, exchange_time: Option<WallNs>) -> bool {
        matches!((exchange_time, self.exchange_time), (Some(told), Some(known)) if told < known)
    }

    /// The exchange told its whole quantity, in answer to a question or otherwise.
    pub fn learn_quantity(&mut self, quantity: Quantity, source: ReportSource) {
        // A report on the stream may be from before the amend.
        if source == ReportSource::Query || self.amend_to == Some(quantity) {
            self.amend_to = None;
        }
        self.intent.quantity = quantity;
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
            // A cancel that was lost and cannot be asked about does no harm when it is sent twice.
            CancelState::Unknown { .. } => self.cancel_again.is_some(),
            CancelState::Pending { .. } | CancelState::Accepted { .. } => false,
        };
        let sendable = self.may_be_live() && may_be_sent && self.state != OrderState::PendingCreate;
        sendable.then(|| self.cancel_again.unwrap_or_default())
    }

    /// Whether nothing about it is open to doubt.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let cancel_settled = self.state.is_terminal()
            || matches!(
                self.cancel,
                CancelState::None | CancelState::Wanted | CancelState::Pending { .. }
            );
        !matches!(
            self.state,
            OrderState::Unknown | OrderState::Acknowledged | OrderState::PendingCreate
        ) && cancel_settled
            && (self.amend_to.is_none() || self.state.is_terminal())
    }

    /// Takes evidence in.
    ///
    /// # Errors
    /// [`TransitionError`] where the evidence cannot follow: an old report. The order is as it was.
    pub fn learn(&mut self, evidence: OrderEvidence, report: &OrderReport, now: MonoNs) -> Result<(), TransitionError> {
        // What the exchange counts as filled only grows, whatever order the reports come in.
        if let Some(filled) = report.filled {
            self.reported_filled = self.reported_filled.max(filled);
        }
        if self.exchange_id.is_none() {
            self.exchange_id.clone_from(&report.exchange_id);
        }
        // That it works is believed of an answer only: a stream may lag.
        let believed = |state: &OrderState| state.is_terminal() || report.source == Some(ReportSource::Query);
        let back = self.state.after_absence(evidence).filter(believed);
        let back = back.filter(|_| self.end_known == EndKnown::Inferred);
        let next = match back {
            Some(next) => next,
            None => self.state.after(evidence)?,
        };
        if evidence == OrderEvidence::Filled && self.intent.quantity_unit == QuantityUnit::Base {
            // Of two quantities that it may have, the smaller is certain to be filled.
            let least = self.amend_to.unwrap_or(self.intent.quantity).min(self.intent.quantity);
            self.reported_filled = self.reported_filled.max(least);
        }
        let confirmed = matches!(
            evidence,
            OrderEvidence::Acknowledged
                | OrderEvidence::Open
                | OrderEvidence::PartiallyFilled
                | OrderEvidence::Filled
                | OrderEvidence::Cancelled
                | OrderEvidence::Expired
        );
        if confirmed && self.accepted.is_none() {
            self.accepted = Some(now);
        }
        if confirmed {
            self.inquiry.known();
            self.end_known = EndKnown::Told;
        } else if evidence == OrderEvidence::Absent {
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
            self.replaced_by = None;
            // Should an order that is inferred to be gone come back, its cancel is wanted as it was.
            if self.end_known == EndKnown::Inferred && self.cancel != CancelState::None {
                self.cancel = CancelState::Wanted;
            } else {
                self.cancel = CancelState::None;
            }
            self.inquiry.settled();
        } else {
            self.closed = None;
        }
        Ok(())
    }

    /// Adds a fill that the ledger took as new.
    pub fn add_fill(&mut self, fill: &Fill) {
        self.totals.add_fill(fill);
    }

    /// Adds what a fill cost.
    pub fn add_fee(&mut self, fill: &Fill) {
        self.totals.add_fee(fill);
    }
}
