//! What a driven connector emits, as JSON lines.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use colibri_abi::{
    Actions, BookBatch, Header, Level, Request, Sign, StreamOpen, StreamSend, TopOfBook, TradeBatch, accepted,
    book_flag, level, trade_flag,
};
use colibri_driver::signing::{Context, Keyring, SigningError};
use colibri_model::from_mantissa;
use colibri_standard::{BalanceScope, BalancesEvent, ConnectorManifest, Event, Outcome, Transport};
use serde_json::{Value, json};

use super::known::Known;

/// Ops that `drive` itself issues begin here; their completions are told only where they failed.
pub(super) const OWN_OPS: u64 = 1 << 62;

/// A stream that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stream {
    /// The connector's number for it.
    pub id: u32,
    /// Whether it was told to be open.
    pub state: StreamState,
}

/// How far a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamState {
    /// Asked for.
    Asked,
    /// Its handshake is done.
    Open,
}

/// Collects lines, and what later inputs refer to.
pub(super) struct Outlet {
    manifest: ConnectorManifest,
    /// The keys that sign.
    pub keyring: Keyring,
    /// Lines that are not written yet.
    pub lines: Vec<String>,
    /// Operations that want to be admitted, oldest first.
    pub wants: VecDeque<u64>,
    /// Operations whose request is open, oldest first.
    pub requests: VecDeque<u64>,
    /// Streams that are not closed, in the order in which they were asked for.
    pub streams: Vec<Stream>,
    /// Instruments.
    pub known: Known,
}

/// Text of bytes, or their base64 where they are none.
fn content(bytes: &[u8]) -> (&'static str, String) {
    match std::str::from_utf8(bytes) {
        Ok(text) => ("text", text.to_owned()),
        Err(_) => ("base64", STANDARD.encode(bytes)),
    }
}

fn decimal(mantissa: i64, exponent: i32) -> String {
    from_mantissa(mantissa, exponent).to_string()
}

impl Outlet {
    pub fn new(manifest: ConnectorManifest, keyring: Keyring) -> Outlet {
        Outlet {
            manifest,
            keyring,
            lines: Vec::new(),
            wants: VecDeque::new(),
            requests: VecDeque::new(),
            streams: Vec::new(),
            known: Known::default(),
        }
    }

    pub fn tell(&mut self, key: &str, value: &Value) {
        self.lines.push(json!({ key: value }).to_string());
    }

    /// A refusal of an action, told to both sides.
    fn refuse(&mut self, action: &str, op: u64, endpoint: &str, reason: &str) -> u32 {
        let refused = json!({"action": action, "op": op, "endpoint": endpoint, "reason": reason});
        self.tell("refused", &refused);
        accepted::REFUSED
    }

    /// The instrument of a hot value, by all its names.
    fn about(&self, instrument: u32) -> Value {
        match self.known.get(instrument) {
            Some(used) => json!({"instrument": instrument, "pair": used.pair, "symbol": used.symbol}),
            None => json!({"instrument": instrument}),
        }
    }

