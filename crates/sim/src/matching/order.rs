//! An order, its parts, and the one table of how its status may change.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::contract::ContractTerms;
use crate::identity::{AccountId, ClientOrderId, OrderId, PreventedMatchId};
use crate::time::Timestamp;

/// Whether an order buys or sells the base asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Buys base for quote.
    Buy,
    /// Sells base for quote.
    Sell,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// How an order is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderKind {
    /// Trades at its price or better; the rest is handled by its [`TimeInForce`].
    Limit,
    /// A limit order that is refused if it would take.
    LimitMaker,
    /// Takes what the book offers; never rests.
    Market,
}

/// What happens to the part of a limit order that does not trade at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeInForce {
    /// Rests until cancelled.
    GoodTillCancel,
    /// Expires.
    ImmediateOrCancel,
    /// The whole order expires unless all of it can trade at once.
    FillOrKill,
}

/// What happens when an order would trade against one of its own account or trade group.
///
/// Source: Binance, Self Trade Prevention FAQ. The taker's mode decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SelfTradePrevention {
    /// The trade takes place.
    None,
    /// The taker's rest expires.
    ExpireTaker,
    /// The resting order expires and the taker goes on.
    ExpireMaker,
    /// Both expire.
    ExpireBoth,
    /// Both lose the quantity that would have traded; what is left of the larger lives on.
    Decrement,
    /// Within one account the same as [`Self::Decrement`]; transfers between accounts are not modelled.
    Transfer,
}

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OrderStatus {
    /// Accepted, nothing traded.
    New,
    /// Part traded, the rest is open.
    PartiallyFilled,
    /// All traded.
    Filled,
    /// Cancelled by its owner.
    Canceled,
    /// Ended by its own rules: time in force, or no liquidity.
    Expired,
    /// Ended by self-trade prevention.
    ExpiredInMatch,
}

impl OrderStatus {
    /// Whether the order can still trade.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::New | Self::PartiallyFilled)
    }

    /// Whether an order of this status may take on `next`. Ended orders never change again.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::New => !matches!(next, Self::New),
            Self::PartiallyFilled => !matches!(next, Self::New),
            Self::Filled | Self::Canceled | Self::Expired | Self::ExpiredInMatch => false,
        }
    }
}

/// Why an order expired. Source: Binance, User Data Streams, "Order Expiry Reason".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryReason {
    /// The rest of an immediate-or-cancel order.
    UnfilledImmediateOrCancel,
    /// A fill-or-kill order that could not be filled whole.
    UnfilledFillOrKill,
    /// The book had too few orders to match against.
    InsufficientLiquidity,
    /// An order that may only reduce has nothing left to reduce.
    NothingToReduce,
    /// Its account was liquidated.
    Liquidated,
    /// The time until which it was good has come.
    GoodTillDate,
    /// A post-only order would take at the price it was amended to.
    WouldTake,
}

/// How much an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderSize {
    /// An amount of the base asset.
    Base(Decimal),
    /// An amount of the quote asset to spend or to receive; market orders only.
    Quote(Decimal),
}

/// An order as a client asks for it. Quantities and prices are positive and already conform to the market's filters.
#[derive(Debug, Clone)]
pub struct NewOrder {
    /// The client's name for it.
    pub client_id: ClientOrderId,
    /// Buy or sell.
    pub side: Side,
    /// How it is priced.
    pub kind: OrderKind,
    /// What happens to the rest; [`TimeInForce::GoodTillCancel`] where the kind has none.
    pub time_in_force: TimeInForce,
    /// Limit price in quote per base; zero for market orders.
    pub price: Decimal,
    /// How much.
    pub size: OrderSize,
    /// What to do about trades with oneself.
    pub self_trade_prevention: SelfTradePrevention,
    /// A label of the client's.
    pub strategy_id: Option<i64>,
    /// A label of the client's.
    pub strategy_type: Option<i64>,
    /// What only an order of a contract says; spot's have the default.
    pub terms: ContractTerms,
}

/// An order on the exchange.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its number within its market.
    pub id: OrderId,
    /// Its owner.
    pub account: AccountId,
    /// The client's name for it; an amendment may change it.
    pub client_id: ClientOrderId,
    /// Buy or sell.
    pub side: Side,
    /// How it is priced.
    pub kind: OrderKind,
    /// What happens to the rest.
    pub time_in_force: TimeInForce,
    /// Limit price in quote per base; zero for market orders.
    pub price: Decimal,
    /// Quantity in base; an amendment reduces it. For a market order by quote amount: what it bought or sold.
    pub quantity: Decimal,
    /// The quote amount that a market order asked for; otherwise zero.
    pub quote_quantity: Decimal,
    /// Base traded so far.
    pub executed: Decimal,
    /// Quote traded so far.
    pub quote_executed: Decimal,
    /// Base expired by self-trade prevention.
    pub prevented: Decimal,
    /// Where it is in its life.
    pub status: OrderStatus,
    /// What to do about trades with oneself.
    pub self_trade_prevention: SelfTradePrevention,
    /// When it was accepted.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// The last match that self-trade prevention stopped.
    pub prevented_match: Option<PreventedMatchId>,
    /// Why it expired, where it did.
    pub expiry_reason: Option<ExpiryReason>,
    /// How often it was amended.
    pub amendments: u32,
    /// A label of the client's.
    pub strategy_id: Option<i64>,
    /// A label of the client's.
    pub strategy_type: Option<i64>,
    /// What only an order of a contract says.
    pub terms: ContractTerms,
}

impl Order {
    /// Base that can still trade: quantity − executed − prevented.
    pub fn remaining(&self) -> Decimal {
        self.quantity - self.executed - self.prevented
    }

    /// What an open limit order keeps locked, in quote for a buy and in base for a sell.
    pub fn locked_amount(&self) -> Decimal {
        match self.side {
            Side::Buy => self.price * self.remaining(),
            Side::Sell => self.remaining(),
        }
    }

    /// Whether the order belongs into a book while it is open.
    pub fn rests(&self) -> bool {
        self.kind != OrderKind::Market && self.time_in_force == TimeInForce::GoodTillCancel
    }

    /// Moves the order to `next`.
    ///
    /// # Panics
    /// In debug builds, when the table of [`OrderStatus::may_become`] does not allow it.
    pub(super) fn become_status(&mut self, next: OrderStatus, now: Timestamp) {
        debug_assert!(
            self.status.may_become(next),
            "order {} is {:?}, cannot become {next:?}",
            self.id,
            self.status
        );
        self.status = next;
        self.updated = now;
    }
}

/// A match that self-trade prevention stopped.
#[derive(Debug, Clone)]
pub struct PreventedMatch {
    /// Its number within its market.
    pub id: PreventedMatchId,
    /// The arriving order.
    pub taker: OrderId,
    /// The owner of the arriving order.
    pub taker_account: AccountId,
    /// The resting order.
    pub maker: OrderId,
    /// The mode that decided.
    pub mode: SelfTradePrevention,
    /// The price at which they would have traded.
    pub price: Decimal,
    /// Base that the taker lost; zero if none.
    pub taker_prevented: Decimal,
    /// Base that the maker lost; zero if none.
    pub maker_prevented: Decimal,
    /// When.
    pub time: Timestamp,
}
