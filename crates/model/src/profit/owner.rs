//! Whose a fill or a funding payment is.

use std::fmt;

use crate::{FillCause, NO_STRATEGY, StrategyId};

/// Whose a fill or a funding payment is. What is no strategy's has a line of its own: nothing is left out, nothing is guessed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A strategy's.
    Strategy(StrategyId),
    /// The bot's, of an order that was adopted and whose id tells no strategy.
    Adopted,
    /// No strategy's: of an order that is not this bot's, or of what the exchange did by itself, by its cause.
    Nobody(FillCause),
    /// Funding of a position that no strategy holds alone.
    Shared,
    /// What was held before the first fill that is known.
    Before,
}

impl Owner {
    /// Whose a fill is: the strategy's that had decided it, else by its cause.
    #[must_use]
    pub fn of_fill(strategy: Option<&StrategyId>, cause: FillCause) -> Owner {
        strategy.map_or(Owner::Nobody(cause), Owner::of)
    }

    /// Whose a funding payment is.
    #[must_use]
    pub fn of_funding(strategy: Option<&StrategyId>) -> Owner {
        strategy.map_or(Owner::Shared, Owner::of)
    }

    fn of(strategy: &StrategyId) -> Owner {
        if strategy.as_str() == NO_STRATEGY {
            Owner::Adopted
        } else {
            Owner::Strategy(strategy.clone())
        }
    }

    /// Its name: a strategy's own, or a word in brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Owner::Strategy(strategy) => strategy.as_str(),
            Owner::Adopted => NO_STRATEGY,
            Owner::Nobody(FillCause::Order) => "(foreign)",
            Owner::Nobody(FillCause::Liquidation) => "(liquidation)",
            Owner::Nobody(FillCause::Adl) => "(adl)",
            Owner::Nobody(FillCause::Settlement) => "(settlement)",
            Owner::Nobody(FillCause::Accepted) => "(accepted)",
            Owner::Shared => "(shared)",
            Owner::Before => "(before)",
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
