//! What the engine tells: order changes, trades, balances touched, levels changed.

use rust_decimal::Decimal;

use super::contract::PositionChange;
use super::market::PublicTrade;
use super::order::{Order, Side};
use crate::identity::{
    AccountId, Asset, ClientOrderId, ExecutionId, MarketId, OrderId, PreventedMatchId, TradeId, UpdateId,
};
use crate::margin::PositionSide;
use crate::time::Timestamp;

/// One thing that happened, in order.
#[derive(Debug, Clone)]
pub enum Event {
    /// An order of an account with [`super::History::Keep`] changed.
    Order(Box<ExecutionReport>),
    /// A trade took place.
    Trade(MarketId, PublicTrade),
    /// An operation touched these balances of an account with [`super::History::Keep`].
    Balances {
        /// Whose.
        account: AccountId,
        /// Which, without repetition.
        assets: Vec<Asset>,
        /// When.
        time: Timestamp,
    },
    /// An operation changed the margin wallet or these positions of an account with [`super::History::Keep`].
    Margin(PositionChange),
    /// A margin account is near its liquidation.
    MarginCall {
        /// Whose.
        account: AccountId,
        /// The positions that are short of margin.
        positions: Vec<(MarketId, PositionSide)>,
        /// When.
        time: Timestamp,
    },
    /// Funds arrived from outside or left.
    Transfer {
        /// Whose.
        account: AccountId,
        /// Of what.
        asset: Asset,
        /// How much; negative when they left.
        delta: Decimal,
        /// When.
        time: Timestamp,
    },
}

/// One change of an order, with the order as it stands afterwards.
#[derive(Debug, Clone)]
pub struct ExecutionReport {
    /// Where.
    pub market: MarketId,
    /// The order after the change.
    pub order: Order,
    /// The number of the change.
    pub execution_id: ExecutionId,
    /// When.
    pub time: Timestamp,
    /// What changed.
    pub execution: Execution,
}

/// The kind of change.
#[derive(Debug, Clone)]
pub enum Execution {
    /// Accepted.
    New,
    /// Traded.
    Trade {
        /// The trade's number.
        trade: TradeId,
        /// Base traded.
        quantity: Decimal,
        /// At which price.
        price: Decimal,
        /// What it cost.
        commission: Decimal,
        /// In which asset.
        commission_asset: Asset,
        /// Whether this order was the resting one.
        liquidity: Liquidity,
        /// Of a contract: what it realised, without the commission.
        realized: Decimal,
    },
    /// Cancelled by its owner.
    Canceled {
        /// The name of the cancel.
        cancel_id: ClientOrderId,
    },
    /// Amended in place.
    Replaced {
        /// The order's name before.
        previous_client_id: ClientOrderId,
    },
    /// Expired by its own rules.
    Expired,
    /// Lost quantity to self-trade prevention.
    TradePrevention(PreventedDetail),
}

/// Which part an order had in a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liquidity {
    /// It was in the book.
    Maker,
    /// It arrived.
    Taker,
}

/// What self-trade prevention did to one order.
#[derive(Debug, Clone)]
pub struct PreventedDetail {
    /// The stopped match.
    pub id: PreventedMatchId,
    /// Base that this order lost by it.
    pub prevented: Decimal,
    /// Base that would have traded.
    pub quantity: Decimal,
    /// At which price.
    pub price: Decimal,
    /// The other order.
    pub counter: OrderId,
}

/// A level's new total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelChange {
    /// The number of the change.
    pub id: UpdateId,
    /// Bids or asks.
    pub side: Side,
    /// The level's price.
    pub price: Decimal,
    /// Base open at it now; zero when the level is gone.
    pub quantity: Decimal,
}
