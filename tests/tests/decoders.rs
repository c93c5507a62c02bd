//! Every decoder on its corpus and on seeded mutations of it: what `fuzz/` runs for hours, here for seconds, with the
//! compiler that everybody has. The same inputs every time, so that a failure is one for everybody.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use colibri_fuzz::{TARGETS, Target};
use colibri_model::SplitMix64;
use colibri_tests::workspace::root;

/// Mutations of a target's seeds.
const MUTATIONS: usize = 3_000;
/// No target takes longer; the slow ones (which write a file or build an exchange an input) try fewer mutations.
const TIME: Duration = Duration::from_millis(1_500);
/// The most bytes of a mutated input.
const MOST_BYTES: usize = 16 << 10;

/// What is put into an input: numbers at their bounds, and pieces of the languages that are read.
const PIECES: &[&[u8]] = &[
    b"0",
    b"-1",
    b"-0",
    b"1e400",
    b"4294967296",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551615",
    b"79228162514264337593543950335",
    b"0.0000000000000000000000000001",
    b"null",
    b"true",
    b"\"\"",
    b"\"\\ud800\"",
    b"[]",
    b"{}",
    b"[[[[[[[[",
    b",",
    b":",
    b"\n",
    b" ",
    b"\"",
    b"\\",
    b"${",
    b"%",
    b"\xff",
    b"\xc3\xa9",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
];

fn corpus(target: &str) -> PathBuf {
    root().join("fuzz/corpus").join(target)
}

/// The seeds of a target, in the order of their names. What a fuzzer has left beside them has no extension.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = corpus(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder that is open can be listed").path())
        .filter(|path| path.extension().is_some())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .collect()
}

/// Tells the input at which a decoder panicked.
struct Told<'a> {
    target: &'static str,
    input: &'a [u8],
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} at: {}", self.target, self.input.escape_ascii());
        }
    }
}

fn run(target: &Target, input: &[u8]) {
    let told = Told {
        target: target.name,
        input,
    };
    (target.run)(input);
    drop(told);
}

/// One to four changes of `seed`, with pieces of `other`.
fn mutated(random: &mut SplitMix64, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = place(random, bytes.len() + 1);
        let end = (at + place(random, 12)).min(bytes.len());
        match random.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            3 => {
                let from = place(random, other.len() + 1);
                let to = (from + place(random, 64)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            4 | 5 => {
                let piece = PIECES[place(random, PIECES.len())];
                bytes.splice(at..end, piece.iter().copied());
            }
            6 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            _ => number(random, &mut bytes, at),
        }
    }
    bytes.truncate(MOST_BYTES);
    bytes
}

/// Writes another number over the one that follows `at`.
fn number(random: &mut SplitMix64, bytes: &mut Vec<u8>, at: usize) {
    let Some(from) = bytes[at..].iter().position(u8::is_ascii_digit).map(|found| at + found) else {
        return;
    };
    let digits = bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let written = match random.below(3) {
        0 => random.next_u64().to_string().into_bytes(),
        1 => random.below(1_000).to_string().into_bytes(),
        _ => PIECES[place(random, 10)].to_vec(),
    };
    bytes.splice(from..from + digits, written);
}

fn place(random: &mut SplitMix64, bound: usize) -> usize {
    random.below(bound as u64) as usize
}

fn try_out(name: &str) {
    let target = TARGETS
        .iter()
        .find(|target| target.name == name)
        .expect("the macro below names targets");
    let seeds = seeds(name);
    assert!(!seeds.is_empty(), "{} has no seeds", corpus(name).display());
    run(target, b"");
    for seed in &seeds {
        run(target, seed);
    }
    let mut random = SplitMix64::new(name.len() as u64);
    let began = Instant::now();
    for _ in 0..MUTATIONS {
        let seed = &seeds[place(&mut random, seeds.len())];
        let other = &seeds[place(&mut random, seeds.len())];
        run(target, &mutated(&mut random, seed, other));
        if began.elapsed() > TIME {
            break;
        }
    }
}

macro_rules! decoders {
    ($($name:ident),* $(,)?) => {
        const TRIED: &[&str] = &[$(stringify!($name)),*];

        $(#[test]
        fn $name() {
            try_out(stringify!($name));
        })*
    };
}

decoders! {
    binance_market_frames,
    binance_perpetual_market_frames,
    binance_perpetual_response,
    binance_perpetual_user_frames,
    binance_response,
    binance_user_frames,
    book_checksum,
    book_keeper,
    bot_file,
    command,
    drive_lines,
    event,
    journal,
    json,
    key_file,
    library,
    manifest,
    manifest_section,
    numeral,
    order_book,
    outcome,
    placeholders,
    plugins_file,
    recording,
    scanner,
    signing_key,
    sim_http,
    sim_recording,
    sim_socket,
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.expect("a folder that is open can be listed").path())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect()
}

#[test]
fn a_target_has_a_test_a_corpus_and_a_binary() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let tried: BTreeSet<String> = TRIED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(tried, targets);
    assert_eq!(names_in(&root().join("fuzz/corpus")), targets);
    assert_eq!(names_in(&root().join("fuzz/fuzz_targets")), targets);
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).expect("the package is part of the repository");
    for target in &targets {
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")),
            "{target}"
        );
    }
}
