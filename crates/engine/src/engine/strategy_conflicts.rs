//! Strategies that cannot trade what the bot's file gives them: found before the start.

use colibri_model::{Pair, StrategyId, VenueId};

use crate::engine::core::{Core, Slot};
use crate::strategy::{MarketFit, MarketNeed, Strategy};

/// A strategy cannot have a market.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrategyConflict {
    /// It counts by balances, and the market is of contracts.
    #[error(
        "the strategy {strategy} ({kind}) sizes its orders by balances, and {pair} at {venue} is a contract, of which there is a \
         position instead: use kind = \"{instead}\" there"
    )]
    NotOfContracts {
        /// Which.
        strategy: StrategyId,
        /// Its kind.
        kind: &'static str,
        /// Where.
        venue: VenueId,
        /// Which market.
        pair: Pair,
        /// The kind that suits it.
        instead: &'static str,
    },
    /// It counts what is held in the market as its own, and another trades there too.
    #[error(
        "the strategy {strategy} ({kind}) counts what is held of {pair} at {venue} as its own, and the strategy {other} trades \
         there too: take the market from one of them, or run one of them as a bot of its own in another account"
    )]
    NotAlone {
        /// Which.
        strategy: StrategyId,
        /// Its kind.
        kind: &'static str,
        /// The other one.
        other: StrategyId,
        /// Where.
        venue: VenueId,
        /// Which market.
        pair: Pair,
    },
}

impl Core {
    /// Strategies whose markets do not suit them, in their order.
    pub(crate) fn strategy_conflicts(&self) -> Vec<StrategyConflict> {
        let of = |(at, slot): (usize, &Slot)| -> Vec<StrategyConflict> {
            let needs = slot.strategy.needs().into_iter();
            needs
                .filter_map(|need| self.conflict_over(at, &*slot.strategy, need))
                .collect()
        };
        self.slots.iter().enumerate().flat_map(of).collect()
    }

    fn conflict_over(&self, at: usize, strategy: &dyn Strategy, need: MarketNeed) -> Option<StrategyConflict> {
        match strategy.market_fit() {
            MarketFit::Any => None,
            MarketFit::Spot { of_contracts } => {
                let mut venues = self.state.venues.iter();
                let is_of_contracts = venues.any(|venue| venue.id == need.venue && venue.contracts.is_some());
                is_of_contracts.then(|| StrategyConflict::NotOfContracts {
                    strategy: strategy.id().clone(),
                    kind: strategy.kind(),
                    venue: need.venue,
                    pair: need.pair,
                    instead: of_contracts,
                })
            }
            MarketFit::Alone => {
                let others = self.slots.iter().enumerate().filter(|(other, _)| *other != at);
                let mut others = others.map(|(_, slot)| &slot.strategy);
                let other = others.find(|other| other.needs().contains(&need))?;
                Some(StrategyConflict::NotAlone {
                    strategy: strategy.id().clone(),
                    kind: strategy.kind(),
                    other: other.id().clone(),
                    venue: need.venue,
                    pair: need.pair,
                })
            }
        }
    }
}
