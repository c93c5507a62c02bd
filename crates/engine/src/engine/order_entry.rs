//! Orders on their way out: rules, risk, journal, tracker, and only then the connector.

use colibri_abi::{Grant, OrderOp, Text48, op_flag, op_kind, order_side, order_type, time_in_force};
use colibri_model::{
    Amount, ClientOrderId, Instrument, OpId, OrderIntent, OrderType, QuantityUnit, Record, Side, TimeInForce,
};

use crate::engine::VenueIndex;
use crate::engine::contracts::{flags_of, with_terms};
use crate::engine::core::Core;
use crate::engine::market::{Market, MarketWanted};
use crate::engine::operations::Purpose;
use crate::engine::state::EnginePhase;
use crate::engine::venue::Venue;
use crate::orders::{CancelState, InFlightOrder};
use crate::risk::{self, RiskRefusal};
use crate::strategy::OrderRequest;

/// The operation of a placement at the boundary.
pub(crate) fn place_op(op: OpId, intent: &OrderIntent, market: &Market) -> Result<OrderOp, RiskRefusal> {
    let no_instrument = || RiskRefusal::NotTrading("not known".to_owned());
    let exponents = market.exponents().ok_or_else(no_instrument)?;
    let does_not_fit = |e: colibri_model::MantissaError| RiskRefusal::DoesNotFit(e.to_string());
    // A quantity in the quote asset crosses at the price's exponent: that is the quote's grid.
    let (unit_flags, quantity_exponent) = match intent.quantity_unit {
        QuantityUnit::Base => (0, exponents.quantity),
        QuantityUnit::Quote => (op_flag::QUOTE_QUANTITY, exponents.price),
    };
    let op = OrderOp {
        kind: op_kind::PLACE,
        instrument: intent.instrument.0,
        grant: Grant {
            op: op.0,
            ..Grant::default()
        },
        side: side_number(intent.side),
        order_type: match intent.order_type {
            OrderType::Limit => order_type::LIMIT,
            OrderType::Market => order_type::MARKET,
            OrderType::LimitMaker => order_type::LIMIT_MAKER,
        },
        time_in_force: match intent.time_in_force {
            None => 0,
            Some(TimeInForce::Gtc) => time_in_force::GTC,
            Some(TimeInForce::Ioc) => time_in_force::IOC,
            Some(TimeInForce::Fok) => time_in_force::FOK,
            Some(TimeInForce::Gtd) => time_in_force::GTD,
        },
        price_exponent: exponents.price,
        quantity_exponent,
        flags: unit_flags | flags_of(&intent.terms),
        price: match intent.price {
            Some(price) => exponents.price_mantissa(price).map_err(does_not_fit)?,
            None => 0,
        },
        quantity: colibri_model::to_mantissa(intent.quantity.0, quantity_exponent).map_err(does_not_fit)?,
        client_id: text(intent.client_id.as_str()),
        ..OrderOp::default()
    };
    Ok(with_terms(op, &intent.terms))
}

pub(crate) const fn side_number(side: Side) -> u32 {
    match side {
        Side::Buy => order_side::BUY,
        Side::Sell => order_side::SELL,
    }
}

pub(crate) fn text(id: &str) -> Text48 {
    Text48::new(id).expect("an id is at most 47 bytes, which is what fits")
}

impl Market {
    /// Its instrument, where orders and triggers may be placed there.
    ///
    /// # Errors
    /// It is only watched, or takes none now.
    pub(crate) fn taking_orders(&self) -> Result<&Instrument, RiskRefusal> {
        let instrument = self.instrument.as_ref().ok_or(RiskRefusal::NoSuchMarket)?;
        if self.wanted == MarketWanted::Watching {
            return Err(RiskRefusal::NotTrading("watched only (watch in [[venue]])".to_owned()));
        }
        if !instrument.status.takes_orders() {
            return Err(RiskRefusal::NotTrading(String::from(instrument.status.clone())));
        }
        Ok(instrument)
    }
}

