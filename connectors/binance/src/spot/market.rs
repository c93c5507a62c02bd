//! Questions that need no key: the clock, books, candles (rest-api.md, "General endpoints", "Market Data endpoints").

use colibri_sdk::standard::{Candles, UsedInstrument};
use colibri_sdk::{Asked, Request};

use crate::market::{self, CandleSource};

/// A question without a key; its times are asked for in microseconds.
fn public(endpoint: &'static str, path: &'static str) -> Request {
    Request::to(endpoint, path).header("X-MBX-TIME-UNIT", "MICROSECOND")
}

/// `GET /api/v3/time`.
pub(super) fn server_time() -> Asked {
    Ok(market::server_time(public("server_time", "/api/v3/time")))
}

/// `GET /api/v3/depth`: the weight grows with the depth, so each has an endpoint of its own.
pub(super) fn book_snapshot(instrument: &UsedInstrument, depth: u32) -> Asked {
    let (endpoint, limit) = match depth {
        0..=100 => ("depth_100", 100),
        101..=500 => ("depth_500", 500),
        501..=1000 => ("depth_1000", 1000),
        _ => ("depth_5000", 5000),
    };
    let request = Request::to(endpoint, "/api/v3/depth");
    Ok(market::book_snapshot(request, instrument, limit))
}

/// `GET /api/v3/klines`, with the intervals of enums.md, "Kline intervals".
const CANDLES: CandleSource = CandleSource {
    request: |_| public("klines", "/api/v3/klines"),
    intervals: &[
        "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M",
    ],
    page: 1000,
};

pub(super) fn candles(instrument: &UsedInstrument, query: &Candles) -> Asked {
    market::candles(CANDLES, instrument, query)
}
