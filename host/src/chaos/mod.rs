//! Deterministic simulation: the real engine, driver core, journal and connector library against the local exchange, in one
//! thread and in virtual time, everything random from one seed.
//!
//! What lives here: the faults, the wires that they strike, the process that is killed and started again, and the promises
//! that are checked in the end. What must not live here: anything that the host does outside of a simulation.
//!
//! A seed trades spot, contracts or both (`stage`). It runs at least ten virtual minutes, a hundred orders and ten faults. Then the faults stop, the bot is stopped, and
//! within five virtual minutes everything must be as the exchange has it (`verdict`). The same seed gives the same run, to
//! the last byte.

mod blueprint;
mod books;
mod catching_up;
mod contract_plan;
mod contract_trader;
mod contract_verdict;
mod contract_watch;
mod ends;
pub mod fault;
mod frames;
mod lane;
pub mod mix;
mod outage;
mod outsider;
mod process;
mod projection;
mod requests;
mod run;
mod spoil;
pub mod stage;
mod station;
mod storm;
pub mod trace;
mod trader;
mod verdict;
mod watch;
mod wire;
mod witness;
mod world;

use std::collections::BTreeMap;
use std::rc::Rc;

use colibri_loader::Library;
use colibri_standard::ConnectorManifest;
use serde::{Deserialize, Serialize};

use fault::Fault;
use mix::Mix;
use run::Run;
use stage::{Face, Stage};
use trace::Printing;

/// What seeds are run with.
pub struct Simulation {
    /// The connector's library, loaded once.
    pub library: Rc<Library>,
    /// The manifests of its connectors.
    pub manifests: BTreeMap<Face, ConnectorManifest>,
    /// How long faults strike at least, virtual minutes.
    pub minutes: u64,
}

/// How a seed went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedReport {
    /// The seed.
    pub seed: u64,
    /// What it traded.
    pub stage: Stage,
    /// The name of its mix of faults.
    pub mix: String,
    /// Virtual minutes under faults.
    pub minutes: u64,
    /// Orders of the bot's that reached the exchange.
    pub orders: u64,
    /// Trades of the account.
    pub fills: u64,
    /// Processes that were started.
    pub processes: u64,
    /// How often the kill switch was thrown.
    pub kill_switches: u64,
    /// How often each fault struck, by its name.
    pub faults: BTreeMap<String, u64>,
    /// How long it took from the last fault to the proof, virtual milliseconds.
    pub settled_ms: u64,
    /// Promises that were broken.
    pub violations: Vec<String>,
    /// The number of everything that happened.
    pub trace: u64,
    /// How often the bot went on from a snapshot of itself.
    pub from_snapshots: u64,
}

/// Whether a process goes on as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// It does.
    Unbroken,
    /// After so many turns it is written down, and another that is made from that takes its place.
    FromSnapshots(u64),
}

impl SeedReport {
    /// Faults that struck.
    #[must_use]
    pub fn fault_count(&self) -> u64 {
        self.faults.values().sum()
    }
}

impl Simulation {
    /// Runs one seed.
    ///
    /// # Errors
    /// The simulation itself cannot be set up. A broken promise is no error, nor is a panic: they are in the report.
    pub fn run(
        &self,
        seed: u64,
        (mix, stage): (Mix, Stage),
        printing: Printing,
        continuity: Continuity,
    ) -> Result<SeedReport, String> {
        let name = mix.name().to_owned();
        let run = || Run::new(self, seed, (mix, stage), printing, continuity)?.carry_through();
        // Nothing of the run is used again once it has panicked.
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
            Ok(report) => report,
            Err(cause) => {
                let words = cause.downcast_ref::<String>().map(String::as_str);
                let words = words.or_else(|| cause.downcast_ref::<&str>().copied());
                Ok(SeedReport {
                    seed,
                    stage,
                    mix: name,
                    minutes: 0,
                    orders: 0,
                    fills: 0,
                    processes: 1,
                    kill_switches: 0,
                    faults: BTreeMap::new(),
                    settled_ms: 0,
                    violations: vec![format!("the host panicked: {}", words.unwrap_or("without words"))],
                    trace: 0,
                    from_snapshots: 0,
                })
            }
        }
    }
}

/// How often each fault struck, by its name.
fn by_name(faults: &BTreeMap<Fault, u64>) -> BTreeMap<String, u64> {
    faults
        .iter()
        .map(|(fault, count)| (fault.name().to_owned(), *count))
        .collect()
}
