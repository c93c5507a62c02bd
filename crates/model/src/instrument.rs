//! Instruments.

use serde::{Deserialize, Serialize};

use crate::{Contract, Exponents, Pair, TradingRule};

/// Whether an instrument trades.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum InstrumentStatus {
    /// Orders are placed and cancelled.
    Trading,
    /// Orders can only be cancelled.
    CancelOnly,
    /// Nothing can be done.
    Halted,
    /// A status that this version does not know: treated as halted, shown as it is.
    Other(String),
}

impl From<String> for InstrumentStatus {
    fn from(text: String) -> InstrumentStatus {
        match text.as_str() {
            "trading" => InstrumentStatus::Trading,
            "cancel_only" => InstrumentStatus::CancelOnly,
            "halted" => InstrumentStatus::Halted,
            _ => InstrumentStatus::Other(text),
        }
    }
}
impl From<InstrumentStatus> for String {
    fn from(status: InstrumentStatus) -> String {
        match status {
            InstrumentStatus::Trading => "trading".to_owned(),
            InstrumentStatus::CancelOnly => "cancel_only".to_owned(),
            InstrumentStatus::Halted => "halted".to_owned(),
            InstrumentStatus::Other(text) => text,
        }
    }
}

impl InstrumentStatus {
    /// Whether a new order may be placed.
    #[must_use]
    pub fn takes_orders(&self) -> bool {
        *self == InstrumentStatus::Trading
    }
    /// Whether an order may be cancelled.
    #[must_use]
    pub fn takes_cancels(&self) -> bool {
        matches!(self, InstrumentStatus::Trading | InstrumentStatus::CancelOnly)
    }
}

/// Something that can be traded at one exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// The pair.
    pub pair: Pair,
    /// The exchange's name for it.
    pub symbol: String,
    /// Whether it trades.
    pub status: InstrumentStatus,
    /// How its prices and quantities cross the boundary.
    pub exponents: Exponents,
    /// What its orders may be.
    pub rule: TradingRule,
    /// What it is a contract of; `None` for spot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<Contract>,
}
