//! Sessions: what is wanted, and when to open again. Logging in and subscribing are the connector's.
//!
//! `Closed → Opening → Live ⇄ Updating`, and from any of them down to `Waiting`, which opens again when its time has come.
//! Silence is judged by data, and of each stream by itself: one that only answers pings is silent, whatever another of its
//! session tells. What is lost of a session that has several streams: `mending.rs`.

use colibri_model::{Millis, MonoNs, OpId};
use colibri_standard::{
    CloseSession, Command, OpenSession, Outcome, RenewSession, SessionRole, SessionStatus, Subscription, UpdateSession,
};
use serde::{Deserialize, Serialize};

use super::backoff::Backoff;
use super::core::Core;
use super::mending::Mending;
use super::operation::Origin;
use super::order_entry::Reopen;
use super::stream::Stream;
use super::subscriptions::Subscriptions;
use crate::{LogLevel, SessionHealth, Sink, StreamId};

/// How long opening may take, all steps together.
pub(super) const OPENING: Millis = Millis(30_000);
/// A session that has lived so long has worked: its back-off begins anew.
pub(super) const PROVEN: Millis = Millis(60_000);
/// What could not be renewed, and was not refused, is tried again after so long.
const RENEW_AGAIN: Millis = Millis(60_000);
/// A refused key is not tried again before.
const AFTER_AUTH_FAILURE: Millis = Millis(60_000);

/// Whether a session should be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Desired {
    Open,
    Closed,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SessionPhase {
    Closed,
    Opening(OpId),
    Live { since: MonoNs },
    Updating { op: OpId, since: MonoNs },
    Waiting(MonoNs),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub role: SessionRole,
    pub desired: Desired,
    pub phase: SessionPhase,
    pub status: Option<SessionStatus>,
    /// When any of its streams told something last.
    pub last_frame: MonoNs,
    subscriptions: Subscriptions,
    backoff: Backoff,
    pub reconnects: u64,
    opened_before: u64,
    /// Why it must be closed and opened again, where somebody has found that it does not deliver.
    condemned: Option<String>,
    /// Why it is to be closed once the orders that are out on it are answered, and when it is opened again then.
    retiring: Option<(String, Reopen)>,
    /// Why it was last lost or refused.
    down_reason: Option<String>,
    /// The renewing of what keeps its stream alive, where one is under way.
    #[serde(default)]
    renewing: Option<OpId>,
    /// When that is due after the last one; from when it is live on where there was none.
    #[serde(default)]
    renew_at: Option<MonoNs>,
    #[serde(default)]
    pub mending: Mending,
}

pub(super) const fn place(role: SessionRole) -> usize {
    match role {
        SessionRole::Market => 0,
        SessionRole::User => 1,
    }
}

impl Session {
    pub(super) fn new(role: SessionRole) -> Session {
        Session {
            role,
            desired: Desired::Closed,
            phase: SessionPhase::Closed,
            status: None,
            last_frame: MonoNs(0),
            subscriptions: Subscriptions::default(),
            backoff: Backoff::default(),
            reconnects: 0,
            opened_before: 0,
            condemned: None,
            retiring: None,
            down_reason: None,
            renewing: None,
            renew_at: None,
            mending: Mending::default(),
        }
    }

    /// The number that the connector knows it by: 1 for market data, 2 for the account.
    pub(super) const fn number(&self) -> u32 {
        match self.role {
            SessionRole::Market => 1,
            SessionRole::User => 2,
        }
    }

    pub(super) fn want(&mut self, subscriptions: Vec<Subscription>) {
        self.subscriptions.want(subscriptions);
        let anything = self.role == SessionRole::User || !self.subscriptions.is_empty();
        self.desired = if anything { Desired::Open } else { Desired::Closed };
    }

    /// Has it closed and opened again, unless it is down already.
    pub(super) fn condemn(&mut self, reason: &str) {
        let open = !matches!(self.phase, SessionPhase::Closed | SessionPhase::Waiting(_));
        self.condemned = open.then(|| reason.to_owned());
    }

