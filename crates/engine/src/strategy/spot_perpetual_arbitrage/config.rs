//! The configuration of spot-perpetual arbitrage, key by key. `docs/strategies/spot_perpetual_arbitrage.md` says the same at length.

use colibri_model::{Decimal, Leverage, Pair, Quantity, VenueId};
use serde::Deserialize;

use crate::config::{ConfigError, decimal};

/// What becomes of one leg's part that the other does not have by the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Residual {
    /// The leg that is behind is sent again for as long as it takes.
    Retry,
    /// While it opens: what one leg has beyond the other is undone, what both have is kept. While it closes there is nothing to
    /// undo, and the leg that is behind is sent again.
    #[default]
    Unwind,
    /// Nothing more is sent until a person has looked and started the bot again.
    Hold,
}

/// The keys. Names are Hummingbot's; every percentage and buffer is a fraction (`0.01` is one percent), every time is in seconds,
/// every amount is of the base asset.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpotPerpetualArbitrageConfig {
    /// The venue of the spot leg, as the bot's file names it; Hummingbot's `spot_connector`. Required.
    pub spot_venue: VenueId,
    /// The pair of the spot leg, as `BASE-QUOTE`. Required.
    pub spot_market: Pair,
    /// The venue of the other leg; Hummingbot's `perpetual_connector`. Required.
    pub perpetual_venue: VenueId,
    /// The pair of the other leg: a linear contract of the same base asset. Required.
    pub perpetual_market: Pair,
    /// How much of the base asset each leg is of, above 0. Required.
    #[serde(deserialize_with = "decimal")]
    pub order_amount: Quantity,
    /// The leverage of the perpetual leg, above 0. Default 1. What the exchange tells must be that, or nothing is opened.
    #[serde(default = "one", deserialize_with = "decimal")]
    pub perpetual_leverage: Decimal,
    /// Opened where selling the one leg brings at least this fraction more than buying the other costs, before fees. Default 0.01.
    #[serde(default = "one_percent", deserialize_with = "decimal")]
    pub min_opening_arbitrage_pct: Decimal,
    /// Closed where the way back does; below 0 it may cost so much. Default -0.001.
    #[serde(default = "minus_a_tenth_percent", deserialize_with = "decimal")]
    pub min_closing_arbitrage_pct: Decimal,
    /// How far beyond the book's price an order of the spot leg may fill, a fraction in 0..1. Default 0.0005.
    #[serde(default = "five_basis_points", deserialize_with = "decimal")]
    pub spot_market_slippage_buffer: Decimal,
    /// The same of the perpetual leg. Default 0.0005.
    #[serde(default = "five_basis_points", deserialize_with = "decimal")]
    pub perpetual_market_slippage_buffer: Decimal,
    /// How long after one was closed the next may be opened, seconds of at least 0. Default 120.
    #[serde(default = "two_minutes", deserialize_with = "decimal")]
    pub next_arbitrage_opening_delay: Decimal,
    /// What becomes of one leg's part that the other does not have by the deadline: `retry`, `unwind` or `hold`. Default
    /// `unwind`.
    #[serde(default)]
    pub residual: Residual,
    /// How long a leg that is behind is sent again before that, seconds above 0. Default 30.
    #[serde(default = "half_a_minute", deserialize_with = "decimal")]
    pub residual_deadline: Decimal,
}

fn one() -> Decimal {
    Decimal::ONE
}
fn one_percent() -> Decimal {
    Decimal::new(1, 2)
}
fn minus_a_tenth_percent() -> Decimal {
    Decimal::new(-1, 3)
}
fn five_basis_points() -> Decimal {
    Decimal::new(5, 4)
}
fn two_minutes() -> Decimal {
    Decimal::from(120)
}
fn half_a_minute() -> Decimal {
    Decimal::from(30)
}

