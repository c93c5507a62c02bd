//! Placing, changing, cancelling and querying orders. Source: Binance, USD-M futures, "Trade" endpoints.

use serde_json::{Map, Value, json};

use super::exchange::Exchange;
use super::filters;
use super::order_request::{ResponseType, order_key, side_of};
use super::rejection;
use super::render::{self, OrderDetail, acknowledged, as_accepted, queried};
use crate::identity::{AccountId, MarketId};
use crate::matching::{CancelRestriction, Cause, Modify, NewOrder, Order, OrderKind, OrderSize, OrderStatus};
use crate::time::{Span, Timestamp};
use crate::wire::error::ApiError;
use crate::wire::params::Params;

/// Most orders in one batch, and most cancels.
const MOST_IN_BATCH: usize = 5;
const MOST_CANCELS: usize = 10;
/// Most changes of one order.
const MOST_MODIFIES: u32 = 10_000;
/// An order that ended without a trade is forgotten after this time.
const FORGOTTEN_AFTER: Span = Span::from_secs(3 * 86_400);
/// A query without times goes back this far.
pub(super) const DEFAULT_WINDOW: Span = Span::from_secs(7 * 86_400);

impl Exchange {
    pub(super) fn place_order(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        self.limits.check_order(account, self.now)?;
        let reply = self.place_one(account, params)?;
        self.limits.count_orders(account, 1, 1, self.now);
        Ok(reply)
    }

    fn place_one(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let asked = self.asked_order(market, account, params)?;
        self.check_filters(market, account, &asked.new)?;
        let (kind, time_in_force) = (asked.new.kind, asked.new.time_in_force);
        let order = self.enter_order(market, account, asked.new, asked.detail)?;
        let immediate = kind == OrderKind::Market || time_in_force != crate::matching::TimeInForce::GoodTillCancel;
        let shown = match asked.response {
            ResponseType::Result if immediate => order,
            ResponseType::Result | ResponseType::Ack => as_accepted(&order),
        };
        Ok(acknowledged(self.config(market), &shown, &asked.detail))
    }

    /// Checks the filters of a market.
    ///
    /// # Errors
    /// The code of the first that fails.
    pub(super) fn check_filters(&self, market: MarketId, account: AccountId, new: &NewOrder) -> Result<(), ApiError> {
        let place = self.engine.market(market);
        filters::check(self.binding(market), new, place.mark(), place.open_count(account))
    }

    /// Hands an order to the engine, and tells everybody what came of it.
    ///
    /// # Errors
    /// The engine's refusal.
    pub(super) fn enter_order(
        &mut self,
        market: MarketId,
        account: AccountId,
        new: NewOrder,
        detail: OrderDetail,
    ) -> Result<Order, ApiError> {
        let report = self
            .engine
            .place(market, account, new, self.now)
            .map_err(rejection::order)?;
        self.details.insert((market, report.order.id), detail);
        self.settle();
        Ok(report.order)
    }

    pub(super) fn test_order(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let asked = self.asked_order(market, account, params)?;
        self.check_filters(market, account, &asked.new)?;
        self.engine
            .would_accept(market, account, &asked.new)
            .map_err(rejection::order)?;
        Ok(json!({}))
    }

    pub(super) fn modify_order(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        self.limits.check_order(account, self.now)?;
        let reply = self.modify_one(account, params)?;
        self.limits.count_orders(account, 1, 1, self.now);
        Ok(reply)
    }

    fn modify_one(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let modify = Modify {
            key: order_key(params)?,
            side: side_of(params)?,
            quantity: self
                .quantity_of(market, params)?
                .ok_or_else(|| ApiError::missing("quantity"))?,
            price: self
                .price_of(market, params, "price")?
                .ok_or_else(|| ApiError::missing("price"))?,
        };
        let found = self.engine.find_order(market, account, &modify.key);
        let found = found
            .filter(|order| order.status.is_open())
            .ok_or_else(rejection::no_such_order)?;
        if found.kind == OrderKind::Market {
            return Err(ApiError::bad(-5025, "Only limit order is supported."));
        }
        if found.amendments >= MOST_MODIFIES {
            return Err(ApiError::bad(-5026, "Exceed maximum modify order limit."));
        }
        let as_new = NewOrder {
            client_id: found.client_id.clone(),
            side: found.side,
            kind: found.kind,
            time_in_force: found.time_in_force,
            price: modify.price,
            size: OrderSize::Base(modify.quantity),
            self_trade_prevention: found.self_trade_prevention,
            strategy_id: None,
            strategy_type: None,
            terms: found.terms,
        };
        let place = self.engine.market(market);
        filters::check(self.binding(market), &as_new, place.mark(), 0)?;
        let report = self
            .engine
            .modify(market, account, &modify, self.now)
            .map_err(rejection::order)?;
        self.settle();
        let detail = self.detail(market, &report.order);
        let mut body = acknowledged(self.config(market), &report.order, &detail);
        body["pair"] = json!(self.symbol(market).as_str());
        if let Some(id) = params.integer("modifyId")? {
            body["modifyId"] = json!(id);
        }
        Ok(body)
    }

