//! What a book level costs: updates applied to a kept book, over a synthetic walk and, where the capture is there, over a
//! recorded stream (`../shared/fixtures` beside the workspace). Times are a whole pass, which begins with a snapshot;
//! throughput is levels a second. `kept` is the book of a host that has run for a while, `new` one whose room is touched for
//! the first time.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Read;
use std::path::Path;

use colibri_abi::{BookBatch, Level, book_flag};
use colibri_engine::book::{BookChange, BookKeeper, Grid};
use colibri_model::{Exponents, MonoNs, SplitMix64, mantissa_of_text};
use colibri_standard::{BookManifest, BookRule};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const EXPONENTS: Exponents = Exponents {
    price: -2,
    quantity: -8,
};
const CAPTURE: &str = "../../../shared/fixtures/marketdata/binance_spot_btcusdt_20240808.jsonl.gz";

struct Update {
    ids: (u64, u64),
    flags: u32,
    bids: Vec<Level>,
    asks: Vec<Level>,
}

/// An update whose levels lie behind those of the one before: as little as possible is measured of where they come from.
struct Placed<'a> {
    ids: (u64, u64),
    flags: u32,
    bids: &'a [Level],
    asks: &'a [Level],
}

fn place<'a>(updates: &[Update], levels: &'a mut Vec<Level>) -> Vec<Placed<'a>> {
    levels.extend(updates.iter().flat_map(|u| u.bids.iter().chain(&u.asks)));
    let mut rest = levels.as_slice();
    let mut next = |count| {
        let (next, behind) = rest.split_at(count);
        rest = behind;
        next
    };
    let placed = updates.iter().map(|u| Placed {
        ids: u.ids,
        flags: u.flags,
        bids: next(u.bids.len()),
        asks: next(u.asks.len()),
    });
    placed.collect()
}

fn batch<'a>(update: &Placed<'a>, later: u64) -> BookBatch<'a> {
    BookBatch {
        instrument: 1,
        flags: update.flags | book_flag::RANGE_IDS,
        first_id: update.ids.0 + later,
        last_id: update.ids.1 + later,
        previous_id: 0,
        exchange_ns: 1,
        checksum: 0,
        price_exponent: EXPONENTS.price,
        quantity_exponent: EXPONENTS.quantity,
        reserved: 0,
        bids: update.bids.into(),
        asks: update.asks.into(),
        ext: [0; 4],
    }
}

fn keeper() -> BookKeeper {
    let manifest = BookManifest::by_request(BookRule::Overlap, 5000);
    BookKeeper::new(&manifest, EXPONENTS, Grid::UNIT)
}

fn levels(updates: &[Placed<'_>]) -> u64 {
    updates.iter().map(|u| (u.bids.len() + u.asks.len()) as u64).sum()
}

/// A thousand levels a side around a touch that wanders; updates of ten levels, most of them near the touch, a third of
/// them removals.
fn synthetic() -> Vec<Update> {
    let mut random = SplitMix64::new(1);
    let mut touch: i64 = 6_000_000;
    let side = |sign: i64| {
        (1..=1000).map(move |i| Level {
            price: 6_000_000 + sign * i * 3,
            quantity: 100,
        })
    };
    let mut updates = vec![Update {
        ids: (1, 1),
        flags: book_flag::SNAPSHOT,
        bids: side(-1).collect(),
        asks: side(1).collect(),
    }];
    for id in 2..20_000 {
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        let moved = touch + random.below(21) as i64 - 10;
        // What the touch passes over is removed, as an exchange does.
        for price in touch.min(moved)..=touch.max(moved) {
            bids.push(Level { price, quantity: 0 });
            asks.push(Level { price, quantity: 0 });
        }
        touch = moved;
        for side in [&mut bids, &mut asks] {
            for _ in 0..5 {
                let far = if random.below(8) == 0 { 20_000 } else { 200 };
                side.push(Level {
                    price: 1 + random.below(far) as i64,
                    quantity: random.below(3) as i64 * 1000,
                });
            }
        }
        let place = |level: &mut Level, sign: i64| {
            if level.price < 1_000_000 {
                level.price = touch + sign * level.price;
            }
        };
        bids.iter_mut().for_each(|level| place(level, -1));
        asks.iter_mut().for_each(|level| place(level, 1));
        updates.push(Update {
            ids: (id, id),
            flags: 0,
            bids,
            asks,
        });
    }
    updates
}

fn recorded() -> Option<Vec<Update>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(CAPTURE);
    let file = std::fs::File::open(path).ok()?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).ok()?;
    let side = |value: &serde_json::Value| -> Vec<Level> {
        let mantissa =
            |v: &serde_json::Value, exponent| mantissa_of_text(v.as_str().unwrap().as_bytes(), exponent).unwrap();
        let level = |pair: &serde_json::Value| Level {
            price: mantissa(&pair[0], EXPONENTS.price),
            quantity: mantissa(&pair[1], EXPONENTS.quantity),
        };
        value.as_array().unwrap().iter().map(level).collect()
    };
    let mut updates = Vec::new();
    for line in text.lines() {
        let Some((_, json)) = line.split_once(' ') else {
            continue;
        };
        let Ok(frame) = serde_json::from_str::<serde_json::Value>(json) else {
            continue;
        };
        let data = &frame["data"];
        if data["e"] == "depthUpdate" {
            let ids = (data["U"].as_u64().unwrap(), data["u"].as_u64().unwrap());
            updates.push(Update {
                ids,
                flags: 0,
                bids: side(&data["b"]),
                asks: side(&data["a"]),
            });
        }
    }
    let first = updates.first()?.ids.0 - 1;
    let start = Update {
        ids: (first, first),
        flags: book_flag::SNAPSHOT,
        bids: Vec::new(),
        asks: Vec::new(),
    };
    updates.insert(0, start);
    Some(updates)
}

/// Applies updates whose ids are `later`; how many were.
fn pass(keeper: &mut BookKeeper, updates: &[Placed<'_>], later: u64) -> u64 {
    let mut applied = 0;
    for update in updates {
        match keeper.apply(&batch(update, later), MonoNs(1)) {
            BookChange::Applied | BookChange::Synchronized => applied += 1,
            _ => {}
        }
    }
    applied
}

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("book");
    let mut measure = |name: &str, updates: &[Update]| {
        let mut room = Vec::new();
        let updates = place(updates, &mut room);
        let applied = pass(&mut keeper(), &updates, 0);
        assert!(
            applied * 10 > updates.len() as u64 * 9,
            "{name}: only {applied} of {} updates follow",
            updates.len()
        );
        group.throughput(Throughput::Elements(levels(&updates)));
        let span = updates.last().unwrap().ids.1 - updates[0].ids.0 + 1;
        let (mut kept, mut later) = (keeper(), 0);
        pass(&mut kept, &updates, later);
        group.bench_function(format!("{name}/kept"), |b| {
            b.iter(|| {
                later += span;
                pass(&mut kept, &updates, later)
            });
        });
        group.bench_function(format!("{name}/new"), |b| {
            b.iter_batched_ref(keeper, |keeper| pass(keeper, &updates, 0), BatchSize::LargeInput);
        });
    };
    measure("synthetic", &synthetic());
    match recorded() {
        Some(updates) => measure("recorded", &updates),
        None => println!("book/recorded: the capture is not there; skipped"),
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
