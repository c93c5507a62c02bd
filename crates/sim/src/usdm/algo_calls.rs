//! The operations of triggers, and how one becomes an order. Source: Binance, USD-M futures, "New Algo Order" and the pages
//! beside it.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::algo::{AlgoKey, AlgoStatus, Trigger, TriggerKind, WorkingType};
use super::exchange::Exchange;
use super::filters;
use super::order_request::{client_id, prevention_of, price_match, side_of};
use super::rejection;
use super::render::{OrderDetail, average, millis, plain, stepped};
use super::trading::page;
use crate::identity::{AccountId, MarketId};
use crate::matching::{Cause, ContractTerms, Effect, NewOrder, Order, OrderKind, OrderSize, TimeInForce};
use crate::wire::error::ApiError;
use crate::wire::params::Params;
use crate::wire::text::{prevention, side, time_in_force};

impl Exchange {
    pub(super) fn place_algo(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        self.limits.check_order(account, self.now)?;
        let market = self.listed(params)?;
        let trigger = self.asked_trigger(market, account, params)?;
        let id = trigger.id;
        self.algos.add(trigger);
        self.limits.count_orders(account, 1, 1, self.now);
        self.tell_algo(id);
        self.settle();
        Ok(self
            .algos
            .get(id)
            .map_or(Value::Null, |trigger| self.show_trigger(trigger)))
    }

    fn asked_trigger(&mut self, market: MarketId, account: AccountId, params: &Params) -> Result<Trigger, ApiError> {
        if params.required("algoType")? != "CONDITIONAL" {
            return Err(ApiError::invalid("algoType"));
        }
        let side = side_of(params)?;
        let (kind, limit) = match params.required("type")? {
            "STOP" => (TriggerKind::Stop, true),
            "STOP_MARKET" => (TriggerKind::Stop, false),
            "TAKE_PROFIT" => (TriggerKind::TakeProfit, true),
            "TAKE_PROFIT_MARKET" => (TriggerKind::TakeProfit, false),
            _ => return Err(rejection::bad_order_type()),
        };
        let working = match params.get("workingType") {
            None | Some("CONTRACT_PRICE") => WorkingType::Contract,
            Some("MARK_PRICE") => WorkingType::Mark,
            Some(_) => return Err(ApiError::bad(-4019, "Invalid working type.")),
        };
        let trigger_price = self.price_of(market, params, "triggerPrice")?;
        let trigger_price = trigger_price.ok_or_else(|| ApiError::missing("triggerPrice"))?;
        let (position, effect) = self.position_of(account, params)?;
        let (effect, quantity) = self.size_of(market, params, limit, effect)?;
        let (order, in_force, good_till) = self.life_of(params.get("timeInForce").unwrap_or("GTC"), params)?;
        let matched = price_match(params)?;
        let price = match (limit, matched) {
            (true, None) => self
                .price_of(market, params, "price")?
                .ok_or_else(|| ApiError::missing("price"))?,
            (true, Some(_)) | (false, _) if params.get("price").is_some() => {
                return Err(ApiError::not_required("price"));
            }
            _ => Decimal::ZERO,
        };
        let trigger = Trigger {
            id: self.algos.next_id(),
            account,
            market,
            client_id: client_id(params, "clientAlgoId")?.unwrap_or_else(|| self.new_name()),
            kind,
            working,
            trigger_price,
            protected: params.boolean("priceProtect")? == Some(true),
            side,
            position,
            effect,
            order: if limit { order } else { OrderKind::Market },
            time_in_force: in_force,
            price,
            price_match: matched,
            quantity,
            prevention: prevention_of(params)?,
            good_till,
            status: AlgoStatus::New,
            created: self.now,
            updated: self.now,
            triggered: None,
            actual: None,
            reason: String::new(),
        };
        self.check_trigger(&trigger)?;
        Ok(trigger)
    }

