//! The promises, checked against the exchange once a seed is over.

use std::collections::{BTreeMap, BTreeSet};

use colibri_engine::Recovered;
use colibri_model::{Decimal, Fill, OrderState};
use colibri_sim::matching::{Cause, MyTrade, Order, OrderStatus, Side};

use super::blueprint::{MOST_NOTIONAL, folded};
use super::contract_verdict;
use super::process::Process;
use super::stage::Face;
use super::world::FaultyExchange;
use colibri_store::journal::MemoryDisk;

/// Operations of a venue that may be under way at the end: the keeping of sessions and clock.
const MOST_OPERATIONS: usize = 8;

/// Promises that were broken, in words.
pub type Violations = Vec<String>;

/// What the exchange has of the account.
struct Truth<'a> {
    /// The bot's own, and those that it has adopted.
    orders: Vec<&'a Order>,
    /// Somebody else's, and the exchange's.
    foreign: Vec<&'a Order>,
    /// By venue, pair and trade id.
    trades: BTreeMap<TradeName, &'a MyTrade>,
    /// Bought less sold by the bot, by venue and pair.
    positions: BTreeMap<(String, String), Decimal>,
}

/// Venue, pair and id.
type TradeName = (String, String, String);

fn truth<'a>(process: &Process, world: &'a FaultyExchange) -> Truth<'a> {
    let mut truth = Truth {
        orders: Vec::new(),
        foreign: Vec::new(),
        trades: BTreeMap::new(),
        positions: BTreeMap::new(),
    };
    let view = process.engine().view();
    let adopted: BTreeSet<&str> = view
        .venues()
        .flat_map(|v| v.orders())
        .map(|order| order.client_id().as_str())
        .filter(|id| world.outsider.placed.contains(*id))
        .collect();
    let markets = world.faces().flat_map(|(face, engine, account)| {
        let markets = engine.markets();
        markets.map(move |(_, market)| (face.connector().to_owned(), market, account))
    });
    for (venue, market, account) in markets {
        let pair = format!("{}-{}", market.settings.base, market.settings.quote);
        let is_foreign = |order: &Order| {
            let id = order.client_id.as_str();
            order.terms.cause != Cause::Client || (world.outsider.placed.contains(id) && !adopted.contains(id))
        };
        let (foreign, own): (Vec<_>, Vec<_>) = market.orders_of(account).partition(|order| is_foreign(order));
        let position = truth.positions.entry((venue.clone(), pair.clone())).or_default();
        for trade in market.trades_of(account) {
            let name = (venue.clone(), pair.clone(), trade.id.to_string());
            truth.trades.insert(name, trade);
            if market.order(trade.order).is_some_and(|order| !is_foreign(order)) {
                *position += match trade.side {
                    Side::Buy => trade.quantity,
                    Side::Sell => -trade.quantity,
                };
            }
        }
        truth.orders.extend(own);
        truth.foreign.extend(foreign);
    }
    truth
}

/// How many orders the bot has placed.
#[must_use]
pub fn orders_of_the_bot(world: &FaultyExchange) -> u64 {
    let orders = world.faces().flat_map(|(_, engine, account)| {
        let markets = engine.markets();
        markets.flat_map(move |(_, market)| market.orders_of(account))
    });
    orders
        .filter(|order| order.terms.cause == Cause::Client)
        .filter(|order| !world.outsider.placed.contains(order.client_id.as_str()))
        .count() as u64
}

/// How many trades the account has made.
#[must_use]
pub fn trades_of_the_account(world: &FaultyExchange) -> u64 {
    let faces = world.faces();
    faces
        .flat_map(|(_, engine, account)| engine.markets().map(move |(_, m)| m.trades_of(account).len() as u64))
        .sum()
}

/// Names of the bot's orders that are open at the exchange.
#[must_use]
pub fn open_orders_of_the_bot(process: &Process, world: &FaultyExchange) -> Vec<String> {
    let truth = truth(process, world);
    let open = truth.orders.iter().filter(|order| order.status.is_open());
    open.map(|order| order.client_id.to_string()).collect()
}

