//! A replay that is given its entries by somebody else, who asks it what a mark would say.

use colibri_desk::Unobserved;
use colibri_record::{Digest, DigestValue, Entry, Mark, RunSetup};

use super::{Inspector, LibraryFrom, Origin, Replay, Waiting};
use crate::exit::ExitError;

/// A replay, a step at a time.
pub struct Steps {
    replay: Replay,
    /// It keeps nothing: nobody asked.
    inspector: Inspector,
}

impl Steps {
    /// Makes the desk of a recorded run.
    ///
    /// # Errors
    /// A library that is not here, or a bot's file that this host does not understand.
    pub fn begin(run: &RunSetup, origin: &Origin, libraries: &LibraryFrom<'_>) -> Result<Steps, ExitError> {
        Ok(Steps {
            replay: Replay::of(run, origin, libraries)?,
            inspector: Inspector::keeping(0),
        })
    }

    /// Takes the next entry. At a mark, tells what this run's own mark is; at a snapshot, what the one before it was.
    ///
    /// # Errors
    /// An input for a venue that the run did not have, or a connector that cannot be made.
    pub fn take(&mut self, entry: Entry) -> Result<Option<Mark>, ExitError> {
        match entry {
            Entry::Input { time, input } => {
                self.post_waiting()?;
                self.replay.started.get_or_insert(time.mono);
                self.replay.waiting = Some(Waiting { time, input: *input });
            }
            Entry::JournalRefused { append, why } => {
                self.replay.desk.engine_mut().journal_mut().refuse(append, why);
            }
            Entry::Mark(_) => {
                self.post_waiting()?;
                return Ok(Some(self.replay.mark()));
            }
            Entry::Snapshot(at) => {
                self.post_waiting()?;
                let digest = self.replay.digest.value();
                self.replay.pass_snapshot();
                let inputs = at.inputs;
                return Ok(Some(Mark { inputs, digest }));
            }
            Entry::Setup(_) | Entry::Journaled(_) | Entry::Status(_) | Entry::Gathered(_) => {}
        }
        Ok(None)
    }

    fn post_waiting(&mut self) -> Result<(), ExitError> {
        self.replay.post_waiting(&mut self.inspector, &mut Unobserved)
    }

    /// How the desk stands, without how it came there.
    #[must_use]
    pub fn stands(&self) -> DigestValue {
        let mut digest = Digest::default();
        digest.state(&self.replay.desk.engine().view());
        digest.value()
    }
}
