//! Triggers: orders that wait at the exchange for a price, through what an exchange can bring about.
#![allow(clippy::unwrap_used)]

mod doubts;
mod ends;
mod found;
mod histories;
mod life;
mod limits;
mod races;

use colibri_engine::strategy::{OwnTriggerChange, RefusedTrigger, StrategyAction, TriggerRequest};
use colibri_engine::{MarketId, VenueIndex};
use colibri_model::{
    ClientOrderId, Decimal, InstrumentId, OrderTerms, OrderType, PositionEffect, Price, Quantity, Record, Side,
    TimeInForce, TriggerBy, TriggerIntent, TriggerKind, TriggerState,
};
use colibri_standard::{Event, ReportSource, TriggerStatus};

use crate::desk::{Delivery, Exchange};
use crate::orders::{Scene, Told, quantity};

/// A stop at 95 that sells one and only reduces.
pub fn stop() -> TriggerRequest {
    TriggerRequest {
        market: MarketId {
            venue: VenueIndex(0),
            instrument: InstrumentId(1),
        },
        kind: TriggerKind::Stop,
        by: TriggerBy::Mark,
        trigger_price: Price(Decimal::from(95)),
        side: Side::Sell,
        order_type: OrderType::Market,
        time_in_force: None,
        price: None,
        quantity: Some(quantity("1")),
        terms: OrderTerms {
            effect: PositionEffect::ReduceOnly,
            ..OrderTerms::default()
        },
        tag: 9,
    }
}

/// A stop that ends the position, however large it is by then.
pub fn closing() -> TriggerRequest {
    let mut request = stop();
    request.quantity = None;
    request.terms.effect = PositionEffect::ClosePosition;
    request
}

/// A stop at 105 that buys so much and may open.
pub fn opening(amount: &str) -> TriggerRequest {
    TriggerRequest {
        side: Side::Buy,
        trigger_price: Price(Decimal::from(105)),
        order_type: OrderType::Limit,
        time_in_force: Some(TimeInForce::Gtc),
        price: Some(Price(Decimal::from(106))),
        quantity: Some(quantity(amount)),
        terms: OrderTerms::default(),
        ..stop()
    }
}

/// A desk of contracts, and the trigger that a scenario is about.
pub struct Stage {
    pub scene: Scene,
    pub trigger: ClientOrderId,
}

impl Stage {
    /// The trigger has been sent; what becomes of it is as `prepare` has scripted.
    pub fn sent(request: TriggerRequest, prepare: impl FnOnce(&mut Exchange)) -> Stage {
        let mut scene = Scene::empty(|exchange| {
            exchange.of_contracts();
            prepare(exchange);
        });
        scene.wish(StrategyAction::PlaceTrigger(request));
        let live = scene.desk.view().live_triggers(&scene.desk.strategy_id()).next();
        let trigger = live.unwrap().client_id().clone();
        Stage { scene, trigger }
    }

    /// The trigger waits.
    pub fn placed_at(request: TriggerRequest, prepare: impl FnOnce(&mut Exchange)) -> Stage {
        let mut stage = Stage::sent(request, prepare);
        stage.scene.run(500);
        assert_eq!(stage.state(), TriggerState::Placed);
        stage
    }

    pub fn placed() -> Stage {
        Stage::placed_at(stop(), |_| {})
    }

    pub fn state(&self) -> TriggerState {
        self.scene.desk.view().trigger(&self.trigger).unwrap().state()
    }

    pub fn run(&mut self, millis: u64) {
        self.scene.run(millis);
    }

    pub fn exchange(&mut self) -> &mut Exchange {
        &mut self.scene.desk.exchange
    }

    /// The trigger as the exchange has it.
    pub fn there(&self) -> TriggerIntent {
        self.scene.desk.exchange.waiting.triggers[&self.trigger].intent.clone()
    }

    pub fn cancel(&mut self) {
        self.scene.wish(StrategyAction::CancelTrigger(self.trigger.clone()));
    }

    /// It fires; nothing is told of it. The order's name at the exchange.
    pub fn fire(&mut self) -> ClientOrderId {
        let id = self.trigger.clone();
        self.exchange().fire(&id)
    }

    pub fn end(&mut self, status: TriggerStatus) {
        let id = self.trigger.clone();
        self.exchange().end_trigger(&id, status);
    }

    /// Tells how the trigger stands at the exchange now, after a while.
    pub fn tell(&mut self, after: u64) {
        let desk = &mut self.scene.desk;
        let event = desk
            .exchange
            .trigger_event(&self.trigger, ReportSource::Stream, desk.now());
        desk.deliver(after, Delivery::Event(event));
    }

