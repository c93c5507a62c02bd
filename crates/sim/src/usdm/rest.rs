//! The REST door: routes, limits, signatures, headers. Source: Binance, USD-M futures, "General Info".

use serde_json::{Value, json};

use super::exchange::Exchange;
use super::operation::{Operation, Security};
use crate::config::KeyPermission;
use crate::identity::AccountId;
use crate::time::Timestamp;
use crate::wire::auth;
use crate::wire::error::ApiError;
use crate::wire::params::Params;
use crate::wire::transport::{HttpRequest, HttpResponse};

impl Exchange {
    /// Answers a REST request.
    pub fn http(&mut self, request: &HttpRequest, now: Timestamp) -> HttpResponse {
        self.advance(now);
        let Some(operation) = Operation::of_route(request.method, &request.path) else {
            return HttpResponse::html(404, "Not Found");
        };
        let params = Params::from_form(&request.query, &request.body);
        let weight = operation.weight(params.as_ref().unwrap_or(&Params::default()));
        let outcome = self.limits.charge(request.peer, weight, self.now).and_then(|()| {
            let params = params?;
            let account = self.authorize(operation, request, &params)?;
            let reply = self.execute(operation, account, &params)?;
            Ok((reply, account))
        });
        let (status, body) = match &outcome {
            Ok((reply, _)) => (200, reply.to_string()),
            Err(error) => (error.status, error.body().to_string()),
        };
        let mut headers = vec![("Content-Type", "application/json".to_owned())];
        let used = self.limits.used_weight(request.peer, self.now).to_string();
        headers.push(("X-MBX-USED-WEIGHT-1M", used));
        if let (Ok((_, Some(account))), true) = (&outcome, operation.counts_orders()) {
            let (ten_seconds, minute) = self.limits.order_counts(*account, self.now);
            headers.push(("X-MBX-ORDER-COUNT-10S", ten_seconds.to_string()));
            headers.push(("X-MBX-ORDER-COUNT-1M", minute.to_string()));
        }
        HttpResponse { status, headers, body }
    }

    /// The account behind a request; `None` for public operations.
    fn authorize(
        &self,
        operation: Operation,
        request: &HttpRequest,
        params: &Params,
    ) -> Result<Option<AccountId>, ApiError> {
        let permission = match operation.security() {
            Security::Open => return Ok(None),
            Security::Key => {
                let key = request.header("X-MBX-APIKEY").ok_or_else(auth::bad_key_format)?;
                return self.keys.find(key).map(|record| Some(record.account));
            }
            Security::UserData => KeyPermission::ReadOnly,
            Security::Trade => KeyPermission::Trade,
        };
        auth::authorize(&self.keys, request, params, permission, self.now).map(Some)
    }

    fn execute(
        &mut self,
        operation: Operation,
        account: Option<AccountId>,
        params: &Params,
    ) -> Result<Value, ApiError> {
        match account {
            None => self.execute_public(operation, params),
            Some(account) => self.execute_own(operation, account, params),
        }
    }

    fn execute_public(&mut self, operation: Operation, params: &Params) -> Result<Value, ApiError> {
        match operation {
            Operation::Ping => Ok(json!({})),
            Operation::Time => Ok(json!({ "serverTime": self.now.millis() })),
            Operation::ExchangeInfo => Ok(self.exchange_info()),
            Operation::Depth => self.depth(params),
            Operation::Trades => self.recent_trades(params),
            Operation::AggTrades => self.aggregate_trades(params),
            Operation::Klines => self.klines(params),
            Operation::PremiumIndex => self.rows(params, Self::premium_index),
            Operation::FundingRate => self.funding_rates(params),
            Operation::FundingInfo => Ok(self.funding_info()),
            Operation::Ticker24h => self.rows(params, Self::ticker_24h),
            Operation::TickerPrice => self.rows(params, Self::ticker_price),
            Operation::TickerBook => self.rows(params, Self::ticker_book),
            // Every other operation has an account; the table says so.
            _ => Err(ApiError::rejected_key()),
        }
    }

    fn execute_own(&mut self, operation: Operation, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        match operation {
            Operation::PlaceOrder => self.place_order(account, params),
            Operation::TestOrder => self.test_order(account, params),
            Operation::ModifyOrder => self.modify_order(account, params),
            Operation::CancelOrder => self.cancel_order(account, params),
            Operation::QueryOrder => self.query_order(account, params),
            Operation::PlaceBatch => self.place_batch(account, params),
            Operation::ModifyBatch => self.modify_batch(account, params),
            Operation::CancelBatch => self.cancel_batch(account, params),
            Operation::CancelAll => self.cancel_all(account, params),
            Operation::Countdown => self.countdown(account, params),
            Operation::OpenOrder => self.open_order(account, params),
            Operation::OpenOrders => self.open_orders(account, params),
            Operation::AllOrders => self.all_orders(account, params),
            Operation::UserTrades => self.user_trades(account, params),
            Operation::ForceOrders => self.force_orders(account, params),
            Operation::PlaceAlgo => self.place_algo(account, params),
            Operation::CancelAlgo => self.cancel_algo(account, params),
            Operation::QueryAlgo => self.query_algo(account, params),
            Operation::CancelAllAlgos => self.cancel_all_algos(account, params),
            Operation::OpenAlgos => self.open_algos(account, params),
            Operation::AllAlgos => self.all_algos(account, params),
            Operation::Account => Ok(self.account_information(account)),
            Operation::Balance => Ok(self.balances(account)),
            Operation::PositionRisk => self.position_risk(account, params),
            Operation::AdlQuantile => self.adl_quantiles(account, params),
            Operation::PositionMode => Ok(self.position_mode(account)),
            Operation::SetPositionMode => self.set_position_mode(account, params),
            Operation::AssetsMode => Ok(self.assets_mode(account)),
            Operation::SetAssetsMode => self.set_assets_mode(account, params),
            Operation::SetLeverage => self.set_leverage(account, params),
            Operation::SetMarginType => self.set_margin_type(account, params),
            Operation::MoveMargin => self.move_margin(account, params),
            Operation::LeverageBracket => self.leverage_brackets(params),
            Operation::Income => self.income(account, params),
            Operation::CommissionRate => self.commission_rate(account, params),
            Operation::AccountConfig => Ok(self.account_config(account)),
            Operation::SymbolConfig => self.symbol_config(account, params),
            Operation::OrderRateLimits => Ok(Value::Array(self.limits.describe_orders(account, self.now))),
            Operation::CreateListenKey => Ok(self.create_listen_key(account)),
            Operation::KeepListenKey => self.keep_listen_key(account),
            Operation::CloseListenKey => self.close_listen_key(account),
            // Public operations have no account.
            _ => self.execute_public(operation, params),
        }
    }
}
