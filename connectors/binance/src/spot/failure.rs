//! What Binance's refusals say about the operation they refuse (rest-api.md, "HTTP Return Codes"; errors.md).
//!
//! Only what those pages promise is evidence. A 5XX, a time-out behind the gateway and an answer that cannot be read leave
//! the operation unknown.

use colibri_sdk::Reply;
use colibri_sdk::json::Object;
use colibri_sdk::model::{Millis, WallNs};
use colibri_sdk::standard::{Outcome, Refusal, RejectReason};

/// An error as Binance writes it, over HTTP and over the WebSocket API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    /// The number.
    pub code: i64,
    /// The words.
    pub msg: String,
    /// When a limit or ban ends, in milliseconds since 1970 (web-socket-api.md, "IP limits").
    pub retry_after: Option<i64>,
}

impl ApiError {
    /// The error of a text: `{"code":-1121,"msg":"Invalid symbol."}`. `None` for a body that is no error of the API, such
    /// as an HTML page of what stands before it.
    pub(super) fn read(text: &[u8]) -> Option<ApiError> {
        let object = Object::whole(text).ok()?;
        let data = object.some_object("data").ok().flatten().unwrap_or_default();
        Some(ApiError {
            code: object.integer("code").ok()?,
            msg: object.some_text("msg").ok()?.unwrap_or_default().into_owned(),
            retry_after: data.some_integer("retryAfter").ok().flatten(),
        })
    }
}

/// When the exchange lets us ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wait {
    /// After a span.
    pub after: Option<Millis>,
    /// From a time on.
    pub until: Option<WallNs>,
}

/// The outcome that a reply without success means, over HTTP and over the WebSocket API, whose `status` mirrors HTTP
/// (web-socket-api.md, "Status codes").
pub(super) fn of_reply(reply: &Reply<'_>) -> Outcome {
    let error = ApiError::read(reply.body());
    let now = reply.exchange_ns();
    // `Retry-After` holds seconds (rest-api.md, "IP Limits"); a frame holds the time instead (web-socket-api.md, "IP limits").
    let after = reply
        .header("retry-after")
        .and_then(|text| text.trim().parse::<u64>().ok())
        .map(|seconds| Millis(seconds.saturating_mul(1_000)));
    let until = error
        .as_ref()
        .and_then(|e| e.retry_after)
        .map(|ms| WallNs(ms.saturating_mul(1_000_000)));
    let wait = Wait {
        after: after.or_else(|| until.map(|u| Millis(u64::try_from(u.0.saturating_sub(now)).unwrap_or(0) / 1_000_000))),
        until: until
            .or_else(|| after.map(|span| WallNs(now.saturating_add_unsigned(span.0.saturating_mul(1_000_000))))),
    };
    outcome(reply.status(), error.as_ref(), wait)
}

/// The outcome of a status and, where there is one, an error.
pub(super) fn outcome(status: u32, error: Option<&ApiError>, wait: Wait) -> Outcome {
    let Some(error) = error else {
        return of_status(status, wait);
    };
    let refusal = |reason| Refusal::new(reason, error.msg.clone()).with_code(error.code.to_string());
    let banned = status == 418 || error.msg.contains("IP banned until");
    match error.code {
        // "Unknown", "internal error", "execution status unknown": not evidence, whatever the status.
        // -2021: half of a replace was executed, and not told here which.
        -1000 | -1001 | -1006 | -1007 | -2021 => Outcome::Unknown(refusal(RejectReason::ExchangeFault)),
        // Weight used up, or banned for having gone on; not executed.
        -1003 if banned => Outcome::Banned {
            until: banned_until(&error.msg).or(wait.until),
            refusal: refusal(RejectReason::NoRoom),
        },
        // -1034: too many connections.
        -1003 | -1034 => Outcome::Throttled {
            retry_after: wait.after,
            pool: None,
            refusal: refusal(RejectReason::NoRoom),
        },
        // "Too many new orders; current limit is %s orders per %s.": unfilled orders, which no cancel adds to.
        -1015 => Outcome::Throttled {
            retry_after: wait.after,
            pool: Some(
                if error.msg.contains("DAY") {
                    "orders_1d"
                } else {
                    "orders_10s"
                }
                .to_owned(),
            ),
            refusal: refusal(RejectReason::NoRoom),
        },
        // "Server is currently overloaded": rejected at the door.
        -1008 => Outcome::NotExecuted(refusal(RejectReason::ExchangeFault)),
        -1016 => Outcome::Maintenance(refusal(RejectReason::ExchangeFault)),
        -1021 => Outcome::ClockSkew(refusal(RejectReason::BadRequest)),
        -1002 | -1022 | -2014 | -2015 => Outcome::AuthFailed(refusal(RejectReason::NotPermitted)),
        -1014 | -1020 => Outcome::Rejected(refusal(RejectReason::Unsupported)),
        // "Unknown order sent." in answer to a cancel; "Order does not exist."; archived without a fill.
        -2013 | -2026 => Outcome::Rejected(refusal(RejectReason::OrderNotFound)),
        -1010 | -1013 | -2010 | -2011 | -2038 => Outcome::Rejected(refusal(of_message(&error.msg))),
        -1199..=-1100 | -1299..=-1200 | -2039 => Outcome::Rejected(refusal(RejectReason::BadRequest)),
        // Codes that these pages do not have: the status decides.
        _ => match of_status(status, wait) {
            Outcome::Rejected(_) => Outcome::Rejected(refusal(of_message(&error.msg))),
            Outcome::Unknown(_) => Outcome::Unknown(refusal(RejectReason::ExchangeFault)),
            other => other,
        },
    }
}

