//! One market: its book, its orders, its trades, and the numbers it hands out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rust_decimal::Decimal;

use super::book::Book;
use super::contract::Settlement;
use super::event::LevelChange;
use super::order::{Order, PreventedMatch, Side};
use crate::identity::{
    AccountId, Asset, ClientOrderId, ExecutionId, OrderId, PreventedMatchId, Symbol, TradeId, UpdateId,
};
use crate::margin::PositionSide;
use crate::time::Timestamp;

/// How many public trades a market remembers.
const PUBLIC_TRADES_KEPT: usize = 20_000;

/// What the engine must know about a market.
#[derive(Debug, Clone)]
pub struct MarketSettings {
    /// Its symbol.
    pub symbol: Symbol,
    /// The asset that is bought and sold.
    pub base: Asset,
    /// The asset that is paid.
    pub quote: Asset,
    /// The step of quantities in base; market orders by quote amount are cut to it.
    pub lot: Decimal,
    /// What a trade moves.
    pub settlement: Settlement,
}

/// A trade as everybody sees it.
#[derive(Debug, Clone)]
pub struct PublicTrade {
    /// Its number.
    pub id: TradeId,
    /// Quote per base.
    pub price: Decimal,
    /// Base.
    pub quantity: Decimal,
    /// When.
    pub time: Timestamp,
    /// The side of the order that arrived.
    pub taker_side: Side,
    /// The order that arrived: trades of one taker at one price form an aggregate trade.
    pub taker: OrderId,
}

/// A trade as one of its two accounts sees it.
#[derive(Debug, Clone)]
pub struct MyTrade {
    /// Its number.
    pub id: TradeId,
    /// The account's order.
    pub order: OrderId,
    /// The account's side.
    pub side: Side,
    /// Quote per base.
    pub price: Decimal,
    /// Base.
    pub quantity: Decimal,
    /// What it cost.
    pub commission: Decimal,
    /// In which asset.
    pub commission_asset: Asset,
    /// When.
    pub time: Timestamp,
    /// The account's part.
    pub liquidity: super::Liquidity,
    /// Of a contract: what it realised, without the commission.
    pub realized: Decimal,
    /// Of a contract: which position it changed.
    pub position: PositionSide,
}

/// One market.
#[derive(Debug)]
pub struct Market {
    /// What it is.
    pub settings: MarketSettings,
    pub(super) book: Book,
    pub(super) orders: BTreeMap<OrderId, Order>,
    /// The latest order of each client order id, of accounts with history.
    pub(super) by_client_id: BTreeMap<(AccountId, ClientOrderId), OrderId>,
    pub(super) open: BTreeMap<AccountId, BTreeSet<OrderId>>,
    pub(super) trades: VecDeque<PublicTrade>,
    pub(super) my_trades: BTreeMap<AccountId, Vec<MyTrade>>,
    pub(super) prevented: Vec<PreventedMatch>,
    pub(super) changes: Vec<LevelChange>,
    pub(super) last_update: UpdateId,
    /// Of a contract: the price that margin is reckoned by.
    pub(super) mark: Decimal,
    next_order: u64,
    next_trade: u64,
    next_execution: u64,
}

impl Market {
    pub(super) fn new(settings: MarketSettings) -> Self {
        Self {
            settings,
            book: Book::default(),
            orders: BTreeMap::new(),
            by_client_id: BTreeMap::new(),
            open: BTreeMap::new(),
            trades: VecDeque::new(),
            my_trades: BTreeMap::new(),
            prevented: Vec::new(),
            changes: Vec::new(),
            last_update: UpdateId(0),
            mark: Decimal::ZERO,
            next_order: 1,
            next_trade: 1,
            next_execution: 1,
        }
    }

    /// Its book.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The number of the book's last change.
    pub fn last_update(&self) -> UpdateId {
        self.last_update
    }

    /// An order, open or remembered.
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders.get(&id)
    }

    /// The latest order that an account gave this name.
    pub fn order_by_client_id(&self, account: AccountId, client_id: &ClientOrderId) -> Option<&Order> {
        let id = self.by_client_id.get(&(account, client_id.clone()))?;
        self.orders.get(id).filter(|order| order.client_id == *client_id)
    }

    /// An account's open orders, oldest first.
    pub fn open_orders(&self, account: AccountId) -> impl Iterator<Item = &Order> {
        self.open
            .get(&account)
            .into_iter()
            .flatten()
            .filter_map(|id| self.orders.get(id))
    }

    /// How many orders an account has open here.
    pub fn open_count(&self, account: AccountId) -> usize {
        self.open.get(&account).map_or(0, BTreeSet::len)
    }

    /// Every remembered order of an account, oldest first.
    pub fn orders_of(&self, account: AccountId) -> impl DoubleEndedIterator<Item = &Order> {
        self.orders.values().filter(move |order| order.account == account)
    }

    /// An account's trades, oldest first.
    pub fn trades_of(&self, account: AccountId) -> &[MyTrade] {
        self.my_trades.get(&account).map_or(&[], Vec::as_slice)
    }

    /// Recent trades of everybody, oldest first.
    pub fn trades(&self) -> &VecDeque<PublicTrade> {
        &self.trades
    }

    /// The price of the last trade.
    pub fn last_price(&self) -> Option<Decimal> {
        self.trades.back().map(|trade| trade.price)
    }

    /// The mark price of a contract; zero before the first, and for what is no contract.
    pub fn mark(&self) -> Decimal {
        self.mark
    }

    /// Matches that self-trade prevention stopped, oldest first.
    pub fn prevented_matches(&self) -> &[PreventedMatch] {
        &self.prevented
    }

    /// Level changes since the last call, in order of their numbers, which are consecutive.
    pub fn take_changes(&mut self) -> Vec<LevelChange> {
        std::mem::take(&mut self.changes)
    }

    pub(super) fn issue_order_id(&mut self) -> OrderId {
        self.next_order += 1;
        OrderId(self.next_order - 1)
    }

    pub(super) fn issue_trade_id(&mut self) -> TradeId {
        self.next_trade += 1;
        TradeId(self.next_trade - 1)
    }

    pub(super) fn issue_execution_id(&mut self) -> ExecutionId {
        self.next_execution += 1;
        ExecutionId(self.next_execution - 1)
    }

    pub(super) fn issue_prevented_match_id(&self) -> PreventedMatchId {
        PreventedMatchId(self.prevented.len() as u64)
    }

    pub(super) fn record_trade(&mut self, trade: PublicTrade) {
        if self.trades.len() == PUBLIC_TRADES_KEPT {
            self.trades.pop_front();
        }
        self.trades.push_back(trade);
    }

    /// Records that the level's total is not what it was.
    pub(super) fn level_changed(&mut self, side: Side, price: Decimal) {
        self.last_update = UpdateId(self.last_update.0 + 1);
        let quantity = self.book.quantity(side, price);
        self.changes.push(LevelChange {
            id: self.last_update,
            side,
            price,
            quantity,
        });
    }

    pub(super) fn insert_open(&mut self, id: OrderId, account: AccountId) {
        self.open.entry(account).or_default().insert(id);
    }

    pub(super) fn remove_open(&mut self, id: OrderId, account: AccountId) {
        if let Some(ids) = self.open.get_mut(&account) {
            ids.remove(&id);
        }
    }
}
