//! Arrows between crates point down only. The table here is the picture of the workspace: to add an arrow is to decide
//! it, here and in the architecture page of the book.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use colibri_tests::source::shipped;
use colibri_tests::workspace::{DependencyKind, Package, packages};

/// Which packages of ours each crate may be built from.
const ARROWS: &[(&str, &[&str])] = &[
    ("colibri-abi", &[]),
    ("colibri-model", &[]),
    ("colibri-standard", &["colibri-model"]),
    ("colibri-sdk", &["colibri-abi", "colibri-model", "colibri-standard"]),
    ("colibri-loader", &["colibri-abi"]),
    ("colibri-driver", &["colibri-abi", "colibri-model", "colibri-standard"]),
    ("colibri-engine", &["colibri-abi", "colibri-model", "colibri-standard"]),
    (
        "colibri-desk",
        &[
            "colibri-abi",
            "colibri-driver",
            "colibri-engine",
            "colibri-model",
            "colibri-standard",
        ],
    ),
    (
        "colibri-record",
        &[
            "colibri-abi",
            "colibri-desk",
            "colibri-driver",
            "colibri-engine",
            "colibri-model",
            "colibri-standard",
        ],
    ),
    ("colibri-store", &["colibri-model", "colibri-standard"]),
    ("colibri-sim", &["colibri-model", "colibri-standard"]),
    (
        "colibri",
        &[
            "colibri-abi",
            "colibri-desk",
            "colibri-driver",
            "colibri-engine",
            "colibri-loader",
            "colibri-model",
            "colibri-record",
            "colibri-sim",
            "colibri-standard",
            "colibri-store",
        ],
    ),
    (
        "colibri-bench",
        &[
            "colibri-abi",
            "colibri-desk",
            "colibri-driver",
            "colibri-engine",
            "colibri-loader",
            "colibri-model",
            "colibri-sdk",
            "colibri-sim",
            "colibri-standard",
        ],
    ),
    ("xtask", &[]),
];

/// What a connector may be built from, ours or not: all else reaches it through the sdk.
const CONNECTOR_DEPENDENCIES: &[&str] = &["colibri-sdk", "serde"];

/// The crates that serve every exchange alike and so name none.
const NAMELESS: &[&str] = &[
    "crates/abi",
    "crates/desk",
    "crates/driver",
    "crates/engine",
    "crates/loader",
    "crates/record",
    "crates/sdk",
];

fn is_connector(package: &Package) -> bool {
    package.directory.starts_with("connectors")
}

fn is_test_package(package: &Package) -> bool {
    package.directory == Path::new("tests")
}

#[test]
fn every_arrow_between_crates_is_in_the_table() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let arrows: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in packages
        .iter()
        .filter(|package| !is_connector(package) && !is_test_package(package))
    {
        let Some(allowed) = arrows.get(package.name.as_str()) else {
            wrong.push(format!("{} is not in the table of arrows", package.name));
            continue;
        };
        for dependency in package.normal_dependencies().filter(|name| ours.contains(name)) {
            if !allowed.contains(&dependency) {
                wrong.push(format!("{} -> {dependency}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that are not allowed:\n{}", wrong.join("\n"));
}

#[test]
fn a_connector_is_built_from_the_sdk_alone() {
    let mut wrong = Vec::new();
    for package in packages().iter().filter(|package| is_connector(package)) {
        for dependency in package.normal_dependencies() {
            if !CONNECTOR_DEPENDENCIES.contains(&dependency) {
                wrong.push(format!("{} -> {dependency}", package.name));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "a connector needs the sdk and serde only:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn nothing_below_the_host_depends_on_it_even_in_tests() {
    let packages = packages();
    let top: BTreeSet<&str> = packages
        .iter()
        .filter(|package| is_test_package(package) || ["colibri", "xtask"].contains(&package.name.as_str()))
        .map(|package| package.name.as_str())
        .collect();
    let mut wrong = Vec::new();
    for package in packages.iter().filter(|package| !top.contains(package.name.as_str())) {
        for (kind, dependency) in &package.dependencies {
            if top.contains(dependency.as_str()) {
                wrong.push(format!("{} -> {dependency} ({kind:?})", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that point up:\n{}", wrong.join("\n"));
}

#[test]
fn connectors_are_loaded_and_never_linked() {
    let packages = packages();
    let connectors: BTreeSet<&str> = packages
        .iter()
        .filter(|package| is_connector(package))
        .map(|package| package.name.as_str())
        .collect();
    let mut wrong = Vec::new();
    for package in packages.iter().filter(|package| !is_test_package(package)) {
        for (kind, dependency) in &package.dependencies {
            if connectors.contains(dependency.as_str()) && *kind != DependencyKind::Development {
                wrong.push(format!("{} -> {dependency}", package.name));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "packages that link a connector:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn what_serves_every_exchange_names_none() {
    let exchanges: Vec<String> = packages()
        .iter()
        .filter(|package| is_connector(package))
        .filter_map(|package| Some(package.directory.file_name()?.to_str()?.to_lowercase()))
        .collect();
    let mut wrong = Vec::new();
    for folder in NAMELESS {
        for file in shipped(folder) {
            // Comments may say where a rule was first met; identifiers and texts may not.
            let code = without_comments(&file.text).to_lowercase();
            for exchange in exchanges.iter().filter(|exchange| code.contains(exchange.as_str())) {
                wrong.push(format!("{} names {exchange}", file.path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "an exchange is named where all are served:\n{}",
        wrong.join("\n")
    );
}

/// The text without whole-line comments; literals stay, as they could name an exchange.
fn without_comments(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect()
}

#[test]
fn the_table_names_only_packages_that_exist() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    for (package, allowed) in ARROWS {
        for name in [package].into_iter().chain(*allowed) {
            assert!(
                ours.contains(name),
                "{name} is in the table of arrows and not in the workspace"
            );
        }
    }
}
