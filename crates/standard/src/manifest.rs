//! The manifest (`connector.toml`): everything that a host or a user can know or configure about a library's connectors.
//!
//! Its heart is the endpoint table: limiter, retry, security and deadlines read it and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use colibri_model::Millis;
use serde::{Deserialize, Serialize};

use crate::{BookManifest, Capability, KeyKind, OrderEndpoints, PerpManifest};

/// What is wrong with a manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML, or not of this shape.
    #[error("the manifest cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A name that stands for nothing, a name used twice, a number out of range.
    #[error("the manifest of connector {connector:?} is wrong: {what}")]
    Meaning {
        /// Which connector.
        connector: String,
        /// What is wrong.
        what: String,
    },
}

/// A library's manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The library.
    pub library: LibraryManifest,
    /// Its connectors.
    #[serde(rename = "connector")]
    pub connectors: Vec<ConnectorManifest>,
}

/// The library as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LibraryManifest {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The boundary that it was built for, as `major.minor`.
    pub abi: String,
    /// Who keeps it.
    pub maintainer: String,
    /// Its licence, as an SPDX expression.
    pub licence: String,
}

/// One connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorManifest {
    /// Its name, such as `binance`.
    pub name: String,
    /// Its standard: `spot` or `perp`.
    pub standard: String,
    /// Where the exchange documents its API.
    pub documentation: String,
    /// What it can do beyond the standard's core.
    #[serde(default)]
    pub capabilities: BTreeSet<Capability>,
    /// Credential fields by name.
    #[serde(default)]
    pub credentials: BTreeMap<String, CredentialField>,
    /// Environments by name; one is called `live`.
    pub environments: BTreeMap<String, Environment>,
    /// Rate-limit pools by id.
    #[serde(default)]
    pub pools: BTreeMap<String, Pool>,
    /// The endpoint table, by id.
    pub endpoints: BTreeMap<String, Endpoint>,
    /// Which endpoint each order operation uses.
    pub orders: OrderEndpoints,
    /// How books are sequenced.
    pub book: BookManifest,
    /// What client order ids may be.
    pub client_id: ClientIdManifest,
    /// How often to poll.
    #[serde(default)]
    pub polling: PollingManifest,
    /// When a stream counts as dead.
    #[serde(default)]
    pub liveness: LivenessManifest,
    /// What the exchange asks of the times that signed requests carry.
    #[serde(default)]
    pub timestamps: TimestampManifest,
    /// What only a connector of the perp standard says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perpetual: Option<PerpManifest>,
}

/// Whether a credential may be read by the connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialRole {
    /// Readable: a key's id, an address.
    Public,
    /// Only the host has it.
    Secret,
}

/// A credential field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialField {
    /// Public or secret.
    pub role: CredentialRole,
    /// What to tell the user who is asked for it.
    pub label: String,
    /// The kinds of key that a secret may be; the first is the default.
    #[serde(default)]
    pub kinds: Vec<KeyKind>,
}

/// One environment of the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Environment {
    /// Addresses by role (`rest`, `market`, …): scheme, host and port, a path prefix perhaps, no trailing slash.
    pub addresses: BTreeMap<String, String>,
}

/// What a pool counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolScope {
    /// An address: shared by every instance in the process.
    Ip,
    /// An API key.
    Key,
    /// An account: shared by every instance of the account.
    Account,
    /// One stream connection: only an endpoint's [`frames`](Endpoint::frames) cost of it.
    Connection,
}

/// A rate-limit pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// What it counts for.
    pub scope: PoolScope,
    /// How much fits in a window.
    pub limit: u64,
    /// The window's length.
    pub window_ms: u64,
    /// Whether windows begin on multiples of their length of the exchange's clock (else they slide).
    #[serde(default)]
    pub aligned: bool,
    /// The response header that states the use of the current window, in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_header: Option<String>,
    /// A word by which connectors of one exchange name the pool that they draw on together, such as those of its spot and its
    /// contract markets: pools of one word, environment and holder are one. Absent: the pool is the connector's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<String>,
}

