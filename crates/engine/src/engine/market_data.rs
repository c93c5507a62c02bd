//! Market data on its way in, and the snapshots that books need.

use colibri_abi::{BookBatch, TopOfBook, TradeBatch, book_flag};
use colibri_model::{InstrumentId, Millis, from_mantissa};
use colibri_standard::{BookSnapshot, Command, Outcome, SessionStatus};

use crate::HostNow;
use crate::book::{BookChange, BookFault, SnapshotWanted};
use crate::engine::core::Core;
use crate::engine::feeds::anew;
use crate::engine::market::{Ahead, BookSource, MarketWanted, SnapshotRequest, SnapshotUse};
use crate::engine::operations::Purpose;
use crate::engine::state::EnginePhase;
use crate::engine::stream::{StreamEvent, StreamState};
use crate::engine::venue::VenuePhase;
use crate::engine::{LogLevel, MarketId, VenueIndex};

/// A book that has held so long was sound: its next snapshot is asked for at once.
const BOOK_PROVEN: Millis = Millis(30_000);
/// Levels a side that are asked for while the stream is down or silent, and of a book that is watched only: enough to value
/// what is held, and cheap.
const SHALLOW: u32 = 100;
/// Snapshots that are asked for at once: the others wait here, where those of traded markets go first, and not in a rate limit's
/// queue, where whatever else is asked would come behind them.
const ASKED_AT_ONCE: usize = 16;
/// How long a book that is watched only goes without being polled: in the moment that it takes to subscribe hundreds of them
/// they would use up the limit's window, and the snapshots that the stream goes on from would wait for the next one.
const WATCHED_UNPOLLED: Millis = Millis(10_000);
/// A silent book is checked at least so often.
const CHECK_AT_LEAST: u64 = 30_000;
/// How long the snapshot may take that a stream begins with, before the book is subscribed anew.
const BEGINNING: Millis = Millis(10_000);
/// Trading rules that a book disagrees with are asked for no more often than this.
const RULES_DOUBTED: Millis = Millis(60_000);

impl Core {
    pub(crate) fn on_book(&mut self, index: VenueIndex, batch: &BookBatch<'_>, now: HostNow) {
        self.at(now);
        let instrument = InstrumentId(batch.instrument);
        let Some(venue) = self.state.venues.get_mut(index.0) else {
            return;
        };
        if batch.flags & book_flag::SNAPSHOT != 0 && venue.manifest.book.snapshot_by_request {
            return self.on_requested_snapshot(index, instrument, batch);
        }
        let Some(market) = venue.market_mut(instrument) else {
            return;
        };
        market.feed.last_data = Some(now.mono);
        if market.source == BookSource::Polling {
            self.end_polling_of(index, instrument);
        }
        let change = self.apply_book(index, instrument, batch);
        if matches!(change, Some(BookChange::Applied | BookChange::Synchronized)) {
            self.feed_delivers(index, instrument);
        }
    }

