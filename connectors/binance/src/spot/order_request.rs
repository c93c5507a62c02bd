//! A trading request before it is known how it travels: a query over HTTP (rest-api.md) or a frame over the WebSocket API
//! (web-socket-api.md). Names, values and answers are the same; how it is written and signed is not.

use std::fmt::{Display, Write};

use colibri_sdk::standard::{KeyKind, Outcome};
use colibri_sdk::{Call, Emit, Frame, Moment, Operation, Reply, Request, Signature, Step};

use crate::api_key::ApiKey;

/// How trading requests travel.
#[derive(Debug, Clone, Copy)]
pub(super) enum Door<'a> {
    /// Over HTTP.
    Http,
    /// Over the WebSocket API, on the account's session.
    Socket(&'a ApiKey),
}

/// One of the requests that both doors take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method {
    /// Endpoint of the manifest, and path.
    pub http: (&'static str, &'static str),
    /// Endpoint of the manifest, and method.
    pub socket: (&'static str, &'static str),
}

/// A request on its way to being sent.
pub(super) enum OrderRequest {
    Http(Request),
    Socket(SocketRequest),
}

/// A request over the WebSocket API.
pub(super) struct SocketRequest {
    endpoint: &'static str,
    method: &'static str,
    key: ApiKey,
    parameters: Vec<(&'static str, String)>,
}

type Read = fn(&Reply<'_>, &mut Emit<'_>) -> Result<Step, Outcome>;

impl OrderRequest {
    pub(super) fn new(door: Door<'_>, method: Method) -> OrderRequest {
        match door {
            Door::Http => OrderRequest::Http(Request::to(method.http.0, method.http.1).signed()),
            Door::Socket(key) => OrderRequest::Socket(SocketRequest {
                endpoint: method.socket.0,
                method: method.socket.1,
                key: key.clone(),
                parameters: Vec::with_capacity(12),
            }),
        }
    }

    /// With a parameter.
    pub(super) fn with(self, name: &'static str, value: &dyn Display) -> OrderRequest {
        match self {
            OrderRequest::Http(request) => OrderRequest::Http(request.query(name, value)),
            OrderRequest::Socket(mut request) => {
                request.parameters.push((name, value.to_string()));
                OrderRequest::Socket(request)
            }
        }
    }

    /// How a successful answer is read.
    pub(super) fn reads(self, read: Read) -> Operation {
        match self {
            OrderRequest::Http(request) => request.reads(read),
            OrderRequest::Socket(request) => request.call().reads(read),
        }
    }

    /// How every answer is read.
    pub(super) fn reads_every_status(self, read: Read) -> Operation {
        match self {
            OrderRequest::Http(request) => request.reads_every_status(read),
            OrderRequest::Socket(request) => request.call().reads_every_status(read),
        }
    }
}

impl SocketRequest {
    fn call(self) -> Call {
        Call::to(self.endpoint, move |call, moment| self.frame(call, moment))
    }

    /// "Session Authentication": once an Ed25519 key has logged the connection on, `apiKey` and `signature` are left out and
    /// `timestamp` is not. Any other key signs each request ("SIGNED request security"): over every parameter but the
    /// signature, sorted by name, not percent-encoded.
    fn frame(&self, call: u64, moment: &Moment) -> Frame {
        let timestamp = moment.exchange_micros().to_string();
        let mut parameters: Vec<(&str, &str)> = self.parameters.iter().map(|(n, v)| (*n, v.as_str())).collect();
        parameters.push(("timestamp", &timestamp));
        let signs = self.key.kind != KeyKind::Ed25519;
        if signs {
            parameters.push(("apiKey", &self.key.id));
        }
        parameters.sort_unstable();
        let mut text = format!(r#"{{"id":{call},"method":"{}","params":{{"#, self.method);
        let mut payload = String::new();
        for (at, (name, value)) in parameters.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            // Writing to a string does not fail.
            let _ = write!(text, r#"{comma}"{name}":{}"#, member(name, value));
            let and = if at == 0 { "" } else { "&" };
            let _ = write!(payload, "{and}{name}={value}");
        }
        if !signs {
            text.push_str("}}");
            return Frame::text(text);
        }
        text.push_str(r#","signature":"${signature}"}}"#);
        Frame::text(text).signed(Signature::new("signature", "secret").over(payload))
    }
}

/// A parameter's value as JSON: what the page calls LONG is a number, anything else a string.
fn member(name: &str, value: &str) -> String {
    let long = matches!(name, "orderId" | "cancelOrderId" | "timestamp");
    if long && !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return value.to_owned();
    }
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            // Writing to a string does not fail.
            '\0'..='\x1f' => drop(write!(text, "\\u{:04x}", u32::from(character))),
            _ => text.push(character),
        }
    }
    text.push('"');
    text
}
