//! What the engine knows: everything that the view shows.

use std::collections::{BTreeMap, VecDeque};

use colibri_model::{Amount, Asset, Fill, MonoNs, StrategyId};
use serde::{Deserialize, Serialize};

use crate::HostNow;
use crate::accounts::Takings;
use crate::clock::TickStats;
use crate::engine::limits::{OrderRate, Rejections};
use crate::engine::session_profit::Session;
use crate::engine::venue::Venue;
use crate::engine::{DataDelays, KillSwitch, MarketId, StopReport, VenueIndex};
use crate::risk::RiskLimits;
use crate::strategy::{BookNeed, PauseReason};

/// Fills that the view shows.
pub(crate) const RECENT_FILLS: usize = 500;

/// How far the engine has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnginePhase {
    /// Not started.
    Idle,
    /// Running.
    Running,
    /// Cancelling everything.
    Stopping,
    /// Stopped: every order is gone, as the exchange itself has said.
    Stopped,
}

/// Counters since the start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Orders that were sent.
    pub orders_sent: u64,
    /// Cancels that were sent, of triggers too.
    pub cancels_sent: u64,
    /// Orders and triggers that ended without ever working: refused, certainly not sent, or denied by the exchange; and triggers
    /// whose order was refused.
    pub orders_rejected: u64,
    /// Wishes that were refused before anything was sent.
    pub orders_refused: u64,
    /// Orders and triggers whose outcome was unknown at some time.
    pub orders_unknown: u64,
    /// Unknown ones that an answer of the exchange resolved.
    pub unknown_resolved: u64,
    /// Orders of ours that no journal told of, found at the exchange.
    pub orders_adopted: u64,
    /// Triggers that were sent.
    #[serde(default)]
    pub triggers_sent: u64,
    /// Triggers that became orders.
    #[serde(default)]
    pub triggers_fired: u64,
    /// Triggers of ours that no journal told of, found at the exchange.
    #[serde(default)]
    pub triggers_adopted: u64,
    /// Our buys' fills.
    pub buy_fills: u64,
    /// Our sells' fills.
    pub sell_fills: u64,
    /// Reports of fills that were known already.
    pub duplicate_fills: u64,
    /// Notional traded by quote asset.
    pub volume: BTreeMap<Asset, Amount>,
    /// Fees by asset.
    pub fees: BTreeMap<Asset, Amount>,
    /// Books dropped.
    pub book_drops: u64,
    /// Streams that were open and proven silent, and were opened again.
    pub streams_condemned: u64,
    /// Instruments that were proven silent while their session delivered others, and were subscribed anew.
    pub feeds_resubscribed: u64,
    /// Reconciliations done.
    pub reconciliations: u64,
    /// Batches of book levels applied.
    pub book_updates: u64,
    /// Public trades taken in.
    pub public_trades: u64,
}

/// Whether a strategy trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StrategyState {
    /// Its markets have not been ready yet.
    Waiting,
    /// It trades.
    Running,
    /// It rests.
    Paused(PauseReason),
    /// It has been told to stop.
    Stopped,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StrategyInfo {
    pub(crate) id: StrategyId,
    #[serde(skip)]
    pub(crate) kind: &'static str,
    pub(crate) state: StrategyState,
    /// Since when it is in that state.
    pub(crate) since: MonoNs,
    /// Why it rests or waits; `None` where it does not.
    pub(crate) obstacle: Option<PauseReason>,
    pub(crate) book_need: BookNeed,
    pub(crate) markets: Vec<MarketId>,
    pub(crate) status: String,
    pub(crate) timers: BTreeMap<u64, MonoNs>,
    pub(crate) rejections: Rejections,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) now: HostNow,
    pub(crate) bot: String,
    pub(crate) phase: EnginePhase,
    pub(crate) venues: Vec<Venue>,
    pub(crate) strategies: Vec<StrategyInfo>,
    #[serde(skip)]
    pub(crate) risk: RiskLimits,
    pub(crate) order_rate: OrderRate,
    /// What strategies have taken of the accounts.
    pub(crate) takings: Takings,
    pub(crate) kill_switch: Option<KillSwitch>,
    /// What the limits on loss and drawdown are compared with.
    pub(crate) session: Session,
    /// Since when a venue cannot be relied on, by venue.
    pub(crate) outage_since: BTreeMap<VenueIndex, MonoNs>,
    pub(crate) counts: Counts,
    pub(crate) delays: DataDelays,
    pub(crate) recent_fills: VecDeque<Fill>,
    pub(crate) journal_fault: Option<String>,
    pub(crate) tick_stats: TickStats,
    pub(crate) stop_report: Option<StopReport>,
}

impl State {
    /// Its markets know a strategy that listens to them, by its number.
    pub(crate) fn listen(&mut self, strategy: usize) {
        for id in &self.strategies[strategy].markets {
            let market = self.venues[id.venue.0].market_mut(id.instrument);
            let listeners = market.map(|market| &mut market.listeners);
            if let Some(listeners) = listeners
                && let Err(place) = listeners.binary_search(&strategy)
            {
                listeners.insert(place, strategy);
            }
        }
    }

    /// As [`State::listen`], every strategy: what is read from a snapshot does not know them.
    pub(crate) fn listen_all(&mut self) {
        for strategy in 0..self.strategies.len() {
            self.listen(strategy);
        }
    }
}
