//! The `colibri` host as a library: command line, wiring, screen. Thin: what decides lives in the crates below.

pub mod bot;
pub mod chaos;
pub mod cli;
pub mod command;
pub mod connector;
pub mod exit;
pub mod keys;
pub mod kill_request;
pub mod latency;
pub mod log;
pub mod plugins;
pub mod record;
pub mod recordings;
pub mod replay;
pub mod report;
pub mod runtime;
pub mod screen;
pub mod status;
pub mod sys;
