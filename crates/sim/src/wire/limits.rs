//! How much an address may ask and how many orders an account may place. Windows are fixed and aligned to the clock.
//!
//! Source: Binance REST API, "LIMITS"; "Spot Unfilled Order Count Rules"; USD-M futures, "General Info". Each market has
//! counters of its own.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::error::ApiError;
use crate::config::LimitConfig;
use crate::identity::AccountId;
use crate::time::{Span, Timestamp};

const MINUTE: Span = Span::from_secs(60);
const FIVE_MINUTES: Span = Span::from_secs(300);
const TEN_SECONDS: Span = Span::from_secs(10);
const DAY: Span = Span::from_secs(86_400);
const LONGEST_BAN: Span = Span::from_secs(3 * 86_400);

/// How much the first fill of an order gives back of the unfilled order count.
///
/// Source: the examples of "Spot Unfilled Order Count Rules".
const TAKER_REFUND: u32 = 1;
const MAKER_REFUND: u32 = 5;

/// A count that starts again with each window.
#[derive(Debug, Clone, Copy, Default)]
struct Counter {
    window: Timestamp,
    count: u32,
}

impl Counter {
    fn at(&mut self, now: Timestamp, span: Span) -> &mut u32 {
        let window = now.window_start(span);
        if self.window != window {
            *self = Self { window, count: 0 };
        }
        &mut self.count
    }
}

#[derive(Debug, Default)]
struct Address {
    weight: Counter,
    requests: Counter,
    connections: Counter,
    violations: Counter,
    banned_until: Option<Timestamp>,
    bans: u32,
}

#[derive(Debug, Default)]
struct Orders {
    short: Counter,
    long: Counter,
}

/// The windows in which an account's orders are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderWindows {
    /// Spot: unfilled orders in ten seconds and in a day.
    TenSecondsAndDay,
    /// Contracts: orders in ten seconds and in a minute, filled or not.
    TenSecondsAndMinute,
}

impl OrderWindows {
    /// The longer window: its length, its name in messages, its interval in tables.
    const fn long(self) -> (Span, &'static str, &'static str) {
        match self {
            Self::TenSecondsAndDay => (DAY, "1 DAY", "DAY"),
            Self::TenSecondsAndMinute => (MINUTE, "1 MINUTE", "MINUTE"),
        }
    }
}

/// Which part an order had in its first fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstFill {
    /// It took on arrival.
    AsTaker,
    /// It rested first.
    AsMaker,
}

/// All counters.
#[derive(Debug)]
pub struct Limits {
    config: LimitConfig,
    windows: OrderWindows,
    addresses: BTreeMap<IpAddr, Address>,
    orders: BTreeMap<AccountId, Orders>,
}

impl Limits {
    /// Counters at zero.
    pub fn new(config: LimitConfig, windows: OrderWindows) -> Self {
        Self {
            config,
            windows,
            addresses: BTreeMap::new(),
            orders: BTreeMap::new(),
        }
    }

    /// Charges a request of this weight.
    ///
    /// # Errors
    /// 429 when a limit is reached; 418 while the address is banned.
    pub fn charge(&mut self, peer: IpAddr, weight: u32, now: Timestamp) -> Result<(), ApiError> {
        let LimitConfig {
            weight_per_minute,
            requests_per_5_minutes,
            ..
        } = self.config;
        let address = self.addresses.entry(peer).or_default();
        if let Some(until) = address.banned_until.filter(|until| now < *until) {
            return Err(banned(until));
        }
        let requests = address.requests.at(now, FIVE_MINUTES);
        *requests += 1;
        if *requests > requests_per_5_minutes {
            let message =
                format!("Too many requests; current limit is {requests_per_5_minutes} requests per 5 MINUTE.");
            return Err(self.violation(peer, message, now.window_start(FIVE_MINUTES).after(FIVE_MINUTES), now));
        }
        let used = address.weight.at(now, MINUTE);
        if *used + weight > weight_per_minute {
            let message = format!(
                "Too much request weight used; current limit is {weight_per_minute} request weight per 1 MINUTE. \
                 Please use WebSocket Streams for live updates to avoid polling the API."
            );
            return Err(self.violation(peer, message, now.window_start(MINUTE).after(MINUTE), now));
        }
        *used += weight;
        Ok(())
    }

