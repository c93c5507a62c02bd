//! A market session that has lost one of several streams and keeps the others: the connector says what it lost, and is asked
//! to open that stream again after a back-off. Where it does not say so, or that does not help, the session goes down whole.
//!
//! The account's session is not mended: what was missed of it is made up for as a whole.

use colibri_model::{MonoNs, OpId, SplitMix64};
use colibri_standard::{Command, MendSession, Outcome, SessionRole};
use serde::{Deserialize, Serialize};

use super::backoff::Backoff;
use super::core::{Core, Todo};
use super::operation::Origin;
use super::session::{OPENING, PROVEN, SessionPhase, place};
use super::stream::Stream;
use crate::{Effect, LogLevel, Sink, StreamId};

/// Attempts in a row that fail before the whole session is opened anew.
const ATTEMPTS: u32 = 3;

/// Where the mending of a session stands.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Mending {
    /// The operation that opens lost streams again, where one is under way.
    op: Option<OpId>,
    /// When those are opened again that are lost and not of that operation.
    at: Option<MonoNs>,
    /// Attempts in a row that failed.
    failures: u32,
    backoff: Backoff,
    /// When it was last whole again.
    whole_since: MonoNs,
    /// Parts that the connector has said to be lost, ever.
    losses: u64,
}

impl Mending {
    /// Whether nothing is lost.
    pub(super) const fn is_whole(&self) -> bool {
        self.op.is_none() && self.at.is_none()
    }

    /// When lost streams are to be opened again.
    pub(super) fn due(&self) -> Option<MonoNs> {
        self.at.filter(|_| self.op.is_none())
    }

    pub(super) fn is_under_way_by(&self, op: OpId) -> bool {
        self.op == Some(op)
    }

    /// The session is down as a whole; gives back the operation that was to mend it.
    pub(super) fn give_up(&mut self) -> Option<OpId> {
        self.at = None;
        self.failures = 0;
        self.op.take()
    }

    fn lost(&mut self, now: MonoNs, random: &mut SplitMix64) {
        self.losses += 1;
        if self.is_whole() && now.since(self.whole_since) >= PROVEN {
            self.backoff.reset();
        }
        self.again(now, random);
    }

    /// Another attempt after a back-off, unless one is to come: the loss and the failure of an attempt are told both.
    fn again(&mut self, now: MonoNs, random: &mut SplitMix64) {
        if self.at.is_none() {
            self.at = Some(now.plus(self.backoff.next(random)));
        }
    }
}

impl Core {
    /// Whether a session may live on without a stream of it.
    fn may_lose(&self, id: StreamId, role: SessionRole) -> bool {
        let phase = self.sessions[place(role)].phase;
        let is_live = matches!(phase, SessionPhase::Live { .. } | SessionPhase::Updating { .. });
        let has_others = || self.streams.iter().any(|(other, s)| *other != id && s.role == role);
        role == SessionRole::Market && is_live && has_others()
    }

    /// A stream does not do what it should: it is closed, and its session is down where it cannot live without it.
    pub(super) fn give_up_stream<S: Sink + ?Sized>(&mut self, id: StreamId, reason: &str, sink: &mut S) {
        let Some(role) = self.streams.get(&id).map(|stream| stream.role) else {
            return;
        };
        if !self.may_lose(id, role) {
            self.session_down(role, reason, sink);
            return;
        }
        self.effects.push_back(Effect::CloseStream { stream: id, code: 1000 });
        if let Some(stream) = self.streams.remove(&id) {
            self.end_stream(id, &stream, 1000, reason, reason.to_owned(), sink);
        }
    }

    /// A stream is gone by itself: the connector is told, and what was out on it is unknown. Its session goes down, unless
    /// the connector says that a part of it is lost.
    pub(super) fn stream_lost<S: Sink + ?Sized>(&mut self, id: StreamId, code: u16, reason: &str, sink: &mut S) {
        if let Some(stream) = self.streams.remove(&id) {
            let why = format!("a stream was lost: {reason}");
            self.heed_handshake(stream.endpoint, code);
            self.end_stream(id, &stream, code, reason, why, sink);
        }
    }

    fn end_stream<S: Sink + ?Sized>(
        &mut self,
        id: StreamId,
        stream: &Stream,
        code: u16,
        reason: &str,
        why: String,
        sink: &mut S,
    ) {
        self.settle_dial(stream);
        let may_lose = self.may_lose(id, stream.role);
        self.todo.push_back(Todo::StreamClosed {
            number: stream.number,
            code: u32::from(code),
            reason: reason.to_owned(),
            unless_mended: may_lose.then(|| (stream.role, why.clone())),
        });
        self.end_on_stream(id, "its stream was lost", sink);
        if !may_lose {
            self.session_down(stream.role, &why, sink);
        }
    }

    /// How often the connector has said that a part of a session is lost.
    pub(super) fn losses(&self, role: SessionRole) -> u64 {
        self.sessions[place(role)].mending.losses
    }

    /// The connector says that part of a session is lost, and the rest is not.
    pub(super) fn part_lost<S: Sink + ?Sized>(&mut self, role: SessionRole, reason: &str, sink: &mut S) {
        let now = self.now.mono;
        let session = &mut self.sessions[place(role)];
        match session.phase {
            SessionPhase::Closed | SessionPhase::Waiting(_) => {}
            SessionPhase::Live { .. } | SessionPhase::Updating { .. } if role == SessionRole::Market => {
                session.mending.lost(now, &mut self.random);
                let text = format!("a stream of the {role:?} session is lost, the others go on: {reason}");
                self.log(LogLevel::Warn, &text, sink);
            }
            _ => self.session_down(role, reason, sink),
        }
    }

    /// Has the connector open the streams again that a session lost.
    pub(super) fn mend_session(&mut self, role: SessionRole) {
        self.session(role).reconnects += 1;
        let session = self.session(role).number();
        let command = Command::MendSession(MendSession { session });
        let op = self.begin_internal(Origin::Session(role), command.kind(), command.to_json(), OPENING);
        let mending = &mut self.session(role).mending;
        mending.op = Some(op);
        mending.at = None;
    }

    /// An attempt to mend a session has ended.
    pub(super) fn mended<S: Sink + ?Sized>(&mut self, role: SessionRole, outcome: &Outcome, sink: &mut S) {
        let now = self.now.mono;
        let mending = &mut self.sessions[place(role)].mending;
        mending.op = None;
        let Some(refusal) = outcome.refusal() else {
            mending.failures = 0;
            mending.whole_since = now;
            let text = format!("the lost stream of the {role:?} session is open again");
            self.log(LogLevel::Info, &text, sink);
            return;
        };
        mending.failures += 1;
        if mending.failures >= ATTEMPTS || matches!(outcome, Outcome::AuthFailed(_)) {
            let reason = format!("a stream of it could not be opened again: {refusal}");
            self.session_down(role, &reason, sink);
            return;
        }
        mending.again(now, &mut self.random);
        let text = format!("a stream of the {role:?} session could not be opened again yet: {refusal}");
        self.log(LogLevel::Warn, &text, sink);
    }
}
