//! `executionReport`: what happened to an order (user-data-stream.md, "Order Update").

use std::borrow::Cow;

use colibri_sdk::model::{Amount, Asset, Fee, Liquidity, Price, Quantity, TradeId, WallNs};
use colibri_sdk::standard::{FillEvent, OrderEvent, OrderStatus, ReportSource};
use colibri_sdk::{Emit, Unreadable};
use serde::Deserialize;

use super::exchange_ns;
use super::order_report::{client_id, known_amount, limit_price, order_id, order_type, side, status, time_in_force};

/// The report, by the names that the page gives its letters.
#[derive(Debug, Deserialize)]
pub(super) struct ExecutionReport<'a> {
    #[serde(rename = "s", borrow)]
    symbol: Cow<'a, str>,
    #[serde(rename = "c", borrow)]
    client_order_id: Cow<'a, str>,
    #[serde(rename = "S", borrow)]
    side: Cow<'a, str>,
    #[serde(rename = "o", borrow)]
    order_type: Cow<'a, str>,
    #[serde(rename = "f", borrow)]
    time_in_force: Cow<'a, str>,
    #[serde(rename = "q")]
    quantity: Quantity,
    #[serde(rename = "p")]
    price: Price,
    #[serde(rename = "C", borrow)]
    original_client_order_id: Cow<'a, str>,
    #[serde(rename = "x", borrow)]
    execution_type: Cow<'a, str>,
    #[serde(rename = "X", borrow)]
    order_status: Cow<'a, str>,
    #[serde(rename = "r", borrow)]
    reject_reason: Cow<'a, str>,
    #[serde(rename = "i")]
    order_id: i64,
    #[serde(rename = "l")]
    last_quantity: Quantity,
    #[serde(rename = "z")]
    cumulative_quantity: Quantity,
    #[serde(rename = "L")]
    last_price: Price,
    #[serde(rename = "n", default)]
    commission: Amount,
    #[serde(rename = "N", default)]
    commission_asset: Option<Asset>,
    #[serde(rename = "T")]
    transaction_time: i64,
    #[serde(rename = "t")]
    trade_id: i64,
    #[serde(rename = "m")]
    is_maker: bool,
    #[serde(rename = "Z")]
    cumulative_quote: Amount,
    /// "Expiry Reason", only of orders that have expired.
    #[serde(rename = "eR", default)]
    expiry_reason: Option<String>,
}

impl ExecutionReport<'_> {
    /// Tells the fill, where the report is of a trade, then the order.
    pub(super) fn tell(self, out: &mut Emit<'_>) -> Result<(), Unreadable> {
        let instrument = out.instruments().id_of(&self.symbol);
        let side = side(&self.side).ok_or_else(|| Unreadable {
            instrument: None,
            why: "an execution report without a side".to_owned(),
        })?;
        let own = client_id(&self.client_order_id);
        let original = client_id(&self.original_client_order_id);
        // `C` is "the ID of the order being canceled": then `c` is of the cancel request. Of an amend (REPLACED) it is what
        // the order was called before, and `c` what it is called now (faqs/order_amend_keep_priority.md).
        let (client_id, previous_client_id) = if self.execution_type == "REPLACED" {
            let previous = original.filter(|o| Some(o) != own.as_ref());
            (own, previous)
        } else {
            (original.or(own), None)
        };
        let exchange_id = order_id(self.order_id);
        let exchange_time = Some(WallNs(exchange_ns(self.transaction_time)));
        // Self-trade prevention (TRADE_PREVENTION) has quantities too, but of no trade.
        if self.execution_type == "TRADE" {
            let trade_id = TradeId::new(&self.trade_id.to_string()).map_err(Unreadable::new)?;
            out.event(FillEvent {
                instrument,
                symbol: self.symbol.clone().into_owned(),
                trade_id,
                client_id: client_id.clone(),
                exchange_id: exchange_id.clone(),
                source: ReportSource::Stream,
                side,
                price: self.last_price,
                quantity: self.last_quantity,
                fee: self.commission_asset.map(|asset| Fee {
                    asset,
                    amount: self.commission,
                }),
                liquidity: Some(if self.is_maker {
                    Liquidity::Maker
                } else {
                    Liquidity::Taker
                }),
                exchange_time,
            });
        }
        let status = match status(&self.order_status) {
            // An order of which a part was prevented or amended still reports NEW; its counter says what was filled.
            OrderStatus::Open if self.cumulative_quantity.is_positive() => OrderStatus::PartiallyFilled,
            status => status,
        };
        let reason = match (
            self.reject_reason.as_ref(),
            self.expiry_reason,
            self.execution_type.as_ref(),
        ) {
            (reject, _, _) if reject != "NONE" => Some(reject.to_owned()),
            (_, Some(expiry), _) => Some(expiry),
            (_, None, "TRADE_PREVENTION") => Some("TRADE_PREVENTION".to_owned()),
            _ => None,
        };
        out.event(OrderEvent {
            instrument,
            symbol: self.symbol.into_owned(),
            client_id,
            previous_client_id,
            exchange_id,
            op: None,
            source: ReportSource::Stream,
            status,
            side: Some(side),
            order_type: order_type(&self.order_type),
            time_in_force: time_in_force(&self.time_in_force),
            price: limit_price(self.price),
            quantity: Some(self.quantity),
            filled: Some(self.cumulative_quantity),
            filled_quote: known_amount(self.cumulative_quote),
            reason,
            exchange_time,
        });
        Ok(())
    }
}
