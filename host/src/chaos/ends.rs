//! Ends that are told of orders, beside what the exchange has at that moment: an order is never told as refused, gone or ended
//! while the exchange has it open or has executed more of it, and one that was told as never placed never comes to be.

use std::collections::{BTreeMap, BTreeSet};

use colibri_engine::orders::InFlightOrder;
use colibri_model::{ClientOrderId, Millis, MonoNs, OrderState};
use colibri_sim::matching::{Order, OrderStatus};

use super::outsider::account;
use super::process::Process;
use super::stage::Face;
use super::world::FaultyExchange;

/// Denials that lie so far apart, the first to the last, are an answer: what they deny is taken for gone.
const ANSWERED: Millis = Millis(10_000);

/// What was answered of an order that the exchange, or a replica of it, denied to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied {
    first: MonoNs,
    last: MonoNs,
    /// Whether one of the answers was a lagging replica's, and wrong.
    by_replica: bool,
}

/// Who denied an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denier {
    /// The exchange, and it is so.
    Exchange,
    /// A replica that lags.
    Replica,
}

/// Every denial so far, by the order's name.
#[derive(Debug, Default)]
pub struct Denials(BTreeMap<String, Denied>);

impl Denials {
    /// An order was denied.
    pub fn add(&mut self, id: &str, by: Denier, at: MonoNs) {
        let known = self.0.entry(id.to_owned()).or_insert(Denied {
            first: at,
            last: at,
            by_replica: false,
        });
        known.last = at;
        known.by_replica |= by == Denier::Replica;
    }

    /// Whether the host could not know better: it was told so early and late, and by a replica that was wrong.
    fn misled(&self, id: &str) -> bool {
        let denied = self.0.get(id);
        denied.is_some_and(|denied| denied.by_replica && denied.last.since(denied.first) >= ANSWERED)
    }
}

/// Looks on, from one turn to the next.
#[derive(Debug, Default)]
pub struct Ends {
    /// When it last looked.
    at: MonoNs,
    /// What has been judged of the ends of that moment.
    judged: BTreeSet<ClientOrderId>,
    /// Orders that were told as never placed: where, and when.
    never_placed: BTreeMap<ClientOrderId, (String, MonoNs)>,
}

impl Ends {
    /// A process has started: what its journal says was judged when it was told.
    pub fn started(&mut self, process: &Process, now: MonoNs) {
        self.at = now;
        let ended = process.engine().view().venues().flat_map(|v| v.ended_since(now));
        self.judged = ended.map(|order| order.client_id().clone()).collect();
    }

    /// After a turn: ends that it has told and that are not so.
    #[must_use]
    pub fn look(&mut self, process: &Process, world: &FaultyExchange, now: MonoNs) -> Vec<String> {
        if now > self.at {
            self.at = now;
            self.judged.clear();
        }
        let mut broken = Vec::new();
        for (venue, order) in ended(process, now) {
            let id = order.client_id();
            if !self.judged.insert(id.clone()) || world.denials.misled(id.as_str()) {
                continue;
            }
            let there = there(world, venue, id);
            if there.is_none() && order.state() == OrderState::Rejected {
                self.never_placed.insert(id.clone(), (venue.to_owned(), now));
            }
            broken.extend(untrue(order, there));
        }
        broken
    }

    /// In the end: orders that were told as never placed and have come to be since.
    #[must_use]
    pub fn came_to_be(&self, world: &FaultyExchange) -> Vec<String> {
        let came = self
            .never_placed
            .iter()
            .filter(|(id, _)| !world.denials.misled(id.as_str()));
        came.filter_map(|(id, (venue, told))| {
            let there = there(world, venue, id)?;
            let seconds = told.0 / 1_000_000_000;
            Some(format!(
                "{id} was told as never placed at {seconds} s, and the exchange came to have it: {:?}",
                there.status
            ))
        })
        .collect()
    }
}

/// Orders that have just ended, each with its venue.
fn ended(process: &Process, now: MonoNs) -> impl Iterator<Item = (&str, &InFlightOrder)> {
    let venues = process.engine().view().venues();
    venues.flat_map(move |venue| {
        let name = venue.id().as_str();
        venue.ended_since(now).map(move |order| (name, order))
    })
}

/// An order of the account at a venue, by the name that it was placed under.
fn there<'a>(world: &'a FaultyExchange, venue: &str, id: &ClientOrderId) -> Option<&'a Order> {
    let engine = world.engine(Face::of_venue(venue)?)?;
    let account = account(engine)?;
    let name = id.as_str().into();
    let mut markets = engine.markets();
    markets.find_map(|(_, market)| market.order_by_client_id(account, &name))
}

/// What is not so of the end that an order has been told to have.
fn untrue(order: &InFlightOrder, there: Option<&Order>) -> Option<String> {
    let (id, state) = (order.client_id(), order.state());
    let Some(there) = there else {
        let never = state != OrderState::Rejected;
        return never.then(|| format!("{id} was told as {state:?}, and the exchange never had it"));
    };
    let status = there.status;
    let is_true = match state {
        OrderState::Rejected => false,
        OrderState::Filled => !status.is_open(),
        _ => !status.is_open() && status != OrderStatus::Filled,
    };
    if !is_true {
        return Some(format!(
            "{id} was told as {state:?} while the exchange has it as {status:?}"
        ));
    }
    let counted = order.reported_filled().0.max(order.filled().0);
    (counted < there.executed).then(|| {
        format!(
            "{id} was told as {state:?} with {counted} executed while the exchange has executed {}",
            there.executed
        )
    })
}
