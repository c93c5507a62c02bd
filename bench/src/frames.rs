//! What the benches read: frames as Binance sends them, made up with the same seed every time, and recorded ones where a
//! capture is there.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;

use colibri_model::SplitMix64;

/// Frames that one measured round delivers.
pub const FRAMES: usize = 256;
/// The capture, from this package's folder.
const CAPTURE: &str = "../../shared/fixtures/marketdata/binance_spot_btcusdt_20240808.jsonl.gz";

/// Where frames come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Made here, the same everywhere: what a baseline is compared with.
    MadeUp,
    /// Of a capture of BTCUSDT in August 2024 that is not part of this repository.
    Recorded,
}

/// What frames tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Told {
    /// Changes to a book.
    Depth,
    /// A trade each.
    Trade,
    /// A best bid and ask each.
    BookTicker,
}

impl Source {
    /// Both, for lists.
    pub const ALL: [Source; 2] = [Source::MadeUp, Source::Recorded];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Source::MadeUp => "made up",
            Source::Recorded => "recorded",
        }
    }

    /// [`FRAMES`] frames of the combined stream; `None` where there is no capture.
    #[must_use]
    pub fn frames(self, told: Told) -> Option<Vec<Vec<u8>>> {
        self.rounds(told, 1)
    }

    /// `rounds` times [`FRAMES`] frames, depth frames in one sequence. A capture goes on, and ends; what is made up begins
    /// anew under ids that go on.
    #[must_use]
    pub fn rounds(self, told: Told, rounds: usize) -> Option<Vec<Vec<u8>>> {
        match self {
            Source::MadeUp => Some(in_sequence(&made_up(told, "BTCUSDT"), told, rounds)),
            Source::Recorded => recorded(told, rounds * FRAMES),
        }
    }
}

fn recorded(told: Told, most: usize) -> Option<Vec<Vec<u8>>> {
    let file = std::fs::File::open(Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE)).ok()?;
    let of_stream = match told {
        Told::Depth => "@depth@100ms\"",
        Told::Trade => "@trade\"",
        Told::BookTicker => "@bookTicker\"",
    };
    let frames = BufReader::new(flate2::read::MultiGzDecoder::new(file))
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| Some(line.split_once(' ')?.1.to_owned()))
        .filter(|frame| frame.contains(of_stream))
        .map(String::into_bytes)
        .take(most);
    Some(frames.collect())
}

/// The first id of a depth frame.
#[must_use]
pub fn first_id(frame: &[u8]) -> u64 {
    number(frame, "\"U\":")
}

/// The number that follows `name`.
fn number(frame: &[u8], name: &str) -> u64 {
    let text = std::str::from_utf8(frame).unwrap();
    let (_, rest) = text.split_once(name).unwrap();
    rest.split(',').next().unwrap().parse().unwrap()
}

/// `rounds` times the same frames, of depth as if their ids had gone on.
#[must_use]
pub fn in_sequence(frames: &[Vec<u8>], told: Told, rounds: usize) -> Vec<Vec<u8>> {
    if told != Told::Depth {
        return std::iter::repeat_n(frames, rounds).flatten().cloned().collect();
    }
    let (first, last) = (first_id(&frames[0]), number(frames.last().unwrap(), "\"u\":"));
    let span = last - first + 1;
    let later = |frame: &Vec<u8>, by: u64| -> Vec<u8> {
        let mut text = String::from_utf8(frame.clone()).unwrap();
        for name in ["\"U\":", "\"u\":"] {
            let old = number(frame, name);
            text = text.replacen(&format!("{name}{old},"), &format!("{name}{},", old + by), 1);
        }
        text.into_bytes()
    };
    let numbered = (0..rounds as u64).flat_map(|round| frames.iter().map(move |frame| (frame, round * span)));
    numbered.map(|(frame, by)| later(frame, by)).collect()
}

/// Frames of one instrument: changes that lie near a touch most of the time, a third of them removals.
#[must_use]
pub fn made_up(told: Told, symbol: &str) -> Vec<Vec<u8>> {
    let mut walk = Walk {
        random: SplitMix64::new(7),
        touch: 6_172_345,
        symbol,
        stream: symbol.to_lowercase(),
    };
    (0..FRAMES as u64)
        .map(|number| walk.frame(told, number).into_bytes())
        .collect()
}

struct Walk<'a> {
    random: SplitMix64,
    /// The best bid in cents; the best ask is a cent above it.
    touch: u64,
    symbol: &'a str,
    stream: String,
}

impl Walk<'_> {
    fn frame(&mut self, told: Told, number: u64) -> String {
        if told != Told::Depth {
            // A book whose touch wandered would have to be told of everything that it passes over.
            self.touch = self.touch + self.random.below(21) - 10;
        }
        let (stream, symbol, time) = (&self.stream, self.symbol, 1_723_161_255_208_000 + number);
        match told {
            Told::Depth => {
                let (first, last) = (50_093_239_189 + number * 30, 50_093_239_218 + number * 30);
                let head = format!(
                    r#"{{"stream":"{stream}@depth@100ms","data":{{"e":"depthUpdate","E":{time},"s":"{symbol}","U":{first},"u":{last},"b":["#
                );
                let (bids, asks) = (self.side(false), self.side(true));
                format!("{head}{bids}],\"a\":[{asks}]}}}}")
            }
            Told::Trade => {
                let (price, quantity) = (price(self.touch), self.quantity());
                let (id, maker) = (3_735_683_259 + number, number.is_multiple_of(2));
                format!(
                    r#"{{"stream":"{}@trade","data":{{"e":"trade","E":{time},"s":"{symbol}","t":{id},"p":"{price}","q":"{quantity}","T":{time},"m":{maker},"M":true}}}}"#,
                    self.stream
                )
            }
            Told::BookTicker => {
                let (bid, ask) = (price(self.touch), price(self.touch + 1));
                let (b, a, id) = (self.quantity(), self.quantity(), 50_093_239_212 + number);
                format!(
                    r#"{{"stream":"{}@bookTicker","data":{{"u":{id},"s":"{symbol}","b":"{bid}","B":"{b}","a":"{ask}","A":"{a}"}}}}"#,
                    self.stream
                )
            }
        }
    }

    /// Fourteen levels, the best first.
    fn side(&mut self, above: bool) -> String {
        let mut text = String::new();
        let mut away = u64::from(above);
        for at in 0..14 {
            away += 1 + self.random.below(if at < 10 { 200 } else { 20_000 });
            let at_price = if above { self.touch + away } else { self.touch - away };
            let quantity = match self.random.below(3) {
                0 => "0.00000000".to_owned(),
                _ => self.quantity(),
            };
            let comma = if at == 0 { "" } else { "," };
            let _ = write!(text, "{comma}[\"{}\",\"{quantity}\"]", price(at_price));
        }
        text
    }

    fn quantity(&mut self) -> String {
        format!("{}.{:05}000", self.random.below(3), self.random.below(100_000))
    }
}

fn price(cents: u64) -> String {
    format!("{}.{:02}000000", cents / 100, cents % 100)
}
