//! One instrument of one venue: its rules, book, trades and position.

use colibri_abi::{PublicTrade, TopOfBook};
use colibri_model::{
    Contract, Exponents, FeeRates, Instrument, InstrumentId, Millis, MonoNs, Pair, Price, TradeId, WallNs,
};
use colibri_standard::BookManifest;
use serde::{Deserialize, Serialize};

use crate::accounts::Position;
use crate::book::{BookKeeper, Grid, OrderBook};
use crate::contracts::ContractMarket;
use crate::engine::stream::Stream;
use crate::engine::watermark::FillsWatermark;
use crate::strategy::BookNeed;

/// What a snapshot that is asked for is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SnapshotUse {
    /// The stream's updates go on from it.
    Synchronize,
    /// The stream begins with it: the book is unsubscribed and subscribed anew.
    Subscribe,
    /// It is the book while the stream is down.
    Poll,
    /// Its id alone is looked at: whether the exchange has moved on while the stream was silent.
    Check,
}

/// Where the request for a book snapshot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct SnapshotRequest {
    pub(crate) in_flight: Option<SnapshotUse>,
    pub(crate) not_before: MonoNs,
    pub(crate) failures: u32,
    pub(crate) synchronized: MonoNs,
    /// Until when the stream may take to begin with one.
    pub(crate) awaited_until: Option<MonoNs>,
    /// Checks of a silent book since it was last heard of.
    pub(crate) checks: u32,
}

/// Where a book comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BookSource {
    /// The market stream keeps it.
    #[default]
    Stream,
    /// Snapshots that are asked for again and again while the stream is down: for valuing and for risk.
    Polling,
}

/// The exchange has a newer book than the stream has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ahead {
    /// The id of the exchange's book.
    pub(crate) id: u64,
    /// When it was learned.
    pub(crate) since: MonoNs,
}

/// How subscribing a silent instrument anew went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Resubscription {
    /// It is under way.
    Asked,
    /// It is done since then: the stream has to deliver.
    Done(MonoNs),
    /// The exchange did not take it.
    Failed,
}

/// What a market is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MarketWanted {
    /// To be traded: the venue cannot be used without it.
    Trading,
    /// For orders that an earlier run left: the exchange may not list it any more.
    LeftOrders,
    /// For its data alone: no order of ours can be there.
    Watching,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Market {
    pub(crate) id: InstrumentId,
    pub(crate) pair: Pair,
    pub(crate) wanted: MarketWanted,
    pub(crate) instrument: Option<Instrument>,
    pub(crate) keeper: Option<BookKeeper>,
    pub(crate) snapshot: SnapshotRequest,
    /// What the market stream delivers of it.
    pub(crate) feed: Stream,
    pub(crate) source: BookSource,
    /// When a question last said that the book is right, and nothing newer there.
    pub(crate) confirmed: Option<MonoNs>,
    pub(crate) ahead: Option<Ahead>,
    /// Whether it was subscribed anew since its stream last delivered of it.
    pub(crate) resubscribed: Option<Resubscription>,
    /// Since when there has been no book, or the engine's start.
    pub(crate) bookless_since: MonoNs,
    pub(crate) fees: FeeRates,
    #[serde(with = "crate::kept::top_of_book")]
    pub(crate) top: Option<TopOfBook>,
    pub(crate) last_trade: Option<Price>,
    /// The last mid, of this run: what its inventory is valued at.
    pub(crate) valued_at: Option<Price>,
    /// Trades since the last settling.
    #[serde(skip)]
    pub(crate) trades: Vec<PublicTrade>,
    pub(crate) book_changed: bool,
    /// Strategies that listen to it, by their numbers, in order.
    #[serde(skip)]
    pub(crate) listeners: Vec<usize>,
    pub(crate) position: Position,
    /// What is known of it as a contract, where its venue is one for contracts.
    pub(crate) contracts: Option<Box<ContractMarket>>,
    /// From where on fills are asked for.
    pub(crate) fills: FillsWatermark,
    /// From when on orders are asked for, by the exchange's clock.
    pub(crate) orders_since: WallNs,
    /// Where the journal says that fills and orders are complete.
    pub(crate) journaled: Option<(Option<TradeId>, WallNs, WallNs)>,
    /// How often the account's fee rates were asked for in vain.
    pub(crate) fees_asked: u32,
    /// When they are asked for again.
    pub(crate) fees_again: Option<MonoNs>,
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
            feed: Stream::default(),
            source: BookSource::Stream,
            confirmed: None,
            ahead: None,
            resubscribed: None,
            bookless_since: MonoNs(0),
            fees: FeeRates::default(),
            top: None,
            last_trade: None,
            valued_at: None,
            trades: Vec::new(),
            book_changed: false,
            listeners: Vec::new(),
            position: Position::default(),
            contracts: None,
            fills: FillsWatermark::default(),
            orders_since: WallNs(0),
            journaled: None,
            fees_asked: 0,
            fees_again: None,
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
        if let (Some(contracts), Some(contract)) = (&mut self.contracts, &instrument.contract) {
            contracts.ledger.know(contract);
        }
        self.instrument = Some(instrument);
        renamed
    }

    pub(crate) fn exponents(&self) -> Option<Exponents> {
        self.instrument.as_ref().map(|i| i.exponents)
    }

    /// What it is a contract of; `None` for spot.
    pub(crate) fn contract(&self) -> Option<&Contract> {
        self.contracts.as_ref()?.contract()
    }

    pub(crate) fn book(&self) -> Option<&OrderBook> {
        self.keeper.as_ref()?.book()
    }

    /// Whether there is something to tell strategies already.
    pub(crate) fn has_news(&self) -> bool {
        self.book_changed || !self.trades.is_empty() || self.contracts.as_ref().is_some_and(|c| c.rates_changed)
    }

    /// There is no book from now on.
    pub(crate) fn forget_book(&mut self, now: MonoNs) {
        self.bookless_since = now;
        self.book_changed = true;
        self.source = BookSource::Stream;
        self.confirmed = None;
        self.ahead = None;
    }

    /// When the book was last known to be right: by the stream; by polling, where that is its source. Since when there is
    /// none, where there is none.
    fn right_at(&self) -> MonoNs {
        match (&self.keeper, self.source) {
            (Some(keeper), BookSource::Stream) if keeper.book().is_some() => keeper.updated(),
            (Some(keeper), BookSource::Polling) if keeper.book().is_some() => {
                self.confirmed.unwrap_or(self.bookless_since)
            }
            _ => self.bookless_since,
        }
    }

    /// How long ago the book was last known to be right.
    pub(crate) fn book_age(&self, now: MonoNs) -> Millis {
        now.since(self.right_at())
    }

    /// How much the last update of the stream was behind the fastest; zero while there is no book of the stream.
    pub(crate) fn behind(&self) -> Millis {
        match (&self.keeper, self.source) {
            (Some(keeper), BookSource::Stream) if keeper.book().is_some() => keeper.behind(),
            _ => Millis(0),
        }
    }

    /// When the book was last known to be right to somebody who needs it so: questions count where polling is enough.
    pub(crate) fn right_at_for(&self, need: BookNeed) -> MonoNs {
        let at = self.right_at();
        match (need, self.confirmed) {
            (BookNeed::Polled, Some(confirmed)) if self.book().is_some() => at.max(confirmed),
            _ => at,
        }
    }

    /// How old the book is to somebody who needs it so.
    pub(crate) fn book_age_for(&self, need: BookNeed, now: MonoNs) -> Millis {
        now.since(self.right_at_for(need))
    }
}
