//! `cargo xtask scale`: one host beside very many instruments, and what it costs.

use std::process::ExitCode;

use anyhow::Result;

use crate::tests_example;

/// Becomes the program that does it, which builds what it measures.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    tests_example::become_example("scale", arguments)
}
