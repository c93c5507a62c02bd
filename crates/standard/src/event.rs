//! Events: what a connector tells beside market data.

use colibri_model::{
    Amount, Asset, Balance, ClientOrderId, ExchangeOrderId, Fee, FeeRates, FillCause, Instrument, InstrumentId,
    Liquidity, OpId, OrderEvidence, OrderTerms, OrderType, PositionSide, Price, Quantity, Side, TimeInForce, TradeId,
    WallNs,
};
use serde::{Deserialize, Serialize};

use crate::{Outcome, Subscription, perp};

/// Everything that the exchange offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentsEvent {
    /// The instruments. One that could not be read is left out and told in the log.
    pub instruments: Vec<Instrument>,
}

/// How a report came to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportSource {
    /// The answer to placing, cancelling, amending or replacing.
    Ack,
    /// The user stream.
    Stream,
    /// The answer to a question.
    Query,
}

/// An order's status as the exchange states it. Unknown text is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum OrderStatus {
    /// Taken, not yet working.
    Acknowledged,
    /// Working, nothing filled.
    Open,
    /// Working, partly filled.
    PartiallyFilled,
    /// Wholly filled.
    Filled,
    /// Cancelled.
    Cancelled,
    /// Expired by the exchange's rules.
    Expired,
    /// Refused.
    Rejected,
    /// One that this version does not know: no evidence of anything.
    Other(String),
}

impl From<String> for OrderStatus {
    fn from(text: String) -> OrderStatus {
        match text.as_str() {
            "acknowledged" => OrderStatus::Acknowledged,
            "open" => OrderStatus::Open,
            "partially_filled" => OrderStatus::PartiallyFilled,
            "filled" => OrderStatus::Filled,
            "cancelled" => OrderStatus::Cancelled,
            "expired" => OrderStatus::Expired,
            "rejected" => OrderStatus::Rejected,
            _ => OrderStatus::Other(text),
        }
    }
}
impl From<OrderStatus> for String {
    fn from(status: OrderStatus) -> String {
        match status {
            OrderStatus::Acknowledged => "acknowledged".to_owned(),
            OrderStatus::Open => "open".to_owned(),
            OrderStatus::PartiallyFilled => "partially_filled".to_owned(),
            OrderStatus::Filled => "filled".to_owned(),
            OrderStatus::Cancelled => "cancelled".to_owned(),
            OrderStatus::Expired => "expired".to_owned(),
            OrderStatus::Rejected => "rejected".to_owned(),
            OrderStatus::Other(text) => text,
        }
    }
}
impl OrderStatus {
    /// What the status is evidence of.
    #[must_use]
    pub const fn evidence(&self) -> Option<OrderEvidence> {
        Some(match self {
            OrderStatus::Acknowledged => OrderEvidence::Acknowledged,
            OrderStatus::Open => OrderEvidence::Open,
            OrderStatus::PartiallyFilled => OrderEvidence::PartiallyFilled,
            OrderStatus::Filled => OrderEvidence::Filled,
            OrderStatus::Cancelled => OrderEvidence::Cancelled,
            OrderStatus::Expired => OrderEvidence::Expired,
            OrderStatus::Rejected => OrderEvidence::Rejected,
            OrderStatus::Other(_) => return None,
        })
    }
}

/// The state of one of the account's orders, ours or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEvent {
    /// The instrument, where it is one in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
    /// The exchange's name of the instrument.
    pub symbol: String,
    /// The client id of the order itself (never of a cancel request).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientOrderId>,
    /// The client id that the order had before, where an amend renamed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_client_id: Option<ClientOrderId>,
    /// The exchange's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeOrderId>,
    /// The operation that this answers, where it answers one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op: Option<OpId>,
    /// How it came.
    pub source: ReportSource,
    /// The status.
    pub status: OrderStatus,
    /// Side, where the report says; so for the fields below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// Type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_type: Option<OrderType>,
    /// Time in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_in_force: Option<TimeInForce>,
    /// Limit price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Whole quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// Filled quantity by the exchange's counter: for comparing with the ledger, never instead of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filled: Option<Quantity>,
    /// Filled notional by the exchange's counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filled_quote: Option<Amount>,
    /// Position, effect, margin mode and date, where the order is of a contract and the report says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<OrderTerms>,
    /// Whose order it is: the account's, or one that the exchange made to reduce a position.
    #[serde(default, skip_serializing_if = "FillCause::is_order")]
    pub cause: FillCause,
    /// The exchange's id of the trigger that became this order, where the report says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<ExchangeOrderId>,
    /// The exchange's words for why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The exchange's time of the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_time: Option<WallNs>,
}

