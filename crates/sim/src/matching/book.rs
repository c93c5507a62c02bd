//! One market's book: levels in order of price, orders in a level in order of arrival.
//!
//! Holds ids and the level's total alone; the orders are the market's.

use std::collections::{BTreeMap, VecDeque};

use rust_decimal::Decimal;

use super::order::Side;
use crate::identity::OrderId;

/// The orders at one price.
#[derive(Debug, Clone, Default)]
pub struct Level {
    /// Ids in order of arrival.
    pub orders: VecDeque<OrderId>,
    /// Base open at this price: the sum of what remains of the orders.
    pub quantity: Decimal,
}

/// Bids and asks.
#[derive(Debug, Clone, Default)]
pub struct Book {
    bids: BTreeMap<Decimal, Level>,
    asks: BTreeMap<Decimal, Level>,
}

impl Book {
    fn side(&self, side: Side) -> &BTreeMap<Decimal, Level> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<Decimal, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// The best price of a side and its level.
    pub fn best(&self, side: Side) -> Option<(Decimal, &Level)> {
        match side {
            Side::Buy => self.bids.last_key_value(),
            Side::Sell => self.asks.first_key_value(),
        }
        .map(|(price, level)| (*price, level))
    }

    /// Levels of a side from the best outward.
    pub fn levels(&self, side: Side) -> Box<dyn Iterator<Item = (Decimal, &Level)> + '_> {
        match side {
            Side::Buy => Box::new(self.bids.iter().rev().map(|(price, level)| (*price, level))),
            Side::Sell => Box::new(self.asks.iter().map(|(price, level)| (*price, level))),
        }
    }

    /// How many prices a side has.
    pub fn depth(&self, side: Side) -> usize {
        self.side(side).len()
    }

    /// The level at a price.
    pub fn level(&self, side: Side, price: Decimal) -> Option<&Level> {
        self.side(side).get(&price)
    }

    /// Base open at a price; zero when there is no level.
    pub fn quantity(&self, side: Side, price: Decimal) -> Decimal {
        self.level(side, price).map_or(Decimal::ZERO, |level| level.quantity)
    }

    /// Whether an arriving order of `side` at `limit` would meet a resting one. `None` is a market order.
    pub fn crosses(&self, side: Side, limit: Option<Decimal>) -> bool {
        self.best(side.opposite())
            .is_some_and(|(best, _)| within(side, limit, best))
    }

    /// Adds an order behind those at its price.
    pub(super) fn push(&mut self, side: Side, price: Decimal, id: OrderId, quantity: Decimal) {
        let level = self.side_mut(side).entry(price).or_default();
        level.orders.push_back(id);
        level.quantity += quantity;
    }

    /// Takes `quantity` off an order that stays at its place.
    pub(super) fn reduce(&mut self, side: Side, price: Decimal, quantity: Decimal) {
        if let Some(level) = self.side_mut(side).get_mut(&price) {
            level.quantity -= quantity;
        }
    }

    /// Takes an order out, which had `quantity` left; an emptied level goes too.
    pub(super) fn remove(&mut self, side: Side, price: Decimal, id: OrderId, quantity: Decimal) {
        let levels = self.side_mut(side);
        let Some(level) = levels.get_mut(&price) else { return };
        if let Some(place) = level.orders.iter().position(|other| *other == id) {
            level.orders.remove(place);
            level.quantity -= quantity;
        }
        if level.orders.is_empty() {
            levels.remove(&price);
        }
    }
}

/// Whether an order of `side` with `limit` accepts `price`. `None` is a market order, which accepts any.
pub(super) fn within(side: Side, limit: Option<Decimal>, price: Decimal) -> bool {
    match (side, limit) {
        (_, None) => true,
        (Side::Buy, Some(limit)) => price <= limit,
        (Side::Sell, Some(limit)) => price >= limit,
    }
}
