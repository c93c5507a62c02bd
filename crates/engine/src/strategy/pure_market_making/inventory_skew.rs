//! Amounts shifted between the sides so that the inventory moves to its target: Hummingbot's formula.

use colibri_model::Decimal;

/// What each side's amounts are multiplied by: together two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SkewRatios {
    pub(super) bid: Decimal,
    pub(super) ask: Decimal,
}

/// The line through two points, held at its ends.
fn interpolate(x: Decimal, (x0, y0): (Decimal, Decimal), (x1, y1): (Decimal, Decimal)) -> Decimal {
    if x <= x0 || x1 <= x0 {
        y0
    } else if x >= x1 {
        y1
    } else {
        y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    }
}

/// The ratios for holdings of `base` and `quote` at `price`. At the target both are one; `range` (base asset) below it,
/// buys are doubled and nothing is sold; `range` above it, the reverse.
pub(super) fn ratios(base: Decimal, quote: Decimal, price: Decimal, target: Decimal, range: Decimal) -> SkewRatios {
    let base_value = base * price;
    let total = base_value + quote;
    if total <= Decimal::ZERO || range <= Decimal::ZERO {
        return SkewRatios {
            bid: Decimal::ZERO,
            ask: Decimal::ZERO,
        };
    }
    let range_value = (range * price).min(total / Decimal::TWO);
    let target_value = total * target;
    let low = (target_value - range_value).max(Decimal::ZERO);
    let high = target_value + range_value;
    let bid = if base_value < target_value {
        interpolate(base_value, (low, Decimal::TWO), (target_value, Decimal::ONE))
    } else {
        interpolate(base_value, (target_value, Decimal::ONE), (high, Decimal::ZERO))
    };
    SkewRatios {
        bid,
        ask: Decimal::TWO - bid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(base: i64, quote: i64) -> SkewRatios {
        ratios(
            base.into(),
            quote.into(),
            Decimal::TEN,
            Decimal::new(5, 1),
            Decimal::from(20),
        )
    }

    #[test]
    fn the_target_the_ends_and_halfway() {
        let pair = |bid: i64, ask: i64| SkewRatios {
            bid: Decimal::new(bid, 1),
            ask: Decimal::new(ask, 1),
        };
        assert_eq!(at(100, 1000), pair(10, 10));
        assert_eq!(at(80, 1200), pair(20, 0));
        assert_eq!(at(120, 800), pair(0, 20));
        assert_eq!(at(90, 1100), pair(15, 5));
        assert_eq!(at(0, 0), pair(0, 0));
    }

    proptest! {
        #[test]
        fn the_sides_share_two(base in 0i64..1000, quote in 1i64..100_000, target in 0i64..=10, range in 1i64..500) {
            let r = ratios(base.into(), quote.into(), Decimal::TEN, Decimal::new(target, 1), range.into());
            prop_assert_eq!(r.bid + r.ask, Decimal::TWO);
            prop_assert!(r.bid >= Decimal::ZERO && r.ask >= Decimal::ZERO);
        }
    }
}
