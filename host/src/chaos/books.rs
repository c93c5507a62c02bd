//! Books that are believed, beside the exchange's: a book that says it is at the exchange's last update must be the exchange's.

use colibri_model::Side;
use colibri_sim::matching::Side as TheirSide;

use super::process::Process;
use super::world::FaultyExchange;

/// Levels that are compared on each side: fewer than any snapshot has.
const LEVELS: usize = 20;

/// Books that are believed and wrong. Asked after a turn: a book that has not heard the last update yet says so by its id.
#[must_use]
pub fn wrong(process: &Process, world: &FaultyExchange) -> Vec<String> {
    let view = process.engine().view();
    let mut broken = Vec::new();
    for market in view.venues().flat_map(|venue| venue.markets()) {
        let (Some(book), Some(keeper)) = (market.book(), market.keeper()) else {
            continue;
        };
        let pair = market.pair().to_string();
        let mut theirs = world.exchange.engine().markets().map(|(_, theirs)| theirs);
        let Some(theirs) = theirs.find(|m| format!("{}-{}", m.settings.base, m.settings.quote) == pair) else {
            continue;
        };
        if keeper.last_id() != theirs.last_update().0 {
            continue;
        }
        for (side, their_side) in [(Side::Buy, TheirSide::Buy), (Side::Sell, TheirSide::Sell)] {
            let ours = book.levels(side).take(LEVELS).map(|l| (l.price.0, l.quantity.0));
            let levels = theirs.book().levels(their_side).take(LEVELS);
            if !ours.eq(levels.map(|(price, level)| (price, level.quantity))) {
                broken.push(format!(
                    "the {side:?} side of the book of {pair} is believed and is not the exchange's"
                ));
            }
        }
    }
    broken
}
