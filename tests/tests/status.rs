//! `colibri status` beside a bot that runs, loses its exchange, gets it back, ends, or is killed: real processes, real
//! sockets; whatever is waited for has a deadline.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use colibri_tests::built;
use colibri_tests::crash::bot::{BotFolder, DEADLINE, Door};
use colibri_tests::crash::exchange::{LocalExchange, SECRET};
use serde_json::Value;

/// How often it is looked.
const GLANCE: Duration = Duration::from_millis(100);

fn ask(bot: &Path) -> Option<Value> {
    let answer = Command::new(built::host())
        .arg("status")
        .arg(bot)
        .arg("--json")
        .output()
        .unwrap();
    answer
        .status
        .success()
        .then(|| serde_json::from_slice::<Value>(&answer.stdout).unwrap()["live"].clone())
}

/// Looks until it is so.
fn wait_until(bot: &Path, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + DEADLINE;
    let mut last = None;
    while Instant::now() < end {
        if let Some(live) = ask(bot) {
            if is_so(&live) {
                return live;
            }
            last = Some(live);
        }
        std::thread::sleep(GLANCE);
    }
    panic!("it was not {what} in time: {last:#?}");
}

fn is_trading(live: &Value) -> bool {
    live["standing"] == "running"
        && live["connectors"][0]["state"] == "ready"
        && live["strategies"][0]["state"] == "running"
        && live["connectors"][0]["open_orders"].as_u64() > Some(0)
}

fn table(bot: &Path) -> String {
    let answer = Command::new(built::host()).arg("status").arg(bot).output().unwrap();
    String::from_utf8(answer.stdout).unwrap()
}

#[test]
fn another_process_sees_a_bot_trade_lose_its_exchange_get_it_back_and_end() {
    let exchange = LocalExchange::start(7);
    let bot = BotFolder::new(&Door::plain(exchange.address()));
    let folder = bot.data();
    let mut run = bot.start_to_report();
    let live = wait_until(&folder, "trading", is_trading);
    let connector = &live["connectors"][0];
    assert_eq!(connector["market_stream"]["state"], "live", "{live:#}");
    assert_eq!(connector["user_stream"]["state"], "live", "{live:#}");
    assert_eq!(connector["reconcile"]["healed"], true, "{live:#}");
    assert_eq!(connector["books"][0]["state"], "live", "{live:#}");
    assert!(connector["clock"]["offset_us"].is_i64(), "{live:#}");
    let pools = connector["pools"].as_array().unwrap();
    assert!(pools.iter().any(|pool| pool["used"].as_u64() > Some(0)), "{live:#}");
    assert!(
        live["kill_switch"].is_null() && live["journal_fault"].is_null(),
        "{live:#}"
    );

    // Its owner alone may read it, and no secret is in it.
    let file = folder.join("status.json");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!std::fs::read_to_string(&file).unwrap().contains(SECRET));
    let text = table(&folder);
    for words in [
        "restless is trading on local",
        "user stream      live",
        "strategy maker",
        "not thrown",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }

    // The exchange does not answer any more, and no connection is closed.
    exchange.freeze();
    let out = wait_until(&folder, "out", |live| {
        live["connectors"][0]["state"] == "out" && live["strategies"][0]["state"] == "paused"
    });
    let why = out["strategies"][0]["why"].as_str().unwrap();
    assert!(why.starts_with("binance: "), "{out:#}");
    let streams = ["market_stream", "user_stream"].map(|stream| &out["connectors"][0][stream]);
    assert!(streams.iter().any(|stream| stream["why"].is_string()), "{out:#}");
    exchange.thaw();
    let pid = out["pid"].clone();
    let back = wait_until(&folder, "trading again", is_trading);
    assert_eq!(back["pid"], pid, "without a restart");
    run.assert_runs();

    run.stop(&bot).assert_proven();
    let ended = wait_until(&folder, "ended", |live| live["standing"] == "ended");
    assert_eq!(ended["phase"], "stopped", "{ended:#}");
    assert!(table(&folder).contains("restless does not run: it ended"));
}

#[test]
fn a_bot_that_was_killed_is_said_to_be_gone_and_not_to_run() {
    let exchange = LocalExchange::start(8);
    let bot = BotFolder::new(&Door::plain(exchange.address()));
    let folder = bot.data();
    let run = bot.start();
    wait_until(&folder, "trading", is_trading);
    run.kill();
    wait_until(&folder, "gone", |live| live["standing"] == "gone");
    assert!(table(&folder).contains("restless does not run: it ended without a word"));
}
