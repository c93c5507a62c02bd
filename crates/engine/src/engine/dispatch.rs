//! Telling strategies, and carrying out what they want.

use std::collections::VecDeque;

use colibri_model::{ClientOrderId, Journal, MonoNs};

use crate::clock::Tick;
use crate::contracts::{ForcedReduction, FundingTold, MarginCall, PositionChanged};
use crate::engine::core::{Core, Slot};
use crate::engine::state::{EnginePhase, StrategyInfo, StrategyState};
use crate::engine::{LogLevel, MarketId, VenueIndex};
use crate::orders::OrderChange;
use crate::risk::RiskRefusal;
use crate::strategy::{
    Input, OrderAmended, OrderReplaced, OrderRequest, OwnFill, OwnOrderChange, OwnTriggerChange, PauseReason,
    RefusedOrder, RefusedTrigger, Strategy, StrategyAction, StrategyActions,
};
use crate::view::View;

/// Rounds of telling and carrying out in one settling; what is left waits for the next, so that a strategy that answers
/// each refusal with a wish cannot hold the engine.
const ROUNDS: usize = 16;

/// Something that a strategy is to be told.
#[derive(Debug, Clone)]
pub(crate) enum Note {
    Order(VenueIndex, OrderChange, OwnOrderChange),
    Fill(VenueIndex, OwnFill),
    Fee(VenueIndex, OwnFill),
    Amended(usize, OrderAmended),
    Replaced(usize, OrderReplaced),
    Refused(usize, RefusedOrder),
    Trigger(VenueIndex, OwnTriggerChange),
    TriggerRefused(usize, RefusedTrigger),
    Balances(VenueIndex),
    Position(PositionChanged),
    Funding(FundingTold),
    MarginCall(MarginCall),
    Forced(ForcedReduction),
    Settings(VenueIndex),
}

impl<J: Journal> Core<J> {
    pub(crate) fn add_strategy(&mut self, strategy: Box<dyn Strategy>) -> usize {
        self.state.strategies.push(StrategyInfo {
            id: strategy.id().clone(),
            kind: strategy.kind(),
            state: StrategyState::Waiting,
            since: MonoNs(0),
            obstacle: None,
            book_need: strategy.book_need(),
            markets: Vec::new(),
            status: String::new(),
            timers: std::collections::BTreeMap::new(),
            rejections: crate::engine::limits::Rejections::default(),
        });
        self.slots.push(Slot {
            strategy,
            actions: StrategyActions::default(),
        });
        self.slots.len() - 1
    }

    fn tell(&mut self, index: usize, input: Input<'_>) {
        let slot = &mut self.slots[index];
        slot.strategy.input(input, &View::new(&self.state), &mut slot.actions);
        for action in self.slots[index].actions.take() {
            self.carry_out(index, action);
        }
    }

    fn is_running(&self, index: usize) -> bool {
        self.state.strategies[index].state == StrategyState::Running
    }

    pub(crate) fn tick_strategy(&mut self, index: usize, tick: &Tick) {
        if self.is_running(index) {
            self.tell(index, Input::Tick(tick));
        }
        self.state.strategies[index].status = self.slots[index].strategy.status();
    }

    /// Tells what has happened since the last time, carries out what is wanted, and makes it ready to be taken.
    pub(crate) fn settle(&mut self) {
        self.check_brakes();
        self.update_strategies();
        self.tell_market_data();
        self.fire_timers();
        for _ in 0..ROUNDS {
            if self.notes.is_empty() {
                break;
            }
            for note in std::mem::take(&mut self.notes) {
                self.tell_note(note);
            }
        }
        if !self.notes.is_empty() {
            let now = self.mono();
            self.wake_at(now);
        }
        self.continue_stop();
        self.flush();
    }

