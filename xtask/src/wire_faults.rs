//! `cargo xtask wire-faults`: the host behind a proxy that breaks its connections, seed after seed.

use std::process::ExitCode;

use anyhow::Result;

use crate::tests_example;

/// Becomes the program that does it, which builds what it tries.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    tests_example::become_example("wire_faults", arguments)
}
