//! The sequence rules, and the keeper against an ordered map.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[path = "keeper_bounds_tests.rs"]
mod bounds;

const EXPONENTS: Exponents = Exponents {
    price: -2,
    quantity: -3,
};

fn keeper(rule: BookRule) -> BookKeeper {
    let manifest = match rule {
        BookRule::Snapshots => BookManifest::by_stream(rule, 100),
        _ => BookManifest::by_request(rule, 100),
    };
    BookKeeper::new(&manifest, EXPONENTS, Grid::UNIT)
}

/// Of an exchange whose stream begins with a snapshot.
fn streamed(rule: BookRule) -> BookKeeper {
    BookKeeper::new(&BookManifest::by_stream(rule, 100), EXPONENTS, Grid::UNIT)
}

struct Update {
    flags: u32,
    ids: (u64, u64),
    previous: u64,
    bids: Vec<Level>,
    asks: Vec<Level>,
    checksum: u32,
    exchange_ns: i64,
}

fn levels(pairs: &[(i64, i64)]) -> Vec<Level> {
    pairs
        .iter()
        .map(|&(price, quantity)| Level { price, quantity })
        .collect()
}

fn diff(first: u64, last: u64, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> Update {
    Update {
        flags: book_flag::RANGE_IDS,
        ids: (first, last),
        previous: 0,
        bids: levels(bids),
        asks: levels(asks),
        checksum: 0,
        exchange_ns: 0,
    }
}

fn snapshot(last: u64, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> Update {
    Update {
        flags: book_flag::RANGE_IDS | book_flag::SNAPSHOT,
        ..diff(last, last, bids, asks)
    }
}

fn apply(keeper: &mut BookKeeper, update: &Update) -> BookChange {
    apply_at(keeper, update, MonoNs(1))
}

fn apply_at(keeper: &mut BookKeeper, update: &Update, now: MonoNs) -> BookChange {
    let batch = BookBatch {
        instrument: 1,
        flags: update.flags,
        first_id: update.ids.0,
        last_id: update.ids.1,
        previous_id: update.previous,
        exchange_ns: update.exchange_ns,
        checksum: update.checksum,
        price_exponent: EXPONENTS.price,
        quantity_exponent: EXPONENTS.quantity,
        reserved: 0,
        bids: update.bids.as_slice().into(),
        asks: update.asks.as_slice().into(),
        ext: [0; 4],
    };
    keeper.apply(&batch, now)
}

#[test]
fn overlap_buffers_drops_the_old_and_keeps_the_first_that_overlaps() {
    let mut keeper = keeper(BookRule::Overlap);
    assert!(keeper.wants_snapshot());
    assert_eq!(apply(&mut keeper, &diff(90, 95, &[(90, 1)], &[])), BookChange::Buffered);
    assert_eq!(
        apply(&mut keeper, &diff(96, 105, &[(91, 7)], &[])),
        BookChange::Buffered
    );
    assert_eq!(
        apply(&mut keeper, &diff(106, 107, &[], &[(110, 9)])),
        BookChange::Buffered
    );
    let change = apply(&mut keeper, &snapshot(100, &[(90, 5)], &[(110, 5)]));
    assert_eq!(change, BookChange::Synchronized);
    let book = keeper.book().unwrap();
    assert_eq!(
        book.raw_levels(Side::Buy).collect::<Vec<_>>(),
        levels(&[(91, 7), (90, 5)])
    );
    assert_eq!(book.raw_levels(Side::Sell).collect::<Vec<_>>(), levels(&[(110, 9)]));
    assert_eq!(keeper.last_id(), 107);
}

#[test]
fn the_snapshot_may_end_right_before_the_first_update() {
    let mut keeper = keeper(BookRule::Overlap);
    apply(&mut keeper, &diff(101, 103, &[(91, 7)], &[]));
    assert_eq!(apply(&mut keeper, &snapshot(100, &[], &[])), BookChange::Synchronized);
    assert_eq!(keeper.last_id(), 103);
}

#[test]
fn a_snapshot_before_the_first_update_is_asked_for_again() {
    let mut keeper = keeper(BookRule::Overlap);
    apply(&mut keeper, &diff(105, 106, &[(91, 7)], &[]));
    let change = apply(&mut keeper, &snapshot(100, &[], &[]));
    assert_eq!(
        change,
        BookChange::Dropped(BookFault::SnapshotTooOld {
            snapshot: 100,
            first: 105
        })
    );
    assert!(keeper.wants_snapshot() && keeper.book().is_none());
    assert_eq!(
        apply(&mut keeper, &snapshot(104, &[], &[])),
        BookChange::Synchronized,
        "what was buffered stayed"
    );
    assert_eq!(keeper.last_id(), 106);
}

#[test]
fn old_updates_are_ignored_and_a_gap_drops_the_book() {
    let mut keeper = keeper(BookRule::Overlap);
    apply(&mut keeper, &snapshot(100, &[(90, 5)], &[(110, 5)]));
    assert_eq!(apply(&mut keeper, &diff(99, 100, &[(90, 1)], &[])), BookChange::Ignored);
    assert_eq!(
        apply(&mut keeper, &diff(99, 102, &[(89, 1)], &[])),
        BookChange::Applied,
        "overlaps"
    );
    let change = apply(&mut keeper, &diff(104, 105, &[(88, 1)], &[]));
    assert_eq!(
        change,
        BookChange::Dropped(BookFault::Gap {
            expected: 103,
            first: 104
        })
    );
    assert!(keeper.book().is_none() && keeper.wants_snapshot());
    assert_eq!(
        apply(&mut keeper, &snapshot(104, &[(90, 5)], &[])),
        BookChange::Synchronized
    );
    assert_eq!(
        keeper.book().unwrap().len(Side::Buy),
        2,
        "the update after the gap was kept"
    );
    assert_eq!(keeper.drops(), 1);
}

#[test]
fn previous_ids_chain() {
    let mut keeper = keeper(BookRule::Previous);
    let chained = |previous, first, last| Update {
        flags: book_flag::RANGE_IDS | book_flag::PREVIOUS_ID,
        previous,
        ..diff(first, last, &[(90, 1)], &[])
    };
    apply(&mut keeper, &snapshot(100, &[], &[(110, 5)]));
    assert_eq!(
        apply(&mut keeper, &chained(95, 97, 103)),
        BookChange::Applied,
        "overlaps the snapshot"
    );
    assert_eq!(apply(&mut keeper, &chained(103, 107, 109)), BookChange::Applied);
    assert_eq!(
        apply(&mut keeper, &chained(108, 110, 111)),
        BookChange::Dropped(BookFault::Chain {
            previous: 108,
            local: 109
        })
    );
}

#[test]
fn next_ids_rise_by_one_and_snapshots_replace() {
    let mut next = keeper(BookRule::Next);
    apply(&mut next, &snapshot(7, &[], &[]));
    assert_eq!(apply(&mut next, &diff(8, 8, &[(90, 1)], &[])), BookChange::Applied);
    assert!(matches!(
        apply(&mut next, &diff(10, 10, &[], &[])),
        BookChange::Dropped(BookFault::Gap { .. })
    ));

    let mut whole = keeper(BookRule::Snapshots);
    assert_eq!(
        apply(&mut whole, &snapshot(0, &[(90, 1)], &[(95, 1)])),
        BookChange::Synchronized
    );
    assert_eq!(
        apply(&mut whole, &snapshot(0, &[(91, 1)], &[(95, 1)])),
        BookChange::Applied
    );
    assert_eq!(whole.book().unwrap().len(Side::Buy), 1);
}

#[test]
fn doubt_drops_the_book() {
    let mut keeper = keeper(BookRule::Overlap);
    let start = snapshot(1, &[(90, 5)], &[(110, 5)]);
    for (bad, told) in [
        (diff(2, 2, &[(110, 1)], &[]), BookFault::Crossed { bid: 110, ask: 110 }),
        (
            diff(2, 2, &[(91, -1)], &[]),
            BookFault::NegativeQuantity {
                price: 91,
                quantity: -1,
            },
        ),
        (diff(3, 2, &[], &[]), BookFault::MissingIds),
        (
            Update {
                flags: 0,
                ..diff(2, 2, &[], &[])
            },
            BookFault::MissingIds,
        ),
        (
            Update {
                flags: 64 | book_flag::RANGE_IDS,
                ..diff(2, 2, &[], &[])
            },
            BookFault::UnknownFlags(64),
        ),
    ] {
        keeper.drop_book(BookFault::StreamDown);
        assert_eq!(apply(&mut keeper, &start), BookChange::Synchronized);
        assert_eq!(apply(&mut keeper, &bad), BookChange::Dropped(told));
        assert!(keeper.book().is_none());
    }
}

fn chained(previous: u64, id: u64, bids: &[(i64, i64)]) -> Update {
    Update {
        flags: book_flag::RANGE_IDS | book_flag::PREVIOUS_ID,
        previous,
        ..diff(id, id, bids, &[])
    }
}

/// OKX: one id an update, `previous` names the one before; a keep-alive repeats the id, maintenance sets it back.
#[test]
fn previous_ids_chain_over_a_keep_alive_and_a_reset() {
    let mut keeper = streamed(BookRule::Previous);
    assert_eq!(
        apply(&mut keeper, &snapshot(100, &[(90, 1)], &[(110, 5)])),
        BookChange::Synchronized
    );
    assert_eq!(apply(&mut keeper, &chained(100, 107, &[(91, 1)])), BookChange::Applied);
    assert_eq!(
        apply(&mut keeper, &chained(107, 107, &[])),
        BookChange::Applied,
        "nothing has changed"
    );
    assert_eq!(
        apply(&mut keeper, &chained(107, 3, &[(92, 1)])),
        BookChange::Applied,
        "the exchange starts anew"
    );
    assert_eq!(apply(&mut keeper, &chained(3, 5, &[])), BookChange::Applied);
    assert_eq!(apply(&mut keeper, &chained(2, 4, &[])), BookChange::Ignored, "old");
    assert!(matches!(
        apply(&mut keeper, &chained(6, 7, &[])),
        BookChange::Dropped(BookFault::Chain { previous: 6, local: 5 })
    ));
    assert_eq!(keeper.snapshot_wanted(), SnapshotWanted::Subscription);
    assert_eq!(
        apply(&mut keeper, &chained(7, 8, &[])),
        BookChange::Ignored,
        "not before a snapshot"
    );
    assert_eq!(
        apply(&mut keeper, &snapshot(9, &[(90, 1)], &[])),
        BookChange::Synchronized
    );
}

/// OKX where a snapshot is asked for: the first update must have `previous <= snapshot < id`.
#[test]
fn previous_ids_join_a_snapshot_that_was_asked_for() {
    let mut keeper = keeper(BookRule::Previous);
    for (previous, id, price) in [(90, 95, 80), (95, 103, 81), (103, 110, 82)] {
        assert_eq!(
            apply(&mut keeper, &chained(previous, id, &[(price, 1)])),
            BookChange::Buffered
        );
    }
    assert_eq!(
        apply(&mut keeper, &snapshot(89, &[], &[])),
        BookChange::Dropped(BookFault::SnapshotTooOld {
            snapshot: 89,
            first: 95
        })
    );
    assert_eq!(keeper.snapshot_wanted(), SnapshotWanted::Request);
    assert_eq!(
        apply(&mut keeper, &snapshot(100, &[], &[(110, 1)])),
        BookChange::Synchronized,
        "the rest was kept"
    );
    assert_eq!(keeper.last_id(), 110);
    assert_eq!(
        keeper.book().unwrap().raw_levels(Side::Buy).collect::<Vec<_>>(),
        levels(&[(82, 1), (81, 1)])
    );
}

/// Bybit: ids rise by one, the stream begins with a snapshot, and any later snapshot replaces the book, whatever its id.
#[test]
fn a_stream_may_begin_again_by_itself() {
    let mut keeper = streamed(BookRule::Next);
    assert_eq!(keeper.snapshot_wanted(), SnapshotWanted::Awaited);
    assert_eq!(apply(&mut keeper, &diff(7, 7, &[(90, 1)], &[])), BookChange::Ignored);
    assert_eq!(
        apply(&mut keeper, &snapshot(8, &[(90, 1)], &[])),
        BookChange::Synchronized
    );
    assert_eq!(apply(&mut keeper, &diff(9, 9, &[(91, 1)], &[])), BookChange::Applied);
    assert_eq!(
        apply(&mut keeper, &snapshot(1, &[(80, 1)], &[])),
        BookChange::Applied,
        "the exchange started anew"
    );
    assert_eq!(keeper.book().unwrap().len(Side::Buy), 1);
    assert_eq!(apply(&mut keeper, &diff(2, 2, &[(81, 1)], &[])), BookChange::Applied);
    assert_eq!(
        apply(&mut keeper, &diff(4, 4, &[], &[])),
        BookChange::Dropped(BookFault::Gap { expected: 3, first: 4 })
    );
    assert_eq!(keeper.snapshot_wanted(), SnapshotWanted::Subscription);
    keeper.drop_book(BookFault::StreamDown);
    assert_eq!(
        keeper.snapshot_wanted(),
        SnapshotWanted::Awaited,
        "the next stream begins with one"
    );
    keeper.snapshot_overdue();
    assert_eq!(keeper.snapshot_wanted(), SnapshotWanted::Subscription);
}

/// Hyperliquid: every message is the whole book, with a time and without ids.
#[test]
fn a_whole_book_that_comes_late_is_not_taken() {
    let mut keeper = keeper(BookRule::Snapshots);
    let at = |seconds: i64, price| Update {
        exchange_ns: seconds * 1_000_000_000,
        ..snapshot(0, &[(price, 1)], &[])
    };
    assert_eq!(apply(&mut keeper, &at(100, 90)), BookChange::Synchronized);
    assert_eq!(apply(&mut keeper, &at(102, 92)), BookChange::Applied);
    assert_eq!(apply(&mut keeper, &at(101, 91)), BookChange::Ignored);
    assert_eq!(keeper.book().unwrap().best_raw(Side::Buy).unwrap().price, 92);
    assert_eq!(
        apply(&mut keeper, &at(60, 60)),
        BookChange::Applied,
        "its clock was set back"
    );
}

#[test]
fn snapshots_that_come_twice_or_late_change_nothing() {
    let mut keeper = keeper(BookRule::Overlap);
    apply(&mut keeper, &diff(101, 103, &[(91, 7)], &[]));
    assert_eq!(
        apply(&mut keeper, &snapshot(102, &[(90, 5)], &[])),
        BookChange::Synchronized
    );
    assert_eq!(
        apply(&mut keeper, &diff(104, 104, &[(92, 1)], &[])),
        BookChange::Applied
    );
    assert_eq!(
        apply(&mut keeper, &snapshot(102, &[(90, 5)], &[])),
        BookChange::Ignored,
        "repeated"
    );
    assert_eq!(
        apply(&mut keeper, &snapshot(104, &[(80, 5)], &[])),
        BookChange::Ignored,
        "lags"
    );
    assert_eq!(keeper.book().unwrap().len(Side::Buy), 3);
    assert_eq!(
        apply(&mut keeper, &snapshot(106, &[(80, 5)], &[])),
        BookChange::Applied,
        "ahead of the stream"
    );
    assert_eq!(
        apply(&mut keeper, &diff(105, 106, &[(70, 1)], &[])),
        BookChange::Ignored
    );
    assert_eq!(
        apply(&mut keeper, &diff(107, 107, &[(81, 1)], &[])),
        BookChange::Applied
    );
    assert_eq!(
        keeper.book().unwrap().raw_levels(Side::Buy).collect::<Vec<_>>(),
        levels(&[(81, 1), (80, 5)])
    );
}

#[test]
fn what_is_behind_is_told() {
    let mut keeper = keeper(BookRule::Overlap);
    let at = |id, sent: i64| Update {
        exchange_ns: sent * 1_000_000,
        ..diff(id, id, &[], &[])
    };
    let ms = |millis: u64| MonoNs(millis * 1_000_000);
    let asked_for = Update {
        exchange_ns: 1,
        ..snapshot(1, &[], &[])
    };
    apply_at(&mut keeper, &asked_for, ms(900));
    apply_at(&mut keeper, &at(2, 50_000), ms(1_000));
    apply_at(&mut keeper, &at(3, 51_000), ms(2_000));
    assert_eq!(keeper.behind(), Millis(0));
    apply_at(&mut keeper, &at(4, 51_100), ms(9_000));
    assert_eq!(keeper.behind(), Millis(6_900));
    apply_at(&mut keeper, &at(5, 58_000), ms(9_001));
    assert_eq!(keeper.behind(), Millis(1));
    apply_at(&mut keeper, &at(6, 51_000), ms(9_002));
    keeper.drop_book(BookFault::StreamDown);
    assert_eq!(keeper.behind(), Millis(0), "another connection is judged by itself");
}

proptest! {
    /// Whatever part of the stream was buffered, and wherever the snapshot was taken, the book is that of an ordered map.
    #[test]
    fn a_book_is_the_sum_of_its_updates(
        steps in proptest::collection::vec((1u64..4, 0i64..40, 0i64..5, 0i64..40, 0i64..5), 2..60),
        taken in 0usize..60, arrives in 0usize..60,
    ) {
        let taken = taken.min(steps.len() - 1);
        let arrives = arrives.clamp(taken, steps.len() - 1);
        let mut keeper = keeper(BookRule::Overlap);
        let (mut bids, mut asks) = (BTreeMap::new(), BTreeMap::new());
        let mut id = 0;
        let mut held = None;
        for (index, &(ids, bid, bid_quantity, ask, ask_quantity)) in steps.iter().enumerate() {
            let update = diff(id + 1, id + ids, &[(1000 - bid, bid_quantity)], &[(1001 + ask, ask_quantity)]);
            id += ids;
            for (side, level) in [(&mut bids, update.bids[0]), (&mut asks, update.asks[0])] {
                if level.quantity == 0 { side.remove(&level.price); } else { side.insert(level.price, level.quantity); }
            }
            apply(&mut keeper, &update);
            let pairs = |side: &BTreeMap<i64, i64>| side.iter().map(|(&p, &q)| (p, q)).collect::<Vec<_>>();
            if index == taken {
                held = Some(snapshot(id, &pairs(&bids), &pairs(&asks)));
            }
            if index == arrives {
                prop_assert_eq!(apply(&mut keeper, held.as_ref().unwrap()), BookChange::Synchronized);
            }
        }
        let book = keeper.book().unwrap();
        let expected: Vec<_> = bids.iter().rev().map(|(&price, &quantity)| Level { price, quantity }).collect();
        prop_assert_eq!(book.raw_levels(Side::Buy).collect::<Vec<_>>(), expected);
        let expected: Vec<_> = asks.iter().map(|(&price, &quantity)| Level { price, quantity }).collect();
        prop_assert_eq!(book.raw_levels(Side::Sell).collect::<Vec<_>>(), expected);
    }
}
