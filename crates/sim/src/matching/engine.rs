//! The engine: markets and accounts, and what every operation shares: funds, reports, events.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::balance::Ledger;
use super::contract::{Cause, PositionChange, Settlement, UpdateReason};
use super::event::{Event, Execution, ExecutionReport, Liquidity};
use super::fees::{self, FeeAsset, FeeRates};
use super::liquidation::InsuranceFund;
use super::market::{Market, MarketSettings};
use super::order::{Order, OrderKind, OrderStatus, Side};
use super::reject::Reject;
use crate::identity::{AccountId, AccountName, Asset, ExecutionId, MarketId, OrderId, Symbol};
use crate::margin::{MarginAccount, PositionSide};
use crate::time::Timestamp;

/// Whether an account's ended orders, its trades and its events are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// Kept: a client asks about them.
    Keep,
    /// Forgotten at once: the account only makes the market.
    Forget,
}

/// What the engine must know about an account.
#[derive(Debug, Clone)]
pub struct AccountSettings {
    /// Its name in the configuration.
    pub name: AccountName,
    /// What it pays.
    pub fees: FeeRates,
    /// In which asset it pays, if not in the received one.
    pub fee_asset: Option<FeeAsset>,
    /// Accounts of one group do not trade with each other.
    pub trade_group: Option<u64>,
    /// Whether its past is kept.
    pub history: History,
}

/// An account.
#[derive(Debug)]
pub struct Account {
    /// What it is.
    pub settings: AccountSettings,
    /// What it holds.
    pub ledger: Ledger,
    /// Its positions in contracts, and what they are settled in.
    pub margin: MarginAccount,
    /// When its balances last changed.
    pub updated: Timestamp,
}

/// Books, orders and balances of a whole exchange.
#[derive(Debug, Default)]
pub struct Engine {
    pub(super) markets: Vec<Market>,
    pub(super) accounts: Vec<Account>,
    collected: BTreeMap<Asset, Decimal>,
    events: Vec<Event>,
    touched: BTreeMap<AccountId, BTreeSet<Asset>>,
    pub(super) touched_positions: BTreeMap<AccountId, BTreeSet<(MarketId, PositionSide)>>,
    pub(super) fund: InsuranceFund,
}

impl Engine {
    /// An exchange without markets and accounts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a market; its id is its place.
    pub fn add_market(&mut self, settings: MarketSettings) -> MarketId {
        self.markets.push(Market::new(settings));
        MarketId(self.markets.len() - 1)
    }

    /// Adds an account with these free balances; its id is its place.
    pub fn add_account(
        &mut self,
        settings: AccountSettings,
        balances: impl IntoIterator<Item = (Asset, Decimal)>,
        now: Timestamp,
    ) -> AccountId {
        let mut ledger = Ledger::default();
        for (asset, amount) in balances {
            ledger.credit(&asset, amount);
        }
        self.accounts.push(Account {
            settings,
            ledger,
            margin: MarginAccount::default(),
            updated: now,
        });
        AccountId(self.accounts.len() - 1)
    }

    /// A market by its place.
    ///
    /// # Panics
    /// When the id is not of this engine.
    pub fn market(&self, id: MarketId) -> &Market {
        &self.markets[id.0]
    }

    /// A market by its place, to take its changes.
    ///
    /// # Panics
    /// When the id is not of this engine.
    pub fn market_mut(&mut self, id: MarketId) -> &mut Market {
        &mut self.markets[id.0]
    }

    /// Every market with its id.
    pub fn markets(&self) -> impl Iterator<Item = (MarketId, &Market)> {
        self.markets
            .iter()
            .enumerate()
            .map(|(place, market)| (MarketId(place), market))
    }

    /// The market of a symbol.
    pub fn find_market(&self, symbol: &Symbol) -> Option<MarketId> {
        self.markets
            .iter()
            .position(|market| market.settings.symbol == *symbol)
            .map(MarketId)
    }

    /// An account by its place.
    ///
    /// # Panics
    /// When the id is not of this engine.
    pub fn account(&self, id: AccountId) -> &Account {
        &self.accounts[id.0]
    }

    /// The account of a name.
    pub fn find_account(&self, name: &AccountName) -> Option<AccountId> {
        self.accounts
            .iter()
            .position(|account| account.settings.name == *name)
            .map(AccountId)
    }

    /// Commission collected so far, by asset.
    pub fn collected_fees(&self) -> &BTreeMap<Asset, Decimal> {
        &self.collected
    }

