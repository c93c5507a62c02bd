//! The last step of a command: to become another program.

use std::process::{Command, ExitCode};

#[cfg(not(unix))]
use anyhow::Context;
use anyhow::Result;

/// Replaces this process, so that Ctrl-C and the exit code are the host's alone.
#[cfg(unix)]
pub fn become_command(mut command: Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(anyhow::Error::new(command.exec()).context(format!("{:?} could not be started", command.get_program())))
}

#[cfg(not(unix))]
pub fn become_command(mut command: Command) -> Result<ExitCode> {
    let status = command
        .status()
        .with_context(|| format!("{:?} could not be started", command.get_program()))?;
    Ok(match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(code) => ExitCode::from(code),
        None => ExitCode::FAILURE,
    })
}
