//! The engine's whole state, written down and gone on from: what a replay of a recorded run enters at.
//!
//! What lives here: what stands in a snapshot of an engine, and what must be over before there can be one. What must not
//! live here: how single parts are written (beside each of them, and in [`crate::kept`]).

use colibri_model::{Fill, MonoNs, NoSnapshot, Record, SnapshotUnusable, SplitMix64};
use serde::{Deserialize, Serialize};

use crate::clock::KeptClock;
use crate::engine::state::{EnginePhase, State};
use crate::engine::stop::Stopping;
use crate::engine::{Core, Engine, MarketId};
use crate::orders::InFlightOrder;

/// A snapshot of an engine as it is written: it borrows what it tells.
#[derive(Serialize)]
pub struct EngineSnapshot<'a> {
    state: &'a State,
    strategies: Vec<serde_json::Value>,
    random: &'a SplitMix64,
    stopping: &'a Stopping,
    backlog: &'a [Record],
    next_op: u64,
    wake: MonoNs,
    changed: Vec<MarketId>,
    clock: KeptClock,
}

/// A snapshot of an engine as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoredEngine {
    state: State,
    strategies: Vec<serde_json::Value>,
    random: SplitMix64,
    stopping: Stopping,
    backlog: Vec<Record>,
    next_op: u64,
    wake: MonoNs,
    changed: Vec<MarketId>,
    clock: KeptClock,
}

/// Whether there is more to be gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There is.
    More,
    /// Everything was.
    Done,
}

/// Some orders that have ended and some fills of a venue, gathered ahead of a snapshot.
#[derive(Serialize, Deserialize)]
struct Piece<O, F> {
    venue: usize,
    orders: O,
    fills: F,
}

impl RestoredEngine {
    /// Puts a piece to it that was gathered ahead of it ([`Engine::gather`]): all of them, in their order.
    ///
    /// # Errors
    /// It cannot be read, or is of another bot.
    pub fn add_gathered(&mut self, pieces: &[impl AsRef<[u8]>]) -> Result<(), SnapshotUnusable> {
        let mut fills: Vec<Vec<Fill>> = self.state.venues.iter().map(|_| Vec::new()).collect();
        for piece in pieces {
            let piece: Piece<Vec<InFlightOrder>, Vec<Fill>> =
                serde_json::from_slice(piece.as_ref()).map_err(SnapshotUnusable::new)?;
            let (Some(venue), Some(fills)) = (self.state.venues.get_mut(piece.venue), fills.get_mut(piece.venue))
            else {
                return Err(SnapshotUnusable::new(
                    "a part of it is of a venue that the bot does not have",
                ));
            };
            venue.orders.complete(piece.orders);
            fills.extend(piece.fills);
        }
        for (venue, fills) in self.state.venues.iter_mut().zip(fills) {
            venue.ledger.complete(fills);
            venue.orders.end_gathering();
        }
        Ok(())
    }
}

impl Engine {
    /// Gathers ahead of a snapshot some of what hardly changes any more, and can be much: ended orders and fills. Writes a piece
    /// of at most so many of each as JSON at the end of `out`. The next snapshot holds none of what is in the pieces since the
    /// one before, and what has changed of it.
    pub fn gather(&mut self, most: usize, out: &mut Vec<u8>) -> Progress {
        let venues = &mut self.core.state.venues;
        let last = venues.len().saturating_sub(1);
        let Some(at) = venues
            .iter()
            .position(|venue| !venue.gathered)
            .or(venues.len().checked_sub(1))
        else {
            return Progress::Done;
        };
        let venue = &mut venues[at];
        let (orders_done, orders) = venue.orders.gather(most);
        let (fills_done, fills) = venue.ledger.gather(most);
        venue.gathered = orders_done == Progress::Done && fills_done == Progress::Done;
        let piece = Piece {
            venue: at,
            orders,
            fills,
        };
        serde_json::to_writer(out, &piece).expect("orders and fills have text as keys, and a vector takes every byte");
        if venue.gathered && at == last {
            Progress::Done
        } else {
            Progress::More
        }
    }

