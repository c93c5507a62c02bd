//! What a strategy wishes of triggers, and what it is told of its own.

use colibri_model::{
    ClientOrderId, ExchangeOrderId, OrderTerms, OrderType, Price, Quantity, Side, TimeInForce, TriggerBy, TriggerKind,
    TriggerState, WallNs,
};
use serde::{Deserialize, Serialize};

use crate::engine::MarketId;
use crate::orders::{InFlightTrigger, TriggerChange};
use crate::risk::RiskRefusal;

/// A trigger that a strategy wants. Prices and quantity are rounded to the trading rule on the safe side: prices of a sell up
/// and of a buy down, so that a stop fires no later than was wanted and a take profit at no worse a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerRequest {
    /// Where.
    pub market: MarketId,
    /// In which direction the price must go.
    pub kind: TriggerKind,
    /// Which price is watched.
    pub by: TriggerBy,
    /// The price at which it fires.
    pub trigger_price: Price,
    /// The order's side.
    pub side: Side,
    /// The order's type.
    pub order_type: OrderType,
    /// The order's time in force; `None` for market orders.
    pub time_in_force: Option<TimeInForce>,
    /// The order's limit price; `None` for market orders.
    pub price: Option<Price>,
    /// The order's quantity; `None` where it closes the position, as its terms then say.
    pub quantity: Option<Quantity>,
    /// Of which position, what it may do to it, and until when the trigger waits.
    pub terms: OrderTerms,
    /// The strategy's own number for it: comes back with every change, of its order too.
    pub tag: u32,
}

/// A change of one of the strategy's triggers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTriggerChange {
    /// Which trigger. The order that it became has the same id here.
    pub client_id: ClientOrderId,
    /// Of which market.
    pub market: MarketId,
    /// The strategy's number for it.
    pub tag: u32,
    /// In which direction the price must go.
    pub kind: TriggerKind,
    /// The order's side.
    pub side: Side,
    /// From which state.
    pub from: TriggerState,
    /// To which.
    pub to: TriggerState,
    /// The exchange's id of the order that it became, where it is known.
    pub order: Option<ExchangeOrderId>,
    /// The exchange's or the host's words for why, where there are any.
    pub reason: Option<String>,
    /// The exchange's time of the change, where it said one.
    pub exchange_time: Option<WallNs>,
    /// Ours, when we learned of it.
    pub local_time: WallNs,
}

impl OwnTriggerChange {
    pub(crate) fn of(
        trigger: &InFlightTrigger,
        change: &TriggerChange,
        market: MarketId,
        exchange_time: Option<WallNs>,
        local_time: WallNs,
    ) -> OwnTriggerChange {
        OwnTriggerChange {
            client_id: change.client_id.clone(),
            market,
            tag: trigger.tag,
            kind: trigger.intent.kind,
            side: trigger.intent.side,
            from: change.from,
            to: change.to,
            order: trigger.order.clone(),
            reason: trigger.reason.clone(),
            exchange_time,
            local_time,
        }
    }
}

/// A wish for a trigger that was not fulfilled: nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedTrigger {
    /// Of which market.
    pub market: MarketId,
    /// The strategy's number for the trigger.
    pub tag: u32,
    /// Why.
    pub reason: RiskRefusal,
}
