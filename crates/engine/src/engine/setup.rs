//! What an engine is made from.

use std::collections::{BTreeMap, BTreeSet};

use colibri_model::{
    AccountId, Amount, Asset, ClientOrderId, Contract, ExchangeOrderId, Fill, FillCause, FillKey, FundingKey,
    FundingPayment, InstrumentId, Millis, OpenedPosition, OrderIntent, OrderState, Pair, Quantity, Record, StrategyId,
    TradeId, VenueId, WallNs,
};
use colibri_standard::ConnectorManifest;
use serde::{Deserialize, Serialize};

use crate::contracts::ContractChoices;
use crate::engine::adoption::no_strategy;
use crate::engine::session_profit::MarketName;
use crate::engine::{KillSwitch, RecoveredTrigger, SessionReference};
use crate::risk::RiskLimits;

/// A venue's number in its engine, by the order in which venues were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VenueIndex(pub usize);

/// An instrument of a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MarketId {
    /// The venue.
    pub venue: VenueIndex,
    /// The instrument's handle there.
    pub instrument: InstrumentId,
}

/// What an engine needs beside venues and strategies.
#[derive(Debug, Clone, Default)]
pub struct EngineSetup {
    /// The bot's name.
    pub bot: String,
    /// The host's version, for the journal.
    pub version: String,
    /// The Clock's tick size; zero is one second.
    pub tick: Millis,
    /// For jitter and client order ids.
    pub seed: u64,
    /// The operator's caps.
    pub risk: RiskLimits,
    /// What the journal holds of earlier runs.
    pub recovered: Recovered,
}

/// A venue: one connector instance for one account.
#[derive(Debug, Clone)]
pub struct VenueSetup {
    /// Its name.
    pub venue: VenueId,
    /// The account.
    pub account: AccountId,
    /// What its connector declares, user overrides merged in.
    pub manifest: ConnectorManifest,
    /// The pairs to use.
    pub pairs: Vec<Pair>,
    /// Which environment of the exchange it is, by its name in the manifest: orders and fills that the journal has of another
    /// one are not taken up.
    pub environment: String,
    /// Orders that the user says to be this bot's, by exchange id, although neither journal nor client id says so: they are
    /// adopted when they show.
    pub adopt: BTreeSet<ExchangeOrderId>,
    /// What the user chose of the account and its instruments, where it is a venue for contracts.
    pub contracts: ContractChoices,
}

/// A venue's journaled orders and fills are of another environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the journal has orders and fills of {venue} for the account {account} in the environment {journaled:?}, and it is to be \
     used in {wanted:?}: give the venue another name in the bot's file, or the bot another data folder"
)]
pub struct EnvironmentConflict {
    /// The venue's number.
    pub index: VenueIndex,
    /// Its name.
    pub venue: VenueId,
    /// Its account.
    pub account: AccountId,
    /// The environment of the records.
    pub journaled: String,
    /// The environment that is wanted.
    pub wanted: String,
}

/// Up to where a pair is complete in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermarks {
    /// Fills, up to this trade.
    pub trade: Option<TradeId>,
    /// Where no trade is known: fills, up to this time.
    pub trades_since: WallNs,
    /// Orders, up to this time.
    pub orders_since: WallNs,
}

/// An order as the journal left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveredOrder {
    /// Who decided it.
    pub strategy: StrategyId,
    /// Where.
    pub venue: VenueId,
    /// In whose account.
    pub account: AccountId,
    /// Of which pair.
    pub pair: Pair,
    /// The order.
    pub intent: OrderIntent,
    /// The smallest quantity that it was about to be amended to: it may have that or the order's.
    pub amend_to: Option<Quantity>,
    /// The exchange's id, where it was learned.
    pub exchange_id: Option<ExchangeOrderId>,
    /// The names that amends gave it at the exchange, the last one last.
    pub names: Vec<ClientOrderId>,
    /// The last state.
    pub state: OrderState,
    /// What the exchange counted as filled, where it said so.
    pub reported_filled: Option<Quantity>,
    /// When a cancel of it was last about to be sent: the wish outlives the run.
    pub cancel_wanted: Option<WallNs>,
    /// When it was decided.
    pub created: WallNs,
}

