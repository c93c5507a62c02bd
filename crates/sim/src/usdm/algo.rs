//! Triggers: orders that wait for a price in a service of their own. Source: Binance, USD-M futures, "New Algo Order".
//!
//! What waits here is no order: no margin is held for it, and no list of orders has it. How its status may change is one
//! table, [`AlgoStatus::may_become`].

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::order_request::PriceMatch;
use crate::identity::{AccountId, ClientOrderId, MarketId, OrderId};
use crate::margin::PositionSide;
use crate::matching::{Effect, OrderKind, SelfTradePrevention, Side, TimeInForce};
use crate::time::{Span, Timestamp};

/// Where a trigger is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlgoStatus {
    /// It waits.
    New,
    /// Its price was reached; its order is on its way.
    Triggering,
    /// Its order is in the engine.
    Triggered,
    /// Its order has ended.
    Finished,
    /// Its owner cancelled it.
    Canceled,
    /// Its order was refused.
    Rejected,
    /// It ended by its own rules.
    Expired,
}

impl AlgoStatus {
    /// The exchange's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Triggering => "TRIGGERING",
            Self::Triggered => "TRIGGERED",
            Self::Finished => "FINISHED",
            Self::Canceled => "CANCELED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
        }
    }

    /// Whether a trigger of this status may take on `next`.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::New => matches!(next, Self::Triggering | Self::Canceled | Self::Expired),
            Self::Triggering => matches!(next, Self::Triggered | Self::Rejected | Self::Expired),
            Self::Triggered => matches!(next, Self::Finished),
            Self::Finished | Self::Canceled | Self::Rejected | Self::Expired => false,
        }
    }
}

/// Which price is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkingType {
    /// The last trade.
    Contract,
    /// The mark price.
    Mark,
}

impl WorkingType {
    /// The exchange's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contract => "CONTRACT_PRICE",
            Self::Mark => "MARK_PRICE",
        }
    }
}

/// Which way the price must go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TriggerKind {
    /// Against the position that the order would close.
    Stop,
    /// For it.
    TakeProfit,
}

/// A trigger.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// Its number.
    pub id: u64,
    /// Whose.
    pub account: AccountId,
    /// Of which contract.
    pub market: MarketId,
    /// Its owner's name for it.
    pub client_id: ClientOrderId,
    /// Which way the price must go.
    pub kind: TriggerKind,
    /// Which price is watched.
    pub working: WorkingType,
    /// The price that fires it, in quote per base.
    pub trigger_price: Decimal,
    /// Whether the mark and the last price must be near each other.
    pub protected: bool,
    /// The side of its order.
    pub side: Side,
    /// Which position its order changes.
    pub position: PositionSide,
    /// What its order may do to it.
    pub effect: Effect,
    /// `Market`, `Limit` or `LimitMaker`.
    pub order: OrderKind,
    /// How long its order lives.
    pub time_in_force: TimeInForce,
    /// Zero for a market order.
    pub price: Decimal,
    pub(super) price_match: Option<PriceMatch>,
    /// Zero where all of the position is meant.
    pub quantity: Decimal,
    /// What its order does where it would meet one of the same owner.
    pub prevention: SelfTradePrevention,
    /// Until when it waits, where it says so.
    pub good_till: Option<Timestamp>,
    /// Where it is in its life.
    pub status: AlgoStatus,
    /// When it was placed.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// When it fired, where it has.
    pub triggered: Option<Timestamp>,
    /// The order that it became, where it has.
    pub actual: Option<OrderId>,
    /// Why it ended, in words.
    pub reason: String,
}

impl Trigger {
    /// Its `orderType`.
    pub fn order_type(&self) -> &'static str {
        match (self.kind, self.order) {
            (TriggerKind::Stop, OrderKind::Market) => "STOP_MARKET",
            (TriggerKind::Stop, _) => "STOP",
            (TriggerKind::TakeProfit, OrderKind::Market) => "TAKE_PROFIT_MARKET",
            (TriggerKind::TakeProfit, _) => "TAKE_PROFIT",
        }
    }

    /// Whether a price fires it.
    pub fn is_reached(&self, price: Decimal) -> bool {
        match (self.kind, self.side) {
            (TriggerKind::Stop, Side::Buy) | (TriggerKind::TakeProfit, Side::Sell) => price >= self.trigger_price,
            (TriggerKind::Stop, Side::Sell) | (TriggerKind::TakeProfit, Side::Buy) => price <= self.trigger_price,
        }
    }

    /// Moves it to `next`.
    ///
    /// # Panics
    /// In debug builds, when the table of [`AlgoStatus::may_become`] does not allow it.
    pub fn become_status(&mut self, next: AlgoStatus, now: Timestamp) {
        debug_assert!(
            self.status.may_become(next),
            "trigger {} is {:?}, cannot become {next:?}",
            self.id,
            self.status
        );
        self.status = next;
        self.updated = now;
    }
}

