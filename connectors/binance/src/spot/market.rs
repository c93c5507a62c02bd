//! Questions that need no key: the clock, books, candles (rest-api.md, "General endpoints", "Market Data endpoints").

use colibri_sdk::json::{JsonError, Reader};
use colibri_sdk::model::{Amount, Exponents, InstrumentId, Price, Quantity, WallNs};
use colibri_sdk::standard::{Candle, Candles, CandlesEvent, Outcome, TimeEvent, UsedInstrument};
use colibri_sdk::{Asked, BookIds, BookKind, Emit, Operation, Reply, Request, Step, unreadable, unsupported};

use super::exchange_ns;

/// A question without a key; its times are asked for in microseconds.
fn public(endpoint: &'static str, path: &'static str) -> Request {
    Request::to(endpoint, path).header("X-MBX-TIME-UNIT", "MICROSECOND")
}

/// `GET /api/v3/time`.
pub(super) fn server_time() -> Asked {
    Ok(public("server_time", "/api/v3/time").reads(|reply, out| {
        let time = reply.object()?.integer("serverTime").map_err(|e| unreadable(&e))?;
        out.event(TimeEvent {
            exchange_time: WallNs(exchange_ns(time)),
        });
        Ok(Step::Done)
    }))
}

/// `GET /api/v3/depth`: the weight grows with the depth, so each has an endpoint of its own.
pub(super) fn book_snapshot(instrument: &UsedInstrument, depth: u32) -> Asked {
    let (endpoint, limit) = match depth {
        0..=100 => ("depth_100", 100),
        101..=500 => ("depth_500", 500),
        501..=1000 => ("depth_1000", 1000),
        _ => ("depth_5000", 5000),
    };
    let (id, exponents) = (instrument.id, instrument.exponents);
    let request = Request::to(endpoint, "/api/v3/depth")
        .query("symbol", &instrument.symbol)
        .query("limit", limit);
    Ok(request.reads(move |reply, out| {
        read_book(reply, id, exponents, out)?;
        Ok(Step::Done)
    }))
}

/// `{lastUpdateId,bids,asks}`.
fn read_book(reply: &Reply<'_>, id: InstrumentId, exponents: Exponents, out: &mut Emit<'_>) -> Result<(), Outcome> {
    let (bids, asks) = out.levels();
    let (mut last_update, mut have_bids, mut have_asks) = (None, false, false);
    Reader::whole(reply.body(), |r| {
        r.object(|key, r| {
            match key {
                b"lastUpdateId" => last_update = Some(r.u64()?),
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
            out.book(id, exponents, BookKind::Snapshot, ids, 0);
            Ok(())
        }
        _ => Err(unreadable(&"a book without lastUpdateId, bids or asks")),
    }
}

/// enums.md, "Kline intervals".
const INTERVALS: &[&str] = &[
    "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M",
];

/// The most candles of a page.
const PAGE: u32 = 1000;

/// What is asked, page by page.
#[derive(Debug, Clone)]
struct Klines {
    instrument: InstrumentId,
    symbol: String,
    query: Candles,
    candles: Vec<Candle>,
}

/// `GET /api/v3/klines`. From a time on, page by page; without one the newest, at most a page.
pub(super) fn candles(instrument: &UsedInstrument, query: &Candles) -> Asked {
    if !INTERVALS.contains(&query.interval.as_str()) {
        return Err(unsupported("candles of this interval"));
    }
    let klines = Klines {
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
        let unlimited = if self.query.since.is_some() { u32::MAX } else { PAGE };
        self.query.limit.unwrap_or(unlimited).saturating_sub(had)
    }

    fn page(self) -> Operation {
        let limit = self.wanted().clamp(1, PAGE);
        // The next page begins after the last candle that is there.
        let start = match (self.candles.last(), self.query.since) {
            (Some(last), _) => Some(last.open_time.as_millis() + 1),
            (None, since) => since.map(WallNs::as_millis),
        };
        let request = public("klines", "/api/v3/klines")
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
