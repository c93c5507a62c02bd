//! Opening a WebSocket: TCP, a proxy's tunnel where there is one, TLS, handshake.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::http::header::{HeaderName, HeaderValue, USER_AGENT};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, handshake::client::Request};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::TransportOptions;
use crate::StreamDial;

/// The most bytes of a frame, and of a message of several.
const MAX_FRAME: usize = 16 << 20;
/// The most bytes that wait to be written: a peer that does not read is not waited for.
const MAX_UNWRITTEN: usize = 4 << 20;
/// What is read at once. The library zeroes so much before each read, and takes as much anew while a frame is still held: its
/// own choice of 128 KiB costs more than all that is done with an ordinary frame. Larger frames are read in several goes.
const READ_BUFFER: usize = 8 << 10;
/// A frame is written at once, not collected.
const WRITE_BUFFER: usize = 0;
/// The most bytes of a proxy's answer.
const MAX_PROXY_ANSWER: usize = 8 << 10;

pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a stream could not be opened. The words hold no URL.
#[derive(Debug)]
pub(super) struct DialFailure {
    /// The HTTP status where the handshake was refused with one, else zero.
    pub code: u16,
    pub reason: String,
}

fn failure(reason: impl Into<String>) -> DialFailure {
    DialFailure {
        code: 0,
        reason: reason.into(),
    }
}

/// Opens a stream within its deadline.
#[expect(clippy::disallowed_methods, reason = "the edge at which real time enters")]
pub(super) async fn dial(
    dial: StreamDial,
    options: TransportOptions,
    tls: Option<Connector>,
) -> Result<Socket, DialFailure> {
    let deadline = Duration::from_millis(dial.deadline.0);
    match tokio::time::timeout(deadline, connect(dial, options, tls)).await {
        Ok(result) => result,
        Err(_) => Err(failure(format!("no handshake within {} ms", deadline.as_millis()))),
    }
}

async fn connect(dial: StreamDial, options: TransportOptions, tls: Option<Connector>) -> Result<Socket, DialFailure> {
    let request = request(&dial, &options)?;
    let target = target(request.uri())?;
    let tcp = match &options.proxy {
        Some(proxy) => tunnel(proxy.as_str(), &target).await?,
        None => TcpStream::connect(&target)
            .await
            .map_err(|e| failure(format!("no connection: {e}")))?,
    };
    tcp.set_nodelay(true)
        .map_err(|e| failure(format!("TCP_NODELAY is refused: {e}")))?;
    let config = WebSocketConfig::default()
        .max_frame_size(Some(MAX_FRAME))
        .max_message_size(Some(MAX_FRAME))
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_UNWRITTEN);
    match client_async_tls_with_config(request, tcp, Some(config), tls).await {
        Ok((socket, _)) => Ok(socket),
        Err(WebSocketError::Http(answer)) => Err(DialFailure {
            code: answer.status().as_u16(),
            reason: format!("the handshake was refused with HTTP {}", answer.status()),
        }),
        Err(error) => Err(failure(format!("the handshake failed: {error}"))),
    }
}

fn request(dial: &StreamDial, options: &TransportOptions) -> Result<Request, DialFailure> {
    let mut request = dial
        .url
        .as_str()
        .into_client_request()
        .map_err(|_| failure("the URL cannot be read"))?;
    if let Ok(agent) = HeaderValue::from_str(&options.user_agent) {
        request.headers_mut().insert(USER_AGENT, agent);
    }
    for (name, value) in &dial.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| failure("a header name is not one"))?;
        let value = HeaderValue::from_str(value).map_err(|_| failure("a header value cannot be sent"))?;
        request.headers_mut().insert(name, value);
    }
    Ok(request)
}

/// `host:port` of a WebSocket URL.
fn target(uri: &Uri) -> Result<String, DialFailure> {
    let host = uri.host().ok_or_else(|| failure("the URL has no host"))?;
    let port = match (uri.port_u16(), uri.scheme_str()) {
        (Some(port), _) => port,
        (None, Some("wss")) => 443,
        (None, Some("ws")) => 80,
        _ => return Err(failure("the URL is neither wss nor ws")),
    };
    Ok(format!("{host}:{port}"))
}

/// A tunnel through an HTTP proxy (RFC 9110, CONNECT).
pub(super) async fn tunnel(proxy: &str, target: &str) -> Result<TcpStream, DialFailure> {
    let broken = |e: std::io::Error| failure(format!("the proxy: {e}"));
    let mut tcp = TcpStream::connect(proxy).await.map_err(broken)?;
    let ask = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    tcp.write_all(ask.as_bytes()).await.map_err(broken)?;
    let mut answer = Vec::new();
    // Byte by byte, so that nothing of the tunnel is read with the answer.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= MAX_PROXY_ANSWER {
            return Err(failure("the proxy's answer does not end"));
        }
        answer.push(tcp.read_u8().await.map_err(broken)?);
    }
    let line = String::from_utf8_lossy(&answer);
    let status = line.split(' ').nth(1).unwrap_or("");
    if status.starts_with('2') {
        Ok(tcp)
    } else {
        Err(failure(format!("the proxy refused the tunnel with {status:?}")))
    }
}
