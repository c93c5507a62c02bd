//! Triggers: the service of conditional orders (trade/rest-api/New-Algo-Order, Query-Algo-Order and beside them;
//! user-data-streams/Event-Algo-Order-Update). Its ids are its own; the order that comes of a trigger keeps the client id.

use colibri_sdk::json::{MemberError, Object, elements};
use colibri_sdk::model::{
    OrderType, PositionEffect, Price, Quantity, TimeInForce, TriggerBy, TriggerIntent, TriggerKind, WallNs,
};
use colibri_sdk::standard::{
    Outcome, Refusal, RejectReason, ReportSource, TriggerEvent, TriggerStatus, UsedInstrument,
};
use colibri_sdk::{Asked, Emit, OrderRef, Request, Step, unreadable, unsupported};

use super::failure;
use super::order_report::{some_id, terms};
use super::trading::{self, Parameters, cancels_all, checked_id, position};
use crate::failure::ApiError;
use crate::order_words::{client_id, limit_price, side, side_word, time_in_force_word};
use crate::{exchange_ns, loose};

/// `POST /fapi/v1/algoOrder`.
pub(super) fn place(instrument: &UsedInstrument, trigger: &TriggerIntent) -> Asked {
    let mut parameters: Parameters = vec![
        ("algoType", "CONDITIONAL".to_owned()),
        ("symbol", instrument.symbol.clone()),
        ("side", side_word(trigger.side).to_owned()),
    ];
    position(trigger.side, &trigger.terms, &mut parameters)?;
    let kind = match (trigger.kind, trigger.order_type) {
        (TriggerKind::Stop, OrderType::Market) => "STOP_MARKET",
        (TriggerKind::TakeProfit, OrderType::Market) => "TAKE_PROFIT_MARKET",
        (TriggerKind::Stop, _) => "STOP",
        (TriggerKind::TakeProfit, _) => "TAKE_PROFIT",
    };
    parameters.push(("type", kind.to_owned()));
    let closes = trigger.terms.effect == PositionEffect::ClosePosition;
    match (trigger.order_type, trigger.time_in_force) {
        (OrderType::Market, _) => {}
        _ if closes => return Err(unsupported("a limit order that closes the position")),
        (_, Some(TimeInForce::Gtd)) => return Err(unsupported("triggers of orders with a date")),
        (OrderType::LimitMaker, None | Some(TimeInForce::Gtc)) => parameters.push(("timeInForce", "GTX".to_owned())),
        (OrderType::LimitMaker, Some(_)) => {
            return Err(unsupported("an order that must rest, and has another end"));
        }
        (OrderType::Limit, time) => {
            parameters.push(("timeInForce", time.map_or("GTC", time_in_force_word).to_owned()));
        }
    }
    if closes {
        parameters.push(("closePosition", "true".to_owned()));
    }
    if let Some(quantity) = trigger.quantity {
        parameters.push(("quantity", quantity.to_string()));
    }
    if let Some(price) = trigger.price {
        parameters.push(("price", price.to_string()));
    }
    parameters.push(("triggerPrice", trigger.trigger_price.to_string()));
    let watched = match trigger.by {
        TriggerBy::Last => "CONTRACT_PRICE",
        TriggerBy::Mark => "MARK_PRICE",
        TriggerBy::Index => return Err(unsupported("triggers by the index")),
    };
    parameters.push(("workingType", watched.to_owned()));
    parameters.push(("clientAlgoId", checked_id(trigger.client_id.as_str())?.to_owned()));
    let request = trading::request("place_trigger", "/fapi/v1/algoOrder", &parameters);
    Ok(request.reads(|reply, out| {
        tell(&reply.object()?, ReportSource::Ack, out)?;
        Ok(Step::Done)
    }))
}

/// Names a trigger: by the exchange's id where it is known.
fn named(request: Request, trigger: &OrderRef<'_>) -> Result<Request, Refusal> {
    match (trigger.exchange_id, trigger.client_id) {
        (Some(id), _) => Ok(request.query("algoId", id)),
        (None, Some(id)) => Ok(request.query("clientAlgoId", checked_id(id)?)),
        (None, None) => Err(Refusal::new(RejectReason::BadRequest, "the trigger has neither id")),
    }
}

