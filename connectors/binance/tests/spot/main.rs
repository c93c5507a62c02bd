//! The spot connector on a stage: scripted inputs, no network. Payloads are written from the documentation
//! (<https://github.com/binance/binance-spot-api-docs>); those of `captured` are real.

#![allow(clippy::unwrap_used, missing_docs)]

mod account;
mod captured;
mod instruments;
mod manifest;
mod market_stream;
mod orders_over_stream;
mod replace;
mod stage;
mod trading;
mod user_stream;
