//! Instructions a depth frame, counted by valgrind: what time on a busy machine cannot tell. The same connector code behind
//! the boundary of a .so and linked in, decoded and into the engine's book.
//!
//! The bench runs itself under `valgrind --tool=callgrind` with one round of the frames and with three; the difference is
//! two rounds without start-up. Without valgrind it says so and ends.
#![allow(clippy::unwrap_used, missing_docs)]

mod stage;

use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use colibri_abi::{Now, frame_kind};
use stage::{Host, build_library, frames, keeper, library, linked, live};

const MEASURED: [&str; 4] = [
    "decoded, library",
    "decoded, linked",
    "into the book, library",
    "into the book, linked",
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|a| a == "--rounds") {
        rounds(
            &arguments[at + 1],
            arguments[at + 2].parse().unwrap(),
            Path::new(&arguments[at + 3]),
        );
        return;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("instructions: skipped, valgrind is not installed");
        return;
    }
    let path = build_library();
    let frames = frames().len() as u64;
    // The first load copies the library into the loader's store, which is not to be counted.
    instructions(MEASURED[0], 1, &path);
    let mut counts = Vec::new();
    for what in MEASURED {
        let count = |rounds: u64| instructions(what, rounds, &path);
        let each = (count(3) - count(1)) / (2 * frames);
        println!("{what}: {each} instructions a frame");
        counts.push(each);
    }
    // Thousandths, so that no float is needed.
    for (name, pair) in [("decoded", &counts[..2]), ("into the book", &counts[2..])] {
        let ratio = pair[0] * 1000 / pair[1];
        println!("{name}, library to linked: {}.{:03}", ratio / 1000, ratio % 1000);
        assert!(ratio <= 1100, "the boundary may cost a tenth, not more");
    }
}

/// What callgrind counts of one run of this program.
fn instructions(what: &str, rounds: u64, library: &Path) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["--rounds", what, &rounds.to_string()])
        .arg(library)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words}");
    let collected = words.lines().find_map(|line| line.split_once("Collected :")).unwrap().1;
    collected.trim().parse().unwrap()
}

fn rounds(what: &str, rounds: usize, path: &Path) {
    let (kind, where_) = what.split_once(", ").unwrap();
    let mut connector = if where_ == "library" { library(path) } else { linked() };
    let stream = live(&mut connector);
    let frames = frames();
    for _ in 0..rounds {
        let book = (kind == "into the book").then(|| keeper(&frames));
        let mut host = Host {
            book,
            ..Host::default()
        };
        for frame in &frames {
            connector
                .frame(Now::default(), stream, frame_kind::TEXT, black_box(frame), &mut host)
                .unwrap();
        }
        assert!(host.levels > 0, "the frames were decoded");
    }
}
