//! Candles of all intervals, built from trades, and the statistics that are read off them.

use std::collections::VecDeque;

use rust_decimal::Decimal;

use crate::identity::TradeId;
use crate::matching::{PublicTrade, Side};
use crate::time::{Span, Timestamp};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The epoch was a Thursday; weeks begin on Monday.
const FIRST_MONDAY: i64 = 4 * DAY;

/// A candle's length. Source: Binance, "Supported kline intervals".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interval {
    S1,
    M1,
    M3,
    M5,
    M15,
    M30,
    H1,
    H2,
    H4,
    H6,
    H8,
    H12,
    D1,
    D3,
    W1,
    Month1,
}

/// All intervals with their text, and their length in microseconds (0 for months, which differ).
const INTERVALS: [(Interval, &str, i64); 16] = [
    (Interval::S1, "1s", SECOND),
    (Interval::M1, "1m", MINUTE),
    (Interval::M3, "3m", 3 * MINUTE),
    (Interval::M5, "5m", 5 * MINUTE),
    (Interval::M15, "15m", 15 * MINUTE),
    (Interval::M30, "30m", 30 * MINUTE),
    (Interval::H1, "1h", HOUR),
    (Interval::H2, "2h", 2 * HOUR),
    (Interval::H4, "4h", 4 * HOUR),
    (Interval::H6, "6h", 6 * HOUR),
    (Interval::H8, "8h", 8 * HOUR),
    (Interval::H12, "12h", 12 * HOUR),
    (Interval::D1, "1d", DAY),
    (Interval::D3, "3d", 3 * DAY),
    (Interval::W1, "1w", 7 * DAY),
    (Interval::Month1, "1M", 0),
];

impl Interval {
    /// The interval of a text such as `1m`; case-sensitive.
    pub fn parse(text: &str) -> Option<Self> {
        INTERVALS
            .iter()
            .find(|(_, name, _)| *name == text)
            .map(|(interval, ..)| *interval)
    }

    /// Its text.
    pub fn as_str(self) -> &'static str {
        INTERVALS[self as usize].1
    }

    /// The opening time of the candle that holds `moment`.
    pub fn open_time(self, moment: Timestamp) -> Timestamp {
        let micros = moment.micros();
        match self {
            Self::Month1 => month_start(micros, 0),
            Self::W1 => Timestamp::from_micros((micros - FIRST_MONDAY).div_euclid(7 * DAY) * 7 * DAY + FIRST_MONDAY),
            _ => moment.window_start(Span::from_micros(INTERVALS[self as usize].2)),
        }
    }

    /// The opening time of the candle after the one that opened at `open`.
    pub fn next_open(self, open: Timestamp) -> Timestamp {
        match self {
            Self::Month1 => month_start(open.micros(), 1),
            _ => open.after(Span::from_micros(INTERVALS[self as usize].2)),
        }
    }
}

/// The first moment of the month, `ahead` months later. Days to and from civil dates by Howard Hinnant's algorithms.
fn month_start(micros: i64, ahead: i64) -> Timestamp {
    let shifted = micros.div_euclid(DAY) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let months = (era * 400 + year_of_era) * 12 + month_from_march + ahead;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Timestamp::from_micros((era * 146_097 + day_of_era - 719_468) * DAY)
}

/// One candle.
#[derive(Debug, Clone)]
pub struct Candle {
    /// When it opens.
    pub open_time: Timestamp,
    /// When the next one opens.
    pub next_open: Timestamp,
    /// First price, or the close before when nothing traded.
    pub open: Decimal,
    /// Greatest price.
    pub high: Decimal,
    /// Least price.
    pub low: Decimal,
    /// Last price.
    pub close: Decimal,
    /// Base traded.
    pub volume: Decimal,
    /// Quote traded.
    pub quote_volume: Decimal,
    /// Base bought by takers.
    pub taker_base: Decimal,
    /// Quote spent by takers who bought.
    pub taker_quote: Decimal,
    /// How many trades.
    pub trades: u64,
    /// The first and the last trade.
    pub span: Option<(TradeId, TradeId)>,
}

