//! `colibri chaos`: seeds of the simulation, one after another, and how to replay one that failed.

use std::collections::BTreeMap;
use std::io::Write;
use std::rc::Rc;
use std::time::Instant;

use anyhow::Context;
use colibri_loader::{LoadRequest, Loader};
use colibri_standard::Manifest;
use serde_json::json;

use crate::chaos::fault::{Fault, Mix};
use crate::chaos::trace::Printing;
use crate::chaos::{SeedReport, Simulation};
use crate::cli::ChaosArgs;
use crate::command::demo;
use crate::exit::{Exit, ExitError};
use crate::plugins;

/// The connector that is simulated.
const CONNECTOR: &str = "binance";
/// Violations of a seed that are printed.
const SHOWN: usize = 12;

/// `colibri chaos`.
///
/// # Errors
/// The connector library is not there or is refused, or the simulation cannot be set up.
pub fn chaos(args: &ChaosArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let path = demo::library(args.plugin_dir.as_deref())?;
    let library = Loader::new(plugins::default_store())
        .load(&LoadRequest::new(&path))
        .map_err(|e| ExitError::new(Exit::Plugin, e.to_string()))?;
    let manifest = Manifest::parse(library.manifest_text())?;
    let manifest = manifest.connectors.into_iter().find(|c| c.name == CONNECTOR);
    let simulation = Simulation {
        library: Rc::new(library),
        manifest: manifest.with_context(|| format!("{} has no connector {CONNECTOR:?}", path.display()))?,
        minutes: args.minutes,
    };
    let first = args.seed.unwrap_or(0);
    // A seed that is named alone is looked at closely: it runs twice.
    let count = args.seeds.unwrap_or(if args.seed.is_some() { 1 } else { 20 });
    let printing = if args.trace { Printing::On } else { Printing::Off };
    let began = Instant::now();
    let mut totals = Totals::default();
    for seed in first..first.saturating_add(count) {
        let report = simulation
            .run(seed, mix(args, seed), printing)
            .map_err(anyhow::Error::msg)?;
        let twice = !args.trace && (seed == first || !report.violations.is_empty());
        let replays = !twice
            || simulation
                .run(seed, mix(args, seed), Printing::Off)
                .map_err(anyhow::Error::msg)?
                .trace
                == report.trace;
        totals.add(&report);
        if !replays {
            totals.differing.push(seed);
        }
        if !args.json {
            print_seed(&report, replays, args, out)?;
        }
        if args.until_failure && !report.violations.is_empty() {
            break;
        }
    }
    let count = totals.seeds;
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    let per_minute = (count as f64 / minutes).round();
    if args.json {
        writeln!(out, "{}", totals.as_json(per_minute))?;
    } else {
        writeln!(
            out,
            "{count} seeds, {} failed; {} orders, {} fills, {} faults, {} restarts; {per_minute} seeds a minute",
            totals.failed.len(),
            totals.orders,
            totals.fills,
            totals.faults.values().sum::<u64>(),
            totals.restarts,
        )?;
    }
    let good = totals.failed.is_empty() && totals.differing.is_empty();
    Ok(if good { Exit::Done } else { Exit::Failed })
}

fn mix(args: &ChaosArgs, seed: u64) -> Mix {
    if args.calm { Mix::calm() } else { Mix::of_seed(seed) }
}

fn print_seed(report: &SeedReport, replays: bool, args: &ChaosArgs, out: &mut dyn Write) -> std::io::Result<()> {
    let seed = report.seed;
    writeln!(
        out,
        "seed {seed}: {}, {} orders, {} fills, {} faults ({}), {} processes, settled in {} ms, trace {:016x}",
        if report.violations.is_empty() { "ok" } else { "FAILED" },
        report.orders,
        report.fills,
        report.fault_count(),
        report.mix,
        report.processes,
        report.settled_ms,
        report.trace
    )?;
    for line in report.violations.iter().take(SHOWN) {
        writeln!(out, "  {line}")?;
    }
    if report.violations.len() > SHOWN {
        writeln!(out, "  and {} more", report.violations.len() - SHOWN)?;
    }
    if !report.violations.is_empty() {
        let calm = if args.calm { " --calm" } else { "" };
        writeln!(
            out,
            "  replay it: colibri chaos --seed {seed} --minutes {}{calm} --trace",
            args.minutes
        )?;
    }
    if !replays {
        writeln!(
            out,
            "  the second run of the seed was another: something is not deterministic"
        )?;
    }
    Ok(())
}

#[derive(Default)]
struct Totals {
    seeds: u64,
    orders: u64,
    fills: u64,
    restarts: u64,
    faults: BTreeMap<Fault, u64>,
    failed: BTreeMap<u64, Vec<String>>,
    differing: Vec<u64>,
}

impl Totals {
    fn add(&mut self, report: &SeedReport) {
        self.seeds += 1;
        self.orders += report.orders;
        self.fills += report.fills;
        self.restarts += report.processes as u64 - 1;
        for (fault, count) in &report.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        if !report.violations.is_empty() {
            self.failed.insert(report.seed, report.violations.clone());
        }
    }

    fn as_json(&self, per_minute: f64) -> serde_json::Value {
        let faults: BTreeMap<&str, u64> = self
            .faults
            .iter()
            .map(|(fault, count)| (fault.name(), *count))
            .collect();
        let failed: BTreeMap<String, &Vec<String>> = self
            .failed
            .iter()
            .map(|(seed, lines)| (seed.to_string(), lines))
            .collect();
        json!({
            "seeds": self.seeds,
            "failed": failed,
            "not_deterministic": self.differing,
            "orders": self.orders,
            "fills": self.fills,
            "restarts": self.restarts,
            "faults": faults,
            "seeds_per_minute": per_minute,
        })
    }
}
