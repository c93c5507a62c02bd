//! Spot-perpetual arbitrage at a desk with two venues: both legs, one leg, half a leg, a leg whose answer is lost, and what is left.
#![allow(clippy::unwrap_used)]

mod alone;
mod carry;

use colibri_abi::{op_flag, order_side};
use colibri_engine::LogLevel;
use colibri_model::{Amount, Asset, Decimal, FillCause, Side};
use colibri_standard::FillEvent;

use crate::desk::{Delivery, Placement};
use carry::{Carry, PERP, SPOT};

fn held(spot: &str, perpetual: &str) -> (String, String) {
    (spot.to_owned(), perpetual.to_owned())
}

#[test]
fn both_legs_are_opened_where_prices_are_apart_and_closed_where_they_have_met() {
    let mut carry = Carry::new("", |_| {});
    carry.run(2_000);
    assert_eq!(carry.placements(), [0, 0], "{}", carry.status());
    carry.apart();
    carry.run(1_000);
    assert_eq!(carry.placements(), [1, 1], "both at once");
    let spot = &carry.exchanges[SPOT].orders[&carry.open(SPOT)];
    // 100.10 and five basis points are 100.15005, rounded to the side that is not worse.
    assert_eq!((spot.side, spot.price.0), (Side::Buy, Decimal::new(10_015, 2)));
    let perpetual = &carry.exchanges[PERP].orders[&carry.open(PERP)];
    assert_eq!(
        (perpetual.side, perpetual.price.0),
        (Side::Sell, Decimal::new(10_205, 2))
    );
    carry.run(2_000);
    assert_eq!(
        carry.placements(),
        [1, 1],
        "while they are under way nothing more is sent"
    );
    carry.both_fill("1");
    carry.run(5_000);
    assert_eq!(carry.held(), held("1", "-1"));
    assert_eq!(carry.placements(), [1, 1], "{}", carry.status());
    assert!(carry.status().starts_with("opened"), "{}", carry.status());

    carry.together();
    carry.run(1_000);
    assert_eq!(carry.placements(), [2, 2]);
    let close = carry.exchanges[PERP]
        .perp
        .as_ref()
        .unwrap()
        .placed
        .last()
        .copied()
        .unwrap();
    assert_eq!(close.side, order_side::BUY);
    assert!(close.flags & op_flag::REDUCE_ONLY != 0, "it only reduces");
    carry.both_fill("1");
    carry.run(1_000);
    assert_eq!(carry.held(), held("0", "0"));
    carry.has_told("closed: spot 0 of 0; perp 0 of 0");

    // The next waits.
    carry.apart();
    carry.run(15_000);
    assert_eq!(carry.placements(), [2, 2], "{}", carry.status());
    carry.run(6_000);
    assert_eq!(carry.placements(), [3, 3], "{}", carry.status());
    carry.both_fill("1");
    carry.check();
}

#[test]
fn the_other_way_round_spot_is_sold_and_the_perpetual_bought() {
    let mut carry = Carry::new("", |_| {});
    carry.market_moves(PERP, 9_780, 9_790);
    carry.run(1_000);
    assert_eq!(carry.exchanges[SPOT].orders[&carry.open(SPOT)].side, Side::Sell);
    carry.both_fill("1");
    carry.ends_with("-1", "1");
}

#[test]
fn a_leg_that_was_filled_in_part_is_sent_the_rest() {
    let mut carry = Carry::sent("", |_| {});
    carry.fills(PERP, "1");
    carry.fills(SPOT, "0.4");
    // The perpetual has more than spot: that is sent whatever it costs now.
    carry.market_moves(SPOT, 10_190, 10_200);
    carry.run(2_000);
    assert_eq!(carry.open_at(SPOT), (Side::Buy, Decimal::new(6, 1)));
    carry.fills(SPOT, "0.6");
    carry.run(1_000);
    assert_eq!(carry.held(), held("1", "-1"));
    assert_eq!(carry.placements(), [2, 1]);
    carry.check();
}

#[test]
fn what_one_leg_has_beyond_the_other_is_undone_at_the_deadline_and_what_both_have_is_kept() {
    let mut carry = Carry::sent("", |_| {});
    carry.fills(PERP, "1");
    carry.fills(SPOT, "0.4");
    // Spot is not filled any more, however often it is sent.
    for _ in 0..8 {
        carry.run(1_500);
        if carry.exchanges[SPOT].open().count() == 1 {
            carry.fills(SPOT, "0");
        }
    }
    carry.has_told("what one has beyond the other is undone, 0.4 is kept");
    carry.until_open(PERP);
    assert_eq!(carry.open_at(PERP), (Side::Buy, Decimal::new(6, 1)));
    carry.fills(PERP, "0.6");
    carry.run(1_000);
    assert_eq!(carry.held(), held("0.4", "-0.4"));
    assert!(carry.status().starts_with("opened"), "{}", carry.status());
    carry.check();
}

