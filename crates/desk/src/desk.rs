//! The desk: inputs go to the driver that they are for, what that tells goes to the engine, what the engine wants goes back.

use std::ops::{Deref, DerefMut};

use colibri_abi::Connector;
use colibri_driver::bulk_lane::BulkReport;
use colibri_driver::{ConnectorState, Driver, DriverIndex, HostTime, Input, LogLevel, Rest, Resting, Sink};
use colibri_engine::{Engine, EngineAction, HostNow, VenueIndex};
use colibri_model::{Journal, MonoNs, OpId};
use colibri_standard::{Command, Lane};

use crate::restart::Restart;
use crate::sink::DeskSink;
use crate::{DeskAction, DeskInput, Observer, Operator};

/// How often a turn asks everybody what they want.
const ROUNDS: usize = 16;

/// One venue of a desk: the driver of its connector, and whether it has a bulk lane.
#[derive(Debug)]
pub struct DeskVenue {
    pub(crate) driver: Driver,
    lane: LaneHere,
    pub(crate) restart: Restart,
}

/// Whether commands of the bulk lane have one to go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LaneHere {
    No,
    Yes,
}

impl DeskVenue {
    /// A venue without a bulk lane: its one connector does everything.
    #[must_use]
    pub fn new(driver: Driver) -> DeskVenue {
        DeskVenue {
            driver,
            lane: LaneHere::No,
            restart: Restart::default(),
        }
    }

    /// What the driver calls bulk becomes [`DeskAction::Bulk`].
    #[must_use]
    pub const fn with_bulk_lane(mut self) -> DeskVenue {
        self.lane = LaneHere::Yes;
        self
    }

    /// Its driver.
    #[must_use]
    pub const fn driver(&self) -> &Driver {
        &self.driver
    }

    /// When a connector that has faulted is to be made anew.
    fn remake_at(&self) -> Option<MonoNs> {
        match self.driver.state() {
            ConnectorState::Faulted { since, .. } => Some(self.restart.at(*since)),
            ConnectorState::Running => None,
        }
    }
}

/// One bot: an engine and its venues, in the engine's order.
///
/// As the engine, it is compiled once for whatever journal, and one that was made with a journal of a known type does
/// everything as that.
pub struct Desk<J: ?Sized = dyn Journal> {
    pub(crate) venues: Vec<DeskVenue>,
    pub(crate) actions: Vec<DeskAction>,
    /// Somebody may want something since then, and no turn has asked.
    pub(crate) unfinished: Option<MonoNs>,
    pub(crate) engine: Engine<J>,
}

impl<J: Journal> Desk<J> {
    /// A desk around an engine, its venues and strategies added, and a driver for each of its venues, in the engine's order.
    #[must_use]
    pub const fn new(engine: Engine<J>, venues: Vec<DeskVenue>) -> Desk<J> {
        Desk {
            venues,
            actions: Vec::new(),
            unfinished: None,
            engine,
        }
    }
}

impl<J: Journal> Deref for Desk<J> {
    type Target = Desk;

    fn deref(&self) -> &Desk {
        self
    }
}

impl<J: Journal> DerefMut for Desk<J> {
    fn deref_mut(&mut self) -> &mut Desk {
        self
    }
}

impl<J: ?Sized> Desk<J> {
    /// What decides.
    #[must_use]
    pub const fn engine(&self) -> &Engine<J> {
        &self.engine
    }

    /// What decides, for what the host may do to it between inputs: flush its journal.
    pub const fn engine_mut(&mut self) -> &mut Engine<J> {
        &mut self.engine
    }
}

impl Desk {
    /// The venues, in the engine's order.
    #[must_use]
    pub fn venues(&self) -> &[DeskVenue] {
        &self.venues
    }

