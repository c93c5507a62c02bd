//! Public operations: what is listed, books, trades, candles, prices.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::call::{Call, unknown_symbol};
use super::exchange::Exchange;
use super::filters;
use super::operation::Operation;
use super::render::{TimeUnit, amount, levels, prevention, public_trade};
use super::tickers::TickerShape;
use crate::config::{MarketConfig, MarketStatus};
use crate::identity::MarketId;
use crate::matching::Side;
use crate::time::{Span, Timestamp};
use crate::wire::candles::{Candle, Interval};
use crate::wire::error::ApiError;

impl Exchange {
    pub(super) fn exchange_info(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let params = call.params;
        let one = params.get("symbol").map(|_| self.listed(params)).transpose()?;
        let several = match params.symbols("symbols")? {
            Some(symbols) => Some(
                symbols
                    .iter()
                    .map(|symbol| self.engine.find_market(symbol).ok_or_else(unknown_symbol))
                    .collect::<Result<Vec<_>, _>>()?,
            ),
            None => None,
        };
        let narrowed = params.get("permissions").is_some() || params.get("symbolStatus").is_some();
        if (one.is_some() && several.is_some()) || (narrowed && (one.is_some() || several.is_some())) {
            return Err(ApiError::bad(-1128, "Combination of optional parameters invalid."));
        }
        let status = status_of(call)?;
        let spot = match params.get("permissions") {
            None => true,
            Some(text) => serde_json::from_str::<Vec<String>>(text)
                .unwrap_or_else(|_| vec![text.to_owned()])
                .iter()
                .any(|p| p == "SPOT"),
        };
        let permission_sets = match params.boolean("showPermissionSets")? {
            Some(false) => json!([]),
            _ => json!([["SPOT"]]),
        };
        let symbols: Vec<Value> = (0..self.markets.len())
            .map(MarketId)
            .filter(|id| spot && one.is_none_or(|one| one == *id))
            .filter(|id| several.as_ref().is_none_or(|several| several.contains(id)))
            .map(|id| self.shown_config(id))
            .filter(|market| status.is_none_or(|status| status == market.status))
            .map(|market| describe_symbol(&market, &permission_sets))
            .collect();
        Ok(json!({
            "timezone": "UTC",
            "serverTime": call.unit.of(self.now),
            "rateLimits": self.limits.describe(),
            "exchangeFilters": [],
            "symbols": symbols,
        }))
    }

    pub(super) fn depth(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let market = self.listed(call.params)?;
        let limit = call.params.limit(100, 5_000)?;
        self.check_status(market, call)?;
        if let (Some(place), Some(steady)) = (self.steady_place(market), &self.steady) {
            return Ok(serde_json::from_str(&steady.snapshot(place, limit)).expect("written as JSON"));
        }
        let place = self.engine.market(market);
        let side = |side| {
            levels(
                place
                    .book()
                    .levels(side)
                    .take(limit)
                    .map(|(price, level)| (price, level.quantity)),
            )
        };
        Ok(json!({ "lastUpdateId": place.last_update().0, "bids": side(Side::Buy), "asks": side(Side::Sell) }))
    }

    /// `trades` and `historicalTrades`, which differ in `fromId` alone.
    pub(super) fn recent_trades(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let trades = self.engine.market(self.listed(call.params)?).trades();
        let limit = call.params.limit(500, 1_000)?;
        let first = match call.params.integer("fromId")? {
            Some(from) => trades.partition_point(|trade| (trade.id.0 as i64) < from),
            None => trades.len().saturating_sub(limit),
        };
        Ok(trades
            .iter()
            .skip(first)
            .take(limit)
            .map(|trade| public_trade(trade, call.unit))
            .collect())
    }

