//! What both faces of the exchange say in the same words: requests and replies, parameters, signatures, limits, streams,
//! depth windows, candles.
//!
//! No operation of a particular market lives here: spot's are in [`crate::binance`], those of contracts in [`crate::usdm`].

pub mod auth;
pub mod candles;
pub mod error;
pub mod feed;
pub mod limits;
pub mod params;
pub mod streams;
pub mod text;
pub mod transport;
