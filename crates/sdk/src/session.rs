//! A session: one stream from its opening over login and subscriptions to its end. The host decides when it begins and
//! when to try again; this machine does the steps in between and says where it stands.
//!
//! A market session that wants more topics than a stream carries has several streams, its parts. It is live when all of them
//! are; from then on one that is lost takes only what it carries with it, and is opened again when the host says so
//! (`mend.rs`). While it opens, and of an account, it is down as soon as one is.

use std::collections::{BTreeSet, VecDeque};

use colibri_abi as abi;
use colibri_model::{InstrumentId, Millis};
use colibri_standard::{
    Channel, Event, Outcome, Refusal, RejectReason, SessionEvent, SessionRole, SessionStatus, Subscription,
};

use crate::{Frame, Instruments, Moment, Spot, Topic, TopicChange, unsupported};

mod kept;
mod mend;
mod parts;
mod plan;
mod settle;

use mend::Mend;
pub(crate) use parts::{Wanted, update};
pub use plan::{Opening, SessionPlan};
pub(crate) use settle::settle;

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Opening,
    LoggingIn,
    Subscribing,
    Live,
    /// Its stream is lost, other parts of the session are live: it waits to be opened again.
    Lost,
    /// Ended: to be forgotten.
    Over,
}

/// How a part has ended.
struct Ended {
    outcome: Outcome,
    /// Where it stood.
    phase: Phase,
}

struct Subscribing {
    id: u64,
    op: u64,
    text: String,
}

struct Awaited {
    id: u64,
    op: u64,
    until_ns: u64,
}

/// What a session needs of its surroundings while it handles an input.
pub(crate) struct Around<'a> {
    pub(crate) connector: &'a dyn Spot,
    pub(crate) instruments: &'a Instruments,
    pub(crate) now: abi::Now,
    pub(crate) out: abi::Out<'a>,
    pub(crate) next_call: &'a mut u64,
}

impl Around<'_> {
    fn complete(&mut self, op: u64, outcome: &Outcome) {
        self.out.complete(op, outcome.kind(), &outcome.to_json());
    }

    fn call_id(&mut self) -> u64 {
        let id = *self.next_call;
        *self.next_call += 1;
        id
    }
}

/// The timers of a session, as numbers at the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timer {
    Pace,
    KeepAlive,
    Answer,
}

impl Timer {
    const ALL: [Timer; 3] = [Timer::Pace, Timer::KeepAlive, Timer::Answer];

    const fn number(self, session: u32, part: u32) -> u64 {
        ((part as u64) << 32 | session as u64) * 4 + self as u64
    }
}

pub(crate) struct Session {
    pub(crate) id: u32,
    /// Which of the session's streams it is, from zero.
    part: u32,
    pub(crate) role: SessionRole,
    pub(crate) stream: u32,
    pub(crate) phase: Phase,
    /// The operation that opens the session, and then its name: the parts of a session have it in common.
    op: u64,
    /// Where it was lost and is being opened again.
    mend: Option<Mend>,
    /// Why its stream is gone, until what follows from that is told.
    ended: Option<Ended>,
    plan: SessionPlan,
    logins_done: usize,
    wanted: Vec<Subscription>,
    /// What is subscribed, or about to be.
    topics: BTreeSet<(InstrumentId, Channel)>,
    /// Operations of which nothing may be left.
    settling: Vec<u64>,
    /// Operations that have ended without being done.
    failed: Vec<u64>,
    outbox: VecDeque<Subscribing>,
    awaited: Vec<Awaited>,
    /// When the last subscription messages were sent.
    sent: VecDeque<u64>,
}

pub(crate) fn lost(why: &str) -> Outcome {
    Outcome::Unknown(Refusal::new(RejectReason::NotConnected, why))
}

impl Session {
    pub(crate) fn open(
        wanted: Wanted,
        plan: SessionPlan,
        part: u32,
        stream: u32,
        address: &str,
        out: &mut abi::Out<'_>,
    ) -> Result<Session, Refusal> {
        plan.open(wanted.session, stream, address, out)?;
        Ok(Session {
            id: wanted.session,
            part,
            role: wanted.role,
            stream,
            phase: Phase::Opening,
            op: wanted.op,
            mend: None,
            ended: None,
            plan,
            logins_done: 0,
            wanted: wanted.subscriptions,
            topics: BTreeSet::new(),
            settling: Vec::new(),
            failed: Vec::new(),
            outbox: VecDeque::new(),
            awaited: Vec::new(),
            sent: VecDeque::new(),
        })
    }

