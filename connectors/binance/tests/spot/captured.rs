//! Real payloads, where they are at hand (`../shared/fixtures` beside the workspace): everything that the standard covers
//! is read, and nothing is dropped.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use colibri_sdk::abi::{OrderOp, Text48, op_kind};
use colibri_sdk::model::{ClientOrderId, InstrumentId};
use colibri_sdk::standard::{
    Balances, BookSnapshot, CancelAll, Candles, Channel, Command, Event, Fees, Instruments, KeyKind, OpenOrders,
    OpenSession, OrderStatusQuery, Outcome, ServerTime, SessionRole, Subscription, TradesSince, UseInstruments,
};
use colibri_sdk::testing::{Action, Stage, events, outcome};
use serde_json::Value;

use crate::stage::{limit, stage_with, used};

fn fixtures() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no captured payloads at {}", path.display());
    None
}

const ID: InstrumentId = InstrumentId(1);

/// A stage on which instrument 1 is this symbol.
fn stage_of(symbol: &str) -> Stage {
    let mut stage = stage_with(KeyKind::HmacSha256);
    let set = UseInstruments {
        instruments: vec![used(ID, "A-B", symbol)],
    };
    stage.command(8_000, &Command::UseInstruments(set));
    stage
}

fn symbol_in(response: &Value) -> String {
    let found = response.get("symbol").or_else(|| response.get(0)?.get("symbol"));
    let found = found.or_else(|| response.get("amendedOrder")?.get("symbol"));
    found.and_then(Value::as_str).unwrap_or("BTCUSDT").to_owned()
}

fn order_kind(stage: &mut Stage, kind: u32) {
    let order = OrderOp {
        kind,
        exchange_id: Text48::new("1").unwrap(),
        price: if kind == op_kind::AMEND { 0 } else { 1 },
        ..limit(1)
    };
    stage.orders(&[order]);
}

/// Asks something, up to the sending of its request.
type Ask = Box<dyn Fn(&mut Stage)>;

/// What the answer of the endpoint of this file is to, or `None` where the standard has no such question.
fn asks(name: &str) -> Option<Ask> {
    let command = |command: Command| -> Option<Ask> {
        Some(Box::new(move |stage| {
            stage.command(1, &command);
            stage.granted(1);
        }))
    };
    let order = |kind| -> Option<Ask> { Some(Box::new(move |stage| order_kind(stage, kind))) };
    match name {
        "PlaceOrder" => order(op_kind::PLACE),
        "CancelOrder" => order(op_kind::CANCEL),
        "AmendOrder" => order(op_kind::AMEND),
        "ReplaceOrder" => order(op_kind::REPLACE),
        "CancelAllOrders" => command(Command::CancelAll(CancelAll { instrument: ID })),
        "GetOpenOrders" => command(Command::OpenOrders(OpenOrders { instrument: Some(ID) })),
        // The history of orders has the shape of open orders.
        "GetOrders" => command(Command::OpenOrders(OpenOrders { instrument: None })),
        "GetOrder" => command(Command::OrderStatus(OrderStatusQuery {
            instrument: ID,
            client_id: ClientOrderId::new("x").ok(),
            exchange_id: None,
        })),
        "GetUserTrades" => command(Command::TradesSince(TradesSince {
            instrument: ID,
            from_id: None,
            since: None,
            exchange_id: None,
        })),
        "GetAccountInfo" => command(Command::Balances(Balances {})),
        "GetCommissionRates" => command(Command::Fees(Fees { instrument: ID })),
        "GetExchangeInfo" => command(Command::Instruments(Instruments {})),
        "GetServerTime" => command(Command::ServerTime(ServerTime {})),
        "GetOrderBook" => command(Command::BookSnapshot(BookSnapshot {
            instrument: ID,
            depth: 100,
        })),
        "GetKlines" | "GetUiKlines" | "GetUIKlines" => command(Command::Candles(Candles {
            instrument: ID,
            interval: "1m".to_owned(),
            since: None,
            until: None,
            limit: None,
        })),
        _ => None,
    }
}

/// How many things an answer must have told.
fn expected(name: &str, response: &Value) -> usize {
    let count = |v: &Value| v.as_array().map_or(1, Vec::len);
    match name {
        "PlaceOrder" => 1 + response.get("fills").map_or(0, count),
        "ReplaceOrder" => 3,
        "CancelAllOrders" => response.as_array().map_or(0, |all| {
            all.iter().map(|o| o.get("orderReports").map_or(1, count)).sum()
        }),
        "GetUserTrades" => count(response) + 1,
        "GetOpenOrders" | "GetOrders" => count(response),
        _ => 1,
    }
}

