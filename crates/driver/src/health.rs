//! How a driver is doing: for screens and logs.

use colibri_model::{Millis, MonoNs};
use colibri_standard::{OrderEntry, SessionRole, SessionStatus};
use serde::{Deserialize, Serialize};

/// Whether the connector runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectorState {
    /// It runs.
    Running,
    /// It panicked or broke a bound; it is not called any more until it is replaced.
    Faulted {
        /// What it did.
        reason: String,
        /// When.
        since: MonoNs,
    },
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionHealth {
    /// What it is for.
    pub role: SessionRole,
    /// Where it stands; `None` while nothing is wanted of it.
    pub status: Option<SessionStatus>,
    /// Its open streams.
    pub streams: usize,
    /// When data last came.
    pub last_frame: Option<MonoNs>,
    /// How often it, or a stream of it that was lost alone, has been opened again.
    pub reconnects: u64,
    /// When it is opened again, while it is down.
    pub next_attempt: Option<MonoNs>,
    /// Why it was last lost or refused; `None` while it is live, and before anything went wrong.
    pub down_reason: Option<String>,
}

/// The exchange's clock against ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClockHealth {
    /// Exchange time minus our wall clock, nanoseconds; `None` until measured.
    pub offset_ns: Option<i64>,
    /// The round trip of the sample that the offset comes from.
    pub round_trip: Option<Millis>,
    /// By how much the offset may be wrong, either way, nanoseconds: half the round trip, and what may have drifted since.
    pub uncertainty_ns: Option<u64>,
    /// When that sample was taken: its age is the time since.
    pub measured: Option<MonoNs>,
}

/// One rate-limit pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolHealth {
    /// Its id in the manifest.
    pub pool: String,
    /// Used in the current window.
    pub used: u64,
    /// How much fits in a window: this limiter's share.
    pub limit: u64,
    /// How much the exchange allows in a window, to everybody together.
    pub whole_limit: u64,
    /// Until when nothing is admitted, after a 429 or a ban.
    pub paused_until: Option<MonoNs>,
}

/// Over what orders go out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderEntryHealth {
    /// What the user has chosen.
    pub chosen: OrderEntry,
    /// What the next order takes.
    pub now: OrderEntry,
    /// Why that is not what was chosen; `None` where it is.
    pub why: Option<&'static str>,
    /// Orders, cancels, amends and replaces written on the stream.
    pub over_stream: u64,
    /// Those that were admitted for the stream, did not get onto it, and went over HTTP.
    pub fallen_back: u64,
}

/// How often something happened since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// HTTP requests written.
    pub requests: u64,
    /// Frames sent.
    pub frames_sent: u64,
    /// Frames received.
    pub frames_received: u64,
    /// Requests, frames and streams refused because they break the endpoint table or a recipe cannot be computed.
    pub refused: u64,
    /// Operations that were run again.
    pub reruns: u64,
    /// Steps of the host's wall clock against its monotonic clock: it was set, or the machine slept.
    pub clock_steps: u64,
    /// Frames that waited for room in their connection's own limit.
    pub frames_held: u64,
    /// Order operations written on a stream.
    pub orders_over_stream: u64,
    /// Order operations that did not get onto the stream that they were admitted for, and went over HTTP.
    pub orders_fallen_back: u64,
    /// Throttled outcomes.
    pub throttled: u64,
    /// Events that could not be read.
    pub unreadable_events: u64,
    /// Log lines dropped over the allowance.
    pub dropped_log_lines: u64,
    /// Faults of the connector.
    pub faults: u64,
}

/// How a driver is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether the connector runs.
    pub connector: ConnectorState,
    /// Its sessions.
    pub sessions: Vec<SessionHealth>,
    /// The exchange's clock.
    pub clock: ClockHealth,
    /// Its pools.
    pub pools: Vec<PoolHealth>,
    /// Over what orders go out.
    pub order_entry: OrderEntryHealth,
    /// Operations that have not ended.
    pub operations: usize,
    /// Of these, waiting for room in a pool.
    pub queued: usize,
    /// Counts.
    pub counts: Counts,
}
