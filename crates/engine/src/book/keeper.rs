//! Keeps a book in sequence: decides of every update whether it follows, buffers while a snapshot is awaited, drops the
//! book on any doubt.
//!
//! The rules are those of [`BookRule`]. For `overlap` (Binance, "How to manage a local order book correctly", as
//! corrected in November 2025): an update covers ids `first..=last`; after a snapshot at id `s`, buffered updates with
//! `last <= s` are dropped, and the first that is kept must have `first <= s + 1`; from then on an update with
//! `last <= local` is ignored and one with `first > local + 1` is a gap. For `previous` (OKX, "Order book channel"; Binance,
//! USD-M futures): an update follows when its previous id is the book's, also where the exchange has set its ids back; the
//! first after a snapshot that was asked for may name any id before the snapshot. Beside any rule, what the exchange sums of
//! its book is compared with the sum of this one.

mod kept;

use colibri_abi::{BookBatch, Level, book_flag};
use colibri_model::{Exponents, Millis, MonoNs, Side, WallNs};
use colibri_standard::{BookManifest, BookRule, ChecksumSent};
use serde::{Deserialize, Serialize};

use crate::book::buffer::Buffer;
use crate::book::lag::Lag;
use crate::book::{BookChecksum, BookFault, Grid, OrderBook};

/// Levels that a side may have: more than any exchange's book.
pub(crate) const MOST_LEVELS: usize = 1 << 17;
/// A whole book that is older than the one before it by no more than this came out of order; by more, the exchange's clock
/// was set back.
const OUT_OF_ORDER: Millis = Millis(10_000);
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
    /// The book cannot be trusted and was dropped; see [`BookKeeper::snapshot_wanted`].
    Dropped(BookFault),
}

