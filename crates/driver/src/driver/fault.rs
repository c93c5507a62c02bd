//! A connector that has stopped, what becomes of what it was doing, and the connector that takes its place.

use colibri_abi::Connector;
use colibri_model::{Millis, OpId};
use colibri_standard::{Outcome, Refusal, RejectReason, SessionRole, SessionStatus};

use super::Driver;
use super::core::EndedBy;
use super::operation::Origin;
use super::session::SessionPhase;
use crate::{ConnectorState, HostTime, Input, LogLevel, Sink};

impl Driver {
    /// Puts a new connector in the place of one that faulted or is out of date. Operations of the old one end, sessions are
    /// opened again, and the instruments in use are told.
    pub fn replace_connector<S: Sink + ?Sized>(&mut self, connector: Connector, time: HostTime, sink: &mut S) {
        self.core.now = time;
        if self.state == ConnectorState::Running {
            self.abandon_all("the connector is replaced", sink);
        }
        self.connector = connector;
        self.core.fault = None;
        self.state = ConnectorState::Running;
        if let Some(instruments) = self.core.instruments.clone() {
            self.core
                .begin_internal(Origin::Restore, "use_instruments", instruments, Millis(10_000));
        }
        self.core.clock.asking = false;
        self.wake(sink);
        self.drain(sink);
    }

    /// The connector cannot be called any more: what it was doing ends.
    pub(super) fn fault<S: Sink + ?Sized>(&mut self, reason: String, sink: &mut S) {
        self.core.counts.faults += 1;
        self.core.log(
            LogLevel::Error,
            &format!("the connector is stopped: {reason}; it must be restarted"),
            sink,
        );
        self.state = ConnectorState::Faulted {
            reason,
            since: self.core.now.mono,
        };
        self.core.fault = Some("it is stopped".to_owned());
        self.abandon_all("the connector faulted", sink);
    }

    /// Ends every operation, closes every stream, and forgets what the connector had set.
    fn abandon_all<S: Sink + ?Sized>(&mut self, why: &str, sink: &mut S) {
        // An order is not given to the next connector.
        for op in self.core.operations.ids() {
            if let Some(operation) = self.core.operations.get_mut(op) {
                operation.order = None;
            }
        }
        for role in [SessionRole::Market, SessionRole::User] {
            let open = !matches!(
                self.core.session(role).phase,
                SessionPhase::Closed | SessionPhase::Waiting(_)
            );
            self.core.close_streams_of(role, why, sink);
            self.core.session(role).phase = SessionPhase::Closed;
            if open {
                self.core.session_status(role, SessionStatus::Down, sink);
            }
        }
        for op in self.core.operations.ids() {
            let written = self.core.operations.get(op).is_some_and(|o| o.writes > 0);
            let refusal = Refusal::new(RejectReason::NotConnected, why);
            let outcome = if written {
                Outcome::Unknown(refusal)
            } else {
                Outcome::NotSent(refusal)
            };
            self.core.finish(op, outcome, EndedBy::Connector, sink);
        }
        self.core.queue.clear();
        self.core.released.clear();
        self.core.held.clear();
        self.core.timers.clear();
        self.core.todo.clear();
    }

    /// What is asked of a connector that has stopped: ended at once, nothing sent.
    pub(super) fn refuse_input<S: Sink + ?Sized>(&mut self, input: Input<'_>, sink: &mut S) {
        let refusal = || Refusal::new(RejectReason::NotConnected, "the connector has stopped after a fault");
        match input {
            Input::Command { op, .. } | Input::RawCommand { op, .. } => sink.completed(op, Outcome::NotSent(refusal())),
            Input::Orders(ops) => {
                for order in ops {
                    sink.completed(OpId(order.grant.op), Outcome::NotSent(refusal()));
                }
            }
            _ => {}
        }
    }
}
