//! What the engine's parts share: state, journal, operations, actions, and when to wake.

use std::collections::{BTreeMap, VecDeque};

use colibri_model::{Journal, JournalError, Millis, MonoNs, OpId, Pair, Record, SplitMix64};
use colibri_standard::{Command, Outcome};

use crate::HostNow;
use crate::accounts::Takings;
use crate::clock::{Tick, TickStats, TimeIterator};
use crate::engine::dispatch::Note;
use crate::engine::kill_switch::Brakes;
use crate::engine::limits::OrderRate;
use crate::engine::market::MarketWanted;
use crate::engine::operations::Purpose;
use crate::engine::readiness::Readiness;
use crate::engine::session_profit::Session;
use crate::engine::state::{Counts, EnginePhase, State};
use crate::engine::stop::Stopping;
use crate::engine::venue::{Retry, Venue};
use crate::engine::{DataDelays, EngineAction, EngineSetup, LogLevel, MarketId, Recovered, VenueIndex, VenueSetup};
use crate::strategy::{Strategy, StrategyActions};
use crate::view::View;

/// How many waiting facts are written at once.
const BACKLOG_BATCH: usize = 1_000;

pub(crate) struct Slot {
    pub(crate) strategy: Box<dyn Strategy>,
    pub(crate) actions: StrategyActions,
}

/// The journal stands last and may be any: the engine is compiled once, for a journal that it knows by its trait alone.
pub(crate) struct Core<J: ?Sized = dyn Journal> {
    pub(crate) state: State,
    pub(crate) slots: Vec<Slot>,
    pub(crate) notes: VecDeque<Note>,
    pub(crate) random: SplitMix64,
    pub(crate) recovered: Recovered,
    pub(crate) stopping: Stopping,
    pub(crate) version: String,
    pub(crate) seed: u64,
    /// Facts that could not be written yet.
    backlog: Vec<Record>,
    /// Markets with news for strategies; some may be there twice.
    pub(crate) changed: Vec<MarketId>,
    pub(crate) readiness: Readiness,
    pub(crate) brakes: Brakes,
    /// No timer of a strategy that runs is due before.
    pub(crate) timers_due: MonoNs,
    actions: Vec<EngineAction>,
    next_op: u64,
    wake: MonoNs,
    journal: J,
}

/// What the Clock ticks: the engine's own upkeep, then each strategy.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ClockEntry {
    Upkeep,
    Strategy(usize),
}

impl TimeIterator<Core> for ClockEntry {
    fn ticked(&mut self, core: &mut Core, tick: &Tick) {
        match *self {
            ClockEntry::Upkeep => {
                if tick.skipped > 0 {
                    let text = format!(
                        "the host was late: {} ticks were skipped before tick {}",
                        tick.skipped, tick.number
                    );
                    core.log(LogLevel::Warn, text);
                }
                core.upkeep();
            }
            ClockEntry::Strategy(index) => core.tick_strategy(index, tick),
        }
    }
}

impl<J: Journal> Core<J> {
    pub(crate) fn new(setup: EngineSetup, journal: J) -> Core<J> {
        Core {
            state: State {
                now: HostNow::default(),
                bot: setup.bot,
                phase: EnginePhase::Idle,
                venues: Vec::new(),
                strategies: Vec::new(),
                risk: setup.risk,
                order_rate: OrderRate::default(),
                takings: Takings::default(),
                kill_switch: setup.recovered.kill_switch.clone(),
                session: Session::new(setup.recovered.session.clone()),
                outage_since: BTreeMap::new(),
                counts: Counts::default(),
                delays: DataDelays::default(),
                recent_fills: VecDeque::new(),
                journal_fault: None,
                tick_stats: TickStats::default(),
                stop_report: None,
            },
            slots: Vec::new(),
            notes: VecDeque::new(),
            random: SplitMix64::new(setup.seed),
            recovered: setup.recovered,
            stopping: Stopping::default(),
            version: setup.version,
            seed: setup.seed,
            backlog: Vec::new(),
            changed: Vec::new(),
            readiness: Readiness::default(),
            brakes: Brakes::default(),
            timers_due: MonoNs(0),
            actions: Vec::new(),
            next_op: 1,
            wake: MonoNs(0),
            journal,
        }
    }
}

