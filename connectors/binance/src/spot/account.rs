//! Questions about the account: balances, fee rates, orders, trades (rest-api.md, "Account endpoints").

use colibri_sdk::model::{Amount, Asset, Balance, Decimal, ExchangeOrderId, FeeRates, InstrumentId, TradeId, WallNs};
use colibri_sdk::standard::{
    BalanceScope, BalancesEvent, FeesEvent, Refusal, RejectReason, ReportSource, TradesProgress, TradesSince,
    UsedInstrument,
};
use colibri_sdk::{Asked, Operation, OrderRef, Request, Step};
use serde::Deserialize;

use super::exchange_ns;
use super::order_report::{Naming, OrderReport, TradeReport};

#[derive(Debug, Deserialize)]
struct AssetBalance {
    asset: Asset,
    free: Amount,
    locked: Amount,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    #[serde(default)]
    update_time: Option<i64>,
    balances: Vec<AssetBalance>,
}

/// `GET /api/v3/account`.
pub(super) fn balances() -> Asked {
    let request = Request::to("account", "/api/v3/account").query("omitZeroBalances", "true");
    Ok(request.signed().reads(|reply, out| {
        let account: Account = reply.json()?;
        out.event(BalancesEvent {
            scope: BalanceScope::All,
            balances: account
                .balances
                .into_iter()
                .map(|b| Balance {
                    asset: b.asset,
                    free: b.free,
                    locked: b.locked,
                })
                .collect(),
            source: ReportSource::Query,
            exchange_time: account.update_time.map(|t| WallNs(exchange_ns(t))),
        });
        Ok(Step::Done)
    }))
}

#[derive(Debug, Default, Deserialize)]
struct Rates {
    maker: Amount,
    taker: Amount,
    #[serde(default)]
    buyer: Amount,
    #[serde(default)]
    seller: Amount,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commission {
    standard_commission: Rates,
    #[serde(default)]
    special_commission: Rates,
    #[serde(default)]
    tax_commission: Rates,
}

impl Commission {
    /// The rates of an order: standard, special and tax add up, each of its maker or taker part and its buyer or seller part
    /// (faqs/commission_faq.md). Of buyer and seller the dearer is taken, because a rate here has no side; a discount for
    /// paying in BNB is not foreseen.
    fn rates(&self) -> FeeRates {
        let parts = [
            &self.standard_commission,
            &self.special_commission,
            &self.tax_commission,
        ];
        let side: Decimal = parts.iter().map(|r| r.buyer.max(r.seller).0).sum();
        FeeRates {
            maker: parts.iter().map(|r| r.maker.0).sum::<Decimal>() + side,
            taker: parts.iter().map(|r| r.taker.0).sum::<Decimal>() + side,
        }
    }
}

/// `GET /api/v3/account/commission`.
pub(super) fn fees(instrument: &UsedInstrument) -> Asked {
    let id = instrument.id;
    let request = Request::to("commission", "/api/v3/account/commission").query("symbol", &instrument.symbol);
    Ok(request.signed().reads(move |reply, out| {
        let commission: Commission = reply.json()?;
        out.event(FeesEvent {
            instrument: id,
            rates: commission.rates(),
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
        for report in reply.json::<Vec<OrderReport<'_>>>()? {
            report.tell(Naming::Own, ReportSource::Query, None, out)?;
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
        let report: OrderReport<'_> = reply.json()?;
        report.tell(Naming::Own, ReportSource::Query, None, out)?;
        Ok(Step::Done)
    }))
}

/// The most trades of a page.
const PAGE: usize = 1000;

/// Where a page of trades begins. The combinations are those that "GET /api/v3/myTrades" allows.
#[derive(Debug, Clone)]
enum From {
    /// With a trade, which excludes a time.
    Trade(i64),
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
        (Some(id), _) => From::Trade(id.as_str().parse().map_err(|_| {
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
            From::Trade(id) => request.query("fromId", id),
            From::Time(millis) => request.query("startTime", millis),
            From::Default => request,
        };
        request.query("limit", PAGE).signed().reads(move |reply, out| {
            let mut page: Vec<TradeReport<'_>> = reply.json()?;
            page.sort_by_key(|t| t.id);
            let full = page.len() >= PAGE;
            let mut after = self.clone();
            let last = page.last().map(|t| t.id);
            after.newest = page.last().and_then(TradeReport::trade_id).or(after.newest);
            after.told = after.told.saturating_add(u32::try_from(page.len()).unwrap_or(u32::MAX));
            for trade in page {
                trade.tell(out);
            }
            match last {
                Some(last) if full => Ok(Step::Next(after.page(&From::Trade(last + 1)))),
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
