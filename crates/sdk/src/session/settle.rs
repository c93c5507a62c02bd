//! What follows from an input once every part of a session has seen it: what is down, what is done, what is live.

use colibri_standard::{Outcome, SessionStatus};

use super::{Around, Phase, Session};

/// Tells what has ended, completes operations of which nothing is left in any part, and tells what is live: a session is
/// when the operation that opens it completes. Parts of a session that is down end with it.
pub(crate) fn settle(sessions: &mut [Session], around: &mut Around<'_>) {
    settle_ended(sessions, around);
    let alive = || |session: &&mut Session| session.phase != Phase::Over;
    let failed: Vec<u64> = sessions
        .iter_mut()
        .flat_map(|s| std::mem::take(&mut s.failed))
        .collect();
    let mut settling: Vec<u64> = Vec::new();
    for session in sessions.iter_mut().filter(alive()) {
        for &op in &failed {
            session.outbox.retain(|s| s.op != op);
            session.awaited.retain(|a| a.op != op);
        }
        for op in std::mem::take(&mut session.settling) {
            if !settling.contains(&op) && !failed.contains(&op) {
                settling.push(op);
            }
        }
    }
    for op in settling {
        if sessions.iter().any(|s| s.is_mended_by(op)) {
            settle_mending(sessions, op, around);
            continue;
        }
        if sessions.iter().any(|s| s.has_left(op)) {
            continue;
        }
        let opened = |s: &&mut Session| s.opening_op() == op && s.phase == Phase::Subscribing;
        let mut is_told = false;
        for session in sessions.iter_mut().filter(opened) {
            session.phase = Phase::Live;
            if !std::mem::replace(&mut is_told, true) {
                session.tell(SessionStatus::Live, None, around);
            }
        }
        around.complete(op, &Outcome::Done);
    }
}

/// Each part that an operation opens again is live once nothing is left to be done for it, however the others fare.
fn settle_mending(sessions: &mut [Session], op: u64, around: &mut Around<'_>) {
    let ready = |s: &&mut Session| s.is_mended_by(op) && s.phase == Phase::Subscribing && !s.has_left(op);
    let mut failed = None;
    for part in sessions.iter_mut().filter(ready) {
        part.phase = Phase::Live;
        part.tell_part(SessionStatus::Live, None, around);
        failed = part.mend.take().and_then(|mend| mend.failed).or(failed);
    }
    end_mending(sessions, op, failed, around);
}

/// A part of those that `op` opens again is there, or lost again. The operation ends with the last of them, for the host takes no
/// frame of one that has ended.
fn end_mending(sessions: &mut [Session], op: u64, failed: Option<Outcome>, around: &mut Around<'_>) {
    match (sessions.iter_mut().find(|s| s.is_mended_by(op)), failed) {
        (Some(other), Some(outcome)) => other.fail_mending(outcome),
        (Some(_), None) => {}
        (None, failed) => around.complete(op, &failed.unwrap_or(Outcome::Done)),
    }
}

/// What follows from the ends of streams. A part whose session is live without it is lost alone; with any other the session
/// is down, which is said once.
fn settle_ended(sessions: &mut [Session], around: &mut Around<'_>) {
    for at in 0..sessions.len() {
        let Some(ended) = sessions[at].ended.take() else {
            continue;
        };
        let op = sessions[at].op;
        let others_live = sessions.iter().any(|s| s.op == op && s.phase == Phase::Live);
        if others_live && sessions[at].may_be_lost_alone(&ended) {
            if let Some((op, outcome)) = sessions[at].lose(&ended, around) {
                end_mending(sessions, op, Some(outcome), around);
            }
            continue;
        }
        let reason = ended.outcome.refusal().map(ToString::to_string);
        sessions[at].tell(SessionStatus::Down, reason, around);
        let mut unfinished = sessions[at].unfinished(&ended);
        for part in sessions.iter_mut().filter(|s| s.op == op) {
            match part.ended.take() {
                Some(ended) => unfinished.extend(part.unfinished(&ended)),
                // The host closes every stream of a session that is down.
                None if part.phase != Phase::Over => part.abandon(around),
                None => {}
            }
        }
        unfinished.sort_unstable();
        unfinished.dedup();
        for op in unfinished {
            around.complete(op, &ended.outcome);
        }
    }
}
