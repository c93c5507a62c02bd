//! The engine that ties clock, books, orders, accounts, risk and strategies together.
//!
//! What lives here: bring-up, the taking in of reports, order entry, reconciliation, stopping. What must not live here:
//! the rules themselves (each has its own module), and anything that reads a clock or touches a socket.
//!
//! Inputs are applied at once; strategies run in [`Engine::settle`] and [`Engine::tick`] only, after the connector's call
//! has returned, so that nothing is entered twice.

mod action;
mod adoption;
mod amend;
mod bring_up;
mod completions;
pub(crate) mod contracts;
mod core;
mod delay;
mod dispatch;
mod feeds;
mod kill_switch;
mod limits;
pub(crate) mod market;
mod market_data;
mod operations;
mod order_entry;
mod profit_facts;
mod readiness;
mod reconcile;
mod recovery;
pub(crate) mod replace;
mod reports;
mod risk_gate;
pub(crate) mod session_profit;
mod setup;
mod snapshot;
pub(crate) mod state;
mod stop;
mod strategy_conflicts;
pub(crate) mod stream;
mod streams;
pub(crate) mod triggers;
mod upkeep;
pub(crate) mod venue;
pub(crate) mod watermark;

use std::ops::{Deref, DerefMut};

use colibri_abi::{BookBatch, TopOfBook, TradeBatch};
use colibri_model::{Journal, KillCause, Millis, MonoNs, OpId, Pair};
use colibri_standard::{Event, Outcome, SessionRole, SessionStatus};

use crate::HostNow;
use crate::clock::Clock;
use crate::strategy::Strategy;
use crate::view::View;

pub use action::{EngineAction, LogLevel};
pub use delay::DataDelays;
pub use kill_switch::KillSwitch;
pub use market::BookSource;
pub use session_profit::{SessionProfit, SessionReference};
pub use setup::{
    EngineSetup, EnvironmentConflict, LeftHoldings, MarketId, Recovered, RecoveredOrder, VenueIndex, VenueSetup,
    Watermarks,
};
pub use snapshot::{EngineSnapshot, Progress, RestoredEngine};
pub use state::{Counts, EnginePhase, StrategyState};
pub use stop::{StopReport, VenueStop};
pub use strategy_conflicts::StrategyConflict;
pub use stream::StreamState;
pub use triggers::{ForeignTrigger, RecoveredTrigger};
pub use venue::{ForeignOrder, Outage, VenuePhase};

use self::core::{ClockEntry, Core};

/// Tick size where none is set.
const DEFAULT_TICK: Millis = Millis(1_000);

/// One bot: venues, strategies, and everything that decides.
///
/// What it does is compiled once, for whatever journal (`Engine`, without more words, is that); an engine that was made with a
/// journal of a known type lends that journal out, and does everything else as the other.
pub struct Engine<J: ?Sized = dyn Journal> {
    clock: Clock<ClockEntry>,
    core: Core<J>,
}

impl<J: Journal> Engine<J> {
    /// An engine without venues or strategies.
    #[must_use]
    pub fn new(setup: EngineSetup, journal: J) -> Engine<J> {
        let tick = if setup.tick.0 == 0 { DEFAULT_TICK } else { setup.tick };
        let mut core = Core::new(setup, journal);
        let mut clock = Clock::new(tick);
        // Before the strategies, so that they read what a tick has brought.
        let of_any: &mut Core = &mut core;
        clock.add(ClockEntry::Upkeep, of_any, HostNow::default());
        Engine { clock, core }
    }
}

impl<J: Journal> Deref for Engine<J> {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        self
    }
}

impl<J: Journal> DerefMut for Engine<J> {
    fn deref_mut(&mut self) -> &mut Engine {
        self
    }
}

impl<J: ?Sized> Engine<J> {
    /// The journal.
    #[must_use]
    pub const fn journal(&self) -> &J {
        self.core.journal()
    }

    /// The journal, for the host to flush or rotate it.
    pub const fn journal_mut(&mut self) -> &mut J {
        self.core.journal_mut()
    }
}

impl Engine {
    /// Adds a venue, before the start. Orders that the journal left open there are tracked again.
    pub fn add_venue(&mut self, setup: VenueSetup) -> VenueIndex {
        self.core.add_venue(setup)
    }

    /// Adds pairs that are watched, before the start: their books and trades are kept, and nothing is asked about them that an
    /// account has: no order of theirs is placed. They are many more than can be traded. A pair that the venue has is left as
    /// it is.
    pub fn watch(&mut self, venue: VenueIndex, pairs: Vec<Pair>) {
        self.core.watch(venue, pairs);
    }

    /// Adds a strategy, before the start: it is ticked behind those that were added before it.
    pub fn add_strategy(&mut self, strategy: Box<dyn Strategy>) {
        let index = self.core.add_strategy(strategy);
        self.clock
            .add(ClockEntry::Strategy(index), &mut self.core, HostNow::default());
    }

    /// Orders of earlier runs that may still be live and that no venue takes up, because their venue or their account was
    /// not added. To be asked once every venue has been, and before the start: nobody would watch or cancel them, so that a
    /// host names them and does not start. Empty after the start.
    pub fn orphans(&self) -> impl Iterator<Item = &RecoveredOrder> {
        self.core.orphans()
    }

    /// As [`Engine::orphans`], triggers that may still wait.
    pub fn orphan_triggers(&self) -> impl Iterator<Item = &RecoveredTrigger> {
        self.core.orphan_triggers()
    }

