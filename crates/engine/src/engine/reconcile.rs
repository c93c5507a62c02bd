//! Reconciliation: open orders, fills since the watermark, balances, as the exchange states them when asked. At the start,
//! after each return of the user stream, on a slow cadence always and on a fast one while the stream is down.

use colibri_model::{ClientOrderId, Journal, Millis, OpId, OrderState};
use colibri_standard::{Balances, Command, OpenOrders, Outcome, TradesSince};

use crate::engine::core::Core;
use crate::engine::state::EnginePhase;
use crate::engine::venue::{Purpose, VenuePhase};
use crate::engine::{LogLevel, VenueIndex};

impl<J: Journal> Core<J> {
    pub(crate) fn reconcile_if_due(&mut self, index: VenueIndex) {
        let now = self.mono();
        let venue = &self.state.venues[index.0];
        if venue.phase == VenuePhase::Collecting && !venue.user_session_is_live() {
            // What would be learned now could change unseen before the stream is up. It wakes us.
            return;
        }
        if !venue.reconcile.running.is_empty() {
            return;
        }
        if now < venue.reconcile.next {
            let next = venue.reconcile.next;
            return self.wake_at(next);
        }
        self.start_reconcile(index);
    }

    fn start_reconcile(&mut self, index: VenueIndex) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        venue.reconcile.started = now;
        venue.reconcile.failed = false;
        venue.reconcile.overtaken = false;
        venue.reconcile.seen.clear();
        venue.reconcile.foreign_seen.clear();
        let markets: Vec<_> = venue
            .markets
            .iter()
            .filter(|m| m.instrument.is_some())
            .map(|m| (m.id, m.fills_to.clone(), m.fills_since))
            .collect();
        let mut running = Vec::new();
        for (instrument, from_id, since) in markets {
            let orders = Command::OpenOrders(OpenOrders {
                instrument: Some(instrument),
            });
            running.push(self.command(index, Purpose::ReconcileOrders(instrument), orders));
            let since = from_id.is_none().then_some(since);
            let fills = Command::TradesSince(TradesSince {
                instrument,
                from_id,
                since,
                exchange_id: None,
            });
            running.push(self.command(index, Purpose::ReconcileFills(instrument), fills));
        }
        running.push(self.command(index, Purpose::ReconcileBalances, Command::Balances(Balances {})));
        self.state.venues[index.0].reconcile.running.extend(running);
    }

    pub(crate) fn reconcile_ended(&mut self, index: VenueIndex, op: OpId, purpose: &Purpose, outcome: &Outcome) {
        let venue = &mut self.state.venues[index.0];
        venue.reconcile.running.remove(&op);
        if let Some(refusal) = outcome.refusal() {
            venue.reconcile.failed = true;
            let text = format!("{}: reconciling failed at {purpose:?}: {refusal}", venue.id);
            self.log(LogLevel::Warn, text);
        } else if let Purpose::ReconcileOrders(instrument) = purpose {
            let started = venue.reconcile.started;
            let missing: Vec<ClientOrderId> = venue
                .orders
                .live()
                .filter(|o| o.intent.instrument == *instrument)
                .filter(|o| {
                    matches!(
                        o.state(),
                        OrderState::Acknowledged | OrderState::Open | OrderState::PartiallyFilled
                    )
                })
                .filter(|o| o.accepted.is_some_and(|at| at < started))
                .map(|o| o.client_id().clone())
                .filter(|id| !venue.reconcile.seen.contains(id))
                .collect();
            for id in missing {
                self.ask_about(index, &id, Millis(0));
            }
        }
        if self.state.venues[index.0].reconcile.running.is_empty() {
            self.reconcile_finished(index);
        }
    }

    fn reconcile_finished(&mut self, index: VenueIndex) {
        let now = self.mono();
        let failures = self.state.venues[index.0].retry.failures;
        let back_off = self.back_off(failures);
        let venue = &mut self.state.venues[index.0];
        let polling = &venue.manifest.polling;
        let live = venue.user_session_is_live();
        let streams = venue.has(&colibri_standard::Capability::UserStream);
        let wait = if venue.reconcile.failed {
            venue.retry.failures = failures.saturating_add(1);
            back_off
        } else if live && streams {
            polling.slow_ms
        } else {
            polling.fast_ms
        };
        if !venue.reconcile.failed {
            venue.retry.failures = 0;
            venue.foreign = std::mem::take(&mut venue.reconcile.foreign_seen);
            self.state.counts.reconciliations += 1;
            if venue.reconcile.overtaken {
                venue.reconcile.next = now;
                return self.wake_at(now);
            }
            venue.reconcile.healed |= live;
        }
        let venue = &mut self.state.venues[index.0];
        venue.reconcile.next = now.plus(wait);
        let next = venue.reconcile.next;
        self.wake_at(next);
        if self.state.venues[index.0].phase == VenuePhase::Collecting && self.state.phase != EnginePhase::Stopped {
            self.bring_up(index);
        }
    }
}
