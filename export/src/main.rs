//! `colibri-export`: recordings and histories as Parquet files.

use std::io::{stderr, stdout};
use std::process::ExitCode;

use clap::Parser as _;
use colibri_export::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run(&mut stdout(), &mut stderr()) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("colibri-export: {error:#}");
            colibri::exit::of(&error).into()
        }
    }
}
