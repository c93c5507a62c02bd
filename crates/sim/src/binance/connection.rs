//! A WebSocket connection as the exchange remembers it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::render::TimeUnit;
use super::stream_name::StreamKey;
use crate::identity::{AccountId, ApiKey};
use crate::time::{Span, Timestamp};
use crate::wire::streams::Streams;
pub use crate::wire::streams::Wrapping;

/// The market streams of a connection.
pub type MarketStreams = Streams<StreamKey>;

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
