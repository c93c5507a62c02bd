//! The operator's caps, as the bot's file sets them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use colibri_model::{Amount, Asset, Decimal, Millis, OrderIntent, OrderType, Pair, Price, Quantity, StrategyId};
use serde::{Deserialize, Serialize};

use crate::risk::{RiskRefusal, TopPrices, worst_notional, worst_quantity};

/// Orders a second where the operator names no cap: far above what quoting needs, far below what a strategy that has lost
/// its way could send.
const ORDERS_PER_SECOND: NonZeroU32 = NonZeroU32::new(20).expect("twenty is not zero");

/// The most of each asset that may be taken of the accounts; an asset that is absent is not limited.
pub type Budget = BTreeMap<Asset, Amount>;

/// The operator's caps. Absent is no cap, but for [`RiskLimits::max_orders_per_second`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskLimits {
    /// The largest notional of one order, in the pair's quote asset.
    #[serde(deserialize_with = "crate::config::optional_decimal")]
    pub max_order_notional: Option<Amount>,
    /// The largest quantity of one order by pair, in its base asset.
    #[serde(deserialize_with = "crate::config::decimal_map")]
    pub max_order_quantity: BTreeMap<Pair, Quantity>,
    /// The most orders of a strategy that may be live at once, over all its markets.
    pub max_open_orders: Option<u32>,
    /// How far a limit price may be from mid, as a fraction (0.05 is five percent).
    #[serde(deserialize_with = "crate::config::optional_decimal")]
    pub price_collar: Option<Decimal>,
    /// The most placements in any second, over all strategies of the bot; cancels are not counted. Twenty where absent.
    pub max_orders_per_second: NonZeroU32,
    /// The largest position of a market by pair, long or short, in its base asset, with every live order of a side filled.
    #[serde(deserialize_with = "crate::config::decimal_map")]
    pub max_position: BTreeMap<Pair, Quantity>,
    /// The largest notional of any market's position, in its quote asset, with every live order of a side filled.
    #[serde(deserialize_with = "crate::config::optional_decimal")]
    pub max_position_notional: Option<Amount>,
    /// The largest sum of the notionals of all positions, each in its worst case and without its sign, by quote asset.
    #[serde(deserialize_with = "crate::config::optional_decimal")]
    pub max_gross_notional: Option<Amount>,
    /// The bot's budget: the most of an asset that its fills and live orders may take of the accounts.
    #[serde(deserialize_with = "crate::config::decimal_map")]
    pub budget: Budget,
    /// Budgets of single strategies. Set in their own tables.
    #[serde(skip)]
    pub strategy_budgets: BTreeMap<StrategyId, Budget>,
    /// How far the profit of a session (realised and unrealised, less fees) may fall from its peak, in the quote asset,
    /// before the kill switch is thrown. Compared by quote asset, summed over its pairs.
    #[serde(deserialize_with = "crate::config::optional_decimal")]
    pub max_drawdown: Option<Amount>,
    /// How much a session may lose from its start, in the quote asset, before the kill switch is thrown. Compared as
    /// [`RiskLimits::max_drawdown`].
    #[serde(deserialize_with = "crate::config::optional_decimal")]
    pub max_loss: Option<Amount>,
    /// The most that all positions of a venue for contracts may be worth, with every live order of a side filled, as a multiple
    /// of what answers for them (the exchange's equity).
    #[serde(deserialize_with = "crate::config::optional_decimal")]
    pub max_leverage: Option<Decimal>,
    /// How far the mark price must still be from a position's liquidation for more of it to be opened, as a fraction of the mark
    /// price (0.1 is ten percent).
    #[serde(deserialize_with = "crate::config::optional_decimal")]
    pub min_liquidation_distance: Option<Decimal>,
    /// For how long orders may be live while the book of their market is stale, or their venue is not to be relied on,
    /// before the kill switch is thrown.
    pub max_stale_ms: Option<Millis>,
}

impl Default for RiskLimits {
    fn default() -> RiskLimits {
        RiskLimits {
            max_order_notional: None,
            max_order_quantity: BTreeMap::new(),
            max_open_orders: None,
            price_collar: None,
            max_orders_per_second: ORDERS_PER_SECOND,
            max_position: BTreeMap::new(),
            max_position_notional: None,
            max_gross_notional: None,
            budget: Budget::new(),
            strategy_budgets: BTreeMap::new(),
            max_drawdown: None,
            max_loss: None,
            max_leverage: None,
            min_liquidation_distance: None,
            max_stale_ms: None,
        }
    }
}