    fn tell_market_data(&mut self) {
        // One that changes while strategies are told waits for the next settling.
        let mut news = std::mem::take(&mut self.changed);
        news.sort_unstable();
        for &id in &news {
            let Some(market) = self.state.venues[id.venue.0].market_mut(id.instrument) else {
                continue;
            };
            let changed = std::mem::take(&mut market.book_changed);
            let rates = market
                .contracts
                .as_deref_mut()
                .is_some_and(|c| std::mem::take(&mut c.rates_changed));
            if !changed && !rates && market.trades.is_empty() {
                continue;
            }
            let mut trades = std::mem::take(&mut market.trades);
            for index in 0..self.slots.len() {
                if !self.is_running(index) || !self.state.strategies[index].markets.contains(&id) {
                    continue;
                }
                if !trades.is_empty() {
                    self.tell(
                        index,
                        Input::Trades {
                            market: id,
                            trades: &trades,
                        },
                    );
                }
                if rates {
                    self.tell(index, Input::Rates(id));
                }
                if changed {
                    self.tell(index, Input::Book(id));
                }
            }
            // The room is kept.
            trades.clear();
            if let Some(market) = self.state.venues[id.venue.0].market_mut(id.instrument) {
                market.trades = trades;
            }
        }
        if self.changed.is_empty() {
            news.clear();
            self.changed = news;
        }
    }

    fn tell_note(&mut self, note: Note) {
        match note {
            Note::Order(venue, change, told) => {
                self.send_wanted_cancel(venue, &change.client_id);
                if let Some(index) = self.owner_of(venue, &told.client_id) {
                    self.tell_started(index, Input::Order(&told));
                }
                self.place_replacement(venue, &change);
            }
            Note::Fill(venue, told) => {
                if let Some(index) = self.owner_of(venue, &told.client_id) {
                    self.tell_started(index, Input::Fill(&told));
                }
            }
            Note::Fee(venue, told) => {
                if let Some(index) = self.owner_of(venue, &told.client_id) {
                    self.tell_started(index, Input::Fee(&told));
                }
            }
            Note::Amended(index, told) => self.tell_started(index, Input::Amended(&told)),
            Note::Replaced(index, told) => self.tell_started(index, Input::Replaced(&told)),
            Note::Refused(index, refused) => self.tell_started(index, Input::Refused(&refused)),
            Note::Trigger(venue, told) => {
                self.send_wanted_trigger_cancel(venue, &told.client_id);
                let trigger = self.state.venues[venue.0].triggers.tracker.get(&told.client_id);
                if let Some(index) = trigger.and_then(|t| self.strategy_index(&t.strategy)) {
                    self.tell_started(index, Input::Trigger(&told));
                }
            }
            Note::TriggerRefused(index, refused) => self.tell_started(index, Input::TriggerRefused(&refused)),
            Note::Balances(venue) => self.tell_at(venue, Input::Balances(venue)),
            Note::Position(told) => self.tell_of(told.market, Input::Position(&told)),
            Note::Funding(told) => self.tell_of(told.market, Input::Funding(&told)),
            Note::MarginCall(told) => self.tell_at(told.venue, Input::MarginCall(&told)),
            Note::Forced(told) => self.tell_of(told.market, Input::Forced(&told)),
            Note::Settings(venue) => self.tell_at(venue, Input::Settings(venue)),
        }
    }

    /// Tells every strategy that has a market at a venue.
    fn tell_at(&mut self, venue: VenueIndex, input: Input<'_>) {
        for index in 0..self.slots.len() {
            if self.state.strategies[index].markets.iter().any(|m| m.venue == venue) {
                self.tell_started(index, input);
            }
        }
    }

    /// Tells every strategy that has a market.
    fn tell_of(&mut self, market: MarketId, input: Input<'_>) {
        for index in 0..self.slots.len() {
            if self.state.strategies[index].markets.contains(&market) {
                self.tell_started(index, input);
            }
        }
    }

    /// Tells a strategy that has started, paused or not.
    fn tell_started(&mut self, index: usize, input: Input<'_>) {
        if self.state.strategies[index].state != StrategyState::Waiting {
            self.tell(index, input);
        }
    }

    /// The strategy that decided an order.
    fn owner_of(&self, venue: VenueIndex, id: &ClientOrderId) -> Option<usize> {
        let order = self.state.venues[venue.0].orders.get(id)?;
        self.strategy_index(&order.strategy)
    }

    fn strategy_index(&self, id: &colibri_model::StrategyId) -> Option<usize> {
        self.state.strategies.iter().position(|s| s.id == *id)
    }

