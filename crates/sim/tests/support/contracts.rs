//! The market of contracts in virtual time, with two clients: one whom a test is about, and one who takes the other side.

use colibri_sim::binance::{HttpRequest, HttpResponse, Method, Outgoing, SocketPath};
use colibri_sim::config::{
    AccountConfig, ApiKeyConfig, FlowConfig, HmacSecret, KeyPermission, PerpetualConfig, SimConfig,
};
use colibri_sim::identity::{AccountName, ApiKey, ConnectionId, Symbol};
use colibri_sim::time::Timestamp;
use colibri_sim::usdm::Exchange;
use ring::hmac;
use rust_decimal::Decimal;
use serde_json::Value;

use super::{API_KEY, SECRET, parsed};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Me,
    Other,
}

const OTHER_KEY: &str = "otherApiKey00000000000000000000000000000000000000000000000000000";
const OTHER_SECRET: &str = "otherSecret";

pub struct Contracts {
    pub exchange: Exchange,
    pub now: Timestamp,
}

/// Two clients with 10 000 each, nobody else, marks held at 60000 and 2500, no fees where `config` says so.
pub fn quiet_contracts() -> SimConfig {
    let mut me = AccountConfig::demo();
    me.margin = Decimal::from(10_000);
    let mut other = AccountConfig::demo();
    other.name = AccountName::from("other");
    other.margin = Decimal::from(1_000_000);
    other.keys = vec![ApiKeyConfig {
        api_key: ApiKey::from(OTHER_KEY),
        hmac_secret: Some(HmacSecret::new(OTHER_SECRET)),
        ed25519_public_key: None,
        permission: KeyPermission::Trade,
    }];
    let mut config = SimConfig {
        flow: FlowConfig::None,
        accounts: vec![me, other],
        perpetual: vec![PerpetualConfig::btcusdt(), PerpetualConfig::ethusdt()],
        ..SimConfig::demo()
    };
    for market in &mut config.perpetual {
        market.percent_price.up = Decimal::from(5);
        market.percent_price.down = Decimal::new(1, 1);
    }
    config
}

impl Contracts {
    pub fn new(config: &SimConfig) -> Self {
        let now = Timestamp::from_millis(1_790_000_000_000);
        let mut exchange = Exchange::new(config, now).unwrap();
        for market in &config.perpetual {
            if config.flow == FlowConfig::None {
                exchange.pin_mark(&market.symbol, Some(market.start_price), now);
            }
        }
        Self { exchange, now }
    }

    pub fn pass(&mut self, millis: i64) {
        self.now = Timestamp::from_millis(self.now.millis() + millis);
        self.exchange.advance(self.now);
    }

    pub fn pin(&mut self, symbol: &str, price: i64) {
        let symbol = Symbol::from(symbol);
        assert!(self.exchange.pin_mark(&symbol, Some(Decimal::from(price)), self.now));
    }

    pub fn raw(&mut self, method: Method, path: &str, query: &str, key: Option<&str>) -> HttpResponse {
        let request = HttpRequest {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: key
                .map(|key| ("X-MBX-APIKEY".to_owned(), key.to_owned()))
                .into_iter()
                .collect(),
            body: String::new(),
            peer: "127.0.0.1".parse().unwrap(),
        };
        self.exchange.http(&request, self.now)
    }

    pub fn get(&mut self, path: &str, query: &str) -> (u16, Value) {
        parsed(&self.raw(Method::Get, path, query, None))
    }

