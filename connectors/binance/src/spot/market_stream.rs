//! Market data of spot over the combined stream (web-socket-streams.md).

use colibri_sdk::SessionPlan;
use colibri_sdk::model::Millis;
use colibri_sdk::standard::Channel;

use crate::market_stream::Dialect;

/// Frames of spot.
pub(super) struct SpotFrames;

impl Dialect for SpotFrames {
    const CONTRACTS: bool = false;
}

/// "WebSocket Limits": 5 messages a second of ours, the answers to pings among them; 1024 streams a connection.
pub(super) fn plan() -> SessionPlan {
    SessionPlan::stream("market_stream", "market", "/stream?timeUnit=MICROSECOND")
        .pace(4, Millis(1_000))
        .topics_per_message(200)
        .most_topics(1024)
}

/// The stream of a channel.
pub(super) const fn stream(channel: Channel) -> &'static str {
    match channel {
        Channel::Book => "depth@100ms",
        Channel::Trades => "trade",
        Channel::Top => "bookTicker",
        // Of contracts alone: no spot connector is asked for them.
        Channel::MarkPrice | Channel::FundingRate => "markPrice",
    }
}
