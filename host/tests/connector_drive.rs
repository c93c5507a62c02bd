//! The isolated door with the real library behind it.

#![allow(clippy::unwrap_used, missing_docs)]

mod plugin;

use colibri::connector::{Door, DriveArgs};
use serde_json::{Value, json};

const API_KEY: &str = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";

struct Driven(Door);

impl Driven {
    fn with(change: impl FnOnce(&mut DriveArgs)) -> Driven {
        let mut args = DriveArgs {
            connector: plugin::public(),
            manual_grants: false,
            ack: false,
            seed: 0,
        };
        change(&mut args);
        Driven(Door::open(&args).unwrap())
    }
    fn public() -> Driven {
        Driven::with(|_| {})
    }
    /// With the key pair of the exchange's published signing examples.
    fn signing() -> Driven {
        Driven::with(|args| {
            args.connector.key = vec![
                ("api_key".to_owned(), API_KEY.to_owned()),
                ("secret".to_owned(), SECRET.to_owned()),
            ];
        })
    }
    fn say(&mut self, line: &Value) -> Vec<Value> {
        self.raw(&line.to_string())
    }
    fn raw(&mut self, line: &str) -> Vec<Value> {
        let lines = self.0.line(line.as_bytes());
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The values of the lines of a kind.
fn of<'l>(kind: &str, lines: &'l [Value]) -> Vec<&'l Value> {
    lines.iter().filter_map(|line| line.get(kind)).collect()
}

#[test]
fn an_order_goes_out_signed_and_its_answer_comes_back_as_events() {
    let mut door = Driven::signing();
    let lines = door.say(&json!({
        "now": 1_499_827_319_559u64,
        "place": {"pair": "LTC-BTC", "side": "buy", "price": "0.1", "quantity": "1", "client_id": "c-1"},
    }));
    let request = of("request", &lines)[0];
    let url = request["url"].as_str().unwrap();
    let (signed, signature) = url.rsplit_once("&signature=").unwrap();
    let query = signed.split_once('?').unwrap().1;
    assert!(
        query.contains("symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"),
        "{query}"
    );
    assert_eq!(request["method"], "POST");
    assert_eq!(request["headers"]["X-MBX-APIKEY"], API_KEY);
    let by_hand = door.say(&json!({"sign": {"secret": SECRET, "payload": query}}));
    assert_eq!(by_hand, [json!({"signature": signature})]);
    assert!(!format!("{lines:?}").contains(SECRET));

    let lines = door.say(&json!({"response": {"body": {
        "symbol": "LTCBTC", "orderId": 28, "orderListId": -1, "clientOrderId": "c-1", "transactTime": 1_507_725_176_595u64,
        "price": "0.10000000", "origQty": "1.00000000", "executedQty": "0.00000000", "cummulativeQuoteQty": "0.00000000",
        "status": "NEW", "timeInForce": "GTC", "type": "LIMIT", "side": "BUY", "fills": [],
    }}}));
    let order = of("order", &lines)[0];
    assert_eq!(
        (order["status"].as_str(), order["exchange_id"].as_str()),
        (Some("open"), Some("28"))
    );
    assert_eq!(
        of("complete", &lines),
        [&json!({"op": request["op"], "outcome": "done"})]
    );
}

#[test]
fn a_batch_is_one_call_and_many_requests() {
    let mut door = Driven::signing();
    let lines = door.say(&json!({"orders": [
        {"op": 70, "symbol": "LTCBTC", "side": "buy", "price": "0.1", "quantity": "1", "client_id": "c-1"},
        {"op": 71, "kind": "cancel", "symbol": "LTCBTC", "client_id": "c-0"},
    ]}));
    let requests = of("request", &lines);
    assert_eq!(
        (requests[0]["op"].as_u64(), requests[1]["op"].as_u64()),
        (Some(70), Some(71))
    );
    assert_eq!(requests[1]["method"], "DELETE");
}

#[test]
fn admission_by_hand_waits_for_the_grant() {
    let mut door = Driven::with(|args| args.manual_grants = true);
    let lines = door.say(&json!({"command": {"kind": "server_time", "op": 9, "payload": {}}}));
    assert_eq!(lines, [json!({"want": {"op": 9, "endpoint": "server_time"}})]);
    let lines = door.say(&json!({"grant": {}}));
    assert_eq!(of("request", &lines)[0]["endpoint"], "server_time");
    assert!(
        door.say(&json!({"grant": {}}))[0].get("error").is_some(),
        "nothing waits"
    );
}

