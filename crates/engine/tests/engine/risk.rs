//! The gate before every order: each cap refuses, says why, and holds in the worst case whatever is filled, lost or unknown.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use colibri_engine::View;
use colibri_engine::risk::RiskLimits;
use colibri_engine::strategy::{Input, MarketNeed, OrderRequest, Strategy, StrategyActions};
use colibri_model::{
    Amount, Asset, ClientOrderId, Decimal, OrderTerms, OrderType, Pair, Price, Quantity, QuantityUnit, Side,
    StrategyId, TimeInForce, VenueId,
};
use proptest::prelude::*;
use proptest::strategy::Strategy as _;

use crate::desk::{Delivery, Desk, Placement};

/// An order that a test wants: side, price, quantity in hundredths.
type Wish = (Side, i64, i64);

/// A strategy that wants what the test tells it to, once each, and remembers why it was refused.
pub struct Puppet {
    id: StrategyId,
    wishes: Rc<RefCell<Vec<Wish>>>,
    cancels: Rc<RefCell<Vec<ClientOrderId>>>,
    refusals: Rc<RefCell<Vec<String>>>,
}

impl Strategy for Puppet {
    fn id(&self) -> &StrategyId {
        &self.id
    }
    fn kind(&self) -> &'static str {
        "puppet"
    }
    fn needs(&self) -> Vec<MarketNeed> {
        vec![MarketNeed {
            venue: VenueId::new("fake").unwrap(),
            pair: pair(),
        }]
    }
    fn input(&mut self, input: Input<'_>, view: &View<'_>, actions: &mut StrategyActions) {
        match input {
            Input::Tick(_) => {
                for id in self.cancels.borrow_mut().drain(..) {
                    actions.cancel(id);
                }
                let need = &self.needs()[0];
                let market = view.find_market(&need.venue, &need.pair).unwrap();
                for (side, price, hundredths) in self.wishes.borrow_mut().drain(..) {
                    actions.create(OrderRequest {
                        market,
                        side,
                        order_type: OrderType::Limit,
                        time_in_force: Some(TimeInForce::Gtc),
                        price: Some(Price(Decimal::from(price))),
                        quantity: Quantity(Decimal::new(hundredths, 2)),
                        quantity_unit: QuantityUnit::Base,
                        terms: OrderTerms::default(),
                        tag: 0,
                    });
                }
            }
            Input::Refused(refused) => self.refusals.borrow_mut().push(refused.reason.to_string()),
            _ => {}
        }
    }
}

/// A desk whose strategy does what the test wants.
pub struct Strings {
    pub desk: Desk,
    wishes: Rc<RefCell<Vec<Wish>>>,
    cancels: Rc<RefCell<Vec<ClientOrderId>>>,
    refusals: Rc<RefCell<Vec<String>>>,
}

impl Strings {
    pub fn new(risk: RiskLimits) -> Strings {
        let (wishes, cancels, refusals) = (Rc::default(), Rc::default(), Rc::default());
        let puppet = Puppet {
            id: StrategyId::new("mm").unwrap(),
            wishes: Rc::clone(&wishes),
            cancels: Rc::clone(&cancels),
            refusals: Rc::clone(&refusals),
        };
        let mut desk = Desk::of_strategy(Box::new(puppet), risk);
        desk.start();
        Strings {
            desk,
            wishes,
            cancels,
            refusals,
        }
    }

    /// Wants an order, and runs until it is placed or refused. Why it was refused.
    pub fn want(&mut self, side: Side, price: i64, hundredths: i64) -> Option<String> {
        self.refusals.borrow_mut().clear();
        self.wishes.borrow_mut().push((side, price, hundredths));
        self.desk.book_beats(1_000, 2);
        assert!(self.wishes.borrow().is_empty(), "the strategy rests");
        self.refusals.borrow_mut().pop()
    }

    /// Cancels an order, and runs on for a second.
    pub fn cancel(&mut self, id: &ClientOrderId) {
        self.cancels.borrow_mut().push(id.clone());
        self.desk.book_beats(1_000, 1);
    }

    /// Fills the youngest open order of a side by so many hundredths, and tells it on the stream.
    pub fn fill(&mut self, side: Side, hundredths: i64) {
        let open = self.desk.exchange.open().filter(|o| o.side == side);
        let id = open.last().unwrap().client_id.clone();
        self.desk.at_exchange(|exchange, now| {
            let fill = exchange.trade(&id, &Decimal::new(hundredths, 2).to_string(), now);
            let mut told = vec![(0, Delivery::Event(fill.into()))];
            told.extend(exchange.stream(&id, now, 0));
            told
        });
        self.desk.run(10);
    }
}

fn pair() -> Pair {
    "BTC-USDT".parse().unwrap()
}

fn amount(number: i64) -> Amount {
    Amount(Decimal::from(number))
}

fn at_most(hundredths: i64) -> RiskLimits {
    RiskLimits {
        max_position: BTreeMap::from([(pair(), Quantity(Decimal::new(hundredths, 2)))]),
        ..RiskLimits::default()
    }
}

