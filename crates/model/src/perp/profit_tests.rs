//! Profit by average cost: examples worked by hand, and what holds of any fills.

#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

fn linear() -> Contract {
    Contract::linear(Asset::new("USDT"))
}

fn inverse() -> Contract {
    Contract::inverse(Decimal::from(100), Asset::new("BTC"))
}

fn price(value: i64) -> Price {
    Price(Decimal::from(value))
}

fn quantity(value: i64) -> Quantity {
    Quantity(Decimal::from(value))
}

fn amount(value: i64) -> Amount {
    Amount(Decimal::from(value))
}

#[test]
fn cost_is_averaged_and_profit_realised_on_the_way_out() {
    let (contract, mut position) = (linear(), Position::default());
    position.apply(&contract, Side::Buy, price(100), quantity(1));
    position.apply(&contract, Side::Buy, price(110), quantity(1));
    assert_eq!(position.entry_price(&contract), Some(price(105)));
    let change = position.apply(&contract, Side::Sell, price(120), quantity(1));
    assert_eq!((change.closed, change.realized), (quantity(1), amount(15)));
    assert_eq!(
        position.entry_price(&contract),
        Some(price(105)),
        "a partial close leaves the average"
    );
    assert_eq!(position.unrealized(&contract, price(100)), amount(-5));
    let change = position.apply(&contract, Side::Sell, price(115), quantity(3));
    let turned = PositionChange {
        opened: quantity(2),
        closed: quantity(1),
        realized: amount(10),
    };
    assert_eq!(change, turned);
    assert_eq!(
        (position.quantity, position.entry_price(&contract)),
        (quantity(-2), Some(price(115)))
    );
    assert_eq!(position.direction(), Some(PositionSide::Short));
    position.apply(&contract, Side::Buy, price(105), quantity(2));
    assert_eq!(
        (position.quantity, position.cost, position.realized),
        (quantity(0), amount(0), amount(45))
    );
    assert_eq!((position.entry_price(&contract), position.direction()), (None, None));
}

#[test]
fn an_inverse_contract_gains_in_its_base_asset() {
    let (contract, mut position) = (inverse(), Position::default());
    position.apply(&contract, Side::Buy, price(50_000), quantity(1_000));
    assert_eq!(position.entry_price(&contract), Some(price(50_000)));
    assert_eq!(position.unrealized(&contract, price(100_000)), amount(1));
    position.apply(&contract, Side::Sell, price(100_000), quantity(1_000));
    assert_eq!(position.realized, amount(1));
    // The average of an inverse position is harmonic: 500 contracts at 50,000 and 500 at 100,000.
    position.apply(&contract, Side::Sell, price(50_000), quantity(500));
    position.apply(&contract, Side::Sell, price(100_000), quantity(500));
    let average = position.entry_price(&contract).unwrap_or_default();
    assert_eq!(average.0.round_dp(3), Decimal::new(66_666_667, 3));
}

#[test]
fn fees_and_funding_of_other_assets_are_not_converted() {
    let (contract, mut position) = (linear(), Position::default());
    position.apply(&contract, Side::Buy, price(100), quantity(1));
    position.add_fee(&Asset::new("USDT"), amount(2));
    position.add_fee(&Asset::new("BNB"), amount(1));
    position.add_funding(&Asset::new("USDT"), amount(-3));
    assert_eq!(position.net(&contract, price(110)), amount(5));
    assert_eq!(position.fees[&Asset::new("BNB")], amount(1));
}

#[test]
fn a_long_position_that_was_sold_short_is_a_contradiction() {
    let (contract, mut positions) = (linear(), Positions::default());
    let long = positions.of_mut(PositionSide::Long);
    long.apply(&contract, Side::Sell, price(100), quantity(1));
    assert_eq!(positions.contradiction(), Some(PositionSide::Long));
    let long = positions.of_mut(PositionSide::Long);
    long.apply(&contract, Side::Buy, price(90), quantity(1));
    assert_eq!(positions.contradiction(), None, "the missing fill came late");
    assert_eq!(positions.realized(), amount(10));
}

#[test]
fn sums_beyond_a_decimal_are_refused_and_change_nothing() {
    for contract in [linear(), inverse()] {
        let mut position = Position::default();
        position.apply(&contract, Side::Buy, price(100), quantity(1));
        let before = position.clone();
        let (most, least) = (Price(Decimal::MAX), Price(Decimal::new(1, 28)));
        let quantity = Quantity(Decimal::from(10_000_000_000i64));
        for at in [most, least] {
            let counted = position.checked_apply(&contract, Side::Buy, at, quantity);
            assert_eq!(counted.is_none(), position == before, "{contract:?} {at}");
            position = before.clone();
        }
        let given = position.checked_give(&linear(), most, Amount(Decimal::from(2)));
        assert_eq!((given, &position), (None, &before));
    }
}

