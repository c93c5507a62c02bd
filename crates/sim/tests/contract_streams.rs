//! Market streams of contracts on their roads, user streams, and both faces behind one address.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use colibri_sim::binance::Method::{Delete, Get, Post, Put};
use colibri_sim::binance::{HttpRequest, Outgoing, SocketPath};
use colibri_sim::config::{PerpetualConfig, SimConfig};
use colibri_sim::identity::ConnectionId;
use colibri_sim::time::Timestamp;
use colibri_sim::venue::Venue;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use support::contracts::Who::{Me, Other};
use support::contracts::{Contracts, names, quiet_contracts};
use support::{lively, parsed};

type Side = BTreeMap<Decimal, Decimal>;

fn apply(side: &mut Side, levels: &Value) {
    for level in levels.as_array().unwrap() {
        let number = |place: usize| -> Decimal { level[place].as_str().unwrap().parse().unwrap() };
        match number(1).is_zero() {
            true => drop(side.remove(&number(0))),
            false => drop(side.insert(number(0), number(1))),
        }
    }
}

/// The documented procedure: buffer, snapshot, drop what is older, begin where the snapshot lies, then every `pu` is the `u`
/// before it.
#[test]
fn a_book_that_is_kept_as_documented_is_the_book() {
    let mut desk = Contracts::new(&lively());
    let stream = desk.open("/public/ws/btcusdt@depth@100ms", "");
    desk.pass(300);
    let snapshot = desk.get("/fapi/v1/depth", "symbol=BTCUSDT&limit=1000").1;
    desk.pass(5_000);
    let from = snapshot["lastUpdateId"].as_u64().unwrap();
    let (mut bids, mut asks) = (Side::new(), Side::new());
    apply(&mut bids, &snapshot["bids"]);
    apply(&mut asks, &snapshot["asks"]);
    let mut last: Option<u64> = None;
    for event in desk.received(stream) {
        let number = |field: &str| event[field].as_u64().unwrap();
        if number("u") < from {
            continue;
        }
        match last {
            None => assert!(number("U") <= from && from <= number("u"), "{event}"),
            Some(last) => assert_eq!(number("pu"), last),
        }
        last = Some(number("u"));
        apply(&mut bids, &event["b"]);
        apply(&mut asks, &event["a"]);
    }
    let now = desk.get("/fapi/v1/depth", "symbol=BTCUSDT&limit=1000").1;
    assert_eq!(now["lastUpdateId"].as_u64(), last);
    let (mut theirs, mut others) = (Side::new(), Side::new());
    apply(&mut theirs, &now["bids"]);
    apply(&mut others, &now["asks"]);
    assert_eq!((bids, asks), (theirs, others));
}

#[test]
fn each_road_carries_its_own_streams_alone() {
    let mut desk = Contracts::new(&lively());
    let market = desk.open(
        "/market/stream",
        "streams=btcusdt@aggTrade/btcusdt@markPrice@1s/btcusdt@depth",
    );
    let public = desk.open("/public/ws", "");
    let subscribe = json!({ "method": "SUBSCRIBE", "params": ["btcusdt@bookTicker", "btcusdt@aggTrade"], "id": 1 });
    desk.exchange.ws_message(public, &subscribe.to_string(), desk.now);
    desk.pass(4_000);
    let sent = desk.exchange.drain();
    let of = |id: ConnectionId| -> Vec<Value> {
        let own = sent.iter().filter(|(other, _)| *other == id);
        own.filter_map(|(_, outgoing)| match outgoing {
            Outgoing::Text(text) => Some(serde_json::from_str(text).unwrap()),
            _ => None,
        })
        .collect()
    };
    let kinds = |events: &[Value], field: &str| -> Vec<String> {
        let mut kinds: Vec<String> = events
            .iter()
            .filter_map(|event| event.pointer(field)?.as_str().map(str::to_owned))
            .collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds(&of(market), "/data/e"), ["aggTrade", "markPriceUpdate"]);
    let events = of(public);
    assert_eq!(events[0], json!({ "result": null, "id": 1 }));
    assert_eq!(kinds(&events, "/e"), ["bookTicker"]);
    let marks = of(market)
        .into_iter()
        .filter(|event| event["data"]["e"] == json!("markPriceUpdate"));
    assert_eq!(marks.count(), 4);
}

#[test]
fn a_listen_key_lives_while_it_is_kept_and_ends_for_everybody() {
    let mut desk = Contracts::new(&quiet_contracts());
    let stream = desk.listen(Me);
    let key = desk.ok(Me, Post, "/fapi/v1/listenKey", "")["listenKey"]
        .as_str()
        .unwrap()
        .to_owned();
    let narrow = desk.open("/private/ws", &format!("listenKey={key}&events=ACCOUNT_UPDATE"));
    let bogus = desk.open("/private/ws/nobodysKey", "");
    desk.trade(Me, "BUY", "0.1", "60000");
    let sent = desk.exchange.drain();
    let count = |id: ConnectionId| sent.iter().filter(|(other, _)| *other == id).count();
    assert_eq!((count(stream), count(narrow), count(bogus)), (4, 1, 0));
    assert_eq!(desk.wait(stream, 3_000), Vec::<Value>::new());
    desk.ok(Me, Put, "/fapi/v1/listenKey", "");
    assert_eq!(desk.wait(stream, 3_000), Vec::<Value>::new());
    let events = desk.wait(stream, 700);
    assert_eq!(names(&events), ["ACCOUNT FUNDING_FEE", "listenKeyExpired"]);
    assert_eq!(desk.refused(Me, Put, "/fapi/v1/listenKey", ""), -1125);
    desk.trade(Me, "SELL", "0.1", "60000");
    assert_eq!(desk.received(stream), Vec::<Value>::new(), "open, and silent");
    let again = desk.listen(Me);
    desk.ok(Me, Delete, "/fapi/v1/listenKey", "");
    desk.trade(Other, "BUY", "0.1", "60000");
    assert_eq!(desk.received(again), Vec::<Value>::new());
}

