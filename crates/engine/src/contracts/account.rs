//! What is known of an account that holds contracts, beside its instruments.

use std::collections::VecDeque;

use colibri_model::{AccountMargin, Amount, Asset, MonoNs, WallNs};
use serde::{Deserialize, Serialize};

use crate::contracts::{ContractChoices, ForcedReduction, FundingLedger, MarginCall, SettingsState, Told};

/// Forced reductions that are shown.
const FORCED: usize = 20;

/// How the account stands, as the exchange stated it, with its age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatedMargin {
    /// What it stated.
    pub margin: AccountMargin,
    /// When we learned it.
    pub updated: MonoNs,
    /// The exchange's time of it, where it said one.
    pub exchange_time: Option<WallNs>,
}

/// Whether figures in the asset of a margin are of what positions settle in: the same, or the exchange's own dollar for what
/// it values so.
pub(crate) fn relates(figures: &Asset, settle: &Asset) -> bool {
    figures == settle || figures.as_str() == "USD"
}

impl StatedMargin {
    /// What answers for positions that settle in an asset, where the exchange said enough to know.
    #[must_use]
    pub fn equity_of(&self, settle: &Asset) -> Option<Amount> {
        if relates(&self.margin.asset, settle) {
            return self.margin.equity;
        }
        let held = self.margin.collateral.iter().find(|c| c.asset == *settle)?;
        Some(held.wallet + held.unrealized.unwrap_or_default())
    }

    /// What is free for orders in contracts that settle in an asset, where the exchange said enough to know.
    #[must_use]
    pub fn available_of(&self, settle: &Asset) -> Option<Amount> {
        if relates(&self.margin.asset, settle) {
            return self.margin.available;
        }
        self.margin.collateral.iter().find(|c| c.asset == *settle)?.available
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ContractAccount {
    /// What the user chose: what the run was made from is not in a snapshot.
    #[serde(skip)]
    pub(crate) choices: ContractChoices,
    pub(crate) told: Told,
    pub(crate) settings: SettingsState,
    pub(crate) margin: Option<StatedMargin>,
    /// When margin is asked for again; `None` where nothing has happened.
    pub(crate) margin_due: Option<MonoNs>,
    /// When positions are compared again; `None` where nothing has happened.
    pub(crate) positions_due: Option<MonoNs>,
    pub(crate) funding: FundingLedger,
    pub(crate) last_call: Option<MarginCall>,
    pub(crate) forced: VecDeque<ForcedReduction>,
}

impl ContractAccount {
    pub(crate) fn remember_forced(&mut self, forced: ForcedReduction) {
        self.forced.push_back(forced);
        if self.forced.len() > FORCED {
            self.forced.pop_front();
        }
    }
}
