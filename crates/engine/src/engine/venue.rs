//! One connector instance for one account: sessions, markets, orders, fills, balances, and what is under way.

use std::collections::{BTreeMap, BTreeSet};

use colibri_abi::OrderOp;
use colibri_model::{
    AccountId, Amount, Asset, ClientOrderId, ExchangeOrderId, FillKey, InstrumentId, Millis, MonoNs, OpId, OrderIntent,
    OrderState, Pair, Price, Quantity, Side, VenueId, WallNs,
};
use colibri_standard::{Capability, ConnectorManifest, ReplaceResult, SessionStatus};
use serde::{Deserialize, Serialize};

use crate::accounts::{Account, StatedBalance};
use crate::contracts::ContractAccount;
use crate::engine::market::{BookSource, Market, MarketWanted};
use crate::engine::operations::{Operations, Purpose};
use crate::engine::replace::WaitingReplacement;
use crate::engine::stream::{Owed, Stream, StreamState};
use crate::engine::triggers::Triggers;
use crate::orders::{CancelState, ClientIdSource, FillLedger, InFlightOrder, OrderTracker};
use crate::risk::{self, RiskRefusal};
use crate::strategy::BookNeed;

/// How far a venue has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VenuePhase {
    /// The engine has not started.
    Idle,
    /// Instruments are being asked for.
    Instruments,
    /// The connector is being told which it will use.
    Registering,
    /// Sessions open; orders, fills and fees are being asked for.
    Collecting,
    /// The balances that the ledger starts from are being asked for.
    Balances,
    /// It can be traded at (while its sessions are live).
    Ready,
    /// It cannot be used, for the reason given.
    Failed(String),
}

/// Why nothing can be placed at a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outage {
    /// It is being brought up.
    Starting,
    /// It cannot be used in this run: see its phase.
    Failed,
    /// Its market stream does not deliver.
    MarketStream(StreamState),
    /// Its user stream does not deliver.
    UserStream(StreamState),
    /// Its streams deliver; what was missed is being asked for.
    Reconciling,
    /// What the user chose of it is not confirmed, or not so: see its words.
    Settings,
    /// What is held of contracts there is being asked for.
    Positions,
    /// Its exchange has banned the address: nothing can be sent, a cancel no more than an order. Its streams may go on.
    Banned,
}

impl std::fmt::Display for Outage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outage::Starting => f.write_str("it is being brought up"),
            Outage::Failed => f.write_str("it cannot be used"),
            Outage::MarketStream(state) => write!(f, "its market stream is {}", state.as_str()),
            Outage::UserStream(state) => write!(f, "its user stream is {}", state.as_str()),
            Outage::Reconciling => f.write_str("it is being reconciled"),
            Outage::Settings => f.write_str("its settings are not confirmed"),
            Outage::Positions => f.write_str("its positions and margin are being asked for"),
            Outage::Banned => {
                f.write_str("the exchange has banned this address for a while, and takes nothing from it")
            }
        }
    }
}

/// An order in the account that is not tracked: shown, and not touched unless the user said that it is the bot's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignOrder {
    /// The exchange's name of the instrument.
    pub symbol: String,
    /// Its client id.
    pub client_id: Option<ClientOrderId>,
    /// Its exchange id.
    pub exchange_id: Option<ExchangeOrderId>,
    /// Buy or sell.
    pub side: Option<Side>,
    /// Limit price.
    pub price: Option<Price>,
    /// Whole quantity.
    pub quantity: Option<Quantity>,
}

impl ForeignOrder {
    /// Whether its id looks like one that a Colibri bot made (another bot, or one whose journal was lost).
    #[must_use]
    pub fn is_a_bots(&self) -> bool {
        self.client_id.as_ref().is_some_and(ClientIdSource::is_ours)
    }
}