/// The shortest [`RiskLimits::max_stale_ms`]: below it, the switch would be thrown by a stream that opens anew.
const SHORTEST_STALE: Millis = Millis(1_000);

impl RiskLimits {
    /// Checks the caps on a single order, at its whole quantity.
    ///
    /// # Errors
    /// The first that the order would break.
    pub fn check_order(&self, pair: &Pair, order: &OrderIntent, mid: Price, top: TopPrices) -> Result<(), RiskRefusal> {
        self.check_sizes(pair, worst_quantity(order, top), worst_notional(order, top))?;
        self.check_collar(order, mid)
    }

    /// Checks the caps on the size of a single order: its whole quantity, and the most that it may trade, in the quote asset.
    ///
    /// # Errors
    /// The first that the order would break.
    pub fn check_sizes(&self, pair: &Pair, quantity: Quantity, notional: Amount) -> Result<(), RiskRefusal> {
        if let Some(&cap) = self.max_order_quantity.get(pair)
            && quantity > cap
        {
            let pair = pair.clone();
            return Err(RiskRefusal::OrderQuantity { pair, quantity, cap });
        }
        match self.max_order_notional {
            Some(cap) if notional > cap => Err(RiskRefusal::OrderNotional { notional, cap }),
            _ => Ok(()),
        }
    }

    /// Checks how far a limit price is from mid.
    ///
    /// # Errors
    /// [`RiskRefusal::Collar`].
    pub fn check_collar(&self, order: &OrderIntent, mid: Price) -> Result<(), RiskRefusal> {
        if let (Some(collar), Some(price)) = (self.price_collar, order.price)
            && order.order_type != OrderType::Market
            && (price.0 - mid.0).abs() > mid.0 * collar
        {
            return Err(RiskRefusal::Collar { price, mid, collar });
        }
        Ok(())
    }

    /// Checks the cap on live orders, before one more.
    ///
    /// # Errors
    /// [`RiskRefusal::OpenOrders`].
    pub fn check_live(&self, live: usize) -> Result<(), RiskRefusal> {
        match self.max_open_orders {
            Some(cap) if live >= usize::try_from(cap).unwrap_or(usize::MAX) => {
                Err(RiskRefusal::OpenOrders { live, cap })
            }
            _ => Ok(()),
        }
    }

    /// Whether any cap is on positions.
    #[must_use]
    pub fn caps_positions(&self) -> bool {
        !self.max_position.is_empty() || self.max_position_notional.is_some() || self.max_gross_notional.is_some()
    }

    /// What makes no sense of the caps, beside names that only the bot's file knows: the key, and what is wrong.
    #[must_use]
    pub fn fault(&self) -> Option<(&'static str, String)> {
        let amounts = [
            ("max_order_notional", self.max_order_notional),
            ("max_position_notional", self.max_position_notional),
            ("max_gross_notional", self.max_gross_notional),
            ("max_drawdown", self.max_drawdown),
            ("max_loss", self.max_loss),
            ("price_collar", self.price_collar.map(Amount)),
            ("max_leverage", self.max_leverage.map(Amount)),
            ("min_liquidation_distance", self.min_liquidation_distance.map(Amount)),
        ];
        let amounts = amounts.into_iter().filter_map(|(key, cap)| Some((key, cap?.0)));
        let budgets = self.budget.values().map(|cap| ("budget", cap.0));
        let quantities = self
            .max_order_quantity
            .values()
            .map(|cap| ("max_order_quantity", cap.0));
        let positions = self.max_position.values().map(|cap| ("max_position", cap.0));
        let negative = amounts
            .chain(budgets)
            .chain(quantities)
            .chain(positions)
            .find(|(_, cap)| *cap < Decimal::ZERO);
        if let Some((key, cap)) = negative {
            return Some((key, format!("{key} is {cap}; a cap is zero or more")));
        }
        match self.max_stale_ms {
            Some(stale) if stale < SHORTEST_STALE => Some((
                "max_stale_ms",
                format!("max_stale_ms is {}; {} is the least", stale.0, SHORTEST_STALE.0),
            )),
            _ => None,
        }
    }
}