impl Core {
    /// Places an order: tracked and journaled before it is handed over.
    ///
    /// `replaces` is the order that was cancelled to make room for it, where one was.
    pub(crate) fn place(
        &mut self,
        strategy: usize,
        request: &OrderRequest,
        replaces: Option<&ClientOrderId>,
    ) -> Result<ClientOrderId, RiskRefusal> {
        let intent = self.checked_intent(strategy, request, None)?;
        let now = self.state.now;
        let index = request.market.venue;
        let op = self.new_op();
        let venue = &self.state.venues[index.0];
        let market = venue.market(intent.instrument).ok_or(RiskRefusal::NoSuchMarket)?;
        let order_op = place_op(op, &intent, market)?;
        let strategy_id = self.state.strategies[strategy].id.clone();
        let pair = market.pair.clone();
        let record = Record::Intent {
            strategy: strategy_id.clone(),
            venue: venue.id.clone(),
            account: venue.account.clone(),
            pair: pair.clone(),
            order: intent.clone(),
            time: now.wall,
        };
        self.journal_first(record).map_err(|_| RiskRefusal::JournalFailed)?;
        let id = intent.client_id.clone();
        let mut order = InFlightOrder::new(strategy_id, request.tag, pair, intent, now.mono, now.wall);
        order.replaces = replaces.cloned();
        let venue = &mut self.state.venues[index.0];
        venue.orders.track(order);
        venue.ops.begin(op, Purpose::Place(id.clone()));
        venue.outbox.push(order_op);
        self.state.counts.orders_sent += 1;
        self.state.order_rate.count(now.mono);
        Ok(id)
    }

    /// The order that a wish becomes: rounded to the rule, checked, with its id. Where it is to take the place of another
    /// that is cancelled first, what that one holds is counted as free.
    pub(crate) fn checked_intent(
        &mut self,
        strategy: usize,
        request: &OrderRequest,
        replaced: Option<&ClientOrderId>,
    ) -> Result<OrderIntent, RiskRefusal> {
        self.may_place(strategy)?;
        let now = self.mono();
        let need = self.state.strategies[strategy].book_need;
        let venue = self.state.venues.get(request.market.venue.0);
        let venue = venue.ok_or(RiskRefusal::NoSuchMarket)?;
        if let Some(outage) = venue.outage(need) {
            return Err(RiskRefusal::VenueNotReady(venue.in_words(outage)));
        }
        let market = venue
            .market(request.market.instrument)
            .ok_or(RiskRefusal::NoSuchMarket)?;
        let instrument = market.taking_orders()?;
        if !venue.book_is_fresh(market, need, now) {
            return Err(RiskRefusal::NoFreshBook);
        }
        let mid = market.book().and_then(|b| b.mid()).ok_or(RiskRefusal::NoFreshBook)?;
        let rule = &instrument.rule;
        let quantity = match request.quantity_unit {
            QuantityUnit::Base => rule.quantize_quantity(request.order_type, request.quantity),
            QuantityUnit::Quote => request.quantity,
        };
        let intent = OrderIntent {
            // A stand-in until every check has passed: an id that is drawn is used.
            client_id: ClientOrderId::new("unsent").expect("not empty, and short"),
            instrument: request.market.instrument,
            side: request.side,
            order_type: request.order_type,
            time_in_force: request.time_in_force,
            price: request.price.map(|price| rule.quantize_price(request.side, price)),
            quantity,
            quantity_unit: request.quantity_unit,
            terms: venue.full_terms(market, request.terms),
        };
        venue.check_terms(market, &intent, self.state.now.wall)?;
        rule.check(&intent, Some(venue.band_reference(market, mid)))?;
        if let Some(most) = rule.max_open_orders {
            let live = venue.orders.live_counts().of(market.id);
            if live >= most as usize {
                return Err(RiskRefusal::MarketOpenOrders { live, cap: most });
            }
        }
        self.pass_risk_gate(
            &self.state.strategies[strategy].id,
            request.market.venue,
            &intent,
            replaced,
        )?;
        if market.contract().is_some() {
            self.pass_margin_check(request.market.venue, market, &intent, replaced)?;
            return self.with_id(strategy, request.market.venue, intent);
        }
        let asset = Venue::paid_with(&market.pair, intent.side);
        let freed = replaced
            .and_then(|id| venue.orders.get(id))
            .filter(|old| old.may_be_live());
        let freed = freed.filter(|old| Venue::paid_with(&old.pair, old.intent.side) == asset);
        let available = venue.available(asset) + freed.map_or(Amount::ZERO, |old| venue.held_by(old));
        let needed = risk::commitment(&intent, Some(mid));
        if needed > available {
            return Err(RiskRefusal::Balance {
                asset: asset.clone(),
                needed,
                available,
            });
        }
        self.with_id(strategy, request.market.venue, intent)
    }

