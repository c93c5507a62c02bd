//! Depth updates and trades of many markets at a rate that is given, without an order behind them: what measures a client
//! must cost the exchange next to nothing.
//!
//! The books are real all the same: each update sets levels of a book that is kept, under ids without a gap, so that a
//! snapshot and the updates behind it fit together as those of any market.

use std::fmt::Write;

use crate::config::{ConfigError, MarketConfig, SteadyFlow};
use crate::identity::Symbol;
use crate::prng::Prng;
use crate::time::{Span, Timestamp};

/// The price between the two sides, in ticks of 0.01.
const MIDDLE: u64 = 100_000;
/// The largest quantity of a level, in thousandths.
const MOST: u64 = 99_999;
/// One in so many changes removes its level. The best levels stay, so that a book always has two sides.
const REMOVES: u64 = 8;
/// A burst that makes up for a standstill of the process is no longer than this: what was not told then is not told later.
const LONGEST_BURST: Span = Span::from_millis(250);

/// One market: the quantities of its levels by their distance from the best, in thousandths.
struct Book {
    symbol: Symbol,
    bids: Vec<u64>,
    asks: Vec<u64>,
    last_update: u64,
    last_trade: u64,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SteadyKind {
    /// A change of the book.
    Depth,
    /// A trade.
    Trade,
}

/// All markets of a steady flow, by their place among themselves.
pub struct SteadyMarkets {
    config: SteadyFlow,
    books: Vec<Book>,
    random: Prng,
    began: Timestamp,
    /// Messages that were told, or left out after a standstill.
    told: u64,
    levels: Vec<(u64, u64)>,
}

impl SteadyFlow {
    /// The markets that the flow moves: `STEADY1USDT` and so on.
    #[must_use]
    pub fn market_configs(&self) -> Vec<MarketConfig> {
        let cent = rust_decimal::Decimal::new(1, 2);
        let thousandth = rust_decimal::Decimal::new(1, 3);
        let price = rust_decimal::Decimal::new(MIDDLE as i64, 2);
        let name = |number: u32| format!("STEADY{number}");
        (1..=self.markets)
            .map(|number| MarketConfig::new(&name(number), "USDT", price, cent, thousandth))
            .collect()
    }
}

impl SteadyMarkets {
    /// Markets that begin to move at `now`.
    ///
    /// # Errors
    /// [`ConfigError`] for a setting out of its range.
    pub fn new(config: &SteadyFlow, now: Timestamp) -> Result<Self, ConfigError> {
        let within = |what, value: u32, least: u32, most: u32, range| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            Err(ConfigError::OutOfRange {
                what,
                name: "the steady flow".to_owned(),
                value: value.to_string(),
                range,
            })
        };
        within("`markets`", config.markets, 1, 10_000, "1 to 10000")?;
        within("`levels`", config.levels, 2, 5_000, "2 to 5000")?;
        within("`depth_percent`", config.depth_percent, 0, 100, "0 to 100")?;
        within(
            "`levels_per_update`",
            config.levels_per_update,
            1,
            config.levels,
            "1 to `levels`",
        )?;
        let mut random = Prng::new(config.seed);
        let mut side = || (0..config.levels).map(|_| 1 + random.below(MOST)).collect::<Vec<_>>();
        let book = |market: MarketConfig| Book {
            symbol: market.symbol,
            bids: side(),
            asks: side(),
            last_update: 1_000,
            last_trade: 0,
        };
        Ok(Self {
            books: config.market_configs().into_iter().map(book).collect(),
            config: config.clone(),
            random,
            began: now,
            told: 0,
            levels: Vec::new(),
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.books.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.books.is_empty()
    }

    /// The next message that is due by `now`: of which market, and what. It is to be told at once.
    pub fn due(&mut self, now: Timestamp) -> Option<(usize, SteadyKind)> {
        let rate = u64::from(self.config.messages_per_second);
        let count = |span: Span| span.micros().max(0).unsigned_abs().saturating_mul(rate) / 1_000_000;
        let due = count(now.since(self.began));
        self.told = self.told.max(due.saturating_sub(count(LONGEST_BURST)));
        if self.told >= due {
            return None;
        }
        let markets = self.books.len() as u64;
        let (market, round) = (self.told % markets, self.told / markets);
        self.told += 1;
        let percent = u64::from(self.config.depth_percent);
        // Spread over the rounds, and shifted by the market, so that updates of many do not come at once.
        let turn = round + market;
        let kind = if (turn + 1) * percent / 100 > turn * percent / 100 {
            SteadyKind::Depth
        } else {
            SteadyKind::Trade
        };
        Some((market as usize, kind))
    }

    /// Writes the next `depthUpdate` of a market, whose book it changes; times in microseconds.
    pub fn write_depth(&mut self, market: usize, now: Timestamp, out: &mut String) {
        let count = self.config.levels_per_update;
        let book = &mut self.books[market];
        let first = book.last_update + 1;
        book.last_update += u64::from(count);
        let head = format_args!(
            r#"{{"e":"depthUpdate","E":{},"s":"{}","U":{first},"u":{},"b":["#,
            now.micros(),
            book.symbol,
            book.last_update
        );
        push(out, head);
        for side in [Side::Bids, Side::Asks] {
            let quantities = side.of(book);
            let levels = u64::from(self.config.levels);
            self.levels.clear();
            let share = match side {
                Side::Bids => count / 2,
                Side::Asks => count - count / 2,
            };
            for _ in 0..share {
                // Most changes are near the best price, as anywhere.
                let reach = 1 + self.random.below(levels);
                let place = self.random.below(reach);
                let removed = place > 0 && self.random.below(REMOVES) == 0;
                let quantity = if removed { 0 } else { 1 + self.random.below(MOST) };
                if self.levels.iter().all(|(other, _)| *other != place) {
                    quantities[place as usize] = quantity;
                    self.levels.push((place, quantity));
                }
            }
            write_levels(side, self.levels.iter().copied(), out);
            out.push_str(match side {
                Side::Bids => r#"],"a":["#,
                Side::Asks => "]}",
            });
        }
    }

    /// Writes the next `trade` of a market; times in microseconds.
    pub fn write_trade(&mut self, market: usize, now: Timestamp, out: &mut String) {
        let book = &mut self.books[market];
        book.last_trade += 1;
        let time = now.micros();
        let seller = self.random.below(2) == 0;
        let price = if seller { Side::Bids } else { Side::Asks }.price(0);
        let quantity = 1 + self.random.below(MOST);
        let text = format_args!(
            r#"{{"e":"trade","E":{time},"s":"{}","t":{},"p":"{}.{:02}000000","q":"{}.{:03}00000","T":{time},"m":{seller},"M":true}}"#,
            book.symbol,
            book.last_trade,
            price / 100,
            price % 100,
            quantity / 1_000,
            quantity % 1_000
        );
        push(out, text);
    }

    /// A book as `GET /api/v3/depth` answers with it, at most `limit` levels a side.
    #[must_use]
    pub fn snapshot(&self, market: usize, limit: usize) -> String {
        let book = &self.books[market];
        let mut out = format!(r#"{{"lastUpdateId":{},"bids":["#, book.last_update);
        for (side, quantities, end) in [
            (Side::Bids, &book.bids, r#"],"asks":["#),
            (Side::Asks, &book.asks, "]}"),
        ] {
            let levels = quantities.iter().enumerate().filter(|(_, quantity)| **quantity > 0);
            let levels = levels.map(|(place, quantity)| (place as u64, *quantity)).take(limit);
            write_levels(side, levels, &mut out);
            out.push_str(end);
        }
        out
    }
}

/// A side of a book.
#[derive(Debug, Clone, Copy)]
enum Side {
    Bids,
    Asks,
}

impl Side {
    fn of(self, book: &mut Book) -> &mut [u64] {
        match self {
            Side::Bids => &mut book.bids,
            Side::Asks => &mut book.asks,
        }
    }

    /// In ticks of 0.01.
    const fn price(self, place: u64) -> u64 {
        match self {
            Side::Bids => MIDDLE - 1 - place,
            Side::Asks => MIDDLE + 1 + place,
        }
    }
}

fn write_levels(side: Side, levels: impl Iterator<Item = (u64, u64)>, out: &mut String) {
    let mut comma = "";
    for (place, quantity) in levels {
        let price = side.price(place);
        let text = format_args!(
            r#"{comma}["{}.{:02}000000","{}.{:03}00000"]"#,
            price / 100,
            price % 100,
            quantity / 1_000,
            quantity % 1_000
        );
        push(out, text);
        comma = ",";
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a text takes what is written");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    type Levels = BTreeMap<String, String>;

    fn config() -> SteadyFlow {
        SteadyFlow {
            markets: 3,
            messages_per_second: 300,
            depth_percent: 40,
            ..SteadyFlow::default()
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + millis)
    }

    fn rows(value: &Value) -> Vec<(String, String)> {
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        let rows = value.as_array().unwrap().iter();
        rows.map(|row| (text(&row[0]), text(&row[1]))).collect()
    }

    fn apply(levels: &mut Levels, rows: Vec<(String, String)>) {
        for (price, quantity) in rows {
            if quantity.chars().all(|c| c == '0' || c == '.') {
                levels.remove(&price);
            } else {
                levels.insert(price, quantity);
            }
        }
    }

    #[test]
    fn a_snapshot_and_the_updates_behind_it_are_the_later_snapshot() {
        let mut flow = SteadyMarkets::new(&config(), at(0)).unwrap();
        let read = |flow: &SteadyMarkets| serde_json::from_str::<Value>(&flow.snapshot(1, 5_000)).unwrap();
        let first = read(&flow);
        let (mut bids, mut asks) = (Levels::new(), Levels::new());
        apply(&mut bids, rows(&first["bids"]));
        apply(&mut asks, rows(&first["asks"]));
        let mut last = first["lastUpdateId"].as_u64().unwrap();
        for millis in 0..200 {
            let mut text = String::new();
            flow.write_depth(1, at(millis), &mut text);
            let update: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(update["s"], "STEADY2USDT");
            assert_eq!(update["U"].as_u64().unwrap(), last + 1);
            last = update["u"].as_u64().unwrap();
            apply(&mut bids, rows(&update["b"]));
            apply(&mut asks, rows(&update["a"]));
        }
        let later = read(&flow);
        let collected = |side: &str| rows(&later[side]).into_iter().collect::<Levels>();
        assert_eq!((bids, asks), (collected("bids"), collected("asks")));
        assert_eq!(later["lastUpdateId"].as_u64().unwrap(), last);
    }

    #[test]
    fn as_many_messages_come_as_were_asked_for_and_no_more_after_a_standstill_than_a_burst() {
        let mut flow = SteadyMarkets::new(&config(), at(0)).unwrap();
        let mut told = [0; 2];
        for millis in 1..=1_000 {
            while let Some((market, kind)) = flow.due(at(millis)) {
                assert!(market < flow.len());
                told[usize::from(kind == SteadyKind::Depth)] += 1;
                let mut text = String::new();
                if kind == SteadyKind::Trade {
                    flow.write_trade(market, at(millis), &mut text);
                    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["e"], "trade");
                }
            }
        }
        assert_eq!(told, [180, 120]);
        let burst = std::iter::from_fn(|| flow.due(at(100_000))).count();
        assert_eq!(burst, 75, "a quarter of a second");
    }

    #[test]
    fn settings_have_ranges() {
        for wrong in [
            SteadyFlow { markets: 0, ..config() },
            SteadyFlow { levels: 1, ..config() },
            SteadyFlow {
                depth_percent: 101,
                ..config()
            },
            SteadyFlow {
                levels_per_update: 0,
                ..config()
            },
        ] {
            assert!(SteadyMarkets::new(&wrong, at(0)).is_err(), "{wrong:?}");
        }
    }
}
