//! What comes due with time: bring-up, questions about orders and triggers, snapshots, reconciliation, the journal's backlog.

use colibri_model::{ClientOrderId, MonoNs};
use colibri_standard::{Balances, Command, Instruments, OrderStatusQuery, TradesSince};

use crate::engine::VenueIndex;
use crate::engine::core::Core;
use crate::engine::operations::Purpose;
use crate::engine::state::EnginePhase;
use crate::engine::venue::VenuePhase;

impl Core {
    pub(crate) fn upkeep_if_due(&mut self) {
        if self.mono() >= self.wake() {
            self.upkeep();
        }
    }

    /// Does everything that is due and finds out when the next is.
    pub(crate) fn upkeep(&mut self) {
        self.forget_wake();
        self.doubt();
        if matches!(self.state.phase, EnginePhase::Idle | EnginePhase::Stopped) {
            return;
        }
        self.retry_journal();
        for index in (0..self.state.venues.len()).map(VenueIndex) {
            self.lift_ban(index);
            match self.state.venues[index.0].phase {
                VenuePhase::Idle | VenuePhase::Failed(_) => continue,
                VenuePhase::Instruments | VenuePhase::Registering => {
                    self.bring_up(index);
                    continue;
                }
                VenuePhase::Collecting | VenuePhase::Balances => self.bring_up(index),
                VenuePhase::Ready => self.refresh_instruments(index),
            }
            self.judge_user_stream(index);
            self.judge_market_stream(index);
            self.ask_snapshots(index);
            self.reconcile_if_due(index);
            self.contracts_if_due(index);
            self.ask_fees_again(index);
            self.ask_questions(index);
            self.ask_trigger_questions(index);
            self.send_wanted_cancels(index);
            self.send_wanted_trigger_cancels(index);
        }
        self.update_strategies();
        self.continue_stop();
        self.wake_for_timers();
    }

    fn refresh_instruments(&mut self, index: VenueIndex) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        if now >= venue.instruments_due {
            venue.instruments_due = now.plus(venue.manifest.polling.instruments_ms);
            venue.instruments_asked = Some(now);
            self.command(index, Purpose::Instruments, Command::Instruments(Instruments {}));
        }
        let due = self.state.venues[index.0].instruments_due;
        self.wake_at(due);
    }

    fn ask_questions(&mut self, index: VenueIndex) {
        let (now, venue) = (self.mono(), &self.state.venues[index.0]);
        // Only those that are due are taken out: after an outage every order may be in doubt.
        let (mut due, mut next) = (Vec::new(), MonoNs(u64::MAX));
        for id in &venue.in_doubt {
            let Some(order) = venue.orders.get(id) else { continue };
            let questions = [order.inquiry.due(), order.fills_inquiry.due()];
            match questions.into_iter().flatten().min() {
                Some(at) if at <= now => due.push(id.clone()),
                Some(at) => next = next.min(at),
                None => {}
            }
        }
        self.wake_at(next);
        for id in due {
            self.ask_status(index, &id);
            self.ask_fills(index, &id);
        }
    }

    /// Whether a question is due now; else the engine wakes for it.
    fn is_due(&mut self, due: Option<MonoNs>) -> bool {
        match due {
            Some(due) if due <= self.mono() => true,
            Some(due) => {
                self.wake_at(due);
                false
            }
            None => false,
        }
    }

    fn ask_status(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let Some(order) = self.state.venues[index.0].orders.get(id) else {
            return;
        };
        let due = order.inquiry.due();
        if !self.is_due(due) {
            return;
        }
        let venue = &mut self.state.venues[index.0];
        let purpose = Purpose::OrderStatus(id.clone());
        if venue.ops.has(&purpose) {
            return;
        }
        let Some(order) = venue.orders.get_mut(id) else { return };
        order.inquiry.asked();
        let query = OrderStatusQuery {
            instrument: order.intent.instrument,
            client_id: order.known_name().cloned(),
            exchange_id: order.exchange_id.clone(),
        };
        self.command(index, purpose, Command::OrderStatus(query));
    }

    fn ask_fills(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let Some(order) = self.state.venues[index.0].orders.get(id) else {
            return;
        };
        let due = order.fills_inquiry.due();
        if !self.is_due(due) {
            return;
        }
        let venue = &mut self.state.venues[index.0];
        let purpose = Purpose::OrderFills(id.clone());
        if venue.ops.has(&purpose) {
            return;
        }
        let Some(order) = venue.orders.get_mut(id) else { return };
        order.fills_inquiry.asked();
        let exchange_id = order.exchange_id.clone();
        let since = exchange_id.is_none().then_some(order.created);
        let query = TradesSince {
            instrument: order.intent.instrument,
            from_id: None,
            since,
            exchange_id,
        };
        self.command(index, purpose, Command::TradesSince(query));
    }

    pub(crate) fn ask_balances(&mut self, index: VenueIndex) {
        if !self.state.venues[index.0].ops.has(&Purpose::Balances) {
            self.command(index, Purpose::Balances, Command::Balances(Balances {}));
        }
    }
}
