//! Orders and trades as REST answers state them (rest-api.md, "Trading endpoints", "Account endpoints"; enums.md).

use std::borrow::Cow;

use colibri_sdk::model::{
    Amount, Asset, ClientOrderId, ExchangeOrderId, Fee, Liquidity, OrderType, Price, Quantity, Side, TimeInForce,
    TradeId, WallNs,
};
use colibri_sdk::standard::{FillEvent, OrderEvent, OrderStatus, Outcome, ReportSource};
use colibri_sdk::{Emit, unreadable};
use serde::Deserialize;

use super::exchange_ns;

/// An order's status (enums.md, "Order status"). A status that this version does not know is kept: it is no evidence.
pub(super) fn status(text: &str) -> OrderStatus {
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
pub(super) fn side(text: &str) -> Option<Side> {
    match text {
        "BUY" => Some(Side::Buy),
        "SELL" => Some(Side::Sell),
        _ => None,
    }
}

/// An order type of the standard; `None` for the others that Binance has (stops, take-profits).
pub(super) fn order_type(text: &str) -> Option<OrderType> {
    match text {
        "LIMIT" => Some(OrderType::Limit),
        "MARKET" => Some(OrderType::Market),
        "LIMIT_MAKER" => Some(OrderType::LimitMaker),
        _ => None,
    }
}

/// A time in force of the standard.
pub(super) fn time_in_force(text: &str) -> Option<TimeInForce> {
    match text {
        "GTC" => Some(TimeInForce::Gtc),
        "IOC" => Some(TimeInForce::Ioc),
        "FOK" => Some(TimeInForce::Fok),
        _ => None,
    }
}

/// A client order id; `None` where there is none, or one that is not an id of ours for its length.
pub(super) fn client_id(text: &str) -> Option<ClientOrderId> {
    ClientOrderId::new(text).ok()
}

/// The exchange's order id.
pub(super) fn order_id(id: i64) -> Option<ExchangeOrderId> {
    ExchangeOrderId::new(&id.to_string()).ok()
}

/// A limit price; Binance writes zero for orders that have none.
pub(super) fn limit_price(price: Price) -> Option<Price> {
    Some(price).filter(|p| !p.is_zero())
}

/// A cumulative quote quantity; "a negative value means the data is not available at this time".
pub(super) fn known_amount(amount: Amount) -> Option<Amount> {
    Some(amount).filter(|a| *a >= Amount::ZERO)
}

/// An order in the answer to placing, cancelling, amending, or asking about it. Which fields are there depends on the
/// question and on `newOrderRespType`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderReport<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    order_id: i64,
    #[serde(default)]
    client_order_id: Option<String>,
    /// In the answers to a cancel and to an amend: the id that the order had before.
    #[serde(default)]
    orig_client_order_id: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    side: Option<String>,
    #[serde(default, rename = "type")]
    order_type: Option<String>,
    #[serde(default)]
    time_in_force: Option<String>,
    #[serde(default)]
    price: Option<Price>,
    /// An amended order has it as `qty`.
    #[serde(default, alias = "qty")]
    orig_qty: Option<Quantity>,
    #[serde(default)]
    executed_qty: Option<Quantity>,
    /// So spelled; an amended order has it as `cumulativeQuoteQty`.
    #[serde(default, alias = "cumulativeQuoteQty")]
    cummulative_quote_qty: Option<Amount>,
    #[serde(default)]
    transact_time: Option<i64>,
    #[serde(default)]
    update_time: Option<i64>,
    #[serde(default)]
    expiry_reason: Option<String>,
    #[serde(default)]
    fills: Vec<ReportedFill>,
}

/// A trade in a FULL answer to a placement.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReportedFill {
    price: Price,
    qty: Quantity,
    commission: Amount,
    commission_asset: String,
    trade_id: i64,
}

/// Which of a report's client ids is the order's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// `clientOrderId`.
    Own,
    /// `origClientOrderId`; the other is of the cancel request ("DELETE /api/v3/order").
    OfTheCancel,
    /// `clientOrderId`, and `origClientOrderId` is what it was before (faqs/order_amend_keep_priority.md).
    Renamed,
}