/// What an account held when the journal last said so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftHoldings {
    /// Free and locked together.
    pub totals: BTreeMap<Asset, Amount>,
    /// Whether these are known to hold every fill: the run ended with its proof, and nothing was sent or filled since.
    pub settled: bool,
    /// The run that is being read has stated them.
    stated: bool,
}

/// Orders and fills of earlier runs, folded from the journal.
#[derive(Debug, Clone, Default)]
pub struct Recovered {
    /// Orders, ended ones too.
    pub orders: BTreeMap<ClientOrderId, RecoveredOrder>,
    /// Triggers, ended ones too. The orders that they became stand among the orders.
    pub triggers: BTreeMap<ClientOrderId, RecoveredTrigger>,
    /// Fills, each once, with the strategy that had decided their order.
    pub fills: Vec<(Option<StrategyId>, Fill)>,
    /// The time of the last record by venue.
    pub last_seen: BTreeMap<VenueId, WallNs>,
    /// When the last run began.
    pub last_started: Option<WallNs>,
    /// Up to where pairs are complete.
    pub watermarks: BTreeMap<(VenueId, AccountId, Pair), Watermarks>,
    /// What accounts held.
    pub holdings: BTreeMap<(VenueId, AccountId), LeftHoldings>,
    /// Which environment the records of a venue and account are about.
    pub environments: BTreeMap<(VenueId, AccountId), String>,
    /// What was held of contracts before the first fill that the journal knows: entered once for each pair.
    pub openings: BTreeMap<(VenueId, AccountId, Pair), Vec<OpenedPosition>>,
    /// What pairs were last known to be contracts of.
    pub contracts: BTreeMap<(VenueId, AccountId, Pair), Contract>,
    /// Orders that the exchange made by itself, and why.
    pub forced_orders: BTreeMap<(VenueId, AccountId, Pair), BTreeMap<ExchangeOrderId, FillCause>>,
    /// Funding payments, each once.
    pub funding: BTreeMap<FundingKey, FundingPayment>,
    /// Up to when they are complete.
    pub funding_through: BTreeMap<(VenueId, AccountId), WallNs>,
    /// When a venue was first used for an account.
    pub first_used: BTreeMap<(VenueId, AccountId), WallNs>,
    /// The kill switch, where it was thrown and nobody has released it.
    pub kill_switch: Option<KillSwitch>,
    /// What the profit of the session is measured from, where one goes on.
    pub session: BTreeMap<MarketName, SessionReference>,
    /// Where each fill stands among the fills.
    fill_at: BTreeMap<FillKey, usize>,
}

