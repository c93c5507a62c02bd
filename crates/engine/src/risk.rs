//! Checks before each order: caps of the operator's, balance, freshness, and the instrument's trading rule.
//!
//! What lives here: refusals and their reasons. What must not live here: anything that sends or changes.

use std::num::NonZeroU32;

use colibri_model::{Amount, Asset, Decimal, OrderIntent, OrderType, Price, QuantityUnit, RuleViolation, Side};
use serde::{Deserialize, Serialize};

/// Orders a second where the operator names no cap: far above what quoting needs, far below what a strategy that has lost
/// its way could send.
const ORDERS_PER_SECOND: NonZeroU32 = NonZeroU32::new(20).expect("twenty is not zero");

/// The operator's caps. Absent is no cap, but for [`RiskLimits::max_orders_per_second`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskLimits {
    /// The largest notional of one order, in the pair's quote asset.
    #[serde(deserialize_with = "crate::config::optional_decimal")]
    pub max_order_notional: Option<Amount>,
    /// The most orders of a strategy that may be live at once, over all its markets.
    pub max_open_orders: Option<u32>,
    /// How far a limit price may be from mid, as a fraction (0.05 is five percent).
    #[serde(deserialize_with = "crate::config::optional_decimal")]
    pub price_collar: Option<Decimal>,
    /// The most placements in any second, over all strategies of the bot; cancels are not counted. Twenty where absent.
    pub max_orders_per_second: NonZeroU32,
    /// How far the profit of a session (realised and unrealised, less the fees that are in a base or quote asset) may fall
    /// from its peak, in the quote asset, before the kill switch is thrown. Compared by quote asset, summed over its pairs.
    #[serde(deserialize_with = "crate::config::optional_decimal")]
    pub max_drawdown: Option<Amount>,
}

impl Default for RiskLimits {
    fn default() -> RiskLimits {
        RiskLimits {
            max_order_notional: None,
            max_open_orders: None,
            price_collar: None,
            max_orders_per_second: ORDERS_PER_SECOND,
            max_drawdown: None,
        }
    }
}