    /// Handles one input. Nothing here reads a clock: everything that follows from the input happens at `time`.
    pub fn post<O: Observer + ?Sized>(&mut self, time: HostTime, input: DeskInput<'_>, observer: &mut O) {
        // Whatever is posted, a turn has to follow.
        self.unfinished = Some(time.mono);
        match input {
            DeskInput::Driver { driver, input } => self.post_driver(time, driver, input, observer),
            DeskInput::Turn => self.turn(time, observer),
            DeskInput::Start => self.engine.start(of(time)),
            DeskInput::Operator(Operator::Stop(reason)) => self.engine.stop(reason, of(time)),
            DeskInput::Operator(Operator::Kill(reason)) => {
                self.engine.throw_kill_switch(reason, of(time));
            }
            DeskInput::Operator(Operator::Resume) => {
                self.engine.resume(of(time));
            }
            DeskInput::Bulk {
                venue,
                report: BulkReport::Rest(rest),
            } => self.pass_on(time, venue, &rest),
            DeskInput::Bulk { venue, report } => {
                let mut sink = self.sink(venue.0, time, observer);
                match report {
                    BulkReport::Event(event) => sink.event(*event),
                    BulkReport::Completed(op, outcome) => sink.completed(op, outcome),
                    BulkReport::Log(level, text) => sink.log(level, &text),
                    // Handled above.
                    BulkReport::Rest(_) => {}
                }
            }
            DeskInput::Made { venue, connector } => self.made(time, venue, connector, observer),
        }
    }

