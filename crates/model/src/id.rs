//! Identifiers: a type each, so that none is passed for another.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Text that cannot be an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing at all.
    #[error("an empty {what} identifies nothing")]
    Empty {
        /// Which identifier.
        what: &'static str,
    },
    /// Longer than what can cross the boundary.
    #[error("the {what} {text:?} is longer than {max} bytes")]
    TooLong {
        /// Which identifier.
        what: &'static str,
        /// The text.
        text: String,
        /// The most bytes.
        max: usize,
    },
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text as an identifier.
            ///
            /// # Errors
            /// Empty, or longer than the boundary carries.
            pub fn new(text: &str) -> Result<Self, IdError> {
                if text.is_empty() {
                    return Err(IdError::Empty { what: $what });
                }
                if text.len() > $max {
                    return Err(IdError::TooLong { what: $what, text: text.to_owned(), max: $max });
                }
                Ok(Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), &*self.0)
            }
        }
        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    };
}

text_id!(
    /// The id that we give an order before it is sent. Unique for ever in an account.
    ClientOrderId, "client order id", 47
);
text_id!(
    /// The id that the exchange gives an order.
    ExchangeOrderId, "exchange order id", 47
);
text_id!(
    /// The exchange's id of a trade, unique within an instrument.
    TradeId, "trade id", 47
);
text_id!(
    /// What tells one funding payment of a pair and an instant from another: the exchange's number of the ledger entry, or what
    /// its connector makes of the entry's fields where it numbers none.
    FundingPaymentId, "funding payment id", 96
);
text_id!(
    /// A connector instance by the name it has in this installation, such as `binance`.
    VenueId, "venue", 64
);
text_id!(
    /// An account at an exchange, as the user named its keys.
    AccountId, "account", 64
);
text_id!(
    /// A strategy instance, as the bot's file names it.
    StrategyId, "strategy", 64
);

/// The host's handle of an instrument of one connector instance. Zero is no instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstrumentId(pub u32);

/// An operation of one connector instance. Zero is no operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpId(pub u64);

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "op {}", self.0)
    }
}
