//! What should be quoted now: a pure function of configuration and market.

use colibri_model::{Amount, Decimal, OrderType, Price, Quantity, Side, TradingRule};

use super::config::{Level, PriceType, PureMarketMakingConfig};
use super::inventory_skew;
use crate::book::OrderBook;

/// A quote of one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::strategy) struct Quote {
    pub(in crate::strategy) side: Side,
    pub(in crate::strategy) level: u32,
    pub(in crate::strategy) price: Price,
    pub(in crate::strategy) quantity: Quantity,
}

/// What a proposal is made from.
#[derive(Debug, Clone, Copy)]
pub(in crate::strategy) struct Inputs<'a> {
    pub(in crate::strategy) config: &'a PureMarketMakingConfig,
    pub(in crate::strategy) book: &'a OrderBook,
    pub(in crate::strategy) rule: &'a TradingRule,
    pub(in crate::strategy) last_trade: Option<Price>,
    pub(in crate::strategy) last_own_trade: Option<Price>,
    /// What our own orders show in the book, base asset: not to be outbid.
    pub(in crate::strategy) own_buys: Quantity,
    pub(in crate::strategy) own_sells: Quantity,
    /// Everything that is held, in orders or not.
    pub(in crate::strategy) total_base: Amount,
    pub(in crate::strategy) total_quote: Amount,
    /// What can be used for quotes, what our own orders hold included.
    pub(in crate::strategy) budget_base: Amount,
    pub(in crate::strategy) budget_quote: Amount,
    /// Ping-pong: wholly filled buys less wholly filled sells.
    pub(in crate::strategy) filled_balance: i64,
}

/// The price that quotes are set from.
pub(in crate::strategy) fn reference_price(inputs: &Inputs<'_>) -> Option<Price> {
    let book = inputs.book;
    match inputs.config.price_type {
        PriceType::MidPrice => book.mid(),
        PriceType::BestBid => book.best_bid().map(|l| l.price),
        PriceType::BestAsk => book.best_ask().map(|l| l.price),
        PriceType::LastPrice => inputs.last_trade.or_else(|| book.mid()),
        PriceType::LastOwnTradePrice => inputs.last_own_trade.or_else(|| book.mid()),
    }
}

/// The order type of quotes.
pub(in crate::strategy) fn order_type(config: &PureMarketMakingConfig, rule: &TradingRule) -> OrderType {
    let post_only = rule.order_types.is_empty() || rule.order_types.contains(&OrderType::LimitMaker);
    if !config.take_if_crossed && post_only {
        OrderType::LimitMaker
    } else {
        OrderType::Limit
    }
}

/// The quotes, best first, buys before sells. Empty where the book has no reference price.
pub(in crate::strategy) fn proposal(inputs: &Inputs<'_>) -> Vec<Quote> {
    let Some(reference) = reference_price(inputs) else {
        return Vec::new();
    };
    let mut buys = side(inputs, Side::Buy, inputs.config.buy_levels(), reference);
    let mut sells = side(inputs, Side::Sell, inputs.config.sell_levels(), reference);
    price_band(inputs.config, reference, &mut buys, &mut sells);
    if inputs.config.ping_pong_enabled {
        ping_pong(inputs.filled_balance, &mut buys, &mut sells);
    }
    if inputs.config.order_optimization_enabled {
        optimize(inputs, Side::Buy, &mut buys);
        optimize(inputs, Side::Sell, &mut sells);
    }
    if inputs.config.inventory_skew_enabled {
        skew(inputs, reference, &mut buys, &mut sells);
    }
    if !inputs.config.take_if_crossed {
        leave_out_takers(inputs, &mut buys, &mut sells);
    }
    budget(inputs, &mut buys, &mut sells);
    buys.extend(sells);
    buys.retain(|quote| is_large_enough(inputs.rule, quote));
    buys
}

fn side(inputs: &Inputs<'_>, side: Side, levels: Vec<Level>, reference: Price) -> Vec<Quote> {
    let quotes = levels.into_iter().zip(0..).map(|(level, number)| {
        let factor = match side {
            Side::Buy => Decimal::ONE - level.spread,
            Side::Sell => Decimal::ONE + level.spread,
        };
        Quote {
            side,
            level: number,
            price: inputs.rule.quantize_price(side, Price(reference.0 * factor)),
            quantity: quantize(inputs, level.amount),
        }
    });
    quotes.collect()
}

