//! What an arbitrage brings, and what a leg lacks.
#![allow(clippy::unwrap_used)]

use colibri_abi::Level;
use colibri_model::{Amount, Exponents};

use super::*;
use crate::book::Grid;

/// A book of two levels a side, prices in tenths, half a unit at the best and five behind it.
fn book(bid: i64, ask: i64) -> OrderBook {
    let exponents = Exponents {
        price: -1,
        quantity: -2,
    };
    let mut book = OrderBook::new(exponents, Grid::UNIT);
    for (side, price, quantity) in [
        (Side::Buy, bid, 50),
        (Side::Buy, bid - 10, 500),
        (Side::Sell, ask, 50),
        (Side::Sell, ask + 10, 500),
    ] {
        book.set(side, Level { price, quantity }).unwrap();
    }
    book
}

fn quantity(text: &str) -> Quantity {
    Quantity(text.parse().unwrap())
}

fn rule() -> TradingRule {
    TradingRule {
        price_tick: Some(Price(Decimal::new(1, 1))),
        quantity_step: Some(quantity("0.001")),
        min_quantity: Some(quantity("0.002")),
        min_notional: Some(Amount(Decimal::from(5))),
        ..TradingRule::default()
    }
}

#[test]
fn profit_is_of_the_whole_amount_at_the_worst_price_that_it_reaches() {
    let (spot, perpetual) = (book(999, 1_000), book(1_020, 1_021));
    let small = propose(Direction::BuySpot, &spot, &perpetual, quantity("0.5")).unwrap();
    assert_eq!(
        (small.spot, small.perpetual),
        (Price(Decimal::from(100)), Price(Decimal::from(102)))
    );
    assert_eq!(small.profit, Decimal::new(2, 2));
    let whole = propose(Direction::BuySpot, &spot, &perpetual, quantity("1")).unwrap();
    assert_eq!(
        (whole.spot, whole.perpetual),
        (Price(Decimal::from(101)), Price(Decimal::from(101)))
    );
    assert_eq!(whole.profit, Decimal::ZERO);
    let back = propose(Direction::SellSpot, &spot, &perpetual, quantity("0.5")).unwrap();
    assert!(back.profit < Decimal::new(-2, 2), "{back:?}");
    assert_eq!(propose(Direction::BuySpot, &spot, &perpetual, quantity("9")), None);
}

#[test]
fn a_leg_lacks_what_it_holds_too_little_or_too_much_of() {
    let rule = rule();
    let leg = |held: &str| Leg {
        held: quantity(held),
        rule: &rule,
        price: Price(Decimal::from(100)),
        is_contract: false,
    };
    assert_eq!(
        leg("0").missing(quantity("1")),
        Some((Side::Buy, quantity("1"), Reduces::No))
    );
    assert_eq!(
        leg("0.9").missing(quantity("1")),
        Some((Side::Buy, quantity("0.1"), Reduces::No))
    );
    assert_eq!(
        leg("1").missing(quantity("0")),
        Some((Side::Sell, quantity("1"), Reduces::No))
    );
    // Below the least notional, and less than a step: nothing can be done about it.
    assert_eq!(leg("0.96").missing(quantity("1")), None);
    assert_eq!(leg("0.9995").missing(quantity("1")), None);
}

#[test]
fn an_order_that_only_reduces_a_contract_may_be_small_and_never_turns_it_over() {
    let rule = TradingRule {
        min_notional_exempts_reducing: true,
        ..rule()
    };
    let leg = |held: &str| Leg {
        held: quantity(held),
        rule: &rule,
        price: Price(Decimal::from(100)),
        is_contract: true,
    };
    assert_eq!(
        leg("-1").missing(quantity("-0.99")),
        Some((Side::Buy, quantity("0.01"), Reduces::Yes))
    );
    assert_eq!(
        leg("-1").missing(quantity("-1.01")),
        None,
        "opening so little is not taken"
    );
    assert_eq!(
        leg("-1").missing(quantity("1")),
        Some((Side::Buy, quantity("2"), Reduces::No)),
        "it opens, too"
    );
}

#[test]
fn what_both_legs_have_is_the_smaller_of_them_where_they_are_opposite() {
    for (spot, perpetual, both) in [
        ("1", "-1", "1"),
        ("0.6", "-1", "0.6"),
        ("1", "-0.4", "0.4"),
        ("-1", "0.4", "-0.4"),
        ("1", "0", "0"),
        ("0", "-1", "0"),
        ("1", "1", "0"),
    ] {
        let found = matched(quantity(spot), quantity(perpetual));
        assert_eq!(found, quantity(both), "{spot} {perpetual}");
    }
}

#[test]
fn a_leg_reaches_as_far_as_the_book_asks_and_the_buffer_more() {
    let (book, rule) = (book(999, 1_000), rule());
    let buffer = Decimal::new(1, 2);
    let price = |side, amount: &str| leg_price(&book, &rule, side, quantity(amount), buffer).unwrap();
    assert_eq!(price(Side::Buy, "0.5"), Price(Decimal::from(101)));
    assert_eq!(price(Side::Buy, "1"), Price(Decimal::from(102)));
    assert_eq!(price(Side::Sell, "0.5"), Price(Decimal::from(99)));
    assert_eq!(
        price(Side::Buy, "9"),
        Price(Decimal::from(101)),
        "the best, of a book that is too thin"
    );
}

#[test]
fn orders_do_not_rest_where_the_exchange_has_that() {
    assert_eq!(time_in_force(&rule()), TimeInForce::Ioc);
    let rule = TradingRule {
        times_in_force: vec![TimeInForce::Gtc],
        ..rule()
    };
    assert_eq!(time_in_force(&rule), TimeInForce::Gtc);
}
