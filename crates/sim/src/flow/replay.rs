//! A recorded market, played into the engine.
//!
//! The recorded quantity of a level stands in the book as orders of the house. A client's order at that price stands
//! behind what was there when it came: recorded growth joins behind it, recorded shrinking is taken from the back of the
//! queue first, so the client advances by trades alone. That is the cautious reading, because a capture does not tell
//! whose order was cancelled. Recorded trades arrive as takers and meet the queue in its order.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::recording::{Levels, RecordedEvent, Recording};
use crate::config::{ConfigError, ReplayEnd, ReplayFlow};
use crate::identity::{AccountId, ClientOrderId, MarketId, OrderId};
use crate::matching::{
    Amend, CancelRestriction, ContractTerms, Engine, NewOrder, OrderKey, OrderKind, OrderSize, SelfTradePrevention,
    Side, TimeInForce,
};
use crate::time::{Span, Timestamp};

/// The pause between the end of a recording and its repetition.
const PAUSE: Span = Span::from_secs(1);

/// One market's recording.
pub struct ReplaySource {
    market: MarketId,
    house: AccountId,
    recording: Recording,
    place: usize,
    started: Timestamp,
    speed: Decimal,
    end: ReplayEnd,
}

impl ReplaySource {
    /// A recording that begins at `now`.
    ///
    /// # Errors
    /// [`ConfigError::OutOfRange`] for a speed of zero or less.
    pub fn new(
        config: &ReplayFlow,
        recording: Recording,
        market: MarketId,
        house: AccountId,
        now: Timestamp,
    ) -> Result<Self, ConfigError> {
        if config.speed <= Decimal::ZERO {
            return Err(ConfigError::OutOfRange {
                what: "speed",
                name: config.symbol.to_string(),
                value: config.speed.to_string(),
                range: "greater than 0",
            });
        }
        Ok(Self {
            market,
            house,
            recording,
            place: 0,
            started: now,
            speed: config.speed,
            end: config.end,
        })
    }

    /// When it acts next; `None` at the end of a recording that is not repeated.
    pub fn next(&self) -> Option<Timestamp> {
        let (since, _) = self.recording.events().get(self.place)?;
        let micros = (Decimal::from(since.micros()) / self.speed)
            .to_i64()
            .unwrap_or(i64::MAX);
        Some(self.started.after(Span::from_micros(micros)))
    }

    /// Plays one recorded event.
    pub fn act(&mut self, engine: &mut Engine) {
        let Some(now) = self.next() else { return };
        let event = self.recording.events()[self.place].1.clone();
        match event {
            RecordedEvent::Snapshot { bids, asks } => {
                self.clear_unlisted(engine, Side::Buy, &bids, now);
                self.clear_unlisted(engine, Side::Sell, &asks, now);
                self.set_levels(engine, &bids, &asks, now);
            }
            RecordedEvent::Depth { bids, asks } => self.set_levels(engine, &bids, &asks, now),
            RecordedEvent::Trade { price, quantity, taker } => self.trade(engine, price, quantity, taker, now),
        }
        self.place += 1;
        if self.place == self.recording.events().len() && self.end == ReplayEnd::Repeat {
            self.place = 0;
            self.started = now.after(PAUSE);
        }
    }

    /// The house's orders at a price, first in the queue first, with what remains of each.
    fn recorded_orders(&self, engine: &Engine, side: Side, price: Decimal) -> Vec<(OrderId, Decimal, Decimal)> {
        let market = engine.market(self.market);
        let ids = market
            .book()
            .level(side, price)
            .into_iter()
            .flat_map(|level| level.orders.iter());
        ids.filter_map(|id| market.order(*id))
            .filter(|order| order.account == self.house)
            .map(|order| (order.id, order.quantity, order.remaining()))
            .collect()
    }

