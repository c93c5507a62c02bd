//! What is in the account by no doing of this run: orders that no journal tells of (ours are adopted, others are shown), and
//! funds that came or left from outside.
//!
//! Ours are those whose client id carries this bot's tag (the journal lost them with a power cut, or was moved aside), and those
//! that the user names. Another bot's orders in the same account are foreign, as a person's are.

use colibri_model::{
    Amount, ClientOrderId, NO_STRATEGY, OrderIntent, OrderState, OrderType, QuantityUnit, Record, StrategyId,
    TimeInForce,
};
use colibri_standard::{BalanceChangeEvent, OrderEvent, ReportSource};

use crate::engine::core::Core;
use crate::engine::operations::Purpose;
use crate::engine::venue::{ForeignOrder, Venue};
use crate::engine::{LogLevel, VenueIndex};
use crate::orders::{InFlightOrder, OrderOrigin};

pub(crate) fn no_strategy() -> StrategyId {
    StrategyId::new(NO_STRATEGY).expect("a short name")
}

impl Core {
    /// Adopts an order that is not tracked, where it is this bot's: journaled, then tracked. Its client id then.
    pub(crate) fn adopt_if_ours(&mut self, index: VenueIndex, event: &OrderEvent) -> Option<ClientOrderId> {
        let now = self.state.now;
        let venue = &self.state.venues[index.0];
        let id = event.client_id.clone()?;
        let by_id = venue.ids.as_ref().is_some_and(|ids| ids.is_of_this_bot(&id));
        let by_user = event.exchange_id.as_ref().is_some_and(|x| venue.adopt.contains(x));
        if !(by_id || by_user) || venue.untracked.contains(&id) {
            return None;
        }
        let ended = OrderState::Unknown.after(event.status.evidence()?).ok()?.is_terminal();
        // The last word about an order that was forgotten long ago may come late on the stream; the answer to a question since
        // the watermark has none of those.
        if ended && event.source != ReportSource::Query {
            return None;
        }
        let market = venue.market(event.instrument?)?;
        let order_type = event.order_type.unwrap_or(match event.price {
            Some(_) => OrderType::Limit,
            None => OrderType::Market,
        });
        let rests = order_type != OrderType::Market;
        let intent = OrderIntent {
            client_id: id.clone(),
            instrument: market.id,
            side: event.side?,
            order_type,
            time_in_force: event.time_in_force.or_else(|| rests.then_some(TimeInForce::Gtc)),
            price: event.price,
            quantity: event.quantity.filter(|q| q.is_positive())?,
            quantity_unit: QuantityUnit::Base,
            terms: event.terms.unwrap_or_default(),
        };
        let names = |s: &&StrategyId| venue.ids.as_ref().is_some_and(|ids| ids.names(&id, s));
        let strategy = self.state.strategies.iter().map(|s| &s.id).find(names).cloned();
        let pair = market.pair.clone();
        let why = if by_id {
            "it has this bot's id"
        } else {
            "the bot's file names it"
        };
        let text = format!(
            "{}: the order {id} of {pair} is adopted: {why}, and no journal tells of it",
            venue.id
        );
        let record = Record::Adopted {
            strategy: strategy.clone(),
            venue: venue.id.clone(),
            account: venue.account.clone(),
            pair: pair.clone(),
            order: intent.clone(),
            exchange_id: event.exchange_id.clone(),
            time: now.wall,
        };
        self.log(LogLevel::Warn, text);
        // It is there whether it can be written down or not, and where it cannot the order is cancelled all the same.
        self.journal_fact(record);
        self.state.counts.orders_adopted += 1;
        let strategy = strategy.unwrap_or_else(no_strategy);
        let created = event.exchange_time.unwrap_or(now.wall);
        let mut order = InFlightOrder::new(strategy, 0, pair, intent, now.mono, created);
        order.origin = OrderOrigin::Adopted;
        order.answered = Some(now.mono);
        let venue = &mut self.state.venues[index.0];
        for key in foreign_keys(event) {
            venue.foreign.remove(&key);
            venue.reconcile.foreign_seen.remove(&key);
        }
        venue.orders.track(order);
        Some(id)
    }

