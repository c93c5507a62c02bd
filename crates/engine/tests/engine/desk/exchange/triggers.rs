//! Triggers at the scripted exchange: a service of its own, as at most exchanges.

use std::collections::{BTreeMap, VecDeque};

use colibri_engine::HostNow;
use colibri_model::{
    ClientOrderId, Decimal, ExchangeOrderId, InstrumentId, Millis, OpId, Price, Quantity, TriggerIntent,
};
use colibri_standard::{
    Command, Event, InstrumentsEvent, OrderStatus, Outcome, Refusal, RejectReason, ReportSource, TriggerEvent,
    TriggerStatus,
};

use super::{Answers, Exchange, Perp, Placement, Resting, rejected, unknown};
use crate::desk::Delivery;

/// The manifest's table of them.
const TRIGGERS: &str = r#"
    [connector.perpetual.triggers]
    kinds = ["stop"]
    by = ["last", "mark"]
    orders = ["market", "limit"]
    order_keeps_client_id = true
"#;

/// The same, of an exchange at which the orders of triggers have names of their own.
pub const OWN_NAMES: &str = r#"
    [connector.perpetual.triggers]
    kinds = ["stop"]
    by = ["last", "mark"]
    orders = ["market", "limit"]
    order_keeps_client_id = false
"#;

/// What the exchange calls the order that a trigger became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Naming {
    /// As the trigger.
    #[default]
    Keeps,
    /// By a name of its own; the order's reports say which trigger it was.
    OwnNameAndTrigger,
    /// By a name of its own, and only the trigger's reports say which order it became.
    OwnName,
}

/// A trigger at the exchange.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub exchange_id: ExchangeOrderId,
    pub intent: TriggerIntent,
    pub status: TriggerStatus,
    pub order: Option<ExchangeOrderId>,
    pub order_client_id: Option<ClientOrderId>,
}

#[derive(Debug, Default)]
pub struct TriggerBook {
    pub triggers: BTreeMap<ClientOrderId, Waiting>,
    pub script: VecDeque<Placement>,
    pub naming: Naming,
    /// Cancels whose answer is lost although they are done.
    pub lose_cancel_answers: usize,
    /// Cancels that never arrive.
    pub lose_cancels: usize,
    /// Cancels that are not sent.
    pub block_cancels: usize,
    /// Cancels that are refused for an hour: there were too many requests.
    pub throttle_cancels: usize,
    /// Whether questions about single triggers are answered from a cache that knows none.
    pub denies: bool,
    /// Triggers that fire as soon as what waits has been told.
    pub fires_after_told: Vec<ClientOrderId>,
    /// The most triggers of the account in the instrument.
    pub most: Option<u32>,
    pub placements: u64,
    pub cancels: u64,
    pub status_queries: u64,
    pub open_queries: u64,
}

impl TriggerBook {
    /// The trigger that an order's reports name.
    pub(super) fn told_with(&self, order: &ExchangeOrderId) -> Option<ExchangeOrderId> {
        let of = self.triggers.values().find(|t| t.order.as_ref() == Some(order))?;
        (self.naming == Naming::OwnNameAndTrigger).then(|| of.exchange_id.clone())
    }

    /// What the instrument's rule says of triggers.
    pub(super) fn tell_rules(&self, told: &mut InstrumentsEvent) {
        for instrument in &mut told.instruments {
            instrument.rule.max_triggers = self.most;
        }
    }
}

impl Exchange {
    /// An exchange of contracts, with triggers.
    pub fn of_contracts(&mut self) {
        let mut perp = Perp::new();
        perp.triggers = TRIGGERS;
        perp.capabilities = vec![
            "reduce_only",
            "trigger_by_last",
            "trigger_by_mark",
            "trigger_limit",
            "trigger_close_position",
        ];
        self.perp = Some(perp);
    }

