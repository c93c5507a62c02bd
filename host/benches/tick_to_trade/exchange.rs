//! The exchange: one thread, its sockets stamped below TLS. Orders, accounts and the user stream are the local exchange's
//! state machine; the market is a story of its own, told frame by frame.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use colibri::runtime::StopCause;
use colibri_sim::SimConfig;
use colibri_sim::binance::{Exchange, HttpRequest, Method, Outgoing, SocketPath};
use colibri_sim::config::{AccountConfig, FlowConfig, LimitConfig, MarketConfig};
use colibri_sim::identity::ConnectionId;
use colibri_sim::time::Timestamp;
use futures_util::{SinkExt, StreamExt};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::Message;

use crate::figures::{Answer, Answers};
use crate::frames::{FrameShape, Story};
use crate::identity::Identity;
use crate::stamps::{Stamped, Stamps};

/// What the bare program's order is answered with.
pub const BARE_REPLY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
/// Frames that are answered before the first that counts.
const WARM_UP: usize = 300;
/// An order that takes longer is none.
const PATIENCE: Duration = Duration::from_millis(500);
/// More frames without an answer are no measurement.
const MISSED: usize = 20;
/// How long the bot may take until it trades.
const START: Duration = Duration::from_secs(60);

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub samples: usize,
    pub gap: Duration,
    pub shape: FrameShape,
}

/// Where the exchange listens.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    pub rest: u16,
    pub market: u16,
    pub socket_api: u16,
    pub bare_rest: u16,
    pub bare_market: u16,
    pub bare_socket: u16,
}

/// The exchange, from outside.
pub struct Venue {
    pub ports: Ports,
    /// Asks the bot to stop once all is measured.
    pub stop: mpsc::Receiver<StopCause>,
    bare_orders: Mutex<Option<Receiver<Vec<u8>>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Ours,
    Bare,
}

/// An order that was read to its end.
struct Seen {
    who: Who,
    first: Instant,
    last: Instant,
    bytes: Vec<u8>,
}

/// A client's market connection.
struct Market {
    frames: mpsc::UnboundedSender<String>,
    stamps: Rc<Stamps>,
    subscribed: bool,
}

struct Inside {
    exchange: RefCell<Exchange>,
    sockets: RefCell<BTreeMap<ConnectionId, mpsc::UnboundedSender<Outgoing>>>,
    markets: RefCell<[Option<Market>; 2]>,
    stories: RefCell<[Story; 2]>,
    orders: mpsc::UnboundedSender<Seen>,
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

impl Venue {
    /// Starts it. The answers come once, at the end.
    pub fn start(identity: &Identity, plan: Plan) -> (Venue, Receiver<Answers>) {
        let listeners: Vec<std::net::TcpListener> = (0..6)
            .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let port = |at: usize| listeners[at].local_addr().unwrap().port();
        let ports = Ports {
            rest: port(0),
            market: port(1),
            socket_api: port(2),
            bare_rest: port(3),
            bare_market: port(4),
            bare_socket: port(5),
        };
        let (answers, told) = channel();
        let (to_bare, bare_orders) = channel();
        let (stop, stopped) = mpsc::channel(1);
        let tls = identity.server.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            LocalSet::new().block_on(&runtime, serve(listeners, &tls, plan, to_bare, stop, answers));
        });
        let venue = Venue {
            ports,
            stop: stopped,
            bare_orders: Mutex::new(Some(bare_orders)),
        };
        (venue, told)
    }

    /// The order that the bare program is to write, once the bot has shown it.
    pub fn bare_orders(&self) -> Receiver<Vec<u8>> {
        self.bare_orders.lock().unwrap().take().unwrap()
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

fn settings() -> SimConfig {
    SimConfig {
        markets: vec![MarketConfig::btcusdt()],
        accounts: vec![AccountConfig::demo()],
        flow: FlowConfig::None,
        limits: LimitConfig {
            weight_per_minute: 100_000_000,
            requests_per_5_minutes: 100_000_000,
            orders_per_10_seconds: 100_000_000,
            orders_per_day: 100_000_000,
            ..LimitConfig::default()
        },
        ..SimConfig::demo()
    }
}

async fn serve(
    listeners: Vec<std::net::TcpListener>,
    tls: &Arc<ServerConfig>,
    plan: Plan,
    to_bare: Sender<Vec<u8>>,
    stop: mpsc::Sender<StopCause>,
    answers: Sender<Answers>,
) {
    let (orders, mut seen) = mpsc::unbounded_channel();
    let inside = Rc::new(Inside {
        exchange: RefCell::new(Exchange::new(&settings(), Vec::new(), now()).unwrap()),
        sockets: RefCell::new(BTreeMap::new()),
        markets: RefCell::new([None, None]),
        stories: RefCell::default(),
        orders,
    });
    for (at, listener) in listeners.into_iter().enumerate() {
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let (inside, acceptor) = (inside.clone(), TlsAcceptor::from(tls.clone()));
        spawn_local(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (inside, acceptor) = (inside.clone(), acceptor.clone());
                spawn_local(async move {
                    let (tcp, stamps) = Stamped::new(tcp);
                    let Ok(tls) = acceptor.accept(tcp).await else {
                        return;
                    };
                    match at {
                        0 => rest(&inside, tls, &stamps, Who::Ours).await,
                        1 => market(&inside, tls, stamps, Who::Ours).await,
                        2 => socket_api(&inside, tls, &stamps).await,
                        3 => rest(&inside, tls, &stamps, Who::Bare).await,
                        4 => market(&inside, tls, stamps, Who::Bare).await,
                        _ => bare_socket(&inside, tls, &stamps).await,
                    }
                });
            }
        });
    }
    let measured = conduct(&inside, &mut seen, plan, &to_bare).await;
    // The bare program ends with its connection.
    inside.markets.borrow_mut()[Who::Bare as usize] = None;
    drop(to_bare);
    // The bot is gone where it is not there to be told.
    let _ = stop.send(StopCause::User).await;
    let _ = answers.send(measured);
    // Serves the bot's end; this thread ends with the process.
    std::future::pending::<()>().await;
}

