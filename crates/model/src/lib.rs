//! Values and rules of trading: instruments, prices, orders, fills, balances, fees, and what is journaled of them.
//!
//! What lives here: types that carry meaning, and pure functions over them. What must not live here: I/O, clocks,
//! threads, exchange names, floats. Money is [`rust_decimal::Decimal`] behind a newtype, exact, never rounded silently.

mod balance;
mod fee;
mod fill;
mod id;
mod instrument;
mod journal;
mod mantissa;
mod money;
mod order;
mod order_state;
mod pair;
mod perp;
pub mod profit;
mod random;
mod snapshot;
mod time;
mod trading_rule;

pub use balance::Balance;
pub use fee::{Fee, FeeRates};
pub use fill::{Fill, FillKey, Liquidity};
pub use id::{
    AccountId, ClientOrderId, ExchangeOrderId, FundingPaymentId, IdError, InstrumentId, OpId, StrategyId, TradeId,
    VenueId,
};
pub use instrument::{Instrument, InstrumentStatus};
pub use journal::{
    Journal, JournalError, KillCause, NO_STRATEGY, OLDEST_SCHEMA, OpenedPosition, Record, SCHEMA_VERSION,
};
pub use mantissa::{Exponents, MantissaError, from_mantissa, mantissa_of_text, to_mantissa};
pub use money::{Amount, Price, Quantity};
pub use order::{OrderIntent, OrderType, QuantityUnit, Side, TimeInForce};
pub use order_state::{OrderEvidence, OrderState, TransitionError};
pub use pair::{Asset, Pair, PairError};
pub use perp::{
    AccountMargin, Collateral, CollateralMode, Contract, ContractKind, FillCause, FundingKey, FundingPayment,
    FundingRate, Leverage, LeverageError, MONEY_PLACES, MarginMode, MarginTier, MarkPrice, OrderTerms, Position,
    PositionChange, PositionEffect, PositionMode, PositionSide, Positions, StatedPosition, TradingSetting, TriggerBy,
    TriggerEvidence, TriggerIntent, TriggerKind, TriggerState, TriggerTransitionError, maintenance_margin, tier_of,
};
pub use random::SplitMix64;
pub use rust_decimal::Decimal;
pub use snapshot::{NoSnapshot, SnapshotUnusable};
pub use time::{Millis, MonoNs, WallNs};
pub use trading_rule::{PriceBand, RuleViolation, TradingRule};
