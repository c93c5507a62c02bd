//! Operations that have not ended, and how what became of them is told: by itself, in halves, or for each order of a batch.

use colibri_abi as abi;
use colibri_model::OpId;
use colibri_standard::{Outcome, Refusal, RejectReason, ReplaceResult};

use super::{complete, tell};
use crate::Operation;

/// An operation that has not ended.
pub(super) struct Pending {
    pub(super) op: u64,
    pub(super) operation: Operation,
    /// The id of its request, where it went over a stream.
    pub(super) call: Option<u64>,
    pub(super) kind: Kind,
}

/// How an operation's outcome is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// By itself.
    Single,
    /// A replace: both halves too.
    Replace,
    /// A batch: each of these operations by itself. The request is the first's.
    Batch(Vec<u64>),
}

pub(super) fn tell_replaced(out: &mut abi::Out<'_>, op: u64, cancel: Outcome, place: Outcome) {
    tell(
        out,
        ReplaceResult {
            op: OpId(op),
            cancel,
            place,
        },
    );
}

/// How a replace ended as a whole. Every outcome but Done and Unknown is evidence that nothing was executed: it may only
/// stand where that is so of both halves.
pub(super) fn outcome_of_halves(cancel: &Outcome, place: &Outcome) -> Outcome {
    let halves = [cancel, place];
    if let Some(unknown) = halves.into_iter().find(|o| o.is_unknown()) {
        unknown.clone()
    } else if halves.contains(&&Outcome::Done) {
        Outcome::Done
    } else {
        cancel.clone()
    }
}

/// Ends an operation of a kind as a whole.
pub(super) fn finish_as(kind: &Kind, op: u64, outcome: &Outcome, out: &mut abi::Out<'_>) {
    match kind {
        Kind::Single => complete(out, op, outcome),
        Kind::Replace => {
            // One whose halves the answer tells apart ends elsewhere; here it has failed as a whole.
            if *outcome != Outcome::Done {
                tell_replaced(out, op, outcome.clone(), outcome.clone());
            }
            complete(out, op, outcome);
        }
        Kind::Batch(items) => finish_items(items, &[], outcome, out),
    }
}

/// Ends each operation of a batch by its own outcome, those without one by `rest`.
pub(super) fn finish_items(items: &[u64], outcomes: &[Outcome], rest: &Outcome, out: &mut abi::Out<'_>) {
    for (index, op) in items.iter().enumerate() {
        complete(out, *op, outcomes.get(index).unwrap_or(rest));
    }
}

/// Where a batch is said to be done, and not what became of its orders.
pub(super) fn no_item() -> Outcome {
    Outcome::Unknown(Refusal::new(
        RejectReason::UnreadableAnswer,
        "the answer to the batch does not tell what became of this order",
    ))
}
