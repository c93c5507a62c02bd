//! Admission: operations wait here until the limiter has room, the more important first.

use std::collections::VecDeque;

use colibri_abi::{Grant, OrderOp, op_flag};
use colibri_model::{MonoNs, OpId};
use colibri_standard::{Auth, Outcome, Priority, Refusal, RejectReason, Serial, Transport};
use serde::{Deserialize, Serialize};

use super::clock::ClockTrust;
use super::core::{Core, EndedBy, Todo};
use super::endpoint::EndpointIndex;
use super::operation::{Batch, Phase, Repeatable};
use crate::Sink;
use crate::limiter::{Admission, PoolIndex};

/// An operation that waits.
#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    op: OpId,
    endpoint: EndpointIndex,
    /// The order operation; several where one request carries them; none for a command.
    #[serde(with = "super::kept_order::list")]
    orders: Vec<OrderOp>,
}

/// Who waits, by priority, each in the order of arrival.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct AdmissionQueue {
    lanes: [VecDeque<Waiting>; 3],
    /// When it is worth asking the limiter again; `None` where only the end of another operation makes room.
    retry_at: Option<MonoNs>,
}

const fn lane(priority: Priority) -> usize {
    match priority {
        Priority::Cancel => 0,
        Priority::Place => 1,
        Priority::Query => 2,
    }
}

impl AdmissionQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.iter().all(VecDeque::is_empty)
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.iter().map(VecDeque::len).sum()
    }

    /// When to ask again.
    pub(super) fn next(&self) -> Option<MonoNs> {
        if self.is_empty() { None } else { self.retry_at }
    }

    /// Something has changed: ask again at the next occasion.
    pub(super) fn stir(&mut self) {
        self.retry_at = Some(MonoNs(0));
    }

    pub(super) fn clear(&mut self) {
        self.lanes = Default::default();
    }

    fn push(&mut self, priority: Priority, waiting: Waiting) {
        self.lanes[lane(priority)].push_back(waiting);
        self.stir();
    }
}

impl Core {
    /// An operation wants to use an endpoint.
    pub(super) fn enqueue(&mut self, op: OpId, endpoint: EndpointIndex, order: Option<OrderOp>) {
        self.queued(op, endpoint);
        let priority = self.endpoints.row(endpoint).priority;
        let orders = order.into_iter().collect();
        self.queue.push(priority, Waiting { op, endpoint, orders });
    }

    /// Order operations of one kind want to go out in one request: one of them alone goes out by itself.
    pub(super) fn enqueue_together(&mut self, mut orders: Vec<OrderOp>) {
        let kind = orders.first().map_or(0, |order| order.kind);
        match self.endpoints.batch_of(kind) {
            Some(row) if orders.len() > 1 => self.enqueue_batch(row.endpoint, orders),
            _ => {
                if let (Some(order), Some(endpoint)) = (orders.pop(), self.endpoints.of_order(kind)) {
                    self.enqueue(OpId(order.grant.op), endpoint, Some(order));
                }
            }
        }
    }

    /// Order operations, two or more of one kind, want to go out in one request. It is the first one's.
    fn enqueue_batch(&mut self, endpoint: EndpointIndex, orders: Vec<OrderOp>) {
        let ids: Vec<OpId> = orders.iter().map(|o| OpId(o.grant.op)).collect();
        let Some((&op, others)) = ids.split_first() else { return };
        for &id in &ids {
            self.queued(id, endpoint);
            if let Some(operation) = self.operations.get_mut(id) {
                operation.batch = Some(if id == op {
                    Batch::Carries(others.to_vec())
                } else {
                    Batch::CarriedBy(op)
                });
            }
        }
        let priority = self.endpoints.row(endpoint).priority;
        self.queue.push(priority, Waiting { op, endpoint, orders });
    }

    fn queued(&mut self, op: OpId, endpoint: EndpointIndex) {
        let row = self.endpoints.row(endpoint);
        let deadline = self.now.mono.plus(row.deadline);
        if let Some(operation) = self.operations.get_mut(op) {
            operation.last_endpoint = Some(endpoint);
            if !row.idempotent {
                operation.repeatable = Repeatable::No;
            }
        }
        self.operations.move_to(op, Phase::Queued(endpoint), deadline);
    }

