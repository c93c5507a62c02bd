//! The local exchange as a process of its own that outlives the host, and questions to it that do not pass through the host.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::hmac;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::built;

/// The well-known key of the local exchange's demo account (docs/sim.md).
pub const API_KEY: &str = "colibriDemoApiKeyForTheLocalExchange000000000000000000000000HMAC";
/// The secret that belongs to [`API_KEY`].
pub const SECRET: &str = "colibriDemoSecretForTheLocalExchange000000000000000000000000HMAC";

/// The symbol that is traded.
const SYMBOL: &str = "symbol=BTCUSDT";
/// The most rows that one answer has.
const PAGE: usize = 1_000;
/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nobody starts a bot fifty times a minute, so the limits of such a use are lifted: what is tried here is the memory of
/// the host, and it shall not spend the time waiting. Answers come late, and some are lost: so kills find orders under way.
const CONFIGURATION: &str = r#"
[limits]
weight_per_minute = 6000000
orders_per_10_seconds = 100000
orders_per_day = 200000000
connections_per_5_minutes = 300000

[[faults.requests]]
prefix = "POST /api/v3/order"
every = 29
fault = { kind = "lose-reply", status = 504 }

[[faults.requests]]
prefix = "POST /api/v3/order"
every = 2
fault = { kind = "delay", micros = 40000 }

[[faults.requests]]
prefix = "DELETE /api/v3/order"
every = 2
fault = { kind = "delay", micros = 40000 }
"#;

/// A local exchange. It ends with this value, and with this process however that ends: it watches its standard input.
#[derive(Debug)]
pub struct LocalExchange {
    child: Child,
    address: String,
    _alive: Option<ChildStdin>,
    _configuration: tempfile::TempDir,
}

impl LocalExchange {
    /// Starts one whose market is drawn from `seed`.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn start(seed: u64) -> LocalExchange {
        LocalExchange::serve(CONFIGURATION, &["--seed", &seed.to_string()])
    }

    /// Starts one with this configuration.
    ///
    /// # Panics
    /// Where it does not start.
    #[must_use]
    pub fn with(configuration: &str) -> LocalExchange {
        LocalExchange::serve(configuration, &[])
    }

    fn serve(configuration: &str, arguments: &[&str]) -> LocalExchange {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("exchange.toml");
        std::fs::write(&file, configuration).expect("a file in a new folder can be written");
        let mut child = Command::new(built::host())
            .args(["sim", "binance", "--port", "0"])
            .args(arguments)
            .arg("--config")
            .arg(&file)
            .env("COLIBRI_SIM_WITH_PARENT", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the host was built");
        let alive = child.stdin.take();
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("the exchange says its address");
        let address = line
            .trim()
            .strip_prefix("http://")
            .unwrap_or_else(|| panic!("the exchange did not say its address: {line:?}"))
            .to_owned();
        LocalExchange {
            child,
            address,
            _alive: alive,
            _configuration: folder,
        }
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on it does nothing, and no connection is closed: SIGSTOP.
    ///
    /// # Panics
    /// Where it cannot be signalled.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// It goes on where it was frozen.
    ///
    /// # Panics
    /// Where it cannot be signalled.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("sh")
            .args(["-c", "kill \"$1\" \"$2\"", "sh", signal, &self.child.id().to_string()])
            .status();
        assert!(
            sent.is_ok_and(|sent| sent.success()),
            "the exchange cannot be signalled"
        );
    }

    /// Our orders that work.
    #[must_use]
    pub fn open_orders(&self) -> Vec<Value> {
        rows(self.signed("/api/v3/openOrders", SYMBOL))
    }

    /// Every order that the account ever had, oldest first.
    #[must_use]
    pub fn all_orders(&self) -> Vec<Value> {
        self.paged("/api/v3/allOrders", "orderId", "orderId")
    }

    /// Every trade that the account ever had, oldest first.
    #[must_use]
    pub fn trades(&self) -> Vec<Value> {
        self.paged("/api/v3/myTrades", "fromId", "id")
    }

    /// What the account holds of each asset, free and locked together.
    #[must_use]
    pub fn balances(&self) -> BTreeMap<String, Decimal> {
        let account = self.signed("/api/v3/account", "omitZeroBalances=false");
        let balances = rows(account["balances"].clone());
        let of = |row: &Value| {
            let asset = text(&row["asset"]).to_owned();
            (asset, decimal(&row["free"]) + decimal(&row["locked"]))
        };
        balances.iter().map(of).collect()
    }

    fn paged(&self, path: &str, from: &str, id: &str) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let next = all
                .last()
                .map_or(0, |row| row[id].as_u64().expect("ids are numbers") + 1);
            let page = rows(self.signed(path, &format!("{SYMBOL}&limit={PAGE}&{from}={next}")));
            let is_last = page.len() < PAGE;
            all.extend(page);
            if is_last {
                return all;
            }
        }
    }

    /// A signed question. Source: Binance REST API, "SIGNED Endpoint security".
    fn signed(&self, path: &str, query: &str) -> Value {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is behind 1970")
            .as_millis();
        let query = format!("{query}&recvWindow=60000&timestamp={now}");
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let mut signature = String::new();
        for byte in hmac::sign(&key, query.as_bytes()).as_ref() {
            write!(signature, "{byte:02x}").expect("a text takes what is written");
        }
        let (head, body) = self
            .get(&format!("{path}?{query}&signature={signature}"))
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}\n{body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// One request on a connection of its own; the exchange closes it behind the answer.
    fn get(&self, target: &str) -> std::io::Result<(String, String)> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(
            stream,
            "GET {target} HTTP/1.1\r\nHost: {}\r\nX-MBX-APIKEY: {API_KEY}\r\nConnection: close\r\n\r\n",
            self.address
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        Ok((head.to_owned(), body.to_owned()))
    }
}

impl Drop for LocalExchange {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rows(answer: Value) -> Vec<Value> {
    match answer {
        Value::Array(rows) => rows,
        other => panic!("rows were expected, not {other}"),
    }
}

/// A text of a row.
///
/// # Panics
/// Where it is none.
#[must_use]
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// An amount of a row.
///
/// # Panics
/// Where it is none.
#[must_use]
pub fn decimal(value: &Value) -> Decimal {
    text(value)
        .parse()
        .unwrap_or_else(|error| panic!("{value} is no amount: {error}"))
}
