//! Keeps a book in sequence: decides of every update whether it follows, buffers while a snapshot is awaited, drops the
//! book on any doubt.
//!
//! The rules are those of [`BookRule`]. For `overlap` (Binance, "How to manage a local order book correctly", as
//! corrected in November 2025): an update covers ids `first..=last`; after a snapshot at id `s`, buffered updates with
//! `last <= s` are dropped, and the first that is kept must have `first <= s + 1`; from then on an update with
//! `last <= local` is ignored and one with `first > local + 1` is a gap.

use colibri_abi::{BookBatch, Level, book_flag};
use colibri_model::{Exponents, MonoNs, Side, WallNs};
use colibri_standard::{BookManifest, BookRule};

use crate::book::{BookFault, Grid, OrderBook};

/// Updates that are kept while a snapshot is awaited. At ten a second this is minutes.
const BUFFERED_UPDATES: usize = 4_096;
/// Levels that are kept in those updates.
const BUFFERED_LEVELS: usize = 1 << 18;
const KNOWN_FLAGS: u32 = book_flag::SNAPSHOT | book_flag::RANGE_IDS | book_flag::PREVIOUS_ID | book_flag::CHECKSUM;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookChange {
    /// The book changed.
    Applied,
    /// A snapshot (and what was buffered) was applied: the book can be read again.
    Synchronized,
    /// Kept until a snapshot comes.
    Buffered,
    /// It says nothing new.
    Ignored,
    /// The book cannot be trusted and was dropped; see [`BookKeeper::wants_snapshot`].
    Dropped(BookFault),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    /// No book. Updates are buffered where a snapshot is to be asked for, ignored where the stream brings one.
    Waiting,
    /// In sequence; `chained` once an update has followed the snapshot.
    Live { chained: bool },
}

#[derive(Debug, Clone, Copy)]
struct Ids {
    first: u64,
    last: u64,
    previous: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    ids: Ids,
    bids: usize,
    asks: usize,
    exchange_ns: i64,
}

/// A book and its sequence.
#[derive(Debug, Clone)]
pub struct BookKeeper {
    rule: BookRule,
    by_request: bool,
    exponents: Exponents,
    book: OrderBook,
    sync: Sync,
    last_id: u64,
    updated: MonoNs,
    exchange_time: WallNs,
    kept: Vec<Kept>,
    kept_levels: Vec<Level>,
    updates: u64,
    drops: u64,
}

impl BookKeeper {
    /// A keeper without a book yet.
    #[must_use]
    pub fn new(manifest: &BookManifest, exponents: Exponents, grid: Grid) -> BookKeeper {
        BookKeeper {
            rule: manifest.rule,
            by_request: manifest.snapshot_by_request,
            exponents,
            book: OrderBook::new(exponents, grid),
            sync: Sync::Waiting,
            last_id: 0,
            updated: MonoNs(0),
            exchange_time: WallNs(0),
            kept: Vec::new(),
            kept_levels: Vec::new(),
            updates: 0,
            drops: 0,
        }
    }

    /// The book; `None` until it is synchronized, and after it was dropped.
    #[must_use]
    pub fn book(&self) -> Option<&OrderBook> {
        matches!(self.sync, Sync::Live { .. }).then_some(&self.book)
    }