    /// What is to be done outside, in order.
    pub fn take_actions(&mut self) -> impl Iterator<Item = DeskAction> + '_ {
        self.actions.drain(..)
    }

    /// When [`DeskInput::Turn`] has something to do though nothing else is posted.
    #[must_use]
    pub fn next_wake(&self) -> MonoNs {
        let drivers = self.venues.iter().filter_map(|venue| venue.driver.next_wake());
        let remakes = self.venues.iter().filter_map(DeskVenue::remake_at);
        drivers
            .chain(remakes)
            .chain(self.unfinished)
            .fold(self.engine.next_wake(), MonoNs::min)
    }

    /// Wakes whatever has come due, ticks, tells strategies, and carries out what follows.
    fn turn<O: Observer + ?Sized>(&mut self, time: HostTime, observer: &mut O) {
        self.unfinished = None;
        for index in 0..self.venues.len() {
            if self.venues[index].driver.next_wake().is_some_and(|at| at <= time.mono) {
                self.post_driver(time, DriverIndex(index), Input::Wake, observer);
            }
            let venue = &mut self.venues[index];
            if let ConnectorState::Faulted { since, .. } = *venue.driver.state()
                && venue.restart.is_due(since, time.mono)
            {
                let venue = VenueIndex(index);
                self.actions.push(DeskAction::MakeConnector { venue });
            }
        }
        if self.engine.next_wake() <= time.mono {
            self.engine.tick(of(time));
        }
        self.engine.settle(of(time));
        self.carry_out(time, observer);
    }

    /// What the engine wants goes to the drivers, what these want becomes actions, until nobody wants anything, or for
    /// [`ROUNDS`]: a strategy that answers every refusal with another wish must not keep the sockets waiting. What is left
    /// waits for the next turn.
    fn carry_out<O: Observer + ?Sized>(&mut self, time: HostTime, observer: &mut O) {
        for _ in 0..ROUNDS {
            let mut actions = self.engine.take_actions().peekable();
            let done = actions.peek().is_none();
            let actions: Vec<EngineAction> = actions.collect();
            for action in actions {
                self.act(time, action, observer);
            }
            self.take_effects();
            if done {
                return;
            }
            self.engine.settle(of(time));
        }
        self.unfinished = Some(time.mono);
    }

    fn take_effects(&mut self) {
        for (index, venue) in self.venues.iter_mut().enumerate() {
            let driver = DriverIndex(index);
            let effects = venue.driver.take_effects();
            self.actions
                .extend(effects.map(|effect| DeskAction::Effect { driver, effect }));
        }
    }

    fn act<O: Observer + ?Sized>(&mut self, time: HostTime, action: EngineAction, observer: &mut O) {
        match action {
            EngineAction::Orders { venue, mut ops } => {
                observer.orders(venue, &ops);
                self.post_driver(time, DriverIndex(venue.0), Input::Orders(&mut ops), observer);
            }
            EngineAction::Command { venue, op, command } => self.command(time, venue, op, command, observer),
            EngineAction::Subscribe {
                venue,
                role,
                subscriptions,
            } => {
                self.venues[venue.0].driver.want(role, subscriptions);
                self.post_driver(time, DriverIndex(venue.0), Input::Wake, observer);
            }
            EngineAction::Reopen { venue, role, reason } => {
                self.venues[venue.0].driver.reopen(role, &reason);
                self.post_driver(time, DriverIndex(venue.0), Input::Wake, observer);
            }
            EngineAction::Log { level, text } => {
                let level = of_engine(level);
                observer.log(level, &text);
                self.actions.push(DeskAction::Log { level, text });
            }
        }
    }

    /// A command goes to its lane. The bulk lane's connector knows no instrument until it is told.
    fn command<O: Observer + ?Sized>(
        &mut self,
        time: HostTime,
        venue: VenueIndex,
        op: OpId,
        command: Command,
        observer: &mut O,
    ) {
        observer.command(venue, op, &command);
        let entry = &self.venues[venue.0];
        if entry.lane == LaneHere::Yes {
            if entry.driver.lane_of(&command) == Lane::Bulk {
                return self.actions.push(DeskAction::Bulk { venue, op, command });
            }
            if let Command::UseInstruments(instruments) = &command {
                let instruments = instruments.clone();
                self.actions.push(DeskAction::BulkInstruments { venue, instruments });
            }
        }
        let input = Input::Command { op, command: &command };
        self.post_driver(time, DriverIndex(venue.0), input, observer);
    }

    /// The driver ends the old connector's operations and opens its sessions again.
    fn made<O: Observer + ?Sized>(
        &mut self,
        time: HostTime,
        venue: VenueIndex,
        connector: Result<Connector, String>,
        observer: &mut O,
    ) {
        let name = self.venues[venue.0].driver.venue().clone();
        let connector = match connector {
            Ok(connector) => connector,
            Err(why) => {
                let text = format!("{name}: the connector cannot be made anew: {why}");
                let level = LogLevel::Error;
                return self.actions.push(DeskAction::Log { level, text });
            }
        };
        self.venues[venue.0].restart.made();
        let Desk {
            engine,
            venues,
            actions,
            ..
        } = self;
        let mut sink = DeskSink {
            engine,
            venue,
            now: of(time),
            actions,
            observer,
        };
        sink.log(LogLevel::Warn, &format!("{name}: the connector is made anew"));
        venues[venue.0].driver.replace_connector(connector, time, &mut sink);
    }

    fn post_driver<O: Observer + ?Sized>(
        &mut self,
        time: HostTime,
        driver: DriverIndex,
        input: Input<'_>,
        observer: &mut O,
    ) {
        let Desk {
            engine,
            venues,
            actions,
            ..
        } = self;
        let mut sink = DeskSink {
            engine,
            venue: VenueIndex(driver.0),
            now: of(time),
            actions,
            observer,
        };
        venues[driver.0].driver.post(time, input, &mut sink);
        for rest in self.venues[driver.0].driver.take_rests() {
            self.pass_on(time, VenueIndex(driver.0), &rest);
        }
    }

    /// A venue's driver or bulk lane has heard that something rests: every driver and every lane learns it that uses the same
    /// address or account.
    fn pass_on(&mut self, time: HostTime, heard_by: VenueIndex, rest: &Rest) {
        for index in 0..self.venues.len() {
            let heard = &self.venues[heard_by.0].driver;
            let rest = match index == heard_by.0 {
                true => Some(rest.clone()),
                false => heard.rest_for(rest, &self.venues[index].driver),
            };
            let Some(rest) = rest else { continue };
            let venue = VenueIndex(index);
            self.venues[index].driver.rest(time, &rest);
            if rest.what == Resting::Everything {
                self.engine.on_ban(venue, time.mono.plus(rest.span), of(time));
            }
            if self.venues[index].lane == LaneHere::Yes {
                self.actions.push(DeskAction::BulkRest { venue, rest });
            }
        }
    }

    fn sink<'a, O: Observer + ?Sized>(
        &'a mut self,
        venue: usize,
        time: HostTime,
        observer: &'a mut O,
    ) -> DeskSink<'a, O> {
        DeskSink {
            engine: &mut self.engine,
            venue: VenueIndex(venue),
            now: of(time),
            actions: &mut self.actions,
            observer,
        }
    }
}

const fn of(time: HostTime) -> HostNow {
    HostNow {
        mono: time.mono,
        wall: time.wall,
    }
}

const fn of_engine(level: colibri_engine::LogLevel) -> LogLevel {
    match level {
        colibri_engine::LogLevel::Error => LogLevel::Error,
        colibri_engine::LogLevel::Warn => LogLevel::Warn,
        colibri_engine::LogLevel::Info => LogLevel::Info,
        colibri_engine::LogLevel::Debug => LogLevel::Debug,
    }
}
