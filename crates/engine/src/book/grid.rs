//! The grid of a book's prices, and the division that maps a price to its tick.

use colibri_model::{Exponents, Instrument, Price};

/// How many price mantissa units one tick is. Dividing is multiplying by the inverse modulo 2^64: exact for multiples, and
/// what is no multiple is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    step: i64,
    shift: u32,
    inverse: i64,
}

impl Grid {
    /// Every mantissa is a tick.
    pub const UNIT: Grid = Grid {
        step: 1,
        shift: 0,
        inverse: 1,
    };

    /// A tick of `step` mantissa units; [`Grid::UNIT`] where `step` is below one.
    #[must_use]
    pub const fn new(step: i64) -> Grid {
        if step < 1 {
            return Grid::UNIT;
        }
        let shift = step.trailing_zeros();
        let odd = step >> shift;
        // Newton's iteration for the inverse of an odd number modulo 2^64: each step doubles the correct bits.
        let mut inverse = odd;
        let mut round = 0;
        while round < 5 {
            inverse = inverse.wrapping_mul(2i64.wrapping_sub(odd.wrapping_mul(inverse)));
            round += 1;
        }
        Grid { step, shift, inverse }
    }

    /// The grid of an instrument: its price tick in mantissa units, or every mantissa where it has none or one that does
    /// not fit. (A tick that the exchange refines shows as an off-grid price, and the book is made anew.)
    #[must_use]
    pub fn of(instrument: &Instrument) -> Grid {
        let step = instrument
            .rule
            .price_tick
            .filter(Price::is_positive)
            .and_then(|tick| instrument.exponents.price_mantissa(tick).ok());
        Grid::new(step.unwrap_or(1))
    }

    /// Mantissa units a tick.
    #[must_use]
    pub const fn step(self) -> i64 {
        self.step
    }

    /// The tick of a price mantissa; `None` between ticks.
    #[inline]
    #[must_use]
    pub fn tick(self, price: i64) -> Option<i64> {
        let tick = (price >> self.shift).wrapping_mul(self.inverse);
        (tick.checked_mul(self.step) == Some(price)).then_some(tick)
    }

    /// The price mantissa of a tick.
    #[inline]
    #[must_use]
    pub const fn price(self, tick: i64) -> i64 {
        tick.wrapping_mul(self.step)
    }

    /// The price of a tick.
    #[must_use]
    pub fn price_at(self, tick: i64, exponents: Exponents) -> Price {
        exponents.price(self.price(tick))
    }
}

#[cfg(test)]
mod tests {
    use super::Grid;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn divides_as_division_does(step in 1i64..10_000_000, price in any::<i64>(), near in any::<i32>()) {
            let grid = Grid::new(step);
            for price in [price, i64::from(near) * step, i64::from(near) * step + 1, 0] {
                let expected = (price % step == 0).then_some(price / step);
                prop_assert_eq!(grid.tick(price), expected);
            }
        }
    }
}