#[test]
fn a_session_opens_subscribes_and_tells_market_data() {
    let mut door = Driven::public();
    let lines = door.say(&json!({"open_session": {
        "session": 1, "role": "market", "subscriptions": [{"pair": "LTC-BTC", "channels": ["book", "trades", "top"]}],
    }}));
    let open = of("open", &lines)[0];
    assert_eq!(open["session"], 1);
    let lines = door.say(&json!({"stream": {"opened": open["stream"]}}));
    let sent: Value = serde_json::from_str(of("send", &lines)[0]["text"].as_str().unwrap()).unwrap();
    let lines = door.say(&json!({"frame": {"json": {"result": null, "id": sent["id"]}}}));
    assert_eq!(of("session", &lines)[0]["status"], "live");

    let lines = door.say(&json!({"frame": {"stream": "ltcbtc@depth@100ms", "data": {
        "e": "depthUpdate", "E": 1_672_515_782_136u64, "s": "LTCBTC", "U": 157, "u": 160,
        "b": [["0.00240000", "10.00000000"]], "a": [["0.00260000", "0.00000000"]],
    }}}));
    let book = of("book", &lines)[0];
    assert_eq!(book["bids"], json!([["0.00240000", "10.00000000"]]));
    assert_eq!(
        (book["first_id"].as_u64(), book["last_id"].as_u64()),
        (Some(157), Some(160))
    );
    assert_eq!(
        (book["pair"].as_str(), book["snapshot"].as_bool()),
        (Some("LTC-BTC"), Some(false))
    );

    let lines = door.say(&json!({"stream": {"closed": null}}));
    assert_eq!(of("session", &lines)[0]["status"], "down");
}

#[test]
fn balances_are_a_line_each() {
    let mut door = Driven::signing();
    door.say(&json!({"balances": {}}));
    let lines = door.say(&json!({"response": {"body": {"updateTime": 1_499_827_319_559u64, "balances": [
        {"asset": "BTC", "free": "1.50000000", "locked": "0.50000000"}, {"asset": "LTC", "free": "7", "locked": "0"},
    ]}}}));
    let balances = of("balance", &lines);
    assert_eq!(
        (balances.len(), &balances[0]["asset"], &balances[0]["free"]),
        (2, &json!("BTC"), &json!("1.50000000"))
    );
    assert_eq!(of("balances", &lines)[0]["count"], 2);
}

#[test]
fn a_bad_line_is_answered_and_the_next_one_works() {
    let mut door = Driven::public();
    for bad in [
        "not json",
        r#"{"dance":{}}"#,
        r#"{"response":{}}"#,
        r#"{"frame":"x"}"#,
        r#"{"place":{"side":"buy"}}"#,
        r#"{"place":{"symbol":"XYZ","side":"buy"}}"#,
        r#"{"fees":{"pair":"nonsense"}}"#,
        r#"{"sign":{"payload":"x"}}"#,
    ] {
        let lines = door.raw(bad);
        assert!(lines[0]["error"]["text"].is_string(), "{bad}: {lines:?}");
    }
    assert!(door.raw("").is_empty() && door.raw("# a remark").is_empty());
    assert_eq!(
        of("request", &door.say(&json!({"server_time": {}})))[0]["endpoint"],
        "server_time"
    );
}

#[test]
fn a_private_request_without_keys_is_not_sent() {
    let mut door = Driven::public();
    let lines = door.say(&json!({"balances": {}}));
    assert!(of("request", &lines).is_empty(), "{lines:?}");
    let complete = of("complete", &lines);
    assert!(complete.iter().all(|c| c["outcome"] == "not_sent"), "{lines:?}");
}

#[test]
fn keys_that_do_not_fit_the_manifest_are_refused() {
    let mut args = DriveArgs {
        connector: plugin::public(),
        manual_grants: false,
        ack: false,
        seed: 0,
    };
    for (key, told) in [("moon", "no credential called \"moon\""), ("api_key", "\"secret\"")] {
        args.connector.key = vec![(key.to_owned(), "x".to_owned())];
        let error = Door::open(&args).err().unwrap().to_string();
        assert!(error.contains(told), "{error}");
    }
}

