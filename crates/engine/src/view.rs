//! The read-only view: what strategies decide from, and what a screen or a report shows.

mod contracts;
mod triggers;

use std::collections::BTreeMap;

use colibri_model::{
    AccountId, Amount, Asset, ClientOrderId, FeeRates, Fill, Instrument, Millis, MonoNs, Pair, Price, StrategyId,
    VenueId,
};
use colibri_standard::{Capability, SessionStatus};

use crate::HostNow;
use crate::accounts::{LedgerBalance, Position, StatedBalance};
use crate::book::{BookKeeper, OrderBook};
use crate::clock::TickStats;
use crate::engine::market::{BookSource, Market, MarketWanted};
use crate::engine::state::State;
use crate::engine::stream::{Stream, StreamState};
use crate::engine::venue::Venue;
use crate::engine::{
    Counts, DataDelays, EnginePhase, ForeignOrder, KillSwitch, MarketId, Outage, SessionProfit, StopReport,
    StrategyState, VenueIndex, VenuePhase,
};
use crate::orders::InFlightOrder;
use crate::strategy::{BookNeed, PauseReason};

/// Everything that the engine knows, read only.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    state: &'a State,
}

/// A venue, read only.
#[derive(Debug, Clone, Copy)]
pub struct VenueView<'a> {
    index: VenueIndex,
    venue: &'a Venue,
    now: HostNow,
}

/// A market, read only.
#[derive(Debug, Clone, Copy)]
pub struct MarketView<'a> {
    id: MarketId,
    venue: &'a Venue,
    market: &'a Market,
    now: HostNow,
}

/// A stream, read only: a session, or what it delivers of one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamView<'a> {
    /// Where it stands.
    pub state: StreamState,
    /// Since when.
    pub since: MonoNs,
    /// Why it is not live; empty where there is nothing to say.
    pub why: &'a str,
    /// When it last delivered something.
    pub last_data: Option<MonoNs>,
    /// When it is tried again, where that is known: the session opened, or what was missed asked for.
    pub retry_at: Option<MonoNs>,
}

impl<'a> StreamView<'a> {
    fn of(stream: &'a Stream) -> StreamView<'a> {
        StreamView {
            state: stream.state,
            since: stream.since,
            why: &stream.why,
            last_data: stream.last_data,
            retry_at: stream.retry_at,
        }
    }
}

/// Where comparing with the exchange stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReconcileView {
    /// Whether one has succeeded since the user stream last came up or missed something.
    pub is_healed: bool,
    /// When the last one began; zero before the first.
    pub started: MonoNs,
    /// When the next one is due.
    pub next: MonoNs,
}

/// A strategy as the screen shows it.
#[derive(Debug, Clone, Copy)]
pub struct StrategyView<'a> {
    /// Its name.
    pub id: &'a StrategyId,
    /// Its kind.
    pub kind: &'static str,
    /// Whether it trades.
    pub state: StrategyState,
    /// Since when it is in that state.
    pub since: MonoNs,
    /// Why it rests or waits, see [`View::pause_in_words`]; `None` where it does not.
    pub obstacle: Option<PauseReason>,
    /// Its own words.
    pub status: &'a str,
}

impl<'a> View<'a> {
    pub(crate) const fn new(state: &'a State) -> View<'a> {
        View { state }
    }

    /// The time of the input that is being handled.
    #[must_use]
    pub const fn now(&self) -> HostNow {
        self.state.now
    }

    /// The bot's name.
    #[must_use]
    pub fn bot(&self) -> &'a str {
        &self.state.bot
    }

