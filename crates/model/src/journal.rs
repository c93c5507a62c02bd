//! What is journaled: the facts from which orders, fills and balances are rebuilt after a crash.
//!
//! A record is written before what it announces is done. The file format is the store's; the engine sees [`Journal`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Amount, Asset, Balance, ClientOrderId, Contract, ExchangeOrderId, Fill, FillCause, FundingPayment,
    OrderIntent, OrderState, Pair, PositionSide, Price, Quantity, Side, StrategyId, TradeId, TradingSetting,
    TriggerIntent, TriggerState, VenueId, WallNs,
};

/// The version of [`Record`]'s meaning: a journal says which it was written with. It rises with every new kind of record
/// and with every change of an old one's meaning, because a record that is not understood may be an order.
///
/// - 1: runs, intents, changes of orders, fills, balances, the kill switch.
/// - 2: environments, adopted orders, what a reconciliation made complete, changes from outside, the exchange's counter of
///   what an order has filled, what a session's profit is measured from, and [`Record::Migrated`].
/// - 3: contracts: an order's terms, a fill's position and cause, chosen settings, triggers, funding, forced reductions;
///   [`Record::Renamed`]; balances stand as they are known to be, with those that went to zero.
/// - 4: [`Record::PositionsOpened`]; fills that stand for an accepted position ([`FillCause::Accepted`]); what profit is counted
///   by: the contract that a pair is of, and prices of what fees were paid in.
pub const SCHEMA_VERSION: u32 = 4;

/// The oldest version whose records this code understands: every one since is read as it stands.
pub const OLDEST_SCHEMA: u32 = 1;

/// Who or what threw the kill switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KillCause {
    /// The session's profit fell too far from its peak. The one cause that journals of version 1 knew.
    #[default]
    Drawdown,
    /// The session lost too much from its start.
    Loss,
    /// Orders were live for too long where the book was stale or the venue not to be relied on.
    Staleness,
    /// A person.
    Person,
}

impl KillCause {
    /// For screens and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            KillCause::Drawdown => "drawdown",
            KillCause::Loss => "loss",
            KillCause::Staleness => "staleness",
            KillCause::Person => "person",
        }
    }
}

/// A position that was held before the first fill that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedPosition {
    /// Which.
    #[serde(default, skip_serializing_if = "PositionSide::is_net")]
    pub side: PositionSide,
    /// How much, below zero where it was short.
    pub quantity: Quantity,
    /// What it cost: the exchange's entry price, or the mark price where it did not say.
    pub price: Price,
}

