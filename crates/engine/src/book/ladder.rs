//! One side of a book as quantities on dense integer keys, the best key being the highest (asks are kept negated).
//!
//! Keys lie in chunks of [`CHUNK`]. A directory says where the chunk of a key is, if it has one: a ring over a window of
//! [`RING`] chunks, in which a chunk's slot is its low bits, so that moving the window moves no chunk that stays inside. Setting
//! a level is two loads and two stores that depend on no guess about what was there before; bitmaps find the next best level.
//! Chunks that have become empty stay until they are met, or until room is wanted. Levels below the window lie in an ordered
//! map; none lies above it, because the window follows the best level.

use std::collections::BTreeMap;

use colibri_abi::Level;

/// Keys in a chunk: as many as a word has bits.
const CHUNK: usize = 64;
const CHUNK_BITS: u32 = CHUNK.trailing_zeros();
/// Chunks in the window: two million ticks, a third of the price of a bitcoin in cents.
const RING: usize = 1 << 15;
const MASK: i64 = RING as i64 - 1;
const WORDS: usize = RING / 64;
const SUMMARY: usize = WORDS / 64;
/// Where the chunk of the best level is put when the window moves: three quarters up, so that it can improve a while.
const PLACE: i64 = RING as i64 / 4 * 3;
/// Below this offset the best level has come so low that the window follows it.
const LOW: i64 = RING as i64 / 4;
/// No key: below every key.
const NONE: i64 = i64::MIN;
/// Chunks that a side may have before those that are empty are looked for: half a mebibyte.
const FEW: usize = 1 << 10;
/// Chunks whose room a cleared side keeps.
const MANY: usize = 1 << 12;

#[derive(Debug, Clone)]
pub(crate) struct Ladder {
    /// By slot: the number of its chunk; zero for none.
    directory: Box<[u16; RING]>,
    /// By slot: which keys of its chunk have a quantity.
    marks: Box<[u64; RING]>,
    /// The slots that have a chunk, which may be empty.
    words: Box<[u64; WORDS]>,
    summary: [u64; SUMMARY],
    /// By the number of a chunk: its quantities, which say nothing where there is no mark. The first is nobody's.
    quantities: Vec<[i64; CHUNK]>,
    /// Numbers of chunks that are nobody's.
    free: Vec<u16>,
    /// With how many chunks those that are empty are looked for.
    sweep_at: usize,
    /// The lowest chunk of the window.
    base: i64,
    /// The highest key with a quantity, always in the window; [`NONE`] for an empty side.
    best: i64,
    /// Levels below the window.
    overflow: BTreeMap<i64, i64>,
}

/// Zeros that are not touched before they are used.
fn zeros<T: Default + Clone, const N: usize>() -> Box<[T; N]> {
    let zeros = vec![T::default(); N].into_boxed_slice();
    zeros.try_into().ok().expect("of that length")
}

impl Ladder {
    pub(crate) fn new() -> Ladder {
        Ladder {
            directory: zeros(),
            marks: zeros(),
            words: zeros(),
            summary: [0; SUMMARY],
            quantities: vec![[0; CHUNK]],
            free: Vec::new(),
            sweep_at: FEW,
            base: 0,
            best: NONE,
            overflow: BTreeMap::new(),
        }
    }

    pub(crate) fn best(&self) -> Option<(i64, i64)> {
        (self.best != NONE).then(|| (self.best, self.quantity(self.best)))
    }

    /// How many levels there are, by counting them.
    pub(crate) fn len(&self) -> usize {
        let slots = std::iter::successors(self.highest_below(RING), |&slot| self.highest_below(slot));
        let in_window: u32 = slots.map(|slot| self.marks[slot].count_ones()).sum();
        in_window as usize + self.overflow.len()
    }

    pub(crate) fn get(&self, key: i64) -> i64 {
        if !self.holds(chunk_of(key)) {
            self.overflow.get(&key).copied().unwrap_or(0)
        } else if self.is_marked(key) {
            self.quantity(key)
        } else {
            0
        }
    }

    /// The quantity of a key of the window that has one.
    #[inline]
    fn quantity(&self, key: i64) -> i64 {
        let number = self.directory[slot_of(chunk_of(key))];
        self.quantities[usize::from(number)][place_of(key)]
    }

    #[inline]
    fn holds(&self, chunk: i64) -> bool {
        (chunk.wrapping_sub(self.base) as u64) < RING as u64
    }

    /// Sets levels in the order given, until one has no key: then its place among them is the error. `key_of` says the key
    /// of a level.
    #[inline]
    pub(crate) fn set_all(&mut self, levels: &[Level], key_of: impl Fn(Level) -> Option<i64>) -> Result<(), usize> {
        let mut at = 0;
        loop {
            at += self.set_easy(&levels[at..], &key_of);
            if self.best != NONE && !self.is_marked(self.best) {
                self.lost_best(self.best);
            }
            let Some(&level) = levels.get(at) else { return Ok(()) };
            let Some(key) = key_of(level) else { return Err(at) };
            self.set(key, level.quantity);
            at += 1;
        }
    }

