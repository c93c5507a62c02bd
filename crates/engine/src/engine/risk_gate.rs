//! The gate before every order: caps on the order, on live orders, on positions in the worst case, and budgets.
//!
//! Every order that is to be sent passes here, and nowhere else; an amend can only reduce one. Nothing here has an effect.

use colibri_model::{Amount, Asset, ClientOrderId, OrderIntent, Price, Side, StrategyId};

use crate::engine::VenueIndex;
use crate::engine::core::Core;
use crate::engine::market::Market;
use crate::engine::venue::Venue;
use crate::orders::InFlightOrder;
use crate::risk::{Exposure, RiskRefusal, TopPrices, commitment, may_still_pay, worst_notional, worst_quantity};

impl Market {
    /// What an order of this market without a price is valued at: the book's best prices, else the last price known.
    pub(crate) fn top_prices(&self) -> Option<TopPrices> {
        let book = self.book();
        let best = book.and_then(|b| Some((b.best_bid()?.price, b.best_ask()?.price)));
        match best {
            Some((bid, ask)) => Some(TopPrices { low: bid, high: ask }),
            None => self.valued_at.or(self.position.last_price).map(TopPrices::at),
        }
    }
}

impl Venue {
    /// Orders of which fills may still come: those that may be live, and those that ended with fills missing.
    pub(crate) fn may_still_fill(&self) -> impl Iterator<Item = &InFlightOrder> {
        self.orders.live().chain(self.orders.lacking_fills())
    }

    /// A market's position with everything that its orders may add.
    pub(crate) fn exposure(&self, market: &Market, top: TopPrices) -> Exposure {
        let mut exposure = Exposure::new(market.position.inventory);
        for order in self.may_still_fill().filter(|o| o.intent.instrument == market.id) {
            exposure.add_order(order, top);
        }
        self.add_triggers(&mut exposure, market.id, top);
        exposure
    }

    /// What orders, and triggers that may open, may still pay of an asset: all of them, or those of a strategy.
    fn may_still_pay(&self, asset: &Asset, strategy: Option<&StrategyId>) -> Amount {
        if self.contracts.is_some() {
            // Orders of contracts take margin, and pay nothing.
            return Amount::ZERO;
        }
        let whose = |o: &InFlightOrder| strategy.is_none_or(|strategy| o.strategy == *strategy);
        let pays = |o: &&InFlightOrder| Venue::paid_with(&o.pair, o.intent.side) == asset && whose(o);
        let paid = self.may_still_fill().filter(pays).map(|order| {
            let top = self.market(order.intent.instrument).and_then(Market::top_prices);
            may_still_pay(order, top.unwrap_or_default())
        });
        paid.sum::<Amount>() + self.triggers_may_pay(asset, strategy)
    }
}

impl Core {
    /// Whether the operator's caps and budgets let an order of a strategy's through. One that takes the place of another
    /// counts beside it, since that one may be filled before it is cancelled; only of live orders there are not more.
    ///
    /// # Errors
    /// The first cap that it would break.
    pub(crate) fn pass_risk_gate(
        &self,
        strategy: &StrategyId,
        index: VenueIndex,
        order: &OrderIntent,
        replaced: Option<&ClientOrderId>,
    ) -> Result<(), RiskRefusal> {
        let venue = self.state.venues.get(index.0).ok_or(RiskRefusal::NoSuchMarket)?;
        let market = venue.market(order.instrument).ok_or(RiskRefusal::NoSuchMarket)?;
        let mid = market.book().and_then(|b| b.mid()).ok_or(RiskRefusal::NoFreshBook)?;
        let top = market.top_prices().unwrap_or(TopPrices::at(mid));
        self.pass_risk_gate_at(strategy, index, order, replaced, (mid, top))
    }

    /// As [`Core::pass_risk_gate`], with the prices that the order is judged by: the one that its limit is compared with, and
    /// those that it is valued at.
    ///
    /// # Errors
    /// The first cap that it would break.
    pub(crate) fn pass_risk_gate_at(
        &self,
        strategy: &StrategyId,
        index: VenueIndex,
        order: &OrderIntent,
        replaced: Option<&ClientOrderId>,
        (mid, top): (Price, TopPrices),
    ) -> Result<(), RiskRefusal> {
        let limits = &self.state.risk;
        let venue = self.state.venues.get(index.0).ok_or(RiskRefusal::NoSuchMarket)?;
        let market = venue.market(order.instrument).ok_or(RiskRefusal::NoSuchMarket)?;
        if market.contract().is_none() {
            limits.check_order(&market.pair, order, mid, top)?;
        }
        let waiting: usize = self.state.venues.iter().map(|v| v.opening_triggers_of(strategy)).sum();
        let live = self.view().live_orders(strategy).count() + waiting;
        let leaving = replaced
            .and_then(|id| venue.orders.get(id))
            .is_some_and(InFlightOrder::may_be_live);
        limits.check_live(live.saturating_sub(usize::from(leaving)))?;
        if market.contract().is_some() {
            self.pass_contract_caps(index, market, order, mid, top)?;
        } else if limits.caps_positions() {
            self.check_positions(index, market, order, top)?;
        }
        self.check_budgets(strategy, index, market, order, top)
    }

