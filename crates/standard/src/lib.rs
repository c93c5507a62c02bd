//! The vocabulary of `docs/standards` as types: what the host asks of a connector (commands), what a connector tells
//! (events, outcomes), and what it declares about itself (the manifest).
//!
//! What lives here: serde types and their checks. What must not live here: behaviour of a host or of a connector, I/O.
//!
//! Everything here is the *cold* path: JSON, its kind beside it. Events may grow: a reader ignores fields that it does not
//! know, defaults those that are missing, and keeps unknown enum text. Commands may not lose meaning: what an older
//! connector must not overlook is listed in a command's `needs`, and a connector that has not declared such a capability
//! answers [`Outcome::NotSent`] with [`RejectReason::Unsupported`]. Order entry and market data are the *hot* path and
//! live in the boundary crate.

#[cfg(feature = "manifest")]
mod book;
mod capability;
mod command;
mod config;
mod event;
#[cfg(feature = "manifest")]
mod manifest;
#[cfg(feature = "manifest")]
mod order_endpoints;
mod outcome;
mod perp;

#[cfg(feature = "manifest")]
pub use book::{
    BookManifest, BookRule, ChecksumAlgorithm, ChecksumAsks, ChecksumManifest, ChecksumNumbers, ChecksumOrder,
    ChecksumSent,
};
pub use capability::Capability;
pub use command::{
    Balances, BookSnapshot, CancelAll, Candles, Channel, CloseSession, Command, CommandError, Fees, Instruments,
    MendSession, OpenOrders, OpenSession, OrderStatusQuery, OrdersSince, RenewSession, ServerTime, SessionRole,
    Subscription, TradesSince, UpdateSession, UseInstruments, UsedInstrument,
};
pub use config::{ConnectorConfig, Credential, EnvironmentConfig, KeyKind};
pub use event::{
    BalanceChangeEvent, BalanceScope, BalancesEvent, Candle, CandlesEvent, Event, EventError, FeesEvent, FillEvent,
    InstrumentsEvent, NoticeEvent, NoticeKind, OrderEvent, OrderStatus, ReplaceResult, ReportSource, SessionEvent,
    SessionPart, SessionStatus, TimeEvent, TradesProgress, UsageEvent,
};
#[cfg(feature = "manifest")]
pub use manifest::{
    Auth, ClientIdManifest, ConnectorManifest, Cost, CredentialField, CredentialRole, Endpoint, Environment, Lane,
    LibraryManifest, LivenessManifest, Manifest, ManifestError, PollingManifest, Pool, PoolScope, Priority, Serial,
    TimestampManifest, Transport,
};
#[cfg(feature = "manifest")]
pub use order_endpoints::{BatchEndpoint, OrderEndpoints, OrderEntry, StreamOrderEndpoints};
pub use outcome::{Outcome, Refusal, RejectReason};
pub use perp::{
    CancelAllTriggers, CancelTrigger, ForcedEvent, FundingPaymentEvent, FundingPaymentsSince, FundingProgress,
    FundingRateEvent, FundingRateQuery, InstrumentSettings, Margin, MarginCallEvent, MarginEvent, MarginTiers,
    MarginTiersEvent, MarkPriceEvent, OpenTriggers, PlaceTrigger, PositionReport, PositionScope, Positions,
    PositionsEvent, SetCollateralMode, SetLeverage, SetMarginMode, SetPositionMode, Settings, SettingsEvent,
    TriggerEvent, TriggerStatus, TriggerStatusQuery,
};
#[cfg(feature = "manifest")]
pub use perp::{GoodTillManifest, PerpManifest, SettingScope, TriggerManifest};
