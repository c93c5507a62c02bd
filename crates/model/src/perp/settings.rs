//! What a trader chooses of an account or an instrument: position mode, margin mode, leverage.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::PositionSide;

/// How many positions an instrument may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionMode {
    /// One: buying and selling make it larger, smaller, or turn it over.
    OneWay,
    /// Two, a long and a short: each order names the one that it is of.
    Hedge,
}

impl PositionMode {
    /// `one_way` or `hedge`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            PositionMode::OneWay => "one_way",
            PositionMode::Hedge => "hedge",
        }
    }

    /// Whether an order or a fill of this side is possible in the mode.
    #[must_use]
    pub const fn allows(self, side: PositionSide) -> bool {
        match self {
            PositionMode::OneWay => side.is_net(),
            PositionMode::Hedge => !side.is_net(),
        }
    }
}

/// What answers for a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarginMode {
    /// The account's whole collateral. A portfolio margin is told so too: its positions answer for each other.
    Cross,
    /// What is set aside for it alone.
    Isolated,
}

impl MarginMode {
    /// `cross` or `isolated`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            MarginMode::Cross => "cross",
            MarginMode::Isolated => "isolated",
        }
    }
}

/// Which assets answer for cross positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollateralMode {
    /// Only the asset that a position settles in.
    SingleAsset,
    /// All that the exchange takes, each at its valuation (cross-collateral).
    MultiAsset,
}

/// A leverage: notional divided by initial margin. Above zero, at most 1,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Text", into = "String")]
pub struct Leverage(Decimal);

/// A number as a decimal text.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text(#[serde(with = "rust_decimal::serde::str")] Decimal);

/// A number that is no leverage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no leverage: it is above zero and at most 1000")]
pub struct LeverageError(pub Decimal);

impl Leverage {
    /// The leverage of a number.
    ///
    /// # Errors
    /// Zero, below zero, or above 1,000.
    pub fn new(value: Decimal) -> Result<Leverage, LeverageError> {
        if value > Decimal::ZERO && value <= Decimal::ONE_THOUSAND {
            Ok(Leverage(value.normalize()))
        } else {
            Err(LeverageError(value))
        }
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for Leverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl TryFrom<Text> for Leverage {
    type Error = LeverageError;
    fn try_from(text: Text) -> Result<Leverage, LeverageError> {
        Leverage::new(text.0)
    }
}
impl From<Leverage> for String {
    fn from(leverage: Leverage) -> String {
        leverage.0.to_string()
    }
}

/// Something that a user chose, and that is verified before the first order and kept over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "setting", rename_all = "snake_case")]
pub enum TradingSetting {
    /// How many positions an instrument may have.
    PositionMode {
        /// The mode.
        mode: PositionMode,
    },
    /// What answers for positions.
    MarginMode {
        /// The mode.
        mode: MarginMode,
    },
    /// The leverage of a position.
    Leverage {
        /// The leverage.
        leverage: Leverage,
        /// Of which position; of all of the instrument where it is net.
        #[serde(default, skip_serializing_if = "PositionSide::is_net")]
        position_side: PositionSide,
    },
    /// Which assets answer for cross positions.
    CollateralMode {
        /// The mode.
        mode: CollateralMode,
    },
}
