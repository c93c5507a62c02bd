//! The grid of a book's prices, and the division that maps a price to its tick.

use colibri_model::{Exponents, Instrument, Price};

/// The highest price mantissa: the sums and differences of ticks in a book have room below it.
pub(crate) const MOST_PRICE: i64 = 1 << 61;

/// How many price mantissa units one tick is. Dividing is multiplying by the inverse of the odd part modulo 2^64 and turning
/// the bits of the even part to the top: a multiple gives its quotient, and everything else gives more than any quotient, so
/// that one comparison tells a price from what is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    step: i64,
    shift: u32,
    inverse: u64,
    /// The tick of the highest price.
    most: u64,
}

impl Grid {
    /// Every mantissa is a tick.
    pub const UNIT: Grid = Grid::new(1);

    /// A tick of `step` mantissa units; [`Grid::UNIT`] where `step` is below one.
    #[must_use]
    pub const fn new(step: i64) -> Grid {
        let step = if step < 1 { 1 } else { step };
        let shift = step.trailing_zeros();
        let odd = (step >> shift) as u64;
        // Newton's iteration for the inverse of an odd number modulo 2^64: each step doubles the correct bits.
        let mut inverse = odd;
        let mut round = 0;
        while round < 5 {
            inverse = inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
            round += 1;
        }
        Grid {
            step,
            shift,
            inverse,
            most: (MOST_PRICE / step) as u64,
        }
    }

    /// The grid of an instrument: its price tick in mantissa units, or every mantissa where it has none or one that does
    /// not fit. (A tick that the exchange has refined shows as a price between two of it, and the book refines its grid.)
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

    /// The tick of a price mantissa; `None` where it is no price of the grid: between ticks, not positive, or above 2^61.
    #[inline]
    #[must_use]
    pub const fn tick(self, price: i64) -> Option<i64> {
        let tick = (price as u64).wrapping_mul(self.inverse).rotate_right(self.shift);
        if tick.wrapping_sub(1) < self.most {
            Some(tick as i64)
        } else {
            None
        }
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
    use super::{Grid, MOST_PRICE};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn divides_as_division_does(
            step in prop_oneof![1i64..10_000_000, any::<i64>(), (0u32..62).prop_map(|bits| 1 << bits)],
            price in any::<i64>(),
            near in any::<i32>(),
        ) {
            let grid = Grid::new(step);
            let step = step.max(1);
            let multiple = i64::from(near).saturating_mul(step);
            let edge = MOST_PRICE / step * step;
            let prices = [price, multiple, multiple.saturating_add(1), 0, 1, step, -step, edge, edge.saturating_add(step)];
            for price in prices.into_iter().chain([MOST_PRICE, MOST_PRICE + 1, i64::MIN, i64::MAX]) {
                let is_price = (1..=MOST_PRICE).contains(&price) && price % step == 0;
                prop_assert_eq!(grid.tick(price), is_price.then(|| price / step), "{} of {}", price, step);
            }
        }
    }
}
