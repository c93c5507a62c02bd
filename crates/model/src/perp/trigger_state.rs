//! The states of a trigger and every transition between them: the one place where they are allowed.
//!
//! A trigger is not yet an order: most exchanges keep it in a book of its own, count no margin for it, and do not list it among
//! open orders. When it fires it becomes an order with an id and a life of its own ([`crate::OrderState`]). As with orders, a
//! state changes only on evidence.

use serde::{Deserialize, Serialize};

/// Where a trigger stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerState {
    /// Tracked and journaled; about to be sent, or sent and not yet answered.
    PendingPlace,
    /// It waits at the exchange.
    Placed,
    /// Whether the exchange has it is not known; it is being asked.
    Unknown,
    /// Its price was reached; its order is not yet told.
    Triggered,
    /// It became an order, and has ended itself.
    BecameOrder,
    /// Ended by the exchange's rules: the position it was to close is gone, its date has passed, the instrument ended.
    Expired,
    /// Cancelled.
    Cancelled,
    /// Refused when it was placed, or when it fired and its order was refused (margin is often checked only then); or certainly
    /// not sent.
    Rejected,
}

/// What was learned about a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerEvidence {
    /// It waits at the exchange.
    Placed,
    /// Its price was reached.
    Triggered,
    /// It became an order.
    BecameOrder,
    /// It has expired.
    Expired,
    /// It is cancelled.
    Cancelled,
    /// The exchange refused it, or the order that it was to become.
    Rejected,
    /// No byte of it was written, or the exchange documents that it was not executed.
    NotSent,
    /// The outcome of sending it is not known.
    OutcomeUnknown,
    /// The exchange denies knowing it, in a typed answer, old enough and repeated.
    Absent,
}

use TriggerEvidence as E;
use TriggerState as S;

/// Every transition: from any of these states, on this evidence, to that state. What does not stand here does not happen.
const TRANSITIONS: &[(&[S], E, S)] = &[
    (&[S::PendingPlace, S::Unknown, S::Placed], E::Placed, S::Placed),
    (
        &[S::PendingPlace, S::Unknown, S::Placed, S::Triggered],
        E::Triggered,
        S::Triggered,
    ),
    // An order that came of it is the strongest evidence: it wins over any end that was told before.
    (
        &[
            S::PendingPlace,
            S::Unknown,
            S::Placed,
            S::Triggered,
            S::BecameOrder,
            S::Expired,
            S::Cancelled,
            S::Rejected,
        ],
        E::BecameOrder,
        S::BecameOrder,
    ),
    (
        &[S::PendingPlace, S::Unknown, S::Placed, S::Triggered, S::Expired],
        E::Expired,
        S::Expired,
    ),
    (
        &[S::PendingPlace, S::Unknown, S::Placed, S::Triggered, S::Cancelled],
        E::Cancelled,
        S::Cancelled,
    ),
    (
        &[S::PendingPlace, S::Unknown, S::Placed, S::Triggered, S::Rejected],
        E::Rejected,
        S::Rejected,
    ),
    (&[S::PendingPlace, S::Unknown, S::Rejected], E::NotSent, S::Rejected),
    (&[S::PendingPlace, S::Unknown], E::OutcomeUnknown, S::Unknown),
    // Never seen there: it never was. Seen there and then denied: it has ended without our seeing how, perhaps as an order,
    // which then tells so itself.
    (&[S::PendingPlace, S::Unknown, S::Rejected], E::Absent, S::Rejected),
    (&[S::Placed, S::Triggered, S::Cancelled], E::Absent, S::Cancelled),
    (&[S::Expired], E::Absent, S::Expired),
    (&[S::BecameOrder], E::Absent, S::BecameOrder),
];

/// Evidence that cannot follow the state: the report is old, or the exchange contradicts itself. The state stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a trigger that is {state:?} cannot become {evidence:?}")]
pub struct TriggerTransitionError {
    /// The state.
    pub state: TriggerState,
    /// What was reported.
    pub evidence: TriggerEvidence,
}