    /// Tells how an order stands at the exchange now, after a while.
    pub fn tell_order(&mut self, name: &ClientOrderId, after: u64) {
        let desk = &mut self.scene.desk;
        let event = desk.exchange.order_event(name, ReportSource::Stream, desk.now());
        desk.deliver(after, Delivery::Event(event));
    }

    /// The order trades; told after a while.
    pub fn trade(&mut self, name: &ClientOrderId, amount: &str, after: u64) {
        let desk = &mut self.scene.desk;
        let now = desk.now();
        let fill = desk.exchange.trade(name, amount, now);
        desk.deliver(after, Delivery::Event(Event::from(fill)));
    }

    /// What is filled of the order that it became, which is tracked under the trigger's id.
    pub fn filled(&self) -> Quantity {
        self.scene.desk.view().order(&self.trigger).unwrap().filled()
    }

    /// The changes of the trigger that the strategy was told.
    pub fn told(&self) -> Vec<OwnTriggerChange> {
        let told = self.scene.told().into_iter();
        told.filter_map(|t| match t {
            Told::Trigger(told) => Some(told),
            _ => None,
        })
        .collect()
    }

    pub fn told_states(&self) -> Vec<TriggerState> {
        self.told().into_iter().map(|change| change.to).collect()
    }

    /// What is in the journal.
    pub fn journaled(&self, is: impl Fn(&Record) -> bool) -> usize {
        let records = &self.scene.desk.journal.0.borrow().records;
        records.iter().filter(|record| is(record)).count()
    }

    /// Whatever happened, here and at the exchange stands the same, each fill counts once and for its strategy, and the bot can
    /// be stopped with proof.
    pub fn check(&mut self, name: &str) {
        self.agrees(name);
        self.scene.desk.stop();
        let report = self.scene.desk.engine.stop_report();
        assert!(self.scene.desk.engine.is_stopped(), "{name}: {report:?}");
        let exchange = &self.scene.desk.exchange;
        assert_eq!((exchange.open().count(), exchange.waiting().count()), (0, 0), "{name}");
        self.agrees(name);
        let view = self.scene.desk.view();
        let venue = view.venues().next().unwrap();
        assert!(venue.triggers().all(|t| t.state().is_terminal()), "{name}");
        assert!(venue.orders().all(|o| o.state().is_terminal()), "{name}");
    }

    fn agrees(&self, name: &str) {
        let (view, exchange) = (self.scene.desk.view(), &self.scene.desk.exchange);
        let venue = view.venues().next().unwrap();
        for trigger in venue.triggers() {
            let Some(there) = exchange.waiting.triggers.get(trigger.client_id()) else {
                assert_eq!(trigger.state(), TriggerState::Rejected, "{name}: {trigger:?}");
                continue;
            };
            let evidence = there.status.evidence().unwrap();
            assert_eq!(
                trigger.state().after(evidence),
                Ok(trigger.state()),
                "{name}: {there:?}"
            );
            assert_eq!(trigger.order, there.order, "{name}");
        }
        for there in exchange.orders.values() {
            let of = exchange
                .waiting
                .triggers
                .values()
                .find(|t| t.order.as_ref() == Some(&there.exchange_id));
            let id = of.map_or(&there.client_id, |t| &t.intent.client_id);
            let order = view
                .order(id)
                .unwrap_or_else(|| panic!("{name}: {there:?} is not known"));
            assert_eq!(order.exchange_id.as_ref(), Some(&there.exchange_id), "{name}");
            assert_eq!(order.filled(), there.filled, "{name}: {order:?}");
            let evidence = there.status.evidence().unwrap();
            assert_eq!(order.state().after(evidence), Ok(order.state()), "{name}: {there:?}");
            assert_eq!(order.strategy, self.scene.desk.strategy_id(), "{name}");
        }
        assert_eq!(
            venue.orders().count(),
            exchange.orders.len(),
            "{name}: no order is tracked twice"
        );
        assert_eq!(
            venue.fills().count(),
            exchange.trades.len(),
            "{name}: each trade counts once"
        );
        let bought: Decimal = exchange.trades.iter().map(|t| signed(t.side, t.quantity)).sum();
        let market = view.markets().next().unwrap();
        assert_eq!(market.position().inventory.0, bought, "{name}: and is the bot's own");
        assert_eq!(venue.foreign_orders().count(), 0, "{name}");
    }
}

fn signed(side: Side, quantity: Quantity) -> Decimal {
    match side {
        Side::Buy => quantity.0,
        Side::Sell => -quantity.0,
    }
}

/// Why a wish for a trigger was refused.
pub fn refused(scene: &Scene) -> Vec<RefusedTrigger> {
    let told = scene.told().into_iter();
    told.filter_map(|t| match t {
        Told::TriggerRefused(refused) => Some(refused),
        _ => None,
    })
    .collect()
}