/// What an endpoint costs of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// The pool's id.
    pub pool: String,
    /// How much.
    pub weight: u64,
    /// Whether the exchange gives it back when the operation succeeds.
    #[serde(default)]
    pub refunded_on_success: bool,
    /// Of a batch: whether it counts for each order in it (else once, for the request).
    #[serde(default)]
    pub per_order: bool,
}

/// How an endpoint is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// An HTTP request.
    #[default]
    Http,
    /// Opening a WebSocket.
    Stream,
    /// A request on an open WebSocket; `path` is the exchange's name of the method.
    Send,
}

/// What an endpoint needs of the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Auth {
    /// Nothing.
    #[default]
    None,
    /// The key's id.
    Key,
    /// A signature.
    Signed,
}

/// Who goes first when a pool is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Cancels, before all else.
    Cancel,
    /// Placements.
    Place,
    /// Questions.
    #[default]
    Query,
}

/// Which lane carries the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// The engine's thread.
    #[default]
    Hot,
    /// The bulk thread: large or slow answers.
    Bulk,
}

/// Whether requests wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Serial {
    /// As many at once as the pools allow.
    #[default]
    No,
    /// One in flight a key (exchanges whose nonce must arrive in order).
    Key,
}

const fn default_deadline() -> Millis {
    Millis(10_000)
}
const fn default_response() -> u64 {
    1 << 20
}

/// An endpoint. The host refuses a request whose method, host or path is not this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// How it is reached.
    #[serde(default)]
    pub transport: Transport,
    /// HTTP method; `GET` for streams; empty for sends.
    #[serde(default)]
    pub method: String,
    /// The role of the address, such as `rest`.
    pub host: String,
    /// Further hosts that the URL may name: `*.example.com` allows any name below, of at least three labels.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The path, exact; a trailing `*` allows any continuation.
    pub path: String,
    /// What it costs. None of it of a pool of scope `connection`.
    #[serde(default)]
    pub costs: Vec<Cost>,
    /// What each frame costs that is sent on a connection of this endpoint, of pools of scope `connection`. For streams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Cost>,
    /// Who goes first.
    #[serde(default)]
    pub priority: Priority,
    /// What it needs of the credentials.
    #[serde(default)]
    pub auth: Auth,
    /// Whether running it twice is the same as once: only then does the host retry it.
    #[serde(default)]
    pub idempotent: bool,
    /// One at a time, or not.
    #[serde(default)]
    pub serial: Serial,
    /// How long to wait for the answer, in milliseconds.
    #[serde(default = "default_deadline")]
    pub deadline_ms: Millis,
    /// The most bytes of an answer.
    #[serde(default = "default_response")]
    pub max_response: u64,
    /// Which lane carries it.
    #[serde(default)]
    pub lane: Lane,
}

/// What client order ids may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientIdManifest {
    /// The most characters.
    pub max_length: u32,
    /// The characters beside letters and digits.
    #[serde(default)]
    pub extra_characters: String,
}

/// How often to poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PollingManifest {
    /// While a stream is degraded.
    pub fast_ms: Millis,
    /// Always.
    pub slow_ms: Millis,
    /// Instruments and trading rules.
    pub instruments_ms: Millis,
    /// The exchange's clock.
    pub time_ms: Millis,
}

impl Default for PollingManifest {
    fn default() -> Self {
        PollingManifest {
            fast_ms: Millis(2_000),
            slow_ms: Millis(60_000),
            instruments_ms: Millis(1_800_000),
            time_ms: Millis(60_000),
        }
    }
}

/// When a stream counts as dead: by data, not by pings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LivenessManifest {
    /// A market stream without a frame for so long is silent, whatever another stream of its session tells.
    pub market_silence_ms: Millis,
    /// A user stream without a frame (pings of the exchange count) for so long is silent.
    pub user_silence_ms: Millis,
    /// A book without an update for so long is stale.
    pub book_stale_ms: Millis,
    /// A book whose last update took so much longer than the fastest of the last minutes is behind, and as good as stale.
    pub book_lag_ms: Millis,
    /// What a question has told, a stream must have told after so long; else it is silent, whatever it pings.
    pub lag_ms: Millis,
    /// What keeps a user session's stream alive at the exchange (a listen key) is renewed so often; zero is never.
    pub renewal_ms: Millis,
    /// A connection is replaced before it has lived so long; zero is never.
    pub connection_life_ms: Millis,
}

