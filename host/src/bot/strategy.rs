//! The strategies of a bot's file: the table, the markets that it names, and what is checked of them before any venue is asked.
//!
//! What must not live here: what a kind's own keys mean; each strategy in the engine knows that itself.

use colibri_engine::risk::Budget;
use colibri_model::{Decimal, Pair, StrategyId, VenueId};
use serde::Deserialize;
use toml::Spanned;

use super::Bot;
use crate::exit::ExitError;

/// A strategy: its id, kind, market, and the kind's own keys.
#[derive(Debug, Clone, Deserialize)]
pub struct StrategyTable {
    /// Its name in journal, history and screen.
    pub id: StrategyId,
    /// Its kind: `pure_market_making`.
    pub kind: Spanned<String>,
    /// The venue that it trades at; a kind of several legs has a key for each instead, as `spot_venue`.
    pub venue: Option<VenueId>,
    /// The pair that it trades; a kind of several legs has a key for each instead, as `spot_market`.
    pub market: Option<Pair>,
    /// The most of each asset that it may take of the account.
    #[serde(default, deserialize_with = "colibri_engine::config::decimal_map")]
    pub budget: Budget,
    /// The kind's own keys.
    #[serde(flatten)]
    pub keys: toml::Table,
}

/// A market that a strategy names, and by which keys.
struct NamedMarket {
    venue_key: String,
    venue: VenueId,
    pair_key: String,
    pair: Pair,
}

impl StrategyTable {
    /// The keys of its kind, those of its market among them.
    #[must_use]
    pub fn all_keys(&self) -> toml::Table {
        let mut keys = self.keys.clone();
        if let Some(venue) = &self.venue {
            keys.insert("venue".to_owned(), venue.as_str().into());
        }
        if let Some(market) = &self.market {
            keys.insert("market".to_owned(), market.to_string().into());
        }
        keys
    }

    /// The markets that it names, as far as its keys can be read: its kind says what is wrong with the others.
    fn markets(&self) -> Vec<NamedMarket> {
        let keys = self.all_keys();
        let text = |key: &str| keys.get(key).and_then(toml::Value::as_str);
        let named = keys.keys().filter_map(|venue_key| {
            let leg = venue_key
                .strip_suffix("venue")
                .filter(|leg| leg.is_empty() || leg.ends_with('_'))?;
            let pair_key = format!("{leg}market");
            Some(NamedMarket {
                venue: VenueId::new(text(venue_key)?).ok()?,
                pair: text(&pair_key)?.parse().ok()?,
                venue_key: venue_key.clone(),
                pair_key,
            })
        });
        named.collect()
    }
}

impl Bot {
    /// Whether the markets of a strategy stand in the file, and its budget is of what they are paid with.
    pub(super) fn check_strategy(&self, strategy: &StrategyTable) -> Result<(), ExitError> {
        let at = |key: &str| self.key_after(strategy.kind.span(), key);
        let markets = strategy.markets();
        for NamedMarket {
            venue_key,
            venue: id,
            pair_key,
            pair,
        } in &markets
        {
            let venue = self.file.venues.iter().find(|v| v.id().is_ok_and(|v| v == *id));
            let venue = venue.ok_or_else(|| self.wrong(at(venue_key), format!("no [[venue]] is called {id}")))?;
            if !venue.pairs.iter().any(|p| p.get_ref() == pair) {
                return Err(self.wrong(at(pair_key), format!("the venue {id} does not list {pair}")));
            }
        }
        for (asset, amount) in &strategy.budget {
            let pays = |market: &NamedMarket| *asset == market.pair.base || *asset == market.pair.quote;
            if !markets.is_empty() && !markets.iter().any(pays) {
                let paid_with: Vec<String> = markets
                    .iter()
                    .map(|m| format!("{} is paid with {} and {}", m.pair, m.pair.base, m.pair.quote))
                    .collect();
                let what = format!("budget.{asset}: {} only", paid_with.join(", "));
                return Err(self.wrong(strategy.kind.span(), what));
            }
            if amount.0 < Decimal::ZERO {
                return Err(self.wrong(
                    strategy.kind.span(),
                    format!("budget.{asset} is {amount}; zero is the least"),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use super::*;

    const CARRY: &str = include_str!("../../../examples/carry.toml");

    fn parse(text: &str) -> Result<Bot, ExitError> {
        Bot::parse(Path::new("carry.toml"), text.to_owned())
    }

    #[test]
    fn each_leg_of_a_strategy_has_a_market_of_its_own() {
        let bot = parse(CARRY).unwrap();
        let markets = bot.file.strategies[0].markets();
        let named: Vec<_> = markets.iter().map(|m| (m.venue.as_str(), m.pair.to_string())).collect();
        let pair = || "BTC-USDT".to_owned();
        assert_eq!(named, [("binance_perpetual", pair()), ("binance", pair())]);
    }

    #[test]
    fn a_leg_that_the_file_does_not_have_is_told_with_its_line() {
        let line = |key: &str| CARRY.lines().position(|line| line.starts_with(key)).unwrap() + 1;
        let wrong = [
            (
                "spot_venue",
                "\"binance\"",
                "\"kraken\"",
                "no [[venue]] is called kraken",
            ),
            (
                "perpetual_market",
                "\"BTC-USDT\"",
                "\"ETH-USDT\"",
                "does not list ETH-USDT",
            ),
        ];
        for (key, from, to, why) in wrong {
            let text = CARRY.replace(&format!("{key} = {from}"), &format!("{key} = {to}"));
            let told = parse(&text).unwrap_err().to_string();
            assert!(
                told.contains(&format!("line {}", line(key))) && told.contains(why),
                "{told}"
            );
        }
    }
}
