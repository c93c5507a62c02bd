//! What is looked at while a seed runs: memory, the kill switch, what strategies are told.

use std::collections::BTreeSet;

use colibri_model::{Millis, MonoNs, SplitMix64};

use super::books::Books;
use super::catching_up::CatchingUp;
use super::contract_plan::ContractPlan;
use super::contract_watch::ContractWatch;
use super::ends::Ends;
use super::process::Process;
use super::verdict;
use super::witness;
use super::world::FaultyExchange;

/// How often memory is looked at.
const MEMORY: Millis = Millis(5_000);
/// Operations that may be under way at once.
const MOST_OPERATIONS: usize = 256;
/// Orders that may be live at once: twenty a strategy, and what is on its way to its end.
const MOST_LIVE: usize = 100;
/// Orders that the tracker may remember.
const MOST_ORDERS: usize = 12_000;
/// Streams that may be open at once.
const MOST_STREAMS: usize = 8;
/// Within so long of the kill switch, everything is cancelled once the faults have stopped.
const CANCELLED_WITHIN: Millis = Millis(45_000);

/// The kill switch while it is thrown.
#[derive(Debug, Clone, Copy)]
struct Thrown {
    since: MonoNs,
    /// When a person is going to release it.
    resume: MonoNs,
    /// Orders that the process had sent by then.
    sent: u64,
}

/// Looks on, and remembers what was amiss.
pub struct Watch {
    broken: BTreeSet<String>,
    /// What of it stands in the trace.
    told: BTreeSet<String>,
    next: MonoNs,
    thrown: Option<Thrown>,
    throws: u64,
    books: Books,
    catching_up: CatchingUp,
    ends: Ends,
    contracts: ContractWatch,
}

impl Watch {
    /// From `now` on.
    #[must_use]
    pub fn new(plan: ContractPlan, now: MonoNs) -> Watch {
        Watch {
            broken: BTreeSet::new(),
            told: BTreeSet::new(),
            next: now,
            thrown: None,
            throws: 0,
            books: Books::default(),
            catching_up: CatchingUp::default(),
            ends: Ends::default(),
            contracts: ContractWatch::new(plan, now),
        }
    }

    /// Something was amiss.
    pub fn broken(&mut self, what: String) {
        self.broken.insert(what);
    }

    /// What has been found amiss since the last time, for the trace.
    pub fn take_untold(&mut self) -> Vec<String> {
        let untold: Vec<_> = self.broken.difference(&self.told).cloned().collect();
        self.told.extend(untold.iter().cloned());
        untold
    }

    /// How often the kill switch was thrown.
    #[must_use]
    pub const fn throws(&self) -> u64 {
        self.throws
    }

