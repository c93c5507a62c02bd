//! The programs in `tests/examples/`.

use std::process::ExitCode;

use anyhow::Result;

use crate::handover::become_command;
use crate::workspace::{Workspace, cargo};

/// Becomes the example of this name.
pub fn become_example(name: &str, arguments: &[String]) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let mut example = cargo();
    example
        .args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "colibri-tests",
            "--example",
            name,
            "--",
        ])
        .args(arguments)
        .current_dir(&workspace.root);
    become_command(example)
}
