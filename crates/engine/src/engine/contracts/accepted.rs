//! A position that the exchange states and that no fill explains, accepted by a person.
//!
//! Nothing is guessed: the bot's file names what the exchange states, and it counts at a start alone. What the fills lack is
//! entered as one more of them, which says that it is none ([`FillCause::Accepted`]): so journal, history and profit count what
//! the position counts. Its price is the mark price. What it brought is in the account's balance already.

use colibri_model::{Fill, FillCause, FillKey, InstrumentId, PositionSide, Quantity, Record, Side, TradeId};

use crate::contracts::{ContractMarket, MARK_STALE, PositionChanged};
use crate::engine::core::Core;
use crate::engine::dispatch::Note;
use crate::engine::{LogLevel, VenueIndex};

impl ContractMarket {
    /// The position of which a lasting difference is what was accepted.
    pub(super) fn acceptable(&self, accepted: Option<Quantity>) -> Option<PositionSide> {
        let accepted = accepted.filter(|_| !self.has_agreed)?;
        let mut found = self.differences.iter();
        let is_it =
            |(_, found): &(_, &crate::contracts::PositionDifference)| found.is_lasting() && found.stated == accepted;
        found.find(is_it).map(|(side, _)| *side)
    }
}

impl Core {
    /// Enters what the fills lack of a position. Whether it is written down: not before there is a mark price to count it at.
    pub(super) fn accept_position(&mut self, index: VenueIndex, id: InstrumentId, side: PositionSide) -> bool {
        let now = self.state.now;
        let venue = &self.state.venues[index.0];
        let Some(market) = venue.market(id) else { return true };
        let Some(contracts) = market.contracts.as_deref() else {
            return true;
        };
        let Some(found) = contracts.differences.get(&side).copied() else {
            return true;
        };
        let is_new = contracts.mark_age(now.mono).is_some_and(|age| age <= MARK_STALE);
        let Some(price) = contracts.mark().filter(|_| is_new) else {
            return false;
        };
        let lacking = found.stated - found.summed;
        let bought_or_sold = match lacking.is_positive() {
            true => Side::Buy,
            false => Side::Sell,
        };
        let Ok(trade_id) = TradeId::new(&format!("accepted-{}-{}", side.as_str(), now.wall.0)) else {
            return false;
        };
        let fill = Fill {
            key: FillKey {
                account: venue.account.clone(),
                venue: venue.id.clone(),
                pair: market.pair.clone(),
                trade_id,
                side: bought_or_sold,
            },
            client_id: None,
            exchange_id: None,
            side: bought_or_sold,
            price,
            quantity: Quantity(lacking.0.abs()),
            fee: None,
            liquidity: None,
            position_side: side,
            cause: FillCause::Accepted,
            exchange_time: now.wall,
            local_time: now.wall,
        };
        let text = format!(
            "{}: the {} position in {} of {} is accepted, as the bot's file says (accept_positions), although the fills make {}: \
             {} {} are entered at the mark price of {price}. Take the line out of the file now",
            venue.id,
            side.as_str(),
            market.pair,
            found.stated,
            found.summed,
            match bought_or_sold {
                Side::Buy => "bought",
                Side::Sell => "sold",
            },
            fill.quantity
        );
        let record = Record::Filled {
            strategy: None,
            fill: fill.clone(),
        };
        if self.journal_first(record).is_err() {
            return false;
        }
        self.log(LogLevel::Warn, text);
        self.brakes.doubt_profit();
        let venue = &mut self.state.venues[index.0];
        venue.ledger.record(&fill);
        let Some(contracts) = venue.contract_market_mut(id) else {
            return true;
        };
        let change = contracts.ledger.add_fill(&fill);
        contracts.differences.remove(&side);
        contracts.has_agreed |= contracts.differences.is_empty();
        let quantity = contracts.positions().of(side).quantity;
        self.notes.push_back(Note::Position(PositionChanged {
            market: Self::market_id(index, id),
            side,
            change,
            quantity,
            fill,
        }));
        true
    }
}
