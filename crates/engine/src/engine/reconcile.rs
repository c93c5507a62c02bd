//! Reconciliation: triggers that wait, open orders, orders and fills since their watermarks, balances, as the exchange states them when asked. At
//! the start, after each return of the user stream, on a slow cadence always and on a fast one while the stream is down.
//!
//! Orders that have ended meanwhile are asked for where the exchange can list them, on the slow cadence and whenever something
//! may have been missed: they are what nobody remembers, because the journal lost them.

use colibri_model::{ClientOrderId, InstrumentId, Millis, MonoNs, OpId, OrderState, Record, TradeId, WallNs};
use colibri_standard::{Balances, Capability, Command, OpenOrders, OrdersSince, Outcome, TradesSince};

use crate::engine::core::Core;
use crate::engine::market::{Market, MarketWanted};
use crate::engine::operations::Purpose;
use crate::engine::state::EnginePhase;
use crate::engine::venue::{Venue, VenuePhase};
use crate::engine::{LogLevel, VenueIndex};

/// Orders are asked for from so long before the time up to which they are known: clocks differ, and exchanges answer such
/// questions from databases that lag.
pub(crate) const ORDERS_OVERLAP_NS: i64 = 300_000_000_000;
/// Watermarks that move while nothing is in doubt are journaled so often.
const JOURNALED_EVERY: Millis = Millis(30_000);

impl Core {
    pub(crate) fn reconcile_if_due(&mut self, index: VenueIndex) {
        let now = self.mono();
        let venue = &self.state.venues[index.0];
        if venue.phase == VenuePhase::Collecting && !venue.user_session_is_live() {
            // What would be learned now could change unseen before the stream is up. It wakes us.
            return;
        }
        if !venue.reconcile.running.is_empty() || self.stopping.is_asking(index) {
            return;
        }
        if now < venue.reconcile.next {
            let next = venue.reconcile.next;
            return self.wake_at(next);
        }
        self.start_reconcile(index);
    }

    fn start_reconcile(&mut self, index: VenueIndex) {
        let (now, wall) = (self.state.now.mono, self.state.now.wall);
        let venue = &mut self.state.venues[index.0];
        venue.reconcile.started = now;
        venue.reconcile.started_wall = wall;
        venue.reconcile.with_history = venue.has(&Capability::OrderHistory)
            && (venue.reconcile.history_wanted || now >= venue.reconcile.history_due);
        venue.reconcile.failed = false;
        venue.reconcile.overtaken = false;
        venue.reconcile.seen.clear();
        venue.reconcile.foreign_seen.clear();
        venue.triggers.begin_asking();
        let mut running = Vec::new();
        let to_ask = venue.fills_to_ask(now);
        let asked_at = venue.known_time(wall);
        let instruments: Vec<InstrumentId> = to_ask.iter().map(|(instrument, ..)| *instrument).collect();
        for (instrument, triggers) in self.open_triggers(index, &instruments) {
            running.push(self.command(index, Purpose::ReconcileTriggers(instrument), triggers));
        }
        for (instrument, from_id, since) in to_ask {
            if let Some(market) = self.state.venues[index.0].market_mut(instrument) {
                market.fills.asked(asked_at);
            }
            let orders = Command::OpenOrders(OpenOrders {
                instrument: Some(instrument),
            });
            running.push(self.command(index, Purpose::ReconcileOrders(instrument), orders));
            let fills = Command::TradesSince(TradesSince {
                instrument,
                from_id,
                since,
                exchange_id: None,
            });
            running.push(self.command(index, Purpose::ReconcileFills(instrument), fills));
        }
        running.extend(self.reconcile_contracts(index));
        running.push(self.command(index, Purpose::ReconcileBalances, Command::Balances(Balances {})));
        self.state.venues[index.0].reconcile.running.extend(running);
    }

    /// Asks for the orders of an instrument that were placed since the watermark. Behind the question about open orders: what a
    /// database that lags says to be open is no proof that it is.
    fn ask_history(&mut self, index: VenueIndex, instrument: InstrumentId) {
        let Some(market) = self.state.venues[index.0].market(instrument) else {
            return;
        };
        let since = Some(market.orders_since);
        let command = Command::OrdersSince(OrdersSince {
            instrument,
            from_id: None,
            since,
        });
        let op = self.command(index, Purpose::ReconcileHistory(instrument), command);
        self.state.venues[index.0].reconcile.running.insert(op);
    }

