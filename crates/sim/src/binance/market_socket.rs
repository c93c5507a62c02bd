//! WebSocket connections: opening and closing any of them, pongs, messages.
//!
//! Source: Binance, "WebSocket Streams" and "WebSocket Limits".

use std::net::IpAddr;

use serde_json::json;

use super::connection::{Connection, Door, MarketStreams, PING_EVERY, Session, ShowLimits, Wrapping};
use super::exchange::Exchange;
use super::render::TimeUnit;
use super::rest::bad_time_unit;
use super::stream_name::StreamKey;
use crate::identity::ConnectionId;
use crate::time::{Span, Timestamp};
use crate::wire::error::ApiError;
use crate::wire::params::percent_decode;
use crate::wire::streams::{MOST_STREAMS, query_parameter, too_many_streams};
use crate::wire::transport::{CloseCode, HttpResponse, Outgoing, SocketPath};

/// What connecting to the WebSocket API costs.
const CONNECT_WEIGHT: u32 = 2;
const SECOND: Span = Span::from_secs(1);

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
        let parameter = |name: &str| query_parameter(query, name);
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
            SocketPath::Contracts { .. } => {
                return Err(ApiError::new(404, -1020, "This operation is not supported."));
            }
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
            return Err(too_many_streams());
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
                // Taken out while the exchange resolves names, and put back.
                let Some(mut connection) = self.connections.remove(&id) else {
                    return;
                };
                if let Door::Market(streams) = &mut connection.door {
                    let reply = streams.control(text, |name| {
                        StreamKey::parse(name, |symbol| self.engine.find_market(symbol))
                    });
                    self.outgoing.push((id, Outgoing::Text(reply.to_string())));
                }
                self.connections.insert(id, connection);
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
}
