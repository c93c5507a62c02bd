//! Placing an order: what is checked, what is locked, and what becomes of the part that does not trade.

use rust_decimal::{Decimal, RoundingStrategy};

use super::book::within;
use super::contract::Settlement;
use super::engine::Engine;
use super::event::Execution;
use super::order::{
    ExpiryReason, NewOrder, Order, OrderKind, OrderSize, OrderStatus, PreventedMatch, SelfTradePrevention, Side,
    TimeInForce,
};
use super::reject::Reject;
use crate::identity::{AccountId, Asset, MarketId, OrderId, TradeId};
use crate::time::Timestamp;

/// A trade of the order that was just placed.
#[derive(Debug, Clone)]
pub struct Fill {
    /// The trade's number.
    pub trade: TradeId,
    /// Quote per base.
    pub price: Decimal,
    /// Base.
    pub quantity: Decimal,
    /// What it cost.
    pub commission: Decimal,
    /// In which asset.
    pub commission_asset: Asset,
}

/// What became of an order on arrival.
#[derive(Debug, Clone)]
pub struct PlaceReport {
    /// The order as it stands.
    pub order: Order,
    /// What it traded.
    pub fills: Vec<Fill>,
    /// What self-trade prevention stopped.
    pub prevented: Vec<PreventedMatch>,
}

/// What an arriving order would meet.
pub(super) struct Walk {
    /// Base that the order would use up, traded or prevented.
    pub quantity: Decimal,
    /// Quote that would change hands.
    pub quote: Decimal,
    /// The price of the last level met.
    pub last_price: Option<Decimal>,
    /// Base or quote, as the order was sized, that found no counterpart.
    pub unmet: Decimal,
}

impl Engine {
    /// Places an order.
    ///
    /// # Errors
    /// A [`Reject`]; nothing has changed then. An order that is accepted and expires at once is no error.
    pub fn place(
        &mut self,
        market: MarketId,
        account: AccountId,
        new: NewOrder,
        now: Timestamp,
    ) -> Result<PlaceReport, Reject> {
        let quantity = self.check(market, account, &new)?;
        Ok(self.place_checked(market, account, new, quantity, now))
    }

    /// Places an order that is known to be acceptable.
    pub(super) fn place_checked(
        &mut self,
        market: MarketId,
        account: AccountId,
        new: NewOrder,
        quantity: Decimal,
        now: Timestamp,
    ) -> PlaceReport {
        let id = self.accept(market, account, new, quantity, now);
        let order = self.markets[market.0].orders.get(&id).expect("just accepted");
        let expiry = self.refuses_part_fill(market, order);
        let (fills, prevented) = if expiry.is_some() {
            (Vec::new(), Vec::new())
        } else {
            self.take_liquidity(market, id, now)
        };
        self.finish(market, id, expiry, now);
        let order = self.markets[market.0].orders.get(&id).expect("still there").clone();
        self.forget_if_ended(market, id);
        self.settle_touched(now);
        PlaceReport {
            order,
            fills,
            prevented,
        }
    }

    /// Whether [`Self::place`] would accept the order, without placing it.
    ///
    /// # Errors
    /// The [`Reject`] that placing would give.
    pub fn would_accept(&self, market: MarketId, account: AccountId, new: &NewOrder) -> Result<(), Reject> {
        self.check(market, account, new).map(|_| ())
    }

    /// Checks name, post-only and funds; answers with the order's quantity in base.
    fn check(&self, market: MarketId, account: AccountId, new: &NewOrder) -> Result<Decimal, Reject> {
        let place = &self.markets[market.0];
        if place
            .order_by_client_id(account, &new.client_id)
            .is_some_and(|order| order.status.is_open())
        {
            return Err(Reject::DuplicateClientOrderId);
        }
        if new.kind == OrderKind::LimitMaker && place.book.crosses(new.side, Some(new.price)) {
            return Err(Reject::WouldTake);
        }
        if let (Settlement::Contract(_), OrderSize::Base(quantity)) = (&place.settings.settlement, new.size) {
            self.check_contract(market, account, new, quantity)?;
            return Ok(quantity);
        }
        let free = self.free(account, &self.pays_with(market, new.side));
        let (quantity, needed) = match (new.kind, new.size) {
            (OrderKind::Limit | OrderKind::LimitMaker, OrderSize::Base(quantity)) => {
                let needed = match new.side {
                    Side::Buy => new.price * quantity,
                    Side::Sell => quantity,
                };
                (quantity, needed)
            }
            (_, size) => {
                let walk = self.walk(market, account, new.side, None, size, new.self_trade_prevention);
                let quantity = match size {
                    OrderSize::Base(quantity) => quantity,
                    OrderSize::Quote(_) => self.quantity_of_quote_order(market, &walk)?,
                };
                let needed = match (new.side, size) {
                    (Side::Buy, OrderSize::Base(_)) => walk.quote,
                    (Side::Buy, OrderSize::Quote(quote)) => quote,
                    (Side::Sell, OrderSize::Base(quantity)) => quantity,
                    (Side::Sell, OrderSize::Quote(_)) => walk.quantity,
                };
                (quantity, needed)
            }
        };
        if needed > free {
            return Err(Reject::InsufficientBalance);
        }
        Ok(quantity)
    }

    /// The base quantity of a market order by quote amount: what it can trade, and if the book runs out, a remainder
    /// that will expire.
    fn quantity_of_quote_order(&self, market: MarketId, walk: &Walk) -> Result<Decimal, Reject> {
        let lot = self.markets[market.0].settings.lot;
        let (Some(price), true) = (walk.last_price, walk.quantity > Decimal::ZERO) else {
            return Err(Reject::NoLiquidity);
        };
        Ok(walk.quantity + floor_to_lot(walk.unmet / price, lot))
    }