#[test]
fn a_leg_that_is_refused_has_the_other_undone() {
    let mut carry = Carry::new("residual_deadline = 5", |_| {});
    for _ in 0..20 {
        carry.exchanges[PERP].script.push_back(Placement::Refused);
    }
    carry.apart();
    carry.run(1_000);
    carry.fills(SPOT, "1");
    carry.run(12_000);
    carry.has_told("what one has beyond the other is undone, 0 is kept");
    carry.exchanges[PERP].script.clear();
    carry.fills(SPOT, "1");
    carry.ends_with("0", "0");
}

#[test]
fn held_legs_wait_for_a_person() {
    let mut carry = Carry::sent("residual = \"hold\"", |_| {});
    carry.fills(SPOT, "1");
    carry.fills(PERP, "0");
    while !carry.status().starts_with("HELD") {
        carry.run(500);
        if carry.exchanges[PERP].open().count() == 1 {
            carry.fills(PERP, "0");
        }
        assert!(carry.millis < 60_000, "{}", carry.status());
    }
    let sent = carry.placements();
    carry.run(30_000);
    assert_eq!(carry.placements(), sent);
    let told = carry.log.iter().filter(|(level, _)| *level == LogLevel::Error).count();
    assert!(told >= 2, "it is told again and again: {:?}", carry.log);
    assert_eq!(carry.held(), held("1", "0"));
    carry.check();
}

#[test]
fn a_leg_of_unknown_outcome_is_waited_for_and_never_sent_twice() {
    for placement in [Placement::TakenAnswerLost, Placement::LostAnswerLost] {
        let mut carry = Carry::new("", |_| {});
        carry.exchanges[PERP].script.push_back(placement);
        carry.exchanges[PERP].denies_orders = true;
        carry.apart();
        carry.run(1_000);
        carry.fills(SPOT, "1");
        carry.run(5_000);
        assert_eq!(carry.placements(), [1, 1], "{placement:?}");
        assert!(carry.status().contains("of -1, an order over 1"), "{}", carry.status());
        carry.exchanges[PERP].denies_orders = false;
        let is_settled = |carry: &Carry| carry.status().starts_with("opened") || carry.status().starts_with("closed");
        while carry.millis < 120_000 || !is_settled(&carry) {
            assert!(carry.millis < 300_000, "{placement:?}: {}", carry.status());
            carry.run(1_000);
            if carry.exchanges[PERP].open().count() == 1 {
                carry.fills(PERP, "1");
            }
            if carry.exchanges[SPOT].open().count() == 1 {
                carry.fills(SPOT, "1");
            }
        }
        let (spot, perpetual) = carry.held();
        assert_eq!(
            perpetual,
            if spot == "0" {
                "0".to_owned()
            } else {
                format!("-{spot}")
            },
            "{placement:?}"
        );
        carry.check();
    }
}

#[test]
fn a_fill_that_is_told_after_its_order_s_end_is_not_sent_again() {
    let mut carry = Carry::sent("", |_| {});
    carry.fills(SPOT, "1");
    let (id, now) = (carry.open(PERP), carry.now());
    let late: FillEvent = carry.exchanges[PERP].trade(&id, "1", now);
    carry.exchanges[PERP].hides_trades = true;
    carry.tell_status(PERP, &id);
    carry.run(5_000);
    assert_eq!(carry.held(), held("1", "0"));
    assert_eq!(carry.placements(), [1, 1]);
    assert!(carry.status().contains("fills of 1 not told yet"), "{}", carry.status());
    carry.exchanges[PERP].hides_trades = false;
    carry.deliver(PERP, 0, Delivery::Event(late.into()));
    carry.run(1_000);
    assert!(carry.status().starts_with("opened"), "{}", carry.status());
    carry.check();
}

#[test]
fn where_neither_leg_was_filled_and_the_prices_have_met_it_is_let_go() {
    let mut carry = Carry::sent("", |_| {});
    carry.together();
    carry.both_fill("0");
    carry.run(3_000);
    assert_eq!(carry.placements(), [1, 1]);
    carry.has_told("the prices have moved before both legs were filled: 0 is kept");
    assert!(carry.status().starts_with("closed"), "{}", carry.status());
    carry.check();
}

#[test]
fn while_it_closes_a_leg_that_is_behind_is_sent_until_it_is_there() {
    let mut carry = Carry::opened("");
    carry.together();
    carry.run(1_000);
    carry.fills(SPOT, "1");
    carry.apart();
    for _ in 0..15 {
        carry.run(1_000);
        if carry.exchanges[PERP].open().count() == 1 {
            carry.fills(PERP, "0");
        }
    }
    carry.has_told("what is missing is sent again");
    carry.until_open(PERP);
    carry.fills(PERP, "1");
    carry.ends_with("0", "0");
}

#[test]
fn a_fee_of_the_bought_asset_is_bought_too() {
    let mut carry = Carry::sent("", |exchanges| exchanges[SPOT].fee_asset = None);
    carry.both_fill("1");
    carry.run(2_000);
    // A thousandth of one went as the fee: 0.1 USDT, which the exchange does not take as an order.
    assert_eq!(carry.held(), held("0.999", "-1"));
    assert!(carry.status().starts_with("opened"), "{}", carry.status());
    carry.check();
}