    /// Has it closed in order, unless it is down already.
    pub(super) fn retire(&mut self, reason: &str, reopen: Reopen) {
        let open = !matches!(self.phase, SessionPhase::Closed | SessionPhase::Waiting(_));
        if open && self.retiring.is_none() {
            self.retiring = Some((reason.to_owned(), reopen));
        }
    }

    pub(super) const fn is_retiring(&self) -> bool {
        self.retiring.is_some()
    }

    pub(super) fn retired(&mut self) -> Option<(String, Reopen)> {
        self.retiring.take()
    }

    /// Whether the connector is to be told a change. It waits for a lost stream, that it may be about.
    fn is_out_of_date(&self) -> bool {
        self.subscriptions.differ() && self.mending.is_whole()
    }

    pub(super) fn unwant(&mut self) {
        self.subscriptions.want(Vec::new());
        self.desired = Desired::Closed;
    }

    pub(super) fn health(&self, streams: usize) -> SessionHealth {
        SessionHealth {
            role: self.role,
            status: self.status,
            streams,
            last_frame: Some(self.last_frame).filter(|at| *at != MonoNs(0)),
            reconnects: self.reconnects,
            next_attempt: match self.phase {
                SessionPhase::Waiting(until) => Some(until),
                _ => None,
            },
            down_reason: self.down_reason.clone(),
        }
    }
}

impl Core {
    pub(super) fn session(&mut self, role: SessionRole) -> &mut Session {
        &mut self.sessions[place(role)]
    }

    fn silence(&self, role: SessionRole) -> Millis {
        match role {
            SessionRole::Market => self.liveness.market_silence_ms,
            SessionRole::User => self.liveness.user_silence_ms,
        }
    }

    /// The stream of a session that has told nothing for the longest.
    fn quietest_stream_of(&self, role: SessionRole) -> Option<(StreamId, &Stream)> {
        let of_it = self.streams.iter().filter(|(_, stream)| stream.role == role);
        of_it
            .min_by_key(|(_, stream)| stream.last_frame)
            .map(|(id, s)| (*id, s))
    }

    /// When a live session must be looked at again: silence of one of its streams, or the end of its connection's life.
    fn session_limits(&self, session: &Session) -> (MonoNs, MonoNs) {
        let SessionPhase::Live { since } = session.phase else {
            return (MonoNs(u64::MAX), MonoNs(u64::MAX));
        };
        let never = MonoNs(u64::MAX);
        let silent = match self.silence(session.role) {
            Millis(0) => never,
            span => self
                .quietest_stream_of(session.role)
                .map_or(never, |(_, stream)| stream.last_frame.max(since).plus(span)),
        };
        // Some of its life is left, so that the exchange does not end it first.
        let old = match self.liveness.connection_life_ms {
            Millis(0) => never,
            Millis(life) => since.plus(Millis(life - life / 50)),
        };
        (silent, old)
    }

    /// When what keeps a live session's stream alive is to be renewed.
    fn renewal(&self, session: &Session) -> Option<MonoNs> {
        let SessionPhase::Live { since } = session.phase else {
            return None;
        };
        let every = self.liveness.renewal_ms;
        let wanted = session.role == SessionRole::User && every != Millis(0) && session.renewing.is_none();
        wanted.then(|| session.renew_at.unwrap_or(since.plus(every)))
    }

    /// When sessions must be looked at next.
    pub(super) fn sessions_next(&self) -> Option<MonoNs> {
        self.sessions
            .iter()
            .filter_map(|session| match session.phase {
                _ if session.condemned.is_some() => Some(MonoNs(0)),
                _ if session.is_retiring() => (!self.has_orders_on(session.role)).then_some(MonoNs(0)),
                SessionPhase::Closed => (session.desired == Desired::Open).then_some(MonoNs(0)),
                SessionPhase::Waiting(until) => Some(until),
                SessionPhase::Live { .. } => {
                    let (silent, old) = self.session_limits(session);
                    let changed = session.desired == Desired::Closed || session.is_out_of_date();
                    let never = MonoNs(u64::MAX);
                    let renewal = self.renewal(session).unwrap_or(never);
                    let mending = session.mending.due().unwrap_or(never);
                    Some(if changed {
                        MonoNs(0)
                    } else {
                        silent.min(old).min(renewal).min(mending)
                    })
                    .filter(|t| t.0 != u64::MAX)
                }
                SessionPhase::Opening(_) | SessionPhase::Updating { .. } => {
                    (session.desired == Desired::Closed).then_some(MonoNs(0))
                }
            })
            .min()
    }