    /// Everything that happened since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Moves funds into the account from outside, or out of it when `delta` is negative.
    ///
    /// # Errors
    /// [`Reject::InsufficientBalance`] when less than that is free.
    pub fn transfer(
        &mut self,
        account: AccountId,
        asset: &Asset,
        delta: Decimal,
        now: Timestamp,
    ) -> Result<(), Reject> {
        let ledger = &mut self.accounts[account.0].ledger;
        if ledger.balance(asset).free + delta < Decimal::ZERO {
            return Err(Reject::InsufficientBalance);
        }
        ledger.credit(asset, delta);
        self.touch(account, asset);
        if self.keeps_history(account) {
            self.events.push(Event::Transfer {
                account,
                asset: asset.clone(),
                delta,
                time: now,
            });
        }
        self.settle_touched(now);
        Ok(())
    }

    pub(super) fn keeps_history(&self, account: AccountId) -> bool {
        self.accounts[account.0].settings.history == History::Keep
    }

    /// Whether self-trade prevention applies between two accounts.
    pub(super) fn trade_together(&self, one: AccountId, other: AccountId) -> bool {
        let group = |id: AccountId| self.accounts[id.0].settings.trade_group;
        one == other || (group(one).is_some() && group(one) == group(other))
    }

    pub(super) fn touch(&mut self, account: AccountId, asset: &Asset) {
        if self.keeps_history(account) {
            self.touched.entry(account).or_default().insert(asset.clone());
        }
    }

    /// Ends an operation: one balance event for each account that it touched.
    pub(super) fn settle_touched(&mut self, now: Timestamp) {
        for (account, assets) in std::mem::take(&mut self.touched) {
            self.accounts[account.0].updated = now;
            self.events.push(Event::Balances {
                account,
                assets: assets.into_iter().collect(),
                time: now,
            });
        }
        for (account, positions) in std::mem::take(&mut self.touched_positions) {
            self.tell_positions(account, UpdateReason::Order, positions, Decimal::ZERO, now);
        }
    }

    /// Tells that an account's margin wallet or these positions changed.
    pub(super) fn tell_positions(
        &mut self,
        account: AccountId,
        reason: UpdateReason,
        positions: BTreeSet<(MarketId, PositionSide)>,
        moved: Decimal,
        now: Timestamp,
    ) {
        if !self.keeps_history(account) {
            return;
        }
        self.accounts[account.0].updated = now;
        self.events.push(Event::Margin(PositionChange {
            account,
            reason,
            positions: positions.into_iter().collect(),
            moved,
            time: now,
        }));
    }

    /// What an order's owner pays for a fill; the exchange's own orders cost nothing.
    pub(super) fn fee_rate(&self, order: &Order, liquidity: Liquidity) -> Decimal {
        let fees = self.accounts[order.account.0].settings.fees;
        match (order.terms.cause, liquidity) {
            (Cause::Liquidation | Cause::Deleveraging, _) => Decimal::ZERO,
            (Cause::Client, Liquidity::Maker) => fees.maker,
            (Cause::Client, Liquidity::Taker) => fees.taker,
        }
    }

    /// Adds commission to what the exchange has collected.
    pub(super) fn collect(&mut self, asset: &Asset, fee: Decimal) {
        if fee > Decimal::ZERO {
            *self.collected.entry(asset.clone()).or_default() += fee;
        }
    }

    fn is_contract(&self, market: MarketId) -> bool {
        matches!(self.markets[market.0].settings.settlement, Settlement::Contract(_))
    }

    /// The asset that an order of `side` pays with.
    pub(super) fn pays_with(&self, market: MarketId, side: Side) -> Asset {
        let settings = &self.markets[market.0].settings;
        match side {
            Side::Buy => settings.quote.clone(),
            Side::Sell => settings.base.clone(),
        }
    }

    pub(super) fn free(&self, account: AccountId, asset: &Asset) -> Decimal {
        self.accounts[account.0].ledger.balance(asset).free
    }

    /// Locks what an open limit order binds; an order of a contract binds margin, which is reckoned and not locked.
    pub(super) fn lock_for(&mut self, market: MarketId, account: AccountId, side: Side, amount: Decimal) {
        if self.is_contract(market) {
            return;
        }
        let asset = self.pays_with(market, side);
        self.accounts[account.0].ledger.lock(&asset, amount);
        self.touch(account, &asset);
    }

