//! Amending an order: its whole quantity reduced, its place in the queue kept.
//!
//! Until the exchange has told which, the order may have either quantity: what could cost more is assumed.

use colibri_abi::{OrderOp, Text48, op_kind};
use colibri_model::{ClientOrderId, Millis, Quantity, Record};
use colibri_standard::Outcome;

use crate::engine::VenueIndex;
use crate::engine::core::Core;
use crate::engine::dispatch::Note;
use crate::engine::operations::Purpose;
use crate::engine::order_entry::{side_number, text};
use crate::risk::RiskRefusal;
use crate::strategy::{OrderAmended, RequestEnd};

/// The first question after an outcome that is not Done.
const FIRST_QUESTION: Millis = Millis(100);

impl Core {
    /// Changes an order's whole quantity, its place in the queue kept.
    pub(crate) fn amend(
        &mut self,
        index: VenueIndex,
        id: &ClientOrderId,
        quantity: Quantity,
    ) -> Result<(), RiskRefusal> {
        let venue = &self.state.venues[index.0];
        let order = venue.resting(id)?;
        let market = venue.market(order.intent.instrument).ok_or(RiskRefusal::NoSuchMarket)?;
        let instrument = market.instrument.as_ref().ok_or(RiskRefusal::NoSuchMarket)?;
        if venue.manifest.orders.amend.is_none() || !instrument.rule.amend {
            return Err(RiskRefusal::NotChangeable("the exchange cannot amend it"));
        }
        let quantity = instrument.rule.quantize_quantity(order.intent.order_type, quantity);
        if quantity <= order.filled() || quantity >= order.intent.quantity {
            return Err(RiskRefusal::NotChangeable(
                "the quantity can only be reduced, and not below what is filled",
            ));
        }
        let mantissa = instrument.exponents.quantity_mantissa(quantity);
        let amend = OrderOp {
            kind: op_kind::AMEND,
            instrument: order.intent.instrument.0,
            side: side_number(order.intent.side),
            price_exponent: instrument.exponents.price,
            price: venue.amend_price(market, order)?,
            quantity_exponent: instrument.exponents.quantity,
            quantity: mantissa.map_err(|e| RiskRefusal::DoesNotFit(e.to_string()))?,
            client_id: text(order.name_at_exchange().as_str()),
            exchange_id: order.exchange_id.as_ref().map_or(Text48::EMPTY, |x| text(x.as_str())),
            // The order keeps its name.
            other_client_id: text(order.name_at_exchange().as_str()),
            ..OrderOp::default()
        };
        let record = Record::AmendIntent {
            venue: venue.id.clone(),
            client_id: id.clone(),
            quantity,
            time: self.state.now.wall,
        };
        self.journal_first(record).map_err(|_| RiskRefusal::JournalFailed)?;
        if let Some(order) = self.state.venues[index.0].orders.get_mut(id) {
            order.amend_to = Some(quantity);
        }
        self.send(index, amend, Purpose::Amend(id.clone(), quantity));
        Ok(())
    }

    /// An amend has ended. Whatever is not evidence that it was done is asked about: the order may have been filled
    /// meanwhile, or have either quantity.
    pub(crate) fn amend_ended(&mut self, index: VenueIndex, id: &ClientOrderId, quantity: Quantity, outcome: &Outcome) {
        let Some(order) = self.state.venues[index.0].orders.get_mut(id) else {
            return;
        };
        match outcome {
            Outcome::Done => {
                order.intent.quantity = quantity;
                order.amend_to = None;
            }
            // Either quantity, until the exchange tells.
            Outcome::Unknown(_) => {}
            _ => order.amend_to = None,
        }
        // What is filled may be all of it now: then its end is the exchange's to tell.
        let is_filled = order.may_be_live() && order.leaves().is_zero();
        let told = OrderAmended {
            client_id: id.clone(),
            market: Self::market_id(index, order.intent.instrument),
            tag: order.tag,
            quantity,
            end: RequestEnd::from(outcome),
        };
        let owner = order.strategy.clone();
        if *outcome != Outcome::Done || is_filled {
            self.ask_about(index, id, FIRST_QUESTION);
        }
        if let Some(strategy) = self.state.strategies.iter().position(|s| s.id == owner) {
            self.notes.push_back(Note::Amended(strategy, told));
        }
    }
}
