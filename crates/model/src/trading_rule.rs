//! What an exchange lets an instrument's orders be, and how a wish is rounded to it.
//!
//! Rounding is always to the safe side: a buy price down, a sell price up (a maker order never becomes a taker by
//! rounding), a quantity down (never more than was wanted or is held).

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::{Amount, OrderType, PositionEffect, Price, Quantity, QuantityUnit, Side, TimeInForce, TriggerIntent};

/// A price band around a reference, as multipliers of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceBand {
    /// The least a buy may bid, as a multiple of the reference.
    pub buy_down: Decimal,
    /// The most a buy may bid.
    pub buy_up: Decimal,
    /// The least a sell may ask.
    pub sell_down: Decimal,
    /// The most a sell may ask.
    pub sell_up: Decimal,
}

/// The rules of one instrument. `None` or an empty list is "no such rule".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TradingRule {
    /// Prices are multiples of this.
    pub price_tick: Option<Price>,
    /// The lowest price.
    pub min_price: Option<Price>,
    /// The highest price.
    pub max_price: Option<Price>,
    /// Quantities are multiples of this.
    pub quantity_step: Option<Quantity>,
    /// The smallest quantity.
    pub min_quantity: Option<Quantity>,
    /// The largest quantity.
    pub max_quantity: Option<Quantity>,
    /// As `quantity_step`, for market orders.
    pub market_quantity_step: Option<Quantity>,
    /// As `min_quantity`, for market orders.
    pub min_market_quantity: Option<Quantity>,
    /// As `max_quantity`, for market orders.
    pub max_market_quantity: Option<Quantity>,
    /// The smallest notional, in the quote asset.
    pub min_notional: Option<Amount>,
    /// The largest notional.
    pub max_notional: Option<Amount>,
    /// Whether an order that only reduces a position may be below the smallest notional.
    pub min_notional_exempts_reducing: bool,
    /// Whether the smallest notional holds for market orders too.
    pub min_notional_applies_to_market: bool,
    /// Whether the largest notional holds for market orders too.
    pub max_notional_applies_to_market: bool,
    /// How far a price may be from the exchange's reference.
    pub price_band: Option<PriceBand>,
    /// Whether that reference is the mark price.
    pub price_band_of_mark: bool,
    /// The most triggers of the account in the instrument.
    pub max_triggers: Option<u32>,
    /// The most open orders of the account in the instrument.
    pub max_open_orders: Option<u32>,
    /// The most of the base asset that the account may hold, open buys included.
    pub max_position: Option<Quantity>,
    /// Order types that the instrument takes.
    pub order_types: Vec<OrderType>,
    /// Times in force that the instrument takes.
    pub times_in_force: Vec<TimeInForce>,
    /// Whether a market order may state its quantity in the quote asset.
    pub quote_quantity: bool,
    /// Whether an order may be amended with its place in the queue kept.
    pub amend: bool,
    /// Whether an order may be replaced in one request.
    pub replace: bool,
}

