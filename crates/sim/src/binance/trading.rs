//! Placing, cancelling, replacing and amending orders.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::call::Call;
use super::exchange::Exchange;
use super::filters::{self, Situation};
use super::order_request::{self, OrderRequest};
use super::render::{self, TimeUnit};
use crate::config::MarketStatus;
use crate::identity::{AccountId, MarketId};
use crate::matching::{Amend, CancelRestriction, Order, OrderKey, Side};
use crate::wire::error::ApiError;
use crate::wire::params::Params;

/// What a cancel-replace does when the cancel fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReplaceMode {
    StopOnFailure,
    AllowFailure,
}

/// What a cancel-replace does when the account may not place another order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhenOverLimit {
    DoNothing,
    CancelOnly,
}

impl Exchange {
    pub(super) fn place_order(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let account = call.account()?;
        let market = self.listed(call.params)?;
        let request = self.read_order(market, account, call.params)?;
        self.limits.check_order(account, self.now)?;
        let reply = self.enter(market, account, request, call.unit)?;
        Ok(reply)
    }

    pub(super) fn test_order(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let account = call.account()?;
        let market = self.listed(call.params)?;
        let request = self.read_order(market, account, call.params)?;
        self.engine
            .would_accept(market, account, &request.order)
            .map_err(ApiError::order_rejected)?;
        if call.params.boolean("computeCommissionRates")? != Some(true) {
            return Ok(json!({}));
        }
        let rates = self.commission_values(market, account);
        let maker_and_taker = |name: &str| json!({ "maker": rates[name]["maker"], "taker": rates[name]["taker"] });
        Ok(json!({
            "standardCommissionForOrder": maker_and_taker("standardCommission"),
            "specialCommissionForOrder": maker_and_taker("specialCommission"),
            "taxCommissionForOrder": maker_and_taker("taxCommission"),
            "discount": rates["discount"],
        }))
    }

    /// Reads a new order and checks it against the market's status and filters.
    fn read_order(&mut self, market: MarketId, account: AccountId, params: &Params) -> Result<OrderRequest, ApiError> {
        let generated = self.new_name();
        let request = order_request::read(params, self.market_config(market), generated)?;
        match self.market_config(market).status {
            MarketStatus::Trading => {}
            MarketStatus::Halt | MarketStatus::Break => return Err(ApiError::bad(-1013, "Market is closed.")),
            MarketStatus::CancelOnly => return Err(ApiError::bad(-2010, "This action is disabled on this account.")),
        }
        let situation = self.situation(market, account);
        filters::check(self.market_config(market), &request.order, situation)?;
        Ok(request)
    }

    fn situation(&mut self, market: MarketId, account: AccountId) -> Situation {
        let average_price = self.filter_price(market);
        let place = self.engine.market(market);
        let held = self.engine.account(account).ledger.balance(&place.settings.base);
        let buying: Decimal = place
            .open_orders(account)
            .filter(|order| order.side == Side::Buy)
            .map(Order::remaining)
            .sum();
        Situation {
            average_price,
            open_orders: place.open_count(account),
            position: held.free + held.locked + buying,
        }
    }

    /// Gives an order to the engine and counts it.
    fn enter(
        &mut self,
        market: MarketId,
        account: AccountId,
        request: OrderRequest,
        unit: TimeUnit,
    ) -> Result<Value, ApiError> {
        let OrderRequest { order, response } = request;
        let placed = self
            .engine
            .place(market, account, order, self.now)
            .map_err(ApiError::order_rejected)?;
        self.limits.count_order(account, self.now);
        self.settle();
        Ok(render::placed(self.symbol(market), &placed, response, unit))
    }

    pub(super) fn cancel_order(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let account = call.account()?;
        let market = self.listed(call.params)?;
        let key = order_key(call.params, "orderId", "origClientOrderId")?;
        let restriction = restriction(call.params)?;
        self.cancel_one(market, account, &key, restriction, call, "newClientOrderId")
    }

    fn cancel_one(
        &mut self,
        market: MarketId,
        account: AccountId,
        key: &OrderKey,
        restriction: CancelRestriction,
        call: &Call<'_>,
        name_parameter: &str,
    ) -> Result<Value, ApiError> {
        let cancel_id = call
            .params
            .client_id(name_parameter)?
            .unwrap_or_else(|| self.new_name());
        let report = self
            .engine
            .cancel(market, account, key, restriction, cancel_id, self.now)
            .map_err(ApiError::cancel_rejected)?;
        self.settle();
        Ok(render::canceled(self.symbol(market), &report, call.unit))
    }

    pub(super) fn cancel_open_orders(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let account = call.account()?;
        let market = self.listed(call.params)?;
        let cancel_id = self.new_name();
        let reports = self.engine.cancel_all(market, account, &cancel_id, self.now);
        if reports.is_empty() {
            return Err(ApiError::cancel_rejected(crate::matching::Reject::UnknownOrder));
        }
        self.settle();
        let symbol = self.symbol(market);
        Ok(reports
            .iter()
            .map(|report| render::canceled(symbol, report, call.unit))
            .collect())
    }

