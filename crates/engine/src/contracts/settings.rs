//! What a user chose of an account and its instruments, and how it differs from what the exchange says is set.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use colibri_model::{
    CollateralMode, InstrumentId, Leverage, MarginMode, MonoNs, Pair, PositionMode, PositionSide, Quantity,
    TradingSetting,
};
use colibri_standard::{PerpManifest, SettingScope};
use serde::{Deserialize, Serialize};

use crate::contracts::market::ToldOfInstrument;
use crate::engine::venue::Retry;

/// What a user chose of one pair. What is absent is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PairChoices {
    /// The leverage of its positions.
    pub leverage: Option<Leverage>,
    /// How their margin is kept.
    pub margin_mode: Option<MarginMode>,
    /// A position that the exchange states at the start and no fill explains: accepted where it states just this, below zero
    /// where it is short.
    pub accepted_position: Option<Quantity>,
}

/// What a user chose of an account that holds contracts. What is absent is left as it is, and never changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContractChoices {
    /// How many positions an instrument may have.
    pub position_mode: Option<PositionMode>,
    /// Which assets answer for cross positions.
    pub collateral_mode: Option<CollateralMode>,
    /// By pair.
    pub pairs: BTreeMap<Pair, PairChoices>,
}

/// What the exchange told of the account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) position_mode: Option<PositionMode>,
    pub(crate) margin_mode: Option<MarginMode>,
    pub(crate) collateral_mode: Option<CollateralMode>,
}

/// A setting that is not as it was chosen, or of which the exchange does not say how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingDifference {
    /// Of which pair; of the account where it is `None`.
    pub pair: Option<Pair>,
    /// The pair's handle.
    pub instrument: Option<InstrumentId>,
    /// What was chosen.
    pub chosen: TradingSetting,
    /// What the exchange says, where it does.
    pub told: Option<TradingSetting>,
}

const fn collateral(mode: CollateralMode) -> &'static str {
    match mode {
        CollateralMode::SingleAsset => "single_asset",
        CollateralMode::MultiAsset => "multi_asset",
    }
}

fn value(setting: &TradingSetting) -> String {
    match setting {
        TradingSetting::PositionMode { mode } => mode.as_str().to_owned(),
        TradingSetting::MarginMode { mode } => mode.as_str().to_owned(),
        TradingSetting::Leverage { leverage, .. } => leverage.to_string(),
        TradingSetting::CollateralMode { mode } => collateral(*mode).to_owned(),
    }
}

impl fmt::Display for SettingDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.chosen {
            TradingSetting::PositionMode { .. } => "position_mode".to_owned(),
            TradingSetting::MarginMode { .. } => "margin_mode".to_owned(),
            TradingSetting::CollateralMode { .. } => "collateral_mode".to_owned(),
            TradingSetting::Leverage { position_side, .. } if position_side.is_net() => "leverage".to_owned(),
            TradingSetting::Leverage { position_side, .. } => format!("leverage ({})", position_side.as_str()),
        };
        write!(f, "{what}")?;
        if let Some(pair) = &self.pair {
            write!(f, " of {pair}")?;
        }
        match &self.told {
            Some(told) => write!(f, " is {}", value(told))?,
            None => write!(f, " is not told by the exchange")?,
        }
        write!(f, ", and {} was chosen", value(&self.chosen))
    }
}

impl ContractChoices {
    /// Whether anything was chosen that can be changed from outside.
    pub(crate) fn choose_settings(&self) -> bool {
        let sets = |pair: &PairChoices| pair.leverage.is_some() || pair.margin_mode.is_some();
        self.position_mode.is_some() || self.collateral_mode.is_some() || self.pairs.values().any(sets)
    }

