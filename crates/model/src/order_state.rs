//! The states of an order and every transition between them: the one place where they are allowed.
//!
//! A state changes only on *evidence*: something that the exchange said, or the certainty that nothing was sent. What is
//! not evidence (a time-out, a 5xx, a lost connection) leads to [`OrderState::Unknown`], which is asked about until the
//! exchange answers.

use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Tracked and journaled; about to be sent, or sent and not yet answered.
    PendingCreate,
    /// The exchange has taken the request; whether the order works is not yet said.
    Acknowledged,
    /// Working in the book, nothing filled.
    Open,
    /// Working in the book, partly filled.
    PartiallyFilled,
    /// Whether the exchange has it is not known; it is being asked.
    Unknown,
    /// Wholly filled.
    Filled,
    /// Cancelled, perhaps after partial fills.
    Cancelled,
    /// Never worked: refused, or certainly not sent.
    Rejected,
    /// Ended by the exchange's rules (immediate-or-cancel remainder, self-trade prevention, end of day).
    Expired,
}

/// What was learned about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderEvidence {
    /// The exchange took the request.
    Acknowledged,
    /// It works in the book with nothing filled.
    Open,
    /// It works in the book, partly filled.
    PartiallyFilled,
    /// It is wholly filled.
    Filled,
    /// It is cancelled.
    Cancelled,
    /// It has expired.
    Expired,
    /// The exchange refused it.
    Rejected,
    /// No byte of it was written, or the exchange documents that it was not executed.
    NotSent,
    /// The outcome of sending it is not known.
    OutcomeUnknown,
    /// The exchange denies knowing it, in a typed answer, old enough and repeated: it never worked.
    Absent,
}

/// Evidence that cannot follow the state: the report is old, or the exchange contradicts itself. The state stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {state:?} cannot become {evidence:?}")]
pub struct TransitionError {
    /// The state.
    pub state: OrderState,
    /// What was reported.
    pub evidence: OrderEvidence,
}

