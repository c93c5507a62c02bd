//! The two legs as they stand: what each holds, which orders may still change that, and what keeps one from being sent.

use colibri_model::{
    Amount, Decimal, Leverage, MonoNs, OrderState, OrderTerms, OrderType, PositionEffect, PositionMode, PositionSide,
    Price, Quantity, QuantityUnit, Side, StrategyId,
};

use super::config::SpotPerpetualArbitrageConfig;
use super::proposal::{Leg, Proposal, Reduces, leg_price, matched, time_in_force};
use crate::book::OrderBook;
use crate::engine::MarketId;
use crate::orders::InFlightOrder;
use crate::strategy::OrderRequest;
use crate::strategy::in_play::{may_still_fill, unsettled};
use crate::view::{MarketView, View};

/// Which leg; also the tag of its orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Spot = 0,
    Perpetual = 1,
}

/// A leg, with its market.
pub(super) struct LegView<'a> {
    pub(super) place: Place,
    pub(super) market: MarketView<'a>,
    pub(super) book: &'a OrderBook,
    pub(super) leg: Leg<'a>,
    /// Orders that may be live.
    pub(super) live: Vec<&'a InFlightOrder>,
    /// Orders that have ended, of which fills are not told yet.
    pub(super) unsettled: Vec<&'a InFlightOrder>,
}

impl<'a> LegView<'a> {
    fn of(view: &View<'a>, id: &StrategyId, place: Place, market: Option<MarketId>) -> Option<LegView<'a>> {
        let market = view.market(market?)?;
        let book = market.book()?;
        let live = market.live_orders().filter(|order| order.strategy == *id);
        Some(LegView {
            place,
            book,
            leg: Leg {
                held: held(&market, place),
                rule: &market.instrument()?.rule,
                price: book.mid()?,
                is_contract: place == Place::Perpetual,
            },
            live: live.collect(),
            unsettled: unsettled(view, &market, id),
            market,
        })
    }

    /// Whether an order may still change what it holds: what it lacks is not known then.
    pub(super) fn is_in_play(&self) -> bool {
        !self.live.is_empty() || !self.unsettled.is_empty()
    }

    /// The order for what it lacks to hold `wanted`; `None` where it lacks nothing that the exchange takes.
    pub(super) fn order_to(&self, wanted: Quantity, buffer: Decimal) -> Option<OrderRequest> {
        let (side, quantity, reduces) = self.leg.missing(wanted)?;
        let price = leg_price(self.book, self.leg.rule, side, quantity, buffer)?;
        let effect = match reduces {
            Reduces::Yes => PositionEffect::ReduceOnly,
            Reduces::No => PositionEffect::Any,
        };
        Some(OrderRequest {
            market: self.market.id(),
            side,
            order_type: OrderType::Limit,
            time_in_force: Some(time_in_force(self.leg.rule)),
            price: Some(price),
            quantity,
            quantity_unit: QuantityUnit::Base,
            terms: OrderTerms {
                effect,
                ..OrderTerms::default()
            },
            tag: self.place as u32,
        })
    }

    fn in_words(&self, wanted: Quantity) -> String {
        let orders = self.live.iter().chain(&self.unsettled);
        let pending: Quantity = orders.map(|order| may_still_fill(order)).sum();
        let pending = Quantity(pending.0.normalize());
        let of = if self.live.iter().any(|order| order.state() == OrderState::Unknown) {
            format!(", an order over {pending} of unknown outcome")
        } else if !self.live.is_empty() {
            format!(", an order over {pending}")
        } else if !self.unsettled.is_empty() {
            format!(", fills of {pending} not told yet")
        } else {
            String::new()
        };
        format!(
            "{} {} of {wanted}{of}",
            self.market.venue(),
            self.leg.held.0.normalize()
        )
    }
}

/// What a leg holds: of spot what this bot's orders have made, fees taken off; of the perpetual the account's position.
pub(super) fn held(market: &MarketView<'_>, place: Place) -> Quantity {
    match place {
        Place::Spot => market.position().held(),
        Place::Perpetual => market.held(),
    }
}

/// What a decision is made from.
pub(super) struct Moment<'a> {
    pub(super) now: MonoNs,
    pub(super) spot: LegView<'a>,
    pub(super) perpetual: LegView<'a>,
}

