//! From what the engine tells to what streams carry: at once for trades, best prices and user events, by the clock for
//! depth, candles and tickers.

use serde_json::{Value, json};

use super::connection::{Door, LIFETIME, PING_EVERY, PONG_WITHIN};
use super::exchange::Exchange;
use super::render::{TimeUnit, amount, levels};
use super::stream_name::{StreamKey, StreamKind};
use crate::flow::SteadyKind;
use crate::identity::{ConnectionId, MarketId, Symbol};
use crate::matching::{Book, Event, Execution, ExecutionReport, Liquidity, PublicTrade, Side};
use crate::time::{Span, Timestamp};
use crate::wire::candles::{Candle, Interval};
use crate::wire::feed::{AggregateTrade, BestPrices, Speed};
use crate::wire::limits::FirstFill;
use crate::wire::streams::wrapped;
use crate::wire::transport::{CloseCode, Outgoing};

/// Room for a depth update of twenty levels.
const STEADY_ROOM: usize = 1_024;
const SECOND: Span = Span::from_secs(1);
const UNITS: [TimeUnit; 2] = [TimeUnit::Milliseconds, TimeUnit::Microseconds];

impl Exchange {
    /// Passes on what the engine did since the last call.
    pub(super) fn settle(&mut self) {
        for event in self.engine.take_events() {
            match event {
                Event::Order(report) => {
                    self.refund_first_fill(&report);
                    self.publish_execution(&report);
                }
                Event::Trade(market, trade) => self.publish_trade(market, &trade),
                Event::Balances { account, assets, time } => self.publish_balances(account, &assets, time),
                // Events of contracts, which this market has none of.
                Event::Margin(_) | Event::MarginCall { .. } => {}
                Event::Transfer {
                    account,
                    asset,
                    delta,
                    time,
                } => {
                    self.publish_transfer(account, &asset, delta, time);
                }
            }
        }
        for place in 0..self.traded() {
            let market = MarketId(place);
            if let Some(ended) = self.feeds[place].end_aggregate() {
                self.publish_aggregate(market, &ended);
            }
            let changes = self.engine.market_mut(market).take_changes();
            if changes.is_empty() {
                continue;
            }
            changes
                .into_iter()
                .for_each(|change| self.feeds[place].add_change(change));
            let best = self.feeds[place].best_if_changed(self.engine.market(market).book());
            if let Some(best) = best {
                self.publish_best(market, best);
            }
        }
    }

    /// The first fill of an order lowers its account's unfilled order count.
    fn refund_first_fill(&mut self, report: &ExecutionReport) {
        if let Execution::Trade {
            quantity, liquidity, ..
        } = &report.execution
            && report.order.executed == *quantity
        {
            let fill = match liquidity {
                Liquidity::Maker => FirstFill::AsMaker,
                Liquidity::Taker => FirstFill::AsTaker,
            };
            self.limits.refund_order(report.order.account, fill, report.time);
        }
    }

    /// What is sent by the clock; `due` is a multiple of 100 ms.
    pub(super) fn tick(&mut self, due: Timestamp) {
        let full_second = due.window_start(SECOND) == due;
        let speeds: &[Speed] = if full_second {
            &[Speed::Fast, Speed::Slow]
        } else {
            &[Speed::Fast]
        };
        for place in 0..self.traded() {
            for speed in speeds {
                self.publish_depth(MarketId(place), *speed);
            }
            if full_second {
                self.publish_candles(MarketId(place), due);
                self.publish_statistics(MarketId(place));
            }
        }
        if full_second {
            self.publish_all_mini_tickers();
            self.keep_alive(due);
        }
    }

    /// What markets with a rate tell by `now` to whoever follows them; what nobody follows does not change.
    pub(super) fn tell_steady(&mut self, now: Timestamp) {
        let traded = self.traded();
        // Taken out while it renders, and put back.
        let Some(mut steady) = self.steady.take() else { return };
        while let Some((market, kind)) = steady.due(now) {
            let stream = match kind {
                SteadyKind::Depth => StreamKind::Depth(Speed::Fast),
                SteadyKind::Trade => StreamKind::Trade,
            };
            let key = StreamKey::Market(MarketId(traded + market), stream);
            let mut rendered: Option<String> = None;
            for (id, connection) in &self.connections {
                let Door::Market(streams) = &connection.door else {
                    continue;
                };
                let Some(name) = streams.name_of(key) else { continue };
                let data = rendered.get_or_insert_with(|| {
                    let mut data = String::with_capacity(STEADY_ROOM);
                    match kind {
                        SteadyKind::Depth => steady.write_depth(market, now, &mut data),
                        SteadyKind::Trade => steady.write_trade(market, now, &mut data),
                    }
                    data
                });
                let text = wrapped(streams.wrapping, name, data);
                let text = match connection.unit {
                    TimeUnit::Microseconds => text,
                    TimeUnit::Milliseconds => text.replace(&now.micros().to_string(), &now.millis().to_string()),
                };
                self.outgoing.push((*id, Outgoing::Text(text)));
            }
        }
        self.steady = Some(steady);
    }