/// Comparing with the exchange: open orders, fills since the watermark, balances.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Reconcile {
    pub(crate) running: BTreeSet<OpId>,
    pub(crate) failed: bool,
    /// The user session moved while it ran: it proves nothing.
    pub(crate) overtaken: bool,
    pub(crate) started: MonoNs,
    pub(crate) started_wall: WallNs,
    /// Whether it asks for ended orders too.
    pub(crate) with_history: bool,
    /// Something may have been missed: the next one asks for ended orders.
    pub(crate) history_wanted: bool,
    /// When ended orders are asked for in any case.
    pub(crate) history_due: MonoNs,
    /// When watermarks are journaled again.
    pub(crate) journal_due: MonoNs,
    /// When the next one is due, whatever happens.
    pub(crate) next: MonoNs,
    /// Whether one has succeeded since the user session last came up.
    pub(crate) healed: bool,
    /// Orders that a query has told of since the last one began.
    pub(crate) seen: BTreeSet<ClientOrderId>,
    /// Orders of others that were told of since the last question about what is open began, by whichever source; `None`
    /// where that was their end.
    pub(crate) foreign_seen: BTreeMap<String, Option<ForeignOrder>>,
}

/// A retry of something that the venue cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Retry {
    pub(crate) at: MonoNs,
    pub(crate) failures: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Venue {
    pub(crate) id: VenueId,
    pub(crate) account: AccountId,
    #[serde(skip, default = "crate::kept::no_manifest")]
    pub(crate) manifest: ConnectorManifest,
    pub(crate) phase: VenuePhase,
    pub(crate) market_session: SessionStatus,
    pub(crate) user_session: SessionStatus,
    pub(crate) market_stream: Stream,
    pub(crate) user_stream: Stream,
    /// When a ban of its address ends.
    #[serde(default)]
    pub(crate) banned_until: Option<MonoNs>,
    /// What the user stream has still to tell.
    pub(crate) owed: Owed,
    pub(crate) markets: Vec<Market>,
    pub(crate) orders: OrderTracker,
    pub(crate) in_doubt: BTreeSet<ClientOrderId>,
    #[serde(default)]
    pub(crate) triggers: Triggers,
    pub(crate) ledger: FillLedger,
    /// Whether all of its ended orders and fills were gathered ahead of a snapshot.
    #[serde(skip)]
    pub(crate) gathered: bool,
    /// Fills whose order is not known yet, by its exchange id.
    #[serde(with = "crate::kept::pairs")]
    pub(crate) unattributed: BTreeMap<(InstrumentId, ExchangeOrderId), Vec<FillKey>>,
    pub(crate) holdings: Account,
    /// What it holds of contracts, where it is a venue for them.
    pub(crate) contracts: Option<Box<ContractAccount>>,
    pub(crate) foreign: BTreeMap<String, ForeignOrder>,
    /// Orders that the user said to be this bot's, by exchange id.
    pub(crate) adopt: BTreeSet<ExchangeOrderId>,
    /// Which environment of the exchange it is.
    pub(crate) environment: String,
    /// Ended orders of earlier runs that are too many to be tracked, and young enough to be told again.
    pub(crate) untracked: BTreeSet<ClientOrderId>,
    /// The latest time that the exchange has told.
    pub(crate) exchange_time: Option<WallNs>,
    pub(crate) ops: Operations,
    pub(crate) ids: Option<ClientIdSource>,
    pub(crate) reconcile: Reconcile,
    pub(crate) retry: Retry,
    pub(crate) instruments_due: MonoNs,
    /// When they were last asked for again.
    pub(crate) instruments_asked: Option<MonoNs>,
    #[serde(skip)]
    pub(crate) outbox: Vec<OrderOp>,
    /// Placements that wait for the end of the order whose place they take, by that order.
    pub(crate) replacements: BTreeMap<ClientOrderId, WaitingReplacement>,
    /// What connectors have told of replaces that have not ended yet.
    pub(crate) replace_results: BTreeMap<OpId, ReplaceResult>,
}

impl Venue {
    pub(crate) fn new(
        id: VenueId,
        account: AccountId,
        manifest: ConnectorManifest,
        pairs: &[(Pair, MarketWanted)],
    ) -> Venue {
        let mut venue = Venue {
            id,
            account,
            manifest,
            phase: VenuePhase::Idle,
            market_session: SessionStatus::Down,
            user_session: SessionStatus::Down,
            market_stream: Stream::default(),
            user_stream: Stream::default(),
            banned_until: None,
            owed: Owed::default(),
            markets: Vec::new(),
            orders: OrderTracker::default(),
            in_doubt: BTreeSet::new(),
            triggers: Triggers::default(),
            ledger: FillLedger::default(),
            gathered: false,
            unattributed: BTreeMap::new(),
            holdings: Account::default(),
            contracts: None,
            foreign: BTreeMap::new(),
            adopt: BTreeSet::new(),
            environment: String::new(),
            untracked: BTreeSet::new(),
            exchange_time: None,
            ops: Operations::default(),
            ids: None,
            reconcile: Reconcile::default(),
            retry: Retry::default(),
            instruments_due: MonoNs(u64::MAX),
            instruments_asked: None,
            outbox: Vec::new(),
            replacements: BTreeMap::new(),
            replace_results: BTreeMap::new(),
        };
        if venue.manifest.perpetual.is_some() {
            venue.contracts = Some(Box::default());
        }
        venue.add_pairs(pairs);
        venue
    }

