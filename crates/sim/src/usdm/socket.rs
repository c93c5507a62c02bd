//! WebSocket connections: market streams on two roads, user streams on the third. Source: Binance, USD-M futures, "Websocket
//! Market Streams", "User Data Streams".

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::json;

use super::exchange::Exchange;
use super::stream_name::StreamKey;
use crate::identity::ConnectionId;
use crate::time::{Span, Timestamp};
use crate::wire::error::ApiError;
use crate::wire::params::percent_decode;
use crate::wire::streams::{MOST_STREAMS, Streams, Wrapping, query_parameter, too_many_streams, wrapped};
use crate::wire::transport::{CloseCode, HttpResponse, Outgoing, Route, SocketPath};

/// The exchange pings this often.
const PING_EVERY: Span = Span::from_secs(180);
/// A pong must come within this time.
const PONG_WITHIN: Span = Span::from_secs(600);
/// A connection ends after this time.
const LIFETIME: Span = Span::from_secs(86_400);
const SECOND: Span = Span::from_secs(1);

/// A connection.
#[derive(Debug)]
pub struct Connection {
    opened: Timestamp,
    next_ping: Timestamp,
    /// The payload and time of the oldest ping without a pong.
    unanswered: Option<(String, Timestamp)>,
    /// The second in which the client last sent something, and how often it did.
    messages: (Timestamp, u32),
    /// What it is for.
    pub door: Door,
}

/// What a connection is for.
#[derive(Debug)]
pub enum Door {
    /// Market streams of one road.
    Market(Route, Streams<StreamKey>),
    /// User streams.
    User(UserStream),
}

/// The user streams of a connection.
#[derive(Debug)]
pub struct UserStream {
    /// Listen keys as they were given; one that does not live stays silent.
    keys: BTreeSet<String>,
    /// The events that are wanted; empty for all.
    events: BTreeSet<String>,
    wrapping: Wrapping,
}

impl UserStream {
    /// Whether it listens by this key.
    pub fn listens_by(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// Whether it wants events of this name.
    pub fn wants(&self, event: &str) -> bool {
        self.events.is_empty() || self.events.contains(event)
    }

    /// A payload as this connection gets it.
    pub fn wrap(&self, data: &str) -> String {
        let name = self.keys.first().map_or("", String::as_str);
        wrapped(self.wrapping, name, data)
    }
}

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
        let door = self.door(path, query, peer).map_err(|error| HttpResponse {
            status: error.status,
            headers: vec![("Content-Type", "application/json".to_owned())],
            body: error.body().to_string(),
        })?;
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let connection = Connection {
            opened: self.now,
            next_ping: self.now.after(PING_EVERY),
            unanswered: None,
            messages: (self.now.window_start(SECOND), 0),
            door,
        };
        self.connections.insert(id, connection);
        Ok(id)
    }

    fn door(&mut self, path: &SocketPath, query: &str, peer: IpAddr) -> Result<Door, ApiError> {
        self.limits.connect(peer, self.now)?;
        let SocketPath::Contracts { route, streams } = path else {
            return Err(ApiError::new(404, -1020, "This operation is not supported."));
        };
        let wrapping = if streams.is_some() {
            Wrapping::Raw
        } else {
            Wrapping::Combined
        };
        let names = match streams {
            Some(streams) => percent_decode(streams),
            None => query_parameter(query, "streams").unwrap_or_default(),
        };
        let names = names.split('/').filter(|name| !name.is_empty());
        if *route == Route::Private {
            let by_query = query_parameter(query, "listenKey");
            let events = query_parameter(query, "events").unwrap_or_default();
            return Ok(Door::User(UserStream {
                keys: names.map(str::to_owned).chain(by_query).collect(),
                events: events
                    .split('/')
                    .filter(|event| !event.is_empty())
                    .map(str::to_owned)
                    .collect(),
                wrapping,
            }));
        }
        let mut streams = Streams::new(wrapping);
        for name in names {
            streams.follow(name, self.stream(*route, name));
        }
        if streams.len() > MOST_STREAMS {
            return Err(too_many_streams());
        }
        Ok(Door::Market(*route, streams))
    }

    fn stream(&self, route: Route, name: &str) -> Option<StreamKey> {
        StreamKey::parse(route, name, |symbol| self.engine.find_market(symbol))
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
        // Taken out while the exchange resolves names, and put back.
        let Some(mut connection) = self.connections.remove(&id) else {
            return;
        };
        let reply = match &mut connection.door {
            Door::Market(route, streams) => {
                let route = *route;
                streams.control(text, |name| self.stream(route, name))
            }
            Door::User(stream) => {
                // A listen key is subscribed to as a stream is; what a key means is seen when there is something to send.
                let mut names: Streams<()> = Streams::new(stream.wrapping);
                stream.keys.iter().for_each(|key| names.follow(key, None));
                let reply = names.control(text, |_| None);
                stream.keys = names.names().map(str::to_owned).collect();
                reply
            }
        };
        self.connections.insert(id, connection);
        self.outgoing.push((id, Outgoing::Text(reply.to_string())));
    }

    /// Counts a message; one too many in a second ends a connection. Whether it lives.
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
        let too_many = connection.messages.1 > most;
        if too_many {
            self.close(id, CloseCode::Policy, "Too many requests");
        }
        !too_many
    }

    /// Pings, and ends connections that do not answer or are a day old.
    pub(super) fn keep_alive(&mut self, now: Timestamp) {
        let mut ended: Vec<(ConnectionId, CloseCode, &'static str)> = Vec::new();
        for (id, connection) in &mut self.connections {
            let sent = connection.unanswered.as_ref().map(|(_, sent)| *sent);
            if sent.is_some_and(|sent| now.since(sent) > PONG_WITHIN) {
                ended.push((*id, CloseCode::Policy, "Pong timeout"));
            } else if now.since(connection.opened) >= LIFETIME {
                ended.push((*id, CloseCode::GoingAway, "Connection lifetime is over"));
            } else if now >= connection.next_ping {
                let payload = now.millis().to_string();
                connection.next_ping = connection.next_ping.after(PING_EVERY);
                connection.unanswered.get_or_insert((payload.clone(), now));
                self.outgoing.push((*id, Outgoing::Ping(payload)));
            }
        }
        for (id, code, reason) in ended {
            self.close(id, code, reason);
        }
    }

    fn close(&mut self, id: ConnectionId, code: CloseCode, reason: &'static str) {
        if self.connections.remove(&id).is_some() {
            self.outgoing.push((id, Outgoing::Close(code, reason)));
        }
    }

    /// Tells every client of market streams that the exchange is about to go.
    pub fn announce_shutdown(&mut self, now: Timestamp) {
        self.advance(now);
        let event = json!({ "e": "serverShutdown", "E": self.now.millis() }).to_string();
        for (id, connection) in &self.connections {
            let text = match &connection.door {
                Door::Market(_, streams) => wrapped(streams.wrapping, "!serverShutdown", &event),
                Door::User(stream) => stream.wrap(&event),
            };
            self.outgoing.push((*id, Outgoing::Text(text)));
        }
    }
}
