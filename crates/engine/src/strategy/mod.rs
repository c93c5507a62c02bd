//! Strategies: controllers that are told what happens and answer with what they want. State machines like connectors: no
//! socket, thread, clock or file; one input at a time.
//!
//! What lives here: the trait, its inputs and actions, and the strategies. What must not live here: order states, journal,
//! risk (the engine's; a strategy's wish goes through all of them).

pub mod pure_market_making;
mod registry;

use colibri_abi::PublicTrade;
use colibri_model::{
    ClientOrderId, Fill, MonoNs, OrderState, OrderType, Pair, Price, Quantity, QuantityUnit, Side, StrategyId,
    TimeInForce, VenueId,
};

use crate::clock::Tick;
use crate::engine::{LogLevel, MarketId, VenueIndex};
use crate::risk::RiskRefusal;
use crate::view::View;

pub use registry::{KINDS, build};

/// A market that a strategy trades.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketNeed {
    /// Where.
    pub venue: VenueId,
    /// Which pair.
    pub pair: Pair,
}

/// Why a strategy is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseReason {
    /// A venue of its markets is not ready, or one of its streams is down.
    VenueNotReady,
    /// A book of its markets is missing or stale, for longer than the venue's limit.
    BookStale,
    /// The journal cannot be written.
    JournalFailed,
    /// The exchange refused too many of its orders in a row.
    OrdersRefused,
    /// The kill switch is thrown.
    KillSwitch,
}

/// A change of one of the strategy's orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnOrderChange {
    /// Which order.
    pub client_id: ClientOrderId,
    /// Of which market.
    pub market: MarketId,
    /// The strategy's number for it.
    pub tag: u32,
    /// From which state.
    pub from: OrderState,
    /// To which.
    pub to: OrderState,
}

/// A wish for an order that was not fulfilled: nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedOrder {
    /// Of which market.
    pub market: MarketId,
    /// The strategy's number for it.
    pub tag: u32,
    /// Why.
    pub reason: RiskRefusal,
}

/// What a strategy is told.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// Every market is ready for the first time.
    Started,
    /// Trading must rest; cancels are still carried out. Ticks, books, trades and timers stop until [`Input::Resumed`].
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
    /// A fill of one of the strategy's orders.
    Fill(&'a Fill),
    /// A wish was refused.
    Refused(&'a RefusedOrder),
    /// Balances of a venue changed.
    Balances(VenueIndex),
    /// The bot stops: the engine cancels every order whatever the strategy does.
    Stopping,
}

/// An order that a strategy wants. Price and quantity are rounded to the trading rule on the safe side.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// One input. What it wants goes into `actions`.
    fn input(&mut self, input: Input<'_>, view: &View<'_>, actions: &mut StrategyActions);
    /// A line or a few for the screen: what it is about to do and why.
    fn status(&self) -> String {
        String::new()
    }
}
