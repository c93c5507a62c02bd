//! From what the engine tells to what streams carry: at once for trades, best prices and user events, by the clock for depth,
//! mark prices, candles and tickers.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::exchange::Exchange;
use super::market_data::{aggregate_row, level_text};
use super::render::{plain, stepped};
use super::socket::Door;
use super::stream_name::{StreamKey, StreamKind};
use crate::identity::MarketId;
use crate::matching::{Event, PublicTrade, Side};
use crate::time::{Span, Timestamp};
use crate::wire::candles::{Candle, Interval};
use crate::wire::feed::{AggregateTrade, BestPrices, Speed};
use crate::wire::streams::wrapped;
use crate::wire::text::amount;
use crate::wire::transport::Outgoing;

const SECOND: Span = Span::from_secs(1);
/// How often an open candle is sent.
const CANDLES_EVERY: Span = Span::from_millis(250);

/// What every payload of USD-M says of itself, beside COIN-M which shares the hosts.
const UNITED: u8 = 1;

impl Exchange {
    /// Passes on what the engine did since the last call, and what follows from it: triggers that a trade fires do something
    /// themselves.
    pub(super) fn settle(&mut self) {
        loop {
            let events = self.engine.take_events();
            if events.is_empty() {
                break;
            }
            let mut prices: Vec<(MarketId, Decimal)> = Vec::new();
            for event in events {
                match event {
                    Event::Order(report) => {
                        self.tell_execution(&report);
                        if let Some(forced) = self.forced_order(&report) {
                            self.publish(StreamKey::Market(report.market, StreamKind::ForceOrder), &forced);
                            self.publish(StreamKey::AllForceOrders, &forced);
                        }
                        self.finish_trigger(report.market, &report.order);
                    }
                    Event::Trade(market, trade) => {
                        self.publish_trade(market, &trade);
                        prices.push((market, trade.price));
                    }
                    Event::Margin(change) => self.tell_margin(&change),
                    Event::MarginCall {
                        account,
                        positions,
                        time,
                    } => self.tell_margin_call(account, &positions, time),
                    // Events of spot, which this market has none of.
                    Event::Balances { .. } | Event::Transfer { .. } => {}
                }
            }
            for (market, price) in prices {
                self.fire_triggers_by_last(market, price);
            }
        }
        for place in 0..self.markets.len() {
            self.publish_changes(MarketId(place));
        }
    }

    fn publish_changes(&mut self, market: MarketId) {
        if let Some(ended) = self.feeds[market.0].end_aggregate() {
            self.publish_aggregate(market, &ended);
        }
        let changes = self.engine.market_mut(market).take_changes();
        if changes.is_empty() {
            return;
        }
        for change in changes {
            self.feeds[market.0].add_change(change);
        }
        let best = self.feeds[market.0].best_if_changed(self.engine.market(market).book());
        if let Some(best) = best {
            self.publish_best(market, best);
        }
    }

    /// Sends a payload to everybody who follows a stream.
    fn publish(&mut self, key: StreamKey, payload: &Value) {
        let mut data: Option<String> = None;
        for (id, connection) in &self.connections {
            let Door::Market(_, streams) = &connection.door else {
                continue;
            };
            if let Some(name) = streams.name_of(key) {
                let data = data.get_or_insert_with(|| payload.to_string());
                let text = wrapped(streams.wrapping, name, data);
                self.outgoing.push((*id, Outgoing::Text(text)));
            }
        }
    }

    fn is_followed(&self, key: StreamKey) -> bool {
        self.connections.values().any(|connection| match &connection.door {
            Door::Market(_, streams) => streams.name_of(key).is_some(),
            Door::User(_) => false,
        })
    }

    fn publish_trade(&mut self, market: MarketId, trade: &PublicTrade) {
        let key = StreamKey::Market(market, StreamKind::Trade);
        if self.is_followed(key) {
            let config = self.config(market);
            let event = json!({
                "e": "trade",
                "E": trade.time.millis(),
                "T": trade.time.millis(),
                "s": config.symbol.as_str(),
                "t": trade.id.0,
                "p": stepped(trade.price, config.price.tick),
                "q": stepped(trade.quantity, config.lot.step),
                "X": "MARKET",
                "m": trade.taker_side == Side::Sell,
                "st": UNITED,
            });
            self.publish(key, &event);
        }
        if let Some(ended) = self.feeds[market.0].add_trade(trade) {
            self.publish_aggregate(market, &ended);
        }
    }

