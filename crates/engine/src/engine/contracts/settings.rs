//! What the user chose of an account and its instruments: read, set where it differs, read back, and only then traded with.
//!
//! What was not chosen is left as it is. Once everything was as chosen in this run, what differs was changed by somebody else:
//! nothing is placed then, and nothing set back.

use std::collections::VecDeque;

use colibri_model::{Record, TradingSetting};
use colibri_standard::{
    Capability, Command, Outcome, RejectReason, SetCollateralMode, SetLeverage, SetMarginMode, SetPositionMode,
    SettingScope, Settings,
};

use crate::contracts::SettingDifference;
use crate::engine::contracts::ContractsPurpose;
use crate::engine::core::Core;
use crate::engine::market::MarketWanted;
use crate::engine::operations::Purpose;
use crate::engine::state::EnginePhase;
use crate::engine::venue::{Retry, Venue};
use crate::engine::{LogLevel, VenueIndex};

impl SettingDifference {
    /// The capability that setting it takes.
    const fn needs(&self) -> Capability {
        match self.chosen {
            TradingSetting::PositionMode { .. } => Capability::SetPositionMode,
            TradingSetting::MarginMode { .. } => Capability::SetMarginMode,
            TradingSetting::CollateralMode { .. } => Capability::SetCollateralMode,
            TradingSetting::Leverage { .. } => Capability::SetLeverage,
        }
    }
}

impl Venue {
    fn sets_or_reads(&self) -> bool {
        let is = |p: &Purpose| {
            matches!(
                p,
                Purpose::Contracts(ContractsPurpose::Settings | ContractsPurpose::Set(..))
            )
        };
        self.ops.purposes().any(is)
    }

    /// What is not as it was chosen.
    fn setting_differences(&self) -> Vec<SettingDifference> {
        let (Some(perp), Some(account)) = (&self.manifest.perpetual, &self.contracts) else {
            return Vec::new();
        };
        let traded = self.markets.iter().filter(|m| m.wanted == MarketWanted::Trading);
        let traded = traded.filter_map(|m| Some((&m.pair, m.id, &m.contracts.as_ref()?.told)));
        account.choices.differences(perp, &account.told, traded)
    }

    /// The command that sets what was chosen.
    fn command_to_set(&self, difference: &SettingDifference) -> Option<Command> {
        let instrument = difference.instrument;
        Some(match difference.chosen {
            TradingSetting::PositionMode { mode } => Command::SetPositionMode(SetPositionMode { instrument, mode }),
            TradingSetting::CollateralMode { mode } => Command::SetCollateralMode(SetCollateralMode { mode }),
            TradingSetting::MarginMode { mode } => Command::SetMarginMode(SetMarginMode { instrument, mode }),
            TradingSetting::Leverage {
                leverage,
                position_side,
            } => {
                let mut set = SetLeverage::of(instrument?, leverage);
                if !position_side.is_net() {
                    set = set.of_side(position_side);
                }
                // Where each order says its margin mode, the exchange keeps a leverage for each; elsewhere there is one, and a
                // connector refuses to set another.
                if self.manifest.perpetual.as_ref()?.margin_mode_scope == SettingScope::Order {
                    let choices = &self.contracts.as_ref()?.choices;
                    let chosen = difference.pair.as_ref().and_then(|pair| choices.pairs.get(pair));
                    set.margin_mode = chosen.and_then(|chosen| chosen.margin_mode);
                }
                Command::SetLeverage(set)
            }
        })
    }
}

impl Core {
    /// Reads what is set, or sets what was chosen, where that is due.
    pub(crate) fn settings_if_due(&mut self, index: VenueIndex) {
        let now = self.mono();
        let venue = &self.state.venues[index.0];
        let Some(account) = venue.contracts.as_deref() else {
            return;
        };
        let settings = &account.settings;
        if venue.sets_or_reads() || self.state.phase != EnginePhase::Running {
            return;
        }
        // Not every change is told: an exchange may tell of a leverage and not of a margin mode.
        let again = settings.read.plus(venue.manifest.polling.slow_ms);
        let at = match settings.agrees {
            true if !account.choices.choose_settings() => return,
            true => settings.retry.at.max(again),
            false => settings.retry.at,
        };
        if now < at {
            return self.wake_at(at);
        }
        match settings.to_set.front().cloned() {
            Some(next) => self.set(index, &next),
            None => self.read_settings(index),
        }
    }

    fn read_settings(&mut self, index: VenueIndex) {
        if let Some(account) = self.state.venues[index.0].contracts.as_deref_mut() {
            account.settings.is_doubted = false;
        }
        let purpose = Purpose::Contracts(ContractsPurpose::Settings);
        self.command(index, purpose, Command::Settings(Settings::default()));
    }

