//! The task that owns the exchange: commands in, replies and frames out, and a tick of the wall clock in between.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rust_decimal::Decimal;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::binance::{CloseCode, HttpRequest, HttpResponse, Outgoing, SocketPath, TransferError};
use crate::config::FlowConfig;
use crate::faults::{FaultPlan, FrameFault, RequestFault};
use crate::identity::{AccountName, Asset, ConnectionId};
use crate::time::Timestamp;
use crate::venue::Venue;

/// How often time passes for the exchange when nobody asks anything.
const TICK: Duration = Duration::from_millis(20);
/// And where messages have a rate: so many come at once as a rate of a millisecond makes.
const STEADY_TICK: Duration = Duration::from_millis(1);

/// Frames that may wait for a slow client before it is cut off.
pub(super) const FRAMES_WAITING: usize = 8_192;

/// What a connection's task is told to do.
#[derive(Debug)]
pub(super) enum Frame {
    /// Send it.
    Send(Outgoing),
    /// Cut the connection without a close frame.
    Cut,
}

/// What the exchange's task is asked to do.
pub(super) enum Command {
    Http {
        request: HttpRequest,
        reply: oneshot::Sender<HttpResponse>,
    },
    Open {
        path: SocketPath,
        query: String,
        peer: IpAddr,
        frames: mpsc::Sender<Frame>,
        reply: OpenReply,
    },
    Message {
        id: ConnectionId,
        text: String,
    },
    Pong {
        id: ConnectionId,
        payload: String,
    },
    Close {
        id: ConnectionId,
    },
    Transfer {
        account: AccountName,
        asset: Asset,
        delta: Decimal,
        reply: oneshot::Sender<Result<(), TransferError>>,
    },
    Shutdown,
}

/// Where the result of opening a connection goes.
pub(super) type OpenReply = oneshot::Sender<Result<ConnectionId, HttpResponse>>;

/// The system's time. The exchange itself never asks for it.
pub(super) fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// How often time passes for an exchange with this flow.
pub(super) const fn tick_of(flow: &FlowConfig) -> Duration {
    match flow {
        FlowConfig::Steady(_) => STEADY_TICK,
        FlowConfig::None | FlowConfig::Random(_) | FlowConfig::Replay(_) => TICK,
    }
}

struct Actor {
    exchange: Venue,
    faults: FaultPlan,
    connections: BTreeMap<ConnectionId, mpsc::Sender<Frame>>,
}

/// Runs the exchange until it is told to shut down or nobody can ask any more.
pub(super) async fn run(exchange: Venue, faults: FaultPlan, tick: Duration, mut inbox: mpsc::Receiver<Command>) {
    let mut actor = Actor {
        exchange,
        faults,
        connections: BTreeMap::new(),
    };
    let mut ticks = interval(tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            command = inbox.recv() => match command {
                None | Some(Command::Shutdown) => break,
                Some(command) => actor.handle(command),
            },
            _ = ticks.tick() => actor.exchange.advance(wall_clock()),
        }
        actor.deliver();
    }
    actor.exchange.announce_shutdown(wall_clock());
    actor.deliver();
    for frames in actor.connections.values() {
        // A client that does not read is cut off when the server's task ends.
        let _ = frames.try_send(Frame::Send(Outgoing::Close(CloseCode::GoingAway, "Server shutdown")));
    }
}

impl Actor {
    fn handle(&mut self, command: Command) {
        let now = wall_clock();
        match command {
            Command::Http { request, reply } => self.http(&request, reply, now),
            Command::Open {
                path,
                query,
                peer,
                frames,
                reply,
            } => {
                let opened = self.exchange.ws_open(&path, &query, peer, now);
                if let Ok(id) = &opened {
                    self.connections.insert(*id, frames);
                }
                let id = opened.as_ref().ok().copied();
                if let (Err(_), Some(id)) = (reply.send(opened), id) {
                    self.forget(id);
                }
            }
            Command::Message { id, text } => self.exchange.ws_message(id, &text, now),
            Command::Pong { id, payload } => self.exchange.ws_pong(id, &payload, now),
            Command::Close { id } => self.forget(id),
            Command::Transfer {
                account,
                asset,
                delta,
                reply,
            } => {
                // The caller may have gone; the transfer stands.
                let _ = reply.send(self.exchange.transfer(&account, &asset, delta, now));
            }
            Command::Shutdown => {}
        }
    }

    fn http(&mut self, request: &HttpRequest, reply: oneshot::Sender<HttpResponse>, now: Timestamp) {
        let method = format!("{:?}", request.method).to_uppercase();
        let fault = self.faults.on_request(&format!("{method} {}", request.path));
        let (response, delay) = match fault {
            RequestFault::None => (self.exchange.http(request, now), None),
            RequestFault::Refuse { status } => (HttpResponse::html(status, "Refused on purpose"), None),
            RequestFault::LoseReply { status } => {
                self.exchange.http(request, now);
                (HttpResponse::html(status, "Reply lost on purpose"), None)
            }
            RequestFault::Delay { micros } => (self.exchange.http(request, now), Some(micros)),
        };
        // A client that has gone does not get its answer; what it asked for is done.
        match delay {
            None => drop(reply.send(response)),
            Some(delay) => {
                let due = Instant::now() + Duration::from_micros(delay.micros().max(0).unsigned_abs());
                tokio::spawn(async move {
                    sleep_until(due).await;
                    drop(reply.send(response));
                });
            }
        }
    }

    fn forget(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
        self.exchange.ws_close(id, wall_clock());
    }

    /// Hands frames to the connections' tasks; a client that does not keep up is cut off.
    fn deliver(&mut self) {
        for (id, outgoing) in self.exchange.drain() {
            let fault = match &outgoing {
                Outgoing::Text(text) => self.faults.on_frame(text),
                Outgoing::Ping(_) | Outgoing::Close(..) => FrameFault::None,
            };
            let Some(frames) = self.connections.get(&id) else {
                continue;
            };
            let ends = matches!(outgoing, Outgoing::Close(..));
            let frame = match fault {
                FrameFault::None => Frame::Send(outgoing),
                FrameFault::Drop => continue,
                FrameFault::Disconnect => Frame::Cut,
            };
            let cut = matches!(frame, Frame::Cut);
            if frames.try_send(frame).is_err() || cut {
                self.forget(id);
            } else if ends {
                self.connections.remove(&id);
            }
        }
    }
}