    /// What was amiss.
    pub fn violations(&self) -> impl Iterator<Item = String> + '_ {
        self.broken.iter().cloned()
    }

    /// A process has started: a switch that was thrown still is.
    pub fn started(&mut self, process: &Process, now: MonoNs) {
        self.books = Books::default();
        self.catching_up = CatchingUp::default();
        self.ends.started(process, now);
        self.contracts.started();
        if let Some(thrown) = &mut self.thrown {
            thrown.sent = process.engine().view().counts().orders_sent;
            if process.engine().kill_switch().is_none() {
                self.broken("the kill switch was forgotten over a restart".to_owned());
            }
        }
    }

    /// A process ends, or has done its work.
    pub fn ended(&mut self, process: &Process) {
        for what in witness::misled(&process.told, &process.engine().view()) {
            self.broken(what);
        }
        let faults = process.connector_faults();
        if faults > 0 {
            self.broken(format!("the connector faulted {faults} times"));
        }
    }

    /// After a turn.
    pub fn look(&mut self, process: &Process, world: &FaultyExchange, now: MonoNs, random: &mut SplitMix64) {
        self.look_at_kill_switch(process, now, random);
        self.broken.extend(self.books.look(process, world));
        self.broken.extend(self.catching_up.look(process, world, now));
        self.broken.extend(self.ends.look(process, world, now));
        self.broken.extend(self.contracts.look(process, world, now));
        if now >= self.next {
            self.next = now.plus(MEMORY);
            self.look_at_memory(process);
        }
    }

    fn look_at_memory(&mut self, process: &Process) {
        let view = process.engine().view();
        let health: Vec<_> = process.health().collect();
        let sessions = health.iter().flat_map(|health| &health.sessions);
        let streams: usize = sessions.map(|session| session.streams).sum();
        let queued: usize = health.iter().map(|health| health.queued).sum();
        let live: usize = view.venues().map(|v| v.live_orders().count()).sum();
        let orders: usize = view.venues().map(|v| v.orders().count()).sum();
        for (what, count, most) in [
            ("operations under way", process.operations(), MOST_OPERATIONS),
            ("operations in the queue", queued, MOST_OPERATIONS),
            ("streams", streams, MOST_STREAMS),
            ("live orders", live, MOST_LIVE),
            ("orders remembered", orders, MOST_ORDERS),
        ] {
            if count > most {
                self.broken(format!("more than {most} {what}"));
            }
        }
    }

    fn look_at_kill_switch(&mut self, process: &Process, now: MonoNs, random: &mut SplitMix64) {
        let sent = process.engine().view().counts().orders_sent;
        match (&self.thrown, process.engine().kill_switch()) {
            (None, None) => {}
            (None, Some(_)) => {
                self.throws += 1;
                let resume = now.plus(Millis(15_000 + random.below(75_000)));
                self.thrown = Some(Thrown {
                    since: now,
                    resume,
                    sent,
                });
            }
            (Some(_), None) => self.broken("the kill switch released itself".to_owned()),
            (Some(thrown), Some(_)) if sent > thrown.sent => {
                self.broken("an order was sent while the kill switch was thrown".to_owned());
            }
            (Some(_), Some(_)) => {}
        }
    }

    /// Once the seed is over.
    pub fn over(&mut self, world: &FaultyExchange) {
        self.broken.extend(self.ends.came_to_be(world));
    }

    /// When a person releases the kill switch.
    #[must_use]
    pub fn resume_at(&self) -> Option<MonoNs> {
        self.thrown.map(|thrown| thrown.resume)
    }

    /// Whether that time has come.
    #[must_use]
    pub fn is_to_resume(&self, now: MonoNs) -> bool {
        self.resume_at().is_some_and(|at| at <= now)
    }

    /// A person has released the kill switch.
    pub const fn resumed(&mut self) {
        self.thrown = None;
    }

    /// The faults have stopped: nobody releases the kill switch any more.
    pub const fn nobody_resumes(&mut self) {
        if let Some(thrown) = &mut self.thrown {
            thrown.resume = MonoNs(u64::MAX);
        }
    }

    /// The faults stopped a while ago, and the bot has not been asked to stop yet. A ban may outlast them: a bot that may not
    /// ask knows nothing and cancels nothing.
    pub fn before_the_stop(&mut self, process: &Process, world: &FaultyExchange, now: MonoNs) {
        if process
            .engine()
            .view()
            .venues()
            .any(|venue| venue.not_ready().is_some())
        {
            return;
        }
        if self
            .thrown
            .is_some_and(|thrown| now.since(thrown.since) > CANCELLED_WITHIN)
        {
            let switch = process.engine().kill_switch();
            if switch.is_some_and(|switch| switch.proven.is_none()) {
                self.broken("the kill switch is thrown, and it is not proven that nothing is open".to_owned());
            }
            for id in verdict::open_orders_of_the_bot(process, world) {
                self.broken(format!("{id} is open although the kill switch was thrown"));
            }
        }
        for what in verdict::foreign_orders(process, world) {
            self.broken(what);
        }
    }
}