    /// How far the engine has come.
    #[must_use]
    pub const fn phase(&self) -> &'a EnginePhase {
        &self.state.phase
    }

    /// Why the journal cannot be written, where it cannot: trading rests.
    #[must_use]
    pub fn journal_fault(&self) -> Option<&'a str> {
        self.state.journal_fault.as_deref()
    }

    /// The kill switch, where it is thrown: nothing is placed until a person resumes.
    #[must_use]
    pub const fn kill_switch(&self) -> Option<&'a KillSwitch> {
        self.state.kill_switch.as_ref()
    }

    /// The session's profit by quote asset, where a limit on loss or drawdown is set and every market has been valued.
    #[must_use]
    pub const fn session_profits(&self) -> &'a BTreeMap<Asset, SessionProfit> {
        &self.state.session.profits
    }

    /// How stopping went, once it has begun.
    #[must_use]
    pub const fn stop_report(&self) -> Option<&'a StopReport> {
        self.state.stop_report.as_ref()
    }

    /// Venues in the order in which they were added.
    pub fn venues(&self) -> impl Iterator<Item = VenueView<'a>> + use<'a> {
        let now = self.state.now;
        self.state
            .venues
            .iter()
            .enumerate()
            .map(move |(index, venue)| VenueView {
                index: VenueIndex(index),
                venue,
                now,
            })
    }

    /// A venue.
    #[must_use]
    pub fn venue(&self, index: VenueIndex) -> Option<VenueView<'a>> {
        self.venues().nth(index.0)
    }

    /// A market by names.
    #[must_use]
    pub fn find_market(&self, venue: &VenueId, pair: &Pair) -> Option<MarketId> {
        let (index, venue) = self.state.venues.iter().enumerate().find(|(_, v)| v.id == *venue)?;
        let market = venue.markets.iter().find(|m| m.pair == *pair)?;
        Some(MarketId {
            venue: VenueIndex(index),
            instrument: market.id,
        })
    }

    /// A market.
    #[must_use]
    pub fn market(&self, id: MarketId) -> Option<MarketView<'a>> {
        let venue = self.state.venues.get(id.venue.0)?;
        Some(MarketView {
            id,
            venue,
            market: venue.market(id.instrument)?,
            now: self.state.now,
        })
    }

    /// Every market.
    pub fn markets(&self) -> impl Iterator<Item = MarketView<'a>> + use<'a> {
        self.venues().flat_map(|venue| venue.markets())
    }

    /// Orders of a strategy that may be live, in any market.
    pub fn live_orders(&self, strategy: &StrategyId) -> impl Iterator<Item = &'a InFlightOrder> {
        self.state
            .venues
            .iter()
            .flat_map(|venue| venue.orders.live())
            .filter(move |order| order.strategy == *strategy)
    }

    /// An order of ours.
    #[must_use]
    pub fn order(&self, id: &ClientOrderId) -> Option<&'a InFlightOrder> {
        self.state.venues.iter().find_map(|venue| venue.orders.get(id))
    }

    /// Strategies in the order in which they were added.
    pub fn strategies(&self) -> impl Iterator<Item = StrategyView<'a>> + use<'a> {
        self.state.strategies.iter().map(|s| StrategyView {
            id: &s.id,
            kind: s.kind,
            state: s.state,
            since: s.since,
            obstacle: s.obstacle,
            status: &s.status,
        })
    }

    /// Why a strategy is paused, in words: with the venue's name and what is known of the cause.
    #[must_use]
    pub fn pause_in_words(&self, reason: PauseReason) -> String {
        match reason {
            PauseReason::NoSuchMarket => "one of its markets is at no venue of the bot".to_owned(),
            PauseReason::VenueOut { venue, outage } => match self.state.venues.get(venue.0) {
                Some(venue) => format!("{}: {}", venue.id, venue.in_words(outage)),
                None => outage.to_string(),
            },
            PauseReason::BookStale(market) => match self.market(market) {
                Some(market) => {
                    let age = market.book_age().0 / 1_000;
                    let book = match market.last_book() {
                        Some(_) if market.feed().state == StreamState::Quiet => {
                            format!("is quiet: nothing has changed for {age} s, at the exchange neither")
                        }
                        Some(_) => format!("has not changed for {age} s"),
                        None => format!("has been missing for {age} s"),
                    };
                    format!("{}: the book of {} {book}", market.venue(), market.pair())
                }
                None => "a book is stale".to_owned(),
            },
            PauseReason::JournalFailed => "the journal cannot be written".to_owned(),
            PauseReason::OrdersRefused => "the exchange refused too many orders in a row".to_owned(),
            PauseReason::KillSwitch => "the kill switch is thrown".to_owned(),
        }
    }

    /// The last fills of our orders, newest first.
    pub fn recent_fills(&self) -> impl Iterator<Item = &'a Fill> + use<'a> {
        self.state.recent_fills.iter().rev()
    }

    /// Counters since the start.
    #[must_use]
    pub const fn counts(&self) -> &'a Counts {
        &self.state.counts
    }

    /// How long book updates were under way, from the exchange's time of each to ours.
    #[must_use]
    pub const fn delays(&self) -> &'a DataDelays {
        &self.state.delays
    }

    /// How punctual the ticks were.
    #[must_use]
    pub const fn tick_stats(&self) -> TickStats {
        self.state.tick_stats
    }
}

