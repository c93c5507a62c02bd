//! What many seeds come to, in words and as JSON.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use serde_json::json;

use super::Ran;
use crate::chaos::stage::Stage;
use crate::cli::ChaosArgs;

/// Violations of a seed that are printed.
const SHOWN: usize = 12;

/// How to run a seed again, told event by event.
fn replay(seed: u64, args: &ChaosArgs) -> String {
    let mut command = format!("colibri chaos --seed {seed}");
    if args.minutes != 10 {
        command += &format!(" --minutes {}", args.minutes);
    }
    if args.calm {
        command += " --calm";
    }
    if let Some(fault) = &args.fault {
        command += &format!(" --fault {fault:?}");
    }
    if let Some(stage) = args.stage {
        command += &format!(" --stage {}", stage.name());
    }
    if let Some(folder) = &args.plugin_dir {
        command += &format!(" --plugin-dir {:?}", folder.display().to_string());
    }
    command + " --trace"
}

/// A line for a seed; more where it failed.
///
/// # Errors
/// Nobody reads.
pub fn print_seed(ran: &Ran, args: &ChaosArgs, out: &mut dyn Write) -> std::io::Result<()> {
    let report = &ran.report;
    let seed = report.seed;
    writeln!(
        out,
        "seed {seed}: {}, {}, {} min, {} orders, {} fills, {} faults ({}), {} processes, settled in {} ms, trace {:016x}",
        if report.violations.is_empty() { "ok" } else { "FAILED" },
        report.stage.name(),
        report.minutes,
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
        writeln!(out, "  replay it: {}", replay(seed, args))?;
    }
    if !ran.replays {
        writeln!(
            out,
            "  the second run of the seed was another: something is not deterministic"
        )?;
    }
    Ok(())
}

/// The sums.
#[derive(Debug, Default)]
pub struct Tally {
    seeds: u64,
    stages: BTreeMap<Stage, u64>,
    orders: u64,
    fills: u64,
    restarts: u64,
    kill_switches: u64,
    longest_ms: u64,
    faults: BTreeMap<String, u64>,
    failed: BTreeMap<u64, Vec<String>>,
    differing: Vec<u64>,
}

impl Tally {
    /// Counts a seed.
    pub fn add(&mut self, ran: &Ran) {
        let report = &ran.report;
        self.seeds += 1;
        *self.stages.entry(report.stage).or_default() += 1;
        self.orders += report.orders;
        self.fills += report.fills;
        self.restarts += report.processes.saturating_sub(1);
        self.kill_switches += report.kill_switches;
        self.longest_ms = self.longest_ms.max(report.settled_ms);
        for (fault, count) in &report.faults {
            *self.faults.entry(fault.clone()).or_default() += count;
        }
        if !report.violations.is_empty() {
            self.failed.insert(report.seed, report.violations.clone());
        }
        if !ran.replays {
            self.differing.push(report.seed);
        }
    }

    /// Whether no promise was broken.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failed.is_empty() && self.differing.is_empty()
    }

    /// The last line, or the JSON object.
    ///
    /// # Errors
    /// Nobody reads.
    pub fn print(&self, took: Duration, args: &ChaosArgs, out: &mut dyn Write) -> std::io::Result<()> {
        let per_minute = (self.seeds as f64 / took.as_secs_f64() * 60.0).round();
        if args.json {
            return writeln!(out, "{}", self.as_json(per_minute, args));
        }
        writeln!(
            out,
            "{} seeds, {} failed; {} orders, {} fills, {} faults, {} restarts, {} kill switches; the slowest settled in {} ms; \
             {per_minute} seeds a minute",
            self.seeds,
            self.failed.len(),
            self.orders,
            self.fills,
            self.faults.values().sum::<u64>(),
            self.restarts,
            self.kill_switches,
            self.longest_ms,
        )
    }

    fn as_json(&self, per_minute: f64, args: &ChaosArgs) -> serde_json::Value {
        let by_seed = |seed: &u64| seed.to_string();
        let failed: BTreeMap<String, &Vec<String>> = self.failed.iter().map(|(s, lines)| (by_seed(s), lines)).collect();
        let replays: BTreeMap<String, String> = self.failed.keys().map(|s| (by_seed(s), replay(*s, args))).collect();
        json!({
            "seeds": self.seeds,
            "stages": self.stages.iter().map(|(stage, count)| (stage.name(), *count)).collect::<BTreeMap<_, _>>(),
            "failed": failed,
            "replay": replays,
            "not_deterministic": self.differing,
            "orders": self.orders,
            "fills": self.fills,
            "restarts": self.restarts,
            "kill_switches": self.kill_switches,
            "slowest_settled_ms": self.longest_ms,
            "faults": self.faults,
            "seeds_per_minute": per_minute,
        })
    }
}
