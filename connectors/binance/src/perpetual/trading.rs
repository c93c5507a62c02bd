//! Placing, cancelling and amending orders of contracts, one by one and in batches (trade/rest-api).

use colibri_sdk::json::Object;
use colibri_sdk::model::{OrderTerms, OrderType, PositionEffect, PositionSide, QuantityUnit, Side, TimeInForce};
use colibri_sdk::standard::{Outcome, Refusal, RejectReason, ReportSource, UsedInstrument};
use colibri_sdk::{
    AmendOrder, Asked, Emit, Operation, OrderRef, PlaceOrder, Reply, Request, Step, serde_json, unreadable, unsupported,
};

use super::failure;
use super::forced::Forced;
use super::order_report::tell_order;
use crate::failure::ApiError;
use crate::order_words::{side_word, time_in_force_word};

fn bad(what: impl Into<String>) -> Refusal {
    Refusal::new(RejectReason::BadRequest, what)
}

/// Refuses a client id that Binance would refuse: `^[\.A-Z\:/a-z0-9_-]{1,36}$` (New-Order, New-Algo-Order).
pub(super) fn checked_id(id: &str) -> Result<&str, Refusal> {
    let fits = (1..=36).contains(&id.len());
    let usual = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'/' | b'_' | b'-');
    if fits && id.bytes().all(usual) {
        return Ok(id);
    }
    Err(bad(format!(
        "the client order id {id:?} is not 1 to 36 letters, digits, or one of . : / _ -"
    )))
}

