//! `cargo xtask bench-check`: instructions of the hot path, compared with the committed baseline.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::workspace::{Workspace, cargo};

/// The bench that counts and compares.
pub const BENCH: [&str; 5] = ["bench", "--package", "colibri-bench", "--bench", "instructions"];

/// Compares, or writes the baseline anew.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let wish = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => "--check",
        ["--write"] => "--write",
        _ => bail!("bench-check takes --write or nothing, not {arguments:?}"),
    };
    let status = cargo()
        .args(BENCH)
        .args(["--", wish])
        .current_dir(Workspace::find()?.root)
        .status()
        .context("cargo bench could not be started")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
