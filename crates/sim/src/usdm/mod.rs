//! The wire face of Binance USD-M futures: REST, routed streams, user data and triggers over the matching engine.
//!
//! Built from Binance's documentation alone. A state machine as [`crate::binance`] is, which is spot's face; what both say in
//! the same words is in `wire`. Positions and wallets are in [`crate::margin`].

mod account_data;
mod algo;
mod algo_calls;
mod exchange;
mod filters;
mod market_data;
mod operation;
mod order_request;
mod outside;
mod pricing;
mod publish;
mod rejection;
mod render;
mod rest;
mod settings;
mod socket;
mod stream_name;
mod trading;
mod user_events;
mod user_stream;

pub use algo::{AlgoStatus, Trigger, TriggerKind, WorkingType};
pub use exchange::Exchange;
pub use filters::TradingRules;