    /// Reads `closePosition` and `quantity`, of which one is needed.
    fn size_of(
        &self,
        market: MarketId,
        params: &Params,
        limit: bool,
        effect: Effect,
    ) -> Result<(Effect, Decimal), ApiError> {
        let quantity = self.quantity_of(market, params)?;
        if params.boolean("closePosition")? != Some(true) {
            return Ok((effect, quantity.ok_or_else(|| ApiError::missing("quantity"))?));
        }
        if limit {
            return Err(ApiError::not_required("closePosition"));
        }
        if quantity.is_some_and(|quantity| !quantity.is_zero()) {
            return Err(ApiError::bad(
                -4137,
                "Quantity must be zero with closePosition equals true",
            ));
        }
        if params.get("reduceOnly").is_some() {
            return Err(ApiError::bad(
                -4138,
                "Reduce only must be true with closePosition equals true",
            ));
        }
        Ok((Effect::ClosePosition, Decimal::ZERO))
    }

    /// Margin is not checked before the trigger fires; everything else is.
    fn check_trigger(&self, trigger: &Trigger) -> Result<(), ApiError> {
        let (_, rules) = self.binding(trigger.market);
        if trigger.trigger_price < rules.price.min {
            return Err(ApiError::bad(-4006, "Stop price less than zero."));
        }
        if !(trigger.trigger_price % rules.price.tick).is_zero() {
            return Err(ApiError::bad(-4014, "Price not increased by tick size."));
        }
        if trigger.effect != Effect::ClosePosition {
            let lot = if trigger.order == OrderKind::Market {
                rules.market_lot
            } else {
                rules.lot
            };
            filters::check_lot(lot, trigger.quantity)?;
        }
        let same = AlgoKey::ClientId(trigger.client_id.clone());
        let taken = self.algos.find(trigger.account, &same, self.now);
        if taken.is_some_and(|other| other.status == AlgoStatus::New) {
            return Err(ApiError::bad(-4116, "ClientOrderId is duplicated."));
        }
        let most = self.contracts.max_triggers as usize;
        if self.algos.waiting_of(trigger.account).count() >= most {
            return Err(ApiError::bad(-4045, "Reach max stop order limit."));
        }
        let closes = |other: &Trigger| {
            other.effect == Effect::ClosePosition
                && (other.market, other.side, other.position) == (trigger.market, trigger.side, trigger.position)
                && other.kind == trigger.kind
        };
        if trigger.effect == Effect::ClosePosition && self.algos.waiting_of(trigger.account).any(closes) {
            let message = "An open stop or take profit order with GTE and closePosition in the direction is existing.";
            return Err(ApiError::bad(-4130, message));
        }
        let watched = self.watched_price(trigger);
        if watched.is_some_and(|price| trigger.is_reached(price)) {
            return Err(ApiError::bad(-2021, "Order would immediately trigger."));
        }
        Ok(())
    }

    fn watched_price(&self, trigger: &Trigger) -> Option<Decimal> {
        let place = self.engine.market(trigger.market);
        match trigger.working {
            WorkingType::Contract => place.last_price(),
            WorkingType::Mark => Some(place.mark()),
        }
    }

    /// Fires what a new mark price reaches.
    pub(super) fn fire_triggers_by_mark(&mut self, market: MarketId, mark: Decimal) {
        for id in self.algos.reached(market, WorkingType::Mark, mark) {
            self.fire(id);
        }
    }

    /// Fires what a trade's price reaches.
    pub(super) fn fire_triggers_by_last(&mut self, market: MarketId, last: Decimal) {
        for id in self.algos.reached(market, WorkingType::Contract, last) {
            self.fire(id);
        }
    }

    /// Ends triggers that were good until now.
    pub(super) fn expire_triggers(&mut self) {
        for id in self.algos.overdue(self.now) {
            self.move_trigger(id, AlgoStatus::Expired, "Good till date is over.");
        }
    }