    /// Sends a payload to everybody who follows a stream; rendered once per time unit, and not at all for nobody.
    fn publish(&mut self, key: StreamKey, render: impl Fn(TimeUnit) -> Value) {
        let mut rendered: [Option<String>; 2] = [None, None];
        for (id, connection) in &self.connections {
            let Door::Market(streams) = &connection.door else {
                continue;
            };
            let Some(name) = streams.name_of(key) else { continue };
            let unit = connection.unit;
            let data = rendered[unit as usize].get_or_insert_with(|| render(unit).to_string());
            let text = wrapped(streams.wrapping, name, data);
            self.outgoing.push((*id, Outgoing::Text(text)));
        }
    }

    fn publish_trade(&mut self, market: MarketId, trade: &PublicTrade) {
        let symbol = self.symbol(market).clone();
        self.publish(StreamKey::Market(market, StreamKind::Trade), |unit| {
            json!({
                "e": "trade",
                "E": unit.of(trade.time),
                "s": symbol.as_str(),
                "t": trade.id.0,
                "p": amount(trade.price),
                "q": amount(trade.quantity),
                "T": unit.of(trade.time),
                "m": trade.taker_side == Side::Sell,
                "M": true,
            })
        });
        if let Some(ended) = self.feeds[market.0].add_trade(trade) {
            self.publish_aggregate(market, &ended);
        }
    }

    fn publish_aggregate(&mut self, market: MarketId, trade: &AggregateTrade) {
        let (symbol, now) = (self.symbol(market).clone(), self.now);
        self.publish(StreamKey::Market(market, StreamKind::AggTrade), |unit| {
            let mut body = trade.render(unit);
            body["e"] = json!("aggTrade");
            body["E"] = json!(unit.of(now));
            body["s"] = json!(symbol.as_str());
            body
        });
    }

    fn publish_best(&mut self, market: MarketId, best: BestPrices) {
        let symbol = self.symbol(market).clone();
        let update = self.engine.market(market).last_update();
        let ((bid, bid_quantity), (ask, ask_quantity)) = (BestPrices::texts(best.bid), BestPrices::texts(best.ask));
        self.publish(StreamKey::Market(market, StreamKind::BookTicker), |_| {
            json!({ "u": update.0, "s": symbol.as_str(), "b": bid, "B": bid_quantity, "a": ask, "A": ask_quantity })
        });
    }

    fn publish_depth(&mut self, market: MarketId, speed: Speed) {
        let now = self.now;
        let Some(update) = self.feeds[market.0].take_depth(speed) else {
            return;
        };
        let symbol = self.symbol(market).clone();
        self.publish(StreamKey::Market(market, StreamKind::Depth(speed)), |unit| {
            update.render(&symbol, now, unit)
        });
        for count in [5, 10, 20] {
            let key = StreamKey::Market(market, StreamKind::PartialDepth(count, speed));
            if self.is_followed(key) {
                let place = self.engine.market(market);
                let body = partial_depth(place.book(), place.last_update().0, count);
                self.publish(key, |_| body.clone());
            }
        }
    }

    fn is_followed(&self, key: StreamKey) -> bool {
        self.connections.values().any(|connection| match &connection.door {
            Door::Market(streams) => streams.name_of(key).is_some(),
            Door::Api(_) => false,
        })
    }

    /// The present candle every second for `1s`, every two seconds otherwise; and the closed one when it closes.
    fn publish_candles(&mut self, market: MarketId, due: Timestamp) {
        let mut intervals: Vec<Interval> = Vec::new();
        for connection in self.connections.values() {
            let Door::Market(streams) = &connection.door else {
                continue;
            };
            intervals.extend(streams.keys().filter_map(|key| match key {
                StreamKey::Market(other, StreamKind::Kline(interval)) if other == market => Some(interval),
                _ => None,
            }));
        }
        intervals.sort();
        intervals.dedup();
        let even = due.window_start(Span::from_secs(2)) == due;
        let symbol = self.symbol(market).clone();
        for interval in intervals {
            let candles = self.feeds[market.0].candles.of(interval, due);
            let closed = candles
                .iter()
                .rev()
                .nth(1)
                .filter(|candle| candle.next_open == due)
                .cloned();
            let current = candles.back().filter(|_| interval != Interval::S1 && even).cloned();
            let key = StreamKey::Market(market, StreamKind::Kline(interval));
            for (candle, state) in [(closed, CandleState::Closed), (current, CandleState::Open)] {
                if let Some(candle) = candle {
                    self.publish(key, |unit| kline_event(&symbol, interval, &candle, state, due, unit));
                }
            }
        }
    }

