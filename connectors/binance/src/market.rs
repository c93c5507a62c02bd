//! Questions that need no key, in what the markets have in common: the clock, books, candles (rest-api.md, "General endpoints",
//! "Market Data endpoints"; of contracts, market-data).

use colibri_sdk::json::{JsonError, Reader};
use colibri_sdk::model::{Amount, Exponents, InstrumentId, Price, Quantity, WallNs};
use colibri_sdk::standard::{Candle, Candles, CandlesEvent, Outcome, TimeEvent, UsedInstrument};
use colibri_sdk::{Asked, BookIds, BookKind, Emit, Operation, Reply, Request, Step, unreadable, unsupported};

use crate::exchange_ns;

/// The clock: `{"serverTime":…}`.
pub(crate) fn server_time(request: Request) -> Operation {
    request.reads(|reply, out| {
        let time = reply.object()?.integer("serverTime").map_err(|e| unreadable(&e))?;
        out.event(TimeEvent {
            exchange_time: WallNs(exchange_ns(time)),
        });
        Ok(Step::Done)
    })
}

/// A book of so many levels a side.
pub(crate) fn book_snapshot(request: Request, instrument: &UsedInstrument, limit: u32) -> Operation {
    let (id, exponents) = (instrument.id, instrument.exponents);
    let request = request.query("symbol", &instrument.symbol).query("limit", limit);
    request.reads(move |reply, out| {
        read_book(reply, id, exponents, out)?;
        Ok(Step::Done)
    })
}

/// `{lastUpdateId,bids,asks}`; of contracts with its time, `E`.
fn read_book(reply: &Reply<'_>, id: InstrumentId, exponents: Exponents, out: &mut Emit<'_>) -> Result<(), Outcome> {
    let (bids, asks) = out.levels();
    let (mut last_update, mut time, mut have_bids, mut have_asks) = (None, None, false, false);
    Reader::whole(reply.body(), |r| {
        r.object(|key, r| {
            match key {
                b"lastUpdateId" => last_update = Some(r.u64()?),
                b"E" => time = Some(r.i64()?),
                b"bids" => {
                    bids.clear();
                    have_bids = true;
                    r.levels(exponents, bids)?;
                }
                b"asks" => {
                    asks.clear();
                    have_asks = true;
                    r.levels(exponents, asks)?;
                }
                _ => r.skip()?,
            }
            Ok(())
        })
    })
    .map_err(|e| unreadable(&e))?;
    match (last_update, have_bids && have_asks) {
        (Some(last), true) => {
            let ids = BookIds {
                range: Some((last, last)),
                ..BookIds::default()
            };
            out.book(id, exponents, BookKind::Snapshot, ids, time.map_or(0, exchange_ns));
            Ok(())
        }
        _ => Err(unreadable(&"a book without lastUpdateId, bids or asks")),
    }
}

/// What is asked, page by page.
#[derive(Debug, Clone)]
struct Klines {
    source: CandleSource,
    instrument: InstrumentId,
    symbol: String,
    query: Candles,
    candles: Vec<Candle>,
}

/// The candles of a market.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CandleSource {
    /// The question for a page of so many.
    pub request: fn(limit: u32) -> Request,
    /// The intervals that there are.
    pub intervals: &'static [&'static str],
    /// The most candles of a page.
    pub page: u32,
}

/// From a time on, page by page; without one the newest, at most a page.
pub(crate) fn candles(source: CandleSource, instrument: &UsedInstrument, query: &Candles) -> Asked {
    if !source.intervals.contains(&query.interval.as_str()) {
        return Err(unsupported("candles of this interval"));
    }
    let klines = Klines {
        source,
        instrument: instrument.id,
        symbol: instrument.symbol.clone(),
        query: query.clone(),
        candles: Vec::new(),
    };
    Ok(klines.page())
}

impl Klines {
    fn wanted(&self) -> u32 {
        let had = u32::try_from(self.candles.len()).unwrap_or(u32::MAX);
        let unlimited = if self.query.since.is_some() {
            u32::MAX
        } else {
            self.source.page
        };
        self.query.limit.unwrap_or(unlimited).saturating_sub(had)
    }

    fn page(self) -> Operation {
        let limit = self.wanted().clamp(1, self.source.page);
        // The next page begins after the last candle that is there.
        let start = match (self.candles.last(), self.query.since) {
            (Some(last), _) => Some(last.open_time.as_millis() + 1),
            (None, since) => since.map(WallNs::as_millis),
        };
        let request = (self.source.request)(limit)
            .query("symbol", &self.symbol)
            .query("interval", &self.query.interval)
            .query_some("startTime", start)
            .query_some("endTime", self.query.until.map(WallNs::as_millis))
            .query("limit", limit);
        request.reads(move |reply, out| {
            let mut after = self.clone();
            let before = after.candles.len();
            Reader::whole(reply.body(), |r| {
                r.array(|r| {
                    after.candles.push(read_kline(r)?);
                    Ok(())
                })
            })
            .map_err(|e| unreadable(&e))?;
            let full = after.candles.len() - before >= limit as usize;
            if full && after.query.since.is_some() && after.wanted() > 0 {
                return Ok(Step::Next(after.page()));
            }
            out.event(CandlesEvent {
                instrument: after.instrument,
                interval: after.query.interval,
                candles: after.candles,
            });
            Ok(Step::Done)
        })
    }
}

/// `[open time, open, high, low, close, volume, close time, quote volume, trades, taker base, taker quote, unused]`.
fn read_kline(r: &mut Reader<'_>) -> Result<Candle, JsonError> {
    let mut candle = Candle {
        open_time: WallNs(0),
        open: Price::ZERO,
        high: Price::ZERO,
        low: Price::ZERO,
        close: Price::ZERO,
        volume: Quantity::ZERO,
        quote_volume: Amount::ZERO,
        trades: 0,
    };
    let mut place = 0u32;
    r.array(|r| {
        match place {
            0 => candle.open_time = WallNs(exchange_ns(r.i64()?)),
            1 => candle.open = Price(r.decimal()?),
            2 => candle.high = Price(r.decimal()?),
            3 => candle.low = Price(r.decimal()?),
            4 => candle.close = Price(r.decimal()?),
            5 => candle.volume = Quantity(r.decimal()?),
            7 => candle.quote_volume = Amount(r.decimal()?),
            8 => candle.trades = r.u64()?,
            _ => r.skip()?,
        }
        place += 1;
        Ok(())
    })?;
    if place < 9 {
        return Err(r.error("a candle with less than nine parts"));
    }
    Ok(candle)
}
