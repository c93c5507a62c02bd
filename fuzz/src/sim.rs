//! The local exchange: requests and messages of its clients, and the captures that it replays.

use std::net::{IpAddr, Ipv4Addr};

use colibri_sim::binance::{Exchange, HttpRequest, Method, Outgoing, SocketPath};
use colibri_sim::config::{DEMO_API_KEY, DEMO_SECRET, FlowConfig, SimConfig};
use colibri_sim::flow::Recording;
use colibri_sim::identity::Symbol;
use colibri_sim::time::Timestamp;
use ring::hmac;
use serde_json::{Value, json};

use crate::input::{head, text_lines};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Requests, a line each: `<GET|POST|PUT|DELETE> <path> [query [body]]`; signed with the demo key where the line begins with
/// `signed `.
///
/// # Panics
/// Where a reply is not one of the exchange's: a status and JSON, or a page of its front servers.
pub fn sim_http(data: &[u8]) {
    let mut exchange = exchange();
    for line in text_lines(data) {
        let Some(request) = request(line) else { continue };
        let reply = exchange.http(&request, NOW);
        assert!((200..600).contains(&reply.status), "{reply:?}");
        assert!(reply.body.starts_with("<html>") || is_json(&reply.body), "{reply:?}");
    }
}

/// A WebSocket connection: `<path> [query]`, and then a message a line. A message to the WebSocket API whose `signature` is
/// `sign` is signed with the demo key.
///
/// # Panics
/// Where a frame is not JSON.
pub fn sim_socket(data: &[u8]) {
    let Some((head, messages)) = head(data) else { return };
    let (path, query) = head.split_once(' ').unwrap_or((head, ""));
    let Some(path) = SocketPath::parse(path) else { return };
    let mut exchange = exchange();
    let Ok(id) = exchange.ws_open(&path, query, PEER, NOW) else {
        return;
    };
    for message in text_lines(messages) {
        exchange.ws_message(id, &signed_message(message), NOW);
        for (_, outgoing) in exchange.drain() {
            if let Outgoing::Text(text) = outgoing {
                assert!(is_json(&text), "{text}");
            }
        }
    }
}

/// A capture of an exchange's market data.
///
/// # Panics
/// Where a capture that is accepted does not begin with a book.
pub fn sim_recording(data: &[u8]) {
    match Recording::read(Symbol::from("BTCUSDT"), data) {
        Ok(recording) => assert!(!recording.events().is_empty(), "a capture begins with a snapshot"),
        Err(error) => assert!(!error.to_string().is_empty(), "a refusal says why"),
    }
}

/// The demo without other participants: nothing happens but what the input says.
fn exchange() -> Exchange {
    let config = SimConfig {
        flow: FlowConfig::None,
        ..SimConfig::demo()
    };
    Exchange::new(&config, Vec::new(), NOW).expect("the demo's configuration is whole")
}

fn request(line: &str) -> Option<HttpRequest> {
    let (signed, line) = match line.strip_prefix("signed ") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let mut words = line.splitn(4, ' ');
    let method = match words.next()? {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        _ => return None,
    };
    let path = words.next()?.to_owned();
    let mut query = words.next().unwrap_or_default().to_owned();
    let body = words.next().unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    if signed {
        let separator = if query.is_empty() { "" } else { "&" };
        query = format!("{query}{separator}timestamp={}", NOW.millis());
        let signature = signature(&format!("{query}{body}"));
        query = format!("{query}&signature={signature}");
        headers.push(("X-MBX-APIKEY".to_owned(), DEMO_API_KEY.to_owned()));
    }
    Some(HttpRequest {
        method,
        path,
        query,
        headers,
        body,
        peer: PEER,
    })
}

/// The message, with its parameters completed and signed where it asks for that.
fn signed_message(message: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(message) else {
        return message.to_owned();
    };
    let Some(params) = value.get_mut("params").and_then(Value::as_object_mut) else {
        return message.to_owned();
    };
    if params.remove("signature") != Some(json!("sign")) {
        return message.to_owned();
    }
    params.insert("apiKey".to_owned(), json!(DEMO_API_KEY));
    params.insert("timestamp".to_owned(), json!(NOW.millis()));
    let mut pairs: Vec<String> = params
        .iter()
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        })
        .collect();
    pairs.sort();
    let signature = signature(&pairs.join("&"));
    params.insert("signature".to_owned(), json!(signature));
    value.to_string()
}

fn signature(payload: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, DEMO_SECRET.as_bytes());
    let signature = hmac::sign(&key, payload.as_bytes());
    signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}
