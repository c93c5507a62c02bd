//! The other participants: reproducible, deep enough, willing to trade with a client; and a recorded market.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::Cursor;
use std::path::Path;

use colibri_sim::SimConfig;
use colibri_sim::binance::{Exchange, Method};
use colibri_sim::config::{FlowConfig, MarketConfig, ReplayEnd, ReplayFlow};
use colibri_sim::flow::{Recording, RecordingError};
use colibri_sim::identity::{MarketId, Symbol};
use colibri_sim::matching::Side;
use colibri_sim::time::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use support::{Desk, lively};

const MARKET: MarketId = MarketId(0);

#[test]
fn one_seed_gives_one_market() {
    let run = |seed: u64, steps: &[i64]| {
        let mut config = lively();
        if let FlowConfig::Random(flow) = &mut config.flow {
            flow.seed = seed;
        }
        let mut desk = Desk::new(&config);
        steps.iter().for_each(|millis| desk.pass(*millis));
        let (_, depth) = desk.get("/api/v3/depth", "symbol=BTCUSDT&limit=5000");
        let (_, trades) = desk.get("/api/v3/trades", "symbol=ETHUSDT&limit=1000");
        (depth, trades)
    };
    let once = run(1, &[10_000]);
    assert_eq!(
        once,
        run(1, &[1, 999, 3_000, 6_000]),
        "how often time is told does not matter"
    );
    assert_ne!(once.0, run(2, &[10_000]).0);
    assert!(once.1.as_array().unwrap().len() > 20);
}

#[test]
fn the_book_stays_deep_tight_and_aligned() {
    let mut desk = Desk::new(&lively());
    for _ in 0..600 {
        desk.pass(100);
        for (id, config) in SimConfig::demo().markets.iter().enumerate() {
            let book = desk.exchange.engine().market(MarketId(id)).book();
            let (bid, _) = book.best(Side::Buy).unwrap();
            let (ask, _) = book.best(Side::Sell).unwrap();
            assert!(bid < ask);
            assert!((ask - bid) / bid < Decimal::new(5, 3), "{}: {bid} {ask}", config.symbol);
            for side in [Side::Buy, Side::Sell] {
                assert!(
                    book.depth(side) >= 20,
                    "{} has {} levels",
                    config.symbol,
                    book.depth(side)
                );
                for (price, level) in book.levels(side) {
                    assert!((price % config.price.tick).is_zero() && (level.quantity % config.lot.step).is_zero());
                }
            }
        }
    }
}

#[test]
fn quotes_at_the_touch_trade_on_both_sides() {
    let mut desk = Desk::new(&lively());
    let mut traded = (0, 0);
    for _ in 0..120 {
        let (_, best) = desk.get("/api/v3/ticker/bookTicker", "symbol=BTCUSDT");
        for (side, price) in [("BUY", &best["bidPrice"]), ("SELL", &best["askPrice"])] {
            let price = price.as_str().unwrap().trim_end_matches('0');
            let order = format!("symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side={side}&quantity=0.002&price={price}");
            assert_eq!(desk.order(&order).0, 200);
        }
        desk.pass(1_000);
        desk.signed(Method::Delete, "/api/v3/openOrders", "symbol=BTCUSDT");
    }
    let (_, trades) = desk.signed(Method::Get, "/api/v3/myTrades", "symbol=BTCUSDT&limit=1000");
    for trade in trades
        .as_array()
        .unwrap()
        .iter()
        .filter(|trade| trade["isMaker"] == true)
    {
        if trade["isBuyer"] == true {
            traded.0 += 1
        } else {
            traded.1 += 1
        }
    }
    assert!(traded.0 >= 20 && traded.1 >= 20, "{traded:?}");
}

#[test]
fn settings_out_of_range_are_refused_with_a_reason() {
    let mut config = lively();
    if let FlowConfig::Random(flow) = &mut config.flow {
        flow.levels = 3;
    }
    let error = Exchange::new(&config, Vec::new(), Timestamp::default()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "levels of `flow` is 3, but must be between 20 and 1000"
    );
}

