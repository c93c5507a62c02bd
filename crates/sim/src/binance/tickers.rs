//! 24-hour statistics, last prices and best prices, in the shapes of REST and of the streams.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::exchange::Exchange;
use super::render::{TimeUnit, amount};
use crate::identity::MarketId;
use crate::wire::candles::Statistics;
use crate::wire::feed::BestPrices;

/// How much a 24-hour ticker shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TickerShape {
    /// Everything.
    Full,
    /// Without best prices and changes.
    Mini,
}

fn percent(day: &Statistics) -> Decimal {
    if day.open.is_zero() {
        Decimal::ZERO
    } else {
        (day.close - day.open) / day.open * Decimal::ONE_HUNDRED
    }
}

fn weighted(day: &Statistics) -> Decimal {
    if day.volume.is_zero() {
        Decimal::ZERO
    } else {
        day.quote_volume / day.volume
    }
}

fn trade_ids(day: &Statistics) -> (i64, i64) {
    day.span
        .map_or((-1, -1), |(first, last)| (first.0 as i64, last.0 as i64))
}

impl Exchange {
    fn day(&mut self, market: MarketId) -> Option<Statistics> {
        self.feeds[market.0].candles.day(self.now)
    }

    fn best(&self, market: MarketId) -> BestPrices {
        BestPrices::of(self.engine.market(market).book())
    }

    /// A row of `ticker/24hr`; zeros before the first trade.
    pub(super) fn ticker_24h(&mut self, market: MarketId, shape: TickerShape, unit: TimeUnit) -> Value {
        let now = self.now;
        let zero = Statistics {
            open: Decimal::ZERO,
            high: Decimal::ZERO,
            low: Decimal::ZERO,
            close: Decimal::ZERO,
            volume: Decimal::ZERO,
            quote_volume: Decimal::ZERO,
            trades: 0,
            span: None,
            open_time: now,
        };
        let day = self.day(market).unwrap_or(zero);
        let (first, last) = trade_ids(&day);
        let mut body = json!({
            "symbol": self.symbol(market).as_str(),
            "openPrice": amount(day.open),
            "highPrice": amount(day.high),
            "lowPrice": amount(day.low),
            "lastPrice": amount(day.close),
            "volume": amount(day.volume),
            "quoteVolume": amount(day.quote_volume),
            "openTime": unit.of(day.open_time),
            "closeTime": unit.of(now),
            "firstId": first,
            "lastId": last,
            "count": day.trades,
        });
        if shape == TickerShape::Full {
            let best = self.best(market);
            let ((bid, bid_quantity), (ask, ask_quantity)) = (BestPrices::texts(best.bid), BestPrices::texts(best.ask));
            let last_quantity = self
                .engine
                .market(market)
                .trades()
                .back()
                .map_or(Decimal::ZERO, |t| t.quantity);
            body["priceChange"] = json!(amount(day.close - day.open));
            body["priceChangePercent"] = json!(format!("{:.3}", percent(&day)));
            body["weightedAvgPrice"] = json!(amount(weighted(&day)));
            body["prevClosePrice"] = json!(amount(day.open));
            body["lastQty"] = json!(amount(last_quantity));
            body["bidPrice"] = json!(bid);
            body["bidQty"] = json!(bid_quantity);
            body["askPrice"] = json!(ask);
            body["askQty"] = json!(ask_quantity);
        }
        body
    }

    /// A row of `ticker/price`.
    pub(super) fn ticker_price(&self, market: MarketId) -> Value {
        let price = self.engine.market(market).last_price().unwrap_or_default();
        json!({ "symbol": self.symbol(market).as_str(), "price": amount(price) })
    }

    /// A row of `ticker/bookTicker`.
    pub(super) fn ticker_book(&self, market: MarketId) -> Value {
        let best = self.best(market);
        let ((bid, bid_quantity), (ask, ask_quantity)) = (BestPrices::texts(best.bid), BestPrices::texts(best.ask));
        json!({
            "symbol": self.symbol(market).as_str(),
            "bidPrice": bid,
            "bidQty": bid_quantity,
            "askPrice": ask,
            "askQty": ask_quantity,
        })
    }

    /// `24hrMiniTicker`.
    pub(super) fn mini_ticker_event(&mut self, market: MarketId, unit: TimeUnit) -> Option<Value> {
        let day = self.day(market)?;
        Some(json!({
            "e": "24hrMiniTicker",
            "E": unit.of(self.now),
            "s": self.symbol(market).as_str(),
            "c": amount(day.close),
            "o": amount(day.open),
            "h": amount(day.high),
            "l": amount(day.low),
            "v": amount(day.volume),
            "q": amount(day.quote_volume),
        }))
    }

    /// `24hrTicker`.
    pub(super) fn ticker_event(&mut self, market: MarketId, unit: TimeUnit) -> Option<Value> {
        let day = self.day(market)?;
        let best = self.best(market);
        let ((bid, bid_quantity), (ask, ask_quantity)) = (BestPrices::texts(best.bid), BestPrices::texts(best.ask));
        let last_quantity = self
            .engine
            .market(market)
            .trades()
            .back()
            .map_or(Decimal::ZERO, |t| t.quantity);
        let (first, last) = trade_ids(&day);
        Some(json!({
            "e": "24hrTicker",
            "E": unit.of(self.now),
            "s": self.symbol(market).as_str(),
            "p": amount(day.close - day.open),
            "P": format!("{:.3}", percent(&day)),
            "w": amount(weighted(&day)),
            "x": amount(day.open),
            "c": amount(day.close),
            "Q": amount(last_quantity),
            "b": bid,
            "B": bid_quantity,
            "a": ask,
            "A": ask_quantity,
            "o": amount(day.open),
            "h": amount(day.high),
            "l": amount(day.low),
            "v": amount(day.volume),
            "q": amount(day.quote_volume),
            "O": unit.of(day.open_time),
            "C": unit.of(self.now),
            "F": first,
            "L": last,
            "n": day.trades,
        }))
    }

    /// `avgPrice` on a stream.
    pub(super) fn average_price_event(&mut self, market: MarketId, unit: TimeUnit) -> Option<Value> {
        let average = self.feeds[market.0].candles.average_price(5, self.now)?;
        let last = self.engine.market(market).trades().back().map(|trade| trade.time)?;
        Some(json!({
            "e": "avgPrice",
            "E": unit.of(self.now),
            "s": self.symbol(market).as_str(),
            "i": "5m",
            "w": amount(average),
            "T": unit.of(last),
        }))
    }
}
