//! `colibri replay`: a recorded run again, compared with what was recorded.

use std::io::Write as _;

use serde_json::json;

use crate::cli::ReplayArgs;
use crate::exit::Exit;
use crate::plugins::default_store;
use crate::replay::{self, Inspector, LibraryFrom, Outcome, Replay, Request, Verdict};

/// Lines of what happened that `--inspect` shows.
const SHOWN: usize = 60;

/// `colibri replay`.
///
/// # Errors
/// The recording cannot be read, or what it was made with is not here.
pub fn run(args: &ReplayArgs) -> anyhow::Result<Exit> {
    let store = args.store.clone().unwrap_or_else(default_store);
    if args.summary {
        return summary(args);
    }
    let request = Request {
        path: &args.recording,
        libraries: LibraryFrom {
            store: &store,
            instead: &args.library,
        },
        from: args.from,
        until: args.until,
    };
    let mut inspector = Inspector::keeping(if args.inspect { args.last.unwrap_or(SHOWN) } else { 0 });
    let outcome = Replay::run(&request, &mut inspector)?;
    let picture = inspector.picture();
    let mut out = std::io::stdout().lock();
    if args.json {
        let value = json!({
            "entered": outcome.entered,
            "inputs": outcome.inputs,
            "marks": outcome.marks,
            "millis": outcome.millis,
            "digest": outcome.digest.to_string(),
            "same": outcome.verdict == Verdict::Same,
            "differs_between": match outcome.verdict {
                Verdict::Same => None,
                Verdict::Differs { same_until, differs_at } => Some([same_until, differs_at]),
            },
            "torn": outcome.torn,
            "happened": picture.happened,
            "stood": picture.stood,
        });
        writeln!(out, "{value}")?;
    } else {
        for line in picture.happened.iter().chain(&picture.stood) {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "{}", told(&outcome))?;
    }
    Ok(match outcome.verdict {
        Verdict::Same => Exit::Done,
        Verdict::Differs { .. } => Exit::Unproven,
    })
}

fn told(outcome: &Outcome) -> String {
    let verdict = match outcome.verdict {
        Verdict::Same if outcome.marks == 0 => "nothing to compare with before this moment".to_owned(),
        Verdict::Same => format!("the same as recorded at all of {} marks", outcome.marks),
        Verdict::Differs { same_until, differs_at } => format!(
            "NOT the same as recorded: something differs between the inputs {same_until} and {differs_at} (--inspect --until \
             '#{differs_at}' shows what the replay did)"
        ),
    };
    let torn = outcome.torn.as_ref().map(|why| format!("\n{why}")).unwrap_or_default();
    let seconds = outcome.millis / 1_000;
    let (entered, inputs) = (outcome.entered, outcome.inputs);
    let which = match entered {
        0 => format!("{inputs} inputs over {seconds} s"),
        _ => format!(
            "inputs {} to {inputs}, up to {seconds} s after the run's begin",
            entered + 1
        ),
    };
    format!("{which}; {verdict}; digest {}{torn}", outcome.digest)
}

fn summary(args: &ReplayArgs) -> anyhow::Result<Exit> {
    let summary = replay::summary(&args.recording)?;
    let millis = match (summary.first, summary.last) {
        (Some(first), Some(last)) => last.mono.since(first.mono).0,
        _ => 0,
    };
    let venues: Vec<_> = summary
        .setup
        .venues
        .iter()
        .map(|v| json!({ "venue": v.venue, "connector": v.manifest.name, "library_sha256": v.library_sha256 }))
        .collect();
    let snapshots: Vec<_> = summary
        .snapshots
        .iter()
        .map(|at| json!({ "after_ms": at.after, "inputs": at.inputs, "bytes": at.bytes }))
        .collect();
    let value = json!({
        "host_version": summary.setup.host_version,
        "venues": venues,
        "began_ms": summary.first.map(|first| first.wall.as_millis()),
        "millis": millis,
        "inputs": summary.inputs,
        "snapshots": snapshots,
        "torn": summary.torn,
    });
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{value}")?;
    } else {
        writeln!(out, "{value:#}")?;
    }
    Ok(Exit::Done)
}
