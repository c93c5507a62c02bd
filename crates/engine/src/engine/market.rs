//! One instrument of one venue: its rules, book, trades and position.

use colibri_abi::{PublicTrade, TopOfBook};
use colibri_model::{Exponents, FeeRates, Instrument, InstrumentId, MonoNs, Pair, Price, TradeId, WallNs};
use colibri_standard::BookManifest;

use crate::accounts::Position;
use crate::book::{BookKeeper, Grid, OrderBook};

/// Where the request for a book snapshot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SnapshotRequest {
    pub(crate) in_flight: bool,
    pub(crate) not_before: MonoNs,
    pub(crate) failures: u32,
    pub(crate) synchronized: MonoNs,
}

/// What a market is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MarketWanted {
    /// To be traded: the venue cannot be used without it.
    Trading,
    /// For orders that an earlier run left: the exchange may not list it any more.
    LeftOrders,
}

#[derive(Debug, Clone)]
pub(crate) struct Market {
    pub(crate) id: InstrumentId,
    pub(crate) pair: Pair,
    pub(crate) wanted: MarketWanted,
    pub(crate) instrument: Option<Instrument>,
    pub(crate) keeper: Option<BookKeeper>,
    pub(crate) snapshot: SnapshotRequest,
    /// Since when there has been no book, or the engine's start.
    pub(crate) bookless_since: MonoNs,
    pub(crate) fees: FeeRates,
    pub(crate) top: Option<TopOfBook>,
    pub(crate) last_trade: Option<Price>,
    /// The last mid, of this run: what its inventory is valued at.
    pub(crate) valued_at: Option<Price>,
    /// Trades since the last settling.
    pub(crate) trades: Vec<PublicTrade>,
    pub(crate) book_changed: bool,
    pub(crate) position: Position,
    /// The newest trade that a gapless query has told.
    pub(crate) fills_to: Option<TradeId>,
    /// Before any trade is known: the time from which fills are asked for.
    pub(crate) fills_since: WallNs,
}

impl Market {
    pub(crate) fn new(id: InstrumentId, pair: Pair, wanted: MarketWanted) -> Market {
        Market {
            id,
            pair,
            wanted,
            instrument: None,
            keeper: None,
            snapshot: SnapshotRequest::default(),
            bookless_since: MonoNs(0),
            fees: FeeRates::default(),
            top: None,
            last_trade: None,
            valued_at: None,
            trades: Vec::new(),
            book_changed: false,
            position: Position::default(),
            fills_to: None,
            fills_since: WallNs(0),
        }
    }

    /// Takes an instrument's rules in; a book on another grid or other exponents is made anew. Whether the exponents
    /// changed: then the connector must be told again.
    pub(crate) fn set_instrument(&mut self, instrument: Instrument, manifest: &BookManifest) -> bool {
        let shape = |i: &Instrument| (i.exponents, Grid::of(i));
        let changed = self.instrument.as_ref().map(shape) != Some(shape(&instrument));
        if changed || self.keeper.is_none() {
            self.keeper = Some(BookKeeper::new(manifest, instrument.exponents, Grid::of(&instrument)));
        }
        let renamed = self.instrument.as_ref().map(|i| (i.exponents, &i.symbol))
            != Some((instrument.exponents, &instrument.symbol));
        self.instrument = Some(instrument);
        renamed
    }

    pub(crate) fn exponents(&self) -> Option<Exponents> {
        self.instrument.as_ref().map(|i| i.exponents)
    }

    pub(crate) fn book(&self) -> Option<&OrderBook> {
        self.keeper.as_ref()?.book()
    }

    /// How long ago the book was last known to be right.
    pub(crate) fn book_age(&self, now: MonoNs) -> colibri_model::Millis {
        match &self.keeper {
            Some(keeper) if keeper.book().is_some() => now.since(keeper.updated()),
            _ => now.since(self.bookless_since),
        }
    }
}