    /// What no placement passes, whatever it is of.
    pub(crate) fn may_place(&mut self, strategy: usize) -> Result<(), RiskRefusal> {
        if self.state.phase != EnginePhase::Running {
            return Err(RiskRefusal::Stopping);
        }
        if self.state.kill_switch.is_some() {
            return Err(RiskRefusal::KillSwitch);
        }
        if self.state.journal_fault.is_some() {
            return Err(RiskRefusal::JournalFailed);
        }
        let now = self.mono();
        if self.state.strategies[strategy].rejections.rest_until(now).is_some() {
            return Err(RiskRefusal::Resting);
        }
        let cap = self.state.risk.max_orders_per_second.get();
        self.state.order_rate.check(cap, now)
    }

    /// The order with an id of its own.
    fn with_id(
        &mut self,
        strategy: usize,
        index: VenueIndex,
        mut intent: OrderIntent,
    ) -> Result<OrderIntent, RiskRefusal> {
        intent.client_id = self.next_client_id(strategy, index)?;
        Ok(intent)
    }

    /// An id that neither an order nor a trigger has. It is drawn last: one that is drawn is used.
    pub(crate) fn next_client_id(&mut self, strategy: usize, index: VenueIndex) -> Result<ClientOrderId, RiskRefusal> {
        let venue = &mut self.state.venues[index.0];
        let ids = venue.ids.as_mut().ok_or(RiskRefusal::NoSuchMarket)?;
        let strategy = &self.state.strategies[strategy].id;
        let mut id = ids.next_id(strategy);
        // A wall clock that was set back could start a run at the moment of an earlier one.
        while venue.orders.get(&id).is_some() || venue.triggers.tracker.get(&id).is_some() {
            id = ids.next_id(strategy);
        }
        Ok(id)
    }

    /// Cancels an order, unless it has ended or a cancel of it is under way. One whose placement has not been answered is
    /// cancelled as soon as it is; one whose last cancel came to nothing after a back-off. From here on the wish is the
    /// engine's: it is carried on until the order has ended, whatever becomes of the strategy.
    pub(crate) fn cancel(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        let Some(order) = venue.orders.get_mut(id) else { return };
        if order.may_be_live() && order.cancel == CancelState::None {
            order.cancel = CancelState::Wanted;
        }
        match order.cancel_due() {
            None => return,
            Some(due) if due > now.mono => return self.wake_at(due),
            Some(_) => order.cancel = CancelState::Pending { since: now.mono },
        }
        let cancel = OrderOp {
            kind: op_kind::CANCEL,
            instrument: order.intent.instrument.0,
            side: side_number(order.intent.side),
            client_id: order.known_name().map_or(Text48::EMPTY, |name| text(name.as_str())),
            exchange_id: order.exchange_id.as_ref().map_or(Text48::EMPTY, |x| text(x.as_str())),
            ..OrderOp::default()
        };
        let record = Record::CancelIntent {
            venue: venue.id.clone(),
            client_id: id.clone(),
            time: now.wall,
        };
        // Cancelling is the safe direction: it goes on where the journal cannot be written.
        self.journal_fact(record);
        self.send(index, cancel, Purpose::Cancel(id.clone()));
        self.state.counts.cancels_sent += 1;
    }

    pub(crate) fn send(&mut self, index: VenueIndex, mut order_op: OrderOp, purpose: Purpose) {
        let op = self.new_op();
        order_op.grant.op = op.0;
        let venue = &mut self.state.venues[index.0];
        venue.ops.begin(op, purpose);
        venue.outbox.push(order_op);
    }

    /// Sends a cancel that waited for its order's placement to be answered.
    pub(crate) fn send_wanted_cancel(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let order = self.state.venues[index.0].orders.get(id);
        if order.is_some_and(|o| o.cancel != CancelState::None) {
            self.cancel(index, id);
        }
    }

    /// Sends the cancels that came to nothing before and are due again.
    pub(crate) fn send_wanted_cancels(&mut self, index: VenueIndex) {
        let live = self.state.venues[index.0].orders.live();
        let wanted = live.filter(|o| o.cancel != CancelState::None);
        let wanted: Vec<ClientOrderId> = wanted.map(|o| o.client_id().clone()).collect();
        for id in wanted {
            self.cancel(index, &id);
        }
    }
}
