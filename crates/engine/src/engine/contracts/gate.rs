//! The gate before orders of contracts: caps on positions and leverage, the distance to liquidation, and margin in the place of
//! balances.
//!
//! What can only make a position smaller passes all of it, whatever was told or not: it may be the way out. Nothing here has an
//! effect.

use colibri_model::{
    Amount, Asset, ClientOrderId, Contract, Decimal, MonoNs, OrderIntent, Pair, PositionEffect, PositionSide, Price,
    Quantity, Side, StrategyId,
};

use crate::contracts::{ContractMarket, MARK_STALE, relates};
use crate::engine::VenueIndex;
use crate::engine::core::Core;
use crate::engine::market::{Market, MarketWanted};
use crate::engine::venue::Venue;
use crate::orders::InFlightOrder;
use crate::risk::{RiskRefusal, TopPrices, may_still_fill, worst_quantity};

/// How far orders may bring a position in one direction: without a sign in that direction, below zero where it is held in the
/// other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reach {
    /// What is held.
    held: Quantity,
    /// What orders that open in that direction, and triggers that become such, may bring.
    opening: Quantity,
}

impl Reach {
    /// With every such order filled, and nothing else: below zero where all of them together only reduce.
    fn filled(self) -> Quantity {
        self.held + self.opening
    }

    /// The worst case. What is held in the other direction does not make room: an order that may only reduce, a trigger, the
    /// exchange itself may have reduced it before these orders are filled.
    fn worst(self) -> Quantity {
        self.held.max(Quantity::ZERO) + self.opening
    }
}

/// Whether an order could make its position larger, were there nothing to reduce.
const fn may_open(order: &OrderIntent) -> bool {
    let by_side = match (order.terms.position_side, order.side) {
        (PositionSide::Net, _) | (PositionSide::Long, Side::Buy) | (PositionSide::Short, Side::Sell) => true,
        (PositionSide::Long, Side::Sell) | (PositionSide::Short, Side::Buy) => false,
    };
    by_side && matches!(order.terms.effect, PositionEffect::Any)
}

/// Which position an order is of, and in which direction.
const fn way_of(order: &OrderIntent) -> (Side, PositionSide) {
    (order.side, order.terms.position_side)
}

/// The prices that contracts are valued at: what costs more.
fn dearest(contracts: &ContractMarket, top: TopPrices, limit: Option<Price>) -> Price {
    let mark = contracts.mark().unwrap_or_default();
    // An inverse contract is worth most at the lowest price.
    let is_inverse = contracts.contract().is_some_and(Contract::is_inverse);
    let prices = [Some(top.high), Some(mark), limit];
    let prices = prices.into_iter().flatten().filter(|price| price.is_positive());
    let dearest = if is_inverse { prices.min() } else { prices.max() };
    dearest.unwrap_or_default()
}

impl Market {
    /// What is held in the direction of an order, without a sign.
    fn held_towards(&self, side: Side, position_side: PositionSide) -> Quantity {
        let held = self
            .contracts
            .as_ref()
            .map_or(Quantity::ZERO, |c| c.positions().of(position_side).quantity);
        match side {
            Side::Buy => held,
            Side::Sell => -held,
        }
    }
}

impl Venue {
    /// How far live orders, and those that triggers may become, may bring a position in a direction.
    fn reach(&self, market: &Market, way: (Side, PositionSide), top: TopPrices) -> Reach {
        let held = market.held_towards(way.0, way.1);
        let opening = self
            .may_still_fill()
            .filter(|o| o.intent.instrument == market.id && may_open(&o.intent) && way_of(&o.intent) == way);
        let may_fill: Quantity = opening.map(|o| may_still_fill(o, top)).sum();
        let triggers = self.orders_of_triggers(market.id, top, None);
        let triggers = triggers.filter(|(order, _)| may_open(order) && way_of(order) == way);
        let may_fire: Quantity = triggers.map(|(order, top)| worst_quantity(&order, top)).sum();
        Reach {
            held,
            opening: may_fill + may_fire,
        }
    }

