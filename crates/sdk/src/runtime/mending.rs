//! The streams of a live session that were lost, opened again.

use colibri_abi as abi;
use colibri_standard::{Outcome, Refusal, RejectReason};

use super::{SpotRuntime, address_of, complete};
use crate::session::{Opening, Session, SessionPlan};

impl SpotRuntime {
    /// Opens the parts of a session again that are lost. Done where there are none.
    pub(super) fn mend_session(&mut self, session: u32, op: u64, out: &mut abi::Out<'_>) {
        if !self.sessions.iter().any(|s| s.id == session) {
            let refusal = Refusal::new(RejectReason::NotConnected, "no such session is open");
            return complete(out, op, &Outcome::NotSent(refusal));
        }
        let lost = |at: &usize| self.sessions[*at].id == session && self.sessions[*at].is_lost();
        let lost: Vec<usize> = (0..self.sessions.len()).filter(lost).collect();
        if lost.is_empty() {
            return complete(out, op, &Outcome::Done);
        }
        let (mut opened, mut refused) = (None, None);
        for at in lost {
            let stream = self.next_stream;
            self.next_stream += 1;
            let mended = self.plan_again(&self.sessions[at]).and_then(|plan| {
                // The address was there when the session was opened.
                let address = address_of(&self.addresses, plan.host()).unwrap_or_default();
                self.sessions[at].mend(op, stream, plan, address, out)
            });
            match mended {
                Ok(()) => opened = Some(at),
                Err(refusal) => refused = Some(Outcome::NotSent(refusal)),
            }
        }
        match (refused, opened) {
            (Some(outcome), Some(other)) => self.sessions[other].fail_mending(outcome),
            (Some(outcome), None) => complete(out, op, &outcome),
            (None, _) => {}
        }
    }

    /// The plan by which a part of a session is opened again: the connector's, as it is now. What is kept of a session in a
    /// snapshot does not hold where its streams are opened, nor how they log in.
    fn plan_again(&self, part: &Session) -> Result<SessionPlan, Refusal> {
        let plan = match self.connector.shared().session(part.role)? {
            Opening::Stream(plan) => Some(plan),
            Opening::Streams(plans) => plans.into_iter().find(|plan| part.is_by(plan)),
            Opening::Ask(_) => None,
        };
        plan.ok_or_else(|| {
            let text = "each of its streams is asked for first: the session is opened anew as a whole";
            Refusal::new(RejectReason::NotConnected, text)
        })
    }
}