impl SpotPerpetualArbitrageConfig {
    /// Checks what types cannot.
    ///
    /// # Errors
    /// The first value that is out of range, with the range.
    pub fn check(&self, section: &str) -> Result<(), ConfigError> {
        let wrong = |what: &str| {
            Err(ConfigError::Value {
                section: section.to_owned(),
                what: what.to_owned(),
            })
        };
        let (zero, one) = (Decimal::ZERO, Decimal::ONE);
        if self.spot_market.base != self.perpetual_market.base {
            return wrong("spot_market and perpetual_market must be of the same base asset");
        }
        if (&self.spot_venue, &self.spot_market) == (&self.perpetual_venue, &self.perpetual_market) {
            return wrong("the legs must be two markets");
        }
        if !self.order_amount.is_positive() {
            return wrong("order_amount must be above 0");
        }
        if Leverage::new(self.perpetual_leverage).is_err() {
            return wrong("perpetual_leverage must be above 0 and at most 1000");
        }
        for (key, value) in [
            ("min_opening_arbitrage_pct", self.min_opening_arbitrage_pct),
            ("min_closing_arbitrage_pct", self.min_closing_arbitrage_pct),
        ] {
            if value <= -one || value >= one {
                return wrong(&format!(
                    "{key} must be a fraction between -1 and 1 (0.01 is one percent)"
                ));
            }
        }
        if self.min_opening_arbitrage_pct + self.min_closing_arbitrage_pct <= zero {
            return wrong(
                "min_opening_arbitrage_pct and min_closing_arbitrage_pct together must be above 0: else each round loses",
            );
        }
        for (key, value) in [
            ("spot_market_slippage_buffer", self.spot_market_slippage_buffer),
            (
                "perpetual_market_slippage_buffer",
                self.perpetual_market_slippage_buffer,
            ),
        ] {
            if value < zero || value >= one {
                return wrong(&format!(
                    "{key} must be a fraction in 0..1 (0.0005 is five basis points)"
                ));
            }
        }
        if self.next_arbitrage_opening_delay < zero {
            return wrong("next_arbitrage_opening_delay must be at least 0 seconds");
        }
        if self.residual_deadline <= zero {
            return wrong("residual_deadline must be above 0 seconds");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SMALL: &str = r#"
        spot_venue = "binance"
        spot_market = "BTC-USDT"
        perpetual_venue = "binance_perpetual"
        perpetual_market = "BTC-USDT"
        order_amount = 0.01
    "#;

    fn parse(text: &str) -> Result<SpotPerpetualArbitrageConfig, ConfigError> {
        let config: SpotPerpetualArbitrageConfig = crate::config::read("strategy \"carry\"", text.parse().unwrap())?;
        config.check("strategy \"carry\"")?;
        Ok(config)
    }

    #[test]
    fn a_small_configuration_has_hummingbot_s_defaults_as_fractions() {
        let config = parse(SMALL).unwrap();
        assert_eq!(config.perpetual_leverage, Decimal::ONE);
        assert_eq!(config.min_opening_arbitrage_pct, Decimal::new(1, 2));
        assert_eq!(config.min_closing_arbitrage_pct, Decimal::new(-1, 3));
        assert_eq!(config.spot_market_slippage_buffer, Decimal::new(5, 4));
        assert_eq!(config.perpetual_market_slippage_buffer, Decimal::new(5, 4));
        assert_eq!(config.next_arbitrage_opening_delay, Decimal::from(120));
        assert_eq!(config.residual, Residual::Unwind);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (line, told) in [
            (
                "min_opening_arbitrage = 1",
                "the nearest is \"min_opening_arbitrage_pct\"",
            ),
            ("min_opening_arbitrage_pct = 1", "between -1 and 1"),
            ("min_opening_arbitrage_pct = 0.001", "each round loses"),
            ("spot_market_slippage_buffer = -0.1", "0..1"),
            ("next_arbitrage_opening_delay = -1", "at least 0"),
            ("residual = \"forget\"", "forget"),
            ("residual_deadline = 0", "above 0"),
            ("perpetual_leverage = 0", "above 0 and at most 1000"),
        ] {
            let error = parse(&format!("{SMALL}\n{line}")).unwrap_err().to_string();
            assert!(error.contains(told), "{line}: {error}");
        }
        for (from, to, told) in [
            (
                "perpetual_market = \"BTC-USDT\"",
                "perpetual_market = \"ETH-USDT\"",
                "same base",
            ),
            ("\"binance_perpetual\"", "\"binance\"", "two markets"),
            ("order_amount = 0.01", "order_amount = 0", "above 0"),
        ] {
            let error = parse(&SMALL.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn every_key_is_in_the_document() {
        let document = include_str!("../../../../../docs/strategies/spot_perpetual_arbitrage.md");
        for key in crate::config::keys::<SpotPerpetualArbitrageConfig>() {
            assert!(document.contains(&format!("`{key}`")), "{key} is not in the document");
        }
    }
}
