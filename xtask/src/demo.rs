//! `cargo demo`: builds what the demo needs and becomes it.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::build;
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

/// Replaces this process, so that Ctrl-C and the exit code are the host's alone.
#[cfg(unix)]
fn become_command(mut command: Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(anyhow::Error::new(command.exec()).context(format!("{:?} could not be started", command.get_program())))
}

#[cfg(not(unix))]
fn become_command(mut command: Command) -> Result<ExitCode> {
    use anyhow::Context;
    let status = command
        .status()
        .with_context(|| format!("{:?} could not be started", command.get_program()))?;
    Ok(match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(code) => ExitCode::from(code),
        None => ExitCode::FAILURE,
    })
}