/// An account without any other of the base asset closes what it holds, which is less than what was meant; and what is left over
/// does not keep the next from being opened.
#[test]
fn what_a_fee_took_is_neither_needed_to_close_nor_in_the_way_of_the_next() {
    // A thousandth of 0.06 is less than the step of either market.
    let mut carry = Carry::new("order_amount = 0.06", |exchanges| {
        exchanges[SPOT].fee_asset = None;
        exchanges[SPOT].balances.insert(Asset::new("BTC"), Amount::ZERO);
    });
    for round in 1..=2 {
        for (moves, stands) in [(Carry::apart as fn(&mut Carry), "opened"), (Carry::together, "closed")] {
            moves(&mut carry);
            carry.until_open(SPOT);
            for at in [SPOT, PERP] {
                let whole = carry.exchanges[at].orders[&carry.open(at)].quantity.to_string();
                carry.fills(at, &whole);
            }
            carry.run(2_000);
            assert!(carry.status().starts_with(stands), "{round}: {}", carry.status());
        }
    }
    carry.check();
}

#[test]
fn what_the_exchange_closes_of_the_perpetual_is_sold_in_spot() {
    let mut carry = Carry::opened("");
    carry.is_liquidated("0.7");
    carry.run(1_500);
    carry.has_told("the exchange has closed 0.7 of the perpetual leg (liquidation)");
    assert_eq!(carry.open_at(SPOT), (Side::Sell, Decimal::new(7, 1)));
    carry.fills(SPOT, "0.7");
    carry.ends_with("0.3", "-0.3");
}

#[test]
fn a_restart_goes_on_with_what_both_legs_have() {
    let mut carry = Carry::opened("").crash();
    carry.has_told("an earlier run left 1 in spot and -1 in the perpetual: 1 is kept open");
    assert_eq!(carry.placements(), [1, 1], "{}", carry.status());
    carry.together();
    carry.run(1_000);
    carry.both_fill("1");
    carry.ends_with("0", "0");
}

#[test]
fn a_restart_between_the_legs_undoes_the_one_that_was_filled() {
    let mut carry = Carry::sent("", |_| {});
    carry.fills(SPOT, "1");
    carry.fills(PERP, "0");
    let mut carry = carry.crash();
    carry.run(1_500);
    assert_eq!(carry.open_at(SPOT), (Side::Sell, Decimal::ONE));
    carry.fills(SPOT, "1");
    carry.ends_with("0", "0");
}

#[test]
fn nothing_is_sent_for_one_leg_where_the_other_cannot_be_paid_for() {
    let mut carry = Carry::new("", |exchanges| {
        exchanges[PERP].perp.as_mut().unwrap().available = Decimal::from(10);
    });
    carry.apart();
    carry.run(3_000);
    assert_eq!(carry.placements(), [0, 0]);
    carry.has_told("USDT are needed at perp, and 10 are free");
    let mut carry = Carry::new("", |exchanges| {
        exchanges[SPOT]
            .balances
            .insert(Asset::new("USDT"), Amount(Decimal::from(50)));
    });
    carry.apart();
    carry.run(3_000);
    assert_eq!(carry.placements(), [0, 0]);
    carry.has_told("USDT are needed at spot, and 50 are free");
}

#[test]
fn a_position_that_somebody_else_opened_is_not_touched() {
    let mut carry = Carry::new("", |_| {});
    let now = carry.now();
    let other = carry.exchanges[PERP].trade_by_itself(FillCause::Order, Side::Sell, 100, "2", now);
    carry.deliver(PERP, 0, Delivery::Event(other.into()));
    carry.apart();
    carry.run(5_000);
    assert_eq!(carry.placements(), [0, 0]);
    carry.has_told("the account holds -2 of BTC-USDT at perp, and 0 by this bot's orders");
}

/// A run that begins between the liquidation and what it makes necessary does that, and opens again afterwards.
#[test]
fn what_was_forced_to_close_is_gone_on_with_after_a_restart_and_opened_again() {
    let mut carry = Carry::opened("");
    carry.is_liquidated("0.7");
    carry.run(1_500);
    let mut carry = carry.crash();
    carry.until_open(SPOT);
    assert_eq!(carry.open_at(SPOT), (Side::Sell, Decimal::new(7, 1)));
    carry.fills(SPOT, "0.7");
    carry.run(1_000);
    assert_eq!(carry.held(), held("0.3", "-0.3"));
    carry.together();
    carry.run(1_000);
    carry.both_fill("0.3");
    carry.run(1_000);
    assert_eq!(carry.held(), held("0", "0"));
    carry.apart();
    carry.run(25_000);
    carry.both_fill("1");
    carry.run(1_000);
    assert!(carry.status().starts_with("opened"), "{}", carry.status());
    assert_eq!(carry.held(), held("1", "-1"));
    carry.check();
}