    pub fn signed_raw(&mut self, who: Who, method: Method, path: &str, query: &str) -> HttpResponse {
        let (key, secret) = match who {
            Who::Me => (API_KEY, SECRET),
            Who::Other => (OTHER_KEY, OTHER_SECRET),
        };
        let separator = if query.is_empty() { "" } else { "&" };
        let query = format!("{query}{separator}recvWindow=5000&timestamp={}", self.now.millis());
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), query.as_bytes());
        let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        self.raw(method, path, &format!("{query}&signature={hex}"), Some(key))
    }

    pub fn signed(&mut self, who: Who, method: Method, path: &str, query: &str) -> (u16, Value) {
        parsed(&self.signed_raw(who, method, path, query))
    }

    /// A request that must succeed.
    pub fn ok(&mut self, who: Who, method: Method, path: &str, query: &str) -> Value {
        let (status, body) = self.signed(who, method, path, query);
        assert_eq!(status, 200, "{method:?} {path} {query}: {body}");
        body
    }

    /// The code of a request that must be refused.
    pub fn refused(&mut self, who: Who, method: Method, path: &str, query: &str) -> i64 {
        let (status, body) = self.signed(who, method, path, query);
        assert_ne!(status, 200, "{method:?} {path} {query}: {body}");
        body["code"].as_i64().unwrap()
    }

    pub fn order(&mut self, who: Who, query: &str) -> Value {
        self.ok(who, Method::Post, "/fapi/v1/order", query)
    }

    pub fn order_refused(&mut self, who: Who, query: &str) -> i64 {
        self.refused(who, Method::Post, "/fapi/v1/order", query)
    }

    /// A limit order of BTCUSDT, good till cancelled.
    pub fn limit(&mut self, who: Who, side: &str, quantity: &str, price: &str) -> Value {
        self.order(
            who,
            &format!("symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side={side}&quantity={quantity}&price={price}"),
        )
    }

    /// Makes `who` trade a quantity with the other client at a price.
    pub fn trade(&mut self, who: Who, side: &str, quantity: &str, price: &str) {
        let (other, opposite) = match (who, side) {
            (Who::Me, "BUY") => (Who::Other, "SELL"),
            (Who::Me, _) => (Who::Other, "BUY"),
            (Who::Other, "BUY") => (Who::Me, "SELL"),
            (Who::Other, _) => (Who::Me, "BUY"),
        };
        self.limit(other, opposite, quantity, price);
        self.limit(who, side, quantity, price);
    }

    /// The position of `who` in one-way mode; flat where none is shown.
    pub fn position(&mut self, who: Who, symbol: &str) -> (String, String) {
        let rows = self.ok(who, Method::Get, "/fapi/v3/positionRisk", &format!("symbol={symbol}"));
        let text = |field: &str| {
            let value: Decimal = rows[0][field].as_str().unwrap_or("0").parse().unwrap();
            value.normalize().to_string()
        };
        (text("positionAmt"), text("entryPrice"))
    }

    pub fn wallet(&mut self, who: Who) -> String {
        let rows = self.ok(who, Method::Get, "/fapi/v3/balance", "");
        rows[0]["balance"].as_str().unwrap().to_owned()
    }

    /// Listens to the user stream of `who`.
    pub fn listen(&mut self, who: Who) -> ConnectionId {
        let key = self.ok(who, Method::Post, "/fapi/v1/listenKey", "")["listenKey"].clone();
        self.open(&format!("/private/ws/{}", key.as_str().unwrap()), "")
    }

    pub fn open(&mut self, path: &str, query: &str) -> ConnectionId {
        let path = SocketPath::parse(path).unwrap();
        self.exchange
            .ws_open(&path, query, "127.0.0.1".parse().unwrap(), self.now)
            .unwrap()
    }

    /// Lets time pass and answers pings; what came on a connection meanwhile.
    pub fn wait(&mut self, id: ConnectionId, seconds: i64) -> Vec<Value> {
        (0..seconds / 100).flat_map(|_| self.wait_millis(id, 100_000)).collect()
    }

    /// As [`Self::wait`], for less than the time that a ping may stay unanswered.
    pub fn wait_millis(&mut self, id: ConnectionId, millis: i64) -> Vec<Value> {
        self.pass(millis);
        let mut events = Vec::new();
        for (other, outgoing) in self.exchange.drain() {
            match outgoing {
                Outgoing::Text(text) if other == id => events.push(serde_json::from_str(&text).unwrap()),
                Outgoing::Ping(payload) => self.exchange.ws_pong(other, &payload, self.now),
                Outgoing::Text(_) | Outgoing::Close(..) => {}
            }
        }
        events
    }

    /// What came on a connection since the last call.
    pub fn received(&mut self, id: ConnectionId) -> Vec<Value> {
        let sent = self.exchange.drain().into_iter().filter(|(other, _)| *other == id);
        sent.filter_map(|(_, outgoing)| match outgoing {
            Outgoing::Text(text) => Some(serde_json::from_str(&text).unwrap()),
            Outgoing::Ping(_) | Outgoing::Close(..) => None,
        })
        .collect()
    }
}

/// The names of user events, with what they are about.
pub fn names(events: &[Value]) -> Vec<String> {
    let name = |event: &Value| {
        let kind = event["e"].as_str().unwrap();
        match kind {
            "ORDER_TRADE_UPDATE" => {
                let order = &event["o"];
                format!("{} {}", order["x"].as_str().unwrap(), order["X"].as_str().unwrap())
            }
            "ALGO_UPDATE" => format!("ALGO {}", event["o"]["X"].as_str().unwrap()),
            "ACCOUNT_UPDATE" => format!("ACCOUNT {}", event["a"]["m"].as_str().unwrap()),
            other => other.to_owned(),
        }
    };
    events.iter().map(name).collect()
}
