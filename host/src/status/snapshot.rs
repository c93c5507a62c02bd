//! What the status file holds. Field names are an interface: added to, never renamed. Spans are milliseconds, times are
//! milliseconds since 1970, both of this machine's clock.

use colibri_model::{AccountId, ClientOrderId, Pair, StrategyId, TriggerState, VenueId};
use serde::{Deserialize, Serialize};

use super::ContractsStatus;

/// The version of the file's layout.
pub const VERSION: u32 = 1;

/// How a bot stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// See [`VERSION`].
    pub version: u32,
    /// The bot's name.
    pub bot: String,
    /// What it trades on: the environments of its venues.
    pub environment: String,
    /// The host's version.
    pub host: String,
    /// The process.
    pub pid: u32,
    /// When the run began.
    pub started_ms: i64,
    /// When this was written.
    pub written_ms: i64,
    /// `idle`, `running`, `stopping`, `stopped`.
    pub phase: String,
    /// When the run ended in order; `None` while it runs.
    pub ended_ms: Option<i64>,
    /// The kill switch, where it is thrown.
    pub kill_switch: Option<KillSwitchStatus>,
    /// Why the journal cannot be written, where it cannot.
    pub journal_fault: Option<String>,
    /// How the history follows the journal.
    pub history: HistoryStatus,
    /// The venues.
    pub connectors: Vec<ConnectorStatus>,
    /// The strategies.
    pub strategies: Vec<StrategyStatus>,
    /// The Clock.
    pub ticks: TickStatus,
    /// What was counted since the start.
    pub counters: Counters,
    /// How long book updates were under way; all zero in a file of an earlier version.
    #[serde(default)]
    pub delays: DelayStatus,
}

/// How long book updates were under way since the start: from the exchange's time of each to the moment at which it was applied,
/// by the two clocks as they are. Microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DelayStatus {
    /// Half of the updates took no longer.
    pub p50_us: u64,
    /// 99 of a hundred took no longer.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
    /// How many updates took how long: the longest of each part, and how many are in it. The difference of two files tells of
    /// the time between them.
    pub counts: Vec<(u64, u64)>,
}

/// A kill switch that is thrown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillSwitchStatus {
    /// Who or what threw it: `drawdown`, `loss`, `staleness`, `person`.
    pub cause: String,
    /// Why.
    pub reason: String,
    /// When.
    pub since_ms: i64,
    /// What releases it.
    pub resume: String,
    /// Since when the exchange has said that no order of ours is open and no trigger waits; `None` while that is not proven.
    pub proven_ms: Option<i64>,
    /// Orders that may still be open, and triggers that may still wait.
    pub may_be_open: usize,
    /// Those of them whose state is not known.
    pub unknown: usize,
}

/// How the history follows the journal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HistoryStatus {
    /// How long ago everything in the journal was in the history.
    pub lag_ms: u64,
    /// Why it does not follow, where it does not.
    pub fault: Option<String>,
}

/// One venue: a connector and an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorStatus {
    /// Its name.
    pub venue: VenueId,
    /// Its account.
    pub account: AccountId,
    /// `ready` where orders can be placed, else `out`.
    pub state: String,
    /// Why it is out.
    pub why: Option<String>,
    /// What the connector broke, where it is not called any more.
    pub fault: Option<String>,
    /// Market data.
    pub market_stream: StreamStatus,
    /// Our orders, fills and balances; `None` where the connector has no such stream.
    pub user_stream: Option<StreamStatus>,
    /// Over what orders go out.
    #[serde(default)]
    pub order_entry: OrderEntryStatus,
    /// Comparing with the exchange.
    pub reconcile: ReconcileStatus,
    /// The exchange's clock.
    pub clock: ClockStatus,
    /// Rate-limit pools.
    pub pools: Vec<PoolStatus>,
    /// Operations that have not ended.
    pub operations: usize,
    /// Of these, waiting for room in a pool.
    pub queued: usize,
    /// Orders that may be live.
    pub open_orders: usize,
    /// Of these, taken up from an earlier run's journal.
    pub recovered_orders: usize,
    /// Of these, found at the exchange and known to be ours by their ids alone.
    pub adopted_orders: usize,
    /// Of these, those whose outcome is not known.
    pub unknown_orders: Vec<UnknownOrder>,
    /// Triggers of ours that may wait there.
    #[serde(default)]
    pub triggers: Vec<TriggerStatus>,
    /// Orders in the account that are not ours: left alone.
    pub foreign_orders: Vec<ForeignStatus>,
    /// Triggers in the account that are not ours: left alone.
    #[serde(default)]
    pub foreign_triggers: Vec<ForeignStatus>,
    /// What came or left by no trade while the bot was stopped, in words; `None` where nothing did, or it is not known.
    #[serde(default)]
    pub moved_meanwhile: Option<String>,
    /// What it holds of contracts; `None` where it is a venue for spot.
    #[serde(default)]
    pub contracts: Option<ContractsStatus>,
    /// The books of what is traded; of those that are watched only, the first that are not live.
    pub books: Vec<BookStatus>,
    /// The books that are watched only.
    #[serde(default)]
    pub watched: WatchedStatus,
}