fn quantize(inputs: &Inputs<'_>, quantity: Decimal) -> Quantity {
    inputs
        .rule
        .quantize_quantity(OrderType::Limit, Quantity(quantity.max(Decimal::ZERO)))
}

fn price_band(config: &PureMarketMakingConfig, reference: Price, buys: &mut Vec<Quote>, sells: &mut Vec<Quote>) {
    if config.price_ceiling.is_some_and(|ceiling| reference >= ceiling) {
        buys.clear();
    }
    if config.price_floor.is_some_and(|floor| reference <= floor) {
        sells.clear();
    }
}

/// As many levels of the side that was filled more are left out as it was filled more often.
fn ping_pong(filled_balance: i64, buys: &mut Vec<Quote>, sells: &mut Vec<Quote>) {
    let side = if filled_balance > 0 { buys } else { sells };
    let count = usize::try_from(filled_balance.unsigned_abs()).unwrap_or(usize::MAX);
    side.drain(..count.min(side.len()));
}

/// Moves a side back so that its first quote is no better than one tick better than the others' best; the other levels
/// keep their ratio to the first.
fn optimize(inputs: &Inputs<'_>, side: Side, quotes: &mut [Quote]) {
    let Some(first) = quotes.first().map(|q| q.price) else {
        return;
    };
    let tick = inputs.rule.price_tick.map_or(Decimal::ZERO, |t| t.0);
    let best = match side {
        Side::Buy => {
            let depth = inputs.config.bid_order_optimization_depth + inputs.own_buys;
            inputs.book.price_for_volume(Side::Sell, depth).map(|p| p.0 + tick)
        }
        Side::Sell => {
            let depth = inputs.config.ask_order_optimization_depth + inputs.own_sells;
            inputs.book.price_for_volume(Side::Buy, depth).map(|p| p.0 - tick)
        }
    };
    let Some(best) = best else { return };
    let wanted = match side {
        Side::Buy => first.0.min(best),
        Side::Sell => first.0.max(best),
    };
    if wanted == first.0 || first.0.is_zero() {
        return;
    }
    for quote in quotes {
        quote.price = inputs
            .rule
            .quantize_price(side, Price(quote.price.0 * wanted / first.0));
    }
}

fn skew(inputs: &Inputs<'_>, reference: Price, buys: &mut [Quote], sells: &mut [Quote]) {
    let config = inputs.config;
    let levels = config.buy_levels().into_iter().chain(config.sell_levels());
    let all: Decimal = levels.map(|level| level.amount).sum();
    let ratios = inventory_skew::ratios(
        inputs.total_base.0,
        inputs.total_quote.0,
        reference.0,
        config.inventory_target_base_pct,
        all * config.inventory_range_multiplier,
    );
    for (quotes, ratio) in [(buys, ratios.bid), (sells, ratios.ask)] {
        for quote in quotes {
            quote.quantity = quantize(inputs, quote.quantity.0 * ratio);
        }
    }
}

fn leave_out_takers(inputs: &Inputs<'_>, buys: &mut Vec<Quote>, sells: &mut Vec<Quote>) {
    if let Some(ask) = inputs.book.best_ask() {
        buys.retain(|quote| quote.price < ask.price);
    }
    if let Some(bid) = inputs.book.best_bid() {
        sells.retain(|quote| quote.price > bid.price);
    }
}

/// Amounts shrunk to what is there, the best levels first.
fn budget(inputs: &Inputs<'_>, buys: &mut [Quote], sells: &mut [Quote]) {
    let mut quote_left = inputs.budget_quote.0;
    for quote in buys {
        if quote.price.is_positive() && (quote.price * quote.quantity).0 > quote_left {
            quote.quantity = quantize(inputs, quote_left / quote.price.0);
        }
        quote_left -= (quote.price * quote.quantity).0;
    }
    let mut base_left = inputs.budget_base.0;
    for quote in sells {
        if quote.quantity.0 > base_left {
            quote.quantity = quantize(inputs, base_left);
        }
        base_left -= quote.quantity.0;
    }
}

fn is_large_enough(rule: &TradingRule, quote: &Quote) -> bool {
    quote.quantity.is_positive()
        && quote.price.is_positive()
        && rule.min_quantity.is_none_or(|least| quote.quantity >= least)
        && rule
            .min_notional
            .is_none_or(|least| quote.price * quote.quantity >= least)
}

#[cfg(test)]
#[path = "proposal_tests.rs"]
mod tests;
