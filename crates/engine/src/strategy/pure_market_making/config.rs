//! The configuration of pure market making, key by key. `docs/strategies/pure_market_making.md` says the same at length.

use colibri_model::{Decimal, Millis, Pair, Price, Quantity, VenueId};
use serde::Deserialize;

use crate::config::{ConfigError, decimal, decimal_list, optional_decimal};

/// Which price quotes are set from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceType {
    /// Halfway between best bid and best ask.
    #[default]
    MidPrice,
    /// The best bid.
    BestBid,
    /// The best ask.
    BestAsk,
    /// The last public trade; mid until there is one.
    LastPrice,
    /// The last fill of our own in the pair; mid until there is one.
    LastOwnTradePrice,
}

/// How quotes are renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refresh {
    /// All are cancelled, and each level is quoted anew once the exchange has said that its order is gone.
    #[default]
    Cancel,
    /// Each that is outside the tolerance is replaced by its successor; see
    /// [`StrategyAction::Replace`](crate::strategy::StrategyAction::Replace).
    Replace,
}

/// The keys. Names are Hummingbot's; every spread, percentage and tolerance is a fraction (`0.001` is ten basis points),
/// every time is in seconds, every amount is of the base asset.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PureMarketMakingConfig {
    /// The venue, as the bot's file names it. Required.
    pub venue: VenueId,
    /// The pair, as `BASE-QUOTE`. Required.
    pub market: Pair,
    /// How far below the reference price the first buy is, a fraction in 0..1. Required unless `buy_spreads` is given.
    #[serde(default, deserialize_with = "optional_decimal")]
    pub bid_spread: Option<Decimal>,
    /// How far above the reference price the first sell is, a fraction above 0. Required unless `sell_spreads` is given.
    #[serde(default, deserialize_with = "optional_decimal")]
    pub ask_spread: Option<Decimal>,
    /// The amount of the first level, base asset, above 0. Required unless both lists of amounts are given.
    #[serde(default, deserialize_with = "optional_decimal")]
    pub order_amount: Option<Decimal>,
    /// Levels a side, 1..=50. Default 1.
    #[serde(default = "one_level")]
    pub order_levels: u32,
    /// Added to the spread for each further level, a fraction of at least 0. Default 0.
    #[serde(default, deserialize_with = "decimal")]
    pub order_level_spread: Decimal,
    /// Added to the amount for each further level, base asset. Default 0.
    #[serde(default, deserialize_with = "decimal")]
    pub order_level_amount: Decimal,
    /// Spreads of the buy levels, fractions, instead of `bid_spread` and the level keys.
    #[serde(default, deserialize_with = "decimal_list")]
    pub buy_spreads: Vec<Decimal>,
    /// Spreads of the sell levels, fractions, instead of `ask_spread` and the level keys.
    #[serde(default, deserialize_with = "decimal_list")]
    pub sell_spreads: Vec<Decimal>,
    /// Amounts of the buy levels, base asset; as many as `buy_spreads`.
    #[serde(default, deserialize_with = "decimal_list")]
    pub buy_amounts: Vec<Decimal>,
    /// Amounts of the sell levels, base asset; as many as `sell_spreads`.
    #[serde(default, deserialize_with = "decimal_list")]
    pub sell_amounts: Vec<Decimal>,
    /// How often quotes are renewed, seconds above 0. Default 30.
    #[serde(default = "half_a_minute", deserialize_with = "decimal")]
    pub order_refresh_time: Decimal,
    /// Quotes whose new prices differ by no more than this fraction stay where they are, and keep their place in the
    /// queue. Below 0: always renewed. Default 0: kept where the price is the same.
    #[serde(default, deserialize_with = "decimal")]
    pub order_refresh_tolerance_pct: Decimal,
    /// How: `cancel` cancels all and quotes anew, `replace` replaces those that are outside the tolerance. Default `cancel`.
    #[serde(default)]
    pub refresh: Refresh,
    /// A quote this old is renewed whatever the tolerance, seconds. Default 1800.
    #[serde(default = "half_an_hour", deserialize_with = "decimal")]
    pub max_order_age: Decimal,
    /// How long to wait after a quote is wholly filled before quoting anew, seconds. Default 60.
    #[serde(default = "one_minute", deserialize_with = "decimal")]
    pub filled_order_delay: Decimal,
    /// Quotes that the market has come nearer to than this fraction are cancelled. Absent: never.
    #[serde(default, deserialize_with = "optional_decimal")]
    pub minimum_spread: Option<Decimal>,
    /// At or above this reference price nothing is bought, quote asset. Absent: no ceiling.
    #[serde(default, deserialize_with = "optional_decimal")]
    pub price_ceiling: Option<Price>,
    /// At or below this reference price nothing is sold, quote asset. Absent: no floor.
    #[serde(default, deserialize_with = "optional_decimal")]
    pub price_floor: Option<Price>,
    /// After a fill of one side, quote only the other until it is filled too. Default false.
    #[serde(default)]
    pub ping_pong_enabled: bool,
    /// Shift amounts between the sides so that the inventory moves to its target. Default false.
    #[serde(default)]
    pub inventory_skew_enabled: bool,
    /// The target share of the base asset in base and quote together by value, a fraction in 0..=1. Default 0.5.
    #[serde(default = "half", deserialize_with = "decimal")]
    pub inventory_target_base_pct: Decimal,
    /// How far from the target, in multiples of the sum of all quotes, one side stops and the other doubles. Default 1.
    #[serde(default = "one", deserialize_with = "decimal")]
    pub inventory_range_multiplier: Decimal,
    /// Never quote better than one tick better than the best quote of the others. Default false.
    #[serde(default)]
    pub order_optimization_enabled: bool,
    /// The others' bids to look past for that, base asset. Default 0: the best bid.
    #[serde(default, deserialize_with = "decimal")]
    pub bid_order_optimization_depth: Quantity,
    /// The others' asks to look past for that, base asset. Default 0: the best ask.
    #[serde(default, deserialize_with = "decimal")]
    pub ask_order_optimization_depth: Quantity,
    /// The reference price: `mid_price`, `best_bid`, `best_ask`, `last_price` or `last_own_trade_price`. Default
    /// `mid_price`.
    #[serde(default)]
    pub price_type: PriceType,
    /// Let a quote that crosses the book trade at once, as a taker. Default false: such a quote is left out, and quotes are
    /// post-only where the exchange has that.
    #[serde(default)]
    pub take_if_crossed: bool,
}