    pub fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting
            .triggers
            .values()
            .filter(|t| matches!(t.status, TriggerStatus::Placed | TriggerStatus::Triggered))
    }

    pub(super) fn trigger_command(&mut self, op: OpId, command: &Command, now: HostNow) -> Answers {
        let done = |mut answers: Answers, after| {
            answers.push((after, Delivery::Completed(op, Outcome::Done)));
            answers
        };
        match command {
            Command::PlaceTrigger(place) => self.place_trigger(op, &place.trigger, now),
            Command::CancelTrigger(cancel) => {
                let id = cancel.client_id.clone().unwrap();
                self.cancel_trigger(op, &id, now)
            }
            Command::OpenTriggers(_) => {
                self.waiting.open_queries += 1;
                let waiting: Vec<_> = self.waiting().map(|t| t.intent.client_id.clone()).collect();
                let events = waiting
                    .iter()
                    .map(|id| self.trigger_event(id, ReportSource::Query, now));
                let told = events.map(|event| (5, Delivery::Event(event))).collect();
                for id in std::mem::take(&mut self.waiting.fires_after_told) {
                    self.fire(&id);
                }
                done(told, 5)
            }
            Command::TriggerStatus(query) => {
                self.waiting.status_queries += 1;
                let id = query.client_id.as_ref().unwrap();
                if !self.waiting.triggers.contains_key(id) || self.waiting.denies {
                    return vec![(5, Delivery::Completed(op, rejected(RejectReason::OrderNotFound)))];
                }
                let told = Delivery::Event(self.trigger_event(id, ReportSource::Query, now));
                done(vec![(5, told)], 5)
            }
            other => panic!("{other:?} was not expected"),
        }
    }

    fn place_trigger(&mut self, op: OpId, intent: &TriggerIntent, now: HostNow) -> Answers {
        self.waiting.placements += 1;
        let script = self.waiting.script.pop_front();
        match script {
            Some(Placement::LostAnswerLost) => return vec![(10_000, Delivery::Completed(op, unknown()))],
            Some(Placement::Refused) => {
                let outcome = rejected(RejectReason::WouldTriggerAtOnce);
                return vec![(5, Delivery::Completed(op, outcome))];
            }
            Some(Placement::NotSent) => {
                let outcome = Outcome::NotSent(Refusal::new(RejectReason::NoRoom, "no room"));
                return vec![(5, Delivery::Completed(op, outcome))];
            }
            Some(Placement::Taken | Placement::TakenAnswerLost) | None => {}
        }
        let id = intent.client_id.clone();
        self.wait(intent.clone());
        if script == Some(Placement::TakenAnswerLost) {
            return vec![(10_000, Delivery::Completed(op, unknown()))];
        }
        let ack = self.trigger_event(&id, ReportSource::Ack, now);
        let mut answers = vec![(5, Delivery::Event(ack)), (5, Delivery::Completed(op, Outcome::Done))];
        answers.extend(self.stream_trigger(&id, now, 3));
        answers
    }

    /// A trigger waits from now on.
    pub fn wait(&mut self, intent: TriggerIntent) {
        let waiting = Waiting {
            exchange_id: ExchangeOrderId::new(&format!("20{}", self.id())).unwrap(),
            intent,
            status: TriggerStatus::Placed,
            order: None,
            order_client_id: None,
        };
        let id = waiting.intent.client_id.clone();
        self.waiting.triggers.insert(id, waiting);
    }

    fn cancel_trigger(&mut self, op: OpId, id: &ClientOrderId, now: HostNow) -> Answers {
        self.waiting.cancels += 1;
        if self.waiting.block_cancels > 0 {
            self.waiting.block_cancels -= 1;
            let outcome = Outcome::NotSent(Refusal::new(RejectReason::NoRoom, "no room"));
            return vec![(5, Delivery::Completed(op, outcome))];
        }
        if self.waiting.throttle_cancels > 0 {
            self.waiting.throttle_cancels -= 1;
            let outcome = Outcome::Throttled {
                retry_after: Some(Millis(3_600_000)),
                pool: None,
                refusal: Refusal::new(RejectReason::NoRoom, "too many"),
            };
            return vec![(5, Delivery::Completed(op, outcome))];
        }
        if self.waiting.lose_cancels > 0 {
            self.waiting.lose_cancels -= 1;
            return vec![(10_000, Delivery::Completed(op, unknown()))];
        }
        let waits = self.waiting().any(|t| t.intent.client_id == *id);
        if !waits {
            return vec![(5, Delivery::Completed(op, rejected(RejectReason::OrderNotFound)))];
        }
        self.end_trigger(id, TriggerStatus::Cancelled);
        if self.waiting.lose_cancel_answers > 0 {
            self.waiting.lose_cancel_answers -= 1;
            return vec![(10_000, Delivery::Completed(op, unknown()))];
        }
        let ack = self.trigger_event(id, ReportSource::Ack, now);
        let mut answers = vec![(5, Delivery::Event(ack)), (5, Delivery::Completed(op, Outcome::Done))];
        answers.extend(self.stream_trigger(id, now, 4));
        answers
    }

    /// A trigger has ended otherwise than as an order, or its price was reached. Nothing is told of it yet.
    pub fn end_trigger(&mut self, id: &ClientOrderId, status: TriggerStatus) {
        self.waiting.triggers.get_mut(id).unwrap().status = status;
    }

    /// A trigger has become an order, which rests. Nothing is told of it yet. The order's name.
    pub fn fire(&mut self, id: &ClientOrderId) -> ClientOrderId {
        let number = ExchangeOrderId::new(&self.id().to_string()).unwrap();
        let name = match self.waiting.naming {
            Naming::Keeps => id.clone(),
            Naming::OwnNameAndTrigger | Naming::OwnName => ClientOrderId::new(&format!("x-{number}")).unwrap(),
        };
        let trigger = self.waiting.triggers.get_mut(id).unwrap();
        trigger.status = TriggerStatus::BecameOrder;
        trigger.order = Some(number.clone());
        let resting = Resting {
            client_id: name.clone(),
            exchange_id: number,
            side: trigger.intent.side,
            price: trigger.intent.price.unwrap_or(Price(Decimal::from(99))),
            quantity: trigger.intent.quantity.unwrap_or(Quantity(Decimal::TWO)),
            filled: Quantity::ZERO,
            status: OrderStatus::Open,
        };
        self.orders.insert(name.clone(), resting);
        name
    }

    /// The trigger on the user stream, where that is up.
    pub fn stream_trigger(&self, id: &ClientOrderId, now: HostNow, after: u64) -> Answers {
        let told = || {
            (
                after,
                Delivery::Event(self.trigger_event(id, ReportSource::Stream, now)),
            )
        };
        self.stream_is_up.then(told).into_iter().collect()
    }

    pub fn trigger_event(&self, id: &ClientOrderId, source: ReportSource, now: HostNow) -> Event {
        let waiting = &self.waiting.triggers[id];
        let intent = &waiting.intent;
        TriggerEvent {
            instrument: Some(InstrumentId(1)),
            client_id: Some(id.clone()),
            exchange_id: Some(waiting.exchange_id.clone()),
            order: waiting.order.clone(),
            order_client_id: waiting.order_client_id.clone(),
            kind: Some(intent.kind),
            by: Some(intent.by),
            trigger_price: Some(intent.trigger_price),
            side: Some(intent.side),
            order_type: Some(intent.order_type),
            price: intent.price,
            quantity: intent.quantity,
            terms: Some(intent.terms),
            exchange_time: Some(now.wall),
            ..TriggerEvent::new("BTCUSDT", source, waiting.status.clone())
        }
        .into()
    }
}
