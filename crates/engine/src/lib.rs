//! The engine: everything that decides, as one state machine.
//!
//! What lives here: the Clock, order books, the order tracker, accounts, risk, reconciliation, strategies, and the
//! [`Engine`] that ties them together. What must not live here: sockets, files, threads, a clock of its own, exchange
//! names, floats for money. Time comes in with every input; what is to be done goes out as [`EngineAction`]s; facts are
//! written to a [`Journal`](colibri_model::Journal) before anything depends on them.

pub mod accounts;
pub mod book;
pub mod clock;
pub mod config;
mod contracts;
mod engine;
mod kept;
mod now;
pub mod orders;
pub mod risk;
pub mod strategy;
mod view;

pub use contracts::{
    ContractChoices, ForcedReduction, FundingTold, HeldPosition, MarginCall, PairChoices, PositionChanged,
    PositionDifference, PositionLedger, SettingDifference, StatedAt, StatedMargin,
};
pub use engine::{
    BookSource, Counts, DataDelays, Engine, EngineAction, EnginePhase, EngineSetup, EngineSnapshot,
    EnvironmentConflict, ForeignOrder, ForeignTrigger, KillSwitch, LeftHoldings, LogLevel, MarketId, Outage, Progress,
    Recovered, RecoveredOrder, RecoveredTrigger, RestoredEngine, SessionProfit, SessionReference, StopReport,
    StrategyConflict, StrategyState, StreamState, VenueIndex, VenuePhase, VenueSetup, VenueStop, Watermarks,
};
pub use now::HostNow;
pub use view::{MarketView, ReconcileView, StrategyView, StreamView, VenueView, View};
