//! What a trade costs and in which asset it is paid.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::identity::Asset;

/// Digits after the decimal point of a commission. Source: Binance exchangeInfo, `baseCommissionPrecision` = 8.
pub const COMMISSION_SCALE: u32 = 8;

/// Commission rates as fractions of the received amount: 0.001 is ten basis points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeRates {
    /// For the order that was in the book.
    pub maker: Decimal,
    /// For the order that arrived.
    pub taker: Decimal,
}

impl Default for FeeRates {
    fn default() -> Self {
        Self {
            maker: Decimal::new(1, 3),
            taker: Decimal::new(1, 3),
        }
    }
}

impl FeeRates {
    /// No commission at all.
    pub const ZERO: Self = Self {
        maker: Decimal::ZERO,
        taker: Decimal::ZERO,
    };
}

/// Pays commission in an asset of its own, at a discount, while the account holds enough of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeAsset {
    /// The asset, such as `BNB`.
    pub asset: Asset,
    /// The part of the commission that is waived: 0.25 pays three quarters.
    pub discount: Decimal,
}

/// The commission on `received` at `rate`, cut to the exchange's precision in favour of the account.
pub fn commission(received: Decimal, rate: Decimal) -> Decimal {
    (received * rate).round_dp_with_strategy(COMMISSION_SCALE, RoundingStrategy::ToZero)
}

/// The same commission paid in the fee asset, whose last price in quote is `fee_asset_price`.
///
/// `quote_value` is the received amount expressed in quote. `None` when the price is unknown.
pub fn commission_in_fee_asset(
    quote_value: Decimal,
    rate: Decimal,
    fee_asset: &FeeAsset,
    fee_asset_price: Option<Decimal>,
) -> Option<Decimal> {
    let price = fee_asset_price.filter(|price| *price > Decimal::ZERO)?;
    let in_quote = quote_value * rate * (Decimal::ONE - fee_asset.discount);
    Some((in_quote / price).round_dp_with_strategy(COMMISSION_SCALE, RoundingStrategy::ToZero))
}