impl<'a> Moment<'a> {
    /// Both legs; `None` where a market is not known or a book is not fresh.
    pub(super) fn of(
        view: &View<'a>,
        id: &StrategyId,
        spot: Option<MarketId>,
        perpetual: Option<MarketId>,
    ) -> Option<Moment<'a>> {
        Some(Moment {
            now: view.now().mono,
            spot: LegView::of(view, id, Place::Spot, spot)?,
            perpetual: LegView::of(view, id, Place::Perpetual, perpetual)?,
        })
    }

    /// Whether an order of a leg may still change what it holds.
    pub(super) fn is_in_play(&self) -> bool {
        self.spot.is_in_play() || self.perpetual.is_in_play()
    }

    /// What both legs have.
    pub(super) fn matched(&self) -> Quantity {
        matched(self.spot.leg.held, self.perpetual.leg.held)
    }

    /// Whether neither leg has anything beyond the other that could be traded.
    pub(super) fn is_balanced(&self) -> bool {
        let (spot, perpetual) = (&self.spot.leg, &self.perpetual.leg);
        spot.missing(-perpetual.held).is_none() && perpetual.missing(-spot.held).is_none()
    }

    /// Where the legs stand, in words.
    pub(super) fn in_words(&self, target: Quantity) -> String {
        let target = Quantity(target.0.normalize());
        let opposite = Quantity::ZERO - target;
        let (spot, perpetual) = (self.spot.in_words(target), self.perpetual.in_words(opposite));
        format!("{spot}; {perpetual}")
    }

    /// The amount of a leg, on the grids of both markets.
    pub(super) fn on_grids(&self, amount: Quantity) -> Quantity {
        let amount = self.spot.leg.rule.quantize_quantity(OrderType::Limit, amount);
        self.perpetual.leg.rule.quantize_quantity(OrderType::Limit, amount)
    }

    /// What there is too little of for both legs of an opening.
    pub(super) fn lack(
        &self,
        view: &View<'_>,
        config: &SpotPerpetualArbitrageConfig,
        proposal: &Proposal,
        amount: Quantity,
    ) -> Option<String> {
        let target = proposal.direction.target(amount);
        let spot_side = proposal.direction.spot();
        // What fees left of an earlier one, too little to be traded by itself, makes an order a little larger or smaller.
        for (side, wanted, way) in [
            (&self.spot, target, spot_side),
            (&self.perpetual, -target, spot_side.opposite()),
        ] {
            if side.leg.missing(wanted).is_none_or(|(missing, _, _)| missing != way) {
                return Some(format!("{} takes no order of {amount}", side.market.venue()));
            }
        }
        self.lack_of_spot(view, config, proposal, target)
            .or_else(|| self.lack_of_margin(view, config, proposal, amount))
    }

    /// What there is too little of for the order that brings the spot leg to `wanted`.
    pub(super) fn lack_of_spot(
        &self,
        view: &View<'_>,
        config: &SpotPerpetualArbitrageConfig,
        proposal: &Proposal,
        wanted: Quantity,
    ) -> Option<String> {
        let (_, amount, _) = self.spot.leg.missing(wanted)?;
        let market = &self.spot.market;
        let venue = view.venue(market.id().venue)?;
        let (asset, needed) = match proposal.direction.spot() {
            Side::Buy => {
                let reach = Decimal::ONE + config.spot_market_slippage_buffer;
                let cost = proposal.spot.0 * reach * amount.0 * (Decimal::ONE + market.fees().taker);
                (&market.pair().quote, Amount(cost))
            }
            Side::Sell => (&market.pair().base, amount.as_base_amount()),
        };
        let free = venue.available(asset);
        (free < needed).then(|| lacks(needed, free, asset.as_str(), market))
    }

    fn lack_of_margin(
        &self,
        view: &View<'_>,
        config: &SpotPerpetualArbitrageConfig,
        proposal: &Proposal,
        amount: Quantity,
    ) -> Option<String> {
        let market = &self.perpetual.market;
        let (venue, contract) = (view.venue(market.id().venue)?, market.contract()?);
        let reach = Decimal::ONE + config.perpetual_market_slippage_buffer;
        let notional = contract.notional(amount, Price(proposal.perpetual.0 * reach));
        let needed = Amount(notional.0 / config.perpetual_leverage + notional.0 * market.fees().taker);
        match venue.margin_available(&contract.settle) {
            None => Some(format!("{} has not told what is free of margin", market.venue())),
            Some(free) if free < needed => Some(lacks(needed, free, contract.settle.as_str(), market)),
            Some(_) => None,
        }
    }

    /// Why nothing is sent: what is set or held at the exchange is not what the strategy may count on. `forced` is what the exchange
    /// itself traded of the position.
    pub(super) fn obstacle(
        &self,
        view: &View<'_>,
        config: &SpotPerpetualArbitrageConfig,
        forced: Quantity,
    ) -> Option<String> {
        let (spot, market) = (&self.spot.market, &self.perpetual.market);
        let place = format!("{} at {}", market.pair(), market.venue());
        let Some(contract) = market.contract() else {
            return Some(format!("{place} is no contract"));
        };
        if contract.is_inverse() {
            return Some(format!(
                "{place} is an inverse contract: its quantities are not of the base asset"
            ));
        }
        if spot.contract().is_some() {
            return Some(format!("{} at {} is not spot", spot.pair(), spot.venue()));
        }
        if let Some(difference) = view.venue(market.id().venue)?.setting_differences().first() {
            return Some(difference.to_string());
        }
        match market.position_mode() {
            None => return Some(format!("the exchange has not told the position mode of {place}")),
            Some(PositionMode::Hedge) => {
                return Some(format!(
                    "the position mode of {place} is hedge, and this strategy needs one_way"
                ));
            }
            Some(PositionMode::OneWay) => {}
        }
        let told = market.leverage(PositionSide::Net);
        if told != Leverage::new(config.perpetual_leverage).ok() {
            let told = told.map_or_else(|| "not told".to_owned(), |leverage| leverage.to_string());
            let wanted = config.perpetual_leverage;
            return Some(format!("the leverage of {place} is {told}, and {wanted} is configured"));
        }
        let own = market.position().inventory + forced;
        (market.held() != own).then(|| {
            format!(
                "the account holds {} of {place}, and {own} by this bot's orders: what somebody else opened is not touched",
                market.held()
            )
        })
    }
}

fn lacks(needed: Amount, free: Amount, asset: &str, market: &MarketView<'_>) -> String {
    let (needed, free) = (needed.0.round_dp(8).normalize(), free.0.normalize());
    format!("{needed} {asset} are needed at {}, and {free} are free", market.venue())
}