    pub(super) fn aggregate_trades(&self, call: &Call<'_>) -> Result<Value, ApiError> {
        let params = call.params;
        let market = self.listed(params)?;
        let limit = params.limit(500, 1_000)?;
        let (start, end) = (params.moment("startTime")?, params.moment("endTime")?);
        let from = params.integer("fromId")?;
        let rows = self.feeds[market.0]
            .aggregates
            .iter()
            .filter(|trade| from.is_none_or(|from| trade.id as i64 >= from))
            .filter(|trade| within(trade.time, start, end))
            .map(|trade| trade.render(call.unit));
        Ok(page(
            rows.collect(),
            limit,
            PageEnd::of(&[from.is_some(), start.is_some()]),
        ))
    }

    pub(super) fn klines(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let params = call.params;
        let market = self.listed(params)?;
        let interval = params.required("interval")?;
        let interval = Interval::parse(interval).ok_or_else(|| ApiError::bad(-1120, "Invalid interval."))?;
        if params
            .get("timeZone")
            .is_some_and(|zone| !zone.trim_start_matches(['+', '-', '0', ':']).is_empty())
        {
            return Err(ApiError::bad(-1020, "This operation is not supported."));
        }
        let limit = params.limit(500, 1_000)?;
        let (start, end) = (params.moment("startTime")?, params.moment("endTime")?);
        let rows = self.feeds[market.0]
            .candles
            .of(interval, self.now)
            .iter()
            .filter(|candle| within(candle.open_time, start, end))
            .map(|candle| kline_row(candle, call.unit));
        Ok(page(rows.collect(), limit, PageEnd::of(&[start.is_some()])))
    }

    pub(super) fn average_price(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        const MINUTES: u32 = 5;
        let market = self.listed(call.params)?;
        let price = self.feeds[market.0]
            .candles
            .average_price(MINUTES, self.now)
            .unwrap_or_default();
        let last = self
            .engine
            .market(market)
            .trades()
            .back()
            .map_or(Timestamp::default(), |trade| trade.time);
        Ok(json!({ "mins": MINUTES, "price": amount(price), "closeTime": call.unit.of(last) }))
    }

    /// The three tickers, for one symbol, several, or all.
    pub(super) fn tickers(&mut self, operation: Operation, call: &Call<'_>) -> Result<Value, ApiError> {
        let params = call.params;
        let shape = match params.get("type") {
            None | Some("FULL") => TickerShape::Full,
            Some("MINI") => TickerShape::Mini,
            Some(_) => return Err(ApiError::bad(-1139, "Invalid ticker type.")),
        };
        if params.get("symbol").is_some() && params.get("symbols").is_some() {
            return Err(ApiError::bad(-1128, "Combination of optional parameters invalid."));
        }
        if params.get("symbol").is_some() {
            let market = self.listed(params)?;
            self.check_status(market, call)?;
            return Ok(self.ticker(operation, market, shape, call.unit));
        }
        let chosen: Vec<MarketId> = match params.symbols("symbols")? {
            Some(symbols) => symbols
                .iter()
                .map(|symbol| self.engine.find_market(symbol).ok_or_else(unknown_symbol))
                .collect::<Result<_, _>>()?,
            None => (0..self.markets.len()).map(MarketId).collect(),
        };
        let status = status_of(call)?;
        let chosen = chosen
            .into_iter()
            .filter(|id| status.is_none_or(|wanted| wanted == self.markets[id.0].status));
        Ok(chosen
            .collect::<Vec<_>>()
            .into_iter()
            .map(|id| self.ticker(operation, id, shape, call.unit))
            .collect())
    }

    fn ticker(&mut self, operation: Operation, market: MarketId, shape: TickerShape, unit: TimeUnit) -> Value {
        match operation {
            Operation::TickerBook => self.ticker_book(market),
            Operation::TickerPrice => self.ticker_price(market),
            _ => self.ticker_24h(market, shape, unit),
        }
    }

    /// The average price that the filters use; the last price before the first minute.
    pub(super) fn filter_price(&mut self, market: MarketId) -> Option<Decimal> {
        let minutes = self.market_config(market).notional.avg_price_mins;
        self.feeds[market.0].candles.average_price(minutes, self.now)
    }

