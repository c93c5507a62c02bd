//! Orders through every race that an exchange can bring, each as a scenario: what happens there, what is told of it in which
//! order, and what must stand here in the end.
#![allow(clippy::unwrap_used)]

mod amend;
mod journal;
mod quotes;
mod races;
mod replace;
mod told;

use std::cell::RefCell;
use std::rc::Rc;

use colibri_engine::View;
use colibri_engine::risk::RiskLimits;
use colibri_engine::strategy::{
    Input, MarketNeed, OrderAmended, OrderReplaced, OrderRequest, OwnFill, OwnOrderChange, OwnTriggerChange,
    RefusedOrder, RefusedTrigger, Strategy, StrategyAction, StrategyActions,
};
use colibri_engine::{ForcedReduction, FundingTold, MarginCall, MarketId, PositionChanged, Recovered, VenueIndex};
use colibri_model::{
    ClientOrderId, Decimal, InstrumentId, OrderState, OrderTerms, OrderType, Price, Quantity, QuantityUnit, Side,
    SnapshotUnusable, StrategyId, TimeInForce, VenueId,
};
use colibri_standard::{Event, FillEvent, OrderStatus, ReportSource};

use crate::desk::{Delivery, Desk, Exchange, Memory};

/// What a strategy was told of its orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Order(OwnOrderChange),
    Fill(OwnFill),
    Fee(OwnFill),
    Amended(OrderAmended),
    Replaced(OrderReplaced),
    Refused(RefusedOrder),
    Position(PositionChanged),
    Funding(FundingTold),
    Forced(ForcedReduction),
    MarginCall(MarginCall),
    Rates,
    Settings,
    Trigger(OwnTriggerChange),
    TriggerRefused(RefusedTrigger),
}

#[derive(Debug, Default)]
struct Desires {
    wishes: Vec<StrategyAction>,
    told: Vec<Told>,
}

/// A strategy that wants what the test wants and remembers what it was told.
struct Hand {
    id: StrategyId,
    desires: Rc<RefCell<Desires>>,
}

impl Strategy for Hand {
    fn id(&self) -> &StrategyId {
        &self.id
    }
    fn kind(&self) -> &'static str {
        "hand"
    }
    fn needs(&self) -> Vec<MarketNeed> {
        vec![MarketNeed {
            venue: VenueId::new("fake").unwrap(),
            pair: "BTC-USDT".parse().unwrap(),
        }]
    }
    fn snapshot(&self) -> Option<serde_json::Value> {
        Some(serde_json::Value::Null)
    }
    fn restore(&mut self, _: serde_json::Value) -> Result<(), SnapshotUnusable> {
        Ok(())
    }
    fn input(&mut self, input: Input<'_>, _: &View<'_>, actions: &mut StrategyActions) {
        let mut desires = self.desires.borrow_mut();
        match input {
            Input::Order(told) => desires.told.push(Told::Order(told.clone())),
            Input::Fill(told) => desires.told.push(Told::Fill(told.clone())),
            Input::Fee(told) => desires.told.push(Told::Fee(told.clone())),
            Input::Amended(told) => desires.told.push(Told::Amended(told.clone())),
            Input::Replaced(told) => desires.told.push(Told::Replaced(told.clone())),
            Input::Refused(told) => desires.told.push(Told::Refused(told.clone())),
            Input::Position(told) => desires.told.push(Told::Position(told.clone())),
            Input::Funding(told) => desires.told.push(Told::Funding(told.clone())),
            Input::Forced(told) => desires.told.push(Told::Forced(told.clone())),
            Input::MarginCall(told) => desires.told.push(Told::MarginCall(told.clone())),
            Input::Rates(_) => desires.told.push(Told::Rates),
            Input::Settings(_) => desires.told.push(Told::Settings),
            Input::Trigger(told) => desires.told.push(Told::Trigger(told.clone())),
            Input::TriggerRefused(told) => desires.told.push(Told::TriggerRefused(told.clone())),
            Input::Book(_) | Input::Paused(_) => {
                for wish in desires.wishes.drain(..) {
                    match wish {
                        StrategyAction::Create(order) => actions.create(order),
                        StrategyAction::Cancel(id) => actions.cancel(id),
                        StrategyAction::Amend { client_id, quantity } => actions.amend(client_id, quantity),
                        StrategyAction::Replace { client_id, by } => actions.replace(client_id, by),
                        StrategyAction::PlaceTrigger(trigger) => actions.place_trigger(trigger),
                        StrategyAction::CancelTrigger(id) => actions.cancel_trigger(id),
                        other => panic!("{other:?} was not expected"),
                    }
                }
            }
            _ => {}
        }
    }
}

