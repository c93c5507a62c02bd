//! Stopping: every order and trigger cancelled, and then proven gone by asking the exchange what is open and what waits.

use std::collections::BTreeSet;

use colibri_model::{ClientOrderId, InstrumentId, Millis, MonoNs, OpId, OrderState, Record, TriggerState, VenueId};
use colibri_standard::{Balances, Command, OpenOrders, Outcome, TradesSince};
use serde::{Deserialize, Serialize};

use crate::HostNow;
use crate::contracts::HeldPosition;
use crate::engine::core::Core;
use crate::engine::operations::Purpose;
use crate::engine::state::EnginePhase;
use crate::engine::venue::VenuePhase;
use crate::engine::{LogLevel, VenueIndex};

/// How long fills that the exchange counts and has not told are waited for.
const FILLS_PATIENCE: Millis = Millis(20_000);

/// How stopping went at one venue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VenueStop {
    /// The venue.
    pub venue: VenueId,
    /// Whether none of our orders can be open there: the exchange, asked after the last cancel, has said so; or it was never
    /// asked, because the venue did not come up, nothing was sent to it and the journal left nothing.
    pub proven: bool,
    /// How often it was asked; zero with a proof where nothing was ever sent.
    pub asked: u32,
    /// Our orders that may still be live.
    pub remaining: Vec<ClientOrderId>,
    /// Our triggers that may still wait, or may have become orders that are not known yet.
    #[serde(default)]
    pub triggers: Vec<ClientOrderId>,
    /// Those of both whose state is not known: the exchange is being asked.
    pub unknown: Vec<ClientOrderId>,
    /// Orders and triggers in the account that are not ours: left alone.
    pub foreign: usize,
    /// Positions in contracts that are still held: stopping cancels orders and closes nothing.
    #[serde(default)]
    pub positions: Vec<HeldPosition>,
}

/// How stopping goes, or went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopReport {
    /// Why.
    pub reason: String,
    /// When it began.
    pub began: HostNow,
    /// When it was proven that nothing is left; `None` while it is not.
    pub finished: Option<HostNow>,
    /// By venue.
    pub venues: Vec<VenueStop>,
}

impl StopReport {
    /// Whether every venue has been proven free of our orders.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.finished.is_some()
    }
}

/// What a proof asks, one after the other: a trigger that fires in between shows as an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum ProofQuestion {
    /// Which triggers wait.
    Triggers,
    /// Which orders are open, what was filled, what is held.
    #[default]
    Orders,
}

/// One venue's proof.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Proof {
    running: BTreeSet<OpId>,
    failed: bool,
    /// What is being asked.
    #[serde(default)]
    question: ProofQuestion,
    /// A query told one of our orders as open, or a trigger as waiting, while it ran.
    told_open: bool,
    proven: bool,
    asked: u32,
    not_before: MonoNs,
}

/// What stopping keeps.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Stopping {
    reason: String,
    began: HostNow,
    finished: Option<HostNow>,
    proofs: Vec<Proof>,
}

impl Stopping {
    /// A query has told one of our orders at a venue as open: what is being asked there now proves nothing, whatever is
    /// believed of the order.
    pub(crate) fn told_open(&mut self, index: VenueIndex) {
        if let Some(proof) = self.proofs.get_mut(index.0) {
            proof.told_open = true;
        }
    }

    /// Whether a venue is being asked what is open: what is told then belongs to that question.
    pub(crate) fn is_asking(&self, index: VenueIndex) -> bool {
        self.proofs.get(index.0).is_some_and(|proof| !proof.running.is_empty())
    }
}

impl Core {
    pub(crate) fn stop(&mut self, reason: &str, now: HostNow) {
        self.at(now);
        if matches!(self.state.phase, EnginePhase::Stopping | EnginePhase::Stopped) {
            return;
        }
        self.state.phase = EnginePhase::Stopping;
        self.stopping = Stopping {
            reason: reason.to_owned(),
            began: now,
            finished: None,
            proofs: vec![Proof::default(); self.state.venues.len()],
        };
        self.log(LogLevel::Info, format!("stopping: {reason}"));
        self.tell_stopping();
        self.continue_stop();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.state.phase == EnginePhase::Stopped
    }

