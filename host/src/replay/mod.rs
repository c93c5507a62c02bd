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
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use colibri_desk::{Both, Desk, DeskAction, DeskInput, Unobserved};
use colibri_driver::HostTime;
use colibri_model::{MonoNs, Record};
use colibri_record::{
    Digest, DigestValue, Entry, Gathered, Mark, Reader, RecordedInput, RecordingError, RunSetup, Snapshot,
};

use crate::exit::{Exit, ExitError};
use crate::record;

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
    /// Inputs before the snapshot that was entered at; none where it began with the run.
    pub entered: u64,
    /// Inputs of the run up to where the replay ended.
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
    /// The moment at whose last snapshot before it the recording is entered; at its begin for `None`.
    pub from: Option<Moment>,
    /// Up to where.
    pub until: Moment,
}

/// Where a recording begins, or is entered: what the run was made from, and what its journal held or how it stood.
struct Beginning {
    setup: RunSetup,
    origin: Origin,
    /// The first entry after it.
    next: Option<Entry>,
}

/// From where a desk goes on.
pub enum Origin {
    /// The begin of its run: what its journal held.
    Begin(Vec<Record>),
    /// A snapshot, and what was gathered ahead of it.
    Snapshot(Box<Snapshot>, Vec<Vec<u8>>),
}

fn beginning<R: std::io::Read>(reader: &mut Reader<R>) -> Result<Beginning, ExitError> {
    let failed = |error: RecordingError| ExitError::new(Exit::Storage, error.to_string());
    let Some(Entry::Setup(setup)) = reader.next_entry().map_err(failed)? else {
        let text = "the recording does not begin with what the run was made from: its first file is missing";
        return Err(ExitError::new(Exit::Storage, text));
    };
    let setup = *setup;
    let mut journaled = Vec::new();
    loop {
        match reader.next_entry().map_err(failed)? {
            Some(Entry::Journaled(records)) => journaled.extend(records),
            Some(entry @ (Entry::Gathered(_) | Entry::Snapshot(_))) => {
                return Ok(Beginning {
                    setup,
                    origin: entered(reader, entry)?,
                    next: reader.next_entry().map_err(failed)?,
                });
            }
            next => {
                let origin = Origin::Begin(journaled);
                return Ok(Beginning { setup, origin, next });
            }
        }
    }
}

/// The snapshot that belongs to the first entry behind a block to enter at. What happened before it is in it.
fn entered<R: std::io::Read>(reader: &mut Reader<R>, first: Entry) -> Result<Origin, ExitError> {
    let mut gathered = Vec::new();
    let mut next = Some(first);
    while let Some(entry) = next {
        match entry {
            Entry::Gathered(piece) => gathered.push(piece.piece),
            Entry::Snapshot(snapshot) => return Ok(Origin::Snapshot(snapshot, gathered)),
            Entry::Setup(_) => gathered.clear(),
            _ => {}
        }
        let read = reader.next_entry();
        next = read.map_err(|error| ExitError::new(Exit::Storage, error.to_string()))?;
    }
    let text = "what is left of the recording ends before its first snapshot: there is nothing to begin with";
    Err(ExitError::new(Exit::Storage, text))
}

