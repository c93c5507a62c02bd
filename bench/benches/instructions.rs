//! Instructions of each path, counted by valgrind: what time on a busy machine cannot tell. Each is also stated as a ratio to
//! a reference kernel of the same run, the sum of the same frames' bytes.
//!
//!     cargo bench -p colibri-bench --bench instructions              the table
//!     cargo bench -p colibri-bench --bench instructions -- --check   compared with baseline.txt: over 5 % more fails
//!     cargo bench -p colibri-bench --bench instructions -- --write   the baseline anew
//!
//! The bench runs itself under `valgrind --tool=callgrind` with one round of the frames and with three; the difference is
//! two rounds without start-up, of a book that is kept. Without valgrind it says so and ends.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};

use colibri_abi::{Now, frame_kind};
use colibri_bench::baseline::Baseline;
use colibri_bench::bot::{Bot, symbol};
use colibri_bench::frames::{FRAMES, Source, Told, first_id, in_sequence, made_up};
use colibri_bench::kernel;
use colibri_bench::stage::{Host, build_library, keeper, library, linked, live};

/// What is counted: its name, what the frames tell, and what is done with them.
const CASES: [(&str, Told, Way); 18] = [
    ("depth, decoded, library", Told::Depth, Way::Library),
    ("depth, decoded, linked", Told::Depth, Way::Linked),
    ("depth, into the book, library", Told::Depth, Way::LibraryAndBook),
    ("depth, into the book, linked", Told::Depth, Way::LinkedAndBook),
    ("depth, into a new book, library", Told::Depth, Way::LibraryAndNewBook),
    ("depth, into a new book, linked", Told::Depth, Way::LinkedAndNewBook),
    ("trade, decoded, library", Told::Trade, Way::Library),
    ("trade, decoded, linked", Told::Trade, Way::Linked),
    ("book ticker, decoded, library", Told::BookTicker, Way::Library),
    ("book ticker, decoded, linked", Told::BookTicker, Way::Linked),
    ("depth, strategy told, 500 instruments", Told::Depth, Way::Bot(500, 0)),
    ("depth, strategy told, 1 instrument", Told::Depth, Way::Bot(1, 0)),
    ("trade, strategy told, 500 instruments", Told::Trade, Way::Bot(500, 0)),
    ("trade, strategy told, 1 instrument", Told::Trade, Way::Bot(1, 0)),
    ("depth, strategy told, 1,000 orders", Told::Depth, Way::Bot(1, 1_000)),
    ("depth, strategy told, 10 orders", Told::Depth, Way::Bot(1, 10)),
    ("trade, strategy told, 1,000 orders", Told::Trade, Way::Bot(1, 1_000)),
    ("trade, strategy told, 10 orders", Told::Trade, Way::Bot(1, 10)),
];
/// What the first of two cases may cost of the second: the boundary.
const BOUNDARY: f64 = 1.05;
/// As [`BOUNDARY`], with many orders instead of few.
const FLAT: f64 = 1.10;
/// As [`FLAT`], of one strategy that listens to many instruments: a turn still looks at each of them
/// (docs/performance.md), so that only the baseline holds it.
const NOT_FLAT: f64 = f64::INFINITY;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Kernel,
    Library,
    Linked,
    LibraryAndBook,
    LinkedAndBook,
    /// A book that each round begins anew: its making and its first chunks are counted too.
    LibraryAndNewBook,
    LinkedAndNewBook,
    /// A whole bot of so many instruments and orders, behind the library.
    Bot(usize, usize),
}

