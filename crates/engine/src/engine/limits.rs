//! Limits that need memory: orders in a second, refusals in a row.

use std::collections::VecDeque;

use colibri_model::{ClientOrderId, Millis, MonoNs};
use serde::{Deserialize, Serialize};

use crate::engine::core::Core;
use crate::engine::state::StrategyInfo;
use crate::engine::{LogLevel, VenueIndex};
use crate::risk::RiskRefusal;

/// The span over which orders are counted.
const SECOND: Millis = Millis(1_000);
/// So many placements that the exchange refuses, with none that it takes between, rest a strategy.
const REJECTIONS: usize = 10;
/// Within so long.
const REJECTIONS_WITHIN: Millis = Millis(60_000);
/// For so long.
const REST: Millis = Millis(60_000);

/// When orders were sent in the last second.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct OrderRate {
    sent: VecDeque<MonoNs>,
}

impl OrderRate {
    fn forget(&mut self, now: MonoNs) {
        while self.sent.front().is_some_and(|&at| now.since(at) >= SECOND) {
            self.sent.pop_front();
        }
    }

    /// Whether one more would be within `cap` in a second.
    pub(crate) fn check(&mut self, cap: u32, now: MonoNs) -> Result<(), RiskRefusal> {
        self.forget(now);
        if self.sent.len() >= usize::try_from(cap).unwrap_or(usize::MAX) {
            return Err(RiskRefusal::OrderRate(cap));
        }
        Ok(())
    }

    pub(crate) fn count(&mut self, now: MonoNs) {
        self.sent.push_back(now);
    }
}

/// Placements of a strategy's that the exchange refused, with none between that it took.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Rejections {
    at: VecDeque<MonoNs>,
    rest_until: Option<MonoNs>,
}

impl Rejections {
    /// Until when the strategy rests, where it does.
    pub(crate) fn rest_until(&self, now: MonoNs) -> Option<MonoNs> {
        self.rest_until.filter(|&until| now < until)
    }

    fn taken(&mut self) {
        self.at.clear();
    }

    /// The end of the rest, where this refusal begins one.
    fn refused(&mut self, now: MonoNs) -> Option<MonoNs> {
        self.at.push_back(now);
        while self.at.front().is_some_and(|&at| now.since(at) > REJECTIONS_WITHIN) {
            self.at.pop_front();
        }
        if self.at.len() < REJECTIONS {
            return None;
        }
        self.at.clear();
        self.rest_until = Some(now.plus(REST));
        self.rest_until
    }
}

impl Core {
    fn strategy_of(&mut self, index: VenueIndex, id: &ClientOrderId) -> Option<&mut StrategyInfo> {
        let venue = &self.state.venues[index.0];
        let of_order = venue.orders.get(id).map(|order| &order.strategy);
        let of_trigger = || venue.triggers.tracker.get(id).map(|trigger| &trigger.strategy);
        let strategy = of_order.or_else(of_trigger)?;
        self.state.strategies.iter_mut().find(|s| s.id == *strategy)
    }

    /// The exchange took a placement.
    pub(crate) fn placement_taken(&mut self, index: VenueIndex, id: &ClientOrderId) {
        if let Some(strategy) = self.strategy_of(index, id) {
            strategy.rejections.taken();
        }
    }

    /// The exchange refused a placement. Too many in a row rest the strategy.
    pub(crate) fn placement_refused(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let now = self.mono();
        let Some(strategy) = self.strategy_of(index, id) else {
            return;
        };
        if let Some(until) = strategy.rejections.refused(now) {
            let text = format!(
                "strategy {}: the exchange refused {REJECTIONS} orders in a row; it rests for {} s",
                strategy.id,
                REST.0 / 1000
            );
            self.log(LogLevel::Error, text);
            self.doubt();
            self.wake_at(until);
        }
    }
}
