//! How a position ends: at which price with profit, at which with a loss, and what is still to be sent for that. Pure.

use colibri_model::{Decimal, PositionSide, Price, Quantity, Side, TradingRule};

use super::config::PerpetualMarketMakingConfig;
use crate::book::OrderBook;

/// A position that is open, as its fills make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    /// Which of the pair's positions.
    pub(super) side: PositionSide,
    /// How much, below zero where it is short.
    pub(super) quantity: Quantity,
    /// Its average price.
    pub(super) entry: Price,
}

impl Open {
    /// How much, without its sign.
    pub(super) fn size(&self) -> Quantity {
        Quantity(self.quantity.0.abs())
    }

    /// The side of orders that close it.
    pub(super) fn exit_side(&self) -> Side {
        if self.quantity.is_positive() {
            Side::Sell
        } else {
            Side::Buy
        }
    }

    /// Where it is closed with profit.
    pub(super) fn take_profit(&self, config: &PerpetualMarketMakingConfig, rule: &TradingRule) -> Price {
        let factor = match self.exit_side() {
            Side::Sell => Decimal::ONE + config.long_profit_taking_spread,
            Side::Buy => Decimal::ONE - config.short_profit_taking_spread,
        };
        rule.quantize_price(self.exit_side(), Price(self.entry.0 * factor))
    }

    /// The price at which it is closed with a loss.
    pub(super) fn stop(&self, config: &PerpetualMarketMakingConfig) -> Price {
        let factor = match self.exit_side() {
            Side::Sell => Decimal::ONE - config.stop_loss_spread,
            Side::Buy => Decimal::ONE + config.stop_loss_spread,
        };
        Price(self.entry.0 * factor)
    }

    /// Whether the market has gone so far against it.
    pub(super) fn is_stopped(&self, config: &PerpetualMarketMakingConfig, book: &OrderBook) -> bool {
        let stop = self.stop(config);
        match self.exit_side() {
            Side::Sell => book.best_bid().is_some_and(|best| best.price <= stop),
            Side::Buy => book.best_ask().is_some_and(|best| best.price >= stop),
        }
    }

    /// The price of a stop-loss order: beyond the stop, or beyond that of the order before it, by the buffer.
    pub(super) fn stop_order(
        &self,
        config: &PerpetualMarketMakingConfig,
        rule: &TradingRule,
        before: Option<Price>,
    ) -> Price {
        let from = before.unwrap_or_else(|| self.stop(config));
        let factor = match self.exit_side() {
            Side::Sell => Decimal::ONE - config.stop_loss_slippage_buffer,
            Side::Buy => Decimal::ONE + config.stop_loss_slippage_buffer,
        };
        rule.quantize_price(self.exit_side(), Price(from.0 * factor))
    }

    /// What is still to be sent to close it, where orders that may still fill would close `pending` of it: never more than is
    /// held, and zero where the exchange takes nothing so small.
    pub(super) fn missing(&self, rule: &TradingRule, pending: Quantity, price: Price) -> Quantity {
        let left = Quantity((self.size().0 - pending.0).max(Decimal::ZERO));
        let quantity = rule.quantize_quantity(colibri_model::OrderType::Limit, left);
        if is_tradable(rule, quantity, price) {
            quantity
        } else {
            Quantity::ZERO
        }
    }
}

/// Whether the exchange takes an order of such a size that only reduces.
pub(super) fn is_tradable(rule: &TradingRule, quantity: Quantity, price: Price) -> bool {
    quantity.is_positive()
        && rule.min_quantity.is_none_or(|least| quantity >= least)
        && (rule.min_notional_exempts_reducing || rule.min_notional.is_none_or(|least| price * quantity >= least))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use colibri_abi::Level;
    use colibri_model::{Amount, Exponents};

    use super::*;
    use crate::book::Grid;

    fn config() -> PerpetualMarketMakingConfig {
        let table = r#"
            venue = "v"
            market = "BTC-USDT"
            leverage = 5
            bid_spread = 0.001
            ask_spread = 0.001
            order_amount = 1
            order_refresh_time = 15
            long_profit_taking_spread = 0.02
            short_profit_taking_spread = 0.01
            stop_loss_spread = 0.05
            stop_loss_slippage_buffer = 0.01
        "#;
        crate::config::read("test", table.parse().unwrap()).unwrap()
    }

    fn rule() -> TradingRule {
        TradingRule {
            price_tick: Some(Price(Decimal::new(1, 1))),
            quantity_step: Some(Quantity(Decimal::new(1, 2))),
            min_quantity: Some(Quantity(Decimal::new(2, 2))),
            min_notional: Some(Amount(Decimal::from(10))),
            ..TradingRule::default()
        }
    }

    fn open(quantity: i64) -> Open {
        Open {
            side: PositionSide::Net,
            quantity: Quantity(Decimal::from(quantity)),
            entry: Price(Decimal::from(100)),
        }
    }

    fn price(tenths: i64) -> Price {
        Price(Decimal::new(tenths, 1))
    }

    fn book(bid: i64, ask: i64) -> OrderBook {
        let exponents = Exponents {
            price: -1,
            quantity: -2,
        };
        let mut book = OrderBook::new(exponents, Grid::UNIT);
        for (side, price) in [(Side::Buy, bid), (Side::Sell, ask)] {
            book.set(side, Level { price, quantity: 500 }).unwrap();
        }
        book
    }

    #[test]
    fn profit_is_taken_and_loss_stopped_on_the_right_side_of_the_entry() {
        let (config, rule) = (config(), rule());
        let (long, short) = (open(2), open(-2));
        assert_eq!((long.exit_side(), short.exit_side()), (Side::Sell, Side::Buy));
        assert_eq!(long.take_profit(&config, &rule), price(1_020));
        assert_eq!(short.take_profit(&config, &rule), price(990));
        assert_eq!((long.stop(&config), short.stop(&config)), (price(950), price(1_050)));
        assert!(!long.is_stopped(&config, &book(951, 952)) && long.is_stopped(&config, &book(950, 990)));
        assert!(!short.is_stopped(&config, &book(1_048, 1_049)) && short.is_stopped(&config, &book(1_000, 1_050)));
    }

    #[test]
    fn a_stop_loss_order_goes_farther_each_time_it_is_renewed() {
        let (config, rule) = (config(), rule());
        let first = open(2).stop_order(&config, &rule, None);
        assert_eq!(
            first,
            price(941),
            "95 less a hundredth, the tick that sells are rounded to"
        );
        assert_eq!(open(2).stop_order(&config, &rule, Some(first)), price(932));
        assert_eq!(open(-2).stop_order(&config, &rule, None), price(1_060));
    }

    #[test]
    fn what_is_sent_is_what_is_held_less_what_may_still_fill() {
        let rule = rule();
        let quantity = |hundredths| Quantity(Decimal::new(hundredths, 2));
        let missing = |pending| open(-2).missing(&rule, quantity(pending), price(1_000));
        assert_eq!(missing(0), quantity(200));
        assert_eq!(missing(150), quantity(50));
        assert_eq!(missing(200), Quantity::ZERO);
        assert_eq!(
            missing(300),
            Quantity::ZERO,
            "an order too many never makes it negative"
        );
        assert_eq!(missing(199), Quantity::ZERO, "below the least quantity");
        assert_eq!(missing(195), Quantity::ZERO, "below the least notional");
        let exempt = TradingRule {
            min_notional_exempts_reducing: true,
            ..rule.clone()
        };
        let sent = open(-2).missing(&exempt, quantity(195), price(1_000));
        assert_eq!(sent, quantity(5));
    }
}
