//! `BOT.toml`: one bot: where it trades, for which account, with which strategies, within which limits.

mod contracts;
mod strategy;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use colibri_driver::{LimitShare, LimitShares};
use colibri_engine::risk::RiskLimits;
use colibri_model::{
    AccountId, Asset, CollateralMode, ExchangeOrderId, Leverage, MarginMode, Millis, Pair, PositionMode, Quantity,
    VenueId,
};
use colibri_store::journal::Durability;
use serde::Deserialize;
use toml::Spanned;

use crate::exit::{Exit, ExitError};
use crate::latency::LatencySettings;
use crate::record::RecordSettings;

pub use strategy::StrategyTable;

const fn default_tick() -> Millis {
    Millis(1_000)
}
fn default_plugins() -> PathBuf {
    "plugins.toml".into()
}
fn default_data() -> PathBuf {
    "data".into()
}
fn default_environment() -> String {
    "live".to_owned()
}

/// A bot's file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BotFile {
    /// The bot's name: letters, digits, `-`, `_`. Its data are kept in a folder of this name.
    pub name: Spanned<String>,
    /// Milliseconds between two ticks of the Clock; 1000 where absent, 100 to 60000.
    #[serde(default = "default_tick")]
    pub tick_ms: Millis,
    /// The `plugins.toml` to use; relative to this file.
    #[serde(default = "default_plugins")]
    pub plugins: PathBuf,
    /// Where journals and histories are kept; relative to this file.
    #[serde(default = "default_data")]
    pub data: PathBuf,
    /// What the journal survives; `process` where absent.
    #[serde(default)]
    pub durability: JournalDurability,
    /// Where it trades.
    #[serde(rename = "venue")]
    pub venues: Vec<VenueTable>,
    /// Limits that no order passes.
    #[serde(default)]
    pub risk: RiskLimits,
    /// Which runs are recorded, and how long that is kept.
    #[serde(default)]
    pub record: RecordSettings,
    /// What may be spent on being fast.
    #[serde(default)]
    pub latency: LatencySettings,
    /// What decides.
    #[serde(rename = "strategy")]
    pub strategies: Vec<StrategyTable>,
}

/// What a journaled fact survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalDurability {
    /// The end of the process, however it ends.
    #[default]
    Process,
    /// A power failure too: each write waits for the disk.
    Machine,
}

impl From<JournalDurability> for Durability {
    fn from(durability: JournalDurability) -> Durability {
        match durability {
            JournalDurability::Process => Durability::Process,
            JournalDurability::Machine => Durability::Machine,
        }
    }
}

/// A venue: a connector instance for one account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VenueTable {
    /// What this bot calls it; the connector's name where absent. Two accounts at one exchange are two venues.
    #[serde(default)]
    pub name: Option<Spanned<VenueId>>,
    /// The connector, as `plugins.toml` installs it.
    pub connector: Spanned<String>,
    /// Which environment of the exchange; `live` where absent.
    #[serde(default = "default_environment")]
    pub environment: String,
    /// The part of the exchange's rate limits that this bot may use, where others use the same account or address: of
    /// every pool, or by the pool's name in the connector's manifest. All of it where absent.
    #[serde(default)]
    pub limit_share: Option<Spanned<LimitShareTable>>,
    /// The name of the keys to trade with (`colibri keys list`).
    pub account: Spanned<AccountId>,
    /// The pairs that are traded, or may be.
    pub pairs: Vec<Spanned<Pair>>,
    /// Pairs that are watched: their books and trades are kept for strategies to read, and no order can be placed there. They
    /// cost the account no question, so that there may be very many.
    #[serde(default)]
    pub watch: Vec<Spanned<Pair>>,
    /// At a venue for contracts: how many positions an instrument may have, `one_way` or `hedge`. Absent: it is left as it is set at
    /// the exchange; so for the keys below.
    #[serde(default)]
    pub position_mode: Option<Spanned<PositionMode>>,
    /// Which assets answer for cross positions: `single_asset` or `multi_asset`.
    #[serde(default)]
    pub collateral_mode: Option<Spanned<CollateralMode>>,
    /// The leverage by pair.
    #[serde(default, deserialize_with = "contracts::leverages")]
    pub leverage: BTreeMap<Pair, Leverage>,
    /// How the margin of positions is kept, by pair: `cross` or `isolated`.
    #[serde(default)]
    pub margin_mode: BTreeMap<Pair, MarginMode>,
    /// Positions that the exchange states and no fill explains, by pair, below zero where they are short: accepted at the start
    /// where it states just this.
    #[serde(default, deserialize_with = "contracts::positions")]
    pub accept_positions: BTreeMap<Pair, Quantity>,
    /// Open orders in the account that are to be taken for this bot's, by the exchange's order ids, although it does not know
    /// them: its fills count and it is cancelled when the bot stops. No other order of somebody else is ever touched.
    #[serde(default)]
    pub adopt: Vec<ExchangeOrderId>,
}

