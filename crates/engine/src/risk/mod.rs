//! Checks before each order: caps of the operator's, budgets, balance, freshness, and the instrument's trading rule.
//!
//! What lives here: caps, refusals and their reasons, and the arithmetic of the worst case. What must not live here: anything
//! that sends or changes, and what needs memory (the engine's).

mod exposure;
mod limits;
mod refusal;

pub use exposure::{Exposure, TopPrices, may_still_fill, may_still_pay, worst_notional, worst_quantity};
pub use limits::{Budget, RiskLimits};
pub use refusal::RiskRefusal;

use colibri_model::{Amount, OrderIntent, Price, QuantityUnit, Side};

/// What an order takes from the free balance, of the asset it is paid with. A market order is valued at `mid`.
#[must_use]
pub fn commitment(order: &OrderIntent, mid: Option<Price>) -> Amount {
    match (order.side, order.quantity_unit) {
        (Side::Sell, QuantityUnit::Base) => order.quantity.as_base_amount(),
        (Side::Buy, QuantityUnit::Quote) => order.quantity.as_base_amount(),
        (Side::Buy, QuantityUnit::Base) => match order.price.or(mid) {
            Some(price) => price * order.quantity,
            None => Amount::ZERO,
        },
        (Side::Sell, QuantityUnit::Quote) => match order.price.or(mid) {
            Some(price) if price.is_positive() => Amount(order.quantity.0 / price.0),
            _ => Amount::ZERO,
        },
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