const fn one_level() -> u32 {
    1
}
fn one() -> Decimal {
    Decimal::ONE
}
fn half() -> Decimal {
    Decimal::new(5, 1)
}
fn half_a_minute() -> Decimal {
    Decimal::from(30)
}
fn one_minute() -> Decimal {
    Decimal::from(60)
}
fn half_an_hour() -> Decimal {
    Decimal::from(1800)
}

/// Seconds as milliseconds; a negative span is none.
pub(in crate::strategy) fn span(seconds: Decimal) -> Millis {
    let millis = (seconds * Decimal::ONE_THOUSAND).trunc();
    Millis(u64::try_from(millis).unwrap_or(0))
}

/// A level of one side before anything is known of the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) spread: Decimal,
    pub(super) amount: Decimal,
}

impl PureMarketMakingConfig {
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
        if self.buy_spreads.is_empty() && self.bid_spread.is_none() {
            return wrong("bid_spread (or buy_spreads) is missing");
        }
        if self.sell_spreads.is_empty() && self.ask_spread.is_none() {
            return wrong("ask_spread (or sell_spreads) is missing");
        }
        if self.order_amount.is_none() && (self.buy_amounts.is_empty() || self.sell_amounts.is_empty()) {
            return wrong("order_amount (or buy_amounts and sell_amounts) is missing");
        }
        if !(1..=50).contains(&self.order_levels) {
            return wrong("order_levels must be in 1..=50");
        }
        for (amounts, spreads, side) in [
            (&self.buy_amounts, &self.buy_spreads, "buy"),
            (&self.sell_amounts, &self.sell_spreads, "sell"),
        ] {
            if !amounts.is_empty() && amounts.len() != spreads.len() {
                return wrong(&format!("{side}_amounts must be as many as {side}_spreads"));
            }
        }
        for level in self.buy_levels() {
            if level.spread <= -Decimal::ONE || level.spread >= Decimal::ONE || level.amount <= Decimal::ZERO {
                return wrong("spreads of buys must be fractions in 0..1 (0.001 is ten basis points), amounts above 0");
            }
        }
        for level in self.sell_levels() {
            if level.spread <= -Decimal::ONE || level.amount <= Decimal::ZERO {
                return wrong(
                    "spreads of sells must be fractions above 0 (0.001 is ten basis points), amounts above 0",
                );
            }
        }
        if self.order_refresh_time <= Decimal::ZERO {
            return wrong("order_refresh_time must be above 0 seconds");
        }
        if self.inventory_target_base_pct < Decimal::ZERO || self.inventory_target_base_pct > Decimal::ONE {
            return wrong("inventory_target_base_pct must be a fraction in 0..=1");
        }
        Ok(())
    }

    fn levels(&self, spreads: &[Decimal], amounts: &[Decimal], first: Option<Decimal>) -> Vec<Level> {
        let amount = self.order_amount.unwrap_or_default();
        let step = |index: usize| Decimal::from(index);
        if spreads.is_empty() {
            return (0..self.order_levels as usize)
                .map(|index| Level {
                    spread: first.unwrap_or_default() + self.order_level_spread * step(index),
                    amount: amount + self.order_level_amount * step(index),
                })
                .collect();
        }
        let amounts = (0..spreads.len()).map(|index| {
            let stepped = amount + self.order_level_amount * step(index);
            amounts.get(index).copied().unwrap_or(stepped)
        });
        spreads
            .iter()
            .zip(amounts)
            .map(|(&spread, amount)| Level { spread, amount })
            .collect()
    }

    pub(super) fn buy_levels(&self) -> Vec<Level> {
        self.levels(&self.buy_spreads, &self.buy_amounts, self.bid_spread)
    }

    pub(super) fn sell_levels(&self) -> Vec<Level> {
        self.levels(&self.sell_spreads, &self.sell_amounts, self.ask_spread)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Result<PureMarketMakingConfig, ConfigError> {
        let config: PureMarketMakingConfig = crate::config::read("strategy \"mm\"", text.parse().unwrap())?;
        config.check("strategy \"mm\"")?;
        Ok(config)
    }

    const SMALL: &str = r#"
        venue = "binance"
        market = "BTC-USDT"
        bid_spread = 0.001
        ask_spread = "0.002"
        order_amount = 0.01
    "#;

    #[test]
    fn a_small_configuration_has_the_defaults() {
        let config = parse(SMALL).unwrap();
        assert_eq!(config.bid_spread, Some(Decimal::new(1, 3)));
        assert_eq!(span(config.order_refresh_time), Millis(30_000));
        assert_eq!(config.price_type, PriceType::MidPrice);
        assert_eq!(config.buy_levels().len(), 1);
    }

    #[test]
    fn levels_step_or_are_listed() {
        let config = parse(&format!(
            "{SMALL}\norder_levels = 3\norder_level_spread = 0.001\norder_level_amount = 0.005"
        ))
        .unwrap();
        let last = config.buy_levels()[2];
        assert_eq!((last.spread, last.amount), (Decimal::new(3, 3), Decimal::new(2, 2)));
        let config = parse(&format!("{SMALL}\nbuy_spreads = \"0.01,0.02\"\nbuy_amounts = [1, 2]")).unwrap();
        assert_eq!(
            config.buy_levels()[1],
            Level {
                spread: Decimal::new(2, 2),
                amount: Decimal::TWO
            }
        );
        assert_eq!(config.sell_levels().len(), 1);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (line, told) in [
            ("bid_sprea = 1", "the nearest is \"bid_spread\""),
            ("order_levels = 0", "1..=50"),
            ("buy_spreads = [1.5]", "fractions"),
            ("sell_spreads = [0.1]\nsell_amounts = [1, 2]", "as many"),
            ("order_refresh_time = 0", "above 0 seconds"),
            ("inventory_target_base_pct = 50", "0..=1"),
            ("price_type = \"median\"", "median"),
        ] {
            let error = parse(&format!("{SMALL}\n{line}")).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        let error = parse("venue = \"v\"\nmarket = \"A-B\"\nask_spread = 1\norder_amount = 1").unwrap_err();
        assert!(error.to_string().contains("bid_spread"), "{error}");
    }

    #[test]
    fn every_key_is_in_the_document() {
        let document = include_str!("../../../../../docs/strategies/pure_market_making.md");
        for key in crate::config::keys::<PureMarketMakingConfig>() {
            assert!(document.contains(&format!("`{key}`")), "{key} is not in the document");
        }
    }
}
