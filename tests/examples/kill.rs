//! `cargo xtask kill`: the host killed as often as asked for, a line each, then the comparison with the exchange.

use std::process::ExitCode;
use std::time::Instant;

use colibri_tests::crash;

const USAGE: &str = "kill [--times N] [--seed S]: kill -9 the host N times (200), moments drawn from S (1)";

fn main() -> ExitCode {
    let (mut times, mut seed) = (200, 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse::<u32>().ok());
        match (name.as_str(), value) {
            ("--times", Some(value)) => times = value,
            ("--seed", Some(value)) => seed = value,
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let started = Instant::now();
    let series = crash::series(times, seed.into(), &mut |kill| {
        println!(
            "kill {:>4}  {:<28} {:>2} open, {:>2} unanswered, {:>5} orders so far",
            kill.number,
            kill.moment.to_string(),
            kill.open,
            kill.unanswered,
            kill.orders
        );
    });
    println!(
        "{times} kills in {} s: {} with orders open at the exchange, {} with an answer awaited\n\
         {} orders ({} reached the exchange), {} fills: history, exchange and balances agree; nothing open, nothing unknown",
        started.elapsed().as_secs(),
        series.with_open,
        series.with_unanswered,
        series.figures.orders,
        series.figures.at_exchange,
        series.figures.fills
    );
    ExitCode::SUCCESS
}
