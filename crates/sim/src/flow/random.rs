//! Makers and takers around a random walk.
//!
//! A fair price walks in thousandths of a tick. Makers keep a ladder on both sides of it, drop quotes that the walk left
//! on the wrong side and now and then change their minds; takers come at random, most for little, some through several
//! levels. Nobody looks at who else is in the book, so a client's quotes near the touch trade on both sides.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::FlowMarket;
use crate::config::{ConfigError, RandomFlow};
use crate::identity::{AccountId, ClientOrderId, MarketId, OrderId};
use crate::matching::{
    CancelRestriction, ContractTerms, Engine, NewOrder, OrderKey, OrderKind, OrderSize, SelfTradePrevention, Side,
    TimeInForce,
};
use crate::prng::Prng;
use crate::time::{Span, Timestamp};

/// The fair price is kept in this part of a tick.
const FINE: i64 = 1_000;
/// Ladder places that a market maker fills in one step once the ladder stands.
const REFILLS_PER_STEP: usize = 4;

/// A maker's quote, and how far it is behind its touch, in ticks.
type Quote = (OrderId, i64);

/// One market's makers and takers.
pub struct RandomSource {
    market: MarketId,
    house: AccountId,
    prng: Prng,
    next: Timestamp,
    step: Span,
    tick: Decimal,
    lot: Decimal,
    /// Value in quote below which no order is sent.
    least_value: Decimal,
    order_value: Decimal,
    /// In thousandths of a tick.
    fair: i64,
    start: i64,
    /// What the fair price is pulled to, where it follows another market; in thousandths of a tick.
    leader: Option<i64>,
    deviation: i64,
    /// In ticks.
    half_spread: i64,
    spacing: i64,
    levels: i64,
    sweep_levels: u64,
    takers_per_million_steps: u64,
}

impl RandomSource {
    /// A source for one market; markets of one seed walk differently.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`].
    pub fn new(
        flow: &RandomFlow,
        market: MarketId,
        config: &FlowMarket,
        house: AccountId,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        let refuse = |what: &'static str, value: String, range: &'static str| ConfigError::OutOfRange {
            what,
            name: "flow".to_owned(),
            value,
            range,
        };
        if !(20..=1_000).contains(&flow.levels) {
            return Err(refuse("levels", flow.levels.to_string(), "between 20 and 1000"));
        }
        if !(10..=1_000).contains(&flow.step_ms) {
            return Err(refuse("step_ms", flow.step_ms.to_string(), "between 10 and 1000"));
        }
        if flow.sweep_levels == 0 {
            return Err(refuse("sweep_levels", "0".to_owned(), "1 or more"));
        }
        for (what, value) in [
            ("volatility_bps", flow.volatility_bps),
            ("half_spread_bps", flow.half_spread_bps),
            ("level_spacing_bps", flow.level_spacing_bps),
            ("takers_per_second", flow.takers_per_second),
            ("order_value", flow.order_value),
        ] {
            if value < Decimal::ZERO || value > Decimal::from(1_000_000) {
                return Err(refuse(what, value.to_string(), "between 0 and 1000000"));
            }
        }
        let step_ms = u64::from(flow.step_ms);
        let start_ticks = config.start_price / config.tick;
        let in_ticks = |bps: Decimal| start_ticks * bps / Decimal::from(10_000);
        let whole = |value: Decimal| value.round().to_i64().unwrap_or(i64::MAX / 1_000_000);
        // A walk of n equal steps has the deviation of one step times the root of n.
        let per_second = whole(in_ticks(flow.volatility_bps) * Decimal::from(FINE)).unsigned_abs();
        let deviation = (per_second.saturating_mul(per_second).saturating_mul(step_ms) / 1_000).isqrt() as i64;
        let takers = flow.takers_per_second * Decimal::from(1_000 * step_ms);
        let start = whole(start_ticks * Decimal::from(FINE));
        Ok(Self {
            market,
            house,
            prng: Prng::new(flow.seed.wrapping_mul(1_000_003).wrapping_add(market.0 as u64)),
            next: now,
            step: Span::from_millis(i64::from(flow.step_ms)),
            tick: config.tick,
            lot: config.lot,
            least_value: config.least_value,
            order_value: flow.order_value,
            fair: start,
            start,
            leader: None,
            deviation,
            half_spread: whole(in_ticks(flow.half_spread_bps)).max(1),
            spacing: whole(in_ticks(flow.level_spacing_bps)).max(1),
            levels: i64::from(flow.levels),
            sweep_levels: u64::from(flow.sweep_levels),
            takers_per_million_steps: takers.to_u64().unwrap_or(u64::MAX),
        })
    }

