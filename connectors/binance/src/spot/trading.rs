//! Placing, cancelling, amending and replacing orders (rest-api.md, "Trading endpoints").

use std::borrow::Cow;

use colibri_sdk::json::{JsonError, Reader, elements};
use colibri_sdk::model::{OrderType, QuantityUnit, Side, TimeInForce};
use colibri_sdk::standard::{Outcome, Refusal, RejectReason, ReportSource, UsedInstrument};
use colibri_sdk::{
    AmendOrder, Asked, Emit, OrderRef, PlaceOrder, ReplaceOrder, Reply, Request, Step, WhenCancelFails, serde_json,
    unreadable, unsupported,
};
use serde::Deserialize;

use super::failure::{self, ApiError, Wait};
use super::order_report::{Naming, OrderReport};

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

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

const fn time_in_force(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Gtc => "GTC",
        TimeInForce::Ioc => "IOC",
        TimeInForce::Fok => "FOK",
    }
}

/// What is the same for a placement by itself and in a replace: "additional mandatory parameters based on `type`".
fn new_order(request: Request, order: &PlaceOrder<'_>) -> Result<Request, Refusal> {
    let request = request
        .query("symbol", &order.instrument.symbol)
        .query("side", side(order.side))
        .query(
            "type",
            match order.order_type {
                OrderType::Limit => "LIMIT",
                OrderType::Market => "MARKET",
                OrderType::LimitMaker => "LIMIT_MAKER",
            },
        );
    // LIMIT_MAKER and MARKET take no timeInForce (-1106).
    let request = match (order.order_type, order.time_in_force) {
        (OrderType::Limit, Some(tif)) => request.query("timeInForce", time_in_force(tif)),
        _ => request,
    };
    let quantity = match order.unit {
        QuantityUnit::Base => "quantity",
        QuantityUnit::Quote => "quoteOrderQty",
    };
    Ok(request
        .query(quantity, order.quantity)
        .query_some("price", order.price)
        .query("newClientOrderId", checked_id(order.client_id)?)
        .query("newOrderRespType", "FULL")
        .signed())
}

/// Names an order: by the exchange's id alone where it is known, which is the fastest ("DELETE /api/v3/order").
fn named(request: Request, order: &OrderRef<'_>, by_id: &str, by_client_id: &str) -> Result<Request, Refusal> {
    match (order.exchange_id, order.client_id) {
        (Some(id), _) => Ok(request.query(by_id, id)),
        (None, Some(id)) => Ok(request.query(by_client_id, checked_id(id)?)),
        (None, None) => Err(Refusal::new(
            RejectReason::BadRequest,
            "the order to act on has neither id",
        )),
    }
}

/// `POST /api/v3/order`.
pub(super) fn place(order: &PlaceOrder<'_>) -> Asked {
    let request = new_order(Request::to("place_order", "/api/v3/order"), order)?;
    Ok(request.reads(|reply, out| {
        let report: OrderReport<'_> = reply.json()?;
        report.tell(Naming::Own, ReportSource::Ack, None, out)?;
        Ok(Step::Done)
    }))
}

/// `DELETE /api/v3/order`.
pub(super) fn cancel(order: &OrderRef<'_>) -> Asked {
    let request = Request::to("cancel_order", "/api/v3/order").query("symbol", &order.instrument.symbol);
    let request = named(request, order, "orderId", "origClientOrderId")?;
    Ok(request.signed().reads(|reply, out| {
        tell_cancelled(reply.body(), out)?;
        Ok(Step::Done)
    }))
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
        for cancelled in elements(reply.body()).map_err(|e| unreadable(&e))? {
            tell_cancelled(cancelled, out)?;
        }
        Ok(Step::Done)
    }))
}

/// What is there of an order list that ended with the cancel of one of its orders.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelledList<'a> {
    #[serde(borrow, default)]
    order_reports: Vec<OrderReport<'a>>,
}

/// Tells what a cancel answers: the order; or, where it was one of an order list, the orders of the list.
fn tell_cancelled(answer: &[u8], out: &mut Emit<'_>) -> Result<(), Outcome> {
    let list: CancelledList<'_> = read(answer)?;
    if list.order_reports.is_empty() {
        let report: OrderReport<'_> = read(answer)?;
        return report.tell(Naming::OfTheCancel, ReportSource::Ack, None, out);
    }
    list.order_reports
        .into_iter()
        .try_for_each(|report| report.tell(Naming::OfTheCancel, ReportSource::Ack, None, out))
}

fn read<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Result<T, Outcome> {
    serde_json::from_slice(answer).map_err(|e| unreadable(&e))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Amended<'a> {
    transact_time: i64,
    #[serde(borrow)]
    amended_order: OrderReport<'a>,
}

