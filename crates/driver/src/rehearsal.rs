//! A panic of a connector, rehearsed: a simulation asks for it, and everything that follows is what follows a real one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Asks a driver to take the next call of its connector for one that panicked. Clones share the request; it is used up by
/// the first call that meets it.
#[derive(Debug, Clone, Default)]
pub struct Rehearsal(Arc<AtomicU64>);

impl Rehearsal {
    /// The next call panics once it has emitted `actions` actions, or at its end: those reach the host, no later one does.
    pub fn panic_after(&self, actions: u32) {
        self.0.store(u64::from(actions) + 1, Ordering::Relaxed);
    }

    /// Nothing is asked for any more.
    pub fn cancel(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// After how many actions the call that begins now panics, where one is asked for.
    pub(crate) fn take(&self) -> Option<u64> {
        self.0.swap(0, Ordering::Relaxed).checked_sub(1)
    }
}