/// Why an order was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RiskRefusal {
    /// The engine is stopping.
    #[error("the bot is stopping")]
    Stopping,
    /// The journal cannot be written, and an order that is not journaled may not be sent.
    #[error("the journal cannot be written")]
    JournalFailed,
    /// The venue is not ready, or its streams are down.
    #[error("the venue is not ready: {0}")]
    VenueNotReady(String),
    /// The strategy named a market that it does not have.
    #[error("no such market")]
    NoSuchMarket,
    /// The instrument takes no orders now.
    #[error("the instrument is {0}")]
    NotTrading(String),
    /// There is no book, or it is stale.
    #[error("there is no fresh book")]
    NoFreshBook,
    /// The trading rule would be broken.
    #[error("{0}")]
    Rule(#[from] RuleViolation),
    /// Too little is free.
    #[error("{needed} {asset} are needed, {available} are available")]
    Balance {
        /// Of which asset.
        asset: Asset,
        /// The order needs.
        needed: Amount,
        /// There are.
        available: Amount,
    },
    /// Over the cap on one order.
    #[error("the notional {notional} is above the cap of {cap}")]
    OrderNotional {
        /// The order's.
        notional: Amount,
        /// The cap.
        cap: Amount,
    },
    /// Over the cap on live orders.
    #[error("{0} orders are live, as many as the cap allows")]
    OpenOrders(u32),
    /// Over the cap on orders in a second.
    #[error("{0} orders were sent within a second, as many as the cap allows")]
    OrderRate(u32),
    /// The exchange refused too many of the strategy's orders in a row.
    #[error("the exchange refused too many orders in a row; the strategy rests")]
    Resting,
    /// The kill switch is thrown.
    #[error("the kill switch is thrown")]
    KillSwitch,
    /// Too far from mid.
    #[error("the price {price} is farther than {collar} from mid, {mid}")]
    Collar {
        /// The order's.
        price: Price,
        /// Mid.
        mid: Price,
        /// The collar, a fraction.
        collar: Decimal,
    },
    /// The value does not fit the boundary.
    #[error("{0}")]
    DoesNotFit(String),
    /// The order that is to be changed is not there, or cannot be changed now.
    #[error("the order cannot be changed: {0}")]
    NotChangeable(&'static str),
}

/// The notional of an order; a market order is valued at `mid`.
#[must_use]
pub fn notional(order: &OrderIntent, mid: Price) -> Amount {
    match order.quantity_unit {
        QuantityUnit::Quote => order.quantity.as_base_amount(),
        QuantityUnit::Base => order.price.unwrap_or(mid) * order.quantity,
    }
}

/// What an order takes from the free balance, of the asset it is paid with. A market order is valued at `mid`.
#[must_use]
pub fn commitment(order: &OrderIntent, mid: Option<Price>) -> Amount {
    match (order.side, order.quantity_unit) {
        (Side::Sell, QuantityUnit::Base) => order.quantity.as_base_amount(),
        (Side::Buy, QuantityUnit::Quote) => order.quantity.as_base_amount(),
        (Side::Buy, QuantityUnit::Base) => match order.price.or(mid) {
            Some(price) => price * order.quantity,
            None => Amount::ZERO,
        },
        (Side::Sell, QuantityUnit::Quote) => match order.price.or(mid) {
            Some(price) if price.is_positive() => Amount(order.quantity.0 / price.0),
            _ => Amount::ZERO,
        },
    }
}

impl RiskLimits {
    /// Checks the operator's caps.
    ///
    /// # Errors
    /// The first that the order would break.
    pub fn check(&self, order: &OrderIntent, mid: Price, live: usize) -> Result<(), RiskRefusal> {
        if let Some(cap) = self.max_order_notional {
            let notional = notional(order, mid);
            if notional > cap {
                return Err(RiskRefusal::OrderNotional { notional, cap });
            }
        }
        if let Some(cap) = self.max_open_orders
            && live >= usize::try_from(cap).unwrap_or(usize::MAX)
        {
            return Err(RiskRefusal::OpenOrders(cap));
        }
        if let (Some(collar), Some(price)) = (self.price_collar, order.price)
            && order.order_type != OrderType::Market
            && (price.0 - mid.0).abs() > mid.0 * collar
        {
            return Err(RiskRefusal::Collar { price, mid, collar });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use colibri_model::{ClientOrderId, InstrumentId, Quantity};

    fn order(price: i64, quantity: i64) -> OrderIntent {
        OrderIntent {
            client_id: ClientOrderId::new("c").unwrap(),
            instrument: InstrumentId(1),
            side: Side::Buy,
            order_type: OrderType::Limit,
            time_in_force: None,
            price: Some(Price(Decimal::from(price))),
            quantity: Quantity(Decimal::from(quantity)),
            quantity_unit: QuantityUnit::Base,
        }
    }

    #[test]
    fn each_cap_refuses_by_its_own_name() {
        let limits = RiskLimits {
            max_order_notional: Some(Amount(Decimal::from(1000))),
            max_open_orders: Some(2),
            price_collar: Some(Decimal::new(5, 2)),
            ..RiskLimits::default()
        };
        let mid = Price(Decimal::from(100));
        assert_eq!(limits.check(&order(100, 10), mid, 1), Ok(()));
        assert!(matches!(
            limits.check(&order(100, 11), mid, 1),
            Err(RiskRefusal::OrderNotional { .. })
        ));
        assert!(matches!(
            limits.check(&order(100, 1), mid, 2),
            Err(RiskRefusal::OpenOrders(2))
        ));
        assert!(matches!(
            limits.check(&order(94, 1), mid, 0),
            Err(RiskRefusal::Collar { .. })
        ));
        assert_eq!(limits.check(&order(95, 1), mid, 0), Ok(()));
        assert_eq!(RiskLimits::default().check(&order(1, 1_000_000), mid, 99), Ok(()));
    }

    #[test]
    fn a_buy_commits_quote_and_a_sell_base() {
        let mut intent = order(100, 3);
        assert_eq!(commitment(&intent, None), Amount(Decimal::from(300)));
        intent.side = Side::Sell;
        assert_eq!(commitment(&intent, None), Amount(Decimal::from(3)));
    }
}