#[track_caller]
fn names(refusal: Option<String>, parts: &[&str]) {
    let refusal = refusal.expect("it is refused");
    assert!(parts.iter().all(|part| refusal.contains(part)), "{refusal}");
}

#[test]
fn a_position_is_capped_with_every_live_order_of_a_side_filled() {
    let mut strings = Strings::new(at_most(100));
    assert_eq!(strings.want(Side::Buy, 99, 60), None);
    names(
        strings.want(Side::Buy, 98, 50),
        &["1.1", "1.00", "max_position.BTC-USDT"],
    );
    assert_eq!(
        strings.want(Side::Sell, 101, 100),
        None,
        "the other side is counted by itself"
    );
    names(strings.want(Side::Sell, 102, 10), &["1.1", "max_position.BTC-USDT"]);
    strings.fill(Side::Buy, 60);
    names(strings.want(Side::Buy, 99, 41), &["1.01", "max_position.BTC-USDT"]);
    assert_eq!(strings.want(Side::Buy, 99, 40), None);
    assert_eq!(
        strings.want(Side::Sell, 102, 60),
        None,
        "long by so much: selling it is no risk"
    );
    names(strings.want(Side::Sell, 103, 10), &["1.1"]);
}

#[test]
fn an_order_of_unknown_fate_counts_as_live() {
    let mut strings = Strings::new(at_most(100));
    strings.desk.exchange.script.push_back(Placement::LostAnswerLost);
    assert_eq!(strings.want(Side::Buy, 99, 100), None);
    strings.desk.book_beats(1_000, 10);
    names(strings.want(Side::Buy, 99, 10), &["1.1", "max_position"]);
    // Once the exchange has denied it often and late enough, it does not count any more.
    strings.desk.book_beats(1_000, 30);
    assert_eq!(strings.want(Side::Buy, 99, 10), None);
}

#[test]
fn an_order_that_is_being_cancelled_counts_until_it_has_ended() {
    let mut strings = Strings::new(at_most(100));
    assert_eq!(strings.want(Side::Buy, 99, 100), None);
    strings.desk.exchange.lose_cancels = 1;
    let id = strings.desk.exchange.open().next().unwrap().client_id.clone();
    strings.cancel(&id);
    names(strings.want(Side::Buy, 99, 10), &["1.1", "max_position"]);
}

#[test]
fn fills_that_are_counted_and_not_told_are_still_to_come() {
    let mut strings = Strings::new(at_most(100));
    assert_eq!(strings.want(Side::Buy, 99, 100), None);
    let id = strings.desk.exchange.open().next().unwrap().client_id.clone();
    // The status says filled; the fill itself is not told for a while.
    strings.desk.exchange.hides_trades = true;
    strings.desk.at_exchange(|exchange, now| {
        exchange.trade(&id, "1", now);
        exchange.stream(&id, now, 0)
    });
    strings.desk.run(10);
    names(strings.want(Side::Buy, 99, 10), &["1.1", "max_position"]);
}

#[test]
fn a_position_s_notional_is_capped_in_a_market_and_over_all() {
    let market = RiskLimits {
        max_position_notional: Some(amount(100)),
        ..RiskLimits::default()
    };
    let mut strings = Strings::new(market);
    assert_eq!(strings.want(Side::Buy, 99, 100), None);
    names(
        strings.want(Side::Buy, 50, 10),
        &["104", "100", "max_position_notional"],
    );
    let gross = RiskLimits {
        max_gross_notional: Some(amount(150)),
        ..RiskLimits::default()
    };
    let mut strings = Strings::new(gross);
    assert_eq!(strings.want(Side::Buy, 99, 100), None);
    names(strings.want(Side::Buy, 98, 100), &["197", "150", "max_gross_notional"]);
    assert_eq!(
        strings.want(Side::Sell, 101, 100),
        None,
        "the larger side counts, not both"
    );
    strings.fill(Side::Buy, 100);
    assert_eq!(
        strings.want(Side::Sell, 102, 50),
        None,
        "it adds nothing to the worst case"
    );
}

#[test]
fn a_budget_is_what_fills_and_live_orders_may_take_of_the_account() {
    let usdt = |number| BTreeMap::from([(Asset::new("USDT"), amount(number))]);
    let own = RiskLimits {
        strategy_budgets: BTreeMap::from([(StrategyId::new("mm").unwrap(), usdt(200))]),
        ..RiskLimits::default()
    };
    let mut strings = Strings::new(own);
    assert_eq!(strings.want(Side::Buy, 99, 100), None);
    names(
        strings.want(Side::Buy, 99, 103),
        &["101.97", "99", "200", "budget.USDT", "strategy mm"],
    );
    strings.fill(Side::Buy, 100);
    names(strings.want(Side::Buy, 99, 103), &["200", "budget.USDT"]);
    assert_eq!(strings.want(Side::Sell, 110, 50), None, "base is not budgeted");
    strings.fill(Side::Sell, 50);
    // 99 were paid, 55 less the fee of 0.055 brought back.
    assert_eq!(strings.want(Side::Buy, 99, 150), None);
    names(strings.want(Side::Buy, 99, 10), &["9.9", "budget.USDT"]);
    let bots = RiskLimits {
        budget: usdt(50),
        ..RiskLimits::default()
    };
    let mut strings = Strings::new(bots);
    names(strings.want(Side::Buy, 99, 100), &["99", "50", "budget.USDT", "[risk]"]);
    assert_eq!(strings.want(Side::Buy, 99, 50), None);
}

