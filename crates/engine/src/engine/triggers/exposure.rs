//! What triggers may add to positions: one that may open counts as the order that it becomes, valued where it fires.

use colibri_model::{Amount, Asset, InstrumentId, OrderIntent, Side, StrategyId, TriggerIntent};

use crate::engine::VenueIndex;
use crate::engine::core::Core;
use crate::engine::market::Market;
use crate::engine::venue::Venue;
use crate::orders::InFlightTrigger;
use crate::risk::{Exposure, RiskRefusal, TopPrices, commitment, worst_notional, worst_quantity};

/// What the order of a trigger is valued at: where it fires, and no better than now.
fn top_where_it_fires(trigger: &TriggerIntent, top: TopPrices) -> TopPrices {
    let at = trigger.trigger_price;
    TopPrices {
        low: if top.low.is_positive() { top.low.min(at) } else { at },
        high: top.high.max(at),
    }
}

/// What the order of a trigger would take, of the asset that it is paid with.
fn may_pay(trigger: &TriggerIntent, top: TopPrices) -> Amount {
    let top = top_where_it_fires(trigger, top);
    let price = match trigger.side {
        Side::Buy => top.high,
        Side::Sell => top.low,
    };
    commitment(&trigger.becomes(), Some(price))
}

impl Venue {
    /// Triggers that may wait and may make a position larger.
    fn opening_triggers(&self) -> impl Iterator<Item = &InFlightTrigger> {
        self.triggers.tracker.live().filter(|t| t.may_open())
    }

    /// The orders that the triggers of a market may become and open with, each with what it is valued at: all of them, or those
    /// of a strategy.
    pub(crate) fn orders_of_triggers(
        &self,
        instrument: InstrumentId,
        top: TopPrices,
        strategy: Option<&StrategyId>,
    ) -> impl Iterator<Item = (OrderIntent, TopPrices)> {
        self.opening_triggers()
            .filter(move |t| t.intent.instrument == instrument)
            .filter(move |t| strategy.is_none_or(|strategy| t.strategy == *strategy))
            .map(move |t| (t.intent.becomes(), top_where_it_fires(&t.intent, top)))
    }

    /// Adds what the triggers of a market may open.
    pub(crate) fn add_triggers(&self, exposure: &mut Exposure, instrument: InstrumentId, top: TopPrices) {
        for (order, top) in self.orders_of_triggers(instrument, top, None) {
            exposure.add(order.side, worst_quantity(&order, top), worst_notional(&order, top));
        }
    }

    /// What triggers may pay of an asset: all of them, or those of a strategy.
    pub(crate) fn triggers_may_pay(&self, asset: &Asset, strategy: Option<&StrategyId>) -> Amount {
        let whose = |t: &&InFlightTrigger| strategy.is_none_or(|strategy| t.strategy == *strategy);
        let pays = |t: &&InFlightTrigger| Venue::paid_with(&t.pair, t.intent.side) == asset;
        let paid = self.opening_triggers().filter(whose).filter(pays).map(|t| {
            let top = self.market(t.intent.instrument).and_then(Market::top_prices);
            may_pay(&t.intent, top.unwrap_or_default())
        });
        paid.sum()
    }

    /// How many triggers of a strategy may open: they count among its live orders.
    pub(crate) fn opening_triggers_of(&self, strategy: &StrategyId) -> usize {
        self.opening_triggers().filter(|t| t.strategy == *strategy).count()
    }
}

impl Core {
    /// Whether the operator's caps and budgets let a trigger through that may open a position: as they would its order, once
    /// the price is there.
    pub(super) fn trigger_passes_risk_gate(
        &self,
        strategy: &StrategyId,
        index: VenueIndex,
        trigger: &TriggerIntent,
    ) -> Result<(), RiskRefusal> {
        let venue = self.state.venues.get(index.0).ok_or(RiskRefusal::NoSuchMarket)?;
        let market = venue.market(trigger.instrument).ok_or(RiskRefusal::NoSuchMarket)?;
        let top = market.top_prices().ok_or(RiskRefusal::NoFreshBook)?;
        let top = top_where_it_fires(trigger, top);
        let order = trigger.becomes();
        self.pass_risk_gate_at(strategy, index, &order, None, (trigger.trigger_price, top))
    }
}