fn check(file: &Path, name: &str, response: &Value) -> bool {
    let Some(ask) = asks(name) else { return false };
    let mut stage = stage_of(&symbol_in(response));
    ask(&mut stage);
    let actions = stage.response(1, 200, response.to_string().as_bytes());
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done), "{}", file.display());
    let told = actions
        .iter()
        .filter(|a| matches!(a, Action::Event(_) | Action::Book { .. }))
        .count();
    assert_eq!(told, expected(name, response), "{}: {actions:?}", file.display());
    assert!(
        !actions.iter().any(|a| matches!(a, Action::Log { .. })),
        "{}: {actions:?}",
        file.display()
    );
    true
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_answer_of_the_standard_is_read() {
    let Some(fixtures) = fixtures() else { return };
    let mut read = 0;
    for folder in ["Endpoints", "Socket"] {
        for subject in ["Trading", "ExchangeData", "Account"] {
            for file in json_files(&fixtures.join(format!("jkorf/binance/{folder}/Spot/{subject}"))) {
                let content: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
                let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
                let response = match content.get("steps").and_then(Value::as_array) {
                    Some(steps) => steps
                        .iter()
                        .filter_map(|s| s.get("message")?.get("result"))
                        .next_back()
                        .cloned(),
                    None => content.get("response").cloned(),
                };
                if let Some(response) = response {
                    read += usize::from(check(&file, &name, &response));
                }
            }
        }
    }
    println!("{read} answers read");
    assert!(read >= 20, "only {read} answers were found");
}

fn session(stage: &mut Stage, role: SessionRole) {
    let session = OpenSession {
        session: 1,
        role,
        subscriptions: match role {
            SessionRole::Market => vec![Subscription {
                instrument: ID,
                channels: vec![Channel::Book],
            }],
            SessionRole::User => Vec::new(),
        },
    };
    stage.command(1, &Command::OpenSession(session));
    stage.stream_opened(1);
    if role == SessionRole::User {
        stage.granted(1);
    }
}

#[test]
fn every_pushed_frame_of_the_standard_is_read() {
    let Some(fixtures) = fixtures() else { return };
    // Streams that the standard has no channel for, and events of margin accounts.
    const OTHER: &[&str] = &[
        "Concurrent",
        "PartialBook",
        "RollingWindowTicker",
        "Ticker",
        "MiniTicker",
        "Klines",
        "AggregatedTrades",
        "Liability",
        "MarginCall",
    ];
    let mut read = 0;
    for (subject, role) in [("ExchangeData", SessionRole::Market), ("Account", SessionRole::User)] {
        for file in json_files(&fixtures.join(format!("jkorf/binance/Subscriptions/Spot/{subject}"))) {
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            let content: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            if OTHER.contains(&name.as_str()) {
                continue;
            }
            for step in content["steps"].as_array().unwrap() {
                let frame = match (&step["message"], &step["text"]) {
                    (Value::Null, Value::String(text)) => text.replace("|1|", "1"),
                    (message, _) => message.to_string(),
                };
                let symbol = step["message"]["data"]["s"]
                    .as_str()
                    .or(step["message"]["event"]["s"].as_str());
                let mut stage = stage_of(symbol.unwrap_or("BTCUSDT"));
                session(&mut stage, role);
                if step["dir"] == "client_sends" {
                    continue;
                }
                let actions = stage.frame(1, frame.as_bytes());
                let unreadable = events(&actions)
                    .iter()
                    .any(|e| matches!(e, Event::Notice(n) if n.text.contains("byte") || n.text.contains("member")));
                assert!(!unreadable && !actions.is_empty(), "{}: {actions:?}", file.display());
                read += 1;
            }
        }
    }
    println!("{read} frames read");
    assert!(read >= 8, "only {read} frames were found");
}

#[test]
fn recorded_market_data_is_read_without_an_unreadable_frame() {
    let Some(fixtures) = fixtures() else { return };
    let file = std::fs::File::open(fixtures.join("marketdata/binance_spot_btcusdt_20240808.jsonl.gz")).unwrap();
    let mut stage = stage_of("BTCUSDT");
    session(&mut stage, SessionRole::Market);
    let (mut books, mut tops, mut trades, mut last) = (0, 0, 0, 0);
    for line in BufReader::new(flate2::read::GzDecoder::new(file)).lines() {
        let line = line.unwrap();
        let (_, text) = line.split_once(' ').unwrap();
        if text.starts_with(r#"{"lastUpdateId""#) {
            let command = Command::BookSnapshot(BookSnapshot {
                instrument: ID,
                depth: 1000,
            });
            let actions = stage.ask(2, &command, 200, text.as_bytes());
            assert!(matches!(&actions[0], Action::Book { bids, asks, .. } if bids.len() == 1000 && asks.len() == 1000));
            continue;
        }
        for action in stage.frame(1, text.as_bytes()) {
            match action {
                Action::Book {
                    ids: (first, id, _), ..
                } => {
                    assert!(last == 0 || first == last + 1, "{first} after {last}");
                    last = id;
                    books += 1;
                }
                Action::Top(_) => tops += 1,
                Action::Trades { .. } => trades += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((books, tops, trades), (3_451, 28_040, 9_757));
}