    fn move_trigger(&mut self, id: u64, status: AlgoStatus, reason: &str) {
        let now = self.now;
        self.algos.change(id, |trigger| {
            trigger.become_status(status, now);
            trigger.reason = reason.to_owned();
        });
        self.tell_algo(id);
    }

    fn fire(&mut self, id: u64) {
        let now = self.now;
        let fired = self.algos.change(id, |trigger| {
            trigger.become_status(AlgoStatus::Triggering, now);
            trigger.triggered = Some(now);
        });
        let Some(trigger) = fired.cloned() else { return };
        self.tell_algo(id);
        if trigger.protected && !self.prices_agree(trigger.market) {
            self.move_trigger(id, AlgoStatus::Expired, "Mark price and last price are too far apart.");
            return;
        }
        let closable =
            self.engine
                .account(trigger.account)
                .margin
                .closable(trigger.market, trigger.position, trigger.side);
        if trigger.effect == Effect::ClosePosition && closable.is_zero() {
            self.move_trigger(id, AlgoStatus::Expired, "There is no position to close.");
            return;
        }
        let price = match trigger.price_match {
            None => Ok(trigger.price),
            Some(matched) => self.matched_price(trigger.market, trigger.side, matched),
        };
        let placed = price.and_then(|price| self.place_fired(&trigger, price, closable));
        match placed {
            Ok(order) => {
                self.algos.change(id, |trigger| {
                    trigger.become_status(AlgoStatus::Triggered, now);
                    trigger.actual = Some(order.id);
                });
                self.tell_algo(id);
                // What the order did on arrival waits in the engine, and is told after this.
            }
            Err(error) => self.move_trigger(id, AlgoStatus::Rejected, &error.message),
        }
    }

    /// Whether the mark and the last price are as near as a protected trigger wants them.
    fn prices_agree(&self, market: MarketId) -> bool {
        let place = self.engine.market(market);
        let last = place.last_price().unwrap_or(place.mark());
        (place.mark() - last).abs() <= last * self.config(market).trigger_protect
    }

    fn place_fired(&mut self, trigger: &Trigger, price: Decimal, closable: Decimal) -> Result<Order, ApiError> {
        let quantity = if trigger.effect == Effect::ClosePosition {
            closable
        } else {
            trigger.quantity
        };
        let new = NewOrder {
            client_id: trigger.client_id.clone(),
            side: trigger.side,
            kind: trigger.order,
            time_in_force: if trigger.order == OrderKind::Market {
                TimeInForce::GoodTillCancel
            } else {
                trigger.time_in_force
            },
            price,
            size: OrderSize::Base(quantity),
            self_trade_prevention: trigger.prevention,
            strategy_id: None,
            strategy_type: None,
            terms: ContractTerms {
                position: trigger.position,
                effect: trigger.effect,
                cause: Cause::Client,
                good_till: trigger.good_till.filter(|_| trigger.order != OrderKind::Market),
            },
        };
        if !self
            .engine
            .account(trigger.account)
            .margin
            .position_mode
            .has(trigger.position)
        {
            return Err(rejection::wrong_position_side());
        }
        self.check_filters(trigger.market, trigger.account, &new)?;
        let report = self
            .engine
            .place(trigger.market, trigger.account, new, self.now)
            .map_err(rejection::order)?;
        let detail = OrderDetail {
            orig_type: trigger.order_type(),
            stop_price: trigger.trigger_price,
            working_type: trigger.working.as_str(),
            price_protect: trigger.protected,
            price_match: trigger.price_match.map_or("NONE", |matched| matched.name),
            algo: Some(trigger.id),
        };
        self.details.insert((trigger.market, report.order.id), detail);
        Ok(report.order)
    }

    /// Ends the trigger of an order that has ended.
    pub(super) fn finish_trigger(&mut self, market: MarketId, order: &Order) {
        let Some(id) = self.detail(market, order).algo.filter(|_| !order.status.is_open()) else {
            return;
        };
        let triggered = self
            .algos
            .get(id)
            .is_some_and(|trigger| trigger.status == AlgoStatus::Triggered);
        if triggered {
            self.move_trigger(id, AlgoStatus::Finished, "");
        }
    }

