//! Our orders and trades since an id or a time, page by page (trade/rest-api/All-Orders, Account-Trade-List).
//!
//! A question by time covers seven days at most, and one by id everything from it on: so time is stepped through in windows
//! until something is found, and from there on ids lead.

use colibri_sdk::json::Object;
use colibri_sdk::model::{ExchangeOrderId, InstrumentId, TradeId};
use colibri_sdk::standard::{
    OrdersSince, Outcome, Refusal, RejectReason, ReportSource, TradesProgress, TradesSince, UsedInstrument,
};
use colibri_sdk::{Asked, Emit, Operation, Request, Step, unreadable};

use super::forced::Forced;
use super::order_report::{read_trade, tell_order};
use crate::loose;

/// The most orders or trades of a page.
const PAGE: usize = 1000;
/// The longest window, in milliseconds.
const WINDOW: i64 = 7 * DAY;
/// How far back is asked: the exchange knows trades, and orders that were filled, for three months, and refuses what is older.
const HORIZON: i64 = 89 * DAY;
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// Where a page begins.
#[derive(Debug, Clone, Copy)]
enum From {
    /// With an order or a trade, which excludes a time.
    Id(i64),
    /// With a time, in milliseconds since 1970.
    Time(i64),
    /// With the oldest of the last seven days; of an order's trades with its first.
    Default,
}

fn from_id(id: &str, what: &str) -> Result<From, Refusal> {
    let number = id.parse().map(From::Id);
    number.map_err(|_| {
        Refusal::new(
            RejectReason::BadRequest,
            format!("{id:?} is no {what} id of Binance: it is a number"),
        )
    })
}

/// What is listed.
#[derive(Debug, Clone)]
enum Listed {
    Orders,
    Trades {
        order: Option<ExchangeOrderId>,
        told: u32,
        newest: Option<TradeId>,
    },
}

/// A list, page by page.
#[derive(Debug, Clone)]
struct Listing {
    instrument: InstrumentId,
    symbol: String,
    listed: Listed,
    forced: Forced,
}

/// `GET /fapi/v1/allOrders`.
pub(super) fn orders_since(instrument: &UsedInstrument, query: &OrdersSince, forced: Forced) -> Asked {
    let from = match (&query.from_id, query.since) {
        (Some(id), _) => from_id(id.as_str(), "order")?,
        (None, Some(since)) => From::Time(since.as_millis()),
        (None, None) => From::Default,
    };
    let listing = Listing {
        instrument: instrument.id,
        symbol: instrument.symbol.clone(),
        listed: Listed::Orders,
        forced,
    };
    Ok(listing.page(from))
}

/// `GET /fapi/v1/userTrades`.
pub(super) fn trades_since(instrument: &UsedInstrument, query: &TradesSince, forced: Forced) -> Asked {
    let from = match (&query.from_id, query.since) {
        (Some(id), _) => from_id(id.as_str(), "trade")?,
        // Of one order all are fetched, and the ledger knows which it has.
        (None, Some(since)) if query.exchange_id.is_none() => From::Time(since.as_millis()),
        _ => From::Default,
    };
    let listing = Listing {
        instrument: instrument.id,
        symbol: instrument.symbol.clone(),
        listed: Listed::Trades {
            order: query.exchange_id.clone(),
            told: 0,
            newest: None,
        },
        forced,
    };
    Ok(listing.page(from))
}

impl Listing {
    fn page(self, from: From) -> Operation {
        let (request, id_name) = match &self.listed {
            Listed::Orders => (Request::to("all_orders", "/fapi/v1/allOrders"), "orderId"),
            Listed::Trades { .. } => (Request::to("trades", "/fapi/v1/userTrades"), "fromId"),
        };
        let request = request.query("symbol", &self.symbol);
        let request = match &self.listed {
            Listed::Trades { order, .. } => request.query_some("orderId", order.as_ref()),
            Listed::Orders => request,
        };
        let request = match from {
            From::Id(id) => request.query(id_name, id),
            From::Time(millis) => request.query_since("startTime", millis, HORIZON),
            From::Default => request,
        };
        request.query("limit", PAGE).signed().reads(move |reply, out| {
            let page = reply.elements()?;
            let count = page.len();
            let mut after = self.clone();
            let mut last = None;
            for entry in page {
                last = last.max(Some(after.tell(entry, out)?));
            }
            let now = reply.exchange_ns() / 1_000_000;
            let following = |start: i64| (start + WINDOW).max(now - HORIZON);
            Ok(match (last, from) {
                (Some(last), _) if count >= PAGE => Step::Next(after.page(From::Id(last + 1))),
                // The window may have ended before the present.
                (Some(last), From::Time(start)) if start + WINDOW < now => Step::Next(after.page(From::Id(last + 1))),
                (None, From::Time(start)) if start + WINDOW < now => {
                    Step::Next(after.page(From::Time(following(start))))
                }
                _ => after.done(out),
            })
        })
    }

    /// Tells an entry; its number.
    fn tell(&mut self, entry: &[u8], out: &mut Emit<'_>) -> Result<i64, Outcome> {
        match &mut self.listed {
            Listed::Orders => {
                let report = Object::whole(entry).map_err(|e| unreadable(&e))?;
                tell_order(&report, ReportSource::Query, &self.forced, out)?;
                loose::integer(&report, "orderId").map_err(|e| unreadable(&e))
            }
            Listed::Trades { told, newest, .. } => {
                let (id, fill) = read_trade(entry, &self.forced, out)?;
                let known = newest.as_ref().and_then(|newest| newest.as_str().parse().ok());
                if Some(id) > known {
                    *newest = Some(fill.trade_id.clone());
                }
                *told += 1;
                out.event(fill);
                Ok(id)
            }
        }
    }

    fn done(self, out: &mut Emit<'_>) -> Step {
        if let Listed::Trades { told, newest, .. } = self.listed {
            out.event(TradesProgress {
                instrument: self.instrument,
                newest,
                count: told,
            });
        }
        Step::Done
    }
}
