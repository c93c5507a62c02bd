//! Triggers: orders that wait at the exchange for a price (stop, take profit).

use serde::{Deserialize, Serialize};

use super::{OrderTerms, PositionEffect};
use crate::{ClientOrderId, InstrumentId, OrderIntent, OrderType, Price, Quantity, QuantityUnit, Side, TimeInForce};

/// In which direction the price must go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// Against the side: a sell when the price falls to the trigger price, a buy when it rises to it.
    Stop,
    /// With the side: a sell when the price rises to the trigger price, a buy when it falls to it.
    TakeProfit,
}

impl TriggerKind {
    /// `stop` or `take_profit`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            TriggerKind::Stop => "stop",
            TriggerKind::TakeProfit => "take_profit",
        }
    }

    /// Whether a trigger of this kind and side waits for the price to rise (else to fall).
    #[must_use]
    pub const fn waits_for_rise(self, side: Side) -> bool {
        matches!(
            (self, side),
            (TriggerKind::Stop, Side::Buy) | (TriggerKind::TakeProfit, Side::Sell)
        )
    }
}

/// Which price is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerBy {
    /// That of the last trade.
    Last,
    /// The mark price.
    Mark,
    /// The index.
    Index,
}

impl TriggerBy {
    /// `last`, `mark` or `index`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            TriggerBy::Last => "last",
            TriggerBy::Mark => "mark",
            TriggerBy::Index => "index",
        }
    }
}

/// A trigger as it was decided, before it is sent: when it fires, and the order that it becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerIntent {
    /// Our id for it: of one kind with those of orders, never the same as one of them.
    pub client_id: ClientOrderId,
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// In which direction the price must go.
    pub kind: TriggerKind,
    /// Which price is watched.
    pub by: TriggerBy,
    /// The price at which it fires.
    pub trigger_price: Price,
    /// The order's side.
    pub side: Side,
    /// The order's type.
    pub order_type: OrderType,
    /// The order's time in force; `None` for market orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_in_force: Option<TimeInForce>,
    /// The order's limit price; `None` for market orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// The order's quantity; `None` where it closes the position, however large that is by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// Position, effect, margin mode. `good_till` is until when the trigger waits.
    #[serde(default, skip_serializing_if = "OrderTerms::is_plain")]
    pub terms: OrderTerms,
}

impl TriggerIntent {
    /// Whether a watched price fires it.
    #[must_use]
    pub fn fires_at(&self, price: Price) -> bool {
        if self.kind.waits_for_rise(self.side) {
            price >= self.trigger_price
        } else {
            price <= self.trigger_price
        }
    }

    /// The order that it becomes, under the trigger's id. Where it closes the position its quantity is zero: not known before
    /// it fires.
    #[must_use]
    pub fn becomes(&self) -> OrderIntent {
        OrderIntent {
            client_id: self.client_id.clone(),
            instrument: self.instrument,
            side: self.side,
            order_type: self.order_type,
            time_in_force: self.time_in_force,
            price: self.price,
            quantity: self.quantity.unwrap_or(Quantity::ZERO),
            quantity_unit: QuantityUnit::Base,
            terms: OrderTerms {
                good_till: None,
                ..self.terms
            },
        }
    }

    /// What is wrong with its form, whatever the exchange. `None` where nothing is.
    #[must_use]
    pub fn malformed(&self) -> Option<&'static str> {
        let closes = self.terms.effect == PositionEffect::ClosePosition;
        match (self.order_type, self.price) {
            (OrderType::Market, Some(_)) => return Some("a market order has no price"),
            (OrderType::Limit | OrderType::LimitMaker, None) => return Some("a limit order needs a price"),
            _ => {}
        }
        if !self.trigger_price.is_positive() || self.price.is_some_and(|price| !price.is_positive()) {
            return Some("a price is not above zero");
        }
        match self.quantity {
            None if !closes => Some("only a trigger that closes the position has no quantity"),
            Some(_) if closes => Some("a trigger that closes the position has no quantity"),
            Some(quantity) if !quantity.is_positive() => Some("the quantity is not above zero"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rust_decimal::Decimal;

    fn stop(side: Side, kind: TriggerKind) -> TriggerIntent {
        TriggerIntent {
            client_id: ClientOrderId::new("t-1").unwrap(),
            instrument: InstrumentId(1),
            kind,
            by: TriggerBy::Mark,
            trigger_price: Price(Decimal::from(100)),
            side,
            order_type: OrderType::Market,
            time_in_force: None,
            price: None,
            quantity: Some(Quantity(Decimal::ONE)),
            terms: OrderTerms::default(),
        }
    }

    #[test]
    fn a_stop_fires_against_its_side_and_a_take_profit_with_it() {
        let [below, at, above] = [99, 100, 101].map(|p| Price(Decimal::from(p)));
        for (side, kind, fires) in [
            (Side::Sell, TriggerKind::Stop, [true, true, false]),
            (Side::Buy, TriggerKind::Stop, [false, true, true]),
            (Side::Sell, TriggerKind::TakeProfit, [false, true, true]),
            (Side::Buy, TriggerKind::TakeProfit, [true, true, false]),
        ] {
            assert_eq!(
                [below, at, above].map(|p| stop(side, kind).fires_at(p)),
                fires,
                "{side:?} {kind:?}"
            );
        }
    }

    #[test]
    fn the_order_that_it_becomes_has_its_terms_and_not_the_date_of_its_waiting() {
        let mut trigger = stop(Side::Sell, TriggerKind::Stop);
        trigger.terms.effect = PositionEffect::ReduceOnly;
        trigger.terms.good_till = Some(crate::WallNs(7));
        let order = trigger.becomes();
        assert_eq!(
            (&order.client_id, order.quantity),
            (&trigger.client_id, Quantity(Decimal::ONE))
        );
        assert_eq!(order.terms.effect, PositionEffect::ReduceOnly);
        assert_eq!(order.terms.good_till, None);
        trigger.quantity = None;
        assert!(trigger.becomes().quantity.is_zero());
    }

    #[test]
    fn a_trigger_has_a_quantity_or_closes_the_position() {
        let plain = stop(Side::Sell, TriggerKind::Stop);
        assert_eq!(plain.malformed(), None);
        let mut closing = plain.clone();
        closing.terms.effect = PositionEffect::ClosePosition;
        assert!(closing.malformed().is_some());
        closing.quantity = None;
        assert_eq!(closing.malformed(), None);
        let limit = TriggerIntent {
            order_type: OrderType::Limit,
            ..plain
        };
        assert!(limit.malformed().is_some());
    }
}