    pub(super) fn cancel_order(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let key = order_key(params)?;
        let found = self
            .engine
            .find_order(market, account, &key)
            .map(|order| order.client_id.clone());
        let name = found.ok_or_else(rejection::nothing_to_cancel)?;
        let report = self
            .engine
            .cancel(market, account, &key, CancelRestriction::None, name, self.now)
            .map_err(|_| rejection::nothing_to_cancel())?;
        self.settle();
        let detail = self.detail(market, &report.order);
        Ok(acknowledged(self.config(market), &report.order, &detail))
    }

    pub(super) fn cancel_all(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let name = self.new_name();
        self.engine.cancel_all(market, account, &name, self.now);
        self.settle();
        Ok(json!({ "code": 200, "msg": "The operation of cancel all open order is done." }))
    }

    pub(super) fn countdown(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let millis = params
            .integer("countdownTime")?
            .ok_or_else(|| ApiError::missing("countdownTime"))?;
        if millis == 0 {
            self.countdowns.remove(&(account, market));
        } else {
            let at = self.now.after(Span::from_millis(millis));
            self.countdowns.insert((account, market), at);
        }
        Ok(json!({ "symbol": self.symbol(market).as_str(), "countdownTime": millis.to_string() }))
    }

    /// Orders in a batch are independent of each other: each has its own reply or its own error.
    pub(super) fn place_batch(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let orders = batch(params)?;
        self.limits.check_order(account, self.now)?;
        self.limits.count_orders(account, MOST_IN_BATCH as u32, 1, self.now);
        let replies = orders.iter().map(|order| self.place_one(account, order));
        Ok(replies.collect::<Vec<_>>().into_iter().map(reply_or_error).collect())
    }

    pub(super) fn modify_batch(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let orders = batch(params)?;
        self.limits.check_order(account, self.now)?;
        self.limits.count_orders(account, MOST_IN_BATCH as u32, 1, self.now);
        let replies = orders.iter().map(|order| self.modify_one(account, order));
        Ok(replies.collect::<Vec<_>>().into_iter().map(reply_or_error).collect())
    }

    pub(super) fn cancel_batch(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let symbol = params.required("symbol")?;
        let ids = params.get("orderIdList").map(|text| ("orderId", text));
        let names = params
            .get("origClientOrderIdList")
            .map(|text| ("origClientOrderId", text));
        let (field, text) = ids
            .or(names)
            .ok_or_else(|| ApiError::missing_both("orderIdList", "origClientOrderIdList"))?;
        let list: Vec<Value> = serde_json::from_str(text).map_err(|_| ApiError::invalid(field))?;
        if list.is_empty() || list.len() > MOST_CANCELS {
            return Err(ApiError::bad(-4082, "Invalid number of batch place orders."));
        }
        let mut replies = Vec::with_capacity(list.len());
        for value in list {
            let one = Map::from_iter([("symbol".to_owned(), json!(symbol)), (field.to_owned(), value)]);
            replies.push(reply_or_error(self.cancel_order(account, &Params::from_json(&one))));
        }
        Ok(Value::Array(replies))
    }

    /// What a client sees of an order that the engine does not need.
    pub(super) fn detail(&self, market: MarketId, order: &Order) -> OrderDetail {
        let known = self.details.get(&(market, order.id)).copied();
        known.unwrap_or_else(|| OrderDetail::plain(order.kind))
    }

    pub(super) fn show_queried(&self, market: MarketId, order: &Order) -> Value {
        queried(self.config(market), order, &self.detail(market, order))
    }

    pub(super) fn query_order(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let found = self.engine.find_order(market, account, &order_key(params)?);
        let found = found
            .filter(|order| !self.is_forgotten(order))
            .ok_or_else(rejection::no_such_order)?;
        Ok(self.show_queried(market, found))
    }

    /// Source: "Query Order": not found when cancelled or expired without a trade, and three days old.
    fn is_forgotten(&self, order: &Order) -> bool {
        let ended_empty =
            matches!(order.status, OrderStatus::Canceled | OrderStatus::Expired) && order.executed.is_zero();
        ended_empty && self.now.since(order.created) > FORGOTTEN_AFTER
    }

    pub(super) fn open_order(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let found = self.engine.find_order(market, account, &order_key(params)?);
        let found = found
            .filter(|order| order.status.is_open())
            .ok_or_else(rejection::no_such_order)?;
        Ok(self.show_queried(market, found))
    }

    pub(super) fn open_orders(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let one = self.maybe_listed(params)?;
        let markets = (0..self.markets.len())
            .map(MarketId)
            .filter(|id| one.is_none_or(|one| one == *id));
        Ok(markets
            .flat_map(|id| {
                self.engine
                    .market(id)
                    .open_orders(account)
                    .map(move |order| (id, order))
            })
            .map(|(id, order)| self.show_queried(id, order))
            .collect())
    }

