//! The promises about contracts, checked against the exchange once a seed is over: positions, the margin wallet, funding, what
//! the exchange did by itself, triggers.

use std::collections::{BTreeMap, BTreeSet};

use colibri_engine::{Recovered, VenueView};
use colibri_model::{Decimal, ExchangeOrderId, FillCause, Pair, PositionSide, Record, TriggerState};
use colibri_sim::identity::AccountId;
use colibri_sim::margin::{IncomeKind, PositionSide as TheirSide};
use colibri_sim::matching::{Cause, Engine, Market, Side};
use colibri_sim::time::{Span, Timestamp};
use colibri_sim::usdm::{AlgoStatus, Exchange, Trigger};
use colibri_store::journal::{JournalReader, MemoryDisk};

use super::blueprint::folded;
use super::process::Process;
use super::stage::Face;
use super::verdict::Violations;
use super::world::FaultyExchange;

/// Funding that was settled within so long of the end may not have been asked for yet: it is, a minute after each settlement.
const FUNDING_LAG: Span = Span::from_secs(75);

/// Both sides of what is compared.
struct Compared<'a> {
    exchange: &'a Exchange,
    engine: &'a Engine,
    account: AccountId,
    venue: VenueView<'a>,
    world: &'a FaultyExchange,
    now: Timestamp,
}

/// What is amiss with contracts, where the seed trades any.
#[must_use]
pub fn violations(process: &Process, world: &FaultyExchange, disk: &MemoryDisk) -> Violations {
    let mut broken = Violations::new();
    let face = world.faces().find(|(face, ..)| *face == Face::Contracts);
    let view = process.engine().view();
    let venue = view.venues().find(VenueView::has_contracts);
    let (Some((_, engine, account)), Some(exchange), Some(venue)) = (face, world.venue.contracts_face(), venue) else {
        return broken;
    };
    let compared = Compared {
        exchange,
        engine,
        account,
        venue,
        world,
        now: world.timestamp(view.now().mono),
    };
    compared.positions(&mut broken);
    compared.reductions(&mut broken);
    compared.wallet(&mut broken);
    compared.triggers(&mut broken);
    match folded(disk) {
        Ok(recovered) => {
            compared.funding(&recovered, &mut broken);
            compared.journaled_triggers(&recovered, &mut broken);
        }
        Err(why) => broken.push(format!("the journal cannot be read: {why}")),
    }
    match reductions_of(disk) {
        Ok(told) => compared.forced(&told, &mut broken),
        Err(why) => broken.push(format!("the journal cannot be read: {why}")),
    }
    broken
}

/// A reduction that the exchange made by itself: pair, order and cause.
type Reduction = (Pair, ExchangeOrderId, FillCause);

fn reductions_of(disk: &MemoryDisk) -> Result<BTreeSet<Reduction>, String> {
    let mut reader = JournalReader::on(disk.clone()).map_err(|e| e.to_string())?;
    let mut told = BTreeSet::new();
    while let Some(batch) = reader.next_batch().map_err(|e| e.to_string())? {
        for record in batch.records {
            if let Record::ForcedReduction {
                pair,
                cause,
                exchange_id: Some(order),
                ..
            } = record
            {
                told.insert((pair, order, cause));
            }
        }
    }
    Ok(told)
}

fn pair_of(market: &Market) -> String {
    format!("{}-{}", market.settings.base, market.settings.quote)
}

const fn theirs(side: PositionSide) -> TheirSide {
    match side {
        PositionSide::Net => TheirSide::Both,
        PositionSide::Long => TheirSide::Long,
        PositionSide::Short => TheirSide::Short,
    }
}

