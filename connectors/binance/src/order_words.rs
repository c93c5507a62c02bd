//! Binance's words for what orders are, in requests and in reports of both markets (enums.md; of contracts,
//! common-definition).

use colibri_sdk::json::MemberError;
use colibri_sdk::model::{ClientOrderId, ExchangeOrderId, OrderType, Price, Side, TimeInForce, TradeId};
use colibri_sdk::standard::OrderStatus;

/// An order's status (enums.md, "Order status"). A status that this version does not know is kept: it is no evidence.
pub(crate) fn status(text: &str) -> OrderStatus {
    match text {
        "NEW" => OrderStatus::Open,
        // "The order is in a pending phase until the working order of an order list has been fully filled."
        "PENDING_NEW" => OrderStatus::Acknowledged,
        "PARTIALLY_FILLED" => OrderStatus::PartiallyFilled,
        "FILLED" => OrderStatus::Filled,
        "CANCELED" => OrderStatus::Cancelled,
        "REJECTED" => OrderStatus::Rejected,
        // Both may follow fills (faqs/market_orders_faq.md); EXPIRED_IN_MATCH is self-trade prevention.
        "EXPIRED" | "EXPIRED_IN_MATCH" => OrderStatus::Expired,
        other => OrderStatus::Other(other.to_owned()),
    }
}

/// A side; `None` for a text that is neither.
pub(crate) fn side(text: &str) -> Option<Side> {
    match text {
        "BUY" => Some(Side::Buy),
        "SELL" => Some(Side::Sell),
        _ => None,
    }
}

/// The word for a side.
pub(crate) const fn side_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// An order type of the standard; `None` for the others that Binance has (stops, take-profits).
pub(crate) fn order_type(text: &str) -> Option<OrderType> {
    match text {
        "LIMIT" => Some(OrderType::Limit),
        "MARKET" => Some(OrderType::Market),
        "LIMIT_MAKER" => Some(OrderType::LimitMaker),
        _ => None,
    }
}

/// A time in force of the standard.
pub(crate) fn time_in_force(text: &str) -> Option<TimeInForce> {
    match text {
        "GTC" => Some(TimeInForce::Gtc),
        "IOC" => Some(TimeInForce::Ioc),
        "FOK" => Some(TimeInForce::Fok),
        "GTD" => Some(TimeInForce::Gtd),
        _ => None,
    }
}

/// The word for a time in force.
pub(crate) const fn time_in_force_word(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Gtc => "GTC",
        TimeInForce::Ioc => "IOC",
        TimeInForce::Fok => "FOK",
        TimeInForce::Gtd => "GTD",
    }
}

/// A client order id; `None` where there is none, or one that is not an id of ours for its length.
pub(crate) fn client_id(text: &str) -> Option<ClientOrderId> {
    ClientOrderId::new(text).ok()
}

/// The exchange's order id.
pub(crate) fn order_id(id: i64) -> Option<ExchangeOrderId> {
    ExchangeOrderId::new(&id.to_string()).ok()
}

/// A trade's id.
pub(crate) fn trade_id(id: i64) -> Result<TradeId, MemberError> {
    TradeId::new(&id.to_string()).map_err(|_| MemberError::new("tradeId", "it is no id"))
}

/// A limit price; Binance writes zero for orders that have none.
pub(crate) fn limit_price(price: Price) -> Option<Price> {
    Some(price).filter(|p| !p.is_zero())
}
