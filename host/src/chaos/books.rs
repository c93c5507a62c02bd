//! Books that are believed, beside the exchange's: a book that says it is at the exchange's last update must be the exchange's.

use std::collections::BTreeMap;

use colibri_engine::MarketId;
use colibri_model::Side;
use colibri_sim::identity;
use colibri_sim::matching::Side as TheirSide;

use super::process::Process;
use super::stage::Face;
use super::world::FaultyExchange;

/// Levels that are compared on each side: fewer than any snapshot has.
const LEVELS: usize = 20;

/// A market here, there, and the last update up to which its book was compared.
#[derive(Debug, Clone, Copy)]
struct Compared {
    theirs: identity::MarketId,
    up_to: Option<u64>,
}

/// Looks on, from one turn to the next.
#[derive(Debug, Default)]
pub struct Books(BTreeMap<MarketId, Compared>);

impl Books {
    /// After a turn: books that are believed and wrong. One that has not heard the last update yet says so by its id; one that
    /// was compared at that update is not compared again.
    #[must_use]
    pub fn look(&mut self, process: &Process, world: &FaultyExchange) -> Vec<String> {
        let view = process.engine().view();
        let mut broken = Vec::new();
        for market in view.venues().flat_map(|venue| venue.markets()) {
            let face = Face::of_venue(market.venue().as_str());
            let Some(exchange) = face.and_then(|face| world.engine(face)) else {
                continue;
            };
            let compared = match self.0.get_mut(&market.id()) {
                Some(compared) => compared,
                None => {
                    let pair = market.pair().to_string();
                    let mut markets = exchange.markets();
                    let found = markets.find(|(_, m)| format!("{}-{}", m.settings.base, m.settings.quote) == pair);
                    let Some((theirs, _)) = found else { continue };
                    let compared = Compared { theirs, up_to: None };
                    self.0.entry(market.id()).or_insert(compared)
                }
            };
            let (Some(book), Some(keeper)) = (market.book(), market.keeper()) else {
                compared.up_to = None;
                continue;
            };
            let theirs = exchange.market(compared.theirs);
            let last = keeper.last_id();
            if last != theirs.last_update().0 || compared.up_to == Some(last) {
                continue;
            }
            compared.up_to = Some(last);
            for (side, their_side) in [(Side::Buy, TheirSide::Buy), (Side::Sell, TheirSide::Sell)] {
                let ours = book.levels(side).take(LEVELS).map(|l| (l.price.0, l.quantity.0));
                let levels = theirs.book().levels(their_side).take(LEVELS);
                if !ours.eq(levels.map(|(price, level)| (price, level.quantity))) {
                    let pair = market.pair();
                    broken.push(format!(
                        "the {side:?} side of the book of {pair} is believed and is not the exchange's"
                    ));
                }
            }
        }
        broken
    }
}