/// The recipe of a published example, as the line that signs it; `None` for those that need more than a signature.
fn recipe(vector: &Value) -> Option<Value> {
    let inputs = &vector["inputs"];
    let text = |name: &str| match &inputs[name] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let secret = ["secret", "api_secret"]
        .iter()
        .map(|name| text(name))
        .find(|s| !s.is_empty());
    let mut sign = json!({"secret": secret});
    let more = match (vector["exchange"].as_str()?, vector["id"].as_str()?) {
        ("binance", id) if id.contains("hmac") => json!({"payload": text("payload")}),
        ("kraken", _) => json!({
            "secret": text("secret_base64"), "key_encoding": "base64", "scheme": "hmac-sha512", "encoding": "base64",
            "parts": [text("path"), {"text": text("nonce") + &text("body"), "transform": "sha256"}],
        }),
        ("krakenfutures", _) => json!({
            "key_encoding": "base64", "scheme": "hmac-sha512", "encoding": "base64",
            "parts": [{"text": text("challenge"), "transform": "sha256"}],
        }),
        ("okx", _) => json!({
            "encoding": "base64",
            "payload": text("timestamp") + &text("method") + &text("request_path") + &text("body"),
        }),
        ("kucoin", _) => json!({
            "encoding": "base64", "payload": text("timestamp") + &text("method") + &text("endpoint") + &text("body"),
        }),
        ("gate", "rest-get") => json!({
            "scheme": "hmac-sha512",
            "parts": [
                format!("{}\n{}\n{}\n", text("method"), text("path"), text("query")),
                {"text": text("body"), "transform": "sha512_hex"},
                format!("\n{}", text("timestamp")),
            ],
        }),
        ("gate", _) => json!({
            "scheme": "hmac-sha512",
            "payload": format!("channel={}&event={}&time={}", text("channel"), text("event"), text("time")),
        }),
        ("bybit", "ws-auth") => json!({"payload": text("payload")}),
        ("bybit", _) => json!({
            "payload": text("timestamp") + &text("api_key") + &text("recv_window") + &text("payload"),
        }),
        ("bitget", "rest-get") => json!({
            "encoding": "base64",
            "payload": format!("{}{}{}?{}{}", text("timestamp"), text("method"), text("request_path"), text("query"), text("body")),
        }),
        ("bitget", _) => json!({"encoding": "base64", "payload": text("timestamp") + "GET/user/verify"}),
        _ => return None,
    };
    sign.as_object_mut()?.extend(more.as_object()?.clone());
    Some(json!({ "sign": sign }))
}

#[test]
fn the_published_signatures_come_out() {
    let Some(file) = plugin::fixture("signatures.json") else {
        return;
    };
    let vectors: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut door = Driven::public();
    let mut signed = 0;
    for vector in vectors["vectors"].as_array().unwrap() {
        let Some(line) = recipe(vector) else {
            continue;
        };
        let lines = door.say(&line);
        let found = lines[0]["signature"].as_str().unwrap_or_else(|| panic!("{lines:?}"));
        let expected = vector["expected"].as_str().unwrap();
        // Bybit's documentation writes hexadecimal in upper case and compares without case.
        let same = if line["sign"]["encoding"].is_null() {
            found.eq_ignore_ascii_case(expected)
        } else {
            found == expected
        };
        assert!(same, "{} {}", vector["exchange"], vector["id"]);
        signed += 1;
    }
    assert!(signed >= 14, "only {signed} examples were signed");
}

/// The connector of contracts, with the key pair of its published signing example.
fn contracts() -> Driven {
    Driven::with(|args| {
        args.connector = plugin::contracts();
        args.connector.key = vec![
            ("api_key".to_owned(), CONTRACTS_KEY.to_owned()),
            ("secret".to_owned(), CONTRACTS_SECRET.to_owned()),
        ];
    })
}

const CONTRACTS_KEY: &str = "dbefbc809e3e83c283a984c3a1459732ea7db1360ca80c5c2c8867408d28cc83";
const CONTRACTS_SECRET: &str = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9";