impl<J: ?Sized> Core<J> {
    pub(crate) const fn journal(&self) -> &J {
        &self.journal
    }
    pub(crate) const fn journal_mut(&mut self) -> &mut J {
        &mut self.journal
    }
}

impl Core {
    pub(crate) fn add_venue(&mut self, setup: VenueSetup) -> VenueIndex {
        let index = VenueIndex(self.state.venues.len());
        let pairs = setup.pairs.into_iter().map(|pair| (pair, MarketWanted::Trading));
        let mut pairs: Vec<_> = pairs.collect();
        // An open order of a pair that is no longer wanted must still be asked about and cancelled.
        let left = self.recovered.orders.values();
        let left = left.filter(|o| o.venue == setup.venue && o.account == setup.account && o.state.may_be_live());
        pairs.extend(left.map(|o| (o.pair.clone(), MarketWanted::LeftOrders)));
        let waiting = self.recovered.triggers.values();
        let waiting = waiting.filter(|t| t.venue == setup.venue && t.account == setup.account && t.state.may_be_live());
        pairs.extend(waiting.map(|t| (t.pair.clone(), MarketWanted::LeftOrders)));
        let mut venue = Venue::new(setup.venue, setup.account, setup.manifest, &pairs);
        venue.environment = setup.environment;
        venue.adopt = setup.adopt;
        if let Some(contracts) = &mut venue.contracts {
            contracts.choices = setup.contracts;
        }
        self.state.venues.push(venue);
        index
    }

    pub(crate) fn watch(&mut self, index: VenueIndex, pairs: Vec<Pair>) {
        let pairs: Vec<_> = pairs.into_iter().map(|pair| (pair, MarketWanted::Watching)).collect();
        if let Some(venue) = self.state.venues.get_mut(index.0) {
            venue.add_pairs(&pairs);
        }
    }

