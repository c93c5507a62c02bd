//! The cold path: commands, events and outcomes as they cross the boundary, JSON with its kind beside it. Here the kind is
//! the first line of an input.

use colibri_standard::{Command, CommandError, Event, Outcome};

use crate::input::head;

/// A command, as a connector reads it.
///
/// # Panics
/// Where a command is not the same after it was written and read again.
pub fn command(data: &[u8]) {
    let Some((kind, payload)) = head(data) else { return };
    let known = Command::KINDS.contains(&kind);
    let _ = Command::needs(payload);
    match Command::parse(kind, payload) {
        Ok(command) => {
            assert_eq!(command.kind(), kind);
            let again = Command::parse(kind, &command.to_json());
            assert_eq!(again.ok().as_ref(), Some(&command));
        }
        Err(CommandError::UnknownKind(_)) => assert!(!known, "{kind:?} is a kind"),
        Err(error) => assert!(known && !error.to_string().is_empty(), "{error}"),
    }
}

/// An event, as a host reads it.
///
/// # Panics
/// Where an event is not the same after it was written and read again, or one of an unknown kind is not skipped.
pub fn event(data: &[u8]) {
    let Some((kind, payload)) = head(data) else { return };
    let known = Event::KINDS.contains(&kind);
    match Event::parse(kind, payload) {
        Ok(Some(event)) => {
            assert_eq!(event.kind(), kind);
            let again = Event::parse(kind, &event.to_json());
            assert_eq!(again.ok().flatten().as_ref(), Some(&event));
        }
        Ok(None) => assert!(!known, "{kind:?} is a kind"),
        Err(error) => assert!(known && !error.to_string().is_empty(), "{error}"),
    }
}

/// An outcome, as a host reads it: the kind is a number.
///
/// # Panics
/// Where something that does not say its kind is taken for evidence, or an outcome is not the same after it was written and
/// read again.
pub fn outcome(data: &[u8]) {
    let Some((kind, detail)) = head(data) else { return };
    let Ok(kind) = kind.parse::<u32>() else { return };
    let outcome = Outcome::from_boundary(kind, detail);
    assert!(
        outcome.kind() == kind || outcome.is_unknown(),
        "kind {kind} was read as {outcome:?}"
    );
    assert_eq!(outcome.refusal().is_none(), outcome == Outcome::Done);
    assert_eq!(Outcome::from_boundary(outcome.kind(), &outcome.to_json()), outcome);
}