/// A rule that an order would break: what, the limit, and what the order has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleViolation {
    /// Not a multiple of the tick or step.
    #[error("{what} {value} is not a multiple of {step}")]
    OffGrid {
        /// `price` or `quantity`.
        what: &'static str,
        /// The order's.
        value: Decimal,
        /// The rule's.
        step: Decimal,
    },
    /// Below the least.
    #[error("{what} {value} is below the least, {limit}")]
    Below {
        /// `price`, `quantity` or `notional`.
        what: &'static str,
        /// The order's.
        value: Decimal,
        /// The rule's.
        limit: Decimal,
    },
    /// Above the most.
    #[error("{what} {value} is above the most, {limit}")]
    Above {
        /// `price`, `quantity` or `notional`.
        what: &'static str,
        /// The order's.
        value: Decimal,
        /// The rule's.
        limit: Decimal,
    },
    /// A type, time in force or unit that the instrument does not take.
    #[error("the instrument does not take {0}")]
    Unsupported(&'static str),
    /// A limit order without a price, or a market order with one.
    #[error("{0}")]
    Shape(&'static str),
}

fn round_to(value: Decimal, step: Decimal, strategy: RoundingStrategy) -> Decimal {
    if step <= Decimal::ZERO {
        return value;
    }
    ((value / step).round_dp_with_strategy(0, strategy) * step).normalize()
}

fn is_multiple(value: Decimal, step: Decimal) -> bool {
    step <= Decimal::ZERO || (value % step).is_zero()
}

impl TradingRule {
    /// The price rounded to the tick on the safe side: buys down, sells up.
    #[must_use]
    pub fn quantize_price(&self, side: Side, price: Price) -> Price {
        let Some(tick) = self.price_tick else { return price };
        let strategy = match side {
            Side::Buy => RoundingStrategy::ToNegativeInfinity,
            Side::Sell => RoundingStrategy::ToPositiveInfinity,
        };
        Price(round_to(price.0, tick.0, strategy))
    }

    /// The quantity rounded down to the step of the order type.
    #[must_use]
    pub fn quantize_quantity(&self, order_type: OrderType, quantity: Quantity) -> Quantity {
        let mut rounded = quantity.0;
        if let Some(step) = self.quantity_step {
            rounded = round_to(rounded, step.0, RoundingStrategy::ToZero);
        }
        if order_type == OrderType::Market
            && let Some(step) = self.market_quantity_step
        {
            rounded = round_to(rounded, step.0, RoundingStrategy::ToZero);
        }
        Quantity(rounded)
    }

    /// Whether an order would be within the rules. `reference` is the price to value a market order at.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self, order: &crate::OrderIntent, reference: Option<Price>) -> Result<(), RuleViolation> {
        if !self.order_types.is_empty() && !self.order_types.contains(&order.order_type) {
            return Err(RuleViolation::Unsupported(order.order_type.as_str()));
        }
        match (order.order_type, order.price) {
            (OrderType::Market, Some(_)) => return Err(RuleViolation::Shape("a market order has no price")),
            (OrderType::Limit | OrderType::LimitMaker, None) => {
                return Err(RuleViolation::Shape("a limit order needs a price"));
            }
            _ => {}
        }
        if let Some(time_in_force) = order.time_in_force
            && !self.times_in_force.is_empty()
            && !self.times_in_force.contains(&time_in_force)
        {
            return Err(RuleViolation::Unsupported(time_in_force.as_str()));
        }
        if order.quantity_unit == QuantityUnit::Quote && !self.quote_quantity {
            return Err(RuleViolation::Unsupported("a quantity in the quote asset"));
        }
        if let Some(price) = order.price {
            self.check_price(order.side, price, reference)?;
        }
        // It has no quantity: it is of whatever the position is by then.
        if order.terms.effect == PositionEffect::ClosePosition {
            return Ok(());
        }
        if order.quantity_unit == QuantityUnit::Base {
            self.check_quantity(order.order_type, order.quantity)?;
        } else if !order.quantity.is_positive() {
            return Err(RuleViolation::Below {
                what: "quantity",
                value: order.quantity.0,
                limit: Decimal::ZERO,
            });
        }
        self.check_notional(order, reference)
    }

    /// Whether a trigger, and the order that it becomes, would be within the rules. The order is valued where it fires: its
    /// band and notional are of then.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check_trigger(&self, trigger: &TriggerIntent) -> Result<(), RuleViolation> {
        if let Some(what) = trigger.malformed() {
            return Err(RuleViolation::Shape(what));
        }
        self.check_price(trigger.side, trigger.trigger_price, None)?;
        self.check(&trigger.becomes(), Some(trigger.trigger_price))
    }

    fn check_price(&self, side: Side, price: Price, reference: Option<Price>) -> Result<(), RuleViolation> {
        within(
            "price",
            price.0,
            self.min_price.map(|p| p.0),
            self.max_price.map(|p| p.0),
        )?;
        if !price.is_positive() {
            return Err(RuleViolation::Below {
                what: "price",
                value: price.0,
                limit: Decimal::ZERO,
            });
        }
        if let Some(tick) = self.price_tick
            && !is_multiple(price.0, tick.0)
        {
            return Err(RuleViolation::OffGrid {
                what: "price",
                value: price.0,
                step: tick.0,
            });
        }
        if let (Some(band), Some(reference)) = (self.price_band, reference) {
            let (down, up) = match side {
                Side::Buy => (band.buy_down, band.buy_up),
                Side::Sell => (band.sell_down, band.sell_up),
            };
            within("price", price.0, Some(reference.0 * down), Some(reference.0 * up))?;
        }
        Ok(())
    }

    fn check_quantity(&self, order_type: OrderType, quantity: Quantity) -> Result<(), RuleViolation> {
        if !quantity.is_positive() {
            return Err(RuleViolation::Below {
                what: "quantity",
                value: quantity.0,
                limit: Decimal::ZERO,
            });
        }
        let on_grid = |step: Option<Quantity>| match step {
            Some(step) if !is_multiple(quantity.0, step.0) => Err(RuleViolation::OffGrid {
                what: "quantity",
                value: quantity.0,
                step: step.0,
            }),
            _ => Ok(()),
        };
        within(
            "quantity",
            quantity.0,
            self.min_quantity.map(|q| q.0),
            self.max_quantity.map(|q| q.0),
        )?;
        on_grid(self.quantity_step)?;
        if order_type == OrderType::Market {
            let (least, most) = (self.min_market_quantity, self.max_market_quantity);
            within("quantity", quantity.0, least.map(|q| q.0), most.map(|q| q.0))?;
            on_grid(self.market_quantity_step)?;
        }
        Ok(())
    }

    fn check_notional(&self, order: &crate::OrderIntent, reference: Option<Price>) -> Result<(), RuleViolation> {
        let notional = match (order.quantity_unit, order.price.or(reference)) {
            (QuantityUnit::Quote, _) => order.quantity.0,
            (QuantityUnit::Base, Some(price)) => (price * order.quantity).0,
            (QuantityUnit::Base, None) => return Ok(()),
        };
        let market = order.order_type == OrderType::Market;
        let least = self
            .min_notional
            .filter(|_| !market || self.min_notional_applies_to_market)
            .filter(|_| !(self.min_notional_exempts_reducing && order.terms.effect.only_reduces()));
        let most = self
            .max_notional
            .filter(|_| !market || self.max_notional_applies_to_market);
        within("notional", notional, least.map(|a| a.0), most.map(|a| a.0))
    }
}