impl OrderState {
    /// Whether nothing but a late fill can still happen to the order.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            OrderState::Filled | OrderState::Cancelled | OrderState::Rejected | OrderState::Expired
        )
    }

    /// Whether the order may be in the exchange's book now: what a cancel must cover.
    #[must_use]
    pub const fn may_be_live(self) -> bool {
        !self.is_terminal()
    }

    /// The state after `evidence`. `Ok` with the same state where the report says what is already known.
    ///
    /// # Errors
    /// [`TransitionError`] where the evidence cannot follow: an older report after a newer one, mostly. Nothing changes.
    pub const fn after(self, evidence: OrderEvidence) -> Result<OrderState, TransitionError> {
        use OrderEvidence as E;
        use OrderState as S;
        let next = match (self, evidence) {
            // Not yet answered, or asked about: anything may turn out.
            (S::PendingCreate | S::Unknown, E::Acknowledged) => S::Acknowledged,
            (S::PendingCreate | S::Unknown | S::Acknowledged, E::Open) => S::Open,
            (S::PendingCreate, E::OutcomeUnknown) => S::Unknown,
            // A query that confirmed the order in between makes a late time-out of its placement meaningless.
            (S::PendingCreate | S::Unknown, E::NotSent | E::Rejected | E::Absent) => S::Rejected,
            // Some exchanges acknowledge first and refuse later.
            (S::Acknowledged, E::Rejected | E::Absent) => S::Rejected,
            // Working, or found to be.
            (S::PendingCreate | S::Unknown | S::Acknowledged | S::Open | S::PartiallyFilled, E::PartiallyFilled) => {
                S::PartiallyFilled
            }
            (S::PendingCreate | S::Unknown | S::Acknowledged | S::Open | S::PartiallyFilled, E::Filled) => S::Filled,
            (S::PendingCreate | S::Unknown | S::Acknowledged | S::Open | S::PartiallyFilled, E::Cancelled) => {
                S::Cancelled
            }
            (S::PendingCreate | S::Unknown | S::Acknowledged | S::Open | S::PartiallyFilled, E::Expired) => S::Expired,
            // An order that had worked and is denied later has ended without our seeing how: as good as cancelled, unless
            // it comes back (`after_absence`).
            (S::Open | S::PartiallyFilled, E::Absent) => S::Cancelled,
            // The race of a cancel (or an expiry) with the last fill, in either order of report.
            (S::Cancelled | S::Expired, E::Filled) => S::Filled,
            // An exchange that denied knowing an order and then reports it.
            (S::Rejected, E::Open) => S::Open,
            (S::Rejected, E::PartiallyFilled) => S::PartiallyFilled,
            (S::Rejected, E::Filled) => S::Filled,
            (S::Rejected, E::Cancelled) => S::Cancelled,
            (S::Rejected, E::Expired) => S::Expired,
            // What is said already.
            (S::Acknowledged | S::Open | S::PartiallyFilled, E::Acknowledged)
            | (S::Open, E::Open)
            | (S::Unknown, E::OutcomeUnknown)
            | (S::Filled, E::Filled)
            | (S::Cancelled, E::Cancelled | E::Absent)
            | (S::Expired, E::Expired | E::Absent)
            | (S::Rejected, E::Rejected | E::NotSent | E::Absent) => self,
            _ => return Err(TransitionError { state: self, evidence }),
        };
        Ok(next)
    }

    /// The state of an order that was taken for gone because the exchange denied it, or whose end was learned in an earlier
    /// run, once the exchange tells `evidence`: that it works (believed of a query made since only), or how it ended. `None`
    /// where that changes nothing, or nothing but what [`OrderState::after`] says.
    #[must_use]
    pub const fn after_absence(self, evidence: OrderEvidence) -> Option<OrderState> {
        match (self, evidence) {
            (OrderState::Cancelled | OrderState::Expired | OrderState::Rejected, OrderEvidence::Open) => {
                Some(OrderState::Open)
            }
            (OrderState::Cancelled | OrderState::Expired | OrderState::Rejected, OrderEvidence::PartiallyFilled) => {
                Some(OrderState::PartiallyFilled)
            }
            // Which of the ends it was could not be seen.
            (OrderState::Cancelled, OrderEvidence::Expired) => Some(OrderState::Expired),
            (OrderState::Expired, OrderEvidence::Cancelled) => Some(OrderState::Cancelled),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OrderEvidence as E;
    use OrderState as S;

    const STATES: [S; 9] = [
        S::PendingCreate,
        S::Acknowledged,
        S::Open,
        S::PartiallyFilled,
        S::Unknown,
        S::Filled,
        S::Cancelled,
        S::Rejected,
        S::Expired,
    ];
    const EVIDENCE: [E; 10] = [
        E::Acknowledged,
        E::Open,
        E::PartiallyFilled,
        E::Filled,
        E::Cancelled,
        E::Expired,
        E::Rejected,
        E::NotSent,
        E::OutcomeUnknown,
        E::Absent,
    ];

    #[test]
    fn a_timeout_is_never_a_failure() {
        assert_eq!(S::PendingCreate.after(E::OutcomeUnknown), Ok(S::Unknown));
        for state in [S::Acknowledged, S::Open, S::PartiallyFilled, S::Filled, S::Cancelled] {
            assert!(
                state.after(E::OutcomeUnknown).is_err(),
                "{state:?} is better known than a time-out"
            );
        }
    }

    #[test]
    fn filled_is_final() {
        for evidence in EVIDENCE {
            assert!(
                matches!(S::Filled.after(evidence), Ok(S::Filled) | Err(_)),
                "{evidence:?}"
            );
        }
    }

    #[test]
    fn the_last_fill_wins_over_a_cancel() {
        assert_eq!(S::Cancelled.after(E::Filled), Ok(S::Filled));
        assert!(S::Filled.after(E::Cancelled).is_err());
    }

    #[test]
    fn only_an_order_that_works_comes_back_from_absence() {
        assert_eq!(S::Cancelled.after_absence(E::Open), Some(S::Open));
        assert_eq!(S::Cancelled.after_absence(E::PartiallyFilled), Some(S::PartiallyFilled));
        assert!(
            S::Cancelled.after(E::Open).is_err(),
            "an end that the exchange told stays"
        );
        assert_eq!(
            S::Cancelled.after_absence(E::Expired),
            Some(S::Expired),
            "how it ended is told late"
        );
        for evidence in EVIDENCE {
            assert_eq!(S::Filled.after_absence(evidence), None, "{evidence:?}");
        }
    }

    #[test]
    fn evidence_said_twice_changes_nothing_the_second_time() {
        for state in STATES {
            for evidence in EVIDENCE {
                if let Ok(next) = state.after(evidence) {
                    assert!(
                        matches!(next.after(evidence), Ok(again) if again == next),
                        "{state:?} {evidence:?}"
                    );
                }
            }
        }
    }
}
