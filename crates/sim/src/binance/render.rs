//! How orders and trades look on the wire, in their several shapes.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::identity::Symbol;
use crate::matching::{
    AmendReport, CancelReport, ExpiryReason, MyTrade, Order, OrderKind, PlaceReport, PreventedMatch, PublicTrade, Side,
};
pub use crate::wire::text::{TimeUnit, amount, levels, prevention, side, status, time_in_force};

/// An order's `type`.
pub fn kind(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Limit => "LIMIT",
        OrderKind::LimitMaker => "LIMIT_MAKER",
        OrderKind::Market => "MARKET",
    }
}

/// An expiry reason.
pub fn expiry(value: ExpiryReason) -> &'static str {
    match value {
        ExpiryReason::UnfilledImmediateOrCancel => "UNFILLED_IOC_QUANTITY_EXPIRED",
        ExpiryReason::UnfilledFillOrKill => "UNFILLED_FOK_ORDER_EXPIRED",
        ExpiryReason::InsufficientLiquidity => "INSUFFICIENT_LIQUIDITY",
        // Reasons of contracts, which spot's orders never have.
        ExpiryReason::NothingToReduce
        | ExpiryReason::Liquidated
        | ExpiryReason::GoodTillDate
        | ExpiryReason::WouldTake => "NONE",
    }
}

/// How much of an order a reply to placing it shows: `newOrderRespType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseType {
    /// Its ids.
    Ack,
    /// Its state.
    Result,
    /// Its state and its fills.
    Full,
}

/// What every order shape except ACK shares.
fn order_body(symbol: &Symbol, order: &Order) -> Value {
    let mut body = json!({
        "symbol": symbol.as_str(),
        "orderId": order.id.0,
        "orderListId": -1,
        "clientOrderId": order.client_id.as_str(),
        "price": amount(order.price),
        "origQty": amount(order.quantity),
        "executedQty": amount(order.executed),
        "origQuoteOrderQty": amount(order.quote_quantity),
        "cummulativeQuoteQty": amount(order.quote_executed),
        "status": status(order.status),
        "timeInForce": time_in_force(order.time_in_force),
        "type": kind(order.kind),
        "side": side(order.side),
        "selfTradePreventionMode": prevention(order.self_trade_prevention),
    });
    add_conditional(&mut body, order);
    body
}

/// Source: Binance REST API, "Conditional fields in Order Responses".
fn add_conditional(body: &mut Value, order: &Order) {
    if let Some(id) = order.prevented_match {
        body["preventedMatchId"] = json!(id.0);
        body["preventedQuantity"] = json!(amount(order.prevented));
    }
    if let Some(id) = order.strategy_id {
        body["strategyId"] = json!(id);
    }
    if let Some(kind) = order.strategy_type {
        body["strategyType"] = json!(kind);
    }
    if let Some(reason) = order.expiry_reason {
        body["expiryReason"] = json!(expiry(reason));
    }
}

/// The reply to placing an order.
pub fn placed(symbol: &Symbol, report: &PlaceReport, response: ResponseType, unit: TimeUnit) -> Value {
    let order = &report.order;
    if response == ResponseType::Ack {
        return json!({
            "symbol": symbol.as_str(),
            "orderId": order.id.0,
            "orderListId": -1,
            "clientOrderId": order.client_id.as_str(),
            "transactTime": unit.of(order.updated),
        });
    }
    let mut body = order_body(symbol, order);
    body["transactTime"] = json!(unit.of(order.updated));
    body["workingTime"] = json!(unit.of(order.created));
    if response == ResponseType::Full {
        let fill = |fill: &crate::matching::Fill| {
            json!({
                "price": amount(fill.price),
                "qty": amount(fill.quantity),
                "commission": amount(fill.commission),
                "commissionAsset": fill.commission_asset.as_str(),
                "tradeId": fill.trade.0,
            })
        };
        body["fills"] = report.fills.iter().map(fill).collect();
    }
    if !report.prevented.is_empty() {
        body["preventedMatches"] = report.prevented.iter().map(prevented_in_reply).collect();
    }
    body
}

fn prevented_in_reply(prevented: &PreventedMatch) -> Value {
    let mut body = json!({
        "preventedMatchId": prevented.id.0,
        "makerOrderId": prevented.maker.0,
        "price": amount(prevented.price),
    });
    add_prevented_quantities(&mut body, prevented);
    body
}

