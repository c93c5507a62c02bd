//! Questions about contracts that need no key: the clock, books, candles (market-data/rest-api).

use colibri_sdk::standard::{Candles, UsedInstrument};
use colibri_sdk::{Asked, Request};

use crate::market::{self, CandleSource};

/// `GET /fapi/v1/time`. The time in exchangeInfo is not the present one.
pub(super) fn server_time() -> Asked {
    Ok(market::server_time(Request::to("server_time", "/fapi/v1/time")))
}

/// `GET /fapi/v1/depth`: the weight grows with the depth, so each has an endpoint of its own.
pub(super) fn book_snapshot(instrument: &UsedInstrument, depth: u32) -> Asked {
    let (endpoint, limit) = match depth {
        0..=50 => ("depth_50", 50),
        51..=100 => ("depth_100", 100),
        101..=500 => ("depth_500", 500),
        _ => ("depth_1000", 1000),
    };
    let request = Request::to(endpoint, "/fapi/v1/depth");
    Ok(market::book_snapshot(request, instrument, limit))
}

/// `GET /fapi/v1/klines`: the weight grows with the page.
const CANDLES: CandleSource = CandleSource {
    request: |limit| {
        let endpoint = match limit {
            0..100 => "klines_99",
            100..500 => "klines_499",
            _ => "klines_1000",
        };
        Request::to(endpoint, "/fapi/v1/klines")
    },
    intervals: &[
        "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M",
    ],
    page: 1000,
};

pub(super) fn candles(instrument: &UsedInstrument, query: &Candles) -> Asked {
    market::candles(CANDLES, instrument, query)
}
