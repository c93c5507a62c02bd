//! A recording written again, elsewhere: as it is, or without what is nobody else's business.

use std::path::Path;
use std::{fs, io};

use colibri_model::Record;
use colibri_record::{Entry, EntryWriter, RecordedInput, RunSetup, Snapshot};

use super::find;
use super::stand_in::StandIns;
use crate::exit::{Exit, ExitError};
use crate::record::{self, RecordingFiles};
use crate::replay::{Inspector, LibraryFrom, Moment, Origin, Replay, Request, Steps, Verdict};

/// What is exported, where to, and how.
pub struct ExportRequest<'a> {
    /// The recording.
    pub recording: &'a Path,
    /// The folder that is made for it.
    pub out: &'a Path,
    /// Whether something is left out.
    pub redaction: Redaction,
    /// Where the libraries for replaying it are.
    pub libraries: LibraryFrom<'a>,
}

/// Whether an export leaves something out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redaction {
    /// It is as it was recorded.
    Whole,
    /// Keys, tokens and identities have stand-ins.
    Redacted,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Inputs.
    pub inputs: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Texts that have stand-ins.
    pub replaced: usize,
    /// What a replay of it is compared with.
    pub marks: Marks,
    /// Why it does not end in order, where it does not.
    pub torn: Option<String>,
}

/// The marks of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marks {
    /// It was replayed after it was written, and was the same at all of so many marks.
    Same(u64),
    /// They are those that were recorded; why a replay does not agree, or could not be made.
    AsRecorded(String),
    /// It has none, or none from some input on, and why: those that were recorded are of a run with other texts.
    LeftOut(String),
}

/// Writes a recording again.
///
/// # Errors
/// It cannot be read, OUT exists or cannot be written, or the redacted run would not have acted as the recorded one did: then
/// nothing is left at OUT.
pub fn export(request: &ExportRequest<'_>) -> Result<Exported, ExitError> {
    if request.out.exists() {
        let text = format!("{} exists: name a folder that is to be made", request.out.display());
        return Err(ExitError::new(Exit::Usage, text));
    }
    let exported = write(request).and_then(|exported| prove(request, exported));
    if exported.is_err() && request.out.exists() {
        // What is said is why it failed, not that half of it is still there.
        let _ = fs::remove_dir_all(request.out);
    }
    exported
}

fn write(request: &ExportRequest<'_>) -> Result<Exported, ExitError> {
    let mut stand_ins = StandIns::default();
    if request.redaction == Redaction::Redacted {
        read(request.recording, |entry| {
            find::find(&entry, &mut stand_ins);
            Ok(())
        })?;
    }
    let mut out = Out::begin(request.out).map_err(|e| cannot_write(request.out, &e))?;
    let mut marks = match request.redaction {
        Redaction::Whole => NewMarks::Kept,
        Redaction::Redacted => NewMarks::Before(Box::default()),
    };
    let mut inputs = 0;
    let torn = read(request.recording, |entry| {
        inputs += u64::from(matches!(entry, Entry::Input { .. }));
        let redacted = match request.redaction {
            Redaction::Whole => entry.clone(),
            Redaction::Redacted => redact(&entry, &stand_ins)?,
        };
        let Some(entry) = marks.of(entry, redacted, &request.libraries)? else {
            return Ok(());
        };
        out.put(&entry).map_err(|e| cannot_write(request.out, &e))
    })?;
    let bytes = out.end().map_err(|e| cannot_write(request.out, &e))?;
    Ok(Exported {
        inputs,
        bytes,
        replaced: stand_ins.len(),
        marks: match marks {
            NewMarks::LeftOut(why) => Marks::LeftOut(why),
            NewMarks::Kept | NewMarks::Before(_) | NewMarks::Made(_) => Marks::Same(0),
        },
        torn,
    })
}

/// Replays what was written.
fn prove(request: &ExportRequest<'_>, mut exported: Exported) -> Result<Exported, ExitError> {
    if exported.marks != Marks::Same(0) {
        return Ok(exported);
    }
    let replay = Request {
        path: request.out,
        libraries: request.libraries.clone(),
        from: None,
        until: Moment::End,
    };
    let why = match Replay::run(&replay, &mut Inspector::keeping(0)) {
        Ok(outcome) if outcome.verdict == Verdict::Same => {
            exported.marks = Marks::Same(outcome.marks);
            return Ok(exported);
        }
        Ok(_) => "a replay of it is not the same".to_owned(),
        Err(error) => format!("it could not be replayed: {error}"),
    };
    if request.redaction == Redaction::Redacted {
        let text = format!("the redacted recording would be of no use: {why}");
        return Err(ExitError::new(Exit::Failed, text));
    }
    exported.marks = Marks::AsRecorded(why);
    Ok(exported)
}

