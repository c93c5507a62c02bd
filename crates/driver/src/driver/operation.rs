//! The operation table: every operation that has not ended, with its phase and its deadline.
//!
//! An operation goes `Working → Queued → Granted → InFlight | OnStream → Working → …` until it ends; orders begin Queued.
//! `Resting` is an operation that waits to be run again. Ending is possible from every phase.

use std::collections::{BTreeMap, BTreeSet};

use colibri_abi::OrderOp;
use colibri_model::{MonoNs, OpId};
use colibri_standard::SessionRole;
use serde::{Deserialize, Serialize};

use super::endpoint::EndpointIndex;
use crate::{FrameId, RequestId, StreamId};

/// Operations of the driver itself have this bit; operations of the host have not.
pub(super) const INTERNAL: u64 = 1 << 63;

/// Who asked for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Origin {
    /// The host, by a command.
    Command,
    /// The host, by an order.
    Order,
    /// The driver, for a session.
    Session(SessionRole),
    /// The driver, to measure the exchange's clock.
    Clock,
    /// The driver, to tell a connector that was replaced what the one before it knew.
    Restore,
}

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// The connector works on it.
    Working,
    /// It waits for room in a pool.
    Queued(EndpointIndex),
    /// Admitted; the connector builds it.
    Granted(EndpointIndex),
    /// Its request is out.
    InFlight(EndpointIndex, RequestId),
    /// Its frame is out on a stream.
    OnStream(EndpointIndex, StreamId, FrameId),
    /// It is out in the request of another operation, which carries its batch.
    Carried(EndpointIndex),
    /// It will be run again.
    Resting(MonoNs),
}

/// Whether an operation may be run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Repeatable {
    /// Every endpoint that it has used is idempotent.
    Yes,
    /// It is an order, or has used an endpoint that is not.
    No,
}

/// The command of an operation, kept so that it can be run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CommandBytes {
    pub kind: String,
    pub payload: Vec<u8>,
}

/// An operation that has not ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Operation {
    /// The operation that its outcome is reported for: another one where this is a further run.
    pub original: OpId,
    pub origin: Origin,
    pub command: Option<CommandBytes>,
    /// What was given to the connector, where it is an order: to be given again where the exchange refuses its time.
    #[serde(with = "super::kept_order::boxed")]
    pub order: Option<Box<OrderOp>>,
    pub phase: Phase,
    pub deadline: MonoNs,
    /// When it ends whatever it does.
    pub latest: MonoNs,
    /// How many of its requests and frames may have reached the exchange.
    pub writes: u32,
    pub repeatable: Repeatable,
    /// How often it has been run again.
    pub reruns: u32,
    /// Whether one of these was for the clock.
    pub clock_reruns: u32,
    /// Whose charge the limiter counts as not yet answered.
    pub unsettled: Option<EndpointIndex>,
    /// The endpoint that it last used.
    pub last_endpoint: Option<EndpointIndex>,
    /// When its last request was written.
    pub sent_at: MonoNs,
    /// When the limiter was last told that one was answered.
    pub settled_at: MonoNs,
    /// Its part in a batch, where it is of one.
    pub batch: Option<Batch>,
}

/// An operation's part in a batch: several order operations in one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Batch {
    /// The request is its own, and carries these others.
    Carries(Vec<OpId>),
    /// The request is that of this operation.
    CarriedBy(OpId),
}

impl Operation {
    pub(super) fn new(original: OpId, origin: Origin, deadline: MonoNs, latest: MonoNs) -> Operation {
        Operation {
            original,
            origin,
            command: None,
            order: None,
            phase: Phase::Working,
            deadline,
            latest,
            writes: 0,
            repeatable: Repeatable::Yes,
            reruns: 0,
            clock_reruns: 0,
            unsettled: None,
            last_endpoint: None,
            sent_at: MonoNs(0),
            settled_at: MonoNs(0),
            batch: None,
        }
    }
}

