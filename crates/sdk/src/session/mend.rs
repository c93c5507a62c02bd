//! A part of a live session that is lost and opened again, while the others deliver on.

use colibri_abi as abi;
use colibri_model::InstrumentId;
use colibri_standard::{Channel, Event, Outcome, Refusal, SessionPart, SessionRole, SessionStatus, Subscription};

use super::parts::add_to;
use super::{Around, Ended, Phase, Session, SessionPlan};

/// A part that was lost is being opened again.
#[derive(Debug)]
pub(super) struct Mend {
    /// The operation that opens it, and other parts that were lost beside it.
    pub(super) op: u64,
    /// How the operation ends even where this part is there: another could not be opened.
    pub(super) failed: Option<Outcome>,
}

impl Session {
    /// What it carries, or carried before it was lost.
    fn carried(&self) -> Vec<Subscription> {
        let each = |s: &Subscription| s.channels.iter().map(|c| (s.instrument, *c)).collect::<Vec<_>>();
        let mut topics = self.topics.clone();
        topics.extend(self.wanted.iter().flat_map(each));
        let mut carried = Vec::new();
        for (instrument, channel) in topics {
            add_to(&mut carried, instrument, channel);
        }
        carried
    }

    pub(super) fn tell_part(&self, status: SessionStatus, reason: Option<String>, around: &mut Around<'_>) {
        let event = Event::from(SessionPart {
            session: self.id,
            status,
            subscriptions: self.carried(),
            reason,
        });
        around.out.event(event.kind(), &event.to_json());
    }

    /// Whether its loss leaves the rest of its session as it is. The account's session is whole or not at all: what is
    /// missed of it is made up for as a whole.
    pub(super) fn may_be_lost_alone(&self, ended: &Ended) -> bool {
        self.role == SessionRole::Market && (ended.phase == Phase::Live || self.mend.is_some())
    }

    /// It waits to be opened again, with what it carried. Where it was being opened again: by which operation, and how that
    /// ends.
    pub(super) fn lose(&mut self, ended: &Ended, around: &mut Around<'_>) -> Option<(u64, Outcome)> {
        let reason = ended.outcome.refusal().map(ToString::to_string);
        self.tell_part(SessionStatus::Down, reason, around);
        let unfinished = self.unfinished(ended);
        let mend = self.mend.take();
        for op in unfinished {
            if mend.as_ref().is_none_or(|mend| mend.op != op) {
                around.complete(op, &ended.outcome);
                self.failed.push(op);
            }
        }
        self.wanted = self.carried();
        self.topics.clear();
        self.outbox.clear();
        self.awaited.clear();
        self.settling.clear();
        self.sent.clear();
        self.logins_done = 0;
        self.stream = 0;
        self.phase = Phase::Lost;
        mend.map(|mend| (mend.op, mend.failed.unwrap_or_else(|| ended.outcome.clone())))
    }

    /// Whether it is being opened again by `op`.
    pub(super) fn is_mended_by(&self, op: u64) -> bool {
        self.mend.as_ref().is_some_and(|mend| mend.op == op)
    }

    /// Another part that the same operation was to open again could not be: the operation ends so, once it has ended here.
    pub(crate) fn fail_mending(&mut self, outcome: Outcome) {
        if let Some(mend) = &mut self.mend {
            mend.failed.get_or_insert(outcome);
        }
    }

    /// Whether it waits to be opened again.
    pub(crate) fn is_lost(&self) -> bool {
        self.phase == Phase::Lost
    }

    /// Whether it is neither lost nor being opened again.
    pub(super) fn is_there(&self) -> bool {
        !self.is_lost() && self.mend.is_none()
    }

    /// Whether it is away, and will carry this once it is back.
    pub(super) fn will_carry(&self, instrument: InstrumentId, channel: Channel) -> bool {
        !self.is_there() && self.wants(instrument, channel)
    }

    /// Whether it was opened by such a plan, of several.
    pub(crate) fn is_by(&self, plan: &SessionPlan) -> bool {
        self.plan.carries == plan.carries
    }

    /// Opens it again by `plan`, on another stream, for the operation `op`.
    pub(crate) fn mend(
        &mut self,
        op: u64,
        stream: u32,
        plan: SessionPlan,
        address: &str,
        out: &mut abi::Out<'_>,
    ) -> Result<(), Refusal> {
        plan.open(self.id, stream, address, out)?;
        self.plan = plan;
        self.mend = Some(Mend { op, failed: None });
        self.stream = stream;
        self.phase = Phase::Opening;
        Ok(())
    }
}