    fn publish_aggregate(&mut self, market: MarketId, trade: &AggregateTrade) {
        let key = StreamKey::Market(market, StreamKind::AggTrade);
        if self.is_followed(key) {
            let config = self.config(market);
            let mut event = aggregate_row(config, trade);
            event["e"] = json!("aggTrade");
            event["E"] = json!(self.now.millis());
            event["s"] = json!(config.symbol.as_str());
            event["st"] = json!(UNITED);
            self.publish(key, &event);
        }
    }

    fn publish_best(&mut self, market: MarketId, best: BestPrices) {
        let keys = [
            StreamKey::Market(market, StreamKind::BookTicker),
            StreamKey::AllBookTickers,
        ];
        if !keys.iter().any(|key| self.is_followed(*key)) {
            return;
        }
        let config = self.config(market);
        let (bid, ask) = (best.bid.unwrap_or_default(), best.ask.unwrap_or_default());
        let event = json!({
            "e": "bookTicker",
            "u": self.engine.market(market).last_update().0,
            "E": self.now.millis(),
            "T": self.now.millis(),
            "s": config.symbol.as_str(),
            "ps": config.symbol.as_str(),
            "b": stepped(bid.0, config.price.tick),
            "B": stepped(bid.1, config.lot.step),
            "a": stepped(ask.0, config.price.tick),
            "A": stepped(ask.1, config.lot.step),
            "st": UNITED,
        });
        for key in keys {
            self.publish(key, &event);
        }
    }

    /// What is sent by the clock; `due` is a multiple of 50 ms.
    pub(super) fn publish_by_clock(&mut self, due: Timestamp) {
        let is_due = |span: Span| due.window_start(span) == due;
        for market in (0..self.markets.len()).map(MarketId) {
            for speed in [Speed::Fast, Speed::Quarter, Speed::Half] {
                if is_due(speed.span()) {
                    self.publish_depth(market, speed);
                }
            }
            if is_due(CANDLES_EVERY) {
                self.publish_candles(market, due);
            }
        }
        if !is_due(SECOND) {
            return;
        }
        self.publish_marks(1);
        if is_due(Span::from_secs(3)) {
            self.publish_marks(3);
        }
        for market in (0..self.markets.len()).map(MarketId) {
            self.publish_statistics(market);
        }
    }

    fn publish_depth(&mut self, market: MarketId, speed: Speed) {
        let Some(update) = self.feeds[market.0].take_depth(speed) else {
            return;
        };
        let before = self
            .last_updates
            .insert((market, speed), update.last.0)
            .unwrap_or(update.first.0 - 1);
        let key = StreamKey::Market(market, StreamKind::Depth(speed));
        let frame = |exchange: &Self, bids: Value, asks: Value| {
            let symbol = exchange.symbol(market).as_str();
            json!({
                "e": "depthUpdate",
                "E": exchange.now.millis(),
                "T": exchange.now.millis(),
                "s": symbol,
                "ps": symbol,
                "U": update.first.0,
                "u": update.last.0,
                "pu": before,
                "b": bids,
                "a": asks,
                "st": UNITED,
            })
        };
        if self.is_followed(key) {
            let config = self.config(market);
            let text = |(price, quantity): (&Decimal, &Decimal)| level_text(config, *price, *quantity);
            let bids = update.bids.iter().rev().map(text).collect();
            let asks = update.asks.iter().map(text).collect();
            let event = frame(self, bids, asks);
            self.publish(key, &event);
        }
        for count in [5, 10, 20] {
            let key = StreamKey::Market(market, StreamKind::PartialDepth(count, speed));
            if self.is_followed(key) {
                let config = self.config(market);
                let book = self.engine.market(market).book();
                let side = |side| -> Value {
                    let best = book.levels(side).take(count);
                    best.map(|(price, level)| level_text(config, price, level.quantity))
                        .collect()
                };
                let event = frame(self, side(Side::Buy), side(Side::Sell));
                self.publish(key, &event);
            }
        }
    }

