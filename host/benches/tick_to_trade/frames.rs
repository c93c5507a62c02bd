//! What the exchange tells of its market: a book of 200 levels, and frames that each change its best ask.

use clap::ValueEnum;

/// What kind of frame is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FrameShape {
    /// A depth update of 68 levels, about 1.8 KB, the best ask among them.
    Depth,
    /// A public trade.
    Trade,
}

impl FrameShape {
    pub const ALL: [FrameShape; 2] = [FrameShape::Depth, FrameShape::Trade];

    pub const fn name(self) -> &'static str {
        match self {
            FrameShape::Depth => "depth",
            FrameShape::Trade => "trade",
        }
    }
}

/// Levels of a side in the snapshot.
const DEPTH: u64 = 100;
/// Levels of a side in a depth frame.
const CHANGED: u64 = 34;
/// In cents; the best ask is here or a cent above.
const ASK: u64 = 6_000_000;

fn level(cents: u64, lots: u64) -> String {
    format!("[\"{}.{:02}000000\",\"0.{lots:05}000\"]", cents / 100, cents % 100)
}

fn side(prices: impl Iterator<Item = u64>, seed: u64) -> String {
    let levels = prices.map(|cents| level(cents, 1 + (cents * 7 + seed * 13) % 90_000));
    levels.collect::<Vec<_>>().join(",")
}

/// The market's story: each client has its own.
#[derive(Debug, Default)]
pub struct Story {
    last_id: u64,
    trades: u64,
}

impl Story {
    /// As `GET /api/v3/depth` answers.
    pub fn snapshot(&self) -> String {
        format!(
            "{{\"lastUpdateId\":{},\"bids\":[{}],\"asks\":[{}]}}",
            self.last_id,
            side((1..=DEPTH).map(|at| ASK - at), 0),
            side((1..=DEPTH).map(|at| ASK + at), 0)
        )
    }

    /// The next frame.
    pub fn next(&mut self, shape: FrameShape) -> String {
        let time = micros();
        match shape {
            FrameShape::Depth => {
                let first = self.last_id + 1;
                self.last_id += 10;
                let last = self.last_id;
                // The best ask comes and goes: there at every second frame.
                let best = if (last / 10).is_multiple_of(2) {
                    level(ASK, 50_000)
                } else {
                    level(ASK, 0)
                };
                format!(
                    "{{\"stream\":\"btcusdt@depth@100ms\",\"data\":{{\"e\":\"depthUpdate\",\"E\":{time},\"s\":\"BTCUSDT\",\
                     \"U\":{first},\"u\":{last},\"b\":[{}],\"a\":[{best},{}]}}}}",
                    side((1..=CHANGED).map(|at| ASK - at), last),
                    side((1..CHANGED).map(|at| ASK + at), last)
                )
            }
            FrameShape::Trade => {
                self.trades += 1;
                let trade = self.trades;
                format!(
                    "{{\"stream\":\"btcusdt@trade\",\"data\":{{\"e\":\"trade\",\"E\":{time},\"s\":\"BTCUSDT\",\"t\":{trade},\
                     \"p\":\"60000.01000000\",\"q\":\"0.00100000\",\"T\":{time},\"m\":false,\"M\":true}}}}"
                )
            }
        }
    }
}

fn micros() -> u128 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_micros()
}
