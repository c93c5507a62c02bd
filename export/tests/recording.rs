//! Through the real door: the shipped binary records a run over real sockets; what is exported of it is, row for row, what
//! an observer of its replay counts. What is torn or differs is exported as far as it is sound, and said.
#![allow(clippy::unwrap_used)]

mod reading;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use colibri::replay::{Follower, Inspector, LibraryFrom, Moment, Replay, Request};
use colibri_abi::{BookBatch, TradeBatch};
use colibri_desk::Observer;
use colibri_engine::VenueIndex;
use colibri_record::{DigestValue, Entry, EntryWriter, MAGIC};
use colibri_tests::built;
use reading::{Table, Value, read};
use serde_json::Value as Json;

/// Counts what an observer is told.
#[derive(Debug, Default)]
struct Count {
    batches: u64,
    levels: usize,
    trades: usize,
    /// Of every level and trade, in order.
    prices: Vec<i128>,
    trade_prices: Vec<i128>,
}

/// In units of 10^-18.
fn units(mantissa: i64, exponent: i32) -> i128 {
    i128::from(mantissa) * 10_i128.pow(u32::try_from(18 + exponent).unwrap())
}

impl Observer for Count {
    fn book(&mut self, _: VenueIndex, batch: &BookBatch<'_>) {
        self.batches += 1;
        self.levels += batch.bids.len() + batch.asks.len();
        let levels = batch.bids.iter().chain(batch.asks.iter());
        self.prices
            .extend(levels.map(|level| units(level.price, batch.price_exponent)));
    }
    fn trades(&mut self, _: VenueIndex, batch: &TradeBatch<'_>) {
        self.trades += batch.trades.len();
        let prices = batch
            .trades
            .iter()
            .map(|trade| units(trade.price, batch.price_exponent));
        self.trade_prices.extend(prices);
    }
}

impl Follower for Count {}

fn demo(folder: &Path) -> Json {
    built::connector("binance");
    let output = Command::new(built::host())
        .args(["demo", "--json", "--record", "--seconds", "8", "--plugin-dir"])
        .arg(built::release_directory())
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn export(folder: &Path, what: &str, from: &Path, file: &str) -> (Output, Table) {
    let path = folder.join(file);
    let output = Command::new(env!("CARGO_BIN_EXE_colibri-export"))
        .arg(what)
        .arg(from)
        .arg("-o")
        .arg(&path)
        .env("XDG_CACHE_HOME", folder)
        .output()
        .unwrap();
    assert!(path.exists(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = read(&path);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(&format!(": {} rows", table.rows())), "{said}");
    (output, table)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn decimals(table: &Table, column: &str) -> Vec<i128> {
    let units = |value: &Value| match value {
        Value::Decimal(units) => *units,
        other => panic!("{column}: {other:?}"),
    };
    table.columns[column].iter().map(units).collect()
}

fn instants(table: &Table, column: &str) -> Vec<i64> {
    let nanos = |value: &Value| match value {
        Value::Instant(nanos) => *nanos,
        other => panic!("{column}: {other:?}"),
    };
    table.columns[column].iter().map(nanos).collect()
}

/// Writes the recording anew, with another digest at its mark number `mark`, counted from zero.
fn with_another_mark(recording: &Path, folder: &Path, mark: usize) -> PathBuf {
    fs::create_dir(folder).unwrap();
    let mut file = File::create(folder.join("000001.colirec")).unwrap();
    file.write_all(&MAGIC).unwrap();
    let mut reader = colibri::record::open(recording).unwrap();
    let (mut writer, mut marks) = (EntryWriter::default(), 0);
    while let Some(mut entry) = reader.next_entry().unwrap() {
        if let Entry::Mark(stated) = &mut entry {
            if marks == mark {
                stated.digest = DigestValue::default();
            }
            marks += 1;
        }
        writer.put(&entry);
        writer.close_if_full();
    }
    writer.close();
    while let Some(block) = writer.next_block() {
        block.write(&mut file).unwrap();
    }
    assert!(mark < marks);
    folder.to_owned()
}

#[test]
fn what_is_exported_is_what_the_run_was_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let ran = demo(folder);
    let bot = folder.join("data/demo");
    let recordings = fs::read_dir(bot.join("recordings")).unwrap();
    let recording = recordings.map(|entry| entry.unwrap().path()).max().unwrap();

    let mut count = Count::default();
    let store = folder.join("colibri/libraries");
    let request = Request {
        path: &recording,
        libraries: LibraryFrom {
            store: &store,
            instead: &[],
        },
        from: None,
        until: Moment::End,
    };
    Replay::follow(&request, &mut Inspector::keeping(0), &mut count).unwrap();
    assert!(count.batches > 20 && count.trades > 0, "{count:?}");

    let (output, books) = export(folder, "books", &recording, "books.parquet");
    assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()));
    assert_eq!(books.rows(), count.levels);
    assert_eq!(decimals(&books, "price"), count.prices);
    assert!(books.texts("venue").iter().all(|venue| *venue == "binance"));
    assert!(books.texts("pair").contains(&"BTC-USDT"));
    for kind in ["snapshot", "update"] {
        assert!(books.texts("kind").contains(&kind), "{kind}");
    }
    assert!(instants(&books, "received").is_sorted());
    assert!(books.columns["last_id"].iter().any(|id| *id != Value::Null));

    let (output, trades) = export(folder, "trades", &recording, "trades.parquet");
    assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()));
    assert_eq!(trades.rows(), count.trades);
    assert_eq!(decimals(&trades, "price"), count.trade_prices);
    assert!(decimals(&trades, "quantity").iter().all(|quantity| *quantity > 0));
    let sides = trades.texts("taker_side");
    assert!(sides.iter().all(|side| ["buy", "sell"].contains(side)), "{sides:?}");
    assert!(instants(&trades, "exchange_time").iter().all(|time| *time > 0));

    history_is_that_of_the_report(folder, &bot, &ran);
    torn_and_differing(folder, &recording, &books);
}

