//! Leverage brackets: what a position of a size may be levered and what it must keep.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One bracket of notional values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Up to this notional value, in the margin asset; the floor is the cap of the tier below.
    pub cap: Decimal,
    /// The highest leverage of a position of this size, 1 to 125.
    pub max_leverage: u32,
    /// Maintenance margin as a fraction of the notional value.
    pub maintenance_rate: Decimal,
}

/// Why brackets cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TiersError {
    /// None at all.
    #[error("there is no leverage bracket; give at least one")]
    None,
    /// Out of order.
    #[error(
        "bracket {0} does not have a greater cap, a lower leverage and a higher maintenance rate than the one before it"
    )]
    OutOfOrder(usize),
    /// A leverage that would be liquidated at once.
    #[error("bracket {0} has a leverage of 0 or above 125, or its initial margin is not above its maintenance margin")]
    Leverage(usize),
}

/// All brackets of a contract, smallest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiers {
    tiers: Vec<Tier>,
}

impl Tiers {
    /// Checks and takes brackets.
    ///
    /// # Errors
    /// [`TiersError`] with the number of the bracket, from 1.
    pub fn new(tiers: Vec<Tier>) -> Result<Self, TiersError> {
        if tiers.is_empty() {
            return Err(TiersError::None);
        }
        for (place, tier) in tiers.iter().enumerate() {
            let leverage = Decimal::from(tier.max_leverage);
            let safe = tier.maintenance_rate > Decimal::ZERO && tier.maintenance_rate * leverage < Decimal::ONE;
            if tier.max_leverage > 125 || tier.max_leverage == 0 || !safe {
                return Err(TiersError::Leverage(place + 1));
            }
        }
        let grows = |pair: &[Tier]| {
            pair[0].cap < pair[1].cap
                && pair[0].max_leverage > pair[1].max_leverage
                && pair[0].maintenance_rate < pair[1].maintenance_rate
        };
        match tiers.windows(2).position(|pair| !grows(pair)) {
            Some(place) => Err(TiersError::OutOfOrder(place + 2)),
            None => Ok(Self { tiers }),
        }
    }

    /// Each bracket with its floor and the amount that is taken off its maintenance margin, so that the margin grows without
    /// a step. Source: Binance, "Leverage and Margin of USD-M Futures", maintenance amount.
    pub fn rows(&self) -> impl Iterator<Item = (&Tier, Decimal, Decimal)> {
        let mut floor = Decimal::ZERO;
        let mut rate = Decimal::ZERO;
        let mut deduction = Decimal::ZERO;
        self.tiers.iter().map(move |tier| {
            deduction += floor * (tier.maintenance_rate - rate);
            rate = tier.maintenance_rate;
            let row = (tier, floor, deduction);
            floor = tier.cap;
            row
        })
    }

    /// The maintenance margin of a notional value, zero or more; beyond the last cap it is the last bracket's.
    pub fn maintenance(&self, notional: Decimal) -> Decimal {
        let mut margin = Decimal::ZERO;
        for (tier, floor, deduction) in self.rows() {
            if notional > floor || floor.is_zero() {
                margin = notional * tier.maintenance_rate - deduction;
            }
        }
        super::booked(margin)
    }

    /// The greatest notional value of a position at a leverage.
    pub fn most_notional(&self, leverage: u32) -> Decimal {
        self.tiers
            .iter()
            .rev()
            .find(|tier| tier.max_leverage >= leverage)
            .map_or(Decimal::ZERO, |tier| tier.cap)
    }

    /// The highest leverage of any position.
    pub fn max_leverage(&self) -> u32 {
        self.tiers[0].max_leverage
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tier(cap: i64, max_leverage: u32, rate: &str) -> Tier {
        Tier {
            cap: Decimal::from(cap),
            max_leverage,
            maintenance_rate: rate.parse().unwrap(),
        }
    }

    /// The brackets of the documentation's BTCUSDT example: 50 is taken off in the second.
    #[test]
    fn the_margin_grows_without_a_step() {
        let tiers = Tiers::new(vec![
            tier(50_000, 125, "0.004"),
            tier(250_000, 100, "0.005"),
            tier(1_000_000, 50, "0.01"),
        ])
        .unwrap();
        let deductions: Vec<_> = tiers.rows().map(|(_, _, deduction)| deduction).collect();
        assert_eq!(deductions, [Decimal::ZERO, Decimal::from(50), Decimal::from(1_300)]);
        assert_eq!(tiers.maintenance(Decimal::from(50_000)), Decimal::from(200));
        assert_eq!(tiers.maintenance(Decimal::from(50_001)), Decimal::new(200_005, 3));
        assert_eq!(tiers.maintenance(Decimal::from(2_000_000)), Decimal::from(18_700));
        assert_eq!(tiers.most_notional(100), Decimal::from(250_000));
        assert_eq!(tiers.most_notional(126), Decimal::ZERO);
    }

    #[test]
    fn brackets_that_contradict_themselves_are_refused() {
        assert_eq!(Tiers::new(Vec::new()), Err(TiersError::None));
        let falls = vec![tier(100, 20, "0.01"), tier(50, 10, "0.02")];
        assert_eq!(Tiers::new(falls), Err(TiersError::OutOfOrder(2)));
        assert_eq!(Tiers::new(vec![tier(100, 100, "0.01")]), Err(TiersError::Leverage(1)));
    }
}
