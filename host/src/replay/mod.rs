//! Replaying a recorded run: the same desk, made again from what was recorded, given the same inputs.
//!
//! What lives here: making the desk, feeding it, comparing what it does with what was recorded, and showing it. What must not
//! live here: a socket, a key, a clock of its own. Nothing that a replayed desk wants is done.

mod follower;
mod inspect;
mod journal;
mod moment;
mod remake;
mod steps;

use std::collections::BTreeMap;
use std::path::Path;

use colibri_desk::{Both, Desk, DeskAction, DeskInput, Unobserved};
use colibri_driver::HostTime;
use colibri_model::{MonoNs, Record};
use colibri_record::{Digest, DigestValue, Entry, Mark, Reader, RecordedInput, RecordingError, RunSetup};

use crate::exit::{Exit, ExitError};

pub use follower::Follower;
pub use inspect::{Inspector, Picture};
pub use moment::{Moment, NoMoment};
pub use remake::LibraryFrom;
pub use steps::Steps;

use journal::ReplayJournal;
use remake::Remade;

/// How a replay went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Inputs that were posted.
    pub inputs: u64,
    /// Marks that were compared.
    pub marks: u64,
    /// How long the recorded run lasted up to there, milliseconds.
    pub millis: u64,
    /// The digest of everything that the desk did.
    pub digest: DigestValue,
    /// Whether it did what was recorded.
    pub verdict: Verdict,
    /// Why the recording ends where it does, where it does not end in order.
    pub torn: Option<String>,
}

/// Whether a replay did what was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// At every mark.
    Same,
    /// Not between these two inputs.
    Differs {
        /// The last input up to which it did.
        same_until: u64,
        /// The mark at which it had not.
        differs_at: u64,
    },
}

/// What a replay reads and shows.
pub struct Request<'a> {
    /// The recording.
    pub path: &'a Path,
    /// Where its libraries are.
    pub libraries: LibraryFrom<'a>,
    /// Up to where.
    pub until: Moment,
}

/// The beginning of a recording: what the run was made from, and what its journal held.
struct Beginning {
    setup: RunSetup,
    journaled: Vec<Record>,
    /// The first entry after it.
    next: Option<Entry>,
}

fn beginning<R: std::io::Read>(reader: &mut Reader<R>) -> Result<Beginning, ExitError> {
    let failed = |error: RecordingError| ExitError::new(Exit::Storage, error.to_string());
    let Some(Entry::Setup(setup)) = reader.next_entry().map_err(failed)? else {
        let text = "the recording does not begin with what the run was made from: its first file is missing";
        return Err(ExitError::new(Exit::Storage, text));
    };
    let mut journaled = Vec::new();
    loop {
        match reader.next_entry().map_err(failed)? {
            Some(Entry::Journaled(records)) => journaled.extend(records),
            next => {
                let setup = *setup;
                return Ok(Beginning { setup, journaled, next });
            }
        }
    }
}

/// An input that waits for what the journal refused during it, which stands after it.
struct Waiting {
    time: HostTime,
    input: RecordedInput,
}

/// A replay on its way.
pub struct Replay {
    desk: Desk<ReplayJournal>,
    remade: Remade,
    digest: Digest,
    started: Option<MonoNs>,
    outcome: Outcome,
    waiting: Option<Waiting>,
}

impl Replay {
    fn of(run: &RunSetup, journaled: &[Record], libraries: &LibraryFrom<'_>) -> Result<Replay, ExitError> {
        let (desk, remade) = remake::desk(run, journaled, libraries)?;
        Ok(Replay {
            desk,
            remade,
            digest: Digest::default(),
            started: None,
            outcome: Outcome {
                inputs: 0,
                marks: 0,
                millis: 0,
                digest: DigestValue::default(),
                verdict: Verdict::Same,
                torn: None,
            },
            waiting: None,
        })
    }

    /// Replays a recording, and shows it to `inspector`.
    ///
    /// # Errors
    /// It cannot be read, or the desk cannot be made again: another library, another host.
    pub fn run(request: &Request<'_>, inspector: &mut Inspector) -> Result<Outcome, ExitError> {
        Replay::follow(request, inspector, &mut Unobserved)
    }

