//! The exchange through its real door: HTTP and WebSocket on a port of this machine.
#![allow(clippy::unwrap_used)]
#![expect(
    clippy::disallowed_methods,
    reason = "real sockets need the real clock, and a deadline"
)]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use colibri_sim::SimConfig;
use colibri_sim::faults::{FaultPlan, FrameFault, FrameRule, RequestFault, RequestRule};
use colibri_sim::front::{Server, serve};
use colibri_sim::time::Span;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use support::{API_KEY, DEADLINE, ED25519_API_KEY, ed25519_base64, hmac_hex, lively, signed_request, sorted};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

fn now_millis() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

async fn connect(server: &Server, path: &str) -> Socket {
    timeout(DEADLINE, connect_async(format!("ws://{}{path}", server.address())))
        .await
        .unwrap()
        .unwrap()
        .0
}

async fn say(socket: &mut Socket, text: String) {
    socket.send(Message::text(text)).await.unwrap();
}

/// The next JSON message that `wanted` accepts; what comes before it is dropped.
async fn hear(socket: &mut Socket, wanted: impl Fn(&Value) -> bool) -> Value {
    let search = async {
        loop {
            let message = socket.next().await.expect("the connection is open").unwrap();
            if let Message::Text(text) = message {
                let value: Value = serde_json::from_str(&text).unwrap();
                if wanted(&value) {
                    return value;
                }
            }
        }
    };
    timeout(DEADLINE, search)
        .await
        .expect("the message comes within the deadline")
}

struct Rest {
    client: reqwest::Client,
    base: String,
}

impl Rest {
    fn new(server: &Server) -> Self {
        // Fails when another test was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            client: reqwest::Client::new(),
            base: format!("http://{}", server.address()),
        }
    }

    async fn get(&self, path: &str) -> Value {
        let text = self
            .client
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        serde_json::from_str(&text).unwrap()
    }

    async fn signed(&self, method: reqwest::Method, path: &str, query: &str) -> (u16, Value) {
        let query = format!("{query}&recvWindow=60000&timestamp={}", now_millis());
        let url = format!("{}{path}?{query}&signature={}", self.base, hmac_hex(&query));
        let response = self
            .client
            .request(method, url)
            .header("X-MBX-APIKEY", API_KEY)
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
    }
}

#[tokio::test]
async fn an_order_lives_and_dies_over_rest() {
    let server = serve(lively()).await.unwrap();
    let rest = Rest::new(&server);
    assert_eq!(rest.get("/api/v3/ping").await, json!({}));
    let depth = rest.get("/api/v3/depth?symbol=BTCUSDT&limit=50").await;
    assert!(depth["bids"].as_array().unwrap().len() >= 20);

    let query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=50000&newClientOrderId=mine";
    let (status, placed) = rest.signed(reqwest::Method::POST, "/api/v3/order", query).await;
    assert_eq!((status, &placed["status"]), (200, &json!("NEW")), "{placed}");
    let named = "symbol=BTCUSDT&origClientOrderId=mine";
    let (_, queried) = rest.signed(reqwest::Method::GET, "/api/v3/order", named).await;
    assert_eq!(queried["orderId"], placed["orderId"]);
    let (_, open) = rest
        .signed(reqwest::Method::GET, "/api/v3/openOrders", "symbol=BTCUSDT")
        .await;
    assert_eq!(open.as_array().unwrap().len(), 1);
    let (status, canceled) = rest.signed(reqwest::Method::DELETE, "/api/v3/order", named).await;
    assert_eq!(
        (status, &canceled["status"], &canceled["origClientOrderId"]),
        (200, &json!("CANCELED"), &json!("mine"))
    );
    let (status, again) = rest.signed(reqwest::Method::DELETE, "/api/v3/order", named).await;
    assert_eq!((status, &again["code"]), (400, &json!(-2011)));

    let forged = format!("{}/api/v3/account?timestamp={}&signature=00", rest.base, now_millis());
    let response = rest
        .client
        .get(forged)
        .header("X-MBX-APIKEY", API_KEY)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 400);
    assert!(response.headers().contains_key("x-mbx-used-weight-1m"));
    let gone = rest
        .client
        .post(format!("{}/api/v3/userDataStream", rest.base))
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status().as_u16(), 410);
    assert!(gone.text().await.unwrap().starts_with("<html>"));
    server.shutdown().await;
}