#[test]
fn an_order_of_a_contract_goes_out_signed_with_its_terms() {
    let mut door = contracts();
    let lines = door.say(&json!({
        "now": 1_591_702_613_943u64,
        "place": {"pair": "BTC-USDT", "side": "sell", "price": "9000", "quantity": "1", "client_id": "c-1", "flags": ["reduce_only"]},
    }));
    let request = of("request", &lines)[0];
    let url = request["url"].as_str().unwrap();
    let (signed, signature) = url.rsplit_once("&signature=").unwrap();
    let (path, query) = signed.split_once('?').unwrap();
    assert_eq!(path, "https://fapi.binance.com/fapi/v1/order");
    assert_eq!(
        query,
        "symbol=BTCUSDT&side=SELL&reduceOnly=true&type=LIMIT&timeInForce=GTC&quantity=1&price=9000&newClientOrderId=c-1\
         &newOrderRespType=RESULT&timestamp=1591702613943"
    );
    let by_hand = door.say(&json!({"sign": {"secret": CONTRACTS_SECRET, "payload": query}}));
    assert_eq!(by_hand, [json!({"signature": signature})]);
    let lines = door.say(&json!({"response": {"body": {
        "orderId": 28, "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": "c-1", "price": "9000", "origQty": "1",
        "executedQty": "0", "cumQty": "0", "timeInForce": "GTC", "type": "LIMIT", "reduceOnly": true, "closePosition": false,
        "side": "SELL", "positionSide": "BOTH", "updateTime": 1_591_702_613_950u64,
    }}}));
    let order = of("order", &lines)[0];
    assert_eq!(
        (&order["status"], &order["terms"]["effect"]),
        (&json!("open"), &json!("reduce_only"))
    );
    assert_eq!(
        of("complete", &lines),
        [&json!({"op": request["op"], "outcome": "done"})]
    );
}

#[test]
fn the_published_example_is_signed_to_the_published_signature() {
    let payload = "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000&timestamp=1591702613943";
    let signed = contracts().say(&json!({"sign": {"secret": CONTRACTS_SECRET, "payload": payload}}));
    assert_eq!(
        signed,
        [json!({"signature": "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"})]
    );
}

#[test]
fn a_session_of_contracts_has_two_routes() {
    let mut door = contracts();
    let lines = door.say(&json!({"open_session": {
        "session": 1, "role": "market",
        "subscriptions": [{"pair": "BTC-USDT", "channels": ["book", "trades", "top", "mark_price", "funding_rate"]}],
    }}));
    let urls: Vec<&Value> = of("open", &lines).into_iter().map(|open| &open["url"]).collect();
    assert_eq!(
        urls,
        [
            "wss://fstream.binance.com/public/stream",
            "wss://fstream.binance.com/market/stream"
        ]
    );
    for stream in [1, 2] {
        let lines = door.say(&json!({"stream": {"opened": stream}}));
        let sent: Value = serde_json::from_str(of("send", &lines)[0]["text"].as_str().unwrap()).unwrap();
        let lines = door.say(&json!({"frame": {"stream": stream, "json": {"result": null, "id": sent["id"]}}}));
        assert_eq!(of("session", &lines).len(), stream - 1, "live when both are");
    }
    let lines = door.say(&json!({"frame": {"stream": 2, "json": {"stream": "btcusdt@markPrice@1s", "data": {
        "e": "markPriceUpdate", "E": 1_562_305_380_000u64, "s": "BTCUSDT", "p": "11794.15", "i": "11784.62", "P": "11784.25",
        "r": "0.00038167", "T": 1_562_306_400_000u64,
    }}}}));
    assert_eq!(of("mark_price", &lines)[0]["mark"], "11794.15");
    assert_eq!(of("funding_rate", &lines)[0]["rate"], "0.00038167");
}

#[test]
fn a_user_session_of_contracts_begins_with_its_listen_key() {
    let mut door = contracts();
    let lines = door.say(&json!({"open_session": {"session": 2, "role": "user"}}));
    let request = of("request", &lines)[0];
    assert_eq!(
        (&request["method"], &request["url"]),
        (&json!("POST"), &json!("https://fapi.binance.com/fapi/v1/listenKey"))
    );
    assert_eq!(request["headers"]["X-MBX-APIKEY"], CONTRACTS_KEY);
    let lines = door.say(&json!({"response": {"body": {"listenKey": "pqia91ma19a5s61cv6a81va65sdf19v8a65a1"}}}));
    assert_eq!(
        of("open", &lines)[0]["url"],
        "wss://fstream.binance.com/private/ws/pqia91ma19a5s61cv6a81va65sdf19v8a65a1"
    );
    let lines = door.say(&json!({"stream": {"opened": null}}));
    assert_eq!(of("session", &lines).last().unwrap()["status"], "live");
    let lines = door.say(&json!({"renew_session": {"session": 2}}));
    assert_eq!(of("request", &lines)[0]["method"], "PUT");
    door.say(&json!({"response": {"body": {}}}));
    let lines = door.say(&json!({"frame": {"e": "listenKeyExpired", "E": 1_699_596_037_418u64, "listenKey": "pqia"}}));
    assert_eq!(of("session", &lines)[0]["status"], "down");
}
