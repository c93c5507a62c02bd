//! Cancelling and amending open orders.

use rust_decimal::Decimal;

use super::engine::Engine;
use super::event::Execution;
use super::order::{Order, OrderStatus, Side};
use super::reject::Reject;
use crate::identity::{AccountId, ClientOrderId, ExecutionId, MarketId, OrderId};
use crate::time::Timestamp;

/// How a client names an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderKey {
    /// By the exchange's number.
    Id(OrderId),
    /// By the client's name.
    ClientId(ClientOrderId),
    /// By both: found by number, and refused when the name is not the same.
    Both(OrderId, ClientOrderId),
}

/// In which status an order may be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelRestriction {
    /// In any open one.
    None,
    /// Only while nothing has traded.
    OnlyNew,
    /// Only after a part has traded.
    OnlyPartiallyFilled,
}

/// A cancelled order.
#[derive(Debug, Clone)]
pub struct CancelReport {
    /// The order as it ended.
    pub order: Order,
    /// The name of the cancel.
    pub cancel_id: ClientOrderId,
}

/// What an amendment asks for.
#[derive(Debug, Clone)]
pub struct Amend {
    /// Which order.
    pub key: OrderKey,
    /// Its name from now on; may be the present one.
    pub client_id: ClientOrderId,
    /// Its quantity from now on, in base; must be less than the present one.
    pub quantity: Decimal,
}

/// An amended order.
#[derive(Debug, Clone)]
pub struct AmendReport {
    /// The order as it stands.
    pub order: Order,
    /// Its name before.
    pub previous_client_id: ClientOrderId,
    /// The number of the change.
    pub execution_id: ExecutionId,
}

impl Engine {
    /// Finds an order of an account, open or ended, by how a client names it.
    pub fn find_order(&self, market: MarketId, account: AccountId, key: &OrderKey) -> Option<&Order> {
        let place = &self.markets[market.0];
        match key {
            OrderKey::Id(id) | OrderKey::Both(id, _) => place.order(*id).filter(|order| order.account == account),
            OrderKey::ClientId(client_id) => place.order_by_client_id(account, client_id),
        }
    }

    fn find_open(&self, market: MarketId, account: AccountId, key: &OrderKey) -> Result<&Order, Reject> {
        let order = self
            .find_order(market, account, key)
            .filter(|order| order.status.is_open());
        match (order, key) {
            (Some(order), OrderKey::Both(_, client_id)) if order.client_id != *client_id => Err(Reject::UnknownOrder),
            (Some(order), _) => Ok(order),
            (None, _) => Err(Reject::UnknownOrder),
        }
    }

    /// Cancels an open order.
    ///
    /// # Errors
    /// [`Reject::UnknownOrder`] or [`Reject::CancelRestricted`].
    pub fn cancel(
        &mut self,
        market: MarketId,
        account: AccountId,
        key: &OrderKey,
        restriction: CancelRestriction,
        cancel_id: ClientOrderId,
        now: Timestamp,
    ) -> Result<CancelReport, Reject> {
        let order = self.find_open(market, account, key)?;
        let met = match restriction {
            CancelRestriction::None => true,
            CancelRestriction::OnlyNew => order.status == OrderStatus::New,
            CancelRestriction::OnlyPartiallyFilled => order.status == OrderStatus::PartiallyFilled,
        };
        if !met {
            return Err(Reject::CancelRestricted);
        }
        let id = order.id;
        let report = self.cancel_open(market, id, cancel_id, now);
        self.settle_touched(now);
        Ok(report)
    }

    /// Cancels every open order of an account in a market, oldest first, under one name.
    pub fn cancel_all(
        &mut self,
        market: MarketId,
        account: AccountId,
        cancel_id: &ClientOrderId,
        now: Timestamp,
    ) -> Vec<CancelReport> {
        let ids: Vec<OrderId> = self.markets[market.0]
            .open_orders(account)
            .map(|order| order.id)
            .collect();
        let reports = ids
            .into_iter()
            .map(|id| self.cancel_open(market, id, cancel_id.clone(), now))
            .collect();
        self.settle_touched(now);
        reports
    }

    fn cancel_open(&mut self, market: MarketId, id: OrderId, cancel_id: ClientOrderId, now: Timestamp) -> CancelReport {
        let order = self.end_order(market, id, OrderStatus::Canceled, now);
        self.report(
            market,
            id,
            Execution::Canceled {
                cancel_id: cancel_id.clone(),
            },
            now,
        );
        self.forget_if_ended(market, id);
        CancelReport { order, cancel_id }
    }

    /// Reduces an open order's quantity; it keeps its place in the queue. An order whose new quantity has already
    /// traded ends as expired. Source: Binance, Order Amend Keep Priority FAQ.
    ///
    /// # Errors
    /// [`Reject::UnknownOrder`], [`Reject::DuplicateClientOrderId`], [`Reject::QuantityIncrease`] or
    /// [`Reject::NoChange`].
    pub fn amend(
        &mut self,
        market: MarketId,
        account: AccountId,
        amend: Amend,
        now: Timestamp,
    ) -> Result<AmendReport, Reject> {
        let order = self.find_open(market, account, &amend.key)?;
        let (id, previous_client_id) = (order.id, order.client_id.clone());
        if amend.quantity == order.quantity {
            return Err(Reject::NoChange);
        }
        if amend.quantity > order.quantity {
            return Err(Reject::QuantityIncrease);
        }
        let taken = self.markets[market.0].order_by_client_id(account, &amend.client_id);
        if taken.is_some_and(|other| other.id != id && other.status.is_open()) {
            return Err(Reject::DuplicateClientOrderId);
        }
        let keeps_history = self.keeps_history(account);
        let place = &mut self.markets[market.0];
        let order = place.orders.get_mut(&id).expect("just found");
        order.client_id = amend.client_id;
        order.amendments += 1;
        let client_id = order.client_id.clone();
        let ends = amend.quantity <= order.executed + order.prevented;
        if keeps_history {
            place.by_client_id.insert((account, client_id), id);
        }
        let execution_id = if ends {
            self.end_order(market, id, OrderStatus::Expired, now);
            let order = self.markets[market.0].orders.get_mut(&id).expect("just ended");
            order.quantity = order.executed + order.prevented;
            self.report(market, id, Execution::Expired, now)
        } else {
            self.shrink(market, id, amend.quantity, now);
            let previous_client_id = previous_client_id.clone();
            self.report(market, id, Execution::Replaced { previous_client_id }, now)
        };
        let order = self.markets[market.0].orders.get(&id).expect("just amended").clone();
        self.forget_if_ended(market, id);
        self.settle_touched(now);
        Ok(AmendReport {
            order,
            previous_client_id,
            execution_id,
        })
    }

    /// Sets a resting order's quantity to a smaller one and frees the difference.
    fn shrink(&mut self, market: MarketId, id: OrderId, quantity: Decimal, now: Timestamp) {
        let place = &mut self.markets[market.0];
        let order = place.orders.get_mut(&id).expect("the caller found the order");
        let cut = order.quantity - quantity;
        order.quantity = quantity;
        order.updated = now;
        let (account, side, price) = (order.account, order.side, order.price);
        place.book.reduce(side, price, cut);
        place.level_changed(side, price);
        let released = match side {
            Side::Buy => price * cut,
            Side::Sell => cut,
        };
        self.unlock_for(market, account, side, released);
    }
}