#[tokio::test]
async fn a_local_book_follows_the_stream_without_a_gap() {
    let server = serve(lively()).await.unwrap();
    let rest = Rest::new(&server);
    let mut socket = connect(&server, "/stream?streams=btcusdt@depth@100ms/btcusdt@trade").await;
    let is_depth = |value: &Value| value["stream"] == "btcusdt@depth@100ms";
    let mut event = hear(&mut socket, is_depth).await;
    let snapshot = rest.get("/api/v3/depth?symbol=BTCUSDT&limit=5000").await;
    let last = snapshot["lastUpdateId"].as_u64().unwrap();
    assert!(
        last >= event["data"]["U"].as_u64().unwrap(),
        "the snapshot is not older than the first event"
    );
    while event["data"]["u"].as_u64().unwrap() <= last {
        event = hear(&mut socket, is_depth).await;
    }
    let first = (
        event["data"]["U"].as_u64().unwrap(),
        event["data"]["u"].as_u64().unwrap(),
    );
    assert!(
        (first.0..=first.1).contains(&(last + 1)),
        "{first:?} does not hold {last}"
    );
    let mut previous = first.1;
    for _ in 0..15 {
        let event = hear(&mut socket, is_depth).await;
        assert_eq!(event["data"]["U"].as_u64().unwrap(), previous + 1);
        previous = event["data"]["u"].as_u64().unwrap();
    }
    server.shutdown().await;
}

#[tokio::test]
async fn a_fill_is_told_on_the_user_stream() {
    let server = serve(lively()).await.unwrap();
    let mut socket = connect(&server, "/ws-api/v3").await;
    say(
        &mut socket,
        signed_request(1, "userDataStream.subscribe.signature", json!({}), now_millis()),
    )
    .await;
    let reply = hear(&mut socket, |value| value["id"] == 1).await;
    assert_eq!(reply["result"]["subscriptionId"], 0, "{reply}");

    let params = json!({ "symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001",
        "newClientOrderId": "take-1" });
    say(&mut socket, signed_request(2, "order.place", params, now_millis())).await;
    let is_report = |value: &Value| value["event"]["e"] == "executionReport";
    let new = hear(&mut socket, is_report).await;
    assert_eq!(
        (&new["event"]["x"], &new["event"]["c"]),
        (&json!("NEW"), &json!("take-1"))
    );
    let mut report = hear(&mut socket, is_report).await;
    assert_eq!(report["event"]["x"], "TRADE");
    while report["event"]["X"] != "FILLED" {
        report = hear(&mut socket, is_report).await;
    }
    assert_eq!(report["event"]["z"], "0.00100000");
    assert_eq!(report["event"]["N"], "BTC");
    let position = hear(&mut socket, |value| value["event"]["e"] == "outboundAccountPosition").await;
    let assets: Vec<_> = position["event"]["B"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["a"].clone())
        .collect();
    assert_eq!(assets, [json!("BTC"), json!("USDT")]);

    server.transfer("demo".into(), "USDT".into(), 5.into()).await.unwrap();
    assert!(server.transfer("nobody".into(), "USDT".into(), 5.into()).await.is_err());
    let deposit = hear(&mut socket, |value| value["event"]["e"] == "balanceUpdate").await;
    assert_eq!(deposit["event"]["d"], "5.00000000");
    server.shutdown().await;
}

#[tokio::test]
async fn a_logged_on_session_needs_no_signatures() {
    let server = serve(lively()).await.unwrap();
    let mut socket = connect(&server, "/ws-api/v3?returnRateLimits=false").await;
    let mut params = json!({ "apiKey": ED25519_API_KEY, "timestamp": now_millis() });
    params["signature"] = json!(ed25519_base64(&sorted(&params)));
    say(
        &mut socket,
        json!({ "id": "a", "method": "session.logon", "params": params }).to_string(),
    )
    .await;
    let reply = hear(&mut socket, |value| value["id"] == "a").await;
    assert_eq!(
        (&reply["status"], &reply["result"]["apiKey"]),
        (&json!(200), &json!(ED25519_API_KEY)),
        "{reply}"
    );
    assert!(reply.get("rateLimits").is_none());
    say(
        &mut socket,
        json!({ "id": "b", "method": "userDataStream.subscribe" }).to_string(),
    )
    .await;
    assert_eq!(hear(&mut socket, |value| value["id"] == "b").await["status"], 200);
    let params = json!({ "timestamp": now_millis(), "returnRateLimits": true });
    say(
        &mut socket,
        json!({ "id": "c", "method": "account.status", "params": params }).to_string(),
    )
    .await;
    let reply = hear(&mut socket, |value| value["id"] == "c").await;
    assert_eq!(reply["result"]["accountType"], "SPOT");
    assert_eq!(reply["rateLimits"][0]["rateLimitType"], "REQUEST_WEIGHT");
    say(
        &mut socket,
        json!({ "id": "d", "method": "session.logout" }).to_string(),
    )
    .await;
    let ended = hear(&mut socket, |value| value["event"]["e"] == "eventStreamTerminated").await;
    assert_eq!(ended["subscriptionId"], 0);
    server.shutdown().await;
    hear_close(&mut socket).await;
}