/// How a client names a trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlgoKey {
    /// By the exchange's number.
    Id(u64),
    /// By the client's name.
    ClientId(ClientOrderId),
}

/// A trigger that ended without a trade is forgotten after this time.
const FORGOTTEN_AFTER: Span = Span::from_secs(3 * 86_400);
/// Numbers begin here, so that they are not taken for those of orders.
const FIRST_ID: u64 = 2_000_000_001;

/// Every trigger.
#[derive(Debug, Default)]
pub struct AlgoService {
    triggers: BTreeMap<u64, Trigger>,
    waiting: BTreeMap<u64, MarketId>,
}

impl AlgoService {
    /// The number of the next trigger.
    pub fn next_id(&self) -> u64 {
        self.triggers.last_key_value().map_or(FIRST_ID, |(id, _)| id + 1)
    }

    /// Takes a trigger in.
    pub fn add(&mut self, trigger: Trigger) {
        self.waiting.insert(trigger.id, trigger.market);
        self.triggers.insert(trigger.id, trigger);
    }

    /// A trigger by its number.
    pub fn get(&self, id: u64) -> Option<&Trigger> {
        self.triggers.get(&id)
    }

    /// Changes a trigger; what no longer waits is no longer watched.
    pub fn change(&mut self, id: u64, change: impl FnOnce(&mut Trigger)) -> Option<&Trigger> {
        let trigger = self.triggers.get_mut(&id)?;
        change(trigger);
        if trigger.status != AlgoStatus::New {
            self.waiting.remove(&id);
        }
        Some(trigger)
    }

    /// A trigger of an account, the latest of its name.
    pub fn find(&self, account: AccountId, key: &AlgoKey, now: Timestamp) -> Option<&Trigger> {
        let mut own = self
            .triggers
            .values()
            .rev()
            .filter(|trigger| trigger.account == account);
        let found = own.find(|trigger| match key {
            AlgoKey::Id(id) => trigger.id == *id,
            AlgoKey::ClientId(name) => trigger.client_id == *name,
        })?;
        let ended_empty = matches!(found.status, AlgoStatus::Canceled | AlgoStatus::Expired);
        (!(ended_empty && now.since(found.created) > FORGOTTEN_AFTER)).then_some(found)
    }

    /// Every trigger of an account, oldest first.
    pub fn of(&self, account: AccountId) -> impl Iterator<Item = &Trigger> {
        self.triggers.values().filter(move |trigger| trigger.account == account)
    }

    /// Those that wait.
    pub fn waiting_of(&self, account: AccountId) -> impl Iterator<Item = &Trigger> {
        let waiting = self.waiting.keys().filter_map(|id| self.triggers.get(id));
        waiting.filter(move |trigger| trigger.account == account)
    }

    /// Whether a trigger of an account waits, in one market or in any.
    pub fn waits_for(&self, account: AccountId, market: Option<MarketId>) -> bool {
        self.waiting_of(account)
            .any(|trigger| market.is_none_or(|market| trigger.market == market))
    }

    /// Triggers of a market that a price fires, oldest first.
    pub fn reached(&self, market: MarketId, working: WorkingType, price: Decimal) -> Vec<u64> {
        let watched = self.waiting.iter().filter(|(_, other)| **other == market);
        let triggers = watched.filter_map(|(id, _)| self.triggers.get(id));
        triggers
            .filter(|trigger| trigger.working == working && trigger.is_reached(price))
            .map(|trigger| trigger.id)
            .collect()
    }

    /// Triggers that were good until now.
    pub fn overdue(&self, now: Timestamp) -> Vec<u64> {
        let waiting = self.waiting.keys().filter_map(|id| self.triggers.get(id));
        waiting
            .filter(|trigger| trigger.good_till.is_some_and(|until| until <= now))
            .map(|trigger| trigger.id)
            .collect()
    }
}
