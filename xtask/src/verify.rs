//! `cargo verify`: everything that guards main, in one place. `.ci/run` runs this and nothing else.

use std::ffi::OsStr;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::bench_check::BENCH;
use crate::build;
use crate::workspace::{Workspace, cargo};

/// How much is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything.
    Full,
    /// What takes seconds once built: format, lints, unit tests.
    Quick,
    /// The package `export/`, which is no member of the workspace, and nothing else.
    Export,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    /// Not run, and why.
    Skipped(&'static str),
}

/// One thing that is checked.
struct Step {
    name: &'static str,
    check: Check,
}

enum Check {
    /// A cargo command line, and variables beside it.
    Cargo(&'static [&'static str], &'static [(&'static str, &'static str)]),
    /// The libraries and the host as they are shipped: the end-to-end tests load and run these files.
    ReleaseBuilds,
    /// A cargo command line for `export/`. It is built where the workspace is, so that what both need is built once.
    Export(&'static [&'static str]),
    /// What `deny.toml` says of licences, bans and sources, where `cargo-deny` is installed. Advisories are left out: they
    /// need the network and change by the day, so the same commit would pass today and fail tomorrow.
    Deny(&'static [&'static str]),
    /// Instructions of the hot path against `bench/baseline.txt`, where valgrind is installed; bots that take minutes to come
    /// up are left to `cargo xtask bench-check`.
    Instructions,
}

const EXPORT: &str = "export/Cargo.toml";
/// Instructions are not counted any more once a run has taken so long: with what `.ci/run` does before, it must end within forty
/// minutes, and that step takes up to five.
const LATE: Duration = Duration::from_secs(30 * 60);

const FORMAT: Step = Step {
    name: "format",
    check: Check::Cargo(&["fmt", "--all", "--check"], &[]),
};
const LINTS: Step = Step {
    name: "lints",
    check: Check::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[]),
};
const UNIT_TESTS: Step = Step {
    name: "unit tests",
    check: Check::Cargo(&["test", "--workspace", "--lib", "--bins"], &[]),
};
const LIBRARIES: Step = Step {
    name: "host and connectors",
    check: Check::ReleaseBuilds,
};
const TESTS: Step = Step {
    name: "tests",
    check: Check::Cargo(&["test", "--workspace", "--no-fail-fast"], &[]),
};
const DOCUMENTATION: Step = Step {
    name: "documentation",
    check: Check::Cargo(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")]),
};
const DENY: Step = Step {
    name: "licences and sources",
    check: Check::Deny(&["deny", "check", "licenses", "bans", "sources"]),
};
const INSTRUCTIONS: Step = Step {
    name: "instructions",
    check: Check::Instructions,
};
const EXPORT_STEPS: &[Step] = &[
    Step {
        name: "format",
        check: Check::Export(&["fmt", "--manifest-path", EXPORT, "--check"]),
    },
    Step {
        name: "lints",
        check: Check::Export(&[
            "clippy",
            "--manifest-path",
            EXPORT,
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]),
    },
    Step {
        name: "host and connectors",
        check: Check::ReleaseBuilds,
    },
    Step {
        name: "tests",
        check: Check::Export(&["test", "--manifest-path", EXPORT, "--no-fail-fast"]),
    },
    Step {
        name: "colibri-export",
        check: Check::Export(&["build", "--manifest-path", EXPORT, "--release", "--locked"]),
    },
    Step {
        name: "licences and sources",
        check: Check::Deny(&[
            "deny",
            "--manifest-path",
            EXPORT,
            "check",
            "licenses",
            "bans",
            "sources",
        ]),
    },
];

/// Runs every step, also after one that failed, and sums up.
pub fn run(extent: Extent) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let steps: &[Step] = match extent {
        Extent::Full => &[FORMAT, LINTS, LIBRARIES, TESTS, DOCUMENTATION, DENY, INSTRUCTIONS],
        Extent::Quick => &[FORMAT, LINTS, UNIT_TESTS],
        Extent::Export => EXPORT_STEPS,
    };
    let mut lines = Vec::new();
    let mut verdicts = Vec::new();
    let began = Instant::now();
    for step in steps {
        println!("== {}", step.name);
        let start = Instant::now();
        let verdict = step.check.run(&workspace, began)?;
        let word = match &verdict {
            Verdict::Passed => "passed".to_owned(),
            Verdict::Failed => "FAILED".to_owned(),
            Verdict::Skipped(why) => format!("skipped: {why}"),
        };
        lines.push(format!("{:<24} {:>5} s  {word}", step.name, start.elapsed().as_secs()));
        verdicts.push(verdict);
    }
    println!("== summary");
    for line in lines {
        println!("{line}");
    }
    Ok(if verdicts.contains(&Verdict::Failed) {
        println!("verify: failed");
        ExitCode::FAILURE
    } else {
        println!("verify: passed");
        ExitCode::SUCCESS
    })
}

impl Check {
    fn run(&self, workspace: &Workspace, began: Instant) -> Result<Verdict> {
        match self {
            Check::Cargo(arguments, variables) => {
                let variables: Vec<_> = variables
                    .iter()
                    .map(|(name, value)| (*name, OsStr::new(value)))
                    .collect();
                run_cargo(workspace, arguments, &variables)
            }
            Check::Export(arguments) => {
                let target = ("CARGO_TARGET_DIR", workspace.target.as_os_str());
                run_cargo(workspace, arguments, &[target])
            }
            Check::ReleaseBuilds => Ok(match build::release(workspace) {
                Ok(()) => Verdict::Passed,
                Err(error) => {
                    println!("{error:#}");
                    Verdict::Failed
                }
            }),
            Check::Instructions => {
                if Command::new("valgrind").arg("--version").output().is_err() {
                    return Ok(Verdict::Skipped("valgrind is not installed"));
                }
                if began.elapsed() > LATE {
                    return Ok(Verdict::Skipped("the run is long already: cargo xtask bench-check"));
                }
                let arguments: Vec<&str> = BENCH.iter().chain(&["--", "--check", "--quick"]).copied().collect();
                run_cargo(workspace, &arguments, &[])
            }
            Check::Deny(arguments) => {
                if Command::new("cargo-deny").arg("--version").output().is_err() {
                    return Ok(Verdict::Skipped(
                        "cargo-deny is not installed (cargo install --locked cargo-deny)",
                    ));
                }
                run_cargo(workspace, arguments, &[])
            }
        }
    }
}

fn run_cargo(workspace: &Workspace, arguments: &[&str], variables: &[(&str, &OsStr)]) -> Result<Verdict> {
    println!("cargo {}", arguments.join(" "));
    let status = cargo()
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(&workspace.root)
        .status()
        .with_context(|| format!("cargo {} could not be started", arguments.join(" ")))?;
    Ok(if status.success() {
        Verdict::Passed
    } else {
        Verdict::Failed
    })
}