/// A fill: side, price in cents, quantity in thousandths.
type Traded = (bool, i64, i64);

fn fills() -> impl Strategy<Value = Vec<Traded>> {
    prop::collection::vec((any::<bool>(), 100i64..10_000_000, 1i64..5_000_000), 0..60)
}

/// What the fills cost (below zero) or brought, by the contract's own worth.
fn trade(contract: &Contract, position: &mut Position, fills: &[Traded]) -> Amount {
    let mut flow = Amount::ZERO;
    for &(buy, price, quantity) in fills {
        let side = if buy { Side::Buy } else { Side::Sell };
        let (price, quantity) = (Price(Decimal::new(price, 2)), Quantity(Decimal::new(quantity, 3)));
        let signed = if buy { quantity } else { -quantity };
        flow -= contract.worth(signed, price);
        let change = position.apply(contract, side, price, quantity);
        assert_eq!(change.opened + change.closed, quantity);
    }
    flow
}

proptest! {
    #[test]
    fn profit_is_cash_flow_and_value(fills in fills(), mark in 100i64..10_000_000, is_inverse in any::<bool>()) {
        let contract = if is_inverse { inverse() } else { linear() };
        let mut position = Position::default();
        let flow = trade(&contract, &mut position, &fills);
        let mark = Price(Decimal::new(mark, 2));
        let value = contract.worth(position.quantity, mark);
        prop_assert_eq!(position.realized + position.unrealized(&contract, mark), flow + value);
        if position.quantity.is_zero() {
            prop_assert!(position.cost.is_zero());
        }
    }

    #[test]
    fn what_was_closed_all_at_once_or_in_parts_made_the_same(price in 100i64..1_000_000, exit in 100i64..1_000_000, parts in prop::collection::vec(1i64..100_000, 1..20), is_inverse in any::<bool>()) {
        let contract = if is_inverse { inverse() } else { linear() };
        let whole: i64 = parts.iter().sum();
        let (open, exit) = (Price(Decimal::new(price, 2)), Price(Decimal::new(exit, 2)));
        let mut at_once = Position::default();
        at_once.apply(&contract, Side::Buy, open, Quantity(Decimal::new(whole, 3)));
        let mut in_parts = at_once.clone();
        at_once.apply(&contract, Side::Sell, exit, Quantity(Decimal::new(whole, 3)));
        for part in &parts {
            in_parts.apply(&contract, Side::Sell, exit, Quantity(Decimal::new(*part, 3)));
        }
        prop_assert!(in_parts.quantity.is_zero() && in_parts.cost.is_zero());
        // Each division is rounded at the twelfth place.
        let apart = (in_parts.realized - at_once.realized).0.abs();
        prop_assert!(apart <= Decimal::new(parts.len() as i64 * 2, 12), "{apart}");
    }

    #[test]
    fn a_turn_over_is_a_close_and_an_opening(first in 1i64..100_000, more in 1i64..100_000, open in 100i64..1_000_000, exit in 100i64..1_000_000, short in any::<bool>()) {
        let contract = linear();
        let (enter, leave) = if short { (Side::Sell, Side::Buy) } else { (Side::Buy, Side::Sell) };
        let (open, exit) = (Price(Decimal::new(open, 2)), Price(Decimal::new(exit, 2)));
        let [first, more] = [first, more].map(|q| Quantity(Decimal::new(q, 3)));
        let mut turned = Position::default();
        turned.apply(&contract, enter, open, first);
        let mut in_two = turned.clone();
        turned.apply(&contract, leave, exit, first + more);
        in_two.apply(&contract, leave, exit, first);
        in_two.apply(&contract, leave, exit, more);
        prop_assert_eq!(turned.entry_price(&contract), Some(exit));
        prop_assert_eq!(turned, in_two);
    }

    #[test]
    fn hedged_sides_add_up_to_the_net_of_the_same_fills(longs in fills(), shorts in fills(), mark in 100i64..10_000_000) {
        let contract = linear();
        let mut positions = Positions::default();
        let mut flow = trade(&contract, positions.of_mut(PositionSide::Long), &longs);
        flow += trade(&contract, positions.of_mut(PositionSide::Short), &shorts);
        let mut net = Position::default();
        trade(&contract, &mut net, &longs);
        trade(&contract, &mut net, &shorts);
        let mark = Price(Decimal::new(mark, 2));
        prop_assert_eq!(positions.quantity(), net.quantity);
        let profit = positions.realized() + positions.unrealized(&contract, mark);
        prop_assert_eq!(profit, flow + contract.worth(net.quantity, mark));
        prop_assert_eq!(profit, net.realized + net.unrealized(&contract, mark));
    }
}