impl Default for LivenessManifest {
    fn default() -> Self {
        LivenessManifest {
            market_silence_ms: Millis(30_000),
            user_silence_ms: Millis(90_000),
            book_stale_ms: Millis(10_000),
            book_lag_ms: Millis(5_000),
            lag_ms: Millis(10_000),
            renewal_ms: Millis(0),
            connection_life_ms: Millis(0),
        }
    }
}

/// What the exchange asks of the times that signed requests carry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimestampManifest {
    /// A signed request whose time is older is refused: nothing is signed while the exchange's time is less certain than
    /// that. Zero: it is not checked, or the connector cannot tell the exchange's time.
    pub window_ms: Millis,
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// The first thing that is wrong, and where.
    pub fn parse(text: &str) -> Result<Manifest, ManifestError> {
        let manifest: Manifest = toml::from_str(text)?;
        let mut names = BTreeSet::new();
        for connector in &manifest.connectors {
            if !names.insert(&connector.name) {
                return Err(connector.wrong("the name stands twice"));
            }
            connector.check()?;
        }
        check_shared(&manifest.connectors)?;
        Ok(manifest)
    }

    /// The connector of a name.
    #[must_use]
    pub fn connector(&self, name: &str) -> Option<&ConnectorManifest> {
        self.connectors.iter().find(|c| c.name == name)
    }
}

impl ConnectorManifest {
    fn wrong(&self, what: impl Into<String>) -> ManifestError {
        ManifestError::Meaning {
            connector: self.name.clone(),
            what: what.into(),
        }
    }

    fn check(&self) -> Result<(), ManifestError> {
        if !self.environments.contains_key("live") {
            return Err(self.wrong("no environment is called live"));
        }
        self.book.check().map_err(|what| self.wrong(what))?;
        for (id, pool) in &self.pools {
            if pool.limit == 0 || pool.window_ms == 0 {
                return Err(self.wrong(format!("pool {id:?} has a limit or window of zero")));
            }
        }
        for (id, endpoint) in &self.endpoints {
            if let Some((environment, _)) = self
                .environments
                .iter()
                .find(|(_, e)| !e.addresses.contains_key(&endpoint.host))
            {
                let host = &endpoint.host;
                return Err(self.wrong(format!(
                    "endpoint {id:?} uses the address {host:?}, which environment {environment:?} does not give"
                )));
            }
            if let Some(cost) = endpoint.costs.iter().find(|c| !self.pools.contains_key(&c.pool)) {
                return Err(self.wrong(format!(
                    "endpoint {id:?} costs of pool {:?}, which does not exist",
                    cost.pool
                )));
            }
            let per_connection = |cost: &&Cost| self.pools[&cost.pool].scope == PoolScope::Connection;
            if let Some(cost) = endpoint.costs.iter().find(per_connection) {
                return Err(self.wrong(format!(
                    "endpoint {id:?} costs of pool {:?}, whose scope is a connection; frames cost of it",
                    cost.pool
                )));
            }
            let wrong_frame = endpoint.frames.iter().find(|cost| {
                let pool = self.pools.get(&cost.pool);
                pool.is_none_or(|pool| pool.scope != PoolScope::Connection || cost.weight > pool.limit)
                    || cost.refunded_on_success
                    || endpoint.transport != Transport::Stream
            });
            if let Some(cost) = wrong_frame {
                return Err(self.wrong(format!(
                    "the frames of endpoint {id:?} cost of pool {:?}: that must be a stream, a pool of scope connection, a \
                     weight within its limit, and nothing that is given back",
                    cost.pool
                )));
            }
            if endpoint
                .hosts
                .iter()
                .any(|h| h.split('.').count() < 3 && h.starts_with("*."))
            {
                return Err(self.wrong(format!(
                    "endpoint {id:?} allows a wildcard over a whole top-level domain"
                )));
            }
        }
        self.orders
            .check(&self.endpoints, &self.capabilities)
            .map_err(|what| self.wrong(what))?;
        match (self.standard == "perp", &self.perpetual) {
            (true, Some(perpetual)) => perpetual.check(&self.capabilities).map_err(|what| self.wrong(what)),
            (false, None) => Ok(()),
            (true, None) => Err(self.wrong("a perp connector says what is perpetual about it: [connector.perpetual]")),
            (false, Some(_)) => Err(self.wrong("[connector.perpetual] stands in a connector of another standard")),
        }
    }
}

