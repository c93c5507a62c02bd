//! Request and order limits, with Binance's live values as defaults.

use serde::{Deserialize, Serialize};

/// How much a client may ask. Source: Binance REST API, "LIMITS", and the change log of 2026-03-27.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitConfig {
    /// Request weight per minute and address.
    pub weight_per_minute: u32,
    /// Requests of any weight per five minutes and address.
    pub requests_per_5_minutes: u32,
    /// Unfilled orders per ten seconds and account.
    pub orders_per_10_seconds: u32,
    /// Unfilled orders per day and account.
    pub orders_per_day: u32,
    /// Requests answered with 429, within one window, after which the address is banned.
    pub violations_before_ban: u32,
    /// Length of the first ban; each further ban doubles it, up to three days.
    pub first_ban_seconds: u32,
    /// WebSocket connections opened per five minutes and address.
    pub connections_per_5_minutes: u32,
    /// Messages a client may send on a market stream connection per second before it is disconnected.
    pub stream_messages_per_second: u32,
}

impl Default for LimitConfig {
    fn default() -> Self {
        Self {
            weight_per_minute: 6_000,
            requests_per_5_minutes: 300_000,
            orders_per_10_seconds: 100,
            orders_per_day: 200_000,
            violations_before_ban: 20,
            first_ban_seconds: 120,
            connections_per_5_minutes: 300,
            stream_messages_per_second: 5,
        }
    }
}
