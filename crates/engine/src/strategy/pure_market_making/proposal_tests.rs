//! What is quoted, key by key.
#![allow(clippy::unwrap_used)]

use colibri_abi::Level as Raw;
use colibri_model::Exponents;

use super::*;
use crate::book::Grid;

fn config(lines: &str) -> PureMarketMakingConfig {
    let base = "venue = \"v\"\nmarket = \"BTC-USDT\"\nbid_spread = 0.01\nask_spread = 0.01\norder_amount = 1\n";
    let table = format!("{base}{lines}").parse().unwrap();
    let config: PureMarketMakingConfig = crate::config::read("test", table).unwrap();
    config.check("test").unwrap();
    config
}

/// Bids 99.9 × 5, 99.5 × 5; asks 100.1 × 5, 100.5 × 5: mid 100.
fn book() -> OrderBook {
    let mut book = OrderBook::new(
        Exponents {
            price: -1,
            quantity: -2,
        },
        Grid::UNIT,
    );
    for (side, price) in [
        (Side::Buy, 999),
        (Side::Buy, 995),
        (Side::Sell, 1001),
        (Side::Sell, 1005),
    ] {
        book.set(side, Raw { price, quantity: 500 }).unwrap();
    }
    book
}

fn rule() -> TradingRule {
    TradingRule {
        price_tick: Some(Price(Decimal::new(1, 1))),
        quantity_step: Some(Quantity(Decimal::new(1, 2))),
        min_notional: Some(Amount(Decimal::from(10))),
        ..TradingRule::default()
    }
}

/// The quotes as (price, quantity), buys then sells, with a change to the inputs.
fn quotes(lines: &str, change: impl FnOnce(&mut Inputs<'_>)) -> Vec<(String, String)> {
    let (config, book, rule) = (config(lines), book(), rule());
    let mut inputs = Inputs {
        config: &config,
        book: &book,
        rule: &rule,
        last_trade: None,
        last_own_trade: None,
        own_buys: Quantity::ZERO,
        own_sells: Quantity::ZERO,
        total_base: Amount(Decimal::from(100)),
        total_quote: Amount(Decimal::from(10_000)),
        budget_base: Amount(Decimal::from(100)),
        budget_quote: Amount(Decimal::from(10_000)),
        filled_balance: 0,
    };
    change(&mut inputs);
    let shown = |q: &Quote| (q.price.0.normalize().to_string(), q.quantity.0.normalize().to_string());
    proposal(&inputs).iter().map(shown).collect()
}

fn same(got: &[(String, String)], expected: &[(&str, &str)]) {
    let got: Vec<_> = got.iter().map(|(p, q)| (p.as_str(), q.as_str())).collect();
    assert_eq!(got, expected);
}

#[test]
fn both_sides_at_their_spread_and_levels() {
    same(&quotes("", |_| {}), &[("99", "1"), ("101", "1")]);
    let levels = "order_levels = 2\norder_level_spread = 0.005\norder_level_amount = 0.5";
    same(
        &quotes(levels, |_| {}),
        &[("99", "1"), ("98.5", "1.5"), ("101", "1"), ("101.5", "1.5")],
    );
    let listed = "buy_spreads = [0.02]\nsell_spreads = [0.02, 0.03]\nsell_amounts = [2, 3]";
    same(&quotes(listed, |_| {}), &[("98", "1"), ("102", "2"), ("103", "3")]);
}

#[test]
fn prices_are_rounded_away_from_the_market() {
    let odd = "buy_spreads = [0.00555]\nsell_spreads = [0.00555]";
    same(&quotes(odd, |_| {}), &[("99.4", "1"), ("100.6", "1")]);
}

#[test]
fn the_reference_price() {
    same(
        &quotes("price_type = \"best_bid\"", |_| {}),
        &[("98.9", "1"), ("100.9", "1")],
    );
    let last = Price(Decimal::from(110));
    same(
        &quotes("price_type = \"last_price\"", |i| i.last_trade = Some(last)),
        &[("111.1", "1")],
    );
}

#[test]
fn ceiling_floor_and_ping_pong() {
    same(&quotes("price_ceiling = 100", |_| {}), &[("101", "1")]);
    same(&quotes("price_floor = 100", |_| {}), &[("99", "1")]);
    same(
        &quotes("price_ceiling = 101\nprice_floor = 99", |_| {}),
        &[("99", "1"), ("101", "1")],
    );
    let ping = "ping_pong_enabled = true\norder_levels = 2\norder_level_spread = 0.01";
    same(
        &quotes(ping, |i| i.filled_balance = 1),
        &[("98", "1"), ("101", "1"), ("102", "1")],
    );
    same(&quotes(ping, |i| i.filled_balance = -5), &[("99", "1"), ("98", "1")]);
}

#[test]
fn no_better_than_one_tick_better_than_the_others() {
    let quotes_near = |depth: &str, own: i64| {
        let text = format!("buy_spreads = [0]\nsell_spreads = [0]\norder_optimization_enabled = true{depth}");
        quotes(&text, |i| i.own_buys = Quantity(own.into()))
    };
    same(&quotes_near("", 0), &[("100", "1"), ("100", "1")]);
    let deeper = "\nbid_order_optimization_depth = 6\nask_order_optimization_depth = 6";
    same(&quotes_near(deeper, 0), &[("99.6", "1"), ("100.4", "1")]);
    same(&quotes_near("", 6), &[("99.6", "1"), ("100", "1")]);
}

#[test]
fn the_skew_shifts_amounts() {
    let skewed = "inventory_skew_enabled = true\ninventory_range_multiplier = 5";
    // Ten of base by which one side stops; five too many.
    same(
        &quotes(skewed, |i| i.total_base = Amount(Decimal::from(110))),
        &[("99", "0.5"), ("101", "1.5")],
    );
}

#[test]
fn what_would_take_is_left_out_unless_wanted() {
    let crossing = "buy_spreads = [-0.01]\nsell_spreads = [0.01]";
    same(&quotes(crossing, |_| {}), &[("101", "1")]);
    same(
        &quotes(&format!("{crossing}\ntake_if_crossed = true"), |_| {}),
        &[("101", "1"), ("101", "1")],
    );
}

#[test]
fn amounts_shrink_to_the_budget_and_dust_is_left_out() {
    let levels = "order_levels = 2\norder_level_spread = 0.01";
    same(
        &quotes(levels, |i| i.budget_quote = Amount(Decimal::from(120))),
        &[("99", "1"), ("98", "0.21"), ("101", "1"), ("102", "1")],
    );
    same(
        &quotes(levels, |i| {
            i.budget_quote = Amount(Decimal::from(100));
            i.budget_base = Amount(Decimal::new(5, 2));
        }),
        &[("99", "1")],
    );
}
