//! One side of a book as quantities on dense integer keys, the best key being the highest (asks are kept negated).
//!
//! A window of [`WINDOW`] keys holds the levels near the touch in a ring: a key's slot is its low bits, so that moving the
//! window moves no level that stays inside. A bitmap with a summary finds the next best level. Levels below the window lie
//! in an ordered map; none lies above it, because the window follows the best level.

use std::collections::BTreeMap;

/// Keys in the window: 32,768 ticks, 256 KiB a side, of which only the touched pages are ever mapped.
const WINDOW: usize = 1 << 15;
const MASK: i64 = WINDOW as i64 - 1;
const WORDS: usize = WINDOW / 64;
const SUMMARY: usize = WORDS / 64;
/// Where the best level is put when the window moves: three quarters up, so that it can improve a while.
const PLACE: i64 = WINDOW as i64 / 4 * 3;
/// Below this offset the best level has come so low that the window follows it.
const LOW: i64 = WINDOW as i64 / 4;
/// No key: below every key.
const NONE: i64 = i64::MIN;

#[derive(Debug, Clone)]
pub(crate) struct Ladder {
    quantities: Box<[i64]>,
    words: Box<[u64]>,
    summary: [u64; SUMMARY],
    /// The lowest key of the window.
    base: i64,
    /// The highest key with a quantity, always in the window; [`NONE`] for an empty side.
    best: i64,
    in_window: usize,
    /// Levels below the window.
    overflow: BTreeMap<i64, i64>,
}

impl Ladder {
    pub(crate) fn new() -> Ladder {
        Ladder {
            quantities: vec![0; WINDOW].into_boxed_slice(),
            words: vec![0; WORDS].into_boxed_slice(),
            summary: [0; SUMMARY],
            base: 0,
            best: NONE,
            in_window: 0,
            overflow: BTreeMap::new(),
        }
    }

    pub(crate) fn best(&self) -> Option<(i64, i64)> {
        (self.best != NONE).then(|| (self.best, self.quantities[slot_of(self.best)]))
    }

    pub(crate) fn len(&self) -> usize {
        self.in_window + self.overflow.len()
    }

    pub(crate) fn get(&self, key: i64) -> i64 {
        if self.holds(key) {
            self.quantities[slot_of(key)]
        } else {
            self.overflow.get(&key).copied().unwrap_or(0)
        }
    }

    #[inline]
    fn holds(&self, key: i64) -> bool {
        (key.wrapping_sub(self.base) as u64) < WINDOW as u64
    }

    /// Sets the absolute quantity of a key; zero removes the level.
    #[inline]
    pub(crate) fn set(&mut self, key: i64, quantity: i64) {
        if !self.holds(key) {
            self.set_outside(key, quantity);
            return;
        }
        let slot = slot_of(key);
        let before = std::mem::replace(&mut self.quantities[slot], quantity);
        if quantity != 0 {
            if before == 0 {
                self.words[slot / 64] |= 1 << (slot % 64);
                self.summary[slot / 4096] |= 1 << (slot / 64 % 64);
                self.in_window += 1;
                if key > self.best {
                    self.best = key;
                }
            }
        } else if before != 0 {
            self.unmark(slot);
            if key == self.best {
                self.lost_best(key);
            }
        }
    }

    #[inline]
    fn unmark(&mut self, slot: usize) {
        let word = &mut self.words[slot / 64];
        *word &= !(1 << (slot % 64));
        if *word == 0 {
            self.summary[slot / 4096] &= !(1 << (slot / 64 % 64));
        }
        self.in_window -= 1;
    }

    #[inline]
    fn lost_best(&mut self, key: i64) {
        if let Some(next) = self.next_below(key) {
            self.best = next;
            if next - self.base < LOW && !self.overflow.is_empty() {
                self.recentre(next);
            }
        } else {
            self.best = NONE;
            if let Some((&key, _)) = self.overflow.last_key_value() {
                self.recentre(key);
            }
        }
    }

    #[cold]
    fn set_outside(&mut self, key: i64, quantity: i64) {
        if key < self.base && self.best != NONE {
            if quantity == 0 {
                self.overflow.remove(&key);
                return;
            }
            if self.best - self.base < LOW {
                self.recentre(self.best);
                if self.holds(key) {
                    self.set(key, quantity);
                    return;
                }
            }
            self.overflow.insert(key, quantity);
        } else if quantity != 0 {
            // Better than everything that the window covers, or the first level of an empty side.
            self.recentre(key);
            self.set(key, quantity);
        }
    }

    /// Moves the window so that `best` lies at [`PLACE`]. No level is above `best`.
    #[cold]
    fn recentre(&mut self, best: i64) {
        let base = best.saturating_sub(PLACE);
        let mut key = (self.best != NONE).then_some(self.best);
        while let Some(at) = key {
            key = self.next_below(at);
            if at < base {
                let slot = slot_of(at);
                let quantity = std::mem::take(&mut self.quantities[slot]);
                self.unmark(slot);
                self.overflow.insert(at, quantity);
            }
        }
        if self.in_window == 0 {
            self.best = NONE;
        }
        self.base = base;
        for (key, quantity) in self.overflow.split_off(&base) {
            self.set(key, quantity);
        }
    }

