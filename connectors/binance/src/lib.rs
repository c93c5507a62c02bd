//! Binance as a connector library.
//!
//! What lives here: what Binance's documentation says, as requests, frames and rules, and nothing that is the same for
//! other exchanges (that is the sdk's) or that a host decides (limits, retries, reconnects, signing keys). Pages are cited
//! by their names in <https://github.com/binance/binance-spot-api-docs>.

#![forbid(unsafe_code)]

pub mod spot;

/// The manifest of this library.
pub const MANIFEST: &str = include_str!("../connector.toml");

#[cfg(feature = "export")]
colibri_sdk::export_connectors! {
    manifest = MANIFEST,
    "binance" => spot(spot::BinanceSpot::new),
}
