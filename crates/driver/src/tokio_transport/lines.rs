//! HTTP connections that are opened before they are needed, and kept: a request that finds one idle is written at once, on
//! the engine's thread, with neither a handshake nor a task nor a queue before its first byte. One that finds none goes the
//! ordinary way.
//!
//! What must not live here: a request that is tried again. One that was handed to a connection ends with it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::noop_waker_ref;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{TrySendError, http1};
use hyper::header::{ACCEPT, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::MaybeTlsStream;

use super::dial::tunnel;
use super::{Answer, TransportOptions};
use crate::{DriverIndex, HttpFailure, HttpRequest, HttpResponse, RequestId};

/// The first rest before a connection that is gone is opened anew; each further one twice as long while none served.
const FIRST_REST: Duration = Duration::from_secs(1);
/// No rest is longer.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// What follows `://` in an address, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    /// `https://host` or `https://host:port`, as URLs begin.
    text: String,
    /// What the `Host` header says.
    authority: String,
    /// Where to connect.
    host: String,
    port: u16,
    secure: Secure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secure {
    Tls,
    Plain,
}

impl Origin {
    /// Of an address such as `https://api.example.com`; what follows the authority is left out.
    fn of(address: &str) -> Option<Origin> {
        let uri: Uri = address.parse().ok()?;
        let (secure, standard) = match uri.scheme_str()? {
            "https" => (Secure::Tls, 443),
            "http" => (Secure::Plain, 80),
            _ => return None,
        };
        let authority = uri.authority()?;
        Some(Origin {
            text: format!("{}://{authority}", uri.scheme_str()?),
            authority: authority.to_string(),
            host: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(standard),
            secure,
        })
    }
}

type Sender = http1::SendRequest<Full<Bytes>>;
type Driven = http1::Connection<TokioIo<MaybeTlsStream<TcpStream>>, Full<Bytes>>;
type Dial = Pin<Box<dyn Future<Output = Option<(Sender, Driven)>>>>;
type Pending = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpFailure>>>>;

struct Open {
    sender: Sender,
    /// `None` once it has ended.
    connection: Option<Box<Driven>>,
    exchange: Option<(DriverIndex, RequestId, Pending)>,
}

impl Open {
    fn drive(&mut self, context: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && Pin::new(&mut **connection).poll(context).is_ready()
        {
            self.connection = None;
        }
    }
}

enum State {
    Resting(Pin<Box<tokio::time::Sleep>>),
    Dialing(Dial),
    Open(Open),
}

/// One connection.
struct Line {
    origin: Origin,
    state: State,
    /// How often in a row it ended without having served.
    idle_ends: u32,
}

impl Line {
    #[expect(clippy::disallowed_methods, reason = "the edge at which real time enters")]
    fn rest(&mut self) {
        let wait = FIRST_REST.saturating_mul(1 << self.idle_ends.min(6)).min(LONGEST_REST);
        self.idle_ends = self.idle_ends.saturating_add(1);
        self.state = State::Resting(Box::pin(tokio::time::sleep(wait)));
    }

    fn poll(&mut self, way: &Way, context: &mut Context<'_>) -> Poll<Answer> {
        loop {
            match &mut self.state {
                State::Resting(sleep) => {
                    if sleep.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                    self.state = State::Dialing(way.dial(&self.origin));
                }
                State::Dialing(dial) => match dial.as_mut().poll(context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => self.rest(),
                    Poll::Ready(Some((sender, connection))) => {
                        self.state = State::Open(Open {
                            sender,
                            connection: Some(Box::new(connection)),
                            exchange: None,
                        });
                    }
                },
                State::Open(open) => {
                    open.drive(context);
                    if let Some((driver, request, answer)) = &mut open.exchange
                        && let Poll::Ready(result) = answer.as_mut().poll(context)
                    {
                        let (driver, request) = (*driver, *request);
                        open.exchange = None;
                        self.idle_ends = 0;
                        if matches!(result, Err(HttpFailure::TooLarge { .. })) {
                            // The rest of the answer is not read.
                            self.rest();
                        } else {
                            open.drive(context);
                        }
                        return Poll::Ready((driver, request, result));
                    }
                    if open.connection.is_some() || open.exchange.is_some() {
                        return Poll::Pending;
                    }
                    self.rest();
                }
            }
        }
    }

    /// Writes a request, as much of it as the socket takes now. `Some` is one that this line cannot carry.
    fn offer(&mut self, way: &Way, driver: DriverIndex, request: HttpRequest) -> Option<HttpRequest> {
        let State::Open(open) = &mut self.state else {
            return Some(request);
        };
        if open.exchange.is_some() {
            return Some(request);
        }
        let mut context = Context::from_waker(noop_waker_ref());
        // An exchange that has hung up in the meantime is noticed before anything is written.
        open.drive(&mut context);
        if open.connection.is_none() || !open.sender.is_ready() {
            return Some(request);
        }
        let Some(outgoing) = way.outgoing(&self.origin, &request) else {
            return Some(request);
        };
        let sent = open.sender.try_send_request(outgoing);
        let answer = answer(sent, request.max_response);
        open.exchange = Some((driver, request.id, Box::pin(answer)));
        open.drive(&mut context);
        None
    }
}

/// How connections are opened and requests written.
struct Way {
    options: TransportOptions,
    tls: Arc<ClientConfig>,
    agent: HeaderValue,
}

impl Way {
    #[expect(clippy::disallowed_methods, reason = "the edge at which real time enters")]
    fn dial(&self, origin: &Origin) -> Dial {
        let (origin, options, tls) = (origin.clone(), self.options.clone(), self.tls.clone());
        Box::pin(async move {
            let deadline = Duration::from_millis(options.connect_timeout.0);
            let connected = tokio::time::timeout(deadline, connect(&origin, &options, tls));
            // A connection that cannot be opened is no fault yet: requests go the ordinary way and tell what is wrong.
            connected.await.ok().flatten()
        })
    }

    /// The request as it goes out: its URL verbatim, which is what was signed. `None` where that cannot be said for sure.
    fn outgoing(&self, origin: &Origin, request: &HttpRequest) -> Option<Request<Full<Bytes>>> {
        let target = request.url.strip_prefix(&origin.text)?;
        if !is_verbatim(target) || !request.late.is_empty() {
            return None;
        }
        let mut outgoing = Request::new(Full::new(Bytes::from(request.body.clone())));
        *outgoing.method_mut() = Method::from_bytes(request.method.as_bytes()).ok()?;
        *outgoing.uri_mut() = Uri::try_from(target).ok()?;
        let headers = outgoing.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(&origin.authority).ok()?);
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        // As on the ordinary way: what the request says itself is not said twice.
        headers.entry(USER_AGENT).or_insert_with(|| self.agent.clone());
        headers.entry(ACCEPT).or_insert_with(|| HeaderValue::from_static("*/*"));
        if request.body.is_empty() && !matches!(*outgoing.method(), Method::GET | Method::DELETE) {
            outgoing
                .headers_mut()
                .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Some(outgoing)
    }
}

/// Whether a path and query are written as they stand by every client: no dots that a path could be shortened by, no
/// character that would have to be escaped.
fn is_verbatim(target: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/?&=%+:,@!*".contains(&b);
    target.starts_with('/') && target.bytes().all(plain) && !target.contains("/.")
}

async fn connect(origin: &Origin, options: &TransportOptions, tls: Arc<ClientConfig>) -> Option<(Sender, Driven)> {
    let target = format!("{}:{}", origin.host, origin.port);
    let tcp = match &options.proxy {
        Some(proxy) => tunnel(proxy.as_str(), &target).await.ok()?,
        None => TcpStream::connect(&target).await.ok()?,
    };
    tcp.set_nodelay(true).ok()?;
    let stream = match origin.secure {
        Secure::Plain => MaybeTlsStream::Plain(tcp),
        Secure::Tls => {
            let host = origin.host.trim_start_matches('[').trim_end_matches(']');
            let name = ServerName::try_from(host.to_owned()).ok()?;
            MaybeTlsStream::Rustls(TlsConnector::from(tls).connect(name, tcp).await.ok()?)
        }
    };
    http1::handshake(TokioIo::new(stream)).await.ok()
}

/// Reads an answer to its end.
async fn answer(
    sent: impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>>>,
    limit: u64,
) -> Result<HttpResponse, HttpFailure> {
    let answer = sent.await.map_err(|mut error| {
        // The connection gives back what it has not begun to write.
        match error.take_message() {
            Some(_) => HttpFailure::NotSent("the connection was closed before the request".to_owned()),
            None => HttpFailure::Unknown(words(&error.into_error())),
        }
    })?;
    let (head, mut body) = answer.into_parts();
    let length = head.headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok());
    if length
        .and_then(|v| v.parse().ok())
        .is_some_and(|length: u64| length > limit)
    {
        return Err(HttpFailure::TooLarge { limit });
    }
    let headers = head.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    let (status, headers) = (head.status.as_u16(), headers.collect());
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| HttpFailure::Unknown(words(&e)))?;
        if let Some(data) = frame.data_ref() {
            if (bytes.len() + data.len()) as u64 > limit {
                return Err(HttpFailure::TooLarge { limit });
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(HttpResponse {
        status,
        headers,
        body: bytes,
    })
}

/// An error's words and those of its causes. No URL is among them.
fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// Every connection that is kept.
pub(super) struct Lines {
    way: Way,
    lines: Vec<Line>,
}

impl Lines {
    pub(super) fn new(options: &TransportOptions) -> Lines {
        let agent = HeaderValue::from_str(&options.user_agent);
        Lines {
            way: Way {
                options: options.clone(),
                tls: options.authorities.for_lines(),
                agent: agent.unwrap_or_else(|_| HeaderValue::from_static("colibri")),
            },
            lines: Vec::new(),
        }
    }

    /// Keeps `count` more connections to where an address leads; they are opened by the polls that follow.
    pub(super) fn keep(&mut self, address: &str, count: usize) {
        let Some(origin) = Origin::of(address) else {
            return;
        };
        for _ in 0..count {
            self.lines.push(Line {
                state: State::Dialing(self.way.dial(&origin)),
                origin: origin.clone(),
                idle_ends: 0,
            });
        }
    }

    /// How many are open and carry nothing.
    pub(super) fn idle(&self) -> usize {
        let idle = |line: &&Line| matches!(&line.state, State::Open(open) if open.exchange.is_none());
        self.lines.iter().filter(idle).count()
    }

    /// Writes a request on an idle connection. `Some` is a request that has to go the ordinary way.
    pub(super) fn offer(&mut self, driver: DriverIndex, mut request: HttpRequest) -> Option<HttpRequest> {
        for line in &mut self.lines {
            request = line.offer(&self.way, driver, request)?;
        }
        Some(request)
    }

    /// Lets go of a request, and with it of its connection. Whether it was here.
    pub(super) fn abandon(&mut self, driver: DriverIndex, request: RequestId) -> bool {
        let line = self.lines.iter_mut().find(|line| {
            matches!(&line.state, State::Open(Open { exchange: Some((d, r, _)), .. }) if (*d, *r) == (driver, request))
        });
        match line {
            Some(line) => {
                line.rest();
                true
            }
            None => false,
        }
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Answer> {
        for line in &mut self.lines {
            if let Poll::Ready(answer) = line.poll(&self.way, context) {
                return Poll::Ready(answer);
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_origin_is_what_urls_begin_with() {
        let origin = Origin::of("https://api.example.com/ignored").unwrap();
        assert_eq!((origin.text.as_str(), origin.port), ("https://api.example.com", 443));
        let origin = Origin::of("http://127.0.0.1:8080").unwrap();
        assert_eq!((origin.authority.as_str(), origin.port), ("127.0.0.1:8080", 8080));
        assert_eq!(Origin::of("wss://stream.example.com"), None);
        assert_eq!(Origin::of("api.example.com"), None);
    }

    #[test]
    fn only_what_no_client_would_write_otherwise_is_written_here() {
        assert!(is_verbatim("/api/v3/order?symbol=BTCUSDT&price=1.50&signature=ab%2B"));
        for other in ["", "?x=1", "/a/../b", "/order?x=a b", "/order?x=\"", "/order?x=[1]"] {
            assert!(!is_verbatim(other), "{other}");
        }
    }
}
