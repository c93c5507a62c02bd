//! Contracts while a seed runs: settings that are not as chosen are said to be otherwise and never set back in silence, and no
//! order is sent that could bring a position above its cap.

use colibri_engine::VenueView;
use colibri_model::{Decimal, MarginMode, Millis, MonoNs, Pair, PositionMode};
use colibri_sim::identity::{AccountId, MarketId};
use colibri_sim::margin::{ContractSettings, MarginKind, PositionMode as TheirMode, PositionSide};
use colibri_sim::matching::{Cause, Effect, Engine, Market, Order, Side};
use colibri_sim::usdm::{AlgoStatus, Exchange, Trigger};

use super::contract_plan::ContractPlan;
use super::outsider::AccountSettings;
use super::process::Process;
use super::stage::Face;
use super::world::FaultyExchange;

/// How often it looks.
const EVERY: Millis = Millis(1_000);
/// A setting that the stream does not tell of is read within so long, while the exchange answers.
const SAID_WITHIN: Millis = Millis(90_000);

/// Looks on, from one turn to the next.
#[derive(Debug)]
pub struct ContractWatch {
    plan: ContractPlan,
    next: MonoNs,
    /// Since when a setting is otherwise, and nobody says so.
    unsaid: Option<MonoNs>,
    /// Whether this process has seen its choices set.
    has_agreed: bool,
    /// What somebody else set while this process ran, and which of their changes it was.
    theirs: Option<(u64, AccountSettings)>,
}

impl ContractWatch {
    /// From `now` on.
    #[must_use]
    pub const fn new(plan: ContractPlan, now: MonoNs) -> ContractWatch {
        ContractWatch {
            plan,
            next: now,
            unsaid: None,
            has_agreed: false,
            theirs: None,
        }
    }

    /// A process has started: it may set what was chosen.
    pub fn started(&mut self) {
        self.unsaid = None;
        self.has_agreed = false;
        self.theirs = None;
    }

    /// After a turn.
    #[must_use]
    pub fn look(&mut self, process: &Process, world: &FaultyExchange, now: MonoNs) -> Vec<String> {
        let mut broken = Vec::new();
        if now < self.next {
            return broken;
        }
        self.next = now.plus(EVERY);
        let face = world.faces().find(|(face, ..)| *face == Face::Contracts);
        let view = process.engine().view();
        let venue = view.venues().find(VenueView::has_contracts);
        let (Some((_, engine, account)), Some(exchange), Some(venue)) = (face, world.venue.contracts_face(), venue)
        else {
            return broken;
        };
        self.look_at_settings(venue, (engine, account), world, now, &mut broken);
        for (id, market) in engine.markets() {
            broken.extend(above_cap(exchange, (account, id, market), world));
        }
        broken
    }

    fn look_at_settings(
        &mut self,
        venue: VenueView<'_>,
        (engine, account): (&Engine, AccountId),
        world: &FaultyExchange,
        now: MonoNs,
        broken: &mut Vec<String>,
    ) {
        let settings = AccountSettings::of(engine, account);
        let says_so = venue.not_ready().is_some() || !venue.setting_differences().is_empty();
        let as_chosen = self.is_as_chosen(&settings);
        let had_agreed = self.has_agreed;
        self.has_agreed |= as_chosen && !says_so;
        if as_chosen || says_so {
            self.unsaid = None;
        } else if now.since(*self.unsaid.get_or_insert(now)) > SAID_WITHIN {
            broken.push("a setting is not as chosen, and the bot trades and does not say so".to_owned());
        }
        let change = world.outsider.changed_setting().filter(|_| self.has_agreed);
        self.theirs = match (change, self.theirs.take()) {
            (None, _) => None,
            (Some(change), Some((number, theirs))) if number == change.number => Some((number, theirs)),
            // One that the process found when it started was its to set anew.
            (Some(change), _) if !had_agreed => Some((change.number, settings.clone())),
            (Some(change), _) => Some((change.number, change.left.clone())),
        };
        if self.theirs.as_ref().is_some_and(|(_, theirs)| *theirs != settings) {
            broken.push("a setting that somebody else had changed was set back in silence".to_owned());
        }
    }

    fn is_as_chosen(&self, settings: &AccountSettings) -> bool {
        let mode = match self.plan.position_mode {
            PositionMode::OneWay => TheirMode::OneWay,
            PositionMode::Hedge => TheirMode::Hedge,
        };
        let margin = match self.plan.margin_mode {
            MarginMode::Cross => MarginKind::Cross,
            MarginMode::Isolated => MarginKind::Isolated,
        };
        let chosen = ContractSettings {
            leverage: self.plan.leverage,
            margin,
        };
        settings.position_mode == mode && settings.contracts.iter().all(|contract| *contract == chosen)
    }
}

/// Whether an order, or what a trigger becomes, of a side could make a position larger.
fn opens(effect: Effect, position: PositionSide, side: Side) -> bool {
    effect == Effect::Any && !position.closes_by(side)
}

/// What the bot's orders and triggers could bring a position to, where that is above its cap by more than others traded there.
fn above_cap(
    exchange: &Exchange,
    (account, id, market): (AccountId, MarketId, &Market),
    world: &FaultyExchange,
) -> Option<String> {
    let pair: Pair = format!("{}-{}", market.settings.base, market.settings.quote)
        .parse()
        .ok()?;
    let cap = ContractPlan::caps(std::slice::from_ref(&pair)).get(&pair)?.0;
    let margin = &exchange.engine().account(account).margin;
    let is_own = |name: &str| !world.outsider.placed.contains(name);
    for position in PositionSide::ALL {
        for side in [Side::Buy, Side::Sell] {
            let amount = margin.position(id, position).amount;
            let held = if side == Side::Buy { amount } else { -amount };
            let orders = market
                .open_orders(account)
                .filter(|order| is_own(order.client_id.as_str()));
            let orders = orders
                .filter(|o| (o.terms.position, o.side) == (position, side) && opens(o.terms.effect, position, side));
            let may_fill: Decimal = orders.map(Order::remaining).sum();
            let waits = |trigger: &&Trigger| {
                trigger.status == AlgoStatus::New
                    && (trigger.market, trigger.position, trigger.side) == (id, position, side)
                    && opens(trigger.effect, position, side)
            };
            let triggers = exchange.triggers_of(account).filter(waits);
            let may_fire: Decimal = triggers
                .filter(|t| is_own(t.client_id.as_str()))
                .map(|t| t.quantity)
                .sum();
            let worst = held + may_fill + may_fire;
            // What others traded is known only after it has happened.
            if may_fill + may_fire > Decimal::ZERO && worst > cap && worst > cap + by_others(market, account, world) {
                return Some(format!(
                    "{pair} {position:?}: orders could bring {side:?} to {worst}, above {cap}"
                ));
            }
        }
    }
    None
}

/// Base that was traded in the account's name by others: a person, the exchange.
fn by_others(market: &Market, account: AccountId, world: &FaultyExchange) -> Decimal {
    let is_theirs =
        |order: &Order| order.terms.cause != Cause::Client || world.outsider.placed.contains(order.client_id.as_str());
    let orders = market.orders_of(account).filter(|order| is_theirs(order));
    orders.map(|order| order.executed).sum()
}
