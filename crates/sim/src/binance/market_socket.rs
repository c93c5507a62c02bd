//! WebSocket connections: opening and closing any of them, pongs, and the control messages of market streams.
//!
//! Source: Binance, "WebSocket Streams", "Live Subscribing/Unsubscribing to streams" and "WebSocket Limits".

use std::net::IpAddr;

use serde_json::{Value, json};

use super::connection::{Connection, Door, MarketStreams, PING_EVERY, Session, ShowLimits, Wrapping};
use super::error::ApiError;
use super::exchange::Exchange;
use super::params::percent_decode;
use super::render::TimeUnit;
use super::rest::bad_time_unit;
use super::stream_name::StreamKey;
use super::transport::{CloseCode, HttpResponse, Outgoing, SocketPath};
use crate::identity::ConnectionId;
use crate::time::{Span, Timestamp};

/// Most streams on one connection.
const MOST_STREAMS: usize = 1_024;
/// What connecting to the WebSocket API costs.
const CONNECT_WEIGHT: u32 = 2;
const SECOND: Span = Span::from_secs(1);

/// An error of a control message: number and text.
struct ControlError(u8, String);

impl Exchange {
    /// Opens a WebSocket connection; `query` is what follows the `?` in its URL.
    ///
    /// # Errors
    /// The HTTP reply to the handshake when the exchange does not accept it.
    pub fn ws_open(
        &mut self,
        path: &SocketPath,
        query: &str,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<ConnectionId, HttpResponse> {
        self.advance(now);
        let door = self.door(path, query, peer);
        let (door, unit) = door.map_err(|error| HttpResponse {
            status: error.status,
            headers: vec![("Content-Type", "application/json;charset=UTF-8".to_owned())],
            body: error.body().to_string(),
        })?;
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let connection = Connection {
            peer,
            opened: self.now,
            next_ping: self.now.after(PING_EVERY),
            unanswered: None,
            messages: (self.now.window_start(SECOND), 0),
            unit,
            door,
        };
        self.connections.insert(id, connection);
        Ok(id)
    }

    fn door(&mut self, path: &SocketPath, query: &str, peer: IpAddr) -> Result<(Door, TimeUnit), ApiError> {
        self.limits.connect(peer, self.now)?;
        let parameter = |name: &str| {
            let mut parts = query.split('&').filter_map(|part| part.split_once('='));
            parts
                .find(|(other, _)| *other == name)
                .map(|(_, value)| percent_decode(value))
        };
        let unit = match parameter("timeUnit") {
            None => TimeUnit::default(),
            Some(text) => TimeUnit::parse(&text).ok_or_else(bad_time_unit)?,
        };
        let names = match path {
            SocketPath::Api => {
                self.limits.charge(peer, CONNECT_WEIGHT, self.now)?;
                let show_limits = match parameter("returnRateLimits").as_deref() {
                    Some("false") => ShowLimits::No,
                    _ => ShowLimits::Yes,
                };
                let session = Session {
                    logon: None,
                    subscriptions: Default::default(),
                    next_subscription: 0,
                    show_limits,
                };
                return Ok((Door::Api(session), unit));
            }
            SocketPath::Raw { streams } => percent_decode(streams),
            SocketPath::Combined => parameter("streams").unwrap_or_default(),
        };
        let wrapping = if *path == SocketPath::Combined {
            Wrapping::Combined
        } else {
            Wrapping::Raw
        };
        let mut streams = MarketStreams::new(wrapping);
        let names = names.split('/').filter(|name| !name.is_empty());
        names.for_each(|name| self.follow(&mut streams, name));
        if streams.len() > MOST_STREAMS {
            return Err(ApiError::bad(
                -1191,
                "Too many subscriptions. Connection may create up to '1024' subscriptions at a time.",
            ));
        }
        Ok((Door::Market(streams), unit))
    }

    fn follow(&self, streams: &mut MarketStreams, name: &str) {
        streams.follow(name, StreamKey::parse(name, |symbol| self.engine.find_market(symbol)));
    }

    /// The client closed the connection, or it broke.
    pub fn ws_close(&mut self, id: ConnectionId, now: Timestamp) {
        self.advance(now);
        self.connections.remove(&id);
    }

    /// A pong of the client.
    pub fn ws_pong(&mut self, id: ConnectionId, payload: &str, now: Timestamp) {
        self.advance(now);
        if !self.count_message(id) {
            return;
        }
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.unanswered.as_ref().is_some_and(|(sent, _)| sent == payload)
        {
            connection.unanswered = None;
        }
    }

    /// A text message of the client.
    pub fn ws_message(&mut self, id: ConnectionId, text: &str, now: Timestamp) {
        self.advance(now);
        if !self.count_message(id) {
            return;
        }
        match self.connections.get(&id).map(|connection| &connection.door) {
            None => {}
            Some(Door::Api(_)) => self.api_message(id, text),
            Some(Door::Market(_)) => {
                let reply = self.control(id, text);
                self.outgoing.push((id, Outgoing::Text(reply.to_string())));
            }
        }
    }

    /// Tells every client that the exchange is about to go, as `serverShutdown`.
    pub fn announce_shutdown(&mut self, now: Timestamp) {
        self.advance(now);
        for (id, connection) in &self.connections {
            let event = json!({ "e": "serverShutdown", "E": connection.unit.of(self.now) });
            let body = match &connection.door {
                Door::Api(_) => json!({ "event": event }),
                Door::Market(streams) if streams.wrapping == Wrapping::Combined => {
                    json!({ "stream": "!serverShutdown", "data": event })
                }
                Door::Market(_) => event,
            };
            self.outgoing.push((*id, Outgoing::Text(body.to_string())));
        }
    }

    /// Counts a message; one too many in a second ends a market stream connection. Whether the connection lives.
    fn count_message(&mut self, id: ConnectionId) -> bool {
        let second = self.now.window_start(SECOND);
        let most = self.limits.stream_messages_per_second();
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        if connection.messages.0 != second {
            connection.messages = (second, 0);
        }
        connection.messages.1 += 1;
        let too_many = connection.messages.1 > most && matches!(connection.door, Door::Market(_));
        if too_many {
            self.close(id, CloseCode::Policy, "Too many requests");
        }
        !too_many
    }

    /// Answers a control message.
    fn control(&mut self, id: ConnectionId, text: &str) -> Value {
        let message: Value = match serde_json::from_str(text) {
            Ok(message) => message,
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                return json!({ "code": 3,
                    "msg": format!("Invalid JSON: expected value at line {line} column {column}") });
            }
        };
        let request_id = message.get("id").cloned().unwrap_or(Value::Null);
        let known = match &request_id {
            Value::Null => true,
            Value::Number(number) => number.is_i64() || number.is_u64(),
            Value::String(text) => text.len() <= 36,
            _ => false,
        };
        let answer = if known {
            self.control_method(id, &message, text.len())
        } else {
            Err(ControlError(
                2,
                "Invalid request: request ID must be an unsigned integer".to_owned(),
            ))
        };
        match answer {
            Ok(result) => json!({ "result": result, "id": request_id }),
            Err(ControlError(code, text)) => json!({ "code": code, "msg": text, "id": request_id }),
        }
    }

