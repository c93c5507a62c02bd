//! What cargo says about the workspace: its root, its target directory, its connector packages.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The workspace as `cargo metadata` describes it.
pub struct Workspace {
    /// The directory of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Where cargo builds.
    pub target: PathBuf,
    /// The names of the packages below `connectors/`, sorted.
    pub connectors: Vec<String>,
}

/// The cargo that runs this program, so that a `+toolchain` given to it holds for its children. What it told this program
/// of its own package is taken out: a build script that depends on those variables (ring's does) would run again, and
/// everything above it be compiled again.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

impl Workspace {
    /// Asks cargo, about the workspace that this program was built in.
    pub fn find() -> Result<Workspace> {
        let output = cargo()
            .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.toml"))
            .output()
            .context("cargo metadata could not be started")?;
        if !output.status.success() {
            bail!(
                "cargo metadata failed: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata wrote no JSON")?;
        let root = PathBuf::from(text(&metadata["workspace_root"])?);
        let connectors_dir = root.join("connectors");
        let mut connectors = Vec::new();
        for package in metadata["packages"].as_array().into_iter().flatten() {
            if Path::new(text(&package["manifest_path"])?).starts_with(&connectors_dir) {
                connectors.push(text(&package["name"])?.to_owned());
            }
        }
        connectors.sort();
        Ok(Workspace {
            target: PathBuf::from(text(&metadata["target_directory"])?),
            root,
            connectors,
        })
    }
}

fn text(value: &Value) -> Result<&str> {
    value
        .as_str()
        .context("cargo metadata has another shape than version 1")
}
