//! Who watches a run: a live screen on a thread of its own, or log lines.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use colibri_model::Journal;
use tokio::sync::mpsc;

use super::{Runtime, StopCause};
use crate::screen::{Screen, ScreenState};

/// A watcher. It is asked when it wants to look, and looks; it changes nothing.
pub trait Feed<J: Journal> {
    /// When it wants to look next.
    fn next(&self, started: Instant) -> Instant;
    /// Looks, if it is time; a line that it wants in the log is returned.
    fn look(&mut self, runtime: &Runtime<J>, started: Instant) -> Option<String>;
}

/// Ten pictures a second are as many as anybody reads.
const PICTURE: Duration = Duration::from_millis(100);
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
