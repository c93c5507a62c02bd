//! Questions about the account: balances, fee rates, orders, trades (rest-api.md, "Account endpoints").

use colibri_sdk::json::{MemberError, Object};
use colibri_sdk::model::{Amount, Asset, Balance, ExchangeOrderId, FeeRates, InstrumentId, TradeId, WallNs};
use colibri_sdk::standard::{
    BalanceScope, BalancesEvent, FeesEvent, OrdersSince, Refusal, RejectReason, ReportSource, TradesProgress,
    TradesSince, UsedInstrument,
};
use colibri_sdk::{Asked, Operation, OrderRef, Request, Step, unreadable};

use super::order_report::{Naming, read_trade, tell_order};
use crate::exchange_ns;

/// `GET /api/v3/account`.
pub(super) fn balances() -> Asked {
    let request = Request::to("account", "/api/v3/account").query("omitZeroBalances", "true");
    Ok(request.signed().reads(|reply, out| {
        let account = reply.object()?;
        let read = || {
            let mut balances = Vec::new();
            account.object_elements("balances", |held| {
                balances.push(Balance {
                    asset: Asset::new(&held.text("asset")?),
                    free: Amount(held.decimal("free")?),
                    locked: Amount(held.decimal("locked")?),
                });
                Ok(())
            })?;
            Ok(BalancesEvent {
                scope: BalanceScope::All,
                balances,
                source: ReportSource::Query,
                exchange_time: account.some_integer("updateTime")?.map(|t| WallNs(exchange_ns(t))),
            })
        };
        out.event(read().map_err(|e: MemberError| unreadable(&e))?);
        Ok(Step::Done)
    }))
}

/// The rates of an order: standard, special and tax add up, each of its maker or taker part and its buyer or seller part
/// (faqs/commission_faq.md). Of buyer and seller the dearer is taken, because a rate here has no side; a discount for
/// paying in BNB is not foreseen.
fn rates(commission: &Object<'_>) -> Result<FeeRates, MemberError> {
    let mut rates = FeeRates::default();
    for kind in ["standardCommission", "specialCommission", "taxCommission"] {
        let Some(part) = commission.some_object(kind)? else {
            continue;
        };
        let buyer = part.some_decimal("buyer")?.unwrap_or_default();
        let seller = part.some_decimal("seller")?.unwrap_or_default();
        rates.maker += part.decimal("maker")? + buyer.max(seller);
        rates.taker += part.decimal("taker")? + buyer.max(seller);
    }
    Ok(rates)
}

/// `GET /api/v3/account/commission`.
pub(super) fn fees(instrument: &UsedInstrument) -> Asked {
    let id = instrument.id;
    let request = Request::to("commission", "/api/v3/account/commission").query("symbol", &instrument.symbol);
    Ok(request.signed().reads(move |reply, out| {
        let commission = reply.object()?;
        if commission.raw("standardCommission").is_none() {
            return Err(unreadable(&"commission rates without the standard ones"));
        }
        out.event(FeesEvent {
            instrument: id,
            rates: rates(&commission).map_err(|e| unreadable(&e))?,
        });
        Ok(Step::Done)
    }))
}

/// `GET /api/v3/openOrders`: weight 6 for a symbol, 80 for all.
pub(super) fn open_orders(instrument: Option<&UsedInstrument>) -> Asked {
    let request = match instrument {
        Some(instrument) => Request::to("open_orders", "/api/v3/openOrders").query("symbol", &instrument.symbol),
        None => Request::to("open_orders_of_all", "/api/v3/openOrders"),
    };
    Ok(request.signed().reads(|reply, out| {
        for report in reply.elements()? {
            let report = Object::whole(report).map_err(|e| unreadable(&e))?;
            tell_order(&report, Naming::Own, ReportSource::Query, None, out)?;
        }
        Ok(Step::Done)
    }))
}

/// `GET /api/v3/order`.
pub(super) fn order_status(order: &OrderRef<'_>) -> Asked {
    let request = Request::to("order_status", "/api/v3/order")
        .query("symbol", &order.instrument.symbol)
        .query_some("orderId", order.exchange_id);
    // With both ids the order is found by the first and refused where the second differs (-2039): one is enough.
    let request = match order.exchange_id {
        Some(_) => request,
        None => request.query_some("origClientOrderId", order.client_id),
    };
    Ok(request.signed().reads(|reply, out| {
        tell_order(&reply.object()?, Naming::Own, ReportSource::Query, None, out)?;
        Ok(Step::Done)
    }))
}