/// Parts of rate limits: more than 0, at most 1, to a thousandth.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum LimitShareTable {
    /// Of every pool.
    Every(f64),
    /// By pool; all of the others.
    Pools(BTreeMap<String, f64>),
}

impl LimitShareTable {
    /// As the driver takes them.
    ///
    /// # Errors
    /// A part that is none.
    pub fn shares(&self) -> Result<LimitShares, String> {
        let part = |share: f64| {
            // Compared first, so that what is not a number is refused.
            if (0.001..=1.0).contains(&share) {
                Ok(LimitShare::per_mille((share * 1_000.0) as u32))
            } else {
                Err(format!("a limit_share is at least 0.001 and at most 1, not {share}"))
            }
        };
        let mut shares = LimitShares::default();
        match self {
            LimitShareTable::Every(share) => shares.every = part(*share)?,
            LimitShareTable::Pools(pools) => {
                for (pool, share) in pools {
                    shares.pools.insert(pool.clone(), part(*share)?);
                }
            }
        }
        Ok(shares)
    }
}

/// A bot's file with its place, so that what is wrong can be pointed at.
#[derive(Debug, Clone)]
pub struct Bot {
    /// The content.
    pub file: BotFile,
    /// Where it stands.
    pub path: PathBuf,
    text: String,
}