    /// Takes stopping a step further.
    pub(crate) fn continue_stop(&mut self) {
        let killed = self.state.phase == EnginePhase::Running && self.state.kill_switch.is_some();
        if self.state.phase != EnginePhase::Stopping && !killed {
            return;
        }
        if self.stopping.proofs.len() != self.state.venues.len() {
            self.stopping.began = self.state.now;
            self.stopping.proofs = vec![Proof::default(); self.state.venues.len()];
        }
        for index in (0..self.state.venues.len()).map(VenueIndex) {
            let live = self.state.venues[index.0].may_be_live();
            let proof = &mut self.stopping.proofs[index.0];
            // An order that comes back after the proof takes it away.
            proof.proven &= live == 0;
            if proof.proven || (killed && self.is_coming_up(index)) {
                continue;
            }
            if self.never_traded(index) {
                self.stopping.proofs[index.0].proven = true;
            } else if self.cancel_everything(index) {
                self.prove(index);
            }
        }
        if self.state.kill_switch.is_some() {
            let venues = self.venue_stops();
            self.kill_switch_progressed(venues);
        }
        if killed {
            return;
        }
        if self.stopping.proofs.iter().all(|p| p.proven) {
            self.stopped();
        }
        self.state.stop_report = self.stop_report();
    }

    /// Whether a venue will be able to answer what is open there, and is not yet.
    fn is_coming_up(&self, index: VenueIndex) -> bool {
        matches!(
            self.state.venues[index.0].phase,
            VenuePhase::Idle | VenuePhase::Instruments | VenuePhase::Registering
        )
    }

    /// Nothing is being cancelled and proven any more.
    pub(crate) fn forget_proofs(&mut self) {
        if self.state.phase == EnginePhase::Running {
            self.stopping = Stopping::default();
        }
    }

    /// A venue that no order can have been sent to: no instrument was in use, and the journal left none.
    fn never_traded(&self, index: VenueIndex) -> bool {
        let venue = &self.state.venues[index.0];
        let unused = !matches!(
            venue.phase,
            VenuePhase::Collecting | VenuePhase::Balances | VenuePhase::Ready
        );
        unused && venue.may_be_live() == 0
    }

    /// Cancels what may be live; whether nothing is any more.
    fn cancel_everything(&mut self, index: VenueIndex) -> bool {
        let now = self.mono();
        // Triggers first: one that fires becomes an order.
        for id in self.state.venues[index.0].triggers.tracker.live_ids() {
            self.cancel_trigger(index, &id);
        }
        for id in self.state.venues[index.0].orders.live_ids() {
            self.cancel(index, &id);
        }
        let venue = &self.state.venues[index.0];
        let waits = now.since(self.stopping.began.mono) < FILLS_PATIENCE;
        let missing = venue.in_doubt.iter().filter_map(|id| venue.orders.get(id));
        let missing = missing.filter(|o| !o.missing_fills().is_zero()).count();
        venue.may_be_live() == 0 && !(missing > 0 && waits)
    }

    /// Asks the exchange what is open.
    fn prove(&mut self, index: VenueIndex) {
        let now = self.mono();
        let proof = &self.stopping.proofs[index.0];
        let busy = !self.state.venues[index.0].reconcile.running.is_empty();
        if !proof.running.is_empty() || busy {
            return;
        }
        if now < proof.not_before {
            let at = proof.not_before;
            return self.wake_at(at);
        }
        let venue = &mut self.state.venues[index.0];
        venue.reconcile.seen.clear();
        venue.reconcile.foreign_seen.clear();
        venue.triggers.begin_asking();
        let instruments: Vec<InstrumentId> = venue.fills_to_ask(now).into_iter().map(|(id, ..)| id).collect();
        let triggers = self.open_triggers(index, &instruments);
        let proof = &mut self.stopping.proofs[index.0];
        proof.failed = false;
        proof.told_open = false;
        proof.asked += 1;
        if triggers.is_empty() {
            return self.prove_orders(index);
        }
        proof.question = ProofQuestion::Triggers;
        for (_, triggers) in triggers {
            let op = self.command(index, Purpose::Proof, triggers);
            self.stopping.proofs[index.0].running.insert(op);
        }
    }

    /// Asks the exchange which orders are open, once it has said that no trigger of ours waits.
    fn prove_orders(&mut self, index: VenueIndex) {
        let now = self.mono();
        let mut running = BTreeSet::new();
        for (instrument, from_id, since) in self.state.venues[index.0].fills_to_ask(now) {
            let orders = Command::OpenOrders(OpenOrders {
                instrument: Some(instrument),
            });
            running.insert(self.command(index, Purpose::Proof, orders));
            let fills = Command::TradesSince(TradesSince {
                instrument,
                since,
                from_id,
                exchange_id: None,
            });
            running.insert(self.command(index, Purpose::Proof, fills));
        }
        running.insert(self.command(index, Purpose::Proof, Command::Balances(Balances {})));
        let proof = &mut self.stopping.proofs[index.0];
        proof.running = running;
        proof.question = ProofQuestion::Orders;
    }