    fn mark_event(&self, market: MarketId) -> Value {
        let pricing = &self.prices[market.0];
        json!({
            "e": "markPriceUpdate",
            "E": self.now.millis(),
            "s": self.symbol(market).as_str(),
            "p": amount(pricing.mark),
            "ap": amount(pricing.mark_average()),
            "i": amount(pricing.index),
            "P": amount(pricing.index),
            "r": amount(pricing.rate()),
            "T": pricing.next_funding().millis(),
            "st": UNITED,
        })
    }

    fn publish_marks(&mut self, seconds: u8) {
        for market in (0..self.markets.len()).map(MarketId) {
            let key = StreamKey::Market(market, StreamKind::MarkPrice(seconds));
            if self.is_followed(key) {
                let event = self.mark_event(market);
                self.publish(key, &event);
            }
        }
        if self.is_followed(StreamKey::AllMarkPrices(seconds)) {
            let all: Value = (0..self.markets.len())
                .map(|place| self.mark_event(MarketId(place)))
                .collect();
            self.publish(StreamKey::AllMarkPrices(seconds), &all);
        }
    }

    fn publish_candles(&mut self, market: MarketId, due: Timestamp) {
        let mut intervals: Vec<Interval> = Vec::new();
        for connection in self.connections.values() {
            let Door::Market(_, streams) = &connection.door else {
                continue;
            };
            intervals.extend(streams.keys().filter_map(|key| match key {
                StreamKey::Market(other, StreamKind::Kline(interval)) if other == market => Some(interval),
                _ => None,
            }));
        }
        intervals.sort();
        intervals.dedup();
        for interval in intervals {
            let candles = self.feeds[market.0].candles.of(interval, due);
            let closed = candles
                .iter()
                .rev()
                .nth(1)
                .filter(|candle| candle.next_open == due)
                .cloned();
            let current = candles.back().cloned();
            let key = StreamKey::Market(market, StreamKind::Kline(interval));
            for candle in [closed, current].into_iter().flatten() {
                let event = self.kline_event(market, interval, &candle, due);
                self.publish(key, &event);
            }
        }
    }

    fn kline_event(&self, market: MarketId, interval: Interval, candle: &Candle, now: Timestamp) -> Value {
        let config = self.config(market);
        let price = |value| stepped(value, config.price.tick);
        let (first, last) = candle
            .span
            .map_or((-1, -1), |(first, last)| (first.0 as i64, last.0 as i64));
        json!({
            "e": "kline",
            "E": now.millis(),
            "s": config.symbol.as_str(),
            "k": {
                "t": candle.open_time.millis(),
                "T": candle.next_open.millis() - 1,
                "s": config.symbol.as_str(),
                "i": interval.as_str(),
                "f": first,
                "L": last,
                "o": price(candle.open),
                "c": price(candle.close),
                "h": price(candle.high),
                "l": price(candle.low),
                "v": plain(candle.volume),
                "n": candle.trades,
                "x": candle.next_open <= now,
                "q": plain(candle.quote_volume),
                "V": plain(candle.taker_base),
                "Q": plain(candle.taker_quote),
                "B": "0",
            },
            "st": UNITED,
        })
    }

    fn publish_statistics(&mut self, market: MarketId) {
        for kind in [StreamKind::MiniTicker, StreamKind::Ticker] {
            let key = StreamKey::Market(market, kind);
            if !self.is_followed(key) {
                continue;
            }
            let row = self.ticker_24h(market);
            let mut event = json!({
                "e": "24hrMiniTicker",
                "E": self.now.millis(),
                "s": row["symbol"],
                "ps": row["symbol"],
                "c": row["lastPrice"],
                "o": row["openPrice"],
                "h": row["highPrice"],
                "l": row["lowPrice"],
                "v": row["volume"],
                "q": row["quoteVolume"],
                "st": UNITED,
            });
            if kind == StreamKind::Ticker {
                event["e"] = json!("24hrTicker");
                for (name, field) in [
                    ("p", "priceChange"),
                    ("P", "priceChangePercent"),
                    ("w", "weightedAvgPrice"),
                    ("Q", "lastQty"),
                    ("O", "openTime"),
                    ("C", "closeTime"),
                    ("F", "firstId"),
                    ("L", "lastId"),
                    ("n", "count"),
                ] {
                    event[name] = row[field].clone();
                }
            }
            self.publish(key, &event);
        }
    }
}
