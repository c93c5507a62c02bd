//! What an order is there for, as the number that it carries.

use colibri_model::{PositionSide, Side};

/// What an order is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A quote of a side and a level.
    Quote(Side, u32),
    /// Closing a position with profit.
    TakeProfit(PositionSide),
    /// Closing a position with a loss.
    StopLoss(PositionSide),
}

/// The tags of exits begin above those of the highest level.
const TAKE_PROFIT: u32 = 1_000;
const STOP_LOSS: u32 = 2_000;

const SIDES: [PositionSide; 3] = [PositionSide::Net, PositionSide::Long, PositionSide::Short];

const fn number(side: PositionSide) -> u32 {
    match side {
        PositionSide::Net => 0,
        PositionSide::Long => 1,
        PositionSide::Short => 2,
    }
}

impl Part {
    /// Its number.
    pub(super) const fn tag(self) -> u32 {
        match self {
            Part::Quote(Side::Buy, level) => level * 2,
            Part::Quote(Side::Sell, level) => level * 2 + 1,
            Part::TakeProfit(side) => TAKE_PROFIT + number(side),
            Part::StopLoss(side) => STOP_LOSS + number(side),
        }
    }

    /// The part of a number; `None` where it is none's.
    pub(super) fn of(tag: u32) -> Option<Part> {
        let side = |from: u32| SIDES.get(usize::try_from(tag - from).ok()?).copied();
        match tag {
            STOP_LOSS.. => side(STOP_LOSS).map(Part::StopLoss),
            TAKE_PROFIT.. => side(TAKE_PROFIT).map(Part::TakeProfit),
            _ if tag.is_multiple_of(2) => Some(Part::Quote(Side::Buy, tag / 2)),
            _ => Some(Part::Quote(Side::Sell, tag / 2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_known_by_its_number() {
        let quotes = (0..50).flat_map(|level| [Part::Quote(Side::Buy, level), Part::Quote(Side::Sell, level)]);
        let exits = SIDES
            .into_iter()
            .flat_map(|side| [Part::TakeProfit(side), Part::StopLoss(side)]);
        for part in quotes.chain(exits) {
            assert_eq!(Part::of(part.tag()), Some(part));
        }
        assert_eq!(Part::of(STOP_LOSS + 3), None);
    }
}
