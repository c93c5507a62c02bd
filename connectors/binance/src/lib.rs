//! Binance as a connector library.
//!
//! What lives here: what Binance's documentation says, as requests, frames and rules, and nothing that is the same for
//! other exchanges (that is the sdk's) or that a host decides (limits, retries, reconnects, signing keys). Pages are cited
//! by their names in <https://github.com/binance/binance-spot-api-docs> and, of contracts, by the ends of their addresses
//! below <https://developers.binance.com/docs/derivatives/usds-margined-futures>.
//!
//! A folder for each market says who it is and what only it has; what markets have in common stands beside them, named by its
//! subject.

#![forbid(unsafe_code)]

mod api_key;
mod exchange_info;
mod failure;
mod loose;
mod market;
mod market_stream;
mod moment;
mod order_words;
pub mod perpetual;
pub mod spot;

use moment::exchange_ns;

/// The manifest of this library.
pub const MANIFEST: &str = include_str!("../connector.toml");

#[cfg(feature = "export")]
colibri_sdk::export_connectors! {
    manifest = MANIFEST,
    "binance" => spot(spot::BinanceSpot::new),
    "binance_perpetual" => perp(perpetual::BinancePerpetual::new),
}
