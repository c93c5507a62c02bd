//! The streams of a session, opened for the first time.

use colibri_abi as abi;
use colibri_standard::{Outcome, Refusal, RejectReason, SessionRole};

use super::{SpotRuntime, address_of, complete};
use crate::session::{Around, Phase, Session, Wanted, lost};
use crate::{Opening, SessionPlan};

impl SpotRuntime {
    /// Opens the streams of a session: one for each plan of which something is wanted, and more where one does not carry it
    /// all.
    pub(super) fn open_streams(&mut self, wanted: Wanted, plans: Vec<SessionPlan>, out: &mut abi::Out<'_>) {
        let op = wanted.op;
        let before = self.sessions.len();
        let shares = wanted.by_plan(&plans);
        let mut plans: Vec<Option<SessionPlan>> = plans.into_iter().map(Some).collect();
        let mut part = 0;
        for (at, share) in shares {
            let most_topics = plans[at].as_ref().map_or(usize::MAX, SessionPlan::topics_at_most);
            for wanted in share.in_parts(most_topics) {
                // The plan of a stream is used up with it.
                let plan = match plans[at].take() {
                    Some(plan) => Ok(plan),
                    None => self.another_plan(wanted.role, at),
                };
                match plan.and_then(|plan| self.open_part(wanted, plan, part, out)) {
                    Ok(session) => self.sessions.push(session),
                    Err(refusal) => {
                        for part in self.sessions.drain(before..) {
                            out.close(part.stream, 1000);
                        }
                        return complete(out, op, &Outcome::NotSent(refusal));
                    }
                }
                part += 1;
            }
        }
    }

    fn open_part(
        &mut self,
        wanted: Wanted,
        plan: SessionPlan,
        part: u32,
        out: &mut abi::Out<'_>,
    ) -> Result<Session, Refusal> {
        let address = address_of(&self.addresses, plan.host()).ok_or_else(|| {
            let why = format!("the environment gives no address {:?}", plan.host());
            Refusal::new(RejectReason::BadRequest, why)
        })?;
        let stream = self.next_stream;
        self.next_stream += 1;
        Session::open(wanted, plan, part, stream, address, out)
    }

    /// The plan of one more stream of a session, of its plan at `at`.
    fn another_plan(&self, role: SessionRole, at: usize) -> Result<SessionPlan, Refusal> {
        let plan = match self.connector.shared().session(role)? {
            Opening::Stream(plan) => Some(plan),
            Opening::Streams(plans) => plans.into_iter().nth(at),
            Opening::Ask(_) => None,
        };
        plan.ok_or_else(|| {
            Refusal::new(
                RejectReason::DoesNotFit,
                "more topics than a stream carries, and a question before each stream",
            )
        })
    }

    pub(super) fn open_session(&mut self, now: abi::Now, wanted: Wanted, out: &mut abi::Out<'_>) {
        let id = wanted.session;
        around!(self, now, out, |sessions, around| {
            for session in sessions.iter_mut().filter(|s| s.id == id) {
                session.end(lost("the session is opened anew"), around);
            }
        });
        match self.connector.shared().session(wanted.role) {
            Ok(Opening::Stream(plan)) => self.open_streams(wanted, vec![plan], out),
            Ok(Opening::Streams(plans)) => self.open_streams(wanted, plans, out),
            Ok(Opening::Ask(operation)) => {
                let op = wanted.op;
                self.asking.push(wanted);
                self.ask(op, Ok(operation), out);
            }
            Err(refusal) => complete(out, wanted.op, &Outcome::NotSent(refusal)),
        }
    }
}
