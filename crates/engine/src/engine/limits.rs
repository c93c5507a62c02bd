//! Limits that need memory: orders in a second, refusals in a row, and the drawdown that throws the kill switch.

use std::collections::{BTreeMap, VecDeque};

use colibri_model::{Amount, Asset, ClientOrderId, Journal, Millis, MonoNs, Record, WallNs};

use crate::HostNow;
use crate::engine::core::Core;
use crate::engine::state::{EnginePhase, StrategyInfo};
use crate::engine::venue::VenuePhase;
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

/// The kill switch has been thrown: everything is cancelled and nothing is placed, over restarts too, until a person
/// resumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillSwitch {
    /// Why.
    pub reason: String,
    /// When.
    pub time: WallNs,
}

/// When orders were sent in the last second.
#[derive(Debug, Clone, Default)]
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
#[derive(Debug, Clone, Default)]
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

impl<J: Journal> Core<J> {
    fn strategy_of(&mut self, index: VenueIndex, id: &ClientOrderId) -> Option<&mut StrategyInfo> {
        let order = self.state.venues[index.0].orders.get(id)?;
        self.state.strategies.iter_mut().find(|s| s.id == order.strategy)
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
            self.wake_at(until);
        }
    }

    /// Compares the session's profit with its peak, by quote asset; a fall of the operator's limit throws the switch.
    pub(crate) fn check_drawdown(&mut self) {
        let Some(limit) = self.state.risk.max_drawdown else {
            return;
        };
        if self.state.phase != EnginePhase::Running || self.state.kill_switch.is_some() {
            return;
        }
        let mut fallen = None;
        for (asset, value) in self.profits() {
            let Some(value) = value else { continue };
            let peak = self.state.profit_peaks.entry(asset.clone()).or_insert(value);
            *peak = (*peak).max(value);
            let fall = *peak - value;
            if fall >= limit && fall > Amount::ZERO {
                fallen = Some(format!(
                    "the profit has fallen by {fall} {asset} from its peak of the session; max_drawdown is {limit}"
                ));
            }
        }
        if let Some(reason) = fallen {
            self.throw_kill_switch(reason);
        }
    }

    /// Profit after fees by quote asset; `None` where a market is not up yet, or holds what has had no price yet.
    fn profits(&mut self) -> BTreeMap<Asset, Option<Amount>> {
        let mut profits: BTreeMap<Asset, Option<Amount>> = BTreeMap::new();
        for venue in &mut self.state.venues {
            if matches!(venue.phase, VenuePhase::Failed(_)) {
                continue;
            }
            let ready = venue.phase == VenuePhase::Ready;
            for market in &mut venue.markets {
                let mid = market.book().and_then(|book| book.mid());
                market.valued_at = mid.or(market.valued_at);
                let position = &market.position;
                let value = match market.valued_at {
                    _ if !ready => None,
                    Some(mid) => Some(position.net(mid)),
                    None if position.inventory.is_zero() => Some(position.realised - position.fees_in_quote),
                    None => None,
                };
                let sum = profits.entry(market.pair.quote.clone()).or_insert(Some(Amount::ZERO));
                *sum = sum.zip(value).map(|(sum, value)| sum + value);
            }
        }
        profits
    }

    fn throw_kill_switch(&mut self, reason: String) {
        let time = self.state.now.wall;
        self.log(
            LogLevel::Error,
            format!(
                "the kill switch is thrown: {reason}. Every order is cancelled; nothing is placed until you resume"
            ),
        );
        self.journal_fact(Record::KillSwitchThrown {
            reason: reason.clone(),
            time,
        });
        self.state.kill_switch = Some(KillSwitch { reason, time });
        self.update_strategies();
        self.cancel_where_killed();
    }

    /// While the switch is thrown: cancels everything that may be live. What comes to nothing is sent again.
    pub(crate) fn cancel_where_killed(&mut self) {
        if self.state.kill_switch.is_none() {
            return;
        }
        for index in (0..self.state.venues.len()).map(VenueIndex) {
            let venue = &self.state.venues[index.0];
            if matches!(
                venue.phase,
                VenuePhase::Collecting | VenuePhase::Balances | VenuePhase::Ready
            ) {
                for id in venue.orders.live_ids() {
                    self.cancel(index, &id);
                }
            }
        }
    }

    /// A person resumes: the peak is what the session has now. Whether the switch was thrown.
    pub(crate) fn resume(&mut self, now: HostNow) -> bool {
        self.at(now);
        if self.state.kill_switch.take().is_none() {
            return false;
        }
        self.state.profit_peaks.clear();
        self.journal_fact(Record::KillSwitchReleased { time: now.wall });
        self.log(LogLevel::Info, "the kill switch is released");
        self.wake_at(now.mono);
        true
    }
}
