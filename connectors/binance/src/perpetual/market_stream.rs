//! Market data of contracts over combined streams (websocket-market-streams; its "Important WebSocket Change Notice").
//!
//! The exchange carries books on one route and trades and mark prices on another; a stream that is asked for on the wrong one is
//! confirmed and silent. So a session has two streams.

use colibri_sdk::SessionPlan;
use colibri_sdk::model::Millis;
use colibri_sdk::standard::Channel;

use crate::market_stream::Dialect;

/// Frames of contracts.
pub(super) struct ContractFrames;

impl Dialect for ContractFrames {
    const CONTRACTS: bool = true;
}

/// The route of books.
const PUBLIC: &[Channel] = &[Channel::Book, Channel::Top];
/// The route of what else there is of the market.
const MARKET: &[Channel] = &[Channel::Trades, Channel::MarkPrice, Channel::FundingRate];

/// general-info, "Websocket Market Streams": 10 messages a second of ours, the answers to pings among them; 1024 streams a
/// connection.
pub(super) fn plans() -> Vec<SessionPlan> {
    let plan = |endpoint, path: &'static str, channels| {
        SessionPlan::stream(endpoint, "market", path)
            .pace(9, Millis(1_000))
            .topics_per_message(200)
            .most_topics(1024)
            .carries(channels)
    };
    vec![
        plan("public_stream", "/public/stream", PUBLIC),
        plan("market_stream", "/market/stream", MARKET),
    ]
}

/// The stream of a channel. Single trades are not documented; an aggregate is of those that one order took at one price within
/// 100 ms. The mark price comes with the funding rate, once a second.
pub(super) const fn stream(channel: Channel) -> &'static str {
    match channel {
        Channel::Book => "depth@100ms",
        Channel::Trades => "aggTrade",
        Channel::Top => "bookTicker",
        Channel::MarkPrice | Channel::FundingRate => "markPrice@1s",
    }
}

/// The channel in whose stream another comes.
pub(super) const fn carrier(channel: Channel) -> Channel {
    match channel {
        Channel::FundingRate => Channel::MarkPrice,
        other => other,
    }
}