    /// Adds markets, where they are not there already.
    pub(crate) fn add_pairs(&mut self, pairs: &[(Pair, MarketWanted)]) {
        let mut known: BTreeSet<Pair> = self.markets.iter().map(|m| m.pair.clone()).collect();
        for (pair, wanted) in pairs {
            if known.insert(pair.clone()) {
                let id = u32::try_from(self.markets.len() + 1).expect("fewer pairs than 2^32");
                let mut market = Market::new(InstrumentId(id), pair.clone(), *wanted);
                market.contracts = self.contracts.as_ref().map(|_| Box::default());
                self.markets.push(market);
            }
        }
    }

    pub(crate) fn has(&self, capability: &Capability) -> bool {
        self.manifest.capabilities.contains(capability)
    }

    pub(crate) fn market(&self, id: InstrumentId) -> Option<&Market> {
        self.markets.get((id.0 as usize).checked_sub(1)?)
    }

    pub(crate) fn market_mut(&mut self, id: InstrumentId) -> Option<&mut Market> {
        self.markets.get_mut((id.0 as usize).checked_sub(1)?)
    }

    /// An order that rests in the book with nothing under way that changes it.
    ///
    /// # Errors
    /// Why it cannot be changed now.
    pub(crate) fn resting(&self, id: &ClientOrderId) -> Result<&InFlightOrder, RiskRefusal> {
        let order = self
            .orders
            .get(id)
            .ok_or(RiskRefusal::NotChangeable("it is not known"))?;
        if !matches!(order.state(), OrderState::Open | OrderState::PartiallyFilled) || order.cancel != CancelState::None
        {
            return Err(RiskRefusal::NotChangeable("it does not rest in the book"));
        }
        if order.known_name().is_none() {
            return Err(RiskRefusal::NotChangeable("the exchange has not told its name"));
        }
        if order.amend_to.is_some() {
            return Err(RiskRefusal::NotChangeable("an amend of it is not answered yet"));
        }
        Ok(order)
    }

    /// Whether the fills of a single order of an instrument are being asked for.
    pub(crate) fn asks_fills_of_one(&self, instrument: InstrumentId) -> bool {
        self.ops.purposes().any(|purpose| match purpose {
            Purpose::OrderFills(id) => self.orders.get(id).is_none_or(|o| o.intent.instrument == instrument),
            _ => false,
        })
    }

    /// Whether the exchange tells us of our orders as they change, or never does and is asked.
    pub(crate) fn user_session_is_live(&self) -> bool {
        self.user_stream.state.delivers() || !self.has(&Capability::UserStream)
    }

    /// Whether it has been asked what the account holds and has done, and nothing of that was missed since.
    pub(crate) fn account_is_known(&self) -> bool {
        self.phase == VenuePhase::Ready && self.reconcile.healed
    }

    /// Whether orders may be placed by somebody who needs books so; else why not.
    pub(crate) fn outage(&self, need: BookNeed) -> Option<Outage> {
        match &self.phase {
            VenuePhase::Ready => {}
            VenuePhase::Failed(_) => return Some(Outage::Failed),
            _ => return Some(Outage::Starting),
        }
        let market = self.market_stream.state;
        // A silent instrument is that instrument's affair: see its book's age.
        if !market.is_open() && need == BookNeed::Streamed {
            Some(Outage::MarketStream(market))
        } else if !self.user_session_is_live() {
            Some(Outage::UserStream(self.user_stream.state))
        } else if !self.reconcile.healed {
            Some(Outage::Reconciling)
        } else {
            let banned = self.banned_until.map(|_| Outage::Banned);
            self.contracts_outage().or(banned)
        }
    }

    /// Whether orders may be placed; else why not, in words.
    pub(crate) fn not_ready(&self) -> Option<String> {
        let outage = self.outage(BookNeed::Streamed)?;
        Some(self.in_words(outage))
    }

