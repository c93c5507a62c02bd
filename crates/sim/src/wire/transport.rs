//! What passes between the face and whatever carries it: requests, replies, frames. Plain values.

use std::net::IpAddr;

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// DELETE.
    Delete,
}

/// A REST request.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// The path, such as `/api/v3/order`.
    pub path: String,
    /// What follows the `?`, exactly as sent; empty without one.
    pub query: String,
    /// Names in any case.
    pub headers: Vec<(String, String)>,
    /// The body, exactly as sent.
    pub body: String,
    /// Where it comes from: request limits are per address.
    pub peer: IpAddr,
}

impl HttpRequest {
    /// A header by name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        Some(&found.1)
    }
}

/// A REST reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// In the exchange's spelling.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl HttpResponse {
    /// The first header of a name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A page such as the exchange's front servers send, which is not JSON.
    pub fn html(status: u16, title: &str) -> Self {
        let body = format!(
            "<html>\r\n<head><title>{status} {title}</title></head>\r\n<body>\r\n<center><h1>{status} {title}</h1>\
             </center>\r\n</body>\r\n</html>\r\n"
        );
        Self {
            status,
            headers: vec![("Content-Type", "text/html".to_owned())],
            body,
        }
    }
}

/// Where a WebSocket connection wants to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketPath {
    /// `/ws` or `/ws/<name>[/<name>…]`: bare payloads.
    Raw {
        /// What follows `/ws/`; may be empty.
        streams: String,
    },
    /// `/stream?streams=…`: payloads wrapped with the stream's name.
    Combined,
    /// `/ws-api/v3`.
    Api,
    /// `/public/…`, `/market/…` or `/private/…`: the streams of contracts.
    Contracts {
        /// Which of them.
        route: Route,
        /// What follows `/ws/`, for bare payloads; absent for `/stream`, whose payloads are wrapped.
        streams: Option<String>,
    },
}

/// One of the three roads to the streams of contracts. Source: Binance, USD-M futures, "Important WebSocket Change Notice".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// Books and best prices.
    Public,
    /// Trades, candles, mark prices and everything else that is not one account's.
    Market,
    /// User data.
    Private,
}

impl SocketPath {
    /// The kind of connection of a URL path; `None` when there is none.
    pub fn parse(path: &str) -> Option<Self> {
        let path = path.trim_end_matches('/');
        for (prefix, route) in [
            ("/public", Route::Public),
            ("/market", Route::Market),
            ("/private", Route::Private),
        ] {
            if let Some(rest) = path.strip_prefix(prefix) {
                return match Self::parse(rest)? {
                    Self::Raw { streams } => Some(Self::Contracts {
                        route,
                        streams: Some(streams),
                    }),
                    Self::Combined => Some(Self::Contracts { route, streams: None }),
                    Self::Api | Self::Contracts { .. } => None,
                };
            }
        }
        match path {
            "/ws-api/v3" => Some(Self::Api),
            "/stream" => Some(Self::Combined),
            "/ws" => Some(Self::Raw { streams: String::new() }),
            other => other.strip_prefix("/ws/").map(|streams| Self::Raw {
                streams: streams.to_owned(),
            }),
        }
    }
}

/// Why the exchange closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// 24 hours are over, or the exchange shuts down.
    GoingAway,
    /// The client sent too much, or did not answer pings.
    Policy,
}

impl CloseCode {
    /// The number of RFC 6455.
    pub const fn number(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::Policy => 1008,
        }
    }
}

/// What the exchange sends on a WebSocket connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A text frame.
    Text(String),
    /// A ping, to be answered with a pong of the same payload.
    Ping(String),
    /// The end.
    Close(CloseCode, &'static str),
}