    /// How far orders may bring all positions of a market, of one direction each: those of hedge mode added up, and of the one of
    /// one-way mode the farther direction.
    fn worst_gross(&self, market: &Market, top: TopPrices, added: Option<&OrderIntent>) -> Quantity {
        let toward = |side, position_side| {
            let way = (side, position_side);
            let reach = self.reach(market, way, top).worst();
            let added = added.filter(|order| may_open(order) && way_of(order) == way);
            reach + added.map_or(Quantity::ZERO, |order| worst_quantity(order, top))
        };
        let net = toward(Side::Buy, PositionSide::Net).max(toward(Side::Sell, PositionSide::Net));
        net + toward(Side::Buy, PositionSide::Long) + toward(Side::Sell, PositionSide::Short)
    }

    /// The notional of a market's worst case, in its quote asset; zero where it is no contract.
    pub(crate) fn worst_contract_notional(&self, market: &Market, added: Option<&OrderIntent>) -> Amount {
        let Some(contracts) = market.contracts.as_deref() else {
            return Amount::ZERO;
        };
        let Some(contract) = contracts.contract() else {
            return Amount::ZERO;
        };
        let top = market.top_prices().unwrap_or_default();
        let price = dearest(contracts, top, None);
        contract.quote_notional(self.worst_gross(market, top, added), price)
    }

    /// The leverage by which margin is counted: what the exchange says that it is, else what was chosen, else none.
    fn leverage(&self, market: &Market, side: PositionSide) -> Decimal {
        let told = market.contracts.as_ref().and_then(|c| c.told.leverage_of(side));
        let chosen = || {
            let choices = &self.contracts.as_ref()?.choices;
            choices.pairs.get(&market.pair)?.leverage
        };
        told.or_else(chosen).map_or(Decimal::ONE, |leverage| leverage.value())
    }

    /// The margin that opening so much takes, in the settle asset, with the fee of taking.
    fn margin_of(&self, market: &Market, side: PositionSide, quantity: Quantity, limit: Option<Price>) -> Amount {
        let Some(contracts) = market.contracts.as_deref() else {
            return Amount::ZERO;
        };
        let Some(contract) = contracts.contract() else {
            return Amount::ZERO;
        };
        let top = market.top_prices().unwrap_or_default();
        let notional = contract.notional(quantity, dearest(contracts, top, limit)).0;
        let margin = notional / self.leverage(market, side);
        Amount(margin + notional * market.fees.taker.max(Decimal::ZERO))
    }

    /// The margin that so much of an order takes; none where it cannot open.
    fn margin_of_order(&self, order: &InFlightOrder, quantity: Quantity) -> Amount {
        let Some(market) = self.market(order.intent.instrument) else {
            return Amount::ZERO;
        };
        if !may_open(&order.intent) {
            return Amount::ZERO;
        }
        let side = order.intent.terms.position_side;
        self.margin_of(market, side, quantity, order.intent.price)
    }

    /// What an order of a contract holds of the settle asset.
    pub(crate) fn margin_held_by(&self, order: &InFlightOrder) -> Amount {
        self.margin_of_order(order, order.leaves())
    }

    /// What is free of margin for new orders: what the exchange states, less what orders take that its statement does not know
    /// yet. `None` where it has not stated it.
    pub(crate) fn margin_available(&self, settle: &Asset) -> Option<Amount> {
        let stated = self.contracts.as_ref()?.margin.as_ref()?;
        let mut available = stated.available_of(settle)?;
        let settles = |order: &&InFlightOrder| {
            let market = self.market(order.intent.instrument);
            market.and_then(Market::contract).is_some_and(|c| c.settle == *settle)
        };
        let is_known = |order: &InFlightOrder| match (order.accepted, stated.exchange_time, order.exchange_time) {
            (Some(_), Some(stated), Some(told)) => told <= stated,
            (Some(at), _, _) => at <= stated.updated,
            (None, _, _) => false,
        };
        let ended = self
            .orders
            .ended_since(stated.updated)
            .filter(|o| o.filled().is_positive());
        for order in self.orders.live().chain(ended).filter(settles) {
            if !is_known(order) {
                available -= self.margin_of_order(order, order.intent.quantity);
            }
        }
        Some(available.max(Amount::ZERO))
    }

