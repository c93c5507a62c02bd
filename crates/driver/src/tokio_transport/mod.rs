//! The transport over real sockets: HTTP by reqwest, and by hyper on connections that are kept; WebSocket by
//! tokio-tungstenite; polled inline on the engine's thread.
//!
//! What lives here: carrying out [`Effect`]s and telling what came of them, without queue or thread hop between a socket and
//! its driver. What must not live here: any decision. Nothing is retried, no redirect is followed, no proxy is taken from
//! the environment: a signed request goes out once, to where the driver said, or not at all.

mod authorities;
mod connection;
mod dial;
mod host_clock;
mod http;
mod inflate;
mod lines;
mod parallel;
mod proxy;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use colibri_model::Millis;
use futures_util::future::{AbortHandle, Abortable};
use futures_util::stream::{FuturesUnordered, Stream};
use futures_util::task::noop_waker_ref;

use crate::{
    DriverIndex, Effect, FrameId, HttpFailure, HttpResponse, OutgoingFrame, RequestId, StreamId, TransportEvent,
};
use connection::Connection;
use lines::Lines;
use parallel::Parallel;

pub use authorities::{AuthorityError, ExtraAuthorities};
pub use host_clock::HostClock;
pub use proxy::{ProxyAddress, ProxyAddressError};

/// Why a transport cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The HTTP client cannot be built: no certificates on this system.
    #[error("the HTTP client cannot be built: {0}")]
    Client(#[from] reqwest::Error),
}

/// How a transport behaves.
#[derive(Debug, Clone)]
pub struct TransportOptions {
    /// A proxy for everything; none by default, whatever the environment says.
    pub proxy: Option<ProxyAddress>,
    /// Whose certificates are believed besides the public authorities. Every certificate is checked, always.
    pub authorities: ExtraAuthorities,
    /// How long connecting may take: TCP and TLS.
    pub connect_timeout: Millis,
    /// What the `User-Agent` header says.
    pub user_agent: String,
}

