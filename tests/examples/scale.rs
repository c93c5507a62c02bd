//! `cargo xtask scale`: a bot beside a thousand instruments, and what it costs.

use std::process::ExitCode;
use std::time::Duration;

use colibri_tests::scale::{self, Figures, Load};

const USAGE: &str = "\
scale [--instruments N] [--rate N] [--seconds N] [--depth-percent N] [--levels N] [--weight N] [--json]
    one host, N instruments (1000) of the local exchange, so many messages a second in all (50000) for so many seconds (30);
    of a hundred messages so many are depth updates (20), each of so many levels (20); request weight a minute (6000)
scale --idle N [--json]
    the memory of N connector instances that have nothing to do";

/// A mebibyte.
const MIB: f64 = 1_048_576.0;

fn main() -> ExitCode {
    let mut load = Load::default();
    let (mut idle, mut as_json) = (None, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        if name == "--json" {
            as_json = true;
            continue;
        }
        let Some(value) = arguments.next().and_then(|value| value.parse::<u32>().ok()) else {
            return usage();
        };
        match name.as_str() {
            "--instruments" if value > 1 => load.instruments = value,
            "--rate" => load.messages_per_second = value,
            "--seconds" => load.span = Duration::from_secs(value.into()),
            "--depth-percent" => load.depth_percent = value,
            "--levels" => load.levels_per_update = value,
            "--weight" => load.weight_per_minute = value,
            "--idle" => idle = Some(value),
            _ => return usage(),
        }
    }
    match idle {
        Some(count) => tell_idle(count, as_json),
        None => tell(&scale::measure(load), as_json),
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

fn tell_idle(count: u32, as_json: bool) -> ExitCode {
    let usage = scale::idle(count);
    let (resident, anonymous) = (usage.resident as f64 / MIB, usage.anonymous as f64 / MIB);
    if as_json {
        println!(r#"{{"instances":{count},"rss_mib":{resident:.2},"anonymous_mib":{anonymous:.2}}}"#);
    } else {
        println!("{count} idle instances: {resident:.1} MiB resident, {anonymous:.1} MiB of them anonymous");
    }
    ExitCode::SUCCESS
}

fn tell(figures: &Figures, as_json: bool) -> ExitCode {
    if as_json {
        println!("{}", figures.json());
    } else {
        let Figures { load, host, .. } = figures;
        let millis = |share: u32| figures.delays.get(&share).map_or(0.0, |us| *us as f64 / 1_000.0);
        println!(
            "{} instruments, {} messages/s asked ({}% depth updates of {} levels), {} s\n\
             start to first quote  {:.2} s; to the last of {} books {:.1} s (weight {} a minute)\n\
             taken in              {:.0} messages/s, {:.0} of them book updates\n\
             host                  {:.0}% of a core (the exchange {:.0}%)\n\
             memory                {:.1} MiB resident, {:.1} MiB anonymous; {:.1} KiB a book\n\
             delay                 p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms; longest since the start {:.1} ms\n\
             books dropped {}, streams opened again {}, ticks late {}",
            load.instruments,
            load.messages_per_second,
            load.depth_percent,
            load.levels_per_update,
            load.span.as_secs(),
            figures.first_quote,
            load.instruments,
            figures.every_book,
            load.weight_per_minute,
            figures.messages_per_second,
            figures.book_updates_per_second,
            figures.host_cpu * 100.0,
            figures.exchange_cpu * 100.0,
            host.resident as f64 / MIB,
            host.anonymous as f64 / MIB,
            figures.memory_a_book() as f64 / 1_024.0,
            millis(500),
            millis(990),
            millis(999),
            millis(1_000),
            figures.longest_delay_us as f64 / 1_000.0,
            figures.book_drops,
            figures.reconnects,
            figures.late_ticks,
        );
    }
    if figures.is_whole() {
        ExitCode::SUCCESS
    } else {
        eprintln!("something was lost on the way, or fell behind");
        ExitCode::FAILURE
    }
}
