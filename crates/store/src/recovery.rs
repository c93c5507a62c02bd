//! What an engine must know when it starts again: which orders may be live, which fills it has counted.

use std::collections::{BTreeMap, BTreeSet};

use colibri_model::{
    AccountId, Asset, Balance, ClientOrderId, ExchangeOrderId, Fill, FillKey, OrderIntent, OrderState, Pair, Record,
    StrategyId, VenueId, WallNs,
};

use crate::journal::{Disk, JournalFileError, JournalReader};

/// What a journal says of the time before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The orders that may be live, in the order in which they were decided.
    pub orders: Vec<RecoveredOrder>,
    /// Every fill that was ever journaled: one reported again is not new.
    pub fills: BTreeSet<FillKey>,
    /// The exchange's time of the newest fill of each instrument: from there on fills are asked for.
    pub watermarks: BTreeMap<(AccountId, VenueId, Pair), WallNs>,
    /// The last balances stated, by venue, account and asset.
    pub balances: BTreeMap<(VenueId, AccountId), BTreeMap<Asset, Balance>>,
    /// How many runs there were: the number of the last one, counted from 1.
    pub runs: u64,
    /// The last run.
    pub last_run: Option<LastRun>,
    /// How many orders were ever decided. Client order ids made from a counter go on from here.
    pub intents: u64,
    /// The time of the newest record. A wall clock that is behind it has been set back.
    pub newest: Option<WallNs>,
    /// Records that fit nothing before them, such as a change of an order without intent. Zero in a sound journal.
    pub strays: u64,
}

/// An order that may be live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveredOrder {
    /// Who decided it.
    pub strategy: StrategyId,
    /// Where it went.
    pub venue: VenueId,
    /// For whose account.
    pub account: AccountId,
    /// Of which pair.
    pub pair: Pair,
    /// The order. Its instrument handle is the former run's: look it up anew by pair.
    pub intent: OrderIntent,
    /// The state last journaled. `PendingCreate` means that it may or may not have been sent: after a restart that is
    /// [`OrderEvidence::OutcomeUnknown`](colibri_model::OrderEvidence::OutcomeUnknown).
    pub state: OrderState,
    /// The exchange's id, where it was learned.
    pub exchange_id: Option<ExchangeOrderId>,
    /// When it was decided.
    pub created: WallNs,
    /// When its state last changed.
    pub updated: WallNs,
    /// When a cancel was last about to be sent.
    pub cancel_requested: Option<WallNs>,
    /// Its fills so far, in the order in which they were learned.
    pub fills: Vec<Fill>,
}

/// The run before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    /// The bot.
    pub bot: String,
    /// The host's version.
    pub version: String,
    /// When it started.
    pub started: WallNs,
    /// How it ended.
    pub end: RunEnd,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// It did not say: it runs still, or crashed.
    Unsaid,
    /// It was stopped.
    Stopped {
        /// When.
        time: WallNs,
        /// Why.
        reason: String,
    },
}

/// Reads a journal from its beginning and gathers what must be known to go on.
///
/// # Errors
/// [`JournalFileError`] where it is damaged before its end.
pub fn recover<D: Disk>(journal: &mut JournalReader<D>) -> Result<Recovered, JournalFileError> {
    journal.rewind();
    let mut recovery = Recovery::default();
    while let Some(batch) = journal.next_batch()? {
        for record in batch.records {
            recovery.apply(record);
        }
    }
    Ok(recovery.finish())
}

/// Gathers record after record.
#[derive(Debug, Default)]
struct Recovery {
    recovered: Recovered,
    /// By the place in the sequence of intents. Orders that have ended stay while the journal is read: a late fill may
    /// bring an order back that was taken for rejected.
    orders: BTreeMap<u64, RecoveredOrder>,
    places: BTreeMap<(VenueId, ClientOrderId), u64>,
}

impl Recovery {
    fn apply(&mut self, record: Record) {
        match record {
            Record::Started { bot, version, time } => {
                self.saw(time);
                self.recovered.runs += 1;
                self.recovered.last_run = Some(LastRun {
                    bot,
                    version,
                    started: time,
                    end: RunEnd::Unsaid,
                });
            }
            Record::Intent {
                strategy,
                venue,
                account,
                pair,
                order,
                time,
            } => {
                self.saw(time);
                let place = self.recovered.intents;
                self.recovered.intents += 1;
                self.places.insert((venue.clone(), order.client_id.clone()), place);
                let order = RecoveredOrder {
                    strategy,
                    venue,
                    account,
                    pair,
                    intent: order,
                    state: OrderState::PendingCreate,
                    exchange_id: None,
                    created: time,
                    updated: time,
                    cancel_requested: None,
                    fills: Vec::new(),
                };
                self.orders.insert(place, order);
            }
            Record::CancelIntent { venue, client_id, time } => {
                self.saw(time);
                match self.order(venue, client_id) {
                    Some(order) => order.cancel_requested = Some(time),
                    None => self.recovered.strays += 1,
                }
            }
            Record::OrderChanged {
                venue,
                client_id,
                exchange_id,
                state,
                reason: _,
                exchange_time: _,
                time,
            } => {
                self.saw(time);
                match self.order(venue, client_id) {
                    Some(order) => {
                        order.state = state;
                        order.updated = time;
                        if exchange_id.is_some() {
                            order.exchange_id = exchange_id;
                        }
                    }
                    None => self.recovered.strays += 1,
                }
            }
            Record::Filled { strategy: _, fill } => self.filled(fill),
            Record::Balances {
                venue,
                account,
                balances,
                time,
            } => {
                self.saw(time);
                let known = self.recovered.balances.entry((venue, account)).or_default();
                for balance in balances {
                    known.insert(balance.asset.clone(), balance);
                }
            }
            Record::Stopped { bot, reason, time } => {
                self.saw(time);
                match &mut self.recovered.last_run {
                    Some(run) if run.bot == bot => run.end = RunEnd::Stopped { time, reason },
                    _ => self.recovered.strays += 1,
                }
            }
        }
    }

    fn filled(&mut self, fill: Fill) {
        self.saw(fill.local_time);
        if !self.recovered.fills.insert(fill.key.clone()) {
            return;
        }
        let FillKey {
            account, venue, pair, ..
        } = fill.key.clone();
        let watermark = self
            .recovered
            .watermarks
            .entry((account, venue.clone(), pair))
            .or_default();
        *watermark = (*watermark).max(fill.exchange_time);
        // A fill of an order that is not ours has none here, and that is no fault.
        if let Some(client_id) = fill.client_id.clone()
            && let Some(order) = self.order(venue, client_id)
        {
            order.fills.push(fill);
        }
    }

    fn order(&mut self, venue: VenueId, client_id: ClientOrderId) -> Option<&mut RecoveredOrder> {
        let place = self.places.get(&(venue, client_id))?;
        self.orders.get_mut(place)
    }

    fn saw(&mut self, time: WallNs) {
        self.recovered.newest = self.recovered.newest.max(Some(time));
    }

    fn finish(mut self) -> Recovered {
        self.recovered.orders = self
            .orders
            .into_values()
            .filter(|order| order.state.may_be_live())
            .collect();
        self.recovered
    }
}
