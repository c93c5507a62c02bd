//! Telling strategies, and carrying out what they want.

use std::collections::VecDeque;

use colibri_model::{ClientOrderId, MonoNs};

use crate::clock::Tick;
use crate::contracts::{ForcedReduction, FundingTold, MarginCall, PositionChanged};
use crate::engine::core::{Core, Slot};
use crate::engine::state::{StrategyInfo, StrategyState};
use crate::engine::{LogLevel, MarketId, VenueIndex};
use crate::orders::OrderChange;
use crate::risk::RiskRefusal;
use crate::strategy::{
    Input, OrderAmended, OrderReplaced, OrderRequest, OwnFill, OwnOrderChange, OwnTriggerChange, RefusedOrder,
    RefusedTrigger, Strategy, StrategyAction, StrategyActions,
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

impl Core {
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
        self.readiness.add_strategy();
        self.slots.len() - 1
    }

    pub(crate) fn tell(&mut self, index: usize, input: Input<'_>) {
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
        if self.readiness.notice(&self.state) {
            self.brakes.doubt();
        }
        self.check_brakes();
        self.look_at_strategies();
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
            let listeners = std::mem::take(&mut market.listeners);
            for &index in &listeners {
                if !self.is_running(index) {
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
                market.listeners = listeners;
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

    fn fire_timers(&mut self) {
        let now = self.mono();
        if now < self.timers_due {
            return;
        }
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
        self.timers_due = self.running_timers().min().unwrap_or(MonoNs(u64::MAX));
    }

    /// When the timers of strategies that run come due.
    fn running_timers(&self) -> impl Iterator<Item = MonoNs> {
        let strategies = self.state.strategies.iter();
        let running = strategies.filter(|s| s.state == StrategyState::Running);
        running.flat_map(|s| s.timers.values().copied())
    }

    pub(crate) fn wake_for_timers(&mut self) {
        let now = self.mono();
        let rests = self
            .state
            .strategies
            .iter()
            .filter_map(|s| s.rejections.rest_until(now));
        let next: Option<MonoNs> = self.running_timers().chain(rests).min();
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
                self.timers_due = self.timers_due.min(at);
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