    /// Counts a 429 and bans an address that does not stop.
    fn violation(&mut self, peer: IpAddr, message: String, retry_at: Timestamp, now: Timestamp) -> ApiError {
        let address = self.addresses.entry(peer).or_default();
        let violations = address.violations.at(now, MINUTE);
        *violations += 1;
        if *violations > self.config.violations_before_ban {
            let first = Span::from_secs(i64::from(self.config.first_ban_seconds));
            let doubled = first.micros().saturating_mul(1 << address.bans.min(20));
            let until = now.after(Span::from_micros(doubled.min(LONGEST_BAN.micros())));
            address.bans += 1;
            address.banned_until = Some(until);
            return banned(until);
        }
        ApiError {
            retry_at: Some(retry_at),
            ..ApiError::new(429, -1003, message)
        }
    }

    /// Takes back what a request was charged that turned out to cost nothing.
    pub fn refund(&mut self, peer: IpAddr, weight: u32, now: Timestamp) {
        let used = self.addresses.entry(peer).or_default().weight.at(now, MINUTE);
        *used = used.saturating_sub(weight);
    }

    /// Weight used in this minute.
    pub fn used_weight(&mut self, peer: IpAddr, now: Timestamp) -> u32 {
        *self.addresses.entry(peer).or_default().weight.at(now, MINUTE)
    }

    /// Counts a new WebSocket connection.
    ///
    /// # Errors
    /// 429 above the limit.
    pub fn connect(&mut self, peer: IpAddr, now: Timestamp) -> Result<(), ApiError> {
        let limit = self.config.connections_per_5_minutes;
        let count = self
            .addresses
            .entry(peer)
            .or_default()
            .connections
            .at(now, FIVE_MINUTES);
        *count += 1;
        if *count > limit {
            let message = format!("Too many connection attempts from IP; current limit is {limit} per '5 MINUTE'.");
            let retry_at = Some(now.window_start(FIVE_MINUTES).after(FIVE_MINUTES));
            return Err(ApiError {
                retry_at,
                ..ApiError::new(429, -1034, message)
            });
        }
        Ok(())
    }

    /// Whether an account may place another order; counts nothing.
    ///
    /// # Errors
    /// 429 with -1015.
    pub fn check_order(&mut self, account: AccountId, now: Timestamp) -> Result<(), ApiError> {
        let LimitConfig {
            orders_per_10_seconds,
            orders_per_day,
            ..
        } = self.config;
        let (long, named, _) = self.windows.long();
        let orders = self.orders.entry(account).or_default();
        for (counter, span, limit, interval) in [
            (&mut orders.short, TEN_SECONDS, orders_per_10_seconds, "10 SECOND"),
            (&mut orders.long, long, orders_per_day, named),
        ] {
            if *counter.at(now, span) >= limit {
                let message = format!("Too many new orders; current limit is {limit} orders per {interval}.");
                let retry_at = Some(now.window_start(span).after(span));
                return Err(ApiError {
                    retry_at,
                    ..ApiError::new(429, -1015, message)
                });
            }
        }
        Ok(())
    }

    /// Counts a new order.
    pub fn count_order(&mut self, account: AccountId, now: Timestamp) {
        let (long, ..) = self.windows.long();
        let orders = self.orders.entry(account).or_default();
        *orders.short.at(now, TEN_SECONDS) += 1;
        *orders.long.at(now, long) += 1;
    }

    /// Counts orders of contracts, whose two windows count a batch differently.
    pub fn count_orders(&mut self, account: AccountId, short: u32, long: u32, now: Timestamp) {
        let (span, ..) = self.windows.long();
        let orders = self.orders.entry(account).or_default();
        *orders.short.at(now, TEN_SECONDS) += short;
        *orders.long.at(now, span) += long;
    }

    /// Gives back for an order's first fill.
    pub fn refund_order(&mut self, account: AccountId, fill: FirstFill, now: Timestamp) {
        let refund = match fill {
            FirstFill::AsTaker => TAKER_REFUND,
            FirstFill::AsMaker => MAKER_REFUND,
        };
        let (long, ..) = self.windows.long();
        let orders = self.orders.entry(account).or_default();
        for (counter, span) in [(&mut orders.short, TEN_SECONDS), (&mut orders.long, long)] {
            let count = counter.at(now, span);
            *count = count.saturating_sub(refund);
        }
    }

