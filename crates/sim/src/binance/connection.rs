//! A WebSocket connection as the exchange remembers it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::render::TimeUnit;
use super::stream_name::StreamKey;
use crate::identity::{AccountId, ApiKey};
use crate::time::{Span, Timestamp};

/// The exchange pings this often. Source: Binance, "General WSS information".
pub const PING_EVERY: Span = Span::from_secs(20);
/// A pong must come within this time.
pub const PONG_WITHIN: Span = Span::from_secs(60);
/// A connection ends after this time.
pub const LIFETIME: Span = Span::from_secs(86_400);

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// Where it comes from.
    pub peer: IpAddr,
    /// When it was opened.
    pub opened: Timestamp,
    /// When the next ping is due.
    pub next_ping: Timestamp,
    /// The payload and time of the oldest ping without a pong.
    pub unanswered: Option<(String, Timestamp)>,
    /// The second in which the client last sent something, and how often it did.
    pub messages: (Timestamp, u32),
    /// The unit of times.
    pub unit: TimeUnit,
    /// What it is for.
    pub door: Door,
}

/// What a connection is for.
#[derive(Debug)]
pub enum Door {
    /// Market streams.
    Market(MarketStreams),
    /// The WebSocket API.
    Api(Session),
}

/// How payloads of market streams are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// As they are.
    Raw,
    /// With the stream's name.
    Combined,
}

/// The market streams of a connection.
#[derive(Debug)]
pub struct MarketStreams {
    /// How payloads are sent.
    pub wrapping: Wrapping,
    /// Names in order of subscription; a name that means nothing is listed and stays silent.
    names: Vec<(String, Option<StreamKey>)>,
    /// By stream: the place of its name.
    places: BTreeMap<StreamKey, usize>,
}

impl MarketStreams {
    /// None yet.
    pub const fn new(wrapping: Wrapping) -> Self {
        Self {
            wrapping,
            names: Vec::new(),
            places: BTreeMap::new(),
        }
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The names in order of subscription.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(name, _)| name.as_str())
    }

    /// The streams behind the names.
    pub fn keys(&self) -> impl Iterator<Item = StreamKey> {
        self.places.keys().copied()
    }

    /// Follows a stream under a name, where it is not followed so already.
    pub fn follow(&mut self, name: &str, key: Option<StreamKey>) {
        let known = match key {
            Some(key) => self.places.contains_key(&key),
            None => self.names.iter().any(|(other, _)| other == name),
        };
        if !known {
            if let Some(key) = key {
                self.places.insert(key, self.names.len());
            }
            self.names.push((name.to_owned(), key));
        }
    }

    /// Follows these names no longer.
    pub fn leave(&mut self, names: &[&str]) {
        self.names.retain(|(name, _)| !names.contains(&name.as_str()));
        let keys = self.names.iter().enumerate();
        self.places = keys.filter_map(|(place, (_, key))| Some(((*key)?, place))).collect();
    }

    /// The name under which the client follows a stream.
    pub fn name_of(&self, key: StreamKey) -> Option<&str> {
        self.places.get(&key).map(|place| self.names[*place].0.as_str())
    }
}

/// Whether replies of the WebSocket API show the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowLimits {
    /// The default.
    Yes,
    /// `returnRateLimits=false`.
    No,
}

/// How a user stream was subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscribedBy {
    /// `userDataStream.subscribe`: ends with the log-on.
    Logon,
    /// `userDataStream.subscribe.signature`: lives on its own.
    Signature,
}

/// A logged-on key.
#[derive(Debug, Clone)]
pub struct Logon {
    /// Which.
    pub api_key: ApiKey,
    /// Whose.
    pub account: AccountId,
    /// Since when.
    pub since: Timestamp,
}

/// The state of a connection to the WebSocket API.
#[derive(Debug)]
pub struct Session {
    /// Who is logged on.
    pub logon: Option<Logon>,
    /// User streams by subscription id.
    pub subscriptions: BTreeMap<u32, (AccountId, SubscribedBy)>,
    /// The id of the next subscription.
    pub next_subscription: u32,
    /// Whether replies show the limits.
    pub show_limits: ShowLimits,
}