    /// Whether a snapshot must be asked for before there can be a book.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        self.by_request && self.sync == Sync::Waiting
    }

    /// The id of the last update that is in the book.
    #[must_use]
    pub const fn last_id(&self) -> u64 {
        self.last_id
    }

    /// When the book last changed or was confirmed.
    #[must_use]
    pub const fn updated(&self) -> MonoNs {
        self.updated
    }

    /// The exchange's time of the last update; zero where it gives none.
    #[must_use]
    pub const fn exchange_time(&self) -> WallNs {
        self.exchange_time
    }

    /// How many batches were applied, ever.
    #[must_use]
    pub const fn updates(&self) -> u64 {
        self.updates
    }

    /// How often the book was dropped, ever.
    #[must_use]
    pub const fn drops(&self) -> u64 {
        self.drops
    }

    /// Forgets the book and what is buffered: the stream went down, or a message of it was lost.
    pub fn drop_book(&mut self, fault: BookFault) -> BookChange {
        self.kept.clear();
        self.kept_levels.clear();
        self.fault(fault)
    }

    fn fault(&mut self, fault: BookFault) -> BookChange {
        if self.sync != Sync::Waiting {
            self.drops += 1;
        }
        self.sync = Sync::Waiting;
        self.book.clear();
        BookChange::Dropped(fault)
    }

    /// Takes a batch in. In steady state nothing is allocated.
    pub fn apply(&mut self, batch: &BookBatch<'_>, now: MonoNs) -> BookChange {
        if batch.flags & !KNOWN_FLAGS != 0 {
            return self.fault(BookFault::UnknownFlags(batch.flags & !KNOWN_FLAGS));
        }
        if batch.price_exponent != self.exponents.price || batch.quantity_exponent != self.exponents.quantity {
            return self.fault(BookFault::Exponents {
                price: batch.price_exponent,
                quantity: batch.quantity_exponent,
            });
        }
        let ids = Ids {
            first: batch.first_id,
            last: batch.last_id,
            previous: (batch.flags & book_flag::PREVIOUS_ID != 0).then_some(batch.previous_id),
        };
        let has_ids = match self.rule {
            BookRule::Snapshots => true,
            BookRule::Previous if batch.flags & book_flag::SNAPSHOT == 0 => ids.previous.is_some(),
            BookRule::Overlap | BookRule::Next | BookRule::Previous => batch.flags & book_flag::RANGE_IDS != 0,
        };
        if !has_ids || ids.first > ids.last {
            return self.fault(BookFault::MissingIds);
        }
        if self.rule == BookRule::Snapshots || batch.flags & book_flag::SNAPSHOT != 0 {
            return self.snapshot(batch, ids, now);
        }
        match self.sync {
            Sync::Waiting if self.by_request => self.keep(batch, ids),
            Sync::Waiting => BookChange::Ignored,
            Sync::Live { chained } => {
                let change = self.step(ids, chained, batch.bids.as_slice(), batch.asks.as_slice());
                match change {
                    BookChange::Applied => {
                        self.confirm(now, batch.exchange_ns);
                    }
                    BookChange::Dropped(_) if self.by_request => {
                        // The update that came after the gap is the first of the next attempt.
                        self.keep(batch, ids);
                    }
                    _ => {}
                }
                change
            }
        }
    }

    #[inline]
    fn confirm(&mut self, now: MonoNs, exchange_ns: i64) {
        self.updated = now;
        if exchange_ns != 0 {
            self.exchange_time = WallNs(exchange_ns);
        }
    }

    /// One update on a live book.
    #[inline]
    fn step(&mut self, ids: Ids, chained: bool, bids: &[Level], asks: &[Level]) -> BookChange {
        let local = self.last_id;
        if ids.last <= local && !(self.rule == BookRule::Previous && ids.previous == Some(local)) {
            return BookChange::Ignored;
        }
        let next = local.saturating_add(1);
        let follows = match self.rule {
            BookRule::Overlap => ids.first <= next,
            BookRule::Next => ids.first == next,
            // The first update after a requested snapshot overlaps it; from then on each names the one before.
            BookRule::Previous => ids.previous == Some(local) || (!chained && self.by_request && ids.first <= next),
            BookRule::Snapshots => true,
        };
        if !follows {
            return self.fault(match (self.rule, ids.previous) {
                (BookRule::Previous, Some(previous)) => BookFault::Chain { previous, local },
                _ => BookFault::Gap {
                    expected: next,
                    first: ids.first,
                },
            });
        }
        if let Err(fault) = self.write(bids, asks) {
            return self.fault(fault);
        }
        self.last_id = ids.last;
        self.sync = Sync::Live { chained: true };
        self.updates += 1;
        BookChange::Applied
    }

    #[inline]
    fn write(&mut self, bids: &[Level], asks: &[Level]) -> Result<(), BookFault> {
        for &level in bids {
            self.book.set(Side::Buy, level)?;
        }
        for &level in asks {
            self.book.set(Side::Sell, level)?;
        }
        match self.book.crossed() {
            Some((bid, ask)) => Err(BookFault::Crossed { bid, ask }),
            None => Ok(()),
        }
    }

    fn keep(&mut self, batch: &BookBatch<'_>, ids: Ids) -> BookChange {
        let (bids, asks) = (batch.bids.as_slice(), batch.asks.as_slice());
        if self.kept.len() >= BUFFERED_UPDATES || self.kept_levels.len() + bids.len() + asks.len() > BUFFERED_LEVELS {
            let updates = self.kept.len();
            self.kept.clear();
            self.kept_levels.clear();
            return self.fault(BookFault::BufferFull { updates });
        }
        self.kept.push(Kept {
            ids,
            bids: bids.len(),
            asks: asks.len(),
            exchange_ns: batch.exchange_ns,
        });
        self.kept_levels.extend_from_slice(bids);
        self.kept_levels.extend_from_slice(asks);
        BookChange::Buffered
    }

    fn snapshot(&mut self, batch: &BookBatch<'_>, ids: Ids, now: MonoNs) -> BookChange {
        let live = matches!(self.sync, Sync::Live { .. });
        if live && self.rule != BookRule::Snapshots && self.by_request && ids.last <= self.last_id {
            return BookChange::Ignored;
        }
        if let Some(first) = self.kept.iter().find(|k| k.ids.last > ids.last).map(|k| k.ids.first)
            && matches!(self.rule, BookRule::Overlap | BookRule::Next)
            && first > ids.last.saturating_add(1)
        {
            // What is buffered stays: a newer snapshot will meet it.
            return self.fault(BookFault::SnapshotTooOld {
                snapshot: ids.last,
                first,
            });
        }
        self.book.clear();
        if let Err(fault) = self.write(batch.bids.as_slice(), batch.asks.as_slice()) {
            return self.fault(fault);
        }
        self.last_id = ids.last;
        self.sync = Sync::Live { chained: false };
        self.updates += 1;
        self.confirm(now, batch.exchange_ns);
        let change = self.replay();
        self.kept.clear();
        self.kept_levels.clear();
        match change {
            Some(dropped) => dropped,
            None if live => BookChange::Applied,
            None => BookChange::Synchronized,
        }
    }

    /// Applies what was buffered; `Some` where it does not follow.
    fn replay(&mut self) -> Option<BookChange> {
        let (kept, levels) = (std::mem::take(&mut self.kept), std::mem::take(&mut self.kept_levels));
        let mut at = 0;
        let mut dropped = None;
        for entry in &kept {
            let (bids, rest) = levels[at..].split_at(entry.bids);
            let asks = &rest[..entry.asks];
            at += entry.bids + entry.asks;
            let chained = self.sync == Sync::Live { chained: true };
            match self.step(entry.ids, chained, bids, asks) {
                BookChange::Applied if entry.exchange_ns != 0 => self.exchange_time = WallNs(entry.exchange_ns),
                change @ BookChange::Dropped(_) => {
                    dropped = Some(change);
                    break;
                }
                _ => {}
            }
        }
        // The room is kept for the next time.
        (self.kept, self.kept_levels) = (kept, levels);
        dropped
    }
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