/// What stands for the strategy of an order that is the bot's and names none: one that was adopted.
pub const NO_STRATEGY: &str = "(bot)";

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
    /// The journal was taken up by a version that writes more kinds of records than the ones before it. A version that does
    /// not know this record, or the version in it, stops here instead of missing what follows.
    Migrated {
        /// The version that the records before were written with.
        from: u32,
        /// The version of the records that follow.
        to: u32,
    },
    /// A run uses a venue: which environment of the exchange the venue's records are about from here on.
    VenueUsed {
        /// The venue.
        venue: VenueId,
        /// Whose account.
        account: AccountId,
        /// The environment, by its name in the connector's manifest: `live`, `testnet`.
        environment: String,
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
    /// An order at the exchange that no record told of is taken for this bot's: by its client id, or because its user said so.
    Adopted {
        /// Who decided it, where its client id tells.
        strategy: Option<StrategyId>,
        /// Where it is.
        venue: VenueId,
        /// In whose account.
        account: AccountId,
        /// Of which pair.
        pair: Pair,
        /// The order, as the exchange states it.
        order: OrderIntent,
        /// The exchange's id.
        exchange_id: Option<ExchangeOrderId>,
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
    /// An amend has given an order another name at the exchange. Both are known from here on: it is asked about and cancelled
    /// by the new one, and told under either.
    Renamed {
        /// Where.
        venue: VenueId,
        /// The name that it has here, and had when it was placed.
        client_id: ClientOrderId,
        /// What the exchange calls it now.
        name: ClientOrderId,
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
        /// What the exchange counts as filled of it, where it has said so: fills up to here exist.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        filled: Option<Quantity>,
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
    /// What the exchange tells of a pair has been asked for without a gap, and every page of the answer has come: whatever it
    /// had before these places stands above.
    Reconciled {
        /// Where.
        venue: VenueId,
        /// Whose.
        account: AccountId,
        /// Of which pair.
        pair: Pair,
        /// Fills are complete up to this trade.
        trade: Option<TradeId>,
        /// Where no trade is known: fills are complete up to this time.
        trades_since: WallNs,
        /// Orders are complete up to this time of the exchange.
        orders_since: WallNs,
        /// When.
        time: WallNs,
    },
    /// A balance changed by something other than a trade: a deposit, a withdrawal, a transfer.
    ExternalChange {
        /// Where.
        venue: VenueId,
        /// Whose.
        account: AccountId,
        /// Of which asset.
        asset: Asset,
        /// By how much; below zero where it left.
        change: Amount,
        /// The exchange's time of it, where it said one.
        exchange_time: Option<WallNs>,
        /// When we learned it.
        time: WallNs,
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
    /// What the profit of a market's session is measured from: a restart after a crash goes on with it; a stop that was
    /// proven, or a person who resumes, ends the session.
    SessionReference {
        /// Where.
        venue: VenueId,
        /// Whose.
        account: AccountId,
        /// Of which pair.
        pair: Pair,
        /// Realised and unrealised profit since the journal began, less the fees in base or quote asset, in the quote asset.
        profit: Amount,
        /// Fees in other assets since the journal began.
        other_fees: BTreeMap<Asset, Amount>,
        /// The price that the inventory was valued at; none where there was no inventory and no book.
        price: Option<Price>,
        /// When.
        time: WallNs,
    },
    /// Something was chosen of an account or an instrument: a position mode, a margin mode, a leverage. Written before it is
    /// sent; a later choice of the same takes its place. What it is at the exchange is asked, never read from here.
    SettingChosen {
        /// Where.
        venue: VenueId,
        /// Whose.
        account: AccountId,
        /// Of which pair; of the account where it is `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pair: Option<Pair>,
        /// What.
        chosen: TradingSetting,
        /// When.
        time: WallNs,
    },
    /// What was held of a contract before the first of its fills that stand here: entered once for each pair of an account, with
    /// nothing where nothing was held. With the fills it is what is held.
    PositionsOpened {
        /// Where.
        venue: VenueId,
        /// Whose.
        account: AccountId,
        /// Of which pair.
        pair: Pair,
        /// The positions.
        positions: Vec<OpenedPosition>,
        /// When.
        time: WallNs,
    },
    /// A trigger is about to be sent; or one at the exchange that no record told of is taken for this bot's, by its client id.
    TriggerIntent {
        /// Who decided it.
        strategy: StrategyId,
        /// Where it goes.
        venue: VenueId,
        /// For whose account.
        account: AccountId,
        /// Of which pair.
        pair: Pair,
        /// The trigger.
        trigger: TriggerIntent,
        /// When.
        time: WallNs,
    },
    /// A cancel of a trigger is about to be sent.
    TriggerCancelIntent {
        /// Where.
        venue: VenueId,
        /// Of which trigger.
        client_id: ClientOrderId,
        /// When.
        time: WallNs,
    },
    /// A trigger's state changed. Where it became an order, that order has the trigger's client id in the records that follow.
    TriggerChanged {
        /// Where.
        venue: VenueId,
        /// Which trigger.
        client_id: ClientOrderId,
        /// The exchange's id of the trigger, once known.
        exchange_id: Option<ExchangeOrderId>,
        /// The state it is in now.
        state: TriggerState,
        /// The order that it became, once known: from here on fills of that order are its strategy's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order: Option<ExchangeOrderId>,
        /// The client id that the exchange gave that order, where it is not the trigger's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_client_id: Option<ClientOrderId>,
        /// The exchange's or the host's words, where there are any.
        reason: Option<String>,
        /// The exchange's time of the change, where it said one.
        exchange_time: Option<WallNs>,
        /// When we learned it.
        time: WallNs,
    },
    /// A funding payment, when it is first seen. It counts once, by its key.
    FundingPaid {
        /// Who holds the position, where one strategy alone does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        strategy: Option<StrategyId>,
        /// The payment.
        payment: FundingPayment,
    },
    /// Funding payments have been asked for without a gap: every one of the account that was settled before `through` stands
    /// above.
    FundingReconciled {
        /// Where.
        venue: VenueId,
        /// Whose.
        account: AccountId,
        /// Complete up to this time of the exchange.
        through: WallNs,
        /// When.
        time: WallNs,
    },
    /// The exchange reduced a position by itself: a liquidation, auto-deleveraging, a settlement. What it traded comes as fills
    /// of that cause; this tells that it happened, also where the exchange tells no fill.
    ForcedReduction {
        /// Where.
        venue: VenueId,
        /// Whose.
        account: AccountId,
        /// Of which pair.
        pair: Pair,
        /// Of which position.
        #[serde(default, skip_serializing_if = "PositionSide::is_net")]
        position_side: PositionSide,
        /// Why.
        cause: FillCause,
        /// Whether it bought or sold, where the exchange says.
        side: Option<Side>,
        /// How much, where it says.
        quantity: Option<Quantity>,
        /// At which price, where it says.
        price: Option<Price>,
        /// Its order at the exchange, where it has one.
        exchange_id: Option<ExchangeOrderId>,
        /// The exchange's time of it, where it said one.
        exchange_time: Option<WallNs>,
        /// When we learned it.
        time: WallNs,
    },
    /// A pair that is traded is of a contract: by it quantities of its fills become money. Written when a run learns it, and when
    /// it changes; a pair without one is spot.
    ContractKnown {
        /// Where.
        venue: VenueId,
        /// Whose.
        account: AccountId,
        /// Of which pair.
        pair: Pair,
        /// The contract.
        contract: Contract,
        /// When.
        time: WallNs,
    },
    /// What something that was paid in a third asset was worth: the middle of a book of this bot, when it learned of a fill that
    /// was not older than a minute.
    PriceSeen {
        /// Where.
        venue: VenueId,
        /// Of which pair: that of the fee's asset.
        pair: Pair,
        /// The price.
        price: Price,
        /// The exchange's time of the fill.
        of: WallNs,
        /// When.
        time: WallNs,
    },
    /// The kill switch was thrown: nothing is placed from here on.
    KillSwitchThrown {
        /// Who or what threw it.
        #[serde(default)]
        cause: KillCause,
        /// Why, with the figures.
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

/// Where the engine writes facts down. It borrows nothing: the engine holds one whose type it does not know.
pub trait Journal: 'static {
    /// Appends records, in order, all or none; returns when they survive the end of this process. No records at all ask
    /// whether it can be tried: one that is beyond repair in this process refuses.
    ///
    /// # Errors
    /// [`JournalError`] where they could not be written.
    fn append(&mut self, records: &[Record]) -> Result<(), JournalError>;
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
