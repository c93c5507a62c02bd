//! The WebSocket API: requests by method, log-on, user stream subscriptions. Source: Binance, "WebSocket API".

use serde_json::{Map, Value, json};

use super::call::{Call, check_names};
use super::connection::{Door, Logon, Session, ShowLimits, SubscribedBy};
use super::exchange::Exchange;
use super::operation::{Operation, Security};
use super::render::TimeUnit;
use crate::config::KeyPermission;
use crate::identity::{AccountId, ApiKey, ConnectionId};
use crate::wire::auth;
use crate::wire::error::ApiError;
use crate::wire::params::Params;
use crate::wire::transport::{CloseCode, Outgoing};

/// Most user streams at a time on one connection.
const MOST_SUBSCRIPTIONS: usize = 1_000;
/// Most user streams over the life of one connection.
const MOST_SUBSCRIPTION_IDS: u32 = 65_535;

impl Exchange {
    /// Answers one request of the WebSocket API.
    pub(super) fn api_message(&mut self, id: ConnectionId, text: &str) {
        let mut request_id = Value::Null;
        let mut shows = self.session(id).map_or(ShowLimits::Yes, |session| session.show_limits);
        let mut account = None;
        let mut operation = None;
        let outcome = parse(text).and_then(|request| {
            request_id = request.id;
            let params = Params::from_json(&request.params);
            shows = match params.boolean("returnRateLimits")? {
                Some(true) => ShowLimits::Yes,
                Some(false) => ShowLimits::No,
                None => shows,
            };
            let known = Operation::of_method(&request.method);
            operation = known;
            let known = known.ok_or_else(|| ApiError::bad(-1020, "This operation is not supported."))?;
            self.api_call(id, known, &params, &mut account)
        });
        let banned = outcome.as_ref().is_err_and(|error| error.status == 418);
        let mut reply = json!({ "id": request_id });
        match outcome {
            Ok(result) => {
                reply["status"] = json!(200);
                reply["result"] = result;
            }
            Err(error) => {
                reply["status"] = json!(error.status);
                reply["error"] = self.api_error(&error);
            }
        }
        if shows == ShowLimits::Yes {
            reply["rateLimits"] = self.shown_limits(id, operation, account);
        }
        self.outgoing.push((id, Outgoing::Text(reply.to_string())));
        if banned {
            self.close(id, CloseCode::Policy, "IP banned");
        }
    }

    fn api_call(
        &mut self,
        id: ConnectionId,
        operation: Operation,
        params: &Params,
        account: &mut Option<AccountId>,
    ) -> Result<Value, ApiError> {
        let Some((peer, unit)) = self
            .connections
            .get(&id)
            .map(|connection| (connection.peer, connection.unit))
        else {
            return Ok(Value::Null);
        };
        let weight = operation.weight(params);
        self.limits.charge(peer, weight, self.now)?;
        check_names(operation, params, &["returnRateLimits"])?;
        if operation.security() == Security::Session {
            return self.session_call(id, operation, params, unit);
        }
        *account = self.api_account(id, operation, params)?;
        let result = self.execute(
            operation,
            &Call {
                params,
                account: *account,
                unit,
            },
        )?;
        self.refund_weight(peer, operation, weight, &result);
        Ok(result)
    }

    /// The account on whose behalf a request runs: the key that it names, or the one that is logged on.
    fn api_account(
        &self,
        id: ConnectionId,
        operation: Operation,
        params: &Params,
    ) -> Result<Option<AccountId>, ApiError> {
        let needed = match operation.security() {
            Security::None | Security::Session => return Ok(None),
            Security::UserData => KeyPermission::ReadOnly,
            Security::Trade => KeyPermission::Trade,
        };
        let logon = self.session(id).and_then(|session| session.logon.as_ref());
        let api_key = match (params.get("apiKey"), logon) {
            (Some(api_key), _) => {
                self.verify(params)?;
                api_key
            }
            (None, Some(logon)) => {
                auth::check_timing(params, self.now)?;
                logon.api_key.as_str()
            }
            (None, None) => return Err(ApiError::missing("apiKey")),
        };
        let record = self.keys.find(api_key)?;
        if needed == KeyPermission::Trade && record.permission != KeyPermission::Trade {
            return Err(ApiError::rejected_key());
        }
        Ok(Some(record.account))
    }

    /// Checks `apiKey`, `signature` and `timestamp` of a request that signs itself.
    fn verify(&self, params: &Params) -> Result<AccountId, ApiError> {
        let record = self.keys.find(params.required("apiKey")?)?;
        params.required("timestamp")?;
        let signature = params.required("signature")?;
        if !record.verifies(&params.sorted_payload(), signature) {
            return Err(auth::bad_signature());
        }
        auth::check_timing(params, self.now)?;
        Ok(record.account)
    }

