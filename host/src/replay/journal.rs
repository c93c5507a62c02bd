//! The journal of a replayed run: it keeps nothing, and refuses what the recorded one refused.

use std::collections::BTreeMap;

use colibri_model::{Journal, JournalError, Record};

/// Takes every record and refuses the appends that were refused.
#[derive(Debug, Default)]
pub struct ReplayJournal {
    appends: u64,
    refused: BTreeMap<u64, String>,
}

impl ReplayJournal {
    /// One that goes on after so many appends.
    #[must_use]
    pub fn after(appends: u64) -> ReplayJournal {
        ReplayJournal {
            appends,
            ..ReplayJournal::default()
        }
    }

    /// This append, counted from the first of the run, was refused.
    pub fn refuse(&mut self, append: u64, why: String) {
        self.refused.insert(append, why);
    }
}

impl Journal for ReplayJournal {
    fn append(&mut self, _: &[Record]) -> Result<(), JournalError> {
        let append = self.appends;
        self.appends += 1;
        self.refused
            .remove(&append)
            .map_or(Ok(()), |why| Err(JournalError(why)))
    }
}
