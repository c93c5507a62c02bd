//! The worst case: what a position becomes if every order that may be live is filled.
//!
//! Whatever is not known is taken for what costs more: an order that may be live is live, one that may have either of two
//! quantities has the larger, and fills that the exchange counts and has not told are still to come.

use colibri_model::{Amount, Decimal, OrderIntent, Price, Quantity, QuantityUnit, Side};

use crate::orders::InFlightOrder;

/// What orders without a price are valued at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TopPrices {
    /// The best bid, or the lowest price known.
    pub low: Price,
    /// The best ask, or the highest price known.
    pub high: Price,
}

impl TopPrices {
    /// One price for both.
    #[must_use]
    pub const fn at(price: Price) -> TopPrices {
        TopPrices {
            low: price,
            high: price,
        }
    }
}

/// The most of the base asset that an order may trade.
#[must_use]
pub fn worst_quantity(order: &OrderIntent, top: TopPrices) -> Quantity {
    match order.quantity_unit {
        QuantityUnit::Base => order.quantity,
        QuantityUnit::Quote => base_for(order.quantity.0, order.side, order.price, top),
    }
}

/// The most that an order may trade, in the quote asset.
#[must_use]
pub fn worst_notional(order: &OrderIntent, top: TopPrices) -> Amount {
    match order.quantity_unit {
        QuantityUnit::Quote => order.quantity.as_base_amount(),
        QuantityUnit::Base => worst_price(order.side, order.price, top) * order.quantity,
    }
}

/// The highest price that an order may trade at: a sell may trade above its limit.
fn worst_price(side: Side, price: Option<Price>, top: TopPrices) -> Price {
    match (side, price) {
        (Side::Buy, Some(price)) => price,
        (Side::Sell, Some(price)) => price.max(top.high),
        (_, None) => top.high,
    }
}

/// The most of the base asset for an amount of the quote asset.
fn base_for(quote: Decimal, side: Side, price: Option<Price>, top: TopPrices) -> Quantity {
    let lowest = match (side, price) {
        // A buy may trade below its limit.
        (Side::Buy, Some(price)) => price.min(top.low),
        (Side::Sell, Some(price)) => price,
        (_, None) => top.low,
    };
    if lowest.is_positive() {
        Quantity(quote / lowest.0)
    } else {
        Quantity::ZERO
    }
}

/// What is left of an order's own quantity, in its own unit; what is missing of one that has ended is in the base asset.
fn left(order: &InFlightOrder) -> Decimal {
    let whole = order
        .amend_to
        .map_or(order.intent.quantity, |other| other.max(order.intent.quantity));
    let filled = match order.intent.quantity_unit {
        QuantityUnit::Base => order.filled().0,
        QuantityUnit::Quote => order.filled_quote().0,
    };
    (whole.0 - filled).max(Decimal::ZERO)
}

/// The most of the base asset that fills may still bring of an order, ended or not.
#[must_use]
pub fn may_still_fill(order: &InFlightOrder, top: TopPrices) -> Quantity {
    let missing = order.missing_fills();
    if !order.may_be_live() {
        return missing;
    }
    let left = match order.intent.quantity_unit {
        QuantityUnit::Base => Quantity(left(order)),
        QuantityUnit::Quote => base_for(left(order), order.intent.side, order.intent.price, top),
    };
    left.max(missing)
}

/// The most that an order may still pay, of the asset that it is paid with, ended or not.
#[must_use]
pub fn may_still_pay(order: &InFlightOrder, top: TopPrices) -> Amount {
    match order.intent.side {
        Side::Sell => may_still_fill(order, top).as_base_amount(),
        Side::Buy if order.intent.quantity_unit == QuantityUnit::Quote && order.may_be_live() => Amount(left(order)),
        Side::Buy => worst_price(Side::Buy, order.intent.price, top) * may_still_fill(order, top),
    }
}

/// A market's position with what its orders may add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exposure {
    inventory: Quantity,
    buys: Quantity,
    sells: Quantity,
    buys_notional: Amount,
    sells_notional: Amount,
}

impl Exposure {
    /// A position alone: signed, in the base asset.
    #[must_use]
    pub fn new(inventory: Quantity) -> Exposure {
        Exposure {
            inventory,
            ..Exposure::default()
        }
    }

    /// Adds an order that may fill.
    pub fn add_order(&mut self, order: &InFlightOrder, top: TopPrices) {
        let quantity = may_still_fill(order, top);
        let side = order.intent.side;
        self.add(side, quantity, worst_price(side, order.intent.price, top) * quantity);
    }

    /// Adds what may fill on a side.
    pub fn add(&mut self, side: Side, quantity: Quantity, notional: Amount) {
        let (quantities, notionals) = match side {
            Side::Buy => (&mut self.buys, &mut self.buys_notional),
            Side::Sell => (&mut self.sells, &mut self.sells_notional),
        };
        *quantities += quantity;
        *notionals += notional;
    }

    /// How far a side's orders may bring the position: long for buys, short for sells. Negative where they all only reduce.
    #[must_use]
    pub fn position(&self, side: Side) -> Quantity {
        match side {
            Side::Buy => self.inventory + self.buys,
            Side::Sell => self.sells - self.inventory,
        }
    }

    /// As [`Exposure::position`], in the quote asset, the inventory valued at `mark`.
    #[must_use]
    pub fn notional(&self, side: Side, mark: Price) -> Amount {
        let held = mark * self.inventory;
        match side {
            Side::Buy => held + self.buys_notional,
            Side::Sell => self.sells_notional - held,
        }
    }

    /// The larger of both sides, in the quote asset: zero or more.
    #[must_use]
    pub fn gross(&self, mark: Price) -> Amount {
        self.notional(Side::Buy, mark).max(self.notional(Side::Sell, mark))
    }
}
