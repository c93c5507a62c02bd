//! The wiring of one bot: sockets, drivers and engine on one thread, in one loop.
//!
//! What lives here: who hands what to whom, and when. What must not live here: anything that decides about orders (the
//! engine), about operations (the drivers), or about sockets (the transport).
//!
//! A turn: wait for a socket or a clock; post what is readable, at most [`BUDGET_EVENTS`] events or [`BUDGET_TIME`]; each
//! frame goes through its connector into the books at once; then the engine tells strategies, once a book; then what they
//! want is posted to the drivers, and what those want goes to the sockets.

mod contracts;
pub mod feed;
pub mod figures;
pub mod setup;
pub mod status;
mod supply;
mod tick_times;

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use colibri_desk::{Desk, DeskAction, DeskInput, Operator, Unobserved};
use colibri_driver::bulk_lane::BulkReport;
use colibri_driver::tokio_transport::{HostClock, Transport};
use colibri_driver::{DriverIndex, HostTime, Input, LogLevel};
use colibri_engine::VenueIndex;
use colibri_model::{Journal, OpId};
use colibri_record::RecordingJournal;
use colibri_standard::{Command, Outcome};
use colibri_store::history::{DiskReport, DiskThread};
use tokio::sync::mpsc;

use crate::kill_request::KillWatch;
use crate::latency::Waiting;
use crate::log::{Level, Log};
use crate::record::Recording;
use feed::Feed;

