//! The workspace on disk and as cargo describes it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a package needs another one for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DependencyKind {
    /// To be built and to run.
    Normal,
    /// For its tests, examples and benches.
    Development,
    /// For its build script.
    Build,
}

/// A package of the workspace.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name in `Cargo.toml`.
    pub name: String,
    /// Its directory, from the workspace root.
    pub directory: PathBuf,
    /// What it depends on, by package name.
    pub dependencies: BTreeSet<(DependencyKind, String)>,
}

impl Package {
    /// The names it depends on to be built and to run.
    pub fn normal_dependencies(&self) -> impl Iterator<Item = &str> {
        self.dependencies
            .iter()
            .filter(|(kind, _)| *kind == DependencyKind::Normal)
            .map(|(_, name)| name.as_str())
    }
}

/// The directory of the root `Cargo.toml`.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package is a folder of the workspace")
}

/// The packages of the workspace, sorted by directory.
///
/// # Panics
/// Where cargo cannot be asked: then no rule can be checked.
#[must_use]
pub fn packages() -> Vec<Package> {
    let metadata = metadata();
    let mut packages: Vec<Package> = array(&metadata["packages"])
        .iter()
        .map(|package| Package {
            name: text(&package["name"]).to_owned(),
            directory: Path::new(text(&package["manifest_path"]))
                .parent()
                .and_then(|directory| directory.strip_prefix(root()).ok())
                .expect("a member lies below the root")
                .to_owned(),
            dependencies: array(&package["dependencies"])
                .iter()
                .map(|dependency| {
                    let kind = match dependency["kind"].as_str() {
                        None => DependencyKind::Normal,
                        Some("dev") => DependencyKind::Development,
                        Some(_) => DependencyKind::Build,
                    };
                    (kind, text(&dependency["name"]).to_owned())
                })
                .collect(),
        })
        .collect();
    packages.sort_by(|a, b| a.directory.cmp(&b.directory));
    packages
}

/// Where cargo builds.
///
/// # Panics
/// Where cargo cannot be asked.
#[must_use]
pub fn target_directory() -> PathBuf {
    PathBuf::from(text(&metadata()["target_directory"]))
}

/// The cargo that runs the tests, without what it told this process of the package that the test belongs to: a build
/// script that depends on those variables (ring's does) would run again, and everything above it be compiled again.
#[must_use]
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

fn metadata() -> Value {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .expect("cargo runs these tests, so it can be started");
    assert!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("cargo metadata has the shape of version 1")
}

fn array(value: &Value) -> &[Value] {
    value.as_array().expect("cargo metadata has the shape of version 1")
}