    pub(crate) const fn view(&self) -> View<'_> {
        View::new(&self.state)
    }

    /// The time of the input that is being handled.
    pub(crate) fn at(&mut self, now: HostNow) {
        self.state.now = now;
    }
    pub(crate) const fn mono(&self) -> MonoNs {
        self.state.now.mono
    }

    pub(crate) const fn wake(&self) -> MonoNs {
        self.wake
    }
    /// Upkeep is wanted at `at` or before.
    pub(crate) fn wake_at(&mut self, at: MonoNs) {
        self.wake = self.wake.min(at);
    }
    pub(crate) fn wake_in(&mut self, wait: Millis) -> MonoNs {
        let at = self.mono().plus(wait);
        self.wake_at(at);
        at
    }
    pub(crate) const fn forget_wake(&mut self) {
        self.wake = MonoNs(u64::MAX);
    }

    pub(crate) fn clock_ticked(&mut self, stats: TickStats) {
        self.state.tick_stats = stats;
    }

    /// For a snapshot: facts that could not be written yet.
    pub(crate) fn backlog(&self) -> &[Record] {
        &self.backlog
    }
    /// For a snapshot: the number of the next operation.
    pub(crate) const fn next_op(&self) -> u64 {
        self.next_op
    }
    /// Whether something is to be done outside that was not taken.
    pub(crate) const fn has_actions(&self) -> bool {
        !self.actions.is_empty()
    }
    /// Goes on from a snapshot.
    pub(crate) fn go_on_from(&mut self, backlog: Vec<Record>, next_op: u64, wake: MonoNs) {
        self.backlog = backlog;
        self.next_op = next_op;
        self.wake = wake;
        self.readiness.forget();
        self.brakes = Brakes::default();
        self.timers_due = MonoNs(0);
        self.state.listen_all();
    }

    /// Something has changed that any strategy, and the brakes, may depend on.
    pub(crate) const fn doubt(&mut self) {
        self.readiness.doubt();
        self.brakes.doubt();
    }

    pub(crate) fn log(&mut self, level: LogLevel, text: impl Into<String>) {
        self.actions.push(EngineAction::Log {
            level,
            text: text.into(),
        });
    }

    pub(crate) fn act(&mut self, action: EngineAction) {
        self.actions.push(action);
    }

    pub(crate) fn take_actions(&mut self) -> Vec<EngineAction> {
        self.flush();
        std::mem::take(&mut self.actions)
    }

    pub(crate) fn new_op(&mut self) -> OpId {
        let op = OpId(self.next_op);
        self.next_op += 1;
        op
    }

    /// Runs a command.
    pub(crate) fn command(&mut self, venue: VenueIndex, purpose: Purpose, command: Command) -> OpId {
        let op = self.new_op();
        self.state.venues[venue.0].ops.begin(op, purpose);
        self.act(EngineAction::Command { venue, op, command });
        op
    }

    /// Hands over the order operations that were collected, one slice a venue.
    pub(crate) fn flush(&mut self) {
        for (index, venue) in self.state.venues.iter_mut().enumerate() {
            if !venue.outbox.is_empty() {
                self.actions.push(EngineAction::Orders {
                    venue: VenueIndex(index),
                    ops: std::mem::take(&mut venue.outbox),
                });
            }
        }
    }

    /// Writes what something depends on, before it is done.
    pub(crate) fn journal_first(&mut self, record: Record) -> Result<(), JournalError> {
        self.journal_all_first(std::slice::from_ref(&record))
    }

    /// As [`Core::journal_first`], all of them or none.
    pub(crate) fn journal_all_first(&mut self, records: &[Record]) -> Result<(), JournalError> {
        if let Some(fault) = &self.state.journal_fault {
            return Err(JournalError(fault.clone()));
        }
        let written = self.journal.append(records);
        if let Err(error) = &written {
            self.journal_failed(error.clone());
        }
        written
    }

    /// Writes a fact that is so whether it can be written or not; one that cannot be written is kept for later.
    pub(crate) fn journal_fact(&mut self, record: Record) {
        if self.state.journal_fault.is_some() {
            self.backlog.push(record);
            return;
        }
        if let Err(error) = self.journal.append(std::slice::from_ref(&record)) {
            self.backlog.push(record);
            self.journal_failed(error);
        }
    }

    fn journal_failed(&mut self, error: JournalError) {
        self.log(LogLevel::Error, error.to_string());
        self.state.journal_fault = Some(error.0);
    }

    /// Tries to write what could not be written.
    pub(crate) fn retry_journal(&mut self) {
        if self.state.journal_fault.is_none() {
            return;
        }
        let is_behind = !self.backlog.is_empty();
        // A batch has a bound; what was waited for has none.
        while !self.backlog.is_empty() {
            let batch = self.backlog.len().min(BACKLOG_BATCH);
            if self.journal.append(&self.backlog[..batch]).is_err() {
                return;
            }
            self.backlog.drain(..batch);
        }
        // Nothing is left to write: one that is beyond repair says so, of any other the next order shows it.
        if self.journal.append(&[]).is_err() {
            return;
        }
        self.state.journal_fault = None;
        let text = if is_behind {
            "the journal can be written again"
        } else {
            "the journal is tried again with the next order"
        };
        self.log(LogLevel::Info, text);
    }

    /// Facts that are not in the journal, because it cannot be written.
    pub(crate) fn unwritten(&self) -> usize {
        self.backlog.len()
    }

    /// How long to wait before something that failed is tried again: doubling from a quarter of a second to half a minute,
    /// with jitter of a quarter.
    pub(crate) fn back_off(&mut self, failures: u32) -> Millis {
        let wait = (250u64 << failures.min(7)).min(30_000);
        Millis(wait + self.random.below(wait / 4))
    }

    /// Puts off what `venue` needs and could not get.
    pub(crate) fn retry_later(&mut self, venue: VenueIndex, what: &str, outcome: &Outcome) {
        let failures = self.state.venues[venue.0].retry.failures;
        let mut wait = self.back_off(failures);
        if let Outcome::Throttled {
            retry_after: Some(asked),
            ..
        } = outcome
        {
            wait = wait.max(*asked);
        }
        let at = self.wake_in(wait);
        let venue = &mut self.state.venues[venue.0];
        venue.retry = Retry {
            at,
            failures: failures.saturating_add(1),
        };
        let why = outcome.refusal().map(ToString::to_string).unwrap_or_default();
        let text = format!("{}: {what} failed ({why}); trying again in {} ms", venue.id, wait.0);
        self.log(LogLevel::Warn, text);
    }
}