    /// Sets levels up to the first that lies outside the window or lacks a chunk; returns how many. Whether there was a level
    /// and whether there is one now cannot be guessed, so that nothing branches on it; marks lie close together and
    /// quantities do not, so that those are written and not read. The best may be left without a mark: then it is lost.
    #[inline(always)]
    fn set_easy(&mut self, levels: &[Level], key_of: impl Fn(Level) -> Option<i64>) -> usize {
        if self.best == NONE {
            return 0;
        }
        let (base, mut best) = (self.base, self.best);
        let quantities = &mut self.quantities[..];
        let mut easy = levels.len();
        for (at, &level) in levels.iter().enumerate() {
            let Some(key) = key_of(level) else {
                easy = at;
                break;
            };
            let chunk = chunk_of(key);
            let slot = slot_of(chunk);
            let number = usize::from(self.directory[slot]);
            if chunk.wrapping_sub(base) as u64 >= RING as u64 || number == 0 {
                easy = at;
                break;
            }
            let is = level.quantity != 0;
            let place = place_of(key);
            self.marks[slot] = self.marks[slot] & !(1 << place) | u64::from(is) << place;
            quantities[number][place] = level.quantity;
            if key > best && is {
                best = key;
            }
        }
        self.best = best;
        easy
    }

    #[inline]
    fn is_marked(&self, key: i64) -> bool {
        self.marks[slot_of(chunk_of(key))] >> place_of(key) & 1 != 0
    }

    /// Sets the absolute quantity of a key; zero removes the level.
    fn set(&mut self, key: i64, quantity: i64) {
        let chunk = chunk_of(key);
        if !self.holds(chunk) {
            return self.set_outside(key, quantity);
        }
        let slot = slot_of(chunk);
        if quantity == 0 {
            self.marks[slot] &= !(1 << place_of(key));
            if key == self.best {
                self.lost_best(key);
            }
            return;
        }
        let mut number = usize::from(self.directory[slot]);
        if number == 0 {
            number = self.add_chunk(slot);
        }
        self.marks[slot] |= 1 << place_of(key);
        self.quantities[number][place_of(key)] = quantity;
        self.best = self.best.max(key);
    }

    #[inline(never)]
    fn lost_best(&mut self, key: i64) {
        if let Some(next) = self.drop_to_next_below(key) {
            self.best = next;
            if chunk_of(next) - self.base < LOW && !self.overflow.is_empty() {
                self.recentre(chunk_of(next));
            }
        } else {
            self.best = NONE;
            if let Some((&key, _)) = self.overflow.last_key_value() {
                self.recentre(chunk_of(key));
            }
        }
    }

    #[cold]
    fn set_outside(&mut self, key: i64, quantity: i64) {
        let chunk = chunk_of(key);
        if chunk < self.base && self.best != NONE {
            if quantity == 0 {
                self.overflow.remove(&key);
                return;
            }
            if chunk_of(self.best) - self.base < LOW {
                self.recentre(chunk_of(self.best));
                if self.holds(chunk) {
                    self.set(key, quantity);
                    return;
                }
            }
            self.overflow.insert(key, quantity);
        } else if quantity != 0 {
            // Better than everything that the window covers, or the first level of an empty side.
            self.recentre(chunk);
            self.set(key, quantity);
        }
    }

    /// Gives a slot, which has none, a chunk.
    #[cold]
    #[inline(never)]
    fn add_chunk(&mut self, slot: usize) -> usize {
        if self.free.is_empty() && self.quantities.len() >= self.sweep_at {
            self.sweep();
            self.sweep_at = (2 * (self.quantities.len() - self.free.len())).max(FEW);
        }
        let number = self.free.pop().map_or(self.quantities.len(), usize::from);
        if number == self.quantities.len() {
            self.quantities.push([0; CHUNK]);
        }
        // A slot has one chunk at most, so that numbers end at the ring's length.
        self.directory[slot] = number as u16;
        self.words[slot / 64] |= 1 << (slot % 64);
        self.summary[slot / 4096] |= 1 << (slot / 64 % 64);
        number
    }

    /// Takes an empty chunk from its slot.
    fn free_chunk(&mut self, slot: usize) {
        self.free.push(std::mem::take(&mut self.directory[slot]));
        let word = &mut self.words[slot / 64];
        *word &= !(1 << (slot % 64));
        if *word == 0 {
            self.summary[slot / 4096] &= !(1 << (slot / 64 % 64));
        }
    }

    /// Frees every empty chunk.
    fn sweep(&mut self) {
        let mut slot = self.highest_below(RING);
        while let Some(at) = slot {
            if self.marks[at] == 0 {
                self.free_chunk(at);
            }
            slot = self.highest_below(at);
        }
    }