/// The parameters of a request, in their order.
pub(super) type Parameters = Vec<(&'static str, String)>;

/// What an order says of its position. In hedge mode it names one and takes no `reduceOnly`: there an order on the other side
/// of its position only reduces it, and the exchange never turns one over. One that would open it while it may only reduce it
/// is not sent.
pub(super) fn position(side: Side, terms: &OrderTerms, parameters: &mut Parameters) -> Result<(), Refusal> {
    let (name, closing) = match terms.position_side {
        PositionSide::Net => {
            if terms.effect == PositionEffect::ReduceOnly {
                parameters.push(("reduceOnly", "true".to_owned()));
            }
            return Ok(());
        }
        PositionSide::Long => ("LONG", Side::Sell),
        PositionSide::Short => ("SHORT", Side::Buy),
    };
    if terms.effect.only_reduces() && side != closing {
        return Err(Refusal::new(
            RejectReason::WouldNotReduce,
            "the order may only reduce its position, and its side opens it",
        ));
    }
    parameters.push(("positionSide", name.to_owned()));
    Ok(())
}

/// A date as the exchange takes it: in milliseconds, exact to the second (New-Order, `goodTillDate`).
fn good_till(terms: &OrderTerms) -> Option<i64> {
    terms.good_till.map(|date| date.as_millis() / 1_000 * 1_000)
}

/// What a placement says, alone or in a batch.
fn new_order(order: &PlaceOrder<'_>) -> Result<Parameters, Refusal> {
    if order.unit == QuantityUnit::Quote {
        return Err(unsupported("a quantity in the quote asset"));
    }
    let mut parameters = vec![
        ("symbol", order.instrument.symbol.clone()),
        ("side", side_word(order.side).to_owned()),
    ];
    position(order.side, &order.terms, &mut parameters)?;
    let (kind, time_in_force) = match (order.order_type, order.time_in_force) {
        (OrderType::Market, _) => ("MARKET", None),
        (OrderType::Limit, time) => ("LIMIT", Some(time.map_or("GTC", time_in_force_word))),
        (OrderType::LimitMaker, None | Some(TimeInForce::Gtc)) => ("LIMIT", Some("GTX")),
        (OrderType::LimitMaker, Some(_)) => return Err(unsupported("an order that must rest, and has another end")),
    };
    parameters.push(("type", kind.to_owned()));
    if let Some(time_in_force) = time_in_force {
        parameters.push(("timeInForce", time_in_force.to_owned()));
    }
    parameters.push(("quantity", order.quantity.to_string()));
    if let Some(price) = order.price {
        parameters.push(("price", price.to_string()));
    }
    if let Some(date) = good_till(&order.terms) {
        parameters.push(("goodTillDate", date.to_string()));
    }
    parameters.push(("newClientOrderId", checked_id(order.client_id)?.to_owned()));
    // The final state, of orders that end at once; an acknowledgement says NEW of those too.
    parameters.push(("newOrderRespType", "RESULT".to_owned()));
    Ok(parameters)
}

/// A signed request with these parameters.
pub(super) fn request(endpoint: &'static str, path: &'static str, parameters: &Parameters) -> Request {
    let request = Request::to(endpoint, path);
    let request = parameters
        .iter()
        .fold(request, |request, (name, value)| request.query(name, value));
    request.signed()
}

/// Names an order: by the exchange's id where it is known.
fn named(request: Request, order: &OrderRef<'_>) -> Result<Request, Refusal> {
    match (order.exchange_id, order.client_id) {
        (Some(id), _) => Ok(request.query("orderId", id)),
        (None, Some(id)) => Ok(request.query("origClientOrderId", checked_id(id)?)),
        (None, None) => Err(bad("the order to act on has neither id")),
    }
}

/// The answer is the order.
fn reads_order(request: Request, forced: Forced) -> Operation {
    request.reads(move |reply, out| {
        tell_order(&reply.object()?, ReportSource::Ack, &forced, out)?;
        Ok(Step::Done)
    })
}

/// `POST /fapi/v1/order`.
pub(super) fn place(order: &PlaceOrder<'_>, forced: Forced) -> Asked {
    let request = request("place_order", "/fapi/v1/order", &new_order(order)?);
    Ok(reads_order(request, forced))
}

/// `DELETE /fapi/v1/order`.
pub(super) fn cancel(order: &OrderRef<'_>, forced: Forced) -> Asked {
    let request = Request::to("cancel_order", "/fapi/v1/order").query("symbol", &order.instrument.symbol);
    Ok(reads_order(named(request, order)?.signed(), forced))
}

/// `PUT /fapi/v1/order`: of limit orders, with side, quantity and price, whichever of them changes. The order goes to the end
/// of its queue and keeps its ids.
pub(super) fn amend(order: &AmendOrder<'_>, forced: Forced) -> Asked {
    let side = order.side.ok_or_else(|| bad("an amend needs the order's side"))?;
    let price = order
        .price
        .ok_or_else(|| bad("an amend needs the order's price, changed or not"))?;
    if order.new_client_id.is_some_and(|id| order.order.client_id != Some(id)) {
        return Err(unsupported("another client id for an order that is amended"));
    }
    let request = Request::to("amend_order", "/fapi/v1/order").query("symbol", &order.order.instrument.symbol);
    let request = named(request, &order.order)?
        .query("side", side_word(side))
        .query("quantity", order.quantity)
        .query("price", price);
    Ok(reads_order(request.signed(), forced))
}

/// `DELETE /fapi/v1/allOpenOrders`: does not say which orders it cancelled.
pub(super) fn cancel_all(instrument: &UsedInstrument) -> Asked {
    let request = Request::to("cancel_all_orders", "/fapi/v1/allOpenOrders").query("symbol", &instrument.symbol);
    Ok(cancels_all(request.signed()))
}

/// `{"code":200,"msg":"The operation of cancel all open order is done."}`; "Unknown order sent." where there was none.
pub(super) fn cancels_all(request: Request) -> Operation {
    request.reads_every_status(|reply, _| {
        let outcome = if reply.is_success() {
            let answer = reply.object()?;
            match ApiError::read(reply.body()) {
                Some(error) if error.code < 0 => failure::of_item(&error),
                _ if answer.raw("code").is_some() => return Ok(Step::Done),
                _ => return Err(unreadable(&"an answer to cancelling everything without a code")),
            }
        } else {
            failure::of_reply(reply)
        };
        match outcome {
            Outcome::Rejected(refusal) if refusal.reason == RejectReason::OrderNotFound => Ok(Step::Done),
            outcome => Err(outcome),
        }
    })
}

/// Orders as the list that `batchOrders` takes: objects of texts.
fn list(orders: &[Parameters]) -> String {
    let text = |value: &str| serde_json::to_string(value).unwrap_or_default();
    let object = |parameters: &Parameters| {
        let members: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!(r#""{name}":{}"#, text(value)))
            .collect();
        format!("{{{}}}", members.join(","))
    };
    let objects: Vec<String> = orders.iter().map(object).collect();
    format!("[{}]", objects.join(","))
}

/// `POST /fapi/v1/batchOrders`: at most five.
pub(super) fn place_batch(orders: &[PlaceOrder<'_>], forced: Forced) -> Asked {
    let orders: Vec<Parameters> = orders.iter().map(new_order).collect::<Result<_, _>>()?;
    let request = Request::to("place_batch", "/fapi/v1/batchOrders").query("batchOrders", list(&orders));
    Ok(request
        .signed()
        .reads(move |reply, out| read_items(reply, &forced, out)))
}

/// `DELETE /fapi/v1/batchOrders`: at most ten of one instrument, named all in one way.
pub(super) fn cancel_batch(orders: &[OrderRef<'_>], forced: Forced) -> Asked {
    let first = orders.first().ok_or_else(|| bad("a batch of no orders"))?;
    if orders.iter().any(|o| o.instrument.id != first.instrument.id) {
        return Err(unsupported("cancelling orders of several instruments in one request"));
    }
    let request = Request::to("cancel_batch", "/fapi/v1/batchOrders").query("symbol", &first.instrument.symbol);
    let ids: Option<Vec<&str>> = orders.iter().map(|o| o.exchange_id).collect();
    let request = match ids {
        Some(ids) if ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_digit())) => {
            request.query("orderIdList", format!("[{}]", ids.join(",")))
        }
        _ => {
            let ids: Vec<&str> = orders.iter().map(own_name).collect::<Result<_, _>>()?;
            request.query("origClientOrderIdList", serde_json::to_string(&ids).unwrap_or_default())
        }
    };
    Ok(request
        .signed()
        .reads(move |reply, out| read_items(reply, &forced, out)))
}

fn own_name<'a>(order: &OrderRef<'a>) -> Result<&'a str, Refusal> {
    match order.client_id {
        Some(id) => checked_id(id),
        None => Err(unsupported("cancelling orders by different ids in one request")),
    }
}

/// An array in the order of the request: of each its report, or `{"code":…,"msg":…}`.
fn read_items(reply: &Reply<'_>, forced: &Forced, out: &mut Emit<'_>) -> Result<Step, Outcome> {
    let mut outcomes = Vec::new();
    for (index, item) in reply.elements()?.into_iter().enumerate() {
        out.of_item(index);
        let outcome = read_item(item, forced, out);
        outcomes.push(outcome.err().unwrap_or(Outcome::Done));
    }
    Ok(Step::Items(outcomes))
}

fn read_item(item: &[u8], forced: &Forced, out: &mut Emit<'_>) -> Result<(), Outcome> {
    let report = Object::whole(item).map_err(|e| unreadable(&e))?;
    if report.raw("orderId").is_some() {
        return tell_order(&report, ReportSource::Ack, forced, out);
    }
    match ApiError::read(item) {
        Some(error) => Err(failure::of_item(&error)),
        None => Err(unreadable(&"an item of a batch that is neither an order nor an error")),
    }
}
