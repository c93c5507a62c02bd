//! Positions as the exchange states them.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Leverage, MarginMode};
use crate::{Amount, Asset, Price, Quantity};

/// Which of an instrument's positions is meant: the one there is (one-way mode), or one of the two (hedge mode).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionSide {
    /// The one position of one-way mode, long or short by the sign of its quantity.
    #[default]
    Net,
    /// The long one of hedge mode: bought to open, sold to close.
    Long,
    /// The short one of hedge mode: sold to open, bought to close.
    Short,
}

impl PositionSide {
    /// `net`, `long` or `short`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            PositionSide::Net => "net",
            PositionSide::Long => "long",
            PositionSide::Short => "short",
        }
    }

    /// Whether it is the one of one-way mode.
    #[must_use]
    pub const fn is_net(&self) -> bool {
        matches!(self, PositionSide::Net)
    }

    /// Whether a position of this side may have a quantity: a long one none below zero, a short one none above.
    #[must_use]
    pub fn may_hold(self, quantity: Quantity) -> bool {
        match self {
            PositionSide::Net => true,
            PositionSide::Long => quantity >= Quantity::ZERO,
            PositionSide::Short => quantity <= Quantity::ZERO,
        }
    }
}

/// A position as the exchange states it. What it leaves out is `None`. Compared with what the fills make of it, never taken
/// instead.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedPosition {
    /// Which of the instrument's positions.
    pub side: PositionSide,
    /// How much, below zero where it is short, in either mode. Zero is flat.
    pub quantity: Quantity,
    /// The average price of what is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_price: Option<Price>,
    /// The price at which it would end without loss, fees and funding counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_even_price: Option<Price>,
    /// The price that it is valued at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mark_price: Option<Price>,
    /// The price at which the exchange liquidates it, as it estimates now; `None` where no price would, or it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liquidation_price: Option<Price>,
    /// Profit at the mark price, in `margin_asset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrealized: Option<Amount>,
    /// Profit realised by what was closed of it, as the exchange counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realized: Option<Amount>,
    /// Its leverage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leverage: Option<Leverage>,
    /// How its margin is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin_mode: Option<MarginMode>,
    /// Margin that is set aside for it alone (isolated).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolated_margin: Option<Amount>,
    /// Margin that opening it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_margin: Option<Amount>,
    /// Margin below which it is liquidated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance_margin: Option<Amount>,
    /// What amounts are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin_asset: Option<Asset>,
    /// Its place in the queue of auto-deleveraging, as the exchange numbers it: higher is sooner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adl_rank: Option<u8>,
}

impl StatedPosition {
    /// How far the mark price may still move against the position before it is liquidated, as a fraction of the mark price:
    /// zero or below where it is past. `None` where either price is not known, or the position is flat.
    #[must_use]
    pub fn distance_to_liquidation(&self) -> Option<Decimal> {
        let (mark, liquidation) = (self.mark_price?, self.liquidation_price?);
        let away = if self.quantity.is_positive() {
            mark.0 - liquidation.0
        } else if self.quantity.is_zero() {
            return None;
        } else {
            liquidation.0 - mark.0
        };
        away.checked_div(mark.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_measured_against_the_position() {
        let at = |quantity: i64, mark: i64, liquidation: i64| StatedPosition {
            quantity: Quantity(Decimal::from(quantity)),
            mark_price: Some(Price(Decimal::from(mark))),
            liquidation_price: Some(Price(Decimal::from(liquidation))),
            ..StatedPosition::default()
        };
        assert_eq!(at(1, 100, 80).distance_to_liquidation(), Some(Decimal::new(2, 1)));
        assert_eq!(at(-1, 100, 120).distance_to_liquidation(), Some(Decimal::new(2, 1)));
        assert_eq!(at(-1, 100, 90).distance_to_liquidation(), Some(Decimal::new(-1, 1)));
        assert_eq!(at(0, 100, 90).distance_to_liquidation(), None);
        assert_eq!(at(1, 0, 90).distance_to_liquidation(), None);
    }
}
