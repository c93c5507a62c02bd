//! A small reproducible generator: xoshiro256** by Blackman and Vigna, seeded through splitmix64.
//!
//! Not for secrets. Source of both: <https://prng.di.unimi.it/>.

/// A stream of pseudo-random numbers that depends on its seed alone.
#[derive(Debug, Clone)]
pub struct Prng {
    state: [u64; 4],
}

impl Prng {
    /// A generator for a seed; any seed will do.
    pub fn new(seed: u64) -> Self {
        let mut mixed = seed;
        let state = std::array::from_fn(|_| {
            mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = mixed;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        });
        Self { state }
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        let result = self.state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = self.state[1] << 17;
        self.state[2] ^= self.state[0];
        self.state[3] ^= self.state[1];
        self.state[1] ^= self.state[2];
        self.state[0] ^= self.state[3];
        self.state[2] ^= shifted;
        self.state[3] = self.state[3].rotate_left(45);
        result
    }

    /// A number from 0 up to but without `bound`; 0 when `bound` is 0. The bias is below `bound` / 2^64.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// True in `parts` of a million cases.
    pub fn chance_per_million(&mut self, parts: u64) -> bool {
        self.below(1_000_000) < parts
    }

    /// Nearly normal with mean 0 and standard deviation `deviation`: the sum of twelve uniform numbers.
    pub fn normal(&mut self, deviation: i64) -> i64 {
        const ONE: i128 = 1 << 32;
        let sum: i128 = (0..12).map(|_| i128::from(self.bits() >> 32)).sum::<i128>() - 6 * ONE;
        (sum * i128::from(deviation) / ONE) as i64
    }

    /// `length` letters and digits, as the exchange generates for orders that came without a name.
    pub fn name(&mut self, length: usize) -> String {
        const LETTERS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        (0..length)
            .map(|_| char::from(LETTERS[self.below(LETTERS.len() as u64) as usize]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_and_the_spread_is_as_asked() {
        let mut one = Prng::new(7);
        let mut same = Prng::new(7);
        assert!((0..100).all(|_| one.bits() == same.bits()));
        let draws: Vec<i64> = (0..10_000).map(|_| one.normal(1_000)).collect();
        let mean = draws.iter().sum::<i64>() / 10_000;
        let variance = draws.iter().map(|draw| draw * draw).sum::<i64>() / 10_000;
        assert!(mean.abs() < 40, "{mean}");
        assert!((900_000..1_100_000).contains(&variance), "{variance}");
        assert!((0..1_000).all(|_| one.below(3) < 3));
    }
}
