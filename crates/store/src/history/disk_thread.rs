//! The thread that keeps the history behind the journal.
//!
//! The journal file is the queue: the thread follows it, so the engine thread hands nothing over, waits for nothing and
//! wakes nobody, and a slow disk makes the history late instead of the engine.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::database::{History, RebuildCause};
use super::error::HistoryError;
use crate::journal::JournalReader;

/// How many requests may wait, and how many unread reports are kept.
const QUEUE: usize = 64;

/// What the disk thread has to say. Each is said once, not at every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskReport {
    /// The history is built again from the journal's beginning.
    Rebuilt(RebuildCause),
    /// The history cannot be written, or the journal not read; it is tried again. Trading is not concerned.
    Failing(String),
    /// It goes on after a failure.
    Recovered,
}

enum Request {
    /// Project what the journal has now, then answer.
    Flush(SyncSender<Result<(), String>>),
    Stop,
}

/// The disk thread: projects the journal into the history until it is stopped or dropped.
#[derive(Debug)]
pub struct DiskThread {
    requests: SyncSender<Request>,
    reports: Receiver<DiskReport>,
    caught_up: Arc<Mutex<Instant>>,
    thread: Option<JoinHandle<()>>,
}

impl DiskThread {
    /// Starts following the journal at `journal` into the history at `history`, looking for new records every `pause`
    /// (100 ms is a good one). The journal must exist. A history that another program holds, or whose disk is full or read-only,
    /// is reported and opened later: it is a projection, and nothing waits for it.
    ///
    /// # Errors
    /// [`HistoryError`] where the journal cannot be opened, what stands at `history` is no history, or the system has no thread
    /// to give.
    pub fn start(journal: &Path, history: &Path, pause: Duration) -> Result<DiskThread, HistoryError> {
        let (requests, inbox) = sync_channel(QUEUE);
        let (outbox, reports) = sync_channel(QUEUE);
        let caught_up = Arc::new(Mutex::new(Instant::now()));
        let mut follower = Follower {
            journal: JournalReader::open(journal)?,
            path: history.to_owned(),
            history: None,
            condition: Condition::Unplaced,
            reports: outbox,
            caught_up: Arc::clone(&caught_up),
        };
        follower.open()?;
        let path: PathBuf = history.to_owned();
        let thread = std::thread::Builder::new()
            .name("disk".to_owned())
            .spawn(move || follower.run(&inbox, pause))
            .map_err(|error| HistoryError::ThreadEnded(format!("{}: {error}", path.display())))?;
        Ok(DiskThread {
            requests,
            reports,
            caught_up,
            thread: Some(thread),
        })
    }

    /// Waits until everything that the journal has now is in the history, for `patience` at most.
    ///
    /// # Errors
    /// [`HistoryError::Behind`] after `patience`; [`HistoryError::Failing`] with the cause where it cannot be done now;
    /// [`HistoryError::ThreadEnded`].
    pub fn flush(&self, patience: Duration) -> Result<(), HistoryError> {
        let (answer, answered) = sync_channel(1);
        match self.requests.try_send(Request::Flush(answer)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(HistoryError::Behind),
            Err(TrySendError::Disconnected(_)) => return Err(ended("it was stopped or has panicked")),
        }
        match answered.recv_timeout(patience) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(cause)) => Err(HistoryError::Failing(cause)),
            Err(RecvTimeoutError::Timeout) => Err(HistoryError::Behind),
            Err(RecvTimeoutError::Disconnected) => Err(ended("it was stopped or has panicked")),
        }
    }

    /// How long ago everything that the journal had was in the history.
    #[must_use]
    pub fn lag(&self) -> Duration {
        // A thread that panicked while it held it left a time all the same.
        let at = self.caught_up.lock().unwrap_or_else(PoisonError::into_inner);
        at.elapsed()
    }

    /// The next report, where there is one. Never waits.
    pub fn report(&self) -> Option<DiskReport> {
        self.reports.try_recv().ok()
    }

    /// Projects what the journal has, and ends the thread.
    ///
    /// # Errors
    /// [`HistoryError::ThreadEnded`] where the thread had panicked. A history that could not be completed was reported,
    /// and is completed at the next start.
    pub fn stop(mut self) -> Result<(), HistoryError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), HistoryError> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        // Where the thread is gone already, `join` says why.
        drop(self.requests.send(Request::Stop));
        thread.join().map_err(|_| ended("it has panicked"))
    }
}

impl Drop for DiskThread {
    fn drop(&mut self) {
        // Nobody is left to be told.
        drop(self.end());
    }
}

fn ended(cause: &str) -> HistoryError {
    HistoryError::ThreadEnded(cause.to_owned())
}

/// How the follower stands to the journal.
#[derive(Debug)]
enum Condition {
    /// Where to go on is to be found out first.
    Unplaced,
    /// The reader is where the history ends.
    Following,
    /// The last attempt failed, and this was said.
    Failing(String),
}

/// What runs on the thread.
struct Follower {
    journal: JournalReader,
    path: PathBuf,
    /// `None` while it cannot be opened.
    history: Option<History>,
    condition: Condition,
    reports: SyncSender<DiskReport>,
    /// When it was last where the journal ends.
    caught_up: Arc<Mutex<Instant>>,
}

impl Follower {
    fn run(mut self, inbox: &Receiver<Request>, pause: Duration) {
        loop {
            // A failure is reported, and tried again after the pause.
            drop(self.step());
            match inbox.recv_timeout(pause) {
                Ok(Request::Flush(answer)) => {
                    // The one who asked may have lost patience.
                    drop(answer.try_send(self.step()));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Request::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    // What cannot be projected now is projected at the next start, and was reported.
                    drop(self.step());
                    return;
                }
            }
        }
    }

    /// Opens the history; one that cannot be had now is failing.
    fn open(&mut self) -> Result<(), HistoryError> {
        match History::open(&self.path) {
            Ok(history) => self.history = Some(history),
            Err(error @ HistoryError::Sqlite { .. }) => {
                self.fail(&error.to_string());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Projects what is there.
    fn step(&mut self) -> Result<(), String> {
        if self.history.is_none() {
            self.open().map_err(|error| self.fail(&error.to_string()))?;
        }
        let Some(history) = self.history.as_mut() else {
            return Err(match &self.condition {
                Condition::Failing(cause) => cause.clone(),
                _ => "it cannot be opened".to_owned(),
            });
        };
        let result = match self.condition {
            Condition::Following => history.follow(&mut self.journal).map(|_| None),
            Condition::Unplaced | Condition::Failing(_) => {
                history.catch_up(&mut self.journal).map(|caught_up| caught_up.rebuilt)
            }
        };
        match result {
            Ok(rebuilt) => {
                if let Some(cause) = rebuilt {
                    self.say(DiskReport::Rebuilt(cause));
                }
                if matches!(self.condition, Condition::Failing(_)) {
                    self.say(DiskReport::Recovered);
                }
                self.condition = Condition::Following;
                *self.caught_up.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
                Ok(())
            }
            Err(error) => Err(self.fail(&error.to_string())),
        }
    }

    /// Says a failure, once; and returns it.
    fn fail(&mut self, cause: &str) -> String {
        if !matches!(&self.condition, Condition::Failing(said) if *said == cause) {
            self.say(DiskReport::Failing(cause.to_owned()));
        }
        self.condition = Condition::Failing(cause.to_owned());
        cause.to_owned()
    }

    /// Reports; a host that does not read its reports loses the newest, never the thread.
    fn say(&self, report: DiskReport) {
        drop(self.reports.try_send(report));
    }
}
