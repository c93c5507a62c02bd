//! What an order is: side, type, time in force, and the intent that becomes one.

use serde::{Deserialize, Serialize};

use crate::{ClientOrderId, InstrumentId, OrderTerms, Price, Quantity};

/// Buy or sell the base asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Buy.
    Buy,
    /// Sell.
    Sell,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }
    /// `buy` or `sell`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }
}

/// How an order trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderType {
    /// At its price or better; rests.
    Limit,
    /// At any price, now.
    Market,
    /// A limit order that is refused when it would trade at once (post-only).
    LimitMaker,
}

impl OrderType {
    /// `limit`, `market` or `limit_maker`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            OrderType::Limit => "limit",
            OrderType::Market => "market",
            OrderType::LimitMaker => "limit_maker",
        }
    }
}

/// How long an order lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// Good till cancelled.
    Gtc,
    /// Immediate or cancel: what does not trade at once expires.
    Ioc,
    /// Fill or kill: all at once or nothing.
    Fok,
    /// Good till a date, which stands in the order's [`OrderTerms`].
    Gtd,
}

impl TimeInForce {
    /// `gtc`, `ioc`, `fok` or `gtd`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            TimeInForce::Gtc => "gtc",
            TimeInForce::Ioc => "ioc",
            TimeInForce::Fok => "fok",
            TimeInForce::Gtd => "gtd",
        }
    }
}

/// Which asset an order's quantity counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuantityUnit {
    /// The base asset.
    #[default]
    Base,
    /// The quote asset: a market order that spends or raises so much.
    Quote,
}

/// An order as it was decided, quantized and checked, before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderIntent {
    /// Our id for it.
    pub client_id: ClientOrderId,
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// How it trades.
    pub order_type: OrderType,
    /// How long it lives; `None` for market orders.
    pub time_in_force: Option<TimeInForce>,
    /// Limit price; `None` for market orders.
    pub price: Option<Price>,
    /// How much.
    pub quantity: Quantity,
    /// Of which asset.
    #[serde(default)]
    pub quantity_unit: QuantityUnit,
    /// What it says beyond that, where it is of a contract.
    #[serde(default, skip_serializing_if = "OrderTerms::is_plain")]
    pub terms: OrderTerms,
}