/// The table.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct OperationTable {
    operations: BTreeMap<OpId, Operation>,
    deadlines: BTreeSet<(MonoNs, OpId)>,
    requests: BTreeMap<RequestId, OpId>,
    next_internal: u64,
}

impl OperationTable {
    pub(super) fn len(&self) -> usize {
        self.operations.len()
    }

    /// A fresh operation of the driver itself.
    pub(super) fn internal_id(&mut self) -> OpId {
        self.next_internal += 1;
        OpId(INTERNAL | self.next_internal)
    }

    pub(super) fn insert(&mut self, id: OpId, operation: Operation) {
        self.deadlines.insert((operation.deadline, id));
        self.operations.insert(id, operation);
    }

    pub(super) fn get(&self, id: OpId) -> Option<&Operation> {
        self.operations.get(&id)
    }

    /// An operation, to change anything but its phase and deadline.
    pub(super) fn get_mut(&mut self, id: OpId) -> Option<&mut Operation> {
        self.operations.get_mut(&id)
    }

    /// Moves an operation. A deadline is never after the operation's latest.
    pub(super) fn move_to(&mut self, id: OpId, phase: Phase, deadline: MonoNs) {
        let Some(operation) = self.operations.get_mut(&id) else {
            return;
        };
        if let Phase::InFlight(_, request) = operation.phase {
            self.requests.remove(&request);
        }
        if let Phase::InFlight(_, request) = phase {
            self.requests.insert(request, id);
        }
        self.deadlines.remove(&(operation.deadline, id));
        operation.phase = phase;
        operation.deadline = deadline.min(operation.latest);
        self.deadlines.insert((operation.deadline, id));
    }

    pub(super) fn remove(&mut self, id: OpId) -> Option<Operation> {
        let operation = self.operations.remove(&id)?;
        self.deadlines.remove(&(operation.deadline, id));
        if let Phase::InFlight(_, request) = operation.phase {
            self.requests.remove(&request);
        }
        Some(operation)
    }

    /// The operations that an operation's request carries beside itself and that have not ended.
    pub(super) fn carried_by(&self, id: OpId) -> Vec<OpId> {
        match self.operations.get(&id).and_then(|o| o.batch.as_ref()) {
            Some(Batch::Carries(others)) => others
                .iter()
                .copied()
                .filter(|o| self.operations.contains_key(o))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// The operation whose request this is.
    pub(super) fn of_request(&self, request: RequestId) -> Option<OpId> {
        self.requests.get(&request).copied()
    }

    /// The operations whose frames are out on a stream.
    pub(super) fn on_stream(&self, stream: StreamId) -> Vec<OpId> {
        let on = |op: &Operation| matches!(op.phase, Phase::OnStream(_, s, _) if s == stream);
        self.operations
            .iter()
            .filter(|(_, op)| on(op))
            .map(|(id, _)| *id)
            .collect()
    }

    /// When the oldest order that is out on a stream was written.
    pub(super) fn oldest_order_on(&self, stream: StreamId) -> Option<MonoNs> {
        let on = |op: &&Operation| {
            op.origin == Origin::Order && op.writes > 0 && matches!(op.phase, Phase::OnStream(_, s, _) if s == stream)
        };
        self.operations.values().filter(on).map(|op| op.sent_at).min()
    }

    /// The operation whose frame this is.
    pub(super) fn of_frame(&self, frame: FrameId) -> Option<OpId> {
        let of = |op: &Operation| matches!(op.phase, Phase::OnStream(_, _, f) if f == frame);
        self.operations.iter().find(|(_, op)| of(op)).map(|(id, _)| *id)
    }

    pub(super) fn ids(&self) -> Vec<OpId> {
        self.operations.keys().copied().collect()
    }

    pub(super) fn next_deadline(&self) -> Option<MonoNs> {
        self.deadlines.first().map(|(time, _)| *time)
    }

    /// The next operation whose deadline has come.
    pub(super) fn due(&self, now: MonoNs) -> Option<OpId> {
        self.deadlines
            .first()
            .filter(|(time, _)| *time <= now)
            .map(|(_, id)| *id)
    }
}