    /// Starts, pauses and resumes strategies as their markets come and go.
    pub(crate) fn update_strategies(&mut self) {
        if self.state.phase != EnginePhase::Running {
            return;
        }
        for index in 0..self.slots.len() {
            let before = self.state.strategies[index].state;
            if before == StrategyState::Waiting {
                self.resolve_markets(index);
            }
            let obstacle = self.obstacle(index);
            self.state.strategies[index].obstacle = obstacle;
            let after = match (before, obstacle) {
                (StrategyState::Waiting | StrategyState::Paused(_), None) if self.books_are_fresh(index) => {
                    StrategyState::Running
                }
                (StrategyState::Running, Some(reason)) => StrategyState::Paused(reason),
                (StrategyState::Paused(old), Some(reason)) if old != reason => StrategyState::Paused(reason),
                _ => continue,
            };
            let now = self.mono();
            let strategy = &mut self.state.strategies[index];
            strategy.state = after;
            let id = strategy.id.clone();
            if let (StrategyState::Paused(old), StrategyState::Paused(reason)) = (before, after)
                && old.is_akin(reason)
            {
                continue;
            }
            strategy.since = now;
            match after {
                StrategyState::Paused(reason) => {
                    let why = View::new(&self.state).pause_in_words(reason);
                    self.log(LogLevel::Warn, format!("strategy {id} rests: {why}"));
                    self.tell(index, Input::Paused(reason));
                }
                _ if before == StrategyState::Waiting => {
                    self.log(LogLevel::Info, format!("strategy {id} starts"));
                    self.tell(index, Input::Started);
                }
                _ => {
                    self.log(LogLevel::Info, format!("strategy {id} goes on"));
                    self.tell(index, Input::Resumed);
                }
            }
            self.state.strategies[index].status = self.slots[index].strategy.status();
        }
    }

    fn resolve_markets(&mut self, index: usize) {
        let view = View::new(&self.state);
        let needs = self.slots[index].strategy.needs();
        let found: Vec<MarketId> = needs
            .iter()
            .filter_map(|need| view.find_market(&need.venue, &need.pair))
            .collect();
        if found.len() == needs.len() {
            self.state.strategies[index].markets = found;
        }
    }

    /// What keeps a strategy from trading.
    fn obstacle(&self, index: usize) -> Option<PauseReason> {
        if self.state.kill_switch.is_some() {
            return Some(PauseReason::KillSwitch);
        }
        if self.state.journal_fault.is_some() {
            return Some(PauseReason::JournalFailed);
        }
        if self.state.strategies[index]
            .rejections
            .rest_until(self.mono())
            .is_some()
        {
            return Some(PauseReason::OrdersRefused);
        }
        let markets = &self.state.strategies[index].markets;
        if markets.is_empty() && !self.slots[index].strategy.needs().is_empty() {
            return Some(PauseReason::NoSuchMarket);
        }
        let now = self.mono();
        let need = self.state.strategies[index].book_need;
        for &id in markets {
            let venue = &self.state.venues[id.venue.0];
            if let Some(outage) = venue.outage(need) {
                return Some(PauseReason::VenueOut {
                    venue: id.venue,
                    outage,
                });
            }
            if venue
                .market(id.instrument)
                .is_some_and(|m| venue.book_is_stale(m, need, now))
            {
                return Some(PauseReason::BookStale(id));
            }
        }
        None
    }

    fn books_are_fresh(&self, index: usize) -> bool {
        let now = self.mono();
        let strategy = &self.state.strategies[index];
        strategy.markets.iter().all(|&id| {
            let venue = &self.state.venues[id.venue.0];
            let market = venue.market(id.instrument);
            market.is_some_and(|m| venue.book_is_fresh(m, strategy.book_need, now))
        })
    }

    fn fire_timers(&mut self) {
        let now = self.mono();
        for index in 0..self.slots.len() {
            if !self.is_running(index) {
                continue;
            }
            let timers = &mut self.state.strategies[index].timers;
            if timers.is_empty() {
                continue;
            }
            let due: VecDeque<u64> = timers.iter().filter(|(_, at)| **at <= now).map(|(t, _)| *t).collect();
            for timer in due {
                self.state.strategies[index].timers.remove(&timer);
                self.tell(index, Input::Timer(timer));
            }
        }
    }

    pub(crate) fn wake_for_timers(&mut self) {
        let now = self.mono();
        let strategies = &self.state.strategies;
        let running = strategies.iter().filter(|s| s.state == StrategyState::Running);
        let rests = strategies.iter().filter_map(|s| s.rejections.rest_until(now));
        let timers = running.flat_map(|s| s.timers.values().copied());
        let next: Option<MonoNs> = timers.chain(rests).min();
        if let Some(next) = next {
            self.wake_at(next);
        }
    }

