//! A desk's whole state, written down between two turns and gone on from: what a replay of a recorded run enters at.

use colibri_driver::{DriverSnapshot, RestoredDriver};
use colibri_engine::{EngineSnapshot, Progress, RestoredEngine};
use colibri_model::{NoSnapshot, SnapshotUnusable};
use serde::{Deserialize, Serialize};

use crate::restart::Restart;
use crate::{Desk, DeskVenue};

/// The version of what a snapshot holds. A snapshot of another is refused: raise it with every change of a state that is
/// written.
pub const SNAPSHOT_VERSION: u32 = 3;

/// A snapshot as it is written: it borrows what it tells.
#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    engine: EngineSnapshot<'a>,
    venues: Vec<WrittenVenue<'a>>,
}

#[derive(Serialize)]
struct WrittenVenue<'a> {
    driver: DriverSnapshot<'a>,
    restart: Restart,
}

/// A snapshot as it is read.
#[derive(Deserialize)]
pub struct RestoredDesk {
    /// For [`Engine::restore`](colibri_engine::Engine::restore).
    pub engine: RestoredEngine,
    /// The venues, in the engine's order.
    pub venues: Vec<RestoredVenue>,
}

/// A venue of a snapshot.
#[derive(Deserialize)]
pub struct RestoredVenue {
    driver: RestoredDriver,
    restart: Restart,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl RestoredDesk {
    /// Reads what [`Desk::snapshot`] wrote, and every piece that [`Desk::gather`] wrote ahead of it.
    ///
    /// # Errors
    /// It is of another version, or damaged.
    pub fn read(json: &[u8], gathered: &[impl AsRef<[u8]>]) -> Result<RestoredDesk, SnapshotUnusable> {
        let Version { version } = serde_json::from_slice(json).map_err(SnapshotUnusable::new)?;
        if version != SNAPSHOT_VERSION {
            return Err(SnapshotUnusable::new(format!(
                "it is of version {version}, and this program reads version {SNAPSHOT_VERSION}; replay the recording from its \
                 begin, or with the host that recorded it"
            )));
        }
        let mut desk: RestoredDesk = serde_json::from_slice(json).map_err(SnapshotUnusable::new)?;
        desk.engine.add_gathered(gathered)?;
        Ok(desk)
    }
}

impl RestoredVenue {
    /// Takes it apart: what [`Driver::restored`](colibri_driver::Driver::restored) goes on from, and what
    /// [`DeskVenue::restarted`] does.
    #[must_use]
    pub fn into_parts(self) -> (RestoredDriver, RestartHistory) {
        (self.driver, RestartHistory(self.restart))
    }
}

/// How often, and when, a connector was made anew.
#[derive(Debug, Clone, Copy)]
pub struct RestartHistory(Restart);

impl DeskVenue {
    /// The venue goes on counting the restarts of its connector.
    #[must_use]
    pub const fn restarted(mut self, history: RestartHistory) -> DeskVenue {
        self.restart = history.0;
        self
    }
}

impl Desk {
    /// See [`Engine::gather`](colibri_engine::Engine::gather).
    pub fn gather(&mut self, most: usize, out: &mut Vec<u8>) -> Progress {
        self.engine.gather(most, out)
    }

    /// Writes everything that the desk's next actions depend on beside what it was made from, as JSON at the end of `out`. To be
    /// had after a turn whose actions were taken and were not answered yet.
    ///
    /// # Errors
    /// Not at this moment, or never; `out` is as it was.
    pub fn snapshot(&mut self, out: &mut Vec<u8>) -> Result<(), NoSnapshot> {
        if self.unfinished.is_some() || !self.actions.is_empty() {
            return Err(NoSnapshot::NotNow("the turn is not over"));
        }
        let venues: Result<Vec<_>, NoSnapshot> = self
            .venues
            .iter_mut()
            .map(|venue| {
                Ok(WrittenVenue {
                    restart: venue.restart,
                    driver: venue.driver.state_snapshot()?,
                })
            })
            .collect();
        let written = Written {
            version: SNAPSHOT_VERSION,
            engine: self.engine.snapshot()?,
            venues: venues?,
        };
        let before = out.len();
        serde_json::to_writer(&mut *out, &written).map_err(|error| {
            out.truncate(before);
            NoSnapshot::Never(error.to_string())
        })?;
        self.engine.end_gathering();
        Ok(())
    }
}
