//! The commands of the command line, a file each: what a person typed becomes calls of the crates below.

pub mod chaos;
pub mod check;
pub mod connectors;
pub mod demo;
pub mod history;
pub mod keys;
pub mod kill;
pub mod pnl;
pub mod recordings;
pub mod replay;
pub mod run;
pub mod sim;
pub mod status;
pub mod traded;