    fn session_call(
        &mut self,
        id: ConnectionId,
        operation: Operation,
        params: &Params,
        unit: TimeUnit,
    ) -> Result<Value, ApiError> {
        match operation {
            Operation::SessionLogon => {
                let account = self.verify(params)?;
                let api_key = ApiKey::from(params.required("apiKey")?);
                if !self.keys.find(api_key.as_str())?.is_ed25519() {
                    return Err(ApiError::bad(-4056, "HMAC_SHA256 API key is not supported."));
                }
                let since = self.now;
                if let Some(session) = self.session_mut(id) {
                    session.logon = Some(Logon {
                        api_key,
                        account,
                        since,
                    });
                }
                Ok(self.session_status(id, unit))
            }
            Operation::SessionLogout => {
                if let Some(session) = self.session_mut(id) {
                    session.logon = None;
                }
                self.end_subscriptions(id, |_, by| by == SubscribedBy::Logon);
                Ok(self.session_status(id, unit))
            }
            Operation::Subscribe => {
                let logon = self.session(id).and_then(|session| session.logon.as_ref());
                let account = logon.map(|logon| logon.account).ok_or_else(ApiError::rejected_key)?;
                self.subscribe(id, account, SubscribedBy::Logon)
            }
            Operation::SubscribeSignature => {
                let account = self.verify(params)?;
                self.subscribe(id, account, SubscribedBy::Signature)
            }
            Operation::Unsubscribe => {
                let wanted = params.integer("subscriptionId")?;
                let ended = self.end_subscriptions(id, |subscription, _| {
                    wanted.is_none_or(|wanted| wanted == i64::from(subscription))
                });
                if ended == 0 && wanted.is_some() {
                    return Err(ApiError::bad(-2036, "User Data Stream subscription not active."));
                }
                Ok(json!({}))
            }
            Operation::Subscriptions => Ok(self
                .session(id)
                .into_iter()
                .flat_map(|session| session.subscriptions.keys())
                .map(|subscription| json!({ "subscriptionId": subscription }))
                .collect()),
            _ => Ok(self.session_status(id, unit)),
        }
    }

    fn subscribe(&mut self, id: ConnectionId, account: AccountId, by: SubscribedBy) -> Result<Value, ApiError> {
        let Some(session) = self.session_mut(id) else {
            return Ok(Value::Null);
        };
        if session.subscriptions.values().any(|(other, _)| *other == account) {
            return Err(ApiError::bad(-2035, "User Data Stream subscription already active."));
        }
        let full = session.subscriptions.len() >= MOST_SUBSCRIPTIONS;
        if full || session.next_subscription >= MOST_SUBSCRIPTION_IDS {
            return Err(ApiError::bad(
                -2042,
                "Maximum subscription ID reached for this connection.",
            ));
        }
        let subscription = session.next_subscription;
        session.next_subscription += 1;
        session.subscriptions.insert(subscription, (account, by));
        Ok(json!({ "subscriptionId": subscription }))
    }

    /// Ends some of a connection's user streams, each with its last event; answers with how many.
    fn end_subscriptions(&mut self, id: ConnectionId, which: impl Fn(u32, SubscribedBy) -> bool) -> usize {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&id) else {
            return 0;
        };
        let unit = connection.unit;
        let Door::Api(session) = &mut connection.door else {
            return 0;
        };
        let ended: Vec<u32> = session
            .subscriptions
            .iter()
            .filter(|(subscription, (_, by))| which(**subscription, *by))
            .map(|(subscription, _)| *subscription)
            .collect();
        for subscription in &ended {
            session.subscriptions.remove(subscription);
            let event = json!({ "e": "eventStreamTerminated", "E": unit.of(now) });
            let text = json!({ "subscriptionId": subscription, "event": event }).to_string();
            self.outgoing.push((id, Outgoing::Text(text)));
        }
        ended.len()
    }

    fn session_status(&self, id: ConnectionId, unit: TimeUnit) -> Value {
        let (Some(connection), Some(session)) = (self.connections.get(&id), self.session(id)) else {
            return Value::Null;
        };
        let logon = session.logon.as_ref();
        json!({
            "apiKey": logon.map(|logon| logon.api_key.as_str()),
            "authorizedSince": logon.map(|logon| unit.of(logon.since)),
            "connectedSince": unit.of(connection.opened),
            "returnRateLimits": session.show_limits == ShowLimits::Yes,
            "serverTime": unit.of(self.now),
            "userDataStream": !session.subscriptions.is_empty(),
        })
    }

    fn session(&self, id: ConnectionId) -> Option<&Session> {
        match &self.connections.get(&id)?.door {
            Door::Api(session) => Some(session),
            Door::Market(_) => None,
        }
    }

    fn session_mut(&mut self, id: ConnectionId) -> Option<&mut Session> {
        match &mut self.connections.get_mut(&id)?.door {
            Door::Api(session) => Some(session),
            Door::Market(_) => None,
        }
    }

    /// 429 and 418 tell in `data` when to try again.
    fn api_error(&self, error: &ApiError) -> Value {
        let mut body = error.body();
        if let Some(retry_at) = error.retry_at {
            let mut data = error.data.clone().unwrap_or_else(|| json!({}));
            data["serverTime"] = json!(self.now.millis());
            data["retryAfter"] = json!(retry_at.millis());
            body["data"] = data;
        }
        body
    }

    fn shown_limits(&mut self, id: ConnectionId, operation: Option<Operation>, account: Option<AccountId>) -> Value {
        let mut limits = match (operation, account) {
            (Some(operation), Some(account)) if operation.counts_orders() => {
                self.limits.describe_orders(account, self.now)
            }
            _ => Vec::new(),
        };
        if let Some(peer) = self.connections.get(&id).map(|connection| connection.peer) {
            limits.push(self.limits.describe_weight(peer, self.now));
        }
        Value::Array(limits)
    }
}

struct Request {
    id: Value,
    method: String,
    params: Map<String, Value>,
}

fn parse(text: &str) -> Result<Request, ApiError> {
    let invalid = || ApiError::bad(-1135, "Invalid JSON Request");
    let Ok(Value::Object(mut message)) = serde_json::from_str(text) else {
        return Err(invalid());
    };
    let id = message.remove("id").unwrap_or(Value::Null);
    let method = match message.remove("method") {
        Some(Value::String(method)) => method,
        _ => return Err(ApiError::missing("method")),
    };
    let params = match message.remove("params") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => return Err(invalid()),
    };
    Ok(Request { id, method, params })
}
