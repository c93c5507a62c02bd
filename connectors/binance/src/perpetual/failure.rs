//! What refusals say in contracts alone (error-code; general-info, "HTTP Return Codes"); the rest stands in
//! [`crate::failure`].

use colibri_sdk::Reply;
use colibri_sdk::json::Object;
use colibri_sdk::standard::{Outcome, Refusal, RejectReason};

use crate::failure::{self, ApiError, Wait};

/// Why a code of contracts refuses; `None` for codes that say something else, or what they say in spot.
const fn reason(code: i64) -> Option<RejectReason> {
    use RejectReason as R;
    Some(match code {
        -2018 | -2019 | -4050 | -4051 | -4169 => R::InsufficientMargin,
        -2022 | -2024 | -4118 => R::WouldNotReduce,
        -4061 => R::PositionModeMismatch,
        -2021 | -4142 => R::WouldTriggerAtOnce,
        -2027 | -2028 | -4028 | -4208..=-4202 | -4403 => R::LeverageNotAllowed,
        -4047 | -4048 | -4067 | -4068 | -4161 | -4167 | -4168 | -4170 => R::HasPositionOrOrders,
        -4116 => R::DuplicateClientId,
        // "Due to the order could not be executed as maker": post-only.
        -5022 => R::WouldTakeLiquidity,
        -2025 | -4045 => R::TooManyOrders,
        // The last three: fill-or-kill that could not be filled; a modify too many; no opposite side to match.
        -4005..=-4001
        | -4014..=-4013
        | -4016
        | -4024..=-4023
        | -4030..=-4029
        | -2020
        | -4131
        | -4164
        | -4184..=-4183
        | -4211..=-4210
        | -5029
        | -5021
        | -5026
        | -5041 => R::TradingRule,
        -2016 | -4140 | -4141 => R::MarketClosed,
        // In liquidation; only reducing orders; the account is not active; a rule of conduct.
        -1011 | -2023 | -4087 | -4088 | -4109 | -4192 | -4402..=-4400 => R::NotPermitted,
        -2026 | -4084 | -4120 | -5024 | -5025 | -5037 | -5038 => R::Unsupported,
        -4000 | -4199..=-4006 | -5099..=-5000 => R::BadRequest,
        _ => return None,
    })
}

fn own(error: &ApiError) -> Option<Outcome> {
    match error.code {
        -2017 => Some(Outcome::AuthFailed(error.refusal(RejectReason::NotPermitted))),
        // "Timestamp for this request is outside of the ME recvWindow."
        -5028 => Some(Outcome::ClockSkew(error.refusal(RejectReason::BadRequest))),
        code => reason(code).map(|reason| Outcome::Rejected(error.refusal(reason))),
    }
}

/// The words of a 503 say whether the request failed; its body may have no code. What is no message of the exchange's own may
/// come from anything on the way, and is evidence of nothing.
fn of_unavailable(body: &[u8]) -> Option<Outcome> {
    let object = Object::whole(body).ok()?;
    let msg = object.some_text("msg").ok().flatten()?;
    let msg = msg.as_ref();
    let failed = ["Service Unavailable.", "Internal error; unable to process your request"];
    let refusal = || Refusal::new(RejectReason::ExchangeFault, msg).with_code("HTTP 503");
    if msg.starts_with("Unknown error, please check your request") {
        return Some(Outcome::Unknown(refusal()));
    }
    failed
        .iter()
        .any(|words| msg.starts_with(words))
        .then(|| Outcome::NotExecuted(refusal()))
}

/// The outcome that a reply without success means.
pub(super) fn of_reply(reply: &Reply<'_>) -> Outcome {
    let unavailable = (reply.status() == 503).then(|| of_unavailable(reply.body())).flatten();
    unavailable.unwrap_or_else(|| failure::of_reply(reply, own))
}

/// The outcome of an error that stands in an answer to something larger: a code that is not known proves nothing there, since no
/// status stands beside it.
pub(super) fn of_item(error: &ApiError) -> Outcome {
    failure::outcome(500, Some(error), Wait::default(), own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: i64) -> Outcome {
        of_item(&ApiError {
            code,
            msg: "words".to_owned(),
            retry_after: None,
        })
    }

    #[test]
    fn codes_have_reasons() {
        for (code, expected) in [
            (-2019, RejectReason::InsufficientMargin),
            (-2018, RejectReason::InsufficientMargin),
            (-2022, RejectReason::WouldNotReduce),
            (-4118, RejectReason::WouldNotReduce),
            (-4061, RejectReason::PositionModeMismatch),
            (-2021, RejectReason::WouldTriggerAtOnce),
            (-4028, RejectReason::LeverageNotAllowed),
            (-2027, RejectReason::LeverageNotAllowed),
            (-4047, RejectReason::HasPositionOrOrders),
            (-4067, RejectReason::HasPositionOrOrders),
            (-4068, RejectReason::HasPositionOrOrders),
            (-4116, RejectReason::DuplicateClientId),
            (-5022, RejectReason::WouldTakeLiquidity),
            (-5021, RejectReason::TradingRule),
            (-4164, RejectReason::TradingRule),
            (-4014, RejectReason::TradingRule),
            (-4023, RejectReason::TradingRule),
            (-4131, RejectReason::TradingRule),
            (-2025, RejectReason::TooManyOrders),
            (-4120, RejectReason::Unsupported),
            (-4400, RejectReason::NotPermitted),
            (-4141, RejectReason::MarketClosed),
            (-4015, RejectReason::BadRequest),
            (-5027, RejectReason::BadRequest),
            (-1125, RejectReason::BadRequest),
            (-2013, RejectReason::OrderNotFound),
        ] {
            let outcome = of(code);
            assert!(matches!(outcome, Outcome::Rejected(_)), "{code} {outcome:?}");
            assert_eq!(outcome.refusal().map(|r| r.reason.clone()), Some(expected), "{code}");
        }
        assert!(matches!(of(-5028), Outcome::ClockSkew(_)));
        assert!(matches!(of(-2015), Outcome::AuthFailed(_)));
        assert!(matches!(of(-1008), Outcome::NotExecuted(_)));
        assert!(of(-1007).is_unknown() && of(-1000).is_unknown());
    }

    #[test]
    fn the_words_of_a_503_decide() {
        let of = |body: &str| of_unavailable(body.as_bytes());
        assert!(
            of(r#"{"timestamp":1,"path":"/fapi/v1/order","msg":"Unknown error, please check your request or try again later."}"#)
                .is_some_and(|o| o.is_unknown())
        );
        for failed in [
            r#"{"code":-1001,"msg":"Internal error; unable to process your request. Please try again."}"#,
            r#"{"msg":"Service Unavailable."}"#,
        ] {
            assert!(matches!(of(failed), Some(Outcome::NotExecuted(_))), "{failed}");
        }
        assert_eq!(of("<html>503 Service Unavailable</html>"), None);
        assert_eq!(of("Service Unavailable."), None, "a proxy's words");
        assert_eq!(of(r#"{"code":-1008,"msg":"Request throttled"}"#), None);
    }
}