    fn check_status(&self, market: MarketId, call: &Call<'_>) -> Result<(), ApiError> {
        match status_of(call)? {
            Some(status) if status != self.market_config(market).status => {
                let message = "The symbol's status does not match the requested symbolStatus.";
                Err(ApiError::bad(-1220, message))
            }
            _ => Ok(()),
        }
    }
}

fn status_of(call: &Call<'_>) -> Result<Option<MarketStatus>, ApiError> {
    match call.params.get("symbolStatus") {
        None => Ok(None),
        Some("TRADING") => Ok(Some(MarketStatus::Trading)),
        Some("HALT") => Ok(Some(MarketStatus::Halt)),
        Some("BREAK") => Ok(Some(MarketStatus::Break)),
        Some(_) => Err(ApiError::bad(-1122, "Invalid symbolStatus.")),
    }
}

/// Whether a moment lies in a range whose bounds belong to it.
pub(super) fn within(moment: Timestamp, start: Option<Timestamp>, end: Option<Timestamp>) -> bool {
    // Bounds in milliseconds include the whole of the last millisecond.
    let end = end.map(|end| {
        if end.micros() % 1_000 == 0 {
            end.after(Span::from_micros(999))
        } else {
            end
        }
    });
    start.is_none_or(|start| start <= moment) && end.is_none_or(|end| moment <= end)
}

/// The oldest rows when a start was given, the newest otherwise; always in order of time.
///
/// Source: Binance REST API, "Data is returned in chronological order".
pub(super) fn page(mut rows: Vec<Value>, limit: usize, end: PageEnd) -> Value {
    match end {
        PageEnd::Oldest => rows.truncate(limit),
        PageEnd::Newest => drop(rows.drain(..rows.len().saturating_sub(limit))),
    }
    Value::Array(rows)
}

/// Which rows a page holds when there are more than fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageEnd {
    /// The oldest: the query said where to start.
    Oldest,
    /// The newest.
    Newest,
}

impl PageEnd {
    /// The oldest rows where any of the query's starting points is given.
    pub fn of(starts: &[bool]) -> Self {
        if starts.contains(&true) {
            Self::Oldest
        } else {
            Self::Newest
        }
    }
}

fn kline_row(candle: &Candle, unit: TimeUnit) -> Value {
    json!([
        unit.of(candle.open_time),
        amount(candle.open),
        amount(candle.high),
        amount(candle.low),
        amount(candle.close),
        amount(candle.volume),
        unit.just_before(candle.next_open),
        amount(candle.quote_volume),
        candle.trades,
        amount(candle.taker_base),
        amount(candle.taker_quote),
        "0",
    ])
}

fn describe_symbol(market: &MarketConfig, permission_sets: &Value) -> Value {
    const PRECISION: u32 = 8;
    let status = match market.status {
        MarketStatus::Trading | MarketStatus::CancelOnly => "TRADING",
        MarketStatus::Halt => "HALT",
        MarketStatus::Break => "BREAK",
    };
    let modes: Vec<&str> = market
        .allowed_self_trade_prevention
        .iter()
        .map(|mode| prevention(*mode))
        .collect();
    json!({
        "symbol": market.symbol.as_str(),
        "status": status,
        "baseAsset": market.base.as_str(),
        "baseAssetPrecision": PRECISION,
        "quoteAsset": market.quote.as_str(),
        "quotePrecision": PRECISION,
        "quoteAssetPrecision": PRECISION,
        "baseCommissionPrecision": PRECISION,
        "quoteCommissionPrecision": PRECISION,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": false,
        "ocoAllowed": false,
        "otoAllowed": false,
        "opoAllowed": false,
        "quoteOrderQtyMarketAllowed": true,
        "allowTrailingStop": false,
        "cancelReplaceAllowed": true,
        "amendAllowed": true,
        "pegInstructionsAllowed": false,
        "isSpotTradingAllowed": true,
        "isMarginTradingAllowed": false,
        "filters": filters::describe(market),
        "permissions": [],
        "permissionSets": permission_sets,
        "defaultSelfTradePreventionMode": prevention(market.default_self_trade_prevention),
        "allowedSelfTradePreventionModes": modes,
    })
}