/// `DELETE /fapi/v1/algoOrder`: answers the trigger; at first it answered no more than its ids and that it was done.
pub(super) fn cancel(trigger: &OrderRef<'_>) -> Asked {
    let request = Request::to("cancel_trigger", "/fapi/v1/algoOrder");
    let symbol = trigger.instrument.symbol.clone();
    Ok(named(request, trigger)?.signed().reads(move |reply, out| {
        let answer = reply.object()?;
        if answer.raw("algoStatus").is_some() {
            tell(&answer, ReportSource::Ack, out)?;
            return Ok(Step::Done);
        }
        if let Some(error) = ApiError::read(reply.body()).filter(|error| error.code < 0) {
            return Err(failure::of_item(&error));
        }
        let read = || {
            Ok(TriggerEvent {
                instrument: out.instruments().id_of(&symbol),
                client_id: answer.some_text("clientAlgoId")?.and_then(|id| client_id(&id)),
                exchange_id: Some(some_id(&answer, "algoId")?.ok_or(MemberError::new("algoId", "it is missing"))?),
                op: out.op(),
                ..TriggerEvent::new(symbol.as_str(), ReportSource::Ack, TriggerStatus::Cancelled)
            })
        };
        let event = read().map_err(|e: MemberError| unreadable(&e))?;
        out.event(event);
        Ok(Step::Done)
    }))
}

/// `DELETE /fapi/v1/algoOpenOrders`: does not say which it cancelled.
pub(super) fn cancel_all(instrument: &UsedInstrument) -> Asked {
    let request = Request::to("cancel_all_triggers", "/fapi/v1/algoOpenOrders").query("symbol", &instrument.symbol);
    Ok(cancels_all(request.signed()))
}

/// `GET /fapi/v1/openAlgoOrders`: weight 1 for a symbol, 40 for all.
pub(super) fn open(instrument: Option<&UsedInstrument>) -> Asked {
    let request = match instrument {
        Some(instrument) => Request::to("open_triggers", "/fapi/v1/openAlgoOrders").query("symbol", &instrument.symbol),
        None => Request::to("open_triggers_of_all", "/fapi/v1/openAlgoOrders"),
    };
    Ok(request.signed().reads(|reply, out| {
        // A bare list; other lists of the service stand in `orders`.
        let listed = match elements(reply.body()) {
            Ok(listed) => listed,
            Err(_) => reply.object()?.array("orders").map_err(|e| unreadable(&e))?,
        };
        for report in listed {
            let report = Object::whole(report).map_err(|e| unreadable(&e))?;
            tell(&report, ReportSource::Query, out)?;
        }
        Ok(Step::Done)
    }))
}

/// `GET /fapi/v1/algoOrder`.
pub(super) fn status(trigger: &OrderRef<'_>) -> Asked {
    let request = Request::to("trigger_status", "/fapi/v1/algoOrder");
    Ok(named(request, trigger)?.signed().reads(|reply, out| {
        tell(&reply.object()?, ReportSource::Query, out)?;
        Ok(Step::Done)
    }))
}

