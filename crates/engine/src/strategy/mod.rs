//! Strategies: controllers that are told what happens and answer with what they want. State machines like connectors: no
//! socket, thread, clock or file; one input at a time.
//!
//! What lives here: the trait, its inputs and actions, and the strategies. What must not live here: order states, journal,
//! risk (the engine's; a strategy's wish goes through all of them).

mod in_play;
mod own_order;
mod own_trigger;
pub mod perpetual_market_making;
pub mod pure_market_making;
mod registry;
pub mod spot_perpetual_arbitrage;

use colibri_abi::PublicTrade;
use colibri_model::{
    ClientOrderId, MonoNs, OrderTerms, OrderType, Pair, Price, Quantity, QuantityUnit, Side, SnapshotUnusable,
    StrategyId, TimeInForce, VenueId,
};
use serde::{Deserialize, Serialize};

use crate::clock::Tick;
use crate::contracts::{ForcedReduction, FundingTold, MarginCall, PositionChanged};
use crate::engine::{LogLevel, MarketId, Outage, VenueIndex};
use crate::view::View;

pub use own_order::{OrderAmended, OrderReplaced, OwnFill, OwnOrderChange, RefusedOrder, RequestEnd};
pub use own_trigger::{OwnTriggerChange, RefusedTrigger, TriggerRequest};
pub use registry::{KINDS, build};

/// A market that a strategy trades.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketNeed {
    /// Where.
    pub venue: VenueId,
    /// Which pair.
    pub pair: Pair,
}

/// Which markets a strategy can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MarketFit {
    /// Any, beside other strategies.
    #[default]
    Any,
    /// None of contracts, because it counts by balances.
    Spot {
        /// The kind that does the same with contracts.
        of_contracts: &'static str,
    },
    /// Any, and it must have each to itself in the bot, because it counts what is held there as its own.
    Alone,
}

/// What a strategy needs of a book to trade on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum BookNeed {
    /// The market stream keeps it, and has told of it within the venue's limit.
    #[default]
    Streamed,
    /// Snapshots that are asked for while the stream is down or silent are good enough: some seconds old.
    Polled,
}

/// Why a strategy is paused. What is known beyond it, the [`View`] tells: since when, why, and when it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PauseReason {
    /// One of its markets is at no venue of the bot.
    NoSuchMarket,
    /// A venue of its markets cannot be traded at.
    VenueOut {
        /// Which one: the first of its markets'.
        venue: VenueIndex,
        /// What is wrong there.
        outage: Outage,
    },
    /// A book of its markets is missing or stale, for longer than the venue's limit.
    BookStale(MarketId),
    /// The journal cannot be written.
    JournalFailed,
    /// The exchange refused too many of its orders in a row.
    OrdersRefused,
    /// The kill switch is thrown.
    KillSwitch,
}

impl PauseReason {
    /// Whether both are the same trouble at the same place, perhaps at another stage: not told twice.
    #[must_use]
    pub fn is_akin(self, other: PauseReason) -> bool {
        match (self, other) {
            (PauseReason::VenueOut { venue, .. }, PauseReason::VenueOut { venue: other, .. }) => venue == other,
            (this, other) => this == other,
        }
    }
}

