//! Replacing an order by another: in one request where the exchange has it, else by a cancel and then a placement.
//!
//! Both halves are journaled before anything is sent, and each has its own end. The new order is not placed unless the old
//! one is cancelled, so the two never work at once. A cancel that comes to nothing is not tried again: the old order is left
//! working, and the strategy is told.

use colibri_abi::{op_flag, op_kind};
use colibri_model::{ClientOrderId, Millis, OpId, OrderState, Record};
use colibri_standard::{Outcome, Refusal, RejectReason, ReplaceResult};
use serde::{Deserialize, Serialize};

use crate::engine::core::Core;
use crate::engine::dispatch::Note;
use crate::engine::operations::Purpose;
use crate::engine::order_entry::{place_op, text};
use crate::engine::venue::Venue;
use crate::engine::{LogLevel, VenueIndex};
use crate::orders::{CancelState, InFlightOrder, OrderChange};
use crate::risk::RiskRefusal;
use crate::strategy::{OrderReplaced, OrderRequest, RequestEnd};

/// The first question after an unknown outcome.
const FIRST_QUESTION: Millis = Millis(100);

/// A placement that waits for the end of the order whose place it takes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WaitingReplacement {
    strategy: usize,
    request: OrderRequest,
}

/// Whether the exchange replaces orders of an instrument in one request.
fn in_one_request(venue: &Venue, order: &InFlightOrder) -> bool {
    let instrument = venue
        .market(order.intent.instrument)
        .and_then(|m| m.instrument.as_ref());
    venue.manifest.orders.replace.is_some() && instrument.is_some_and(|i| i.rule.replace)
}

/// The ends of both halves, from what the connector told of them and how the operation as a whole ended.
fn halves(told: Option<ReplaceResult>, whole: &Outcome) -> (Outcome, Outcome) {
    let no_result = || {
        Outcome::Unknown(Refusal::new(
            RejectReason::UnreadableAnswer,
            "the connector has not told what became of the halves",
        ))
    };
    match told {
        // The host knows better than the connector that something was written: neither half is as it was told.
        Some(told) if whole.is_unknown() && !told.cancel.is_unknown() && !told.place.is_unknown() => {
            (whole.clone(), whole.clone())
        }
        Some(told) => (told.cancel, told.place),
        None if *whole == Outcome::Done => (no_result(), no_result()),
        None => (whole.clone(), whole.clone()),
    }
}

impl Core {
    /// Replaces an order that rests in the book.
    pub(crate) fn replace(
        &mut self,
        strategy: usize,
        index: VenueIndex,
        id: &ClientOrderId,
        by: &OrderRequest,
    ) -> Result<(), RiskRefusal> {
        let venue = &self.state.venues[index.0];
        let order = venue.resting(id)?;
        if by.market != Self::market_id(index, order.intent.instrument) {
            return Err(RiskRefusal::NotChangeable("its replacement is of another market"));
        }
        let at_once = in_one_request(venue, order);
        // Checked before the order is touched: what would be refused afterwards does not cost it its place.
        let intent = self.checked_intent(strategy, by, Some(id))?;
        if !at_once {
            let waiting = WaitingReplacement {
                strategy,
                request: by.clone(),
            };
            self.state.venues[index.0].replacements.insert(id.clone(), waiting);
            self.cancel(index, id);
            return Ok(());
        }
        let now = self.state.now;
        let op = self.new_op();
        let venue = &mut self.state.venues[index.0];
        let market = venue.market(intent.instrument).ok_or(RiskRefusal::NoSuchMarket)?;
        let old = venue
            .orders
            .get(id)
            .ok_or(RiskRefusal::NotChangeable("it is not known"))?;
        let mut order_op = place_op(op, &intent, market)?;
        order_op.kind = op_kind::REPLACE;
        order_op.flags |= op_flag::STOP_ON_FAILURE;
        order_op.exchange_id = old
            .exchange_id
            .as_ref()
            .map_or(order_op.exchange_id, |x| text(x.as_str()));
        order_op.other_client_id = text(old.name_at_exchange().as_str());
        let pair = market.pair.clone();
        let strategy_id = self.state.strategies[strategy].id.clone();
        let records = [
            Record::Intent {
                strategy: strategy_id.clone(),
                venue: venue.id.clone(),
                account: venue.account.clone(),
                pair: pair.clone(),
                order: intent.clone(),
                time: now.wall,
            },
            Record::CancelIntent {
                venue: venue.id.clone(),
                client_id: id.clone(),
                time: now.wall,
            },
        ];
        self.journal_all_first(&records)
            .map_err(|_| RiskRefusal::JournalFailed)?;
        let new_id = intent.client_id.clone();
        let mut order = InFlightOrder::new(strategy_id, by.tag, pair, intent, now.mono, now.wall);
        order.replaces = Some(id.clone());
        let venue = &mut self.state.venues[index.0];
        venue.orders.track(order);
        if let Some(old) = venue.orders.get_mut(id) {
            old.cancel = CancelState::Pending { since: now.mono };
            old.replaced_by = Some(new_id.clone());
        }
        let purpose = Purpose::Replace {
            cancel: id.clone(),
            place: new_id,
        };
        venue.ops.begin(op, purpose);
        venue.outbox.push(order_op);
        self.state.counts.orders_sent += 1;
        self.state.counts.cancels_sent += 1;
        self.state.order_rate.count(now.mono);
        Ok(())
    }