    pub(super) fn amend_order(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let account = call.account()?;
        let market = self.listed(call.params)?;
        let key = order_key(call.params, "orderId", "origClientOrderId")?;
        let quantity = call
            .params
            .decimal("newQty", 8)?
            .ok_or_else(|| ApiError::missing("newQty"))?;
        if quantity.is_zero() {
            return Err(ApiError::bad(-1013, "Invalid quantity."));
        }
        let config = self.market_config(market);
        filters::check_lot(config.lot, quantity, "LOT_SIZE")?;
        let most = config.max_num_order_amends;
        let spent = |order: &Order| order.status.is_open() && order.amendments >= most;
        if self.engine.find_order(market, account, &key).is_some_and(spent) {
            return Err(ApiError::bad(-2038, "Filter failure: MAX_NUM_ORDER_AMENDS"));
        }
        let client_id = call
            .params
            .client_id("newClientOrderId")?
            .unwrap_or_else(|| self.new_name());
        let amend = Amend {
            key,
            client_id,
            quantity,
        };
        let report = self
            .engine
            .amend(market, account, amend, self.now)
            .map_err(ApiError::amend_rejected)?;
        self.settle();
        Ok(render::amended(self.symbol(market), &report, call.unit))
    }

    /// Source: Binance REST API, "Cancel an Existing Order and Send a New Order", with its table of outcomes.
    pub(super) fn cancel_replace(&mut self, call: &Call<'_>) -> Result<Value, ApiError> {
        let account = call.account()?;
        let market = self.listed(call.params)?;
        let mode = match call.params.required("cancelReplaceMode")? {
            "STOP_ON_FAILURE" => ReplaceMode::StopOnFailure,
            "ALLOW_FAILURE" => ReplaceMode::AllowFailure,
            _ => return Err(ApiError::invalid("cancelReplaceMode")),
        };
        let over_limit = match call.params.get("orderRateLimitExceededMode") {
            None | Some("DO_NOTHING") => WhenOverLimit::DoNothing,
            Some("CANCEL_ONLY") => WhenOverLimit::CancelOnly,
            Some(_) => return Err(ApiError::invalid("orderRateLimitExceededMode")),
        };
        let key = order_key(call.params, "cancelOrderId", "cancelOrigClientOrderId")?;
        let restriction = restriction(call.params)?;
        call.params.client_id("cancelNewClientOrderId")?;
        let request = self.read_order(market, account, call.params)?;
        let limited = self.limits.check_order(account, self.now);
        if let (Err(error), WhenOverLimit::DoNothing) = (&limited, over_limit) {
            return Err(error.clone());
        }
        let canceled = self.cancel_one(market, account, &key, restriction, call, "cancelNewClientOrderId");
        let placed = if canceled.is_err() && mode == ReplaceMode::StopOnFailure {
            if limited.is_ok() {
                // An order that was not attempted still counts.
                self.limits.count_order(account, self.now);
            }
            None
        } else {
            Some(
                limited
                    .clone()
                    .and_then(|()| self.enter(market, account, request, call.unit)),
            )
        };
        replace_outcome(mode, canceled, placed, limited.err())
    }

    /// The open or ended order of a query.
    pub(super) fn find_queried(
        &self,
        market: MarketId,
        account: AccountId,
        params: &Params,
    ) -> Result<&Order, ApiError> {
        let key = order_key(params, "orderId", "origClientOrderId")?;
        let missing = || ApiError::bad(-2013, "Order does not exist.");
        let order = self.engine.find_order(market, account, &key).ok_or_else(missing)?;
        match key {
            OrderKey::Both(_, client_id) if order.client_id != client_id => Err(ApiError::bad(
                -2039,
                "Client order ID is not correct for this order ID.",
            )),
            _ => Ok(order),
        }
    }
}

/// Puts the results of both halves into one reply or error.
fn replace_outcome(
    mode: ReplaceMode,
    canceled: Result<Value, ApiError>,
    placed: Option<Result<Value, ApiError>>,
    limited: Option<ApiError>,
) -> Result<Value, ApiError> {
    let halves = (canceled.is_ok(), placed.as_ref().is_some_and(Result::is_ok));
    let result = |done: bool| if done { "SUCCESS" } else { "FAILURE" };
    let data = json!({
        "cancelResult": result(halves.0),
        "newOrderResult": placed.as_ref().map_or("NOT_ATTEMPTED", |placed| result(placed.is_ok())),
        "cancelResponse": canceled.unwrap_or_else(|error| error.body()),
        "newOrderResponse": placed.map_or(Value::Null, |placed| placed.unwrap_or_else(|error| error.body())),
    });
    let (status, code, message) = match halves {
        (true, true) => return Ok(data),
        (false, false) => (400, -2022, "Order cancel-replace failed."),
        _ => (409, -2021, "Order cancel-replace partially failed."),
    };
    // Over the order limit, STOP_ON_FAILURE is answered with 429 whatever became of the cancel.
    let status = if limited.is_some() && mode == ReplaceMode::StopOnFailure {
        429
    } else {
        status
    };
    let retry_at = limited.and_then(|error| error.retry_at).filter(|_| status == 429);
    Err(ApiError {
        data: Some(data),
        retry_at,
        ..ApiError::new(status, code, message)
    })
}

/// How the parameters name an existing order.
fn order_key(params: &Params, id: &str, client_id: &str) -> Result<OrderKey, ApiError> {
    match (params.order_id(id)?, params.client_id(client_id)?) {
        (Some(id), Some(client_id)) => Ok(OrderKey::Both(id, client_id)),
        (Some(id), None) => Ok(OrderKey::Id(id)),
        (None, Some(client_id)) => Ok(OrderKey::ClientId(client_id)),
        (None, None) => Err(ApiError::missing_both(client_id, id)),
    }
}

fn restriction(params: &Params) -> Result<CancelRestriction, ApiError> {
    match params.get("cancelRestrictions") {
        None => Ok(CancelRestriction::None),
        Some("ONLY_NEW") => Ok(CancelRestriction::OnlyNew),
        Some("ONLY_PARTIALLY_FILLED") => Ok(CancelRestriction::OnlyPartiallyFilled),
        Some(_) => Err(ApiError::bad(-1145, "Invalid cancelRestrictions")),
    }
}