/// The names of a report's members, which differ between answers and the stream.
struct Names {
    client_id: &'static str,
    id: &'static str,
    service: &'static str,
    order_type: &'static str,
    symbol: &'static str,
    side: &'static str,
    time_in_force: &'static str,
    quantity: &'static str,
    status: &'static str,
    order: &'static str,
    trigger_price: &'static str,
    price: &'static str,
    watched: &'static str,
    terms: [&'static str; 4],
    reason: &'static str,
}

const OF_ANSWERS: Names = Names {
    client_id: "clientAlgoId",
    id: "algoId",
    service: "algoType",
    order_type: "orderType",
    symbol: "symbol",
    side: "side",
    time_in_force: "timeInForce",
    quantity: "quantity",
    status: "algoStatus",
    order: "actualOrderId",
    trigger_price: "triggerPrice",
    price: "price",
    watched: "workingType",
    terms: ["positionSide", "reduceOnly", "closePosition", "goodTillDate"],
    reason: "failReason",
};

const OF_THE_STREAM: Names = Names {
    client_id: "caid",
    id: "aid",
    service: "at",
    order_type: "o",
    symbol: "s",
    side: "S",
    time_in_force: "f",
    quantity: "q",
    status: "X",
    order: "ai",
    trigger_price: "tp",
    price: "p",
    watched: "wt",
    terms: ["ps", "R", "cp", "gtd"],
    reason: "rm",
};

/// A trigger's status, beside the order that it became, where there is one. One that is finished became an order, or has
/// expired without; "TRIGGERED" means that the order is in the matching engine, and its id may come later.
fn status_of(text: &str, has_order: bool) -> TriggerStatus {
    match text {
        "NEW" => TriggerStatus::Placed,
        "TRIGGERED" | "FINISHED" if has_order => TriggerStatus::BecameOrder,
        "TRIGGERING" | "TRIGGERED" => TriggerStatus::Triggered,
        "FINISHED" | "EXPIRED" => TriggerStatus::Expired,
        "CANCELED" => TriggerStatus::Cancelled,
        "REJECTED" => TriggerStatus::Rejected,
        other => TriggerStatus::Other(other.to_owned()),
    }
}

fn kind_of(text: &str) -> (Option<TriggerKind>, Option<OrderType>) {
    match text {
        "STOP" => (Some(TriggerKind::Stop), Some(OrderType::Limit)),
        "STOP_MARKET" => (Some(TriggerKind::Stop), Some(OrderType::Market)),
        "TAKE_PROFIT" => (Some(TriggerKind::TakeProfit), Some(OrderType::Limit)),
        "TAKE_PROFIT_MARKET" => (Some(TriggerKind::TakeProfit), Some(OrderType::Market)),
        // One that follows the price is of neither kind.
        "TRAILING_STOP_MARKET" => (None, Some(OrderType::Market)),
        _ => (None, None),
    }
}

/// Reads a report; `None` for one of another service (time-weighted and volume-weighted orders).
fn read(
    report: &Object<'_>,
    names: &Names,
    source: ReportSource,
    time: Option<i64>,
    out: &Emit<'_>,
) -> Result<Option<TriggerEvent>, MemberError> {
    let word = |name| Ok::<_, MemberError>(report.some_text(name)?.unwrap_or_default());
    if report
        .some_text(names.service)?
        .is_some_and(|service| service != "CONDITIONAL")
    {
        return Ok(None);
    }
    let symbol = report.text(names.symbol)?;
    let order = some_id(report, names.order)?;
    let (kind, order_type) = kind_of(&word(names.order_type)?);
    let order_type = match (order_type, &*word(names.time_in_force)?) {
        (Some(OrderType::Limit), "GTX") => Some(OrderType::LimitMaker),
        (order_type, _) => order_type,
    };
    let decimal = |name| loose::some_decimal(report, name);
    Ok(Some(TriggerEvent {
        instrument: out.instruments().id_of(&symbol),
        client_id: report.some_text(names.client_id)?.and_then(|id| client_id(&id)),
        exchange_id: Some(some_id(report, names.id)?.ok_or(MemberError::new(names.id, "it is missing"))?),
        op: out.op(),
        kind,
        by: match &*word(names.watched)? {
            "CONTRACT_PRICE" => Some(TriggerBy::Last),
            "MARK_PRICE" => Some(TriggerBy::Mark),
            _ => None,
        },
        trigger_price: decimal(names.trigger_price)?.and_then(|p| limit_price(Price(p))),
        side: side(&word(names.side)?),
        order_type,
        price: decimal(names.price)?.and_then(|p| limit_price(Price(p))),
        quantity: decimal(names.quantity)?.map(Quantity).filter(|q| q.is_positive()),
        terms: terms(report, names.terms)?,
        reason: report
            .some_text(names.reason)?
            .filter(|words| !words.is_empty())
            .map(|words| words.into_owned()),
        exchange_time: time.filter(|t| *t > 0).map(|t| WallNs(exchange_ns(t))),
        ..TriggerEvent::new(
            symbol.as_ref(),
            source,
            status_of(&report.text(names.status)?, order.is_some()),
        )
    })
    .map(|event| TriggerEvent { order, ..event }))
}

/// Tells a trigger, as an answer states it.
fn tell(report: &Object<'_>, source: ReportSource, out: &mut Emit<'_>) -> Result<(), Outcome> {
    let time = match loose::some_integer(report, "updateTime").map_err(|e| unreadable(&e))? {
        None => loose::some_integer(report, "createTime").map_err(|e| unreadable(&e))?,
        time => time,
    };
    if let Some(event) = read(report, &OF_ANSWERS, source, time, out).map_err(|e| unreadable(&e))? {
        out.event(event);
    }
    Ok(())
}

/// `ALGO_UPDATE`.
pub(super) fn tell_update(event: &Object<'_>, out: &mut Emit<'_>) -> Result<(), MemberError> {
    let time = loose::some_integer(event, "T")?;
    if let Some(event) = read(&event.object("o")?, &OF_THE_STREAM, ReportSource::Stream, time, out)? {
        out.event(event);
    }
    Ok(())
}

/// `CONDITIONAL_ORDER_TRIGGER_REJECT`, which the exchange sent until 2025-12-15: a trigger fired and its order was refused.
pub(super) fn tell_refused(event: &Object<'_>, out: &mut Emit<'_>) -> Result<(), MemberError> {
    let refused = event.object("or")?;
    let symbol = refused.text("s")?;
    let time = loose::some_integer(event, "T")?;
    out.event(TriggerEvent {
        instrument: out.instruments().id_of(&symbol),
        exchange_id: some_id(&refused, "i")?,
        reason: refused.some_text("r")?.map(|words| words.into_owned()),
        exchange_time: time.map(|t| WallNs(exchange_ns(t))),
        ..TriggerEvent::new(symbol.as_ref(), ReportSource::Stream, TriggerStatus::Rejected)
    });
    Ok(())
}
