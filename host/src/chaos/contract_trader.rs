//! A strategy of contracts without a plan: opens, reduces and closes positions, places and cancels orders and triggers at
//! random, so that each is under way when something goes wrong.

use colibri_engine::MarketId;
use colibri_engine::View;
use colibri_engine::strategy::{Input, MarketNeed, OrderRequest, Strategy, StrategyActions, TriggerRequest};
use colibri_model::{
    Decimal, Millis, OrderTerms, OrderType, Pair, PositionEffect, PositionMode, PositionSide, Price, Quantity,
    QuantityUnit, Side, SnapshotUnusable, SplitMix64, StrategyId, TimeInForce, TriggerBy, TriggerKind, VenueId, WallNs,
};

use super::contract_plan::SHORTEST_LIFE;

/// Live orders, and live triggers, that it does not go beyond.
const MOST_LIVE: usize = 5;
const TIMER: u64 = 1;

/// The strategy.
pub struct ContractTrader {
    id: StrategyId,
    venue: VenueId,
    pair: Pair,
    /// Of the base asset, of an average order.
    amount: Decimal,
    mode: PositionMode,
    random: SplitMix64,
    market: Option<MarketId>,
}

/// A side of an order, and what it may do to which position.
#[derive(Debug, Clone, Copy)]
struct Way {
    side: Side,
    terms: OrderTerms,
}

impl ContractTrader {
    /// A trader of one contract.
    #[must_use]
    pub fn new(
        id: StrategyId,
        venue: VenueId,
        pair: Pair,
        amount: Decimal,
        mode: PositionMode,
        seed: u64,
    ) -> ContractTrader {
        ContractTrader {
            id,
            venue,
            pair,
            amount,
            mode,
            random: SplitMix64::new(seed),
            market: None,
        }
    }

    fn act(&mut self, view: &View<'_>, actions: &mut StrategyActions) {
        let orders: Vec<_> = view.live_orders(&self.id).map(|o| o.client_id().clone()).collect();
        let triggers: Vec<_> = view.live_triggers(&self.id).map(|t| t.client_id().clone()).collect();
        match self.random.below(12) {
            0 | 1 if !orders.is_empty() => actions.cancel(self.one_of(&orders)),
            2 if !triggers.is_empty() => actions.cancel_trigger(self.one_of(&triggers)),
            3..=5 if triggers.len() < MOST_LIVE => {
                if let Some(trigger) = self.trigger(view) {
                    actions.place_trigger(trigger);
                }
            }
            6 => {
                if let Some(order) = self.closing(view) {
                    actions.create(order);
                }
            }
            _ if orders.len() < MOST_LIVE => {
                if let Some(order) = self.order(view) {
                    actions.create(order);
                }
            }
            _ => actions.cancel(self.one_of(&orders)),
        }
    }

    fn one_of<T: Clone>(&mut self, list: &[T]) -> T {
        let index = usize::try_from(self.random.below(list.len() as u64)).unwrap_or(0);
        list[index].clone()
    }

    fn way(&mut self) -> Way {
        let side = self.one_of(&[Side::Buy, Side::Sell]);
        let (position_side, effect) = match self.mode {
            PositionMode::OneWay => {
                let effect = self.one_of(&[PositionEffect::Any, PositionEffect::Any, PositionEffect::ReduceOnly]);
                (PositionSide::Net, effect)
            }
            // There the side says it: buying the short position closes it.
            PositionMode::Hedge => (
                self.one_of(&[PositionSide::Long, PositionSide::Short]),
                PositionEffect::Any,
            ),
        };
        let terms = OrderTerms {
            position_side,
            effect,
            ..OrderTerms::default()
        };
        Way { side, terms }
    }

    fn mid(&self, view: &View<'_>) -> Option<Price> {
        view.market(self.market?)?.mid()
    }

    fn quantity(&mut self) -> Quantity {
        let part = Decimal::new(i64::try_from(50 + self.random.below(100)).unwrap_or(50), 2);
        Quantity(self.amount * part)
    }

    /// An order of any kind, near the market.
    fn order(&mut self, view: &View<'_>) -> Option<OrderRequest> {
        let market = self.market?;
        let mid = self.mid(view)?;
        let Way { side, mut terms } = self.way();
        let (order_type, time_in_force) = match self.random.below(10) {
            0 | 1 => (OrderType::Market, None),
            2 => (OrderType::Limit, Some(TimeInForce::Ioc)),
            3 => (OrderType::Limit, Some(TimeInForce::Fok)),
            4 | 5 => (OrderType::LimitMaker, None),
            6 | 7 => (OrderType::Limit, Some(TimeInForce::Gtd)),
            _ => (OrderType::Limit, Some(TimeInForce::Gtc)),
        };
        // From two basis points through the book to eight behind it; five times as far where it is to last until its date.
        let distance = i64::try_from(self.random.below(1_000)).unwrap_or(0) - 200;
        let distance = if time_in_force == Some(TimeInForce::Gtd) {
            let life = SHORTEST_LIFE.0 + 500 + self.random.below(40_000);
            let until = view.now().wall.as_millis().saturating_add_unsigned(life);
            terms.good_till = Some(WallNs::from_millis(until));
            5 * distance
        } else {
            distance
        };
        let price = beside(mid, side, Decimal::new(distance, 6));
        Some(OrderRequest {
            market,
            side,
            order_type,
            time_in_force,
            price: (order_type != OrderType::Market).then_some(price),
            quantity: self.quantity(),
            quantity_unit: QuantityUnit::Base,
            terms,
            tag: 0,
        })
    }