impl Bot {
    /// Reads and checks a bot's file by itself (without plugins, keys or exchange).
    ///
    /// # Errors
    /// The first thing that is wrong, with its line.
    pub fn read(path: &Path) -> Result<Bot, ExitError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            ExitError::new(
                Exit::Configuration,
                format!("{} cannot be read: {error}", path.display()),
            )
        })?;
        Bot::parse(path, text)
    }

    /// As [`Bot::read`], from a text.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line.
    pub fn parse(path: &Path, text: String) -> Result<Bot, ExitError> {
        let file: BotFile = toml::from_str(&text)
            .map_err(|error| ExitError::new(Exit::Configuration, format!("{} is wrong: {error}", path.display())))?;
        let bot = Bot {
            file,
            path: path.to_owned(),
            text,
        };
        bot.check()?;
        Ok(bot)
    }

    /// An error at a place of the file.
    #[must_use]
    pub fn wrong(&self, span: std::ops::Range<usize>, what: impl std::fmt::Display) -> ExitError {
        let line = self
            .text
            .get(..span.start)
            .map_or(1, |before| before.matches('\n').count() + 1);
        ExitError::new(
            Exit::Configuration,
            format!("{}, line {line}: {what}", self.path.display()),
        )
    }

    /// Where a key stands in the table that holds `span`; `span` where it is not found.
    #[must_use]
    pub fn key_after(&self, span: std::ops::Range<usize>, key: &str) -> std::ops::Range<usize> {
        let table = self.text[..span.start].rfind("[[").unwrap_or(0);
        let mut at = table;
        for line in self.text[table..].split_inclusive('\n') {
            if at > span.start && line.starts_with('[') {
                break;
            }
            let name = line.split('=').next().unwrap_or("").trim().trim_matches('"');
            if name == key {
                return at..at + line.len();
            }
            at += line.len();
        }
        span
    }

    fn check(&self) -> Result<(), ExitError> {
        let file = &self.file;
        let name = file.name.get_ref();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return Err(self.wrong(file.name.span(), "a bot's name has letters, digits, - and _ only"));
        }
        if !(100..=60_000).contains(&file.tick_ms.0) {
            return Err(self.wrong(file.name.span(), "tick_ms is 100 to 60000"));
        }
        let mut ids = BTreeSet::new();
        for venue in &file.venues {
            let id = venue.id().map_err(|e| self.wrong(venue.span(), e))?;
            if !ids.insert(id.clone()) {
                return Err(self.wrong(
                    venue.span(),
                    format!("two venues are called {id}; give one another name"),
                ));
            }
            if let Some(share) = &venue.limit_share {
                share.get_ref().shares().map_err(|e| self.wrong(share.span(), e))?;
            }
            if venue.pairs.is_empty() {
                return Err(self.wrong(venue.span(), "a venue needs at least one pair"));
            }
            let traded: BTreeSet<&Pair> = venue.pairs.iter().map(Spanned::get_ref).collect();
            let chosen = [
                ("leverage", venue.leverage.keys().collect::<Vec<_>>()),
                ("margin_mode", venue.margin_mode.keys().collect()),
                ("accept_positions", venue.accept_positions.keys().collect()),
            ];
            for (key, pairs) in chosen {
                if let Some(pair) = pairs.into_iter().find(|pair| !traded.contains(*pair)) {
                    let what = format!("{key}.{pair}: the venue {id} does not list {pair}");
                    return Err(self.wrong(self.key_after(venue.connector.span(), key), what));
                }
            }
            if let Some(pair) = venue.watch.iter().find(|pair| traded.contains(pair.get_ref())) {
                let what = format!(
                    "{} is in pairs and in watch: what is traded is watched anyway",
                    pair.get_ref()
                );
                return Err(self.wrong(pair.span(), what));
            }
        }
        for strategy in &file.strategies {
            self.check_strategy(strategy)?;
        }
        if let Some((key, what)) = file.latency.fault() {
            return Err(self.wrong(self.key_of_table("[latency", key), what));
        }
        self.check_risk()
    }

    /// Caps that make no sense, or name what this bot does not trade, and so would cap nothing.
    fn check_risk(&self) -> Result<(), ExitError> {
        let risk = &self.file.risk;
        if let Some((key, what)) = risk.fault() {
            return Err(self.wrong(self.risk_key(key), what));
        }
        let pairs: BTreeSet<&Pair> = self
            .file
            .venues
            .iter()
            .flat_map(|v| v.pairs.iter().map(Spanned::get_ref))
            .collect();
        let by_pair = [
            ("max_order_quantity", risk.max_order_quantity.keys()),
            ("max_position", risk.max_position.keys()),
        ];
        for (key, mut capped) in by_pair {
            if let Some(pair) = capped.find(|pair| !pairs.contains(pair)) {
                return Err(self.wrong(self.risk_key(key), format!("{key}.{pair}: no [[venue]] lists {pair}")));
            }
        }
        let is_traded = |asset: &Asset| pairs.iter().any(|p| p.base == *asset || p.quote == *asset);
        if let Some(asset) = risk.budget.keys().find(|asset| !is_traded(asset)) {
            return Err(self.wrong(
                self.risk_key("budget"),
                format!("budget.{asset}: no [[venue]] trades {asset}"),
            ));
        }
        Ok(())
    }

    /// Where a key of `[risk]` stands.
    fn risk_key(&self, key: &str) -> std::ops::Range<usize> {
        self.key_of_table("[risk", key)
    }

    /// Where a key stands in the table whose header begins so.
    fn key_of_table(&self, header: &str, key: &str) -> std::ops::Range<usize> {
        let table = self.text.find(header).unwrap_or(0);
        let mut at = table;
        for line in self.text[table..].split_inclusive('\n') {
            let line_key = line
                .trim_start()
                .trim_start_matches("[risk.")
                .trim_start_matches("risk.");
            if line_key.starts_with(key) {
                return at..at + line.len();
            }
            at += line.len();
        }
        table..table
    }

    /// The operator's caps, those of the strategies among them.
    #[must_use]
    pub fn risk_limits(&self) -> RiskLimits {
        let strategies = self.file.strategies.iter().filter(|s| !s.budget.is_empty());
        RiskLimits {
            strategy_budgets: strategies.map(|s| (s.id.clone(), s.budget.clone())).collect(),
            ..self.file.risk.clone()
        }
    }

    /// The file's text, as it was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A path of the file, which is relative to it.
    #[must_use]
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or_else(|| Path::new(".")).join(path)
    }

    /// The folder of this bot's journal and history.
    #[must_use]
    pub fn data_folder(&self) -> PathBuf {
        self.resolve(&self.file.data).join(self.file.name.get_ref())
    }
}

impl VenueTable {
    /// Its id.
    ///
    /// # Errors
    /// It has no name of its own, and the connector's cannot be one.
    pub fn id(&self) -> Result<VenueId, colibri_model::IdError> {
        match &self.name {
            Some(name) => Ok(name.get_ref().clone()),
            None => VenueId::new(self.connector.get_ref()),
        }
    }