impl OrderReport<'_> {
    /// Tells the report's fills, then the order. `time` stands in where the report has none of its own.
    ///
    /// # Errors
    /// Fills of an order whose side is not said: unreadable, so that they are asked for.
    pub(super) fn tell(
        self,
        naming: Naming,
        source: ReportSource,
        time: Option<i64>,
        out: &mut Emit<'_>,
    ) -> Result<(), Outcome> {
        let instrument = out.instruments().id_of(&self.symbol);
        let orig = self.orig_client_order_id.as_deref().and_then(client_id);
        let own = self.client_order_id.as_deref().and_then(client_id);
        let (client_id, previous_client_id) = match naming {
            Naming::Own => (own, None),
            Naming::OfTheCancel => (orig, None),
            Naming::Renamed => {
                let previous = orig.filter(|o| Some(o) != own.as_ref());
                (own, previous)
            }
        };
        let exchange_id = order_id(self.order_id);
        let exchange_time = self
            .transact_time
            .or(self.update_time)
            .or(time)
            .map(|t| WallNs(exchange_ns(t)));
        let side = self.side.as_deref().and_then(side);
        for fill in self.fills {
            let (Some(side), Ok(trade_id)) = (side, TradeId::new(&fill.trade_id.to_string())) else {
                return Err(unreadable(&"fills of an order without a side"));
            };
            out.event(FillEvent {
                instrument,
                symbol: self.symbol.clone().into_owned(),
                trade_id,
                client_id: client_id.clone(),
                exchange_id: exchange_id.clone(),
                source,
                side,
                price: fill.price,
                quantity: fill.qty,
                fee: Some(Fee {
                    asset: Asset::new(&fill.commission_asset),
                    amount: fill.commission,
                }),
                // What a placement's answer lists was traded on arrival.
                liquidity: Some(Liquidity::Taker),
                exchange_time,
            });
        }
        let op = out.op();
        out.event(OrderEvent {
            instrument,
            symbol: self.symbol.into_owned(),
            client_id,
            previous_client_id,
            exchange_id,
            op,
            source,
            status: self.status.as_deref().map_or(OrderStatus::Acknowledged, status),
            side,
            order_type: self.order_type.as_deref().and_then(order_type),
            time_in_force: self.time_in_force.as_deref().and_then(time_in_force),
            price: self.price.and_then(limit_price),
            quantity: self.orig_qty,
            filled: self.executed_qty,
            filled_quote: self.cummulative_quote_qty.and_then(known_amount),
            reason: self.expiry_reason,
            exchange_time,
        });
        Ok(())
    }
}

/// A trade of ours in `GET /api/v3/myTrades`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TradeReport<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    pub(super) id: i64,
    order_id: i64,
    price: Price,
    qty: Quantity,
    commission: Amount,
    #[serde(borrow)]
    commission_asset: Cow<'a, str>,
    time: i64,
    is_buyer: bool,
    is_maker: bool,
}

impl TradeReport<'_> {
    /// The trade's id.
    pub(super) fn trade_id(&self) -> Option<TradeId> {
        TradeId::new(&self.id.to_string()).ok()
    }

    /// Tells the trade.
    pub(super) fn tell(self, out: &mut Emit<'_>) {
        let Some(trade_id) = self.trade_id() else { return };
        let instrument = out.instruments().id_of(&self.symbol);
        out.event(FillEvent {
            instrument,
            symbol: self.symbol.into_owned(),
            trade_id,
            client_id: None,
            exchange_id: order_id(self.order_id),
            source: ReportSource::Query,
            side: if self.is_buyer { Side::Buy } else { Side::Sell },
            price: self.price,
            quantity: self.qty,
            fee: Some(Fee {
                asset: Asset::new(&self.commission_asset),
                amount: self.commission,
            }),
            liquidity: Some(if self.is_maker {
                Liquidity::Maker
            } else {
                Liquidity::Taker
            }),
            exchange_time: Some(WallNs(exchange_ns(self.time))),
        });
    }
}