    /// A market order that closes half of a position, or all of it.
    fn closing(&mut self, view: &View<'_>) -> Option<OrderRequest> {
        let market = self.market?;
        let held = view.market(market)?.positions()?;
        let open: Vec<(PositionSide, Quantity)> = held
            .iter()
            .filter(|(_, position)| !position.quantity.is_zero())
            .map(|(side, position)| (side, position.quantity))
            .collect();
        if open.is_empty() {
            return None;
        }
        let (position_side, quantity) = self.one_of(&open);
        let part = self.one_of(&[Decimal::ONE, Decimal::new(5, 1)]);
        let effect = match position_side {
            PositionSide::Net => PositionEffect::ReduceOnly,
            PositionSide::Long | PositionSide::Short => PositionEffect::Any,
        };
        Some(OrderRequest {
            market,
            side: if quantity.is_positive() { Side::Sell } else { Side::Buy },
            order_type: OrderType::Market,
            time_in_force: None,
            price: None,
            quantity: Quantity(quantity.0.abs() * part),
            quantity_unit: QuantityUnit::Base,
            terms: OrderTerms {
                position_side,
                effect,
                ..OrderTerms::default()
            },
            tag: 0,
        })
    }

    /// A trigger that the market reaches soon, later or never.
    fn trigger(&mut self, view: &View<'_>) -> Option<TriggerRequest> {
        let market = self.market?;
        let mid = self.mid(view)?;
        let Way { side, mut terms } = self.way();
        let closes = match terms.position_side {
            PositionSide::Long => side == Side::Sell,
            PositionSide::Short => side == Side::Buy,
            PositionSide::Net => true,
        };
        let kind = self.one_of(&[TriggerKind::Stop, TriggerKind::TakeProfit]);
        let away = self.one_of(&[Decimal::new(2, 4), Decimal::new(6, 4), Decimal::new(40, 4)]);
        // A stop waits where the market has gone against its position.
        let away = match kind {
            TriggerKind::Stop => -away,
            TriggerKind::TakeProfit => away,
        };
        let trigger_price = beside(mid, side, away);
        let is_limit = self.random.below(3) == 0;
        let whole = closes && !is_limit && self.random.below(2) == 0;
        if whole {
            terms.effect = PositionEffect::ClosePosition;
        }
        Some(TriggerRequest {
            market,
            kind,
            by: self.one_of(&[TriggerBy::Last, TriggerBy::Mark]),
            trigger_price,
            side,
            order_type: if is_limit { OrderType::Limit } else { OrderType::Market },
            time_in_force: is_limit.then_some(TimeInForce::Gtc),
            price: is_limit.then_some(trigger_price),
            quantity: (!whole).then(|| self.quantity()),
            terms,
            tag: 0,
        })
    }

    fn next(&mut self, view: &View<'_>, actions: &mut StrategyActions) {
        let wait = Millis(500 + self.random.below(6_000));
        actions.set_timer(TIMER, view.now().mono.plus(wait));
    }
}

/// So far beside a price, behind it as an order of a side sees it.
fn beside(mid: Price, side: Side, away: Decimal) -> Price {
    Price(match side {
        Side::Buy => mid.0 * (Decimal::ONE - away),
        Side::Sell => mid.0 * (Decimal::ONE + away),
    })
}

impl Strategy for ContractTrader {
    fn id(&self) -> &StrategyId {
        &self.id
    }
    fn kind(&self) -> &'static str {
        "contract_trader"
    }
    fn needs(&self) -> Vec<MarketNeed> {
        vec![MarketNeed {
            venue: self.venue.clone(),
            pair: self.pair.clone(),
        }]
    }
    fn input(&mut self, input: Input<'_>, view: &View<'_>, actions: &mut StrategyActions) {
        match input {
            Input::Started => {
                self.market = view.find_market(&self.venue, &self.pair);
                self.next(view, actions);
            }
            Input::Resumed => self.next(view, actions),
            Input::Timer(_) => {
                self.act(view, actions);
                self.next(view, actions);
            }
            _ => {}
        }
    }
    fn snapshot(&self) -> Option<serde_json::Value> {
        serde_json::to_value((&self.random, self.market)).ok()
    }
    fn restore(&mut self, state: serde_json::Value) -> Result<(), SnapshotUnusable> {
        (self.random, self.market) = serde_json::from_value(state).map_err(SnapshotUnusable::new)?;
        Ok(())
    }
}
