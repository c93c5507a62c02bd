//! Orders of a strategy that may still change what it holds: those that may be live, and those that have ended while fills of
//! theirs, which the exchange has counted, are not told yet.

use colibri_model::{MonoNs, OrderState, Quantity, StrategyId};

use crate::orders::InFlightOrder;
use crate::view::{MarketView, View};

/// How long ago an order may have ended and still lack fills, nanoseconds: an hour. They are asked for within seconds.
const ENDED: u64 = 3_600_000_000_000;

/// What may still be told as filled of an order: all that it leaves while it may be live, an unknown outcome among that; what the
/// exchange has counted and not told, once it has ended.
pub(super) fn may_still_fill(order: &InFlightOrder) -> Quantity {
    if order.may_be_live() || order.state() == OrderState::Filled {
        order.leaves()
    } else {
        order.missing_fills()
    }
}

/// The orders of a strategy in a market that have ended, and whose fills are not all told.
pub(super) fn unsettled<'a>(view: &View<'a>, market: &MarketView<'a>, id: &StrategyId) -> Vec<&'a InFlightOrder> {
    let since = MonoNs(view.now().mono.0.saturating_sub(ENDED));
    let venue = view.venue(market.id().venue).into_iter();
    let ended = venue.flat_map(|venue| venue.ended_since(since));
    let instrument = market.id().instrument;
    let lacks = |order: &&InFlightOrder| {
        order.strategy == *id && order.intent.instrument == instrument && !may_still_fill(order).is_zero()
    };
    ended.filter(lacks).collect()
}