    /// A snapshot was taken: the next one is gathered anew.
    pub fn end_gathering(&mut self) {
        for venue in &mut self.core.state.venues {
            venue.gathered = false;
            venue.orders.end_gathering();
            venue.ledger.end_gathering();
        }
    }

    /// Everything that the engine's next actions depend on beside its setup. To be had after a turn whose actions were taken.
    ///
    /// # Errors
    /// Not at this moment, or never: a strategy that cannot tell its state.
    pub fn snapshot(&self) -> Result<EngineSnapshot<'_>, NoSnapshot> {
        let core = &self.core;
        core.at_rest().map_err(NoSnapshot::NotNow)?;
        let strategies: Result<Vec<_>, NoSnapshot> = core
            .slots
            .iter()
            .map(|slot| {
                let strategy = &slot.strategy;
                let never = || NoSnapshot::Never(format!("the strategy {} tells no state", strategy.id()));
                strategy.snapshot().ok_or_else(never)
            })
            .collect();
        Ok(EngineSnapshot {
            state: &core.state,
            strategies: strategies?,
            random: &core.random,
            stopping: &core.stopping,
            backlog: core.backlog(),
            next_op: core.next_op(),
            wake: core.wake(),
            changed: core.changed.clone(),
            clock: self.clock.kept(),
        })
    }

    /// Goes on from a snapshot. The engine is one that was made as the first was, its venues and strategies added, and was
    /// not started; what the journal held is in the snapshot.
    ///
    /// # Errors
    /// The snapshot is of an engine with other venues or strategies, or a strategy cannot read its part.
    pub fn restore(&mut self, snapshot: RestoredEngine) -> Result<(), SnapshotUnusable> {
        let core = &mut self.core;
        let mut state = snapshot.state;
        let venues = state.venues.iter().map(|venue| &venue.id);
        let strategies = state.strategies.iter().map(|strategy| &strategy.id);
        if !venues.eq(core.state.venues.iter().map(|venue| &venue.id)) {
            return Err(SnapshotUnusable::new("it is of a bot with other venues"));
        }
        if !strategies.eq(core.state.strategies.iter().map(|strategy| &strategy.id))
            || snapshot.strategies.len() != core.slots.len()
        {
            return Err(SnapshotUnusable::new("it is of a bot with other strategies"));
        }
        for (slot, kept) in core.slots.iter_mut().zip(snapshot.strategies) {
            slot.strategy.restore(kept)?;
        }
        // What the run was made from is not in the snapshot.
        state.risk = core.state.risk.clone();
        for (venue, made) in state.venues.iter_mut().zip(&core.state.venues) {
            venue.manifest = made.manifest.clone();
            if let (Some(kept), Some(made)) = (&mut venue.contracts, &made.contracts) {
                kept.choices = made.choices.clone();
            }
        }
        for (strategy, made) in state.strategies.iter_mut().zip(&core.state.strategies) {
            strategy.kind = made.kind;
        }
        core.state = state;
        core.random = snapshot.random;
        core.stopping = snapshot.stopping;
        core.changed = snapshot.changed;
        core.recovered = crate::engine::Recovered::default();
        core.go_on_from(snapshot.backlog, snapshot.next_op, snapshot.wake);
        self.clock.restore(snapshot.clock);
        Ok(())
    }
}

impl Core {
    /// Whether nothing is half done; else what is.
    fn at_rest(&self) -> Result<(), &'static str> {
        if self.state.phase == EnginePhase::Idle {
            return Err("the run has not begun");
        }
        if !self.notes.is_empty() {
            return Err("strategies are still to be told of something");
        }
        if self.has_actions() {
            return Err("the engine's wishes have not been taken");
        }
        let told = |venue: &crate::engine::venue::Venue| {
            venue.outbox.is_empty() && venue.markets.iter().all(|market| market.trades.is_empty())
        };
        if self.state.venues.iter().all(told) {
            Ok(())
        } else {
            Err("the turn is not over")
        }
    }
}