impl Recovered {
    /// Folds a journal, oldest record first.
    #[must_use]
    pub fn from_records<'r>(records: impl IntoIterator<Item = &'r Record>) -> Recovered {
        let mut recovered = Recovered::default();
        for record in records {
            recovered.add(record);
        }
        recovered
    }

    /// Adds the next record.
    pub fn add(&mut self, record: &Record) {
        match record {
            Record::Intent {
                strategy,
                venue,
                pair,
                order,
                account,
                time,
            } => {
                let recovered = RecoveredOrder {
                    strategy: strategy.clone(),
                    venue: venue.clone(),
                    account: account.clone(),
                    pair: pair.clone(),
                    intent: order.clone(),
                    amend_to: None,
                    exchange_id: None,
                    names: Vec::new(),
                    state: OrderState::PendingCreate,
                    reported_filled: None,
                    cancel_wanted: None,
                    created: *time,
                };
                self.orders.insert(order.client_id.clone(), recovered);
                self.unsettle(venue, account);
                self.seen(venue, *time);
            }
            Record::Adopted {
                strategy,
                venue,
                account,
                pair,
                order,
                exchange_id,
                time,
            } => {
                let recovered = RecoveredOrder {
                    strategy: strategy.clone().unwrap_or_else(no_strategy),
                    venue: venue.clone(),
                    account: account.clone(),
                    pair: pair.clone(),
                    intent: order.clone(),
                    amend_to: None,
                    exchange_id: exchange_id.clone(),
                    names: Vec::new(),
                    state: OrderState::Unknown,
                    reported_filled: None,
                    cancel_wanted: None,
                    created: *time,
                };
                // One that the journal did know keeps what it knows.
                self.orders.entry(order.client_id.clone()).or_insert(recovered);
                self.seen(venue, *time);
            }
            Record::OrderChanged {
                venue,
                client_id,
                exchange_id,
                state,
                filled,
                time,
                ..
            } => {
                if let Some(order) = self.order_mut(client_id) {
                    order.state = *state;
                    order.reported_filled = order.reported_filled.max(*filled);
                    if exchange_id.is_some() {
                        order.exchange_id.clone_from(exchange_id);
                    }
                }
                self.seen(venue, *time);
            }
            Record::Filled { strategy, fill } => {
                self.seen(&fill.key.venue, fill.local_time);
                self.unsettle(&fill.key.venue, &fill.key.account);
                self.add_fill(strategy.as_ref(), fill);
            }
            Record::AmendIntent {
                venue,
                client_id,
                quantity,
                time,
            } => {
                if let Some(order) = self.orders.get_mut(client_id) {
                    order.amend_to = Some(order.amend_to.map_or(*quantity, |least| least.min(*quantity)));
                }
                self.seen(venue, *time);
            }
            Record::Renamed {
                venue,
                client_id,
                name,
                time,
            } => {
                if let Some(order) = self.orders.get_mut(client_id) {
                    order.names.push(name.clone());
                }
                self.seen(venue, *time);
            }
            Record::CancelIntent { venue, client_id, time } => {
                if let Some(order) = self.orders.get_mut(client_id) {
                    order.cancel_wanted = Some(*time);
                }
                self.seen(venue, *time);
            }
            Record::Balances {
                venue,
                account,
                balances,
                time,
            } => {
                let left = self.holdings.entry((venue.clone(), account.clone())).or_default();
                if !left.stated {
                    // A run states all that it finds: an asset that went meanwhile need not be listed, and is not left any more.
                    left.totals.clear();
                    left.settled = false;
                }
                let totals = balances.iter().map(|b| (b.asset.clone(), b.total()));
                left.totals.extend(totals);
                left.stated = true;
                self.seen(venue, *time);
            }
            Record::ExternalChange {
                venue, account, time, ..
            } => {
                self.unsettle(venue, account);
                self.seen(venue, *time);
            }
            Record::VenueUsed {
                venue,
                account,
                environment,
                time,
            } => {
                let key = (venue.clone(), account.clone());
                self.first_used.entry(key.clone()).or_insert(*time);
                self.environments.insert(key, environment.clone());
            }
            Record::Reconciled {
                venue,
                account,
                pair,
                trade,
                trades_since,
                orders_since,
                time,
            } => {
                let watermarks = Watermarks {
                    trade: trade.clone(),
                    trades_since: *trades_since,
                    orders_since: *orders_since,
                };
                let key = (venue.clone(), account.clone(), pair.clone());
                self.watermarks.insert(key, watermarks);
                self.seen(venue, *time);
            }
            Record::SessionReference {
                venue,
                account,
                pair,
                profit,
                other_fees,
                price,
                time,
            } => {
                let reference = SessionReference {
                    profit: *profit,
                    other_fees: other_fees.clone(),
                    price: *price,
                    time: *time,
                };
                let name = (venue.clone(), account.clone(), pair.clone());
                self.session.insert(name, reference);
            }
            Record::KillSwitchThrown { cause, reason, time } => {
                self.kill_switch = Some(KillSwitch::thrown(*cause, reason.clone(), *time));
            }
            Record::KillSwitchReleased { .. } => {
                self.kill_switch = None;
                self.session.clear();
            }
            // A stop that was proven ends the session.
            Record::Stopped { .. } => {
                self.session.clear();
                for left in self.holdings.values_mut() {
                    left.settled |= left.stated;
                }
            }
            Record::Started { time, .. } => {
                self.last_started = Some(*time);
                for left in self.holdings.values_mut() {
                    left.stated = false;
                }
            }
            // Before the third schema a balance that went to zero was not written.
            Record::Migrated { from, .. } => {
                if *from < 3 {
                    self.holdings.clear();
                }
            }
            Record::PositionsOpened {
                venue,
                account,
                pair,
                positions,
                time,
            } => {
                let key = (venue.clone(), account.clone(), pair.clone());
                self.openings.entry(key).or_insert_with(|| positions.clone());
                self.seen(venue, *time);
            }
            Record::FundingPaid { payment, .. } => {
                let key = &payment.key;
                self.funding.entry(key.clone()).or_insert_with(|| payment.clone());
                self.unsettle(&key.venue, &key.account);
                self.seen(&key.venue, payment.local_time);
            }
            Record::FundingReconciled {
                venue,
                account,
                through,
                time,
            } => {
                let known = self.funding_through.entry((venue.clone(), account.clone()));
                let known = known.or_insert(*through);
                *known = (*known).max(*through);
                self.seen(venue, *time);
            }
            Record::ForcedReduction {
                venue,
                account,
                pair,
                cause,
                exchange_id,
                time,
                ..
            } => {
                if let Some(order) = exchange_id {
                    let key = (venue.clone(), account.clone(), pair.clone());
                    self.forced_orders.entry(key).or_default().insert(order.clone(), *cause);
                }
                self.seen(venue, *time);
            }
            // What is set is asked of the exchange, and what is chosen is the bot's file's to say.
            Record::SettingChosen { venue, time, .. } => self.seen(venue, *time),
            // Asked anew, as long as the exchange lists it.
            Record::ContractKnown {
                venue,
                account,
                pair,
                contract,
                ..
            } => {
                let key = (venue.clone(), account.clone(), pair.clone());
                self.contracts.insert(key, contract.clone());
            }
            // What profit is counted by afterwards.
            Record::PriceSeen { .. } => {}
            Record::TriggerIntent { .. } | Record::TriggerCancelIntent { .. } | Record::TriggerChanged { .. } => {
                self.add_trigger_record(record);
            }
        }
    }

    /// A fill stands again where its fee or its order was learned later: whatever any record of it says is known.
    fn add_fill(&mut self, strategy: Option<&StrategyId>, fill: &Fill) {
        let Some(&at) = self.fill_at.get(&fill.key) else {
            self.fill_at.insert(fill.key.clone(), self.fills.len());
            return self.fills.push((strategy.cloned(), fill.clone()));
        };
        let (owner, known) = &mut self.fills[at];
        if owner.is_none() {
            *owner = strategy.cloned();
        }
        known.client_id = known.client_id.take().or_else(|| fill.client_id.clone());
        known.exchange_id = known.exchange_id.take().or_else(|| fill.exchange_id.clone());
        known.fee = known.fee.take().or_else(|| fill.fee.clone());
        known.liquidity = known.liquidity.or(fill.liquidity);
        if known.cause.is_order() {
            known.cause = fill.cause;
        }
    }

    /// What was stated of an account may not hold everything that has happened.
    pub(in crate::engine) fn unsettle(&mut self, venue: &VenueId, account: &AccountId) {
        if let Some(left) = self.holdings.get_mut(&(venue.clone(), account.clone())) {
            left.settled = false;
        }
    }

    pub(in crate::engine) fn seen(&mut self, venue: &VenueId, time: WallNs) {
        let last = self.last_seen.entry(venue.clone()).or_insert(time);
        *last = (*last).max(time);
    }
}
