//! Amends and replaces at the scripted exchange, and what becomes of their answers.

use colibri_abi::{OrderOp, op_flag};
use colibri_engine::HostNow;
use colibri_model::{ClientOrderId, OpId, Quantity, from_mantissa};
use colibri_standard::{Event, OrderStatus, Outcome, Refusal, RejectReason, ReplaceResult, ReportSource};

use super::{Answers, Exchange, rejected, unknown};
use crate::desk::Delivery;

/// What becomes of the next amend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amendment {
    /// Done and confirmed.
    Done,
    /// Done; the answer is lost.
    DoneAnswerLost,
    /// Never arrived; the answer is a time-out.
    LostAnswerLost,
    /// Refused.
    Refused,
    /// Done; the order has another name from then on.
    Renamed,
}

/// What becomes of the next replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacing {
    /// Both halves are done, where the order is still open; else neither.
    Both,
    /// The same; the answer is lost.
    BothAnswerLost,
    /// Never arrived; the answer is a time-out.
    LostAnswerLost,
    /// The order is cancelled, the other refused.
    PlaceFails,
    /// The order is cancelled; what became of the other is not known: it was placed.
    PlaceUnknown,
    /// Not sent.
    NotSent,
    /// Both are done, and the connector does not tell of the halves.
    NoResult,
}

impl Exchange {
    pub(super) fn amend(&mut self, op: &OrderOp, id: &ClientOrderId, op_id: OpId, now: HostNow) -> Answers {
        self.amends += 1;
        self.amended_prices.push(op.price);
        let script = self.amend_script.pop_front().unwrap_or(Amendment::DoneAnswerLost);
        let quantity = Quantity(from_mantissa(op.quantity, op.quantity_exponent));
        let open = self.open().any(|o| o.client_id == *id && o.filled < quantity);
        if script == Amendment::LostAnswerLost {
            return vec![(10_000, Delivery::Completed(op_id, unknown()))];
        }
        if !open || script == Amendment::Refused {
            return vec![(5, Delivery::Completed(op_id, rejected(RejectReason::OrderNotFound)))];
        }
        self.orders.get_mut(id).unwrap().quantity = quantity;
        match script {
            Amendment::DoneAnswerLost => vec![(10_000, Delivery::Completed(op_id, unknown()))],
            Amendment::Renamed => {
                let name = ClientOrderId::new(&format!("renamed-{}", self.id())).unwrap();
                let mut order = self.orders.remove(id).unwrap();
                order.client_id = name.clone();
                self.orders.insert(name.clone(), order);
                let mut told = self.order_event(&name, ReportSource::Ack, now);
                if let Event::Order(order) = &mut told {
                    order.previous_client_id = Some(id.clone());
                }
                vec![
                    (5, Delivery::Event(told)),
                    (5, Delivery::Completed(op_id, Outcome::Done)),
                ]
            }
            _ => {
                let ack = Delivery::Event(self.order_event(id, ReportSource::Ack, now));
                let mut answers = vec![(5, ack), (5, Delivery::Completed(op_id, Outcome::Done))];
                answers.extend(self.stream(id, now, 4));
                answers
            }
        }
    }

    pub(super) fn replace(&mut self, op: &OrderOp, new: &ClientOrderId, op_id: OpId, now: HostNow) -> Answers {
        self.replaces += 1;
        assert_eq!(op.flags & op_flag::STOP_ON_FAILURE, op_flag::STOP_ON_FAILURE);
        let script = self.replace_script.pop_front().unwrap_or(Replacing::Both);
        let old = ClientOrderId::new(op.other_client_id.as_str()).unwrap();
        let end = |cancel: Outcome, place: Outcome, whole: Outcome, after| {
            let result = ReplaceResult {
                op: op_id,
                cancel,
                place,
            };
            vec![
                (after, Delivery::Event(result.into())),
                (after, Delivery::Completed(op_id, whole)),
            ]
        };
        let not_sent = || Outcome::NotSent(Refusal::new(RejectReason::BadRequest, "not attempted"));
        match script {
            Replacing::LostAnswerLost => return vec![(10_000, Delivery::Completed(op_id, unknown()))],
            Replacing::NotSent => return end(not_sent(), not_sent(), not_sent(), 5),
            _ => {}
        }
        if !self.open().any(|o| o.client_id == old) {
            let cancel = rejected(RejectReason::OrderNotFound);
            return match script {
                Replacing::BothAnswerLost => vec![(10_000, Delivery::Completed(op_id, unknown()))],
                _ => end(cancel.clone(), not_sent(), cancel, 5),
            };
        }
        self.orders.get_mut(&old).unwrap().status = OrderStatus::Cancelled;
        let mut answers = self.stream(&old, now, 6);
        let refused = rejected(RejectReason::WouldTakeLiquidity);
        if script == Replacing::PlaceFails {
            answers.push((5, Delivery::Event(self.order_event(&old, ReportSource::Ack, now))));
            answers.extend(end(Outcome::Done, refused, Outcome::Done, 5));
            return answers;
        }
        self.rest(op, new.clone());
        answers.extend(self.stream(new, now, 6));
        match script {
            Replacing::BothAnswerLost => {
                // Neither the answer nor the stream tells of it.
                vec![(10_000, Delivery::Completed(op_id, unknown()))]
            }
            Replacing::PlaceUnknown => {
                answers.truncate(2);
                answers.extend(end(Outcome::Done, unknown(), unknown(), 5));
                answers
            }
            Replacing::NoResult => vec![(5, Delivery::Completed(op_id, Outcome::Done))],
            _ => {
                for id in [&old, new] {
                    answers.push((5, Delivery::Event(self.order_event(id, ReportSource::Ack, now))));
                }
                answers.extend(end(Outcome::Done, Outcome::Done, Outcome::Done, 5));
                answers
            }
        }
    }
}
