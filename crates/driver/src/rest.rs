//! What the exchange refuses until later, as one driver heard it and the others of the same address or account must know:
//! the bulk lane, whose limiter is its own, and the drivers of other venues.

use colibri_model::Millis;
use serde::{Deserialize, Serialize};

/// What rests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resting {
    /// A pool, by its id in the manifest: the exchange answered 429 to what it was charged for.
    Pool(String),
    /// Everything: the address is banned (418).
    Everything,
}

/// Nothing may be sent of something for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// What rests.
    pub what: Resting,
    /// For how long from the moment that this is heard. A span and no instant, because the clocks of two threads begin at
    /// different moments; it is on its way for less than what matters.
    pub span: Millis,
}
