//! The wiring of one bot: sockets, drivers and engine on one thread, in one loop.
//!
//! What lives here: who hands what to whom, and when. What must not live here: anything that decides about orders (the
//! engine), about operations (the drivers), or about sockets (the transport).
//!
//! A turn: wait for a socket or a clock; post what is readable, at most [`BUDGET_EVENTS`] events or [`BUDGET_TIME`]; each
//! frame goes through its connector into the books at once; then the engine tells strategies, once a book; then what they
//! want is posted to the drivers, and what those want goes to the sockets.

pub mod feed;
pub mod figures;
pub mod setup;
mod sink;
mod tick_times;

use std::time::{Duration, Instant};

use colibri_driver::tokio_transport::{HostClock, Transport};
use colibri_driver::{Driver, DriverIndex, HostTime, Input};
use colibri_engine::{Engine, EngineAction, HostNow, VenueIndex};
use colibri_model::{Journal, MonoNs};
use colibri_store::history::{DiskReport, DiskThread};
use tokio::sync::mpsc;

use crate::log::{Level, Log};
use feed::Feed;
use sink::{EngineSink, of_engine};

pub use tick_times::TickTimes;

/// The most events that a turn posts before strategies are told.
pub const BUDGET_EVENTS: usize = 256;
/// The longest that a turn posts events before strategies are told.
pub const BUDGET_TIME: Duration = Duration::from_millis(1);
/// How long a stop may take before it is given up.
pub const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// Why a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopCause {
    /// Ctrl-C, or the key on the screen.
    User,
    /// The time that was asked for is over.
    TimeOver,
}

impl StopCause {
    /// For journal and log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            StopCause::User => "stopped by the user",
            StopCause::TimeOver => "the time is over",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The engine says that it has stopped: the exchange was asked.
    Stopped,
    /// It did not get there within [`STOP_PATIENCE`].
    GaveUp,
}

/// One bot, wired.
pub struct Runtime<J: Journal> {
    /// The real clocks.
    pub clock: HostClock,
    /// What decides.
    pub engine: Engine<J>,
    /// A driver a venue, in the order of the engine's venues.
    pub drivers: Vec<Driver>,
    /// The sockets.
    pub transport: Transport,
    /// The log.
    pub log: Log,
    /// The thread behind the history.
    pub disk: DiskThread,
    /// How long ticks took.
    pub ticks: TickTimes,
}

impl<J: Journal> Runtime<J> {
    /// Starts the engine and runs until a request to stop arrives on `stop`, `seconds` are over, or never; then stops it
    /// and waits for its proof. `feed` is told how things stand, at its own pace.
    pub async fn run(
        &mut self,
        stop: &mut mpsc::Receiver<StopCause>,
        seconds: Option<u64>,
        feed: &mut dyn Feed<J>,
    ) -> Ended {
        let started = Instant::now();
        self.engine.start(self.now());
        self.carry_out();
        let mut end = seconds.map(|s| started + Duration::from_secs(s));
        let mut give_up: Option<Instant> = None;
        loop {
            let wake = self.next_wake().min(feed.next(started));
            let wake = end.into_iter().chain(give_up).fold(wake, Instant::min);
            tokio::select! {
                biased;
                cause = stop.recv(), if give_up.is_none() => {
                    self.begin_stop(cause.unwrap_or(StopCause::User), &mut give_up);
                }
                (driver, event) = self.transport.next() => self.drain(driver, event.as_input()),
                () = tokio::time::sleep_until(wake.into()) => {}
            }
            let now = Instant::now();
            if give_up.is_none() && end.is_some_and(|end| now >= end) {
                end = None;
                self.begin_stop(StopCause::TimeOver, &mut give_up);
            }
            self.turn();
            if let Some(line) = feed.look(self, started) {
                self.log.line(self.clock.now().wall.0, Level::Info, &line);
            }
            if self.engine.is_stopped() {
                return Ended::Stopped;
            }
            if give_up.is_some_and(|deadline| now >= deadline) {
                return Ended::GaveUp;
            }
        }
    }

