//! Running an operation again: only what may run twice, or what the exchange has certainly not executed.

use colibri_abi::{OrderOp, outcome_kind};
use colibri_model::Millis;
use colibri_standard::{Outcome, RejectReason};

use super::backoff::Backoff;
use super::core::Core;
use super::endpoint::EndpointIndex;
use super::heed::THROTTLE_PAUSE;
use super::operation::{Operation, Origin, Phase, Repeatable};

/// How often an idempotent operation is run again.
const RERUNS: u32 = 2;
/// A wait that is asked of an operation longer than this ends it instead.
const LONGEST_REST: Millis = Millis(10_000);

impl Core {
    /// How long to wait before an operation is run again; `None` where it is not.
    pub(super) fn rest_before_rerun(&mut self, operation: &Operation, outcome: &Outcome) -> Option<Millis> {
        let refused_for_its_time = operation.writes == 0 && matches!(outcome, Outcome::ClockSkew(_));
        let may = operation.origin == Origin::Command
            && (operation.repeatable == Repeatable::Yes || refused_for_its_time)
            && operation.command.is_some()
            && operation.last_endpoint.is_some()
            && self.fault.is_none();
        if !may {
            return None;
        }
        let asked = match outcome {
            Outcome::ClockSkew(_) => (operation.clock_reruns == 0 && self.clock.next.is_some()).then_some(Millis(0))?,
            Outcome::Unknown(_) | Outcome::NotExecuted(_) if operation.reruns < RERUNS => Millis(0),
            Outcome::NotSent(refusal) if refusal.reason == RejectReason::NotConnected && operation.reruns < RERUNS => {
                Millis(0)
            }
            Outcome::Throttled { retry_after, .. } if operation.reruns < RERUNS => {
                retry_after.unwrap_or(THROTTLE_PAUSE)
            }
            _ => return None,
        };
        let rest = Backoff::at(operation.reruns).next(&mut self.random).max(asked);
        let until = self.now.mono.plus(rest);
        (rest <= LONGEST_REST && until < operation.latest).then_some(rest)
    }

    /// Runs an order once more that the exchange refused for its time. It waits until that is known again.
    pub(super) fn run_order_again(&mut self, mut operation: Operation, order: OrderOp, endpoint: EndpointIndex) {
        operation.clock_reruns += 1;
        self.give_again(operation, order, endpoint);
    }

    /// Runs an order over HTTP that was not sent on the stream that it was admitted for.
    pub(super) fn run_order_over_http(&mut self, operation: Operation, order: OrderOp, endpoint: EndpointIndex) {
        self.counts.orders_fallen_back += 1;
        self.give_again(operation, order, endpoint);
    }

    fn give_again(&mut self, mut operation: Operation, mut order: OrderOp, endpoint: EndpointIndex) {
        operation.batch = None;
        operation.phase = Phase::Working;
        self.counts.reruns += 1;
        let id = self.operations.internal_id();
        order.grant.op = id.0;
        self.operations.insert(id, operation);
        self.enqueue(id, endpoint, Some(order));
    }

    pub(super) fn rerun(&mut self, mut operation: Operation, outcome: &Outcome, rest: Millis) {
        self.counts.reruns += 1;
        operation.reruns += 1;
        operation.clock_reruns += u32::from(outcome.kind() == outcome_kind::CLOCK_SKEW);
        let until = self.now.mono.plus(rest);
        operation.phase = Phase::Resting(until);
        operation.deadline = until;
        operation.last_endpoint = None;
        let id = self.operations.internal_id();
        self.operations.insert(id, operation);
    }
}