/// What is amiss with orders of somebody else's: touched, or not shown.
#[must_use]
pub fn foreign_orders(process: &Process, world: &FaultyExchange) -> Vec<String> {
    let view = process.engine().view();
    let shown: BTreeSet<&str> = view
        .venues()
        .flat_map(|venue| venue.foreign_orders())
        .filter_map(|order| Some(order.client_id.as_ref()?.as_str()))
        .collect();
    let mut broken = Violations::new();
    for order in truth(process, world).foreign {
        let id = order.client_id.as_str();
        if order.terms.cause != Cause::Client {
            continue;
        }
        if order.status == OrderStatus::Canceled && !world.outsider.cancelled.contains(id) {
            broken.push(format!("{id}, an order of somebody else's, was cancelled"));
        }
        if order.amendments > 0 {
            broken.push(format!("{id}, an order of somebody else's, was amended"));
        }
        if order.status.is_open() != shown.contains(id) {
            let status = order.status;
            broken.push(format!(
                "{id}, an order of somebody else's, is {status:?} and shown otherwise"
            ));
        }
    }
    broken
}

/// Checks every promise.
#[must_use]
pub fn violations(process: &Process, world: &FaultyExchange, disk: &MemoryDisk) -> Violations {
    let mut broken = Violations::new();
    let truth = truth(process, world);
    if !process.engine().is_stopped() {
        let report = process.engine().stop_report();
        broken.push(format!("it has not stopped with proof: {report:?}"));
    }
    exchange_side(&truth, &mut broken);
    broken.extend(foreign_orders(process, world));
    positions(process, &truth, &mut broken);
    tracker(process, &truth, &mut broken);
    match folded(disk) {
        Ok(recovered) => journal(&recovered, &truth, &mut broken),
        Err(why) => broken.push(format!("the journal cannot be read: {why}")),
    }
    balances(process, world, &mut broken);
    broken.extend(contract_verdict::violations(process, world, disk));
    for answer in &world.limits_exceeded {
        broken.push(format!("a limit was exceeded: {answer}"));
    }
    let operations = process.operations();
    if operations > MOST_OPERATIONS * process.venues() {
        broken.push(format!("{operations} operations have not ended"));
    }
    broken
}

fn positions(process: &Process, truth: &Truth<'_>, broken: &mut Violations) {
    for market in process.engine().view().markets() {
        let (pair, held) = (market.pair().to_string(), market.position().inventory.0);
        let name = (market.venue().to_string(), pair);
        let truly = truth.positions.get(&name).copied().unwrap_or_default();
        if held != truly {
            let (venue, pair) = name;
            broken.push(format!(
                "{pair} at {venue}: {held} held by the position, {truly} by the trades"
            ));
        }
    }
}

fn exchange_side(truth: &Truth<'_>, broken: &mut Violations) {
    let mut names = BTreeSet::new();
    for order in &truth.orders {
        if order.status.is_open() {
            broken.push(format!("{} is open at the exchange", order.client_id));
        }
        if !names.insert(order.client_id.as_str()) {
            broken.push(format!("{} was executed twice", order.client_id));
        }
        if order.price * order.quantity > Decimal::from(MOST_NOTIONAL) {
            broken.push(format!("{} is above the risk limit", order.client_id));
        }
    }
}

/// Whether a state of ours says what the exchange says. An order that was amended to no more than what it had filled
/// expires at the exchange with all of its quantity filled: both words are true of it.
fn agrees(ours: OrderState, theirs: &Order) -> bool {
    let whole = theirs.executed == theirs.quantity;
    match (ours, theirs.status) {
        (OrderState::Filled, OrderStatus::Filled)
        | (OrderState::Cancelled, OrderStatus::Canceled)
        | (OrderState::Expired, OrderStatus::Expired | OrderStatus::ExpiredInMatch) => true,
        (OrderState::Filled, OrderStatus::Expired) => whole,
        _ => false,
    }
}