#[tokio::test]
async fn faults_strike_where_the_plan_says() {
    let request = |prefix: &str, fault| RequestRule {
        prefix: prefix.to_owned(),
        every: 1,
        fault,
    };
    let requests = vec![
        request("POST /api/v3/order", RequestFault::LoseReply { status: 504 }),
        request("DELETE /api/v3/order", RequestFault::Refuse { status: 503 }),
        request(
            "GET /api/v3/time",
            RequestFault::Delay {
                micros: Span::from_millis(200),
            },
        ),
    ];
    let cut = FrameRule {
        contains: "depthUpdate".to_owned(),
        every: 3,
        fault: FrameFault::Disconnect,
    };
    let faults = FaultPlan::new(requests, vec![cut]);
    let server = serve(SimConfig { faults, ..lively() }).await.unwrap();
    let rest = Rest::new(&server);
    let send = async |method: reqwest::Method, query: &str| {
        let query = format!("{query}&timestamp={}", now_millis());
        let url = format!("{}/api/v3/order?{query}&signature={}", rest.base, hmac_hex(&query));
        let response = rest
            .client
            .request(method, url)
            .header("X-MBX-APIKEY", API_KEY)
            .send()
            .await
            .unwrap();
        assert!(response.headers()["content-type"].to_str().unwrap().contains("html"));
        response.status().as_u16()
    };
    let named = "symbol=BTCUSDT&origClientOrderId=lost";
    let query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=50000&newClientOrderId=lost";
    assert_eq!(send(reqwest::Method::POST, query).await, 504);
    assert_eq!(send(reqwest::Method::DELETE, named).await, 503);
    let (status, order) = rest.signed(reqwest::Method::GET, "/api/v3/order", named).await;
    assert_eq!(
        (status, &order["status"]),
        (200, &json!("NEW")),
        "placed all the same, and never cancelled"
    );

    let asked = now_millis();
    let time = rest.get("/api/v3/time").await["serverTime"].as_i64().unwrap();
    assert!(now_millis() - asked >= 200, "delivered late");
    assert!(time - asked < now_millis() - asked, "answered before that");

    let mut socket = connect(&server, "/ws/btcusdt@depth@100ms").await;
    let until_cut = async {
        let mut texts = 0;
        while let Some(Ok(message)) = socket.next().await {
            assert!(!message.is_close());
            texts += usize::from(message.is_text());
        }
        texts
    };
    assert_eq!(
        timeout(DEADLINE, until_cut).await.unwrap(),
        2,
        "cut at the third, without a close frame"
    );
    server.shutdown().await;
}

#[tokio::test]
async fn contracts_are_served_beside_spot_and_meet_the_same_faults() {
    let lost = RequestRule {
        prefix: "POST /fapi/v1/order".to_owned(),
        every: 2,
        fault: RequestFault::LoseReply { status: 504 },
    };
    let faults = FaultPlan::new(vec![lost], Vec::new());
    let server = serve(SimConfig { faults, ..lively() }).await.unwrap();
    let rest = Rest::new(&server);
    let (_, key) = rest.signed(reqwest::Method::POST, "/fapi/v1/listenKey", "").await;
    let mut user = connect(&server, &format!("/private/ws/{}", key["listenKey"].as_str().unwrap())).await;
    let mut marks = connect(&server, "/market/stream?streams=btcusdt@markPrice@1s").await;
    let order = |name: &str| format!("symbol=BTCUSDT&type=MARKET&side=BUY&quantity=0.01&newClientOrderId={name}");
    let filled =
        |name: &'static str| move |event: &Value| event["o"]["c"] == json!(name) && event["o"]["X"] == json!("FILLED");
    let (status, ack) = rest
        .signed(reqwest::Method::POST, "/fapi/v1/order", &order("told"))
        .await;
    assert_eq!((status, &ack["status"]), (200, &json!("NEW")));
    hear(&mut user, filled("told")).await;

    let query = format!("{}&timestamp={}", order("lost"), now_millis());
    let url = format!("{}/fapi/v1/order?{query}&signature={}", rest.base, hmac_hex(&query));
    let response = rest
        .client
        .post(url)
        .header("X-MBX-APIKEY", API_KEY)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 504);
    hear(&mut user, filled("lost")).await;
    let (_, positions) = rest
        .signed(reqwest::Method::GET, "/fapi/v3/positionRisk", "symbol=BTCUSDT")
        .await;
    assert_eq!(positions[0]["positionAmt"], json!("0.020"));
    hear(&mut marks, |event| event["data"]["e"] == json!("markPriceUpdate")).await;
    assert_eq!(rest.get("/api/v3/ping").await, json!({}));
    server.shutdown().await;
}

/// The shutdown is announced, then the connection closes.
async fn hear_close(socket: &mut Socket) {
    let announced = hear(socket, |value| value["event"]["e"] == "serverShutdown").await;
    assert!(announced["event"]["E"].is_i64());
    let closing = async {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() {
                return;
            }
        }
    };
    timeout(DEADLINE, closing).await.unwrap();
}
