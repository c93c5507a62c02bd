//! What a driver asks of a transport. Signed text is in here: nothing prints a URL's query, a header or a body.

use std::fmt;

use colibri_model::Millis;
use serde::{Deserialize, Serialize};

use crate::HttpFailure;
use crate::signing::LateSignature;

/// A number of the host for one stream connection. Never used again, unlike the connector's own number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId(pub u64);

/// A number of the host for one HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// A number of the host for one frame that it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FrameId(pub u64);

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
    /// A protocol ping (outgoing only; incoming pings are answered by the transport).
    Ping,
}

/// How the binary frames of a stream are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Inflate {
    /// Not.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// Raw deflate.
    Deflate,
}

/// An HTTP request, checked against the endpoint table and signed: to be written now or not at all.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Its number.
    pub id: RequestId,
    /// The method, from the endpoint table.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body; empty for none.
    pub body: Vec<u8>,
    /// The most bytes of the answer's body.
    pub max_response: u64,
    /// Signatures that are still to be put in: see [`HttpRequest::complete`].
    pub late: Vec<LateSignature>,
}

impl HttpRequest {
    /// Computes the signatures that take a millisecond or more, and puts them in. A transport calls it before it writes, on
    /// a thread that nobody waits for.
    ///
    /// # Errors
    /// [`HttpFailure::NotSent`]: a signature cannot be computed.
    pub fn complete(mut self) -> Result<HttpRequest, HttpFailure> {
        let not_sent = |why: &dyn fmt::Display| HttpFailure::NotSent(why.to_string());
        for late in std::mem::take(&mut self.late) {
            let signature = late.compute().map_err(|e| not_sent(&e))?;
            let put = |text: String| {
                let mut bytes = text.into_bytes();
                late.put(&signature, &mut bytes);
                String::from_utf8(bytes).map_err(|_| not_sent(&"it is not text"))
            };
            self.url = put(self.url)?;
            for (_, value) in &mut self.headers {
                *value = put(std::mem::take(value))?;
            }
            late.put(&signature, &mut self.body);
        }
        Ok(self)
    }
}

/// A stream to open.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamDial {
    /// Its number.
    pub id: StreamId,
    /// The whole URL: `wss://…` or `ws://…`.
    pub url: String,
    /// Headers of the handshake.
    pub headers: Vec<(String, String)>,
    /// How binary frames are compressed.
    pub inflate: Inflate,
    /// How long the handshake may take.
    pub deadline: Millis,
}

/// A frame to send.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingFrame {
    /// Its number.
    pub id: FrameId,
    /// On which stream.
    pub stream: StreamId,
    /// What it is.
    pub kind: FrameKind,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Signatures that are still to be put in: see [`OutgoingFrame::complete`].
    pub late: Vec<LateSignature>,
}

impl OutgoingFrame {
    /// Computes the signatures that take a millisecond or more, and puts them in: as [`HttpRequest::complete`].
    ///
    /// # Errors
    /// A signature cannot be computed: nothing is to be written.
    pub fn complete(mut self) -> Result<OutgoingFrame, String> {
        for late in std::mem::take(&mut self.late) {
            let signature = late.compute().map_err(|e| e.to_string())?;
            late.put(&signature, &mut self.bytes);
        }
        Ok(self)
    }
}

/// What a transport does for a driver. In the order in which they are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Write a request. Answered by [`Input::Http`](crate::Input::Http), once.
    Http(HttpRequest),
    /// Nobody waits for this answer any more; none is delivered.
    AbandonHttp(RequestId),
    /// Open a stream. Answered by `StreamOpened` or `StreamClosed`.
    OpenStream(StreamDial),
    /// Send a frame. Answered only where it was refused.
    SendFrame(OutgoingFrame),
    /// Close a stream. Not answered: nothing of the stream is delivered after it.
    CloseStream {
        /// Which stream.
        stream: StreamId,
        /// The WebSocket close code.
        code: u16,
    },
}

/// A URL without what may hold a signature or a token: its query is left out.
pub(crate) fn printable(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or("")
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpRequest({:?} {} {})", self.id, self.method, printable(&self.url))
    }
}
impl fmt::Debug for StreamDial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The path of a stream may be a token (a listen key): only scheme and host are printed.
        let host: String = self.url.split('/').take(3).collect::<Vec<_>>().join("/");
        write!(f, "StreamDial({:?} {})", self.id, printable(&host))
    }
}
impl fmt::Debug for OutgoingFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "OutgoingFrame({:?} {:?} {:?}, {} bytes)",
            self.id,
            self.stream,
            self.kind,
            self.bytes.len()
        )
    }
}