    fn carry_out(&mut self, index: usize, action: StrategyAction) {
        match action {
            StrategyAction::Create(request) => {
                let (market, tag) = (request.market, request.tag);
                if let Err(reason) = self.place(index, &request, None) {
                    self.state.counts.orders_refused += 1;
                    let id = &self.state.strategies[index].id;
                    let text = format!(
                        "strategy {id}: a {} order was not sent: {reason}",
                        request.side.as_str()
                    );
                    // A strategy goes on wishing until it is told; that nothing is placed while stopping is no news.
                    let level = if reason == RiskRefusal::Stopping {
                        LogLevel::Debug
                    } else {
                        LogLevel::Info
                    };
                    self.log(level, text);
                    let refused = RefusedOrder {
                        market,
                        tag,
                        client_id: None,
                        reason,
                    };
                    self.notes.push_back(Note::Refused(index, refused));
                }
            }
            StrategyAction::Cancel(id) => {
                if let Some(venue) = self.owned(index, &id) {
                    self.withdraw_replacement(venue, &id);
                    self.cancel(venue, &id);
                }
            }
            StrategyAction::Amend { client_id, quantity } => {
                let amended = match self.owned(index, &client_id) {
                    Some(venue) => self.amend(venue, &client_id, quantity),
                    None => Err(RiskRefusal::NotChangeable("it is not an order of the strategy's")),
                };
                if let Err(why) = amended {
                    self.log(LogLevel::Info, format!("order {client_id} was not amended: {why}"));
                    self.change_refused(index, client_id, None, why);
                }
            }
            StrategyAction::Replace { client_id, by } => {
                let replaced = match self.owned(index, &client_id) {
                    Some(venue) => self.replace(index, venue, &client_id, &by),
                    None => Err(RiskRefusal::NotChangeable("it is not an order of the strategy's")),
                };
                if let Err(why) = replaced {
                    self.state.counts.orders_refused += 1;
                    self.log(LogLevel::Info, format!("order {client_id} was not replaced: {why}"));
                    self.change_refused(index, client_id, Some(&by), why);
                }
            }
            StrategyAction::PlaceTrigger(request) => self.wish_trigger(index, &request),
            StrategyAction::CancelTrigger(id) => self.wish_trigger_cancel(index, &id),
            StrategyAction::SetTimer { timer, at } => {
                self.state.strategies[index].timers.insert(timer, at);
                self.wake_at(at);
            }
            StrategyAction::ClearTimer(timer) => {
                self.state.strategies[index].timers.remove(&timer);
            }
            StrategyAction::Log(level, text) => {
                let id = &self.state.strategies[index].id;
                let text = format!("strategy {id}: {text}");
                self.log(level, text);
            }
        }
    }

    /// A wish to change an order is refused: the strategy is told for the order that was to come, or for the one that is there.
    fn change_refused(
        &mut self,
        index: usize,
        client_id: ClientOrderId,
        by: Option<&OrderRequest>,
        reason: RiskRefusal,
    ) {
        let there = self.owned(index, &client_id).and_then(|venue| {
            let order = self.state.venues[venue.0].orders.get(&client_id)?;
            Some((Self::market_id(venue, order.intent.instrument), order.tag))
        });
        let Some((market, tag)) = by.map(|by| (by.market, by.tag)).or(there) else {
            return;
        };
        let refused = RefusedOrder {
            market,
            tag,
            client_id: Some(client_id),
            reason,
        };
        self.notes.push_back(Note::Refused(index, refused));
    }

    /// The venue of an order, where it is the strategy's.
    fn owned(&self, index: usize, id: &ClientOrderId) -> Option<VenueIndex> {
        let strategy = &self.state.strategies[index].id;
        let holds = |v: &crate::engine::venue::Venue| v.orders.get(id).is_some_and(|o| o.strategy == *strategy);
        self.state.venues.iter().position(holds).map(VenueIndex)
    }

    /// Tells every strategy that the bot stops. From now on nothing but reports reaches them.
    pub(crate) fn tell_stopping(&mut self) {
        for index in 0..self.slots.len() {
            let started = self.state.strategies[index].state != StrategyState::Waiting;
            if started {
                self.tell(index, Input::Stopping);
            }
            self.state.strategies[index].state = StrategyState::Stopped;
            self.state.strategies[index].status = self.slots[index].strategy.status();
        }
    }
}