    /// An outage, with what is known of its cause.
    pub(crate) fn in_words(&self, outage: Outage) -> String {
        let why = match (outage, &self.phase) {
            (Outage::Failed, VenuePhase::Failed(why)) => return why.clone(),
            (Outage::Starting, phase) => return format!("it is at {phase:?}"),
            (Outage::Settings, _) => return self.settings_in_words(),
            (Outage::MarketStream(_), _) => self.market_stream.why.as_str(),
            (Outage::UserStream(_), _) => self.user_stream.why.as_str(),
            _ => "",
        };
        match why {
            "" => outage.to_string(),
            why => format!("{outage}: {why}"),
        }
    }

    /// Whether a book is there and fresh, as somebody needs it.
    pub(crate) fn book_is_fresh(&self, market: &Market, need: BookNeed, now: MonoNs) -> bool {
        let enough = need == BookNeed::Polled || market.source == BookSource::Stream;
        enough && market.book().is_some() && !self.book_is_stale(market, need, now)
    }

    /// Whether the book is too old, or has been missing for too long: by the local time at which it was last known to be
    /// right, and by how much its last update was behind the fastest, where the exchange gives times.
    pub(crate) fn book_is_stale(&self, market: &Market, need: BookNeed, now: MonoNs) -> bool {
        now >= self.stale_from(market, need)
    }

    /// From when on the book is stale if nothing is heard of it; zero where it is already, being too far behind.
    #[inline]
    pub(crate) fn stale_from(&self, market: &Market, need: BookNeed) -> MonoNs {
        let limits = &self.manifest.liveness;
        let polled = need == BookNeed::Polled && market.confirmed.is_some();
        if !polled && market.behind() > limits.book_lag_ms {
            return MonoNs(0);
        }
        // Older by more than the limit, in whole milliseconds.
        market.right_at_for(need).plus(limits.book_stale_ms).plus(Millis(1))
    }

    /// The asset that an order is paid with.
    pub(crate) fn paid_with(pair: &Pair, side: Side) -> &Asset {
        match side {
            Side::Buy => &pair.quote,
            Side::Sell => &pair.base,
        }
    }

    /// What an order holds of the asset it is paid with while nothing, or a part, of it is filled; margin, where it is of a contract.
    pub(crate) fn held_by(&self, order: &InFlightOrder) -> Amount {
        if self.contracts.is_some() {
            return self.margin_held_by(order);
        }
        let mid = self.market(order.intent.instrument).and_then(|m| m.book()?.mid());
        let leaves = order.leaves();
        let leaves = OrderIntent {
            quantity: if leaves.is_zero() {
                order.intent.quantity
            } else {
                leaves
            },
            ..order.intent.clone()
        };
        risk::commitment(&leaves, mid)
    }

    /// What can be used of an asset for a new order: what the exchange states as free, less what orders take that its
    /// statement does not know yet, plus what orders gave back that ended after it. At a venue for contracts it is margin.
    pub(crate) fn available(&self, asset: &Asset) -> Amount {
        if self.contracts.is_some() {
            return self.margin_available(asset).unwrap_or(Amount::ZERO);
        }
        let Some(stated) = self.holdings.get(asset) else {
            return Amount::ZERO;
        };
        let mut available = stated.balance.free;
        let pays = |order: &InFlightOrder| Venue::paid_with(&order.pair, order.intent.side) == asset;
        for order in self.orders.live().filter(|o| pays(o)) {
            if !order.accepted.is_some_and(|at| is_in(stated, at, order)) {
                available -= self.held_by(order);
            }
        }
        for order in self.orders.ended_since(stated.updated).filter(|o| pays(o)) {
            let locked_before = order.accepted.is_some_and(|at| at <= stated.updated);
            let ended_after = order.closed.is_some_and(|at| !is_in(stated, at, order));
            if locked_before && ended_after && order.leaves().is_positive() {
                available += self.held_by(order);
            }
        }
        available.max(Amount::ZERO)
    }
}

/// Whether a statement was made after what was learned of an order at `at`: by the exchange's times where both are known.
fn is_in(stated: &StatedBalance, at: MonoNs, order: &InFlightOrder) -> bool {
    match (stated.exchange_time, order.exchange_time) {
        (Some(stated), Some(order)) => stated >= order,
        _ => stated.updated >= at,
    }
}
