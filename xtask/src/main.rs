//! The workspace's own commands, behind the aliases of `.cargo/config.toml`: `cargo demo`, `cargo verify`, and
//! `cargo xtask` with `kill`, `wire-faults`, `mutations`, `scale`, `bench-check` or `export`.
//!
//! What lives here: which cargo commands are run, in which order. What must not live here: anything that a bot needs at
//! run time. It compiles in seconds, because everybody waits for it before everything else.

mod bench_check;
mod build;
mod demo;
mod handover;
mod kill;
mod mutations;
mod scale;
mod tests_example;
mod verify;
mod wire_faults;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo demo [OPTIONS]        build the host and every connector, then trade against the local exchange
                            (cargo demo --help lists the options)
cargo verify [--quick]      everything that guards main: format, lints, libraries, tests, documentation, licences
                            --quick: format, lints and unit tests only
cargo xtask kill [OPTIONS]  kill -9 the host at random moments and compare it with the exchange
                            --times N (200), --seed S (1)
cargo xtask wire-faults [OPTIONS]
                            break the host's connections on real sockets and compare it with the exchange
                            --seeds N (5), --seed S (1)
cargo xtask mutations [OPTIONS]
                            put bugs into a copy of the host: the simulation must notice each
                            --only NAME, --seeds N (1000)
cargo xtask scale [OPTIONS] one host beside very many instruments: processor, memory, delay, start
                            --instruments N (1000), --rate N (50000), --seconds N (30), --json; --idle N
cargo xtask bench-check     instructions of the hot path against bench/baseline.txt: 5 % more fails
                            --quick leaves out bots that take minutes to come up; --write writes the baseline anew
cargo xtask export          check, test and build colibri-export, which is no member of the workspace";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        bail!("no command\n{USAGE}");
    }
    let command = arguments.remove(0);
    // `cargo demo --seconds 5` and `cargo demo -- --seconds 5` mean the same.
    if arguments.first().is_some_and(|first| first == "--") {
        arguments.remove(0);
    }
    match command.as_str() {
        "demo" => demo::run(&arguments),
        "kill" => kill::run(&arguments),
        "mutations" => mutations::run(&arguments),
        "scale" => scale::run(&arguments),
        "bench-check" => bench_check::run(&arguments),
        "export" if arguments.is_empty() => verify::run(verify::Extent::Export),
        "export" => bail!("export takes no options, not {arguments:?}"),
        "wire-faults" => wire_faults::run(&arguments),
        "verify" => match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => verify::run(verify::Extent::Full),
            ["--quick"] => verify::run(verify::Extent::Quick),
            _ => bail!("verify takes --quick or nothing, not {arguments:?}"),
        },
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("{command:?} is no command\n{USAGE}"),
    }
}
