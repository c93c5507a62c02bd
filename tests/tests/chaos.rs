//! The whole host in virtual time under faults, through its real door: the shipped binary and the shipped library.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Stdio};

use colibri_tests::built;
use serde_json::Value;

/// Runs seeds and gives back the report.
fn chaos(args: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    built::connector("binance");
    let output = Command::new(built::host())
        .args(["chaos", "--json", "--plugin-dir"])
        .arg(built::release_directory())
        .args(args)
        .env("XDG_CACHE_HOME", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let report: Value =
        serde_json::from_str(stdout.trim()).unwrap_or_else(|e| panic!("no report ({e}): {stdout}\n{stderr}"));
    assert_eq!(
        report["failed"],
        serde_json::json!({}),
        "replay one: colibri chaos --seed SEED --trace"
    );
    assert_eq!(report["not_deterministic"], serde_json::json!([]), "{report}");
    assert!(output.status.success(), "{report}\n{stderr}");
    report
}

#[test]
fn in_calm_weather_nothing_is_amiss() {
    for stage in ["spot", "contracts", "both"] {
        let report = chaos(&["--calm", "--stage", stage, "--seeds", "1"]);
        assert!(report["fills"].as_u64() > Some(50), "{report}");
    }
}

#[test]
fn twenty_seeds_break_no_promise() {
    let report = chaos(&["--seed", "1", "--seeds", "20"]);
    let struck: u64 = report["faults"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert!(struck > 200 && report["restarts"].as_u64() > Some(5), "{report}");
}

#[test]
fn contracts_break_no_promise_alone_and_beside_spot() {
    for stage in ["contracts", "both"] {
        let report = chaos(&["--stage", stage, "--seed", "9001", "--seeds", "5"]);
        let orders = report["orders"].as_u64().unwrap();
        assert!(orders >= 500 && report["restarts"].as_u64() > Some(5), "{report}");
    }
}

#[test]
fn a_seed_that_failed_once_stays_sound() {
    // An order whose end was journaled, and the process killed before its fills were.
    chaos(&["--stage", "spot", "--seed", "102"]);
    // Two questions about what is open at once, and each forgot what the other had been told of somebody else's orders.
    chaos(&["--stage", "spot", "--seed", "61"]);
    // A tick that became coarser, and what rested between the new ticks.
    chaos(&["--stage", "spot", "--seed", "103"]);
    // A ban of two minutes outlasted the faults: nothing can be proven, or learned of others' orders, before it ends.
    chaos(&["--stage", "spot", "--seed", "42039"]);
    chaos(&["--stage", "spot", "--seed", "42678"]);
    // A fill that the stream told before the answer to the question about the balances that the ledger starts from.
    chaos(&["--stage", "spot", "--seed", "102953"]);
    // Somebody else's order traded between a stopping bot's last answer and its proof.
    chaos(&["--stage", "spot", "--seed", "100559"]);
    // A clock that was ahead: a settlement seemed over before it was.
    chaos(&["--stage", "both", "--seed", "70023"]);
    // What was held in the other direction made room for orders, and was then reduced otherwise.
    chaos(&["--stage", "both", "--seed", "80002"]);
}

#[test]
fn several_processes_come_to_what_one_comes_to() {
    let seeds = ["--seed", "30", "--seeds", "4"];
    let mut alone = chaos(&seeds);
    let mut shared = chaos(&[&seeds[..], &["--jobs", "3"]].concat());
    for report in [&mut alone, &mut shared] {
        report["seeds_per_minute"] = Value::Null;
    }
    assert_eq!(alone, shared);
}

#[test]
fn a_fault_can_be_met_alone() {
    let report = chaos(&["--fault", "Connector-Panic", "--seeds", "1"]);
    let struck: Vec<&String> = report["faults"].as_object().unwrap().keys().collect();
    assert_eq!(struck, ["connector panic"]);
}
