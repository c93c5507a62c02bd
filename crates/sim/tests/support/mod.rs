//! A Binance client of a few lines, written from the documentation alone, and the ways to wait for what it expects.
#![allow(dead_code, clippy::unwrap_used)]

pub mod contracts;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use colibri_sim::binance::{Exchange, HttpRequest, HttpResponse, Method};
use colibri_sim::config::{FlowConfig, RandomFlow, SimConfig};
use colibri_sim::time::Timestamp;
use ring::{hmac, signature};
use serde_json::{Value, json};

pub const API_KEY: &str = "colibriDemoApiKeyForTheLocalExchange000000000000000000000000HMAC";
pub const SECRET: &str = "colibriDemoSecretForTheLocalExchange000000000000000000000000HMAC";
pub const ED25519_API_KEY: &str = "colibriDemoApiKeyForTheLocalExchange0000000000000000000000ED25519";
pub const ED25519_SEED: &[u8] = b"colibri local exchange demo key!";
/// How long a test waits for something that should come at once.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub fn hmac_hex(payload: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    hmac::sign(&key, payload.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

pub fn ed25519_base64(payload: &str) -> String {
    let pair = signature::Ed25519KeyPair::from_seed_unchecked(ED25519_SEED).unwrap();
    BASE64.encode(pair.sign(payload.as_bytes()))
}

/// `params` with a signature of the demo HMAC key, as a WebSocket API request.
pub fn signed_request(id: i64, method: &str, mut params: Value, now_millis: i64) -> String {
    params["apiKey"] = json!(API_KEY);
    params["timestamp"] = json!(now_millis);
    params["signature"] = json!(hmac_hex(&sorted(&params)));
    json!({ "id": id, "method": method, "params": params }).to_string()
}

pub fn sorted(params: &Value) -> String {
    let mut pairs: Vec<String> = params
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            format!(
                "{name}={}",
                value.as_str().map_or_else(|| value.to_string(), str::to_owned)
            )
        })
        .collect();
    pairs.sort();
    pairs.join("&")
}

/// The exchange in virtual time, without sockets.
pub struct Desk {
    pub exchange: Exchange,
    pub now: Timestamp,
}

impl Desk {
    pub fn new(config: &SimConfig) -> Self {
        let now = Timestamp::from_millis(1_790_000_000_000);
        Self {
            exchange: Exchange::new(config, Vec::new(), now).unwrap(),
            now,
        }
    }

    pub fn pass(&mut self, millis: i64) {
        self.now = Timestamp::from_millis(self.now.millis() + millis);
        self.exchange.advance(self.now);
    }

    pub fn raw(
        &mut self,
        method: Method,
        path: &str,
        query: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> HttpResponse {
        let request = HttpRequest {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.to_owned(),
            peer: "127.0.0.1".parse().unwrap(),
        };
        self.exchange.http(&request, self.now)
    }

    pub fn get(&mut self, path: &str, query: &str) -> (u16, Value) {
        parsed(&self.raw(Method::Get, path, query, "", &[]))
    }

    pub fn signed_raw(&mut self, method: Method, path: &str, query: &str) -> HttpResponse {
        let separator = if query.is_empty() { "" } else { "&" };
        let query = format!("{query}{separator}timestamp={}", self.now.millis());
        let query = format!("{query}&signature={}", hmac_hex(&query));
        self.raw(method, path, &query, "", &[("X-MBX-APIKEY", API_KEY)])
    }

    pub fn signed(&mut self, method: Method, path: &str, query: &str) -> (u16, Value) {
        parsed(&self.signed_raw(method, path, query))
    }

    pub fn order(&mut self, query: &str) -> (u16, Value) {
        self.signed(Method::Post, "/api/v3/order", query)
    }
}

pub fn parsed(response: &HttpResponse) -> (u16, Value) {
    (response.status, serde_json::from_str(&response.body).unwrap())
}

/// The demo without other participants: what a test puts into the book is all there is.
pub fn quiet() -> SimConfig {
    SimConfig {
        flow: FlowConfig::None,
        ..SimConfig::demo()
    }
}

/// The demo with a short warm-up.
pub fn lively() -> SimConfig {
    SimConfig {
        flow: FlowConfig::Random(RandomFlow {
            warm_up_seconds: 5,
            ..RandomFlow::default()
        }),
        ..SimConfig::demo()
    }
}
