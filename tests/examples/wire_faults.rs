//! `cargo xtask wire-faults`: seeds of faults on real sockets, a line each.

use std::process::ExitCode;

use colibri_tests::fault_proxy::fault::Weather;
use colibri_tests::wire_faults;

const USAGE: &str = "wire-faults [--seeds N] [--seed S]: N seeds (5), from S (1) on";

fn main() -> ExitCode {
    let (mut seeds, mut first) = (5, 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse::<u64>().ok());
        match (name.as_str(), value) {
            ("--seeds", Some(value)) => seeds = value,
            ("--seed", Some(value)) => first = value,
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let kinds = wire_faults::kinds();
    for seed in first..first.saturating_add(seeds) {
        let run = wire_faults::run(seed, Weather::Lasting);
        println!(
            "seed {seed:>3}: {} faults of {kinds} kinds in {} s, trading again after {} ms; {} orders ({} reached the exchange), \
             {} fills: history, exchange and balances agree; nothing open, nothing unknown",
            run.faults, run.seconds, run.healed_ms, run.figures.orders, run.figures.at_exchange, run.figures.fills
        );
    }
    ExitCode::SUCCESS
}
