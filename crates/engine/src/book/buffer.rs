//! Updates that wait for a snapshot, in bounded room.

use colibri_abi::Level;
use serde::{Deserialize, Serialize};

use crate::book::keeper::Ids;

/// Updates that are kept while a snapshot is awaited. At ten a second this is minutes.
pub(crate) const MOST_UPDATES: usize = 4_096;
/// Levels that are kept in those updates: 4 MiB.
pub(crate) const MOST_LEVELS: usize = 1 << 18;
/// Room for updates and for levels that is not given back: a usual wait needs no more.
const KEPT_ROOM: (usize, usize) = (64, 8_192);

/// What is kept of an update beside its levels.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) ids: Ids,
    pub(crate) exchange_ns: i64,
    pub(crate) checksum: Option<u32>,
    bids: usize,
    asks: usize,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Buffer {
    updates: Vec<Kept>,
    #[serde(with = "crate::kept::levels")]
    levels: Vec<Level>,
}

impl Buffer {
    pub(crate) fn updates(&self) -> &[Kept] {
        &self.updates
    }

    /// Keeps an update; whether there was room for it.
    #[must_use]
    pub(crate) fn keep(
        &mut self,
        ids: Ids,
        exchange_ns: i64,
        checksum: Option<u32>,
        bids: &[Level],
        asks: &[Level],
    ) -> bool {
        if self.updates.len() >= MOST_UPDATES || self.levels.len() + bids.len() + asks.len() > MOST_LEVELS {
            return false;
        }
        self.updates.push(Kept {
            ids,
            exchange_ns,
            checksum,
            bids: bids.len(),
            asks: asks.len(),
        });
        self.levels.extend_from_slice(bids);
        self.levels.extend_from_slice(asks);
        true
    }

    /// Forgets everything, and gives back what a burst took.
    pub(crate) fn clear(&mut self) {
        self.updates.clear();
        self.levels.clear();
        self.updates.shrink_to(KEPT_ROOM.0);
        self.levels.shrink_to(KEPT_ROOM.1);
    }

    /// The updates in order, with bids and asks.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Kept, &[Level], &[Level])> {
        let mut rest = self.levels.as_slice();
        self.updates.iter().map(move |kept| {
            let (bids, behind) = rest.split_at(kept.bids);
            let (asks, behind) = behind.split_at(kept.asks);
            rest = behind;
            (kept, bids, asks)
        })
    }

    #[cfg(test)]
    pub(crate) fn room(&self) -> (usize, usize) {
        (self.updates.capacity(), self.levels.capacity())
    }
}