    /// The operation that opens it: the session as a whole, or this part again.
    fn opening_op(&self) -> u64 {
        self.mend.as_ref().map_or(self.op, |mend| mend.op)
    }

    /// Whether `op` is the operation that opens it, and it is still opening.
    pub(crate) fn is_opened_by(&self, op: u64) -> bool {
        self.opening_op() == op && matches!(self.phase, Phase::Opening | Phase::LoggingIn | Phase::Subscribing)
    }

    const fn timer_number(&self, timer: Timer) -> u64 {
        timer.number(self.id, self.part)
    }

    fn tell(&self, status: SessionStatus, reason: Option<String>, around: &mut Around<'_>) {
        let event = Event::from(SessionEvent {
            session: self.id,
            status,
            reason,
        });
        around.out.event(event.kind(), &event.to_json());
    }

    /// A step on the way to being live. While a part is opened again the session is live, and no step is told.
    fn tell_step(&self, status: SessionStatus, around: &mut Around<'_>) {
        if self.mend.is_none() {
            self.tell(status, None, around);
        }
    }

    pub(crate) fn opened(&mut self, around: &mut Around<'_>) {
        if let Some(keep_alive) = &self.plan.keep_alive {
            let at = after(around.now.mono_ns, keep_alive.every);
            around.out.set_timer(self.timer_number(Timer::KeepAlive), at);
        }
        if self.plan.login.is_empty() {
            self.subscribe_wanted(around);
        } else {
            self.phase = Phase::LoggingIn;
            self.tell_step(SessionStatus::LoggingIn, around);
            self.next_login(around);
        }
    }

    fn next_login(&mut self, around: &mut Around<'_>) {
        match self.plan.login.get(self.logins_done) {
            Some(call) => {
                if around.out.want(self.opening_op(), call.endpoint) != abi::accepted::YES {
                    self.end(lost("the host did not admit the login: see its log"), around);
                }
            }
            None => self.subscribe_wanted(around),
        }
    }

    /// The login that was wanted is admitted.
    pub(crate) fn granted(&mut self, moment: &Moment, around: &mut Around<'_>) {
        if self.phase != Phase::LoggingIn {
            return;
        }
        let id = around.call_id();
        let Some(call) = self.plan.login.get(self.logins_done) else {
            return;
        };
        let frame = (call.build)(id, moment);
        if frame.send(self.stream, self.opening_op(), call.endpoint, &mut around.out) != abi::accepted::YES {
            self.end(lost("the host did not send the login: see its log"), around);
            return;
        }
        self.await_answer(id, self.opening_op(), around);
    }

    fn subscribe_wanted(&mut self, around: &mut Around<'_>) {
        self.phase = Phase::Subscribing;
        self.tell_step(SessionStatus::Subscribing, around);
        let wanted = std::mem::take(&mut self.wanted);
        match self.enqueue(TopicChange::Subscribe, &wanted, self.opening_op(), around) {
            Ok(()) => {
                self.pump(around);
                self.settling.push(self.opening_op());
            }
            Err(refusal) => {
                self.wanted = wanted;
                self.end(Outcome::NotSent(refusal), around);
            }
        }
    }

    /// Changes what is subscribed on a session that has got so far.
    pub(crate) fn update(&mut self, add: &[Subscription], remove: &[Subscription], op: u64, around: &mut Around<'_>) {
        if !matches!(self.phase, Phase::Subscribing | Phase::Live) {
            let refusal = Refusal::new(RejectReason::NotConnected, "the session is not live yet");
            around.complete(op, &Outcome::NotSent(refusal));
            return;
        }
        let queued = self
            .enqueue(TopicChange::Unsubscribe, remove, op, around)
            .and_then(|()| self.enqueue(TopicChange::Subscribe, add, op, around));
        if let Err(refusal) = queued {
            self.outbox.retain(|s| s.op != op);
            around.complete(op, &Outcome::NotSent(refusal));
            return;
        }
        self.pump(around);
        self.settling.push(op);
    }

