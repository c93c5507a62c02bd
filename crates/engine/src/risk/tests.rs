#![allow(clippy::unwrap_used)]
use super::*;
use colibri_model::{ClientOrderId, Decimal, InstrumentId, OrderTerms, OrderType, Pair, Quantity};

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
        terms: OrderTerms::default(),
    }
}

fn pair() -> Pair {
    "BTC-USDT".parse().unwrap()
}

fn price(number: i64) -> Price {
    Price(Decimal::from(number))
}

const fn amount(number: i64) -> Amount {
    Amount(Decimal::from_parts(number.unsigned_abs() as u32, 0, 0, number < 0, 0))
}

#[test]
fn each_cap_on_an_order_refuses_by_its_figure_its_cap_and_its_key() {
    let limits = RiskLimits {
        max_order_notional: Some(amount(1000)),
        max_order_quantity: [(pair(), Quantity(Decimal::from(20)))].into(),
        max_open_orders: Some(2),
        price_collar: Some(Decimal::new(5, 2)),
        ..RiskLimits::default()
    };
    let mid = price(100);
    let check = |order: &OrderIntent| {
        let refusal = limits.check_order(&pair(), order, mid, TopPrices::at(mid)).err();
        refusal.map(|r| r.to_string()).unwrap_or_default()
    };
    let names = |refusal: &str, parts: &[&str]| {
        assert!(parts.iter().all(|part| refusal.contains(part)), "{refusal}");
    };
    assert_eq!(check(&order(100, 10)), "");
    names(&check(&order(100, 11)), &["1100", "1000", "max_order_notional"]);
    names(&check(&order(1, 21)), &["21", "20", "max_order_quantity.BTC-USDT"]);
    names(&check(&order(94, 1)), &["94", "100", "0.05", "price_collar"]);
    assert_eq!(check(&order(95, 1)), "");
    // A sell below the market trades at the market.
    let sell = OrderIntent {
        side: Side::Sell,
        ..order(96, 10)
    };
    assert_eq!(check(&sell), "");
    let sell = OrderIntent {
        quantity: Quantity(Decimal::new(104, 1)),
        ..sell
    };
    names(&check(&sell), &["1040", "max_order_notional"]);
    assert_eq!(limits.check_live(1), Ok(()));
    names(
        &limits.check_live(2).unwrap_err().to_string(),
        &["2", "max_open_orders"],
    );
    let free = RiskLimits::default();
    let far = order(1, 1_000_000);
    assert_eq!(free.check_order(&pair(), &far, mid, TopPrices::at(mid)), Ok(()));
    assert_eq!(free.check_live(99), Ok(()));
}

#[test]
fn a_quantity_of_the_quote_asset_is_taken_for_as_much_base_as_it_may_buy() {
    let top = TopPrices {
        low: price(80),
        high: price(120),
    };
    let quote = |side, price| OrderIntent {
        side,
        price,
        quantity: Quantity(Decimal::from(960)),
        quantity_unit: QuantityUnit::Quote,
        ..order(1, 1)
    };
    let base = |order: &OrderIntent| worst_quantity(order, top).0;
    assert_eq!(base(&quote(Side::Buy, None)), Decimal::from(12));
    assert_eq!(
        base(&quote(Side::Buy, Some(price(96)))),
        Decimal::from(12),
        "it may trade below its limit"
    );
    assert_eq!(base(&quote(Side::Sell, Some(price(96)))), Decimal::from(10));
    assert_eq!(worst_notional(&quote(Side::Sell, None), top), amount(960));
    let market = OrderIntent {
        price: None,
        ..order(1, 2)
    };
    assert_eq!(worst_notional(&market, top), amount(240));
}

#[test]
fn the_worst_case_is_each_side_filled_alone() {
    let mut exposure = Exposure::new(Quantity(Decimal::from(-2)));
    exposure.add(Side::Buy, Quantity(Decimal::from(3)), amount(300));
    exposure.add(Side::Sell, Quantity(Decimal::from(4)), amount(480));
    assert_eq!(exposure.position(Side::Buy).0, Decimal::ONE);
    assert_eq!(exposure.position(Side::Sell).0, Decimal::from(6));
    assert_eq!(exposure.notional(Side::Sell, price(100)), amount(680));
    assert_eq!(exposure.gross(price(100)), amount(680));
}

#[test]
fn caps_are_read_from_a_file_exactly_and_senseless_ones_are_named() {
    let limits = |text: &str| toml::from_str::<RiskLimits>(text);
    let read =
        limits("max_position = { BTC-USDT = 0.1 }\nbudget = { USDT = 1000, BTC = \"0.05\" }\nmax_loss = 25").unwrap();
    assert_eq!(read.max_position[&pair()].0, Decimal::new(1, 1));
    assert_eq!(
        read.budget.values().map(|a| a.0).sum::<Decimal>(),
        Decimal::new(100_005, 2)
    );
    assert_eq!((read.max_loss, read.fault()), (Some(amount(25)), None));
    for (text, key) in [
        ("max_loss = -1", "max_loss"),
        ("max_position = { BTC-USDT = -1 }", "max_position"),
        ("budget = { BTC = -1 }", "budget"),
        ("max_stale_ms = 10", "max_stale_ms"),
    ] {
        let (named, what) = limits(text).unwrap().fault().unwrap();
        assert!(named == key && what.contains(key), "{what}");
    }
    assert!(limits("max_position = { BTCUSDT = 1 }").is_err());
    assert!(limits("max_los = 1").is_err());
}

#[test]
fn a_buy_commits_quote_and_a_sell_base() {
    let mut intent = order(100, 3);
    assert_eq!(commitment(&intent, None), amount(300));
    intent.side = Side::Sell;
    assert_eq!(commitment(&intent, None), amount(3));
}
