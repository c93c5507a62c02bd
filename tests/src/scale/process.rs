//! What a process uses, as the kernel counts it.

use std::fs;
use std::time::Duration;

/// Clock ticks a second of `/proc`, on every Linux that there is.
const TICKS: u64 = 100;

/// What a process uses.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Processor time since its start, its threads' and the kernel's for it.
    pub processor: Duration,
    /// Memory that is in use, bytes: `VmRSS`.
    pub resident: u64,
    /// Of this, what is its own and no file's: `RssAnon`.
    pub anonymous: u64,
}

impl Usage {
    /// Of a process.
    ///
    /// # Panics
    /// Where there is none of this number.
    #[must_use]
    pub fn of(process: u32) -> Usage {
        let read = |name: &str| {
            let path = format!("/proc/{process}/{name}");
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
        };
        let (stat, status) = (read("stat"), read("status"));
        // Behind the name, which may hold spaces: fields 14 and 15, counted from 1, are the times (proc_pid_stat(5)).
        let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |at: usize| fields[at - 3].parse::<u64>().expect("a count of ticks");
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1_024
        };
        Usage {
            processor: Duration::from_millis((ticks(14) + ticks(15)) * 1_000 / TICKS),
            resident: kilobytes("VmRSS:"),
            anonymous: kilobytes("RssAnon:"),
        }
    }
}
