//! Contracts in the engine: what orders say of them, what the exchange tells of them, when it is asked, and the gate over them.
//!
//! What lives here: all that only a venue for contracts has. What must not live here: what every venue has (orders, fills,
//! books), triggers, and the rules themselves ([`crate::contracts`]).

mod accepted;
mod ask;
mod forced;
mod gate;
mod intake;
mod settings;
mod terms;

use colibri_model::{InstrumentId, TradingSetting};
use serde::{Deserialize, Serialize};

use crate::contracts::{ContractMarket, HeldPosition};
use crate::engine::market::MarketWanted;
use crate::engine::venue::{Outage, Venue};

pub(crate) use terms::{flags_of, with_terms};

/// What an operation about contracts is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum ContractsPurpose {
    /// Reading back what is set.
    Settings,
    /// Setting what was chosen.
    Set(TradingSetting, Option<InstrumentId>),
    /// Positions, to be compared.
    Positions,
    /// How the account stands.
    Margin,
    /// Mark price and funding rate.
    Rates(InstrumentId),
    /// Funding payments.
    Funding,
}

impl Venue {
    /// A market's contract side, where the venue has one.
    pub(crate) fn contract_market_mut(&mut self, id: InstrumentId) -> Option<&mut ContractMarket> {
        self.market_mut(id)?.contracts.as_deref_mut()
    }

    /// Why nothing can be placed at a venue for contracts, beyond what holds for every venue.
    pub(crate) fn contracts_outage(&self) -> Option<Outage> {
        let contracts = self.contracts.as_ref()?;
        if !contracts.settings.agrees {
            return Some(Outage::Settings);
        }
        let mut traded = self.markets.iter().filter(|m| m.wanted == MarketWanted::Trading);
        let is_opened = traded.all(|m| m.contracts.as_ref().is_none_or(|c| c.is_opened));
        (!is_opened || contracts.margin.is_none()).then_some(Outage::Positions)
    }

    /// What is held of contracts, for a report.
    pub(crate) fn held_positions(&self) -> Vec<HeldPosition> {
        let mut held = Vec::new();
        for market in &self.markets {
            let Some(contracts) = market.contracts.as_deref() else {
                continue;
            };
            for (side, position) in contracts.positions().iter().filter(|(_, p)| !p.quantity.is_zero()) {
                held.push(HeldPosition {
                    pair: market.pair.clone(),
                    side,
                    quantity: position.quantity,
                    entry_price: contracts.contract().and_then(|contract| position.entry_price(contract)),
                });
            }
        }
        held
    }

    /// Why its settings are not confirmed, in words.
    pub(crate) fn settings_in_words(&self) -> String {
        let settings = self.contracts.as_ref().map(|contracts| contracts.settings.in_words());
        settings.unwrap_or_default()
    }
}
