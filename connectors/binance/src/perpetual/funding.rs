//! Funding: the rate (market-data/rest-api/Mark-Price, Get-Funding-Rate-Info) and what was paid
//! (account/rest-api/Get-Income-History).

use colibri_sdk::json::{MemberError, Object, elements};
use colibri_sdk::model::{
    Amount, Asset, FundingPaymentId, FundingRate, InstrumentId, MarkPrice, Millis, PositionSide, Price, WallNs,
};
use colibri_sdk::standard::{
    FundingPaymentEvent, FundingProgress, FundingRateEvent, MarkPriceEvent, Outcome, ReportSource, UsedInstrument,
};
use colibri_sdk::{Asked, Emit, Operation, Request, Step, unreadable};

use crate::{exchange_ns, loose};

/// fundingInfo lists the instruments whose interval differs from this.
const USUAL_INTERVAL: Millis = Millis(8 * 60 * 60 * 1_000);

/// `GET /fapi/v1/premiumIndex`, then the interval by `GET /fapi/v1/fundingInfo`.
pub(super) fn rate(instrument: &UsedInstrument) -> Asked {
    let (id, symbol) = (instrument.id, instrument.symbol.clone());
    let request = Request::to("premium_index", "/fapi/v1/premiumIndex").query("symbol", &symbol);
    Ok(request.reads(move |reply, out| {
        // One object where a symbol was named, or the array of it.
        let listed = elements(reply.body()).unwrap_or_else(|_| vec![reply.body()]);
        let [entry] = listed[..] else {
            return Err(unreadable(&"a mark price of several instruments, or of none"));
        };
        let entry = Object::whole(entry).map_err(|e| unreadable(&e))?;
        let funding = tell_mark(&entry, id, out).map_err(|e| unreadable(&e))?;
        Ok(match funding {
            Some(funding) => Step::Next(interval(funding, symbol.clone())),
            None => Step::Done,
        })
    }))
}

/// Tells the mark price; the funding rate, which contracts that are delivered have not.
fn tell_mark(
    entry: &Object<'_>,
    instrument: InstrumentId,
    out: &mut Emit<'_>,
) -> Result<Option<FundingRateEvent>, MemberError> {
    let price = |name| Ok::<_, MemberError>(loose::some_decimal(entry, name)?.filter(|p| !p.is_zero()).map(Price));
    let exchange_time = loose::some_integer(entry, "time")?.map(|t| WallNs(exchange_ns(t)));
    let mark = price("markPrice")?.ok_or(MemberError::new("markPrice", "it is missing"))?;
    out.event(MarkPriceEvent {
        instrument,
        price: MarkPrice {
            mark,
            index: price("indexPrice")?,
        },
        exchange_time,
    });
    let next_time = loose::some_integer(entry, "nextFundingTime")?.filter(|t| *t > 0);
    let rate = loose::some_decimal(entry, "lastFundingRate")?;
    Ok(rate.map(|rate| FundingRateEvent {
        instrument,
        funding: FundingRate {
            rate,
            next_time: next_time.map(|t| WallNs(exchange_ns(t))),
            interval: None,
        },
        exchange_time,
    }))
}

fn interval(funding: FundingRateEvent, symbol: String) -> Operation {
    let request = Request::to("funding_info", "/fapi/v1/fundingInfo");
    request.reads(move |reply, out| {
        let mut interval = USUAL_INTERVAL;
        for entry in reply.elements()? {
            let entry = Object::whole(entry).map_err(|e| unreadable(&e))?;
            if entry.text("symbol").map_err(|e| unreadable(&e))? != symbol {
                continue;
            }
            let hours = loose::some_integer(&entry, "fundingIntervalHours").map_err(|e| unreadable(&e))?;
            if let Some(hours) = hours.and_then(|hours| u64::try_from(hours).ok()).filter(|h| *h > 0) {
                interval = Millis(hours.saturating_mul(60 * 60 * 1_000));
            }
        }
        let mut event = funding.clone();
        event.funding.interval = Some(interval);
        out.event(event);
        Ok(Step::Done)
    })
}

/// The most entries of a page.
const PAGE: usize = 1000;

/// What is asked, page by page.
#[derive(Debug, Clone)]
struct Payments {
    instrument: Option<InstrumentId>,
    symbol: Option<String>,
    since: i64,
    page: u32,
    told: u32,
    newest: Option<WallNs>,
}

/// `GET /fapi/v1/income` of the type `FUNDING_FEE`, oldest first. Pages are numbered: many instruments pay in one millisecond,
/// so that a time does not say where a page ended.
pub(super) fn payments_since(instrument: Option<&UsedInstrument>, since: WallNs) -> Asked {
    let payments = Payments {
        instrument: instrument.map(|i| i.id),
        symbol: instrument.map(|i| i.symbol.clone()),
        since: since.as_millis(),
        page: 1,
        told: 0,
        newest: None,
    };
    Ok(payments.page())
}

impl Payments {
    fn page(self) -> Operation {
        let request = Request::to("income", "/fapi/v1/income")
            .query_some("symbol", self.symbol.as_ref())
            .query("incomeType", "FUNDING_FEE")
            .query("startTime", self.since)
            .query("page", self.page)
            .query("limit", PAGE);
        request.signed().reads(move |reply, out| {
            let page = reply.elements()?;
            let full = page.len() >= PAGE;
            let mut after = self.clone();
            for entry in page {
                if let Some(payment) = read_payment(entry, out)? {
                    after.newest = after.newest.max(Some(payment.exchange_time));
                    after.told += 1;
                    out.event(payment);
                }
            }
            if full {
                after.page += 1;
                return Ok(Step::Next(after.page()));
            }
            out.event(FundingProgress {
                instrument: after.instrument,
                newest: after.newest,
                count: after.told,
            });
            Ok(Step::Done)
        })
    }
}

/// An entry of the ledger; `None` for one of another type.
fn read_payment(entry: &[u8], out: &Emit<'_>) -> Result<Option<FundingPaymentEvent>, Outcome> {
    let entry = Object::whole(entry).map_err(|e| unreadable(&e))?;
    let read = || {
        if entry.some_text("incomeType")?.is_some_and(|kind| kind != "FUNDING_FEE") {
            return Ok(None);
        }
        let symbol = entry.text("symbol")?;
        let id = loose::word(&entry, "tranId")?;
        let id = FundingPaymentId::new(&id).map_err(|_| MemberError::new("tranId", "it is no id"))?;
        Ok(Some(FundingPaymentEvent {
            instrument: out.instruments().id_of(&symbol),
            symbol: symbol.into_owned(),
            id: Some(id),
            asset: Asset::new(&entry.text("asset")?),
            amount: Amount(entry.decimal("income")?),
            position_side: PositionSide::Net,
            rate: None,
            quantity: None,
            source: ReportSource::Query,
            exchange_time: WallNs(exchange_ns(loose::integer(&entry, "time")?)),
        }))
    };
    read().map_err(|e: MemberError| unreadable(&e))
}
