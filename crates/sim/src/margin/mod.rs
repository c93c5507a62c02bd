//! Margin accounts of linear contracts: positions, what they cost, what they need, what was earned and paid.
//!
//! A state machine without books, clocks or a wire format: the engine tells it of fills, of funding and of settings, and
//! gives it the mark price where a figure needs one. All amounts are exact decimals in the margin asset; what is realised
//! is cut to [`SCALE`] digits, and what is cut stays in the position's cost, so nothing is lost.

mod account;
mod figures;
mod income;
mod position;
mod tiers;

pub(crate) use account::ContractFill;
pub use account::{AssetsMode, ContractSettings, MarginAccount, MarginKind, PositionMode};
pub use figures::{ContractView, Demand, Figures, Pledged};
pub use income::{Income, IncomeKind};
pub use position::{Position, PositionSide};
pub use tiers::{Tier, Tiers, TiersError};

use rust_decimal::Decimal;

/// Digits after the point of every amount that is booked.
pub const SCALE: u32 = 8;

/// An amount as it is booked.
pub(crate) fn booked(amount: Decimal) -> Decimal {
    amount.round_dp(SCALE)
}
