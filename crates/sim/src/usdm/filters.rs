//! The filters that an order must pass before it reaches the engine. Source: Binance, USD-M futures, "Common Definition".

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::render::{plain, stepped};
use crate::config::{LotRule, MarketStatus, PerpetualConfig};
use crate::matching::{NewOrder, OrderKind, OrderSize, Side};
use crate::wire::error::ApiError;

/// Checks an order against a contract's filters.
///
/// # Errors
/// The code of the first filter that fails.
pub fn check(config: &PerpetualConfig, order: &NewOrder, mark: Decimal, open_orders: usize) -> Result<(), ApiError> {
    if config.status != MarketStatus::Trading {
        return Err(ApiError::bad(-4140, "Invalid symbol status for opening position."));
    }
    if order.kind != OrderKind::Market {
        check_price(config, order.side, order.price, mark)?;
    }
    let OrderSize::Base(quantity) = order.size else {
        return Err(ApiError::missing("quantity"));
    };
    let lot = if order.kind == OrderKind::Market {
        config.market_lot
    } else {
        config.lot
    };
    check_lot(lot, quantity)?;
    let price = if order.kind == OrderKind::Market {
        mark
    } else {
        order.price
    };
    if price * quantity < config.min_notional && !order.terms.only_closes(order.side) {
        let least = plain(config.min_notional);
        let message = format!("Order's notional must be no smaller than {least} (unless you choose reduce only).");
        return Err(ApiError::bad(-4164, message));
    }
    if open_orders >= config.max_num_orders as usize {
        return Err(ApiError::bad(-2025, "Reach max open order limit."));
    }
    Ok(())
}

/// Checks a price.
///
/// # Errors
/// -4013, -4002, -4014, -4016 or -4024.
pub fn check_price(config: &PerpetualConfig, side: Side, price: Decimal, mark: Decimal) -> Result<(), ApiError> {
    let rule = config.price;
    if price < rule.min {
        return Err(ApiError::bad(-4013, "Price less than min price."));
    }
    if price > rule.max {
        return Err(ApiError::bad(-4002, "Price greater than max price."));
    }
    if !(price % rule.tick).is_zero() {
        return Err(ApiError::bad(-4014, "Price not increased by tick size."));
    }
    let bound = |factor: Decimal| mark * factor;
    let text = |price: Decimal| stepped(price, rule.tick);
    match side {
        Side::Buy if price > bound(config.percent_price.up) => {
            let most = text(bound(config.percent_price.up));
            Err(ApiError::bad(
                -4016,
                format!("Limit price can't be higher than {most}."),
            ))
        }
        Side::Sell if price < bound(config.percent_price.down) => {
            let least = text(bound(config.percent_price.down));
            Err(ApiError::bad(
                -4024,
                format!("Limit price can't be lower than {least}."),
            ))
        }
        _ => Ok(()),
    }
}

/// Checks a quantity.
///
/// # Errors
/// -4003, -4004, -4005 or -4023.
pub fn check_lot(rule: LotRule, quantity: Decimal) -> Result<(), ApiError> {
    if quantity <= Decimal::ZERO {
        return Err(ApiError::bad(-4003, "Quantity less than or equal to zero."));
    }
    if quantity < rule.min {
        return Err(ApiError::bad(-4004, "Quantity less than min quantity."));
    }
    if quantity > rule.max {
        return Err(ApiError::bad(-4005, "Quantity greater than max quantity."));
    }
    if !rule.step.is_zero() && !(quantity % rule.step).is_zero() {
        return Err(ApiError::bad(-4023, "Qty not increased by step size."));
    }
    Ok(())
}

/// The `filters` of exchangeInfo.
pub fn describe(config: &PerpetualConfig) -> Value {
    let price = |value| stepped(value, config.price.tick);
    let lot = |kind: &str, rule: LotRule| json!({ "filterType": kind, "minQty": plain(rule.min), "maxQty": plain(rule.max), "stepSize": plain(rule.step) });
    json!([
        { "filterType": "PRICE_FILTER", "minPrice": price(config.price.min), "maxPrice": price(config.price.max),
            "tickSize": price(config.price.tick) },
        lot("LOT_SIZE", config.lot),
        lot("MARKET_LOT_SIZE", config.market_lot),
        { "filterType": "MAX_NUM_ORDERS", "limit": config.max_num_orders },
        { "filterType": "MIN_NOTIONAL", "notional": plain(config.min_notional) },
        { "filterType": "PERCENT_PRICE", "multiplierUp": format!("{:.4}", config.percent_price.up),
            "multiplierDown": format!("{:.4}", config.percent_price.down), "multiplierDecimal": "4" },
    ])
}