    /// The margin of a market's positions, and of orders and triggers that may still open more, in its settle asset: all of them,
    /// or those of a strategy.
    fn margin_taken(&self, market: &Market, strategy: Option<&StrategyId>) -> Amount {
        let Some(contracts) = market.contracts.as_deref() else {
            return Amount::ZERO;
        };
        let top = market.top_prices().unwrap_or_default();
        let held = contracts.positions().iter();
        let held = held.map(|(side, position)| self.margin_of(market, side, Quantity(position.quantity.0.abs()), None));
        let orders = self
            .may_still_fill()
            .filter(|o| o.intent.instrument == market.id && strategy.is_none_or(|id| o.strategy == *id));
        let orders = orders.map(|order| self.margin_of_order(order, may_still_fill(order, top)));
        let triggers = self.orders_of_triggers(market.id, top, strategy);
        let triggers = triggers.filter(|(order, _)| may_open(order)).map(|(order, top)| {
            let quantity = worst_quantity(&order, top);
            self.margin_of(
                market,
                order.terms.position_side,
                quantity,
                order.price.or(Some(top.high)),
            )
        });
        held.chain(orders).chain(triggers).sum()
    }
}

impl Core {
    /// The caps on an order of a contract and on what it would make of positions.
    ///
    /// # Errors
    /// The first cap that it would break.
    pub(crate) fn pass_contract_caps(
        &self,
        index: VenueIndex,
        market: &Market,
        order: &OrderIntent,
        mid: Price,
        top: TopPrices,
    ) -> Result<(), RiskRefusal> {
        let limits = &self.state.risk;
        let venue = &self.state.venues[index.0];
        let no_contract = || RiskRefusal::NotTrading("not known".to_owned());
        let contracts = market.contracts.as_deref().ok_or_else(no_contract)?;
        let contract = contracts.contract().ok_or_else(no_contract)?;
        let quantity = worst_quantity(order, top);
        let price = dearest(contracts, top, order.price);
        if !may_open(order) {
            return Ok(());
        }
        limits.check_sizes(&market.pair, quantity, contract.quote_notional(quantity, price))?;
        limits.check_collar(order, mid)?;
        let before = venue.reach(market, way_of(order), top);
        let opens = before.filled() + quantity > before.held.max(Quantity::ZERO);
        if !opens {
            return Ok(());
        }
        let worst = before.worst() + quantity;
        if let Some(difference) = contracts.differences.values().find(|d| d.is_lasting()) {
            return Err(RiskRefusal::PositionDiffers {
                pair: market.pair.clone(),
                stated: difference.stated,
                summed: difference.summed,
            });
        }
        let pair = || market.pair.clone();
        if let Some(&cap) = limits.max_position.get(&market.pair).filter(|cap| worst > **cap) {
            return Err(RiskRefusal::Position {
                pair: pair(),
                worst,
                cap,
            });
        }
        let notional = contract.quote_notional(worst, price);
        if let Some(cap) = limits.max_position_notional.filter(|&cap| notional > cap) {
            return Err(RiskRefusal::PositionNotional {
                pair: pair(),
                worst: notional,
                cap,
            });
        }
        if let Some(cap) = limits.max_gross_notional {
            let worst = self.gross_of_others(index, market) + venue.worst_contract_notional(market, Some(order));
            if worst > cap {
                let asset = market.pair.quote.clone();
                return Err(RiskRefusal::GrossNotional { asset, worst, cap });
            }
        }
        if let Some(least) = limits.min_liquidation_distance.filter(|_| before.held.is_positive()) {
            check_distance(contracts, order.terms.position_side, least, &market.pair, self.mono())?;
        }
        match limits.max_leverage {
            Some(cap) => check_leverage(venue, market, order, contract, cap),
            None => Ok(()),
        }
    }

    /// Whether there is margin for what an order would open, and budget.
    ///
    /// # Errors
    /// There is not, or the exchange has not told.
    pub(crate) fn pass_margin_check(
        &self,
        index: VenueIndex,
        market: &Market,
        order: &OrderIntent,
        replaced: Option<&ClientOrderId>,
    ) -> Result<(), RiskRefusal> {
        let venue = &self.state.venues[index.0];
        let needed = self.margin_needed(index, market, order);
        if needed.is_zero() {
            return Ok(());
        }
        let settle = match market.contract() {
            Some(contract) => contract.settle.clone(),
            None => return Ok(()),
        };
        let freed = replaced
            .and_then(|id| venue.orders.get(id))
            .filter(|old| old.may_be_live());
        let freed = freed.map_or(Amount::ZERO, |old| venue.margin_held_by(old));
        let available = venue.margin_available(&settle);
        let available = available.ok_or(RiskRefusal::NotTold("what is free of margin"))? + freed;
        if needed > available {
            return Err(RiskRefusal::Margin {
                asset: settle,
                needed,
                available,
            });
        }
        Ok(())
    }

