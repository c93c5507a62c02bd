//! The fill ledger: every trade of our account once, however often and in whatever order it is reported.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use colibri_model::{ClientOrderId, Fill, FillCause, FillKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::engine::Progress;

/// Fills that are remembered for telling duplicates. Reports older than this many fills do not come: queries go back to
/// a watermark only.
const REMEMBERED: usize = 200_000;

/// What recording a fill did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is new.
    New,
    /// It was known, but not what it cost.
    FeeLearned,
    /// It was known.
    Known,
}

/// Fills by identity.
#[derive(Debug, Clone, Default)]
pub struct FillLedger {
    fills: BTreeMap<FillKey, Fill>,
    order: VecDeque<FillKey>,
    duplicates: u64,
    /// Fills that were forgotten, ever: the place of the first one that is known.
    forgotten: u64,
    /// What of the fills was written down ahead of a snapshot.
    gathering: Option<Gathering>,
}

/// How far gathering has come.
#[derive(Debug, Clone)]
struct Gathering {
    /// The place of the first fill that was gathered.
    from: u64,
    /// The place of the next one.
    at: u64,
    /// Fills that were changed since it began.
    touched: BTreeSet<FillKey>,
}

/// A ledger in a snapshot: a fill holds its key. Fills are many and hardly ever change: they are gathered ahead, a few at a
/// time, and the snapshot names the others and those that have changed since.
#[derive(Serialize, Deserialize)]
struct KeptLedger<F> {
    /// Behind those that were gathered.
    fills: F,
    changed: F,
    /// Of those that were gathered, how many of the oldest were forgotten since.
    dropped: u64,
    forgotten: u64,
    duplicates: u64,
}

impl Serialize for FillLedger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (from, at) = match &self.gathering {
            Some(gathering) => (gathering.from, gathering.at.max(self.forgotten)),
            None => (self.forgotten, self.forgotten),
        };
        let touched = self.gathering.iter().flat_map(|gathering| &gathering.touched);
        let kept = KeptLedger {
            fills: self.since_place(at).collect::<Vec<_>>(),
            changed: touched.filter_map(|key| self.fills.get(key)).collect(),
            dropped: self.forgotten - from,
            forgotten: self.forgotten,
            duplicates: self.duplicates,
        };
        kept.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FillLedger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FillLedger, D::Error> {
        let kept: KeptLedger<Vec<Fill>> = KeptLedger::deserialize(deserializer)?;
        let all = kept.changed.into_iter().chain(kept.fills.iter().cloned());
        Ok(FillLedger {
            order: kept.fills.iter().map(|fill| fill.key.clone()).collect(),
            fills: all.map(|fill| (fill.key.clone(), fill)).collect(),
            duplicates: kept.duplicates,
            forgotten: kept.forgotten,
            gathering: Some(Gathering {
                from: kept.forgotten - kept.dropped.min(kept.forgotten),
                at: 0,
                touched: BTreeSet::new(),
            }),
        })
    }
}

impl FillLedger {
    /// Fills from a place on, in the order in which they were first reported.
    fn since_place(&self, place: u64) -> impl Iterator<Item = &Fill> {
        let skip = usize::try_from(place - self.forgotten)
            .unwrap_or(usize::MAX)
            .min(self.order.len());
        self.order.range(skip..).filter_map(|key| self.fills.get(key))
    }

    /// Gives the next fills, at most so many.
    pub(crate) fn gather(&mut self, most: usize) -> (Progress, Vec<&Fill>) {
        let forgotten = self.forgotten;
        let gathering = self.gathering.get_or_insert_with(|| Gathering {
            from: forgotten,
            at: forgotten,
            touched: BTreeSet::new(),
        });
        // One that was to come next may have been forgotten meanwhile: then all that were gathered are.
        if gathering.at < forgotten {
            let gathered = gathering.at - gathering.from;
            (gathering.from, gathering.at) = (forgotten.saturating_sub(gathered), forgotten);
        }
        let at = gathering.at;
        let known = forgotten + self.order.len() as u64;
        let next = (at + most as u64).min(known);
        gathering.at = next;
        let progress = if next == known { Progress::Done } else { Progress::More };
        let count = usize::try_from(next - at).unwrap_or(usize::MAX);
        (progress, self.since_place(at).take(count).collect())
    }

    /// What was gathered belongs to a snapshot now.
    pub(crate) fn end_gathering(&mut self) {
        self.gathering = None;
    }

    /// Puts what was gathered before what a snapshot names.
    pub(crate) fn complete(&mut self, gathered: Vec<Fill>) {
        let from = self.gathering.take().map_or(self.forgotten, |gathering| gathering.from);
        let dropped = usize::try_from(self.forgotten - from).unwrap_or(usize::MAX);
        for fill in gathered.into_iter().skip(dropped).rev() {
            self.order.push_front(fill.key.clone());
            self.fills.entry(fill.key.clone()).or_insert(fill);
        }
    }

    fn touch(&mut self, key: &FillKey) {
        if let Some(gathering) = &mut self.gathering {
            gathering.touched.insert(key.clone());
        }
    }

    /// Records a report of a fill. A later report fills in what an earlier one left open, and changes nothing else.
    pub fn record(&mut self, fill: &Fill) -> Recorded {
        self.touch(&fill.key);
        let Some(known) = self.fills.get_mut(&fill.key) else {
            self.fills.insert(fill.key.clone(), fill.clone());
            self.order.push_back(fill.key.clone());
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.fills.remove(&oldest);
                self.forgotten += 1;
            }
            return Recorded::New;
        };
        self.duplicates += 1;
        if known.client_id.is_none() {
            known.client_id.clone_from(&fill.client_id);
        }
        if known.exchange_id.is_none() {
            known.exchange_id.clone_from(&fill.exchange_id);
        }
        if known.liquidity.is_none() {
            known.liquidity = fill.liquidity;
        }
        if known.fee.is_none() && fill.fee.is_some() {
            known.fee.clone_from(&fill.fee);
            return Recorded::FeeLearned;
        }
        Recorded::Known
    }

    /// Notes whose fill it is, where no report has said so.
    pub fn attribute(&mut self, key: &FillKey, order: &ClientOrderId) {
        self.touch(key);
        if let Some(fill) = self.fills.get_mut(key) {
            fill.client_id.get_or_insert_with(|| order.clone());
        }
    }

    /// Notes why a fill was made that was taken for an order's. Whether that is new.
    pub fn learn_cause(&mut self, key: &FillKey, cause: FillCause) -> bool {
        let Some(fill) = self.fills.get_mut(key).filter(|fill| fill.cause.is_order()) else {
            return false;
        };
        fill.cause = cause;
        let is_new = !cause.is_order();
        if is_new {
            self.touch(key);
        }
        is_new
    }

    /// A fill as it is known.
    #[must_use]
    pub fn get(&self, key: &FillKey) -> Option<&Fill> {
        self.fills.get(key)
    }

    /// Fills in the order in which they were first reported.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Fill> {
        self.order.iter().filter_map(|key| self.fills.get(key))
    }

    /// How many reports told a fill that was known.
    #[must_use]
    pub const fn duplicates(&self) -> u64 {
        self.duplicates
    }
}
