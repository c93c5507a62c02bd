//! Captures through the connector library and the engine's book.

#![allow(clippy::unwrap_used, missing_docs)]

mod plugin;

use std::path::PathBuf;

use colibri::connector::{OpenedArgs, ReplayArgs, ReplayReport, replay_capture};
use serde_json::{Value, json};

fn run(capture: PathBuf, pair: &str, checkpoints: &[u64]) -> ReplayReport {
    run_through(plugin::public(), capture, pair, checkpoints)
}

fn run_through(connector: OpenedArgs, capture: PathBuf, pair: &str, checkpoints: &[u64]) -> ReplayReport {
    replay_capture(&ReplayArgs {
        connector,
        capture,
        pair: pair.parse().unwrap(),
        checkpoints: checkpoints.to_vec(),
    })
    .unwrap()
}

#[test]
fn a_recorded_day_gives_the_book_that_an_independent_replay_gives() {
    recorded(plugin::public(), "binance_spot_btcusdt_20240808");
}

#[test]
fn so_does_a_recorded_day_of_contracts() {
    recorded(plugin::contracts(), "binance_usdm_btcusdt_20240808");
}

fn recorded(connector: OpenedArgs, name: &str) {
    let (Some(capture), Some(expected)) = (
        plugin::fixture(&format!("marketdata/{name}.jsonl.gz")),
        plugin::fixture(&format!("marketdata/expected/{name}.json")),
    ) else {
        return;
    };
    let expected: Value = serde_json::from_slice(&std::fs::read(expected).unwrap()).unwrap();
    let points: Vec<u64> = expected["checkpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["after_applied_depth_updates"].as_u64().unwrap())
        .collect();
    let report = run_through(connector, capture, "BTC-USDT", &points);
    assert_eq!(json!(report.book_updates), expected["applied_depth_updates"]);
    assert_eq!(json!(report.trades), expected["event_counts"]["trade"]);
    assert_eq!(json!(report.tops), expected["event_counts"]["bookTicker"]);
    assert_eq!(json!(report.gaps), expected["sequence_gaps"]);
    assert_eq!((report.unreadable, report.drops, report.snapshots), (0, 0, 1));
    assert_eq!(json!(report.checkpoints), expected["checkpoints"]);
    let last = &expected["final_book"];
    assert_eq!(json!(report.last_update_id), last["last_update_id"]);
    assert_eq!(json!(report.best_bid), last["bids"][0]);
    assert_eq!(json!(report.best_ask), last["asks"][0]);
    assert_eq!(json!(report.bid_levels), last["bid_levels"]);
    assert_eq!(json!(report.ask_levels), last["ask_levels"]);
}

fn captured(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captures")
        .join(name)
}

fn level(price: &str, quantity: &str) -> Option<(String, String)> {
    Some((price.to_owned(), quantity.to_owned()))
}

#[test]
fn a_gap_is_counted_and_the_next_snapshot_brings_the_book_back() {
    let report = run(captured("two_snapshots_and_a_gap.jsonl"), "ETH-BTC", &[1, 2, 4]);
    assert_eq!((report.frames, report.snapshots), (9, 2));
    // 100-102 was buffered behind the first snapshot, 103 followed; 112-113 met the second snapshot, 114 followed.
    assert_eq!((report.book_updates, report.gaps, report.drops), (4, 1, 1));
    assert_eq!((report.trades, report.tops, report.unreadable), (1, 1, 0));
    assert_eq!(report.last_update_id, 114);
    assert_eq!(report.best_bid, level("0.04305000", "1.0000"));
    assert_eq!(report.best_ask, level("0.04325000", "6.0000"));
    let after_first = &report.checkpoints[0];
    assert_eq!(
        (after_first.last_update_id, after_first.local_ts_ns),
        (102, 1_723_161_250_200_000_000)
    );
    assert_eq!(after_first.bids[0], level("0.04310000", "1.5000").unwrap());
    assert_eq!(after_first.asks, [level("0.04330000", "5.0000").unwrap()]);
    assert_eq!(report.checkpoints[1].bids[0], level("0.04300000", "2.0000").unwrap());
    assert_eq!(report.checkpoints.len(), 3);
}

#[test]
fn a_capture_is_the_same_compressed() {
    let plain = captured("two_snapshots_and_a_gap.jsonl");
    let folder = tempfile::tempdir().unwrap();
    let packed = folder.path().join("capture.gz");
    let mut encoder =
        flate2::write::GzEncoder::new(std::fs::File::create(&packed).unwrap(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &std::fs::read(&plain).unwrap()).unwrap();
    encoder.finish().unwrap();
    assert_eq!(run(packed, "ETH-BTC", &[]), run(plain, "ETH-BTC", &[]));
}

#[test]
fn a_pair_that_is_not_in_the_capture_has_no_book() {
    let report = run(captured("two_snapshots_and_a_gap.jsonl"), "XRP-EUR", &[1]);
    assert_eq!(
        (report.book_updates, report.trades, report.checkpoints.len()),
        (0, 0, 0)
    );
}

#[test]
fn a_bad_capture_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken");
    for (text, told) in [
        (
            "1723161250000 {\"e\":\"x\"}\n1723161250001 {\"e\":\n",
            "line 2: its JSON cannot be read",
        ),
        ("noon {}\n", "\"noon\" is no local time"),
        ("nothing\n", "line 1: it holds no JSON"),
    ] {
        std::fs::write(&broken, text).unwrap();
        let args = ReplayArgs {
            connector: plugin::public(),
            capture: broken.clone(),
            pair: "ETH-BTC".parse().unwrap(),
            checkpoints: Vec::new(),
        };
        let error = replay_capture(&args).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_capture_of_raw_streams_is_the_same() {
    let plain = captured("two_snapshots_and_a_gap.jsonl");
    let raw: String = std::fs::read_to_string(&plain)
        .unwrap()
        .lines()
        .map(|line| match line.split_once("\"data\":") {
            Some((head, data)) => {
                let time = head.split_once('{').unwrap().0;
                format!("{time}{}\n", data.strip_suffix('}').unwrap())
            }
            None => format!("{line}\n"),
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("raw.jsonl");
    std::fs::write(&file, raw).unwrap();
    assert_eq!(run(file, "ETH-BTC", &[2]), run(plain, "ETH-BTC", &[2]));
}