/// Tells both clients frames in turn, and takes the time of what they answer.
async fn conduct(
    inside: &Inside,
    seen: &mut mpsc::UnboundedReceiver<Seen>,
    plan: Plan,
    to_bare: &Sender<Vec<u8>>,
) -> Answers {
    let mut answers = Answers::default();
    let until = Instant::now() + START;
    let (mut warm, mut order) = (0, Vec::new());
    while warm < WARM_UP {
        assert!(Instant::now() < until, "the bot does not trade; see its log");
        if let Some((_, bytes)) = answer(inside, seen, Who::Ours, plan.shape).await {
            (warm, order) = (warm + 1, bytes);
            tokio::time::sleep(plan.gap).await;
        }
    }
    to_bare.send(order).unwrap();
    warm = 0;
    while warm < WARM_UP {
        assert!(Instant::now() < until, "the bare program does not answer");
        if answer(inside, seen, Who::Bare, plan.shape).await.is_some() {
            warm += 1;
        }
    }
    for number in 0..plan.samples {
        if plan.shape == FrameShape::Trade && number.is_multiple_of(100) {
            // The book has to stay fresh, or nothing is traded on it.
            inside.tell(Who::Ours, FrameShape::Depth);
        }
        for (who, list) in [(Who::Ours, &mut answers.ours), (Who::Bare, &mut answers.bare)] {
            tokio::time::sleep(plan.gap).await;
            match answer(inside, seen, who, plan.shape).await {
                Some((answer, _)) => list.push(answer),
                None => answers.missed += 1,
            }
        }
        assert!(answers.missed <= MISSED, "{MISSED} frames were not answered");
    }
    answers
}

/// One frame, and the order that answers it.
async fn answer(
    inside: &Inside,
    seen: &mut mpsc::UnboundedReceiver<Seen>,
    who: Who,
    shape: FrameShape,
) -> Option<(Answer, Vec<u8>)> {
    while seen.try_recv().is_ok() {}
    let Some(stamps) = inside.tell(who, shape) else {
        tokio::time::sleep(Duration::from_millis(20)).await;
        return None;
    };
    let order = tokio::time::timeout(PATIENCE, async {
        loop {
            let order = seen.recv().await?;
            if order.who == who {
                return Some(order);
            }
        }
    });
    let order = order.await.ok()??;
    let written = stamps.written.get()?;
    let answer = Answer {
        first_byte: order.first.saturating_duration_since(written),
        last_byte: order.last.saturating_duration_since(written),
    };
    Some((answer, order.bytes))
}

/// Requests on one connection, one after the other.
async fn rest(inside: &Inside, mut tls: TlsStream<Stamped>, stamps: &Stamps, who: Who) {
    let mut buffer = Vec::new();
    loop {
        let (head, length) = loop {
            if let Some(whole) = whole_request(&buffer) {
                break whole;
            }
            match tls.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        let bytes: Vec<u8> = buffer.drain(..length).collect();
        if bytes.starts_with(b"POST /api/v3/order") {
            inside.seen(who, stamps, &bytes);
        }
        stamps.forget_reads();
        let reply = match who {
            Who::Ours => inside.reply(&bytes, head),
            Who::Bare => BARE_REPLY.to_vec(),
        };
        if tls.write_all(&reply).await.is_err() || tls.flush().await.is_err() {
            return;
        }
        inside.deliver();
    }
}

/// Where the head of a request ends, and where its body does, once all of it is there.
fn whole_request(buffer: &[u8]) -> Option<(usize, usize)> {
    let head = buffer.windows(4).position(|at| at == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).unwrap().to_ascii_lowercase();
    let body = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.trim().parse().unwrap());
    (buffer.len() >= head + body).then_some((head, head + body))
}