    /// Opens, updates, closes and gives up sessions as it is time to.
    pub(super) fn advance_sessions<S: Sink + ?Sized>(&mut self, sink: &mut S) {
        for role in [SessionRole::Market, SessionRole::User] {
            let now = self.now.mono;
            if let Some(reason) = self.session(role).condemned.take() {
                self.session_down(role, &reason, sink);
            }
            self.end_retired(role, sink);
            let session = &self.sessions[place(role)];
            let wanted = session.desired == Desired::Open;
            match session.phase {
                SessionPhase::Closed if wanted => self.open_session(role),
                SessionPhase::Waiting(until) if wanted && until <= now => self.open_session(role),
                SessionPhase::Waiting(_) if !wanted => self.session(role).phase = SessionPhase::Closed,
                SessionPhase::Opening(_) | SessionPhase::Live { .. } | SessionPhase::Updating { .. } if !wanted => {
                    self.close_session(role, sink);
                }
                SessionPhase::Live { since } => {
                    let (silent, old) = self.session_limits(session);
                    if silent <= now {
                        if let Some((id, stream)) = self.quietest_stream_of(role) {
                            let endpoint = &self.endpoints.row(stream.endpoint).id;
                            let reason = format!("no data for too long on its stream {endpoint}");
                            self.give_up_stream(id, &reason, sink);
                        }
                    } else if old <= now {
                        self.retire(role, "its connection has lived long enough", Reopen::AtOnce, sink);
                    } else if session.is_out_of_date() {
                        self.update_session(role, since);
                    } else if session.mending.due().is_some_and(|due| due <= now) {
                        self.mend_session(role);
                    } else if self.renewal(session).is_some_and(|due| due <= now) {
                        self.renew_session(role);
                    }
                }
                _ => {}
            }
        }
    }

    fn open_session(&mut self, role: SessionRole) {
        let session = self.session(role);
        session.last_frame = MonoNs(0);
        session.reconnects += u64::from(session.opened_before > 0);
        session.opened_before += 1;
        let command = Command::OpenSession(OpenSession {
            session: session.number(),
            role,
            subscriptions: session.subscriptions.tell_all(),
        });
        let op = self.begin_internal(Origin::Session(role), command.kind(), command.to_json(), OPENING);
        self.session(role).phase = SessionPhase::Opening(op);
    }

    fn update_session(&mut self, role: SessionRole, since: MonoNs) {
        let session = self.session(role);
        let (add, remove) = session.subscriptions.tell_change();
        let command = Command::UpdateSession(UpdateSession {
            session: session.number(),
            add,
            remove,
        });
        let op = self.begin_internal(Origin::Session(role), command.kind(), command.to_json(), OPENING);
        self.session(role).phase = SessionPhase::Updating { op, since };
    }

    fn renew_session(&mut self, role: SessionRole) {
        let session = self.session(role).number();
        let command = Command::RenewSession(RenewSession { session });
        let op = self.begin_internal(Origin::Session(role), command.kind(), command.to_json(), OPENING);
        self.session(role).renewing = Some(op);
    }

