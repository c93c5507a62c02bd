//! How an operation ended.

use colibri_model::{Millis, WallNs};
use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Why something was refused, in the field's terms. Unknown text is kept.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum RejectReason {
            $($(#[$doc])* $variant,)*
            /// One that this version does not know.
            Other(String),
        }
        impl From<String> for RejectReason {
            fn from(text: String) -> RejectReason {
                match text.as_str() {
                    $($text => RejectReason::$variant,)*
                    _ => RejectReason::Other(text),
                }
            }
        }
        impl RejectReason {
            /// The text that messages use.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(RejectReason::$variant => $text,)*
                    RejectReason::Other(text) => text,
                }
            }
        }
    };
}

reasons! {
    /// The account does not hold enough.
    InsufficientBalance = "insufficient_balance",
    /// The account has too little margin (perp).
    InsufficientMargin = "insufficient_margin",
    /// A reduce-only order would not have reduced anything (perp).
    WouldNotReduce = "would_not_reduce",
    /// The order's position side is not of the position mode that is set (perp).
    PositionModeMismatch = "position_mode_mismatch",
    /// A trigger would have fired at once (perp).
    WouldTriggerAtOnce = "would_trigger_at_once",
    /// The leverage is not allowed, or too high for the position (perp).
    LeverageNotAllowed = "leverage_not_allowed",
    /// A mode cannot be changed while a position or an order is open (perp).
    HasPositionOrOrders = "has_position_or_orders",
    /// A post-only order would have traded at once.
    WouldTakeLiquidity = "would_take_liquidity",
    /// The exchange does not know the order (any more, or yet).
    OrderNotFound = "order_not_found",
    /// The client order id is in use.
    DuplicateClientId = "duplicate_client_id",
    /// A trading rule is broken.
    TradingRule = "trading_rule",
    /// Too many open or unfilled orders.
    TooManyOrders = "too_many_orders",
    /// The instrument does not trade now.
    MarketClosed = "market_closed",
    /// The account may not do this.
    NotPermitted = "not_permitted",
    /// The connector cannot do this, or does not know what is asked.
    Unsupported = "unsupported",
    /// The exchange, or the host, found the request malformed.
    BadRequest = "bad_request",
    /// Something that does not fit the boundary, such as a quantity with too many digits.
    DoesNotFit = "does_not_fit",
    /// The host's limiter has no room before the deadline.
    NoRoom = "no_room",
    /// The stream or connection that was needed is not there.
    NotConnected = "not_connected",
    /// The deadline passed without an answer.
    Deadline = "deadline",
    /// The exchange failed inside.
    ExchangeFault = "exchange_fault",
    /// An answer that could not be read.
    UnreadableAnswer = "unreadable_answer",
}

impl From<RejectReason> for String {
    fn from(reason: RejectReason) -> String {
        reason.as_str().to_owned()
    }
}

/// The words that go with an outcome other than Done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub reason: RejectReason,
    /// The exchange's code, as it wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The exchange's words, or the host's. Never a secret.
    #[serde(default)]
    pub text: String,
}

impl Refusal {
    /// A refusal in the host's or the connector's own words.
    #[must_use]
    pub fn new(reason: RejectReason, text: impl Into<String>) -> Refusal {
        Refusal {
            reason,
            code: None,
            text: text.into(),
        }
    }
    /// With the exchange's code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Refusal {
        self.code = Some(code.into());
        self
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.reason.as_str())?;
        if let Some(code) = &self.code {
            write!(f, " [{code}]")?;
        }
        if !self.text.is_empty() {
            write!(f, ": {}", self.text)?;
        }
        Ok(())
    }
}

