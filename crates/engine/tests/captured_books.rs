//! Captured streams of exchanges that send checksums, through the keeper: every checksum is that of our book. The captures
//! are not part of the project (`../shared/fixtures` beside the workspace); where they are absent, nothing is checked.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use colibri_abi::{BookBatch, Level, book_flag};
use colibri_engine::book::{BookChange, BookFault, BookKeeper, Grid};
use colibri_model::{Exponents, MonoNs, mantissa_of_text};
use colibri_standard::{
    BookManifest, BookRule, ChecksumAlgorithm, ChecksumAsks, ChecksumManifest, ChecksumNumbers, ChecksumOrder,
    ChecksumSent,
};
use serde_json::Value;

fn fixture(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/fixtures")
        .join(path);
    if !path.exists() {
        println!("{} is not there; skipped", path.display());
        return None;
    }
    Some(path)
}

fn frames(path: &str) -> Option<Vec<Value>> {
    let mut text = String::new();
    let file = std::fs::File::open(fixture(path)?).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let frames = text
        .lines()
        .filter_map(|line| serde_json::from_str(line.split_once(": ")?.1).ok());
    Some(frames.collect())
}

fn checksum(depth: u32, order: ChecksumOrder, numbers: ChecksumNumbers, separator: &str) -> ChecksumManifest {
    ChecksumManifest {
        algorithm: ChecksumAlgorithm::Crc32,
        depth,
        order,
        numbers,
        separator: separator.to_owned(),
        asks: ChecksumAsks::Plain,
        sent: ChecksumSent::Sometimes,
    }
}

#[derive(Default)]
struct Message {
    snapshot: bool,
    bids: Vec<Level>,
    asks: Vec<Level>,
    checksum: Option<u32>,
}

fn apply(keeper: &mut BookKeeper, exponents: Exponents, message: &Message) -> BookChange {
    let snapshot = if message.snapshot { book_flag::SNAPSHOT } else { 0 };
    let checksum = message.checksum.map_or(0, |_| book_flag::CHECKSUM);
    let batch = BookBatch {
        instrument: 1,
        flags: snapshot | checksum,
        first_id: 0,
        last_id: 0,
        previous_id: 0,
        exchange_ns: 0,
        checksum: message.checksum.unwrap_or_default(),
        price_exponent: exponents.price,
        quantity_exponent: exponents.quantity,
        reserved: 0,
        bids: message.bids.as_slice().into(),
        asks: message.asks.as_slice().into(),
        ext: [0; 4],
    };
    keeper.apply(&batch, MonoNs(1))
}

fn read(levels: &Value, exponents: Exponents) -> Vec<Level> {
    let mantissa = |v: &Value, exponent| mantissa_of_text(v.as_str().unwrap().as_bytes(), exponent).unwrap();
    let level = |row: &Value| Level {
        price: mantissa(&row[0], exponents.price),
        quantity: mantissa(&row[1], exponents.quantity),
    };
    levels
        .as_array()
        .map(|rows| rows.iter().map(level).collect())
        .unwrap_or_default()
}

/// Digits after the point of the first price and quantity: an instrument's precision, where the exchange pads.
fn precision(levels: &Value) -> Exponents {
    let digits = |v: &Value| {
        v.as_str()
            .unwrap()
            .split_once('.')
            .map_or(0, |(_, after)| after.len() as i32)
    };
    Exponents {
        price: -digits(&levels[0][0]),
        quantity: -digits(&levels[0][1]),
    }
}

