//! Events of the perp standard.

use colibri_model::{
    AccountMargin, Amount, Asset, ClientOrderId, CollateralMode, Decimal, ExchangeOrderId, FillCause, FundingPaymentId,
    FundingRate, InstrumentId, Leverage, MarginMode, MarginTier, MarkPrice, OpId, OrderTerms, OrderType, PositionMode,
    PositionSide, Price, Quantity, Side, StatedPosition, TriggerBy, TriggerEvidence, TriggerKind, WallNs,
};
use serde::{Deserialize, Serialize};

use crate::ReportSource;

/// Which positions an event covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionScope {
    /// The whole account: a position that is absent is flat.
    All,
    /// One instrument, which the event names: a position of it that is absent is flat.
    Instrument,
    /// Those that changed: a position that is absent is as it was.
    Changed,
}

/// A position of an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionReport {
    /// The instrument, where it is one in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
    /// The exchange's name of the instrument.
    pub symbol: String,
    /// What the exchange states.
    #[serde(flatten)]
    pub position: StatedPosition,
}

/// Positions, absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionsEvent {
    /// Which.
    pub scope: PositionScope,
    /// Of scope `instrument`: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
    /// The positions.
    pub positions: Vec<PositionReport>,
    /// How it came.
    pub source: ReportSource,
    /// The exchange's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_time: Option<WallNs>,
}

/// What is set of an instrument, or of one of its positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentSettings {
    /// The instrument, where it is one in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
    /// The exchange's name of the instrument.
    pub symbol: String,
    /// Of one position of hedge mode; of all where it is net.
    #[serde(default, skip_serializing_if = "PositionSide::is_net")]
    pub position_side: PositionSide,
    /// How many positions it may have, where the exchange keeps that for each instrument.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_mode: Option<PositionMode>,
    /// What answers for its positions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_mode: Option<MarginMode>,
    /// Their leverage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leverage: Option<Leverage>,
}

/// What is set: the answer to `settings`, and what changed whoever changed it. What is absent is not said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsEvent {
    /// The account's position mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_mode: Option<PositionMode>,
    /// The account's margin mode, where the exchange keeps one for all instruments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_mode: Option<MarginMode>,
    /// Which assets answer for cross positions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collateral_mode: Option<CollateralMode>,
    /// What is set of instruments.
    #[serde(default)]
    pub instruments: Vec<InstrumentSettings>,
    /// How it came: `stream` is a change, ours or from outside.
    pub source: ReportSource,
    /// The exchange's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_time: Option<WallNs>,
}

/// How the account stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarginEvent {
    /// What the exchange states.
    pub margin: AccountMargin,
    /// How it came.
    pub source: ReportSource,
    /// The exchange's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_time: Option<WallNs>,
}

/// The exchange warns that margin is short. A warning: it may not come before a liquidation, and none may come after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarginCallEvent {
    /// What answers for cross positions, where the exchange says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_wallet: Option<Amount>,
    /// The positions.
    #[serde(default)]
    pub positions: Vec<PositionReport>,
    /// The exchange's words, or the connector's.
    #[serde(default)]
    pub text: String,
    /// The exchange's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_time: Option<WallNs>,
}

/// The exchange reduces a position by itself. What it trades comes as `order` and `fill` events of the same cause, where the
/// exchange tells them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForcedEvent {
    /// The instrument, where it is one in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
    /// The exchange's name of the instrument.
    pub symbol: String,
    /// Of which position.
    #[serde(default, skip_serializing_if = "PositionSide::is_net")]
    pub position_side: PositionSide,
    /// Why: `liquidation`, `adl` or `settlement`.
    pub cause: FillCause,
    /// Whether it buys or sells, where the report says; so for the fields below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// How much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// At which price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Its order at the exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeOrderId>,
    /// How it came.
    pub source: ReportSource,
    /// The exchange's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_time: Option<WallNs>,
}

/// Mark price and index of an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkPriceEvent {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// The prices.
    #[serde(flatten)]
    pub price: MarkPrice,
    /// The exchange's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_time: Option<WallNs>,
}

/// The funding rate of an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingRateEvent {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// The rate.
    #[serde(flatten)]
    pub funding: FundingRate,
    /// The exchange's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_time: Option<WallNs>,
}