impl Default for TransportOptions {
    fn default() -> Self {
        TransportOptions {
            proxy: None,
            authorities: ExtraAuthorities::default(),
            connect_timeout: Millis(5_000),
            user_agent: concat!("colibri/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

type Answer = (DriverIndex, RequestId, Result<HttpResponse, HttpFailure>);
type SignedFrame = (DriverIndex, StreamId, FrameId, Result<OutgoingFrame, String>);
type PendingFrame = Pin<Box<dyn Future<Output = SignedFrame>>>;
type PendingAnswer = Abortable<Pin<Box<dyn Future<Output = Answer>>>>;

/// The sockets of one engine thread. Lives within a current-thread tokio runtime.
pub struct Transport {
    options: TransportOptions,
    client: reqwest::Client,
    /// Connections that are kept open for requests.
    lines: Lines,
    answers: FuturesUnordered<PendingAnswer>,
    aborts: BTreeMap<(DriverIndex, RequestId), AbortHandle>,
    /// The authorities as streams need them, made once.
    stream_tls: Option<tokio_tungstenite::Connector>,
    connections: Vec<Link>,
    /// What the URLs of streams begin with that are opened so many times.
    parallel: Vec<(String, usize)>,
    /// Whose turn it is: streams that always have something do not keep others waiting.
    turn: usize,
    ready: VecDeque<(DriverIndex, TransportEvent)>,
    /// Frames whose signatures are being computed.
    signing: FuturesUnordered<PendingFrame>,
}

impl Transport {
    /// A transport without any connection yet.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(options: TransportOptions) -> Result<Transport, TransportError> {
        // Fails where another part of the process has installed one: that one serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Transport {
            client: http::client(&options)?,
            lines: Lines::new(&options),
            stream_tls: options.authorities.for_streams(),
            options,
            answers: FuturesUnordered::new(),
            aborts: BTreeMap::new(),
            connections: Vec::new(),
            parallel: Vec::new(),
            turn: 0,
            ready: VecDeque::new(),
            signing: FuturesUnordered::new(),
        })
    }

    /// Opens `count` HTTP connections to where `address` leads (`https://host[:port]`), before anything has to be sent, and
    /// keeps them: one that ends is opened anew. A request to this address that finds one of them idle is written on it at
    /// once, any other goes over a connection of its own as without them. An address that is none is passed over.
    pub fn keep_connections(&mut self, address: &str, count: usize) {
        self.lines.keep(address, count);
    }

    /// Streams whose URL begins so are opened `count` times, and of each frame the one that comes first is told. For public
    /// market data: what is sent is sent on each connection, once more on one that opens later. A stream is open once one of
    /// its connections is, and closed when none is. One or none is passed over.
    pub fn open_in_parallel(&mut self, url_prefix: &str, count: usize) {
        if count > 1 {
            self.parallel.push((url_prefix.to_owned(), count));
        }
    }

    /// How many of the connections that are kept are open and carry no request.
    #[must_use]
    pub fn idle_connections(&self) -> usize {
        self.lines.idle()
    }

    /// Carries an effect out. A frame is written at once, and so is a request that finds a
    /// [kept](Transport::keep_connections) connection idle; any other begins with the next [`next`](Transport::next).
    pub fn execute(&mut self, driver: DriverIndex, effect: Effect) {
        match effect {
            Effect::Http(request) => {
                let Some(request) = self.lines.offer(driver, request) else {
                    return;
                };
                let id = request.id;
                let client = self.client.clone();
                let (handle, registration) = AbortHandle::new_pair();
                let answer: Pin<Box<dyn Future<Output = Answer>>> =
                    Box::pin(async move { (driver, id, http::exchange(&client, request).await) });
                self.answers.push(Abortable::new(answer, registration));
                self.aborts.insert((driver, id), handle);
            }
            Effect::AbandonHttp(request) => {
                if self.lines.abandon(driver, request) {
                    return;
                }
                if let Some(handle) = self.aborts.remove(&(driver, request)) {
                    handle.abort();
                }
            }
            Effect::OpenStream(dial) => {
                let tls = self.stream_tls.clone();
                let several = self.parallel.iter().find(|(prefix, _)| dial.url.starts_with(prefix));
                self.connections.push(match several {
                    Some((_, count)) => {
                        Link::Several(Box::new(Parallel::dial(driver, dial, &self.options, tls, *count)))
                    }
                    None => Link::One(Connection::dial(driver, dial, &self.options, tls)),
                });
            }
            Effect::SendFrame(frame) if frame.late.is_empty() => self.send(driver, &frame),
            Effect::SendFrame(frame) => {
                let (stream, id) = (frame.stream, frame.id);
                self.signing.push(Box::pin(async move {
                    let signed = tokio::task::spawn_blocking(|| frame.complete()).await;
                    let signed = signed.unwrap_or_else(|_| Err("its signature was not computed".to_owned()));
                    (driver, stream, id, signed)
                }));
            }
            Effect::CloseStream { stream, code } => {
                self.connections.retain_mut(|connection| {
                    let closing = connection.is(driver, stream);
                    if closing {
                        connection.close(code);
                    }
                    !closing
                });
            }
        }
    }

    /// Writes a frame, or tells that it was not written.
    fn send(&mut self, driver: DriverIndex, frame: &OutgoingFrame) {
        let open = self.connections.iter_mut().find(|c| c.is(driver, frame.stream));
        let refused = match open {
            Some(connection) => connection.send(frame),
            None => Err("the stream is closed".to_owned()),
        };
        if let Err(reason) = refused {
            self.refuse(driver, frame.stream, frame.id, reason);
        }
    }

    fn refuse(&mut self, driver: DriverIndex, stream: StreamId, frame: FrameId, reason: String) {
        self.ready
            .push_back((driver, TransportEvent::FrameRefused { stream, frame, reason }));
    }

    /// The next thing that happens at any socket. Cancel-safe: an event is either returned or still to come.
    pub async fn next(&mut self) -> (DriverIndex, TransportEvent) {
        poll_fn(|context| self.poll(context)).await
    }

    /// What has happened already, without waiting: to drain what is readable within a turn's budget.
    pub fn try_next(&mut self) -> Option<(DriverIndex, TransportEvent)> {
        // A waker that wakes nobody is no loss: the next wait polls everything again.
        match self.poll(&mut Context::from_waker(noop_waker_ref())) {
            Poll::Ready(event) => Some(event),
            Poll::Pending => None,
        }
    }

    /// How many streams are open or being opened.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.connections.len()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<(DriverIndex, TransportEvent)> {
        while let Poll::Ready(Some((driver, stream, id, signed))) = Pin::new(&mut self.signing).poll_next(context) {
            match signed {
                Ok(frame) => self.send(driver, &frame),
                Err(reason) => self.refuse(driver, stream, id, reason),
            }
        }
        if let Some(event) = self.ready.pop_front() {
            return Poll::Ready(event);
        }
        if let Poll::Ready((driver, request, result)) = self.lines.poll(context) {
            return Poll::Ready((driver, TransportEvent::Http { request, result }));
        }
        while let Poll::Ready(Some(answer)) = Pin::new(&mut self.answers).poll_next(context) {
            // One that was abandoned is told to nobody.
            if let Ok((driver, request, result)) = answer {
                self.aborts.remove(&(driver, request));
                return Poll::Ready((driver, TransportEvent::Http { request, result }));
            }
        }
        let count = self.connections.len();
        for step in 0..count {
            let at = (self.turn + step) % count;
            if let Poll::Ready(event) = self.connections[at].poll(context) {
                let driver = self.connections[at].driver();
                if matches!(event, TransportEvent::StreamClosed { .. }) {
                    self.connections.remove(at);
                    self.turn = at;
                } else {
                    self.turn = at + 1;
                }
                return Poll::Ready((driver, event));
            }
        }
        Poll::Pending
    }
}

/// A stream.
enum Link {
    One(Connection),
    Several(Box<Parallel>),
}

impl Link {
    fn is(&self, driver: DriverIndex, id: StreamId) -> bool {
        match self {
            Link::One(link) => link.is(driver, id),
            Link::Several(link) => link.is(driver, id),
        }
    }

    const fn driver(&self) -> DriverIndex {
        match self {
            Link::One(link) => link.driver(),
            Link::Several(link) => link.driver(),
        }
    }

    fn send(&mut self, frame: &OutgoingFrame) -> Result<(), String> {
        match self {
            Link::One(link) => link.send(frame),
            Link::Several(link) => link.send(frame),
        }
    }

    fn close(&mut self, code: u16) {
        match self {
            Link::One(link) => link.close(code),
            Link::Several(link) => link.close(code),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<TransportEvent> {
        match self {
            Link::One(link) => link.poll(context),
            Link::Several(link) => link.poll(context),
        }
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Transport({} streams, {} requests)",
            self.connections.len(),
            self.aborts.len()
        )
    }
}