    /// A connector tells what became of the halves; the operation ends next.
    pub(crate) fn on_replace_result(&mut self, index: VenueIndex, result: ReplaceResult) {
        let venue = &mut self.state.venues[index.0];
        if matches!(venue.ops.get(result.op), Some(Purpose::Replace { .. })) {
            venue.replace_results.insert(result.op, result);
        }
    }

    /// A replace in one request has ended: each half as a cancel and a placement by themselves would.
    pub(crate) fn replace_ended(
        &mut self,
        index: VenueIndex,
        op: OpId,
        ids: (&ClientOrderId, &ClientOrderId),
        whole: &Outcome,
    ) {
        let (cancel_id, place_id) = ids;
        let told = self.state.venues[index.0].replace_results.remove(&op);
        let (cancel, place) = halves(told, whole);
        self.replaced_order_ended(index, cancel_id, &cancel);
        self.place_ended(index, place_id, &place);
        let end = match (&cancel, &place) {
            (Outcome::Done, place) => RequestEnd::from(place),
            (_, Outcome::NotSent(_) | Outcome::NotExecuted(_)) => RequestEnd::NotAttempted,
            (_, place) => RequestEnd::from(place),
        };
        self.tell_replaced(index, cancel_id, Some(place_id), RequestEnd::from(&cancel), end);
    }

    /// The cancel half. One that came to nothing leaves the order working, unless it was cancelled for its own sake since.
    fn replaced_order_ended(&mut self, index: VenueIndex, id: &ClientOrderId, outcome: &Outcome) {
        let since = self.mono();
        let Some(order) = self.state.venues[index.0].orders.get_mut(id) else {
            return;
        };
        if !order.may_be_live() {
            return;
        }
        if order.replaced_by.is_none() || *outcome == Outcome::Done {
            order.replaced_by = None;
            return self.cancel_ended(index, id, outcome);
        }
        if let Outcome::Unknown(_) = outcome {
            order.cancel = CancelState::Unknown { since };
            return self.ask_about(index, id, FIRST_QUESTION);
        }
        order.replaced_by = None;
        order.cancel = CancelState::None;
        if let Outcome::Rejected(_) = outcome {
            // Filled, cancelled or never seen: its status tells which.
            self.ask_about(index, id, Millis(0));
        }
    }

    /// An order is to be cancelled for its own sake: a replacement that was not sent is withdrawn, and a cancel that is under
    /// way in a replace is carried on should that come to nothing.
    pub(crate) fn withdraw_replacement(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let venue = &mut self.state.venues[index.0];
        venue.replacements.remove(id);
        if let Some(order) = venue.orders.get_mut(id) {
            order.replaced_by = None;
        }
    }

    /// An order has ended: what was to take its place is placed if it is cancelled, and else is not.
    pub(crate) fn place_replacement(&mut self, index: VenueIndex, change: &OrderChange) {
        if !change.to.is_terminal() {
            return;
        }
        let id = &change.client_id;
        let Some(waiting) = self.state.venues[index.0].replacements.remove(id) else {
            return;
        };
        let WaitingReplacement { strategy, request } = waiting;
        let (cancel, place) = if change.to == OrderState::Cancelled {
            match self.place(strategy, &request, Some(id)) {
                // Told when the placement has been answered.
                Ok(_) => return,
                Err(reason) => {
                    self.state.counts.orders_refused += 1;
                    let text = format!("order {id} was cancelled, and not replaced: {reason}");
                    self.log(LogLevel::Info, text);
                    (RequestEnd::Done, RequestEnd::Refused(reason.to_string()))
                }
            }
        } else {
            let ended = format!("the order had ended as {:?}", change.to);
            (RequestEnd::Refused(ended), RequestEnd::NotAttempted)
        };
        let told = OrderReplaced {
            replaced: id.clone(),
            by: None,
            market: request.market,
            tag: request.tag,
            cancel,
            place,
        };
        self.notes.push_back(Note::Replaced(strategy, told));
    }

    /// The placement of an order that takes the place of a cancelled one has been answered.
    pub(crate) fn placed_in_place(&mut self, index: VenueIndex, id: &ClientOrderId, outcome: &Outcome) {
        let order = self.state.venues[index.0].orders.get(id);
        if let Some(old) = order.and_then(|o| o.replaces.clone()) {
            self.tell_replaced(index, &old, Some(id), RequestEnd::Done, RequestEnd::from(outcome));
        }
    }

    fn tell_replaced(
        &mut self,
        index: VenueIndex,
        replaced: &ClientOrderId,
        by: Option<&ClientOrderId>,
        cancel: RequestEnd,
        place: RequestEnd,
    ) {
        let Some(order) = by.and_then(|id| self.state.venues[index.0].orders.get(id)) else {
            return;
        };
        let told = OrderReplaced {
            replaced: replaced.clone(),
            by: by.cloned(),
            market: Self::market_id(index, order.intent.instrument),
            tag: order.tag,
            cancel,
            place,
        };
        let owner = self.state.strategies.iter().position(|s| s.id == order.strategy);
        if let Some(strategy) = owner {
            self.notes.push_back(Note::Replaced(strategy, told));
        }
    }
}
