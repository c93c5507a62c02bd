//! Orders and trades of contracts as answers state them (trade/rest-api; common-definition).

use colibri_sdk::json::{MemberError, Object};
use colibri_sdk::model::{
    Amount, Asset, ExchangeOrderId, Fee, FillCause, Liquidity, OrderTerms, OrderType, PositionEffect, PositionSide,
    Price, Quantity, Side, TimeInForce, WallNs,
};
use colibri_sdk::standard::{FillEvent, OrderEvent, OrderStatus, Outcome, ReportSource};
use colibri_sdk::{Emit, unreadable};

use super::forced::{Forced, cause};
use crate::order_words::{self, client_id, limit_price, side, trade_id};
use crate::{exchange_ns, loose};

/// An order's status. Those of liquidations and of auto-deleveraging are of new orders.
pub(super) fn status(text: &str, filled: Option<Quantity>) -> OrderStatus {
    let status = match text {
        "NEW_INSURANCE" | "NEW_ADL" => OrderStatus::Open,
        other => order_words::status(other),
    };
    match (status, filled) {
        // One that was amended reports NEW; its counter says what was filled.
        (OrderStatus::Open, Some(filled)) if filled.is_positive() => OrderStatus::PartiallyFilled,
        (status, _) => status,
    }
}

/// Which position is meant.
pub(super) fn position_side(text: &str) -> PositionSide {
    match text {
        "LONG" => PositionSide::Long,
        "SHORT" => PositionSide::Short,
        _ => PositionSide::Net,
    }
}

/// Type and time in force: post-only is a time in force here (GTX).
pub(super) fn type_and_time(order_type: &str, time_in_force: &str) -> (Option<OrderType>, Option<TimeInForce>) {
    match (order_type, time_in_force) {
        ("LIMIT", "GTX") => (Some(OrderType::LimitMaker), Some(TimeInForce::Gtc)),
        _ => (
            order_words::order_type(order_type),
            order_words::time_in_force(time_in_force),
        ),
    }
}

