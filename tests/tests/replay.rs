//! A recorded run, replayed through the real door: the shipped binary records over real sockets, and replays offline to the
//! same digests; a process that dies while it records leaves a recording that is whole up to there.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use colibri_record::{Entry, EntryWriter, MAGIC, Packer, Reader};
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

fn recordings(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(built::host())
        .arg("recordings")
        .args(arguments)
        .arg("--json")
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder)
        .output()
        .unwrap()
}

/// Everything that a recording's files hold.
fn decompressed(recording: &Path) -> Vec<u8> {
    let mut files: Vec<PathBuf> = fs::read_dir(recording)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut all = Vec::new();
    let files: Vec<fs::File> = files.iter().map(|file| fs::File::open(file).unwrap()).collect();
    let mut reader = Reader::new(files).unwrap();
    while let Some(entry) = reader.next_entry().unwrap() {
        all.extend(entry.to_bytes());
    }
    all
}

fn api_key(recording: &Path) -> String {
    let file = fs::File::open(recording.join("000001.colirec")).unwrap();
    let Some(Entry::Setup(setup)) = Reader::new([file]).unwrap().next_entry().unwrap() else {
        panic!("a recording begins with what the run was made from");
    };
    setup.venues[0].public_credentials["api_key"].clone()
}

/// The account's number, which the exchange has answered.
fn uid(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (_, after) = text.split_once("\"uid\":").unwrap();
    after.chars().take_while(char::is_ascii_digit).collect()
}

fn count(bytes: &[u8], wanted: &str) -> usize {
    let windows = bytes.windows(wanted.len());
    windows.filter(|window| *window == wanted.as_bytes()).count()
}

#[test]
fn a_redacted_export_holds_no_key_and_replays() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path(), 8).output().unwrap();
    report(&output);
    let recording = recording(folder.path());
    let told = report(&recordings(folder.path(), &["list", "data/demo"]));
    let listed = &told["recordings"][0];
    assert_eq!(listed["whole"], true, "{told}");
    assert!(listed["millis"].as_u64() >= Some(8_000), "{told}");

    let out = folder.path().join("given/away");
    let (from, to) = (recording.to_str().unwrap(), out.to_str().unwrap());
    let exported = report(&recordings(folder.path(), &["export", from, to, "--redact"]));
    assert_eq!(exported["same"], true, "{exported}");
    assert!(exported["marks"].as_u64() >= Some(6), "{exported}");
    assert_eq!(exported["inputs"], listed["inputs"], "{exported}");

    // What is looked for is in the recording, so that not finding it means something.
    let (whole, redacted) = (decompressed(&recording), decompressed(&out));
    assert_eq!(whole.len(), redacted.len());
    let key = api_key(&recording);
    assert!(key.len() >= 32 && count(&whole, &key) > 0);
    assert_eq!(count(&redacted, &key), 0);
    let account = format!("\"uid\":{}", uid(&whole));
    assert!(count(&whole, &account) > 0);
    assert_eq!(count(&redacted, &account), 0);
    let replayed = report(&replay(folder.path(), &out, &[]));
    assert_eq!(replayed["same"], true, "{replayed}");
    assert_eq!(replayed["marks"], exported["marks"]);

    // For its owner alone; and what is there is not written over.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&out), 0o700);
        assert_eq!(mode(&out.join("000001.colirec")), 0o600);
    }
    let again = recordings(folder.path(), &["export", from, to]);
    assert_eq!(again.status.code(), Some(2));

    // Without its library it is exported all the same, and says what it cannot say.
    let other = folder.path().join("without");
    let nowhere = folder.path().join("no-store");
    let (to, store) = (other.to_str().unwrap(), nowhere.to_str().unwrap());
    let unproven = report(&recordings(
        folder.path(),
        &["export", from, to, "--redact", "--store", store],
    ));
    assert_eq!(unproven["same"], Value::Null, "{unproven}");
    assert!(
        unproven["why_not_compared"].as_str().unwrap().contains("--library"),
        "{unproven}"
    );
    assert_eq!(count(&decompressed(&other), &key), 0);
    assert_eq!(report(&replay(folder.path(), &other, &[]))["marks"], 0);
}

/// The entries of a recording's only file.
fn entries(recording: &Path) -> Vec<Entry> {
    let file = fs::File::open(recording.join("000001.colirec")).unwrap();
    let mut reader = Reader::new([file]).unwrap();
    std::iter::from_fn(|| reader.next_entry().unwrap()).collect()
}