    pub(super) fn accept(
        &mut self,
        market: MarketId,
        account: AccountId,
        new: NewOrder,
        quantity: Decimal,
        now: Timestamp,
    ) -> OrderId {
        let keeps_history = self.keeps_history(account);
        let place = &mut self.markets[market.0];
        let id = place.issue_order_id();
        let order = Order {
            id,
            account,
            client_id: new.client_id,
            side: new.side,
            kind: new.kind,
            time_in_force: new.time_in_force,
            price: new.price,
            quantity,
            quote_quantity: match new.size {
                OrderSize::Base(_) => Decimal::ZERO,
                OrderSize::Quote(quote) => quote,
            },
            executed: Decimal::ZERO,
            quote_executed: Decimal::ZERO,
            prevented: Decimal::ZERO,
            status: OrderStatus::New,
            self_trade_prevention: new.self_trade_prevention,
            created: now,
            updated: now,
            prevented_match: None,
            expiry_reason: None,
            amendments: 0,
            strategy_id: new.strategy_id,
            strategy_type: new.strategy_type,
            terms: new.terms,
        };
        if keeps_history {
            place.by_client_id.insert((account, order.client_id.clone()), id);
        }
        let locked = order.locked_amount();
        place.orders.insert(id, order);
        place.insert_open(id, account);
        if new.kind != OrderKind::Market {
            self.lock_for(market, account, new.side, locked);
        }
        self.report(market, id, Execution::New, now);
        id
    }

    /// A fill-or-kill order that cannot be filled whole expires before it trades.
    fn refuses_part_fill(&self, market: MarketId, order: &Order) -> Option<ExpiryReason> {
        if order.time_in_force != TimeInForce::FillOrKill || order.kind != OrderKind::Limit {
            return None;
        }
        let size = OrderSize::Base(order.quantity);
        let walk = self.walk(
            market,
            order.account,
            order.side,
            Some(order.price),
            size,
            order.self_trade_prevention,
        );
        (walk.unmet > Decimal::ZERO).then_some(ExpiryReason::UnfilledFillOrKill)
    }

    /// Puts what is left of a good-till-cancel order into the book; lets the rest of any other expire.
    pub(super) fn finish(&mut self, market: MarketId, id: OrderId, expiry: Option<ExpiryReason>, now: Timestamp) {
        let place = &mut self.markets[market.0];
        let order = place.orders.get_mut(&id).expect("just accepted");
        if !order.status.is_open() {
            return;
        }
        let (side, price, remaining) = (order.side, order.price, order.remaining());
        if order.rests() {
            place.book.push(side, price, id, remaining);
            place.level_changed(side, price);
            return;
        }
        order.expiry_reason = expiry.or(Some(match (order.kind, order.time_in_force) {
            (OrderKind::Market, _) => ExpiryReason::InsufficientLiquidity,
            (_, TimeInForce::FillOrKill) => ExpiryReason::UnfilledFillOrKill,
            _ => ExpiryReason::UnfilledImmediateOrCancel,
        }));
        self.end_order(market, id, OrderStatus::Expired, now);
        self.report(market, id, Execution::Expired, now);
    }

    /// Walks the other side of the book as an order would, honouring self-trade prevention, and changes nothing.
    pub(super) fn walk(
        &self,
        market: MarketId,
        account: AccountId,
        side: Side,
        limit: Option<Decimal>,
        size: OrderSize,
        prevention: SelfTradePrevention,
    ) -> Walk {
        let place = &self.markets[market.0];
        let lot = place.settings.lot;
        let mut walk = Walk {
            quantity: Decimal::ZERO,
            quote: Decimal::ZERO,
            last_price: None,
            unmet: match size {
                OrderSize::Base(amount) | OrderSize::Quote(amount) => amount,
            },
        };
        let makers = place
            .book
            .levels(side.opposite())
            .take_while(|(price, _)| within(side, limit, *price))
            .flat_map(|(price, level)| level.orders.iter().map(move |id| (price, id)))
            .filter_map(|(price, id)| place.orders.get(id).map(|maker| (price, maker)));
        for (price, maker) in makers {
            let wanted = match size {
                OrderSize::Base(_) => walk.unmet,
                OrderSize::Quote(_) => floor_to_lot(walk.unmet / price, lot),
            };
            if wanted.is_zero() {
                // Less than one lot is left of a quote amount: that is as close as it gets.
                walk.unmet = Decimal::ZERO;
                break;
            }
            let own = prevention != SelfTradePrevention::None && self.trade_together(account, maker.account);
            match prevention {
                SelfTradePrevention::ExpireMaker if own => continue,
                SelfTradePrevention::ExpireTaker | SelfTradePrevention::ExpireBoth if own => break,
                _ => {}
            }
            let met = wanted.min(maker.remaining());
            walk.last_price = Some(price);
            walk.quantity += met;
            if !own {
                walk.quote += met * price;
            }
            walk.unmet -= match size {
                OrderSize::Base(_) => met,
                OrderSize::Quote(_) => met * price,
            };
            if walk.unmet.is_zero() {
                break;
            }
        }
        walk
    }
}

/// Cuts a quantity to whole lots.
fn floor_to_lot(quantity: Decimal, lot: Decimal) -> Decimal {
    if lot.is_zero() {
        return quantity;
    }
    (quantity / lot).round_dp_with_strategy(0, RoundingStrategy::ToZero) * lot
}
