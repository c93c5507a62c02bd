//! Placing, cancelling, amending and replacing orders (rest-api.md, "Trading endpoints"; web-socket-api.md, "Trading requests").

use colibri_sdk::json::Object;
use colibri_sdk::model::{OrderType, QuantityUnit};
use colibri_sdk::standard::{Outcome, Refusal, RejectReason, ReportSource, UsedInstrument};
use colibri_sdk::{
    AmendOrder, Asked, Emit, OrderCommand, OrderRef, PlaceOrder, ReplaceOrder, Reply, Request, Step, WhenCancelFails,
    unreadable, unsupported,
};

use super::failure;
use super::order_report::{Naming, tell_order};
use super::order_request::{Door, Method, OrderRequest};
use crate::failure::ApiError;
use crate::order_words::{side_word, time_in_force_word};

/// Refuses a client order id that Binance would refuse: `^[a-zA-Z0-9-_]{1,36}$` (fix-api.md, "ClOrdID").
fn checked_id(id: &str) -> Result<&str, Refusal> {
    let fits = (1..=36).contains(&id.len());
    if fits
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    {
        return Ok(id);
    }
    Err(Refusal::new(
        RejectReason::BadRequest,
        format!("the client order id {id:?} is not 1 to 36 letters, digits, - or _"),
    ))
}

const PLACE: Method = Method {
    http: ("place_order", "/api/v3/order"),
    socket: ("order_place", "order.place"),
};
const CANCEL: Method = Method {
    http: ("cancel_order", "/api/v3/order"),
    socket: ("order_cancel", "order.cancel"),
};
const AMEND: Method = Method {
    http: ("amend_order", "/api/v3/order/amend/keepPriority"),
    socket: ("order_amend", "order.amend.keepPriority"),
};
const REPLACE: Method = Method {
    http: ("replace_order", "/api/v3/order/cancelReplace"),
    socket: ("order_replace", "order.cancelReplace"),
};

/// What is the same for a placement by itself and in a replace: "additional mandatory parameters based on `type`".
fn new_order(request: OrderRequest, order: &PlaceOrder<'_>) -> Result<OrderRequest, Refusal> {
    let request = request
        .with("symbol", &order.instrument.symbol)
        .with("side", &side_word(order.side))
        .with(
            "type",
            &match order.order_type {
                OrderType::Limit => "LIMIT",
                OrderType::Market => "MARKET",
                OrderType::LimitMaker => "LIMIT_MAKER",
            },
        );
    // LIMIT_MAKER and MARKET take no timeInForce (-1106).
    let request = match (order.order_type, order.time_in_force) {
        (OrderType::Limit, Some(tif)) => request.with("timeInForce", &time_in_force_word(tif)),
        _ => request,
    };
    let quantity = match order.unit {
        QuantityUnit::Base => "quantity",
        QuantityUnit::Quote => "quoteOrderQty",
    };
    let request = request.with(quantity, &order.quantity);
    let request = match order.price {
        Some(price) => request.with("price", &price),
        None => request,
    };
    Ok(request
        .with("newClientOrderId", &checked_id(order.client_id)?)
        .with("newOrderRespType", &"FULL"))
}

/// Names an order: by the exchange's id alone where it is known, which is the fastest ("DELETE /api/v3/order").
fn named(
    request: OrderRequest,
    order: &OrderRef<'_>,
    by_id: &'static str,
    by_client_id: &'static str,
) -> Result<OrderRequest, Refusal> {
    match (order.exchange_id, order.client_id) {
        (Some(id), _) => Ok(request.with(by_id, &id)),
        (None, Some(id)) => Ok(request.with(by_client_id, &checked_id(id)?)),
        (None, None) => Err(Refusal::new(
            RejectReason::BadRequest,
            "the order to act on has neither id",
        )),
    }
}

/// `POST /api/v3/order`, `order.place`.
pub(super) fn place(order: &PlaceOrder<'_>, door: Door<'_>) -> Asked {
    Ok(new_order(OrderRequest::new(door, PLACE), order)?.reads(read_placed))
}

fn read_placed(reply: &Reply<'_>, out: &mut Emit<'_>) -> Result<Step, Outcome> {
    tell_order(&reply.object()?, Naming::Own, ReportSource::Ack, None, out)?;
    Ok(Step::Done)
}

/// `DELETE /api/v3/order`, `order.cancel`.
pub(super) fn cancel(order: &OrderRef<'_>, door: Door<'_>) -> Asked {
    let request = OrderRequest::new(door, CANCEL).with("symbol", &order.instrument.symbol);
    Ok(named(request, order, "orderId", "origClientOrderId")?.reads(read_cancelled))
}

fn read_cancelled(reply: &Reply<'_>, out: &mut Emit<'_>) -> Result<Step, Outcome> {
    tell_cancelled(&reply.object()?, out)?;
    Ok(Step::Done)
}

/// `DELETE /api/v3/openOrders`.
pub(super) fn cancel_all(instrument: &UsedInstrument) -> Asked {
    let request = Request::to("cancel_all_orders", "/api/v3/openOrders").query("symbol", &instrument.symbol);
    Ok(request.signed().reads_every_status(|reply, out| {
        if !reply.is_success() {
            return match failure::of_reply(reply) {
                // "Unknown order sent." (-2011): there was no open order.
                Outcome::Rejected(refusal) if refusal.reason == RejectReason::OrderNotFound => Ok(Step::Done),
                outcome => Err(outcome),
            };
        }
        for cancelled in reply.elements()? {
            tell_cancelled(&read(cancelled)?, out)?;
        }
        Ok(Step::Done)
    }))
}

