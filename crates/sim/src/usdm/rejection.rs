//! Refusals in the words of USD-M futures. Source: Binance, USD-M futures, "Error Code".

use crate::matching::{Reject, SettingRefused};
use crate::wire::error::ApiError;

/// -1121.
pub fn unknown_symbol() -> ApiError {
    ApiError::bad(-1121, "Invalid symbol.")
}

/// -1116.
pub fn bad_order_type() -> ApiError {
    ApiError::bad(-1116, "Invalid orderType.")
}

/// -1115.
pub fn bad_time_in_force() -> ApiError {
    ApiError::bad(-1115, "Invalid timeInForce.")
}

/// -2013.
pub fn no_such_order() -> ApiError {
    ApiError::bad(-2013, "Order does not exist.")
}

/// -2011.
pub fn nothing_to_cancel() -> ApiError {
    ApiError::bad(-2011, "Unknown order sent.")
}

/// -4061.
pub fn wrong_position_side() -> ApiError {
    ApiError::bad(-4061, "Order's position side does not match user's setting.")
}

/// -1125.
pub fn no_listen_key() -> ApiError {
    ApiError::bad(-1125, "This listenKey does not exist.")
}

/// The engine's refusal of an order.
pub fn order(reject: Reject) -> ApiError {
    match reject {
        Reject::InsufficientMargin | Reject::InsufficientBalance => ApiError::bad(-2019, "Margin is insufficient."),
        Reject::DuplicateClientOrderId => ApiError::bad(-4116, "ClientOrderId is duplicated."),
        Reject::WouldTake => ApiError::bad(
            -5022,
            "Due to the order could not be executed as maker, the Post Only order will be rejected. The order will not be \
             recorded in the order history",
        ),
        Reject::WouldNotFill | Reject::NoLiquidity => ApiError::bad(
            -5021,
            "Due to the order could not be filled immediately, the FOK order has been rejected. The order will not be \
             recorded in the order history",
        ),
        Reject::NothingToReduce => ApiError::bad(-2022, "ReduceOnly Order is rejected."),
        Reject::PositionTooLarge => {
            ApiError::bad(-2027, "Exceeded the maximum allowable position at current leverage.")
        }
        Reject::NoChange | Reject::QuantityIncrease => ApiError::bad(-5027, "No need to modify the order."),
        Reject::UnknownOrder | Reject::CancelRestricted => no_such_order(),
    }
}

/// A setting of the position mode that was refused.
pub fn position_mode(refused: SettingRefused) -> ApiError {
    match refused {
        SettingRefused::Unchanged => ApiError::bad(-4059, "No need to change position side."),
        SettingRefused::OpenOrders => {
            ApiError::bad(-4067, "Position side cannot be changed if there exists open orders.")
        }
        _ => ApiError::bad(-4068, "Position side cannot be changed if there exists position."),
    }
}

/// A setting of the assets mode that was refused.
pub fn assets_mode(refused: SettingRefused) -> ApiError {
    match refused {
        SettingRefused::Unchanged => ApiError::bad(-4171, "No need to change multi-assets margin mode."),
        SettingRefused::OpenOrders => ApiError::bad(
            -4170,
            "Unable to adjust Multi-Assets Mode with open orders in USD-M Futures.",
        ),
        _ => ApiError::bad(
            -4167,
            "Unable to adjust to Multi-Assets mode with symbols of USD-M Futures under isolated-margin mode.",
        ),
    }
}

/// A setting of the margin type that was refused.
pub fn margin_type(refused: SettingRefused) -> ApiError {
    match refused {
        SettingRefused::Unchanged => ApiError::bad(-4046, "No need to change margin type."),
        SettingRefused::OpenOrders => {
            ApiError::bad(-4047, "Margin type cannot be changed if there exists open orders.")
        }
        SettingRefused::Excluded => ApiError::bad(
            -4168,
            "Unable to adjust to isolated-margin mode under the Multi-Assets mode.",
        ),
        _ => ApiError::bad(-4048, "Margin type cannot be changed if there exists position."),
    }
}

/// A leverage that was refused.
pub fn leverage(refused: SettingRefused, asked: i64) -> ApiError {
    match refused {
        SettingRefused::PositionTooLarge => {
            ApiError::bad(-2027, "Exceeded the maximum allowable position at current leverage.")
        }
        SettingRefused::InsufficientMargin => ApiError::bad(
            -2028,
            "Leverage is smaller than permitted: insufficient margin balance.",
        ),
        SettingRefused::Position => ApiError::bad(
            -4161,
            "Leverage reduction is not supported in Isolated Margin Mode with open positions.",
        ),
        _ => ApiError::bad(-4028, format!("Leverage {asked} is not valid")),
    }
}

/// A move of margin that was refused.
pub fn margin_move(refused: SettingRefused) -> ApiError {
    match refused {
        SettingRefused::NotIsolated => ApiError::bad(-4049, "Add margin only support for isolated position."),
        _ => ApiError::bad(-4050, "Cross balance insufficient."),
    }
}
