//! The ladder against an ordered map, and what it keeps of room.

use super::*;
use proptest::prelude::*;

fn same(ladder: &Ladder, model: &BTreeMap<i64, i64>) -> Result<(), TestCaseError> {
    let expected: Vec<_> = model.iter().rev().map(|(&k, &q)| (k, q)).collect();
    prop_assert_eq!(ladder.levels().collect::<Vec<_>>(), expected.clone());
    prop_assert_eq!(ladder.best(), expected.first().copied());
    prop_assert_eq!(ladder.len(), expected.len());
    Ok(())
}

/// Keys that cluster, wander and jump, so that the window moves both ways and the overflow is used.
fn key() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 1_000_000i64..1_000_200,
        2 => 960_000i64..1_040_000,
        1 => 1i64..4_000_000_000,
        1 => prop_oneof![Just(1), Just(1 << 61), Just(-1), Just(-(1i64 << 61))],
    ]
}

fn level(key: i64, quantity: i64) -> Level {
    Level { price: key, quantity }
}

fn set_all(ladder: &mut Ladder, levels: &[Level]) {
    assert_eq!(ladder.set_all(levels, |level| Some(level.price)), Ok(()));
}

/// Batches of levels; half of them come from the best on, as exchanges send them.
fn batches() -> impl Strategy<Value = Vec<Vec<(i64, i64)>>> {
    let quantity = prop_oneof![2 => Just(0i64), 3 => 1i64..1000];
    let batch = proptest::collection::vec((key(), quantity), 1..30);
    let batch = (batch, any::<bool>()).prop_map(|(mut batch, sorted)| {
        if sorted {
            batch.sort_by_key(|(key, _)| -key);
        }
        batch
    });
    proptest::collection::vec(batch, 1..40)
}

proptest! {
    #[test]
    fn agrees_with_an_ordered_map(batches in batches()) {
        let (mut ladder, mut model) = (Ladder::new(), BTreeMap::new());
        // One side never mixes signs: bids are positive, asks negated.
        for sign in [1, -1] {
            for batch in &batches {
                let levels = batch.iter().filter(|(key, _)| *key > 0).map(|&(key, quantity)| level(key * sign, quantity));
                let levels: Vec<Level> = levels.collect();
                set_all(&mut ladder, &levels);
                for &Level { price: key, quantity } in &levels {
                    if quantity == 0 { model.remove(&key); } else { model.insert(key, quantity); }
                }
                same(&ladder, &model)?;
                for &Level { price: key, .. } in &levels {
                    for key in [key - 1, key, key + 1] {
                        prop_assert_eq!(ladder.get(key), model.get(&key).copied().unwrap_or(0));
                    }
                }
            }
            ladder.clear();
            model.clear();
            same(&ladder, &model)?;
        }
    }

    #[test]
    fn a_level_without_a_key_stops(before in 0usize..20, after in 0usize..20) {
        let mut ladder = Ladder::new();
        let levels: Vec<Level> = (0..before + 1 + after).map(|at| level(1000 - at as i64, 1)).collect();
        let stop = 1000 - before as i64;
        prop_assert_eq!(ladder.set_all(&levels, |l| (l.price != stop).then_some(l.price)), Err(before));
        prop_assert_eq!(ladder.len(), before);
    }

    #[test]
    fn the_best_are_kept(
        keys in proptest::collection::btree_set(key().prop_map(i64::abs), 1..200),
        most in 0usize..220,
    ) {
        let mut ladder = Ladder::new();
        for &key in &keys {
            set_all(&mut ladder, &[level(key, key)]);
        }
        ladder.truncate(most);
        let expected: Vec<_> = keys.iter().rev().take(most).map(|&k| (k, k)).collect();
        prop_assert_eq!(ladder.levels().collect::<Vec<_>>(), expected);
        prop_assert_eq!(ladder.len(), keys.len().min(most));
    }

    #[test]
    fn removing_from_the_top_visits_every_level(keys in proptest::collection::btree_set(1i64..200_000, 1..300)) {
        let mut ladder = Ladder::new();
        for &key in &keys {
            set_all(&mut ladder, &[level(key, key)]);
        }
        for &key in keys.iter().rev() {
            prop_assert_eq!(ladder.best(), Some((key, key)));
            set_all(&mut ladder, &[level(key, 0)]);
        }
        prop_assert_eq!(ladder.best(), None);
    }
}
/// A market that wanders over the whole range and leaves nothing behind must not keep the room of where it was.
#[test]
fn empty_chunks_are_used_again() {
    let mut ladder = Ladder::new();
    for step in 0..200_000i64 {
        let key = 1_000_000 + step * 7;
        set_all(&mut ladder, &[level(key, 1), level(key - 700, 0)]);
    }
    assert!(ladder.len() <= 101);
    assert!(ladder.quantities.len() <= 2 * FEW, "{} chunks", ladder.quantities.len());
    for step in (0..200_000i64).rev() {
        let key = 1_000_000 + step * 7;
        set_all(&mut ladder, &[level(key + 700, 0), level(key, 1)]);
    }
    assert!(ladder.quantities.len() <= 2 * FEW, "{} chunks", ladder.quantities.len());
}