fn get(venue: &mut Venue, path: &str, query: &str, now: Timestamp) -> (u16, Value, Option<String>) {
    let request = HttpRequest {
        method: Get,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Vec::new(),
        body: String::new(),
        peer: "127.0.0.1".parse().unwrap(),
    };
    let response = venue.http(&request, now);
    let used = response.header("X-MBX-USED-WEIGHT-1M").map(str::to_owned);
    let (status, body) = parsed(&response);
    (status, body, used)
}

#[test]
fn both_faces_share_an_address_and_a_clock_and_no_limit() {
    let mut now = Timestamp::from_millis(1_790_000_000_000);
    let mut venue = Venue::new(&lively(), Vec::new(), now).unwrap();
    let (_, spot, used) = get(&mut venue, "/api/v3/depth", "symbol=BTCUSDT&limit=5", now);
    assert_eq!(
        (spot["bids"].as_array().unwrap().len(), used.as_deref()),
        (5, Some("5"))
    );
    let (_, perp, used) = get(&mut venue, "/fapi/v1/depth", "symbol=BTCUSDT&limit=5", now);
    assert_eq!(
        (perp["bids"].as_array().unwrap().len(), used.as_deref()),
        (5, Some("2"))
    );
    let peer = "127.0.0.1".parse().unwrap();
    let open = |venue: &mut Venue, path: &str| venue.ws_open(&SocketPath::parse(path).unwrap(), "", peer, now).unwrap();
    let (spot, perp) = (
        open(&mut venue, "/ws/btcusdt@trade"),
        open(&mut venue, "/market/ws/btcusdt@aggTrade"),
    );
    now = Timestamp::from_millis(now.millis() + 30_000);
    venue.advance(now);
    let sent = venue.drain();
    assert!(sent.iter().any(|(id, _)| *id == spot) && sent.iter().any(|(id, _)| *id == perp));
    let (_, time, _) = get(&mut venue, "/api/v3/time", "", now);
    let (_, same, _) = get(&mut venue, "/fapi/v1/time", "", now);
    assert_eq!(time, same);
    // The contract's index is its spot market, and its book is near.
    let price = |value: &Value| -> Decimal { value.as_str().unwrap().parse().unwrap() };
    let (_, index, _) = get(&mut venue, "/fapi/v1/premiumIndex", "symbol=BTCUSDT", now);
    let (_, book, _) = get(&mut venue, "/api/v3/ticker/bookTicker", "symbol=BTCUSDT", now);
    let (index, bid) = (price(&index["indexPrice"]), price(&book["bidPrice"]));
    assert!((index - bid).abs() < Decimal::from(120), "{index} {bid}");
    let (_, book, _) = get(&mut venue, "/fapi/v1/ticker/bookTicker", "symbol=BTCUSDT", now);
    assert!(
        (price(&book["bidPrice"]) - index).abs() < Decimal::from(300),
        "{book} {index}"
    );
}

#[test]
fn the_seed_decides_everything() {
    let run = || {
        let mut desk = Contracts::new(&lively());
        let streams = "btcusdt@aggTrade/ethusdt@markPrice@1s/btcusdt@kline_1m/btcusdt@ticker";
        let stream = desk.open("/market/stream", &format!("streams={streams}"));
        desk.order(Me, "symbol=BTCUSDT&type=MARKET&side=BUY&quantity=0.01");
        desk.pass(3_000);
        desk.received(stream)
    };
    let first = run();
    assert!(first.len() > 10);
    assert_eq!(first, run());
}

#[test]
fn a_configuration_is_read_from_toml() {
    let text = r#"
        [contracts]
        insurance_fund = "5000"

        [contracts.limits]
        orders_per_minute = 60

        [[perpetual]]
        symbol = "BTCUSDT"
        base = "BTC"
        quote = "USDT"
        start_price = "60000"
        price = { min = "0.1", max = "1000000", tick = "0.1" }
        lot = { min = "0.001", max = "1000", step = "0.001" }
        market_lot = { min = "0.001", max = "100", step = "0.001" }
        min_notional = "20"
        percent_price = { up = "1.05", down = "0.95" }
        max_num_orders = 200
        liquidation_fee = "0.0125"
        trigger_protect = "0.05"
        funding = { interval_seconds = 60 }
        tiers = [{ cap = "300000", max_leverage = 125, maintenance_rate = "0.004" }]
    "#;
    let config: SimConfig = toml::from_str(text).unwrap();
    assert_eq!(config.perpetual[0].funding.interval_seconds, 60);
    assert_eq!(config.contracts.limits.orders_per_minute, 60);
    let mut twice = config.clone();
    twice.perpetual.push(PerpetualConfig::btcusdt());
    let now = Timestamp::from_millis(1_790_000_000_000);
    assert!(Venue::new(&config, Vec::new(), now).is_ok());
    let refused = Venue::new(&twice, Vec::new(), now).err().unwrap().to_string();
    assert_eq!(refused, "the contract `BTCUSDT` is defined twice; remove one");
}