/// `PUT /api/v3/order/amend/keepPriority`: the quantity can only be reduced, the price not at all.
pub(super) fn amend(order: &AmendOrder<'_>) -> Asked {
    if order.price.is_some() {
        return Err(unsupported("amending a price: replace the order"));
    }
    let request =
        Request::to("amend_order", "/api/v3/order/amend/keepPriority").query("symbol", &order.order.instrument.symbol);
    let request = named(request, &order.order, "orderId", "origClientOrderId")?;
    // Without an id of ours Binance gives the order a random one; the present one may be kept.
    let id = order.new_client_id.or(order.order.client_id);
    let request = match id {
        Some(id) => request.query("newClientOrderId", checked_id(id)?),
        None => {
            return Err(Refusal::new(
                RejectReason::BadRequest,
                "an amend needs the order's client id, or the exchange renames the order at random",
            ));
        }
    };
    Ok(request.query("newQty", order.quantity).signed().reads(|reply, out| {
        let amended: Amended<'_> = reply.json()?;
        let time = Some(amended.transact_time);
        amended
            .amended_order
            .tell(Naming::Renamed, ReportSource::Ack, time, out)?;
        Ok(Step::Done)
    }))
}

/// `POST /api/v3/order/cancelReplace`.
pub(super) fn replace(order: &ReplaceOrder<'_>) -> Asked {
    let request = new_order(
        Request::to("replace_order", "/api/v3/order/cancelReplace"),
        &order.place,
    )?;
    let request = named(request, &order.cancel, "cancelOrderId", "cancelOrigClientOrderId")?;
    let mode = match order.when_cancel_fails {
        WhenCancelFails::Stop => "STOP_ON_FAILURE",
        WhenCancelFails::Place => "ALLOW_FAILURE",
    };
    Ok(request
        .query("cancelReplaceMode", mode)
        .reads_every_status(read_replace))
}

/// The answer to a replace: its halves, each with a result and a response, bare where both were done, else in `data` of an
/// error (-2022 with 400, -2021 with 409, -1015 with 429).
#[derive(Debug, Default)]
struct Replaced<'a> {
    cancel_result: Option<Cow<'a, str>>,
    place_result: Option<Cow<'a, str>>,
    cancel_response: &'a [u8],
    place_response: &'a [u8],
}

impl<'a> Replaced<'a> {
    fn read(&mut self, r: &mut Reader<'a>) -> Result<(), JsonError> {
        r.object(|key, r| {
            match key {
                b"cancelResult" => self.cancel_result = Some(r.string()?),
                b"newOrderResult" => self.place_result = Some(r.string()?),
                b"cancelResponse" => self.cancel_response = r.raw()?,
                b"newOrderResponse" => self.place_response = r.raw()?,
                b"data" if !r.null() => self.read(r)?,
                b"data" => {}
                _ => r.skip()?,
            }
            Ok(())
        })
    }
}

fn read_replace(reply: &Reply<'_>, out: &mut Emit<'_>) -> Result<Step, Outcome> {
    let mut replaced = Replaced::default();
    let read = Reader::whole(reply.body(), |r| replaced.read(r));
    let (Ok(()), Some(cancel), Some(place)) = (read, &replaced.cancel_result, &replaced.place_result) else {
        return Err(match reply.is_success() {
            true => unreadable(&"a replace without its halves"),
            false => failure::of_reply(reply),
        });
    };
    let cancel = half(cancel, replaced.cancel_response, Naming::OfTheCancel, reply, out)?;
    let place = half(place, replaced.place_response, Naming::Own, reply, out)?;
    Ok(Step::Replaced { cancel, place })
}

/// What became of a half: `SUCCESS`, `FAILURE` or `NOT_ATTEMPTED`.
fn half(
    result: &str,
    response: &[u8],
    naming: Naming,
    reply: &Reply<'_>,
    out: &mut Emit<'_>,
) -> Result<Outcome, Outcome> {
    match result {
        "SUCCESS" => {
            let report: OrderReport<'_> = read(response)?;
            report.tell(naming, ReportSource::Ack, None, out)?;
            Ok(Outcome::Done)
        }
        "FAILURE" => {
            let error: ApiError = read(response)?;
            // The status 409 says that only one half failed; of this one its own code speaks.
            let status = if reply.status() == 409 { 400 } else { reply.status() };
            Ok(failure::outcome(status, Some(&error), Wait::default()))
        }
        "NOT_ATTEMPTED" => Ok(Outcome::NotSent(Refusal::new(
            RejectReason::BadRequest,
            "not attempted, because the cancel failed",
        ))),
        _ => Err(unreadable(&"a half of a replace that is neither done nor failed")),
    }
}
