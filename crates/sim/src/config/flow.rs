//! Where the other participants' orders come from.

use std::path::PathBuf;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::identity::Symbol;

/// The source of order flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum FlowConfig {
    /// Nobody but the clients: books start empty.
    None,
    /// Makers and takers around a random walk, in every market.
    Random(RandomFlow),
    /// A recorded capture in one market; random flow in the others.
    Replay(ReplayFlow),
    /// Many markets more, whose books and trades change at a given rate without orders behind them; random flow in the
    /// configured ones.
    Steady(SteadyFlow),
}

impl Default for FlowConfig {
    fn default() -> Self {
        Self::Random(RandomFlow::default())
    }
}

/// Makers and takers around a random walk. The same seed and the same requests at the same times give the same market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomFlow {
    /// Seed of all randomness.
    pub seed: u64,
    /// Price levels kept on each side, 20 to 1000.
    pub levels: u32,
    /// Standard deviation of the fair price over one second, in basis points of the price; 0 holds it still.
    pub volatility_bps: Decimal,
    /// Distance of the makers' best prices from the fair price, in basis points of the price.
    pub half_spread_bps: Decimal,
    /// Average distance between two levels, in basis points of the price.
    pub level_spacing_bps: Decimal,
    /// Value of an average maker order in quote.
    pub order_value: Decimal,
    /// Taker orders per second and market, on average.
    pub takers_per_second: Decimal,
    /// How many levels the largest takers sweep, 1 or more.
    pub sweep_levels: u32,
    /// How often makers and takers act, in milliseconds, 10 to 1000: a book changes no more often.
    pub step_ms: u32,
    /// How long the flow runs in virtual time before the exchange opens, so that candles and trades exist. Seconds.
    pub warm_up_seconds: u32,
}

impl Default for RandomFlow {
    fn default() -> Self {
        Self {
            seed: 1,
            levels: 40,
            volatility_bps: Decimal::new(8, 1),
            half_spread_bps: Decimal::new(3, 1),
            level_spacing_bps: Decimal::new(25, 2),
            order_value: Decimal::from(4_000),
            takers_per_second: Decimal::from(5),
            sweep_levels: 4,
            step_ms: 50,
            warm_up_seconds: 300,
        }
    }
}

/// What happens when a recording ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayEnd {
    /// The book stays as it is.
    #[default]
    Hold,
    /// It begins again.
    Repeat,
}

/// A recorded capture: lines of `<local nanoseconds> <JSON>`, gzip or not, with one depth snapshot, depth diffs and
/// trades of one Binance spot market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayFlow {
    /// The market that it feeds.
    pub symbol: Symbol,
    /// The file.
    pub path: PathBuf,
    /// Recorded seconds per second; above zero.
    pub speed: Decimal,
    /// What happens when it ends.
    #[serde(default)]
    pub end: ReplayEnd,
    /// The flow of the other markets.
    #[serde(default)]
    pub others: RandomFlow,
}

/// Markets whose books and trades change at a given rate without orders behind them, to measure a client by: `STEADY1USDT`
/// and so on. A client's orders rest there and trade with its own alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SteadyFlow {
    /// Seed of all randomness.
    pub seed: u64,
    /// How many markets, 1 to 10000.
    pub markets: u32,
    /// Depth updates and trades per second, of all of them together, told to whoever subscribes.
    pub messages_per_second: u32,
    /// How many of a hundred messages are depth updates; the others are trades.
    pub depth_percent: u32,
    /// Levels that a depth update changes, half of them a side.
    pub levels_per_update: u32,
    /// Levels that a book has at most on each side, 2 to 5000.
    pub levels: u32,
    /// The flow of the configured markets.
    pub others: RandomFlow,
}

impl Default for SteadyFlow {
    fn default() -> Self {
        Self {
            seed: 1,
            markets: 1_000,
            messages_per_second: 1_000,
            depth_percent: 20,
            levels_per_update: 20,
            levels: 100,
            others: RandomFlow::default(),
        }
    }
}
