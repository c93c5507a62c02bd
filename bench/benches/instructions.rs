//! Instructions of each path, counted by valgrind: what time on a busy machine cannot tell. Each is also stated as a ratio to
//! a reference kernel of the same run, the sum of the same frames' bytes.
//!
//!     cargo bench -p colibri-bench --bench instructions              the table
//!     cargo bench -p colibri-bench --bench instructions -- --check   compared with baseline.txt: over 5 % more fails
//!     cargo bench -p colibri-bench --bench instructions -- --check --quick   the same, without bots that take minutes
//!     cargo bench -p colibri-bench --bench instructions -- --write   the baseline anew
//!
//! The bench runs itself under `valgrind --tool=callgrind`, which writes down what was counted each time that
//! [`end_of_part`] is called: after start-up and a round that warms up, and after the rounds that are measured. Without
//! valgrind it says so and ends.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};

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
    (
        "depth, strategy told, 1,000 instruments",
        Told::Depth,
        Way::Bot(1_000, 0),
    ),
    ("depth, strategy told, 1 instrument", Told::Depth, Way::Bot(1, 0)),
    (
        "trade, strategy told, 1,000 instruments",
        Told::Trade,
        Way::Bot(1_000, 0),
    ),
    ("trade, strategy told, 1 instrument", Told::Trade, Way::Bot(1, 0)),
    (
        "depth, strategy told, 100,000 orders",
        Told::Depth,
        Way::Bot(1, 100_000),
    ),
    ("depth, strategy told, 10 orders", Told::Depth, Way::Bot(1, 10)),
    (
        "trade, strategy told, 100,000 orders",
        Told::Trade,
        Way::Bot(1, 100_000),
    ),
    ("trade, strategy told, 10 orders", Told::Trade, Way::Bot(1, 10)),
];
/// What the first of two cases may cost of the second: the boundary.
const BOUNDARY: f64 = 1.05;
/// As [`BOUNDARY`], with many instruments or orders instead of few.
const FLAT: f64 = 1.10;
/// A bot of more instruments or orders takes minutes to come up.
const SMALL: usize = 10;
/// Rounds of the frames that are counted, after one that warms up.
const ROUNDS: usize = 2;

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

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Some(at) = words.iter().position(|word| *word == "--parts") {
        run_parts(words[at + 1], Path::new(words[at + 2]));
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("instructions: skipped, valgrind is not installed");
        return ExitCode::SUCCESS;
    }
    let path = build_library();
    // The first load copies the library into the loader's store, which is not to be counted.
    count(&run_name(Source::MadeUp, 0), &path);
    let (mut measured, mut left_out, mut broken) = (Baseline::default(), Vec::new(), false);
    let is_quick = words.contains(&"--quick");
    for source in Source::ALL {
        if source == Source::Recorded && words.iter().any(|word| ["--check", "--write"].contains(word)) {
            continue;
        }
        if source.frames(Told::Depth).is_none() {
            println!("{} frames: skipped, there is no capture", source.name());
            continue;
        }
        let reference = [Told::Depth, Told::Trade, Told::BookTicker].map(|told| each_of_kernel(source, told, &path));
        let (mut counts, mut bots) = (Vec::new(), BTreeMap::new());
        for (index, (name, told, way)) in CASES.iter().enumerate() {
            let frames = source.frames(*told).unwrap();
            let each = match *way {
                Way::Bot(..) if source == Source::Recorded => continue,
                Way::Bot(instruments, orders) if is_quick && instruments.max(orders) > SMALL => {
                    left_out.push(*name);
                    counts.push(None);
                    continue;
                }
                Way::Bot(instruments, orders) => {
                    let bot = bots.entry((instruments, orders));
                    bot.or_insert_with(|| each_of_bot(instruments, orders, &path))[told]
                }
                _ => each(&run_name(source, index), frames.len(), &path),
            };
            let reference = reference[*told as usize];
            let ratio = each / reference;
            println!(
                "{} {name}: {each:.0} instructions a frame of {} B, {ratio:.3} of the kernel's {reference:.0}",
                source.name(),
                frames.iter().map(Vec::len).sum::<usize>() / frames.len()
            );
            counts.push(Some(each));
            if source == Source::MadeUp {
                measured.put(name, ratio);
            }
        }
        for (pair, cases) in counts.chunks(2).zip(CASES.chunks(2)) {
            let [Some(first), Some(second)] = pair[..] else {
                continue;
            };
            let ratio = first / second;
            let most = match cases[0].2 {
                Way::Bot(..) => FLAT,
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
    match measured.conclude(&words, &left_out) {
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
    count(run, library)[1] as f64 / (ROUNDS * frames) as f64
}

/// What a bot needs for a frame, by what it tells: it is brought up once for both.
fn each_of_bot(instruments: usize, orders: usize, library: &Path) -> BTreeMap<Told, f64> {
    let parts = count(&format!("bot {instruments} {orders}"), library);
    let each = |at: usize| parts[at] as f64 / (ROUNDS * FRAMES) as f64;
    BTreeMap::from([(Told::Depth, each(1)), (Told::Trade, each(3))])
}

/// What callgrind counts of one run of this program, between the calls of [`end_of_part`].
fn count(run: &str, library: &Path) -> Vec<u64> {
    let directory = library.parent().unwrap().join("callgrind");
    std::fs::create_dir_all(&directory).unwrap();
    let out = directory.join("parts");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--dump-before=*end_of_part*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().unwrap())
        .args(["--parts", run])
        .arg(library)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let part = |number: usize| {
        let path = PathBuf::from(format!("{}.{number}", out.display()));
        let text = std::fs::read_to_string(&path).ok()?;
        std::fs::remove_file(&path).unwrap();
        let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
        Some(total.trim().parse().unwrap())
    };
    let parts: Vec<u64> = (1..).map_while(part).collect();
    std::fs::remove_dir_all(directory).unwrap();
    assert!(parts.len() > 1, "callgrind has not seen where the parts end");
    parts
}

/// What was counted until here is written down by itself.
#[inline(never)]
fn end_of_part() {
    static PARTS: AtomicU64 = AtomicU64::new(0);
    PARTS.fetch_add(1, Ordering::Relaxed);
}

fn run_parts(run: &str, path: &Path) {
    let mut words = run.split(' ');
    let source = words.next().unwrap();
    if source == "bot" {
        let mut number = || words.next().unwrap().parse().unwrap();
        return run_bot(number(), number(), path);
    }
    let source = Source::ALL
        .into_iter()
        .find(|s| s.name().replace(' ', "-") == source)
        .unwrap();
    let (_, told, way) = CASES[words.next().unwrap().parse::<usize>().unwrap()];
    let way = if words.next().is_some() { Way::Kernel } else { way };
    let frames = source.frames(told).unwrap();
    let all = source.rounds(told, 1 + ROUNDS).unwrap();
    if way == Way::Kernel {
        end_of_part();
        for frame in &all[frames.len()..] {
            black_box(kernel::sum(frame));
        }
        return end_of_part();
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
    // The first round warms up.
    for (at, frame) in all.iter().enumerate() {
        if at == frames.len() {
            end_of_part();
        }
        if with_new_book && at % frames.len() == 0 {
            host.book = Some(keeper(&all[at..]));
        }
        connector
            .frame(Now::default(), stream, frame_kind::TEXT, black_box(frame), &mut host)
            .unwrap();
    }
    end_of_part();
    assert!(host.told > 0, "the frames were decoded");
    assert!(
        host.book.is_none_or(|book| book.drops() == 0 && book.updates() > 1),
        "every frame follows"
    );
}

/// Depth frames of a bot's last instrument, then trades of it: of each a round that warms up, and those that are counted.
fn run_bot(instruments: usize, orders: usize, path: &Path) {
    let first = first_id(&in_sequence(&made_up(Told::Depth, &symbol(0)), Told::Depth, 1)[0]);
    let mut bot = Bot::new(path, instruments, orders, first - 1);
    let mut told_of = 0;
    for told in [Told::Depth, Told::Trade] {
        let all = in_sequence(&made_up(told, &symbol(instruments - 1)), told, 1 + ROUNDS);
        for (at, frame) in all.iter().enumerate() {
            if at == FRAMES {
                end_of_part();
            }
            bot.frame(frame);
        }
        end_of_part();
        told_of += all.len() as u64;
        assert!(bot.is_quiet(), "nothing is wanted of the outside");
        assert_eq!(bot.told(), told_of, "the strategy is told of every frame");
    }
}