/// What a report says of its position, by the names of its members; `None` where it says nothing.
pub(super) fn terms(
    report: &Object<'_>,
    [side, reduce_only, close_position, good_till]: [&'static str; 4],
) -> Result<Option<OrderTerms>, MemberError> {
    let position = report.some_text(side)?;
    let reduces = loose::some_flag(report, reduce_only)?;
    let closes = loose::some_flag(report, close_position)?;
    let good_till = loose::some_integer(report, good_till)?.filter(|date| *date > 0);
    if position.is_none() && reduces.is_none() && closes.is_none() && good_till.is_none() {
        return Ok(None);
    }
    Ok(Some(OrderTerms {
        position_side: position.map_or(PositionSide::Net, |text| position_side(&text)),
        effect: match (closes, reduces) {
            (Some(true), _) => PositionEffect::ClosePosition,
            (_, Some(true)) => PositionEffect::ReduceOnly,
            _ => PositionEffect::Any,
        },
        margin_mode: None,
        good_till: good_till.map(|date| WallNs(exchange_ns(date))),
    }))
}

/// An id that is a number, or a text of one; `None` where there is none, which is written as an empty text or zero too.
pub(super) fn some_id(report: &Object<'_>, name: &'static str) -> Result<Option<ExchangeOrderId>, MemberError> {
    let id = loose::some_word(report, name)?.filter(|id| id != "0");
    Ok(id.and_then(|id| ExchangeOrderId::new(&id).ok()))
}

/// Tells an order, as the answer to placing, cancelling, amending or asking about it states it. Acknowledgements have neither
/// fills nor an average price.
///
/// # Errors
/// A report that cannot be read: nothing of it is told.
pub(super) fn tell_order(
    report: &Object<'_>,
    source: ReportSource,
    forced: &Forced,
    out: &mut Emit<'_>,
) -> Result<(), Outcome> {
    let order = read_order(report, source, out).map_err(|e| unreadable(&e))?;
    forced.tell(&order, out);
    out.event(order);
    Ok(())
}

fn read_order(report: &Object<'_>, source: ReportSource, out: &Emit<'_>) -> Result<OrderEvent, MemberError> {
    let symbol = report.text("symbol")?;
    let own = report.some_text("clientOrderId")?.unwrap_or_default();
    let stated = report.some_text("status")?;
    let filled = match loose::some_decimal(report, "executedQty")? {
        None => loose::some_decimal(report, "cumQty")?,
        filled => filled,
    };
    let filled = filled.map(Quantity);
    let word = |name| Ok::<_, MemberError>(report.some_text(name)?.unwrap_or_default());
    let (order_type, time_in_force) = type_and_time(&word("type")?, &word("timeInForce")?);
    let time = match loose::some_integer(report, "updateTime")?.filter(|t| *t > 0) {
        None => loose::some_integer(report, "time")?,
        time => time,
    };
    Ok(OrderEvent {
        instrument: out.instruments().id_of(&symbol),
        symbol: symbol.into_owned(),
        client_id: client_id(&own),
        previous_client_id: None,
        exchange_id: Some(some_id(report, "orderId")?.ok_or(MemberError::new("orderId", "it is missing"))?),
        op: out.op(),
        source,
        status: stated
            .as_ref()
            .map_or(OrderStatus::Acknowledged, |text| status(text, filled)),
        side: side(&word("side")?),
        order_type,
        time_in_force,
        price: loose::some_decimal(report, "price")?.and_then(|p| limit_price(Price(p))),
        // One that closes its position has none.
        quantity: loose::some_decimal(report, "origQty")?
            .map(Quantity)
            .filter(|q| q.is_positive()),
        filled,
        filled_quote: loose::some_decimal(report, "cumQuote")?.map(Amount),
        reason: None,
        exchange_time: time.map(|t| WallNs(exchange_ns(t))),
        terms: terms(report, ["positionSide", "reduceOnly", "closePosition", "goodTillDate"])?,
        cause: cause(&own, stated.as_deref().unwrap_or_default()),
        trigger: None,
    })
}

/// A trade of ours in `GET /fapi/v1/userTrades`, with its number. It does not name its order's client id: whether the
/// exchange made the order is known where that was told before.
pub(super) fn read_trade(text: &[u8], forced: &Forced, out: &Emit<'_>) -> Result<(i64, FillEvent), Outcome> {
    let trade = Object::whole(text).map_err(|e| unreadable(&e))?;
    let read = || {
        let symbol = trade.text("symbol")?;
        let id = loose::integer(&trade, "id")?;
        let order = some_id(&trade, "orderId")?;
        let side = match trade.some_text("side")?.and_then(|text| side(&text)) {
            Some(side) => side,
            None if trade.flag("buyer")? => Side::Buy,
            None => Side::Sell,
        };
        let cause = match &order {
            Some(order) => forced.cause_of(&symbol, order.as_str()),
            None => FillCause::Order,
        };
        let fill = FillEvent {
            instrument: out.instruments().id_of(&symbol),
            symbol: symbol.into_owned(),
            trade_id: trade_id(id)?,
            client_id: None,
            exchange_id: order,
            source: ReportSource::Query,
            side,
            price: Price(trade.decimal("price")?),
            quantity: Quantity(trade.decimal("qty")?),
            fee: fee(&trade, "commission", "commissionAsset")?,
            liquidity: loose::some_flag(&trade, "maker")?.map(liquidity),
            position_side: position_side(&trade.some_text("positionSide")?.unwrap_or_default()),
            cause,
            realized: loose::some_decimal(&trade, "realizedPnl")?.map(Amount),
            exchange_time: Some(WallNs(exchange_ns(loose::integer(&trade, "time")?))),
        };
        Ok((id, fill))
    };
    read().map_err(|e: MemberError| unreadable(&e))
}

/// Who gave and who took.
pub(super) const fn liquidity(is_maker: bool) -> Liquidity {
    if is_maker { Liquidity::Maker } else { Liquidity::Taker }
}

/// A fee; `None` where the report names no asset.
pub(super) fn fee(report: &Object<'_>, amount: &'static str, asset: &'static str) -> Result<Option<Fee>, MemberError> {
    let asset = report.some_text(asset)?.filter(|asset| !asset.is_empty());
    let amount = loose::some_decimal(report, amount)?.unwrap_or_default();
    Ok(asset.map(|asset| Fee {
        asset: Asset::new(&asset),
        amount: Amount(amount),
    }))
}
