//! The connector of contracts on a stage: scripted inputs, no network. Payloads are written from the documentation
//! (<https://developers.binance.com/docs/derivatives/usds-margined-futures>); those of `captured` are real.

#![allow(clippy::unwrap_used, missing_docs)]

mod account;
mod captured;
mod funding;
mod history;
mod instruments;
mod manifest;
mod market_stream;
mod settings;
mod stage;
mod trading;
mod triggers;
mod user_stream;
