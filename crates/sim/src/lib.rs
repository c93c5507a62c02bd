//! A local exchange: a matching engine, the wire face of Binance spot, order flow and replay.
pub mod identity;
pub mod matching;
pub mod time;