    /// Pulls the fair price of `market` to `price` from now on.
    pub fn follow(&mut self, market: MarketId, price: Decimal) {
        if market == self.market {
            let fine = price / self.tick * Decimal::from(FINE);
            self.leader = fine.round().to_i64();
        }
    }

    /// Moves the fair price of `market` to `price` at once.
    pub fn jump(&mut self, market: MarketId, price: Decimal) {
        if market == self.market {
            let fine = price / self.tick * Decimal::from(FINE);
            self.fair = fine.round().to_i64().unwrap_or(self.fair);
        }
    }

    /// When it acts next.
    pub fn next(&self) -> Timestamp {
        self.next
    }

    /// Walks, quotes, and perhaps takes.
    pub fn act(&mut self, engine: &mut Engine) {
        let now = self.next;
        self.next = now.after(self.step);
        self.walk();
        let (buys, sells) = self.quotes(engine);
        self.drop_quotes(engine, buys, now);
        self.drop_quotes(engine, sells, now);
        for side in [Side::Buy, Side::Sell] {
            self.refill(engine, side, now);
        }
        let mut arrivals = self.takers_per_million_steps;
        while arrivals > 0 {
            if self.prng.chance_per_million(arrivals.min(1_000_000)) {
                self.take(engine, now);
            }
            arrivals = arrivals.saturating_sub(1_000_000);
        }
    }

    /// One step of the fair price, between half and twice the start.
    fn walk(&mut self) {
        let pull = match self.leader {
            None => (self.start - self.fair) / 50_000,
            Some(leader) => (leader - self.fair) / 200,
        };
        self.fair += pull + self.prng.normal(self.deviation);
        self.fair = self.fair.clamp(self.start / 2, self.start * 2);
    }

    /// The best price, in ticks, that a maker of a side would quote now.
    fn touch(&self, side: Side) -> i64 {
        match side {
            Side::Buy => self.fair.div_euclid(FINE) - self.half_spread,
            Side::Sell => self.fair.div_euclid(FINE) + self.half_spread,
        }
    }

    fn price(&self, ticks: i64) -> Decimal {
        self.tick * Decimal::from(ticks.max(1))
    }

    fn reach(&self) -> i64 {
        self.spacing * self.levels
    }

    /// The makers' quotes, bids and asks, oldest first.
    fn quotes(&self, engine: &Engine) -> (Vec<Quote>, Vec<Quote>) {
        let (bid, ask) = (self.touch(Side::Buy), self.touch(Side::Sell));
        let (mut buys, mut sells) = (Vec::new(), Vec::new());
        for order in engine.market(self.market).open_orders(self.house) {
            let ticks = (order.price / self.tick).to_i64().unwrap_or_default();
            match order.side {
                Side::Buy => buys.push((order.id, bid - ticks)),
                Side::Sell => sells.push((order.id, ticks - ask)),
            }
        }
        (buys, sells)
    }

    /// Cancels quotes that the walk left too close or too far, and sometimes one for no reason.
    fn drop_quotes(&mut self, engine: &mut Engine, quotes: Vec<Quote>, now: Timestamp) {
        let whim = self.prng.below(quotes.len().max(1) as u64 * 6) as usize;
        for (place, (id, distance)) in quotes.into_iter().enumerate() {
            let crossed = distance < -self.half_spread;
            let close = distance < 0 && self.prng.chance_per_million(250_000);
            let far = distance > self.reach() * 3 / 2;
            if crossed || close || far || place == whim {
                let key = OrderKey::Id(id);
                let name = ClientOrderId::from("");
                // It may have traded since; then there is nothing to cancel.
                let _ = engine.cancel(self.market, self.house, &key, CancelRestriction::None, name, now);
            }
        }
    }

