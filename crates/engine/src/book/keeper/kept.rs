//! A keeper in a snapshot: its levels as numbers, its manifest as it was.

use colibri_abi::Level;
use colibri_model::{Exponents, MonoNs, Side, WallNs};
use colibri_standard::{BookRule, ChecksumManifest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BookKeeper, Sync};
use crate::book::buffer::Buffer;
use crate::book::lag::Lag;
use crate::book::{BookChecksum, Grid, OrderBook};
use crate::kept::levels;

#[derive(Serialize, Deserialize)]
struct Kept<L> {
    rule: BookRule,
    by_request: bool,
    stream_depth: usize,
    checksum: Option<ChecksumManifest>,
    exponents: Exponents,
    step: i64,
    bids: L,
    asks: L,
    sync: Sync,
    last_id: u64,
    updated: MonoNs,
    exchange_time: WallNs,
    lag: Lag,
    buffer: Buffer,
    levels_at_most: usize,
    updates: u64,
    drops: u64,
}

/// A side of a book that is written.
struct Written<'a>(&'a OrderBook, Side);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let levels = self.0.raw_levels(self.1);
        serializer.collect_seq(levels.flat_map(|level| [level.price, level.quantity]))
    }
}

/// A side of a book that is read.
struct Read(Vec<Level>);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Read, D::Error> {
        levels::deserialize(deserializer).map(Read)
    }
}

impl Serialize for BookKeeper {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = Kept {
            rule: self.rule,
            by_request: self.by_request,
            stream_depth: self.stream_depth,
            checksum: self.checksum.as_ref().map(|checksum| checksum.manifest().clone()),
            exponents: self.exponents,
            step: self.book.grid().step(),
            bids: Written(&self.book, Side::Buy),
            asks: Written(&self.book, Side::Sell),
            sync: self.sync,
            last_id: self.last_id,
            updated: self.updated,
            exchange_time: self.exchange_time,
            lag: self.lag,
            buffer: self.buffer.clone(),
            levels_at_most: self.levels_at_most,
            updates: self.updates,
            drops: self.drops,
        };
        kept.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for BookKeeper {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<BookKeeper, D::Error> {
        let kept: Kept<Read> = Kept::deserialize(deserializer)?;
        let mut book = OrderBook::new(kept.exponents, Grid::new(kept.step));
        for (side, levels) in [(Side::Buy, kept.bids), (Side::Sell, kept.asks)] {
            book.set_all(side, &levels.0).map_err(serde::de::Error::custom)?;
        }
        Ok(BookKeeper {
            rule: kept.rule,
            by_request: kept.by_request,
            stream_depth: kept.stream_depth,
            checksum: kept.checksum.map(BookChecksum::new),
            exponents: kept.exponents,
            book,
            sync: kept.sync,
            last_id: kept.last_id,
            updated: kept.updated,
            exchange_time: kept.exchange_time,
            lag: kept.lag,
            buffer: kept.buffer,
            levels_at_most: kept.levels_at_most,
            updates: kept.updates,
            drops: kept.drops,
        })
    }
}