fn add_prevented_quantities(body: &mut Value, prevented: &PreventedMatch) {
    if !prevented.taker_prevented.is_zero() {
        body["takerPreventedQuantity"] = json!(amount(prevented.taker_prevented));
    }
    if !prevented.maker_prevented.is_zero() {
        body["makerPreventedQuantity"] = json!(amount(prevented.maker_prevented));
    }
}

/// A row of `myPreventedMatches`.
pub fn prevented(symbol: &Symbol, prevented: &PreventedMatch, group: Option<u64>, unit: TimeUnit) -> Value {
    let mut body = json!({
        "symbol": symbol.as_str(),
        "preventedMatchId": prevented.id.0,
        "takerOrderId": prevented.taker.0,
        "makerSymbol": symbol.as_str(),
        "makerOrderId": prevented.maker.0,
        "tradeGroupId": group.map_or(json!(-1), |group| json!(group)),
        "selfTradePreventionMode": prevention(prevented.mode),
        "price": amount(prevented.price),
        "transactTime": unit.of(prevented.time),
    });
    add_prevented_quantities(&mut body, prevented);
    body
}

/// The reply to cancelling an order: `clientOrderId` names the cancel.
pub fn canceled(symbol: &Symbol, report: &CancelReport, unit: TimeUnit) -> Value {
    let mut body = order_body(symbol, &report.order);
    body["origClientOrderId"] = json!(report.order.client_id.as_str());
    body["clientOrderId"] = json!(report.cancel_id.as_str());
    body["transactTime"] = json!(unit.of(report.order.updated));
    body
}

/// The reply to amending an order.
pub fn amended(symbol: &Symbol, report: &AmendReport, unit: TimeUnit) -> Value {
    let order = &report.order;
    let mut amended = json!({
        "symbol": symbol.as_str(),
        "orderId": order.id.0,
        "orderListId": -1,
        "origClientOrderId": report.previous_client_id.as_str(),
        "clientOrderId": order.client_id.as_str(),
        "price": amount(order.price),
        "qty": amount(order.quantity),
        "executedQty": amount(order.executed),
        "preventedQty": amount(order.prevented),
        "quoteOrderQty": amount(order.quote_quantity),
        "cumulativeQuoteQty": amount(order.quote_executed),
        "status": status(order.status),
        "timeInForce": time_in_force(order.time_in_force),
        "type": kind(order.kind),
        "side": side(order.side),
        "workingTime": unit.of(order.created),
        "selfTradePreventionMode": prevention(order.self_trade_prevention),
    });
    add_conditional(&mut amended, order);
    json!({ "transactTime": unit.of(order.updated), "executionId": report.execution_id.0, "amendedOrder": amended })
}

/// An order as a query shows it.
pub fn queried(symbol: &Symbol, order: &Order, unit: TimeUnit) -> Value {
    let mut body = order_body(symbol, order);
    body["stopPrice"] = json!(amount(Decimal::ZERO));
    body["icebergQty"] = json!(amount(Decimal::ZERO));
    body["time"] = json!(unit.of(order.created));
    body["updateTime"] = json!(unit.of(order.updated));
    body["isWorking"] = json!(true);
    body["workingTime"] = json!(unit.of(order.created));
    body
}

/// A row of `myTrades`.
pub fn my_trade(symbol: &Symbol, trade: &MyTrade, unit: TimeUnit) -> Value {
    json!({
        "symbol": symbol.as_str(),
        "id": trade.id.0,
        "orderId": trade.order.0,
        "orderListId": -1,
        "price": amount(trade.price),
        "qty": amount(trade.quantity),
        "quoteQty": amount(trade.price * trade.quantity),
        "commission": amount(trade.commission),
        "commissionAsset": trade.commission_asset.as_str(),
        "time": unit.of(trade.time),
        "isBuyer": trade.side == Side::Buy,
        "isMaker": trade.liquidity == crate::matching::Liquidity::Maker,
        "isBestMatch": true,
    })
}

/// A row of `trades`.
pub fn public_trade(trade: &PublicTrade, unit: TimeUnit) -> Value {
    json!({
        "id": trade.id.0,
        "price": amount(trade.price),
        "qty": amount(trade.quantity),
        "quoteQty": amount(trade.price * trade.quantity),
        "time": unit.of(trade.time),
        "isBuyerMaker": trade.taker_side == Side::Sell,
        "isBestMatch": true,
    })
}