/// A funding payment of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingPaymentEvent {
    /// The instrument, where it is one in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
    /// The exchange's name of the instrument. Empty only where a stream does not say, and then there is no `id` either.
    pub symbol: String,
    /// The exchange's number of the ledger entry, or what the connector makes of its fields. Absent where a stream tells that
    /// something was paid and not which entry it is: a reason to ask, and no entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<FundingPaymentId>,
    /// What it was paid in.
    pub asset: Asset,
    /// What was received; below zero where it was paid.
    pub amount: Amount,
    /// Of which position, where the exchange says.
    #[serde(default, skip_serializing_if = "PositionSide::is_net")]
    pub position_side: PositionSide,
    /// The rate that was settled, where it says.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "rust_decimal::serde::str_option"
    )]
    pub rate: Option<Decimal>,
    /// The position that it was of, signed, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// How it came.
    pub source: ReportSource,
    /// When it was settled, exchange time.
    pub exchange_time: WallNs,
}

/// How far a `funding_payments_since` has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingProgress {
    /// Of which instrument, where one was asked of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
    /// When the newest payment that was seen was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<WallNs>,
    /// How many payments were told.
    pub count: u32,
}

/// An instrument's margin tiers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarginTiersEvent {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// The tiers, lowest first.
    pub tiers: Vec<MarginTier>,
}

/// A trigger's status as the exchange states it. Unknown text is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum TriggerStatus {
    /// It waits.
    Placed,
    /// Its price was reached; its order is not yet told.
    Triggered,
    /// It became an order.
    BecameOrder,
    /// Ended by the exchange's rules.
    Expired,
    /// Cancelled.
    Cancelled,
    /// Refused, or its order was.
    Rejected,
    /// One that this version does not know: no evidence of anything.
    Other(String),
}

impl From<String> for TriggerStatus {
    fn from(text: String) -> TriggerStatus {
        match text.as_str() {
            "placed" => TriggerStatus::Placed,
            "triggered" => TriggerStatus::Triggered,
            "became_order" => TriggerStatus::BecameOrder,
            "expired" => TriggerStatus::Expired,
            "cancelled" => TriggerStatus::Cancelled,
            "rejected" => TriggerStatus::Rejected,
            _ => TriggerStatus::Other(text),
        }
    }
}
impl From<TriggerStatus> for String {
    fn from(status: TriggerStatus) -> String {
        let text = match status {
            TriggerStatus::Placed => "placed",
            TriggerStatus::Triggered => "triggered",
            TriggerStatus::BecameOrder => "became_order",
            TriggerStatus::Expired => "expired",
            TriggerStatus::Cancelled => "cancelled",
            TriggerStatus::Rejected => "rejected",
            TriggerStatus::Other(text) => return text,
        };
        text.to_owned()
    }
}
impl TriggerStatus {
    /// What the status is evidence of.
    #[must_use]
    pub const fn evidence(&self) -> Option<TriggerEvidence> {
        Some(match self {
            TriggerStatus::Placed => TriggerEvidence::Placed,
            TriggerStatus::Triggered => TriggerEvidence::Triggered,
            TriggerStatus::BecameOrder => TriggerEvidence::BecameOrder,
            TriggerStatus::Expired => TriggerEvidence::Expired,
            TriggerStatus::Cancelled => TriggerEvidence::Cancelled,
            TriggerStatus::Rejected => TriggerEvidence::Rejected,
            TriggerStatus::Other(_) => return None,
        })
    }
}

/// The state of one of the account's triggers, ours or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerEvent {
    /// The instrument, where it is one in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
    /// The exchange's name of the instrument.
    pub symbol: String,
    /// The trigger's client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientOrderId>,
    /// The exchange's id of the trigger, which is not that of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeOrderId>,
    /// The operation that this answers, where it answers one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<OpId>,
    /// How it came.
    pub source: ReportSource,
    /// The status.
    pub status: TriggerStatus,
    /// The order that it became, where the report says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<ExchangeOrderId>,
    /// The client id that the exchange gave that order, where it says and it is not the trigger's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_client_id: Option<ClientOrderId>,
    /// In which direction the price must go, where the report says; so for the fields below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<TriggerKind>,
    /// Which price is watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<TriggerBy>,
    /// The price at which it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_price: Option<Price>,
    /// The order's side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// The order's type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_type: Option<OrderType>,
    /// The order's limit price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// The order's quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// Position, effect, margin mode, date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<OrderTerms>,
    /// The exchange's words for why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The exchange's time of the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_time: Option<WallNs>,
}

impl TriggerEvent {
    /// A status, with nothing else said.
    #[must_use]
    pub fn new(symbol: impl Into<String>, source: ReportSource, status: TriggerStatus) -> TriggerEvent {
        TriggerEvent {
            instrument: None,
            symbol: symbol.into(),
            client_id: None,
            exchange_id: None,
            op: None,
            source,
            status,
            order: None,
            order_client_id: None,
            kind: None,
            by: None,
            trigger_price: None,
            side: None,
            order_type: None,
            price: None,
            quantity: None,
            terms: None,
            reason: None,
            exchange_time: None,
        }
    }
}