    fn apply_book(&mut self, index: VenueIndex, instrument: InstrumentId, batch: &BookBatch<'_>) -> Option<BookChange> {
        let now = self.mono();
        let market = self.state.venues[index.0].market_mut(instrument)?;
        let bookless_since = market.book().is_none().then_some(market.bookless_since);
        let has_news = market.has_news();
        // Nobody has asked for its snapshot yet, behind many others. That one will know this update: what it does not know comes
        // after the question.
        let waits = market.wanted == MarketWanted::Watching && market.snapshot.in_flight.is_none();
        let keeper = market.keeper.as_mut()?;
        let wanted = keeper.snapshot_wanted() == SnapshotWanted::Request;
        if waits && wanted && batch.flags & book_flag::SNAPSHOT == 0 && keeper.is_sound(batch) {
            return Some(BookChange::Buffered);
        }
        let grid = keeper.grid();
        let change = keeper.apply(batch, now);
        let between_ticks = keeper.grid() != grid;
        if between_ticks {
            self.doubt_instruments(index);
        }
        let market = self.state.venues[index.0].market_mut(instrument)?;
        match change {
            BookChange::Applied | BookChange::Synchronized => {
                market.book_changed = true;
                if change == BookChange::Synchronized {
                    market.snapshot.synchronized = now;
                }
                if !has_news {
                    self.changed.push(Self::market_id(index, instrument));
                }
                self.state.counts.book_updates += 1;
                if batch.exchange_ns != 0 && batch.flags & book_flag::SNAPSHOT == 0 {
                    self.state
                        .delays
                        .note(self.state.now.wall.0.saturating_sub(batch.exchange_ns));
                }
            }
            BookChange::Buffered => {}
            // How far the stream is behind, it may tell all the same.
            BookChange::Ignored => self.readiness.touch(Self::market_id(index, instrument)),
            BookChange::Dropped(fault) => {
                self.book_dropped(index, instrument, fault);
                let market = self.state.venues[index.0].market_mut(instrument)?;
                // One attempt more that failed: there has been no book for as long as before.
                market.bookless_since = bookless_since.unwrap_or(market.bookless_since);
            }
        }
        Some(change)
    }

    /// A snapshot that was asked for, as it is meant. One that was asked for before the stream came or went is not used.
    fn on_requested_snapshot(&mut self, index: VenueIndex, instrument: InstrumentId, batch: &BookBatch<'_>) {
        let now = self.mono();
        self.readiness.touch(Self::market_id(index, instrument));
        let venue = &mut self.state.venues[index.0];
        let open = venue.market_stream.state.is_open();
        let Some(market) = venue.market_mut(instrument) else {
            return;
        };
        match market.snapshot.in_flight {
            Some(SnapshotUse::Poll) if open => {}
            Some(SnapshotUse::Poll) => {
                let change = self.apply_book(index, instrument, batch);
                let market = self.state.venues[index.0].market_mut(instrument);
                if let Some(market) = market
                    && !matches!(change, None | Some(BookChange::Dropped(_)))
                    && market.book().is_some()
                {
                    market.source = BookSource::Polling;
                    market.confirmed = Some(now);
                }
            }
            Some(SnapshotUse::Check) => {
                let Some(local) = market.keeper.as_ref().filter(|k| k.book().is_some()) else {
                    return;
                };
                let why = market.feed.why.clone();
                if batch.last_id <= local.last_id() {
                    market.confirmed = Some(now);
                    // Where a newer book was seen, an older answer takes nothing back.
                    if market.ahead.is_none() {
                        market.feed.on(StreamEvent::Confirmed, &why, now);
                    }
                } else if market.ahead.is_none() {
                    market.ahead = Some(Ahead {
                        id: batch.last_id,
                        since: now,
                    });
                    market.feed.on(StreamEvent::Silenced, &why, now);
                }
                // The session is judged by its instruments.
                self.wake_at(now);
            }
            // The stream that it was to go on with is gone.
            Some(SnapshotUse::Synchronize) if !market.feed.state.is_open() => {}
            Some(SnapshotUse::Synchronize | SnapshotUse::Subscribe) | None => {
                let change = self.apply_book(index, instrument, batch);
                if matches!(change, Some(BookChange::Applied | BookChange::Synchronized)) {
                    self.feed_delivers(index, instrument);
                }
            }
        }
    }

    pub(crate) fn on_trades(&mut self, index: VenueIndex, batch: &TradeBatch<'_>, now: HostNow) {
        self.at(now);
        let Some(venue) = self.state.venues.get_mut(index.0) else {
            return;
        };
        let Some(market) = venue.market_mut(InstrumentId(batch.instrument)) else {
            return;
        };
        let has_news = market.has_news();
        market.trades.extend_from_slice(batch.trades.as_slice());
        if let Some(last) = batch.trades.as_slice().last() {
            market.last_trade = Some(from_mantissa(last.price, batch.price_exponent).into());
            self.state.counts.public_trades += batch.trades.len() as u64;
            if !has_news {
                self.changed
                    .push(Self::market_id(index, InstrumentId(batch.instrument)));
            }
        }
    }

