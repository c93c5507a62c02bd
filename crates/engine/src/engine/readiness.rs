//! Whether strategies may trade: they are started, paused and resumed as their markets come and go.
//!
//! What keeps a strategy from trading is looked for in all of its markets, which may be a thousand, and a turn comes with every
//! frame. So a strategy is looked at where something has changed that it depends on, or when a book of its markets may have
//! become stale by time alone. Every upkeep looks at every strategy whatever has changed; that no turn between two of them
//! misses anything is asserted in builds with assertions.

use colibri_model::MonoNs;

use crate::engine::core::Core;
use crate::engine::state::{EnginePhase, State, StrategyInfo, StrategyState};
use crate::engine::venue::Outage;
use crate::engine::{LogLevel, MarketId};
use crate::strategy::{BookNeed, Input, PauseReason};
use crate::view::View;

const NEVER: MonoNs = MonoNs(u64::MAX);

/// What the next turn has to look at. Nothing of it is written down: after a restart everything is looked at.
#[derive(Debug)]
pub(crate) struct Readiness {
    seen: Seen,
    /// Something has changed that may concern any strategy.
    doubted: bool,
    /// Markets whose books are to be judged anew, beside those with news for strategies.
    touched: Vec<MarketId>,
    /// By strategy.
    sights: Vec<Sight>,
    /// No strategy is to be looked at before, for time alone.
    next: MonoNs,
    /// Room for the numbers of strategies that are to be looked at.
    due: Vec<usize>,
}

impl Default for Readiness {
    fn default() -> Self {
        Readiness {
            seen: Seen::default(),
            doubted: true,
            touched: Vec::new(),
            sights: Vec::new(),
            next: MonoNs(0),
            due: Vec::new(),
        }
    }
}

impl Readiness {
    pub(crate) fn add_strategy(&mut self) {
        self.sights.push(Sight::NOTHING);
    }

    /// Nothing is known any more.
    pub(crate) fn forget(&mut self) {
        *self = Readiness {
            sights: vec![Sight::NOTHING; self.sights.len()],
            ..Readiness::default()
        };
    }

    /// Something has changed that may concern any strategy.
    pub(crate) const fn doubt(&mut self) {
        self.doubted = true;
    }

    /// A market's book is to be judged anew although there may be no news of it for strategies.
    pub(crate) fn touch(&mut self, market: MarketId) {
        self.touched.push(market);
    }

    /// Markets that were touched since strategies were last looked at.
    pub(crate) fn touched(&self) -> &[MarketId] {
        &self.touched
    }

    /// Compares what everything depends on with what it was the last time; whether it is another.
    pub(crate) fn notice(&mut self, state: &State) -> bool {
        let is_other = self.seen.become_of(state);
        self.doubted |= is_other;
        is_other
    }
}

/// What any strategy, and the brakes, depend on: little enough to be compared in every turn.
#[derive(Debug, Default)]
struct Seen {
    is_killed: bool,
    journal_failed: bool,
    venues: Vec<SeenVenue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SeenVenue {
    for_streamed: Option<Outage>,
    for_polled: Option<Outage>,
    /// How often an instrument got its first live order.
    began: u64,
}

impl Seen {
    fn become_of(&mut self, state: &State) -> bool {
        let (is_killed, journal_failed) = (state.kill_switch.is_some(), state.journal_fault.is_some());
        let mut is_other = self.is_killed != is_killed
            || self.journal_failed != journal_failed
            || self.venues.len() != state.venues.len();
        self.is_killed = is_killed;
        self.journal_failed = journal_failed;
        let none = SeenVenue {
            for_streamed: None,
            for_polled: None,
            began: 0,
        };
        self.venues.resize(state.venues.len(), none);
        for (seen, venue) in self.venues.iter_mut().zip(&state.venues) {
            let now = SeenVenue {
                for_streamed: venue.outage(BookNeed::Streamed),
                for_polled: venue.outage(BookNeed::Polled),
                began: venue.orders.live_counts().began(),
            };
            is_other |= *seen != now;
            *seen = now;
        }
        is_other
    }
}

/// What was found when a strategy was last looked at.
#[derive(Debug, Clone, Copy)]
struct Sight {
    /// So many of its markets, from the first on, keep nothing from it ..
    clear: usize,
    /// .. before this, unless a venue changes or one of them is touched. Then all of them are looked at again.
    until: MonoNs,
    /// The place of a market that had no fresh book.
    unfresh: usize,
}

impl Sight {
    const NOTHING: Sight = Sight {
        clear: 0,
        until: MonoNs(0),
        unfresh: 0,
    };