    /// The margin of what an order would open beyond all that may be open without it.
    pub(crate) fn margin_needed(&self, index: VenueIndex, market: &Market, order: &OrderIntent) -> Amount {
        if !may_open(order) {
            return Amount::ZERO;
        }
        let venue = &self.state.venues[index.0];
        let top = market.top_prices().unwrap_or_default();
        let before = venue.reach(market, way_of(order), top).filled();
        let after = before + worst_quantity(order, top);
        let opened = after.max(Quantity::ZERO) - before.max(Quantity::ZERO);
        venue.margin_of(market, order.terms.position_side, opened, order.price)
    }

    /// The margin in an asset that positions and orders take at every venue: of the bot, or of a strategy's orders and of the
    /// positions in its markets.
    pub(crate) fn margins_taken(&self, asset: &Asset, strategy: Option<&StrategyId>) -> Amount {
        let of_strategy = strategy.and_then(|id| self.state.strategies.iter().find(|s| s.id == *id));
        let mut sum = Amount::ZERO;
        for (at, venue) in self.state.venues.iter().enumerate() {
            let settles = |market: &&Market| market.contract().is_some_and(|contract| contract.settle == *asset);
            for market in venue.markets.iter().filter(settles) {
                let id = Self::market_id(VenueIndex(at), market.id);
                if of_strategy.is_some_and(|s| !s.markets.contains(&id)) {
                    continue;
                }
                sum += venue.margin_taken(market, strategy);
            }
        }
        sum
    }
}

/// Whether the mark price, as it is now, is far enough from where a position is liquidated.
fn check_distance(
    contracts: &ContractMarket,
    side: PositionSide,
    least: Decimal,
    pair: &Pair,
    now: MonoNs,
) -> Result<(), RiskRefusal> {
    let age = contracts.mark_age(now).ok_or(RiskRefusal::NotTold("a mark price"))?;
    if age > MARK_STALE {
        let pair = pair.clone();
        return Err(RiskRefusal::MarkStale { pair, age });
    }
    match contracts.distance_to_liquidation(side) {
        Some(distance) if distance < least => Err(RiskRefusal::LiquidationNear {
            pair: pair.clone(),
            distance: distance.round_dp(6).normalize(),
            least,
        }),
        _ => Ok(()),
    }
}

/// Whether all positions of a venue together, in the worst case, are within so many times of what answers for them.
fn check_leverage(
    venue: &Venue,
    market: &Market,
    order: &OrderIntent,
    contract: &Contract,
    cap: Decimal,
) -> Result<(), RiskRefusal> {
    let unknown = RiskRefusal::NotTold("what answers for positions");
    let stated = venue.contracts.as_ref().and_then(|c| c.margin.as_ref());
    let Some(stated) = stated else { return Err(unknown) };
    let Some(equity) = stated.equity_of(&contract.settle) else {
        return Err(unknown);
    };
    let in_dollars = relates(&stated.margin.asset, &contract.settle) && stated.margin.asset != contract.settle;
    let mut worst = Amount::ZERO;
    for other in venue.markets.iter().filter(|m| m.wanted != MarketWanted::Watching) {
        let Some(of_other) = other.contract() else { continue };
        if !in_dollars && of_other.settle != contract.settle {
            continue;
        }
        let added = Some(order).filter(|_| other.id == market.id);
        let notional = venue.worst_contract_notional(other, added);
        worst += if of_other.is_inverse() && !in_dollars {
            // In the asset that it settles in.
            let price = other.contracts.as_ref().and_then(|c| c.mark()).unwrap_or_default();
            Amount(notional.0.checked_div(price.0).unwrap_or(Decimal::MAX))
        } else {
            notional
        };
    }
    let leverage = match worst.0.checked_div(equity.0) {
        Some(leverage) if equity.is_positive() => leverage,
        _ => Decimal::MAX,
    };
    if leverage > cap {
        return Err(RiskRefusal::Leverage {
            venue: venue.id.clone(),
            leverage: leverage.round_dp(3).normalize(),
            cap,
        });
    }
    Ok(())
}