#[test]
fn caps_hold_over_a_restart() {
    let mut strings = Strings::new(at_most(100));
    assert_eq!(strings.want(Side::Buy, 99, 80), None);
    strings.fill(Side::Buy, 80);
    let quotes = crate::desk::QUOTES.replace("order_amount = 1", "order_amount = 0.5");
    let mut desk = strings.desk.crash_limited(&quotes, 1_000, at_most(100));
    desk.start();
    desk.book_beats(1_000, 3);
    assert!(
        desk.logged("max_position.BTC-USDT"),
        "the position is as the journal tells"
    );
    assert!(desk.exchange.open().all(|o| o.side == Side::Sell));
}

/// What may happen at random.
#[derive(Debug, Clone)]
enum Step {
    Want(Side, i64, i64),
    Fill(usize, u8, Told),
    Lose(Placement),
    LoseCancels,
    CancelAll,
    Wait(u64),
}

/// How much of a fill reaches the engine.
#[derive(Debug, Clone, Copy)]
enum Told {
    Nothing,
    Status,
    Everything,
}

fn step() -> impl proptest::strategy::Strategy<Value = Step> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let told = prop_oneof![Just(Told::Nothing), Just(Told::Status), Just(Told::Everything)];
    let lost = prop_oneof![
        Just(Placement::TakenAnswerLost),
        Just(Placement::LostAnswerLost),
        Just(Placement::Refused),
        Just(Placement::NotSent)
    ];
    prop_oneof![
        6 => (side, 0..5i64, 1..80i64).prop_map(|(s, away, q)| Step::Want(s, away, q)),
        4 => (0..8usize, 1..=4u8, told).prop_map(|(at, part, told)| Step::Fill(at, part, told)),
        2 => lost.prop_map(Step::Lose),
        1 => Just(Step::LoseCancels),
        2 => Just(Step::CancelAll),
        2 => (1..15u64).prop_map(Step::Wait),
    ]
}

/// The position at the exchange were every open order of a side filled.
fn worst_at_exchange(desk: &Desk, side: Side) -> Decimal {
    let signed = |s: Side, quantity: Decimal| if s == side { quantity } else { -quantity };
    let traded: Decimal = desk.exchange.trades.iter().map(|t| signed(t.side, t.quantity.0)).sum();
    let open = desk.exchange.open().filter(|o| o.side == side);
    traded + open.map(|o| o.quantity.0 - o.filled.0).sum::<Decimal>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sequence_of_wishes_fills_and_losses_brings_the_worst_case_above_the_cap(
        steps in proptest::collection::vec(step(), 1..40)
    ) {
        let cap = Decimal::ONE;
        let mut strings = Strings::new(at_most(100));
        for step in steps {
            match step {
                Step::Want(side, away, hundredths) => {
                    let price = if side == Side::Buy { 99 - away } else { 101 + away };
                    strings.wishes.borrow_mut().push((side, price, hundredths));
                    strings.desk.book_beats(1_000, 1);
                }
                Step::Fill(at, part, told) => {
                    let open = strings.desk.exchange.open().nth(at).map(|o| (o.client_id.clone(), o.quantity.0 - o.filled.0));
                    let Some((id, left)) = open else { continue };
                    let quantity = (left * Decimal::from(part) / Decimal::from(4)).round_dp(4);
                    if quantity.is_zero() {
                        continue;
                    }
                    strings.desk.at_exchange(|exchange, now| {
                        let fill = exchange.trade(&id, &quantity.to_string(), now);
                        let status = exchange.stream(&id, now, 1);
                        match told {
                            Told::Nothing => Vec::new(),
                            Told::Status => status,
                            Told::Everything => status.into_iter().chain([(2, Delivery::Event(fill.into()))]).collect(),
                        }
                    });
                    strings.desk.run(5);
                }
                Step::Lose(placement) => strings.desk.exchange.script.push_back(placement),
                Step::LoseCancels => strings.desk.exchange.lose_cancels += 1,
                Step::CancelAll => {
                    let ids: Vec<_> = strings.desk.exchange.open().map(|o| o.client_id.clone()).collect();
                    for id in ids {
                        strings.cancel(&id);
                    }
                }
                Step::Wait(seconds) => strings.desk.book_beats(1_000, seconds),
            }
            for side in [Side::Buy, Side::Sell] {
                let worst = worst_at_exchange(&strings.desk, side);
                prop_assert!(worst <= cap, "{side:?}: {worst}");
            }
        }
    }
}
