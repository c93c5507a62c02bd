//! Through the door: the transport against sockets of this machine.
#![allow(clippy::unwrap_used)]
#![expect(
    clippy::disallowed_methods,
    reason = "the exchange's end of each socket runs beside the test, which waits with a deadline"
)]

mod kept;
mod parallel;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::*;
use crate::{FrameId, FrameKind, HttpRequest, Inflate, OutgoingFrame, StreamDial, StreamId};

const DRIVER: DriverIndex = DriverIndex(0);

fn transport() -> Transport {
    Transport::new(TransportOptions::default()).unwrap()
}

/// Everything here waits on a condition, at most so long.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("it did not happen")
}

fn get(id: u64, url: String) -> Effect {
    Effect::Http(HttpRequest {
        id: RequestId(id),
        method: "GET".into(),
        url,
        headers: vec![("x-key".into(), "k".into())],
        body: Vec::new(),
        max_response: 1_000,
        late: Vec::new(),
    })
}

async fn read_request(tcp: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(tcp.read_u8().await.unwrap());
    }
    String::from_utf8(request).unwrap()
}

/// A server that gives each request the next of these bytes, then closes; counts connections and requests.
async fn server(replies: Vec<Vec<u8>>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = requests.clone();
    tokio::spawn(async move {
        let mut replies = replies.into_iter();
        while let Ok((mut tcp, _)) = listener.accept().await {
            read_request(&mut tcp).await;
            counted.fetch_add(1, Ordering::SeqCst);
            let reply = replies.next().unwrap_or_default();
            tcp.write_all(&reply).await.unwrap();
        }
    });
    (address, requests)
}

fn reply(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn result(transport: &mut Transport) -> Result<HttpResponse, HttpFailure> {
    match soon(transport.next()).await {
        (DRIVER, TransportEvent::Http { result, .. }) => result,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_comes_with_its_headers_in_lower_case() {
    let (address, _) = server(vec![reply("200 OK", "X-Used: 7\r\n", "hello")]).await;
    let mut transport = transport();
    transport.execute(DRIVER, get(5, format!("{address}/path?sign=%2B")));
    let answer = result(&mut transport).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"hello".as_slice()));
    assert!(answer.headers.contains(&("x-used".into(), "7".into())));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (address, requests) = server(vec![reply("302 Found", "location: /elsewhere\r\n", "")]).await;
    let mut transport = transport();
    transport.execute(DRIVER, get(1, address));
    assert_eq!(result(&mut transport).await.unwrap().status, 302);
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refused_connection_is_certain_to_have_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut transport = transport();
    transport.execute(DRIVER, get(1, format!("http://{address}/x?signature=s3cr3t")));
    let failure = result(&mut transport).await.unwrap_err();
    assert!(matches!(failure, HttpFailure::NotSent(_)));
    assert!(!failure.to_string().contains("s3cr3t"), "{failure}");
}

#[tokio::test]
async fn a_name_that_is_not_found_is_certain_to_have_sent_nothing() {
    let mut transport = transport();
    transport.execute(DRIVER, get(1, "http://nowhere.invalid/x".into()));
    assert!(matches!(result(&mut transport).await, Err(HttpFailure::NotSent(_))));
}

#[tokio::test]
async fn a_tls_handshake_that_fails_is_certain_to_have_sent_nothing() {
    let (address, _) = tls_stub().await;
    let mut transport = transport();
    transport.execute(DRIVER, get(1, address));
    assert!(matches!(result(&mut transport).await, Err(HttpFailure::NotSent(_))));
}

/// Answers a TLS hello with what is none.
async fn tls_stub() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}/", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.read_u8().await.unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    (address, task)
}

#[tokio::test]
async fn a_connection_cut_after_the_request_is_unknown_and_not_tried_again() {
    for cut in [Vec::new(), b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhal".to_vec()] {
        let (address, requests) = server(vec![cut, reply("200 OK", "", "")]).await;
        let mut transport = transport();
        transport.execute(DRIVER, get(1, address));
        assert!(matches!(result(&mut transport).await, Err(HttpFailure::Unknown(_))));
        assert_eq!(requests.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_kept_connection_that_dies_with_a_request_on_it_is_unknown_and_not_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            read_request(&mut tcp).await;
            tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await
                .unwrap();
            read_request(&mut tcp).await;
        }
    });
    let mut transport = transport();
    transport.execute(DRIVER, get(1, address.clone()));
    assert_eq!(result(&mut transport).await.unwrap().status, 200);
    transport.execute(DRIVER, get(2, address));
    assert!(matches!(result(&mut transport).await, Err(HttpFailure::Unknown(_))));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_read_to_its_end() {
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n800\r\n{}\r\n",
        "x".repeat(0x800)
    );
    for large in [reply("200 OK", "", &"x".repeat(1_001)), chunked.into_bytes()] {
        let (address, _) = server(vec![large]).await;
        let mut transport = transport();
        transport.execute(DRIVER, get(1, address));
        assert_eq!(
            result(&mut transport).await,
            Err(HttpFailure::TooLarge { limit: 1_000 })
        );
    }
}