    const fn begin_anew(&mut self, until: MonoNs) {
        self.clear = 0;
        self.until = until;
    }
}

/// Whether a strategy was told that it may trade, or may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    Told,
    Quiet,
}

impl Core {
    /// Looks at every strategy.
    pub(crate) fn update_strategies(&mut self) {
        self.readiness.doubt();
        self.look_at_strategies();
    }

    /// Looks at those strategies that something may have changed for.
    pub(crate) fn look_at_strategies(&mut self) {
        if self.state.phase != EnginePhase::Running {
            self.readiness.touched.clear();
            return self.readiness.doubt();
        }
        let now = self.mono();
        let mut due = std::mem::take(&mut self.readiness.due);
        let by_time = now >= self.readiness.next;
        if std::mem::take(&mut self.readiness.doubted) {
            for sight in &mut self.readiness.sights {
                sight.begin_anew(NEVER);
            }
            due.extend(0..self.slots.len());
        } else {
            if by_time {
                let sights = self.readiness.sights.iter().enumerate();
                due.extend(sights.filter(|(_, sight)| now >= sight.until).map(|(index, _)| index));
            }
            let (state, readiness) = (&self.state, &mut self.readiness);
            for &id in &self.changed {
                judge_anew(state, id, &mut readiness.sights, &mut readiness.next, &mut due);
            }
            for &id in &readiness.touched {
                judge_anew(state, id, &mut readiness.sights, &mut readiness.next, &mut due);
            }
            due.sort_unstable();
            due.dedup();
        }
        self.readiness.touched.clear();
        let mut told = false;
        let mut at = 0;
        while let Some(&index) = due.get(at) {
            at += 1;
            if self.look_at(index) == Looked::Told {
                told = true;
                // What it answered may concern those behind it.
                due.clear();
                due.extend(index + 1..self.slots.len());
                at = 0;
            }
        }
        due.clear();
        self.readiness.due = due;
        if by_time {
            let sights = self.readiness.sights.iter();
            self.readiness.next = sights.map(|sight| sight.until).min().unwrap_or(NEVER);
        }
        debug_assert!(told || self.nothing_is_missed(), "a strategy was not looked at");
    }

    fn look_at(&mut self, index: usize) -> Looked {
        let before = self.state.strategies[index].state;
        if before == StrategyState::Waiting {
            self.resolve_markets(index);
        }
        let obstacle = self.obstacle(index);
        self.state.strategies[index].obstacle = obstacle;
        let after = match (before, obstacle) {
            (StrategyState::Waiting | StrategyState::Paused(_), None) if self.books_are_fresh(index) => {
                StrategyState::Running
            }
            (StrategyState::Running, Some(reason)) => StrategyState::Paused(reason),
            (StrategyState::Paused(old), Some(reason)) if old != reason => StrategyState::Paused(reason),
            _ => return Looked::Quiet,
        };
        let now = self.mono();
        let strategy = &mut self.state.strategies[index];
        strategy.state = after;
        let id = strategy.id.clone();
        if let (StrategyState::Paused(old), StrategyState::Paused(reason)) = (before, after)
            && old.is_akin(reason)
        {
            return Looked::Quiet;
        }
        strategy.since = now;
        match after {
            StrategyState::Paused(reason) => {
                let why = View::new(&self.state).pause_in_words(reason);
                self.log(LogLevel::Warn, format!("strategy {id} rests: {why}"));
                self.tell(index, Input::Paused(reason));
            }
            _ => {
                // Timers that came due while it rested fire now.
                self.timers_due = MonoNs(0);
                if before == StrategyState::Waiting {
                    self.log(LogLevel::Info, format!("strategy {id} starts"));
                    self.tell(index, Input::Started);
                } else {
                    self.log(LogLevel::Info, format!("strategy {id} goes on"));
                    self.tell(index, Input::Resumed);
                }
            }
        }
        self.state.strategies[index].status = self.slots[index].strategy.status();
        Looked::Told
    }

    /// Finds a strategy's markets. They are what they are from then on: a bot's markets are added before its start.
    fn resolve_markets(&mut self, index: usize) {
        if !self.state.strategies[index].markets.is_empty() {
            return;
        }
        let view = View::new(&self.state);
        let needs = self.slots[index].strategy.needs();
        let found: Vec<MarketId> = needs
            .iter()
            .filter_map(|need| view.find_market(&need.venue, &need.pair))
            .collect();
        if found.len() == needs.len() {
            self.state.strategies[index].markets = found;
            self.state.listen(index);
        }
    }