    fn set_levels(&self, engine: &mut Engine, bids: &Levels, asks: &Levels, now: Timestamp) {
        let sides = [(Side::Buy, bids), (Side::Sell, asks)];
        // What shrinks goes first, so that the market can move without the house meeting itself.
        for (side, levels) in sides {
            for (price, quantity) in levels {
                self.shrink_to(engine, side, *price, *quantity, now);
            }
        }
        for (side, levels) in sides {
            for (price, quantity) in levels {
                self.grow_to(engine, side, *price, *quantity, now);
            }
        }
    }

    fn shrink_to(&self, engine: &mut Engine, side: Side, price: Decimal, target: Decimal, now: Timestamp) {
        let orders = self.recorded_orders(engine, side, price);
        let held: Decimal = orders.iter().map(|(_, _, remaining)| *remaining).sum();
        let mut excess = held - target;
        for (id, quantity, remaining) in orders.into_iter().rev() {
            if excess <= Decimal::ZERO {
                break;
            }
            let key = OrderKey::Id(id);
            let name = ClientOrderId::from("");
            // Neither can fail: the order was found open a moment ago, and its new quantity is smaller.
            if remaining <= excess {
                let _ = engine.cancel(self.market, self.house, &key, CancelRestriction::None, name, now);
            } else {
                let amend = Amend {
                    key,
                    client_id: name,
                    quantity: quantity - excess,
                };
                let _ = engine.amend(self.market, self.house, amend, now);
            }
            excess -= remaining;
        }
    }

    fn grow_to(&self, engine: &mut Engine, side: Side, price: Decimal, target: Decimal, now: Timestamp) {
        let held: Decimal = self
            .recorded_orders(engine, side, price)
            .iter()
            .map(|(_, _, remaining)| *remaining)
            .sum();
        if target > held {
            self.clear_crossed(engine, side, price, now);
            self.place(engine, side, price, target - held, TimeInForce::GoodTillCancel, now);
        }
    }

    /// A recorded order at this price shows that recorded orders it would cross are gone.
    fn clear_crossed(&self, engine: &mut Engine, side: Side, price: Decimal, now: Timestamp) {
        let other = side.opposite();
        let crossed: Vec<Decimal> = engine
            .market(self.market)
            .book()
            .levels(other)
            .map(|(level, _)| level)
            .take_while(|level| match side {
                Side::Buy => *level <= price,
                Side::Sell => *level >= price,
            })
            .collect();
        for level in crossed {
            self.shrink_to(engine, other, level, Decimal::ZERO, now);
        }
    }

    fn clear_unlisted(&self, engine: &mut Engine, side: Side, listed: &Levels, now: Timestamp) {
        let stale: Vec<Decimal> = engine
            .market(self.market)
            .book()
            .levels(side)
            .map(|(price, _)| price)
            .filter(|price| !listed.iter().any(|(other, _)| other == price))
            .collect();
        for price in stale {
            self.shrink_to(engine, side, price, Decimal::ZERO, now);
        }
    }

    /// A recorded taker: recorded orders at better prices were gone, and at its price there was at least its quantity.
    fn trade(&self, engine: &mut Engine, price: Decimal, quantity: Decimal, taker: Side, now: Timestamp) {
        let maker = taker.opposite();
        let better: Vec<Decimal> = engine
            .market(self.market)
            .book()
            .levels(maker)
            .map(|(level, _)| level)
            .take_while(|level| match maker {
                Side::Buy => *level > price,
                Side::Sell => *level < price,
            })
            .collect();
        for level in better {
            self.shrink_to(engine, maker, level, Decimal::ZERO, now);
        }
        let held: Decimal = self
            .recorded_orders(engine, maker, price)
            .iter()
            .map(|(_, _, remaining)| *remaining)
            .sum();
        if held < quantity {
            self.clear_crossed(engine, maker, price, now);
            self.place(engine, maker, price, quantity - held, TimeInForce::GoodTillCancel, now);
        }
        self.place(engine, taker, price, quantity, TimeInForce::ImmediateOrCancel, now);
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
        // The house is rich, so nothing is refused.
        let _ = engine.place(self.market, self.house, order, now);
    }
}
