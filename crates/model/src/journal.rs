//! What is journaled: the facts from which orders, fills and balances are rebuilt after a crash.
//!
//! A record is written before what it announces is done. The file format is the store's; the engine sees [`Journal`].

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Balance, ClientOrderId, ExchangeOrderId, Fill, OrderIntent, OrderState, Pair, Quantity, StrategyId,
    VenueId, WallNs,
};

/// The version of [`Record`]'s meaning: a journal says which it was written with.
pub const SCHEMA_VERSION: u32 = 1;

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// A bot started.
    Started {
        /// The bot's name.
        bot: String,
        /// The host's version.
        version: String,
        /// When.
        time: WallNs,
    },
    /// An order is about to be sent.
    Intent {
        /// Who decided it.
        strategy: StrategyId,
        /// Where it goes.
        venue: VenueId,
        /// For whose account.
        account: AccountId,
        /// Of which pair.
        pair: Pair,
        /// The order.
        order: OrderIntent,
        /// When.
        time: WallNs,
    },
    /// A cancel is about to be sent.
    CancelIntent {
        /// Where.
        venue: VenueId,
        /// Of which order.
        client_id: ClientOrderId,
        /// When.
        time: WallNs,
    },
    /// An amend is about to be sent: until the order is told again, it may have either quantity.
    AmendIntent {
        /// Where.
        venue: VenueId,
        /// Of which order.
        client_id: ClientOrderId,
        /// The new whole quantity.
        quantity: Quantity,
        /// When.
        time: WallNs,
    },
    /// An order's state changed.
    OrderChanged {
        /// Where.
        venue: VenueId,
        /// Which order.
        client_id: ClientOrderId,
        /// The exchange's id, once known.
        exchange_id: Option<ExchangeOrderId>,
        /// The state it is in now.
        state: OrderState,
        /// The exchange's or the host's words, where there are any.
        reason: Option<String>,
        /// The exchange's time of the change, where it said one.
        exchange_time: Option<WallNs>,
        /// When we learned it.
        time: WallNs,
    },
    /// A fill, when it is first seen; and once more when what was missing of it is learned (its fee, its order). It counts once.
    Filled {
        /// Who had decided the order, where it is one of ours.
        strategy: Option<StrategyId>,
        /// The fill.
        fill: Fill,
    },
    /// Balances as the exchange stated them.
    Balances {
        /// Where.
        venue: VenueId,
        /// Whose.
        account: AccountId,
        /// The balances.
        balances: Vec<Balance>,
        /// When.
        time: WallNs,
    },
    /// The kill switch was thrown: nothing is placed from here on.
    KillSwitchThrown {
        /// Why.
        reason: String,
        /// When.
        time: WallNs,
    },
    /// A person released the kill switch.
    KillSwitchReleased {
        /// When.
        time: WallNs,
    },
    /// A bot stopped.
    Stopped {
        /// The bot's name.
        bot: String,
        /// Why.
        reason: String,
        /// When.
        time: WallNs,
    },
}

/// A record could not be written. Nothing that depends on it may be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be written ({0}); trading stops until it can")]
pub struct JournalError(pub String);

/// Where the engine writes facts down.
pub trait Journal {
    /// Appends records, in order, all or none; returns when they survive the end of this process.
    ///
    /// # Errors
    /// [`JournalError`] where they could not be written.
    fn append(&mut self, records: &[Record]) -> Result<(), JournalError>;
}