    fn algo_key(params: &Params) -> Result<AlgoKey, ApiError> {
        if let Some(id) = params.integer("algoId")? {
            return Ok(AlgoKey::Id(id.unsigned_abs()));
        }
        client_id(params, "clientAlgoId")?
            .map(AlgoKey::ClientId)
            .ok_or_else(|| ApiError::missing_both("algoId", "clientAlgoId"))
    }

    pub(super) fn cancel_algo(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let found = self.algos.find(account, &Self::algo_key(params)?, self.now);
        let waiting = found.filter(|trigger| trigger.status == AlgoStatus::New);
        let id = waiting.ok_or_else(rejection::nothing_to_cancel)?.id;
        self.move_trigger(id, AlgoStatus::Canceled, "");
        // The documentation has two ids, a code and a message; what is seen on the wire is the trigger. Both are here.
        let mut body = self
            .algos
            .get(id)
            .map_or(Value::Null, |trigger| self.show_trigger(trigger));
        body["code"] = json!("200");
        body["msg"] = json!("success");
        Ok(body)
    }

    pub(super) fn cancel_all_algos(&mut self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let waiting = self
            .algos
            .waiting_of(account)
            .filter(|trigger| trigger.market == market);
        for id in waiting.map(|trigger| trigger.id).collect::<Vec<_>>() {
            self.move_trigger(id, AlgoStatus::Canceled, "");
        }
        Ok(json!({ "code": 200, "msg": "The operation of cancel all open order is done." }))
    }

    pub(super) fn query_algo(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let found = self.algos.find(account, &Self::algo_key(params)?, self.now);
        Ok(self.show_trigger_in_full(found.ok_or_else(rejection::no_such_order)?))
    }

    pub(super) fn open_algos(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let one = self.maybe_listed(params)?;
        let id = params.integer("algoId")?;
        let waiting = self
            .algos
            .waiting_of(account)
            .filter(|trigger| one.is_none_or(|one| trigger.market == one));
        Ok(waiting
            .filter(|trigger| id.is_none_or(|id| trigger.id == id.unsigned_abs()))
            .map(|trigger| self.show_trigger_in_full(trigger))
            .collect())
    }

    pub(super) fn all_algos(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let limit = params.limit(500, 1_000)?;
        let from = params.integer("algoId")?;
        let window = self.window(params)?;
        let rows = self
            .algos
            .of(account)
            .filter(|trigger| trigger.market == market)
            .filter(|trigger| match from {
                Some(from) => trigger.id >= from.unsigned_abs(),
                None => window.holds(trigger.created),
            })
            .map(|trigger| self.show_trigger_in_full(trigger))
            .collect();
        Ok(page(rows, limit, from.is_some() || window.given))
    }

    /// A trigger as the reply to placing it shows it.
    pub(super) fn show_trigger(&self, trigger: &Trigger) -> Value {
        let config = self.config(trigger.market);
        let price = |value| stepped(value, config.price.tick);
        json!({
            "algoId": trigger.id,
            "clientAlgoId": trigger.client_id.as_str(),
            "algoType": "CONDITIONAL",
            "orderType": trigger.order_type(),
            "symbol": config.symbol.as_str(),
            "side": side(trigger.side),
            "positionSide": trigger.position.as_str(),
            "timeInForce": life(trigger),
            "quantity": stepped(trigger.quantity, config.lot.step),
            "algoStatus": trigger.status.as_str(),
            "triggerPrice": price(trigger.trigger_price),
            "price": price(trigger.price),
            "icebergQuantity": null,
            "selfTradePreventionMode": prevention(trigger.prevention),
            "workingType": trigger.working.as_str(),
            "priceMatch": trigger.price_match.map_or("NONE", |matched| matched.name),
            "closePosition": trigger.effect == Effect::ClosePosition,
            "priceProtect": trigger.protected,
            "reduceOnly": trigger.effect != Effect::Any,
            "activatePrice": "",
            "callbackRate": "",
            "createTime": trigger.created.millis(),
            "updateTime": trigger.updated.millis(),
            "triggerTime": millis(trigger.triggered),
            "goodTillDate": millis(trigger.good_till),
        })
    }

