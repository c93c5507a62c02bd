//! What the exchange trades of a position by itself, and that its fills are known as such.
//!
//! A list of trades does not say why one was made: a fill that was asked for is an order's at first. The exchange's own word about
//! the order it came from makes it what it is, whichever of the two is learned first, also after a restart.

use colibri_model::{ExchangeOrderId, FillCause, FillKey, InstrumentId, Record};
use colibri_standard::ForcedEvent;

use super::intake::FILLS_GRACE;
use crate::contracts::{ContractMarket, ForcedReduction, PositionChanged};
use crate::engine::core::Core;
use crate::engine::dispatch::Note;
use crate::engine::{LogLevel, VenueIndex};

/// The exchange's own orders of a market that are remembered.
const ORDERS: usize = 1_000;

impl ContractMarket {
    /// Why a fill was made: as it was told, or as its order is known.
    pub(crate) fn cause_of(&self, told: FillCause, order: Option<&ExchangeOrderId>) -> FillCause {
        let known = order
            .filter(|_| told.is_order())
            .and_then(|order| self.forced_orders.get(order));
        known.copied().unwrap_or(told)
    }
}

impl Core {
    /// The exchange reduces a position by itself. What it trades is told as fills; that it did is a fact of its own.
    pub(crate) fn on_forced(&mut self, index: VenueIndex, event: &ForcedEvent) {
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        let Some(id) = venue.handle_of(event.instrument, &event.symbol) else {
            let text = format!(
                "{}: the exchange reduces a position in {}, which this bot does not trade, by itself ({})",
                venue.id,
                event.symbol,
                event.cause.as_str()
            );
            return self.log(LogLevel::Warn, text);
        };
        let Some(pair) = venue.market(id).map(|m| m.pair.clone()) else {
            return;
        };
        let (name, account) = (venue.id.clone(), venue.account.clone());
        let forced = ForcedReduction {
            market: Self::market_id(index, id),
            side: event.position_side,
            cause: event.cause,
            bought_or_sold: event.side,
            quantity: event.quantity,
            price: event.price,
            exchange_time: event.exchange_time,
            local_time: now.wall,
        };
        if let Some(contracts) = venue.contracts.as_deref_mut() {
            contracts.remember_forced(forced.clone());
            contracts.margin_due = Some(now.mono);
            contracts.positions_due = Some(now.mono.plus(FILLS_GRACE));
        }
        let text = format!(
            "{name}: the exchange reduces the position in {pair} by itself: {}",
            event.cause.as_str()
        );
        self.log(LogLevel::Error, text);
        self.journal_fact(Record::ForcedReduction {
            venue: name,
            account,
            pair,
            position_side: event.position_side,
            cause: event.cause,
            side: event.side,
            quantity: event.quantity,
            price: event.price,
            exchange_id: event.exchange_id.clone(),
            exchange_time: event.exchange_time,
            time: now.wall,
        });
        self.wake_at(now.mono.plus(FILLS_GRACE));
        self.notes.push_back(Note::Forced(forced));
        if let Some(order) = &event.exchange_id {
            self.order_was_forced(index, id, order, event.cause);
        }
    }

    /// An order is the exchange's own: what it has traded, and will trade, was made for its cause.
    fn order_was_forced(&mut self, index: VenueIndex, id: InstrumentId, order: &ExchangeOrderId, cause: FillCause) {
        let venue = &mut self.state.venues[index.0];
        let Some(contracts) = venue.contract_market_mut(id) else {
            return;
        };
        contracts.forced_orders.insert(order.clone(), cause);
        if contracts.forced_orders.len() > ORDERS {
            contracts.forced_orders.pop_first();
        }
        let Some(pair) = venue.market(id).map(|market| market.pair.clone()) else {
            return;
        };
        let its = venue
            .ledger
            .iter()
            .filter(|fill| fill.exchange_id.as_ref() == Some(order) && fill.key.pair == pair);
        let its: Vec<FillKey> = its.map(|fill| fill.key.clone()).collect();
        for key in its {
            self.learn_cause(index, id, &key, cause);
        }
    }

    /// Why a known fill was made has been learned: journal and strategies know it, too. No position is changed by it.
    pub(crate) fn learn_cause(&mut self, index: VenueIndex, id: InstrumentId, key: &FillKey, cause: FillCause) {
        let venue = &mut self.state.venues[index.0];
        if !venue.ledger.learn_cause(key, cause) {
            return;
        }
        let Some(fill) = venue.ledger.get(key).cloned() else {
            return;
        };
        let side = fill.position_side;
        let held = venue
            .contract_market_mut(id)
            .map(|contracts| contracts.positions().of(side).quantity);
        self.brakes.doubt_profit();
        self.journal_fact(Record::Filled {
            strategy: None,
            fill: fill.clone(),
        });
        self.notes.push_back(Note::Position(PositionChanged {
            market: Self::market_id(index, id),
            side,
            change: colibri_model::PositionChange::default(),
            quantity: held.unwrap_or_default(),
            fill,
        }));
    }
}
