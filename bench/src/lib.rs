//! What the hot path costs, measured: what its benches and tests share.
//!
//! What lives here: the inputs, the stages on which they are measured, the kernel that instruction counts are compared with.
//! What must not live here: anything that the host or a connector needs. `docs/performance.md` is the book about it.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

pub mod baseline;
pub mod bot;
pub mod frames;
pub mod kernel;
pub mod stage;

// Linked as source: as a dependency, cargo would build the connector's library once more without its export, over the
// exported one.
#[path = "../../connectors/binance/src/api_key.rs"]
#[allow(dead_code)]
mod api_key;
#[path = "../../connectors/binance/src/exchange_info.rs"]
#[allow(dead_code)]
mod exchange_info;
#[path = "../../connectors/binance/src/failure.rs"]
#[allow(dead_code)]
mod failure;
#[path = "../../connectors/binance/src/loose.rs"]
#[allow(dead_code)]
mod loose;
#[path = "../../connectors/binance/src/market.rs"]
#[allow(dead_code)]
mod market;
#[path = "../../connectors/binance/src/market_stream/mod.rs"]
#[allow(dead_code)]
mod market_stream;
#[path = "../../connectors/binance/src/moment.rs"]
#[allow(dead_code)]
mod moment;
#[path = "../../connectors/binance/src/order_words.rs"]
#[allow(dead_code)]
mod order_words;
#[path = "../../connectors/binance/src/spot/mod.rs"]
#[allow(dead_code, unused_imports)]
mod spot;

use moment::exchange_ns;
