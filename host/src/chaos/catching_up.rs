//! After the user stream was down, nothing is placed before everything that happened meanwhile is known.

use std::collections::BTreeSet;

use colibri_standard::SessionStatus;

use super::fault::Fault;
use super::outsider::account;
use super::process::Process;
use super::world::FaultyExchange;

/// A trade of the account, by pair and id.
type Trade = (String, String);

/// Looks on, from one return of the stream to the next.
#[derive(Debug, Clone, Default)]
pub struct CatchingUp {
    was_live: bool,
    sent: u64,
    /// Trades from before the stream was back of which the bot has not heard.
    missed: BTreeSet<Trade>,
    /// Answers of a lagging replica until the stream was back.
    stale_reads: u64,
}

impl CatchingUp {
    /// After a turn: trades that the bot had missed when it placed an order.
    #[must_use]
    pub fn look(&mut self, process: &Process, world: &FaultyExchange) -> Vec<String> {
        let view = process.engine().view();
        let sent = view.counts().orders_sent;
        let is_live = view.venues().all(|venue| venue.user_session() == SessionStatus::Live);
        let stale_reads = world.struck.get(&Fault::StaleRead).copied().unwrap_or(0);
        if is_live && !self.was_live {
            self.missed = trades(world);
            self.stale_reads = stale_reads;
        }
        // It was asked, and what answered did not know yet either: that shows later.
        if stale_reads > self.stale_reads {
            self.missed.clear();
        }
        self.was_live = is_live;
        let placed = sent > std::mem::replace(&mut self.sent, sent);
        if !placed || self.missed.is_empty() {
            return Vec::new();
        }
        for fill in view.venues().flat_map(|venue| venue.fills()) {
            self.missed
                .remove(&(fill.key.pair.to_string(), fill.key.trade_id.to_string()));
        }
        let told = |(pair, id): Trade| {
            format!("an order was placed after the user stream was back, and the trade {id} of {pair} was not known")
        };
        std::mem::take(&mut self.missed).into_iter().map(told).collect()
    }
}

fn trades(world: &FaultyExchange) -> BTreeSet<Trade> {
    let Some(account) = account(&world.exchange) else {
        return BTreeSet::new();
    };
    let mut trades = BTreeSet::new();
    for (_, market) in world.exchange.engine().markets() {
        let pair = format!("{}-{}", market.settings.base, market.settings.quote);
        let of = market.trades_of(account);
        trades.extend(of.iter().map(|trade| (pair.clone(), trade.id.to_string())));
    }
    trades
}
