//! The demo through its real door: the shipped binary, the shipped library, real sockets, processes of their own.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use colibri_tests::built;
use serde_json::Value;

/// Far above what a run takes: the test fails instead of hanging.
const DEADLINE: Duration = Duration::from_secs(120);

fn demo(folder: &std::path::Path, seconds: u32) -> Command {
    built::connector("binance");
    let mut command = Command::new(built::host());
    command
        .args(["demo", "--json", "--plugin-dir"])
        .arg(built::release_directory())
        .args(["--seconds", &seconds.to_string()])
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn report_of(stdout: &str) -> Value {
    let line = stdout.lines().last().unwrap_or_default();
    serde_json::from_str(line).unwrap_or_else(|e| panic!("the last line is not JSON ({e}): {line:?}"))
}

fn assert_proven(report: &Value) {
    assert_eq!(report["unknown_orders"], 0, "{report}");
    assert_eq!(report["open_orders_at_end"], 0, "{report}");
    assert_eq!(report["open_orders_proven_by"], "exchange", "{report}");
    assert_eq!(report["ledger_equals_exchange"], true, "{report}");
    assert_eq!(report["book_gaps"], 0, "{report}");
}

#[test]
fn a_run_trades_on_both_sides_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path(), 40).output().unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert_eq!(
        stdout.lines().count(),
        1,
        "the report is alone on standard output: {stdout}"
    );
    let report = report_of(&stdout);
    assert!(
        report["buy_fills"].as_u64() > Some(0) && report["sell_fills"].as_u64() > Some(0),
        "{report}"
    );
    assert_proven(&report);

    // What happened is in the history, through the command that a user has.
    let bot = folder.path().join("data/demo");
    let ask = |what: &str| {
        let answer = Command::new(built::host())
            .args([what, "--format", "json"])
            .arg(&bot)
            .output()
            .unwrap();
        assert!(
            answer.status.success(),
            "{what}: {}",
            String::from_utf8_lossy(&answer.stderr)
        );
        serde_json::from_slice::<Value>(&answer.stdout).unwrap()
    };
    assert_eq!(
        ask("trades").as_array().map(|t| t.len() as u64),
        report["fills"].as_u64()
    );
    assert_eq!(
        ask("orders").as_array().map(|t| t.len() as u64),
        report["orders"].as_u64()
    );
    assert_eq!(ask("status")["pairs"][0]["unknown"], 0);
}

/// Reads a demo's log until a line has these words.
fn read_until(lines: &mut impl Iterator<Item = std::io::Result<String>>, words: &str) {
    let started = Instant::now();
    let mut log = String::new();
    for line in lines {
        let line = line.unwrap();
        if line.contains(words) {
            return;
        }
        log.push_str(&line);
        log.push('\n');
        assert!(started.elapsed() < DEADLINE, "no {words:?} in time: {log}");
    }
    panic!("it ended without {words:?}: {log}");
}

fn interrupt(child: &std::process::Child) {
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
}

#[cfg(unix)]
#[test]
fn a_kill_from_another_terminal_cancels_everything_and_proves_it_while_the_bot_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = demo(folder.path(), 600).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    read_until(&mut lines, "filled");
    let killed = Command::new(built::host())
        .arg("kill")
        .arg(folder.path().join("data/demo"))
        .args(["--reason", "a test"])
        .output()
        .unwrap();
    assert!(killed.status.success(), "{killed:?}");
    read_until(&mut lines, "the kill switch is thrown (person): a test");
    read_until(&mut lines, "the exchange says that no order of ours is open");
    interrupt(&child);
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(
        !rest
            .iter()
            .any(|line| line.contains("orders live") && !line.contains(" 0 orders live")),
        "{rest:?}"
    );
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}");
    assert_proven(&report_of(&stdout));
    // Nobody runs any more: the request stays for the next start, and that is said.
    let waiting = Command::new(built::host())
        .arg("kill")
        .arg(folder.path().join("data/demo"))
        .output()
        .unwrap();
    assert_eq!(waiting.status.code(), Some(7), "{waiting:?}");
    assert!(folder.path().join("data/demo/kill.request").exists());
}

#[cfg(unix)]
#[test]
fn an_interrupt_cancels_everything_and_still_reports() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = demo(folder.path(), 600).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    read_until(&mut lines, "filled");
    interrupt(&child);
    drop(lines);
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}");
    assert_proven(&report_of(&stdout));
}
