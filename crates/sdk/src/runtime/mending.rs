//! The streams of a live session that were lost, opened again.

use colibri_abi as abi;
use colibri_standard::{Outcome, Refusal, RejectReason};

use super::{SpotRuntime, address_of, complete};
use crate::session::Session;

impl SpotRuntime {
    /// Opens the parts of a session again that are lost. Done where there are none.
    pub(super) fn mend_session(&mut self, session: u32, op: u64, out: &mut abi::Out<'_>) {
        if !self.sessions.iter().any(|s| s.id == session) {
            let refusal = Refusal::new(RejectReason::NotConnected, "no such session is open");
            return complete(out, op, &Outcome::NotSent(refusal));
        }
        let is_lost = |part: &&mut Session| part.id == session && part.is_lost();
        let mut lost = self.sessions.iter_mut().filter(is_lost).peekable();
        if lost.peek().is_none() {
            return complete(out, op, &Outcome::Done);
        }
        for part in lost {
            let stream = self.next_stream;
            self.next_stream += 1;
            // The address was there when the session was opened.
            let address = address_of(&self.addresses, part.host()).unwrap_or_default();
            if let Err(refusal) = part.mend(op, stream, address, out) {
                return complete(out, op, &Outcome::NotSent(refusal));
            }
        }
    }
}