/// What a status says by itself.
fn of_status(status: u32, wait: Wait) -> Outcome {
    let refusal = |reason, text: &str| Refusal::new(reason, text).with_code(format!("HTTP {status}"));
    match status {
        // The web application firewall: too many requests, or words that it takes for an attack.
        403 => Outcome::NotExecuted(refusal(
            RejectReason::NotPermitted,
            "refused by the exchange's firewall: slow down, and look at what was asked",
        )),
        // Removed endpoints answer so, in HTML.
        410 => Outcome::Rejected(refusal(
            RejectReason::Unsupported,
            "the exchange has removed this endpoint",
        )),
        418 => Outcome::Banned {
            until: wait.until,
            refusal: refusal(RejectReason::NoRoom, "the address is banned"),
        },
        429 => Outcome::Throttled {
            retry_after: wait.after,
            pool: None,
            refusal: refusal(RejectReason::NoRoom, "over a rate limit"),
        },
        // A request that timed out on its way in may still have gone further.
        408 => Outcome::Unknown(refusal(RejectReason::ExchangeFault, "the exchange timed out")),
        // "Used when a cancelReplace order partially succeeds": half of it was executed.
        409 => Outcome::Unknown(refusal(RejectReason::ExchangeFault, "half of it was executed")),
        // "Used for malformed requests; the issue is on the sender's side."
        400..=499 => Outcome::Rejected(refusal(RejectReason::BadRequest, "refused as malformed")),
        // "It is important to NOT treat this as a failure operation; the execution status is UNKNOWN."
        _ => Outcome::Unknown(refusal(RejectReason::ExchangeFault, "the exchange failed inside")),
    }
}

/// When a ban ends, as its message says it: "IP banned until 1659146400000."
fn banned_until(msg: &str) -> Option<WallNs> {
    let (_, after) = msg.split_once("banned until ")?;
    let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
    let millis = digits.parse::<i64>().ok()?;
    Some(WallNs(millis.checked_mul(1_000_000)?))
}

