//! `cargo xtask kill`: the host killed at random moments, many times, and compared with the exchange.

use std::process::ExitCode;

use anyhow::Result;

use crate::handover::become_command;
use crate::workspace::{Workspace, cargo};

/// Becomes the program that does it, which builds what it kills.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let mut kill = cargo();
    kill.args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "colibri-tests",
        "--example",
        "kill",
        "--",
    ])
    .args(arguments)
    .current_dir(&workspace.root);
    become_command(kill)
}
