//! A stream over two connections.

use super::*;

/// A stream over two connections, both open, and the exchange's ends of them.
async fn open_twice(transport: &mut Transport) -> (TcpListener, Vec<WebSocketStream<TcpStream>>) {
    let (listener, address) = listener().await;
    let url = format!("ws://{address}/ws");
    transport.open_in_parallel(&url, 2);
    transport.execute(DRIVER, dial(1, &address, Inflate::None));
    let accept = tokio::spawn(async move {
        let mut ends = Vec::new();
        while ends.len() < 2 {
            ends.push(accept_async(listener.accept().await.unwrap().0).await.unwrap());
        }
        (listener, ends)
    });
    let event = soon(transport.next()).await;
    assert_eq!(event, (DRIVER, TransportEvent::StreamOpened { stream: StreamId(1) }));
    // The second one is not told of: it is polled until its handshake is done.
    let both = async {
        while !accept.is_finished() {
            assert!(transport.try_next().is_none());
            tokio::task::yield_now().await;
        }
    };
    soon(both).await;
    accept.await.unwrap()
}

/// Polls until nothing comes for as long as a frame takes that the other end has written before.
async fn told_until(transport: &mut Transport, last: &str) -> Vec<String> {
    let mut told = Vec::new();
    while told.last().is_none_or(|text| text != last) {
        told.push(text_of(soon(transport.next()).await.1));
    }
    told
}

#[tokio::test]
async fn of_two_connections_the_first_frame_wins_and_the_other_is_not_told() {
    let mut transport = transport();
    let (_listener, mut ends) = open_twice(&mut transport).await;
    for (at, number) in [
        (0, 1),
        (0, 2),
        (1, 1),
        (1, 2),
        (1, 3),
        (1, 4),
        (0, 3),
        (0, 4),
        (0, 5),
        (1, 5),
        (1, 6),
    ] {
        ends[at].send(Message::text(number.to_string())).await.unwrap();
    }
    assert_eq!(told_until(&mut transport, "6").await, ["1", "2", "3", "4", "5", "6"]);
    ends[0].send(Message::text("6")).await.unwrap();
    ends[0].send(Message::text("7")).await.unwrap();
    assert_eq!(told_until(&mut transport, "7").await, ["7"]);
}

#[tokio::test]
async fn a_stream_of_two_connections_outlives_one_and_is_closed_with_the_other() {
    let mut transport = transport();
    let (_listener, mut ends) = open_twice(&mut transport).await;
    transport.execute(DRIVER, frame(1, FrameKind::Text, b"subscribe"));
    for end in &mut ends {
        let heard = soon(async {
            tokio::select! {
                heard = end.next() => heard,
                event = transport.next() => panic!("{event:?}"),
            }
        });
        assert_eq!(heard.await.unwrap().unwrap(), Message::text("subscribe"));
    }
    drop(ends.remove(0));
    ends[0].send(Message::text("still here")).await.unwrap();
    assert_eq!(text_of(soon(transport.next()).await.1), "still here");
    drop(ends);
    assert!(matches!(
        soon(transport.next()).await.1,
        TransportEvent::StreamClosed { .. }
    ));
    assert_eq!(transport.streams(), 0);
}

#[tokio::test]
async fn a_connection_that_opens_later_is_told_what_was_sent() {
    let mut transport = transport();
    let (listener, address) = listener().await;
    transport.open_in_parallel(&format!("ws://{address}/ws"), 2);
    transport.execute(DRIVER, dial(1, &address, Inflate::None));
    let first = tokio::spawn(async move {
        let one = accept_async(listener.accept().await.unwrap().0).await.unwrap();
        (listener, one)
    });
    assert!(matches!(
        soon(transport.next()).await.1,
        TransportEvent::StreamOpened { .. }
    ));
    let (listener, mut one) = first.await.unwrap();
    transport.execute(DRIVER, frame(1, FrameKind::Text, b"subscribe"));
    assert_eq!(soon(one.next()).await.unwrap().unwrap(), Message::text("subscribe"));
    let second = tokio::spawn(async move {
        let mut two = accept_async(listener.accept().await.unwrap().0).await.unwrap();
        two.next().await.unwrap().unwrap()
    });
    let heard = async {
        while !second.is_finished() {
            assert!(transport.try_next().is_none());
            tokio::task::yield_now().await;
        }
    };
    soon(heard).await;
    assert_eq!(second.await.unwrap(), Message::text("subscribe"));
}
