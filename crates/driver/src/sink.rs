//! Where a driver delivers what its connector emits.

use colibri_abi::{BookBatch, Request, StreamOpen, StreamSend, TopOfBook, TradeBatch, level};
use colibri_model::{MonoNs, OpId};
use colibri_standard::{Event, Outcome, SessionRole, SessionStatus};

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Something is broken.
    Error,
    /// Something is odd and was handled.
    Warn,
    /// What an operator wants to know.
    Info,
    /// What an author wants to know.
    Debug,
}

impl LogLevel {
    /// The level of a boundary's number; one that is not known is Debug.
    #[must_use]
    pub const fn from_boundary(number: u32) -> LogLevel {
        match number {
            level::ERROR => LogLevel::Error,
            level::WARN => LogLevel::Warn,
            level::INFO => LogLevel::Info,
            _ => LogLevel::Debug,
        }
    }
}

/// What a connector asks of the network. No secret is in it: those are filled in afterwards.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// An HTTP request.
    Request(&'a Request<'a>),
    /// A stream.
    Stream(&'a StreamOpen<'a>),
    /// A frame.
    Frame(&'a StreamSend<'a>),
}

/// The receiver of everything that a connector tells. Called while the connector runs: it applies what it is told to books
/// and trackers and returns; it never calls a driver and never panics.
pub trait Sink {
    /// A book snapshot or change, raw, in the exchange's order.
    fn book(&mut self, batch: &BookBatch<'_>);
    /// Public trades.
    fn trades(&mut self, batch: &TradeBatch<'_>);
    /// Best bid and ask.
    fn top(&mut self, top: &TopOfBook);
    /// Any event but those of sessions and of the driver's own clock.
    fn event(&mut self, event: Event);
    /// An operation has ended: once for each.
    fn completed(&mut self, op: OpId, outcome: Outcome);
    /// A session has moved.
    fn session(&mut self, role: SessionRole, status: SessionStatus);
    /// A session is down, why, and when it is opened again. Told after [`Sink::session`].
    fn session_rests(&mut self, role: SessionRole, reason: &str, until: MonoNs) {
        let _ = (role, reason, until);
    }
    /// A line for the log, of the connector or about it. Never a secret.
    fn log(&mut self, level: LogLevel, text: &str);
    /// What a connector asks to have sent, as it wrote it: unsigned, its placeholders empty. For whoever looks on.
    fn asked(&mut self, asked: Asked<'_>) {
        let _ = asked;
    }
    /// The connector's state, where it was asked for.
    fn snapshot(&mut self, state: &[u8]) {
        let _ = state;
    }
}
