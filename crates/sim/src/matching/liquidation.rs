//! Liquidation: what happens to positions whose margin is used up, and who bears what is lost beyond it.
//!
//! A position is closed whole, by an order of the exchange's against the book. The order goes as far beyond the bankruptcy
//! price as the insurance fund can pay for; what then is left is closed at the bankruptcy price against the positions of
//! others, those with the highest profit and leverage first. Source: Binance, "Liquidation Protocols", "Auto-Deleveraging";
//! where the real exchange closes step by step, this one does it at once.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::contract::{Cause, ContractTerms, Effect, UpdateReason};
use super::engine::{Engine, History};
use super::event::{Event, Liquidity};
use super::execute::Meeting;
use super::order::{ExpiryReason, NewOrder, OrderKind, OrderSize, SelfTradePrevention, Side, TimeInForce};
use crate::identity::{AccountId, ClientOrderId, MarketId, OrderId};
use crate::margin::{IncomeKind, MarginKind, PositionSide};
use crate::time::Timestamp;

/// What pays for losses beyond a bankruptcy, and what liquidations pay into.
#[derive(Debug, Clone, Default)]
pub struct InsuranceFund {
    balance: Decimal,
    liquidations: u64,
    called: BTreeSet<(AccountId, Scope)>,
}

impl InsuranceFund {
    /// What it has, in the margin asset.
    pub fn balance(&self) -> Decimal {
        self.balance
    }

    pub(super) fn add(&mut self, amount: Decimal) {
        self.balance += amount;
    }
}

/// What answers together, and is liquidated together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Cross,
    Isolated(MarketId, PositionSide),
}

impl Engine {
    /// The insurance fund.
    pub fn insurance_fund(&self) -> &InsuranceFund {
        &self.fund
    }

    /// Gives the insurance fund what it begins with.
    pub fn endow_insurance_fund(&mut self, balance: Decimal) {
        self.fund.add(balance);
    }

    /// Warns accounts whose maintenance margin has reached `call_ratio` of what answers for it, and liquidates those where it
    /// has passed all of it.
    pub fn liquidate(&mut self, call_ratio: Decimal, now: Timestamp) {
        // What one liquidation does to the positions of others may end those, too.
        while self.liquidate_once(call_ratio, now) {}
        self.settle_touched(now);
    }

    /// Whether anybody was liquidated.
    fn liquidate_once(&mut self, call_ratio: Decimal, now: Timestamp) -> bool {
        let mut liquidated = false;
        for account in (0..self.accounts.len()).map(AccountId) {
            if !self.keeps_history(account) {
                continue;
            }
            for scope in self.scopes(account) {
                let (balance, maintenance) = self.health(account, scope);
                if balance < maintenance {
                    self.call(account, scope, now);
                    self.liquidate_scope(account, scope, now);
                    self.fund.called.remove(&(account, scope));
                    liquidated = true;
                } else if maintenance > Decimal::ZERO && maintenance >= balance * call_ratio {
                    self.call(account, scope, now);
                } else {
                    self.fund.called.remove(&(account, scope));
                }
            }
            // Who traded away more than there was owes it to nobody but the fund.
            let owes = self.accounts[account.0].margin.cross_wallet().min(Decimal::ZERO);
            if !owes.is_zero() && !self.scopes(account).contains(&Scope::Cross) {
                self.settle_with_fund(account, owes, Decimal::ZERO, now);
            }
        }
        liquidated
    }

    fn is_isolated(&self, account: AccountId, market: MarketId) -> bool {
        self.accounts[account.0].margin.settings(market).margin == MarginKind::Isolated
    }

    fn scopes(&self, account: AccountId) -> BTreeSet<Scope> {
        let open = self.accounts[account.0].margin.open_positions();
        open.map(|(market, side, _)| {
            if self.is_isolated(account, market) {
                Scope::Isolated(market, side)
            } else {
                Scope::Cross
            }
        })
        .collect()
    }

    /// What answers, and the maintenance margin that it must cover.
    fn health(&self, account: AccountId, scope: Scope) -> (Decimal, Decimal) {
        match scope {
            Scope::Cross => {
                let figures = self.figures(account);
                (figures.cross_balance(), figures.cross_maintenance)
            }
            Scope::Isolated(market, side) => {
                let demand = self.demand(account, market, side);
                let position = self.accounts[account.0].margin.position(market, side);
                (position.isolated_wallet + demand.unrealized, demand.maintenance)
            }
        }
    }

    /// The open positions of a scope, those that need most margin first.
    fn positions_of(&self, account: AccountId, scope: Scope) -> Vec<(MarketId, PositionSide)> {
        let open = self.accounts[account.0].margin.open_positions();
        let mut positions: Vec<_> = open
            .map(|(market, side, _)| (market, side))
            .filter(|(market, side)| match scope {
                Scope::Cross => !self.is_isolated(account, *market),
                Scope::Isolated(other, of) => (*market, *side) == (other, of),
            })
            .collect();
        positions.sort_by_key(|(market, side)| std::cmp::Reverse(self.demand(account, *market, *side).maintenance));
        positions
    }

