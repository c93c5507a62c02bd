//! Several processes that share the seeds. Not threads: a connector's library may hold state of its process, and what one
//! seed leaves there must not depend on which others run beside it.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, bail};

use super::Ran;
use crate::cli::ChaosArgs;

/// One process, and what it says.
struct Worker {
    child: Child,
    lines: BufReader<ChildStdout>,
}

/// The processes: of `n`, each runs every `n`th seed. They end with this value.
pub struct Workers {
    workers: Vec<Worker>,
    told: u64,
    count: u64,
}

impl Workers {
    /// Starts them for `count` seeds from `first` on.
    ///
    /// # Errors
    /// This program cannot be started again.
    pub fn start(args: &ChaosArgs, first: u64, count: u64) -> anyhow::Result<Workers> {
        let program = std::env::current_exe().context("this program's own path")?;
        let jobs = args.jobs.min(count.max(1));
        let mut workers = Vec::new();
        for at in 0..jobs {
            let mut command = Command::new(&program);
            command.args(["chaos", "--lines"]);
            for (flag, value) in [
                ("--seed", first.saturating_add(at)),
                ("--seeds", (count - at).div_ceil(jobs)),
                ("--stride", jobs),
                ("--minutes", args.minutes),
            ] {
                command.arg(flag).arg(value.to_string());
            }
            if let Some(folder) = &args.plugin_dir {
                command.arg("--plugin-dir").arg(folder);
            }
            if let Some(fault) = &args.fault {
                command.arg("--fault").arg(fault);
            }
            if let Some(stage) = args.stage {
                command.arg("--stage").arg(stage.name());
            }
            if let Some(turns) = args.snapshot_turns {
                command.arg("--snapshot-turns").arg(turns.to_string());
            }
            if args.calm {
                command.arg("--calm");
            }
            let mut child = command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .spawn()
                .context("a worker cannot be started")?;
            let stdout = child.stdout.take().context("a worker has no output")?;
            let lines = BufReader::new(stdout);
            workers.push(Worker { child, lines });
        }
        Ok(Workers {
            workers,
            told: 0,
            count,
        })
    }

    /// The next seed in the order of the seeds; `None` after the last.
    ///
    /// # Errors
    /// A worker has ended before it was done; what it said is on standard error.
    pub fn next_in_order(&mut self) -> anyhow::Result<Option<Ran>> {
        if self.told == self.count {
            return Ok(None);
        }
        let at = usize::try_from(self.told % self.workers.len() as u64)?;
        let mut line = String::new();
        self.workers[at]
            .lines
            .read_line(&mut line)
            .context("a worker cannot be heard")?;
        if line.is_empty() {
            bail!("a worker has ended before it was done; see above");
        }
        self.told += 1;
        serde_json::from_str(&line).map(Some).context("a worker's line")
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            // One that has ended already is as good.
            let _ = worker.child.kill();
            let _ = worker.child.wait();
        }
    }
}