fn history_is_that_of_the_report(folder: &Path, bot: &Path, ran: &Json) {
    let (output, orders) = export(folder, "orders", bot, "orders.parquet");
    assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()));
    assert_eq!(Some(orders.rows() as u64), ran["orders"].as_u64(), "{ran}");
    assert!(!orders.columns["price"].contains(&Value::Null));
    let (output, fills) = export(folder, "fills", bot, "fills.parquet");
    assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()));
    assert_eq!(Some(fills.rows() as u64), ran["fills"].as_u64(), "{ran}");
    let known: Vec<_> = orders.texts("client_order_id");
    assert!(fills.texts("client_order_id").iter().all(|id| known.contains(id)));
}

fn torn_and_differing(folder: &Path, recording: &Path, whole: &Table) {
    let is_beginning = |part: &Table| {
        assert!(part.rows() > 0 && part.rows() < whole.rows(), "{}", part.rows());
        for (name, values) in &part.columns {
            assert!(whole.columns[name].starts_with(values), "{name}");
        }
    };
    // What a power failure leaves.
    let torn = folder.join("torn");
    fs::create_dir(&torn).unwrap();
    let bytes = fs::read(recording.join("000001.colirec")).unwrap();
    fs::write(torn.join("000001.colirec"), &bytes[..bytes.len() * 4 / 5]).unwrap();
    let (output, part) = export(folder, "books", &torn, "torn.parquet");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(
        said(&output).contains("the recording is whole up to input"),
        "{}",
        said(&output)
    );
    is_beginning(&part);

    // What another host, or another library, does: up to the mark before it is sound.
    let other = with_another_mark(recording, &folder.join("other"), 6);
    let (output, part) = export(folder, "books", &other, "other.parquet");
    assert_eq!(output.status.code(), Some(7), "{}", said(&output));
    assert!(said(&output).contains("not what was recorded"), "{}", said(&output));
    is_beginning(&part);
}