/// The books that are watched only, which may be very many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WatchedStatus {
    /// How many there are to be.
    pub books: usize,
    /// How many are there and follow their stream.
    pub live: usize,
}

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStatus {
    /// `down`, `opening`, `healing`, `live`, `quiet`, `silent`. Quiet is no outage: the exchange has nothing newer.
    pub state: String,
    /// For how long.
    pub for_ms: u64,
    /// Why it is not live.
    pub why: Option<String>,
    /// Since it last delivered something; `None` where it never has.
    pub data_age_ms: Option<u64>,
    /// In how long it is tried again, where that is known.
    pub next_try_ms: Option<u64>,
    /// How often it has been opened again.
    pub reconnects: u64,
}

/// Over what orders go out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OrderEntryStatus {
    /// What was chosen: `http` or `stream`.
    pub chosen: String,
    /// What the next order takes: `http` or `stream`.
    pub now: String,
    /// Why that is not what was chosen.
    pub why: Option<String>,
    /// Order operations written on the stream since the start.
    pub over_stream: u64,
    /// Those that did not get onto the stream and went over HTTP instead.
    pub fallen_back: u64,
}

/// Comparing with the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileStatus {
    /// Whether nothing is missing.
    pub healed: bool,
    /// Since the last comparison began; `None` before the first.
    pub last_ms: Option<u64>,
    /// Until the next one.
    pub next_ms: u64,
}

/// The exchange's clock against ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockStatus {
    /// Exchange minus ours, microseconds; `None` until measured.
    pub offset_us: Option<i64>,
    /// The round trip of the sample.
    pub round_trip_ms: Option<u64>,
}

/// A rate-limit pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStatus {
    /// Its id in the manifest.
    pub pool: String,
    /// Used in the current window.
    pub used: u64,
    /// How much fits: this bot's share.
    pub limit: u64,
    /// For how long nothing more is admitted.
    pub paused_ms: Option<u64>,
}

/// An order whose outcome is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownOrder {
    /// Our id.
    pub client_id: ClientOrderId,
    /// Of what.
    pub pair: Pair,
    /// Since it was sent.
    pub age_ms: u64,
}

/// A trigger of ours that may wait at the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerStatus {
    /// Our id.
    pub client_id: ClientOrderId,
    /// Of what.
    pub pair: Pair,
    /// What it waits for and what it becomes, in words.
    pub what: String,
    /// Where it stands; `unknown` while the exchange is asked.
    pub state: TriggerState,
    /// Since it was sent, or the run that took it up began.
    pub age_ms: u64,
}

/// An order or a trigger in the account that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignStatus {
    /// The exchange's name of the instrument.
    pub symbol: String,
    /// Its client id, or the exchange's id where it has none.
    pub id: String,
    /// Whether its id looks like one that another bot of this host made.
    pub of_a_bot: bool,
}

/// A book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookStatus {
    /// Of what.
    pub pair: Pair,
    /// `live`, `quiet`, `stale`, `polled`, `missing`.
    pub state: String,
    /// What the stream delivers of it, as [`StreamStatus::state`].
    pub feed: String,
    /// Why it is not live.
    pub why: Option<String>,
    /// Since it was last known to be right, or has been missing.
    pub age_ms: u64,
    /// How often it was dropped: gaps, doubts, lost streams.
    pub drops: u64,
    /// Best bid and ask.
    pub top: Option<(String, String)>,
}

/// A strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyStatus {
    /// Its name.
    pub id: StrategyId,
    /// Its kind.
    pub kind: String,
    /// `waiting`, `running`, `paused`, `stopped`.
    pub state: String,
    /// For how long.
    pub for_ms: u64,
    /// Why it waits or rests.
    pub why: Option<String>,
    /// Its own words.
    pub says: String,
}

/// How the Clock keeps time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickStatus {
    /// Ticks that ran.
    pub ticks: u64,
    /// Ticks that ran a whole tick late or more.
    pub overruns: u64,
    /// Ticks that were left out.
    pub skipped: u64,
    /// How late the latest tick was.
    pub latest_us: u64,
}

/// What was counted since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Orders sent.
    pub orders: u64,
    /// Cancels sent.
    pub cancels: u64,
    /// Orders that ended without ever working.
    pub rejects: u64,
    /// Fills.
    pub fills: u64,
    /// Comparisons with the exchange.
    pub reconciliations: u64,
    /// Messages that changed a book.
    #[serde(default)]
    pub book_updates: u64,
    /// Public trades taken in.
    #[serde(default)]
    pub public_trades: u64,
    /// Books that were dropped: gaps, doubts, lost streams.
    #[serde(default)]
    pub book_drops: u64,
    /// Streams that were proven silent and opened again.
    pub streams_condemned: u64,
}