impl Way {
    const fn is_bot(self) -> bool {
        matches!(self, Way::Bot(..))
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Some(at) = words.iter().position(|word| *word == "--rounds") {
        rounds(words[at + 1], words[at + 2].parse().unwrap(), Path::new(words[at + 3]));
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("instructions: skipped, valgrind is not installed");
        return ExitCode::SUCCESS;
    }
    let path = build_library();
    // The first load copies the library into the loader's store, which is not to be counted.
    count(&run_name(Source::MadeUp, 0), 1, &path);
    let (mut measured, mut broken) = (Baseline::default(), false);
    for source in Source::ALL {
        if source == Source::Recorded && words.iter().any(|word| ["--check", "--write"].contains(word)) {
            continue;
        }
        if source.frames(Told::Depth).is_none() {
            println!("{} frames: skipped, there is no capture", source.name());
            continue;
        }
        let reference = [Told::Depth, Told::Trade, Told::BookTicker].map(|told| each_of_kernel(source, told, &path));
        let mut counts = Vec::new();
        for (index, (name, told, way)) in CASES.iter().enumerate() {
            if way.is_bot() && source == Source::Recorded {
                continue;
            }
            let frames = source.frames(*told).unwrap();
            let each = each(&run_name(source, index), frames.len(), &path);
            let reference = reference[*told as usize];
            let ratio = each / reference;
            println!(
                "{} {name}: {each:.0} instructions a frame of {} B, {ratio:.3} of the kernel's {reference:.0}",
                source.name(),
                frames.iter().map(Vec::len).sum::<usize>() / frames.len()
            );
            counts.push(each);
            if source == Source::MadeUp {
                measured.put(name, ratio);
            }
        }
        for (pair, cases) in counts.chunks(2).zip(CASES.chunks(2)) {
            let ratio = pair[0] / pair[1];
            let most = match cases[0].2 {
                Way::Bot(1, _) => FLAT,
                Way::Bot(..) => NOT_FLAT,
                // Making a book is not the boundary's.
                Way::LibraryAndNewBook => FLAT,
                _ => BOUNDARY,
            };
            println!("{} {}, to {}: {ratio:.3}", source.name(), cases[0].0, cases[1].0);
            if ratio > most {
                println!("worse: it may be {most}");
                broken = true;
            }
        }
    }
    match measured.conclude(&words) {
        _ if broken => ExitCode::FAILURE,
        code => code,
    }
}

/// How a run is told what to do: the case's number, or the kernel's and what the frames tell.
fn run_name(source: Source, case: usize) -> String {
    format!("{} {case}", source.name().replace(' ', "-"))
}

fn each_of_kernel(source: Source, told: Told, library: &Path) -> f64 {
    let case = CASES.iter().position(|(_, t, _)| *t == told).unwrap();
    let name = format!("{} kernel", run_name(source, case));
    each(&name, source.frames(told).unwrap().len(), library)
}

fn each(run: &str, frames: usize, library: &Path) -> f64 {
    (count(run, 3, library) - count(run, 1, library)) as f64 / (2 * frames) as f64
}

/// What callgrind counts of one run of this program.
fn count(run: &str, rounds: u64, library: &Path) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["--rounds", run, &rounds.to_string()])
        .arg(library)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words}");
    let collected = words.lines().find_map(|line| line.split_once("Collected :")).unwrap().1;
    collected.trim().parse().unwrap()
}

fn rounds(run: &str, rounds: usize, path: &Path) {
    let mut words = run.split(' ');
    let source = words.next().unwrap();
    let source = Source::ALL
        .into_iter()
        .find(|s| s.name().replace(' ', "-") == source)
        .unwrap();
    let (_, told, way) = CASES[words.next().unwrap().parse::<usize>().unwrap()];
    let way = if words.next().is_some() { Way::Kernel } else { way };
    let frames = source.frames(told).unwrap();
    // As many are made in every run, so that making them is not counted.
    let all = source.rounds(told, 4).unwrap();
    if way == Way::Kernel {
        for frame in &all[..frames.len() * rounds] {
            black_box(kernel::sum(frame));
        }
        return;
    }
    if let Way::Bot(instruments, orders) = way {
        // The last instrument's frames.
        let all = in_sequence(&made_up(told, &symbol(instruments - 1)), told, 4);
        let first = first_id(&in_sequence(&made_up(Told::Depth, &symbol(0)), Told::Depth, 1)[0]);
        let mut bot = Bot::new(path, instruments, orders, first - 1);
        for frame in &all[..FRAMES * (rounds + 1)] {
            bot.frame(frame);
        }
        assert!(bot.is_quiet(), "nothing is wanted of the outside");
        assert_eq!(
            bot.told(),
            (FRAMES * (rounds + 1)) as u64,
            "the strategy is told of every frame"
        );
        return;
    }
    let mut connector = match way {
        Way::Library | Way::LibraryAndBook | Way::LibraryAndNewBook => library(path),
        _ => linked(),
    };
    let stream = live(&mut connector);
    let with_book = matches!(way, Way::LibraryAndBook | Way::LinkedAndBook);
    let mut host = Host {
        book: with_book.then(|| keeper(&frames)),
        ..Host::default()
    };
    let with_new_book = matches!(way, Way::LibraryAndNewBook | Way::LinkedAndNewBook);
    // The round before the first warms up.
    for (at, frame) in all[..frames.len() * (rounds + 1)].iter().enumerate() {
        if with_new_book && at % frames.len() == 0 {
            host.book = Some(keeper(&all[at..]));
        }
        connector
            .frame(Now::default(), stream, frame_kind::TEXT, black_box(frame), &mut host)
            .unwrap();
    }
    assert!(host.told > 0, "the frames were decoded");
    assert!(
        host.book.is_none_or(|book| book.drops() == 0 && book.updates() > 1),
        "every frame follows"
    );
}
