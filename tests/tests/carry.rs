//! The carry demo through its real door: one bot over two connectors of one library, spot and a perpetual, on a local exchange; both
//! venues' ledgers and the position stand as the exchange states them, and what it has brought can be added up.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Stdio};

use colibri_model::Decimal;
use colibri_tests::built;
use serde_json::Value;

fn colibri(folder: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(built::host())
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

fn decimal(value: &Value) -> Decimal {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
        .parse()
        .unwrap()
}

#[test]
fn both_legs_are_traded_and_everything_is_as_the_exchange_says() {
    built::connector("binance");
    let folder = tempfile::tempdir().unwrap();
    let release = built::release_directory();
    let demo = [
        "demo",
        "--bot",
        "carry",
        "--json",
        "--seconds",
        "30",
        "--plugin-dir",
        release.to_str().unwrap(),
    ];
    let (ok, stdout, stderr) = colibri(folder.path(), &demo);
    assert!(ok, "{stdout}\n{stderr}");
    let report: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(report["unknown_orders"], 0, "{report}");
    assert_eq!(report["open_orders_at_end"], 0, "{report}");
    assert_eq!(report["open_orders_proven_by"], "exchange", "{report}");
    assert_eq!(report["ledger_equals_exchange"], true, "{report}");
    assert_eq!(report["positions_equal_exchange"], true, "{report}");
    let venues: Vec<&Value> = report["balances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| &b["venue"])
        .collect();
    assert!(
        venues.iter().any(|v| *v == "binance") && venues.iter().any(|v| *v == "binance_perpetual"),
        "{report}"
    );

    let (ok, stdout, stderr) = colibri(folder.path(), &["trades", "data/demo-carry", "--format", "json"]);
    assert!(ok, "{stderr}");
    let trades: Value = serde_json::from_str(&stdout).unwrap();
    let of = |venue: &str| {
        trades
            .as_array()
            .unwrap()
            .iter()
            .filter(|t| t["venue"] == venue)
            .count()
    };
    assert!(of("binance") > 0 && of("binance_perpetual") > 0, "{trades}\n{stderr}");

    // What one leg holds the other holds the opposite of, but for what no order may be of.
    let (ok, stdout, stderr) = colibri(folder.path(), &["pnl", "--bot", "demo-carry", "--json"]);
    assert!(ok, "{stderr}");
    let profit: Value = serde_json::from_str(&stdout).unwrap();
    let lines = profit["lines"].as_array().unwrap();
    assert!(lines.iter().all(|line| line["strategy"] == "carry"), "{profit}");
    let held = |venue: &str| {
        let line = lines.iter().find(|line| line["venue"] == venue).unwrap();
        decimal(&line["held"]["quantity"])
    };
    let apart = held("binance") + held("binance_perpetual");
    assert!(apart.abs() < Decimal::new(1, 3), "{profit}");
    let contract = lines.iter().find(|line| line["venue"] == "binance_perpetual").unwrap();
    assert_eq!(contract["contract"]["kind"], "linear", "{profit}");
    assert_eq!(contract["mark"]["source"], "mark", "{profit}");
}
