//! What Binance's refusals say about the operation they refuse, in what the markets have in common (rest-api.md, "HTTP Return
//! Codes"; errors.md; of contracts, general-info and error-code). What a code says in one market alone stands in that market's
//! `failure`.
//!
//! Only what those pages promise is evidence. A 5XX, a time-out behind the gateway and an answer that cannot be read leave
//! the operation unknown.

use colibri_sdk::Reply;
use colibri_sdk::json::Object;
use colibri_sdk::model::{Millis, WallNs};
use colibri_sdk::standard::{Outcome, Refusal, RejectReason};

use crate::loose;

/// An error as Binance writes it, over HTTP and over the WebSocket API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
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
    pub(crate) fn read(text: &[u8]) -> Option<ApiError> {
        let object = Object::whole(text).ok()?;
        let data = object.some_object("data").ok().flatten().unwrap_or_default();
        Some(ApiError {
            code: loose::integer(&object, "code").ok()?,
            msg: object.some_text("msg").ok()?.unwrap_or_default().into_owned(),
            retry_after: data.some_integer("retryAfter").ok().flatten(),
        })
    }

    /// A refusal with its code and words.
    pub(crate) fn refusal(&self, reason: RejectReason) -> Refusal {
        Refusal::new(reason, self.msg.clone()).with_code(self.code.to_string())
    }
}

/// When the exchange lets us ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wait {
    /// After a span.
    pub after: Option<Millis>,
    /// From a time on.
    pub until: Option<WallNs>,
}

/// What an error says in one market alone; `None` where it says what it says in both.
pub(crate) type OwnCodes = fn(&ApiError) -> Option<Outcome>;

/// The outcome that a reply without success means, over HTTP and over the WebSocket API, whose `status` mirrors HTTP
/// (web-socket-api.md, "Status codes").
pub(crate) fn of_reply(reply: &Reply<'_>, own: OwnCodes) -> Outcome {
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
    outcome(reply.status(), error.as_ref(), wait, own)
}

/// The outcome of a status and, where there is one, an error.
pub(crate) fn outcome(status: u32, error: Option<&ApiError>, wait: Wait, own: OwnCodes) -> Outcome {
    let Some(error) = error else {
        return of_status(status, wait);
    };
    if let Some(outcome) = own(error) {
        return outcome;
    }
    let refusal = |reason| error.refusal(reason);
    let banned = status == 418 || error.msg.contains("IP banned until");
    match error.code {
        // "Unknown", "internal error", "execution status unknown": not evidence, whatever the status.
        -1000 | -1001 | -1006 | -1007 => Outcome::Unknown(refusal(RejectReason::ExchangeFault)),
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
                } else if error.msg.contains("MINUTE") {
                    "orders_1m"
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
        // "Order does not exist."
        -2013 => Outcome::Rejected(refusal(RejectReason::OrderNotFound)),
        // "Unknown order sent." in answer to a cancel is -2011.
        -1010 | -1013 | -2010 | -2011 => Outcome::Rejected(refusal(of_message(&error.msg))),
        -1299..=-1100 => Outcome::Rejected(refusal(RejectReason::BadRequest)),
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
pub(crate) fn of_message(msg: &str) -> RejectReason {
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
