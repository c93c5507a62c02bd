//! The wire face of Binance spot: REST, market streams and the WebSocket API over the matching engine.
//!
//! Built from Binance's documentation alone. A state machine: requests and messages go in with the time, replies and
//! frames come out as values. No socket, no clock, no thread: [`crate::front`] puts sockets on it, a simulation drives
//! it in virtual time.

mod account_data;
mod call;
mod connection;
mod exchange;
mod filters;
mod market_socket;
mod operation;
mod order_request;
mod public_data;
mod publish;
mod rejection;
mod render;
mod rest;
mod socket_api;
mod stream_name;
mod tickers;
mod trading;
mod user_events;

pub use crate::wire::transport::{CloseCode, HttpRequest, HttpResponse, Method, Outgoing, SocketPath};
pub use exchange::{Exchange, TransferError};