    fn control_method(&mut self, id: ConnectionId, message: &Value, length: usize) -> Result<Value, ControlError> {
        let Some(method) = message.get("method").and_then(Value::as_str) else {
            let text = format!("Invalid request: missing field `method` at line 1 column {length}");
            return Err(ControlError(2, text));
        };
        let params = message
            .get("params")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        // Taken out while the exchange resolves names, and put back.
        let Some(mut connection) = self.connections.remove(&id) else {
            return Ok(Value::Null);
        };
        let answer = match &mut connection.door {
            Door::Market(streams) => self.change_streams(streams, method, &params),
            Door::Api(_) => Ok(Value::Null),
        };
        self.connections.insert(id, connection);
        answer
    }

    fn change_streams(
        &self,
        streams: &mut MarketStreams,
        method: &str,
        params: &[Value],
    ) -> Result<Value, ControlError> {
        let name_expected = || ControlError(2, "Invalid request: property name must be a string".to_owned());
        match method {
            "SUBSCRIBE" | "UNSUBSCRIBE" => {
                let names: Option<Vec<&str>> = params.iter().map(Value::as_str).collect();
                let names = names.filter(|names| !names.is_empty()).ok_or_else(name_expected)?;
                if method == "UNSUBSCRIBE" {
                    streams.leave(&names);
                } else if streams.len() + names.len() > MOST_STREAMS {
                    return Err(ControlError(2, "Invalid request: too many parameters".to_owned()));
                } else {
                    names.into_iter().for_each(|name| self.follow(streams, name));
                }
                Ok(Value::Null)
            }
            "LIST_SUBSCRIPTIONS" => Ok(streams.names().collect()),
            "SET_PROPERTY" | "GET_PROPERTY" => {
                match params.first().map(Value::as_str) {
                    Some(Some("combined")) => {}
                    Some(Some(_)) => return Err(ControlError(0, "Unknown property".to_owned())),
                    _ => return Err(name_expected()),
                }
                if method == "GET_PROPERTY" {
                    return Ok(json!(streams.wrapping == Wrapping::Combined));
                }
                let value = params.get(1).and_then(Value::as_bool);
                let boolean = || ControlError(1, "Invalid value type: expected Boolean".to_owned());
                streams.wrapping = if value.ok_or_else(boolean)? {
                    Wrapping::Combined
                } else {
                    Wrapping::Raw
                };
                Ok(Value::Null)
            }
            other => {
                let text = format!(
                    "Invalid request: unknown variant `{other}`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, \
                     `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 28"
                );
                Err(ControlError(2, text))
            }
        }
    }
}