    pub(crate) fn on_top(&mut self, index: VenueIndex, top: &TopOfBook, now: HostNow) {
        self.at(now);
        let Some(venue) = self.state.venues.get_mut(index.0) else {
            return;
        };
        if let Some(market) = venue.market_mut(InstrumentId(top.instrument)) {
            market.top = Some(*top);
        }
    }

    /// A book is gone: tell, and ask for a snapshot at once.
    pub(crate) fn book_dropped(&mut self, index: VenueIndex, instrument: InstrumentId, fault: BookFault) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let name = venue.id.clone();
        let Some(market) = venue.market_mut(instrument) else {
            return;
        };
        market.forget_book(now);
        self.changed.push(Self::market_id(index, instrument));
        let why = fault.to_string();
        // Whatever made it doubtful has been delivered: a silence is over with it.
        market.feed.on(StreamEvent::Heard, "", now);
        market.feed.on(StreamEvent::Doubted, &why, now);
        if now.since(market.snapshot.synchronized) >= BOOK_PROVEN {
            market.snapshot.failures = 0;
            market.snapshot.not_before = now;
        }
        self.state.counts.book_drops += 1;
        let text = format!("{name}: the book of {} was dropped: {why}", market.pair);
        self.log(LogLevel::Warn, text);
        if let BookFault::Exponents { .. } = fault {
            self.doubt_instruments(index);
        }
        self.ask_snapshot(index, instrument);
    }

    /// A book disagrees with the rules that are known: the exchange may have changed them, and is asked again.
    fn doubt_instruments(&mut self, index: VenueIndex) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let due = venue
            .instruments_asked
            .map_or(now, |at| at.plus(RULES_DOUBTED).max(now));
        venue.instruments_due = venue.instruments_due.min(due);
        self.wake_at(due);
    }

    /// Drops every book of a venue: its market stream is not live.
    pub(crate) fn drop_books(&mut self, index: VenueIndex) {
        let ids: Vec<InstrumentId> = self.state.venues[index.0].markets.iter().map(|m| m.id).collect();
        for id in ids {
            self.lose_book(index, id);
        }
        let now = self.mono();
        self.wake_at(now);
    }

    /// Drops the book of an instrument whose stream is not there.
    pub(crate) fn lose_book(&mut self, index: VenueIndex, instrument: InstrumentId) {
        let now = self.mono();
        let Some(market) = self.state.venues[index.0].market_mut(instrument) else {
            return;
        };
        market.snapshot = SnapshotRequest {
            in_flight: market.snapshot.in_flight,
            checks: market.snapshot.checks,
            ..SnapshotRequest::default()
        };
        let had_book = market.book().is_some();
        if had_book {
            market.forget_book(now);
        }
        if let Some(keeper) = market.keeper.as_mut() {
            keeper.drop_book(BookFault::StreamDown);
        }
        if had_book {
            self.changed.push(Self::market_id(index, instrument));
        }
    }

    /// The market stream is back: books that were polled make room for those that follow it.
    pub(crate) fn end_polling(&mut self, index: VenueIndex) {
        let ids: Vec<InstrumentId> = self.state.venues[index.0].markets.iter().map(|m| m.id).collect();
        for id in ids {
            self.end_polling_of(index, id);
        }
    }

    fn end_polling_of(&mut self, index: VenueIndex, instrument: InstrumentId) {
        let now = self.mono();
        let Some(market) = self.state.venues[index.0].market_mut(instrument) else {
            return;
        };
        market.snapshot.not_before = now;
        if market.source == BookSource::Polling {
            market.forget_book(now);
            self.changed.push(Self::market_id(index, instrument));
            if let Some(keeper) = market.keeper.as_mut() {
                keeper.drop_book(BookFault::StreamDown);
            }
        }
    }

    /// Drops one book because a message that may have been about it is lost.
    pub(crate) fn doubt_book(&mut self, index: VenueIndex, instrument: Option<InstrumentId>) {
        let doubted: Vec<InstrumentId> = self.state.venues[index.0]
            .markets
            .iter()
            .filter(|m| instrument.is_none_or(|i| i == m.id) && m.book().is_some())
            .map(|m| m.id)
            .collect();
        for instrument in doubted {
            let market = self.state.venues[index.0].market_mut(instrument);
            if let Some(keeper) = market.and_then(|m| m.keeper.as_mut()) {
                keeper.drop_book(BookFault::Unreadable);
            }
            self.book_dropped(index, instrument, BookFault::Unreadable);
        }
    }

    /// What a snapshot would be for now, where one is of use.
    fn snapshot_use(&self, index: VenueIndex, instrument: InstrumentId) -> Option<SnapshotUse> {
        let venue = &self.state.venues[index.0];
        let market = venue.market(instrument)?;
        let keeper = market.keeper.as_ref()?;
        let by_request = venue.manifest.book.snapshot_by_request;
        if venue.market_session == SessionStatus::Live {
            // The stream that carries it is lost alone: it is back in a moment, or the session is down as a whole.
            if !market.feed.state.is_open() {
                return None;
            }
            let silent = matches!(market.feed.state, StreamState::Silent | StreamState::Quiet) && by_request;
            return match keeper.snapshot_wanted() {
                SnapshotWanted::Request => Some(SnapshotUse::Synchronize),
                SnapshotWanted::Subscription => Some(SnapshotUse::Subscribe),
                SnapshotWanted::Awaited => None,
                SnapshotWanted::No => silent.then_some(SnapshotUse::Check),
            };
        }
        let trades = venue.phase == VenuePhase::Ready && self.state.phase == EnginePhase::Running;
        let away = self.mono().since(venue.market_stream.since.max(market.bookless_since));
        let is_early =
            market.wanted == MarketWanted::Watching && market.source == BookSource::Stream && away < WATCHED_UNPOLLED;
        (by_request && trades && !is_early).then_some(SnapshotUse::Poll)
    }

    /// A stream that should begin with a snapshot is given time for it.
    fn await_beginning(&mut self, index: VenueIndex, instrument: InstrumentId) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        if venue.market_session != SessionStatus::Live {
            return;
        }
        let Some(market) = venue.market_mut(instrument).filter(|m| m.feed.state.is_open()) else {
            return;
        };
        let Some(keeper) = market.keeper.as_mut() else { return };
        if keeper.snapshot_wanted() != SnapshotWanted::Awaited {
            return;
        }
        let until = *market.snapshot.awaited_until.get_or_insert(now.plus(BEGINNING));
        if now >= until {
            keeper.snapshot_overdue();
        } else {
            self.wake_at(until);
        }
    }

    /// Asks for a snapshot where one is of use, and no request is under way or put off.
    pub(crate) fn ask_snapshot(&mut self, index: VenueIndex, instrument: InstrumentId) {
        let now = self.mono();
        self.await_beginning(index, instrument);
        let Some(purpose) = self.snapshot_use(index, instrument) else {
            return;
        };
        let venue = &mut self.state.venues[index.0];
        let depth = venue.manifest.book.snapshot_depth;
        // What the account needs to be known goes first: hundreds of watched books use up a limit's window at once.
        let watched_may_ask = venue.ops.snapshots() < ASKED_AT_ONCE && venue.account_is_known();
        let Some(market) = venue.market_mut(instrument).filter(|m| m.snapshot.in_flight.is_none()) else {
            return;
        };
        if !watched_may_ask && market.wanted == MarketWanted::Watching {
            return;
        }
        let depth = match market.wanted {
            MarketWanted::Watching => depth.min(SHALLOW),
            MarketWanted::Trading | MarketWanted::LeftOrders => depth,
        };
        if now < market.snapshot.not_before {
            let at = market.snapshot.not_before;
            return self.wake_at(at);
        }
        market.snapshot.in_flight = Some(purpose);
        let command = match purpose {
            SnapshotUse::Synchronize => Command::BookSnapshot(BookSnapshot { instrument, depth }),
            SnapshotUse::Poll | SnapshotUse::Check => Command::BookSnapshot(BookSnapshot {
                instrument,
                depth: depth.min(SHALLOW),
            }),
            SnapshotUse::Subscribe => anew(instrument),
        };
        self.command(index, Purpose::Snapshot(instrument), command);
    }

    /// Asks for the snapshots that are of use, those of markets that are traded first: the venue has them in that order.
    pub(crate) fn ask_snapshots(&mut self, index: VenueIndex) {
        for at in 0..self.state.venues[index.0].markets.len() {
            let venue = &self.state.venues[index.0];
            let market = &venue.markets[at];
            if market.wanted == MarketWanted::Watching && venue.ops.snapshots() >= ASKED_AT_ONCE {
                break;
            }
            let id = market.id;
            self.ask_snapshot(index, id);
        }
    }

    /// The request for a snapshot has ended; the snapshot itself came before.
    pub(crate) fn snapshot_ended(&mut self, index: VenueIndex, instrument: InstrumentId, outcome: &Outcome) {
        let Some(market) = self.state.venues[index.0].market_mut(instrument) else {
            return;
        };
        let purpose = market.snapshot.in_flight.take();
        let is_watched = market.wanted == MarketWanted::Watching;
        let (failures, checks) = (market.snapshot.failures, market.snapshot.checks);
        let fast = self.state.venues[index.0].manifest.polling.fast_ms;
        let back_off = self.back_off(failures);
        let wait = match (purpose, outcome) {
            (Some(SnapshotUse::Poll), Outcome::Done) => self.with_jitter(fast),
            (Some(SnapshotUse::Poll), _) => back_off.max(fast),
            // A market that is merely quiet is asked about less and less often.
            (Some(SnapshotUse::Check), _) => self.with_jitter(Millis((fast.0 << checks.min(4)).min(CHECK_AT_LEAST))),
            (Some(SnapshotUse::Synchronize | SnapshotUse::Subscribe) | None, _) => back_off,
        };
        let now = self.mono();
        let not_before = now.plus(wait);
        self.wake_at(not_before);
        if is_watched {
            // Another may have waited for this one.
            self.wake_at(now);
        }
        let venue = &mut self.state.venues[index.0];
        let open = venue.market_session == SessionStatus::Live;
        let Some(market) = venue.market_mut(instrument) else {
            return;
        };
        market.snapshot.not_before = not_before;
        match purpose {
            Some(SnapshotUse::Check) => market.snapshot.checks = checks.saturating_add(1),
            Some(SnapshotUse::Poll) if open => {
                // The stream came back meanwhile, and waits for a snapshot of its own.
                market.snapshot.not_before = now;
                self.wake_at(now);
            }
            Some(SnapshotUse::Poll) if *outcome == Outcome::Done => market.snapshot.failures = 0,
            Some(SnapshotUse::Poll) => market.snapshot.failures = failures.saturating_add(1),
            Some(SnapshotUse::Synchronize | SnapshotUse::Subscribe) | None => {
                // Counted on success too: a book that is dropped again and again is asked for less and less often.
                market.snapshot.failures = failures.saturating_add(1);
                if market.book().is_some() {
                    market.snapshot.synchronized = now;
                    return;
                }
                let pair = market.pair.clone();
                if let Some(refusal) = outcome.refusal() {
                    let text = format!(
                        "the snapshot of {pair} failed ({refusal}); trying again in {} ms",
                        wait.0
                    );
                    self.log(LogLevel::Warn, text);
                }
            }
        }
    }

    fn with_jitter(&mut self, wait: Millis) -> Millis {
        Millis(wait.0 + self.random.below(wait.0 / 8 + 1))
    }

    pub(crate) fn market_id(index: VenueIndex, instrument: InstrumentId) -> MarketId {
        MarketId {
            venue: index,
            instrument,
        }
    }
}
