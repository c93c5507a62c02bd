//! What the perp standard adds to the spot standard: its commands, its events, its part of the manifest.
//!
//! `docs/standards/perp.md` gives the meaning of each. What both standards have (sessions, books, orders, fills, balances)
//! stands beside this folder, once.

mod command;
mod event;
#[cfg(feature = "manifest")]
mod manifest;

pub use command::{
    CancelAllTriggers, CancelTrigger, FundingPaymentsSince, FundingRateQuery, Margin, MarginTiers, OpenTriggers,
    PlaceTrigger, Positions, SetCollateralMode, SetLeverage, SetMarginMode, SetPositionMode, Settings,
    TriggerStatusQuery,
};
pub use event::{
    ForcedEvent, FundingPaymentEvent, FundingProgress, FundingRateEvent, InstrumentSettings, MarginCallEvent,
    MarginEvent, MarginTiersEvent, MarkPriceEvent, PositionReport, PositionScope, PositionsEvent, SettingsEvent,
    TriggerEvent, TriggerStatus,
};
#[cfg(feature = "manifest")]
pub use manifest::{GoodTillManifest, PerpManifest, SettingScope, TriggerManifest};