    /// Orders of an account in these ten seconds and in the longer window.
    pub fn order_counts(&mut self, account: AccountId, now: Timestamp) -> (u32, u32) {
        let (long, ..) = self.windows.long();
        let orders = self.orders.entry(account).or_default();
        (*orders.short.at(now, TEN_SECONDS), *orders.long.at(now, long))
    }

    /// The `rateLimits` of exchangeInfo.
    pub fn describe(&self) -> Value {
        let limit = |kind: &str, interval: &str, number: u32, limit: u32| json!({ "rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit });
        let (_, _, long) = self.windows.long();
        let mut limits = vec![
            limit("REQUEST_WEIGHT", "MINUTE", 1, self.config.weight_per_minute),
            limit("ORDERS", "SECOND", 10, self.config.orders_per_10_seconds),
            limit("ORDERS", long, 1, self.config.orders_per_day),
        ];
        if self.windows == OrderWindows::TenSecondsAndDay {
            limits.push(limit("RAW_REQUESTS", "MINUTE", 5, self.config.requests_per_5_minutes));
        }
        Value::Array(limits)
    }

    /// Order limits with their present counts: the reply of `rateLimit/order`.
    pub fn describe_orders(&mut self, account: AccountId, now: Timestamp) -> Vec<Value> {
        let (ten_seconds, longer) = self.order_counts(account, now);
        let (_, _, interval) = self.windows.long();
        vec![
            json!({ "rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10,
                "limit": self.config.orders_per_10_seconds, "count": ten_seconds }),
            json!({ "rateLimitType": "ORDERS", "interval": interval, "intervalNum": 1,
                "limit": self.config.orders_per_day, "count": longer }),
        ]
    }

    /// The weight limit with its present count, as the WebSocket API shows it.
    pub fn describe_weight(&mut self, peer: IpAddr, now: Timestamp) -> Value {
        let count = self.used_weight(peer, now);
        json!({ "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1,
            "limit": self.config.weight_per_minute, "count": count })
    }

    /// How many messages a market stream client may send in a second.
    pub fn stream_messages_per_second(&self) -> u32 {
        self.config.stream_messages_per_second
    }
}

fn banned(until: Timestamp) -> ApiError {
    let message = format!(
        "Way too much request weight used; IP banned until {}. \
         Please use WebSocket Streams for live updates to avoid bans.",
        until.millis()
    );
    ApiError {
        retry_at: Some(until),
        ..ApiError::new(418, -1003, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_micros(secs * 1_000_000)
    }

    #[test]
    fn going_on_after_429_leads_to_a_ban_that_ends() {
        let config = LimitConfig {
            weight_per_minute: 10,
            violations_before_ban: 2,
            ..LimitConfig::default()
        };
        let mut limits = Limits::new(config, OrderWindows::TenSecondsAndDay);
        assert_eq!(limits.charge(PEER, 10, at(30)), Ok(()));
        let over = limits
            .charge(PEER, 1, at(31))
            .map_err(|error| (error.status, error.retry_at));
        assert_eq!(over, Err((429, Some(at(60)))));
        assert_eq!(limits.charge(PEER, 1, at(32)).map_err(|error| error.status), Err(429));
        let ban = limits
            .charge(PEER, 1, at(33))
            .map_err(|error| (error.status, error.retry_at));
        assert_eq!(ban, Err((418, Some(at(153)))));
        assert_eq!(limits.charge(PEER, 1, at(152)).map_err(|error| error.status), Err(418));
        assert_eq!(limits.charge(PEER, 1, at(153)), Ok(()));
    }

    #[test]
    fn orders_that_trade_do_not_count() {
        let config = LimitConfig {
            orders_per_10_seconds: 6,
            ..LimitConfig::default()
        };
        let mut limits = Limits::new(config, OrderWindows::TenSecondsAndDay);
        let account = AccountId(0);
        for _ in 0..6 {
            assert_eq!(limits.check_order(account, at(1)), Ok(()));
            limits.count_order(account, at(1));
        }
        assert_eq!(
            limits.check_order(account, at(1)).map_err(|error| error.code),
            Err(-1015)
        );
        limits.refund_order(account, FirstFill::AsMaker, at(2));
        assert_eq!(limits.order_counts(account, at(2)), (1, 1));
        limits.refund_order(account, FirstFill::AsTaker, at(2));
        limits.refund_order(account, FirstFill::AsTaker, at(2));
        assert_eq!(limits.order_counts(account, at(2)), (0, 0));
    }
}