    fn filled(
        &mut self,
        signs: &[Sign<'_>],
        url: &str,
        headers: &[Header<'_>],
        body: &[u8],
    ) -> Result<Filled, SigningError> {
        let placeholders = self.keyring.resolve(signs)?;
        let fill = |context, text: &[u8]| {
            self.keyring
                .fill(&placeholders, context, text)
                .map(|filled| filled.into_owned())
        };
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let mut filled = Filled {
            url: text(fill(Context::Url, url.as_bytes())?),
            headers: serde_json::Map::new(),
            body: fill(Context::Body, body)?,
        };
        for header in headers {
            let value = text(fill(Context::Header, header.value.as_str().as_bytes())?);
            filled.headers.insert(header.name.as_str().to_owned(), value.into());
        }
        Ok(filled)
    }

    fn levels(&self, levels: &[Level], batch: &BookBatch<'_>) -> Value {
        levels
            .iter()
            .map(|level| {
                json!([
                    decimal(level.price, batch.price_exponent),
                    decimal(level.quantity, batch.quantity_exponent)
                ])
            })
            .collect()
    }

    fn balances(&mut self, event: &BalancesEvent) {
        let scope = match event.scope {
            BalanceScope::All => "all",
            BalanceScope::Changed => "changed",
        };
        for balance in &event.balances {
            let mut line = json!({"scope": scope, "source": event.source});
            merge(&mut line, json!(balance));
            if let Some(time) = event.exchange_time {
                merge(&mut line, json!({"exchange_time": time}));
            }
            self.tell("balance", &line);
        }
        if event.scope == BalanceScope::All {
            let count = json!({"scope": scope, "count": event.balances.len(), "source": event.source});
            self.tell("balances", &count);
        }
    }
}

/// What a request or frame became when its placeholders were filled in.
struct Filled {
    url: String,
    headers: serde_json::Map<String, Value>,
    body: Vec<u8>,
}

/// Adds the fields of one object to another.
fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

impl Actions for Outlet {
    fn want(&mut self, op: u64, endpoint: &str) -> u32 {
        if !self.manifest.endpoints.contains_key(endpoint) {
            return self.refuse("want", op, endpoint, "the manifest has no such endpoint");
        }
        self.tell("want", &json!({"op": op, "endpoint": endpoint}));
        self.wants.push_back(op);
        accepted::YES
    }

    fn request(&mut self, request: &Request<'_>) -> u32 {
        let endpoint = request.endpoint.as_str();
        let Some(row) = self.manifest.endpoints.get(endpoint) else {
            return self.refuse("request", request.op, endpoint, "the manifest has no such endpoint");
        };
        if row.transport != Transport::Http {
            return self.refuse("request", request.op, endpoint, "the endpoint is not reached by HTTP");
        }
        let method = row.method.to_ascii_uppercase();
        let filled = self.filled(
            request.signs.as_slice(),
            request.url.as_str(),
            request.headers.as_slice(),
            request.body.as_slice(),
        );
        match filled {
            Err(error) => self.refuse("request", request.op, endpoint, &error.to_string()),
            Ok(filled) => {
                let (form, body) = content(&filled.body);
                let mut line = json!({
                    "op": request.op,
                    "endpoint": endpoint,
                    "method": method,
                    "url": filled.url,
                    "headers": filled.headers,
                });
                let key = if form == "text" { "body" } else { "body_base64" };
                merge(&mut line, json!({ key: body }));
                self.tell("request", &line);
                self.requests.push_back(request.op);
                accepted::YES
            }
        }
    }

    fn open(&mut self, open: &StreamOpen<'_>) -> u32 {
        let endpoint = open.endpoint.as_str();
        if !self.manifest.endpoints.contains_key(endpoint) {
            return self.refuse("open", 0, endpoint, "the manifest has no such endpoint");
        }
        if self.streams.iter().any(|s| s.id == open.stream) {
            return self.refuse("open", 0, endpoint, "a stream of this number is open");
        }
        match self.filled(open.signs.as_slice(), open.url.as_str(), open.headers.as_slice(), &[]) {
            Err(error) => self.refuse("open", 0, endpoint, &error.to_string()),
            Ok(filled) => {
                let line = json!({
                    "stream": open.stream,
                    "session": open.session,
                    "endpoint": endpoint,
                    "url": filled.url,
                    "headers": filled.headers,
                    "inflate": match open.inflate { 1 => "gzip", 2 => "deflate", _ => "none" },
                });
                self.tell("open", &line);
                self.streams.push(Stream {
                    id: open.stream,
                    state: StreamState::Asked,
                });
                accepted::YES
            }
        }
    }

    fn send(&mut self, send: &StreamSend<'_>) -> u32 {
        let endpoint = send.endpoint.as_str();
        if !self.streams.iter().any(|s| s.id == send.stream) {
            return self.refuse("send", send.op, endpoint, "no stream of this number is open");
        }
        match self.filled(send.signs.as_slice(), "", &[], send.frame.as_slice()) {
            Err(error) => self.refuse("send", send.op, endpoint, &error.to_string()),
            Ok(filled) => {
                let (form, frame) = content(&filled.body);
                let mut line = json!({"stream": send.stream, form: frame});
                if send.op != 0 {
                    merge(&mut line, json!({"op": send.op, "endpoint": endpoint}));
                }
                self.tell("send", &line);
                accepted::YES
            }
        }
    }

    fn close(&mut self, stream: u32, code: u32) -> u32 {
        self.streams.retain(|s| s.id != stream);
        self.tell("close", &json!({"stream": stream, "code": code}));
        accepted::YES
    }

    fn set_timer(&mut self, timer: u64, at_mono_ns: u64) -> u32 {
        self.tell("set_timer", &json!({"timer": timer, "at_mono_ns": at_mono_ns}));
        accepted::YES
    }

    fn book(&mut self, batch: &BookBatch<'_>) -> u32 {
        let mut line = self.about(batch.instrument);
        merge(
            &mut line,
            json!({
                "snapshot": batch.flags & book_flag::SNAPSHOT != 0,
                "bids": self.levels(batch.bids.as_slice(), batch),
                "asks": self.levels(batch.asks.as_slice(), batch),
            }),
        );
        if batch.flags & book_flag::RANGE_IDS != 0 {
            merge(&mut line, json!({"first_id": batch.first_id, "last_id": batch.last_id}));
        }
        if batch.flags & book_flag::PREVIOUS_ID != 0 {
            merge(&mut line, json!({"previous_id": batch.previous_id}));
        }
        if batch.flags & book_flag::CHECKSUM != 0 {
            merge(&mut line, json!({"checksum": batch.checksum}));
        }
        if batch.exchange_ns != 0 {
            merge(&mut line, json!({"exchange_ns": batch.exchange_ns}));
        }
        self.tell("book", &line);
        accepted::YES
    }

    fn trades(&mut self, batch: &TradeBatch<'_>) -> u32 {
        for trade in batch.trades.as_slice() {
            let mut line = self.about(batch.instrument);
            let taker = match trade.flags & (trade_flag::TAKER_BUY | trade_flag::TAKER_SELL) {
                trade_flag::TAKER_BUY => Some("buy"),
                trade_flag::TAKER_SELL => Some("sell"),
                _ => None,
            };
            merge(
                &mut line,
                json!({
                    "id": trade.id.as_str(),
                    "price": decimal(trade.price, batch.price_exponent),
                    "quantity": decimal(trade.quantity, batch.quantity_exponent),
                    "taker": taker,
                    "exchange_ns": trade.exchange_ns,
                }),
            );
            self.tell("trade", &line);
        }
        accepted::YES
    }

    fn top(&mut self, top: &TopOfBook) -> u32 {
        let side = |level: Level| {
            json!([
                decimal(level.price, top.price_exponent),
                decimal(level.quantity, top.quantity_exponent)
            ])
        };
        let mut line = self.about(top.instrument);
        merge(
            &mut line,
            json!({"bid": side(top.bid), "ask": side(top.ask), "update_id": top.update_id, "exchange_ns": top.exchange_ns}),
        );
        self.tell("top", &line);
        accepted::YES
    }

    fn event(&mut self, kind: &str, payload: &[u8]) -> u32 {
        match Event::parse(kind, payload) {
            Ok(Some(Event::Balances(balances))) => {
                self.balances(&balances);
                return accepted::YES;
            }
            Ok(Some(Event::Instruments(event))) => self.known.tell(event.instruments),
            Ok(_) => {}
            Err(error) => self.tell("error", &json!({"text": error.to_string()})),
        }
        match serde_json::from_slice::<Value>(payload) {
            Ok(value) => self.tell(kind, &value),
            Err(error) => {
                let text = format!("the event {kind:?} is not JSON: {error}");
                self.tell("error", &json!({"text": text}));
            }
        }
        accepted::YES
    }

    fn complete(&mut self, op: u64, outcome: u32, detail: &[u8]) -> u32 {
        let outcome = Outcome::from_boundary(outcome, detail);
        self.requests.retain(|open| *open != op);
        self.wants.retain(|waiting| *waiting != op);
        if op < OWN_OPS || outcome != Outcome::Done {
            let mut line = json!({"op": op});
            merge(&mut line, json!(outcome));
            self.tell("complete", &line);
        }
        accepted::YES
    }

    fn log(&mut self, number: u32, text: &str) -> u32 {
        let level = match number {
            level::ERROR => "error",
            level::WARN => "warn",
            level::INFO => "info",
            _ => "debug",
        };
        self.tell("log", &json!({"level": level, "text": text}));
        accepted::YES
    }

    fn snapshot(&mut self, state: &[u8]) -> u32 {
        let value = serde_json::from_slice::<Value>(state).unwrap_or_else(|_| {
            let (form, text) = content(state);
            json!({ form: text })
        });
        self.tell("snapshot", &value);
        accepted::YES
    }
}
