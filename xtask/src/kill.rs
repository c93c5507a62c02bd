//! `cargo xtask kill`: the host killed at random moments, many times, and compared with the exchange.

use std::process::ExitCode;

use anyhow::Result;

use crate::tests_example;

/// Becomes the program that does it, which builds what it kills.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    tests_example::become_example("kill", arguments)
}
