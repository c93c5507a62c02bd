//! The configuration of perpetual market making, key by key. `docs/strategies/perpetual_market_making.md` says the same at length.

use colibri_model::{Decimal, Leverage, Pair, PositionMode, Price, Quantity, VenueId};
use serde::{Deserialize, Deserializer};

use crate::config::{ConfigError, decimal, optional_decimal};
use crate::strategy::pure_market_making::{PriceType, PureMarketMakingConfig, Refresh};

/// How many positions the pair may have, in Hummingbot's words or in this host's.
fn position_mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PositionMode, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.to_ascii_lowercase().replace('-', "_").as_str() {
        "one_way" | "oneway" => Ok(PositionMode::OneWay),
        "hedge" => Ok(PositionMode::Hedge),
        _ => Err(serde::de::Error::custom(format!(
            "position_mode is \"One-way\" or \"Hedge\", not {text:?}"
        ))),
    }
}

/// The keys. Names are Hummingbot's; every spread, tolerance and buffer is a fraction (`0.001` is ten basis points), every time
/// is in seconds, every amount is of the base asset (of an inverse contract: contracts).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerpetualMarketMakingConfig {
    /// The venue, as the bot's file names it; Hummingbot's `derivative`. Required.
    pub venue: VenueId,
    /// The pair, as `BASE-QUOTE`. Required.
    pub market: Pair,
    /// The leverage of the pair's positions, above 0. Required. What the exchange tells must be that, or nothing is quoted.
    #[serde(deserialize_with = "decimal")]
    pub leverage: Decimal,
    /// `One-way` or `Hedge`. Default `One-way`. What the exchange tells must be that, or nothing is quoted.
    #[serde(default = "one_way", deserialize_with = "position_mode")]
    pub position_mode: PositionMode,
    /// How far below the reference price the first buy is, a fraction in 0..1. Required.
    #[serde(deserialize_with = "decimal")]
    pub bid_spread: Decimal,
    /// How far above the reference price the first sell is, a fraction above 0. Required.
    #[serde(deserialize_with = "decimal")]
    pub ask_spread: Decimal,
    /// The amount of the first level, above 0. Required.
    #[serde(deserialize_with = "decimal")]
    pub order_amount: Decimal,
    /// Quotes that the market has come nearer to than this fraction are cancelled. Absent: never.
    #[serde(default, deserialize_with = "optional_decimal")]
    pub minimum_spread: Option<Decimal>,
    /// How often quotes are renewed, seconds above 0. Required.
    #[serde(deserialize_with = "decimal")]
    pub order_refresh_time: Decimal,
    /// Quotes whose new prices differ by no more than this fraction stay where they are. Below 0: always renewed. Default 0.
    #[serde(default, deserialize_with = "decimal")]
    pub order_refresh_tolerance_pct: Decimal,
    /// How far above its entry price a long position is closed with profit, a fraction of at least 0. Default 0: at its entry
    /// price.
    #[serde(default, deserialize_with = "decimal")]
    pub long_profit_taking_spread: Decimal,
    /// How far below its entry price a short position is closed with profit, a fraction in 0..1. Default 0: at its entry price.
    #[serde(default, deserialize_with = "decimal")]
    pub short_profit_taking_spread: Decimal,
    /// How far against its entry price the market may go before a position is closed with a loss, a fraction in 0..1. Required.
    #[serde(deserialize_with = "decimal")]
    pub stop_loss_spread: Decimal,
    /// After how long a stop-loss order that was not filled is renewed, farther by the buffer, seconds above 0. Default 60.
    #[serde(default = "one_minute", deserialize_with = "decimal")]
    pub time_between_stop_loss_orders: Decimal,
    /// How far beyond the stop's price a stop-loss order may fill, a fraction in 0..1. Default 0.005.
    #[serde(default = "half_a_percent", deserialize_with = "decimal")]
    pub stop_loss_slippage_buffer: Decimal,
    /// At or above this reference price nothing is bought, quote asset. Absent: no ceiling.
    #[serde(default, deserialize_with = "optional_decimal")]
    pub price_ceiling: Option<Price>,
    /// At or below this reference price nothing is sold, quote asset. Absent: no floor.
    #[serde(default, deserialize_with = "optional_decimal")]
    pub price_floor: Option<Price>,
    /// Levels a side, 1..=50. Default 1.
    #[serde(default = "one_level")]
    pub order_levels: u32,
    /// Added to the amount for each further level. Default 0.
    #[serde(default, deserialize_with = "decimal")]
    pub order_level_amount: Decimal,
    /// Added to the spread for each further level, a fraction of at least 0. Default 0.01.
    #[serde(default = "one_percent", deserialize_with = "decimal")]
    pub order_level_spread: Decimal,
    /// How long to wait after a quote is wholly filled, or a position closed, before quoting anew, seconds. Default 60.
    #[serde(default = "one_minute", deserialize_with = "decimal")]
    pub filled_order_delay: Decimal,
    /// Never quote better than one tick better than the best quote of the others. Default false.
    #[serde(default)]
    pub order_optimization_enabled: bool,
    /// The others' asks to look past for that, base asset. Default 0.
    #[serde(default, deserialize_with = "decimal")]
    pub ask_order_optimization_depth: Quantity,
    /// The others' bids to look past for that, base asset. Default 0.
    #[serde(default, deserialize_with = "decimal")]
    pub bid_order_optimization_depth: Quantity,
    /// The reference price: `mid_price`, `best_bid`, `best_ask`, `last_price` or `last_own_trade_price`. Default `mid_price`.
    #[serde(default)]
    pub price_type: PriceType,
}