impl<'a> VenueView<'a> {
    /// Its number.
    #[must_use]
    pub const fn index(&self) -> VenueIndex {
        self.index
    }
    /// Its name.
    #[must_use]
    pub const fn id(&self) -> &'a VenueId {
        &self.venue.id
    }
    /// Its account.
    #[must_use]
    pub const fn account(&self) -> &'a AccountId {
        &self.venue.account
    }
    /// How far it has come.
    #[must_use]
    pub const fn phase(&self) -> &'a VenuePhase {
        &self.venue.phase
    }
    /// Why nothing can be traded there now; `None` where it can.
    #[must_use]
    pub fn not_ready(&self) -> Option<String> {
        self.venue.not_ready()
    }
    /// Why nothing can be traded there now, as a value; `None` where it can.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        self.venue.outage(BookNeed::Streamed)
    }
    /// What came or left between the run before and this one by something other than a trade, in one line; `None` where
    /// nothing did, or where the run before did not end with its proof.
    #[must_use]
    pub fn moved_meanwhile(&self) -> Option<String> {
        self.venue.moved_in_words()
    }
    /// The stream of market data as a whole; see [`MarketView::feed`] for one instrument.
    #[must_use]
    pub fn market_stream(&self) -> StreamView<'a> {
        let newest = self.venue.markets.iter().filter_map(|m| m.feed.last_data).max();
        StreamView {
            last_data: newest,
            ..StreamView::of(&self.venue.market_stream)
        }
    }
    /// The stream of our orders, fills and balances; `None` where the connector has none.
    #[must_use]
    pub fn user_stream(&self) -> Option<StreamView<'a>> {
        let stream = StreamView::of(&self.venue.user_stream);
        let asked = (stream.state == StreamState::Healing).then_some(self.venue.reconcile.next);
        let stream = StreamView {
            retry_at: stream.retry_at.or(asked),
            ..stream
        };
        self.venue.has(&Capability::UserStream).then_some(stream)
    }
    /// Where comparing with the exchange stands.
    #[must_use]
    pub const fn reconcile(&self) -> ReconcileView {
        let reconcile = &self.venue.reconcile;
        ReconcileView {
            is_healed: reconcile.healed,
            started: reconcile.started,
            next: reconcile.next,
        }
    }
    /// The market session.
    #[must_use]
    pub const fn market_session(&self) -> SessionStatus {
        self.venue.market_session
    }
    /// The user session.
    #[must_use]
    pub const fn user_session(&self) -> SessionStatus {
        self.venue.user_session
    }
    /// Its markets.
    pub fn markets(&self) -> impl Iterator<Item = MarketView<'a>> + use<'a> {
        let (index, venue, now) = (self.index, self.venue, self.now);
        venue.markets.iter().map(move |market| MarketView {
            id: MarketId {
                venue: index,
                instrument: market.id,
            },
            venue,
            market,
            now,
        })
    }
    /// Balances as the exchange states them.
    pub fn balances(&self) -> impl Iterator<Item = &'a StatedBalance> + use<'a> {
        self.venue.holdings.iter()
    }
    /// Free and locked of an asset, as the exchange states them.
    #[must_use]
    pub fn total(&self, asset: &Asset) -> Amount {
        self.venue
            .holdings
            .get(asset)
            .map(|s| s.balance.total())
            .unwrap_or_default()
    }
    /// What can be used of an asset for a new order.
    #[must_use]
    pub fn available(&self, asset: &Asset) -> Amount {
        self.venue.available(asset)
    }
    /// What fills say that must be held, beside what the exchange states.
    #[must_use]
    pub fn ledger_balances(&self) -> Vec<LedgerBalance> {
        self.venue.holdings.ledger()
    }
    /// Orders that may be live.
    pub fn live_orders(&self) -> impl Iterator<Item = &'a InFlightOrder> + use<'a> {
        self.venue.orders.live()
    }
    /// Every order that is remembered.
    pub fn orders(&self) -> impl Iterator<Item = &'a InFlightOrder> + use<'a> {
        self.venue.orders.iter()
    }
    /// Orders that ended at `since` or later, newest first; orders of the journal that had ended before the start among them.
    pub fn ended_since(&self, since: MonoNs) -> impl Iterator<Item = &'a InFlightOrder> + use<'a> {
        self.venue.orders.ended_since(since)
    }
    /// Every fill that is remembered, in the order in which they were first reported.
    pub fn fills(&self) -> impl DoubleEndedIterator<Item = &'a Fill> + use<'a> {
        self.venue.ledger.iter()
    }
    /// Orders in the account that are not tracked.
    pub fn foreign_orders(&self) -> impl Iterator<Item = &'a ForeignOrder> + use<'a> {
        self.venue.foreign.values()
    }
    /// What an order holds of the asset it is paid with.
    #[must_use]
    pub fn held_by(&self, order: &InFlightOrder) -> Amount {
        self.venue.held_by(order)
    }
}

