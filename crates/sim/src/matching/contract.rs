//! Markets of contracts: what their orders say, what they may not do, and how a fill of theirs is settled.
//!
//! Positions and wallets are in [`crate::margin`]; here they meet the book. Source: Binance, USD-M futures, "New Order" and
//! "How to calculate the cost required to open a position".

use rust_decimal::Decimal;

use super::engine::{Engine, History};
use super::event::Execution;
use super::fees;
use super::market::Market;
use super::order::{ExpiryReason, NewOrder, Order, OrderKind, OrderSize, OrderStatus, Side, TimeInForce};
use super::reject::Reject;
use crate::identity::{AccountId, Asset, MarketId, OrderId, TradeId};
use crate::margin::{ContractFill, ContractView, Demand, Figures, IncomeKind, Pledged, PositionSide, Tiers};
use crate::time::Timestamp;

/// What a trade in a market moves.
#[derive(Debug, Clone, Default)]
pub enum Settlement {
    /// Base against quote.
    #[default]
    Assets,
    /// Positions; profit is in quote.
    Contract(ContractRules),
}

/// What the engine must know about a contract.
#[derive(Debug, Clone)]
pub struct ContractRules {
    /// Its leverage brackets.
    pub tiers: Tiers,
    /// What a liquidation costs, as a fraction of its value.
    pub liquidation_fee: Decimal,
    /// The step of its prices in quote.
    pub tick: Decimal,
}

/// What an order may do to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effect {
    /// Open, close, turn it over.
    #[default]
    Any,
    /// Only close.
    ReduceOnly,
    /// Only close, and all of it.
    ClosePosition,
}

/// Who made an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cause {
    /// Its account's client.
    #[default]
    Client,
    /// The exchange, to liquidate.
    Liquidation,
    /// The exchange, to close what answers for another account's liquidation.
    Deleveraging,
}

/// What an order of a contract says beside what every order says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContractTerms {
    /// Which position it changes.
    pub position: PositionSide,
    /// What it may do to it.
    pub effect: Effect,
    /// Who made it.
    pub cause: Cause,
    /// When it expires, where it does.
    pub good_till: Option<Timestamp>,
}

impl ContractTerms {
    /// Whether an order of `side` can only close.
    pub fn only_closes(&self, side: Side) -> bool {
        self.effect != Effect::Any || self.position.closes_by(side)
    }
}

/// Why a margin account changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateReason {
    /// An order traded.
    Order,
    /// Funding of a contract was settled.
    FundingFee(MarketId),
    /// Funds arrived from outside or left.
    Transfer,
    /// Margin of an isolated position was changed by the client.
    MarginTransfer,
    /// The insurance fund was paid, or paid.
    InsuranceClear,
}

/// A change of a margin account; what it has now is read from the account.
#[derive(Debug, Clone)]
pub struct PositionChange {
    /// Whose.
    pub account: AccountId,
    /// Why.
    pub reason: UpdateReason,
    /// Which positions changed.
    pub positions: Vec<(MarketId, PositionSide)>,
    /// What the wallet changed by, profit and commission left out.
    pub moved: Decimal,
    /// When.
    pub time: Timestamp,
}

/// A settled fill of a contract.
pub(super) struct Settled {
    pub fee: Decimal,
    pub fee_asset: Asset,
    pub realized: Decimal,
}

impl Market {
    pub(super) fn contract(&self) -> Option<&ContractRules> {
        match &self.settings.settlement {
            Settlement::Assets => None,
            Settlement::Contract(rules) => Some(rules),
        }
    }
}

impl Engine {
    /// Sets the price that margin is reckoned by. Nothing is liquidated by that: see [`Self::liquidate`].
    pub fn set_mark(&mut self, market: MarketId, mark: Decimal) {
        self.markets[market.0].mark = mark;
    }

    /// What an account has and needs, at the mark prices.
    pub fn figures(&self, account: AccountId) -> Figures {
        let views: Vec<_> = self.views(account).collect();
        Figures::of(&self.accounts[account.0].margin, &views)
    }

