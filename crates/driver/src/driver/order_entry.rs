//! Over what orders go out: HTTP, or the account's session where the exchange takes orders there and the user has chosen it.
//!
//! Chosen when an order is queued. What was written is never written again, over neither; an order of which no byte was
//! written because the stream had gone goes over HTTP instead, as the same operation.

use colibri_abi::OrderOp;
use colibri_model::{Millis, MonoNs, OpId};
use colibri_standard::{OrderEntry, Outcome, RejectReason, SessionRole};
use serde::{Deserialize, Serialize};

use super::core::Core;
use super::endpoint::EndpointIndex;
use super::operation::{Operation, Origin, Phase};
use super::session::SessionPhase;
use super::stream::StreamPhase;
use crate::{OrderEntryHealth, StreamId};

/// A stream that leaves an order unanswered for longer gets no further ones until it has answered. Exchanges answer in
/// milliseconds; one that has lost the connection never does.
const UNANSWERED: Millis = Millis(2_000);

impl Core {
    /// The endpoint that an order operation goes to now; `None` for a kind that the connector does not have.
    pub(super) fn endpoint_for_order(&self, kind: u32) -> Option<EndpointIndex> {
        match self.endpoints.of_order_over_stream(kind) {
            Some(endpoint) if self.order_stream_trouble().is_none() => Some(endpoint),
            _ => self.endpoints.of_order(kind),
        }
    }

    /// Why the account's stream gets no orders now; `None` where it does.
    fn order_stream_trouble(&self) -> Option<&'static str> {
        let session = self.sessions.iter().find(|s| s.role == SessionRole::User)?;
        if !matches!(session.phase, SessionPhase::Live { .. } | SessionPhase::Updating { .. }) {
            return Some("the account's stream is not live");
        }
        if session.is_retiring() {
            return Some("the account's stream is about to be replaced");
        }
        let mut streams = self.order_streams().peekable();
        if streams.peek().is_none() {
            return Some("the account's stream is not open");
        }
        let oldest = streams
            .filter_map(|stream| self.operations.oldest_order_on(stream))
            .min();
        let late = oldest.is_some_and(|at| self.now.mono.since(at) > UNANSWERED);
        late.then_some("the account's stream leaves an order unanswered")
    }

    fn order_streams(&self) -> impl Iterator<Item = StreamId> {
        self.streams
            .iter()
            .filter(|(_, s)| s.role == SessionRole::User && s.phase == StreamPhase::Open)
            .map(|(id, _)| *id)
    }

    /// Whether orders are out on a session's streams, not yet answered.
    pub(super) fn has_orders_on(&self, role: SessionRole) -> bool {
        self.streams
            .iter()
            .any(|(id, s)| s.role == role && self.operations.oldest_order_on(*id).is_some())
    }

    /// What was to go over the stream, and certainly did not, because that has gone.
    pub(super) fn order_for_http(
        &self,
        operation: &mut Operation,
        outcome: &Outcome,
    ) -> Option<(OrderOp, EndpointIndex)> {
        let missed = operation.origin == Origin::Order
            && operation.writes == 0
            && matches!(outcome, Outcome::NotSent(refusal) if refusal.reason == RejectReason::NotConnected);
        if !missed || self.fault.is_some() {
            return None;
        }
        let order = operation.order.take_if(|order| order.is_over_stream())?;
        Some((*order, self.endpoints.of_order(order.kind)?))
    }

    /// An operation's deadline has come. Where it is an order whose frame got no answer, whoever waits longer on that stream
    /// may wait for ever: its session is opened again.
    pub(super) fn distrust_stream_of(&mut self, op: OpId) {
        let Some(operation) = self.operations.get(op) else {
            return;
        };
        if operation.origin == Origin::Order
            && operation.writes > 0
            && let Phase::OnStream(_, stream, _) = operation.phase
            && let Some(role) = self.streams.get(&stream).map(|s| s.role)
        {
            self.session(role).condemn("it left an order unanswered");
        }
    }

    pub(super) fn order_entry_health(&self) -> OrderEntryHealth {
        let chosen = self.endpoints.order_entry();
        let why = match chosen {
            OrderEntry::Http => None,
            OrderEntry::Stream => self.order_stream_trouble(),
        };
        OrderEntryHealth {
            chosen,
            now: if why.is_some() { OrderEntry::Http } else { chosen },
            why,
            over_stream: self.counts.orders_over_stream,
            fallen_back: self.counts.orders_fallen_back,
        }
    }
}

/// When a session that retires is opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reopen {
    /// At once: it has come of age, nothing is wrong.
    AtOnce,
    /// After its back-off.
    AfterBackoff,
}

impl Core {
    /// A session is to be closed in order: it gets no more orders, and goes down once those that are out are answered, which
    /// their deadlines bound.
    pub(super) fn retire<S: crate::Sink + ?Sized>(
        &mut self,
        role: SessionRole,
        reason: &str,
        reopen: Reopen,
        sink: &mut S,
    ) {
        self.session(role).retire(reason, reopen);
        self.end_retired(role, sink);
    }

    /// Closes a session that retires and owes no answer any more.
    pub(super) fn end_retired<S: crate::Sink + ?Sized>(&mut self, role: SessionRole, sink: &mut S) {
        if !self.session(role).is_retiring() || self.has_orders_on(role) {
            return;
        }
        let Some((reason, reopen)) = self.session(role).retired() else {
            return;
        };
        let now: MonoNs = self.now.mono;
        self.session_down(role, &reason, sink);
        if reopen == Reopen::AtOnce {
            // Without back-off, but only once the connector has been told the end of the old one.
            self.session(role).phase = SessionPhase::Waiting(now);
        }
    }
}
