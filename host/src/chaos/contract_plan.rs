//! How a seed trades contracts: what its bot chooses of the account, what it may hold, and what the exchange is like.

use std::collections::BTreeMap;

use colibri_engine::{ContractChoices, PairChoices};
use colibri_model::{Decimal, Leverage, MarginMode, Millis, Pair, PositionMode, Quantity, SplitMix64};
use colibri_sim::SimConfig;

/// An order that is good till a date works for longer than this: ten minutes at Binance, after which a seed is over.
pub const SHORTEST_LIFE: Millis = Millis(20_000);

/// What is decided once for a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContractPlan {
    /// One position a contract, or two.
    pub position_mode: PositionMode,
    /// How the margin of positions is kept.
    pub margin_mode: MarginMode,
    /// The leverage of positions.
    pub leverage: u32,
    /// What the margin wallet begins with, in USDT.
    pub wallet: u32,
    /// What the insurance fund begins with, in USDT.
    insurance_fund: u32,
    /// Seconds between two settlements of funding.
    funding_seconds: u32,
}

fn choose<T: Copy>(from: [T; 3], random: &mut SplitMix64) -> T {
    from[usize::try_from(random.below(3)).unwrap_or(0)]
}

impl ContractPlan {
    /// Draws one.
    pub fn draw(random: &mut SplitMix64) -> ContractPlan {
        ContractPlan {
            position_mode: choose(
                [PositionMode::OneWay, PositionMode::Hedge, PositionMode::OneWay],
                random,
            ),
            margin_mode: choose([MarginMode::Cross, MarginMode::Isolated, MarginMode::Cross], random),
            leverage: choose([10, 25, 50], random),
            wallet: choose([600, 2_000, 20_000], random),
            insurance_fund: choose([0, 50, 1_000_000], random),
            funding_seconds: choose([60, 60, 120], random),
        }
    }

    /// What the bot's file would say of the account.
    #[must_use]
    pub fn choices(&self, pairs: &[Pair]) -> ContractChoices {
        let of_pair = PairChoices {
            leverage: Leverage::new(Decimal::from(self.leverage)).ok(),
            margin_mode: Some(self.margin_mode),
            ..PairChoices::default()
        };
        ContractChoices {
            position_mode: Some(self.position_mode),
            collateral_mode: None,
            pairs: pairs.iter().map(|pair| (pair.clone(), of_pair)).collect(),
        }
    }

    /// The most that may be held of each pair, in its base asset: some thousand USDT.
    #[must_use]
    pub fn caps(pairs: &[Pair]) -> BTreeMap<Pair, Quantity> {
        let caps = pairs.iter().map(|pair| {
            let cap = match pair.base.as_str() {
                "BTC" => Decimal::new(1, 1),
                _ => Decimal::new(2, 0),
            };
            (pair.clone(), Quantity(cap))
        });
        caps.collect()
    }

    /// Makes the exchange so.
    pub fn configure(&self, config: &mut SimConfig) {
        config.contracts.insurance_fund = Decimal::from(self.insurance_fund);
        config.contracts.good_till_seconds = u32::try_from(SHORTEST_LIFE.0 / 1_000).unwrap_or(u32::MAX);
        for contract in &mut config.perpetual {
            contract.funding.interval_seconds = self.funding_seconds;
        }
        for account in &mut config.accounts {
            account.margin = Decimal::from(self.wallet);
        }
    }
}
