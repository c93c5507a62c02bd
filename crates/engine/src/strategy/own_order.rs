//! What a strategy is told of its own orders: changes, fills, and what became of its wishes to change them.
//!
//! Every report carries the order's totals at that moment, and both times: the exchange's, where it said one, and ours.

use colibri_model::{ClientOrderId, Fill, OrderState, Quantity, Side, WallNs};
use colibri_standard::Outcome;

use crate::engine::MarketId;
use crate::orders::{InFlightOrder, OrderChange, OrderTotals};
use crate::risk::RiskRefusal;

/// A change of one of the strategy's orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnOrderChange {
    /// Which order.
    pub client_id: ClientOrderId,
    /// Of which market.
    pub market: MarketId,
    /// The strategy's number for it.
    pub tag: u32,
    /// Buy or sell.
    pub side: Side,
    /// From which state.
    pub from: OrderState,
    /// To which.
    pub to: OrderState,
    /// What was filled by then: amount, notional, average price, fees by asset. By the ledger: a status may come before the
    /// trades that it counts, which are then told each by its own [`OwnFill`].
    pub totals: OrderTotals,
    /// What was not filled by then.
    pub leaves: Quantity,
    /// The exchange's or the host's words for why, where there are any.
    pub reason: Option<String>,
    /// The exchange's time of the change, where it said one.
    pub exchange_time: Option<WallNs>,
    /// Ours, when we learned of it.
    pub local_time: WallNs,
}

impl OwnOrderChange {
    pub(crate) fn of(
        order: &InFlightOrder,
        change: &OrderChange,
        market: MarketId,
        exchange_time: Option<WallNs>,
        local_time: WallNs,
    ) -> OwnOrderChange {
        OwnOrderChange {
            client_id: change.client_id.clone(),
            market,
            tag: order.tag,
            side: order.intent.side,
            from: change.from,
            to: change.to,
            totals: change.totals.clone(),
            leaves: order.leaves(),
            reason: order.reason.clone(),
            exchange_time,
            local_time,
        }
    }
}

/// A fill of one of the strategy's orders. Its own two times stand in `fill`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnFill {
    /// Which order.
    pub client_id: ClientOrderId,
    /// Of which market.
    pub market: MarketId,
    /// The strategy's number for the order.
    pub tag: u32,
    /// The fill: price, quantity, fee where it was told, the exchange's time and ours.
    pub fill: Fill,
    /// What is filled of the order, this fill included.
    pub totals: OrderTotals,
    /// What is not.
    pub leaves: Quantity,
}

impl OwnFill {
    pub(crate) fn of(order: &InFlightOrder, fill: &Fill, market: MarketId) -> OwnFill {
        OwnFill {
            client_id: order.client_id().clone(),
            market,
            tag: order.tag,
            fill: fill.clone(),
            totals: order.totals().clone(),
            leaves: order.leaves(),
        }
    }
}

/// A wish for an order, or for a change of one, that was not fulfilled: nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedOrder {
    /// Of which market.
    pub market: MarketId,
    /// The strategy's number for the order.
    pub tag: u32,
    /// The order that was to be amended or replaced; `None` where one was to be placed.
    pub client_id: Option<ClientOrderId>,
    /// Why.
    pub reason: RiskRefusal,
}

/// How a request that changes an order, or one half of it, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestEnd {
    /// Done, as the exchange confirmed.
    Done,
    /// Certainly not done, for the reason given.
    Refused(String),
    /// Not even attempted, because the other half failed.
    NotAttempted,
    /// Not known: the exchange is asked, and what it says comes as changes of the orders.
    Unknown,
}

impl From<&Outcome> for RequestEnd {
    fn from(outcome: &Outcome) -> RequestEnd {
        match outcome {
            Outcome::Done => RequestEnd::Done,
            Outcome::Unknown(_) => RequestEnd::Unknown,
            refused => RequestEnd::Refused(refused.refusal().map(ToString::to_string).unwrap_or_default()),
        }
    }
}

/// How an amend ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderAmended {
    /// Which order.
    pub client_id: ClientOrderId,
    /// Of which market.
    pub market: MarketId,
    /// The strategy's number for it.
    pub tag: u32,
    /// The whole quantity that was wanted.
    pub quantity: Quantity,
    /// The end.
    pub end: RequestEnd,
}

/// How a replace ended: the cancel of the one order and the placement of the other, each by itself.
///
/// | cancel | place | then |
/// |---|---|---|
/// | Done | Done | the new order is in the place of the old one |
/// | Done | Refused | the old one is gone, nothing is in its place |
/// | Refused | NotAttempted | the old one had ended, or is left working |
/// | Refused | Refused | nothing was done: the old one is left working |
/// | Unknown | Unknown | both are asked about |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderReplaced {
    /// The order that was to go.
    pub replaced: ClientOrderId,
    /// The order that was to come; `None` where it never got as far as an id.
    pub by: Option<ClientOrderId>,
    /// Of which market.
    pub market: MarketId,
    /// The strategy's number for the order that was to come.
    pub tag: u32,
    /// The end of the cancel.
    pub cancel: RequestEnd,
    /// The end of the placement.
    pub place: RequestEnd,
}
