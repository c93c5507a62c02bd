//! Fills: the truth about what was traded. Filled amounts come from these, never from an order's own counters.

use serde::{Deserialize, Serialize};

use crate::{
    AccountId, Amount, ClientOrderId, ExchangeOrderId, Fee, FillCause, Pair, PositionSide, Price, Quantity, Side,
    TradeId, VenueId, WallNs,
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
    /// Bought or sold: a trade of two of our own orders with each other is a fill of each, under one trade id.
    pub side: Side,
}

/// A trade of one of our orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenFill", into = "WrittenFill")]
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
    /// How much: of the base asset, or of contracts where the instrument is an inverse one.
    pub quantity: Quantity,
    /// What it cost, where the report says.
    pub fee: Option<Fee>,
    /// Maker or taker, where the report says.
    pub liquidity: Option<Liquidity>,
    /// Of which position: net but in hedge mode.
    pub position_side: PositionSide,
    /// Who made it.
    pub cause: FillCause,
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

/// A fill as it is written: the side stands once, beside the key.
#[derive(Serialize, Deserialize)]
struct WrittenFill {
    key: WrittenKey,
    client_id: Option<ClientOrderId>,
    exchange_id: Option<ExchangeOrderId>,
    side: Side,
    price: Price,
    quantity: Quantity,
    fee: Option<Fee>,
    liquidity: Option<Liquidity>,
    #[serde(default, skip_serializing_if = "PositionSide::is_net")]
    position_side: PositionSide,
    #[serde(default, skip_serializing_if = "FillCause::is_order")]
    cause: FillCause,
    exchange_time: WallNs,
    local_time: WallNs,
}

#[derive(Serialize, Deserialize)]
struct WrittenKey {
    account: AccountId,
    venue: VenueId,
    pair: Pair,
    trade_id: TradeId,
}

impl From<WrittenFill> for Fill {
    fn from(written: WrittenFill) -> Fill {
        Fill {
            key: FillKey {
                account: written.key.account,
                venue: written.key.venue,
                pair: written.key.pair,
                trade_id: written.key.trade_id,
                side: written.side,
            },
            client_id: written.client_id,
            exchange_id: written.exchange_id,
            side: written.side,
            price: written.price,
            quantity: written.quantity,
            fee: written.fee,
            liquidity: written.liquidity,
            position_side: written.position_side,
            cause: written.cause,
            exchange_time: written.exchange_time,
            local_time: written.local_time,
        }
    }
}

impl From<Fill> for WrittenFill {
    fn from(fill: Fill) -> WrittenFill {
        WrittenFill {
            key: WrittenKey {
                account: fill.key.account,
                venue: fill.key.venue,
                pair: fill.key.pair,
                trade_id: fill.key.trade_id,
            },
            client_id: fill.client_id,
            exchange_id: fill.exchange_id,
            side: fill.side,
            price: fill.price,
            quantity: fill.quantity,
            fee: fill.fee,
            liquidity: fill.liquidity,
            position_side: fill.position_side,
            cause: fill.cause,
            exchange_time: fill.exchange_time,
            local_time: fill.local_time,
        }
    }
}
