//! `cargo xtask bench-check`: instructions of the hot path, compared with the committed baseline.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::workspace::{Workspace, cargo};

/// The bench that counts and compares. The host's package stands beside it so that what both need is built once, with the
/// same features.
pub const BENCH: [&str; 7] = [
    "bench",
    "--package",
    "colibri",
    "--package",
    "colibri-bench",
    "--bench",
    "instructions",
];

/// Compares, or writes the baseline anew.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let wish: &[&str] = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => &["--check"],
        ["--quick"] => &["--check", "--quick"],
        ["--write"] => &["--write"],
        _ => bail!("bench-check takes --quick, --write or nothing, not {arguments:?}"),
    };
    let status = cargo()
        .args(BENCH)
        .arg("--")
        .args(wish)
        .current_dir(Workspace::find()?.root)
        .status()
        .context("cargo bench could not be started")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
