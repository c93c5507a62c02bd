//! `colibri chaos`: seeds of the simulation, one after another, and how to replay one that failed.

mod tally;
mod workers;

use std::collections::BTreeMap;
use std::io::Write;
use std::rc::Rc;
use std::time::Instant;

use anyhow::Context;
use colibri_loader::{LoadRequest, Loader};
use colibri_standard::Manifest;
use serde::{Deserialize, Serialize};

use self::tally::Tally;
use self::workers::Workers;
use crate::chaos::fault::Fault;
use crate::chaos::mix::Mix;
use crate::chaos::stage::{Face, Stage};
use crate::chaos::trace::Printing;
use crate::chaos::{Continuity, SeedReport, Simulation};
use crate::cli::ChaosArgs;
use crate::command::demo;
use crate::exit::{Exit, ExitError};
use crate::plugins;

/// A seed that has been run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Ran {
    report: SeedReport,
    /// Whether a second run, where there was one, was the same.
    replays: bool,
}

/// `colibri chaos`.
///
/// # Errors
/// The connector library is not there or is refused, no fault has the name, or the simulation cannot be set up.
pub fn chaos(args: &ChaosArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let first = args.seed.unwrap_or(0);
    // A seed that is named alone is looked at closely: it runs twice.
    let count = args.seeds.unwrap_or(if args.seed.is_some() { 1 } else { 20 });
    let fault = args.fault.as_deref().map(named).transpose()?;
    if let (Some(fault), Some(stage)) = (fault, args.stage)
        && !fault.can_strike(stage)
    {
        let text = format!("{:?} cannot happen where {} is traded", fault.name(), stage.name());
        return Err(ExitError::new(Exit::Usage, text).into());
    }
    let began = Instant::now();
    let mut tally = Tally::default();
    let mut take = |ran: Ran, out: &mut dyn Write| -> anyhow::Result<bool> {
        if args.lines {
            writeln!(out, "{}", serde_json::to_string(&ran)?)?;
        } else if !args.json {
            tally::print_seed(&ran, args, out)?;
        }
        tally.add(&ran);
        // What a pipe holds back is of no use to whoever waits for it.
        out.flush()?;
        Ok(args.until_failure && !ran.report.violations.is_empty())
    };
    if args.jobs > 1 {
        let mut workers = Workers::start(args, first, count)?;
        while let Some(ran) = workers.next_in_order()? {
            if take(ran, out)? {
                break;
            }
        }
    } else {
        let simulation = simulation(args)?;
        for step in 0..count {
            let seed = first.saturating_add(step.saturating_mul(args.stride));
            let ran = run(&simulation, seed, fault, args, step == 0)?;
            if take(ran, out)? {
                break;
            }
        }
    }
    if !args.lines {
        tally.print(began.elapsed(), args, out)?;
    }
    Ok(if tally.is_good() { Exit::Done } else { Exit::Failed })
}

fn simulation(args: &ChaosArgs) -> anyhow::Result<Simulation> {
    let path = demo::library(args.plugin_dir.as_deref())?;
    let library = Loader::new(plugins::default_store())
        .load(&LoadRequest::new(&path))
        .map_err(|e| ExitError::new(Exit::Plugin, e.to_string()))?;
    let manifest = Manifest::parse(library.manifest_text())?;
    let mut manifests = BTreeMap::new();
    for face in [Face::Spot, Face::Contracts] {
        let name = face.connector();
        let of_face = manifest.connectors.iter().find(|c| c.name == name);
        let of_face = of_face.with_context(|| format!("{} has no connector {name:?}", path.display()))?;
        manifests.insert(face, of_face.clone());
    }
    Ok(Simulation {
        library: Rc::new(library),
        manifests,
        minutes: args.minutes,
    })
}

fn named(name: &str) -> Result<Fault, ExitError> {
    Fault::named(name).ok_or_else(|| {
        let known: Vec<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        let text = format!("no fault is called {name:?}; there are: {}", known.join(", "));
        ExitError::new(Exit::Usage, text)
    })
}

/// Runs a seed; the first of a call, and every one that fails, twice.
fn run(
    simulation: &Simulation,
    seed: u64,
    fault: Option<Fault>,
    args: &ChaosArgs,
    is_first: bool,
) -> anyhow::Result<Ran> {
    let can = |stage: &Stage| fault.is_none_or(|fault| fault.can_strike(*stage));
    // Where nothing is said the seed decides, or where the fault can happen.
    let drawn = Stage::of_seed(seed);
    let possible = std::iter::once(drawn).chain(Stage::ALL.iter().copied()).find(can);
    let stage = args.stage.or(possible).unwrap_or(drawn);
    let mix = match fault {
        _ if args.calm => Mix::calm(),
        Some(fault) => Mix::alone(fault),
        None => Mix::of_seed(seed, stage),
    };
    let unbroken = args
        .snapshot_turns
        .map_or(Continuity::Unbroken, Continuity::FromSnapshots);
    let run = |printing, continuity| {
        let ran = simulation.run(seed, (mix.clone(), stage), printing, continuity);
        ran.map_err(anyhow::Error::msg)
    };
    if args.trace {
        let report = run(Printing::On, unbroken)?;
        return Ok(Ran { report, replays: true });
    }
    let report = run(Printing::Off, unbroken)?;
    let twice = is_first || !report.violations.is_empty();
    let replays = !twice || run(Printing::Off, Continuity::Unbroken)?.trace == report.trace;
    Ok(Ran { report, replays })
}
