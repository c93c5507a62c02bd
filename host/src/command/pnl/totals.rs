//! The sums of lines, by the asset that they are in.

use std::collections::BTreeMap;

use colibri_model::profit::ProfitLine;
use colibri_model::{Amount, Asset};

/// The sum of the lines of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Total {
    pub(super) realized: Amount,
    pub(super) fees: Amount,
    pub(super) funding: Amount,
    /// Of the lines that have a price.
    pub(super) unrealized: Amount,
    /// Lines that hold something and have none: their unrealized profit is not in it.
    pub(super) unpriced: usize,
    /// How many lines.
    pub(super) lines: usize,
    /// Fees less funding in assets that no rate converts: in no figure.
    pub(super) uncounted: BTreeMap<Asset, Amount>,
}

impl Total {
    /// Realised and unrealised, less fees, with funding; `None` where a line has no price.
    pub(super) fn net(&self) -> Option<Amount> {
        (self.unpriced == 0).then(|| self.realized + self.unrealized - self.fees + self.funding)
    }
}

/// By asset.
pub(super) fn of(lines: &[ProfitLine]) -> BTreeMap<Asset, Total> {
    let mut totals: BTreeMap<Asset, Total> = BTreeMap::new();
    for line in lines {
        let total = totals.entry(line.asset().clone()).or_default();
        total.realized += line.realized;
        total.fees += line.fees;
        total.funding += line.funding;
        total.lines += 1;
        for (asset, fee) in &line.other_fees {
            *total.uncounted.entry(asset.clone()).or_default() += *fee;
        }
        for (asset, paid) in &line.other_funding {
            *total.uncounted.entry(asset.clone()).or_default() -= *paid;
        }
        match line.unrealized() {
            Some(unrealized) => total.unrealized += unrealized,
            None => total.unpriced += 1,
        }
    }
    totals
}