/// Every entry, as far as the recording is whole; why it is not.
fn read(recording: &Path, mut take: impl FnMut(Entry) -> Result<(), ExitError>) -> Result<Option<String>, ExitError> {
    let opened = record::open(recording);
    let mut reader = opened.map_err(|e| ExitError::new(Exit::Storage, e.to_string()))?;
    loop {
        match reader.next_entry() {
            Ok(Some(entry)) => take(entry)?,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error.to_string())),
        }
    }
}

fn cannot_write(out: &Path, error: &io::Error) -> ExitError {
    let text = format!("{} cannot be written: {error}", out.display());
    ExitError::new(Exit::Storage, text)
}

/// Stand-ins are as long as what they stand for, so that they are put into an entry's bytes.
fn redact(entry: &Entry, stand_ins: &StandIns) -> Result<Entry, ExitError> {
    let mut bytes = match entry {
        Entry::Setup(setup) => Entry::Setup(Box::new(redact_setup(setup, stand_ins))).to_bytes(),
        other => other.to_bytes(),
    };
    stand_ins.replace(&mut bytes);
    if let Entry::Input { input, .. } = entry
        && matches!(**input, RecordedInput::Driver { .. } | RecordedInput::Bulk { .. })
    {
        stand_ins.replace_short_members(&mut bytes);
    }
    Entry::from_bytes(&bytes).map_err(|error| {
        let text = format!("a redacted entry cannot be read, which is a fault of this program: {error}");
        ExitError::new(Exit::Failed, text)
    })
}

/// A short credential is replaced only where it stands as one.
fn redact_setup(setup: &RunSetup, stand_ins: &StandIns) -> RunSetup {
    let mut setup = setup.clone();
    for value in setup.venues.iter_mut().flat_map(|v| v.public_credentials.values_mut()) {
        if let Some(drawn) = stand_ins.of(value.as_bytes()) {
            *value = String::from_utf8_lossy(drawn).into_owned();
        }
    }
    setup
}

/// What stands before the first input.
#[derive(Default)]
struct Beginnings {
    whole: Beginning,
    redacted: Beginning,
}

#[derive(Default)]
struct Beginning {
    setup: Option<RunSetup>,
    journaled: Vec<Record>,
    gathered: Vec<Vec<u8>>,
    snapshot: Option<Box<Snapshot>>,
}

impl Beginning {
    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Setup(setup) => self.setup = Some(*setup),
            Entry::Journaled(records) => self.journaled.extend(records),
            Entry::Gathered(piece) => self.gathered.push(piece.piece),
            Entry::Snapshot(snapshot) => self.snapshot = Some(snapshot),
            _ => {}
        }
    }

    /// Whether an entry belongs to the beginning, or comes before the snapshot that ends it.
    fn comes_before_its_end(&self, entry: &Entry) -> bool {
        let is_gathering = !self.gathered.is_empty() && self.snapshot.is_none();
        is_gathering
            || matches!(
                entry,
                Entry::Setup(_) | Entry::Journaled(_) | Entry::Gathered(_) | Entry::Snapshot(_)
            )
    }

    fn begin(&self, libraries: &LibraryFrom<'_>) -> Result<Steps, ExitError> {
        let setup = self.setup.as_ref().ok_or_else(|| {
            let text = "the recording does not begin with what the run was made from: its first file is missing";
            ExitError::new(Exit::Storage, text)
        })?;
        let origin = match &self.snapshot {
            Some(snapshot) => Origin::Snapshot(snapshot.clone(), self.gathered.clone()),
            None => Origin::Begin(self.journaled.clone()),
        };
        Steps::begin(setup, &origin, libraries)
    }
}

/// Where the marks of an export come from: other texts have another digest.
enum NewMarks {
    /// They are those that were recorded.
    Kept,
    /// Nothing was replayed yet.
    Before(Box<Beginnings>),
    /// The recorded run and the redacted one are replayed side by side.
    Made(Box<SideBySide>),
    /// There are none from here on.
    LeftOut(String),
}

