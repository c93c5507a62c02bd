//! What a library costs: the same connector code behind the boundary of a .so and linked in, on the same depth frames; and
//! from the frame's bytes to the engine's book.
//!
//! The library is built as this bench is (one code-generation unit), into a folder of its own, so that what differs is the
//! boundary alone. The frames are recorded ones where `../shared/fixtures` is there, else made up.
#![allow(clippy::unwrap_used, missing_docs)]

mod stage;

use std::hint::black_box;

use colibri_abi::{Now, frame_kind};
use colibri_engine::book::BookKeeper;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use stage::{Host, build_library, frames, keeper, library, linked, live};

fn boundary(criterion: &mut Criterion) {
    let frames = frames();
    let bytes: usize = frames.iter().map(Vec::len).sum();
    let mut group = criterion.benchmark_group(format!("{} depth frames", frames.len()));
    group.throughput(Throughput::Bytes(bytes as u64));
    for (name, mut connector) in [("library", library(&build_library())), ("linked", linked())] {
        let stream = live(&mut connector);
        group.bench_function(format!("decoded, {name}"), |bencher| {
            let mut host = Host::default();
            bencher.iter(|| {
                for frame in &frames {
                    connector
                        .frame(Now::default(), stream, frame_kind::TEXT, black_box(frame), &mut host)
                        .unwrap();
                }
            });
            assert!(host.levels > 0, "the frames were decoded");
        });
        group.bench_function(format!("into the book, {name}"), |bencher| {
            bencher.iter_batched_ref(
                || Host {
                    book: Some(keeper(&frames)),
                    ..Host::default()
                },
                |host| {
                    for frame in &frames {
                        connector
                            .frame(Now::default(), stream, frame_kind::TEXT, black_box(frame), host)
                            .unwrap();
                    }
                    let updates = host.book.as_ref().map(BookKeeper::updates);
                    assert_eq!(updates, Some(1 + frames.len() as u64), "every frame follows");
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, boundary);
criterion_main!(benches);
