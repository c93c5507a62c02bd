//! What an order says beyond side, price and quantity where it is of a contract.

use serde::{Deserialize, Serialize};

use super::{MarginMode, PositionSide};
use crate::WallNs;

/// What an order may do to its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionEffect {
    /// Whatever its quantity makes.
    #[default]
    Any,
    /// Make it smaller, never larger and never over.
    ReduceOnly,
    /// End it, however large it is by then: the order has no quantity.
    ClosePosition,
}

impl PositionEffect {
    /// `any`, `reduce_only` or `close_position`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            PositionEffect::Any => "any",
            PositionEffect::ReduceOnly => "reduce_only",
            PositionEffect::ClosePosition => "close_position",
        }
    }
    /// Whether it leaves everything open.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        matches!(self, PositionEffect::Any)
    }
    /// Whether it can never make a position larger.
    #[must_use]
    pub const fn only_reduces(self) -> bool {
        !self.is_any()
    }
}

/// What an order says beyond side, price and quantity. The default says nothing: a spot order's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderTerms {
    /// Of which position: always named in hedge mode, never in one-way mode.
    #[serde(skip_serializing_if = "PositionSide::is_net")]
    pub position_side: PositionSide,
    /// What it may do to the position.
    #[serde(skip_serializing_if = "PositionEffect::is_any")]
    pub effect: PositionEffect,
    /// How its position's margin is kept, where the exchange has each order say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin_mode: Option<MarginMode>,
    /// Until when it works, exchange time: of an order that is good till a date, and of no other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good_till: Option<WallNs>,
}

impl OrderTerms {
    /// Whether they say nothing.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == OrderTerms::default()
    }
}

/// Who made a fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillCause {
    /// An order of the account.
    #[default]
    Order,
    /// The exchange's liquidation of the position.
    Liquidation,
    /// The exchange closed it against somebody's liquidation (auto-deleveraging).
    Adl,
    /// The contract was delivered, settled or delisted.
    Settlement,
    /// Nobody is known to have: a person accepted a position that the exchange states and that no fill explains. It stands for
    /// what the fills lack, at the mark price of when it was accepted; no exchange tells it.
    Accepted,
}

impl FillCause {
    /// `order`, `liquidation`, `adl`, `settlement` or `accepted`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            FillCause::Order => "order",
            FillCause::Liquidation => "liquidation",
            FillCause::Adl => "adl",
            FillCause::Settlement => "settlement",
            FillCause::Accepted => "accepted",
        }
    }
    /// Whether an order of the account made it.
    #[must_use]
    pub const fn is_order(&self) -> bool {
        matches!(self, FillCause::Order)
    }
}
