//! What an append costs the engine thread: one order's intent, to a real file.
#![allow(clippy::unwrap_used)]

#[path = "../tests/samples/mod.rs"]
mod samples;

use std::hint::black_box;

use colibri_model::Journal;
use colibri_store::journal::{Durability, JournalFile};
use criterion::{Criterion, criterion_group, criterion_main};

fn append(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    for (name, durability) in [("process", Durability::Process), ("machine", Durability::Machine)] {
        let path = folder.path().join(name);
        let (mut journal, _) = JournalFile::open(&path, durability).unwrap();
        let records = [samples::intent(1, 1_795_264_838_000_000_000)];
        criterion.bench_function(&format!("append one intent, durability {name}"), |bencher| {
            bencher.iter(|| journal.append(black_box(&records)).unwrap());
        });
    }
}

criterion_group!(benches, append);
criterion_main!(benches);