/// A desk, the hand that trades at it, and the order that a scenario is about: a buy of two at 99.
pub struct Scene {
    pub desk: Desk,
    pub order: ClientOrderId,
    desires: Rc<RefCell<Desires>>,
}

pub fn quantity(text: &str) -> Quantity {
    Quantity(text.parse().unwrap())
}

pub fn buy(price: i64, amount: &str) -> OrderRequest {
    OrderRequest {
        market: MarketId {
            venue: VenueIndex(0),
            instrument: InstrumentId(1),
        },
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: Some(TimeInForce::Gtc),
        price: Some(Price(Decimal::from(price))),
        quantity: quantity(amount),
        quantity_unit: QuantityUnit::Base,
        terms: OrderTerms::default(),
        tag: 7,
    }
}

impl Scene {
    /// A desk at which nothing was placed yet.
    pub fn empty(prepare: impl FnOnce(&mut Exchange)) -> Scene {
        Scene::limited(RiskLimits::default(), prepare)
    }

    /// The same, of a bot that is limited.
    pub fn limited(risk: RiskLimits, prepare: impl FnOnce(&mut Exchange)) -> Scene {
        let mut scene = Scene::unstarted(risk, prepare);
        scene.desk.start();
        scene
    }

    /// The same, before its start.
    pub fn unstarted(risk: RiskLimits, prepare: impl FnOnce(&mut Exchange)) -> Scene {
        let mut exchange = Exchange::new();
        prepare(&mut exchange);
        Scene::made(Recovered::default(), exchange, Memory::default(), risk)
    }

    /// Nothing has begun yet.
    pub fn made(recovered: Recovered, exchange: Exchange, journal: Memory, risk: RiskLimits) -> Scene {
        let desires = Rc::new(RefCell::new(Desires::default()));
        let hand = Hand {
            id: StrategyId::new("mm").unwrap(),
            desires: desires.clone(),
        };
        Scene {
            desk: Desk::made(Box::new(hand), recovered, exchange, journal, risk),
            order: ClientOrderId::new("none-yet").unwrap(),
            desires,
        }
    }

    /// The host dies, and another begins a while later.
    pub fn crash(self, after: u64) -> Scene {
        self.crash_limited(after, RiskLimits::default())
    }

    /// As [`Scene::crash`], and the other is limited.
    pub fn crash_limited(self, after: u64, risk: RiskLimits) -> Scene {
        let recovered = Recovered::from_records(&self.desk.journal.0.borrow().records);
        let millis = self.desk.millis() + after;
        let mut scene = Scene::made(recovered, self.desk.exchange, self.desk.journal, risk);
        scene.order = self.order;
        scene.desk.begin_at(millis);
        scene.desk.start();
        scene
    }

    /// The order has been sent; what becomes of it is as `prepare` has scripted.
    pub fn sent(prepare: impl FnOnce(&mut Exchange)) -> Scene {
        let mut scene = Scene::empty(prepare);
        scene.wish(StrategyAction::Create(buy(99, "2")));
        scene.order = scene
            .desk
            .view()
            .live_orders(&scene.desk.strategy_id())
            .next()
            .map_or_else(
                || ClientOrderId::new("ended-at-once").unwrap(),
                |o| o.client_id().clone(),
            );
        scene
    }

    /// The order rests.
    pub fn resting() -> Scene {
        Scene::resting_at(|_| {})
    }

    pub fn resting_at(prepare: impl FnOnce(&mut Exchange)) -> Scene {
        let mut scene = Scene::sent(prepare);
        scene.run(500);
        assert_eq!(scene.state(), OrderState::Open);
        scene
    }

    /// Wants something and has it carried out: nothing more has happened yet.
    pub fn wish(&mut self, action: StrategyAction) {
        self.wishes([action]);
    }

    pub fn wishes<const N: usize>(&mut self, actions: [StrategyAction; N]) {
        self.desires.borrow_mut().wishes.extend(actions);
        self.desk
            .at_exchange(|exchange, _| vec![(0, exchange.next_diff(&[], &[]))]);
        self.desk.run(0);
    }

    /// Wants something as soon as it is told of a book, or that it rests.
    pub fn wish_later(&mut self, action: StrategyAction) {
        self.desires.borrow_mut().wishes.push(action);
    }

    pub fn cancel(&mut self) {
        self.wish(StrategyAction::Cancel(self.order.clone()));
    }

    pub fn amend(&mut self, to: &str) {
        self.wish(StrategyAction::Amend {
            client_id: self.order.clone(),
            quantity: quantity(to),
        });
    }

    pub fn replace(&mut self, by: OrderRequest) {
        self.wish(StrategyAction::Replace {
            client_id: self.order.clone(),
            by,
        });
    }