#[tokio::test]
async fn an_abandoned_request_is_not_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let (address, _) = server(vec![reply("200 OK", "", "")]).await;
    let mut transport = transport();
    transport.execute(DRIVER, get(1, silent));
    assert!(transport.try_next().is_none());
    transport.execute(DRIVER, Effect::AbandonHttp(RequestId(1)));
    transport.execute(DRIVER, get(2, address));
    let event = soon(transport.next()).await.1;
    assert!(matches!(
        event,
        TransportEvent::Http {
            request: RequestId(2),
            ..
        }
    ));
}

#[tokio::test]
async fn the_environments_proxy_is_ignored_and_a_given_one_used() {
    let (address, requests) = server(vec![reply("200 OK", "", "proxied")]).await;
    let mut transport = Transport::new(TransportOptions {
        proxy: Some(address.parse().unwrap()),
        ..TransportOptions::default()
    })
    .unwrap();
    transport.execute(DRIVER, get(1, "http://exchange.invalid/x".into()));
    assert_eq!(result(&mut transport).await.unwrap().body, b"proxied");
    assert_eq!(requests.load(Ordering::SeqCst), 1);
}

fn dial(id: u64, address: &str, inflate: Inflate) -> Effect {
    Effect::OpenStream(StreamDial {
        id: StreamId(id),
        url: format!("ws://{address}/ws?listen=key"),
        headers: vec![("x-key".into(), "k".into())],
        inflate,
        deadline: Millis(10_000),
    })
}

fn frame(stream: u64, kind: FrameKind, bytes: &[u8]) -> Effect {
    Effect::SendFrame(OutgoingFrame {
        id: FrameId(9),
        stream: StreamId(stream),
        kind,
        bytes: bytes.to_vec(),
        late: Vec::new(),
    })
}

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// An open stream and the exchange's end of it.
async fn open(transport: &mut Transport, inflate: Inflate) -> WebSocketStream<TcpStream> {
    let (listener, address) = listener().await;
    let server = tokio::spawn(async move { accept_async(listener.accept().await.unwrap().0).await.unwrap() });
    transport.execute(DRIVER, dial(1, &address, inflate));
    let event = soon(transport.next()).await;
    assert_eq!(event, (DRIVER, TransportEvent::StreamOpened { stream: StreamId(1) }));
    server.await.unwrap()
}