    /// Sets one thing that was chosen, which stands in the journal before.
    fn set(&mut self, index: VenueIndex, difference: &SettingDifference) {
        let now = self.state.now;
        let venue = &self.state.venues[index.0];
        let command = venue
            .command_to_set(difference)
            .filter(|_| venue.has(&difference.needs()));
        let Some(command) = command else {
            let why = format!(
                "the connector cannot set it ({}); set it at the exchange",
                difference.needs().as_str()
            );
            return self.setting_refused(index, why);
        };
        let reaches_beyond = matches!(difference.chosen, TradingSetting::PositionMode { .. })
            && venue
                .manifest
                .perpetual
                .as_ref()
                .is_some_and(|p| p.position_mode_reaches_beyond);
        let record = Record::SettingChosen {
            venue: venue.id.clone(),
            account: venue.account.clone(),
            pair: difference.pair.clone(),
            chosen: difference.chosen,
            time: now.wall,
        };
        let text = format!("{}: setting what was chosen: {difference}", venue.id);
        let is_journaled = venue
            .contracts
            .as_ref()
            .is_some_and(|c| c.settings.is_journaled(difference));
        if !is_journaled && self.journal_first(record).is_err() {
            // Tried again once it can be written.
            return self.settings_later(index);
        }
        if let Some(account) = self.state.venues[index.0].contracts.as_deref_mut() {
            account.settings.journaled(difference);
        }
        self.log(LogLevel::Info, text);
        if reaches_beyond {
            let text = "the position mode of the exchange's other contract markets changes with it";
            self.log(LogLevel::Warn, text);
        }
        let purpose = ContractsPurpose::Set(difference.chosen, difference.instrument);
        self.command(index, Purpose::Contracts(purpose), command);
    }

    /// The exchange, or the connector, does not set what was chosen.
    fn setting_refused(&mut self, index: VenueIndex, why: String) {
        if let Some(account) = self.state.venues[index.0].contracts.as_deref_mut() {
            account.settings.refused = Some(why);
            account.settings.to_set.clear();
        }
        self.settings_later(index);
        self.tell_settings(index);
    }

    /// Tries again after a back-off, or, of what goes on to differ, on the slow cadence.
    fn settings_later(&mut self, index: VenueIndex) {
        let venue = &self.state.venues[index.0];
        let Some(account) = venue.contracts.as_deref() else {
            return;
        };
        let failures = account.settings.retry.failures;
        let slow = venue.manifest.polling.slow_ms;
        let goes_on = account.settings.refused.is_some() || account.settings.has_agreed;
        let wait = self.back_off(failures);
        let wait = if goes_on { wait.max(slow) } else { wait };
        let at = self.wake_in(wait);
        if let Some(account) = self.state.venues[index.0].contracts.as_deref_mut() {
            account.settings.retry = Retry {
                at,
                failures: failures.saturating_add(1),
            };
        }
    }

    /// What differs is told once, and once more when it is something else.
    fn tell_settings(&mut self, index: VenueIndex) {
        let venue = &mut self.state.venues[index.0];
        let Some(account) = venue.contracts.as_deref_mut() else {
            return;
        };
        let words = account.settings.in_words();
        if account.settings.told_words == words {
            return;
        }
        account.settings.told_words.clone_from(&words);
        let text = format!("{}: nothing is placed: {words}", venue.id);
        self.log(LogLevel::Error, text);
    }

    /// The settings were read, or could not be.
    pub(super) fn settings_read(&mut self, index: VenueIndex, outcome: &Outcome) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        if let Some(refusal) = outcome.refusal() {
            let text = format!("{}: reading the settings failed: {refusal}", venue.id);
            self.log(LogLevel::Warn, text);
            return self.settings_later(index);
        }
        let differences = venue.setting_differences();
        let Some(account) = venue.contracts.as_deref_mut() else {
            return;
        };
        let settings = &mut account.settings;
        if settings.is_doubted {
            // Something was changed while the question was under way.
            settings.retry = Retry::default();
            return self.wake_at(now);
        }
        settings.differences = differences;
        settings.agrees = settings.differences.is_empty();
        if settings.agrees {
            let is_first = !settings.has_agreed || !settings.told_words.is_empty();
            settings.read = now;
            settings.has_agreed = true;
            settings.refused = None;
            settings.told_words.clear();
            settings.retry = Retry::default();
            if is_first {
                let text = format!("{}: its settings are as chosen", venue.id);
                self.log(LogLevel::Info, text);
            }
            return self.wake_at(now);
        }
        if settings.has_agreed {
            self.settings_later(index);
            return self.tell_settings(index);
        }
        // What was refused a moment ago is tried again later: something may have been closed.
        settings.to_set = settings.differences.iter().cloned().collect::<VecDeque<_>>();
        let tried = settings.tried;
        settings.tried = settings.tried.saturating_add(1);
        if tried > 0 {
            self.settings_later(index);
            self.tell_settings(index);
        } else {
            self.wake_at(now);
        }
    }

    /// Something was set, or was not. Whatever is not known is read back, never concluded.
    pub(super) fn setting_ended(&mut self, index: VenueIndex, outcome: &Outcome) {
        let now = self.mono();
        let Some(account) = self.state.venues[index.0].contracts.as_deref_mut() else {
            return;
        };
        let settings = &mut account.settings;
        match outcome {
            Outcome::Done => {
                settings.to_set.pop_front();
                settings.refused = None;
                self.wake_at(now);
            }
            Outcome::Rejected(refusal) => {
                let why = match refusal.reason {
                    RejectReason::HasPositionOrOrders => format!(
                        "{refusal}: it cannot be changed while positions or orders are open; close them, or choose what is set"
                    ),
                    RejectReason::LeverageNotAllowed => format!("{refusal}: choose a lower leverage"),
                    _ => refusal.to_string(),
                };
                self.setting_refused(index, why);
            }
            Outcome::Unknown(_) => {
                settings.to_set.clear();
                self.settings_later(index);
            }
            _ => self.settings_later(index),
        }
    }
}
