//! Who watches a run: a live screen or a status file on a thread of its own, or log lines.

use std::path::Path;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use colibri_model::Journal;
use tokio::sync::mpsc;

use super::{Runtime, StopCause};
use crate::screen::{Screen, ScreenState};
use crate::status::{Snapshot, StatusFile};

/// A watcher. It is asked when it wants to look, and looks; it changes nothing.
pub trait Feed<J: Journal> {
    /// When it wants to look next.
    fn next(&self, started: Instant) -> Instant;
    /// Looks, if it is time; a line that it wants in the log is returned.
    fn look(&mut self, runtime: &Runtime<J>, started: Instant) -> Option<String>;
}

/// Ten pictures a second are as many as anybody reads.
const PICTURE: Duration = Duration::from_millis(100);
/// A status a second.
const STATUS: Duration = Duration::from_secs(1);
/// A line of figures in the log.
const FIGURES: Duration = Duration::from_secs(5);

/// The live screen. Drawing may block, so it has its own thread; a picture that it is not ready for is left out.
pub struct ScreenFeed<S> {
    pictures: Option<SyncSender<ScreenState>>,
    thread: Option<JoinHandle<()>>,
    state_of: S,
    next: Instant,
}

impl<S> ScreenFeed<S> {
    /// Takes the terminal over. `state_of` makes a picture's state of the runtime; a stop that the user asks for goes to
    /// `stop`.
    ///
    /// # Errors
    /// The terminal refuses.
    pub fn start(stop: mpsc::Sender<StopCause>, state_of: S) -> std::io::Result<ScreenFeed<S>> {
        let mut screen = Screen::enter()?;
        let (pictures, inbox) = sync_channel::<ScreenState>(1);
        let thread = std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
            // A terminal that is gone ends the screen, never the bot: its orders are still to be looked after.
            while let Ok(state) = inbox.recv() {
                if screen.draw(&state).is_err() {
                    break;
                }
                if let Ok(Some(_)) = screen.poll_key() {
                    // Full means that a stop is on its way already.
                    let _ = stop.try_send(StopCause::User);
                }
            }
        })?;
        Ok(ScreenFeed {
            pictures: Some(pictures),
            thread: Some(thread),
            state_of,
            next: Instant::now(),
        })
    }
}

impl<S> Drop for ScreenFeed<S> {
    fn drop(&mut self) {
        self.pictures = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the screen has shown itself; the terminal is given back either way.
            let _ = thread.join();
        }
    }
}

impl<J: Journal, S: FnMut(&Runtime<J>, Duration) -> ScreenState> Feed<J> for ScreenFeed<S> {
    fn next(&self, _started: Instant) -> Instant {
        self.next
    }

    fn look(&mut self, runtime: &Runtime<J>, started: Instant) -> Option<String> {
        let now = Instant::now();
        if now < self.next {
            return None;
        }
        self.next = now + PICTURE;
        if let Some(pictures) = &self.pictures {
            let state = (self.state_of)(runtime, started.elapsed());
            if let Err(TrySendError::Disconnected(_)) = pictures.try_send(state) {
                self.pictures = None;
            }
        }
        None
    }
}

/// Writes the status file once a second, and lets another watcher watch. The file is written on a thread of its own: a disk
/// that is slow makes it late, and a picture for which it is not ready is left out.
pub struct StatusFeed<'a, J, S> {
    inner: Box<dyn Feed<J> + 'a>,
    snapshots: Option<SyncSender<Snapshot>>,
    thread: Option<JoinHandle<()>>,
    snapshot_of: S,
    next: Instant,
}

impl<'a, J: Journal, S> StatusFeed<'a, J, S> {
    /// Writes into `folder` what `snapshot_of` makes of the runtime, and lets `inner` watch too.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(folder: &Path, inner: Box<dyn Feed<J> + 'a>, snapshot_of: S) -> std::io::Result<Self> {
        let file = StatusFile::of(folder);
        let (snapshots, inbox) = sync_channel::<Snapshot>(1);
        let thread = std::thread::Builder::new().name("status".to_owned()).spawn(move || {
            while let Ok(snapshot) = inbox.recv() {
                // It is for people, and tells when it was written: one that cannot be written is seen to be old.
                drop(file.write(&snapshot));
            }
        })?;
        Ok(StatusFeed {
            inner,
            snapshots: Some(snapshots),
            thread: Some(thread),
            snapshot_of,
            next: Instant::now(),
        })
    }

    /// Writes the last word of a run, marked as such, and waits until it is on the disk.
    pub fn end(mut self, mut last: Snapshot) {
        last.ended_ms = Some(last.written_ms);
        if let Some(snapshots) = &self.snapshots {
            // Where the thread is gone nothing can be said.
            drop(snapshots.send(last));
        }
        self.close();
    }
}

impl<J, S> StatusFeed<'_, J, S> {
    fn close(&mut self) {
        self.snapshots = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has shown itself; the file is for people.
            let _ = thread.join();
        }
    }
}

impl<J, S> Drop for StatusFeed<'_, J, S> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<J: Journal, S: FnMut(&Runtime<J>, Duration) -> Snapshot> Feed<J> for StatusFeed<'_, J, S> {
    fn next(&self, started: Instant) -> Instant {
        self.next.min(self.inner.next(started))
    }

    fn look(&mut self, runtime: &Runtime<J>, started: Instant) -> Option<String> {
        let now = Instant::now();
        if now >= self.next {
            self.next = now + STATUS;
            let snapshot = (self.snapshot_of)(runtime, started.elapsed());
            if let Some(snapshots) = &self.snapshots {
                // Full means that the disk is slow: the next one is newer anyway.
                drop(snapshots.try_send(snapshot));
            }
        }
        self.inner.look(runtime, started)
    }
}

/// A line of figures every few seconds.
pub struct LineFeed<L> {
    line_of: L,
    next: Instant,
}

impl<L> LineFeed<L> {
    /// `line_of` writes the line.
    pub fn new(line_of: L) -> LineFeed<L> {
        LineFeed {
            line_of,
            next: Instant::now() + FIGURES,
        }
    }
}

impl<J: Journal, L: FnMut(&Runtime<J>, Duration) -> String> Feed<J> for LineFeed<L> {
    fn next(&self, _started: Instant) -> Instant {
        self.next
    }

    fn look(&mut self, runtime: &Runtime<J>, started: Instant) -> Option<String> {
        let now = Instant::now();
        if now < self.next {
            return None;
        }
        self.next = now + FIGURES;
        Some((self.line_of)(runtime, started.elapsed()))
    }
}
