//! Triggers, read only.

use colibri_model::{ClientOrderId, StrategyId};

use super::{MarketView, VenueView, View};
use crate::engine::ForeignTrigger;
use crate::orders::InFlightTrigger;

impl<'a> View<'a> {
    /// Triggers of a strategy that may wait, in any market.
    pub fn live_triggers(&self, strategy: &StrategyId) -> impl Iterator<Item = &'a InFlightTrigger> {
        let venues = self.state.venues.iter();
        let live = venues.flat_map(|venue| venue.triggers.tracker.live());
        live.filter(move |trigger| trigger.strategy == *strategy)
    }

    /// A trigger of ours. The order that it became is [`View::order`] of the same id.
    #[must_use]
    pub fn trigger(&self, id: &ClientOrderId) -> Option<&'a InFlightTrigger> {
        self.state
            .venues
            .iter()
            .find_map(|venue| venue.triggers.tracker.get(id))
    }
}

impl<'a> VenueView<'a> {
    /// Triggers that may wait.
    pub fn live_triggers(&self) -> impl Iterator<Item = &'a InFlightTrigger> + use<'a> {
        self.venue.triggers.tracker.live()
    }
    /// Every trigger that is remembered.
    pub fn triggers(&self) -> impl Iterator<Item = &'a InFlightTrigger> + use<'a> {
        self.venue.triggers.tracker.iter()
    }
    /// Triggers in the account that are not tracked.
    pub fn foreign_triggers(&self) -> impl Iterator<Item = &'a ForeignTrigger> + use<'a> {
        self.venue.triggers.foreign.values()
    }
}

impl<'a> MarketView<'a> {
    /// Triggers of this market that may wait.
    pub fn live_triggers(&self) -> impl Iterator<Item = &'a InFlightTrigger> + use<'a> {
        let instrument = self.id.instrument;
        let live = self.venue.triggers.tracker.live();
        live.filter(move |trigger| trigger.intent.instrument == instrument)
    }
}