/// How an operation ended. Everything but [`Outcome::Unknown`] is evidence; everything but `Done` and `Unknown` is
/// evidence that nothing was executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Done, as the exchange confirmed.
    Done,
    /// The exchange refused it.
    Rejected(Refusal),
    /// No byte was written.
    NotSent(Refusal),
    /// The exchange documents that it refuses before executing.
    NotExecuted(Refusal),
    /// Over a rate limit.
    Throttled {
        /// How long the exchange asks to wait.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<Millis>,
        /// Which pool is used up, by its id in the manifest, where the exchange says: only that one rests, so that a limit on
        /// new orders holds no cancel up. Absent: every pool that the operation costs of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pool: Option<String>,
        /// The words.
        #[serde(flatten)]
        refusal: Refusal,
    },
    /// Banned for a time.
    Banned {
        /// Until when, exchange time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<WallNs>,
        /// The words.
        #[serde(flatten)]
        refusal: Refusal,
    },
    /// Key, signature or permission refused.
    AuthFailed(Refusal),
    /// The timestamp was refused.
    ClockSkew(Refusal),
    /// Closed for maintenance.
    Maintenance(Refusal),
    /// Nobody knows whether it was executed: ask.
    Unknown(Refusal),
}

impl Outcome {
    /// The number of the kind at the boundary.
    #[must_use]
    pub const fn kind(&self) -> u32 {
        match self {
            Outcome::Done => 1,
            Outcome::Rejected(_) => 2,
            Outcome::NotSent(_) => 3,
            Outcome::NotExecuted(_) => 4,
            Outcome::Throttled { .. } => 5,
            Outcome::Banned { .. } => 6,
            Outcome::AuthFailed(_) => 7,
            Outcome::ClockSkew(_) => 8,
            Outcome::Maintenance(_) => 9,
            Outcome::Unknown(_) => 10,
        }
    }

    /// Whether the operation may have been executed although nobody confirmed it.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Outcome::Unknown(_))
    }

    /// The words, for anything but Done.
    #[must_use]
    pub const fn refusal(&self) -> Option<&Refusal> {
        match self {
            Outcome::Done => None,
            Outcome::Rejected(r)
            | Outcome::NotSent(r)
            | Outcome::NotExecuted(r)
            | Outcome::Throttled { refusal: r, .. }
            | Outcome::Banned { refusal: r, .. }
            | Outcome::AuthFailed(r)
            | Outcome::ClockSkew(r)
            | Outcome::Maintenance(r)
            | Outcome::Unknown(r) => Some(r),
        }
    }

    /// The JSON that crosses the boundary beside the kind.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads an outcome. What cannot be read, or is of a kind that this version does not know, is [`Outcome::Unknown`]:
    /// it is no evidence.
    #[must_use]
    pub fn from_boundary(kind: u32, detail: &[u8]) -> Outcome {
        if kind == Outcome::Done.kind() {
            return Outcome::Done;
        }
        match serde_json::from_slice::<Outcome>(detail) {
            Ok(outcome) if outcome.kind() == kind => outcome,
            _ => Outcome::Unknown(Refusal::new(
                RejectReason::UnreadableAnswer,
                format!("the connector completed with kind {kind} and a detail that does not say so"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_survives_the_boundary() {
        let refusal = Refusal::new(RejectReason::Other("odd".into()), "words").with_code("-1");
        for outcome in [
            Outcome::Done,
            Outcome::Rejected(refusal.clone()),
            Outcome::NotSent(refusal.clone()),
            Outcome::NotExecuted(refusal.clone()),
            Outcome::Throttled {
                retry_after: Some(Millis(5)),
                pool: Some("weight".into()),
                refusal: refusal.clone(),
            },
            Outcome::Banned {
                until: None,
                refusal: refusal.clone(),
            },
            Outcome::AuthFailed(refusal.clone()),
            Outcome::ClockSkew(refusal.clone()),
            Outcome::Maintenance(refusal.clone()),
            Outcome::Unknown(refusal.clone()),
        ] {
            assert_eq!(Outcome::from_boundary(outcome.kind(), &outcome.to_json()), outcome);
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_evidence() {
        assert!(Outcome::from_boundary(3, b"{}").is_unknown());
        assert!(Outcome::from_boundary(77, b"").is_unknown());
        let rejected = Outcome::Rejected(Refusal::new(RejectReason::BadRequest, ""));
        assert!(
            Outcome::from_boundary(3, &rejected.to_json()).is_unknown(),
            "kind and detail disagree"
        );
    }
}
