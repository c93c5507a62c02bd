//! What is posted to a driver, one at a time.

use std::fmt;

use colibri_abi::OrderOp;
use colibri_model::OpId;
use colibri_standard::Command;

use crate::{FrameId, FrameKind, RequestId, StreamId};

/// The answer to an HTTP request.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body, whole.
    pub body: Vec<u8>,
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpResponse({}, {} bytes)", self.status, self.body.len())
    }
}

/// Why there is no answer. The words never hold a URL, a header or a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpFailure {
    /// Certain: no byte of the request was written (no route, connection refused, name not found, TLS refused).
    #[error("not sent: {0}")]
    NotSent(String),
    /// Bytes may have been written and no whole answer came.
    #[error("no answer: {0}")]
    Unknown(String),
    /// The answer is larger than the endpoint allows.
    #[error("the answer is larger than the {limit} bytes that the endpoint allows")]
    TooLarge {
        /// The endpoint's limit, bytes.
        limit: u64,
    },
}

/// One input of a driver.
#[derive(Debug)]
pub enum Input<'a> {
    /// A command of the standard.
    Command {
        /// The operation, chosen by the host: below 2^63, not in flight.
        op: OpId,
        /// The command.
        command: &'a Command,
    },
    /// A command as bytes, whatever its kind: what a test tool sends.
    RawCommand {
        /// The operation.
        op: OpId,
        /// The kind.
        kind: &'a str,
        /// The payload, JSON.
        payload: &'a [u8],
    },
    /// Order operations; `grant.op` of each is the operation. The rest of the grant is filled in here.
    Orders(&'a mut [OrderOp]),
    /// The answer to an HTTP request, or why there is none.
    Http {
        /// Which request.
        request: RequestId,
        /// The answer.
        result: &'a Result<HttpResponse, HttpFailure>,
    },
    /// A stream's handshake is done.
    StreamOpened {
        /// Which stream.
        stream: StreamId,
    },
    /// A frame has arrived.
    Frame {
        /// On which stream.
        stream: StreamId,
        /// Text or binary.
        kind: FrameKind,
        /// The bytes, inflated.
        bytes: &'a [u8],
    },
    /// The exchange sent a protocol ping, which the transport has answered.
    Pinged {
        /// On which stream.
        stream: StreamId,
    },
    /// A frame could not be sent: certain that no byte of it was written.
    FrameRefused {
        /// On which stream.
        stream: StreamId,
        /// Which frame.
        frame: FrameId,
        /// Why.
        reason: &'a str,
    },
    /// A stream is closed, or could not be opened.
    StreamClosed {
        /// Which stream.
        stream: StreamId,
        /// The WebSocket close code; the HTTP status where the handshake was refused with one; zero where there is neither.
        code: u16,
        /// Why.
        reason: &'a str,
    },
    /// [`Driver::next_wake`](crate::Driver::next_wake) has come.
    Wake,
}