    /// A renewal has ended. What was refused is opened anew; what may have been done or not is done again before it runs out.
    fn renewed<S: Sink + ?Sized>(&mut self, role: SessionRole, outcome: &Outcome, sink: &mut S) {
        let now = self.now.mono;
        let every = self.liveness.renewal_ms;
        let session = self.session(role);
        session.renewing = None;
        session.renew_at = Some(now.plus(every));
        let Some(refusal) = outcome.refusal() else { return };
        match outcome {
            Outcome::Rejected(_) | Outcome::AuthFailed(_) => {
                self.session_down(role, &format!("it could not be renewed: {refusal}"), sink);
            }
            _ => {
                session.renew_at = Some(now.plus(RENEW_AGAIN.min(every)));
                self.log(
                    LogLevel::Warn,
                    &format!("the {role:?} session is not renewed yet: {refusal}"),
                    sink,
                );
            }
        }
    }

    fn close_session<S: Sink + ?Sized>(&mut self, role: SessionRole, sink: &mut S) {
        let number = self.session(role).number();
        self.session_down(role, "it is not wanted any more", sink);
        self.session(role).phase = SessionPhase::Closed;
        self.session(role).status = None;
        let command = Command::CloseSession(CloseSession { session: number });
        self.begin_internal(Origin::Session(role), command.kind(), command.to_json(), OPENING);
    }

    /// An operation of a session has ended.
    pub(super) fn session_outcome<S: Sink + ?Sized>(
        &mut self,
        role: SessionRole,
        op: OpId,
        outcome: &Outcome,
        sink: &mut S,
    ) {
        let now = self.now.mono;
        let session = self.session(role);
        if session.renewing == Some(op) {
            self.renewed(role, outcome, sink);
            return;
        }
        if session.mending.is_under_way_by(op) {
            self.mended(role, outcome, sink);
            return;
        }
        let since = match session.phase {
            SessionPhase::Opening(opening) if opening == op => now,
            SessionPhase::Updating { op: updating, since } if updating == op => since,
            // Of a session that is down already, or the close of one.
            _ => return,
        };
        let Some(refusal) = outcome.refusal() else {
            session.phase = SessionPhase::Live { since };
            session.down_reason = None;
            self.session_status(role, SessionStatus::Live, sink);
            return;
        };
        let reason = format!("it could not be opened: {refusal}");
        self.session_down(role, &reason, sink);
        if matches!(outcome, Outcome::AuthFailed(_))
            && let SessionPhase::Waiting(until) = self.session(role).phase
        {
            let until = until.max(now.plus(AFTER_AUTH_FAILURE));
            self.session(role).phase = SessionPhase::Waiting(until);
            sink.session_rests(role, &reason, until);
        }
    }

    /// Tells where a session stands, where that is new.
    pub(super) fn session_status<S: Sink + ?Sized>(&mut self, role: SessionRole, status: SessionStatus, sink: &mut S) {
        if self.session(role).status != Some(status) {
            self.session(role).status = Some(status);
            sink.session(role, status);
        }
    }

    /// A session is lost or refused: its operation and its streams end, and it is opened again after a back-off.
    pub(super) fn session_down<S: Sink + ?Sized>(&mut self, role: SessionRole, reason: &str, sink: &mut S) {
        let now = self.now.mono;
        let session = &mut self.sessions[place(role)];
        let op = match session.phase {
            SessionPhase::Closed | SessionPhase::Waiting(_) => return,
            SessionPhase::Opening(op) => Some(op),
            SessionPhase::Live { since } => {
                if now.since(since) >= PROVEN {
                    session.backoff.reset();
                }
                None
            }
            SessionPhase::Updating { op, .. } => Some(op),
        };
        let until = now.plus(session.backoff.next(&mut self.random));
        session.phase = SessionPhase::Waiting(until);
        session.condemned = None;
        session.retiring = None;
        session.down_reason = Some(reason.to_owned());
        session.renew_at = None;
        let (renewing, mending) = (session.renewing.take(), session.mending.give_up());
        let text = format!("the {role:?} session is down: {reason}");
        self.log(LogLevel::Warn, &text, sink);
        for op in [op, renewing, mending].into_iter().flatten() {
            self.drop_internal(op);
        }
        self.close_streams_of(role, reason, sink);
        self.session_status(role, SessionStatus::Down, sink);
        sink.session_rests(role, reason, until);
    }
}