    /// Admits what there is room for: commands become grants to deliver, orders are released with their grant inside.
    pub(super) fn admit<S: Sink + ?Sized>(&mut self, sink: &mut S) {
        if self.queue.is_empty() || self.queue.retry_at.is_none_or(|at| at > self.now.mono) {
            return;
        }
        if self.banned_until > self.now.mono {
            self.queue.retry_at = Some(self.banned_until);
            return;
        }
        let timed = self.clock.trust(self.now.mono, self.timestamp_window) == ClockTrust::Known;
        let mut lanes = std::mem::take(&mut self.queue.lanes);
        let mut short: Vec<PoolIndex> = Vec::new();
        let mut retry_at: Option<MonoNs> = None;
        let mut hopeless = Vec::new();
        for waiting in &mut lanes {
            for _ in 0..waiting.len() {
                let Some(next) = waiting.pop_front() else { break };
                let queued = self.operations.get(next.op).map(|o| o.phase) == Some(Phase::Queued(next.endpoint));
                if !queued {
                    continue;
                }
                let row = self.endpoints.row(next.endpoint);
                let behind = row.charges.iter().any(|c| short.contains(&c.pool));
                let serial = row.serial == Serial::Key && self.serial_busy.is_some();
                // Signed requests carry a time: they wait until it is known, which stirs the queue.
                let untimed = row.auth == Auth::Signed && !timed;
                if behind || serial || untimed {
                    waiting.push_back(next);
                    continue;
                }
                let answer = self.limiter.borrow_mut().admit(
                    &row.charges_of(next.orders.len()),
                    row.priority,
                    self.limiter_time(),
                );
                match answer {
                    Admission::Admitted => self.admitted(next),
                    Admission::NotBefore { time, pool } => {
                        // Who comes later and needs the same pool waits behind, so that the heavy are not starved.
                        short.push(pool);
                        retry_at = Some(retry_at.map_or(time, |t| t.min(time)));
                        waiting.push_back(next);
                    }
                    Admission::Never { .. } => hopeless.push(next),
                }
            }
        }
        self.queue.lanes = lanes;
        self.queue.retry_at = retry_at;
        let mut scattered = false;
        for waiting in hopeless {
            let Waiting { op, orders, .. } = waiting;
            if orders.len() > 1 {
                // What the pool cannot hold at once goes out one by one.
                self.scatter(orders);
                scattered = true;
                continue;
            }
            let refusal = Refusal::new(
                RejectReason::NoRoom,
                "it costs more than the rate limit's pool, or this host's share of it, ever holds",
            );
            self.finish(op, Outcome::NotSent(refusal), EndedBy::Host, sink);
        }
        if scattered {
            self.admit(sink);
        }
    }

    /// The orders of a batch want to go out by themselves instead.
    fn scatter(&mut self, orders: Vec<OrderOp>) {
        for order in orders {
            let op = OpId(order.grant.op);
            if let Some(operation) = self.operations.get_mut(op) {
                operation.batch = None;
            }
            if let Some(endpoint) = self.endpoints.of_order(order.kind) {
                self.enqueue(op, endpoint, Some(order));
            }
        }
    }

    fn admitted(&mut self, waiting: Waiting) {
        let Waiting { op, endpoint, orders } = waiting;
        let row = self.endpoints.row(endpoint);
        let deadline = self.now.mono.plus(row.deadline);
        if row.serial == Serial::Key {
            self.serial_busy = Some(op);
        }
        let is_batch = orders.len() > 1;
        let over_stream = row.transport == Transport::Send;
        if orders.is_empty() {
            let grant = self.grant(op, endpoint, deadline);
            self.todo.push_back(Todo::Grant(grant));
        }
        for mut order in orders {
            let id = OpId(order.grant.op);
            order.grant = self.grant(id, endpoint, deadline);
            order.flags &= !op_flag::OVER_STREAM;
            if over_stream {
                order.flags |= op_flag::OVER_STREAM;
            }
            if let Some(operation) = self.operations.get_mut(id) {
                operation.order = Some(Box::new(order));
            }
            self.released
                .push(if is_batch { order.in_batch_of(op.0) } else { order });
        }
    }

    fn grant(&mut self, op: OpId, endpoint: EndpointIndex, deadline: MonoNs) -> Grant {
        if let Some(operation) = self.operations.get_mut(op) {
            operation.unsettled = Some(endpoint);
        }
        self.operations.move_to(op, Phase::Granted(endpoint), deadline);
        self.grants.draw(op, self.now.wall)
    }
}
