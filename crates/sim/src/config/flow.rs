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
