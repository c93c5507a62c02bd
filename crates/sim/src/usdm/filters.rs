//! The filters that an order must pass before it reaches the engine. Source: Binance, USD-M futures, "Common Definition".

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::render::{plain, stepped};
use crate::config::{LotRule, MarketStatus, PerpetualConfig, PriceRule};
use crate::matching::{NewOrder, OrderKind, OrderSize, Side};
use crate::wire::error::ApiError;

/// The rules of a contract that the exchange changes in the middle of a run. How many digits prices and quantities are written
/// with is apart from them, `pricePrecision` and `quantityPrecision`, and does not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradingRules {
    /// `PRICE_FILTER`.
    pub price: PriceRule,
    /// `LOT_SIZE`.
    pub lot: LotRule,
    /// `MARKET_LOT_SIZE`.
    pub market_lot: LotRule,
    /// `MIN_NOTIONAL`.
    pub min_notional: Decimal,
}

impl From<&PerpetualConfig> for TradingRules {
    fn from(config: &PerpetualConfig) -> TradingRules {
        TradingRules {
            price: config.price,
            lot: config.lot,
            market_lot: config.market_lot,
            min_notional: config.min_notional,
        }
    }
}

/// Checks an order against a contract's filters.
///
/// # Errors
/// The code of the first filter that fails.
pub fn check(
    (config, rules): (&PerpetualConfig, &TradingRules),
    order: &NewOrder,
    mark: Decimal,
    open_orders: usize,
) -> Result<(), ApiError> {
    if config.status != MarketStatus::Trading {
        return Err(ApiError::bad(-4140, "Invalid symbol status for opening position."));
    }
    if order.kind != OrderKind::Market {
        check_price((config, rules), order.side, order.price, mark)?;
    }
    let OrderSize::Base(quantity) = order.size else {
        return Err(ApiError::missing("quantity"));
    };
    let lot = if order.kind == OrderKind::Market {
        rules.market_lot
    } else {
        rules.lot
    };
    check_lot(lot, quantity)?;
    let price = if order.kind == OrderKind::Market {
        mark
    } else {
        order.price
    };
    if price * quantity < rules.min_notional && !order.terms.only_closes(order.side) {
        let least = plain(rules.min_notional);
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
fn check_price(
    (config, rules): (&PerpetualConfig, &TradingRules),
    side: Side,
    price: Decimal,
    mark: Decimal,
) -> Result<(), ApiError> {
    let rule = rules.price;
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
    let text = |price: Decimal| stepped(price, config.price.tick);
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
pub fn describe(config: &PerpetualConfig, rules: &TradingRules) -> Value {
    let price = |value| stepped(value, config.price.tick);
    let lot = |kind: &str, rule: LotRule| json!({ "filterType": kind, "minQty": plain(rule.min), "maxQty": plain(rule.max), "stepSize": plain(rule.step) });
    json!([
        { "filterType": "PRICE_FILTER", "minPrice": price(rules.price.min), "maxPrice": price(rules.price.max),
            "tickSize": price(rules.price.tick) },
        lot("LOT_SIZE", rules.lot),
        lot("MARKET_LOT_SIZE", rules.market_lot),
        { "filterType": "MAX_NUM_ORDERS", "limit": config.max_num_orders },
        { "filterType": "MIN_NOTIONAL", "notional": plain(rules.min_notional) },
        { "filterType": "PERCENT_PRICE", "multiplierUp": format!("{:.4}", config.percent_price.up),
            "multiplierDown": format!("{:.4}", config.percent_price.down), "multiplierDecimal": "4" },
    ])
}