    fn enqueue(
        &mut self,
        change: TopicChange,
        subscriptions: &[Subscription],
        op: u64,
        around: &mut Around<'_>,
    ) -> Result<(), Refusal> {
        let pairs: Vec<(InstrumentId, Channel)> = subscriptions
            .iter()
            .flat_map(|s| s.channels.iter().map(|&channel| (s.instrument, channel)))
            .collect();
        let mut topics = Vec::with_capacity(pairs.len());
        for (id, channel) in pairs {
            let instrument = around.instruments.get(id).ok_or_else(|| {
                Refusal::new(
                    RejectReason::BadRequest,
                    format!("instrument {} is not in use: send use_instruments first", id.0),
                )
            })?;
            if !around.connector.channels().contains(&channel) {
                return Err(unsupported(&format!("the channel {}", channel.as_str())));
            }
            topics.push(Topic { instrument, channel });
        }
        let names = topics.iter().map(|topic| (topic.instrument.id, topic.channel));
        let before = self.topics.clone();
        match change {
            TopicChange::Subscribe => self.topics.extend(names),
            TopicChange::Unsubscribe => names.for_each(|name| {
                self.topics.remove(&name);
            }),
        }
        // What comes in one stream of the exchange's is asked for with the first of it, and given up with the last.
        let others = match change {
            TopicChange::Subscribe => before,
            TopicChange::Unsubscribe => self.topics.clone(),
        };
        let connector = around.connector;
        let mut said = BTreeSet::new();
        topics.retain_mut(|topic| {
            let (id, channel) = (topic.instrument.id, topic.channel);
            topic.channel = connector.carrier(channel);
            let same = |(other, c): &(InstrumentId, Channel)| {
                *other == id && *c != channel && connector.carrier(*c) == topic.channel
            };
            !others.iter().any(same) && said.insert((id, topic.channel))
        });
        let count = self.topics.len();
        if count > self.plan.most_topics {
            return Err(Refusal::new(
                RejectReason::DoesNotFit,
                format!("{count} topics on a stream that carries {}", self.plan.most_topics),
            ));
        }
        for batch in topics.chunks(self.plan.topics_per_message) {
            let id = *around.next_call;
            *around.next_call += 1;
            let text = around.connector.topics(change, batch, id);
            self.outbox.push_back(Subscribing { id, op, text });
        }
        Ok(())
    }

    /// Sends what waits, as fast as the exchange allows.
    fn pump(&mut self, around: &mut Around<'_>) {
        while let Some(next) = self.outbox.front() {
            if let Some((messages, span)) = self.plan.pace {
                while self.sent.front().is_some_and(|&t| after(t, span) <= around.now.mono_ns) {
                    self.sent.pop_front();
                }
                if self.sent.len() >= messages {
                    let at = self.sent.front().map_or(0, |&t| after(t, span));
                    around.out.set_timer(self.timer_number(Timer::Pace), at);
                    return;
                }
                self.sent.push_back(around.now.mono_ns);
            }
            let frame = Frame::text(next.text.as_str());
            let (id, op) = (next.id, next.op);
            if frame.send(self.stream, 0, "", &mut around.out) != abi::accepted::YES {
                self.end(lost("the host did not send a subscription: see its log"), around);
                return;
            }
            self.outbox.pop_front();
            self.await_answer(id, op, around);
        }
    }

    fn await_answer(&mut self, id: u64, op: u64, around: &mut Around<'_>) {
        let until_ns = after(around.now.mono_ns, self.plan.answer_within);
        self.awaited.push(Awaited { id, op, until_ns });
        self.set_answer_timer(around);
    }

    fn set_answer_timer(&self, around: &mut Around<'_>) {
        // Answers are awaited in the order of their requests, so the first has the earliest end.
        let at = self.awaited.first().map_or(0, |a| a.until_ns);
        around.out.set_timer(self.timer_number(Timer::Answer), at);
    }

    /// An answer on the stream; whether it was one that the session awaits.
    pub(crate) fn answered(
        &mut self,
        id: Option<u64>,
        result: Result<(), Outcome>,
        around: &mut Around<'_>,
    ) -> Result<(), Result<(), Outcome>> {
        let found = match id {
            Some(id) => self.awaited.iter().position(|a| a.id == id),
            None => (!self.awaited.is_empty()).then_some(0),
        };
        let Some(found) = found else { return Err(result) };
        let op = self.awaited.remove(found).op;
        self.set_answer_timer(around);
        match result {
            Ok(()) if self.phase == Phase::LoggingIn => {
                self.logins_done += 1;
                self.next_login(around);
            }
            Ok(()) => self.settling.push(op),
            Err(outcome) if self.is_opened_by(op) => self.end(outcome, around),
            Err(outcome) => {
                self.failed.push(op);
                around.complete(op, &outcome);
            }
        }
        Ok(())
    }

