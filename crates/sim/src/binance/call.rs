//! One call of an operation, whichever door it came through: from its parameters to its reply.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::exchange::Exchange;
use super::operation::{Operation, Security};
use super::render::TimeUnit;
use crate::identity::{AccountId, MarketId};
use crate::wire::error::ApiError;
use crate::wire::params::Params;

/// Who calls, with what.
pub(super) struct Call<'a> {
    /// What was sent.
    pub params: &'a Params,
    /// Whose key signed it; `None` for public operations.
    pub account: Option<AccountId>,
    /// The unit of times in the reply.
    pub unit: TimeUnit,
}

impl Call<'_> {
    /// The account of a signed operation.
    ///
    /// # Errors
    /// -2015 when the call is not signed; the doors see to it that it is.
    pub fn account(&self) -> Result<AccountId, ApiError> {
        self.account.ok_or_else(ApiError::rejected_key)
    }
}

impl Exchange {
    /// Runs an operation of the table that is the same over REST and WebSocket.
    pub(super) fn execute(&mut self, operation: Operation, call: &Call<'_>) -> Result<Value, ApiError> {
        match operation {
            Operation::Ping => Ok(json!({})),
            Operation::Time => Ok(json!({ "serverTime": call.unit.of(self.now) })),
            Operation::ExchangeInfo => self.exchange_info(call),
            Operation::Depth => self.depth(call),
            Operation::Trades | Operation::HistoricalTrades => self.recent_trades(call),
            Operation::AggTrades => self.aggregate_trades(call),
            Operation::Klines | Operation::UiKlines => self.klines(call),
            Operation::AvgPrice => self.average_price(call),
            Operation::Ticker24h | Operation::TickerPrice | Operation::TickerBook => self.tickers(operation, call),
            Operation::PlaceOrder => self.place_order(call),
            Operation::TestOrder => self.test_order(call),
            Operation::CancelOrder => self.cancel_order(call),
            Operation::CancelOpenOrders => self.cancel_open_orders(call),
            Operation::CancelReplace => self.cancel_replace(call),
            Operation::AmendOrder => self.amend_order(call),
            Operation::QueryOrder => self.query_order(call),
            Operation::OpenOrders => self.open_orders(call),
            Operation::AllOrders => self.all_orders(call),
            Operation::MyTrades => self.my_trades(call),
            Operation::PreventedMatches => self.prevented_matches(call),
            Operation::Account => self.account_information(call),
            Operation::Commission => self.commission_rates(call),
            Operation::OrderRateLimits => {
                let account = call.account()?;
                Ok(Value::Array(self.limits.describe_orders(account, self.now)))
            }
            Operation::SessionLogon
            | Operation::SessionStatus
            | Operation::SessionLogout
            | Operation::Subscribe
            | Operation::SubscribeSignature
            | Operation::Unsubscribe
            | Operation::Subscriptions => Err(ApiError::bad(-1020, "This operation is not supported.")),
        }
    }

    /// Takes back the weight of a call that turned out to cost nothing.
    ///
    /// Source: change log of 2026-03-27 and its clarification about amendments.
    pub(super) fn refund_weight(&mut self, peer: IpAddr, operation: Operation, weight: u32, reply: &Value) {
        let amended_to_its_end =
            operation == Operation::AmendOrder && reply["amendedOrder"]["status"] == json!("EXPIRED");
        if operation.is_free_on_success() || amended_to_its_end {
            self.limits.refund(peer, weight, self.now);
        }
    }

    /// The market of `symbol`.
    ///
    /// # Errors
    /// -1102, -1100 or -1121.
    pub(super) fn listed(&self, params: &Params) -> Result<MarketId, ApiError> {
        self.engine.find_market(&params.symbol()?).ok_or_else(unknown_symbol)
    }
}

/// -1121.
pub(super) fn unknown_symbol() -> ApiError {
    ApiError::bad(-1121, "Invalid symbol.")
}

/// Refuses parameters that an operation does not read, as the exchange does.
///
/// # Errors
/// -1101 when it reads none at all, -1104 otherwise.
pub(super) fn check_names(operation: Operation, params: &Params, also: &[&str]) -> Result<(), ApiError> {
    let sent = params.names().count();
    let read = params
        .names()
        .filter(|name| operation.reads(name) || also.contains(name))
        .count();
    if read == sent {
        return Ok(());
    }
    if read == 0 && operation.security() == Security::None {
        return Err(ApiError::bad(
            -1101,
            format!("Too many parameters; expected '0' and received '{sent}'."),
        ));
    }
    let message = format!("Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.");
    Err(ApiError::bad(-1104, message))
}
