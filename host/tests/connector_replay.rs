//! Captures through the connector library and the engine's book.

#![allow(clippy::unwrap_used, missing_docs)]

mod plugin;

use std::path::PathBuf;

use colibri::connector::{ReplayArgs, ReplayReport, replay_capture};
use serde_json::{Value, json};

fn run(capture: PathBuf, pair: &str, checkpoints: &[u64]) -> ReplayReport {
    replay_capture(&ReplayArgs {
        connector: plugin::public(),
        capture,
        pair: pair.parse().unwrap(),
        checkpoints: checkpoints.to_vec(),
    })
    .unwrap()
}

#[test]
fn a_recorded_day_gives_the_book_that_an_independent_replay_gives() {
    let (Some(capture), Some(expected)) = (
        plugin::fixture("marketdata/binance_spot_btcusdt_20240808.jsonl.gz"),
        plugin::fixture("marketdata/expected/binance_spot_btcusdt_20240808.json"),
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
    let report = run(capture, "BTC-USDT", &points);
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