impl Inside {
    /// Writes a frame to a client that has subscribed; the stamps of its connection.
    fn tell(&self, who: Who, shape: FrameShape) -> Option<Rc<Stamps>> {
        let markets = self.markets.borrow();
        let market = markets[who as usize].as_ref().filter(|m| m.subscribed)?;
        let frame = self.stories.borrow_mut()[who as usize].next(shape);
        // A connection that has gone answers nothing.
        let _ = market.frames.send(frame);
        Some(market.stamps.clone())
    }

    /// An order has been read to its end.
    fn seen(&self, who: Who, stamps: &Stamps, bytes: &[u8]) {
        if let (Some(first), Some(last)) = (stamps.first_read.get(), stamps.last_read.get()) {
            let bytes = bytes.to_vec();
            // Nobody waits for it any more at the end.
            let _ = self.orders.send(Seen {
                who,
                first,
                last,
                bytes,
            });
        }
    }

    fn reply(&self, bytes: &[u8], head: usize) -> Vec<u8> {
        let text = std::str::from_utf8(&bytes[..head]).unwrap();
        let mut lines = text.lines();
        let mut first = lines.next().unwrap().split(' ');
        let (method, target) = (first.next().unwrap(), first.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (status, headers, body) = if path == "/api/v3/depth" {
            (200, Vec::new(), self.stories.borrow()[Who::Ours as usize].snapshot())
        } else {
            let headers = lines.filter_map(|line| line.split_once(": "));
            let request = HttpRequest {
                method: match method {
                    "GET" => Method::Get,
                    "POST" => Method::Post,
                    "PUT" => Method::Put,
                    _ => Method::Delete,
                },
                path: path.to_owned(),
                query: query.to_owned(),
                headers: headers
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
                body: String::from_utf8(bytes[head..].to_vec()).unwrap(),
                peer: HERE,
            };
            let reply = self.exchange.borrow_mut().http(&request, now());
            (reply.status, reply.headers, reply.body)
        };
        let headers: String = headers
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        format!(
            "HTTP/1.1 {status} OK\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// What the exchange tells goes to its connections.
    fn deliver(&self) {
        for (id, outgoing) in self.exchange.borrow_mut().drain() {
            if let Some(socket) = self.sockets.borrow().get(&id) {
                // One that has gone is told nothing.
                let _ = socket.send(outgoing);
            }
        }
    }
}

/// A market stream: subscriptions are confirmed, frames come from the conductor.
async fn market(inside: &Inside, tls: TlsStream<Stamped>, stamps: Rc<Stamps>, who: Who) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(tls).await else {
        return;
    };
    let (frames, mut told) = mpsc::unbounded_channel();
    inside.markets.borrow_mut()[who as usize] = Some(Market {
        frames,
        stamps,
        subscribed: who == Who::Bare,
    });
    loop {
        tokio::select! {
            frame = told.recv() => {
                let Some(frame) = frame else { return };
                if socket.send(Message::text(frame)).await.is_err() {
                    return;
                }
            }
            message = socket.next() => {
                let Some(Ok(message)) = message else { return };
                let Message::Text(text) = message else { continue };
                let asked: serde_json::Value = serde_json::from_str(&text).unwrap();
                let reply = format!("{{\"result\":null,\"id\":{}}}", asked["id"]);
                if socket.send(Message::text(reply)).await.is_err() {
                    return;
                }
                if let Some(market) = &mut inside.markets.borrow_mut()[who as usize] {
                    market.subscribed = true;
                }
            }
        }
    }
}

/// The WebSocket API: the user stream, and orders.
async fn socket_api(inside: &Inside, tls: TlsStream<Stamped>, stamps: &Stamps) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(tls).await else {
        return;
    };
    let (outbox, mut outgoing) = mpsc::unbounded_channel();
    let opened = inside.exchange.borrow_mut().ws_open(&SocketPath::Api, "", HERE, now());
    let id = opened.unwrap();
    inside.sockets.borrow_mut().insert(id, outbox);
    loop {
        let sent = tokio::select! {
            out = outgoing.recv() => match out {
                Some(Outgoing::Text(text)) => socket.send(Message::text(text)).await,
                Some(Outgoing::Ping(text)) => socket.send(Message::Ping(text.into_bytes().into())).await,
                Some(Outgoing::Close(..)) | None => return,
            },
            message = socket.next() => {
                let Some(Ok(message)) = message else { return };
                if let Message::Text(text) = message {
                    if text.contains("\"order.place\"") {
                        inside.seen(Who::Ours, stamps, text.as_bytes());
                    }
                    stamps.forget_reads();
                    inside.exchange.borrow_mut().ws_message(id, &text, now());
                    inside.deliver();
                }
                Ok(())
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Where the bare program writes orders as frames.
async fn bare_socket(inside: &Inside, tls: TlsStream<Stamped>, stamps: &Stamps) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(tls).await else {
        return;
    };
    while let Some(Ok(message)) = socket.next().await {
        inside.seen(Who::Bare, stamps, &message.into_data());
        stamps.forget_reads();
        if socket.send(Message::text("{}")).await.is_err() {
            return;
        }
    }
}
