//! Times of a market-data frame: the same connector code behind the boundary of a .so and linked in, decoded and into the
//! engine's book.
//!
//! The library is built as this bench is (one code-generation unit), into a folder of its own, so that what differs is the
//! boundary alone. A depth frame's times are of a book that is kept; criterion's time is that of a round of
//! [`FRAMES`](colibri_bench::frames::FRAMES), its throughput that of frames.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use colibri_abi::{Connector, Now, frame_kind};
use colibri_bench::frames::{FRAMES, Source, Told};
use colibri_bench::stage::{Host, build_library, keeper, library, linked, live};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Rounds that a book of one sequence is good for.
const ROUNDS: usize = 64;

fn deliver(connector: &mut Connector, stream: u32, frames: &[Vec<u8>], host: &mut Host) {
    for frame in frames {
        connector
            .frame(Now::default(), stream, frame_kind::TEXT, black_box(frame), host)
            .unwrap();
    }
}

fn boundary(criterion: &mut Criterion) {
    let path = build_library();
    for source in Source::ALL {
        if source.frames(Told::Depth).is_none() {
            println!("{} frames: skipped, there is no capture", source.name());
            continue;
        }
        let mut group = criterion.benchmark_group(format!("{} frames", source.name()));
        for (name, told) in [
            ("depth", Told::Depth),
            ("trade", Told::Trade),
            ("book ticker", Told::BookTicker),
        ] {
            let frames = source.frames(told).unwrap();
            let bytes: usize = frames.iter().map(Vec::len).sum();
            println!("{} {name} frames, {} B each", frames.len(), bytes / frames.len());
            group.throughput(Throughput::Elements(frames.len() as u64));
            for (place, mut connector) in [("library", library(&path)), ("linked", linked())] {
                let stream = live(&mut connector);
                let mut host = Host::default();
                group.bench_function(format!("{name}, decoded, {place}"), |bencher| {
                    bencher.iter(|| deliver(&mut connector, stream, &frames, &mut host));
                });
                assert!(host.told > 0, "the frames were decoded");
                if told == Told::Depth {
                    into_the_book(&mut group, place, &mut connector, stream, source);
                }
            }
        }
        group.finish();
    }
}

fn into_the_book(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    place: &str,
    connector: &mut Connector,
    stream: u32,
    source: Source,
) {
    let all = source.rounds(Told::Depth, ROUNDS).unwrap();
    let mut host = Host::default();
    let mut rounds = all.chunks_exact(FRAMES).peekable();
    group.bench_function(format!("depth, into the book, {place}"), |bencher| {
        bencher.iter_custom(|iterations| {
            let mut spent = Duration::ZERO;
            for _ in 0..iterations {
                if host.book.is_none() || rounds.peek().is_none() {
                    // A book that has been through the frames once, and waits for them again.
                    rounds = all.chunks_exact(FRAMES).peekable();
                    host.book = Some(keeper(&all));
                    deliver(connector, stream, rounds.next().unwrap(), &mut host);
                }
                let round = rounds.next().unwrap();
                let begin = Instant::now();
                deliver(connector, stream, round, &mut host);
                spent += begin.elapsed();
            }
            spent
        });
    });
    let book = host.book.unwrap();
    assert_eq!(book.drops(), 0, "every frame follows");
    assert_eq!((book.updates() - 1) % FRAMES as u64, 0, "every frame follows");
}

criterion_group!(benches, boundary);
criterion_main!(benches);