const fn one_way() -> PositionMode {
    PositionMode::OneWay
}
const fn one_level() -> u32 {
    1
}
fn one_minute() -> Decimal {
    Decimal::from(60)
}
fn half_a_percent() -> Decimal {
    Decimal::new(5, 3)
}
fn one_percent() -> Decimal {
    Decimal::new(1, 2)
}

impl PerpetualMarketMakingConfig {
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
        if Leverage::new(self.leverage).is_err() {
            return wrong("leverage must be above 0 and at most 1000");
        }
        let (zero, one) = (Decimal::ZERO, Decimal::ONE);
        if self.long_profit_taking_spread < zero {
            return wrong("long_profit_taking_spread must be a fraction of at least 0 (0.001 is ten basis points)");
        }
        if self.short_profit_taking_spread < zero || self.short_profit_taking_spread >= one {
            return wrong("short_profit_taking_spread must be a fraction in 0..1 (0.001 is ten basis points)");
        }
        if self.stop_loss_spread <= zero || self.stop_loss_spread >= one {
            return wrong("stop_loss_spread must be a fraction above 0 and below 1 (0.02 is two percent)");
        }
        if self.stop_loss_slippage_buffer < zero || self.stop_loss_slippage_buffer >= one {
            return wrong("stop_loss_slippage_buffer must be a fraction in 0..1 (0.005 is half a percent)");
        }
        if self.time_between_stop_loss_orders <= zero {
            return wrong("time_between_stop_loss_orders must be above 0 seconds");
        }
        if self.order_level_spread < zero {
            return wrong("order_level_spread must be a fraction of at least 0");
        }
        self.quoting().check(section)
    }

    /// What is quoted while nothing is held: as pure market making quotes, without what contracts have no need of.
    pub(super) fn quoting(&self) -> PureMarketMakingConfig {
        PureMarketMakingConfig {
            venue: self.venue.clone(),
            market: self.market.clone(),
            bid_spread: Some(self.bid_spread),
            ask_spread: Some(self.ask_spread),
            order_amount: Some(self.order_amount),
            order_levels: self.order_levels,
            order_level_spread: self.order_level_spread,
            order_level_amount: self.order_level_amount,
            buy_spreads: Vec::new(),
            sell_spreads: Vec::new(),
            buy_amounts: Vec::new(),
            sell_amounts: Vec::new(),
            order_refresh_time: self.order_refresh_time,
            order_refresh_tolerance_pct: self.order_refresh_tolerance_pct,
            refresh: Refresh::Cancel,
            max_order_age: Decimal::MAX,
            filled_order_delay: self.filled_order_delay,
            minimum_spread: self.minimum_spread,
            price_ceiling: self.price_ceiling,
            price_floor: self.price_floor,
            ping_pong_enabled: false,
            inventory_skew_enabled: false,
            inventory_target_base_pct: Decimal::ONE,
            inventory_range_multiplier: Decimal::ONE,
            order_optimization_enabled: self.order_optimization_enabled,
            bid_order_optimization_depth: self.bid_order_optimization_depth,
            ask_order_optimization_depth: self.ask_order_optimization_depth,
            price_type: self.price_type,
            take_if_crossed: false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SMALL: &str = r#"
        venue = "binance_perpetual"
        market = "BTC-USDT"
        leverage = 5
        bid_spread = 0.001
        ask_spread = 0.001
        order_amount = 0.01
        order_refresh_time = 15
        stop_loss_spread = 0.02
    "#;

    fn parse(lines: &str) -> Result<PerpetualMarketMakingConfig, ConfigError> {
        let table = format!("{SMALL}\n{lines}").parse().unwrap();
        let config: PerpetualMarketMakingConfig = crate::config::read("strategy \"mm\"", table)?;
        config.check("strategy \"mm\"")?;
        Ok(config)
    }

    #[test]
    fn a_small_configuration_has_the_defaults() {
        let config = parse("").unwrap();
        assert_eq!(config.position_mode, PositionMode::OneWay);
        assert_eq!(config.time_between_stop_loss_orders, Decimal::from(60));
        assert_eq!(config.stop_loss_slippage_buffer, Decimal::new(5, 3));
        assert_eq!(config.order_level_spread, Decimal::new(1, 2));
        assert_eq!(config.filled_order_delay, Decimal::from(60));
        for written in ["Hedge", "hedge"] {
            let config = parse(&format!("position_mode = {written:?}")).unwrap();
            assert_eq!(config.position_mode, PositionMode::Hedge);
        }
        assert_eq!(
            parse("position_mode = \"One-way\"").unwrap().position_mode,
            PositionMode::OneWay
        );
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (line, told) in [
            (
                "long_profit_taking_sprea = 1",
                "the nearest is \"long_profit_taking_spread\"",
            ),
            ("position_mode = \"both\"", "\"One-way\" or \"Hedge\""),
            ("long_profit_taking_spread = -0.1", "at least 0"),
            ("short_profit_taking_spread = 1", "0..1"),
            ("stop_loss_slippage_buffer = 1", "0..1"),
            ("time_between_stop_loss_orders = 0", "above 0 seconds"),
            ("order_levels = 0", "1..=50"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(told), "{line}: {error}");
        }
        for (from, to, told) in [
            ("leverage = 5", "leverage = 0", "leverage must be above 0"),
            ("stop_loss_spread = 0.02", "stop_loss_spread = 2", "above 0 and below 1"),
            ("stop_loss_spread = 0.02", "", "stop_loss_spread"),
        ] {
            let table = SMALL.replace(from, to).parse().unwrap();
            let config = crate::config::read::<PerpetualMarketMakingConfig>("s", table);
            let error = config.and_then(|config| config.check("s")).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn every_key_is_in_the_document() {
        let document = include_str!("../../../../../docs/strategies/perpetual_market_making.md");
        for key in crate::config::keys::<PerpetualMarketMakingConfig>() {
            assert!(document.contains(&format!("`{key}`")), "{key} is not in the document");
        }
    }
}