    /// Puts quotes where the ladder lacks them, more often near the touch.
    fn refill(&mut self, engine: &mut Engine, side: Side, now: Timestamp) {
        let missing = (self.levels as usize).saturating_sub(engine.market(self.market).book().depth(side));
        let places = if missing > self.levels as usize / 2 {
            missing
        } else {
            missing.min(REFILLS_PER_STEP)
        };
        for place in 0..places {
            let reach = self.reach().unsigned_abs();
            let one = self.prng.below(reach);
            let other = self.prng.below(reach);
            let best = engine.market(self.market).book().best(side).map(|(price, _)| price);
            let touch = self.price(self.touch(side));
            let gap = match side {
                Side::Buy => best.is_none_or(|best| best < touch),
                Side::Sell => best.is_none_or(|best| best > touch),
            };
            let distance = if gap && place == 0 { 0 } else { one.min(other) as i64 };
            let ticks = match side {
                Side::Buy => self.touch(side) - distance,
                Side::Sell => self.touch(side) + distance,
            };
            let share = 20 + self.prng.below(180);
            self.send(engine, side, self.price(ticks), share, TimeInForce::GoodTillCancel, now);
        }
    }

    /// One taker: seven in ten small, the others through several levels.
    fn take(&mut self, engine: &mut Engine, now: Timestamp) {
        let side = if self.prng.below(2) == 0 { Side::Buy } else { Side::Sell };
        let bound = self.touch(side.opposite());
        let slack = self.spacing * (self.sweep_levels as i64 + 2) * 3;
        let limit = match side {
            Side::Buy => self.price(bound + slack),
            Side::Sell => self.price(bound - slack),
        };
        if self.prng.chance_per_million(700_000) {
            let share = 5 + self.prng.below(60);
            self.send(engine, side, limit, share, TimeInForce::ImmediateOrCancel, now);
            return;
        }
        let depth = 1 + self.prng.below(self.sweep_levels) as usize;
        let share = Decimal::new(30 + self.prng.below(90) as i64, 2);
        let book = engine.market(self.market).book();
        let offered: Decimal = book
            .levels(side.opposite())
            .take(depth)
            .map(|(_, level)| level.quantity)
            .sum();
        self.place(
            engine,
            side,
            limit,
            offered * share,
            TimeInForce::ImmediateOrCancel,
            now,
        );
    }

    /// Sends an order worth `share` hundredths of an average one.
    fn send(
        &self,
        engine: &mut Engine,
        side: Side,
        price: Decimal,
        share: u64,
        time_in_force: TimeInForce,
        now: Timestamp,
    ) {
        let value = (self.order_value * Decimal::new(share as i64, 2)).max(self.least_value * Decimal::from(2));
        self.place(engine, side, price, value / price, time_in_force, now);
    }

    fn place(
        &self,
        engine: &mut Engine,
        side: Side,
        price: Decimal,
        quantity: Decimal,
        time_in_force: TimeInForce,
        now: Timestamp,
    ) {
        let quantity = (quantity / self.lot).floor() * self.lot;
        if quantity.is_zero() {
            return;
        }
        let order = NewOrder {
            client_id: ClientOrderId::from(""),
            side,
            kind: OrderKind::Limit,
            time_in_force,
            price,
            size: OrderSize::Base(quantity),
            self_trade_prevention: SelfTradePrevention::None,
            strategy_id: None,
            strategy_type: None,
            terms: ContractTerms::default(),
        };
        // The house is rich, so nothing is refused; were it, the market would only be thinner.
        let _ = engine.place(self.market, self.house, order, now);
    }
}
