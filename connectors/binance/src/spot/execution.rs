//! `executionReport`: what happened to an order (user-data-stream.md, "Order Update").

use colibri_sdk::Emit;
use colibri_sdk::json::{MemberError, Object};
use colibri_sdk::model::{Amount, Asset, Fee, FillCause, Liquidity, PositionSide, Price, Quantity, WallNs};
use colibri_sdk::standard::{FillEvent, OrderEvent, OrderStatus, ReportSource};

use super::order_report::known_amount;
use crate::exchange_ns;
use crate::order_words::{client_id, limit_price, order_id, order_type, side, status, time_in_force, trade_id};

/// Tells the fill, where the report is of a trade, then the order.
pub(super) fn tell_execution(report: &Object<'_>, out: &mut Emit<'_>) -> Result<(), MemberError> {
    let symbol = report.text("s")?;
    let instrument = out.instruments().id_of(&symbol);
    let symbol = symbol.into_owned();
    let side = side(&report.text("S")?).ok_or(MemberError::new("S", "it is no side"))?;
    let execution_type = report.text("x")?;
    let own = client_id(&report.text("c")?);
    let original = report.some_text("C")?.and_then(|id| client_id(&id));
    // `C` is "the ID of the order being canceled": then `c` is of the cancel request. Of an amend (REPLACED) it is what the
    // order was called before, and `c` what it is called now (faqs/order_amend_keep_priority.md).
    let (client_id, previous_client_id) = if execution_type == "REPLACED" {
        let previous = original.filter(|o| Some(o) != own.as_ref());
        (own, previous)
    } else {
        (original.or(own), None)
    };
    let exchange_id = order_id(report.integer("i")?);
    let exchange_time = Some(WallNs(exchange_ns(report.integer("T")?)));
    let filled = Quantity(report.decimal("z")?);
    let status = match status(&report.text("X")?) {
        // An order that was amended, or a part of which was prevented, reports NEW; its counter says what was filled.
        OrderStatus::Open if filled.is_positive() => OrderStatus::PartiallyFilled,
        status => status,
    };
    // Why an order was refused, why it has expired, or that a part of it was prevented.
    let reject = report.some_text("r")?.filter(|r| r != "NONE");
    let reason = match reject.or(report.some_text("eR")?) {
        None if execution_type == "TRADE_PREVENTION" => Some(execution_type.clone()),
        reason => reason,
    };
    let order = OrderEvent {
        instrument,
        symbol: symbol.clone(),
        client_id: client_id.clone(),
        previous_client_id,
        exchange_id: exchange_id.clone(),
        op: None,
        source: ReportSource::Stream,
        status,
        side: Some(side),
        order_type: order_type(&report.text("o")?),
        time_in_force: time_in_force(&report.text("f")?),
        price: limit_price(Price(report.decimal("p")?)),
        quantity: Some(Quantity(report.decimal("q")?)),
        filled: Some(filled),
        filled_quote: known_amount(Amount(report.decimal("Z")?)),
        reason: reason.map(|r| r.into_owned()),
        exchange_time,
        terms: None,
        cause: FillCause::Order,
        trigger: None,
    };
    // Self-trade prevention (TRADE_PREVENTION) has quantities too, but of no trade.
    if execution_type == "TRADE" {
        let commission = Amount(report.some_decimal("n")?.unwrap_or_default());
        out.event(FillEvent {
            instrument,
            symbol,
            trade_id: trade_id(report.integer("t")?)?,
            client_id,
            exchange_id,
            source: ReportSource::Stream,
            side,
            price: Price(report.decimal("L")?),
            quantity: Quantity(report.decimal("l")?),
            fee: report.some_text("N")?.map(|asset| Fee {
                asset: Asset::new(&asset),
                amount: commission,
            }),
            liquidity: Some(if report.flag("m")? {
                Liquidity::Maker
            } else {
                Liquidity::Taker
            }),
            exchange_time,
            position_side: PositionSide::Net,
            cause: FillCause::Order,
            realized: None,
        });
    }
    out.event(order);
    Ok(())
}
