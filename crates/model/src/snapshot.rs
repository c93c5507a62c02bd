//! Snapshots of state machines: what a replay enters at. Each layer writes its own; this says why one cannot be had.

/// Why there is no snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSnapshot {
    /// Something is under way that cannot be written down; it is over soon.
    #[error("there is no snapshot at this moment: {0}")]
    NotNow(&'static str),
    /// A part cannot be written down at all.
    #[error("there can be no snapshot of this run: {0}")]
    Never(String),
}

/// A snapshot that cannot be gone on from: it is of another program, or damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot cannot be entered: {0}")]
pub struct SnapshotUnusable(pub String);

impl SnapshotUnusable {
    /// What does not fit.
    #[must_use]
    pub fn new(why: impl std::fmt::Display) -> SnapshotUnusable {
        SnapshotUnusable(why.to_string())
    }
}