#[test]
fn a_configuration_survives_toml_and_json() {
    let mut config = SimConfig::demo();
    config.flow = FlowConfig::Replay(replay());
    let text = toml::to_string(&config).unwrap();
    assert_eq!(toml::from_str::<SimConfig>(&text).unwrap(), config);
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<SimConfig>(&text).unwrap(), config);
    assert_eq!(toml::from_str::<SimConfig>("port = 7001").unwrap().port, 7001);
    assert!(toml::from_str::<SimConfig>("prot = 7001").is_err());
}

#[test]
fn the_documented_configurations_are_read() {
    let page = include_str!("../../../docs/sim.md");
    let blocks: Vec<&str> = page
        .split("```toml")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(blocks.len(), 4);
    let first: SimConfig = toml::from_str(blocks[0]).unwrap();
    assert_eq!((first.port, first.accounts[0].name.as_str()), (7001, "mine"));
    let second: SimConfig = toml::from_str(blocks[1]).unwrap();
    assert_eq!(second.perpetual[0].funding.interval_seconds, 60);
    let third: SimConfig = toml::from_str(blocks[2]).unwrap();
    assert!(matches!(third.flow, FlowConfig::Replay(_)));
    let fourth: SimConfig = toml::from_str(blocks[3]).unwrap();
    assert_eq!((fourth.faults.requests.len(), fourth.faults.frames.len()), (1, 1));
}

fn replay() -> ReplayFlow {
    ReplayFlow {
        symbol: Symbol::from("BTCUSDT"),
        path: "capture.gz".into(),
        speed: 1.into(),
        end: ReplayEnd::Hold,
        others: Default::default(),
    }
}

/// An exchange of one market that replays a capture from its first moment.
fn replaying(capture: &str) -> Desk {
    let recording = Recording::read(Symbol::from("BTCUSDT"), Cursor::new(capture.to_owned())).unwrap();
    let config = SimConfig {
        markets: vec![MarketConfig::btcusdt()],
        flow: FlowConfig::Replay(replay()),
        ..SimConfig::demo()
    };
    let now = Timestamp::from_millis(1_790_000_000_000);
    Desk {
        exchange: Exchange::new(&config, vec![recording], now).unwrap(),
        now,
    }
}

fn line(millis: i64, message: &Value) -> String {
    format!("{} {message}\n", 1_723_161_254_000_000_000_i64 + millis * 1_000_000)
}

fn snapshot() -> String {
    line(
        0,
        &json!({ "lastUpdateId": 10, "bids": [["100.00", "1.0"], ["99.00", "2.0"]], "asks": [["101.00", "1.0"]] }),
    )
}

fn diff(millis: i64, id: u64, bids: Value, asks: Value) -> String {
    let data = json!({ "e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": id, "u": id, "b": bids, "a": asks });
    line(millis, &json!({ "stream": "btcusdt@depth@100ms", "data": data }))
}

fn trade(millis: i64, price: &str, quantity: &str, buyer_is_maker: bool) -> String {
    let data = json!({ "e": "trade", "E": 1, "s": "BTCUSDT", "t": 1, "p": price, "q": quantity, "T": 1, "m": buyer_is_maker, "M": true });
    line(millis, &json!({ "stream": "btcusdt@trade", "data": data }))
}

#[test]
fn a_client_queues_behind_the_recorded_quantity() {
    let capture = [
        snapshot(),
        trade(1_000, "100.00", "0.4", true),
        // Half of what is left is cancelled: from the back of the queue, so the client does not advance.
        diff(1_100, 11, json!([["100.00", "0.3"]]), json!([])),
        // New orders join behind the client.
        diff(1_200, 12, json!([["100.00", "5.0"]]), json!([])),
        trade(2_000, "100.00", "0.2", true),
        trade(3_000, "100.00", "0.5", true),
    ]
    .concat();
    let mut desk = replaying(&capture);
    let order = "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side=BUY&quantity=0.3&price=100&newClientOrderId=mine";
    assert_eq!(desk.order(order).0, 200);
    let mut executed = |millis: i64| {
        desk.pass(millis);
        let (_, order) = desk.signed(Method::Get, "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=mine");
        order["executedQty"].as_str().unwrap().to_owned()
    };
    assert_eq!(executed(1_050), "0.00000000", "0.4 of the 1.0 ahead traded");
    assert_eq!(executed(200), "0.00000000");
    assert_eq!(executed(800), "0.00000000", "0.2 of the 0.3 ahead traded");
    assert_eq!(
        executed(1_000),
        "0.30000000",
        "0.1 was ahead, then the client, then the newcomers"
    );
    let book = desk.exchange.engine().market(MARKET).book();
    assert_eq!(
        book.quantity(Side::Buy, 100.into()),
        Decimal::new(46, 1),
        "the newcomers lost the last 0.1"
    );
}

