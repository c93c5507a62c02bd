//! Fills: the truth about what was traded. Filled amounts come from these, never from an order's own counters.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Amount, ClientOrderId, ExchangeOrderId, Fee, Pair, Price, Quantity, Side, TradeId, VenueId, WallNs,
};

/// Whether a fill took liquidity or made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Liquidity {
    /// Our order rested.
    Maker,
    /// Our order traded on arrival.
    Taker,
}

/// What makes a fill one fill, whichever way and however often it is reported.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FillKey {
    /// Whose.
    pub account: AccountId,
    /// Through which connector instance.
    pub venue: VenueId,
    /// Of which instrument: an exchange's trade ids are unique within one.
    pub pair: Pair,
    /// The exchange's trade id.
    pub trade_id: TradeId,
}

/// A trade of one of our orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// Its identity.
    pub key: FillKey,
    /// The order's client id, where the report carried it or the tracker knows it.
    pub client_id: Option<ClientOrderId>,
    /// The order's exchange id.
    pub exchange_id: Option<ExchangeOrderId>,
    /// Bought or sold.
    pub side: Side,
    /// At which price.
    pub price: Price,
    /// How much of the base asset.
    pub quantity: Quantity,
    /// What it cost, where the report says.
    pub fee: Option<Fee>,
    /// Maker or taker, where the report says.
    pub liquidity: Option<Liquidity>,
    /// The exchange's time.
    pub exchange_time: WallNs,
    /// Ours, when the first report of it arrived.
    pub local_time: WallNs,
}

impl Fill {
    /// Price times quantity, in the quote asset.
    #[must_use]
    pub fn notional(&self) -> Amount {
        self.price * self.quantity
    }
}
