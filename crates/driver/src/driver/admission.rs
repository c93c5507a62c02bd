//! Admission: operations wait here until the limiter has room, the more important first.

use std::collections::VecDeque;

use colibri_abi::OrderOp;
use colibri_model::{MonoNs, OpId};
use colibri_standard::{Outcome, Priority, Refusal, RejectReason, Serial};

use super::core::{Core, EndedBy, Todo};
use super::endpoint::EndpointIndex;
use super::operation::{Phase, Repeatable};
use crate::Sink;
use crate::limiter::{Admission, PoolIndex};

/// An operation that waits.
#[derive(Debug)]
struct Waiting {
    op: OpId,
    endpoint: EndpointIndex,
    order: Option<Box<OrderOp>>,
}

/// Who waits, by priority, each in the order of arrival.
#[derive(Debug, Default)]
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
    pub(super) fn enqueue(&mut self, op: OpId, endpoint: EndpointIndex, order: Option<Box<OrderOp>>) {
        let row = self.endpoints.row(endpoint);
        let deadline = self.now.mono.plus(row.deadline);
        if let Some(operation) = self.operations.get_mut(op) {
            operation.last_endpoint = Some(endpoint);
            if !row.idempotent {
                operation.repeatable = Repeatable::No;
            }
        }
        self.operations.move_to(op, Phase::Queued(endpoint), deadline);
        self.queue.push(row.priority, Waiting { op, endpoint, order });
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
                if behind || serial {
                    waiting.push_back(next);
                    continue;
                }
                let answer = self
                    .limiter
                    .borrow_mut()
                    .admit(&row.charges, row.priority, self.limiter_time());
                match answer {
                    Admission::Admitted => self.admitted(next),
                    Admission::NotBefore { time, pool } => {
                        // Who comes later and needs the same pool waits behind, so that the heavy are not starved.
                        short.push(pool);
                        retry_at = Some(retry_at.map_or(time, |t| t.min(time)));
                        waiting.push_back(next);
                    }
                    Admission::Never { .. } => hopeless.push(next.op),
                }
            }
        }
        self.queue.lanes = lanes;
        self.queue.retry_at = retry_at;
        for op in hopeless {
            let refusal = Refusal::new(
                RejectReason::NoRoom,
                "it costs more than the rate limit's pool, or this host's share of it, ever holds",
            );
            self.finish(op, Outcome::NotSent(refusal), EndedBy::Host, sink);
        }
    }

    fn admitted(&mut self, waiting: Waiting) {
        let Waiting { op, endpoint, order } = waiting;
        let row = self.endpoints.row(endpoint);
        let deadline = self.now.mono.plus(row.deadline);
        if row.serial == Serial::Key {
            self.serial_busy = Some(op);
        }
        if let Some(operation) = self.operations.get_mut(op) {
            operation.unsettled = Some(endpoint);
        }
        self.operations.move_to(op, Phase::Granted(endpoint), deadline);
        let grant = self.grants.draw(op, self.now.wall);
        match order {
            Some(mut order) => {
                order.grant = grant;
                self.released.push(*order);
            }
            None => self.todo.push_back(Todo::Grant(grant)),
        }
    }
}
