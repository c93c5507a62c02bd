//! Rules about how the sources read that no compiler lint holds.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use colibri_tests::source::{SourceFile, files, lines_with_word, shipped};
use colibri_tests::workspace::packages;

/// Files of those crates that may name a float all the same, and why.
const FLOAT_FILES: &[(&str, &str)] = &[(
    "crates/engine/src/config.rs",
    "a number in TOML is a float before it is a decimal: it is turned into one at once",
)];

/// The most lines of a source file: one subject fits.
const MOST_LINES: usize = 600;

/// Where `unsafe` may stand: the boundary, the loader, and modules called `sys`, which wrap a system call each.
const UNSAFE_FOLDERS: &[&str] = &["crates/abi", "crates/loader"];

/// The rooms at the edge, which may read clocks and start threads. A `clippy.toml` of their own lifts the root's bans.
const EDGE_FOLDERS: &[&str] = &["bench", "crates/loader", "crates/store", "host", "tests", "xtask"];

/// Crates that run inside somebody's process and so never write to its standard output or error.
const SILENT_FOLDERS: &[&str] = &[
    "connectors",
    "crates/abi",
    "crates/sdk",
    "crates/driver",
    "crates/engine",
];

/// Crates whose numbers are money: no binary floating point.
const MONEY_FOLDERS: &[&str] = &[
    "crates/abi",
    "crates/model",
    "crates/engine",
    "crates/store",
    "connectors",
];

fn rust_sources() -> Vec<SourceFile> {
    files("", &["rs"])
}

fn is_below(file: &SourceFile, folders: &[&str]) -> bool {
    folders.iter().any(|folder| file.path.starts_with(folder))
}

fn report(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

#[test]
fn a_file_is_short_enough_for_one_subject() {
    let wrong: Vec<String> = rust_sources()
        .iter()
        .map(|file| (file.path.display(), file.text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    report("files over 600 lines", &wrong);
}

#[test]
fn unsafe_stands_at_the_boundary_only() {
    let mut wrong = Vec::new();
    for file in rust_sources() {
        let in_sys = file.path.components().any(|part| part.as_os_str() == "sys")
            || file.path.file_name().is_some_and(|name| name == "sys.rs");
        if !in_sys && !is_below(&file, UNSAFE_FOLDERS) {
            let code = file.code();
            wrong.extend(lines_with_word(&code, "unsafe").map(|line| format!("{}:{line}", file.path.display())));
        }
    }
    report("unsafe outside the boundary, the loader and sys modules", &wrong);
}

#[test]
fn money_is_never_a_float() {
    let mut wrong = Vec::new();
    for file in rust_sources().iter().filter(|file| is_below(file, MONEY_FOLDERS)) {
        if FLOAT_FILES.iter().any(|(path, _)| file.path == Path::new(path)) {
            continue;
        }
        let code = file.code();
        for float in ["f64", "f32"] {
            wrong.extend(lines_with_word(&code, float).map(|line| format!("{}:{line}: {float}", file.path.display())));
        }
    }
    report("floats where money is", &wrong);
}

#[test]
fn only_the_edge_lifts_the_bans_on_clocks_threads_and_random_maps() {
    let wrong: Vec<String> = packages()
        .iter()
        .filter(|package| {
            colibri_tests::workspace::root()
                .join(&package.directory)
                .join("clippy.toml")
                .exists()
        })
        .map(|package| package.directory.display().to_string())
        .filter(|directory| !EDGE_FOLDERS.contains(&directory.as_str()))
        .collect();
    report("rooms of state machines with a clippy.toml of their own", &wrong);
}

#[test]
fn a_library_writes_to_nobodys_standard_output() {
    let mut wrong = Vec::new();
    for file in SILENT_FOLDERS.iter().flat_map(|folder| shipped(folder)) {
        let code = file.code();
        for word in ["println", "print", "eprintln", "eprint"] {
            let call = format!("{word}!");
            wrong.extend(lines_with_word(&code, &call).map(|line| format!("{}:{line}", file.path.display())));
        }
    }
    report("libraries that print", &wrong);
}

/// The release is built for size, but for what is named in its profile.
#[test]
fn every_connector_is_built_for_speed() {
    let manifest = std::fs::read_to_string(colibri_tests::workspace::root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let profiles = &manifest["profile"]["release"]["package"];
    let wrong: Vec<String> = packages()
        .into_iter()
        .filter(|package| package.directory.starts_with("connectors"))
        .filter(|package| {
            let level = profiles.get(&package.name).and_then(|profile| profile.get("opt-level"));
            level.and_then(toml::Value::as_integer) != Some(3)
        })
        .map(|package| package.name)
        .collect();
    report(
        "connectors without `opt-level = 3` in [profile.release.package] of Cargo.toml",
        &wrong,
    );
}

#[test]
fn every_crate_says_what_lives_in_it() {
    let mut wrong = Vec::new();
    for package in packages() {
        for root in ["src/lib.rs", "src/main.rs"] {
            let path = colibri_tests::workspace::root().join(&package.directory).join(root);
            if let Ok(text) = std::fs::read_to_string(&path)
                && !text.starts_with("//!")
            {
                wrong.push(format!("{}", Path::new(&package.directory).join(root).display()));
            }
        }
    }
    report("crates whose first line is no documentation", &wrong);
}

#[test]
fn every_folder_of_modules_says_what_lives_in_it() {
    let wrong: Vec<String> = rust_sources()
        .iter()
        .filter(|file| file.path.file_name().is_some_and(|name| name == "mod.rs"))
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| file.path.display().to_string())
        .collect();
    report("folders whose mod.rs begins with no documentation", &wrong);
}

#[test]
fn no_module_is_a_drawer() {
    let drawers = ["utils", "util", "common", "helpers", "helper", "manager", "misc"];
    let wrong: Vec<String> = rust_sources()
        .iter()
        .filter(|file| {
            file.path.components().any(|part| {
                let part = part.as_os_str().to_string_lossy();
                drawers.contains(&part.trim_end_matches(".rs"))
            })
        })
        .map(|file| file.path.display().to_string())
        .collect();
    report("modules named for no subject", &wrong);
}

#[test]
fn nothing_is_left_undone_in_the_text() {
    // Built here, so that this file does not find itself.
    let marks: Vec<String> = [
        ("to", "do!("),
        ("unimple", "mented!("),
        ("TO", "DO"),
        ("FIX", "ME"),
        ("XX", "X"),
        ("HA", "CK"),
    ]
    .iter()
    .map(|(head, tail)| format!("{head}{tail}"))
    .collect();
    let mut wrong = Vec::new();
    for file in files("", &["rs", "md", "toml"]) {
        for (at, line) in file.text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                wrong.push(format!("{}:{}: {}", file.path.display(), at + 1, line.trim()));
            }
        }
    }
    report("left undone", &wrong);
}
