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
#[path = "../../connectors/binance/src/spot/mod.rs"]
#[allow(dead_code, unused_imports)]
mod spot;