    /// Where its name stands.
    #[must_use]
    pub fn span(&self) -> std::ops::Range<usize> {
        self.name.as_ref().map_or_else(|| self.connector.span(), Spanned::span)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BOT: &str = r#"
name = "first"
[[venue]]
connector = "binance"
account = "main"
pairs = ["BTC-USDT"]
[[strategy]]
id = "maker"
kind = "pure_market_making"
venue = "binance"
market = "BTC-USDT"
bid_spread = "0.001"
"#;

    fn parse(text: &str) -> Result<Bot, ExitError> {
        Bot::parse(Path::new("bot.toml"), text.to_owned())
    }

    #[test]
    fn a_small_bot_is_read() {
        let bot = parse(BOT).unwrap();
        assert_eq!(bot.file.tick_ms, Millis(1000));
        assert_eq!(bot.data_folder(), Path::new("data/first"));
        assert!(bot.file.strategies[0].keys.contains_key("bid_spread"));
    }

    #[test]
    fn limits_and_budgets_are_read_and_what_would_cap_nothing_is_refused() {
        let risk = "[risk]\nmax_loss = 5\nmax_position = { BTC-USDT = 0.5 }\nbudget = { USDT = 100 }\n";
        let text = format!("{BOT}budget = {{ USDT = 10.5 }}\n{risk}");
        let limits = parse(&text).unwrap().risk_limits();
        assert_eq!(limits.strategy_budgets.len(), 1);
        assert_eq!(limits.budget.len() + limits.max_position.len(), 2);
        for (from, to, line, what) in [
            ("max_loss = 5", "max_loss = -5", "line 15", "zero or more"),
            (
                "{ BTC-USDT = 0.5 }",
                "{ ETH-USDT = 0.5 }",
                "line 16",
                "no [[venue]] lists ETH-USDT",
            ),
            ("{ USDT = 100 }", "{ EUR = 100 }", "line 17", "no [[venue]] trades EUR"),
            ("{ USDT = 10.5 }", "{ EUR = 1 }", "line 9", "budget.EUR"),
            ("{ USDT = 10.5 }", "{ USDT = -1 }", "line 9", "budget.USDT"),
        ] {
            let error = parse(&text.replace(from, to)).unwrap_err();
            assert!(
                error.message.contains(line) && error.message.contains(what),
                "{}",
                error.message
            );
        }
    }

    #[test]
    fn what_cannot_be_spent_on_speed_is_refused_with_its_line() {
        let text = format!("{BOT}[latency]\nbusy_poll = true\norder_connections = 9\n");
        let error = parse(&text).unwrap_err();
        assert!(
            error.message.contains("line 15") && error.message.contains("0 to 8"),
            "{}",
            error.message
        );
    }

    #[test]
    fn a_key_of_a_strategy_is_found_in_its_own_table() {
        let second = BOT.split_once("[[strategy]]").unwrap().1.replace("maker", "other");
        let bot = parse(&format!("{BOT}\n[[strategy]]{second}")).unwrap();
        let line = |index: usize, key: &str| {
            let span = bot.key_after(bot.file.strategies[index].kind.span(), key);
            bot.text[..span.start].matches('\n').count() + 1
        };
        assert_eq!((line(0, "bid_spread"), line(1, "bid_spread")), (12, 19));
        assert_eq!(line(1, "absent"), 16, "the kind's line where there is no such key");
    }

    #[test]
    fn a_share_of_the_limits_is_of_all_pools_or_of_named_ones() {
        let shares = |text: &str| {
            let bot = parse(&BOT.replace("pairs =", &format!("limit_share = {text}\npairs ="))).unwrap();
            let share = bot.file.venues[0].limit_share.as_ref().unwrap();
            share.get_ref().shares().unwrap()
        };
        assert_eq!(shares("0.5").of("weight"), LimitShare::per_mille(500));
        assert_eq!(shares("1").of("weight"), LimitShare::WHOLE);
        let named = shares("{ weight = 0.25 }");
        assert_eq!(named.of("weight"), LimitShare::per_mille(250));
        assert_eq!(named.of("orders_10s"), LimitShare::WHOLE);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (from, to, line) in [
            ("name = \"first\"", "name = \"a b\"", "line 2"),
            ("market = \"BTC-USDT\"", "market = \"ETH-USDT\"", "line 11"),
            ("market = \"BTC-USDT\"", "market = \"ETHUSDT\"", "line 11"),
            ("venue = \"binance\"", "venue = \"kraken\"", "line 10"),
            ("account", "acount", "line 5"),
            ("pairs =", "limit_share = 1.5\npairs =", "line 6"),
            ("pairs =", "limit_share = { weight = 0 }\npairs =", "line 6"),
        ] {
            let error = parse(&BOT.replace(from, to)).unwrap_err();
            assert!(error.message.contains(line), "{from}: {}", error.message);
            assert_eq!(error.exit, Exit::Configuration);
        }
    }
}