/// Tells what a cancel answers: the order; or, where it was one of an order list, the orders of the list, which ends as a
/// whole.
fn tell_cancelled(answer: &Object<'_>, out: &mut Emit<'_>) -> Result<(), Outcome> {
    let reports = answer.elements("orderReports").map_err(|e| unreadable(&e))?;
    if reports.is_empty() {
        return tell_order(answer, Naming::OfTheCancel, ReportSource::Ack, None, out);
    }
    reports
        .into_iter()
        .try_for_each(|report| tell_order(&read(report)?, Naming::OfTheCancel, ReportSource::Ack, None, out))
}

fn read(answer: &[u8]) -> Result<Object<'_>, Outcome> {
    Object::whole(answer).map_err(|e| unreadable(&e))
}

/// `PUT /api/v3/order/amend/keepPriority`, `order.amend.keepPriority`: the quantity can only be reduced, the price not at all.
pub(super) fn amend(order: &AmendOrder<'_>, door: Door<'_>) -> Asked {
    if order.price.is_some() {
        return Err(unsupported("amending a price: replace the order"));
    }
    let request = OrderRequest::new(door, AMEND).with("symbol", &order.order.instrument.symbol);
    let request = named(request, &order.order, "orderId", "origClientOrderId")?;
    // Without an id of ours Binance gives the order a random one; the present one may be kept.
    let id = order.new_client_id.or(order.order.client_id);
    let request = match id {
        Some(id) => request.with("newClientOrderId", &checked_id(id)?),
        None => {
            return Err(Refusal::new(
                RejectReason::BadRequest,
                "an amend needs the order's client id, or the exchange renames the order at random",
            ));
        }
    };
    Ok(request.with("newQty", &order.quantity).reads(read_amended))
}

fn read_amended(reply: &Reply<'_>, out: &mut Emit<'_>) -> Result<Step, Outcome> {
    let amended = reply.object()?;
    let time = amended.some_integer("transactTime").map_err(|e| unreadable(&e))?;
    let order = amended.object("amendedOrder").map_err(|e| unreadable(&e))?;
    tell_order(&order, Naming::Renamed, ReportSource::Ack, time, out)?;
    Ok(Step::Done)
}

/// `POST /api/v3/order/cancelReplace`, `order.cancelReplace`.
pub(super) fn replace(order: &ReplaceOrder<'_>, door: Door<'_>) -> Asked {
    let request = new_order(OrderRequest::new(door, REPLACE), &order.place)?;
    let request = named(request, &order.cancel, "cancelOrderId", "cancelOrigClientOrderId")?;
    let mode = match order.when_cancel_fails {
        WhenCancelFails::Stop => "STOP_ON_FAILURE",
        WhenCancelFails::Place => "ALLOW_FAILURE",
    };
    Ok(request
        .with("cancelReplaceMode", &mode)
        .reads_every_status(read_replace))
}

/// An order operation through a door.
pub(super) fn order(command: &OrderCommand<'_>, door: Door<'_>) -> Asked {
    match command {
        OrderCommand::Place(order) => place(order, door),
        OrderCommand::Cancel(order) => cancel(order, door),
        OrderCommand::Amend(order) => amend(order, door),
        OrderCommand::Replace(order) => replace(order, door),
    }
}

/// Both halves have a result and a response: bare where both were done, else in `data` of an error (-2022 with 400, -2021
/// with 409, -1015 with 429). A failure without halves is one of the whole.
fn read_replace(reply: &Reply<'_>, out: &mut Emit<'_>) -> Result<Step, Outcome> {
    let whole = match reply.object() {
        Ok(answer) => answer,
        Err(unreadable) if reply.is_success() => return Err(unreadable),
        Err(_) => return Err(failure::of_reply(reply)),
    };
    let halves = match whole.some_object("data") {
        Ok(Some(data)) => data,
        _ => whole,
    };
    if halves.raw("cancelResult").is_none() && !reply.is_success() {
        return Err(failure::of_reply(reply));
    }
    let cancel = half(
        &halves,
        "cancelResult",
        "cancelResponse",
        Naming::OfTheCancel,
        reply,
        out,
    )?;
    let place = half(&halves, "newOrderResult", "newOrderResponse", Naming::Own, reply, out)?;
    Ok(Step::Replaced { cancel, place })
}

/// What became of a half: `SUCCESS`, `FAILURE` or `NOT_ATTEMPTED`.
fn half(
    halves: &Object<'_>,
    result: &'static str,
    response: &'static str,
    naming: Naming,
    reply: &Reply<'_>,
    out: &mut Emit<'_>,
) -> Result<Outcome, Outcome> {
    let result = halves.text(result).map_err(|e| unreadable(&e))?;
    match (result.as_ref(), halves.raw(response)) {
        ("SUCCESS", Some(report)) => {
            tell_order(&read(report)?, naming, ReportSource::Ack, None, out)?;
            Ok(Outcome::Done)
        }
        ("FAILURE", Some(error)) => {
            let error = ApiError::read(error).ok_or_else(|| unreadable(&"the failure of half a replace"))?;
            // The status 409 says that only one half failed; of this one its own code speaks.
            let status = if reply.status() == 409 { 400 } else { reply.status() };
            Ok(failure::outcome(status, &error))
        }
        ("NOT_ATTEMPTED", _) => Ok(Outcome::NotSent(Refusal::new(
            RejectReason::BadRequest,
            "not attempted, because the cancel failed",
        ))),
        _ => Err(unreadable(&"half a replace that is neither done nor failed")),
    }
}
