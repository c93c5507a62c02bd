//! What refusals say in spot alone (errors.md); the rest stands in [`crate::failure`].

use colibri_sdk::Reply;
use colibri_sdk::standard::{Outcome, RejectReason};

use crate::failure::{self, ApiError, Wait, of_message};

/// What codes say that contracts have for something else, or not at all.
fn own(error: &ApiError) -> Option<Outcome> {
    Some(match error.code {
        // Half of a replace was executed, and not told here which.
        -2021 => Outcome::Unknown(error.refusal(RejectReason::ExchangeFault)),
        // Archived without a fill.
        -2026 => Outcome::Rejected(error.refusal(RejectReason::OrderNotFound)),
        -2038 => Outcome::Rejected(error.refusal(of_message(&error.msg))),
        -2039 => Outcome::Rejected(error.refusal(RejectReason::BadRequest)),
        _ => return None,
    })
}

/// The outcome that a reply without success means.
pub(super) fn of_reply(reply: &Reply<'_>) -> Outcome {
    failure::of_reply(reply, own)
}

/// The outcome of an error that stands in an answer to something larger.
pub(super) fn outcome(status: u32, error: &ApiError) -> Outcome {
    failure::outcome(status, Some(error), Wait::default(), own)
}

#[cfg(test)]
mod tests {
    use colibri_sdk::model::{Millis, WallNs};

    use super::*;

    fn of_both(status: u32, error: Option<&ApiError>, wait: Wait) -> Outcome {
        failure::outcome(status, error, wait, own)
    }

    fn of(status: u32, code: i64, msg: &str) -> Outcome {
        let error = ApiError {
            code,
            msg: msg.to_owned(),
            retry_after: None,
        };
        of_both(status, Some(&error), Wait::default())
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
            assert!(of_both(status, None, Wait::default()).is_unknown(), "{status}");
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
                of_both(429, None, wait),
                Outcome::Throttled {
                    retry_after: Some(Millis(7_000)),
                    ..
                }
            ),
            "the header"
        );
        assert!(matches!(
            of_both(418, None, wait),
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
        assert!(matches!(of_both(403, None, Wait::default()), Outcome::NotExecuted(_)));
        assert_eq!(
            reason(&of_both(410, None, Wait::default())),
            Some(RejectReason::Unsupported)
        );
        assert_eq!(
            reason(&of_both(404, None, Wait::default())),
            Some(RejectReason::BadRequest)
        );
    }
}
