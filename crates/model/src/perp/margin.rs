//! Margin: what answers for an account's positions, and how much must.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{CollateralMode, Leverage};
use crate::{Amount, Asset};

/// An asset that answers for positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collateral {
    /// The asset.
    pub asset: Asset,
    /// What is held of it, without unrealised profit, in the asset.
    pub wallet: Amount,
    /// What can be used for new orders, in the asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<Amount>,
    /// Unrealised profit of the positions that settle in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrealized: Option<Amount>,
    /// What part of its worth counts, where the exchange says: 0.95 of 1.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "rust_decimal::serde::str_option"
    )]
    pub valuation: Option<Decimal>,
}

/// How an account stands, as the exchange states it: the figures of cross positions. An amount that it leaves out is `None`,
/// and nothing is concluded from that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountMargin {
    /// What the figures are in: an asset, or `USD` where the exchange values in it.
    pub asset: Asset,
    /// Wallets and unrealised profit together: what answers for positions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equity: Option<Amount>,
    /// What is free for new orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<Amount>,
    /// What positions and open orders take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial: Option<Amount>,
    /// What positions must have: below it the exchange liquidates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<Amount>,
    /// Unrealised profit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrealized: Option<Amount>,
    /// Which assets answer for cross positions, where the exchange says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collateral_mode: Option<CollateralMode>,
    /// The assets.
    #[serde(default)]
    pub collateral: Vec<Collateral>,
}

impl AccountMargin {
    /// Maintenance margin as a part of equity: at one and above the exchange liquidates. `None` where it does not say both;
    /// also where equity is zero or below and margin is needed, which [`AccountMargin::is_negative`] tells.
    #[must_use]
    pub fn ratio(&self) -> Option<Decimal> {
        let (maintenance, equity) = (self.maintenance?, self.equity?);
        if maintenance.is_zero() {
            return Some(Decimal::ZERO);
        }
        if equity.is_positive() {
            maintenance.0.checked_div(equity.0)
        } else {
            None
        }
    }

    /// Whether positions have less than they must. `None` where the exchange does not say both figures.
    #[must_use]
    pub fn is_negative(&self) -> Option<bool> {
        let (maintenance, equity) = (self.maintenance?, self.equity?);
        Some(maintenance.is_positive() && equity < maintenance)
    }
}

/// A step of an instrument's margin requirements: of positions whose notional lies in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarginTier {
    /// From this notional on, in the settle asset.
    pub floor: Amount,
    /// Up to this notional; no end where it is `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Amount>,
    /// The highest leverage.
    pub max_leverage: Leverage,
    /// Maintenance margin as a fraction of the notional.
    #[serde(with = "rust_decimal::serde::str")]
    pub maintenance_rate: Decimal,
    /// What is taken off, so that the requirement does not leap from tier to tier.
    #[serde(default)]
    pub deduction: Amount,
}

/// The tier of a notional, among an instrument's in any order. Beyond the last cap it is the last: no exchange lets a larger
/// position have easier terms.
#[must_use]
pub fn tier_of(tiers: &[MarginTier], notional: Amount) -> Option<&MarginTier> {
    tiers
        .iter()
        .filter(|tier| tier.floor <= notional)
        .max_by_key(|tier| tier.floor)
}

/// What a position of a notional must have, never below zero. `None` where no tier is of it.
#[must_use]
pub fn maintenance_margin(tiers: &[MarginTier], notional: Amount) -> Option<Amount> {
    let tier = tier_of(tiers, notional)?;
    let needed = notional.0 * tier.maintenance_rate - tier.deduction.0;
    Some(Amount(needed.max(Decimal::ZERO)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Tiers as Binance has them: each deduction makes the requirement continuous.
    fn tiers() -> Vec<MarginTier> {
        let tier = |floor: i64, cap: Option<i64>, leverage: i64, rate: i64, deduction: i64| MarginTier {
            floor: Amount(Decimal::from(floor)),
            cap: cap.map(|cap| Amount(Decimal::from(cap))),
            max_leverage: Leverage::new(Decimal::from(leverage)).unwrap(),
            maintenance_rate: Decimal::new(rate, 3),
            deduction: Amount(Decimal::from(deduction)),
        };
        vec![
            tier(0, Some(50_000), 125, 4, 0),
            tier(50_000, Some(250_000), 100, 5, 50),
            tier(250_000, None, 50, 10, 1_300),
        ]
    }

    proptest! {
        #[test]
        fn a_larger_position_needs_no_less(small in 0i64..1_000_000, more in 0i64..1_000_000) {
            let margin = |notional| maintenance_margin(&tiers(), Amount(Decimal::from(notional))).unwrap();
            prop_assert!(margin(small) <= margin(small + more));
            prop_assert!(margin(small) >= Amount::ZERO);
        }
    }

    #[test]
    fn the_ratio_is_known_only_of_figures_that_are_told() {
        let of = |equity: Option<i64>, maintenance: Option<i64>| AccountMargin {
            asset: Asset::new("USDT"),
            equity: equity.map(|e| Amount(Decimal::from(e))),
            maintenance: maintenance.map(|m| Amount(Decimal::from(m))),
            available: None,
            initial: None,
            unrealized: None,
            collateral_mode: None,
            collateral: Vec::new(),
        };
        assert_eq!(of(Some(100), Some(25)).ratio(), Some(Decimal::new(25, 2)));
        assert_eq!(of(Some(-1), Some(25)).ratio(), None);
        assert_eq!(of(Some(-1), Some(25)).is_negative(), Some(true));
        assert_eq!(of(Some(-1), Some(0)).is_negative(), Some(false));
        assert_eq!(of(None, Some(0)).is_negative(), None);
    }
}
