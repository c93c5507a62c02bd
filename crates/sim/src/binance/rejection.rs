//! The engine's refusals in the words of spot. Source: Binance, "Error codes".

use crate::matching::Reject;
use crate::wire::error::ApiError;

impl ApiError {
    /// The engine's refusal of a new order: -2010.
    pub fn order_rejected(reject: Reject) -> Self {
        Self::bad(-2010, engine_message(reject))
    }

    /// The engine's refusal of a cancel: -2011.
    pub fn cancel_rejected(reject: Reject) -> Self {
        Self::bad(-2011, engine_message(reject))
    }

    /// The engine's refusal of an amendment: -2038.
    pub fn amend_rejected(reject: Reject) -> Self {
        Self::bad(-2038, engine_message(reject))
    }
}

/// Source: Binance, "Messages for -1010, -2010, -2011 and -2038".
fn engine_message(reject: Reject) -> &'static str {
    match reject {
        Reject::InsufficientBalance => "Account has insufficient balance for requested action.",
        Reject::DuplicateClientOrderId => "Duplicate order sent.",
        Reject::WouldTake => "Order would immediately match and take.",
        Reject::NoLiquidity => "Order book liquidity is less than `LOT_SIZE` filter minimum quantity.",
        Reject::UnknownOrder => "Unknown order sent.",
        Reject::CancelRestricted => "Order was not canceled due to cancel restrictions.",
        Reject::QuantityIncrease => "Order amend (quantity increase) is not supported.",
        // Refusals of contracts, which spot's orders never meet.
        Reject::InsufficientMargin | Reject::NothingToReduce | Reject::PositionTooLarge | Reject::WouldNotFill => {
            "This action is disabled on this account."
        }
        Reject::NoChange => "The requested action would change no state; rejecting.",
    }
}