fn opened(request: &Request<'_>) -> Result<Reader<BufReader<File>>, ExitError> {
    let failed = |error: RecordingError| ExitError::new(Exit::Storage, error.to_string());
    if let Some(from) = request.from {
        let suits = |at: &Snapshot| !from.is_before(at.time, at.began.mono, at.inputs);
        if let Some(reader) = record::open_at(request.path, suits).map_err(failed)? {
            return Ok(reader);
        }
    }
    record::open(request.path).map_err(failed)
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
    fn of(run: &RunSetup, origin: &Origin, libraries: &LibraryFrom<'_>) -> Result<Replay, ExitError> {
        let (desk, remade) = remake::desk(run, origin, libraries)?;
        let (entered, digest, started) = match origin {
            Origin::Begin(_) => (0, Digest::default(), None),
            Origin::Snapshot(at, _) => (at.inputs, Digest::following(at.digest), Some(at.began.mono)),
        };
        Ok(Replay {
            desk,
            remade,
            digest,
            started,
            outcome: Outcome {
                entered,
                inputs: entered,
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
        let mut reader = opened(request)?;
        let Beginning { setup, origin, next } = beginning(&mut reader)?;
        let mut replay = Replay::of(&setup, &origin, &request.libraries)?;
        follower.begins(&setup);
        let mut next = next;
        let mut last_same = replay.outcome.entered;
        // Another library may do the same and keep its state otherwise.
        let compares = request.libraries.instead.is_empty();
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
                Entry::Gathered(recorded) => {
                    replay.post_waiting(inspector, follower)?;
                    if !replay.gathers(&recorded) && compares {
                        replay.differs(last_same, replay.outcome.inputs);
                        break;
                    }
                }
                Entry::Snapshot(recorded) => {
                    replay.post_waiting(inspector, follower)?;
                    if !replay.stands_as(&recorded) && compares {
                        replay.differs(last_same, recorded.inputs);
                        break;
                    }
                    replay.pass_snapshot();
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
        self.differs(*last_same, mark.inputs);
        false
    }

    fn differs(&mut self, same_until: u64, differs_at: u64) {
        self.outcome.verdict = Verdict::Differs { same_until, differs_at };
    }

    /// Whether the desk gathers ahead of a snapshot what the recorded one did.
    fn gathers(&mut self, recorded: &Gathered) -> bool {
        let mut own = Vec::with_capacity(recorded.piece.len());
        self.desk
            .gather(usize::try_from(recorded.most).unwrap_or(usize::MAX), &mut own);
        own == recorded.piece
    }

    /// Whether the desk holds what the recorded one held, to the last byte of its snapshot.
    fn stands_as(&mut self, recorded: &Snapshot) -> bool {
        let mut own = Vec::with_capacity(recorded.desk.len());
        self.desk.snapshot(&mut own).is_ok() && own == recorded.desk
    }

    /// The digest begins anew behind a snapshot.
    fn pass_snapshot(&mut self) {
        self.digest = Digest::following(self.digest.value());
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
    let opened = record::open(path);
    let mut reader = opened.map_err(|e| ExitError::new(Exit::Storage, e.to_string()))?;
    let Beginning { setup, origin, next } = beginning(&mut reader)?;
    let mut summary = Summary {
        setup,
        snapshots: origin_places(&origin),
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
        if let Entry::Snapshot(at) = entry {
            summary.snapshots.push(SnapshotPlace::of(&at));
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

fn origin_places(origin: &Origin) -> Vec<SnapshotPlace> {
    match origin {
        Origin::Begin(_) => Vec::new(),
        Origin::Snapshot(at, _) => vec![SnapshotPlace::of(at)],
    }
}

/// A place to enter a recording at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotPlace {
    /// Milliseconds after the run's first input.
    pub after: u64,
    /// Inputs before it.
    pub inputs: u64,
    /// Bytes of the state that is written down there.
    pub bytes: usize,
}

impl SnapshotPlace {
    fn of(at: &Snapshot) -> SnapshotPlace {
        SnapshotPlace {
            after: at.time.mono.since(at.began.mono).0,
            inputs: at.inputs,
            bytes: at.desk.len(),
        }
    }
}

/// What a recording holds.
#[derive(Debug)]
pub struct Summary {
    /// What the run was made from.
    pub setup: RunSetup,
    /// Where it can be entered.
    pub snapshots: Vec<SnapshotPlace>,
    /// The time of the first input.
    pub first: Option<HostTime>,
    /// The time of the last input.
    pub last: Option<HostTime>,
    /// Inputs by kind.
    pub inputs: BTreeMap<&'static str, u64>,
    /// Why it does not end in order, where it does not.
    pub torn: Option<String>,
}