    /// Time passes, and the book with it.
    pub fn run(&mut self, millis: u64) {
        let (beats, rest) = (millis / 500, millis % 500);
        self.desk.book_beats(500, beats);
        self.desk.run(rest);
    }

    /// A trade of the order at the exchange. Nothing is told of it.
    pub fn trade(&mut self, amount: &str) -> FillEvent {
        let now = self.desk.now();
        let name = self.name();
        let ended = self.desk.exchange.orders[&name].status.clone();
        let fill = self.desk.exchange.trade(&name, amount, now);
        if ended == OrderStatus::Cancelled {
            // It was before the cancel; only the report is late.
            self.desk.exchange.orders.get_mut(&name).unwrap().status = ended;
        }
        fill
    }

    /// What the exchange calls the order.
    fn name(&self) -> ClientOrderId {
        let number = self.desk.view().order(&self.order).and_then(|o| o.exchange_id.clone());
        let orders = &self.desk.exchange.orders;
        let named = orders.values().find(|o| Some(&o.exchange_id) == number.as_ref());
        named.map_or_else(|| self.order.clone(), |o| o.client_id.clone())
    }

    pub fn tell(&mut self, after: u64, event: impl Into<Event>) {
        self.desk.deliver(after, Delivery::Event(event.into()));
    }

    /// Tells how the order stands now, after a while.
    pub fn tell_status(&mut self, after: u64, source: ReportSource) {
        let name = self.name();
        let event = self.desk.exchange.order_event(&name, source, self.desk.now());
        self.tell(after, event);
        let balances = self.desk.exchange.balances_event(ReportSource::Stream, self.desk.now());
        self.tell(after, balances);
    }

    pub fn state(&self) -> OrderState {
        self.desk.view().order(&self.order).unwrap().state()
    }

    pub fn filled(&self) -> Quantity {
        self.desk.view().order(&self.order).unwrap().filled()
    }

    /// The orders that were tracked after the first.
    pub fn others(&self) -> Vec<(ClientOrderId, OrderState)> {
        let view = self.desk.view();
        let orders = view.venues().next().unwrap().orders();
        let others = orders.filter(|o| *o.client_id() != self.order);
        others.map(|o| (o.client_id().clone(), o.state())).collect()
    }

    pub fn told(&self) -> Vec<Told> {
        self.desires.borrow().told.clone()
    }

    pub fn replaced(&self) -> OrderReplaced {
        let told: Vec<OrderReplaced> = self
            .told()
            .into_iter()
            .filter_map(|t| match t {
                Told::Replaced(told) => Some(told),
                _ => None,
            })
            .collect();
        let [told] = told.try_into().unwrap();
        told
    }

    /// Whatever happened, here and at the exchange stands the same, and each fill once; and the bot can be stopped with proof.
    pub fn check(&mut self, name: &str) {
        self.agrees(name);
        self.desk.stop();
        assert!(
            self.desk.engine.is_stopped(),
            "{name}: {:?}",
            self.desk.engine.stop_report()
        );
        assert_eq!(self.desk.exchange.open().count(), 0, "{name}");
        self.agrees(name);
        self.desk.assert_ledger_agrees();
        let view = self.desk.view();
        for order in view.venues().next().unwrap().orders() {
            assert!(order.state().is_terminal(), "{name}: {order:?}");
        }
        assert!(self.desk.journal.0.borrow().fails.is_none());
    }

    fn agrees(&self, name: &str) {
        let view = self.desk.view();
        let venue = view.venues().next().unwrap();
        for order in venue.orders() {
            let there = self.desk.exchange.orders.get(order.name_at_exchange());
            let Some(there) = there else {
                assert_eq!(order.state(), OrderState::Rejected, "{name}: {order:?}");
                continue;
            };
            assert_eq!(order.filled(), there.filled, "{name}: {order:?}");
            assert_eq!(order.intent.quantity, there.quantity, "{name}: {order:?}");
            let evidence = there.status.evidence().unwrap();
            assert_eq!(order.state().after(evidence), Ok(order.state()), "{name}: {there:?}");
        }
        assert_eq!(
            venue.fills().count(),
            self.desk.exchange.trades.len(),
            "{name}: each trade counts once"
        );
    }
}

/// One race: what happens, how the order ends, and how much of it was filled.
pub struct Race {
    pub name: &'static str,
    pub script: fn() -> Scene,
    pub ends: OrderState,
    pub filled: &'static str,
}

pub fn run_all(races: &[Race]) {
    for race in races {
        let mut scene = (race.script)();
        assert_eq!(
            (scene.state(), scene.filled()),
            (race.ends, quantity(race.filled)),
            "{}: {:#?}",
            race.name,
            scene.desk.view().order(&scene.order)
        );
        scene.check(race.name);
    }
}