impl Candle {
    fn flat(interval: Interval, open_time: Timestamp, price: Decimal) -> Self {
        Self {
            open_time,
            next_open: interval.next_open(open_time),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::ZERO,
            quote_volume: Decimal::ZERO,
            taker_base: Decimal::ZERO,
            taker_quote: Decimal::ZERO,
            trades: 0,
            span: None,
        }
    }

    fn add(&mut self, trade: &PublicTrade) {
        if self.trades == 0 {
            (self.open, self.high, self.low) = (trade.price, trade.price, trade.price);
        }
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        let value = trade.price * trade.quantity;
        self.volume += trade.quantity;
        self.quote_volume += value;
        if trade.taker_side == Side::Buy {
            self.taker_base += trade.quantity;
            self.taker_quote += value;
        }
        self.trades += 1;
        self.span = Some((self.span.map_or(trade.id, |(first, _)| first), trade.id));
    }
}

/// Candles of one interval, oldest first.
#[derive(Debug)]
struct Series {
    interval: Interval,
    candles: VecDeque<Candle>,
}

/// More than a day of minutes, so that the 24-hour statistics can be read off them.
const CANDLES_KEPT: usize = 1_500;

impl Series {
    /// Appends flat candles until the last one holds `now`. A pause longer than what is kept is skipped over.
    fn roll(&mut self, now: Timestamp) {
        while let Some(last) = self.candles.back().filter(|last| last.next_open <= now) {
            let pause = now.since(last.next_open).micros();
            let length = last.next_open.since(last.open_time).micros();
            let open_time = if pause / length > CANDLES_KEPT as i64 {
                self.interval.open_time(now)
            } else {
                last.next_open
            };
            let candle = Candle::flat(self.interval, open_time, last.close);
            self.push(candle);
        }
    }

    fn push(&mut self, candle: Candle) {
        if self.candles.len() == CANDLES_KEPT {
            self.candles.pop_front();
        }
        self.candles.push_back(candle);
    }

    fn add(&mut self, trade: &PublicTrade) {
        self.roll(trade.time);
        if self.candles.is_empty() {
            self.push(Candle::flat(
                self.interval,
                self.interval.open_time(trade.time),
                trade.price,
            ));
        }
        if let Some(last) = self.candles.back_mut() {
            last.add(trade);
        }
    }
}

/// What happened over a rolling window.
#[derive(Debug, Clone)]
pub struct Statistics {
    /// First price.
    pub open: Decimal,
    /// Greatest price.
    pub high: Decimal,
    /// Least price.
    pub low: Decimal,
    /// Last price.
    pub close: Decimal,
    /// Base traded.
    pub volume: Decimal,
    /// Quote traded.
    pub quote_volume: Decimal,
    /// How many trades.
    pub trades: u64,
    /// The first and the last trade.
    pub span: Option<(TradeId, TradeId)>,
    /// Where the window begins.
    pub open_time: Timestamp,
}

/// One market's candles of every interval.
#[derive(Debug)]
pub struct Candles {
    series: Vec<Series>,
}

impl Default for Candles {
    fn default() -> Self {
        let series = |(interval, ..): &(Interval, &str, i64)| Series {
            interval: *interval,
            candles: VecDeque::new(),
        };
        Self {
            series: INTERVALS.iter().map(series).collect(),
        }
    }
}

impl Candles {
    /// Adds a trade to every interval.
    pub fn add(&mut self, trade: &PublicTrade) {
        self.series.iter_mut().for_each(|series| series.add(trade));
    }

    /// Candles of an interval up to the one that holds `now`, oldest first; empty before the first trade.
    pub fn of(&mut self, interval: Interval, now: Timestamp) -> &VecDeque<Candle> {
        let series = &mut self.series[interval as usize];
        series.roll(now);
        &series.candles
    }