    /// What keeps a strategy from trading.
    fn obstacle(&mut self, index: usize) -> Option<PauseReason> {
        let mut sight = self.readiness.sights[index];
        let obstacle = self.obstacle_behind(index, &mut sight);
        self.readiness.sights[index] = sight;
        self.readiness.next = self.readiness.next.min(sight.until);
        obstacle
    }

    /// As [`Core::obstacle`], markets looked at behind those that are known to be clear.
    fn obstacle_behind(&self, index: usize, sight: &mut Sight) -> Option<PauseReason> {
        let now = self.mono();
        let strategy = &self.state.strategies[index];
        if now >= sight.until {
            sight.begin_anew(NEVER);
        }
        let general = if self.state.kill_switch.is_some() {
            Some(PauseReason::KillSwitch)
        } else if self.state.journal_fault.is_some() {
            Some(PauseReason::JournalFailed)
        } else {
            None
        };
        if general.is_some() {
            sight.begin_anew(NEVER);
            return general;
        }
        if let Some(until) = strategy.rejections.rest_until(now) {
            sight.begin_anew(until);
            return Some(PauseReason::OrdersRefused);
        }
        if strategy.markets.is_empty() && !self.slots[index].strategy.needs().is_empty() {
            return Some(PauseReason::NoSuchMarket);
        }
        let need = strategy.book_need;
        while let Some(&id) = strategy.markets.get(sight.clear) {
            let venue = &self.state.venues[id.venue.0];
            if let Some(outage) = venue.outage(need) {
                return Some(PauseReason::VenueOut {
                    venue: id.venue,
                    outage,
                });
            }
            if let Some(market) = venue.market(id.instrument) {
                let stale_from = venue.stale_from(market, need);
                if now >= stale_from {
                    return Some(PauseReason::BookStale(id));
                }
                sight.until = sight.until.min(stale_from);
            }
            sight.clear += 1;
        }
        None
    }

    /// Whether every market's book is there and fresh. Where it is not, the one that was not the last time mostly is not yet.
    fn books_are_fresh(&mut self, index: usize) -> bool {
        let markets = &self.state.strategies[index].markets;
        let unfresh = self.readiness.sights[index].unfresh;
        if markets.get(unfresh).is_some_and(|&id| !self.book_is_fresh(index, id)) {
            return false;
        }
        let unfresh = markets.iter().position(|&id| !self.book_is_fresh(index, id));
        self.readiness.sights[index].unfresh = unfresh.unwrap_or(0);
        unfresh.is_none()
    }

    fn book_is_fresh(&self, index: usize, id: MarketId) -> bool {
        let venue = &self.state.venues[id.venue.0];
        let need = self.state.strategies[index].book_need;
        let market = venue.market(id.instrument);
        market.is_some_and(|market| venue.book_is_fresh(market, need, self.mono()))
    }

    /// Whether looking at every strategy would find what is known.
    fn nothing_is_missed(&self) -> bool {
        let finds = |(index, strategy): (usize, &StrategyInfo)| {
            let obstacle = self.obstacle_behind(index, &mut Sight::NOTHING.clone());
            let may_begin = || {
                let mut markets = strategy.markets.iter();
                strategy.state != StrategyState::Running
                    && obstacle.is_none()
                    && markets.all(|&id| self.book_is_fresh(index, id))
            };
            obstacle == strategy.obstacle && !may_begin()
        };
        self.state.strategies.iter().enumerate().all(finds)
    }
}

/// A market was touched: finds out which strategies that listen to it are to be looked at, and until when the others are not.
fn judge_anew(state: &State, id: MarketId, sights: &mut [Sight], next: &mut MonoNs, due: &mut Vec<usize>) {
    let now = state.now.mono;
    let venue = &state.venues[id.venue.0];
    let Some(market) = venue.market(id.instrument) else {
        return;
    };
    for &index in &market.listeners {
        let (strategy, sight) = (&state.strategies[index], &mut sights[index]);
        let stale_from = venue.stale_from(market, strategy.book_need);
        let is_stale = now >= stale_from;
        if !is_stale {
            // It may stand behind those that are clear: then the others are looked at early once.
            sight.until = sight.until.min(stale_from);
            *next = sight.until.min(*next);
        } else if strategy.obstacle != Some(PauseReason::BookStale(id)) {
            sight.begin_anew(NEVER);
        }
        if is_stale || strategy.state != StrategyState::Running {
            due.push(index);
        }
    }
}