    /// Whether something of an operation is left to be done here.
    fn has_left(&self, op: u64) -> bool {
        let coming_up = op == self.opening_op() && matches!(self.phase, Phase::Opening | Phase::LoggingIn);
        coming_up || self.outbox.iter().any(|s| s.op == op) || self.awaited.iter().any(|a| a.op == op)
    }

    /// Forgotten without a word: another part has told that the session is down, and the host closes every stream of it.
    fn abandon(&mut self, around: &mut Around<'_>) {
        for timer in Timer::ALL {
            around.out.set_timer(self.timer_number(timer), 0);
        }
        self.phase = Phase::Over;
    }

    /// Room for topics on its stream.
    fn room(&self) -> usize {
        self.plan.most_topics.saturating_sub(self.topics.len())
    }

    /// Whether something of an instrument is subscribed.
    fn has_topic(&self, instrument: InstrumentId, channel: Channel) -> bool {
        self.topics.contains(&(instrument, channel))
    }

    /// Whether something of an instrument is subscribed, or will be once the stream is open.
    pub(crate) fn wants(&self, instrument: InstrumentId, channel: Channel) -> bool {
        let wanted = |s: &Subscription| s.instrument == instrument && s.channels.contains(&channel);
        self.has_topic(instrument, channel) || self.wanted.iter().any(wanted)
    }

    fn carries(&self, instrument: InstrumentId) -> bool {
        self.topics.iter().any(|(id, _)| *id == instrument)
    }

    /// A timer has come due; whether it was one of this session.
    pub(crate) fn timer(&mut self, timer: u64, around: &mut Around<'_>) -> bool {
        let Some(which) = Timer::ALL.into_iter().find(|&t| self.timer_number(t) == timer) else {
            return false;
        };
        match which {
            Timer::Pace => self.pump(around),
            Timer::KeepAlive => {
                if let Some(keep_alive) = &self.plan.keep_alive {
                    Frame::text(keep_alive.text.as_ref()).send(self.stream, 0, "", &mut around.out);
                    let at = after(around.now.mono_ns, keep_alive.every);
                    around.out.set_timer(self.timer_number(Timer::KeepAlive), at);
                }
            }
            Timer::Answer => {
                let late = self.awaited.first().is_some_and(|a| a.until_ns <= around.now.mono_ns);
                if late {
                    let refusal = Refusal::new(RejectReason::Deadline, "the exchange did not answer on the stream");
                    self.end(Outcome::Unknown(refusal), around);
                }
            }
        }
        true
    }

    /// The stream is closed by the other side, or could not be opened.
    pub(crate) fn closed(&mut self, why: &str, around: &mut Around<'_>) {
        self.down(lost(why), around);
    }

    /// Closes the stream, because the session has failed or is not wanted any more.
    pub(crate) fn end(&mut self, outcome: Outcome, around: &mut Around<'_>) {
        if !self.is_lost() {
            around.out.close(self.stream, 1000);
        }
        self.down(outcome, around);
    }

    /// The host has given up an operation by itself.
    pub(crate) fn forget(&mut self, op: u64, around: &mut Around<'_>) {
        if self.is_opened_by(op) {
            self.end(lost("the host ended the opening of the session"), around);
        } else {
            self.outbox.retain(|s| s.op != op);
        }
    }

    /// Its stream is gone. What follows from that is settled with the other parts: see [`settle`].
    fn down(&mut self, outcome: Outcome, around: &mut Around<'_>) {
        if self.phase == Phase::Over {
            return;
        }
        for timer in Timer::ALL {
            around.out.set_timer(self.timer_number(timer), 0);
        }
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        self.ended = Some(Ended { outcome, phase });
    }

    /// The operations that have something to do here.
    fn unfinished(&self, ended: &Ended) -> Vec<u64> {
        let mut ops = Vec::new();
        let unfinished = self
            .outbox
            .iter()
            .map(|s| s.op)
            .chain(self.awaited.iter().map(|a| a.op));
        let is_opening = matches!(ended.phase, Phase::Opening | Phase::LoggingIn | Phase::Subscribing);
        let opening = is_opening.then_some(self.opening_op());
        for op in unfinished.chain(opening) {
            if !ops.contains(&op) {
                ops.push(op);
            }
        }
        ops
    }
}

const fn after(mono_ns: u64, span: Millis) -> u64 {
    mono_ns.saturating_add(span.0.saturating_mul(1_000_000))
}
