//! The fill ledger: every trade of our account once, however often and in whatever order it is reported.

use std::collections::{BTreeMap, VecDeque};

use colibri_model::{ClientOrderId, Fill, FillKey};
use serde::{Deserialize, Serialize, Serializer};

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
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(from = "KeptLedger")]
pub struct FillLedger {
    fills: BTreeMap<FillKey, Fill>,
    order: VecDeque<FillKey>,
    duplicates: u64,
}

/// A ledger in a snapshot: a fill holds its key.
#[derive(Serialize, Deserialize)]
struct KeptLedger<F = Vec<Fill>> {
    fills: F,
    duplicates: u64,
}

impl From<KeptLedger> for FillLedger {
    fn from(kept: KeptLedger) -> FillLedger {
        FillLedger {
            order: kept.fills.iter().map(|fill| fill.key.clone()).collect(),
            fills: kept.fills.into_iter().map(|fill| (fill.key.clone(), fill)).collect(),
            duplicates: kept.duplicates,
        }
    }
}

impl Serialize for FillLedger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = KeptLedger {
            fills: self.iter().collect::<Vec<_>>(),
            duplicates: self.duplicates,
        };
        kept.serialize(serializer)
    }
}

impl FillLedger {
    /// Records a report of a fill. A later report fills in what an earlier one left open, and changes nothing else.
    pub fn record(&mut self, fill: &Fill) -> Recorded {
        let Some(known) = self.fills.get_mut(&fill.key) else {
            self.fills.insert(fill.key.clone(), fill.clone());
            self.order.push_back(fill.key.clone());
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.fills.remove(&oldest);
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
        if let Some(fill) = self.fills.get_mut(key) {
            fill.client_id.get_or_insert_with(|| order.clone());
        }
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
