//! Recording a run: what is kept ([`colibri_record`]), written by a thread of its own.
//!
//! What lives here: the folder of recordings, the thread that writes blocks, what is kept for how long. What must not live
//! here: reading a recording back into a desk (`replay`).

mod files;
mod folder;
mod made_from;
mod settings;
mod snapshots;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use colibri_desk::{Desk, DeskInput};
use colibri_driver::HostTime;
use colibri_model::{Journal, MonoNs, Record, WallNs};
use colibri_record::{Block, Digest, Recorder, RecordingJournal, RunSetup};

pub use files::RecordingFiles;
pub use folder::{Kept, RECORDINGS, files, list, open, open_at, private_folder};
pub use made_from::run_setup;
pub use settings::{RecordSettings, When};
pub use snapshots::SnapshotsTaken;

use files::FILE_BYTES;
use snapshots::SnapshotSchedule;

/// Blocks that wait for the disk. A disk that is this far behind ends the recording, not the trading.
const WAITING: usize = 256;

/// Ended orders, and fills, that are gathered at once.
const PIECE: usize = 64;
/// After a turn no more is gathered than this takes, and one piece.
const GATHERING: Duration = Duration::from_micros(300);

/// A run that is being recorded.
pub struct Recording {
    recorder: Recorder,
    folder: PathBuf,
    blocks: Option<SyncSender<Block>>,
    rooms: Receiver<Used>,
    faults: Receiver<io::Error>,
    thread: Option<JoinHandle<()>>,
    /// Why it has ended before the run.
    ended: Option<String>,
    snapshots: SnapshotSchedule,
    /// Whether the file that is written to is full.
    file: FileRoom,
}

/// Room of a block that was written, and how many bytes the file has now.
struct Used {
    room: Vec<u8>,
    in_file: u64,
}

/// Whether a recording's file takes more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileRoom {
    Left,
    Full,
}

impl Recording {
    /// Begins a recording in a bot's folder; recordings that are too old or too many go first.
    ///
    /// # Errors
    /// The system refuses.
    pub fn start(
        bot_folder: &Path,
        began: WallNs,
        settings: &RecordSettings,
        setup: &RunSetup,
        journaled: &[Record],
    ) -> io::Result<Recording> {
        let age = Duration::from_secs(settings.most_seconds());
        folder::retire(bot_folder, SystemTime::now(), age, settings.most_bytes() / 2)?;
        let kept: u64 = list(bot_folder)?.iter().map(|kept| kept.bytes).sum();
        let folder = folder::make(bot_folder, began)?;
        let files = RecordingFiles::begin(&folder)?;
        let (blocks, incoming) = sync_channel(WAITING);
        let (used, rooms) = channel();
        let (broken, faults) = channel();
        let mut writer = Writer {
            files,
            left: settings.most_bytes().saturating_sub(kept),
            age,
            used,
        };
        let thread = std::thread::Builder::new()
            .name("recording".to_owned())
            .spawn(move || {
                while let Ok(block) = incoming.recv() {
                    if let Err(error) = writer.write(block) {
                        // Whoever started it reads this, or has ended.
                        let _ = broken.send(error);
                        return;
                    }
                }
            })?;
        Ok(Recording {
            recorder: Recorder::new(setup, journaled),
            folder,
            blocks: Some(blocks),
            rooms,
            faults,
            thread: Some(thread),
            ended: None,
            snapshots: SnapshotSchedule::new(settings.snapshot_every()),
            file: FileRoom::Left,
        })
    }

    /// Where it is kept.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps an input that is about to be posted.
    pub fn keep(&mut self, time: HostTime, input: &DeskInput<'_>) {
        if self.blocks.is_some() {
            self.recorder.keep(time, input);
        }
    }

    /// What looks on while it is posted.
    pub const fn digest(&mut self) -> &mut Digest {
        self.recorder.digest()
    }

    /// The input has been posted. Hands full blocks over; says why where the recording has to end here. `state` as in
    /// [`Recorder::posted`].
    pub fn posted(
        &mut self,
        now: MonoNs,
        refused: impl IntoIterator<Item = (u64, String)>,
        state: impl FnOnce(&mut Digest),
    ) -> Option<String> {
        self.blocks.as_ref()?;
        self.recorder.posted(now, refused, state);
        while let Ok(Used { room, in_file }) = self.rooms.try_recv() {
            self.recorder.give_back(room);
            let file = if in_file < FILE_BYTES {
                FileRoom::Left
            } else {
                FileRoom::Full
            };
            if file == FileRoom::Full && self.file == FileRoom::Left {
                self.snapshots.hasten(now);
            }
            self.file = file;
        }
        self.hand_over()
    }

    /// Whether a snapshot is due: to be had after the next turn, when everything is carried out.
    pub fn wants_snapshot(&mut self, now: MonoNs) -> bool {
        self.blocks.is_some() && self.snapshots.is_due(now)
    }