    fn begin_stop(&mut self, cause: StopCause, give_up: &mut Option<Instant>) {
        let now = self.now();
        self.log.line(
            now.wall.0,
            Level::Info,
            &format!("{}; cancelling every order", cause.as_str()),
        );
        self.engine.stop(cause.as_str(), now);
        *give_up = Some(Instant::now() + STOP_PATIENCE);
    }

    /// Posts an event and what else is readable already, within the budget.
    fn drain(&mut self, driver: DriverIndex, input: Input<'_>) {
        self.post(driver, input);
        let since = Instant::now();
        for _ in 1..BUDGET_EVENTS {
            let Some((driver, event)) = self.transport.try_next() else {
                break;
            };
            self.post(driver, event.as_input());
            if since.elapsed() >= BUDGET_TIME {
                break;
            }
        }
    }

    /// Wakes whatever has come due, ticks, tells strategies, and carries out what follows.
    fn turn(&mut self) {
        let now = self.clock.now();
        for index in 0..self.drivers.len() {
            if self.drivers[index].next_wake().is_some_and(|at| at <= now.mono) {
                self.post(DriverIndex(index), Input::Wake);
            }
        }
        if self.engine.next_wake() <= now.mono {
            let before = self.engine.view().tick_stats().ticks;
            let since = Instant::now();
            self.engine.tick(self.now());
            if self.engine.view().tick_stats().ticks != before {
                self.ticks.add(since.elapsed());
            }
        }
        self.engine.settle(self.now());
        self.carry_out();
        while let Some(report) = self.disk.report() {
            let (level, text) = match report {
                DiskReport::Rebuilt(cause) => (Level::Info, format!("the history is built again: {cause:?}")),
                DiskReport::Failing(why) => (Level::Error, format!("the history falls behind the journal: {why}")),
                DiskReport::Recovered => (Level::Info, "the history follows the journal again".to_owned()),
            };
            self.log.line(now.wall.0, level, &text);
        }
    }

    /// What the engine wants goes to the drivers, what these want goes to the sockets, until nobody wants anything.
    fn carry_out(&mut self) {
        loop {
            let mut actions: Vec<EngineAction> = self.engine.take_actions().collect();
            for action in &mut actions {
                self.act(action);
            }
            for index in 0..self.drivers.len() {
                for effect in self.drivers[index].take_effects() {
                    self.transport.execute(DriverIndex(index), effect);
                }
            }
            if actions.is_empty() {
                return;
            }
            self.engine.settle(self.now());
        }
    }

    fn act(&mut self, action: &mut EngineAction) {
        match action {
            EngineAction::Orders { venue, ops } => self.post(DriverIndex(venue.0), Input::Orders(ops)),
            EngineAction::Command { venue, op, command } => {
                self.post(DriverIndex(venue.0), Input::Command { op: *op, command });
            }
            EngineAction::Subscribe {
                venue,
                role,
                subscriptions,
            } => {
                self.drivers[venue.0].want(*role, subscriptions.clone());
                self.post(DriverIndex(venue.0), Input::Wake);
            }
            EngineAction::Log { level, text } => self.log.line(self.clock.now().wall.0, of_engine(*level), text),
        }
    }

    fn post(&mut self, driver: DriverIndex, input: Input<'_>) {
        let time = self.clock.now();
        let mut sink = EngineSink {
            engine: &mut self.engine,
            venue: VenueIndex(driver.0),
            now: of(time),
            log: &mut self.log,
        };
        self.drivers[driver.0].post(time, input, &mut sink);
    }

    /// The time as the engine takes it.
    #[must_use]
    pub fn now(&self) -> HostNow {
        of(self.clock.now())
    }

    fn next_wake(&self) -> Instant {
        let drivers = self.drivers.iter().filter_map(Driver::next_wake);
        let at: MonoNs = drivers.fold(self.engine.next_wake(), MonoNs::min);
        self.clock.instant(at)
    }
}

fn of(time: HostTime) -> HostNow {
    HostNow {
        mono: time.mono,
        wall: time.wall,
    }
}
