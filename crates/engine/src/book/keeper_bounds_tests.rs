//! What a book and its buffer may hold.

use super::*;
use crate::book::buffer::{MOST_LEVELS as BUFFERED_LEVELS, MOST_UPDATES as BUFFERED_UPDATES};

#[test]
fn a_book_is_bounded() {
    let mut keeper = keeper(BookRule::Overlap);
    let row = |from: i64, count: usize| (0..count).map(|i| (from + i as i64, 1)).collect::<Vec<_>>();
    let whole = row(1, MOST_LEVELS);
    assert_eq!(apply(&mut keeper, &snapshot(1, &whole, &[])), BookChange::Synchronized);
    let over = MOST_LEVELS + 1;
    assert_eq!(
        apply(&mut keeper, &diff(2, 2, &row(1_000_000, 1), &[])),
        BookChange::Dropped(BookFault::TooManyLevels { levels: over })
    );
    assert_eq!(
        apply(&mut keeper, &snapshot(3, &[], &row(1, over))),
        BookChange::Dropped(BookFault::TooManyLevels { levels: over })
    );
    assert!(keeper.book().is_none());
}

#[test]
fn what_is_pushed_below_the_depth_of_the_stream_is_forgotten() {
    let manifest = BookManifest {
        stream_depth: Some(3),
        ..BookManifest::by_stream(BookRule::Next, 3)
    };
    let mut keeper = BookKeeper::new(&manifest, EXPONENTS, Grid::UNIT);
    apply(
        &mut keeper,
        &snapshot(1, &[(90, 1), (89, 1), (88, 1)], &[(95, 1), (96, 1), (97, 1)]),
    );
    apply(&mut keeper, &diff(2, 2, &[(91, 1)], &[(94, 1)]));
    apply(&mut keeper, &diff(3, 3, &[(91, 0), (87, 1)], &[]));
    let book = keeper.book().unwrap();
    assert_eq!(
        book.raw_levels(Side::Buy).collect::<Vec<_>>(),
        levels(&[(90, 1), (89, 1), (87, 1)])
    );
    assert_eq!(
        book.raw_levels(Side::Sell).collect::<Vec<_>>(),
        levels(&[(94, 1), (95, 1), (96, 1)])
    );
}

#[test]
fn the_room_of_a_burst_is_given_back() {
    let mut keeper = keeper(BookRule::Overlap);
    let many: Vec<_> = (1..=1_000).map(|price| (price, 1)).collect();
    let mut id = 0;
    let over = loop {
        id += 1;
        match apply(&mut keeper, &diff(id, id, &many, &[])) {
            BookChange::Buffered => {}
            change => break change,
        }
    };
    let updates = BUFFERED_LEVELS / many.len();
    assert_eq!(over, BookChange::Dropped(BookFault::BufferFull { updates }));
    assert_eq!(keeper.snapshot_wanted(), SnapshotWanted::Request);
    let (updates, levels) = keeper.buffer.room();
    assert!(updates <= 64 && levels <= 8_192, "{updates} {levels}");
    // What comes next is buffered again, and joined to the snapshot that is asked for then.
    assert_eq!(
        apply(&mut keeper, &diff(id + 1, id + 1, &[(5, 5)], &[])),
        BookChange::Buffered
    );
    assert!(matches!(
        apply(&mut keeper, &snapshot(id - 2, &[], &[])),
        BookChange::Dropped(BookFault::SnapshotTooOld { .. })
    ));
    assert_eq!(apply(&mut keeper, &snapshot(id, &[], &[])), BookChange::Synchronized);
    assert_eq!(keeper.last_id(), id + 1);
}

#[test]
fn the_buffer_is_bounded() {
    let mut keeper = keeper(BookRule::Overlap);
    for id in 1..=BUFFERED_UPDATES as u64 {
        assert_eq!(apply(&mut keeper, &diff(id, id, &[], &[])), BookChange::Buffered);
    }
    let over = apply(&mut keeper, &diff(9_999, 9_999, &[], &[]));
    assert_eq!(
        over,
        BookChange::Dropped(BookFault::BufferFull {
            updates: BUFFERED_UPDATES
        })
    );
}
