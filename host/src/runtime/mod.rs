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
mod venue;

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use colibri_driver::bulk_lane::BulkReport;
use colibri_driver::tokio_transport::{HostClock, Transport};
use colibri_driver::{DriverIndex, HostTime, Input, LogLevel, Sink};
use colibri_engine::{Engine, EngineAction, HostNow, VenueIndex};
use colibri_model::{Journal, MonoNs, OpId};
use colibri_standard::{Command, Lane, Outcome, Refusal, RejectReason};
use colibri_store::history::{DiskReport, DiskThread};
use tokio::sync::mpsc;

use crate::log::{Level, Log};
use feed::Feed;
use sink::{EngineSink, of_engine};

pub use tick_times::TickTimes;
pub use venue::Venue;

/// The most events that a turn posts before strategies are told.
pub const BUDGET_EVENTS: usize = 256;
/// The longest that a turn posts events before strategies are told.
pub const BUDGET_TIME: Duration = Duration::from_millis(1);
/// How often a turn asks everybody what they want.
const ROUNDS: usize = 16;
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
    /// The venues, in the order of the engine's.
    pub venues: Vec<Venue>,
    /// The sockets.
    pub transport: Transport,
    /// The log.
    pub log: Log,
    /// The thread behind the history.
    pub disk: DiskThread,
    /// How long ticks took.
    pub ticks: TickTimes,
    /// Whether a turn ended before everybody had what they wanted.
    pub unfinished: bool,
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
                (venue, report) = next_report(&mut self.venues) => self.report(venue, report),
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
        self.unfinished = false;
        let now = self.clock.now();
        for index in 0..self.venues.len() {
            if self.venues[index].driver.next_wake().is_some_and(|at| at <= now.mono) {
                self.post(DriverIndex(index), Input::Wake);
            }
            self.restart_faulted(index, now);
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

    /// What the engine wants goes to the drivers, what these want goes to the sockets, until nobody wants anything, or for
    /// [`ROUNDS`]: a strategy that answers every refusal with another wish must not keep the sockets waiting. What is left
    /// waits for the next turn.
    fn carry_out(&mut self) {
        for _ in 0..ROUNDS {
            let mut actions: Vec<EngineAction> = self.engine.take_actions().collect();
            for action in &mut actions {
                self.act(action);
            }
            for (index, venue) in self.venues.iter_mut().enumerate() {
                for effect in venue.driver.take_effects() {
                    self.transport.execute(DriverIndex(index), effect);
                }
            }
            if actions.is_empty() {
                return;
            }
            self.engine.settle(self.now());
        }
        self.unfinished = true;
    }

    fn act(&mut self, action: &mut EngineAction) {
        match action {
            EngineAction::Orders { venue, ops } => self.post(DriverIndex(venue.0), Input::Orders(ops)),
            EngineAction::Command { venue, op, command } => self.command(*venue, *op, command),
            EngineAction::Subscribe {
                venue,
                role,
                subscriptions,
            } => {
                self.venues[venue.0].driver.want(*role, subscriptions.clone());
                self.post(DriverIndex(venue.0), Input::Wake);
            }
            EngineAction::Log { level, text } => self.log.line(self.clock.now().wall.0, of_engine(*level), text),
        }
    }

    /// A command goes to its lane. The bulk lane's connector knows no instrument until it is told.
    fn command(&mut self, venue: VenueIndex, op: OpId, command: &Command) {
        let entry = &mut self.venues[venue.0];
        if entry.has_lane() && entry.driver.lane_of(command) == Lane::Bulk {
            let taken = match entry.lane() {
                Some(lane) => lane.command(op, command.clone()),
                None => Err(Refusal::new(
                    RejectReason::NotConnected,
                    "the bulk lane is being made anew",
                )),
            };
            if let Err(refusal) = taken {
                self.tell(venue.0, |sink| sink.completed(op, Outcome::NotSent(refusal)));
            }
            return;
        }
        if let Command::UseInstruments(instruments) = command
            && let Err(refusal) = entry.use_instruments(instruments)
        {
            self.tell(venue.0, |sink| {
                sink.log(LogLevel::Warn, &format!("the bulk lane does not listen: {refusal}"))
            });
        }
        self.post(DriverIndex(venue.0), Input::Command { op, command });
    }

    /// What a bulk lane reports is an input like any other.
    fn report(&mut self, venue: usize, report: BulkReport) {
        self.tell(venue, |sink| match report {
            BulkReport::Event(event) => sink.event(event),
            BulkReport::Completed(op, outcome) => sink.completed(op, outcome),
            BulkReport::Log(level, text) => sink.log(level, &text),
        });
    }

    /// A connector that panicked is made anew after its wait; the driver ends its operations and opens its sessions again.
    fn restart_faulted(&mut self, index: usize, now: HostTime) {
        match self.venues[index].restart_lane(now.mono) {
            None => {}
            Some(Ok(())) => self.tell(index, |sink| sink.log(LogLevel::Warn, "the bulk lane is made anew")),
            Some(Err(why)) => {
                self.tell(index, |sink| {
                    sink.log(LogLevel::Error, &format!("the bulk lane cannot be made anew: {why}"))
                });
            }
        }
        match self.venues[index].restarted(now.mono) {
            None => {}
            Some(Err(why)) => {
                self.tell(index, |sink| {
                    sink.log(LogLevel::Error, &format!("the connector cannot be made anew: {why}"))
                });
            }
            Some(Ok(connector)) => {
                let Runtime {
                    engine, venues, log, ..
                } = self;
                let mut sink = EngineSink {
                    engine,
                    venue: VenueIndex(index),
                    now: of(now),
                    log,
                };
                sink.log(
                    LogLevel::Warn,
                    &format!("{}: the connector is made anew", venues[index].driver.venue()),
                );
                venues[index].driver.replace_connector(connector, now, &mut sink);
            }
        }
    }

    fn tell(&mut self, venue: usize, news: impl FnOnce(&mut EngineSink<'_, J>)) {
        let now = self.now();
        news(&mut EngineSink {
            engine: &mut self.engine,
            venue: VenueIndex(venue),
            now,
            log: &mut self.log,
        });
    }

    fn post(&mut self, driver: DriverIndex, input: Input<'_>) {
        let time = self.clock.now();
        let Runtime {
            engine, venues, log, ..
        } = self;
        let mut sink = EngineSink {
            engine,
            venue: VenueIndex(driver.0),
            now: of(time),
            log,
        };
        venues[driver.0].driver.post(time, input, &mut sink);
    }

    /// The time as the engine takes it.
    #[must_use]
    pub fn now(&self) -> HostNow {
        of(self.clock.now())
    }

    fn next_wake(&self) -> Instant {
        if self.unfinished {
            return Instant::now();
        }
        let drivers = self.venues.iter().filter_map(|venue| venue.driver.next_wake());
        let at: MonoNs = drivers.fold(self.engine.next_wake(), MonoNs::min);
        self.clock.instant(at)
    }
}

/// The next report of any bulk lane. Cancel-safe.
async fn next_report(venues: &mut [Venue]) -> (usize, BulkReport) {
    poll_fn(|context| {
        for (index, venue) in venues.iter_mut().enumerate() {
            if let Poll::Ready(report) = venue.poll_lane(context) {
                return Poll::Ready((index, report));
            }
        }
        Poll::Pending
    })
    .await
}

fn of(time: HostTime) -> HostNow {
    HostNow {
        mono: time.mono,
        wall: time.wall,
    }
}
