//! A strategy without a plan: places, cancels, amends and replaces at random, so that every kind of order is under way when
//! something goes wrong.

use colibri_engine::MarketId;
use colibri_engine::View;
use colibri_engine::strategy::{Input, MarketNeed, OrderRequest, Strategy, StrategyActions};
use colibri_model::{
    Decimal, Millis, OrderTerms, OrderType, Pair, Price, Quantity, QuantityUnit, Side, SnapshotUnusable, SplitMix64,
    StrategyId, TimeInForce, VenueId,
};

/// Live orders that it does not go beyond.
const MOST_LIVE: usize = 8;
const TIMER: u64 = 1;

/// The strategy.
pub struct RandomTrader {
    id: StrategyId,
    venue: VenueId,
    pair: Pair,
    /// Of the base asset, of an average order.
    amount: Decimal,
    random: SplitMix64,
    market: Option<MarketId>,
}

impl RandomTrader {
    /// A trader of one pair.
    #[must_use]
    pub fn new(id: StrategyId, venue: VenueId, pair: Pair, amount: Decimal, seed: u64) -> RandomTrader {
        RandomTrader {
            id,
            venue,
            pair,
            amount,
            random: SplitMix64::new(seed),
            market: None,
        }
    }

    fn act(&mut self, view: &View<'_>, actions: &mut StrategyActions) {
        let live: Vec<_> = view
            .live_orders(&self.id)
            .map(|o| (o.client_id().clone(), o.leaves()))
            .collect();
        let chosen = usize::try_from(self.random.below(live.len() as u64)).unwrap_or(0);
        match self.random.below(10) {
            0..=2 if !live.is_empty() => actions.cancel(live[chosen].0.clone()),
            3 if !live.is_empty() => {
                let quantity = Quantity(live[chosen].1.0 * Decimal::new(5, 1));
                actions.amend(live[chosen].0.clone(), quantity);
            }
            4 if !live.is_empty() => {
                if let Some(by) = self.wanted(view) {
                    actions.replace(live[chosen].0.clone(), by);
                }
            }
            _ if live.len() < MOST_LIVE => {
                if let Some(order) = self.wanted(view) {
                    actions.create(order);
                }
            }
            _ => actions.cancel(live[chosen].0.clone()),
        }
    }

    /// An order of any kind, near the market.
    fn wanted(&mut self, view: &View<'_>) -> Option<OrderRequest> {
        let market = self.market?;
        let mid = view.market(market).and_then(|m| m.mid())?;
        let side = if self.random.below(2) == 0 {
            Side::Buy
        } else {
            Side::Sell
        };
        let (order_type, time_in_force) = match self.random.below(10) {
            0 | 1 => (OrderType::Market, None),
            2 => (OrderType::Limit, Some(TimeInForce::Ioc)),
            3 => (OrderType::Limit, Some(TimeInForce::Fok)),
            4 | 5 => (OrderType::LimitMaker, None),
            _ => (OrderType::Limit, Some(TimeInForce::Gtc)),
        };
        // From two basis points through the book to eight behind it.
        let distance = i64::try_from(self.random.below(1_000)).unwrap_or(0) - 200;
        let away = Decimal::new(distance, 6);
        let price = match side {
            Side::Buy => mid.0 * (Decimal::ONE - away),
            Side::Sell => mid.0 * (Decimal::ONE + away),
        };
        let part = Decimal::new(i64::try_from(50 + self.random.below(100)).unwrap_or(50), 2);
        Some(OrderRequest {
            market,
            side,
            order_type,
            time_in_force,
            price: (order_type != OrderType::Market).then_some(Price(price)),
            quantity: Quantity(self.amount * part),
            quantity_unit: QuantityUnit::Base,
            terms: OrderTerms::default(),
            tag: 0,
        })
    }

    fn next(&mut self, view: &View<'_>, actions: &mut StrategyActions) {
        let wait = Millis(400 + self.random.below(8_000));
        actions.set_timer(TIMER, view.now().mono.plus(wait));
    }
}

impl Strategy for RandomTrader {
    fn id(&self) -> &StrategyId {
        &self.id
    }
    fn kind(&self) -> &'static str {
        "random_trader"
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
