//! Market data on its way in, and the snapshots that books need.

use colibri_abi::{BookBatch, TopOfBook, TradeBatch};
use colibri_model::{InstrumentId, Journal, Millis, from_mantissa};
use colibri_standard::{BookSnapshot, Command, Outcome, SessionStatus};

use crate::HostNow;
use crate::book::{BookChange, BookFault};
use crate::engine::core::Core;
use crate::engine::market::SnapshotRequest;
use crate::engine::venue::Purpose;
use crate::engine::{LogLevel, MarketId, VenueIndex};

/// A book that has held so long was sound: its next snapshot is asked for at once.
const BOOK_PROVEN: Millis = Millis(30_000);

impl<J: Journal> Core<J> {
    pub(crate) fn on_book(&mut self, index: VenueIndex, batch: &BookBatch<'_>, now: HostNow) {
        self.at(now);
        let instrument = InstrumentId(batch.instrument);
        let Some(market) = self
            .state
            .venues
            .get_mut(index.0)
            .and_then(|v| v.market_mut(instrument))
        else {
            return;
        };
        let Some(keeper) = market.keeper.as_mut() else { return };
        match keeper.apply(batch, now.mono) {
            BookChange::Applied | BookChange::Synchronized => {
                market.book_changed = true;
                self.state.counts.book_updates += 1;
            }
            BookChange::Buffered | BookChange::Ignored => {}
            BookChange::Dropped(fault) => self.book_dropped(index, instrument, fault),
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
        market.trades.extend_from_slice(batch.trades.as_slice());
        if let Some(last) = batch.trades.as_slice().last() {
            market.last_trade = Some(from_mantissa(last.price, batch.price_exponent).into());
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
        market.bookless_since = now;
        market.book_changed = true;
        if now.since(market.snapshot.synchronized) >= BOOK_PROVEN {
            market.snapshot.failures = 0;
            market.snapshot.not_before = now;
        }
        self.state.counts.book_drops += 1;
        let text = format!("{name}: the book of {} was dropped: {fault}", market.pair);
        self.log(LogLevel::Warn, text);
        self.ask_snapshot(index, instrument);
    }

    /// Drops every book of a venue: its market stream is not live.
    pub(crate) fn drop_books(&mut self, index: VenueIndex) {
        let now = self.mono();
        for market in &mut self.state.venues[index.0].markets {
            market.snapshot = SnapshotRequest {
                in_flight: market.snapshot.in_flight,
                ..SnapshotRequest::default()
            };
            if let Some(keeper) = market.keeper.as_mut() {
                if keeper.book().is_some() {
                    market.bookless_since = now;
                    market.book_changed = true;
                }
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

    /// Asks for a snapshot where the book needs one, the stream is live and no request is under way or put off.
    pub(crate) fn ask_snapshot(&mut self, index: VenueIndex, instrument: InstrumentId) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let depth = venue.manifest.book.snapshot_depth;
        let live = venue.market_session == SessionStatus::Live;
        let Some(market) = venue.market_mut(instrument) else {
            return;
        };
        let wanted = market.keeper.as_ref().is_some_and(|k| k.wants_snapshot());
        if !wanted || !live || market.snapshot.in_flight {
            return;
        }
        if now < market.snapshot.not_before {
            let at = market.snapshot.not_before;
            return self.wake_at(at);
        }
        market.snapshot.in_flight = true;
        let command = Command::BookSnapshot(BookSnapshot { instrument, depth });
        self.command(index, Purpose::Snapshot(instrument), command);
    }

    pub(crate) fn ask_snapshots(&mut self, index: VenueIndex) {
        let ids: Vec<InstrumentId> = self.state.venues[index.0].markets.iter().map(|m| m.id).collect();
        for id in ids {
            self.ask_snapshot(index, id);
        }
    }

    /// The request for a snapshot has ended; the snapshot itself came before.
    pub(crate) fn snapshot_ended(&mut self, index: VenueIndex, instrument: InstrumentId, outcome: &Outcome) {
        let failures = match self.state.venues[index.0].market(instrument) {
            Some(market) => market.snapshot.failures,
            None => return,
        };
        let wait = self.back_off(failures);
        let now = self.mono();
        let not_before = now.plus(wait);
        let market = self.state.venues[index.0].market_mut(instrument).expect("found above");
        market.snapshot.in_flight = false;
        // Counted on success too: a book that is dropped again and again is asked for less and less often.
        market.snapshot.failures = failures.saturating_add(1);
        market.snapshot.not_before = not_before;
        if market.book().is_some() {
            market.snapshot.synchronized = now;
            return;
        }
        let pair = market.pair.clone();
        self.wake_at(not_before);
        if let Some(refusal) = outcome.refusal() {
            let text = format!(
                "the snapshot of {pair} failed ({refusal}); trying again in {} ms",
                wait.0
            );
            self.log(LogLevel::Warn, text);
        }
    }

    pub(crate) fn market_id(index: VenueIndex, instrument: InstrumentId) -> MarketId {
        MarketId {
            venue: index,
            instrument,
        }
    }
}