    pub(super) fn all_orders(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let limit = params.limit(500, 1_000)?;
        let from = params.order_id("orderId")?;
        let window = if from.is_some() {
            Window::ALL
        } else {
            self.window(params)?
        };
        let rows = self
            .engine
            .market(market)
            .orders_of(account)
            .filter(|order| from.is_none_or(|from| order.id >= from) && window.holds(order.created))
            .filter(|order| !self.is_forgotten(order))
            .map(|order| self.show_queried(market, order))
            .collect();
        Ok(page(rows, limit, from.is_some() || window.given))
    }

    pub(super) fn user_trades(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let limit = params.limit(500, 1_000)?;
        let from = params.integer("fromId")?;
        let order = params.order_id("orderId")?;
        if from.is_some() && (params.get("startTime").is_some() || params.get("endTime").is_some()) {
            return Err(ApiError::bad(-1128, "Combination of optional parameters invalid."));
        }
        let all = from.is_some() || order.is_some();
        let window = if all { Window::ALL } else { self.window(params)? };
        let config = self.config(market);
        let rows = self
            .engine
            .market(market)
            .trades_of(account)
            .iter()
            .filter(|trade| order.is_none_or(|order| trade.order == order))
            .filter(|trade| from.is_none_or(|from| trade.id.0 as i64 >= from) && window.holds(trade.time))
            .map(|trade| render::user_trade(config, trade))
            .collect();
        Ok(page(rows, limit, from.is_some() || window.given))
    }

    pub(super) fn force_orders(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let one = self.maybe_listed(params)?;
        let limit = params.limit(50, 100)?;
        let wanted: &[Cause] = match params.get("autoCloseType") {
            None => &[Cause::Liquidation, Cause::Deleveraging],
            Some("LIQUIDATION") => &[Cause::Liquidation],
            Some("ADL") => &[Cause::Deleveraging],
            Some(_) => return Err(ApiError::invalid("autoCloseType")),
        };
        let window = self.window(params)?;
        let markets = (0..self.markets.len())
            .map(MarketId)
            .filter(|id| one.is_none_or(|one| one == *id));
        let rows = markets
            .flat_map(|id| self.engine.market(id).orders_of(account).map(move |order| (id, order)))
            .filter(|(_, order)| wanted.contains(&order.terms.cause) && window.holds(order.created))
            .map(|(id, order)| self.show_queried(id, order))
            .collect();
        Ok(page(rows, limit, window.given))
    }

    /// The times that a query asks for; the last seven days without any.
    pub(super) fn window(&self, params: &Params) -> Result<Window, ApiError> {
        let (start, end) = (params.moment("startTime")?, params.moment("endTime")?);
        if let (Some(start), Some(end)) = (start, end)
            && end.since(start) > DEFAULT_WINDOW
        {
            return Err(ApiError::bad(
                -4166,
                "Search window is restricted to recent 7 days only.",
            ));
        }
        let reach = |from: Timestamp| from.after(DEFAULT_WINDOW);
        Ok(Window {
            start: start.unwrap_or_else(|| end.unwrap_or(self.now).before(DEFAULT_WINDOW)),
            end: end
                .or_else(|| start.map(reach))
                .unwrap_or(Timestamp::from_micros(i64::MAX)),
            given: start.is_some(),
        })
    }
}

/// A span of time that a query asks for; its bounds, in milliseconds, belong to it.
pub(super) struct Window {
    start: Timestamp,
    end: Timestamp,
    /// Whether the query said where to begin, and so wants the oldest rows.
    pub given: bool,
}

impl Window {
    pub const ALL: Self = Self {
        start: Timestamp::from_micros(i64::MIN),
        end: Timestamp::from_micros(i64::MAX),
        given: false,
    };

    pub fn holds(&self, moment: Timestamp) -> bool {
        moment.millis() >= self.start.millis() && moment.millis() <= self.end.millis()
    }
}

/// The oldest rows where a start was given, the newest otherwise; always in order of time.
pub(super) fn page(mut rows: Vec<Value>, limit: usize, from_start: bool) -> Value {
    if from_start {
        rows.truncate(limit);
    } else {
        rows.drain(..rows.len().saturating_sub(limit));
    }
    Value::Array(rows)
}

fn batch(params: &Params) -> Result<Vec<Params>, ApiError> {
    let text = params.required("batchOrders")?;
    let orders: Vec<Map<String, Value>> = serde_json::from_str(text).map_err(|_| ApiError::invalid("batchOrders"))?;
    if orders.is_empty() || orders.len() > MOST_IN_BATCH {
        return Err(ApiError::bad(-4082, "Invalid number of batch place orders."));
    }
    Ok(orders.iter().map(Params::from_json).collect())
}

fn reply_or_error(outcome: Result<Value, ApiError>) -> Value {
    outcome.unwrap_or_else(|error| error.body())
}
