//! The kill switch: what throws it, what follows, and how it is released.
//!
//! Thrown, it cancels every order at every venue, asks the exchanges until they say that none is open, and lets nothing be
//! placed, over restarts too, until a person resumes. What throws it by itself is compared here; how orders are cancelled and
//! their absence proven is stopping's.

use colibri_model::{Amount, KillCause, MonoNs, Record, WallNs};
use serde::{Deserialize, Serialize};

use crate::HostNow;
use crate::engine::core::Core;
use crate::engine::market::{Market, MarketWanted};
use crate::engine::state::EnginePhase;
use crate::engine::venue::Venue;
use crate::engine::{LogLevel, Outage, VenueIndex, VenueStop};
use crate::strategy::BookNeed;

/// The kill switch has been thrown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillSwitch {
    /// Who or what threw it.
    pub cause: KillCause,
    /// Why, with the figures.
    pub reason: String,
    /// When.
    pub time: WallNs,
    /// Since when it is proven in this run that no order of ours is open and no trigger waits: every venue, asked after the
    /// last cancel, has said so. `None` while it is not.
    pub proven: Option<WallNs>,
    /// How the proof stands by venue, with what may still be live. Empty before the start.
    pub venues: Vec<VenueStop>,
}

impl KillSwitch {
    /// One of which nothing is proven yet.
    #[must_use]
    pub const fn thrown(cause: KillCause, reason: String, time: WallNs) -> KillSwitch {
        KillSwitch {
            cause,
            reason,
            time,
            proven: None,
            venues: Vec::new(),
        }
    }
}

/// When what throws the switch by itself is to be compared again: a turn comes with every frame. Nothing of it is written
/// down.
#[derive(Debug)]
pub(crate) struct Brakes {
    /// Something has changed that the session's profit may depend on.
    profit_doubted: bool,
    /// Something has changed that orders which nobody sees may depend on.
    staleness_doubted: bool,
    /// Nothing is stale for too long before, unless something changes.
    stale_at: MonoNs,
}

impl Default for Brakes {
    fn default() -> Self {
        Brakes {
            profit_doubted: true,
            staleness_doubted: true,
            stale_at: MonoNs(0),
        }
    }
}

impl Brakes {
    /// Something has changed that any limit may depend on.
    pub(crate) const fn doubt(&mut self) {
        self.profit_doubted = true;
        self.staleness_doubted = true;
    }

    /// Something has changed that the session's profit may depend on.
    pub(crate) const fn doubt_profit(&mut self) {
        self.profit_doubted = true;
    }
}

impl Core {
    /// Throws the switch where one of the operator's limits on the whole bot is passed.
    pub(crate) fn check_brakes(&mut self) {
        if self.state.phase != EnginePhase::Running || self.state.kill_switch.is_some() {
            return;
        }
        self.touch_brakes();
        let thrown = self.profit_limit_passed().or_else(|| self.staleness_limit_passed());
        if let Some((cause, reason)) = thrown {
            self.throw_kill_switch(cause, reason);
        }
    }

    /// Markets whose books have changed may have changed the profit, or be stale sooner than was known.
    fn touch_brakes(&mut self) {
        let limit = self.state.risk.max_stale_ms;
        for id in self.changed.iter().chain(self.readiness.touched()) {
            let market = self.state.venues[id.venue.0].market(id.instrument);
            let Some(market) = market.filter(|m| m.wanted != MarketWanted::Watching) else {
                continue;
            };
            self.brakes.profit_doubted = true;
            if let Some(limit) = limit {
                let stale_at = market.right_at_for(BookNeed::Polled).plus(limit);
                self.brakes.stale_at = self.brakes.stale_at.min(stale_at);
            }
        }
    }

    /// The session's profit beside its peak and its start, by quote asset.
    fn profit_limit_passed(&mut self) -> Option<(KillCause, String)> {
        let (drawdown, loss) = (self.state.risk.max_drawdown, self.state.risk.max_loss);
        if drawdown.is_none() && loss.is_none() {
            return None;
        }
        if !std::mem::take(&mut self.brakes.profit_doubted) {
            return None;
        }
        self.value_session();
        for (asset, value) in &self.state.session.profits {
            let fall = value.peak - value.profit;
            if let Some(limit) = drawdown.filter(|&limit| fall >= limit && fall > Amount::ZERO) {
                let peak = value.peak;
                let reason = format!(
                    "the session's profit has fallen by {fall} {asset} from its peak of {peak}; max_drawdown is {limit}"
                );
                return Some((KillCause::Drawdown, reason));
            }
            let lost = -value.profit;
            if let Some(limit) = loss.filter(|&limit| lost >= limit && lost > Amount::ZERO) {
                let reason = format!("the session has lost {lost} {asset} from its start; max_loss is {limit}");
                return Some((KillCause::Loss, reason));
            }
        }
        None
    }