fn text_of(event: TransportEvent) -> String {
    match event {
        TransportEvent::Frame { bytes, .. } => String::from_utf8(bytes.as_slice().to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn frames_go_both_ways_in_order_and_are_drained_without_waiting() {
    let mut transport = transport();
    let mut exchange = open(&mut transport, Inflate::None).await;
    transport.execute(DRIVER, frame(1, FrameKind::Text, b"subscribe"));
    assert_eq!(
        soon(exchange.next()).await.unwrap().unwrap(),
        Message::text("subscribe")
    );
    for number in 0..3 {
        exchange.send(Message::text(number.to_string())).await.unwrap();
    }
    assert_eq!(text_of(soon(transport.next()).await.1), "0");
    let mut drained = Vec::new();
    while drained.len() < 2 {
        match transport.try_next() {
            Some((_, event)) => drained.push(text_of(event)),
            None => tokio::task::yield_now().await,
        }
    }
    assert_eq!(drained, ["1", "2"]);
    assert!(transport.try_next().is_none());
    // What a poll without a waker has seen is not lost for the next wait.
    exchange.send(Message::text("3")).await.unwrap();
    assert_eq!(text_of(soon(transport.next()).await.1), "3");
}

#[tokio::test]
async fn a_ping_is_answered_and_told() {
    let mut transport = transport();
    let mut exchange = open(&mut transport, Inflate::None).await;
    exchange.send(Message::Ping(b"now".as_slice().into())).await.unwrap();
    let event = soon(transport.next()).await.1;
    assert_eq!(event, TransportEvent::Pinged { stream: StreamId(1) });
    let pong = soon(exchange.next()).await.unwrap().unwrap();
    assert_eq!(pong, Message::Pong(b"now".as_slice().into()));
}

#[tokio::test]
async fn binary_frames_are_inflated_and_what_is_not_compressed_ends_the_stream() {
    let mut transport = transport();
    let mut exchange = open(&mut transport, Inflate::Gzip).await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"inflated").unwrap();
    exchange.send(Message::binary(gzip.finish().unwrap())).await.unwrap();
    assert_eq!(text_of(soon(transport.next()).await.1), "inflated");
    exchange.send(Message::binary(b"not gzip".to_vec())).await.unwrap();
    assert!(matches!(
        soon(transport.next()).await.1,
        TransportEvent::StreamClosed { code: 1007, .. }
    ));
    assert_eq!(transport.streams(), 0);
}

#[tokio::test]
async fn an_end_is_told_once_with_its_code_and_frames_after_it_are_refused() {
    let mut transport = transport();
    let mut exchange = open(&mut transport, Inflate::None).await;
    let goodbye = tokio_tungstenite::tungstenite::protocol::CloseFrame {
        code: 1001.into(),
        reason: "maintenance".into(),
    };
    exchange.send(Message::Close(Some(goodbye))).await.unwrap();
    let TransportEvent::StreamClosed { code, reason, .. } = soon(transport.next()).await.1 else {
        panic!("not closed");
    };
    assert_eq!(code, 1001);
    assert!(reason.contains("maintenance"));
    transport.execute(DRIVER, frame(1, FrameKind::Text, b"late"));
    assert!(matches!(
        transport.try_next(),
        Some((DRIVER, TransportEvent::FrameRefused { frame: FrameId(9), .. }))
    ));
}

#[tokio::test]
async fn a_cut_connection_is_told() {
    let mut transport = transport();
    let exchange = open(&mut transport, Inflate::None).await;
    drop(exchange);
    assert!(matches!(
        soon(transport.next()).await.1,
        TransportEvent::StreamClosed { .. }
    ));
}

#[tokio::test]
async fn a_closed_stream_says_goodbye_and_tells_nothing_more() {
    let mut transport = transport();
    let mut exchange = open(&mut transport, Inflate::None).await;
    let stream = StreamId(1);
    transport.execute(DRIVER, Effect::CloseStream { stream, code: 1000 });
    let last = soon(exchange.next()).await.unwrap().unwrap();
    assert!(matches!(last, Message::Close(Some(frame)) if u16::from(frame.code) == 1000));
    assert_eq!(transport.streams(), 0);
    assert!(transport.try_next().is_none());
}

#[tokio::test]
async fn a_refused_handshake_tells_its_status_and_no_url() {
    let (address, _) = server(vec![reply("429 Too Many Requests", "", "")]).await;
    let mut transport = transport();
    transport.execute(DRIVER, dial(1, address.strip_prefix("http://").unwrap(), Inflate::None));
    let TransportEvent::StreamClosed { code, reason, .. } = soon(transport.next()).await.1 else {
        panic!("not closed");
    };
    assert_eq!(code, 429);
    assert!(!reason.contains("listen"), "{reason}");
}

#[tokio::test]
async fn streams_take_turns() {
    let mut transport = transport();
    let mut loud = open(&mut transport, Inflate::None).await;
    let (listener, address) = listener().await;
    let server = tokio::spawn(async move { accept_async(listener.accept().await.unwrap().0).await.unwrap() });
    transport.execute(DRIVER, dial(2, &address, Inflate::None));
    soon(transport.next()).await;
    let mut quiet = server.await.unwrap();
    for _ in 0..50 {
        loud.send(Message::text("loud")).await.unwrap();
    }
    quiet.send(Message::text("quiet")).await.unwrap();
    let mut before = 0;
    while text_of(soon(transport.next()).await.1) == "loud" {
        before += 1;
    }
    assert!(
        before < 50,
        "the quiet stream waited for {before} frames of the loud one"
    );
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_not_waited_for() {
    let mut transport = transport();
    let _exchange = open(&mut transport, Inflate::None).await;
    let megabyte = vec![b'x'; 1 << 20];
    let mut refused = false;
    for _ in 0..64 {
        transport.execute(DRIVER, frame(1, FrameKind::Binary, &megabyte));
        refused |= matches!(
            transport.try_next(),
            Some((DRIVER, TransportEvent::FrameRefused { .. }))
        );
    }
    assert!(refused);
}

#[tokio::test]
async fn a_stream_is_opened_through_a_tunnel() {
    let (target, address) = listener().await;
    let server = tokio::spawn(async move { accept_async(target.accept().await.unwrap().0).await.unwrap() });
    let (proxy, proxy_address) = listener().await;
    let asked = tokio::spawn(async move {
        let (mut client, _) = proxy.accept().await.unwrap();
        let request = read_request(&mut client).await;
        let to = request.split(' ').nth(1).unwrap().to_owned();
        let mut upstream = TcpStream::connect(&to).await.unwrap();
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await
            .unwrap();
        tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut upstream).await });
        request
    });
    let mut transport = Transport::new(TransportOptions {
        proxy: Some(format!("http://{proxy_address}").parse().unwrap()),
        ..TransportOptions::default()
    })
    .unwrap();
    transport.execute(DRIVER, dial(1, &address, Inflate::None));
    assert!(matches!(
        soon(transport.next()).await.1,
        TransportEvent::StreamOpened { .. }
    ));
    server.await.unwrap();
    assert!(
        asked
            .await
            .unwrap()
            .starts_with(&format!("CONNECT {address} HTTP/1.1\r\n"))
    );
}

#[test]
fn the_hosts_clock_runs_and_converts() {
    let clock = HostClock::start();
    let (first, second) = (clock.now(), clock.now());
    assert!(second.mono >= first.mono && first.mono.0 >= 1_000_000_000);
    assert!(first.wall.0 > 1_600_000_000_000_000_000);
    assert!(clock.instant(second.mono) >= clock.instant(first.mono));
}