impl<'a> MarketView<'a> {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> MarketId {
        self.id
    }
    /// The venue's name.
    #[must_use]
    pub const fn venue(&self) -> &'a VenueId {
        &self.venue.id
    }
    /// The pair.
    #[must_use]
    pub const fn pair(&self) -> &'a Pair {
        &self.market.pair
    }
    /// Whether it is there for its data alone, and nothing can be placed.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.market.wanted == MarketWanted::Watching
    }
    /// The instrument with its trading rule, once known.
    #[must_use]
    pub const fn instrument(&self) -> Option<&'a Instrument> {
        self.market.instrument.as_ref()
    }
    /// The account's fee rates; zero until known.
    #[must_use]
    pub const fn fees(&self) -> FeeRates {
        self.market.fees
    }
    /// The book, where the stream keeps it and it is fresh: what may be quoted on.
    #[must_use]
    pub fn book(&self) -> Option<&'a OrderBook> {
        self.book_for(BookNeed::Streamed)
    }
    /// The book, where it is as somebody needs it: while the stream is down, books are polled.
    #[must_use]
    pub fn book_for(&self, need: BookNeed) -> Option<&'a OrderBook> {
        self.venue
            .book_is_fresh(self.market, need, self.now.mono)
            .then(|| self.market.book())
            .flatten()
    }
    /// Where the book comes from.
    #[must_use]
    pub const fn book_source(&self) -> BookSource {
        self.market.source
    }
    /// What the market stream delivers of this instrument.
    #[must_use]
    pub fn feed(&self) -> StreamView<'a> {
        StreamView::of(&self.market.feed)
    }
    /// When a question last said that the book is right although the stream was silent or down.
    #[must_use]
    pub const fn book_confirmed(&self) -> Option<MonoNs> {
        self.market.confirmed
    }
    /// The book however old, for showing.
    #[must_use]
    pub fn last_book(&self) -> Option<&'a OrderBook> {
        self.market.book()
    }
    /// The keeper of the book: sequence, counts.
    #[must_use]
    pub const fn keeper(&self) -> Option<&'a BookKeeper> {
        self.market.keeper.as_ref()
    }
    /// The time since the book was last known to be right; since there was one, where there is none.
    #[must_use]
    pub fn book_age(&self) -> Millis {
        self.market.book_age(self.now.mono)
    }
    /// As [`MarketView::book_age`], to somebody to whom an answer counts as much as the stream's word.
    #[must_use]
    pub fn book_age_for(&self, need: BookNeed) -> Millis {
        self.market.book_age_for(need, self.now.mono)
    }
    /// Halfway between best bid and ask of a fresh book.
    #[must_use]
    pub fn mid(&self) -> Option<Price> {
        self.book()?.mid()
    }
    /// The price of the last public trade.
    #[must_use]
    pub const fn last_trade(&self) -> Option<Price> {
        self.market.last_trade
    }
    /// The trading of this pair: inventory, profit, fees.
    #[must_use]
    pub const fn position(&self) -> &'a Position {
        &self.market.position
    }
    /// Orders of this market that may be live.
    pub fn live_orders(&self) -> impl Iterator<Item = &'a InFlightOrder> + use<'a> {
        let instrument = self.id.instrument;
        self.venue
            .orders
            .live()
            .filter(move |order| order.intent.instrument == instrument)
    }
    /// When the book last changed.
    #[must_use]
    pub fn book_updated(&self) -> Option<MonoNs> {
        self.market.keeper.as_ref().map(BookKeeper::updated)
    }
}