    /// An order of somebody else is shown while it works.
    pub(crate) fn on_foreign_order(&mut self, index: VenueIndex, event: &OrderEvent) {
        let Some(key) = foreign_keys(event).next() else { return };
        let venue = &mut self.state.venues[index.0];
        let seen = &mut venue.reconcile.foreign_seen;
        let evidence = event.status.evidence();
        if evidence.is_some_and(|e| OrderState::Unknown.after(e).is_ok_and(OrderState::is_terminal)) {
            venue.foreign.remove(&key);
            seen.insert(key, None);
            return;
        }
        if seen.get(&key).is_some_and(Option::is_none) {
            // An answer that was given before it ended, and has come since: an end is final.
            return;
        }
        let order = ForeignOrder {
            symbol: event.symbol.clone(),
            client_id: event.client_id.clone(),
            exchange_id: event.exchange_id.clone(),
            side: event.side,
            price: event.price,
            quantity: event.quantity,
        };
        // Whoever tells it: what the stream tells while a question is under way may be newer than its answer.
        seen.insert(key.clone(), Some(order.clone()));
        venue.foreign.insert(key, order);
    }

    /// Funds came or left by something other than a trade.
    pub(crate) fn on_balance_change(&mut self, index: VenueIndex, event: &BalanceChangeEvent) {
        let venue = &mut self.state.venues[index.0];
        if !venue
            .holdings
            .add_external(&event.asset, event.change, event.exchange_time)
        {
            return;
        }
        let (name, account) = (venue.id.clone(), venue.account.clone());
        let what = if event.change < Amount::ZERO {
            "left"
        } else {
            "came into"
        };
        let amount = Amount(event.change.0.abs());
        let text = format!("{name}: {amount} {} {what} the account from outside", event.asset);
        self.log(LogLevel::Info, text);
        self.journal_fact(Record::ExternalChange {
            venue: name,
            account,
            asset: event.asset.clone(),
            change: event.change,
            exchange_time: event.exchange_time,
            time: self.state.now.wall,
        });
        self.ask_balances(index);
    }

    /// Funds that came or left while no run watched: they are in the opening balances, and are entered as from outside.
    pub(crate) fn tell_moved_meanwhile(&mut self, index: VenueIndex) {
        let venue = &self.state.venues[index.0];
        let Some(words) = venue.moved_in_words() else { return };
        let text = format!("{}: {words}", venue.id);
        let moved = venue.holdings.moved_meanwhile().iter();
        let records = moved.map(|(asset, change)| Record::ExternalChange {
            venue: venue.id.clone(),
            account: venue.account.clone(),
            asset: asset.clone(),
            change: *change,
            exchange_time: None,
            time: self.state.now.wall,
        });
        let records: Vec<Record> = records.collect();
        self.log(LogLevel::Info, text);
        for record in records {
            self.journal_fact(record);
        }
    }
}

impl Venue {
    /// A question about what is open was answered as a whole: what it told of others' orders, and the stream meanwhile, is
    /// what there is.
    pub(crate) fn foreign_orders_are_known(&mut self) {
        let seen = std::mem::take(&mut self.reconcile.foreign_seen);
        let working = seen.into_iter().filter_map(|(key, order)| Some((key, order?)));
        self.foreign = working.collect();
    }

    /// What came or left between the run before and this one, in one line; `None` where nothing did, or that is not known.
    pub(crate) fn moved_in_words(&self) -> Option<String> {
        let moved = self.holdings.moved_meanwhile().iter().map(|(asset, change)| {
            let what = if *change < Amount::ZERO { "left" } else { "came" };
            format!("{} {asset} {what}", change.0.abs().normalize())
        });
        let moved: Vec<String> = moved.collect();
        (!moved.is_empty()).then(|| {
            format!(
                "while the bot was stopped {}, by no trade: the opening balances hold it",
                moved.join(", ")
            )
        })
    }

    /// Whether an order is told as working in answer to the question for orders since a time. That is no news: databases lag,
    /// and it may have ended since. The question about open orders, which is asked right before, tells which are.
    pub(crate) fn is_stale_history(&self, event: &OrderEvent) -> bool {
        let ends = |e| OrderState::Unknown.after(e).is_ok_and(OrderState::is_terminal);
        if event.source != ReportSource::Query || event.status.evidence().is_some_and(ends) {
            return false;
        }
        match (event.op.and_then(|op| self.ops.get(op)), event.instrument) {
            (Some(purpose), _) => matches!(purpose, Purpose::ReconcileHistory(_)),
            (None, Some(instrument)) => self.ops.has(&Purpose::ReconcileHistory(instrument)),
            (None, None) => false,
        }
    }
}

/// What a foreign order is remembered by: its exchange id, or else its client id.
fn foreign_keys(event: &OrderEvent) -> impl Iterator<Item = String> {
    let by_exchange = event.exchange_id.as_ref().map(|id| format!("{} {id}", event.symbol));
    let by_client = event.client_id.as_ref().map(|id| format!("{} {id}", event.symbol));
    by_exchange.into_iter().chain(by_client)
}