/// What is left of a recording whose files before one of its snapshots were deleted.
fn rest_from(recording: &Path, snapshot: usize, folder: &Path) {
    let entries = entries(recording);
    let mut places = (0..entries.len()).filter(|at| matches!(entries[*at], Entry::Snapshot(_)));
    let at = places.nth(snapshot).unwrap();
    // Before a snapshot, and before what was gathered ahead of it, stands what the run was made from.
    let is_setup = |entry: &Entry| matches!(entry, Entry::Setup(_));
    let begin = entries[..at].iter().rposition(is_setup).unwrap();
    let mut writer = EntryWriter::default();
    entries[begin..].iter().for_each(|entry| writer.put(entry));
    writer.close();
    let (mut file, mut packer) = (MAGIC.to_vec(), Packer::default());
    while let Some(block) = writer.next_block() {
        packer.write(&block, &mut file).unwrap();
    }
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("000007.colirec"), file).unwrap();
}

#[test]
fn a_run_is_entered_at_each_of_its_snapshots_and_goes_on_as_it_did() {
    let folder = tempfile::tempdir().unwrap();
    report(&demo(folder.path(), 24).output().unwrap());
    let recording = recording(folder.path());
    let whole = report(&replay(folder.path(), &recording, &[]));
    assert_eq!(
        (&whole["same"], &whole["entered"]),
        (&true.into(), &0.into()),
        "{whole}"
    );
    let summary = report(&replay(folder.path(), &recording, &["--summary"]));
    let snapshots = summary["snapshots"].as_array().unwrap();
    assert!(snapshots.len() >= 3, "{summary}");

    let mut marks = whole["marks"].as_u64().unwrap();
    for snapshot in snapshots {
        // The digest is that of the whole run: whatever came before is in it.
        let from = format!("#{}", snapshot["inputs"]);
        let entered = report(&replay(folder.path(), &recording, &["--from", &from]));
        assert_eq!(entered["same"], true, "{entered}");
        for member in ["digest", "inputs", "millis"] {
            assert_eq!(entered[member], whole[member], "{member}: {entered}");
        }
        assert_eq!(entered["entered"], snapshot["inputs"]);
        let fewer = entered["marks"].as_u64().unwrap();
        assert!(fewer > 0 && fewer < marks, "{entered}");
        marks = fewer;
    }
    // A moment is entered at the last snapshot before it; before the first there is the begin.
    let second = snapshots[1]["after_ms"].as_u64().unwrap() + 1_000;
    let from = format!("{}.{:03}", second / 1_000, second % 1_000);
    let entered = report(&replay(folder.path(), &recording, &["--from", &from]));
    assert_eq!(entered["entered"], snapshots[1]["inputs"], "{entered}");
    let begin = report(&replay(folder.path(), &recording, &["--from", "1s"]));
    assert_eq!((&begin["entered"], &begin["digest"]), (&0.into(), &whole["digest"]));

    // Where older files are gone, what is left begins with its first snapshot.
    let rest = folder.path().join("rest");
    rest_from(&recording, 1, &rest);
    let left = report(&replay(folder.path(), &rest, &[]));
    assert_eq!(left["same"], true, "{left}");
    assert_eq!(left["entered"], snapshots[1]["inputs"], "{left}");
    assert_eq!(left["digest"], whole["digest"], "{left}");

    // An export has them too, redacted as it may be.
    for (from, name, redact) in [(&recording, "whole", None), (&rest, "part", Some("--redact"))] {
        let out = folder.path().join(name);
        let (from, to) = (from.to_str().unwrap(), out.to_str().unwrap());
        let arguments: Vec<&str> = ["export", from, to].into_iter().chain(redact).collect();
        let exported = report(&recordings(folder.path(), &arguments));
        assert_eq!(exported["same"], true, "{exported}");
        let last = format!("#{}", snapshots.last().unwrap()["inputs"]);
        let entered = report(&replay(folder.path(), &out, &["--from", &last]));
        assert_eq!(entered["same"], true, "{entered}");
        assert_eq!(entered["entered"], snapshots.last().unwrap()["inputs"], "{entered}");
    }
}

#[test]
fn a_simulated_bot_that_goes_on_from_snapshots_of_itself_is_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    built::connector("binance");
    let runs = [
        ("spot", "2", "23"),
        ("spot", "7", "61"),
        // One of its streams is lost alone, and opened again by a bot that goes on from a snapshot.
        ("contracts", "22", "23"),
        // Two connectors that share what an address may ask.
        ("both", "30", "37"),
    ];
    for (stage, seed, turns) in runs {
        let output = Command::new(built::host())
            .args(["chaos", "--lines", "--stage", stage, "--seed", seed, "--seeds", "1"])
            .args(["--snapshot-turns", turns, "--plugin-dir"])
            .arg(built::release_directory())
            .env("XDG_CACHE_HOME", folder.path())
            .output()
            .unwrap();
        // The seed was run a second time, unbroken: the same requests at the same times.
        let ran = report(&output);
        assert_eq!(ran["replays"], true, "{ran}");
        assert_eq!(ran["report"]["violations"], Value::Array(Vec::new()), "{ran}");
        assert!(ran["report"]["from_snapshots"].as_u64() > Some(20), "{ran}");
    }
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
