//! The filters that an order must pass before it reaches the engine. Source: Binance, "Filters".

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::render::amount;
use crate::config::{LotRule, MarketConfig};
use crate::matching::{NewOrder, OrderKind, OrderSize, Side};
use crate::wire::error::ApiError;

/// What the filters must know beside the order.
#[derive(Debug, Clone, Copy)]
pub struct Situation {
    /// The average price over the filters' minutes, or the last price; `None` before the first trade.
    pub average_price: Option<Decimal>,
    /// Orders that the account has open in this market.
    pub open_orders: usize,
    /// Free and locked base of the account plus what its open buys would add.
    pub position: Decimal,
}

/// Checks an order against a market's filters.
///
/// # Errors
/// -1013 with the name of the first filter that fails.
pub fn check(market: &MarketConfig, order: &NewOrder, situation: Situation) -> Result<(), ApiError> {
    if order.kind != OrderKind::Market {
        check_price(market, order.side, order.price, situation.average_price)?;
    }
    if let OrderSize::Base(quantity) = order.size {
        check_lot(market.lot, quantity, "LOT_SIZE")?;
        if order.kind == OrderKind::Market {
            check_lot(market.market_lot, quantity, "MARKET_LOT_SIZE")?;
        }
    }
    check_notional(market, order, situation.average_price)?;
    if situation.open_orders >= market.max_num_orders as usize {
        return Err(ApiError::filter("MAX_NUM_ORDERS"));
    }
    if let (Some(most), Side::Buy, OrderSize::Base(quantity)) = (market.max_position, order.side, order.size)
        && situation.position + quantity > most
    {
        return Err(ApiError::filter("MAX_POSITION"));
    }
    Ok(())
}

fn check_price(market: &MarketConfig, side: Side, price: Decimal, average: Option<Decimal>) -> Result<(), ApiError> {
    let rule = market.price;
    let off_tick = !rule.tick.is_zero() && !(price % rule.tick).is_zero();
    if off_tick || (!rule.min.is_zero() && price < rule.min) || (!rule.max.is_zero() && price > rule.max) {
        return Err(ApiError::filter("PRICE_FILTER"));
    }
    let percent = market.percent_price;
    let (down, up) = match side {
        Side::Buy => (percent.bid_multiplier_down, percent.bid_multiplier_up),
        Side::Sell => (percent.ask_multiplier_down, percent.ask_multiplier_up),
    };
    if average.is_some_and(|average| price > average * up || price < average * down) {
        return Err(ApiError::filter("PERCENT_PRICE_BY_SIDE"));
    }
    Ok(())
}

/// Checks a quantity against `LOT_SIZE` or `MARKET_LOT_SIZE`; a step of zero is not enforced.
pub fn check_lot(rule: LotRule, quantity: Decimal, name: &str) -> Result<(), ApiError> {
    let off_step = !rule.step.is_zero() && !(quantity % rule.step).is_zero();
    if off_step || quantity < rule.min || (!rule.max.is_zero() && quantity > rule.max) {
        return Err(ApiError::filter(name));
    }
    Ok(())
}

fn check_notional(market: &MarketConfig, order: &NewOrder, average: Option<Decimal>) -> Result<(), ApiError> {
    let rule = market.notional;
    let is_market = order.kind == OrderKind::Market;
    let price = if is_market { average } else { Some(order.price) };
    let value = match order.size {
        OrderSize::Quote(value) => Some(value),
        OrderSize::Base(quantity) => price.map(|price| price * quantity),
    };
    let Some(value) = value else { return Ok(()) };
    let too_small = value < rule.min && (!is_market || rule.apply_min_to_market);
    let too_large = value > rule.max && (!is_market || rule.apply_max_to_market);
    if too_small || too_large {
        Err(ApiError::filter("NOTIONAL"))
    } else {
        Ok(())
    }
}

/// The filters of a market as exchangeInfo shows them.
pub fn describe(market: &MarketConfig) -> Value {
    let lot = |name: &str, rule: LotRule| {
        json!({ "filterType": name, "minQty": amount(rule.min), "maxQty": amount(rule.max),
            "stepSize": amount(rule.step) })
    };
    let mut filters = vec![
        json!({ "filterType": "PRICE_FILTER", "minPrice": amount(market.price.min),
            "maxPrice": amount(market.price.max), "tickSize": amount(market.price.tick) }),
        lot("LOT_SIZE", market.lot),
        lot("MARKET_LOT_SIZE", market.market_lot),
        json!({ "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": market.percent_price.bid_multiplier_up.to_string(),
            "bidMultiplierDown": market.percent_price.bid_multiplier_down.to_string(),
            "askMultiplierUp": market.percent_price.ask_multiplier_up.to_string(),
            "askMultiplierDown": market.percent_price.ask_multiplier_down.to_string(),
            "avgPriceMins": market.percent_price.avg_price_mins }),
        json!({ "filterType": "NOTIONAL", "minNotional": amount(market.notional.min),
            "applyMinToMarket": market.notional.apply_min_to_market,
            "maxNotional": amount(market.notional.max),
            "applyMaxToMarket": market.notional.apply_max_to_market,
            "avgPriceMins": market.notional.avg_price_mins }),
        json!({ "filterType": "MAX_NUM_ORDERS", "maxNumOrders": market.max_num_orders }),
        json!({ "filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20 }),
        json!({ "filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5 }),
        json!({ "filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": market.max_num_order_amends }),
    ];
    if let Some(most) = market.max_position {
        filters.push(json!({ "filterType": "MAX_POSITION", "maxPosition": amount(most) }));
    }
    Value::Array(filters)
}