    /// Writes the whole state down, between two inputs: first what hardly changes, a little at a time ([`Recorder::gather`]), so
    /// that this may have to be called after several turns; then the rest ([`Recorder::snapshot`]). A line for the log, where there
    /// is something to tell; the run goes on whatever it is.
    pub fn snapshot<J: Journal>(&mut self, now: MonoNs, desk: &mut Desk<RecordingJournal<J>>) -> Option<String> {
        let since = Instant::now();
        while !self.snapshots.is_gathered() {
            let progress = self.recorder.gather(desk, PIECE);
            self.snapshots.gathered(progress, since.elapsed());
            if since.elapsed() >= GATHERING {
                return self.hand_over().map(|ends| ended(&ends));
            }
        }
        let since = Instant::now();
        match self.recorder.snapshot(desk) {
            Ok(bytes) => {
                self.snapshots.took(now, bytes, since.elapsed());
                self.hand_over().map(|ends| ended(&ends))
            }
            Err(why) => self.snapshots.could_not(now, &why),
        }
    }

    /// The snapshots that were taken.
    #[must_use]
    pub const fn snapshots(&self) -> SnapshotsTaken {
        self.snapshots.taken()
    }

    /// Hands full blocks over; says why where the recording has to end here.
    fn hand_over(&mut self) -> Option<String> {
        let sender = self.blocks.as_ref()?;
        while let Some(block) = self.recorder.next_block() {
            let why = match sender.try_send(block) {
                Ok(()) => continue,
                Err(TrySendError::Full(_)) => "the disk is too slow for it".to_owned(),
                Err(TrySendError::Disconnected(_)) => self.fault(),
            };
            self.blocks = None;
            self.ended = Some(why.clone());
            return Some(why);
        }
        None
    }

    fn fault(&self) -> String {
        self.faults
            .try_recv()
            .map_or_else(|_| "its thread has ended".to_owned(), |error| error.to_string())
    }

    /// How things stand, for people.
    pub fn status(&mut self, json: &str) {
        if self.blocks.is_some() {
            self.recorder.status(json);
        }
    }

    /// The run is over: what is left is written. `state` as in [`Recorder::posted`].
    ///
    /// # Errors
    /// Why the recording is not whole.
    pub fn finish(mut self, state: impl FnOnce(&mut Digest)) -> Result<PathBuf, String> {
        if let Some(why) = self.ended.take() {
            return Err(why);
        }
        self.recorder.finish(state);
        if let Some(sender) = self.blocks.take() {
            while let Some(block) = self.recorder.next_block() {
                if sender.send(block).is_err() {
                    return Err(self.fault());
                }
            }
        }
        // The channel is closed now: the thread ends when all is written.
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            return Err("its thread has panicked".to_owned());
        }
        match self.faults.try_recv() {
            Ok(error) => Err(error.to_string()),
            Err(_) => Ok(self.folder.clone()),
        }
    }
}

fn ended(why: &str) -> String {
    format!("the recording ends here ({why}); the bot goes on")
}

/// The other side of the channel.
struct Writer {
    files: RecordingFiles,
    /// Bytes that may still be written.
    left: u64,
    /// How old a file may become.
    age: Duration,
    used: Sender<Used>,
}

impl Writer {
    fn write(&mut self, block: Block) -> io::Result<()> {
        let written = self.files.write(&block)?;
        while self.files.is_oldest_older(self.age)
            && let Some(bytes) = self.files.drop_oldest()?
        {
            self.left += bytes;
        }
        while self.left < written {
            let used_up = || io::Error::other("keep_gb of [record] is used up");
            self.left += self.files.drop_oldest()?.ok_or_else(used_up)?;
        }
        self.left -= written;
        let in_file = self.files.in_file();
        // Nobody takes the room back once the run is over.
        let _ = self.used.send(Used {
            room: block.entries,
            in_file,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use colibri_record::{Entry, RecordedInput};

    fn setup() -> RunSetup {
        RunSetup {
            host_version: "1".to_owned(),
            bot_file: String::new(),
            engine_seed: 1,
            venues: Vec::new(),
        }
    }

    #[test]
    fn a_recording_is_written_and_read_again() {
        let bot = tempfile::tempdir().unwrap();
        let settings = RecordSettings::default();
        let mut recording = Recording::start(bot.path(), WallNs(1), &settings, &setup(), &[]).unwrap();
        for second in 0..5u64 {
            let time = HostTime::new(MonoNs(second * 1_000_000_000), WallNs(5));
            recording.keep(time, &DeskInput::Turn);
            assert_eq!(recording.posted(time.mono, None, |_| {}), None);
        }
        let folder = recording.finish(|_| {}).unwrap();
        let mut reader = open(&folder).unwrap();
        let (mut turns, mut marks) = (0, 0);
        while let Some(entry) = reader.next_entry().unwrap() {
            match entry {
                Entry::Input { input, .. } if *input == RecordedInput::Turn => turns += 1,
                Entry::Mark(mark) => {
                    marks += 1;
                    assert!(mark.inputs <= 5);
                }
                _ => {}
            }
        }
        assert_eq!(turns, 5);
        assert!(marks >= 5);
    }
}
