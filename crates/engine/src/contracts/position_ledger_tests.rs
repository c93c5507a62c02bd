//! That a position is the sum of its fills, however they come.

#![allow(clippy::unwrap_used)]
use super::*;
use crate::orders::{FillLedger, Recorded};
use colibri_model::{AccountId, Decimal, Fee, FillCause, FillKey, VenueId};
use proptest::prelude::*;

fn linear() -> Contract {
    Contract::linear(Asset::new("USDT"))
}

fn fill(number: i64, side: Side, position_side: PositionSide, price: i64, quantity: i64) -> Fill {
    Fill {
        key: FillKey {
            account: AccountId::new("a").unwrap(),
            venue: VenueId::new("v").unwrap(),
            pair: "BTC-USDT".parse().unwrap(),
            trade_id: TradeId::new(&number.to_string()).unwrap(),
            side,
        },
        client_id: None,
        exchange_id: None,
        side,
        price: Price(Decimal::from(price)),
        quantity: Quantity(Decimal::from(quantity)),
        fee: Some(Fee {
            asset: Asset::new("USDT"),
            amount: Amount(Decimal::new(quantity, 2)),
        }),
        liquidity: None,
        position_side,
        cause: FillCause::Order,
        // Two of each time.
        exchange_time: WallNs(number / 2),
        local_time: WallNs(0),
    }
}

/// Fills of a history in their order; those of hedge mode never turn a side over.
fn history(steps: &[(bool, bool, i64, i64)]) -> Vec<Fill> {
    let mut held = 0;
    let fills = steps.iter().enumerate().map(|(at, &(buys, hedged, price, quantity))| {
        let number = i64::try_from(at).unwrap() + 1;
        let side = if buys { Side::Buy } else { Side::Sell };
        if !hedged {
            return fill(number, side, PositionSide::Net, price, quantity);
        }
        let closes = !buys && held >= quantity;
        held += if closes { -quantity } else { quantity };
        let side = if closes { Side::Sell } else { Side::Buy };
        fill(number, side, PositionSide::Long, price, quantity)
    });
    fills.collect()
}

fn in_order(fills: &[Fill], contract: &Contract) -> Positions {
    let mut positions = Positions::default();
    for fill in fills {
        let position = positions.of_mut(fill.position_side);
        position.apply(contract, fill.side, fill.price, fill.quantity);
        let fee = fill.fee.as_ref().unwrap();
        position.add_fee(&fee.asset, fee.amount);
    }
    positions
}

proptest! {
    /// Shuffled, told twice, and before or after the contract is known: the position is what the fills in their order make, and
    /// what was told of realised profit adds up to it.
    #[test]
    fn a_position_is_the_sum_of_its_fills_however_they_come(
        steps in prop::collection::vec((any::<bool>(), any::<bool>(), 50i64..150, 1i64..5), 1..40),
        order in prop::collection::vec(any::<prop::sample::Index>(), 80),
        known_after in 0usize..40,
        is_inverse in any::<bool>(),
    ) {
        let contract = if is_inverse {
            Contract::inverse(Decimal::from(100), Asset::new("BTC"))
        } else {
            linear()
        };
        let fills = history(&steps);
        let mut left: Vec<&Fill> = fills.iter().collect();
        let mut told: Vec<&Fill> = Vec::new();
        for index in order {
            if left.is_empty() {
                break;
            }
            told.push(left.swap_remove(index.index(left.len())));
            // Told once more, later or at once.
            told.push(told[index.index(told.len())]);
        }
        told.extend(left);
        let (mut once, mut ledger) = (FillLedger::default(), PositionLedger::default());
        let mut realized = Amount::ZERO;
        for (at, fill) in told.iter().enumerate() {
            if at == known_after {
                ledger.know(&contract);
                realized = ledger.positions().realized();
            }
            if once.record(fill) == Recorded::New {
                realized += ledger.add_fill(fill).realized;
            }
        }
        if told.len() <= known_after {
            ledger.know(&contract);
            realized = ledger.positions().realized();
        }
        prop_assert_eq!(ledger.positions(), &in_order(&fills, &contract));
        prop_assert_eq!(realized, ledger.positions().realized());
        let written = serde_json::to_string(&ledger).unwrap();
        let read: PositionLedger = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(read, ledger);
    }
}

#[test]
fn many_fills_are_settled_and_a_late_one_among_the_youngest_is_counted_in_its_place() {
    let steps: Vec<_> = (0..700).map(|n| (n % 3 != 0, false, 90 + n % 20, 1 + n % 4)).collect();
    let fills = history(&steps);
    let mut ledger = PositionLedger::default();
    ledger.know(&linear());
    let late = fills.len() - 50;
    for (at, fill) in fills.iter().enumerate() {
        if at != late {
            ledger.add_fill(fill);
        }
    }
    ledger.add_fill(&fills[late]);
    assert_eq!(ledger.positions(), &in_order(&fills, &linear()));
    assert_eq!(ledger.youngest.len(), YOUNGEST);
}

#[test]
fn what_was_held_before_counts_at_its_price_and_realises_nothing_by_itself() {
    let (long, price) = (Quantity(Decimal::from(3)), Price(Decimal::from(100)));
    let sold = fill(1, Side::Sell, PositionSide::Net, 110, 1);
    let mut before = PositionLedger::default();
    before.open(PositionSide::Net, long, price);
    before.add_fill(&sold);
    before.know(&linear());
    let mut after = PositionLedger::default();
    after.know(&linear());
    after.add_fill(&sold);
    assert_eq!(after.positions().net.quantity, Quantity(Decimal::NEGATIVE_ONE));
    after.open(PositionSide::Net, long, price);
    assert_eq!(before, after, "whether the contract was known or not");
    let net = &after.positions().net;
    assert_eq!(net.quantity, Quantity(Decimal::TWO));
    assert_eq!(net.realized, Amount(Decimal::TEN), "of the one that was sold");
    assert_eq!(net.entry_price(&linear()), Some(price));
}

#[test]
fn fees_and_funding_survive_a_late_fill() {
    let usdt = Asset::new("USDT");
    let mut ledger = PositionLedger::default();
    ledger.know(&linear());
    ledger.add_fill(&fill(9, Side::Buy, PositionSide::Net, 100, 1));
    ledger.add_funding(PositionSide::Net, &usdt, Amount(Decimal::NEGATIVE_ONE));
    ledger.add_fee(PositionSide::Net, &usdt, Amount(Decimal::ONE));
    ledger.add_fill(&fill(1, Side::Buy, PositionSide::Net, 90, 1));
    let net = &ledger.positions().net;
    assert_eq!(net.funding[&usdt], Amount(Decimal::NEGATIVE_ONE));
    assert_eq!(net.fees[&usdt], Amount(Decimal::new(102, 2)));
}