    /// Strategies that cannot trade the markets that they were given. To be asked once venues and strategies have been added, and
    /// before the start: a host names them and does not start.
    #[must_use]
    pub fn strategy_conflicts(&self) -> Vec<StrategyConflict> {
        self.core.strategy_conflicts()
    }

    /// Venues whose journaled orders and fills are of another environment of the exchange than the one they are to be used in.
    /// Such a venue is not brought up: a host names them and does not start. Empty after the start.
    #[must_use]
    pub fn environment_conflicts(&self) -> Vec<EnvironmentConflict> {
        self.core.environment_conflicts()
    }

    /// Starts: the Clock runs, every venue is brought up. Strategies are told once their markets are ready.
    pub fn start(&mut self, now: HostNow) {
        self.core.start(now);
        self.clock.start(&mut self.core, now);
        self.core.flush();
    }

    /// A batch of book levels.
    pub fn on_book(&mut self, venue: VenueIndex, batch: &BookBatch<'_>, now: HostNow) {
        self.core.on_book(venue, batch, now);
    }

    /// Public trades.
    pub fn on_trades(&mut self, venue: VenueIndex, batch: &TradeBatch<'_>, now: HostNow) {
        self.core.on_trades(venue, batch, now);
    }

    /// Best bid and ask.
    pub fn on_top(&mut self, venue: VenueIndex, top: &TopOfBook, now: HostNow) {
        self.core.on_top(venue, top, now);
    }

    /// An event of the connector.
    pub fn on_event(&mut self, venue: VenueIndex, event: Event, now: HostNow) {
        self.core.on_event(venue, event, now);
    }

    /// The end of an operation. One that the engine did not start is ignored.
    pub fn on_completed(&mut self, venue: VenueIndex, op: OpId, outcome: Outcome, now: HostNow) {
        self.core.on_completed(venue, op, &outcome, now);
    }

    /// A step of a session.
    pub fn on_session(&mut self, venue: VenueIndex, role: SessionRole, status: SessionStatus, now: HostNow) {
        self.core.on_session(venue, role, status, now);
    }

    /// A session is down, for a reason, and will be opened again at a time.
    pub fn on_session_rests(
        &mut self,
        venue: VenueIndex,
        role: SessionRole,
        reason: &str,
        until: MonoNs,
        now: HostNow,
    ) {
        self.core.on_session_rests(venue, role, reason, until, now);
    }

    /// The exchange has banned the venue's address until then: its strategies rest meanwhile. What was heard before of a longer
    /// one holds.
    pub fn on_ban(&mut self, venue: VenueIndex, until: MonoNs, now: HostNow) {
        self.core.on_ban(venue, until, now);
    }

    /// After inputs: strategies are told what changed (a book once, however many updates came), their wishes go through
    /// rules, risk and journal, and what is to be sent is ready to be taken.
    pub fn settle(&mut self, now: HostNow) {
        self.core.at(now);
        self.core.settle();
    }

    /// Does what is due: questions, snapshots, reconciliation, timers, and the Clock's tick. Call at [`Engine::next_wake`];
    /// earlier does no harm.
    pub fn tick(&mut self, now: HostNow) {
        self.core.at(now);
        self.core.upkeep_if_due();
        if self.clock.poll(&mut self.core, now).is_some() {
            self.core.clock_ticked(self.clock.stats());
        }
        self.core.settle();
    }

    /// When [`Engine::tick`] has something to do.
    #[must_use]
    pub fn next_wake(&self) -> MonoNs {
        let wake = self.core.wake();
        self.clock.next_tick().map_or(wake, |tick| tick.min(wake))
    }

    /// Begins to stop: strategies are told, every order and trigger is cancelled, and the exchange is asked until it says that none of
    /// ours is open. Go on feeding inputs until [`Engine::is_stopped`].
    pub fn stop(&mut self, reason: &str, now: HostNow) {
        self.core.stop(reason, now);
        self.core.settle();
    }

    /// Whether stopping is done and proven.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.core.is_stopped()
    }

    /// How stopping goes: what is left, what is proven. `None` before it began.
    #[must_use]
    pub fn stop_report(&self) -> Option<StopReport> {
        self.core.stop_report()
    }

    /// Throws the kill switch, because a person wants so; before the start or after it. Whether it was not thrown yet.
    pub fn throw_kill_switch(&mut self, reason: &str, now: HostNow) -> bool {
        self.core.at(now);
        let thrown = self.core.throw_kill_switch(KillCause::Person, reason.to_owned());
        self.core.flush();
        thrown
    }

    /// The kill switch, where it is thrown: in this run, or in an earlier one that the journal tells of. Everything is
    /// cancelled then and nothing placed, until [`Engine::resume`].
    #[must_use]
    pub const fn kill_switch(&self) -> Option<&KillSwitch> {
        self.core.state.kill_switch.as_ref()
    }

    /// Releases the kill switch, because a person wants so; before the start or after it. Whether it was thrown. Profit is
    /// compared with what it is from now on.
    pub fn resume(&mut self, now: HostNow) -> bool {
        self.core.resume(now)
    }

    /// What is to be done outside, in order.
    pub fn take_actions(&mut self) -> impl Iterator<Item = EngineAction> {
        self.core.take_actions().into_iter()
    }

    /// Everything that the engine knows, read only.
    #[must_use]
    pub const fn view(&self) -> View<'_> {
        self.core.view()
    }
}
