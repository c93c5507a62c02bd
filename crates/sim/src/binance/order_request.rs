//! From the parameters of a new order to an order that the engine takes, or the exchange's refusal.

use rust_decimal::Decimal;

use super::render::ResponseType;
use crate::config::MarketConfig;
use crate::identity::ClientOrderId;
use crate::matching::{ContractTerms, NewOrder, OrderKind, OrderSize, SelfTradePrevention, Side, TimeInForce};
use crate::wire::error::ApiError;
use crate::wire::params::Params;

/// Digits after the point that a quantity or price may have: `baseAssetPrecision` and `quoteAssetPrecision`.
const PRECISION: usize = 8;
/// Smaller strategy types are reserved.
const LEAST_STRATEGY_TYPE: i64 = 1_000_000;

/// A new order as asked for.
pub(super) struct OrderRequest {
    /// The order.
    pub order: NewOrder,
    /// How much of it the reply shows.
    pub response: ResponseType,
}

/// Reads a new order for a market.
///
/// Source: Binance REST API, "New order", with the messages of "Error codes".
///
/// # Errors
/// The code of the first parameter that is missing, malformed, superfluous or not supported.
pub(super) fn read(params: &Params, market: &MarketConfig, generated: ClientOrderId) -> Result<OrderRequest, ApiError> {
    let side = match params.required("side")? {
        "BUY" => Side::Buy,
        "SELL" => Side::Sell,
        _ => return Err(ApiError::bad(-1117, "Invalid side.")),
    };
    let kind = kind(params.required("type")?)?;
    refuse_unsupported(params)?;
    let quantity = positive(params, "quantity", "Invalid quantity.")?;
    let quote = positive(params, "quoteOrderQty", "Invalid quote order qty.")?;
    let price = positive(params, "price", "Invalid price.")?;
    let (price, size, time_in_force) = match kind {
        OrderKind::Market => {
            refuse(params, "price")?;
            refuse_time_in_force(params)?;
            let size = match (quantity, quote) {
                (Some(quantity), None) => OrderSize::Base(quantity),
                (None, Some(quote)) => OrderSize::Quote(quote),
                (None, None) => return Err(ApiError::missing_both("quantity", "quoteOrderQty")),
                (Some(_), Some(_)) => {
                    return Err(ApiError::bad(-1128, "Combination of optional parameters invalid."));
                }
            };
            (Decimal::ZERO, size, TimeInForce::GoodTillCancel)
        }
        OrderKind::Limit | OrderKind::LimitMaker => {
            let time_in_force = if kind == OrderKind::Limit {
                time_in_force(params.required("timeInForce")?)?
            } else {
                refuse_time_in_force(params)?;
                TimeInForce::GoodTillCancel
            };
            let quantity = quantity.ok_or_else(|| ApiError::missing("quantity"))?;
            let price = price.ok_or_else(|| ApiError::missing("price"))?;
            refuse(params, "quoteOrderQty")?;
            (price, OrderSize::Base(quantity), time_in_force)
        }
    };
    let strategy_type = params.integer("strategyType")?;
    if strategy_type.is_some_and(|number| number < LEAST_STRATEGY_TYPE) {
        return Err(ApiError::bad(-1134, "`strategyType` was less than 1000000."));
    }
    let order = NewOrder {
        client_id: params.client_id("newClientOrderId")?.unwrap_or(generated),
        side,
        kind,
        time_in_force,
        price,
        size,
        self_trade_prevention: prevention(params, market)?,
        strategy_id: params.integer("strategyId")?,
        strategy_type,
        terms: ContractTerms::default(),
    };
    let response = match params.get("newOrderRespType") {
        Some("ACK") => ResponseType::Ack,
        Some("RESULT") => ResponseType::Result,
        Some("FULL") => ResponseType::Full,
        Some(_) => return Err(ApiError::invalid("newOrderRespType")),
        None if kind == OrderKind::LimitMaker => ResponseType::Ack,
        None => ResponseType::Full,
    };
    Ok(OrderRequest { order, response })
}

fn kind(text: &str) -> Result<OrderKind, ApiError> {
    let unsupported = |what| {
        Err(ApiError::bad(
            -1013,
            format!("{what} orders are not supported for this symbol."),
        ))
    };
    match text {
        "LIMIT" => Ok(OrderKind::Limit),
        "MARKET" => Ok(OrderKind::Market),
        "LIMIT_MAKER" => Ok(OrderKind::LimitMaker),
        "STOP_LOSS" => unsupported("Stop loss"),
        "STOP_LOSS_LIMIT" => unsupported("Stop loss limit"),
        "TAKE_PROFIT" => unsupported("Take profit"),
        "TAKE_PROFIT_LIMIT" => unsupported("Take profit limit"),
        _ => Err(ApiError::bad(-1116, "Invalid orderType.")),
    }
}

fn time_in_force(text: &str) -> Result<TimeInForce, ApiError> {
    match text {
        "GTC" => Ok(TimeInForce::GoodTillCancel),
        "IOC" => Ok(TimeInForce::ImmediateOrCancel),
        "FOK" => Ok(TimeInForce::FillOrKill),
        _ => Err(ApiError::bad(-1115, "Invalid timeInForce.")),
    }
}

fn refuse_time_in_force(params: &Params) -> Result<(), ApiError> {
    match params.get("timeInForce") {
        None => Ok(()),
        Some(_) => Err(ApiError::bad(-1114, "TimeInForce parameter sent when not required.")),
    }
}

fn refuse(params: &Params, name: &str) -> Result<(), ApiError> {
    if params.get(name).is_some() {
        Err(ApiError::not_required(name))
    } else {
        Ok(())
    }
}

/// What this exchange does not do, in the words that Binance has for a symbol without it.
fn refuse_unsupported(params: &Params) -> Result<(), ApiError> {
    for (name, what) in [
        ("icebergQty", "Iceberg"),
        ("trailingDelta", "Trailing stop"),
        ("pegPriceType", "Pegged"),
    ] {
        if params.get(name).is_some() {
            return Err(ApiError::bad(
                -1013,
                format!("{what} orders are not supported for this symbol."),
            ));
        }
    }
    ["stopPrice", "pegOffsetType", "pegOffsetValue"]
        .into_iter()
        .try_for_each(|name| refuse(params, name))
}

fn positive(params: &Params, name: &str, message: &str) -> Result<Option<Decimal>, ApiError> {
    match params.decimal(name, PRECISION)? {
        Some(value) if value.is_zero() => Err(ApiError::bad(-1013, message)),
        value => Ok(value),
    }
}

fn prevention(params: &Params, market: &MarketConfig) -> Result<SelfTradePrevention, ApiError> {
    let mode = match params.get("selfTradePreventionMode") {
        None => return Ok(market.default_self_trade_prevention),
        Some("NONE") => SelfTradePrevention::None,
        Some("EXPIRE_TAKER") => SelfTradePrevention::ExpireTaker,
        Some("EXPIRE_MAKER") => SelfTradePrevention::ExpireMaker,
        Some("EXPIRE_BOTH") => SelfTradePrevention::ExpireBoth,
        Some("DECREMENT") => SelfTradePrevention::Decrement,
        Some("TRANSFER") => SelfTradePrevention::Transfer,
        Some(_) => return Err(ApiError::invalid("selfTradePreventionMode")),
    };
    if market.allowed_self_trade_prevention.contains(&mode) {
        return Ok(mode);
    }
    Err(ApiError::bad(
        -1013,
        "This symbol does not allow the specified self-trade prevention mode.",
    ))
}
