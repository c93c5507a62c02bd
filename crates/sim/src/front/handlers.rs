//! The HTTP side of the sockets: every request becomes a command; a WebSocket becomes a pair of loops.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::{self, HeaderName, HeaderValue, Response, StatusCode};
use futures_util::SinkExt;
use tokio::sync::{mpsc, oneshot};

use super::actor::{Command, FRAMES_WAITING, Frame};
use crate::binance::{HttpRequest, HttpResponse, Method, Outgoing, SocketPath};
use crate::identity::ConnectionId;

/// Frames that are written together at most.
const FRAMES_TOGETHER: usize = 256;
/// The largest body that is read.
const LARGEST_BODY: usize = 1 << 20;

type Commands = mpsc::Sender<Command>;

/// Routes everything to one handler: which paths exist is the exchange's matter.
pub(super) fn router(commands: Commands) -> Router {
    Router::new().fallback(any).with_state(commands)
}

async fn any(
    State(commands): State<Commands>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    match SocketPath::parse(request.uri().path()) {
        Some(path) => upgrade(commands, peer.ip(), path, request).await,
        None => rest(commands, peer.ip(), request).await,
    }
}

async fn rest(commands: Commands, peer: IpAddr, request: Request) -> Response<Body> {
    let method = match *request.method() {
        http::Method::GET => Method::Get,
        http::Method::POST => Method::Post,
        http::Method::PUT => Method::Put,
        http::Method::DELETE => Method::Delete,
        _ => return html(StatusCode::METHOD_NOT_ALLOWED),
    };
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return html(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let headers = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let request = HttpRequest {
        method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        peer,
    };
    let (reply, answer) = oneshot::channel();
    if commands.send(Command::Http { request, reply }).await.is_err() {
        return html(StatusCode::SERVICE_UNAVAILABLE);
    }
    match answer.await {
        Ok(response) => to_axum(response),
        Err(_) => html(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn upgrade(commands: Commands, peer: IpAddr, path: SocketPath, request: Request) -> Response<Body> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let (mut parts, _) = request.into_parts();
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await else {
        return html(StatusCode::BAD_REQUEST);
    };
    let (frames, outbox) = mpsc::channel(FRAMES_WAITING);
    let (reply, opened) = oneshot::channel();
    let open = Command::Open {
        path,
        query,
        peer,
        frames,
        reply,
    };
    if commands.send(open).await.is_err() {
        return html(StatusCode::SERVICE_UNAVAILABLE);
    }
    match opened.await {
        Ok(Ok(id)) => {
            let failed = commands.clone();
            upgrade
                .on_failed_upgrade(move |_| {
                    tokio::spawn(async move { drop(failed.send(Command::Close { id }).await) });
                })
                .on_upgrade(move |socket| converse(socket, id, commands, outbox))
        }
        Ok(Err(refused)) => to_axum(refused),
        Err(_) => html(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// Carries frames both ways until one side ends it.
async fn converse(mut socket: WebSocket, id: ConnectionId, commands: Commands, mut outbox: mpsc::Receiver<Frame>) {
    let mut ready = Vec::new();
    loop {
        tokio::select! {
            // What is ready goes out together: a write for each frame would cost more than the frames.
            count = outbox.recv_many(&mut ready, FRAMES_TOGETHER) => {
                if count == 0 || !send_all(&mut socket, ready.drain(..)).await {
                    break;
                }
            }
            received = socket.recv() => {
                let command = match received {
                    Some(Ok(Message::Text(text))) => Command::Message { id, text: text.to_string() },
                    Some(Ok(Message::Binary(bytes))) => {
                        Command::Message { id, text: String::from_utf8_lossy(&bytes).into_owned() }
                    }
                    Some(Ok(Message::Pong(payload))) => {
                        Command::Pong { id, payload: String::from_utf8_lossy(&payload).into_owned() }
                    }
                    Some(Ok(Message::Ping(_))) => continue,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                };
                if commands.send(command).await.is_err() {
                    break;
                }
            }
        }
    }
    // Fails only when the exchange is gone, and with it the connection.
    let _ = commands.send(Command::Close { id }).await;
}

/// Sends frames with as few writes as they fit into. Whether the connection goes on.
async fn send_all(socket: &mut WebSocket, frames: impl Iterator<Item = Frame>) -> bool {
    for frame in frames {
        let message = match frame {
            Frame::Send(Outgoing::Text(text)) => Message::Text(text.into()),
            Frame::Send(Outgoing::Ping(payload)) => Message::Ping(Bytes::from(payload)),
            Frame::Send(Outgoing::Close(code, reason)) => {
                let frame = CloseFrame {
                    code: code.number(),
                    reason: reason.into(),
                };
                // The client may be gone already.
                let _ = socket.send(Message::Close(Some(frame))).await;
                return false;
            }
            Frame::Cut => return false,
        };
        if socket.feed(message).await.is_err() {
            return false;
        }
    }
    socket.flush().await.is_ok()
}

fn to_axum(response: HttpResponse) -> Response<Body> {
    let mut answer = Response::new(Body::from(response.body));
    *answer.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(&value)) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

fn html(status: StatusCode) -> Response<Body> {
    to_axum(HttpResponse::html(
        status.as_u16(),
        status.canonical_reason().unwrap_or("Error"),
    ))
}