    /// The next key with a quantity below a key of the window, inside the window.
    #[inline]
    fn next_below(&self, key: i64) -> Option<i64> {
        let slot = slot_of(key);
        let found = self
            .highest_below(slot)
            .or_else(|| self.highest_below(WINDOW))
            .filter(|&found| found != slot)?;
        // The ring's distance downwards. A slot of a better level comes out below the base.
        let distance = (slot as i64 - found as i64) & MASK;
        (distance <= key.wrapping_sub(self.base)).then(|| key - distance)
    }

    /// The highest marked slot below `end`.
    #[inline]
    fn highest_below(&self, end: usize) -> Option<usize> {
        let word = end / 64;
        if let Some(bits) = self.words.get(word) {
            let bits = bits & ((1 << (end % 64)) - 1);
            if bits != 0 {
                return Some(word * 64 + top_bit(bits));
            }
        }
        let part = word / 64;
        if let Some(bits) = self.summary.get(part) {
            let bits = bits & ((1 << (word % 64)) - 1);
            if bits != 0 {
                let word = part * 64 + top_bit(bits);
                return Some(word * 64 + top_bit(self.words[word]));
            }
        }
        let part = (0..part.min(SUMMARY)).rev().find(|&p| self.summary[p] != 0)?;
        let word = part * 64 + top_bit(self.summary[part]);
        Some(word * 64 + top_bit(self.words[word]))
    }

    /// Keeps the best `most` levels.
    pub(crate) fn truncate(&mut self, most: usize) {
        while self.len() > most {
            if self.overflow.pop_first().is_some() {
                continue;
            }
            let Some(lowest) = self.lowest() else { return };
            self.set(lowest, 0);
        }
    }

    /// The lowest key of the window.
    fn lowest(&self) -> Option<i64> {
        let begin = slot_of(self.base);
        let slot = self.lowest_from(begin).or_else(|| self.lowest_from(0))?;
        Some(self.base + ((slot as i64 - begin as i64) & MASK))
    }

    /// The lowest marked slot at or above `begin`.
    fn lowest_from(&self, begin: usize) -> Option<usize> {
        let first = begin / 64;
        let bits = self.words[first] & (u64::MAX << (begin % 64));
        if bits != 0 {
            return Some(first * 64 + bits.trailing_zeros() as usize);
        }
        let word = (first + 1..WORDS).find(|&word| self.words[word] != 0)?;
        Some(word * 64 + self.words[word].trailing_zeros() as usize)
    }

    pub(crate) fn clear(&mut self) {
        for (index, word) in self.words.iter_mut().enumerate() {
            while *word != 0 {
                self.quantities[index * 64 + word.trailing_zeros() as usize] = 0;
                *word &= *word - 1;
            }
        }
        self.summary = [0; SUMMARY];
        self.base = 0;
        self.best = NONE;
        self.in_window = 0;
        self.overflow.clear();
    }

    /// Levels from the best down, as (key, quantity).
    pub(crate) fn levels(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let first = (self.best != NONE).then_some(self.best);
        std::iter::successors(first, |&key| self.next_below(key))
            .map(|key| (key, self.quantities[slot_of(key)]))
            .chain(self.overflow.iter().rev().map(|(&key, &quantity)| (key, quantity)))
    }
}

#[inline]
const fn slot_of(key: i64) -> usize {
    (key & MASK) as usize
}

#[inline]
const fn top_bit(bits: u64) -> usize {
    63 - bits.leading_zeros() as usize
}

#[cfg(test)]
mod tests {
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
            1 => prop_oneof![Just(1), Just(i64::MAX), Just(-1), Just(-i64::MAX)],
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_an_ordered_map(steps in proptest::collection::vec((key(), prop_oneof![2 => Just(0i64), 3 => 1i64..1000]), 1..400)) {
            let (mut ladder, mut model) = (Ladder::new(), BTreeMap::new());
            // One side never mixes signs: bids are positive, asks negated.
            for sign in [1, -1] {
                for &(key, quantity) in steps.iter().filter(|(k, _)| k.signum() == 1) {
                    let key = key * sign;
                    ladder.set(key, quantity);
                    if quantity == 0 { model.remove(&key); } else { model.insert(key, quantity); }
                    prop_assert_eq!(ladder.best(), model.last_key_value().map(|(&k, &q)| (k, q)));
                    prop_assert_eq!(ladder.get(key), quantity);
                }
                same(&ladder, &model)?;
                ladder.clear();
                model.clear();
                same(&ladder, &model)?;
            }
        }

        #[test]
        fn the_best_are_kept(
            keys in proptest::collection::btree_set(key().prop_filter("of one sign", |k| *k > 0), 1..200),
            most in 0usize..220,
        ) {
            let mut ladder = Ladder::new();
            for &key in &keys {
                ladder.set(key, key);
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
                ladder.set(key, key);
            }
            for &key in keys.iter().rev() {
                prop_assert_eq!(ladder.best(), Some((key, key)));
                ladder.set(key, 0);
            }
            prop_assert_eq!(ladder.best(), None);
        }
    }
}