    /// What is not as it was chosen, in the order in which it is to be set: a mode before what depends on it.
    pub(crate) fn differences<'m>(
        &self,
        manifest: &PerpManifest,
        account: &Told,
        markets: impl Iterator<Item = (&'m Pair, InstrumentId, &'m ToldOfInstrument)>,
    ) -> Vec<SettingDifference> {
        let mut found = Vec::new();
        let mut differs = |place: Option<(&Pair, InstrumentId)>, chosen, told: Option<TradingSetting>| {
            if told != Some(chosen) {
                found.push(SettingDifference {
                    pair: place.map(|(pair, _)| pair.clone()),
                    instrument: place.map(|(_, id)| id),
                    chosen,
                    told,
                });
            }
        };
        let position_mode = |mode| TradingSetting::PositionMode { mode };
        let margin_mode = |mode| TradingSetting::MarginMode { mode };
        let by_instrument = manifest.position_mode_scope == SettingScope::Instrument;
        if let Some(mode) = self.position_mode.filter(|_| !by_instrument) {
            differs(None, position_mode(mode), account.position_mode.map(position_mode));
        }
        if let Some(mode) = self.collateral_mode {
            let setting = |mode| TradingSetting::CollateralMode { mode };
            differs(None, setting(mode), account.collateral_mode.map(setting));
        }
        for (pair, id, told) in markets {
            let place = Some((pair, id));
            if let Some(mode) = self.position_mode.filter(|_| by_instrument) {
                differs(place, position_mode(mode), told.position_mode.map(position_mode));
            }
            let Some(choices) = self.pairs.get(pair) else { continue };
            // Where each order says it, nothing is set.
            if let Some(mode) = choices
                .margin_mode
                .filter(|_| manifest.margin_mode_scope != SettingScope::Order)
            {
                let is = told.margin_mode.or(account.margin_mode);
                let account_wide = manifest.margin_mode_scope == SettingScope::Account;
                let place = place.filter(|_| !account_wide);
                differs(place, margin_mode(mode), is.map(margin_mode));
            }
            if let Some(leverage) = choices.leverage {
                for side in sides_with_leverage(manifest, account, told) {
                    let setting = |leverage| TradingSetting::Leverage {
                        leverage,
                        position_side: side,
                    };
                    differs(place, setting(leverage), told.leverage_of(side).map(setting));
                }
            }
        }
        found
    }
}

/// Of which positions an instrument has a leverage of its own.
fn sides_with_leverage(manifest: &PerpManifest, account: &Told, told: &ToldOfInstrument) -> Vec<PositionSide> {
    let mode = told.position_mode.or(account.position_mode);
    if manifest.leverage_scope == SettingScope::Position && mode == Some(PositionMode::Hedge) {
        vec![PositionSide::Long, PositionSide::Short]
    } else {
        vec![PositionSide::Net]
    }
}

/// Whether what is set has been read back, and is as it was chosen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct SettingsState {
    /// They were read since anything last spoke against them, and were as chosen.
    pub(crate) agrees: bool,
    /// They were once, in this run: what changes from then on was changed from outside, and is not set back.
    pub(crate) has_agreed: bool,
    /// Told by the last answer.
    pub(crate) differences: Vec<SettingDifference>,
    /// Something was changed since they were asked for.
    pub(crate) is_doubted: bool,
    /// How often what was chosen was about to be set.
    pub(crate) tried: u32,
    /// What of it stands in the journal of this run.
    chosen: Vec<(Option<Pair>, TradingSetting)>,
    /// What the user was told last of what differs.
    pub(crate) told_words: String,
    /// What is still to be set.
    pub(crate) to_set: VecDeque<SettingDifference>,
    /// Why the exchange did not take the last that was to be set.
    pub(crate) refused: Option<String>,
    /// When they are read, or set, next.
    pub(crate) retry: Retry,
    /// When they were last read to be as chosen.
    #[serde(default)]
    pub(crate) read: MonoNs,
}

impl SettingsState {
    /// What was read is not to be relied on any more.
    pub(crate) fn doubt(&mut self) {
        self.agrees = false;
        self.is_doubted = true;
        self.retry = Retry::default();
    }

    /// Whether it stands in the journal of this run that this was chosen.
    pub(crate) fn is_journaled(&self, difference: &SettingDifference) -> bool {
        let is_it =
            |(pair, chosen): &(Option<Pair>, TradingSetting)| *pair == difference.pair && *chosen == difference.chosen;
        self.chosen.iter().any(is_it)
    }

    /// It does from now on.
    pub(crate) fn journaled(&mut self, difference: &SettingDifference) {
        if !self.is_journaled(difference) {
            self.chosen.push((difference.pair.clone(), difference.chosen));
        }
    }

    /// Why nothing is placed, in words.
    pub(crate) fn in_words(&self) -> String {
        if self.differences.is_empty() {
            return "its settings are being read".to_owned();
        }
        let what: Vec<String> = self.differences.iter().map(ToString::to_string).collect();
        let mut words = format!("its settings are not as chosen: {}", what.join("; "));
        if let Some(refused) = &self.refused {
            words.push_str(&format!(" (setting it was refused: {refused})"));
        } else if self.has_agreed {
            words.push_str(
                " (changed from outside: set it back at the exchange, or stop the bot and start it with other choices)",
            );
        }
        words
    }
}