/// A trade of one of the account's orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillEvent {
    /// The instrument, where it is one in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instrument: Option<InstrumentId>,
    /// The exchange's name of the instrument.
    pub symbol: String,
    /// The exchange's trade id.
    pub trade_id: TradeId,
    /// The order's client id, where the report carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientOrderId>,
    /// The order's exchange id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_id: Option<ExchangeOrderId>,
    /// How it came.
    pub source: ReportSource,
    /// Bought or sold.
    pub side: Side,
    /// Price.
    pub price: Price,
    /// Quantity of the base asset.
    pub quantity: Quantity,
    /// Fee, where the report says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Fee>,
    /// Maker or taker, where the report says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidity: Option<Liquidity>,
    /// Of which position: net but in hedge mode.
    #[serde(default, skip_serializing_if = "PositionSide::is_net")]
    pub position_side: PositionSide,
    /// Whose order it is of.
    #[serde(default, skip_serializing_if = "FillCause::is_order")]
    pub cause: FillCause,
    /// Profit that it realised by the exchange's counter: for comparing with the ledger, never instead of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realized: Option<Amount>,
    /// The exchange's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_time: Option<WallNs>,
}

/// Which balances an event covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BalanceScope {
    /// All: an asset that is absent is zero.
    All,
    /// Those that changed: an asset that is absent is as it was.
    Changed,
}

/// Balances, absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancesEvent {
    /// Which.
    pub scope: BalanceScope,
    /// The balances.
    pub balances: Vec<Balance>,
    /// How it came.
    pub source: ReportSource,
    /// The exchange's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_time: Option<WallNs>,
}

/// A balance was changed by something other than a trade: a deposit, a withdrawal, a transfer between accounts. Told once
/// for each, beside the `balances` event that states what is there now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceChangeEvent {
    /// Of which asset.
    pub asset: Asset,
    /// By how much free and locked together changed; below zero where it left.
    pub change: Amount,
    /// The exchange's time of it: what tells one change from another of the same amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_time: Option<WallNs>,
}

/// The account's fee rates of an instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeesEvent {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// The rates.
    pub rates: FeeRates,
}

/// The exchange's clock at the moment that it answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeEvent {
    /// Exchange time.
    pub exchange_time: WallNs,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// The stream is open; logging in.
    LoggingIn,
    /// Logged in; subscribing.
    Subscribing,
    /// Everything that was wanted is confirmed.
    Live,
    /// Refused or lost; the host decides when to try again.
    Down,
}

/// A step of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEvent {
    /// The session.
    pub session: u32,
    /// Where it stands.
    pub status: SessionStatus,
    /// Words for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Part of a live session is lost, or is back: one of several streams. What the others carry goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionPart {
    /// The session.
    pub session: u32,
    /// Where the part stands: down, or live again.
    pub status: SessionStatus,
    /// What it carries.
    pub subscriptions: Vec<Subscription>,
    /// Words for the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How far a `trades_since` has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradesProgress {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// The newest trade id that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<TradeId>,
    /// How many fills were told.
    pub count: u32,
}

/// What the exchange says of a pool's use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageEvent {
    /// The pool's id in the manifest.
    pub pool: String,
    /// Used in the current window.
    pub used: u64,
    /// The pool's limit, where the exchange says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// One candle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candle {
    /// Start of the interval.
    pub open_time: WallNs,
    /// First price.
    pub open: Price,
    /// Highest.
    pub high: Price,
    /// Lowest.
    pub low: Price,
    /// Last.
    pub close: Price,
    /// Base asset traded.
    pub volume: Quantity,
    /// Quote asset traded.
    pub quote_volume: Amount,
    /// Number of trades.
    #[serde(default)]
    pub trades: u64,
}

/// Candles of an instrument, oldest first; the last may still be forming.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandlesEvent {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// The interval.
    pub interval: String,
    /// The candles.
    pub candles: Vec<Candle>,
}

/// What a notice is about. Unknown text is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "about")]
pub enum NoticeKind {
    /// The exchange is about to close the stream: reconnect.
    Shutdown {
        /// The session whose stream it is.
        session: u32,
    },
    /// Something changed a balance and the exchange does not say by how much; a `balances` query tells what is there. Where
    /// it does say, it is a `balance_change` event.
    BalanceMoved {
        /// The asset.
        asset: String,
    },
    /// A message that the connector could not read; the data it carried is missing.
    Unreadable {
        /// The session whose stream it came on.
        session: u32,
        /// The instrument whose book is in doubt, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instrument: Option<InstrumentId>,
    },
    /// Anything else.
    Other,
}

/// Something that the host should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeEvent {
    /// What about.
    #[serde(flatten)]
    pub kind: NoticeKind,
    /// Words.
    pub text: String,
}

/// The two halves of a replace, each with its own end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceResult {
    /// The operation.
    pub op: OpId,
    /// The cancel.
    pub cancel: Outcome,
    /// The placement. NotSent where the exchange did not attempt it.
    pub place: Outcome,
}

/// An event whose bytes cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the payload of the event {kind:?} cannot be read: {source}")]
pub struct EventError {
    /// The kind.
    pub kind: String,
    /// What serde says.
    pub source: serde_json::Error,
}

