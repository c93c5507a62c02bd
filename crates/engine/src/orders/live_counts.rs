//! How many orders may be in the exchange's book, by instrument.

use std::collections::BTreeMap;
use std::fmt;

use colibri_model::InstrumentId;

/// Counts that are kept beside the set of live orders, so that nobody has to go through all of them.
#[derive(Clone, Default)]
pub(crate) struct LiveCounts {
    counts: BTreeMap<InstrumentId, usize>,
    began: u64,
}

impl LiveCounts {
    /// One more of an instrument.
    pub(crate) fn add(&mut self, instrument: InstrumentId) {
        let count = self.counts.entry(instrument).or_default();
        *count += 1;
        if *count == 1 {
            self.began += 1;
        }
    }

    /// One less of an instrument.
    pub(crate) fn remove(&mut self, instrument: InstrumentId) {
        if let Some(count) = self.counts.get_mut(&instrument) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&instrument);
            }
        }
    }

    /// How many of an instrument.
    pub(crate) fn of(&self, instrument: InstrumentId) -> usize {
        self.counts.get(&instrument).copied().unwrap_or(0)
    }

    /// Instruments that have some, lowest number first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (InstrumentId, usize)> {
        self.counts.iter().map(|(instrument, count)| (*instrument, *count))
    }

    /// How often an instrument got its first since this process began to count: another number says that
    /// [`LiveCounts::iter`] may name one that it did not.
    pub(crate) const fn began(&self) -> u64 {
        self.began
    }
}

/// What is counted, and not how it came about: that is this process's own affair.
impl fmt::Debug for LiveCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts.fmt(f)
    }
}
