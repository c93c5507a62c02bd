//! What an account holds of contracts: positions as the fills make them, what is set, margin, funding.
//!
//! What lives here: state and the pure rules over it. What must not live here: when the exchange is asked, what is journaled
//! (the engine's), and what a fill does to a position (the model's).

mod account;
mod funding;
mod market;
mod news;
mod position_ledger;
mod settings;

pub use account::StatedMargin;
pub(crate) use account::{ContractAccount, relates};
pub(crate) use funding::{FundingLedger, SettlementDue};
pub(crate) use market::{ContractMarket, MARK_STALE};
pub use market::{HeldPosition, PositionDifference, StatedAt};
pub use news::{ForcedReduction, FundingTold, MarginCall, PositionChanged};
pub use position_ledger::PositionLedger;
pub use settings::{ContractChoices, PairChoices, SettingDifference};
pub(crate) use settings::{SettingsState, Told};
