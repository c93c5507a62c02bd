//! What an order of a contract says beyond side, price and quantity, in the spare room of an [`OrderOp`].
//!
//! The first word of the room is the batch's (see [`OrderOp::batch`]). The second holds numbers of eight bits: the position
//! side, then the margin mode; the rest of it is zero. The third is the time until which the order works. The fourth is
//! zero. A connector answers NotSent(unsupported) to whatever of it that it has not declared: the meaning of an order is never
//! dropped.

use crate::{OrderOp, op_flag};

/// Values of [`OrderOp::position_side`].
pub mod position_side {
    /// The one position of one-way mode, and spot.
    pub const NET: u32 = 0;
    /// The long one of hedge mode.
    pub const LONG: u32 = 1;
    /// The short one of hedge mode.
    pub const SHORT: u32 = 2;
}

/// Values of [`OrderOp::margin_mode`].
pub mod margin_mode {
    /// The order does not say: it is the instrument's, or the account's.
    pub const UNSAID: u32 = 0;
    /// The account's whole collateral answers for the position.
    pub const CROSS: u32 = 1;
    /// What is set aside for the position alone.
    pub const ISOLATED: u32 = 2;
}

const TERMS: usize = 1;
const GOOD_TILL: usize = 2;
const MARGIN_SHIFT: u32 = 8;
const EIGHT_BITS: u64 = 0xff;

impl OrderOp {
    /// Of which position it is, as one of [`position_side`].
    #[must_use]
    pub const fn position_side(&self) -> u32 {
        (self.ext[TERMS] & EIGHT_BITS) as u32
    }

    /// How its position's margin is kept, as one of [`margin_mode`].
    #[must_use]
    pub const fn margin_mode(&self) -> u32 {
        (self.ext[TERMS] >> MARGIN_SHIFT & EIGHT_BITS) as u32
    }

    /// Until when it works: exchange time, nanoseconds since 1970. Only where the time in force is good till a date.
    #[must_use]
    pub const fn good_till_ns(&self) -> Option<i64> {
        match self.ext[GOOD_TILL] {
            0 => None,
            nanos => Some(nanos.cast_signed()),
        }
    }

    /// Whether it only reduces a position, or closes it.
    #[must_use]
    pub const fn only_reduces(&self) -> bool {
        self.flags & (op_flag::REDUCE_ONLY | op_flag::CLOSE_POSITION) != 0
    }

    /// Whether spare room is in use that has no meaning yet.
    #[must_use]
    pub const fn has_unknown_room(&self) -> bool {
        self.reserved != 0 || self.ext[TERMS] >> (2 * MARGIN_SHIFT) != 0 || self.ext[3] != 0
    }

    /// The same operation, of a position as one of [`position_side`], with margin kept as one of [`margin_mode`].
    #[must_use]
    pub const fn of_position(mut self, side: u32, margin: u32) -> OrderOp {
        self.ext[TERMS] = side as u64 & EIGHT_BITS | (margin as u64 & EIGHT_BITS) << MARGIN_SHIFT;
        self
    }

    /// The same operation, working until an exchange time in nanoseconds since 1970.
    #[must_use]
    pub const fn good_till(mut self, nanos: i64) -> OrderOp {
        self.ext[GOOD_TILL] = nanos.cast_unsigned();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_do_not_touch_each_other() {
        let op = OrderOp::default()
            .in_batch_of(7)
            .of_position(position_side::SHORT, margin_mode::ISOLATED)
            .good_till(1_700_000_000_000_000_000);
        assert_eq!(op.batch(), Some(7));
        assert_eq!(
            (op.position_side(), op.margin_mode()),
            (position_side::SHORT, margin_mode::ISOLATED)
        );
        assert_eq!(op.good_till_ns(), Some(1_700_000_000_000_000_000));
        assert!(!op.has_unknown_room());
        for ext in [[0, 1 << 16, 0, 0], [0, 0, 0, 1]] {
            assert!(OrderOp { ext, ..op }.has_unknown_room());
        }
    }

    #[test]
    fn the_default_says_nothing() {
        let op = OrderOp::default();
        assert_eq!(
            (op.position_side(), op.margin_mode(), op.good_till_ns()),
            (position_side::NET, margin_mode::UNSAID, None)
        );
        assert!(!op.only_reduces() && !op.has_unknown_room());
    }
}