pub use supply::{Make, Supply};
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
    /// What decides, and the drivers of its venues.
    pub desk: Desk<RecordingJournal<J>>,
    /// Where the venues' connectors come from, in the engine's order.
    pub supplies: Vec<Supply>,
    /// The sockets.
    pub transport: Transport,
    /// The log.
    pub log: Log,
    /// The thread behind the history.
    pub disk: DiskThread,
    /// Why the history does not follow the journal, where it does not.
    pub history_fault: Option<String>,
    /// How long ticks took.
    pub ticks: TickTimes,
    /// Where a person asks for the kill switch.
    pub kill_watch: KillWatch,
    /// Where everything that the desk is told is kept, where that is wanted.
    pub recording: Option<Recording>,
    /// How it waits for what comes next.
    pub waiting: Waiting,
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
        self.look_for_kill_request();
        self.post(DeskInput::Start);
        self.turn();
        let mut end = seconds.map(|s| started + Duration::from_secs(s));
        let mut give_up: Option<Instant> = None;
        loop {
            let wake = self.next_wake().min(feed.next(started)).min(self.kill_watch.next());
            let wake = end.into_iter().chain(give_up).fold(wake, Instant::min);
            tokio::select! {
                biased;
                cause = stop.recv(), if give_up.is_none() => {
                    self.begin_stop(cause.unwrap_or(StopCause::User), &mut give_up);
                }
                (driver, event) = self.transport.next() => self.drain(driver, event.as_input()),
                (venue, report) = next_report(&mut self.supplies) => {
                    self.post(DeskInput::Bulk { venue: VenueIndex(venue), report });
                }
                () = until(wake, self.waiting) => {}
            }
            let now = Instant::now();
            if give_up.is_none() && end.is_some_and(|end| now >= end) {
                end = None;
                self.begin_stop(StopCause::TimeOver, &mut give_up);
            }
            self.look_for_kill_request();
            self.turn();
            if let Some(line) = feed.look(self, started) {
                self.log.line(self.clock.now().wall.0, Level::Info, &line);
            }
            if self.desk.engine().is_stopped() {
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
        self.post(DeskInput::Operator(&Operator::Stop(cause.as_str().to_owned())));
        *give_up = Some(Instant::now() + STOP_PATIENCE);
    }

    /// Throws the kill switch where a person has asked for it. The request is kept until it stands in the journal.
    fn look_for_kill_request(&mut self) {
        let Some(reason) = self.kill_watch.look(Instant::now()) else {
            return;
        };
        self.post(DeskInput::Operator(&Operator::Kill(reason)));
        if self.desk.engine().view().journal_fault().is_none()
            && let Err(error) = self.kill_watch.done()
        {
            self.say(
                LogLevel::Warn,
                &format!("the request for the kill switch cannot be removed: {error}"),
            );
        }
    }

    /// Posts an event and what else is readable already, within the budget.
    fn drain(&mut self, driver: DriverIndex, input: Input<'_>) {
        self.post(DeskInput::Driver { driver, input });
        let since = Instant::now();
        for _ in 1..BUDGET_EVENTS {
            let Some((driver, event)) = self.transport.try_next() else {
                break;
            };
            let input = event.as_input();
            self.post(DeskInput::Driver { driver, input });
            if since.elapsed() >= BUDGET_TIME {
                break;
            }
        }
    }

    /// A turn of the desk, and what is due beside it.
    fn turn(&mut self) {
        let before = self.desk.engine().view().tick_stats().ticks;
        let since = Instant::now();
        self.post(DeskInput::Turn);
        if self.desk.engine().view().tick_stats().ticks != before {
            self.ticks.add(since.elapsed());
        }
        self.carry_out();
        let now = self.clock.now();
        self.snapshot(now);
        self.restart_lanes(now);
        while let Some(report) = self.disk.report() {
            self.history_fault = match &report {
                DiskReport::Failing(why) => Some(why.clone()),
                DiskReport::Recovered => None,
                DiskReport::Rebuilt(_) => self.history_fault.take(),
            };
            let (level, text) = match report {
                DiskReport::Rebuilt(cause) => (Level::Info, format!("the history is built again: {cause:?}")),
                DiskReport::Failing(why) => (Level::Error, format!("the history falls behind the journal: {why}")),
                DiskReport::Recovered => (Level::Info, "the history follows the journal again".to_owned()),
            };
            self.log.line(now.wall.0, level, &text);
        }
    }

    /// Does what the desk wants done outside.
    fn carry_out(&mut self) {
        let actions: Vec<DeskAction> = self.desk.take_actions().collect();
        for action in actions {
            match action {
                DeskAction::Effect { driver, effect } => self.transport.execute(driver, effect),
                DeskAction::Bulk { venue, op, command } => self.bulk(venue, op, command),
                DeskAction::BulkInstruments { venue, instruments } => {
                    if let Err(refusal) = self.supplies[venue.0].use_instruments(&instruments) {
                        self.say(LogLevel::Warn, &format!("the bulk lane does not listen: {refusal}"));
                    }
                }
                DeskAction::BulkRest { venue, rest } => {
                    let now = self.now().mono;
                    if let Err(refusal) = self.supplies[venue.0].rest(&rest, now) {
                        self.say(LogLevel::Warn, &format!("the bulk lane does not listen: {refusal}"));
                    }
                }
                DeskAction::MakeConnector { venue } => {
                    let connector = self.supplies[venue.0].connector();
                    self.post(DeskInput::Made { venue, connector });
                }
                DeskAction::Log { level, text } => self.say(level, &text),
            }
        }
    }

    /// A command goes to the bulk lane; that it could not is a report of the lane as well.
    fn bulk(&mut self, venue: VenueIndex, op: OpId, command: Command) {
        if let Err(refusal) = self.supplies[venue.0].command(op, command) {
            let report = BulkReport::Completed(op, Outcome::NotSent(refusal));
            self.post(DeskInput::Bulk { venue, report });
        }
    }

    /// Between turns, when everything is carried out: the whole state goes into the recording where that is due.
    fn snapshot(&mut self, now: HostTime) {
        let Some(recording) = self.recording.as_mut() else {
            return;
        };
        if !recording.wants_snapshot(now.mono) {
            return;
        }
        if let Some(text) = recording.snapshot(now.mono, &mut self.desk) {
            self.say(LogLevel::Warn, &text);
        }
    }

    fn restart_lanes(&mut self, now: HostTime) {
        for index in 0..self.supplies.len() {
            match self.supplies[index].restart_lane(now.mono) {
                None => {}
                Some(Ok(())) => self.say(LogLevel::Warn, "the bulk lane is made anew"),
                Some(Err(why)) => self.say(LogLevel::Error, &format!("the bulk lane cannot be made anew: {why}")),
            }
        }
    }

    fn say(&mut self, level: LogLevel, text: &str) {
        self.log.line(self.clock.now().wall.0, level.into(), text);
    }

    /// A person wants something.
    pub fn operator(&mut self, wish: &Operator) {
        self.post(DeskInput::Operator(wish));
    }

    fn post(&mut self, input: DeskInput<'_>) {
        let time = self.clock.now();
        let Some(recording) = &mut self.recording else {
            return self.desk.post(time, input, &mut Unobserved);
        };
        recording.keep(time, &input);
        self.desk.post(time, input, recording.digest());
        let refused = self.desk.engine_mut().journal_mut().take_refused();
        let engine = self.desk.engine();
        if let Some(why) = recording.posted(time.mono, refused, |digest| digest.state(&engine.view())) {
            let text = format!("the recording ends here ({why}); the bot goes on");
            self.say(LogLevel::Error, &text);
        }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> HostTime {
        self.clock.now()
    }

    fn next_wake(&self) -> Instant {
        self.clock.instant(self.desk.next_wake())
    }
}

/// Until then. A busy wait lets everything that is waited for beside it look at its sockets again, each time round.
async fn until(wake: Instant, waiting: Waiting) {
    match waiting {
        Waiting::Asleep => tokio::time::sleep_until(wake.into()).await,
        Waiting::Busy => {
            while Instant::now() < wake {
                tokio::task::yield_now().await;
            }
        }
    }
}

/// The next report of any bulk lane. Cancel-safe.
async fn next_report(supplies: &mut [Supply]) -> (usize, BulkReport) {
    poll_fn(|context| {
        for (index, supply) in supplies.iter_mut().enumerate() {
            if let Poll::Ready(report) = supply.poll_lane(context) {
                return Poll::Ready((index, report));
            }
        }
        Poll::Pending
    })
    .await
}
