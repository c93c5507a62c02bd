//! What exchanges limit on each connection by itself: the frames that a client sends. Subscriptions, logins, pings and
//! orders alike wait here for room, orders before the rest and cancels before those.
//!
//! Nothing answers a frame as such, so each counts from when it is handed to the transport.

use std::collections::{BTreeSet, VecDeque};

use colibri_model::{MonoNs, OpId, SnapshotUnusable};
use colibri_standard::{ConnectorManifest, Endpoint, Priority, Transport};

use super::core::Core;
use super::operation::{Origin, Phase};
use crate::limiter::{Admission, Charge, KeptPools, Limiter, LimiterTime, PoolKey};
use crate::{Effect, LimitShare, OutgoingFrame, StreamId};

/// Frames that wait on one connection. A connector that asks for more is refused them.
const MOST_WAITING: usize = 1_024;

/// What the frames of an endpoint's connections cost.
#[derive(Debug, Clone, Default)]
pub(super) struct FrameCosts {
    pools: Vec<(PoolKey, colibri_standard::Pool, u64)>,
    priorities: BTreeSet<Priority>,
}

impl FrameCosts {
    pub(super) fn of(endpoint: &Endpoint, manifest: &ConnectorManifest) -> FrameCosts {
        let pool = |cost: &colibri_standard::Cost| {
            let key = PoolKey {
                exchange: String::new(),
                holder: "this connection".to_owned(),
                pool: cost.pool.clone(),
            };
            Some((key, manifest.pools.get(&cost.pool)?.clone(), cost.weight))
        };
        // What belongs to no operation (logins, subscriptions, pings) is a question's equal.
        let sends = manifest
            .endpoints
            .values()
            .filter(|e| e.transport == Transport::Send && e.host == endpoint.host)
            .map(|e| e.priority)
            .chain([Priority::Query]);
        FrameCosts {
            pools: endpoint.frames.iter().filter_map(pool).collect(),
            priorities: sends.collect(),
        }
    }

    /// The gate of a new connection.
    pub(super) fn gate(&self) -> FrameGate {
        let mut limiter = Limiter::new(LimitShare::WHOLE);
        let charges = self
            .pools
            .iter()
            .map(|(key, pool, weight)| Charge {
                pool: limiter.register(key.clone(), pool, LimitShare::WHOLE, &self.priorities),
                weight: *weight,
            })
            .collect();
        FrameGate {
            limiter,
            charges,
            waiting: VecDeque::new(),
            not_before: MonoNs(0),
        }
    }
}

/// A frame that waits.
#[derive(Debug)]
struct WaitingFrame {
    op: Option<OpId>,
    priority: Priority,
    frame: OutgoingFrame,
}

/// The limits of one connection, and the frames that wait for room in them.
#[derive(Debug)]
pub(super) struct FrameGate {
    limiter: Limiter,
    charges: Vec<Charge>,
    waiting: VecDeque<WaitingFrame>,
    not_before: MonoNs,
}

impl FrameGate {
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST_WAITING
    }

    /// When the first frame that waits may go.
    pub(super) fn next(&self) -> Option<MonoNs> {
        if self.waiting.is_empty() {
            None
        } else {
            Some(self.not_before)
        }
    }

    /// For a snapshot: what of its limits is used.
    pub(super) fn pools(&self) -> KeptPools {
        self.limiter.kept()
    }

    /// For a snapshot: what [`FrameGate::next`] would say.
    pub(super) const fn not_before(&self) -> MonoNs {
        self.not_before
    }

    /// Goes on from a snapshot of a gate of the same endpoint in which nothing waited.
    pub(super) fn go_on_from(&mut self, pools: KeptPools, not_before: MonoNs) -> Result<(), SnapshotUnusable> {
        self.not_before = not_before;
        self.limiter.go_on_from(pools)
    }

    fn push(&mut self, frame: WaitingFrame) {
        let behind = self.waiting.iter().filter(|w| w.priority <= frame.priority).count();
        self.waiting.insert(behind, frame);
    }

    /// The next frame that there is room for.
    fn pop(&mut self, now: LimiterTime) -> Option<WaitingFrame> {
        let priority = self.waiting.front()?.priority;
        match self.limiter.admit(&self.charges, priority, now) {
            Admission::Admitted => {
                self.limiter.settle(&self.charges, now);
                self.waiting.pop_front()
            }
            Admission::NotBefore { time, .. } => {
                self.not_before = time;
                None
            }
            // The manifest is refused where a frame costs more than its pool holds.
            Admission::Never { .. } => None,
        }
    }
}

impl Core {
    /// A frame is ready to go: it goes, or it waits. The caller has made sure that its gate is not full.
    pub(super) fn offer_frame(&mut self, op: Option<OpId>, priority: Priority, frame: OutgoingFrame) {
        let id = frame.stream;
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.gate.push(WaitingFrame { op, priority, frame });
            let waits = stream.gate.waiting.len();
            self.release_frames(id);
            let held = self.streams.get(&id).is_some_and(|s| s.gate.waiting.len() >= waits);
            self.counts.frames_held += u64::from(held);
        }
    }

    /// Hands the frames of a stream to the transport that there is room for. One whose operation has ended meanwhile is
    /// dropped.
    pub(super) fn release_frames(&mut self, id: StreamId) {
        let time = self.limiter_time();
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        while let Some(WaitingFrame { op, frame, .. }) = stream.gate.pop(time) {
            if let Some(op) = op {
                let Some(operation) = self.operations.get_mut(op) else {
                    continue;
                };
                if !matches!(operation.phase, Phase::OnStream(_, _, waiting) if waiting == frame.id) {
                    continue;
                }
                operation.writes += 1;
                operation.sent_at = time.mono;
                self.counts.orders_over_stream += u64::from(operation.origin == Origin::Order);
            }
            self.counts.frames_sent += 1;
            self.effects.push_back(Effect::SendFrame(frame));
        }
    }

    /// Frames that may go by now, on every stream.
    pub(super) fn release_due_frames(&mut self) {
        let now = self.now.mono;
        let due: Vec<StreamId> = self
            .streams
            .iter()
            .filter(|(_, stream)| stream.gate.next().is_some_and(|at| at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.release_frames(id);
        }
    }
}
