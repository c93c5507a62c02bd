//! What a transport tells, as an owned value on its way to a driver.

use std::fmt;

use tokio_tungstenite::tungstenite::Bytes;

use crate::{FrameId, FrameKind, HttpFailure, HttpResponse, Input, RequestId, StreamId};

/// Which of the thread's drivers an effect comes from and an event goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriverIndex(pub usize);

/// The bytes of a frame, as the socket's buffer holds them: not copied.
#[derive(Clone, PartialEq, Eq)]
pub struct FrameBytes(pub(crate) Bytes);

impl FrameBytes {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for FrameBytes {
    fn from(bytes: Vec<u8>) -> FrameBytes {
        FrameBytes(bytes.into())
    }
}

impl fmt::Debug for FrameBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// Something that happened at a transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportEvent {
    /// See [`Input::Http`].
    Http {
        /// Which request.
        request: RequestId,
        /// The answer, or why there is none.
        result: Result<HttpResponse, HttpFailure>,
    },
    /// See [`Input::StreamOpened`].
    StreamOpened {
        /// Which stream.
        stream: StreamId,
    },
    /// See [`Input::Frame`].
    Frame {
        /// On which stream.
        stream: StreamId,
        /// Text or binary.
        kind: FrameKind,
        /// The bytes.
        bytes: FrameBytes,
    },
    /// See [`Input::Pinged`].
    Pinged {
        /// On which stream.
        stream: StreamId,
    },
    /// See [`Input::FrameRefused`].
    FrameRefused {
        /// On which stream.
        stream: StreamId,
        /// Which frame.
        frame: FrameId,
        /// Why.
        reason: String,
    },
    /// See [`Input::StreamClosed`].
    StreamClosed {
        /// Which stream.
        stream: StreamId,
        /// The code.
        code: u16,
        /// Why.
        reason: String,
    },
}

impl TransportEvent {
    /// As what it is posted to its driver.
    #[must_use]
    pub fn as_input(&self) -> Input<'_> {
        match self {
            TransportEvent::Http { request, result } => Input::Http {
                request: *request,
                result,
            },
            TransportEvent::StreamOpened { stream } => Input::StreamOpened { stream: *stream },
            TransportEvent::Frame { stream, kind, bytes } => Input::Frame {
                stream: *stream,
                kind: *kind,
                bytes: bytes.as_slice(),
            },
            TransportEvent::Pinged { stream } => Input::Pinged { stream: *stream },
            TransportEvent::FrameRefused { stream, frame, reason } => Input::FrameRefused {
                stream: *stream,
                frame: *frame,
                reason,
            },
            TransportEvent::StreamClosed { stream, code, reason } => Input::StreamClosed {
                stream: *stream,
                code: *code,
                reason,
            },
        }
    }
}
