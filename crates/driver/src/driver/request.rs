//! Requests, streams and frames of a connector: checked against the endpoint table, signed, and handed to the transport.

use colibri_abi::{Header, Request, StreamOpen, StreamSend, frame_kind, inflate};
use colibri_model::{MonoNs, OpId};
use colibri_standard::{Auth, Outcome, Priority, Refusal, RejectReason, Transport};

use super::bounds::STREAMS;
use super::core::{Core, EndedBy};
use super::endpoint::{EndpointIndex, EndpointRow};
use super::operation::{Batch, Phase};
use super::stream::{HeldDial, Stream, StreamPhase};
use crate::limiter::Admission;
use crate::signing::{Context, Keyring, Placeholders, SigningError};
use crate::{
    Effect, FrameId, FrameKind, HttpRequest, Inflate, LogLevel, OutgoingFrame, RequestId, Sink, StreamDial, StreamId,
};

/// Why something is not sent. The words hold no URL, header or body.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTaken {
    #[error("{0}")]
    Broken(String),
    #[error("{0}")]
    NotConnected(&'static str),
    #[error("it cannot be signed: {0}")]
    Signing(#[from] SigningError),
}

fn broken(why: impl Into<String>) -> NotTaken {
    NotTaken::Broken(why.into())
}

impl NotTaken {
    fn refusal(&self) -> Refusal {
        let reason = match self {
            NotTaken::Broken(_) => RejectReason::BadRequest,
            NotTaken::NotConnected(_) => RejectReason::NotConnected,
            NotTaken::Signing(SigningError::Unsupported { .. }) => RejectReason::Unsupported,
            NotTaken::Signing(_) => RejectReason::NotPermitted,
        };
        Refusal::new(reason, self.to_string())
    }
}

/// Headers that the transport writes: another value would send the request somewhere else, or cut it.
const RESERVED_HEADERS: [&str; 6] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "upgrade",
    "te",
];

fn text(bytes: &[u8]) -> Result<String, NotTaken> {
    String::from_utf8(bytes.to_vec()).map_err(|_| broken("it is not text"))
}

fn headers(keyring: &Keyring, filled: &Placeholders, given: &[Header<'_>]) -> Result<Vec<(String, String)>, NotTaken> {
    let mut out = Vec::with_capacity(given.len());
    for header in given {
        let name = header.name.as_str();
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            return Err(broken(format!("the header name {name:?} is not one")));
        }
        if RESERVED_HEADERS.iter().any(|r| name.eq_ignore_ascii_case(r)) {
            return Err(broken(format!("the header {name:?} is the transport's")));
        }
        let value = keyring.fill(filled, Context::Header, header.value.as_str().as_bytes())?;
        if value.iter().any(|b| *b < b' ' && *b != b'\t' || *b == 0x7f) {
            return Err(broken(format!(
                "the value of the header {name:?} has control characters"
            )));
        }
        out.push((name.to_owned(), text(&value)?));
    }
    Ok(out)
}

fn may_sign(row: &EndpointRow, signs: usize) -> Result<(), NotTaken> {
    if signs > 0 && row.auth != Auth::Signed {
        return Err(broken(format!(
            "endpoint {:?} is not declared as signed (auth), so nothing is signed for it",
            row.id
        )));
    }
    Ok(())
}

impl Core {
    /// Something that a connector asked for is not done: told, counted, and where it belongs to an operation that one ends.
    pub(super) fn refuse<S: Sink + ?Sized>(&mut self, what: &str, op: OpId, why: &NotTaken, sink: &mut S) {
        self.counts.refused += 1;
        let level = match why {
            NotTaken::NotConnected(_) => LogLevel::Warn,
            _ => LogLevel::Error,
        };
        self.log(level, &format!("{what} is refused: {why}"), sink);
        if op != OpId(0) {
            self.finish(op, Outcome::NotSent(why.refusal()), EndedBy::Host, sink);
        }
    }