/// Why the matching engine, or a filter before it, refused (errors.md, "Messages for -1010 ERROR_MSG_RECEIVED, -2010
/// NEW_ORDER_REJECTED, -2011 CANCEL_REJECTED, and -2038 ORDER_AMEND_REJECTED" and "Filter Failures").
fn of_message(msg: &str) -> RejectReason {
    const FIRST_MATCH: &[(&str, RejectReason)] = &[
        ("insufficient balance", RejectReason::InsufficientBalance),
        ("immediately match and take", RejectReason::WouldTakeLiquidity),
        ("Duplicate order sent", RejectReason::DuplicateClientId),
        ("Unknown order sent", RejectReason::OrderNotFound),
        ("Market is closed", RejectReason::MarketClosed),
        ("MAX_NUM_", RejectReason::TooManyOrders),
        ("MAX_POSITION", RejectReason::TradingRule),
        ("Filter failure", RejectReason::TradingRule),
        ("not supported", RejectReason::Unsupported),
        ("not support ", RejectReason::Unsupported),
        ("Unsupported order combination", RejectReason::Unsupported),
        ("not permitted", RejectReason::NotPermitted),
        ("restricted", RejectReason::NotPermitted),
        ("disabled on this account", RejectReason::NotPermitted),
        ("may not place or cancel", RejectReason::NotPermitted),
        ("trading is not enabled", RejectReason::NotPermitted),
        ("zero or less", RejectReason::TradingRule),
        ("trigger immediately", RejectReason::TradingRule),
        ("liquidity is less", RejectReason::TradingRule),
    ];
    FIRST_MATCH
        .iter()
        .find(|(part, _)| msg.contains(part))
        .map_or(RejectReason::BadRequest, |(_, reason)| reason.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u32, code: i64, msg: &str) -> Outcome {
        let error = ApiError {
            code,
            msg: msg.to_owned(),
            retry_after: None,
        };
        outcome(status, Some(&error), Wait::default())
    }

    fn reason(outcome: &Outcome) -> Option<RejectReason> {
        outcome.refusal().map(|r| r.reason.clone())
    }

    #[test]
    fn what_is_not_evidence_is_unknown() {
        for code in [-1000, -1001, -1006, -1007, -2021] {
            for status in [400, 409, 500, 504] {
                assert!(of(status, code, "Internal error").is_unknown(), "{status} {code}");
            }
        }
        for status in [500, 502, 503, 504, 408, 409, 300, 100] {
            assert!(outcome(status, None, Wait::default()).is_unknown(), "{status}");
            assert!(of(status, -9999, "?").is_unknown(), "{status}");
        }
    }

    #[test]
    fn a_limit_is_evidence_and_says_how_long() {
        let wait = Wait {
            after: Some(Millis(7_000)),
            until: Some(WallNs(9)),
        };
        assert!(
            matches!(
                outcome(429, None, wait),
                Outcome::Throttled {
                    retry_after: Some(Millis(7_000)),
                    ..
                }
            ),
            "the header"
        );
        assert!(matches!(
            outcome(418, None, wait),
            Outcome::Banned {
                until: Some(WallNs(9)),
                ..
            }
        ));
        assert!(matches!(
            of(
                418,
                -1003,
                "Way too much request weight used; IP banned until 1659146400000. Please use…"
            ),
            Outcome::Banned {
                until: Some(WallNs(1_659_146_400_000_000_000)),
                ..
            }
        ));
        assert!(matches!(
            of(
                429,
                -1015,
                "Too many new orders; current limit is 50 orders per 10 SECOND."
            ),
            Outcome::Throttled { pool: Some(pool), .. } if pool == "orders_10s"
        ));
        assert!(matches!(
            of(503, -1008, "Server is currently overloaded"),
            Outcome::NotExecuted(_)
        ));
    }

    #[test]
    fn the_engine_s_words_have_reasons() {
        for (code, msg, expected) in [
            (
                -2010,
                "Account has insufficient balance for requested action.",
                RejectReason::InsufficientBalance,
            ),
            (
                -2010,
                "Order would immediately match and take.",
                RejectReason::WouldTakeLiquidity,
            ),
            (-2010, "Duplicate order sent.", RejectReason::DuplicateClientId),
            (-2010, "Market is closed.", RejectReason::MarketClosed),
            (
                -2010,
                "This symbol is not permitted for this account.",
                RejectReason::NotPermitted,
            ),
            (
                -2010,
                "Market orders are not supported for this symbol.",
                RejectReason::Unsupported,
            ),
            (-2011, "Unknown order sent.", RejectReason::OrderNotFound),
            (
                -2011,
                "Order was not canceled due to cancel restrictions.",
                RejectReason::BadRequest,
            ),
            (-2013, "Order does not exist.", RejectReason::OrderNotFound),
            (-1013, "Filter failure: LOT_SIZE", RejectReason::TradingRule),
            (-1013, "Filter failure: MAX_NUM_ORDERS", RejectReason::TooManyOrders),
            (
                -1013,
                "Filter failure: EXCHANGE_MAX_NUM_ORDERS",
                RejectReason::TooManyOrders,
            ),
            (
                -1111,
                "Parameter 'quantity' has too much precision.",
                RejectReason::BadRequest,
            ),
            (-1121, "Invalid symbol.", RejectReason::BadRequest),
            (
                -2038,
                "Order amend (quantity increase) is not supported.",
                RejectReason::Unsupported,
            ),
        ] {
            let outcome = of(400, code, msg);
            assert!(matches!(outcome, Outcome::Rejected(_)), "{msg}");
            assert_eq!(reason(&outcome), Some(expected), "{msg}");
        }
        assert!(matches!(of(400, -1021, "Timestamp"), Outcome::ClockSkew(_)));
        assert!(matches!(of(400, -1022, "Signature"), Outcome::AuthFailed(_)));
        assert!(matches!(of(401, -2015, "Invalid API-key"), Outcome::AuthFailed(_)));
    }

    #[test]
    fn pages_in_html_are_read_by_their_status() {
        assert!(matches!(outcome(403, None, Wait::default()), Outcome::NotExecuted(_)));
        assert_eq!(
            reason(&outcome(410, None, Wait::default())),
            Some(RejectReason::Unsupported)
        );
        assert_eq!(
            reason(&outcome(404, None, Wait::default())),
            Some(RejectReason::BadRequest)
        );
    }
}