    /// The volume-weighted average price of the last `minutes`; the last price when nothing traded or minutes is 0.
    pub fn average_price(&mut self, minutes: u32, now: Timestamp) -> Option<Decimal> {
        let from = now.before(Span::from_micros(i64::from(minutes) * MINUTE));
        let candles = self.of(Interval::S1, now);
        let last = candles.back()?.close;
        let recent = candles.iter().rev().take_while(|candle| candle.next_open > from);
        let (quote, base) = recent.fold((Decimal::ZERO, Decimal::ZERO), |(quote, base), candle| {
            (quote + candle.quote_volume, base + candle.volume)
        });
        Some(if base.is_zero() {
            last
        } else {
            (quote / base).round_dp(8)
        })
    }

    /// The last 24 hours, in whole minutes.
    pub fn day(&mut self, now: Timestamp) -> Option<Statistics> {
        let from = now.before(Span::from_micros(DAY));
        let mut window = self
            .of(Interval::M1, now)
            .iter()
            .filter(|candle| candle.next_open > from);
        let first = window.next()?;
        let mut day = Statistics {
            open: first.open,
            high: first.high,
            low: first.low,
            close: first.close,
            volume: first.volume,
            quote_volume: first.quote_volume,
            trades: first.trades,
            span: first.span,
            open_time: from,
        };
        for candle in window {
            day.high = day.high.max(candle.high);
            day.low = day.low.min(candle.low);
            day.close = candle.close;
            day.volume += candle.volume;
            day.quote_volume += candle.quote_volume;
            day.trades += candle.trades;
            day.span = match (day.span, candle.span) {
                (Some((first, _)), Some((_, last))) => Some((first, last)),
                (one, other) => one.or(other),
            };
        }
        Some(day)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::identity::OrderId;

    fn trade(id: u64, secs: i64, price: i64) -> PublicTrade {
        PublicTrade {
            id: TradeId(id),
            price: Decimal::from(price),
            quantity: Decimal::ONE,
            time: Timestamp::from_micros(secs * SECOND),
            taker_side: Side::Buy,
            taker: OrderId(id),
        }
    }

    #[test]
    fn months_and_weeks_open_where_the_calendar_says() {
        // 2024-02-29 12:00 UTC, a Thursday.
        let moment = Timestamp::from_millis(1_709_208_000_000);
        assert_eq!(Interval::Month1.open_time(moment).millis(), 1_706_745_600_000);
        assert_eq!(
            Interval::Month1.next_open(Interval::Month1.open_time(moment)).millis(),
            1_709_251_200_000
        );
        assert_eq!(Interval::W1.open_time(moment).millis(), 1_708_905_600_000);
        assert!(
            INTERVALS
                .iter()
                .enumerate()
                .all(|(place, (interval, ..))| *interval as usize == place)
        );
    }

    #[test]
    fn quiet_times_are_flat_candles() {
        let mut candles = Candles::default();
        candles.add(&trade(1, 60, 100));
        candles.add(&trade(2, 61, 110));
        candles.add(&trade(3, 240, 90));
        let minutes = candles.of(Interval::M1, Timestamp::from_micros(310 * SECOND)).clone();
        let closes: Vec<_> = minutes.iter().map(|candle| (candle.close, candle.trades)).collect();
        let expected = [(110, 2), (110, 0), (110, 0), (90, 1), (90, 0)];
        assert_eq!(closes, expected.map(|(close, trades)| (Decimal::from(close), trades)));
        assert_eq!(
            (minutes[0].open, minutes[0].high),
            (Decimal::from(100), Decimal::from(110))
        );
        let day = candles.day(Timestamp::from_micros(310 * SECOND)).unwrap();
        assert_eq!(
            (day.open, day.close, day.trades),
            (Decimal::from(100), Decimal::from(90), 3)
        );
        assert_eq!(
            candles.average_price(5, Timestamp::from_micros(310 * SECOND)),
            Some(Decimal::from(100))
        );
    }
}
