//! A recorded market: one depth snapshot, depth diffs and trades, as Binance sends them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use rust_decimal::Decimal;
use serde::Deserialize;
use thiserror::Error;

use crate::identity::Symbol;
use crate::matching::Side;
use crate::time::Span;

/// Why a recording cannot be used.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// It cannot be read.
    #[error("cannot read the recording {path}: {source}; check the path")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A line is not `<nanoseconds> <JSON>`.
    #[error("line {line} of the recording is not `<nanoseconds> <JSON>` of a Binance capture: {why}")]
    Malformed {
        /// Which, from 1.
        line: usize,
        /// Why.
        why: String,
    },
    /// No snapshot, so the book would never be complete.
    #[error("the recording has no depth snapshot (a line with lastUpdateId); record one after opening the streams")]
    NoSnapshot,
}

/// Levels of one side: price and quantity.
pub type Levels = Vec<(Decimal, Decimal)>;

/// Something that happened in the recorded market.
#[derive(Debug, Clone)]
pub enum RecordedEvent {
    /// All levels.
    Snapshot {
        /// Bids.
        bids: Levels,
        /// Asks.
        asks: Levels,
    },
    /// Levels with their new totals.
    Depth {
        /// Bids.
        bids: Levels,
        /// Asks.
        asks: Levels,
    },
    /// A trade.
    Trade {
        /// Quote per base.
        price: Decimal,
        /// Base.
        quantity: Decimal,
        /// The side that arrived.
        taker: Side,
    },
}

/// A recorded market, in order of time, from its snapshot on.
#[derive(Debug, Clone)]
pub struct Recording {
    symbol: Symbol,
    events: Vec<(Span, RecordedEvent)>,
}

#[derive(Deserialize)]
struct Wrapped {
    data: Message,
}

/// Every message of a capture that matters, by the fields that tell them apart.
#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Snapshot {
        #[serde(rename = "lastUpdateId")]
        last_update: u64,
        bids: Levels,
        asks: Levels,
    },
    Depth {
        u: u64,
        b: Levels,
        a: Levels,
    },
    Trade {
        #[serde(rename = "t")]
        _id: u64,
        p: Decimal,
        q: Decimal,
        m: bool,
    },
    Other(serde::de::IgnoredAny),
}

impl Recording {
    /// Reads a capture from a file, gzip or not.
    ///
    /// # Errors
    /// [`RecordingError`].
    pub fn open(symbol: Symbol, path: &Path) -> Result<Self, RecordingError> {
        let failed = |source| RecordingError::Io {
            path: path.display().to_string(),
            source,
        };
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let gzip = file.fill_buf().map_err(failed)?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn Read> = if gzip {
            Box::new(MultiGzDecoder::new(file))
        } else {
            Box::new(file)
        };
        Self::read(symbol, BufReader::new(reader))
    }

    /// Reads a capture: a line each, `<local nanoseconds> <JSON>`.
    ///
    /// # Errors
    /// [`RecordingError`].
    pub fn read(symbol: Symbol, reader: impl BufRead) -> Result<Self, RecordingError> {
        let mut lines = Vec::new();
        let mut snapshot = None;
        for (place, line) in reader.lines().enumerate() {
            let malformed = |why: String| RecordingError::Malformed { line: place + 1, why };
            let line = line.map_err(|error| malformed(error.to_string()))?;
            let Some((nanos, json)) = line.split_once(' ') else {
                if line.trim().is_empty() {
                    continue;
                }
                return Err(malformed("there is no space".to_owned()));
            };
            let nanos: i64 = nanos.parse().map_err(|_| malformed(format!("`{nanos}` is no time")))?;
            let message = serde_json::from_str::<Wrapped>(json).map(|wrapped| wrapped.data);
            let message = message
                .or_else(|_| serde_json::from_str::<Message>(json))
                .map_err(|error| malformed(error.to_string()))?;
            if let (Message::Snapshot { last_update, .. }, None) = (&message, snapshot) {
                snapshot = Some((lines.len(), *last_update));
            }
            lines.push((nanos, message));
        }
        let (place, last_update) = snapshot.ok_or(RecordingError::NoSnapshot)?;
        let start = lines[place].0;
        // Diffs can be recorded before the snapshot that they follow; trades before it belong to the past.
        let mut early: Vec<(Span, RecordedEvent)> = Vec::new();
        let mut events = Vec::new();
        for (at, (nanos, message)) in lines.into_iter().enumerate() {
            let since = Span::from_micros((nanos.saturating_sub(start) / 1_000).max(0));
            let event = match message {
                Message::Snapshot { bids, asks, .. } => RecordedEvent::Snapshot { bids, asks },
                Message::Depth { u, b, a } if u > last_update => RecordedEvent::Depth { bids: b, asks: a },
                Message::Trade { p, q, m, .. } if at > place => RecordedEvent::Trade {
                    price: p,
                    quantity: q,
                    taker: if m { Side::Sell } else { Side::Buy },
                },
                _ => continue,
            };
            if at < place {
                early.push((since, event))
            } else {
                events.push((since, event))
            }
        }
        events.splice(1..1, early);
        Ok(Self { symbol, events })
    }

    /// Whose market it is.
    pub fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    /// What happened, each with the time since the snapshot.
    pub fn events(&self) -> &[(Span, RecordedEvent)] {
        &self.events
    }
}