    /// Checks and signs a request and hands it to the transport.
    pub(super) fn take_request(&mut self, request: &Request<'_>) -> Result<(), NotTaken> {
        let op = OpId(request.op);
        let endpoint = self
            .granted_endpoint(op)
            .ok_or_else(|| broken("its operation is not granted"))?;
        if matches!(
            self.operations.get(op).map(|o| &o.batch),
            Some(Some(Batch::CarriedBy(_)))
        ) {
            return Err(broken(
                "its operation goes out in the request of another, which carries its batch",
            ));
        }
        let row = self.endpoints.row(endpoint);
        if row.id != request.endpoint.as_str() {
            return Err(broken(format!(
                "its operation is granted for endpoint {:?}, not for {:?}",
                row.id,
                request.endpoint.as_str()
            )));
        }
        if row.transport != Transport::Http {
            return Err(broken(format!("endpoint {:?} is not reached by HTTP", row.id)));
        }
        may_sign(row, request.signs.len())?;
        let (filled, late) = self.keyring.resolve_quick(request.signs.as_slice())?;
        let url = text(
            &self
                .keyring
                .fill(&filled, Context::Url, request.url.as_str().as_bytes())?,
        )?;
        row.check_url(&url)
            .map_err(|why| broken(format!("the URL for endpoint {:?} is wrong: {why}", row.id)))?;
        let effect = HttpRequest {
            id: RequestId(0),
            method: row.method.clone(),
            url,
            headers: headers(&self.keyring, &filled, request.headers.as_slice())?,
            body: self
                .keyring
                .fill(&filled, Context::Body, request.body.as_slice())?
                .into_owned(),
            max_response: row.max_response,
            late,
        };
        let deadline = self.now.mono.plus(row.deadline);
        let id = RequestId(self.number());
        self.effects.push_back(Effect::Http(HttpRequest { id, ..effect }));
        self.counts.requests += 1;
        self.written(op, Phase::InFlight(endpoint, id), endpoint, deadline);
        Ok(())
    }

    /// An operation's request or frame is out, and with it those of the batch that it carries.
    fn written(&mut self, op: OpId, phase: Phase, endpoint: EndpointIndex, deadline: MonoNs) {
        let carried = self.operations.carried_by(op);
        let carried = carried.into_iter().map(|id| (id, Phase::Carried(endpoint)));
        for (id, phase) in [(op, phase)].into_iter().chain(carried) {
            if let Some(operation) = self.operations.get_mut(id) {
                operation.writes += 1;
                operation.sent_at = self.now.mono;
            }
            self.operations.move_to(id, phase, deadline);
        }
    }

    /// Checks a stream and has it opened, at once or when the limiter has room.
    pub(super) fn take_open(&mut self, open: &StreamOpen<'_>) -> Result<(), NotTaken> {
        let id = open.endpoint.as_str();
        let endpoint = self
            .endpoints
            .find(id)
            .ok_or_else(|| broken(format!("there is no endpoint {id:?}")))?;
        let row = self.endpoints.row(endpoint);
        if row.transport != Transport::Stream {
            return Err(broken(format!("endpoint {id:?} is not a stream")));
        }
        if self.streams.len() >= STREAMS {
            return Err(broken(format!("{STREAMS} streams are open already")));
        }
        if self.streams.values().any(|s| s.number == open.stream) {
            return Err(broken(format!("stream {} is open already", open.stream)));
        }
        let session = self
            .sessions
            .iter()
            .find(|s| s.number() == open.session)
            .ok_or_else(|| broken(format!("there is no session {}", open.session)))?;
        let role = session.role;
        may_sign(row, open.signs.len())?;
        let inflate = match open.inflate {
            inflate::NONE => Inflate::None,
            inflate::GZIP => Inflate::Gzip,
            inflate::DEFLATE => Inflate::Deflate,
            number => return Err(broken(format!("there is no inflation of number {number}"))),
        };
        let filled = self.keyring.resolve(open.signs.as_slice())?;
        let url = text(&self.keyring.fill(&filled, Context::Url, open.url.as_str().as_bytes())?)?;
        row.check_url(&url)
            .map_err(|why| broken(format!("the URL for endpoint {id:?} is wrong: {why}")))?;
        let headers = headers(&self.keyring, &filled, open.headers.as_slice())?;
        let (deadline, gate) = (row.deadline, row.frames.gate());
        let stream = StreamId(self.number());
        self.streams.insert(
            stream,
            Stream {
                number: open.stream,
                role,
                endpoint,
                phase: StreamPhase::Held,
                last_frame: self.now.mono,
                gate,
            },
        );
        self.held.push(HeldDial {
            not_before: MonoNs(0),
            endpoint,
            dial: StreamDial {
                id: stream,
                url,
                headers,
                inflate,
                deadline,
            },
        });
        self.dial_held();
        Ok(())
    }