    /// The order that a trigger became.
    pub(super) fn actual_order(&self, trigger: &Trigger) -> Option<&Order> {
        self.engine.market(trigger.market).order(trigger.actual?)
    }

    fn show_trigger_in_full(&self, trigger: &Trigger) -> Value {
        let mut body = self.show_trigger(trigger);
        let zero = stepped(Decimal::ZERO, self.config(trigger.market).price.tick);
        for name in ["tpTriggerPrice", "tpPrice", "slTriggerPrice", "slPrice"] {
            body[name] = json!(zero);
        }
        body["tpOrderType"] = json!("");
        let actual = self.actual_order(trigger);
        body["actualOrderId"] = json!(actual.map_or_else(String::new, |order| order.id.to_string()));
        body["actualPrice"] =
            json!(actual.map_or_else(|| "0.00000".to_owned(), |order| format!("{:.5}", average(order))));
        body["actualQty"] = json!(actual.map_or_else(|| "0".to_owned(), |order| plain(order.executed)));
        body["actualType"] = json!(actual.map_or("", |order| super::render::order_type(order.kind)));
        body
    }
}

/// A trigger's `timeInForce`.
pub(super) fn life(trigger: &Trigger) -> &'static str {
    match (trigger.order, trigger.good_till) {
        (_, Some(_)) => "GTD",
        (OrderKind::LimitMaker, None) => "GTX",
        (OrderKind::Limit | OrderKind::Market, None) => time_in_force(trigger.time_in_force),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{FlowConfig, SimConfig};
    use crate::margin::PositionSide;
    use crate::matching::{SelfTradePrevention, Side};
    use crate::time::Timestamp;

    #[test]
    fn a_trigger_is_reached_from_the_side_that_it_watches() {
        let config = SimConfig {
            flow: FlowConfig::None,
            ..SimConfig::demo()
        };
        let mut exchange = Exchange::new(&config, Timestamp::from_millis(1_790_000_000_000)).unwrap();
        let ask = |exchange: &mut Exchange, kind: &str, side: &str, price: &str| {
            let query = format!(
                "algoType=CONDITIONAL&symbol=BTCUSDT&type={kind}&side={side}&quantity=0.01&triggerPrice={price}\
                 &workingType=MARK_PRICE"
            );
            let params = Params::from_form(&query, "").unwrap();
            exchange
                .asked_trigger(MarketId(0), AccountId(1), &params)
                .map_err(|error| error.code)
        };
        // The mark is 60000.
        assert_eq!(ask(&mut exchange, "STOP_MARKET", "SELL", "60000").unwrap_err(), -2021);
        assert_eq!(
            ask(&mut exchange, "TAKE_PROFIT_MARKET", "BUY", "60001").unwrap_err(),
            -2021
        );
        let stop = ask(&mut exchange, "STOP_MARKET", "SELL", "59000").unwrap();
        assert!(stop.is_reached(Decimal::from(59_000)) && !stop.is_reached(Decimal::from(59_001)));
        let profit = ask(&mut exchange, "TAKE_PROFIT_MARKET", "SELL", "61000").unwrap();
        assert!(profit.is_reached(Decimal::from(61_000)) && !profit.is_reached(Decimal::from(60_999)));
        assert_eq!((profit.side, profit.position), (Side::Sell, PositionSide::Both));
        assert_eq!(profit.prevention, SelfTradePrevention::ExpireMaker);
    }
}