/// Pools that connectors draw on together are the same pool: nothing of them differs.
fn check_shared(connectors: &[ConnectorManifest]) -> Result<(), ManifestError> {
    let mut known: BTreeMap<&str, &Pool> = BTreeMap::new();
    for connector in connectors {
        for (id, pool) in &connector.pools {
            let Some(word) = &pool.shared else { continue };
            if pool.scope == PoolScope::Connection {
                return Err(connector.wrong(format!("pool {id:?} is each connection's own, and shared")));
            }
            if *known.entry(word).or_insert(pool) != pool {
                return Err(connector.wrong(format!(
                    "pool {id:?} is shared as {word:?}, and differs from another that is"
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SMALL: &str = r#"
        [library]
        name = "example"
        version = "0.1.0"
        abi = "1.0"
        maintainer = "someone"
        licence = "Apache-2.0"

        [[connector]]
        name = "example"
        standard = "spot"
        documentation = "https://example.com/api"
        orders = { place = "place", cancel = "cancel" }
        book = { rule = "overlap", snapshot_by_request = true, snapshot_depth = 1000 }
        client_id = { max_length = 36, extra_characters = "-_" }
        environments.live = { rest = "https://api.example.com" }
        pools.weight = { scope = "ip", limit = 10, window_ms = 1000 }
        endpoints.place = { method = "POST", host = "rest", path = "/order", costs = [{ pool = "weight", weight = 1 }] }
        endpoints.cancel = { method = "DELETE", host = "rest", path = "/order" }
    "#;

    #[test]
    fn a_small_manifest_is_read() {
        let manifest = Manifest::parse(SMALL).unwrap();
        assert_eq!(
            manifest.connector("example").unwrap().endpoints["cancel"].deadline_ms,
            Millis(10_000)
        );
    }

    #[test]
    fn names_that_stand_for_nothing_are_told() {
        for (from, to, told) in [
            ("pool = \"weight\"", "pool = \"x\"", "pool \"x\""),
            (
                "host = \"rest\", path = \"/order\" }",
                "host = \"moon\", path = \"/order\" }",
                "\"moon\"",
            ),
            ("cancel = \"cancel\" }", "cancel = \"nothing\" }", "\"nothing\""),
            (
                "cancel = \"cancel\" }",
                "cancel = \"cancel\", batch_place = { endpoint = \"place\", most = 5 } }",
                "not in both",
            ),
            (
                "cancel = \"cancel\" }",
                "cancel = \"cancel\", batch_place = { endpoint = \"place\", most = 1 } }",
                "fewer than two",
            ),
            (
                "cancel = \"cancel\" }",
                "cancel = \"cancel\", entry = \"stream\" }",
                "over HTTP alone",
            ),
            (
                "cancel = \"cancel\" }",
                "cancel = \"cancel\", stream = { place = \"place\", cancel = \"cancel\" } }",
                "not send",
            ),
            (
                "cancel = \"cancel\" }",
                "cancel = \"cancel\", stream = { place = \"nothing\", cancel = \"cancel\" } }",
                "does not exist",
            ),
            ("environments.live", "environments.demo", "live"),
            ("limit = 10", "limit = 0", "zero"),
            ("scope = \"ip\"", "scope = \"connection\"", "frames cost of it"),
            (
                "path = \"/order\" }",
                "path = \"/order\", frames = [{ pool = \"weight\", weight = 1 }] }",
                "must be a stream",
            ),
            ("standard = \"spot\"", "standrad = \"spot\"", "standrad"),
        ] {
            let error = Manifest::parse(&SMALL.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