macro_rules! events {
    (
        spot { $($(#[$doc:meta])* $variant:ident($payload:ty) = $kind:literal,)* }
        perp { $($(#[$perp_doc:meta])* $perp:ident($perp_payload:ty) = $perp_kind:literal,)* }
    ) => {
        /// An event of the standards.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event {
            $($(#[$doc])* $variant($payload),)*
            $($(#[$perp_doc])* $perp($perp_payload),)*
        }

        $(impl From<$payload> for Event {
            fn from(payload: $payload) -> Event {
                Event::$variant(payload)
            }
        })*

        $(impl From<$perp_payload> for Event {
            fn from(payload: $perp_payload) -> Event {
                Event::$perp(payload)
            }
        })*

        impl Event {
            /// Every kind.
            pub const KINDS: &'static [&'static str] = &[$($kind,)* $($perp_kind),*];
            /// The kinds that the perp standard adds.
            pub const PERP_KINDS: &'static [&'static str] = &[$($perp_kind),*];

            /// The kind that travels beside the payload.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Event::$variant(_) => $kind,)* $(Event::$perp(_) => $perp_kind,)* }
            }

            /// The payload as JSON.
            #[must_use]
            pub fn to_json(&self) -> Vec<u8> {
                match self {
                    $(Event::$variant(payload) => serde_json::to_vec(payload),)*
                    $(Event::$perp(payload) => serde_json::to_vec(payload),)*
                }
                .unwrap_or_default()
            }

            /// Reads a payload of a kind; `None` for a kind that this version does not know (skipped unparsed).
            ///
            /// # Errors
            /// A payload that does not fit its kind.
            pub fn parse(kind: &str, payload: &[u8]) -> Result<Option<Event>, EventError> {
                let unreadable = |source| EventError { kind: kind.to_owned(), source };
                match kind {
                    $($kind => serde_json::from_slice(payload).map(Event::$variant).map(Some).map_err(unreadable),)*
                    $($perp_kind => serde_json::from_slice(payload).map(Event::$perp).map(Some).map_err(unreadable),)*
                    _ => Ok(None),
                }
            }
        }
    };
}

events! {
    spot {
        /// See [`InstrumentsEvent`].
        Instruments(InstrumentsEvent) = "instruments",
        /// See [`OrderEvent`].
        Order(OrderEvent) = "order",
        /// See [`FillEvent`].
        Fill(FillEvent) = "fill",
        /// See [`BalancesEvent`].
        Balances(BalancesEvent) = "balances",
        /// See [`BalanceChangeEvent`].
        BalanceChange(BalanceChangeEvent) = "balance_change",
        /// See [`FeesEvent`].
        Fees(FeesEvent) = "fees",
        /// See [`TimeEvent`].
        Time(TimeEvent) = "time",
        /// See [`SessionEvent`].
        Session(SessionEvent) = "session",
        /// See [`SessionPart`].
        SessionPart(SessionPart) = "session_part",
        /// See [`TradesProgress`].
        TradesProgress(TradesProgress) = "trades_progress",
        /// See [`UsageEvent`].
        Usage(UsageEvent) = "usage",
        /// See [`CandlesEvent`].
        Candles(CandlesEvent) = "candles",
        /// See [`NoticeEvent`].
        Notice(NoticeEvent) = "notice",
        /// See [`ReplaceResult`].
        ReplaceResult(ReplaceResult) = "replace_result",
    }
    perp {
        /// See [`perp::PositionsEvent`](crate::PositionsEvent).
        Positions(perp::PositionsEvent) = "positions",
        /// See [`perp::SettingsEvent`](crate::SettingsEvent).
        Settings(perp::SettingsEvent) = "settings",
        /// See [`perp::MarginEvent`](crate::MarginEvent).
        Margin(perp::MarginEvent) = "margin",
        /// See [`perp::MarginCallEvent`](crate::MarginCallEvent).
        MarginCall(perp::MarginCallEvent) = "margin_call",
        /// See [`perp::ForcedEvent`](crate::ForcedEvent).
        Forced(perp::ForcedEvent) = "forced",
        /// See [`perp::MarkPriceEvent`](crate::MarkPriceEvent).
        MarkPrice(perp::MarkPriceEvent) = "mark_price",
        /// See [`perp::FundingRateEvent`](crate::FundingRateEvent).
        FundingRate(perp::FundingRateEvent) = "funding_rate",
        /// See [`perp::FundingPaymentEvent`](crate::FundingPaymentEvent).
        FundingPayment(perp::FundingPaymentEvent) = "funding_payment",
        /// See [`perp::FundingProgress`](crate::FundingProgress).
        FundingProgress(perp::FundingProgress) = "funding_progress",
        /// See [`perp::MarginTiersEvent`](crate::MarginTiersEvent).
        MarginTiers(perp::MarginTiersEvent) = "margin_tiers",
        /// See [`perp::TriggerEvent`](crate::TriggerEvent).
        Trigger(perp::TriggerEvent) = "trigger",
    }
}
