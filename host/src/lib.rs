//! The `colibri` host as a library: command line, wiring, screen. Thin: what decides lives in the crates below.

pub mod keys;
pub mod report;
pub mod screen;
