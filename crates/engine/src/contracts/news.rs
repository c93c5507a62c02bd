//! What strategies are told of contracts.

use colibri_model::{
    Amount, Fill, FillCause, FundingPayment, Pair, PositionChange, PositionSide, Price, Quantity, Side, WallNs,
};
use serde::{Deserialize, Serialize};

use crate::engine::{MarketId, VenueIndex};

/// A position has changed: by a fill of the account, whoever's order it was of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionChanged {
    /// Of which market.
    pub market: MarketId,
    /// Which of its positions.
    pub side: PositionSide,
    /// What the fill did to it.
    pub change: PositionChange,
    /// How much is held now, below zero where it is short.
    pub quantity: Quantity,
    /// The fill. One whose cause was learned after it is told again, with no change.
    pub fill: Fill,
}

/// A funding payment, told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingTold {
    /// Of which market.
    pub market: MarketId,
    /// The payment: below zero where it was paid.
    pub payment: FundingPayment,
}

/// The exchange warns that margin is short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarginCall {
    /// Where.
    pub venue: VenueIndex,
    /// What answers for cross positions, where the exchange says.
    pub cross_wallet: Option<Amount>,
    /// The positions that it names.
    pub positions: Vec<(Pair, PositionSide)>,
    /// The exchange's words, or the connector's.
    pub text: String,
    /// The exchange's time of it, where it said one.
    pub exchange_time: Option<WallNs>,
    /// When we learned it.
    pub local_time: WallNs,
}

/// The exchange reduces a position by itself. What it trades comes as fills of that cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForcedReduction {
    /// Of which market.
    pub market: MarketId,
    /// Which of its positions.
    pub side: PositionSide,
    /// Why: liquidation, auto-deleveraging or settlement.
    pub cause: FillCause,
    /// Whether it buys or sells, where the exchange says.
    pub bought_or_sold: Option<Side>,
    /// How much, where it says.
    pub quantity: Option<Quantity>,
    /// At which price, where it says.
    pub price: Option<Price>,
    /// The exchange's time of it, where it said one.
    pub exchange_time: Option<WallNs>,
    /// When we learned it.
    pub local_time: WallNs,
}
