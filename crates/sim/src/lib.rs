//! A local exchange: a matching engine, margin accounts, the wire faces of Binance spot and USD-M futures, order flow and
//! replay, and a socket front.
//!
//! [`matching`], [`margin`], [`flow`], [`binance`], [`usdm`] and [`venue`] are state machines: they are told the time and answer
//! with values, so a whole exchange also runs in virtual time, in one thread, without a socket. Only [`front`] opens sockets
//! and reads the clock.
//! Nothing here knows our own connectors: a client written from Binance's documentation is all that it expects.

pub mod binance;
pub mod config;
pub mod faults;
pub mod flow;
pub mod front;
pub mod identity;
pub mod margin;
pub mod matching;
pub mod prng;
pub mod time;
pub mod usdm;
pub mod venue;
mod wire;

pub use config::{ConfigError, SimConfig};
