//! How orders and trades look on the wire. Source: Binance, USD-M futures, "New Order", "Query Order", "Modify Order",
//! "Account Trade List".

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::config::PerpetualConfig;
use crate::matching::{Effect, MyTrade, Order, OrderKind, OrderStatus, Side, TimeInForce};
use crate::time::Timestamp;
use crate::wire::text::{amount, prevention, side, status, time_in_force};

/// What a client sees of an order that the engine does not need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderDetail {
    /// The type that was asked for: that of the trigger, where it came of one.
    pub orig_type: &'static str,
    /// The trigger's price, or zero.
    pub stop_price: Decimal,
    /// Which price the trigger watched.
    pub working_type: &'static str,
    /// Whether the trigger was protected.
    pub price_protect: bool,
    /// How the price was chosen.
    pub price_match: &'static str,
    /// The trigger that it came of.
    pub algo: Option<u64>,
}

impl OrderDetail {
    /// Of an ordinary order of a kind.
    pub fn plain(kind: OrderKind) -> Self {
        Self {
            orig_type: order_type(kind),
            stop_price: Decimal::ZERO,
            working_type: "CONTRACT_PRICE",
            price_protect: false,
            price_match: "NONE",
            algo: None,
        }
    }
}

/// An order's `type`.
pub fn order_type(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Limit | OrderKind::LimitMaker => "LIMIT",
        OrderKind::Market => "MARKET",
    }
}

/// An order's `timeInForce`.
pub fn tif(order: &Order) -> &'static str {
    match (order.kind, order.terms.good_till) {
        (OrderKind::LimitMaker, _) => "GTX",
        (_, Some(_)) => "GTD",
        (OrderKind::Market, _) => time_in_force(TimeInForce::GoodTillCancel),
        (OrderKind::Limit, None) => time_in_force(order.time_in_force),
    }
}

/// A number with the digits of a step.
pub fn stepped(value: Decimal, step: Decimal) -> String {
    format!("{value:.*}", step.normalize().scale() as usize)
}

/// The average price of what has traded; zero for nothing.
pub fn average(order: &Order) -> Decimal {
    if order.executed.is_zero() {
        return Decimal::ZERO;
    }
    order.quote_executed / order.executed
}

/// Milliseconds, or zero for none.
pub fn millis(moment: Option<Timestamp>) -> i64 {
    moment.map_or(0, Timestamp::millis)
}

/// What every order shape has.
pub fn order(config: &PerpetualConfig, order: &Order, detail: &OrderDetail) -> Value {
    let quantity = |value| stepped(value, config.lot.step);
    let price = |value| stepped(value, config.price.tick);
    json!({
        "orderId": order.id.0,
        "symbol": config.symbol.as_str(),
        "status": status(order.status),
        "clientOrderId": order.client_id.as_str(),
        "price": price(order.price),
        "origQty": quantity(order.quantity),
        "executedQty": quantity(order.executed),
        "timeInForce": tif(order),
        "type": order_type(order.kind),
        "origType": detail.orig_type,
        "reduceOnly": order.terms.effect != Effect::Any,
        "closePosition": order.terms.effect == Effect::ClosePosition,
        "side": side(order.side),
        "positionSide": order.terms.position.as_str(),
        "stopPrice": price(detail.stop_price),
        "workingType": detail.working_type,
        "priceProtect": detail.price_protect,
        "priceMatch": detail.price_match,
        "selfTradePreventionMode": prevention(order.self_trade_prevention),
        "goodTillDate": millis(order.terms.good_till),
        "updateTime": order.updated.millis(),
    })
}

/// The reply to placing or cancelling an order: no average price.
pub fn acknowledged(config: &PerpetualConfig, placed: &Order, detail: &OrderDetail) -> Value {
    let mut body = order(config, placed, detail);
    body["cumQty"] = body["executedQty"].clone();
    body
}

/// The order as it was when it was accepted, which is what `ACK` tells of it.
pub fn as_accepted(order: &Order) -> Order {
    Order {
        status: OrderStatus::New,
        executed: Decimal::ZERO,
        quote_executed: Decimal::ZERO,
        updated: order.created,
        ..order.clone()
    }
}

/// An order as a query shows it.
pub fn queried(config: &PerpetualConfig, found: &Order, detail: &OrderDetail) -> Value {
    let mut body = order(config, found, detail);
    body["avgPrice"] = json!(format!("{:.5}", average(found)));
    body["cumQuote"] = json!(plain(found.quote_executed));
    body["time"] = json!(found.created.millis());
    body
}

/// An amount without trailing zeros.
pub fn plain(value: Decimal) -> String {
    value.round_dp(8).normalize().to_string()
}

/// A row of `userTrades`.
pub fn user_trade(config: &PerpetualConfig, trade: &MyTrade) -> Value {
    json!({
        "symbol": config.symbol.as_str(),
        "id": trade.id.0,
        "orderId": trade.order.0,
        "side": side(trade.side),
        "price": stepped(trade.price, config.price.tick),
        "qty": stepped(trade.quantity, config.lot.step),
        "realizedPnl": amount(trade.realized),
        "quoteQty": plain(trade.price * trade.quantity),
        "commission": amount(trade.commission),
        "commissionAsset": trade.commission_asset.as_str(),
        "time": trade.time.millis(),
        "positionSide": trade.position.as_str(),
        "buyer": trade.side == Side::Buy,
        "maker": trade.liquidity == crate::matching::Liquidity::Maker,
    })
}
