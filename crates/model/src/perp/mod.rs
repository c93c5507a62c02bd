//! Perpetual and dated contracts: what one is worth, positions and their profit, margin, funding, triggers.
//!
//! What lives here: values, the pure rules over them, and the states of a trigger. What must not live here: how an exchange
//! says any of it, when the host asks for it, what a strategy does with it. `docs/standards/perp.md` gives the meaning of
//! each word.

mod contract;
mod funding;
mod margin;
mod position;
mod profit;
mod settings;
mod terms;
mod trigger;
mod trigger_state;

pub(crate) use contract::to_places;
pub use contract::{Contract, ContractKind, MONEY_PLACES};
pub use funding::{FundingKey, FundingPayment, FundingRate, MarkPrice};
pub use margin::{AccountMargin, Collateral, MarginTier, maintenance_margin, tier_of};
pub use position::{PositionSide, StatedPosition};
pub use profit::{Position, PositionChange, Positions};
pub use settings::{CollateralMode, Leverage, LeverageError, MarginMode, PositionMode, TradingSetting};
pub use terms::{FillCause, OrderTerms, PositionEffect};
pub use trigger::{TriggerBy, TriggerIntent, TriggerKind};
pub use trigger_state::{TriggerEvidence, TriggerState, TriggerTransitionError};
