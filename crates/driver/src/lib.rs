//! Runs connectors: everything that is the same for all exchanges and happens between a socket and a connector.
//!
//! What lives here: operations with their deadlines and outcomes, rate limits, retries, sessions and reconnecting, the
//! exchange's clock, signing, the check of every request against the endpoint table. [`Driver`] is a state machine without
//! I/O; a transport carries its [`Effect`]s out: [`tokio_transport`] over sockets, [`simulated_transport`] in virtual time.
//! What must not live here: what an exchange's messages look like (connectors), what is done with orders and books
//! (engine), and reading a clock outside of the transports.

pub mod bulk_lane;
pub mod limiter;
pub mod signing;
pub mod simulated_transport;
pub mod tokio_transport;

mod driver;
mod effect;
mod health;
mod host_time;
mod input;
mod rehearsal;
mod rest;
mod setup;
mod sink;
mod transport_event;

pub use driver::{Driver, DriverSnapshot, RestoreError, RestoredDriver};
pub use effect::{Effect, FrameId, FrameKind, HttpRequest, Inflate, OutgoingFrame, RequestId, StreamDial, StreamId};
pub use health::{ClockHealth, ConnectorState, Counts, Health, OrderEntryHealth, PoolHealth, SessionHealth};
pub use host_time::HostTime;
pub use input::{HttpFailure, HttpResponse, Input};
pub use limiter::{LimitShare, LimitShares, Limiter, SharedLimiter};
pub use rehearsal::Rehearsal;
pub use rest::{Rest, Resting};
pub use setup::{DriverError, DriverSetup};
pub use signing::{CredentialValue, Credentials, Secret};
pub use sink::{Asked, LogLevel, Sink};
pub use transport_event::{DriverIndex, FrameBytes, TransportEvent};