    pub(crate) fn proof_ended(&mut self, index: VenueIndex, op: OpId, outcome: &Outcome) {
        let Some(asked) = self.stopping.proofs.get(index.0).map(|p| p.asked) else {
            return;
        };
        let wait = self.back_off(asked);
        let not_before = self.wake_in(wait);
        let proof = &mut self.stopping.proofs[index.0];
        if !proof.running.remove(&op) {
            return;
        }
        proof.failed |= *outcome != Outcome::Done;
        let nothing_waits = !proof.failed && !proof.told_open;
        if proof.running.is_empty() && proof.question == ProofQuestion::Triggers && nothing_waits {
            self.prove_orders(index);
        } else if proof.running.is_empty() {
            proof.not_before = not_before;
            let venue = &mut self.state.venues[index.0];
            // An order of ours that is open came as an event, and is live again.
            proof.proven = nothing_waits && venue.may_be_live() == 0;
            if proof.proven {
                venue.foreign_orders_are_known();
                venue.triggers.end_asking();
            }
        }
        if let Some(refusal) = outcome.refusal() {
            let text = format!(
                "{}: asking what is open failed: {refusal}",
                self.state.venues[index.0].id
            );
            self.log(LogLevel::Warn, text);
        }
        self.continue_stop();
    }

    fn stopped(&mut self) {
        self.state.phase = EnginePhase::Stopped;
        self.stopping.finished = Some(self.state.now);
        let record = Record::Stopped {
            bot: self.state.bot.clone(),
            reason: self.stopping.reason.clone(),
            time: self.state.now.wall,
        };
        self.journal_fact(record);
        self.retry_journal();
        if let (Some(fault), unwritten) = (self.state.journal_fault.clone(), self.unwritten()) {
            let text = format!(
                "the journal cannot be written ({fault}): {unwritten} facts of this run are not in it; the next run asks the \
                 exchange for what they told"
            );
            self.log(LogLevel::Error, text);
        }
        let unasked: Vec<_> = self.venue_stops().into_iter().filter(|v| v.asked == 0).collect();
        for venue in &unasked {
            let text = format!(
                "{} never came up: nothing was sent there, and it was not asked",
                venue.venue
            );
            self.log(LogLevel::Warn, text);
        }
        let held: Vec<String> = self
            .state
            .venues
            .iter()
            .flat_map(|venue| {
                let held = venue.held_positions().into_iter();
                held.map(|position| format!("{}: {position}", venue.id))
            })
            .collect();
        if !held.is_empty() {
            let text = format!(
                "positions are still open, and are left as they are: {}",
                held.join("; ")
            );
            self.log(LogLevel::Warn, text);
        }
        if unasked.len() < self.state.venues.len() {
            self.log(
                LogLevel::Info,
                "stopped: the exchange says that no order of ours is open and no trigger of ours waits",
            );
        }
    }

    pub(crate) fn stop_report(&self) -> Option<StopReport> {
        if !matches!(self.state.phase, EnginePhase::Stopping | EnginePhase::Stopped) {
            return None;
        }
        Some(StopReport {
            reason: self.stopping.reason.clone(),
            began: self.stopping.began,
            finished: self.stopping.finished,
            venues: self.venue_stops(),
        })
    }

    fn venue_stops(&self) -> Vec<VenueStop> {
        let venues = self.state.venues.iter().zip(&self.stopping.proofs);
        let stops = venues.map(|(venue, proof)| {
            let unknown = venue.orders.live().filter(|o| o.state() == OrderState::Unknown);
            let unknown = unknown.map(|o| o.client_id().clone());
            let triggers = venue.triggers.tracker.live();
            let triggers = triggers.filter(|t| t.state() == TriggerState::Unknown);
            let triggers = triggers.map(|t| t.client_id().clone());
            VenueStop {
                venue: venue.id.clone(),
                proven: proof.proven,
                asked: proof.asked,
                remaining: venue.orders.live_ids(),
                triggers: venue.triggers.may_be_live().into_iter().collect(),
                unknown: unknown.chain(triggers).collect(),
                foreign: venue.foreign.len() + venue.triggers.foreign.len(),
                positions: venue.held_positions(),
            }
        });
        stops.collect()
    }
}