    /// Moves the window so that the chunk `best` lies at [`PLACE`]. No level is above it.
    #[cold]
    fn recentre(&mut self, best: i64) {
        let base = best.saturating_sub(PLACE);
        let mut slot = self.highest_below(RING);
        while let Some(at) = slot {
            let chunk = self.chunk_at(at);
            if chunk < base {
                let mut marks = std::mem::take(&mut self.marks[at]);
                while marks != 0 {
                    let key = chunk << CHUNK_BITS | i64::from(marks.trailing_zeros());
                    self.overflow.insert(key, self.quantity(key));
                    marks &= marks - 1;
                }
            }
            // An empty one may lie above the new window.
            if self.marks[at] == 0 {
                self.free_chunk(at);
            }
            slot = self.highest_below(at);
        }
        if chunk_of(self.best) < base {
            self.best = NONE;
        }
        self.base = base;
        for (key, quantity) in self.overflow.split_off(&base.saturating_mul(CHUNK as i64)) {
            self.set(key, quantity);
        }
    }

    /// The chunk of the window that a slot is for.
    #[inline]
    fn chunk_at(&self, slot: usize) -> i64 {
        self.base + ((slot as i64).wrapping_sub(self.base) & MASK)
    }

    /// The next key with a quantity below a key of the window, inside the window.
    fn next_below(&self, key: i64) -> Option<i64> {
        let mut chunk = chunk_of(key);
        let mut marks = self.marks[slot_of(chunk)] & ((1 << place_of(key)) - 1);
        while marks == 0 {
            chunk = self.chunk_below(chunk)?;
            marks = self.marks[slot_of(chunk)];
        }
        Some(chunk << CHUNK_BITS | top_bit(marks) as i64)
    }

    /// As [`Ladder::next_below`], and empty chunks on the way are freed.
    fn drop_to_next_below(&mut self, key: i64) -> Option<i64> {
        let mut chunk = chunk_of(key);
        let mut marks = self.marks[slot_of(chunk)] & ((1 << place_of(key)) - 1);
        while marks == 0 {
            let next = self.chunk_below(chunk)?;
            let slot = slot_of(next);
            marks = self.marks[slot];
            if marks == 0 {
                self.free_chunk(slot);
            } else {
                chunk = next;
            }
        }
        Some(chunk << CHUNK_BITS | top_bit(marks) as i64)
    }

    /// The next slot's chunk below a chunk of the window, inside the window.
    fn chunk_below(&self, chunk: i64) -> Option<i64> {
        let slot = slot_of(chunk);
        let found = self
            .highest_below(slot)
            .or_else(|| self.highest_below(RING))
            .filter(|&found| found != slot)?;
        // The ring's distance downwards. A slot of a better chunk comes out below the base.
        let distance = (slot as i64 - found as i64) & MASK;
        (distance <= chunk.wrapping_sub(self.base)).then(|| chunk - distance)
    }

    /// The highest slot with a chunk below `end`.
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
        for _ in most..self.len() {
            if self.overflow.pop_first().is_none()
                && let Some(lowest) = self.lowest()
            {
                self.set(lowest, 0);
            }
        }
    }

    /// The lowest key of the window with a quantity. Empty chunks on the way are freed.
    fn lowest(&mut self) -> Option<i64> {
        loop {
            let begin = slot_of(self.base);
            let slot = self.lowest_from(begin).or_else(|| self.lowest_from(0))?;
            let marks = self.marks[slot];
            if marks != 0 {
                return Some(self.chunk_at(slot) << CHUNK_BITS | i64::from(marks.trailing_zeros()));
            }
            self.free_chunk(slot);
        }
    }

    /// The lowest slot with a chunk at or above `begin`.
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
        while let Some(slot) = self.highest_below(RING) {
            self.marks[slot] = 0;
            self.free_chunk(slot);
        }
        if self.quantities.len() > MANY {
            // What an unusual book took is given back.
            self.quantities.truncate(1);
            self.quantities.shrink_to(FEW);
            self.free.clear();
            self.sweep_at = FEW;
        }
        self.base = 0;
        self.best = NONE;
        self.overflow.clear();
    }

    /// Levels from the best down, as (key, quantity).
    pub(crate) fn levels(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let first = (self.best != NONE).then_some(self.best);
        std::iter::successors(first, |&key| self.next_below(key))
            .map(|key| (key, self.quantity(key)))
            .chain(self.overflow.iter().rev().map(|(&key, &quantity)| (key, quantity)))
    }
}

#[inline]
const fn chunk_of(key: i64) -> i64 {
    key >> CHUNK_BITS
}

#[inline]
const fn place_of(key: i64) -> usize {
    (key & (CHUNK as i64 - 1)) as usize
}

#[inline]
const fn slot_of(chunk: i64) -> usize {
    (chunk & MASK) as usize
}

#[inline]
const fn top_bit(bits: u64) -> usize {
    63 - bits.leading_zeros() as usize
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