    /// As [`Replay::run`], with somebody who follows it.
    ///
    /// # Errors
    /// Those of [`Replay::run`], and the follower's own.
    pub fn follow<F: Follower + ?Sized>(
        request: &Request<'_>,
        inspector: &mut Inspector,
        follower: &mut F,
    ) -> Result<Outcome, ExitError> {
        let opened = crate::record::open(request.path);
        let mut reader = opened.map_err(|e| ExitError::new(Exit::Storage, e.to_string()))?;
        let Beginning { setup, journaled, next } = beginning(&mut reader)?;
        let mut replay = Replay::of(&setup, &journaled, &request.libraries)?;
        follower.begins(&setup);
        let mut next = next;
        let mut last_same = 0;
        while let Some(entry) = next.take() {
            match entry {
                Entry::Input { time, input } => {
                    replay.post_waiting(inspector, follower)?;
                    let started = *replay.started.get_or_insert(time.mono);
                    if request.until.is_before(time, started, replay.outcome.inputs + 1) {
                        break;
                    }
                    let input = *input;
                    replay.waiting = Some(Waiting { time, input });
                }
                Entry::JournalRefused { append, why } => replay.desk.engine_mut().journal_mut().refuse(append, why),
                Entry::Mark(mark) => {
                    replay.post_waiting(inspector, follower)?;
                    if !replay.compare(mark, &mut last_same) {
                        break;
                    }
                    follower.same()?;
                }
                Entry::Setup(_) | Entry::Journaled(_) | Entry::Status(_) => {}
            }
            next = match reader.next_entry() {
                Ok(next) => next,
                Err(error) => {
                    replay.outcome.torn = Some(error.to_string());
                    None
                }
            };
        }
        replay.post_waiting(inspector, follower)?;
        inspector.end(&replay.desk);
        replay.outcome.digest = replay.digest.value();
        Ok(replay.outcome)
    }

    /// The mark that this run would leave here.
    fn mark(&mut self) -> Mark {
        self.digest.state(&self.desk.engine().view());
        Mark {
            inputs: self.outcome.inputs,
            digest: self.digest.value(),
        }
    }

    fn compare(&mut self, mark: Mark, last_same: &mut u64) -> bool {
        self.outcome.marks += 1;
        if mark == self.mark() {
            *last_same = mark.inputs;
            return true;
        }
        self.outcome.verdict = Verdict::Differs {
            same_until: *last_same,
            differs_at: mark.inputs,
        };
        false
    }

    fn post_waiting<F: Follower + ?Sized>(
        &mut self,
        inspector: &mut Inspector,
        follower: &mut F,
    ) -> Result<(), ExitError> {
        let Some(Waiting { time, input }) = self.waiting.take() else {
            return Ok(());
        };
        self.outcome.inputs += 1;
        if let Some(started) = self.started {
            self.outcome.millis = time.mono.since(started).0;
        }
        inspector.begin(time, self.outcome.inputs, &input, &self.desk);
        follower.input(self.outcome.inputs, time)?;
        self.refuse_strange_venues(&input)?;
        let mut onlooker = inspector.beside(&mut self.digest);
        let input = match &input {
            RecordedInput::Made { venue, failure } => DeskInput::Made {
                venue: *venue,
                connector: match failure {
                    Some(why) => Err(why.clone()),
                    None => Ok(self.remade.connector(venue.0)?),
                },
            },
            other => other
                .as_input()
                .expect("all but the one above are inputs of a desk as they are"),
        };
        self.desk.post(time, input, &mut Both(&mut onlooker, follower));
        // What it wants was done, or not done, when it was recorded: the inputs tell.
        let _: Vec<DeskAction> = self.desk.take_actions().collect();
        Ok(())
    }

    /// A desk takes it that its inputs are for venues that it has.
    fn refuse_strange_venues(&self, input: &RecordedInput) -> Result<(), ExitError> {
        let venue = match input {
            RecordedInput::Start | RecordedInput::Turn | RecordedInput::Operator(_) => return Ok(()),
            RecordedInput::Made { venue, .. } | RecordedInput::Bulk { venue, .. } => venue.0,
            RecordedInput::Driver { driver, .. } => driver.0,
        };
        if venue < self.desk.venues().len() {
            return Ok(());
        }
        let text = format!("input {} is for a venue that the run did not have", self.outcome.inputs);
        Err(ExitError::new(Exit::Storage, text))
    }
}

/// What the marks of a recording say, for a look at a recording without its libraries.
///
/// # Errors
/// It cannot be read.
pub fn summary(path: &Path) -> Result<Summary, ExitError> {
    let opened = crate::record::open(path);
    let mut reader = opened.map_err(|e| ExitError::new(Exit::Storage, e.to_string()))?;
    let Beginning { setup, next, .. } = beginning(&mut reader)?;
    let mut summary = Summary {
        setup,
        first: None,
        last: None,
        inputs: BTreeMap::new(),
        torn: None,
    };
    let mut next = next;
    while let Some(entry) = next.take() {
        if let Entry::Input { time, input } = &entry {
            summary.first.get_or_insert(*time);
            summary.last = Some(*time);
            *summary.inputs.entry(inspect::kind_of(input)).or_default() += 1;
        }
        next = match reader.next_entry() {
            Ok(next) => next,
            Err(error) => {
                summary.torn = Some(error.to_string());
                None
            }
        };
    }
    Ok(summary)
}

/// What a recording holds.
#[derive(Debug)]
pub struct Summary {
    /// What the run was made from.
    pub setup: RunSetup,
    /// The time of the first input.
    pub first: Option<HostTime>,
    /// The time of the last input.
    pub last: Option<HostTime>,
    /// Inputs by kind.
    pub inputs: BTreeMap<&'static str, u64>,
    /// Why it does not end in order, where it does not.
    pub torn: Option<String>,
}
