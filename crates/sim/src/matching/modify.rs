//! Changing price and quantity of an open order of a contract, which loses its place in the queue.
//!
//! Source: Binance, USD-M futures, "Modify Order".

use rust_decimal::Decimal;

use super::cancel::OrderKey;
use super::engine::Engine;
use super::event::Execution;
use super::order::{ExpiryReason, NewOrder, Order, OrderKind, OrderSize, OrderStatus, Side};
use super::reject::Reject;
use crate::identity::{AccountId, MarketId};
use crate::time::Timestamp;

/// What an order shall be from now on.
#[derive(Debug, Clone)]
pub struct Modify {
    /// Which order.
    pub key: OrderKey,
    /// The side that the client believes it to have.
    pub side: Side,
    /// Base, what has traded included.
    pub quantity: Decimal,
    /// Quote per base.
    pub price: Decimal,
}

/// A changed order.
#[derive(Debug, Clone)]
pub struct ModifyReport {
    /// The order as it stands.
    pub order: Order,
}

impl Engine {
    /// Changes an open limit order. It is cancelled where its new quantity has traded already, and expires where it is
    /// post-only and its new price would take.
    ///
    /// # Errors
    /// [`Reject::UnknownOrder`], [`Reject::NoChange`], or what placing the new order would be refused for.
    pub fn modify(
        &mut self,
        market: MarketId,
        account: AccountId,
        modify: &Modify,
        now: Timestamp,
    ) -> Result<ModifyReport, Reject> {
        let order = self
            .find_order(market, account, &modify.key)
            .filter(|order| order.status.is_open());
        let order = order
            .filter(|order| order.side == modify.side)
            .ok_or(Reject::UnknownOrder)?
            .clone();
        if order.price == modify.price && order.quantity == modify.quantity {
            return Err(Reject::NoChange);
        }
        let id = order.id;
        if modify.quantity <= order.executed {
            self.end_order(market, id, OrderStatus::Canceled, now);
            let cancel_id = order.client_id.clone();
            self.report(market, id, Execution::Canceled { cancel_id }, now);
        } else {
            self.check_modified(market, &order, modify)?;
            self.requeue(market, &order, modify, now);
        }
        self.settle_touched(now);
        let order = self.markets[market.0].orders.get(&id).expect("just changed").clone();
        Ok(ModifyReport { order })
    }

    /// Checks the changed order as if the present one were not there.
    fn check_modified(&mut self, market: MarketId, order: &Order, modify: &Modify) -> Result<(), Reject> {
        let remaining = modify.quantity - order.executed;
        let asked = NewOrder {
            client_id: order.client_id.clone(),
            side: order.side,
            kind: OrderKind::Limit,
            time_in_force: order.time_in_force,
            price: modify.price,
            size: OrderSize::Base(remaining),
            self_trade_prevention: order.self_trade_prevention,
            strategy_id: None,
            strategy_type: None,
            terms: order.terms,
        };
        self.markets[market.0].remove_open(order.id, order.account);
        let checked = self.check_contract(market, order.account, &asked, remaining);
        self.markets[market.0].insert_open(order.id, order.account);
        checked
    }

    fn requeue(&mut self, market: MarketId, before: &Order, modify: &Modify, now: Timestamp) {
        let id = before.id;
        let place = &mut self.markets[market.0];
        place.book.remove(before.side, before.price, id, before.remaining());
        place.level_changed(before.side, before.price);
        let order = place.orders.get_mut(&id).expect("the caller found the order");
        order.price = modify.price;
        order.quantity = modify.quantity;
        order.updated = now;
        order.amendments += 1;
        self.report(
            market,
            id,
            Execution::Replaced {
                previous_client_id: before.client_id.clone(),
            },
            now,
        );
        let crosses = self.markets[market.0].book.crosses(before.side, Some(modify.price));
        if before.kind == OrderKind::LimitMaker && crosses {
            self.expire(market, id, ExpiryReason::WouldTake, now);
            return;
        }
        self.take_liquidity(market, id, now);
        self.finish(market, id, None, now);
    }
}