impl TriggerState {
    /// Whether it has ended. What it became lives on by itself.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, S::BecameOrder | S::Expired | S::Cancelled | S::Rejected)
    }

    /// Whether it may be at the exchange now: what a cancel must cover.
    #[must_use]
    pub const fn may_be_live(self) -> bool {
        !self.is_terminal()
    }

    /// The state after `evidence`. `Ok` with the same state where the report says what is already known.
    ///
    /// # Errors
    /// [`TriggerTransitionError`] where the evidence cannot follow. Nothing changes.
    pub fn after(self, evidence: TriggerEvidence) -> Result<TriggerState, TriggerTransitionError> {
        TRANSITIONS
            .iter()
            .find(|(from, on, _)| *on == evidence && from.contains(&self))
            .map(|(_, _, to)| *to)
            .ok_or(TriggerTransitionError { state: self, evidence })
    }

    /// The state of a trigger that was taken for gone because the exchange denied it, once a query made since tells that it
    /// waits there all the same, or that it fired. `None` where that changes nothing.
    #[must_use]
    pub const fn after_absence(self, evidence: TriggerEvidence) -> Option<TriggerState> {
        match (self, evidence) {
            (S::Cancelled | S::Rejected, E::Placed) => Some(S::Placed),
            (S::Cancelled | S::Rejected, E::Triggered) => Some(S::Triggered),
            (S::Cancelled, E::Expired) => Some(S::Expired),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [S; 8] = [
        S::PendingPlace,
        S::Placed,
        S::Unknown,
        S::Triggered,
        S::BecameOrder,
        S::Expired,
        S::Cancelled,
        S::Rejected,
    ];
    const EVIDENCE: [E; 9] = [
        E::Placed,
        E::Triggered,
        E::BecameOrder,
        E::Expired,
        E::Cancelled,
        E::Rejected,
        E::NotSent,
        E::OutcomeUnknown,
        E::Absent,
    ];

    #[test]
    fn the_ways_of_a_trigger() {
        let walk = |evidence: &[E]| {
            evidence
                .iter()
                .try_fold(S::PendingPlace, |state, evidence| state.after(*evidence))
        };
        assert_eq!(walk(&[E::Placed, E::Triggered, E::BecameOrder]), Ok(S::BecameOrder));
        assert_eq!(walk(&[E::Placed, E::Triggered, E::Rejected]), Ok(S::Rejected));
        assert_eq!(walk(&[E::OutcomeUnknown, E::Placed, E::Expired]), Ok(S::Expired));
        assert_eq!(walk(&[E::OutcomeUnknown, E::Absent]), Ok(S::Rejected));
        assert_eq!(walk(&[E::Placed, E::Absent]), Ok(S::Cancelled));
        assert_eq!(
            walk(&[E::Placed, E::Cancelled, E::BecameOrder]),
            Ok(S::BecameOrder),
            "the race of a cancel with the price"
        );
        assert!(walk(&[E::Placed, E::OutcomeUnknown]).is_err(), "it is better known");
        assert!(walk(&[E::Triggered, E::Placed]).is_err(), "an older report");
    }

    #[test]
    fn what_became_an_order_stays_so() {
        for evidence in EVIDENCE {
            assert!(matches!(S::BecameOrder.after(evidence), Ok(S::BecameOrder) | Err(_)));
            assert_eq!(S::BecameOrder.after_absence(evidence), None);
        }
    }

    #[test]
    fn an_end_is_left_only_for_an_order() {
        for state in STATES.into_iter().filter(|s| s.is_terminal()) {
            for evidence in EVIDENCE {
                if let Ok(next) = state.after(evidence) {
                    assert!(next == state || next == S::BecameOrder, "{state:?} {evidence:?}");
                }
            }
        }
    }

    #[test]
    fn no_pair_stands_twice_in_the_table_and_evidence_said_twice_changes_nothing() {
        for state in STATES {
            for evidence in EVIDENCE {
                let rows = TRANSITIONS
                    .iter()
                    .filter(|(from, on, _)| *on == evidence && from.contains(&state));
                assert!(rows.count() <= 1, "{state:?} {evidence:?}");
                if let Ok(next) = state.after(evidence) {
                    assert_eq!(next.after(evidence), Ok(next), "{state:?} {evidence:?}");
                }
            }
        }
    }
}
