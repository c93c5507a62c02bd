//! A recorded run, replayed through the real door: the shipped binary records over real sockets, and replays offline to the
//! same digests; a process that dies while it records leaves a recording that is whole up to there.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use colibri_tests::built;
use serde_json::Value;

/// Far above what a run takes: the test fails instead of hanging.
const DEADLINE: Duration = Duration::from_secs(120);

fn demo(folder: &Path, seconds: u32) -> Command {
    built::connector("binance");
    let mut command = Command::new(built::host());
    command
        .args(["demo", "--json", "--record", "--plugin-dir"])
        .arg(built::release_directory())
        .args(["--seconds", &seconds.to_string()])
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn recording(folder: &Path) -> PathBuf {
    let all = fs::read_dir(folder.join("data/demo/recordings")).unwrap();
    all.map(|entry| entry.unwrap().path()).max().unwrap()
}

fn replay(folder: &Path, recording: &Path, options: &[&str]) -> Output {
    Command::new(built::host())
        .arg("replay")
        .arg(recording)
        .arg("--json")
        .args(options)
        .env("XDG_CACHE_HOME", folder)
        .output()
        .unwrap()
}

fn report(output: &Output) -> Value {
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stdout}\n{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}: {stdout}"))
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[test]
fn a_recorded_run_replays_to_the_same_digests() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path(), 12).output().unwrap();
    let ran = report(&output);
    assert!(ran["orders"].as_u64() > Some(0), "{ran}");
    let recording = recording(folder.path());

    let whole = report(&replay(folder.path(), &recording, &["--inspect"]));
    assert_eq!(whole["same"], true, "{whole}");
    assert_eq!(whole["torn"], Value::Null, "{whole}");
    assert!(whole["marks"].as_u64() >= Some(10), "{whole}");
    assert!(whole["millis"].as_u64() >= Some(12_000), "{whole}");
    let stood = texts(&whole["stood"]);
    assert!(stood[0].contains("Stopped"), "{stood:?}");
    // Twice the same.
    assert_eq!(whole, report(&replay(folder.path(), &recording, &["--inspect"])));

    // At a moment in the middle its orders are there, and what led to them.
    let middle = report(&replay(
        folder.path(),
        &recording,
        &["--inspect", "--until", "8s", "--last", "500"],
    ));
    assert_eq!(middle["same"], true, "{middle}");
    assert!(middle["inputs"].as_u64() < whole["inputs"].as_u64(), "{middle}");
    assert!(
        texts(&middle["stood"]).iter().any(|line| line.contains("BTC-USDT at")),
        "{middle}"
    );
    assert!(
        texts(&middle["happened"])
            .iter()
            .any(|line| line.contains("place BTC-USDT")),
        "{middle}"
    );

    // A byte that was changed is found.
    let file = recording.join("000001.colirec");
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&file, bytes).unwrap();
    let damaged = report(&replay(folder.path(), &recording, &[]));
    assert!(damaged["torn"].as_str().unwrap().contains("damaged"), "{damaged}");
    assert!(damaged["inputs"].as_u64() < whole["inputs"].as_u64(), "{damaged}");
}

#[test]
fn a_process_that_dies_leaves_a_recording_that_is_whole_up_to_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = demo(folder.path(), 60).spawn().unwrap();
    let begun = Instant::now();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("10 s:") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it ended by itself");
        assert!(begun.elapsed() < DEADLINE, "it does not come to trade");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let replayed = report(&replay(folder.path(), &recording(folder.path()), &[]));
    assert_eq!(replayed["same"], true, "{replayed}");
    // A second may be lost, and what its writer had not written.
    assert!(replayed["millis"].as_u64() >= Some(7_000), "{replayed}");
}
