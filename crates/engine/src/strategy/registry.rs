//! Strategies by name.

use colibri_model::StrategyId;

use crate::config::{self, ConfigError};
use crate::strategy::Strategy;
use crate::strategy::perpetual_market_making::{PerpetualMarketMaking, PerpetualMarketMakingConfig};
use crate::strategy::pure_market_making::{PureMarketMaking, PureMarketMakingConfig};
use crate::strategy::spot_perpetual_arbitrage::{SpotPerpetualArbitrage, SpotPerpetualArbitrageConfig};

/// The kinds that [`build`] knows.
pub const KINDS: &[&str] = &[
    "perpetual_market_making",
    "pure_market_making",
    "spot_perpetual_arbitrage",
];

/// Makes a strategy from its kind and its table in the bot's file (without `kind` and `id`).
///
/// # Errors
/// An unknown kind, an unknown key (with the nearest that exists), or a value out of range.
pub fn build(kind: &str, id: StrategyId, table: toml::Table) -> Result<Box<dyn Strategy>, ConfigError> {
    let section = format!("strategy {:?}", id.as_str());
    match kind {
        "pure_market_making" => {
            let config: PureMarketMakingConfig = config::read(&section, table)?;
            config.check(&section)?;
            Ok(Box::new(PureMarketMaking::new(id, config)))
        }
        "perpetual_market_making" => {
            let config: PerpetualMarketMakingConfig = config::read(&section, table)?;
            config.check(&section)?;
            Ok(Box::new(PerpetualMarketMaking::new(id, config)))
        }
        "spot_perpetual_arbitrage" => {
            let config: SpotPerpetualArbitrageConfig = config::read(&section, table)?;
            config.check(&section)?;
            Ok(Box::new(SpotPerpetualArbitrage::new(id, config)))
        }
        _ => Err(ConfigError::UnknownStrategy {
            kind: kind.to_owned(),
            known: KINDS.join(", "),
        }),
    }
}