    fn publish_statistics(&mut self, market: MarketId) {
        for kind in [StreamKind::MiniTicker, StreamKind::Ticker, StreamKind::AvgPrice] {
            let key = StreamKey::Market(market, kind);
            if !self.is_followed(key) {
                continue;
            }
            let bodies = UNITS.map(|unit| match kind {
                StreamKind::MiniTicker => self.mini_ticker_event(market, unit),
                StreamKind::Ticker => self.ticker_event(market, unit),
                _ => self.average_price_event(market, unit),
            });
            if let [Some(milliseconds), Some(microseconds)] = bodies {
                self.publish(key, |unit| in_unit(unit, &milliseconds, &microseconds));
            }
        }
    }

    fn publish_all_mini_tickers(&mut self) {
        if !self.is_followed(StreamKey::AllMiniTickers) {
            return;
        }
        let [milliseconds, microseconds] = UNITS.map(|unit| -> Value {
            (0..self.markets.len())
                .filter_map(|place| self.mini_ticker_event(MarketId(place), unit))
                .collect()
        });
        if milliseconds.as_array().is_some_and(|tickers| !tickers.is_empty()) {
            self.publish(StreamKey::AllMiniTickers, |unit| {
                in_unit(unit, &milliseconds, &microseconds)
            });
        }
    }

    /// Pings, and ends connections that do not answer or are a day old.
    fn keep_alive(&mut self, now: Timestamp) {
        let mut ended: Vec<(ConnectionId, CloseCode, &'static str)> = Vec::new();
        for (id, connection) in &mut self.connections {
            let silent = connection
                .unanswered
                .as_ref()
                .is_some_and(|(_, sent)| now.since(*sent) > PONG_WITHIN);
            if silent {
                ended.push((*id, CloseCode::Policy, "Pong timeout"));
            } else if now.since(connection.opened) >= LIFETIME {
                ended.push((*id, CloseCode::GoingAway, "Connection lifetime is over"));
            } else if now >= connection.next_ping {
                let payload = now.millis().to_string();
                connection.next_ping = connection.next_ping.after(PING_EVERY);
                connection.unanswered.get_or_insert((payload.clone(), now));
                self.outgoing.push((*id, Outgoing::Ping(payload)));
            }
        }
        for (id, code, reason) in ended {
            self.close(id, code, reason);
        }
    }

    pub(super) fn close(&mut self, id: ConnectionId, code: CloseCode, reason: &'static str) {
        if self.connections.remove(&id).is_some() {
            self.outgoing.push((id, Outgoing::Close(code, reason)));
        }
    }
}

/// Whether a candle can still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CandleState {
    Open,
    Closed,
}

fn in_unit(unit: TimeUnit, milliseconds: &Value, microseconds: &Value) -> Value {
    match unit {
        TimeUnit::Milliseconds => milliseconds.clone(),
        TimeUnit::Microseconds => microseconds.clone(),
    }
}

fn partial_depth(book: &Book, update: u64, count: usize) -> Value {
    let side = |side| {
        levels(
            book.levels(side)
                .take(count)
                .map(|(price, level)| (price, level.quantity)),
        )
    };
    json!({ "lastUpdateId": update, "bids": side(Side::Buy), "asks": side(Side::Sell) })
}

fn kline_event(
    symbol: &Symbol,
    interval: Interval,
    candle: &Candle,
    state: CandleState,
    now: Timestamp,
    unit: TimeUnit,
) -> Value {
    let (first, last) = candle
        .span
        .map_or((-1, -1), |(first, last)| (first.0 as i64, last.0 as i64));
    json!({
        "e": "kline",
        "E": unit.of(now),
        "s": symbol.as_str(),
        "k": {
            "t": unit.of(candle.open_time),
            "T": unit.just_before(candle.next_open),
            "s": symbol.as_str(),
            "i": interval.as_str(),
            "f": first,
            "L": last,
            "o": amount(candle.open),
            "c": amount(candle.close),
            "h": amount(candle.high),
            "l": amount(candle.low),
            "v": amount(candle.volume),
            "n": candle.trades,
            "x": state == CandleState::Closed,
            "q": amount(candle.quote_volume),
            "V": amount(candle.taker_base),
            "Q": amount(candle.taker_quote),
            "B": "0",
        },
    })
}