impl Compared<'_> {
    fn positions(&self, broken: &mut Violations) {
        for market in self.venue.markets() {
            let pair = market.pair().to_string();
            let Some((id, _)) = self.engine.markets().find(|(_, m)| pair_of(m) == pair) else {
                continue;
            };
            for side in [PositionSide::Net, PositionSide::Long, PositionSide::Short] {
                let held = market.position_of(side).map(|position| position.quantity.0);
                let margin = &self.engine.account(self.account).margin;
                let truly = margin.position(id, theirs(side)).amount;
                if held.unwrap_or_default() != truly {
                    broken.push(format!(
                        "{pair} {side:?}: {held:?} by all fills of the account, {truly} at the exchange"
                    ));
                }
            }
        }
    }

    /// Trades of orders that may only reduce made a position smaller, and all trades together make what is held.
    fn reductions(&self, broken: &mut Violations) {
        for (id, market) in self.engine.markets() {
            let pair = pair_of(market);
            let mut held: BTreeMap<TheirSide, Decimal> = BTreeMap::new();
            for trade in market.trades_of(self.account) {
                let position = held.entry(trade.position).or_default();
                let before = *position;
                *position += match trade.side {
                    Side::Buy => trade.quantity,
                    Side::Sell => -trade.quantity,
                };
                let order = market.order(trade.order);
                let only_closes = order.is_some_and(|order| order.terms.only_closes(order.side));
                let turned_over = before.is_sign_positive() != position.is_sign_positive() && !position.is_zero();
                if only_closes && (position.abs() >= before.abs() || turned_over) {
                    broken.push(format!(
                        "{pair}: the trade {} of an order that may only reduce made {before} {position}",
                        trade.id
                    ));
                }
            }
            for (side, summed) in held {
                let truly = self.engine.account(self.account).margin.position(id, side).amount;
                if summed != truly {
                    broken.push(format!(
                        "{pair} {side:?}: {summed} by its trades, {truly} at the exchange"
                    ));
                }
            }
        }
    }

    /// What the margin wallet had when the ledger started, with profit, fees and funding since, and with what came or left
    /// otherwise, is what it has.
    fn wallet(&self, broken: &mut Violations) {
        let margin = &self.engine.account(self.account).margin;
        let truly = margin.wallet();
        for line in self.venue.ledger_balances() {
            if line.stated.0 != truly {
                broken.push(format!(
                    "the margin wallet: stated {}, at the exchange {truly}",
                    line.stated
                ));
            }
            let (mut wallet, mut explained, mut starts) = (Decimal::ZERO, false, 0);
            let entries = margin.income();
            for at in 0..=entries.len() {
                if wallet == line.start.0 {
                    let moved = entries[at..].iter().filter(|entry| {
                        let late = self.now.since(entry.time) < FUNDING_LAG;
                        match entry.kind {
                            IncomeKind::Transfer | IncomeKind::InsuranceClear => true,
                            IncomeKind::FundingFee => late && !self.knows_payment(entry.id),
                            IncomeKind::RealizedPnl | IncomeKind::Commission => false,
                        }
                    });
                    let moved: Decimal = moved.map(|entry| entry.amount).sum();
                    explained |= (line.expected.0 + moved - truly).abs() <= line.rounding.0;
                    starts += 1;
                }
                wallet += entries.get(at).map(|entry| entry.amount).unwrap_or_default();
            }
            if starts == 0 {
                broken.push(format!(
                    "the ledger starts from {}, which the margin wallet never had",
                    line.start
                ));
            } else if !explained {
                let (expected, start) = (line.expected, line.start);
                broken.push(format!(
                    "the margin wallet: {expected} from {start} by fills and funding, at the exchange {truly}"
                ));
            }
        }
    }

    fn knows_payment(&self, id: u64) -> bool {
        let id = id.to_string();
        self.venue
            .funding_payments()
            .any(|payment| payment.key.id.as_str() == id)
    }

    /// What the journal has of funding is what the exchange's ledger has: each entry once, with its amount.
    fn funding(&self, recovered: &Recovered, broken: &mut Violations) {
        let margin = &self.engine.account(self.account).margin;
        let mut told: BTreeMap<String, (String, Decimal)> = BTreeMap::new();
        for payment in recovered.funding.values() {
            let known = (payment.key.pair.to_string(), payment.amount.0);
            if told.insert(payment.key.id.to_string(), known).is_some() {
                broken.push(format!("the funding payment {} was counted twice", payment.key.id));
            }
        }
        for entry in margin
            .income()
            .iter()
            .filter(|entry| entry.kind == IncomeKind::FundingFee)
        {
            let pair = entry
                .market
                .map(|id| pair_of(self.engine.market(id)))
                .unwrap_or_default();
            match told.remove(&entry.id.to_string()) {
                Some((known, amount)) if (&known, amount) == (&pair, entry.amount) => {}
                None if self.now.since(entry.time) < FUNDING_LAG => {}
                known => broken.push(format!(
                    "funding of {pair}: the exchange paid {} as {}, the journal has {known:?}",
                    entry.amount, entry.id
                )),
            }
        }
        for id in told.keys() {
            broken.push(format!("the journal has a funding payment {id} that never was"));
        }
    }

    /// Every order that the exchange made by itself was told as what it is, and none else.
    fn forced(&self, told: &BTreeSet<Reduction>, broken: &mut Violations) {
        let mut unexplained = told.clone();
        for (_, market) in self.engine.markets() {
            let pair = pair_of(market);
            let orders = market.orders_of(self.account);
            for order in orders.filter(|order| order.terms.cause != Cause::Client) {
                let cause = match order.terms.cause {
                    Cause::Deleveraging => FillCause::Adl,
                    Cause::Liquidation | Cause::Client => FillCause::Liquidation,
                };
                let is_it = |(other, id, why): &Reduction| {
                    other.to_string() == pair && id.as_str() == order.id.to_string() && *why == cause
                };
                let before = unexplained.len();
                unexplained.retain(|reduction| !is_it(reduction));
                if unexplained.len() == before {
                    broken.push(format!(
                        "the exchange's own order {} of {pair} ({cause:?}) was never told as such",
                        order.id
                    ));
                }
            }
        }
        for (pair, id, cause) in unexplained {
            broken.push(format!(
                "the journal has a reduction {id} of {pair} ({cause:?}) that never was"
            ));
        }
        for fill in self.venue.fills() {
            let id = fill.exchange_id.as_ref().map(ExchangeOrderId::as_str);
            let mut markets = self.engine.markets();
            let market = markets.find(|(_, market)| pair_of(market) == fill.key.pair.to_string());
            let order = market.and_then(|(_, market)| {
                let mut orders = market.orders_of(self.account);
                orders.find(|order| Some(order.id.to_string().as_str()) == id)
            });
            if order.is_some_and(|order| (order.terms.cause == Cause::Client) != fill.cause.is_order()) {
                let (trade, pair) = (&fill.key.trade_id, &fill.key.pair);
                broken.push(format!("the fill {trade} of {pair} is told as {:?}", fill.cause));
            }
        }
    }

    fn by_name(&self) -> BTreeMap<&str, Vec<&Trigger>> {
        let mut by_name: BTreeMap<&str, Vec<&Trigger>> = BTreeMap::new();
        for trigger in self.exchange.triggers_of(self.account) {
            by_name.entry(trigger.client_id.as_str()).or_default().push(trigger);
        }
        by_name
    }

    /// No trigger is lost, doubled or guessed.
    fn triggers(&self, broken: &mut Violations) {
        let there = self.by_name();
        let known: BTreeSet<&str> = self.venue.triggers().map(|t| t.client_id().as_str()).collect();
        for trigger in self.venue.triggers() {
            let id = trigger.client_id().as_str();
            broken.extend(untrue("the tracker", id, trigger.state(), there.get(id)));
            if trigger.state() == TriggerState::BecameOrder
                && !self.venue.orders().any(|o| o.client_id().as_str() == id)
            {
                broken.push(format!("the trigger {id} became an order that is not tracked"));
            }
        }
        let shown: BTreeSet<&str> = self
            .venue
            .foreign_triggers()
            .filter_map(|trigger| Some(trigger.client_id.as_ref()?.as_str()))
            .collect();
        for (id, triggers) in &there {
            let waits = triggers.iter().any(|trigger| trigger.status == AlgoStatus::New);
            if !self.world.outsider.placed.contains(*id) {
                if !known.contains(id) {
                    broken.push(format!("the tracker does not know the trigger {id}"));
                }
                if triggers.len() > 1 {
                    broken.push(format!("the trigger {id} was placed {} times", triggers.len()));
                }
                if waits {
                    broken.push(format!("the trigger {id} waits at the exchange"));
                }
                continue;
            }
            let cancelled = triggers.iter().any(|trigger| trigger.status == AlgoStatus::Canceled);
            if cancelled && !self.world.outsider.cancelled.contains(*id) {
                broken.push(format!("{id}, a trigger of somebody else's, was cancelled"));
            }
            if waits != shown.contains(id) {
                broken.push(format!(
                    "{id}, a trigger of somebody else's, waits: {waits}, and is shown otherwise"
                ));
            }
        }
    }

    fn journaled_triggers(&self, recovered: &Recovered, broken: &mut Violations) {
        let there = self.by_name();
        for (id, trigger) in &recovered.triggers {
            let id = id.as_str();
            broken.extend(untrue("the journal", id, trigger.state, there.get(id)));
        }
        for id in there.keys().filter(|id| !self.world.outsider.placed.contains(**id)) {
            if !recovered.triggers.keys().any(|known| known.as_str() == *id) {
                broken.push(format!("the trigger {id} is not in the journal"));
            }
        }
    }
}

/// What is not so of the end that a trigger is said to have.
fn untrue(whose: &str, id: &str, state: TriggerState, there: Option<&Vec<&Trigger>>) -> Option<String> {
    let status = there.and_then(|triggers| triggers.last()).map(|trigger| trigger.status);
    let is_true = matches!(
        (state, status),
        (TriggerState::Rejected, None | Some(AlgoStatus::Rejected))
            | (TriggerState::Cancelled, Some(AlgoStatus::Canceled))
            | (TriggerState::Expired, Some(AlgoStatus::Expired))
            | (
                TriggerState::BecameOrder,
                Some(AlgoStatus::Triggered | AlgoStatus::Finished)
            )
    );
    (!is_true).then(|| format!("the trigger {id} is {state:?} in {whose}, {status:?} at the exchange"))
}
