//! `cargo demo`: builds what the demo needs and becomes it.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::build;
use crate::handover::become_command;
use crate::workspace::Workspace;

/// Builds, then runs `colibri demo` with `arguments` on this process's stdin, stdout and stderr.
///
/// Nothing is written to stdout here: with `--json` its last line is the host's.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    build::release(&workspace)?;
    let libraries = workspace.target.join("release");
    let mut host = Command::new(libraries.join(build::HOST));
    host.arg("demo").arg("--plugin-dir").arg(&libraries).args(arguments);
    become_command(host)
}