    fn call(&mut self, account: AccountId, scope: Scope, now: Timestamp) {
        if self.fund.called.insert((account, scope)) {
            self.push_event(Event::MarginCall {
                account,
                positions: self.positions_of(account, scope),
                time: now,
            });
        }
    }

    fn liquidate_scope(&mut self, account: AccountId, scope: Scope, now: Timestamp) {
        for market in (0..self.markets.len()).map(MarketId) {
            let concerned = match scope {
                Scope::Cross => !self.is_isolated(account, market),
                Scope::Isolated(other, _) => other == market,
            };
            if concerned {
                let open: Vec<OrderId> = self.markets[market.0]
                    .open_orders(account)
                    .map(|order| order.id)
                    .collect();
                for id in open {
                    self.expire(market, id, ExpiryReason::Liquidated, now);
                }
            }
        }
        let mut closed = Decimal::ZERO;
        let before = self.accounts[account.0].margin.cross_wallet();
        for (market, side) in self.positions_of(account, scope) {
            // In hedge mode one position may have answered for the other: then nothing is left of it.
            if self.accounts[account.0].margin.position(market, side).amount.is_zero() {
                continue;
            }
            let (balance, maintenance) = self.health(account, scope);
            if balance >= maintenance {
                break;
            }
            closed += self.close_out(account, market, side, balance, now);
        }
        let left = match scope {
            Scope::Cross => self.figures(account).cross_balance(),
            // All of it went into the cross wallet, profit and loss with it.
            Scope::Isolated(..) => self.accounts[account.0].margin.cross_wallet() - before,
        };
        self.settle_with_fund(account, left, closed, now);
    }

    /// The fund pays what is missing, or takes its fee of what is left.
    fn settle_with_fund(&mut self, account: AccountId, left: Decimal, fee: Decimal, now: Timestamp) {
        let moved = if left < Decimal::ZERO {
            (-left).min(self.fund.balance.max(Decimal::ZERO))
        } else {
            -fee.min(left)
        };
        if moved.is_zero() {
            return;
        }
        self.fund.add(-moved);
        let margin = &mut self.accounts[account.0].margin;
        margin.enter(IncomeKind::InsuranceClear, None, moved, None, now);
        self.tell_positions(account, UpdateReason::InsuranceClear, BTreeSet::new(), moved, now);
    }

    /// Closes a position; `balance` is what answers for it. Returns the fee that the liquidation costs.
    fn close_out(
        &mut self,
        account: AccountId,
        market: MarketId,
        side: PositionSide,
        balance: Decimal,
        now: Timestamp,
    ) -> Decimal {
        let position = self.accounts[account.0].margin.position(market, side);
        let place = &self.markets[market.0];
        let Some(rules) = place.contract() else {
            return Decimal::ZERO;
        };
        let fee = (position.notional(place.mark).abs() * rules.liquidation_fee).round_dp(crate::margin::SCALE);
        let closing = if position.amount > Decimal::ZERO {
            Side::Sell
        } else {
            Side::Buy
        };
        // Where all of the balance is lost; towards the account, so that nothing more is.
        let exact = place.mark - balance / position.amount;
        let ticks = match closing {
            Side::Sell => (exact / rules.tick).ceil(),
            Side::Buy => (exact / rules.tick).floor(),
        };
        let bankruptcy = ticks.max(Decimal::ONE) * rules.tick;
        let limit = self.furthest_paid(market, closing, bankruptcy, position.amount.abs());
        let name = self.name_liquidation(now);
        let order = forced_order(name, closing, side, position.amount.abs(), limit, Cause::Liquidation);
        let quantity = position.amount.abs();
        let report = self.place_checked(market, account, order, quantity, now);
        if report.order.remaining() > Decimal::ZERO {
            self.deleverage(account, market, side, bankruptcy, now);
        }
        fee
    }

    /// The price as far beyond bankruptcy as the fund can pay for.
    fn furthest_paid(&self, market: MarketId, closing: Side, bankruptcy: Decimal, quantity: Decimal) -> Decimal {
        let mut limit = bankruptcy;
        let mut budget = self.fund.balance;
        let mut wanted = quantity;
        for (price, level) in self.markets[market.0].book().levels(closing.opposite()) {
            let beyond = match closing {
                Side::Sell => bankruptcy - price,
                Side::Buy => price - bankruptcy,
            };
            let met = level.quantity.min(wanted);
            let cost = met * beyond.max(Decimal::ZERO);
            if cost > budget || wanted.is_zero() {
                break;
            }
            budget -= cost;
            wanted -= met;
            if beyond > Decimal::ZERO {
                limit = price;
            }
        }
        limit
    }

    fn name_liquidation(&mut self, now: Timestamp) -> ClientOrderId {
        self.fund.liquidations += 1;
        ClientOrderId::new(format!(
            "autoclose-{}{:06}",
            now.millis(),
            self.fund.liquidations % 1_000_000
        ))
    }

