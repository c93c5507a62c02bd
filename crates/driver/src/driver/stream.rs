//! Streams: which of the connector's numbers is which connection, and what happens when one closes.

use colibri_abi::outcome_kind;
use colibri_model::{MonoNs, OpId};
use colibri_standard::{Outcome, Refusal, RejectReason, SessionRole};
use serde::{Deserialize, Serialize};

use super::core::{Core, EndedBy, Todo};
use super::endpoint::EndpointIndex;
use super::frame_pacing::FrameGate;
use super::session::place;
use crate::{Effect, FrameId, LogLevel, Sink, StreamDial, StreamId};

/// Whether frames can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum StreamPhase {
    /// It waits for room in the pools that opening one costs.
    Held,
    /// Its handshake is out, its costs are not settled.
    Dialing,
    Open,
}

/// A stream that is open or being opened.
#[derive(Debug)]
pub(super) struct Stream {
    /// The connector's number for it.
    pub number: u32,
    /// The session that it serves.
    pub role: SessionRole,
    pub endpoint: EndpointIndex,
    pub phase: StreamPhase,
    /// When it told something last, or was asked for.
    pub last_frame: MonoNs,
    /// What limits its frames.
    pub gate: FrameGate,
}

/// A stream that waits for room in the pools that opening one costs.
#[derive(Debug)]
pub(super) struct HeldDial {
    pub not_before: MonoNs,
    pub endpoint: EndpointIndex,
    pub dial: StreamDial,
}

impl Core {
    /// A stream's handshake has ended, one way or the other: it counts at the exchange from now at the latest.
    pub(super) fn settle_dial(&mut self, stream: &Stream) {
        if stream.phase == StreamPhase::Dialing {
            let time = self.limiter_time();
            let charges = &self.endpoints.row(stream.endpoint).charges;
            self.limiter.borrow_mut().settle(charges, time);
        }
    }

    /// A stream has told something now. What another of its session tells says nothing of it: it may be half-open.
    pub(super) fn stream_told(&mut self, id: StreamId) -> Option<&Stream> {
        let now = self.now.mono;
        let stream = self.streams.get_mut(&id)?;
        stream.last_frame = now;
        self.sessions[place(stream.role)].last_frame = now;
        Some(stream)
    }

    /// The handshake is done.
    pub(super) fn stream_opened(&mut self, id: StreamId) -> Option<u32> {
        let mut stream = self.streams.remove(&id)?;
        self.settle_dial(&stream);
        stream.phase = StreamPhase::Open;
        let number = stream.number;
        self.streams.insert(id, stream);
        Some(number)
    }

    /// The connector closes a stream: nothing more comes of it.
    pub(super) fn close_stream<S: Sink + ?Sized>(&mut self, number: u32, code: u32, sink: &mut S) -> bool {
        let Some(id) = self.streams.iter().find(|(_, s)| s.number == number).map(|(id, _)| *id) else {
            return false;
        };
        if let Some(stream) = self.streams.remove(&id) {
            self.settle_dial(&stream);
        }
        let code = u16::try_from(code).unwrap_or(1000);
        self.effects.push_back(Effect::CloseStream { stream: id, code });
        self.end_on_stream(id, "its stream was closed", sink);
        true
    }

    /// Operations whose frames are out on a stream that is gone: nobody knows, unless the frame was waiting still.
    pub(super) fn end_on_stream<S: Sink + ?Sized>(&mut self, id: StreamId, why: &str, sink: &mut S) {
        for op in self.operations.on_stream(id) {
            let refusal = Refusal::new(RejectReason::NotConnected, why);
            let outcome = match self.operations.get(op).map(|o| o.writes) {
                Some(0) => Outcome::NotSent(refusal),
                _ => Outcome::Unknown(refusal),
            };
            self.finish(op, outcome, EndedBy::Host, sink);
        }
    }

    /// A frame was not written, for certain.
    pub(super) fn frame_refused<S: Sink + ?Sized>(&mut self, id: StreamId, frame: FrameId, reason: &str, sink: &mut S) {
        if let Some(op) = self.operations.of_frame(frame) {
            if let Some(operation) = self.operations.get_mut(op) {
                operation.writes = operation.writes.saturating_sub(1);
            }
            let refusal = Refusal::new(RejectReason::NotConnected, reason);
            self.finish(op, Outcome::NotSent(refusal), EndedBy::Host, sink);
            return;
        }
        // A subscription that was not sent leaves its stream half done.
        if self.streams.contains_key(&id) {
            self.log(LogLevel::Warn, &format!("a frame was not sent: {reason}"), sink);
            self.give_up_stream(id, reason, sink);
        }
    }

    /// Closes every stream of a session.
    pub(super) fn close_streams_of<S: Sink + ?Sized>(&mut self, role: SessionRole, reason: &str, sink: &mut S) {
        let ids: Vec<StreamId> = self
            .streams
            .iter()
            .filter(|(_, s)| s.role == role)
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            let Some(stream) = self.streams.remove(&id) else {
                continue;
            };
            self.settle_dial(&stream);
            self.effects.push_back(Effect::CloseStream { stream: id, code: 1000 });
            self.todo.push_back(Todo::StreamClosed {
                number: stream.number,
                code: 1000,
                reason: reason.to_owned(),
                unless_mended: None,
            });
            self.end_on_stream(id, reason, sink);
        }
    }

    /// Forgets an operation of the driver itself without an outcome, the connector told.
    pub(super) fn drop_internal(&mut self, op: OpId) {
        if let Some(operation) = self.operations.get(op) {
            let kind = if operation.writes > 0 {
                outcome_kind::UNKNOWN
            } else {
                outcome_kind::NOT_SENT
            };
            self.working_again(op);
            self.operations.remove(op);
            self.todo.push_back(Todo::Ended(op, kind));
        }
    }
}