    /// Dials the streams that there is room for.
    pub(super) fn dial_held(&mut self) {
        let now = self.now.mono;
        let mut waiting = Vec::new();
        for mut held in std::mem::take(&mut self.held) {
            if !self.streams.contains_key(&held.dial.id) {
                continue;
            }
            if held.not_before > now {
                waiting.push(held);
                continue;
            }
            let row = self.endpoints.row(held.endpoint);
            let time = self.limiter_time();
            let answer = self.limiter.borrow_mut().admit(&row.charges, row.priority, time);
            match answer {
                Admission::NotBefore { time, .. } => {
                    held.not_before = time;
                    waiting.push(held);
                }
                // What costs more than the pool holds is dialed at last by the session's deadline: it is not.
                Admission::Never { .. } => {}
                Admission::Admitted => {
                    if let Some(stream) = self.streams.get_mut(&held.dial.id) {
                        stream.phase = StreamPhase::Dialing;
                    }
                    self.effects.push_back(Effect::OpenStream(held.dial));
                }
            }
        }
        self.held = waiting;
    }

    /// Checks and signs a frame and hands it to the transport.
    pub(super) fn take_send(&mut self, send: &StreamSend<'_>) -> Result<(), NotTaken> {
        let (&stream, entry) = self
            .streams
            .iter()
            .find(|(_, s)| s.number == send.stream)
            .ok_or(NotTaken::NotConnected("its stream is not open"))?;
        if entry.phase != StreamPhase::Open {
            return Err(NotTaken::NotConnected("its stream is not open yet"));
        }
        let stream_row = self.endpoints.row(entry.endpoint);
        let op = OpId(send.op);
        let granted = if op == OpId(0) {
            let signed = stream_row.auth == Auth::Signed || self.endpoints.signs_on(&stream_row.host_role);
            if !send.signs.is_empty() && !signed {
                return Err(broken(format!(
                    "neither endpoint {:?} nor a send endpoint of its address is declared as signed (auth)",
                    stream_row.id
                )));
            }
            None
        } else {
            let endpoint = self
                .granted_endpoint(op)
                .ok_or_else(|| broken("its operation is not granted"))?;
            let row = self.endpoints.row(endpoint);
            if row.id != send.endpoint.as_str() || row.transport != Transport::Send {
                return Err(broken(format!(
                    "its operation is granted for endpoint {:?}, which is not the frame's",
                    row.id
                )));
            }
            if row.host_role != stream_row.host_role {
                return Err(broken(format!(
                    "endpoint {:?} is at another address than its stream",
                    row.id
                )));
            }
            may_sign(row, send.signs.len())?;
            Some((endpoint, row.deadline, row.priority))
        };
        if entry.gate.is_full() {
            return Err(broken("too many frames wait for room on its stream"));
        }
        let kind = match send.kind {
            frame_kind::TEXT => FrameKind::Text,
            frame_kind::BINARY => FrameKind::Binary,
            frame_kind::PING => FrameKind::Ping,
            number => return Err(broken(format!("there is no frame kind {number}"))),
        };
        // Only what an operation asks may be written a moment later: other frames keep their order.
        let (filled, late) = match granted {
            Some(_) => self.keyring.resolve_quick(send.signs.as_slice())?,
            None => (self.keyring.resolve(send.signs.as_slice())?, Vec::new()),
        };
        let bytes = self
            .keyring
            .fill(&filled, Context::Body, send.frame.as_slice())?
            .into_owned();
        if kind == FrameKind::Text && std::str::from_utf8(&bytes).is_err() {
            return Err(broken("a text frame must be UTF-8"));
        }
        let id = FrameId(self.number());
        let frame = OutgoingFrame {
            id,
            stream,
            kind,
            bytes,
            late,
        };
        match granted {
            Some((endpoint, deadline, priority)) => {
                let deadline = self.now.mono.plus(deadline);
                self.operations
                    .move_to(op, Phase::OnStream(endpoint, stream, id), deadline);
                self.offer_frame(Some(op), priority, frame);
            }
            None => self.offer_frame(None, Priority::Query, frame),
        }
        Ok(())
    }
}