/// The most orders or trades of a page.
const PAGE: usize = 1000;

/// `GET /api/v3/allOrders`: weight 20. A time alone has no end, so that the 24 hours which two may span do not matter.
pub(super) fn orders_since(instrument: &UsedInstrument, query: &OrdersSince) -> Asked {
    let from = match (&query.from_id, query.since) {
        (Some(id), _) => From::Id(id.as_str().parse().map_err(|_| {
            Refusal::new(
                RejectReason::BadRequest,
                format!("{:?} is no order id of Binance: it is a number", id.as_str()),
            )
        })?),
        (None, Some(since)) => From::Time(since.as_millis()),
        (None, None) => From::Default,
    };
    Ok(orders_page(instrument.symbol.clone(), &from))
}

fn orders_page(symbol: String, from: &From) -> Operation {
    let request = Request::to("all_orders", "/api/v3/allOrders").query("symbol", &symbol);
    let request = match from {
        From::Id(id) => request.query("orderId", id),
        From::Time(millis) => request.query("startTime", millis),
        From::Default => request,
    };
    request.query("limit", PAGE).signed().reads(move |reply, out| {
        let page = reply.elements()?;
        let full = page.len() >= PAGE;
        let mut last = None;
        for report in page {
            let report = Object::whole(report).map_err(|e| unreadable(&e))?;
            last = last.max(Some(report.integer("orderId").map_err(|e| unreadable(&e))?));
            tell_order(&report, Naming::Own, ReportSource::Query, None, out)?;
        }
        Ok(match last {
            Some(last) if full => Step::Next(orders_page(symbol.clone(), &From::Id(last + 1))),
            _ => Step::Done,
        })
    })
}

/// Where a page of trades or of orders begins. The combinations are those that "GET /api/v3/myTrades" allows.
#[derive(Debug, Clone)]
enum From {
    /// With a trade or an order, which excludes a time.
    Id(i64),
    /// With a time, in milliseconds since 1970.
    Time(i64),
    /// With the oldest trade of the order, or where neither is given with the newest page.
    Default,
}

/// What is asked, page by page.
#[derive(Debug, Clone)]
struct Trades {
    instrument: InstrumentId,
    symbol: String,
    order: Option<ExchangeOrderId>,
    told: u32,
    newest: Option<TradeId>,
}

/// `GET /api/v3/myTrades`: weight 20, of one order 5.
pub(super) fn trades_since(instrument: &UsedInstrument, query: &TradesSince) -> Asked {
    let from = match (&query.from_id, query.since) {
        (Some(id), _) => From::Id(id.as_str().parse().map_err(|_| {
            Refusal::new(
                RejectReason::BadRequest,
                format!("{:?} is no trade id of Binance: it is a number", id.as_str()),
            )
        })?),
        // A time goes only with all trades; of one order all are fetched, and the ledger knows which it has.
        (None, Some(since)) if query.exchange_id.is_none() => From::Time(since.as_millis()),
        _ => From::Default,
    };
    let trades = Trades {
        instrument: instrument.id,
        symbol: instrument.symbol.clone(),
        order: query.exchange_id.clone(),
        told: 0,
        newest: None,
    };
    Ok(trades.page(&from))
}

impl Trades {
    fn page(self, from: &From) -> Operation {
        let endpoint = if self.order.is_some() {
            "trades_of_order"
        } else {
            "trades"
        };
        let request = Request::to(endpoint, "/api/v3/myTrades")
            .query("symbol", &self.symbol)
            .query_some("orderId", self.order.as_ref());
        let request = match from {
            From::Id(id) => request.query("fromId", id),
            From::Time(millis) => request.query("startTime", millis),
            From::Default => request,
        };
        request.query("limit", PAGE).signed().reads(move |reply, out| {
            let page = reply.elements()?;
            let full = page.len() >= PAGE;
            let mut after = self.clone();
            let mut last = None;
            for trade in page {
                let (id, fill) = read_trade(trade, out)?;
                if Some(id) > last {
                    last = Some(id);
                    after.newest = Some(fill.trade_id.clone());
                }
                after.told += 1;
                out.event(fill);
            }
            match last {
                Some(last) if full => Ok(Step::Next(after.page(&From::Id(last + 1)))),
                _ => {
                    out.event(TradesProgress {
                        instrument: after.instrument,
                        newest: after.newest,
                        count: after.told,
                    });
                    Ok(Step::Done)
                }
            }
        })
    }
}
