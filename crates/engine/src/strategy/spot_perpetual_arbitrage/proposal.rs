//! What an arbitrage would bring now, and what a leg lacks: pure functions of books, quantities and rules.

use colibri_model::{Decimal, OrderType, Price, Quantity, Side, TimeInForce, TradingRule};

use crate::book::OrderBook;

/// Which way round the legs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Spot is bought, the perpetual sold.
    BuySpot,
    /// Spot is sold, the perpetual bought.
    SellSpot,
}

impl Direction {
    /// That in which a position was opened of which so much is held in spot.
    pub(super) fn of(target: Quantity) -> Direction {
        if target.is_positive() {
            Direction::BuySpot
        } else {
            Direction::SellSpot
        }
    }

    /// The other way round: what closes it.
    pub(super) const fn reverse(self) -> Direction {
        match self {
            Direction::BuySpot => Direction::SellSpot,
            Direction::SellSpot => Direction::BuySpot,
        }
    }

    /// What the spot leg does.
    pub(super) const fn spot(self) -> Side {
        match self {
            Direction::BuySpot => Side::Buy,
            Direction::SellSpot => Side::Sell,
        }
    }

    /// What is held in spot with such an amount opened; the perpetual holds the opposite.
    pub(super) fn target(self, amount: Quantity) -> Quantity {
        match self {
            Direction::BuySpot => amount,
            Direction::SellSpot => -amount,
        }
    }
}

/// An arbitrage, as the books stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proposal {
    pub(super) direction: Direction,
    /// The worst price that the spot leg reaches.
    pub(super) spot: Price,
    /// The worst price that the perpetual leg reaches.
    pub(super) perpetual: Price,
    /// What selling brings beyond what buying costs, as a fraction of that.
    pub(super) profit: Decimal,
}

/// What a direction would bring; `None` where a book does not hold the amount.
pub(super) fn propose(
    direction: Direction,
    spot: &OrderBook,
    perpetual: &OrderBook,
    amount: Quantity,
) -> Option<Proposal> {
    let side = direction.spot();
    let spot = spot.price_for_volume(side, amount)?;
    let perpetual = perpetual.price_for_volume(side.opposite(), amount)?;
    let (bought, sold) = match side {
        Side::Buy => (spot, perpetual),
        Side::Sell => (perpetual, spot),
    };
    Some(Proposal {
        direction,
        spot,
        perpetual,
        profit: (sold.0 - bought.0).checked_div(bought.0)?,
    })
}

/// Whether an order may be smaller than the exchange's least notional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reduces {
    Yes,
    No,
}

/// A leg as it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leg<'a> {
    /// What its fills make, below zero where it is sold or short.
    pub(super) held: Quantity,
    pub(super) rule: &'a TradingRule,
    /// A price that it can be valued at.
    pub(super) price: Price,
    /// Whether a smaller order is taken where it only reduces what is held: of contracts.
    pub(super) is_contract: bool,
}

impl Leg<'_> {
    /// What must be bought or sold for it to hold `wanted`; `None` where that is nothing that the exchange takes.
    pub(super) fn missing(&self, wanted: Quantity) -> Option<(Side, Quantity, Reduces)> {
        let gap = wanted - self.held;
        let side = if gap.is_positive() { Side::Buy } else { Side::Sell };
        let size = Quantity(gap.0.abs());
        let quantity = self.rule.quantize_quantity(OrderType::Limit, size);
        let is_against = !self.held.is_zero() && self.held.is_positive() != gap.is_positive();
        let reduces = if self.is_contract && is_against && quantity.0 <= self.held.0.abs() {
            Reduces::Yes
        } else {
            Reduces::No
        };
        let is_exempt = reduces == Reduces::Yes && self.rule.min_notional_exempts_reducing;
        let is_taken = quantity.is_positive()
            && self.rule.min_quantity.is_none_or(|least| quantity >= least)
            && (is_exempt
                || self
                    .rule
                    .min_notional
                    .is_none_or(|least| self.price * quantity >= least));
        is_taken.then_some((side, quantity, reduces))
    }
}

/// What both legs have: how much of it is held in spot, with the perpetual holding the opposite.
pub(super) fn matched(spot: Quantity, perpetual: Quantity) -> Quantity {
    if spot.is_zero() || spot.is_positive() == perpetual.is_positive() {
        return Quantity::ZERO;
    }
    let size = Quantity(spot.0.abs().min(perpetual.0.abs()));
    Direction::of(spot).target(size)
}

/// The price of a leg's order: the worst that the book asks for so much (its best, where it does not hold so much), and the buffer.
pub(super) fn leg_price(
    book: &OrderBook,
    rule: &TradingRule,
    side: Side,
    quantity: Quantity,
    buffer: Decimal,
) -> Option<Price> {
    let best = match side {
        Side::Buy => book.best_ask(),
        Side::Sell => book.best_bid(),
    };
    let price = book
        .price_for_volume(side, quantity)
        .or_else(|| best.map(|level| level.price))?;
    let factor = match side {
        Side::Buy => Decimal::ONE + buffer,
        Side::Sell => Decimal::ONE - buffer,
    };
    Some(rule.quantize_price(side, Price(price.0 * factor)))
}

/// How long a leg's order lives: not at all in the book, where the exchange has that.
pub(super) fn time_in_force(rule: &TradingRule) -> TimeInForce {
    if rule.times_in_force.is_empty() || rule.times_in_force.contains(&TimeInForce::Ioc) {
        TimeInForce::Ioc
    } else {
        TimeInForce::Gtc
    }
}

#[cfg(test)]
#[path = "proposal_tests.rs"]
mod tests;
