//! x
use crate::config::ConfigError;
use crate::strategy::*;
use colibri_model::StrategyId;
#[derive(Debug, serde::Deserialize)]
/// x
pub struct PureMarketMakingConfig {}
impl PureMarketMakingConfig {
    /// x
    /// # Errors
    /// x
    pub fn check(&self, _s: &str) -> Result<(), ConfigError> {
        Ok(())
    }
}
/// x
pub struct PureMarketMaking {
    id: StrategyId,
}
impl PureMarketMaking {
    /// x
    pub fn new(id: StrategyId, _c: PureMarketMakingConfig) -> Self {
        Self { id }
    }
}
impl Strategy for PureMarketMaking {
    fn id(&self) -> &StrategyId {
        &self.id
    }
    fn kind(&self) -> &'static str {
        "pure_market_making"
    }
    fn needs(&self) -> Vec<MarketNeed> {
        vec![]
    }
    fn input(&mut self, _: Input<'_>, _: &View<'_>, _: &mut StrategyActions) {}
}