/// What a strategy is told.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// Every market is ready for the first time.
    Started,
    /// Trading must rest; cancels are still carried out. Ticks, books, trades and timers stop until [`Input::Resumed`].
    /// Told again where another reason takes the place of the first.
    Paused(PauseReason),
    /// Trading goes on.
    Resumed,
    /// A tick of the Clock.
    Tick(&'a Tick),
    /// A timer that the strategy set has come due.
    Timer(u64),
    /// A book changed: told once however many updates came at once.
    Book(MarketId),
    /// Public trades.
    Trades {
        /// Of which market.
        market: MarketId,
        /// Oldest first.
        trades: &'a [PublicTrade],
    },
    /// An order of the strategy's changed its state.
    Order(&'a OwnOrderChange),
    /// A fill of one of the strategy's orders, told once.
    Fill(&'a OwnFill),
    /// What a fill cost has become known after the fill was told.
    Fee(&'a OwnFill),
    /// An amend has ended.
    Amended(&'a OrderAmended),
    /// A replace has ended, in both its halves.
    Replaced(&'a OrderReplaced),
    /// A wish was refused.
    Refused(&'a RefusedOrder),
    /// A trigger of the strategy's changed its state. The order that it became comes with changes and fills of its own, under
    /// the same client id and number.
    Trigger(&'a OwnTriggerChange),
    /// A wish for a trigger was refused.
    TriggerRefused(&'a RefusedTrigger),
    /// Balances of a venue changed.
    Balances(VenueIndex),
    /// A position of one of the strategy's markets has changed, by whoever's fill; told beside [`Input::Fill`] where the fill is
    /// the strategy's.
    Position(&'a PositionChanged),
    /// Mark price, index or funding rate of a market changed: told once however often they did.
    Rates(MarketId),
    /// A funding payment of one of the strategy's markets, told once.
    Funding(&'a FundingTold),
    /// The exchange warns that margin is short at a venue. It may not warn before it liquidates.
    MarginCall(&'a MarginCall),
    /// The exchange reduces a position by itself.
    Forced(&'a ForcedReduction),
    /// The exchange has told a venue's settings: modes and leverage, whoever changed them.
    Settings(VenueIndex),
    /// The bot stops: the engine cancels every order whatever the strategy does.
    Stopping,
}

/// An order that a strategy wants. Price and quantity are rounded to the trading rule on the safe side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// Where.
    pub market: MarketId,
    /// Buy or sell.
    pub side: Side,
    /// How it trades.
    pub order_type: OrderType,
    /// How long it lives; `None` for market orders.
    pub time_in_force: Option<TimeInForce>,
    /// Limit price; `None` for market orders.
    pub price: Option<Price>,
    /// How much.
    pub quantity: Quantity,
    /// Of which asset.
    pub quantity_unit: QuantityUnit,
    /// What it says beyond that: position side, what it may do to the position, margin mode, and until when it works. One that
    /// closes the position has a quantity of zero. What the connector has not declared is refused before anything is sent.
    #[serde(default)]
    pub terms: OrderTerms,
    /// The strategy's own number for it: comes back with every change.
    pub tag: u32,
}

/// What a strategy wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StrategyAction {
    /// Place an order.
    Create(OrderRequest),
    /// Cancel an order of its own.
    Cancel(ClientOrderId),
    /// Change the quantity of an order of its own, its place in the queue kept, where the exchange can.
    Amend {
        /// Which order.
        client_id: ClientOrderId,
        /// The new whole quantity.
        quantity: Quantity,
    },
    /// Cancel an order of its own and place another of the same market instead, which is not placed unless the cancel is
    /// done. In one request where the exchange has that; else the cancel first, and the placement on the evidence that the
    /// order is cancelled. A cancel of the order in the meantime withdraws a placement that was not sent yet.
    ///
    /// An order that rests in the book can be replaced, and no other. Where nothing comes of the request it is left working.
    Replace {
        /// The order that is to go.
        client_id: ClientOrderId,
        /// The order that is to come.
        by: OrderRequest,
    },
    /// Place a trigger: an order that waits at the exchange for a price.
    PlaceTrigger(TriggerRequest),
    /// Cancel a trigger of its own. An order that it has become meanwhile is not meant: that is cancelled as any other.
    CancelTrigger(ClientOrderId),
    /// Set a timer, replacing one of the same number.
    SetTimer {
        /// The strategy's number for it.
        timer: u64,
        /// When.
        at: MonoNs,
    },
    /// Forget a timer.
    ClearTimer(u64),
    /// A line for the log.
    Log(LogLevel, String),
}

/// Where a strategy puts what it wants; carried out in order once it has returned.
#[derive(Debug, Default)]
pub struct StrategyActions {
    list: Vec<StrategyAction>,
}

impl StrategyActions {
    /// See [`StrategyAction::Create`].
    pub fn create(&mut self, request: OrderRequest) {
        self.list.push(StrategyAction::Create(request));
    }
    /// See [`StrategyAction::Cancel`].
    pub fn cancel(&mut self, client_id: ClientOrderId) {
        self.list.push(StrategyAction::Cancel(client_id));
    }
    /// See [`StrategyAction::Amend`].
    pub fn amend(&mut self, client_id: ClientOrderId, quantity: Quantity) {
        self.list.push(StrategyAction::Amend { client_id, quantity });
    }
    /// See [`StrategyAction::Replace`].
    pub fn replace(&mut self, client_id: ClientOrderId, by: OrderRequest) {
        self.list.push(StrategyAction::Replace { client_id, by });
    }
    /// See [`StrategyAction::PlaceTrigger`].
    pub fn place_trigger(&mut self, request: TriggerRequest) {
        self.list.push(StrategyAction::PlaceTrigger(request));
    }
    /// See [`StrategyAction::CancelTrigger`].
    pub fn cancel_trigger(&mut self, client_id: ClientOrderId) {
        self.list.push(StrategyAction::CancelTrigger(client_id));
    }
    /// See [`StrategyAction::SetTimer`].
    pub fn set_timer(&mut self, timer: u64, at: MonoNs) {
        self.list.push(StrategyAction::SetTimer { timer, at });
    }
    /// See [`StrategyAction::ClearTimer`].
    pub fn clear_timer(&mut self, timer: u64) {
        self.list.push(StrategyAction::ClearTimer(timer));
    }
    /// See [`StrategyAction::Log`].
    pub fn log(&mut self, level: LogLevel, text: impl Into<String>) {
        self.list.push(StrategyAction::Log(level, text.into()));
    }
    /// Takes what was put in.
    pub fn take(&mut self) -> Vec<StrategyAction> {
        std::mem::take(&mut self.list)
    }
}

/// A controller: decides from inputs and a read-only view.
pub trait Strategy {
    /// Its name in the bot.
    fn id(&self) -> &StrategyId;
    /// Its kind, such as `pure_market_making`.
    fn kind(&self) -> &'static str;
    /// The markets that must be ready before it starts.
    fn needs(&self) -> Vec<MarketNeed>;
    /// What it needs of a book to trade on it: without such a book it is paused.
    fn book_need(&self) -> BookNeed {
        BookNeed::Streamed
    }
    /// Which markets it can be given.
    fn market_fit(&self) -> MarketFit {
        MarketFit::Any
    }
    /// One input. What it wants goes into `actions`.
    fn input(&mut self, input: Input<'_>, view: &View<'_>, actions: &mut StrategyActions);
    /// A line or a few for the screen: what it is about to do and why.
    fn status(&self) -> String {
        String::new()
    }
    /// Everything that its next decisions depend on beside its configuration and the view, as JSON: what a replay of a
    /// recorded run goes on from. `None` where it cannot tell: such a run is replayed from its beginning only.
    fn snapshot(&self) -> Option<serde_json::Value> {
        None
    }
    /// Goes on from what [`Strategy::snapshot`] told. The configuration is the same.
    ///
    /// # Errors
    /// It is not what this strategy tells.
    fn restore(&mut self, _state: serde_json::Value) -> Result<(), SnapshotUnusable> {
        Err(SnapshotUnusable::new(format!(
            "the strategy {} does not read any",
            self.id()
        )))
    }
}