/// What must be done so that there is a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotWanted {
    /// Nothing: there is one.
    No,
    /// A snapshot must be asked for.
    Request,
    /// The stream begins with one: it is awaited.
    Awaited,
    /// The stream has begun, and its book is lost: it must be unsubscribed and subscribed again.
    Subscription,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Sync {
    /// No book. Updates are buffered where a snapshot is to be asked for, ignored where the stream brings one.
    Waiting,
    /// As [`Sync::Waiting`], on a stream whose book was lost: it will not bring another by itself.
    Lost,
    /// In sequence; `chained` once an update has followed the snapshot.
    Live { chained: bool },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Ids {
    first: u64,
    last: u64,
    previous: Option<u64>,
}

/// A book and its sequence.
#[derive(Debug, Clone)]
pub struct BookKeeper {
    rule: BookRule,
    by_request: bool,
    stream_depth: usize,
    checksum: Option<BookChecksum>,
    exponents: Exponents,
    book: OrderBook,
    sync: Sync,
    last_id: u64,
    updated: MonoNs,
    exchange_time: WallNs,
    lag: Lag,
    buffer: Buffer,
    /// Levels that neither side has more of: counting them takes long.
    levels_at_most: usize,
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
            stream_depth: manifest.stream_depth.map_or(usize::MAX, |depth| depth as usize),
            checksum: manifest.checksum.clone().map(BookChecksum::new),
            exponents,
            book: OrderBook::new(exponents, grid),
            sync: Sync::Waiting,
            last_id: 0,
            updated: MonoNs(0),
            exchange_time: WallNs(0),
            lag: Lag::NONE,
            buffer: Buffer::default(),
            levels_at_most: 0,
            updates: 0,
            drops: 0,
        }
    }

    /// The book; `None` until it is synchronized, and after it was dropped.
    #[must_use]
    pub fn book(&self) -> Option<&OrderBook> {
        matches!(self.sync, Sync::Live { .. }).then_some(&self.book)
    }

    /// What must be done so that there is a book.
    #[must_use]
    pub fn snapshot_wanted(&self) -> SnapshotWanted {
        match self.sync {
            Sync::Live { .. } => SnapshotWanted::No,
            Sync::Waiting | Sync::Lost if self.by_request => SnapshotWanted::Request,
            Sync::Waiting => SnapshotWanted::Awaited,
            Sync::Lost => SnapshotWanted::Subscription,
        }
    }

    /// Whether a snapshot must be asked for before there can be a book.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        self.snapshot_wanted() == SnapshotWanted::Request
    }

    /// Gives up waiting for the snapshot that the stream should have begun with.
    pub fn snapshot_overdue(&mut self) {
        if self.sync == Sync::Waiting {
            self.sync = Sync::Lost;
        }
    }

    /// The id of the last update that is in the book.
    #[must_use]
    pub const fn last_id(&self) -> u64 {
        self.last_id
    }

    /// When the book last changed or was confirmed, by the time at which the message was taken in.
    #[must_use]
    pub const fn updated(&self) -> MonoNs {
        self.updated
    }

    /// The exchange's time of the last update; zero where it gives none.
    #[must_use]
    pub const fn exchange_time(&self) -> WallNs {
        self.exchange_time
    }

    /// How much longer the last update was under way than the fastest of the last minutes; zero where the exchange gives
    /// no times.
    #[must_use]
    pub fn behind(&self) -> Millis {
        self.lag.behind()
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
        self.buffer.clear();
        let change = self.fault(fault);
        if fault == BookFault::StreamDown {
            // The next stream begins anew, with another way to the exchange perhaps.
            self.sync = Sync::Waiting;
            self.lag = Lag::NONE;
        }
        change
    }

    #[cold]
    fn fault(&mut self, fault: BookFault) -> BookChange {
        if matches!(self.sync, Sync::Live { .. }) {
            self.drops += 1;
        }
        self.sync = match self.rule {
            // The next message is a whole book.
            BookRule::Snapshots => Sync::Waiting,
            _ => Sync::Lost,
        };
        self.clear();
        BookChange::Dropped(fault)
    }

    fn clear(&mut self) {
        self.book.clear();
        self.levels_at_most = 0;
    }

    /// The grid of the book's prices: finer than the instrument's tick where an order rests between two of its ticks.
    #[must_use]
    pub const fn grid(&self) -> Grid {
        self.book.grid()
    }

    /// Takes a batch in. In steady state nothing is allocated.
    pub fn apply(&mut self, batch: &BookBatch<'_>, now: MonoNs) -> BookChange {
        if let Err(fault) = self.readable(batch) {
            return self.fault(fault);
        }
        let ids = Ids {
            first: batch.first_id,
            last: batch.last_id,
            previous: (batch.flags & book_flag::PREVIOUS_ID != 0).then_some(batch.previous_id),
        };
        let is_snapshot = self.rule == BookRule::Snapshots || batch.flags & book_flag::SNAPSHOT != 0;
        // A snapshot that was asked for goes another way than the stream: it has no checksum, and its time says nothing.
        let of_stream = !(is_snapshot && self.by_request);
        if of_stream && batch.exchange_ns != 0 {
            self.lag.note(now, batch.exchange_ns);
        }
        if of_stream && self.lacks_checksum(batch) {
            return self.fault(BookFault::MissingChecksum);
        }
        if is_snapshot {
            return self.snapshot(batch, ids, now);
        }
        match self.sync {
            Sync::Waiting | Sync::Lost if self.by_request => self.keep(batch, ids),
            Sync::Waiting | Sync::Lost => BookChange::Ignored,
            Sync::Live { chained } => {
                let (bids, asks) = (batch.bids.as_slice(), batch.asks.as_slice());
                let change = self.step(ids, chained, bids, asks, batch.stated_checksum());
                match change {
                    BookChange::Applied => self.confirm(now, batch.exchange_ns),
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

    /// Whether a batch is of a form that the rule can judge: what is not makes a book doubtful.
    #[must_use]
    pub fn is_sound(&self, batch: &BookBatch<'_>) -> bool {
        self.readable(batch).is_ok()
    }

    /// Whether a batch is of a form that the rule can judge.
    #[inline]
    fn readable(&self, batch: &BookBatch<'_>) -> Result<(), BookFault> {
        if batch.flags & !KNOWN_FLAGS != 0 {
            return Err(BookFault::UnknownFlags(batch.flags & !KNOWN_FLAGS));
        }
        if batch.price_exponent != self.exponents.price || batch.quantity_exponent != self.exponents.quantity {
            return Err(BookFault::Exponents {
                price: batch.price_exponent,
                quantity: batch.quantity_exponent,
            });
        }
        let is_snapshot = batch.flags & book_flag::SNAPSHOT != 0;
        let has_ids = match self.rule {
            BookRule::Snapshots | BookRule::Checksum => true,
            BookRule::Previous if !is_snapshot => batch.flags & book_flag::PREVIOUS_ID != 0,
            BookRule::Overlap | BookRule::Next | BookRule::Previous => batch.flags & book_flag::RANGE_IDS != 0,
        };
        if !has_ids || batch.first_id > batch.last_id {
            return Err(BookFault::MissingIds);
        }
        let levels = batch.bids.len().max(batch.asks.len());
        if levels > MOST_LEVELS {
            return Err(BookFault::TooManyLevels { levels });
        }
        Ok(())
    }

    #[inline]
    fn lacks_checksum(&self, batch: &BookBatch<'_>) -> bool {
        let always = |c: &BookChecksum| c.manifest().sent == ChecksumSent::Always;
        self.checksum.as_ref().is_some_and(always) && batch.stated_checksum().is_none()
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
    fn step(&mut self, ids: Ids, chained: bool, bids: &[Level], asks: &[Level], stated: Option<u32>) -> BookChange {
        let local = self.last_id;
        let next = local.saturating_add(1);
        let follows = match self.rule {
            BookRule::Overlap | BookRule::Next if ids.last <= local => return BookChange::Ignored,
            BookRule::Overlap => ids.first <= next,
            BookRule::Next => ids.first == next,
            // An exchange that starts anew sets its ids back, and names the one before.
            BookRule::Previous if ids.previous == Some(local) => true,
            BookRule::Previous if ids.last <= local => return BookChange::Ignored,
            BookRule::Previous => !chained && self.by_request && ids.previous.is_some_and(|previous| previous <= local),
            BookRule::Snapshots | BookRule::Checksum => true,
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
        if let Err(fault) = self.write(bids, asks, stated) {
            return self.fault(fault);
        }
        self.last_id = ids.last;
        self.sync = Sync::Live { chained: true };
        self.updates += 1;
        BookChange::Applied
    }

    /// Sets levels and judges the book that comes of it.
    #[inline]
    fn write(&mut self, bids: &[Level], asks: &[Level], stated: Option<u32>) -> Result<(), BookFault> {
        self.book.set_all(Side::Buy, bids)?;
        self.book.set_all(Side::Sell, asks)?;
        self.levels_at_most += bids.len().max(asks.len());
        if self.levels_at_most > self.stream_depth.min(MOST_LEVELS) {
            self.bound()?;
        }
        if let (Some(checksum), Some(stated)) = (&mut self.checksum, stated) {
            let computed = checksum.of(&self.book);
            if computed != stated {
                return Err(BookFault::Checksum { stated, computed });
            }
        }
        match self.book.crossed() {
            Some((bid, ask)) => Err(BookFault::Crossed { bid, ask }),
            None => Ok(()),
        }
    }

    /// Forgets what lies below the depth of the stream, and refuses more levels than a book may have.
    #[inline(never)]
    fn bound(&mut self) -> Result<(), BookFault> {
        let levels = self.book.len(Side::Buy).max(self.book.len(Side::Sell));
        self.levels_at_most = levels.min(self.stream_depth);
        if levels > self.stream_depth {
            self.book.truncate(self.stream_depth);
        } else if levels > MOST_LEVELS {
            return Err(BookFault::TooManyLevels { levels });
        }
        Ok(())
    }

    fn keep(&mut self, batch: &BookBatch<'_>, ids: Ids) -> BookChange {
        let (bids, asks) = (batch.bids.as_slice(), batch.asks.as_slice());
        let kept = self
            .buffer
            .keep(ids, batch.exchange_ns, batch.stated_checksum(), bids, asks);
        if kept {
            return BookChange::Buffered;
        }
        let updates = self.buffer.updates().len();
        self.buffer.clear();
        self.fault(BookFault::BufferFull { updates })
    }

    fn snapshot(&mut self, batch: &BookBatch<'_>, ids: Ids, now: MonoNs) -> BookChange {
        let live = matches!(self.sync, Sync::Live { .. });
        if live && self.is_old(batch, ids) {
            return BookChange::Ignored;
        }
        if let Some(first) = self.starts_too_late(ids) {
            // What is buffered stays: a newer snapshot will meet it.
            return self.fault(BookFault::SnapshotTooOld {
                snapshot: ids.last,
                first,
            });
        }
        self.clear();
        if let Err(fault) = self.write(batch.bids.as_slice(), batch.asks.as_slice(), batch.stated_checksum()) {
            return self.fault(fault);
        }
        self.last_id = ids.last;
        self.sync = Sync::Live { chained: false };
        self.updates += 1;
        self.confirm(now, batch.exchange_ns);
        let change = self.replay();
        self.buffer.clear();
        match change {
            Some(dropped) => dropped,
            None if live => BookChange::Applied,
            None => BookChange::Synchronized,
        }
    }

    /// Whether a snapshot tells less than the live book: one that was asked for and overtaken by the stream, or a whole book
    /// that came out of order. A snapshot that the stream brings on its own replaces what was there.
    fn is_old(&self, batch: &BookBatch<'_>, ids: Ids) -> bool {
        if self.rule == BookRule::Snapshots {
            let older = self.exchange_time.0.saturating_sub(batch.exchange_ns);
            return batch.exchange_ns != 0 && older > 0 && older.unsigned_abs() / 1_000_000 <= OUT_OF_ORDER.0;
        }
        self.by_request && ids.last <= self.last_id
    }

    /// The first buffered id, where updates are missing between a snapshot and it.
    fn starts_too_late(&self, snapshot: Ids) -> Option<u64> {
        let kept = self.buffer.updates();
        let ids = kept.iter().map(|k| k.ids).find(|ids| ids.last > snapshot.last)?;
        let late = match self.rule {
            BookRule::Overlap | BookRule::Next => ids.first > snapshot.last.saturating_add(1),
            BookRule::Previous => ids.previous.is_some_and(|previous| previous > snapshot.last),
            BookRule::Snapshots | BookRule::Checksum => false,
        };
        late.then_some(ids.first)
    }

    /// Applies what was buffered; `Some` where it does not follow.
    fn replay(&mut self) -> Option<BookChange> {
        let buffer = std::mem::take(&mut self.buffer);
        let mut dropped = None;
        for (kept, bids, asks) in buffer.iter() {
            let chained = self.sync == Sync::Live { chained: true };
            match self.step(kept.ids, chained, bids, asks, kept.checksum) {
                BookChange::Applied if kept.exchange_ns != 0 => self.exchange_time = WallNs(kept.exchange_ns),
                change @ BookChange::Dropped(_) => {
                    dropped = Some(change);
                    break;
                }
                _ => {}
            }
        }
        // The room is kept for the next time.
        self.buffer = buffer;
        dropped
    }
}

#[cfg(test)]
#[path = "keeper_tests.rs"]
mod tests;
