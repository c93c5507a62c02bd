//! A price-time-priority matching engine: balances, books, orders, fees, self-trade prevention; and contracts: margin checks,
//! orders that only reduce, funding, liquidation.
//!
//! Knows no wire format, no signature, no filter of a particular exchange, and no clock: every call is told the time.
//! What happened is read from [`Engine::take_events`]. All amounts are exact decimals.

mod balance;
mod book;
mod cancel;
mod contract;
mod engine;
mod event;
mod execute;
mod fees;
mod funding;
mod liquidation;
mod market;
mod modify;
mod order;
mod place;
mod reject;
mod settings;
#[cfg(test)]
mod tests;

pub use balance::{Balance, Ledger};
pub use book::{Book, Level};
pub use cancel::{Amend, AmendReport, CancelReport, CancelRestriction, OrderKey};
pub use contract::{Cause, ContractRules, ContractTerms, Effect, PositionChange, Settlement, UpdateReason};
pub use engine::{Account, AccountSettings, Engine, History};
pub use event::{Event, Execution, ExecutionReport, LevelChange, Liquidity, PreventedDetail};
pub use fees::{FeeAsset, FeeRates};
pub use funding::FundingPaid;
pub use liquidation::InsuranceFund;
pub use market::{Market, MarketSettings, MyTrade, PublicTrade};
pub use modify::{Modify, ModifyReport};
pub use order::{
    ExpiryReason, NewOrder, Order, OrderKind, OrderSize, OrderStatus, PreventedMatch, SelfTradePrevention, Side,
    TimeInForce,
};
pub use place::{Fill, PlaceReport};
pub use reject::Reject;
pub use settings::SettingRefused;