    pub(crate) fn reconcile_ended(&mut self, index: VenueIndex, op: OpId, purpose: &Purpose, outcome: &Outcome) {
        let venue = &mut self.state.venues[index.0];
        venue.reconcile.running.remove(&op);
        if let Some(refusal) = outcome.refusal() {
            venue.reconcile.failed = true;
            let text = format!("{}: reconciling failed at {purpose:?}: {refusal}", venue.id);
            self.log(LogLevel::Warn, text);
        } else if let Purpose::ReconcileOrders(instrument) = purpose {
            let (started, with_history) = (venue.reconcile.started, venue.reconcile.with_history);
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
            if with_history {
                self.ask_history(index, *instrument);
            }
        } else if let Purpose::ReconcileFills(instrument) = purpose {
            let now = self.state.now.mono;
            if let Some(market) = venue.market_mut(*instrument) {
                market.fills.answered(now);
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
        let streams = venue.has(&Capability::UserStream);
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
            venue.foreign_orders_are_known();
            venue.triggers.end_asking();
            self.state.counts.reconciliations += 1;
            if venue.reconcile.with_history {
                venue.orders_are_complete();
            }
            if venue.reconcile.overtaken {
                venue.reconcile.next = now;
                return self.wake_at(now);
            }
            if venue.reconcile.with_history {
                venue.reconcile.history_wanted = false;
                venue.reconcile.history_due = now.plus(venue.manifest.polling.slow_ms);
            }
            let heals = live && !venue.reconcile.healed;
            venue.reconcile.healed |= live;
            self.journal_watermarks(index, heals);
            if live {
                self.user_stream_healed(index);
            }
        }
        let venue = &mut self.state.venues[index.0];
        venue.reconcile.next = now.plus(wait);
        let (next, failed) = (venue.reconcile.next, venue.reconcile.failed);
        self.wake_at(next);
        if !failed {
            self.compare_positions(index);
        }
        if self.state.venues[index.0].phase == VenuePhase::Collecting && self.state.phase != EnginePhase::Stopped {
            self.bring_up(index);
        }
    }

    /// Writes down up to where fills and orders are complete, where that has moved: a run after this one asks from there.
    fn journal_watermarks(&mut self, index: VenueIndex, heals: bool) {
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        if !heals && now.mono < venue.reconcile.journal_due {
            return;
        }
        venue.reconcile.journal_due = now.mono.plus(JOURNALED_EVERY);
        let mut records = Vec::new();
        let traded = venue.markets.iter_mut().filter(|m| m.wanted != MarketWanted::Watching);
        for market in traded.filter(|m| m.instrument.is_some()) {
            let (trade, trades_since) = market.fills.complete();
            let place = (trade.cloned(), trades_since, market.orders_since);
            if market.journaled.as_ref() == Some(&place) {
                continue;
            }
            records.push(Record::Reconciled {
                venue: venue.id.clone(),
                account: venue.account.clone(),
                pair: market.pair.clone(),
                trade: place.0.clone(),
                trades_since: place.1,
                orders_since: place.2,
                time: now.wall,
            });
            market.journaled = Some(place);
        }
        for record in records {
            self.journal_fact(record);
        }
    }
}

impl Venue {
    /// From where on fills are to be asked for, by instrument.
    pub(crate) fn fills_to_ask(&mut self, now: MonoNs) -> Vec<(InstrumentId, Option<TradeId>, Option<WallNs>)> {
        let traded = self.markets.iter_mut().filter(|m| m.wanted != MarketWanted::Watching);
        let listed = traded.filter(|m| m.instrument.is_some());
        let ask = |market: &mut Market| {
            let (trade, since) = market.fills.from(now);
            (market.id, trade, since)
        };
        listed.map(ask).collect()
    }

    /// What the exchange's clock shows at least at a time of ours: it counts as far as it is known to have gone, since ours may
    /// be ahead of it.
    fn known_time(&self, wall: WallNs) -> Option<WallNs> {
        self.exchange_time.map(|exchange| exchange.min(wall))
    }

    /// Every order that was placed before the reconciliation began has been told.
    fn orders_are_complete(&mut self) {
        let Some(known) = self.known_time(self.reconcile.started_wall) else {
            return;
        };
        let since = WallNs(known.0.saturating_sub(ORDERS_OVERLAP_NS));
        for market in &mut self.markets {
            market.orders_since = market.orders_since.max(since);
        }
    }
}
