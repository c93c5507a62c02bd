//! Release builds of the host and of each connector.

use std::io::{BufRead, BufReader, IsTerminal};
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::workspace::{Workspace, cargo};

/// The package of the `colibri` binary.
pub const HOST: &str = "colibri";

/// Builds the host, then each connector by itself: built together with others, a connector's dependencies would be
/// compiled with the union of everybody's features, and its library would be another file.
///
/// Cargo's output goes to stderr; an up-to-date build says nothing.
pub fn release(workspace: &Workspace) -> Result<()> {
    build_package(workspace, HOST)?;
    workspace
        .connectors
        .iter()
        .try_for_each(|connector| build_package(workspace, connector))
}

fn build_package(workspace: &Workspace, package: &str) -> Result<()> {
    let colour = if std::io::stderr().is_terminal() {
        "always"
    } else {
        "never"
    };
    let mut child = cargo()
        .args(["build", "--release", "--package", package, "--color", colour])
        .current_dir(&workspace.root)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cargo build could not be started")?;
    let stderr = child.stderr.take().context("cargo's stderr was not captured")?;
    for line in BufReader::new(stderr).lines() {
        let line = line.context("cargo's output could not be read")?;
        if !line.contains("Finished") {
            eprintln!("{line}");
        }
    }
    if !child.wait().context("cargo build was lost")?.success() {
        bail!("{package} does not build; cargo's words are above");
    }
    Ok(())
}
