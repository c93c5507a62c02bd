//! After the user stream of a venue was down, nothing is placed there before everything that happened meanwhile is known.

use std::collections::{BTreeMap, BTreeSet};

use colibri_engine::{VenueIndex, VenueView};
use colibri_model::MonoNs;
use colibri_standard::SessionStatus;

use super::fault::Fault;
use super::process::Process;
use super::stage::Face;
use super::world::FaultyExchange;

/// A trade of the account, by pair and id.
type Trade = (String, String);

/// Looks on, from one return of each stream to the next.
#[derive(Debug, Clone, Default)]
pub struct CatchingUp {
    sent: u64,
    venues: BTreeMap<VenueIndex, OfVenue>,
}

#[derive(Debug, Clone, Default)]
struct OfVenue {
    was_live: bool,
    /// Trades from before the stream was back of which the bot has not heard.
    missed: BTreeSet<Trade>,
    /// Answers of a lagging replica until the stream was back.
    stale_reads: u64,
}

impl CatchingUp {
    /// After a turn: trades that the bot had missed when it placed an order.
    #[must_use]
    pub fn look(&mut self, process: &Process, world: &FaultyExchange, now: MonoNs) -> Vec<String> {
        let view = process.engine().view();
        let sent = view.counts().orders_sent;
        let placed = sent > std::mem::replace(&mut self.sent, sent);
        let stale_reads = world.struck.get(&Fault::StaleRead).copied().unwrap_or(0);
        let mut broken = Vec::new();
        for venue in view.venues() {
            let of = self.venues.entry(venue.index()).or_default();
            let is_live = venue.user_session() == SessionStatus::Live;
            if is_live && !of.was_live {
                of.missed = trades(world, venue.id().as_str());
                of.stale_reads = stale_reads;
            }
            // It was asked, and what answered did not know yet either: that shows later.
            if stale_reads > of.stale_reads {
                of.missed.clear();
            }
            of.was_live = is_live;
            if !placed || of.missed.is_empty() || !has_placed(venue, now) {
                continue;
            }
            for fill in venue.fills() {
                of.missed
                    .remove(&(fill.key.pair.to_string(), fill.key.trade_id.to_string()));
            }
            let told = |(pair, id): Trade| {
                format!(
                    "an order was placed after the user stream was back, and the trade {id} of {pair} was not known"
                )
            };
            broken.extend(std::mem::take(&mut of.missed).into_iter().map(told));
        }
        broken
    }
}

/// Whether an order or a trigger was sent there at this moment.
fn has_placed(venue: VenueView<'_>, now: MonoNs) -> bool {
    let orders = venue.live_orders().chain(venue.ended_since(now));
    orders
        .map(|order| order.sent)
        .chain(venue.live_triggers().map(|t| t.sent))
        .any(|sent| sent == now)
}

fn trades(world: &FaultyExchange, venue: &str) -> BTreeSet<Trade> {
    let mut faces = world.faces();
    let Some((_, engine, account)) = faces.find(|(face, ..)| Some(*face) == Face::of_venue(venue)) else {
        return BTreeSet::new();
    };
    let mut trades = BTreeSet::new();
    for (_, market) in engine.markets() {
        let pair = format!("{}-{}", market.settings.base, market.settings.quote);
        let of = market.trades_of(account);
        trades.extend(of.iter().map(|trade| (pair.clone(), trade.id.to_string())));
    }
    trades
}