    /// Closes what is left of a position against those who have the most to lose by it.
    fn deleverage(&mut self, account: AccountId, market: MarketId, side: PositionSide, price: Decimal, now: Timestamp) {
        let position = self.accounts[account.0].margin.position(market, side);
        let closing = if position.amount > Decimal::ZERO {
            Side::Sell
        } else {
            Side::Buy
        };
        let mut left = position.amount.abs();
        for (other, other_side) in self.deleveraging_queue(market, closing) {
            if left.is_zero() {
                break;
            }
            let theirs = self.accounts[other.0]
                .margin
                .closable(market, other_side, closing.opposite());
            let quantity = left.min(theirs);
            if quantity.is_zero() {
                continue;
            }
            left -= quantity;
            let name = self.name_liquidation(now);
            let ours = forced_order(name, closing, side, quantity, price, Cause::Liquidation);
            let name = ClientOrderId::from("adl_autoclose");
            let counter = forced_order(
                name,
                closing.opposite(),
                other_side,
                quantity,
                price,
                Cause::Deleveraging,
            );
            let taker = self.accept(market, account, ours, quantity, now);
            let maker = self.accept(market, other, counter, quantity, now);
            let trade = self.markets[market.0].issue_trade_id();
            let meeting = Meeting {
                taker,
                maker,
                price,
                quantity,
            };
            self.fill(market, taker, Liquidity::Taker, trade, meeting, now);
            self.fill(market, maker, Liquidity::Maker, trade, meeting, now);
            self.end_idle_reducers(market, now);
        }
    }

    /// Reduces a position near the mark price against `other`, who makes the market, as `deleverage` reduces those who
    /// answer for somebody else. Whether there was so much to reduce.
    pub fn deleverage_for_another(
        &mut self,
        market: MarketId,
        (account, side): (AccountId, PositionSide),
        quantity: Decimal,
        other: AccountId,
        now: Timestamp,
    ) -> bool {
        let position = self.accounts[account.0].margin.position(market, side);
        if quantity <= Decimal::ZERO || position.amount.abs() < quantity {
            return false;
        }
        let closing = if position.amount > Decimal::ZERO {
            Side::Sell
        } else {
            Side::Buy
        };
        let place = &self.markets[market.0];
        let Some(rules) = place.contract() else {
            return false;
        };
        let price = (place.mark / rules.tick).round() * rules.tick;
        let name = ClientOrderId::from("adl_autoclose");
        let reducing = forced_order(name, closing, side, quantity, price, Cause::Deleveraging);
        let name = self.name_liquidation(now);
        let net = PositionSide::Both;
        let counter = forced_order(name, closing.opposite(), net, quantity, price, Cause::Liquidation);
        let maker = self.accept(market, account, reducing, quantity, now);
        let taker = self.accept(market, other, counter, quantity, now);
        let trade = self.markets[market.0].issue_trade_id();
        let meeting = Meeting {
            taker,
            maker,
            price,
            quantity,
        };
        self.fill(market, taker, Liquidity::Taker, trade, meeting, now);
        self.fill(market, maker, Liquidity::Maker, trade, meeting, now);
        self.end_idle_reducers(market, now);
        self.settle_touched(now);
        true
    }

    /// Positions that an order of `closing` can be closed against: highest profit times leverage first, those who make the
    /// market last.
    fn deleveraging_queue(&self, market: MarketId, closing: Side) -> Vec<(AccountId, PositionSide)> {
        let mark = self.markets[market.0].mark;
        let mut queue = Vec::new();
        for (place, account) in self.accounts.iter().enumerate() {
            let leverage = Decimal::from(account.margin.settings(market).leverage);
            for (other, side, position) in account.margin.open_positions() {
                if other == market && position.closable(closing.opposite()) > Decimal::ZERO {
                    let ratio = position.unrealized(mark) / position.cost().abs().max(Decimal::new(1, 8));
                    let makes_market = account.settings.history == History::Forget;
                    queue.push((
                        makes_market,
                        std::cmp::Reverse(ratio * leverage),
                        AccountId(place),
                        side,
                    ));
                }
            }
        }
        queue.sort();
        queue.into_iter().map(|(_, _, account, side)| (account, side)).collect()
    }
}

fn forced_order(
    client_id: ClientOrderId,
    side: Side,
    position: PositionSide,
    quantity: Decimal,
    price: Decimal,
    cause: Cause,
) -> NewOrder {
    NewOrder {
        client_id,
        side,
        kind: OrderKind::Limit,
        time_in_force: match cause {
            Cause::Deleveraging => TimeInForce::GoodTillCancel,
            Cause::Client | Cause::Liquidation => TimeInForce::ImmediateOrCancel,
        },
        price,
        size: OrderSize::Base(quantity),
        self_trade_prevention: SelfTradePrevention::None,
        strategy_id: None,
        strategy_type: None,
        terms: ContractTerms {
            position,
            effect: Effect::ClosePosition,
            cause,
            good_till: None,
        },
    }
}