    fn check_positions(
        &self,
        index: VenueIndex,
        market: &Market,
        added: &OrderIntent,
        top: TopPrices,
    ) -> Result<(), RiskRefusal> {
        let limits = &self.state.risk;
        let venue = &self.state.venues[index.0];
        // Long inventory is worth most at the ask, short inventory costs most at the ask too.
        let mark = top.high;
        let before = venue.exposure(market, top);
        let mut after = before;
        after.add(added.side, worst_quantity(added, top), worst_notional(added, top));
        if let Some(&cap) = limits.max_position.get(&market.pair) {
            let worst = after.position(added.side);
            if worst > cap {
                let pair = market.pair.clone();
                return Err(RiskRefusal::Position { pair, worst, cap });
            }
        }
        if let Some(cap) = limits.max_position_notional {
            let worst = after.notional(added.side, mark);
            if worst > cap {
                let pair = market.pair.clone();
                return Err(RiskRefusal::PositionNotional { pair, worst, cap });
            }
        }
        if let Some(cap) = limits.max_gross_notional {
            let (was, will) = (before.gross(mark), after.gross(mark));
            let others = self.gross_of_others(index, market);
            let worst = others + will;
            // What adds nothing to the worst case passes however large it is: it may be the way out.
            if worst > cap && will > was {
                let asset = market.pair.quote.clone();
                return Err(RiskRefusal::GrossNotional { asset, worst, cap });
            }
        }
        Ok(())
    }

    /// The worst cases of all other markets of the same quote asset, added up.
    pub(crate) fn gross_of_others(&self, index: VenueIndex, market: &Market) -> Amount {
        let mut sum = Amount::ZERO;
        for (at, venue) in self.state.venues.iter().enumerate() {
            for other in &venue.markets {
                if other.pair.quote != market.pair.quote || (at == index.0 && other.id == market.id) {
                    continue;
                }
                if other.contract().is_some() {
                    sum += venue.worst_contract_notional(other, None);
                    continue;
                }
                // Without any price there was never a book nor a fill: orders that have a price stand by themselves.
                let top = other.top_prices().unwrap_or_default();
                sum += venue.exposure(other, top).gross(top.high);
            }
        }
        sum
    }

    fn check_budgets(
        &self,
        strategy: &StrategyId,
        index: VenueIndex,
        market: &Market,
        added: &OrderIntent,
        top: TopPrices,
    ) -> Result<(), RiskRefusal> {
        let asset = match market.contract() {
            Some(contract) => &contract.settle,
            None => Venue::paid_with(&market.pair, added.side),
        };
        let own = self
            .state
            .risk
            .strategy_budgets
            .get(strategy)
            .and_then(|b| b.get(asset));
        let bots = self.state.risk.budget.get(asset);
        if own.is_none() && bots.is_none() {
            return Ok(());
        }
        let price = match added.side {
            Side::Buy => top.high,
            Side::Sell => top.low,
        };
        let needed = match market.contract() {
            Some(_) => self.margin_needed(index, market, added),
            None => commitment(added, Some(price)),
        };
        if needed.is_zero() && market.contract().is_some() {
            return Ok(());
        }
        let venues = &self.state.venues;
        let exceeded = |budget: Amount, taken: Amount, place: String| {
            (taken + needed > budget).then(|| RiskRefusal::Budget {
                asset: asset.clone(),
                needed,
                taken,
                budget,
                place,
            })
        };
        if let Some(&budget) = own {
            let live: Amount = venues.iter().map(|v| v.may_still_pay(asset, Some(strategy))).sum();
            let margins = self.margins_taken(asset, Some(strategy));
            let taken = self.state.takings.of_strategy(strategy, asset) + live + margins;
            if let Some(refusal) = exceeded(budget, taken, format!("of strategy {strategy}")) {
                return Err(refusal);
            }
        }
        if let Some(&budget) = bots {
            let live: Amount = venues.iter().map(|v| v.may_still_pay(asset, None)).sum();
            let taken = self.state.takings.of_bot(asset) + live + self.margins_taken(asset, None);
            if let Some(refusal) = exceeded(budget, taken, "in [risk]".to_owned()) {
                return Err(refusal);
            }
        }
        Ok(())
    }
}