#[test]
fn a_recorded_market_moves_through_a_clients_orders() {
    let capture = [
        snapshot(),
        trade(1_000, "99.00", "0.5", true),
        diff(
            1_100,
            11,
            json!([["100.00", "0"], ["99.00", "1.5"]]),
            json!([["99.50", "1.0"]]),
        ),
    ]
    .concat();
    let mut desk = replaying(&capture);
    desk.order("symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side=BUY&quantity=0.1&price=100.5&newClientOrderId=better");
    desk.order("symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&side=BUY&quantity=0.7&price=100&newClientOrderId=behind");
    desk.pass(1_050);
    let status = |desk: &mut Desk, name: &str| {
        let query = format!("symbol=BTCUSDT&origClientOrderId={name}");
        let (_, order) = desk.signed(Method::Get, "/api/v3/order", &query);
        (
            order["status"].as_str().unwrap().to_owned(),
            order["executedQty"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(
        status(&mut desk, "better"),
        ("FILLED".to_owned(), "0.10000000".to_owned())
    );
    assert_eq!(
        status(&mut desk, "behind"),
        ("PARTIALLY_FILLED".to_owned(), "0.40000000".to_owned())
    );
    desk.pass(1_000);
    assert_eq!(
        status(&mut desk, "behind").0,
        "FILLED",
        "the offer at 99.50 meets the bid at 100"
    );
}

#[test]
fn unreadable_recordings_are_refused_with_the_line() {
    let read = |text: &str| Recording::read(Symbol::from("BTCUSDT"), Cursor::new(text.to_owned())).unwrap_err();
    assert!(matches!(read("nothing"), RecordingError::Malformed { line: 1, .. }));
    assert!(matches!(read("12 {\"a\""), RecordingError::Malformed { line: 1, .. }));
    assert!(matches!(read(&trade(1, "1", "1", true)), RecordingError::NoSnapshot));
    assert!(Recording::open(Symbol::from("BTCUSDT"), Path::new("/nowhere")).is_err());
}

/// A real capture, where one is at hand: the replayed book must end where an independent replay ended.
#[test]
fn a_real_capture_ends_in_the_recorded_book() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/marketdata");
    let name = "binance_spot_btcusdt_20240808";
    let Ok(expected) = std::fs::read_to_string(folder.join(format!("expected/{name}.json"))) else {
        println!("skipped: no fixtures at {}", folder.display());
        return;
    };
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let recording = Recording::open(Symbol::from("BTCUSDT"), &folder.join(format!("{name}.jsonl.gz"))).unwrap();
    let length = recording.events().last().unwrap().0;
    let config = SimConfig {
        markets: vec![MarketConfig::btcusdt()],
        flow: FlowConfig::Replay(ReplayFlow {
            speed: 10.into(),
            ..replay()
        }),
        ..SimConfig::demo()
    };
    let now = Timestamp::from_millis(1_790_000_000_000);
    let mut desk = Desk {
        exchange: Exchange::new(&config, vec![recording], now).unwrap(),
        now,
    };
    desk.pass(length.micros() / 10_000 + 1);
    let (_, depth) = desk.get("/api/v3/depth", "symbol=BTCUSDT&limit=10");
    for side in ["bids", "asks"] {
        let (replayed, recorded) = (&depth[side], &expected["final_book"][side]);
        // Trades after the last diff took from the best level, which the recorded book does not know.
        assert_eq!(replayed[0][0], recorded[0][0]);
        assert_eq!(replayed.as_array().unwrap()[1..], recorded.as_array().unwrap()[1..]);
    }
}