    /// Orders that are live where nobody can see what becomes of them, for longer than the limit.
    fn staleness_limit_passed(&mut self) -> Option<(KillCause, String)> {
        let limit = self.state.risk.max_stale_ms?;
        let now = self.mono();
        if !self.brakes.staleness_doubted && now < self.brakes.stale_at {
            return None;
        }
        self.brakes.staleness_doubted = false;
        let mut passed = None;
        let mut next: Option<MonoNs> = None;
        for (index, venue) in self.state.venues.iter().enumerate() {
            let index = VenueIndex(index);
            // What is set otherwise than it was chosen hides nothing of what becomes of orders, nor does a ban while the
            // streams go on.
            let outage = venue
                .outage(BookNeed::Polled)
                .filter(|outage| !matches!(outage, Outage::Settings | Outage::Banned));
            match &outage {
                None => {
                    self.state.outage_since.remove(&index);
                }
                Some(_) => {
                    self.state.outage_since.entry(index).or_insert(now);
                }
            }
            let since = self.state.outage_since.get(&index).copied();
            if venue.orders.live_count() == 0 {
                continue;
            }
            if let (Some(since), Some(outage)) = (since, outage) {
                if now.since(since) >= limit {
                    let why = venue.in_words(outage);
                    let live = venue.orders.live_count();
                    passed = Some(format!(
                        "{live} orders may be live at {} and {why}, for {} ms; max_stale_ms is {}",
                        venue.id,
                        now.since(since).0,
                        limit.0
                    ));
                }
                next = next.into_iter().chain([since.plus(limit)]).min();
            }
            for book in books_with_orders(venue) {
                let age = now.since(book.right_at);
                if age >= limit {
                    let text = book.in_words(venue);
                    passed = Some(format!("{text}, for {} ms; max_stale_ms is {}", age.0, limit.0));
                } else {
                    next = next.into_iter().chain([book.right_at.plus(limit)]).min();
                }
            }
        }
        self.brakes.stale_at = next.unwrap_or(MonoNs(u64::MAX));
        if let (None, Some(next)) = (&passed, next) {
            self.wake_at(next);
        }
        passed.map(|reason| (KillCause::Staleness, reason))
    }

    /// Throws the switch: everything is cancelled from here on. Whether it was not thrown yet.
    pub(crate) fn throw_kill_switch(&mut self, cause: KillCause, reason: String) -> bool {
        if self.state.kill_switch.is_some() {
            return false;
        }
        let time = self.state.now.wall;
        self.log(
            LogLevel::Error,
            format!(
                "the kill switch is thrown ({}): {reason}. Every order is cancelled; nothing is placed until you resume",
                cause.as_str()
            ),
        );
        self.journal_fact(Record::KillSwitchThrown {
            cause,
            reason: reason.clone(),
            time,
        });
        self.state.kill_switch = Some(KillSwitch::thrown(cause, reason, time));
        self.update_strategies();
        self.continue_stop();
        true
    }

    /// How the proof stands; told once when it is had.
    pub(crate) fn kill_switch_progressed(&mut self, venues: Vec<VenueStop>) {
        let now = self.state.now.wall;
        let Some(kill) = self.state.kill_switch.as_mut() else {
            return;
        };
        let is_proven = venues.iter().all(|v| v.proven);
        let was_proven = kill.proven.is_some();
        kill.venues = venues;
        kill.proven = if is_proven { kill.proven.or(Some(now)) } else { None };
        if is_proven && !was_proven {
            let held: Vec<String> = self
                .state
                .venues
                .iter()
                .flat_map(Venue::held_positions)
                .map(|p| p.to_string())
                .collect();
            let mut text =
                "the kill switch is thrown, and the exchange says that no order of ours is open and no trigger waits"
                    .to_owned();
            if !held.is_empty() {
                text.push_str(&format!("; positions are still open: {}", held.join("; ")));
            }
            self.log(LogLevel::Warn, text);
        }
    }

    /// A person resumes: a session begins anew. Whether the switch was thrown.
    pub(crate) fn resume(&mut self, now: HostNow) -> bool {
        self.at(now);
        if self.state.kill_switch.take().is_none() {
            return false;
        }
        self.doubt();
        self.state.session.begin_anew();
        self.state.outage_since.clear();
        self.forget_proofs();
        self.journal_fact(Record::KillSwitchReleased { time: now.wall });
        self.log(LogLevel::Info, "the kill switch is released");
        self.wake_at(now.mono);
        true
    }
}

/// The book of a traded market in which orders may be live.
struct BookWithOrders<'a> {
    market: &'a Market,
    live: usize,
    /// When it was last known to be right.
    right_at: MonoNs,
}

impl BookWithOrders<'_> {
    fn in_words(&self, venue: &Venue) -> String {
        let (live, pair) = (self.live, &self.market.pair);
        format!(
            "{live} orders may be live in {pair} at {} and its book is stale",
            venue.id
        )
    }
}

/// The books of traded markets in which orders may be live.
fn books_with_orders(venue: &Venue) -> impl Iterator<Item = BookWithOrders<'_>> {
    venue.orders.live_counts().iter().filter_map(|(instrument, live)| {
        let market = venue.market(instrument);
        let market = market.filter(|m| m.wanted == MarketWanted::Trading)?;
        Some(BookWithOrders {
            market,
            live,
            right_at: market.right_at_for(BookNeed::Polled),
        })
    })
}
