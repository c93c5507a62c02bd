//! What a bot's file chooses of an account that holds contracts.

use std::collections::BTreeMap;

use colibri_engine::{ContractChoices, PairChoices};
use colibri_model::{Decimal, Leverage, MarginMode, Pair, Quantity};
use colibri_standard::ConnectorManifest;
use serde::Deserializer;
use serde::de::Error as _;

use super::VenueTable;

/// Leverages by pair, written as numbers or as text.
pub(super) fn leverages<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Pair, Leverage>, D::Error> {
    let numbers: BTreeMap<Pair, Decimal> = colibri_engine::config::decimal_map(deserializer)?;
    let leverages = numbers.into_iter().map(|(pair, number)| {
        let leverage = Leverage::new(number).map_err(D::Error::custom)?;
        Ok((pair, leverage))
    });
    leverages.collect()
}

/// Positions by pair, written as numbers or as text.
pub(super) fn positions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Pair, Quantity>, D::Error> {
    let numbers: BTreeMap<Pair, Decimal> = colibri_engine::config::decimal_map(deserializer)?;
    Ok(numbers
        .into_iter()
        .map(|(pair, number)| (pair, Quantity(number)))
        .collect())
}

impl VenueTable {
    /// What is chosen of an account that holds contracts.
    #[must_use]
    pub fn contract_choices(&self) -> ContractChoices {
        let mut pairs: BTreeMap<Pair, PairChoices> = BTreeMap::new();
        for (pair, leverage) in &self.leverage {
            pairs.entry(pair.clone()).or_default().leverage = Some(*leverage);
        }
        for (pair, mode) in &self.margin_mode {
            pairs.entry(pair.clone()).or_default().margin_mode = Some(*mode);
        }
        for (pair, accepted) in &self.accept_positions {
            pairs.entry(pair.clone()).or_default().accepted_position = Some(*accepted);
        }
        ContractChoices {
            position_mode: self.position_mode.as_ref().map(|mode| *mode.get_ref()),
            collateral_mode: self.collateral_mode.as_ref().map(|mode| *mode.get_ref()),
            pairs,
        }
    }

    /// The first key that only a venue for contracts has: its name.
    #[must_use]
    pub fn key_of_contracts(&self) -> Option<&'static str> {
        let set = [
            ("position_mode", self.position_mode.is_some()),
            ("collateral_mode", self.collateral_mode.is_some()),
            ("leverage", !self.leverage.is_empty()),
            ("margin_mode", !self.margin_mode.is_empty()),
            ("accept_positions", !self.accept_positions.is_empty()),
        ];
        set.into_iter().find(|(_, is_set)| *is_set).map(|(key, _)| key)
    }

    /// What is chosen and cannot be had of a connector: the key, and what is wrong.
    #[must_use]
    pub fn contracts_fault(&self, manifest: &ConnectorManifest) -> Option<(&'static str, String)> {
        let key = self.key_of_contracts()?;
        let Some(perp) = &manifest.perpetual else {
            return Some((key, format!("{key}: {} is no connector for contracts", manifest.name)));
        };
        let choices = self.contract_choices();
        if let Some(mode) = choices.position_mode.filter(|mode| !perp.position_modes.contains(mode)) {
            let what = format!("position_mode: {} does not have {}", manifest.name, mode.as_str());
            return Some(("position_mode", what));
        }
        if choices
            .collateral_mode
            .is_some_and(|mode| !perp.collateral_modes.contains(&mode))
        {
            let what = format!("collateral_mode: {} does not have this one", manifest.name);
            return Some(("collateral_mode", what));
        }
        let unknown = |(pair, mode): (&Pair, &MarginMode)| {
            let what = format!("margin_mode.{pair}: {} does not have {}", manifest.name, mode.as_str());
            (!perp.margin_modes.contains(mode)).then_some(("margin_mode", what))
        };
        self.margin_mode.iter().find_map(unknown)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::path::Path;

    use colibri_model::PositionMode;

    use super::*;
    use crate::bot::Bot;
    use crate::exit::ExitError;

    const BOT: &str = r#"
name = "first"
[[venue]]
connector = "example_perpetual"
account = "main"
pairs = ["BTC-USDT"]
[[strategy]]
id = "maker"
kind = "pure_market_making"
venue = "example_perpetual"
market = "BTC-USDT"
"#;

    fn parse(text: &str) -> Result<Bot, ExitError> {
        Bot::parse(Path::new("bot.toml"), text.to_owned())
    }

    #[test]
    fn what_is_chosen_of_contracts_is_read_and_of_other_pairs_refused() {
        let chosen = "position_mode = \"one_way\"\nleverage = { BTC-USDT = 5 }\nmargin_mode = { BTC-USDT = \"isolated\" }\n\
                      accept_positions = { BTC-USDT = -1.5 }\npairs =";
        let bot = parse(&BOT.replace("pairs =", chosen)).unwrap();
        let venue = &bot.file.venues[0];
        assert_eq!(venue.key_of_contracts(), Some("position_mode"));
        let choices = venue.contract_choices();
        assert_eq!(choices.position_mode, Some(PositionMode::OneWay));
        let of_pair = choices.pairs[&"BTC-USDT".parse::<Pair>().unwrap()];
        assert_eq!(of_pair.leverage.unwrap().value(), Decimal::from(5));
        assert_eq!(of_pair.margin_mode, Some(MarginMode::Isolated));
        assert_eq!(of_pair.accepted_position, Some(Quantity(Decimal::new(-15, 1))));
        for (keys, line, what) in [
            (
                "leverage = { ETH-USDT = 5 }\npairs =",
                "line 6",
                "does not list ETH-USDT",
            ),
            (
                "accept_positions = { ETH-USDT = 5 }\npairs =",
                "line 6",
                "does not list ETH-USDT",
            ),
            ("accept_positions = { BTC-USDT = \"much\" }\npairs =", "line 6", "much"),
            ("leverage = { BTC-USDT = 0 }\npairs =", "line 6", "no leverage"),
            ("margin_mode = { BTC-USDT = \"both\" }\npairs =", "line 6", "isolated"),
        ] {
            let error = parse(&BOT.replace("pairs =", keys)).unwrap_err();
            let message = &error.message;
            assert!(message.contains(line) && message.contains(what), "{keys}: {message}");
        }
    }
}
