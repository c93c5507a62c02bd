//! HTTP connections that are kept.

use super::*;

/// An answer after which the connection stays open.
fn kept(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// An exchange that answers each request of a connection with what `answer` says of its number, and hangs up where that is
/// nothing; counts connections.
async fn keeping(answer: fn(u64) -> Vec<u8>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                for number in 0.. {
                    read_request(&mut tcp).await;
                    let bytes = answer(number);
                    if bytes.is_empty() || tcp.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, connections)
}

/// Polls until so many kept connections are idle.
async fn until_idle(transport: &mut Transport, count: usize) {
    let idle = async {
        while transport.idle_connections() != count {
            assert!(transport.try_next().is_none());
            tokio::task::yield_now().await;
        }
    };
    soon(idle).await;
}

#[tokio::test]
async fn kept_connections_are_open_before_the_first_request_and_carry_one_after_the_other() {
    let (address, connections) = keeping(|_| kept("kept")).await;
    let mut transport = transport();
    transport.keep_connections(&address, 2);
    until_idle(&mut transport, 2).await;
    assert_eq!(connections.load(Ordering::SeqCst), 2);
    for number in 0..10 {
        transport.execute(DRIVER, get(number, format!("{address}/order?signature=a%2B")));
        assert_eq!(transport.idle_connections(), 1, "it is written at once");
        assert_eq!(result(&mut transport).await.unwrap().body, b"kept");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_request_that_finds_no_kept_connection_idle_goes_over_one_of_its_own() {
    let (address, connections) = keeping(|_| kept("")).await;
    let mut transport = transport();
    transport.keep_connections(&address, 1);
    until_idle(&mut transport, 1).await;
    transport.execute(DRIVER, get(1, format!("{address}/a")));
    transport.execute(DRIVER, get(2, format!("{address}/b")));
    assert_eq!(result(&mut transport).await.unwrap().status, 200);
    assert_eq!(result(&mut transport).await.unwrap().status, 200);
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_kept_connection_that_ends_with_a_request_on_it_leaves_it_unknown_and_is_opened_anew() {
    let (address, connections) = keeping(|number| if number == 0 { kept("") } else { Vec::new() }).await;
    let mut transport = transport();
    transport.keep_connections(&address, 1);
    until_idle(&mut transport, 1).await;
    transport.execute(DRIVER, get(1, address.clone() + "/a"));
    assert_eq!(result(&mut transport).await.unwrap().status, 200);
    transport.execute(DRIVER, get(2, address.clone() + "/a"));
    assert!(matches!(result(&mut transport).await, Err(HttpFailure::Unknown(_))));
    assert_eq!(connections.load(Ordering::SeqCst), 1, "nothing is tried again");
    let waiting = async {
        tokio::select! {
            event = transport.next() => panic!("{event:?}"),
            () = async { while connections.load(Ordering::SeqCst) < 2 { tokio::task::yield_now().await } } => {}
        }
    };
    soon(waiting).await;
}

#[tokio::test]
async fn a_kept_connection_that_was_hung_up_is_noticed_before_a_request_is_written_on_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut transport = transport();
    transport.keep_connections(&address, 1);
    let (accepted, ()) = tokio::join!(listener.accept(), until_idle(&mut transport, 1));
    drop(accepted.unwrap());
    let server = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        read_request(&mut tcp).await;
        tcp.write_all(&reply("200 OK", "", "another")).await.unwrap();
    });
    until_idle(&mut transport, 0).await;
    transport.execute(DRIVER, get(1, address.clone() + "/a"));
    assert_eq!(result(&mut transport).await.unwrap().body, b"another");
    server.await.unwrap();
}

#[tokio::test]
async fn an_answer_over_the_limit_ends_a_kept_connection_and_an_abandoned_request_too() {
    let (address, _) = keeping(|_| kept(&"x".repeat(1_001))).await;
    let mut transport = transport();
    transport.keep_connections(&address, 1);
    until_idle(&mut transport, 1).await;
    transport.execute(DRIVER, get(1, address.clone() + "/a"));
    assert_eq!(
        result(&mut transport).await,
        Err(HttpFailure::TooLarge { limit: 1_000 })
    );
    until_idle(&mut transport, 0).await;
    until_idle(&mut transport, 1).await;
    transport.execute(DRIVER, get(2, address.clone() + "/a"));
    transport.execute(DRIVER, Effect::AbandonHttp(RequestId(2)));
    assert!(transport.try_next().is_none());
    assert_eq!(transport.idle_connections(), 0);
}
