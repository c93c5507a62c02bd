//! Order books: batches as a connector could send them, in any order and with any numbers.
//!
//! An input is text. `book_keeper` reads `<rule> <request|stream> <grid>` and then a batch a line:
//! `<flags> <first> <last> <previous> [b|a <price> <quantity>]…`, or `down`. `order_book` reads `<grid>` and then
//! `b|a <price> <quantity>` or `clear`. A line that is not of that form is left out.

use std::collections::BTreeMap;

use colibri_abi::{BookBatch, Level};
use colibri_engine::book::{BookChange, BookFault, BookKeeper, Grid, OrderBook, SnapshotWanted};
use colibri_model::{Exponents, MonoNs, Side};
use colibri_standard::{BookManifest, BookRule};

use crate::input::{head, text_lines};

pub(crate) const EXPONENTS: Exponents = Exponents {
    price: -2,
    quantity: -3,
};
/// The highest price mantissa; the least is one. A book refuses every other.
const MOST_PRICE: i64 = 1 << 61;

/// Batches into the keeper of a book.
///
/// # Panics
/// Where a book that can be read is crossed, out of order or of levels that no update gave it, or where the keeper neither
/// has a book nor says how to get one.
pub fn book_keeper(data: &[u8]) {
    let Some((head, rest)) = head(data) else { return };
    let Some((manifest, grid)) = manifest(head) else { return };
    let mut keeper = BookKeeper::new(&manifest, EXPONENTS, grid);
    for (at, line) in text_lines(rest).enumerate() {
        let (updates, drops) = (keeper.updates(), keeper.drops());
        let change = if line == "down" {
            keeper.drop_book(BookFault::StreamDown)
        } else {
            let Some(batch) = Batch::read(line) else { continue };
            keeper.apply(&batch.on_the_wire(), MonoNs(at as u64))
        };
        assert!(keeper.updates() >= updates && keeper.drops() >= drops);
        match change {
            BookChange::Applied | BookChange::Synchronized => assert!(keeper.book().is_some(), "{change:?}"),
            BookChange::Buffered => {
                assert!(keeper.book().is_none());
                assert_eq!(keeper.snapshot_wanted(), SnapshotWanted::Request);
            }
            BookChange::Ignored => {}
            BookChange::Dropped(fault) => {
                assert!(keeper.book().is_none(), "{fault}");
                assert_ne!(keeper.snapshot_wanted(), SnapshotWanted::No);
                let by_request = keeper.snapshot_wanted() == SnapshotWanted::Request;
                assert_eq!(by_request, manifest.snapshot_by_request);
            }
        }
        if let Some(book) = keeper.book() {
            assert_eq!(keeper.snapshot_wanted(), SnapshotWanted::No, "there is a book");
            assert_eq!(book.crossed(), None);
            in_order(book);
        }
    }
}

/// Levels into a book, against an ordered map.
///
/// # Panics
/// Where the two disagree.
pub fn order_book(data: &[u8]) {
    let Some((head, rest)) = head(data) else { return };
    let Ok(step) = head.parse() else { return };
    let grid = Grid::new(step);
    let mut book = OrderBook::new(EXPONENTS, grid);
    let (mut bids, mut asks) = (BTreeMap::new(), BTreeMap::new());
    for line in text_lines(rest) {
        if line == "clear" {
            book.clear();
            bids.clear();
            asks.clear();
            continue;
        }
        let mut words = line.split_ascii_whitespace();
        let Some((side, level)) = level(&mut words) else {
            continue;
        };
        let taken = book.set(side, level);
        let is_price = (1..=MOST_PRICE).contains(&level.price);
        let possible = is_price && level.quantity >= 0;
        assert_eq!(taken.is_ok(), possible, "{side:?} {level:?}: {taken:?}");
        if possible {
            let levels = if side == Side::Buy { &mut bids } else { &mut asks };
            match level.quantity {
                0 => levels.remove(&level.price),
                quantity => levels.insert(level.price, quantity),
            };
        }
        in_order(&book);
        let expected = |(&price, &quantity): (&i64, &i64)| Level { price, quantity };
        assert!(book.raw_levels(Side::Buy).eq(bids.iter().rev().map(expected)), "bids");
        assert!(book.raw_levels(Side::Sell).eq(asks.iter().map(expected)), "asks");
    }
}

/// What holds of every book, crossed or not.
fn in_order(book: &OrderBook) {
    for side in [Side::Buy, Side::Sell] {
        let levels: Vec<Level> = book.raw_levels(side).collect();
        assert_eq!(levels.len(), book.len(side), "{side:?}");
        assert_eq!(levels.first().copied(), book.best_raw(side), "{side:?}");
        let better = |one: &Level, other: &Level| match side {
            Side::Buy => one.price > other.price,
            Side::Sell => one.price < other.price,
        };
        assert!(
            levels.windows(2).all(|pair| better(&pair[0], &pair[1])),
            "{side:?}: {levels:?}"
        );
        assert!(
            levels
                .iter()
                .all(|level| level.quantity > 0 && level.price % book.grid().step() == 0)
        );
    }
    assert_eq!(book.is_empty(), book.len(Side::Buy) + book.len(Side::Sell) == 0);
}

pub(crate) fn manifest(head: &str) -> Option<(BookManifest, Grid)> {
    let mut words = head.split_ascii_whitespace();
    let rule = match words.next()? {
        "overlap" => BookRule::Overlap,
        "previous" => BookRule::Previous,
        "next" => BookRule::Next,
        "snapshots" => BookRule::Snapshots,
        "checksum" => BookRule::Checksum,
        _ => return None,
    };
    let manifest = match words.next()? {
        "request" => BookManifest::by_request(rule, 100),
        "stream" => BookManifest::by_stream(rule, 100),
        _ => return None,
    };
    Some((manifest, Grid::new(words.next()?.parse().ok()?)))
}

pub(crate) struct Batch {
    pub(crate) flags: u32,
    pub(crate) checksum: u32,
    first: u64,
    last: u64,
    previous: u64,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Batch {
    pub(crate) fn read(line: &str) -> Option<Batch> {
        let mut words = line.split_ascii_whitespace();
        let mut batch = Batch {
            flags: words.next()?.parse().ok()?,
            checksum: 0,
            first: words.next()?.parse().ok()?,
            last: words.next()?.parse().ok()?,
            previous: words.next()?.parse().ok()?,
            bids: Vec::new(),
            asks: Vec::new(),
        };
        while let Some((side, level)) = level(&mut words) {
            match side {
                Side::Buy => batch.bids.push(level),
                Side::Sell => batch.asks.push(level),
            }
        }
        Some(batch)
    }

    pub(crate) fn on_the_wire(&self) -> BookBatch<'_> {
        BookBatch {
            instrument: 1,
            flags: self.flags,
            first_id: self.first,
            last_id: self.last,
            previous_id: self.previous,
            exchange_ns: 0,
            checksum: self.checksum,
            price_exponent: EXPONENTS.price,
            quantity_exponent: EXPONENTS.quantity,
            reserved: 0,
            bids: self.bids.as_slice().into(),
            asks: self.asks.as_slice().into(),
            ext: [0; 4],
        }
    }
}

fn level<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<(Side, Level)> {
    let side = match words.next()? {
        "b" => Side::Buy,
        "a" => Side::Sell,
        _ => return None,
    };
    let price = words.next()?.parse().ok()?;
    let quantity = words.next()?.parse().ok()?;
    Some((side, Level { price, quantity }))
}