/// Kraken's WebSocket version 1: no ids, a thousand levels, the checksum with every update.
#[test]
fn kraken() {
    let Some(frames) = frames("marketdata/KRAKEN.ws.50.0.txt.gz") else {
        return;
    };
    let manifest = BookManifest {
        stream_depth: Some(1_000),
        checksum: Some(checksum(10, ChecksumOrder::AsksThenBids, ChecksumNumbers::Digits, "")),
        ..BookManifest::by_stream(BookRule::Checksum, 1_000)
    };
    let mut books: BTreeMap<String, (BookKeeper, Exponents)> = BTreeMap::new();
    let (mut verified, mut noticed) = (0, 0);
    for frame in frames {
        let Some(parts) = frame.as_array() else { continue };
        let pair = parts.last().unwrap().as_str().unwrap().to_owned();
        if parts[1].get("as").is_some() {
            let exponents = precision(&parts[1]["as"]);
            let mut keeper = BookKeeper::new(&manifest, exponents, Grid::UNIT);
            let whole = Message {
                snapshot: true,
                bids: read(&parts[1]["bs"], exponents),
                asks: read(&parts[1]["as"], exponents),
                checksum: None,
            };
            assert_eq!(apply(&mut keeper, exponents, &whole), BookChange::Synchronized);
            books.insert(pair, (keeper, exponents));
            continue;
        }
        let (keeper, exponents) = books.get_mut(&pair).unwrap();
        let mut update = Message::default();
        for part in parts.iter().filter(|part| part.is_object()) {
            update.asks.extend(read(&part["a"], *exponents));
            update.bids.extend(read(&part["b"], *exponents));
            if let Some(sum) = part["c"].as_str() {
                update.checksum = Some(sum.parse().unwrap());
            }
        }
        // The same stream without this message would be noticed, unless the message lies below the tenth level.
        if verified % 97 == 0 {
            let mut other = keeper.clone();
            let lost = Message {
                checksum: update.checksum,
                ..Message::default()
            };
            let change = apply(&mut other, *exponents, &lost);
            noticed += usize::from(matches!(change, BookChange::Dropped(BookFault::Checksum { .. })));
        }
        assert_eq!(apply(keeper, *exponents, &update), BookChange::Applied, "{pair}");
        verified += usize::from(update.checksum.is_some());
    }
    println!("kraken: {verified} checksums, {noticed} losses noticed");
    assert_eq!(verified, 4_269);
    assert!(noticed > 0);
}

/// OKX in 2022: 400 levels, a signed checksum of numbers as sent, which are without trailing zeros.
#[test]
fn okx() {
    let Some(frames) = frames("marketdata/OKX.ws.1.0.txt.gz") else {
        return;
    };
    let manifest = BookManifest {
        stream_depth: Some(400),
        checksum: Some(checksum(25, ChecksumOrder::Interleaved, ChecksumNumbers::Shortest, ":")),
        ..BookManifest::by_stream(BookRule::Checksum, 400)
    };
    let exponents = Exponents {
        price: -4,
        quantity: -8,
    };
    let mut books: BTreeMap<String, BookKeeper> = BTreeMap::new();
    let mut verified = 0;
    for frame in frames
        .iter()
        .filter(|f| f["arg"]["channel"] == "books" && f["data"].is_array())
    {
        let id = frame["arg"]["instId"].as_str().unwrap().to_owned();
        let keeper = books
            .entry(id.clone())
            .or_insert_with(|| BookKeeper::new(&manifest, exponents, Grid::UNIT));
        let data = &frame["data"][0];
        let message = Message {
            snapshot: frame["action"] == "snapshot",
            bids: read(&data["bids"], exponents),
            asks: read(&data["asks"], exponents),
            checksum: data["checksum"].as_i64().map(|signed| signed as u32),
        };
        let change = apply(keeper, exponents, &message);
        let sound = matches!(change, BookChange::Applied | BookChange::Synchronized);
        assert!(sound, "{id}: {change:?}");
        verified += 1;
    }
    println!("okx: {verified} checksums");
    assert_eq!(verified, 290);
}

/// A snapshot of Kraken's WebSocket version 2, of a pair of eight decimals in quantities: the numbers of the JSON have lost
/// their trailing zeros, which the instrument's precision puts back.
#[test]
fn kraken_version_2() {
    let Some(path) = fixture("jkorf/kraken/Subscriptions/Spot/AggBook.json") else {
        return;
    };
    let script: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let data = &script["steps"].as_array().unwrap().last().unwrap()["message"]["data"][0];
    let exponents = Exponents {
        price: -4,
        quantity: -8,
    };
    let side = |side: &str| -> Vec<Level> {
        let mantissa = |v: &Value, exponent| mantissa_of_text(v.to_string().as_bytes(), exponent).unwrap();
        let level = |row: &Value| Level {
            price: mantissa(&row["price"], exponents.price),
            quantity: mantissa(&row["qty"], exponents.quantity),
        };
        data[side].as_array().unwrap().iter().map(level).collect()
    };
    let manifest = BookManifest {
        checksum: Some(checksum(10, ChecksumOrder::AsksThenBids, ChecksumNumbers::Digits, "")),
        ..BookManifest::by_stream(BookRule::Checksum, 10)
    };
    let mut keeper = BookKeeper::new(&manifest, exponents, Grid::UNIT);
    let message = Message {
        snapshot: true,
        bids: side("bids"),
        asks: side("asks"),
        checksum: data["checksum"].as_u64().map(|sum| u32::try_from(sum).unwrap()),
    };
    assert_eq!(apply(&mut keeper, exponents, &message), BookChange::Synchronized);
}
