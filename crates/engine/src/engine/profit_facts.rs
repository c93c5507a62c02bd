//! What the journal is told so that profit can be counted from it: what a pair is a contract of, and what a third asset was
//! worth when a fee was paid in it.

use colibri_model::profit::RATE_AGE;
use colibri_model::{Asset, Contract, Fill, Instrument, Pair, Price, Record};

use crate::engine::VenueIndex;
use crate::engine::core::Core;
use crate::engine::market::{Market, MarketWanted};

impl Market {
    /// The pair and its contract, where that is news about a market in which there may be orders.
    pub(crate) fn contract_news(&self, listed: &Instrument) -> Option<(Pair, Contract)> {
        let known = self.instrument.as_ref().and_then(|i| i.contract.as_ref());
        let contract = listed.contract.as_ref().filter(|contract| known != Some(contract))?;
        (self.wanted != MarketWanted::Watching).then(|| (self.pair.clone(), contract.clone()))
    }
}

impl Core {
    /// Writes down by what the fills of pairs are counted.
    pub(crate) fn journal_contracts(&mut self, index: VenueIndex, contracts: Vec<(Pair, Contract)>) {
        for (pair, contract) in contracts {
            let venue = &self.state.venues[index.0];
            let record = Record::ContractKnown {
                venue: venue.id.clone(),
                account: venue.account.clone(),
                pair,
                contract,
                time: self.state.now.wall,
            };
            self.journal_fact(record);
        }
    }

    /// Where a fill's fee is in an asset that is not of its pair: what that was worth, by the middle of the bot's own book. Of a
    /// fill that is learned of late nothing is written: what it is worth now is not what it was worth then.
    pub(crate) fn journal_price_of_fee(&mut self, index: VenueIndex, fill: &Fill) {
        let (Some(fee), pair) = (&fill.fee, &fill.key.pair) else {
            return;
        };
        let age = self.state.now.wall.0.saturating_sub(fill.exchange_time.0);
        if fee.asset == pair.base || fee.asset == pair.quote || !(-RATE_AGE..=RATE_AGE).contains(&age) {
            return;
        }
        let venue = &self.state.venues[index.0];
        let market = venue.markets.iter().find(|m| m.pair == *pair);
        let contract = market.and_then(|m| m.instrument.as_ref()?.contract.as_ref());
        let settle = contract.map_or(&pair.quote, |contract| &contract.settle);
        let seen = self
            .middle_of(&fee.asset, settle)
            .or_else(|| self.middle_of(settle, &fee.asset));
        if let Some((at, pair, price)) = seen {
            let record = Record::PriceSeen {
                venue: self.state.venues[at.0].id.clone(),
                pair,
                price,
                of: fill.exchange_time,
                time: self.state.now.wall,
            };
            self.journal_fact(record);
        }
    }

    /// The middle of a book of the bot that is known to have been right within the last minute.
    fn middle_of(&self, base: &Asset, quote: &Asset) -> Option<(VenueIndex, Pair, Price)> {
        let now = self.mono();
        let markets = self.state.venues.iter().enumerate();
        markets
            .flat_map(|(index, venue)| venue.markets.iter().map(move |market| (index, market)))
            .filter(|(_, m)| m.pair.base == *base && m.pair.quote == *quote)
            .filter(|(_, m)| i128::from(m.book_age(now).0) * 1_000_000 <= i128::from(RATE_AGE))
            .find_map(|(index, m)| Some((VenueIndex(index), m.pair.clone(), m.book()?.mid()?)))
    }
}