    /// What a position, with the orders that could open it further, needs.
    pub fn demand(&self, account: AccountId, market: MarketId, side: PositionSide) -> Demand {
        match self.view(account, market) {
            Some(view) => Demand::of(&self.accounts[account.0].margin, &view, side),
            None => Demand::default(),
        }
    }

    /// Values of an account's open orders that could open a position.
    pub fn pledged(&self, account: AccountId, market: MarketId, side: PositionSide) -> Pledged {
        let mut pledged = Pledged::default();
        let place = &self.markets[market.0];
        for order in place.open_orders(account) {
            if order.terms.position == side && !order.terms.only_closes(order.side) {
                pledged.add(order.side, order.price * order.remaining());
            }
        }
        pledged
    }

    fn view(&self, account: AccountId, market: MarketId) -> Option<ContractView<'_>> {
        let place = &self.markets[market.0];
        let sides = PositionSide::ALL.into_iter();
        Some(ContractView {
            market,
            mark: place.mark,
            tiers: &place.contract()?.tiers,
            pledged: sides.map(|side| (side, self.pledged(account, market, side))).collect(),
        })
    }

    fn views(&self, account: AccountId) -> impl Iterator<Item = ContractView<'_>> {
        (0..self.markets.len()).filter_map(move |place| self.view(account, MarketId(place)))
    }

    /// Whether a contract's order is acceptable: there is something to reduce, or margin to open.
    pub(super) fn check_contract(
        &self,
        market: MarketId,
        account: AccountId,
        new: &NewOrder,
        quantity: Decimal,
    ) -> Result<(), Reject> {
        let limit = (new.kind != OrderKind::Market).then_some(new.price);
        let size = OrderSize::Base(quantity);
        let prevention = new.self_trade_prevention;
        if new.time_in_force == TimeInForce::FillOrKill && new.kind == OrderKind::Limit {
            let walk = self.walk(market, account, new.side, limit, size, prevention);
            if walk.unmet > Decimal::ZERO {
                return Err(Reject::WouldNotFill);
            }
        }
        let margin = &self.accounts[account.0].margin;
        if new.terms.only_closes(new.side) {
            let closable = margin.closable(market, new.terms.position, new.side);
            // In hedge mode the exchange never turns a side over, so more than there is cannot be meant.
            let too_much = new.terms.position != PositionSide::Both && quantity > closable;
            return if closable.is_zero() || too_much {
                Err(Reject::NothingToReduce)
            } else {
                Ok(())
            };
        }
        if self.accounts[account.0].settings.history == History::Forget {
            return Ok(());
        }
        let price = match limit {
            Some(price) => price,
            None => {
                let walk = self.walk(market, account, new.side, None, size, prevention);
                if walk.quantity.is_zero() {
                    self.markets[market.0].mark
                } else {
                    walk.quote / walk.quantity
                }
            }
        };
        self.check_margin(market, account, new, quantity, price)
    }

    fn check_margin(
        &self,
        market: MarketId,
        account: AccountId,
        new: &NewOrder,
        quantity: Decimal,
        price: Decimal,
    ) -> Result<(), Reject> {
        let margin = &self.accounts[account.0].margin;
        let Some(mut view) = self.view(account, market) else {
            return Ok(());
        };
        let side = new.terms.position;
        let before = Demand::of(margin, &view, side);
        for (other, pledged) in &mut view.pledged {
            if *other == side {
                pledged.add(new.side, price * quantity);
            }
        }
        let after = Demand::of(margin, &view, side);
        let more = after.initial() - before.initial();
        if more <= Decimal::ZERO {
            return Ok(());
        }
        let leverage = margin.settings(market).leverage;
        if after.most_notional > view.tiers.most_notional(leverage) {
            return Err(Reject::PositionTooLarge);
        }
        // What is lost at once, reckoned by the mark price, where the order fills at its price.
        let opened = (quantity - margin.closable(market, side, new.side)).max(Decimal::ZERO);
        let worse = match new.side {
            Side::Buy => price - view.mark,
            Side::Sell => view.mark - price,
        };
        let open_loss = opened * worse.max(Decimal::ZERO);
        if more + open_loss > self.figures(account).available {
            return Err(Reject::InsufficientMargin);
        }
        Ok(())
    }

    /// Base that an order may still trade without opening what it must only close.
    pub(super) fn reducible(&self, market: MarketId, order: &Order) -> Decimal {
        if !order.terms.only_closes(order.side) {
            return Decimal::MAX;
        }
        let margin = &self.accounts[order.account.0].margin;
        margin.closable(market, order.terms.position, order.side)
    }

    /// Ends orders that may only reduce and have nothing to reduce any more, of the accounts whose positions just changed.
    pub(super) fn end_idle_reducers(&mut self, market: MarketId, now: Timestamp) {
        let accounts: Vec<AccountId> = self
            .touched_positions
            .iter()
            .filter(|(_, positions)| positions.iter().any(|(other, _)| *other == market))
            .map(|(account, _)| *account)
            .collect();
        for account in accounts {
            let idle: Vec<OrderId> = self.markets[market.0]
                .open_orders(account)
                .filter(|order| self.reducible(market, order).is_zero())
                .map(|order| order.id)
                .collect();
            for id in idle {
                self.expire(market, id, ExpiryReason::NothingToReduce, now);
            }
        }
    }

    /// Ends an open order for a reason that is not its owner's.
    pub(super) fn expire(&mut self, market: MarketId, id: OrderId, reason: ExpiryReason, now: Timestamp) {
        if let Some(order) = self.markets[market.0].orders.get_mut(&id) {
            order.expiry_reason = Some(reason);
        }
        self.end_order(market, id, OrderStatus::Expired, now);
        self.report(market, id, Execution::Expired, now);
    }

    /// Ends orders that were good until now.
    pub fn expire_overdue(&mut self, market: MarketId, now: Timestamp) {
        let place = &self.markets[market.0];
        let open = place.open.values().flatten().filter_map(|id| place.orders.get(id));
        let overdue: Vec<OrderId> = open
            .filter(|order| order.terms.good_till.is_some_and(|until| until <= now))
            .map(|order| order.id)
            .collect();
        for id in overdue {
            self.expire(market, id, ExpiryReason::GoodTillDate, now);
        }
    }

    /// Books one side of a trade of a contract.
    #[expect(clippy::too_many_arguments, reason = "one side of a trade is what it is")]
    pub(super) fn settle_contract(
        &mut self,
        market: MarketId,
        order: &Order,
        price: Decimal,
        quantity: Decimal,
        rate: Decimal,
        trade: TradeId,
        now: Timestamp,
    ) -> Settled {
        let fee_asset = self.markets[market.0].settings.quote.clone();
        let fee = fees::commission(price * quantity, rate);
        self.collect(&fee_asset, fee);
        let keeps_history = self.keeps_history(order.account);
        let margin = &mut self.accounts[order.account.0].margin;
        let fill = ContractFill {
            market,
            position: order.terms.position,
            side: order.side,
            quantity,
            price,
            fee,
            trade,
        };
        let realized = margin.fill(&fill, now);
        if keeps_history {
            let touched = self.touched_positions.entry(order.account).or_default();
            touched.insert((market, order.terms.position));
        } else {
            margin.forget_income();
        }
        Settled {
            fee,
            fee_asset,
            realized,
        }
    }

    /// Moves funds into a margin account from outside, or out of it when `delta` is negative.
    ///
    /// # Errors
    /// [`Reject::InsufficientBalance`] when less than that can be taken out.
    pub fn deposit(&mut self, account: AccountId, delta: Decimal, now: Timestamp) -> Result<(), Reject> {
        if delta < Decimal::ZERO && self.figures(account).withdrawable() + delta < Decimal::ZERO {
            return Err(Reject::InsufficientBalance);
        }
        let margin = &mut self.accounts[account.0].margin;
        margin.enter(IncomeKind::Transfer, None, delta, None, now);
        self.tell_positions(account, UpdateReason::Transfer, Default::default(), delta, now);
        Ok(())
    }

    /// Books what a margin account begins with.
    pub fn open_margin_account(&mut self, account: AccountId, wallet: Decimal, now: Timestamp) {
        let margin = &mut self.accounts[account.0].margin;
        margin.enter(IncomeKind::Transfer, None, wallet, None, now);
    }
}