fn tracker(process: &Process, truth: &Truth<'_>, broken: &mut Violations) {
    let view = process.engine().view();
    let by_name: BTreeMap<&str, &&Order> = truth.orders.iter().map(|o| (o.client_id.as_str(), o)).collect();
    let mut known = BTreeSet::new();
    for order in view.venues().flat_map(|v| v.orders()) {
        let id = order.client_id().as_str();
        known.insert(id.to_owned());
        if !order.state().is_terminal() {
            broken.push(format!("{id} is {:?} in the tracker", order.state()));
            continue;
        }
        match by_name.get(id) {
            None if order.state() == OrderState::Rejected => {}
            None => broken.push(format!(
                "{id} is {:?} in the tracker, and the exchange never had it",
                order.state()
            )),
            Some(there) => {
                if !agrees(order.state(), there) {
                    broken.push(format!(
                        "{id} is {:?} in the tracker, {:?} at the exchange",
                        order.state(),
                        there.status
                    ));
                }
                if order.filled().0 != there.executed {
                    broken.push(format!(
                        "{id}: {} filled in the tracker, {} at the exchange",
                        order.filled(),
                        there.executed
                    ));
                }
            }
        }
    }
    for order in &truth.orders {
        if !known.contains(order.client_id.as_str()) {
            broken.push(format!("the tracker does not know {}", order.client_id));
        }
    }
    let fills: Vec<&Fill> = view.venues().flat_map(|v| v.fills()).collect();
    compare_fills("the ledger", &fills, truth, broken);
}

fn compare_fills(whose: &str, fills: &[&Fill], truth: &Truth<'_>, broken: &mut Violations) {
    let mut told = BTreeMap::new();
    for fill in fills {
        let key = &fill.key;
        let name = (key.venue.to_string(), key.pair.to_string(), key.trade_id.to_string());
        told.insert(name, *fill);
    }
    for (key, trade) in &truth.trades {
        let Some(fill) = told.remove(key) else {
            broken.push(format!("{whose} lacks the trade {} of {} at {}", key.2, key.1, key.0));
            continue;
        };
        let fee = fill.fee.as_ref().map(|fee| (fee.amount.0, fee.asset.as_str()));
        let same = fill.price.0 == trade.price
            && fill.quantity.0 == trade.quantity
            && fee == Some((trade.commission, trade.commission_asset.as_str()));
        if !same {
            broken.push(format!(
                "{whose} has the trade {} of {} otherwise: {fill:?}, {trade:?}",
                key.2, key.1
            ));
        }
    }
    for key in told.keys() {
        broken.push(format!("{whose} has a trade {} of {} that never was", key.2, key.1));
    }
}

fn journal(recovered: &Recovered, truth: &Truth<'_>, broken: &mut Violations) {
    let there: BTreeMap<&str, &&Order> = truth.orders.iter().map(|o| (o.client_id.as_str(), o)).collect();
    for (id, order) in &recovered.orders {
        if !order.state.is_terminal() {
            broken.push(format!("the intent {id} has no end in the journal: {:?}", order.state));
        }
        if let Some(theirs) = there.get(id.as_str())
            && order.state.is_terminal()
            && !agrees(order.state, theirs)
        {
            broken.push(format!(
                "{id} is {:?} in the journal, {:?} at the exchange",
                order.state, theirs.status
            ));
        }
    }
    for order in &truth.orders {
        let journaled = recovered
            .orders
            .keys()
            .any(|id| id.as_str() == order.client_id.as_str());
        if !journaled {
            broken.push(format!("{} is not in the journal", order.client_id));
        }
    }
    // A fill whose fee was learned later stands there again: the last word counts.
    let mut last: BTreeMap<_, &Fill> = BTreeMap::new();
    for (_, fill) in &recovered.fills {
        last.insert(&fill.key, fill);
    }
    let fills: Vec<&Fill> = last.into_values().collect();
    compare_fills("the journal", &fills, truth, broken);
}

fn balances(process: &Process, world: &FaultyExchange, broken: &mut Violations) {
    for venue in process.engine().view().venues() {
        let ledger = venue.ledger_balances();
        if ledger.is_empty() {
            broken.push(format!("the ledger of {} has not started", venue.id()));
        }
        // A margin wallet is `contract_verdict`'s.
        let of_spot = world.faces().find(|(face, ..)| *face == Face::Spot);
        let Some((_, engine, account)) = of_spot.filter(|_| !venue.has_contracts()) else {
            continue;
        };
        let held = &engine.account(account).ledger;
        for line in ledger {
            let asset = line.asset.as_str();
            let balance = held.balance(&asset.into());
            let truly = balance.free + balance.locked;
            if line.stated.0 != truly {
                broken.push(format!("{asset}: stated {}, at the exchange {truly}", line.stated));
            }
            let moved = world.outsider.transferred.get(asset).copied().unwrap_or_default();
            if line.expected.0 + moved != truly {
                broken.push(format!(
                    "{asset}: {} by fills and {moved} from outside, at the exchange {truly}",
                    line.expected
                ));
            }
        }
    }
}