    /// Frees what a limit order no longer binds.
    pub(super) fn unlock_for(&mut self, market: MarketId, account: AccountId, side: Side, amount: Decimal) {
        if self.is_contract(market) {
            return;
        }
        let asset = self.pays_with(market, side);
        self.accounts[account.0].ledger.unlock(&asset, amount);
        self.touch(account, &asset);
    }

    /// Moves the two sides of a fill of `order` and charges its commission, which it returns with its asset.
    pub(super) fn settle_fill(
        &mut self,
        market: MarketId,
        order: &Order,
        price: Decimal,
        quantity: Decimal,
        rate: Decimal,
    ) -> (Decimal, Asset) {
        let account = order.account;
        if order.kind != OrderKind::Market {
            let released = match order.side {
                Side::Buy => order.price * quantity,
                Side::Sell => quantity,
            };
            self.unlock_for(market, account, order.side, released);
        }
        let quote_amount = price * quantity;
        let (paid, received) = match order.side {
            Side::Buy => (quote_amount, quantity),
            Side::Sell => (quantity, quote_amount),
        };
        let paid_asset = self.pays_with(market, order.side);
        let received_asset = self.pays_with(market, order.side.opposite());
        let (fee, fee_asset) = self.charge(market, account, &received_asset, received, quote_amount, rate);
        let ledger = &mut self.accounts[account.0].ledger;
        ledger.credit(&paid_asset, -paid);
        ledger.credit(&received_asset, received);
        ledger.credit(&fee_asset, -fee);
        self.collect(&fee_asset, fee);
        for asset in [&paid_asset, &received_asset, &fee_asset] {
            self.touch(account, asset);
        }
        (fee, fee_asset)
    }

    fn charge(
        &self,
        market: MarketId,
        account: AccountId,
        received_asset: &Asset,
        received: Decimal,
        quote_amount: Decimal,
        rate: Decimal,
    ) -> (Decimal, Asset) {
        if let Some(fee_asset) = &self.accounts[account.0].settings.fee_asset {
            let quote = &self.markets[market.0].settings.quote;
            let price = self
                .markets
                .iter()
                .find(|other| other.settings.base == fee_asset.asset && other.settings.quote == *quote)
                .and_then(Market::last_price);
            let fee = fees::commission_in_fee_asset(quote_amount, rate, fee_asset, price);
            if let Some(fee) = fee.filter(|fee| *fee <= self.free(account, &fee_asset.asset)) {
                return (fee, fee_asset.asset.clone());
            }
        }
        (fees::commission(received, rate), received_asset.clone())
    }

    pub(super) fn push_event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Tells of a change of an order and returns the change's number.
    pub(super) fn report(
        &mut self,
        market: MarketId,
        id: OrderId,
        execution: Execution,
        now: Timestamp,
    ) -> ExecutionId {
        let place = &mut self.markets[market.0];
        let execution_id = place.issue_execution_id();
        if let Some(order) = place.orders.get(&id)
            && self.accounts[order.account.0].settings.history == History::Keep
        {
            let order = order.clone();
            let report = ExecutionReport {
                market,
                order,
                execution_id,
                time: now,
                execution,
            };
            self.events.push(Event::Order(Box::new(report)));
        }
        execution_id
    }

    /// Ends an open order: releases its funds, takes it out of the book, sets its status.
    ///
    /// Returns the order as it stands. The caller reports it, then calls [`Self::forget_if_ended`].
    pub(super) fn end_order(&mut self, market: MarketId, id: OrderId, status: OrderStatus, now: Timestamp) -> Order {
        let place = &mut self.markets[market.0];
        let order = place.orders.get_mut(&id).expect("the caller found the order");
        let remaining = order.remaining();
        let (account, side, price, kind) = (order.account, order.side, order.price, order.kind);
        let locked = order.locked_amount();
        order.become_status(status, now);
        let ended = order.clone();
        if place
            .book
            .level(side, price)
            .is_some_and(|level| level.orders.contains(&id))
        {
            place.book.remove(side, price, id, remaining);
            place.level_changed(side, price);
        }
        place.remove_open(id, account);
        if kind != OrderKind::Market {
            self.unlock_for(market, account, side, locked);
        }
        ended
    }

    /// Drops an ended order of an account without history.
    pub(super) fn forget_if_ended(&mut self, market: MarketId, id: OrderId) {
        let place = &mut self.markets[market.0];
        let forget = place.orders.get(&id).is_some_and(|order| {
            !order.status.is_open() && self.accounts[order.account.0].settings.history == History::Forget
        });
        if forget {
            place.orders.remove(&id);
        }
    }
}