fn within(
    what: &'static str,
    value: Decimal,
    least: Option<Decimal>,
    most: Option<Decimal>,
) -> Result<(), RuleViolation> {
    match (least, most) {
        (Some(limit), _) if value < limit => Err(RuleViolation::Below { what, value, limit }),
        (_, Some(limit)) if value > limit => Err(RuleViolation::Above { what, value, limit }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(tick: i64, step: i64) -> TradingRule {
        TradingRule {
            price_tick: Some(Price(Decimal::new(tick, 4))),
            quantity_step: Some(Quantity(Decimal::new(step, 6))),
            ..TradingRule::default()
        }
    }

    #[test]
    fn each_side_is_rounded_away_from_the_other() {
        let rule = rule(100, 10);
        let wish = Price(Decimal::new(100_005, 3));
        assert_eq!(rule.quantize_price(Side::Buy, wish), Price(Decimal::new(10_000, 2)));
        assert_eq!(rule.quantize_price(Side::Sell, wish), Price(Decimal::new(10_001, 2)));
    }

    #[test]
    fn a_trigger_is_valued_where_it_fires() {
        let mut rule = rule(100, 10);
        rule.price_band = Some(PriceBand {
            buy_down: Decimal::new(9, 1),
            buy_up: Decimal::new(11, 1),
            sell_down: Decimal::new(9, 1),
            sell_up: Decimal::new(11, 1),
        });
        rule.min_notional = Some(Amount(Decimal::from(50)));
        let mut trigger = TriggerIntent {
            client_id: crate::ClientOrderId::new("t").expect("short"),
            instrument: crate::InstrumentId(1),
            kind: crate::TriggerKind::Stop,
            by: crate::TriggerBy::Mark,
            trigger_price: Price(Decimal::from(50)),
            side: Side::Sell,
            order_type: OrderType::Limit,
            time_in_force: Some(TimeInForce::Gtc),
            price: Some(Price(Decimal::from(49))),
            quantity: Some(Quantity(Decimal::from(2))),
            terms: crate::OrderTerms::default(),
        };
        assert_eq!(rule.check_trigger(&trigger), Ok(()));
        trigger.price = Some(Price(Decimal::from(44)));
        assert!(matches!(rule.check_trigger(&trigger), Err(RuleViolation::Below { .. })));
        trigger.price = Some(Price(Decimal::from(49)));
        trigger.quantity = Some(Quantity(Decimal::ONE));
        assert!(matches!(
            rule.check_trigger(&trigger),
            Err(RuleViolation::Below { what: "notional", .. })
        ));
        trigger.trigger_price = Price(Decimal::new(50_001, 3));
        assert!(matches!(
            rule.check_trigger(&trigger),
            Err(RuleViolation::OffGrid { .. })
        ));
        trigger.quantity = None;
        assert!(matches!(rule.check_trigger(&trigger), Err(RuleViolation::Shape(_))));
    }

    proptest! {
        #[test]
        fn quantized_is_on_the_grid_and_safe(tick in 1i64..5000, step in 1i64..5000, price in 1i64..1_000_000_000, quantity in 0i64..1_000_000_000) {
            let rule = rule(tick, step);
            let wish = Price(Decimal::new(price, 6));
            let (buy, sell) = (rule.quantize_price(Side::Buy, wish), rule.quantize_price(Side::Sell, wish));
            prop_assert!(buy <= wish && sell >= wish);
            prop_assert!(is_multiple(buy.0, Decimal::new(tick, 4)) && is_multiple(sell.0, Decimal::new(tick, 4)));
            prop_assert!(sell.0 - buy.0 <= Decimal::new(tick, 4));
            let wish = Quantity(Decimal::new(quantity, 8));
            let got = rule.quantize_quantity(OrderType::Limit, wish);
            prop_assert!(got <= wish && wish.0 - got.0 < Decimal::new(step, 6));
            prop_assert!(is_multiple(got.0, Decimal::new(step, 6)));
        }
    }
}
