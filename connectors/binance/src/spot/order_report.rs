//! Orders and trades as REST answers state them (rest-api.md, "Trading endpoints", "Account endpoints"; enums.md).

use colibri_sdk::json::{MemberError, Object};
use colibri_sdk::model::{
    Amount, Asset, Fee, FillCause, Liquidity, PositionSide, Price, Quantity, Side, TradeId, WallNs,
};
use colibri_sdk::standard::{FillEvent, OrderEvent, OrderStatus, Outcome, ReportSource};
use colibri_sdk::{Emit, unreadable};

use crate::exchange_ns;
use crate::order_words::{client_id, limit_price, order_id, order_type, side, status, time_in_force, trade_id};

/// A cumulative quote quantity; "a negative value means the data is not available at this time".
pub(super) fn known_amount(amount: Amount) -> Option<Amount> {
    Some(amount).filter(|a| *a >= Amount::ZERO)
}

/// A trade in a FULL answer to a placement.
#[derive(Debug)]
struct ReportedFill {
    trade_id: TradeId,
    price: Price,
    quantity: Quantity,
    fee: Fee,
}

impl ReportedFill {
    fn read(text: &[u8]) -> Result<ReportedFill, Outcome> {
        let fill = Object::whole(text).map_err(|e| unreadable(&e))?;
        let read = || {
            Ok(ReportedFill {
                trade_id: trade_id(fill.integer("tradeId")?)?,
                price: Price(fill.decimal("price")?),
                quantity: Quantity(fill.decimal("qty")?),
                fee: Fee {
                    asset: Asset::new(&fill.text("commissionAsset")?),
                    amount: Amount(fill.decimal("commission")?),
                },
            })
        };
        read().map_err(|e: MemberError| unreadable(&e))
    }
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

/// Tells the fills and then the state of an order, as the answer to placing, cancelling, amending or asking about it
/// states them. Which members are there depends on the question and on `newOrderRespType`. `time` stands in where the
/// report has none of its own.
///
/// # Errors
/// A report that cannot be read: nothing of it is told.
pub(super) fn tell_order(
    report: &Object<'_>,
    naming: Naming,
    source: ReportSource,
    time: Option<i64>,
    out: &mut Emit<'_>,
) -> Result<(), Outcome> {
    let order = read_order(report, naming, source, time, out).map_err(|e| unreadable(&e))?;
    let mut fills = Vec::new();
    for fill in report.elements("fills").map_err(|e| unreadable(&e))? {
        fills.push(ReportedFill::read(fill)?);
    }
    for fill in fills {
        let side = order
            .side
            .ok_or_else(|| unreadable(&"fills of an order without a side"))?;
        out.event(FillEvent {
            instrument: order.instrument,
            symbol: order.symbol.clone(),
            trade_id: fill.trade_id,
            client_id: order.client_id.clone(),
            exchange_id: order.exchange_id.clone(),
            source,
            side,
            price: fill.price,
            quantity: fill.quantity,
            fee: Some(fill.fee),
            // What a placement's answer lists was traded on arrival.
            liquidity: Some(Liquidity::Taker),
            exchange_time: order.exchange_time,
            position_side: PositionSide::Net,
            cause: FillCause::Order,
            realized: None,
        });
    }
    out.event(order);
    Ok(())
}

fn read_order(
    report: &Object<'_>,
    naming: Naming,
    source: ReportSource,
    time: Option<i64>,
    out: &Emit<'_>,
) -> Result<OrderEvent, MemberError> {
    let symbol = report.text("symbol")?;
    let own = report.some_text("clientOrderId")?.and_then(|id| client_id(&id));
    let orig = report.some_text("origClientOrderId")?.and_then(|id| client_id(&id));
    let (client_id, previous_client_id) = match naming {
        Naming::Own => (own, None),
        Naming::OfTheCancel => (orig, None),
        Naming::Renamed => {
            let previous = orig.filter(|o| Some(o) != own.as_ref());
            (own, previous)
        }
    };
    // An amended order has these two under names of their own ("PUT /api/v3/order/amend/keepPriority"); the one with the
    // double m is so spelled.
    let quantity = match report.some_decimal("origQty")? {
        None => report.some_decimal("qty")?,
        quantity => quantity,
    };
    let filled_quote = match report.some_decimal("cummulativeQuoteQty")? {
        None => report.some_decimal("cumulativeQuoteQty")?,
        quote => quote,
    };
    let own_time = match report.some_integer("transactTime")? {
        None => report.some_integer("updateTime")?,
        time => time,
    };
    Ok(OrderEvent {
        instrument: out.instruments().id_of(&symbol),
        symbol: symbol.into_owned(),
        client_id,
        previous_client_id,
        exchange_id: order_id(report.integer("orderId")?),
        op: out.op(),
        source,
        // An ACK answer says no more than that.
        status: report
            .some_text("status")?
            .map_or(OrderStatus::Acknowledged, |s| status(&s)),
        side: report.some_text("side")?.and_then(|s| side(&s)),
        order_type: report.some_text("type")?.and_then(|t| order_type(&t)),
        time_in_force: report.some_text("timeInForce")?.and_then(|t| time_in_force(&t)),
        price: report.some_decimal("price")?.and_then(|p| limit_price(Price(p))),
        quantity: quantity.map(Quantity),
        filled: report.some_decimal("executedQty")?.map(Quantity),
        filled_quote: filled_quote.and_then(|q| known_amount(Amount(q))),
        reason: report.some_text("expiryReason")?.map(|r| r.into_owned()),
        exchange_time: own_time.or(time).map(|t| WallNs(exchange_ns(t))),
        terms: None,
        cause: FillCause::Order,
        trigger: None,
    })
}

/// A trade of ours in `GET /api/v3/myTrades`, with its number.
pub(super) fn read_trade(text: &[u8], out: &Emit<'_>) -> Result<(i64, FillEvent), Outcome> {
    let trade = Object::whole(text).map_err(|e| unreadable(&e))?;
    let read = || {
        let symbol = trade.text("symbol")?;
        let id = trade.integer("id")?;
        let fill = FillEvent {
            instrument: out.instruments().id_of(&symbol),
            symbol: symbol.into_owned(),
            trade_id: trade_id(id)?,
            client_id: None,
            exchange_id: order_id(trade.integer("orderId")?),
            source: ReportSource::Query,
            side: if trade.flag("isBuyer")? { Side::Buy } else { Side::Sell },
            price: Price(trade.decimal("price")?),
            quantity: Quantity(trade.decimal("qty")?),
            fee: Some(Fee {
                asset: Asset::new(&trade.text("commissionAsset")?),
                amount: Amount(trade.decimal("commission")?),
            }),
            liquidity: Some(if trade.flag("isMaker")? {
                Liquidity::Maker
            } else {
                Liquidity::Taker
            }),
            exchange_time: Some(WallNs(exchange_ns(trade.integer("time")?))),
            position_side: PositionSide::Net,
            cause: FillCause::Order,
            realized: None,
        };
        Ok((id, fill))
    };
    read().map_err(|e: MemberError| unreadable(&e))
}
