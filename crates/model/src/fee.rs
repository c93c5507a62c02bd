//! Fees: what was charged, and what will be.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Amount, Asset};

/// A fee as the exchange charged it. Negative is a rebate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// In which asset.
    pub asset: Asset,
    /// How much of it.
    pub amount: Amount,
}

/// Fee rates as fractions of the notional (`0.001` is ten basis points).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeeRates {
    /// For orders that rested in the book.
    #[serde(with = "rust_decimal::serde::str")]
    pub maker: Decimal,
    /// For orders that traded on arrival.
    #[serde(with = "rust_decimal::serde::str")]
    pub taker: Decimal,
}