/// The recorded run and the redacted one.
struct SideBySide {
    whole: Steps,
    redacted: Steps,
}

impl NewMarks {
    /// The entry that is written for an entry, which was redacted to `redacted`.
    fn of(&mut self, entry: Entry, redacted: Entry, libraries: &LibraryFrom<'_>) -> Result<Option<Entry>, ExitError> {
        if let NewMarks::Before(before) = self {
            if before.whole.comes_before_its_end(&entry) {
                before.whole.take(entry);
                before.redacted.take(redacted.clone());
                return Ok(Some(redacted));
            }
            *self = match (before.whole.begin(libraries), before.redacted.begin(libraries)) {
                (Ok(whole), Ok(redacted)) => NewMarks::Made(Box::new(SideBySide { whole, redacted })),
                (Err(why), _) | (_, Err(why)) => NewMarks::LeftOut(why.to_string()),
            };
        }
        let is_mark = matches!(entry, Entry::Mark(_));
        match self {
            NewMarks::Kept | NewMarks::Before(_) => Ok(Some(redacted)),
            NewMarks::LeftOut(_) => Ok((!is_mark).then_some(redacted)),
            NewMarks::Made(both) => match both.take(entry, redacted)? {
                Step::Entry(entry) => Ok(Some(entry)),
                Step::NoMoreMarks(why) => {
                    *self = NewMarks::LeftOut(why);
                    Ok(None)
                }
            },
        }
    }
}

enum Step {
    Entry(Entry),
    NoMoreMarks(String),
}

impl SideBySide {
    fn take(&mut self, entry: Entry, redacted: Entry) -> Result<Step, ExitError> {
        let recorded = match entry {
            Entry::Mark(recorded) => recorded,
            Entry::Snapshot(_) => return self.pass_snapshot(entry, redacted),
            entry => {
                self.whole.take(entry)?;
                self.redacted.take(redacted.clone())?;
                return Ok(Step::Entry(redacted));
            }
        };
        let whole = self.whole.take(Entry::Mark(recorded))?;
        let own = self.redacted.take(redacted)?;
        if whole != Some(recorded) {
            let text = format!(
                "the recording itself does not replay the same before input {}",
                recorded.inputs
            );
            return Ok(Step::NoMoreMarks(text));
        }
        if self.whole.stands() != self.redacted.stands() {
            let text = format!(
                "the redacted run acts otherwise than the recorded one before input {}",
                recorded.inputs
            );
            return Err(ExitError::new(Exit::Failed, text));
        }
        Ok(own.map_or_else(
            || Step::NoMoreMarks("a mark was not made".to_owned()),
            |mark| Step::Entry(Entry::Mark(mark)),
        ))
    }
}

impl SideBySide {
    /// The mark before it was compared; what the redacted run's own mark was stands with its snapshot.
    fn pass_snapshot(&mut self, entry: Entry, redacted: Entry) -> Result<Step, ExitError> {
        self.whole.take(entry)?;
        let own = self.redacted.take(redacted.clone())?;
        let (Entry::Snapshot(mut snapshot), Some(own)) = (redacted, own) else {
            return Ok(Step::NoMoreMarks("a snapshot was not passed".to_owned()));
        };
        snapshot.digest = own.digest;
        Ok(Step::Entry(Entry::Snapshot(snapshot)))
    }
}

/// The recording that is written.
struct Out {
    entries: EntryWriter,
    files: RecordingFiles,
    bytes: u64,
}

impl Out {
    fn begin(folder: &Path) -> io::Result<Out> {
        record::private_folder(folder)?;
        Ok(Out {
            entries: EntryWriter::default(),
            files: RecordingFiles::begin(folder)?,
            bytes: 0,
        })
    }

    fn put(&mut self, entry: &Entry) -> io::Result<()> {
        self.entries.put(entry);
        self.entries.close_if_full();
        self.write_blocks()
    }

    fn end(mut self) -> io::Result<u64> {
        self.entries.close();
        self.write_blocks()?;
        Ok(self.bytes)
    }

    fn write_blocks(&mut self) -> io::Result<()> {
        while let Some(block) = self.entries.next_block() {
            self.bytes += self.files.write(&block)?;
            self.entries.give_back(block.entries);
        }
        Ok(())
    }
}
