//! What the exchange tells of contracts: fills of positions, statements, settings, margin, prices, funding, forced reductions.

use colibri_model::{
    Fill, FundingKey, FundingPayment, InstrumentId, Millis, PositionSide, Record, StatedPosition, WallNs,
};
use colibri_standard::{
    FundingPaymentEvent, FundingRateEvent, MarginCallEvent, MarginEvent, MarkPriceEvent, PositionScope, PositionsEvent,
    ReportSource, SettingsEvent,
};

use crate::contracts::{
    ContractMarket, FundingTold, MarginCall, PositionChanged, SettlementDue, StatedAt, StatedMargin,
};
use crate::engine::core::Core;
use crate::engine::dispatch::Note;
use crate::engine::venue::Venue;
use crate::engine::{LogLevel, VenueIndex};

/// How long fills may lag behind the positions that hold them before they are asked for.
pub(super) const FILLS_GRACE: Millis = Millis(1_000);
/// How long after a fill margin is asked for: others follow.
const MARGIN_GRACE: Millis = Millis(2_000);

/// What a statement does not say stands as it was, as long as the position is still open in the same direction: a stream tells
/// quantities, and not the price at which the exchange would liquidate them.
fn keep_unsaid(position: &mut StatedPosition, known: &StatedPosition) {
    let is_same = position.quantity.is_positive() == known.quantity.is_positive();
    if !is_same || position.quantity.is_zero() || known.quantity.is_zero() {
        return;
    }
    position.liquidation_price = position.liquidation_price.or(known.liquidation_price);
    position.leverage = position.leverage.or(known.leverage);
    position.margin_mode = position.margin_mode.or(known.margin_mode);
    position.mark_price = position.mark_price.or(known.mark_price);
}

impl Venue {
    /// The handle of an instrument that a report names: by handle, or else by the exchange's name.
    pub(super) fn handle_of(&self, instrument: Option<InstrumentId>, symbol: &str) -> Option<InstrumentId> {
        let is_it = |m: &&crate::engine::market::Market| match instrument {
            Some(id) => m.id == id,
            None => m.instrument.as_ref().is_some_and(|i| i.symbol == symbol),
        };
        self.markets.iter().find(is_it).map(|m| m.id)
    }
}

impl Core {
    /// Counts a fill of the account, ours or not, in what the account holds. `told_time` is the exchange's time of it, where the
    /// report has one.
    pub(crate) fn count_fill_in_account(
        &mut self,
        index: VenueIndex,
        instrument: InstrumentId,
        fill: &Fill,
        told_time: Option<WallNs>,
    ) {
        let now = self.mono();
        self.brakes.doubt_profit();
        let venue = &mut self.state.venues[index.0];
        let Some(market) = venue.market_mut(instrument) else {
            return;
        };
        let Some(contracts) = market.contracts.as_deref_mut() else {
            venue.holdings.add_fill(&fill.key.pair, fill, told_time);
            return;
        };
        let change = contracts.ledger.add_fill(fill);
        let quantity = contracts.positions().of(fill.position_side).quantity;
        if let Some(contract) = contracts.contract() {
            let settle = contract.settle.clone();
            venue.holdings.settle(&settle, change.realized, told_time);
        }
        if let Some(fee) = &fill.fee {
            venue.holdings.add_fee(fee, told_time);
        }
        let told = PositionChanged {
            market: Self::market_id(index, instrument),
            side: fill.position_side,
            change,
            quantity,
            fill: fill.clone(),
        };
        if let Some(contracts) = &mut venue.contracts {
            contracts.margin_due.get_or_insert(now.plus(MARGIN_GRACE));
            let due = contracts.margin_due;
            self.wake_at(due.unwrap_or(now));
        }
        self.notes.push_back(Note::Position(told));
    }

    /// Counts what a fill cost, learned after it.
    pub(crate) fn count_fee_in_account(
        &mut self,
        index: VenueIndex,
        instrument: InstrumentId,
        fill: &Fill,
        told_time: Option<WallNs>,
    ) {
        let Some(fee) = &fill.fee else { return };
        self.brakes.doubt_profit();
        let venue = &mut self.state.venues[index.0];
        venue.holdings.add_fee(fee, told_time);
        if let Some(contracts) = venue.contract_market_mut(instrument) {
            contracts.ledger.add_fee(fill.position_side, &fee.asset, fee.amount);
        }
    }

    /// Positions as the exchange states them: kept beside those that the fills make, and never taken instead.
    pub(crate) fn on_positions(&mut self, index: VenueIndex, event: &PositionsEvent) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let asked = venue.reconcile.started;
        let Some(account) = venue.contracts.as_deref_mut() else {
            return;
        };
        if event.source == ReportSource::Stream {
            venue.user_stream.last_data = Some(now);
            let due = now.plus(FILLS_GRACE);
            account.positions_due.get_or_insert(due);
        }
        let due = account.positions_due;
        venue.exchange_time = venue.exchange_time.max(event.exchange_time);
        let told: Vec<(InstrumentId, &colibri_standard::PositionReport)> = event
            .positions
            .iter()
            .filter_map(|report| Some((venue.handle_of(report.instrument, &report.symbol)?, report)))
            .collect();
        for market in &mut venue.markets {
            let is_whole = match event.scope {
                PositionScope::All => true,
                PositionScope::Instrument => event.instrument == Some(market.id),
                PositionScope::Changed => false,
            };
            let Some(contracts) = market.contracts.as_deref_mut() else {
                continue;
            };
            // The time of an answer may be that of what is listed, and what is flat is not: it decides only against what was told
            // since the question.
            let is_old = |known: &StatedAt| {
                (event.source == ReportSource::Stream || known.updated >= asked)
                    && matches!((known.exchange_time, event.exchange_time), (Some(a), Some(b)) if b < a)
            };
            let of_market = told.iter().filter(|(id, _)| *id == market.id);
            let of_market: Vec<_> = of_market.map(|(_, report)| &report.position).collect();
            if is_whole {
                contracts.stated_whole = Some(now);
                let is_told = |side: &PositionSide| of_market.iter().any(|p| p.side == *side);
                contracts.stated.retain(|side, known| is_told(side) || is_old(known));
            }
            for position in of_market {
                if contracts.stated.get(&position.side).is_some_and(is_old) {
                    continue;
                }
                let mut position = position.clone();
                if let Some(known) = contracts.stated.get(&position.side) {
                    keep_unsaid(&mut position, &known.position);
                }
                let stated = StatedAt {
                    position,
                    updated: now,
                    exchange_time: event.exchange_time,
                };
                contracts.stated.insert(stated.position.side, stated);
            }
        }
        if let Some(due) = due {
            self.wake_at(due);
        }
    }

    /// What is set, as the exchange tells it. A change that nobody asked about is read back before anything is placed.
    pub(crate) fn on_settings(&mut self, index: VenueIndex, event: &SettingsEvent) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let of_instruments: Vec<_> = event
            .instruments
            .iter()
            .filter_map(|told| Some((venue.handle_of(told.instrument, &told.symbol)?, told)))
            .collect();
        let Some(account) = venue.contracts.as_deref_mut() else {
            return;
        };
        account.told.position_mode = event.position_mode.or(account.told.position_mode);
        account.told.margin_mode = event.margin_mode.or(account.told.margin_mode);
        account.told.collateral_mode = event.collateral_mode.or(account.told.collateral_mode);
        if event.source == ReportSource::Stream {
            venue.user_stream.last_data = Some(now);
            account.settings.doubt();
            self.wake_at(now);
        }
        let venue = &mut self.state.venues[index.0];
        for (id, told) in of_instruments {
            let Some(contracts) = venue.contract_market_mut(id) else {
                continue;
            };
            contracts.told.position_mode = told.position_mode.or(contracts.told.position_mode);
            contracts.told.margin_mode = told.margin_mode.or(contracts.told.margin_mode);
            if let Some(leverage) = told.leverage {
                contracts.told.leverage.insert(told.position_side, leverage);
            }
        }
        self.notes.push_back(Note::Settings(index));
    }

    pub(crate) fn on_margin(&mut self, index: VenueIndex, event: &MarginEvent) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let Some(account) = venue.contracts.as_deref_mut() else {
            return;
        };
        let is_old = |known: &StatedMargin| matches!((known.exchange_time, event.exchange_time), (Some(known), Some(told)) if told < known);
        if account.margin.as_ref().is_some_and(is_old) {
            return;
        }
        account.margin = Some(StatedMargin {
            margin: event.margin.clone(),
            updated: now,
            exchange_time: event.exchange_time,
        });
        self.notes.push_back(Note::Balances(index));
    }

    pub(crate) fn on_margin_call(&mut self, index: VenueIndex, event: &MarginCallEvent) {
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        let name_of = |id: InstrumentId| venue.market(id).map(|m| m.pair.clone());
        let positions = event.positions.iter().filter_map(|report| {
            let id = venue.handle_of(report.instrument, &report.symbol)?;
            Some((name_of(id)?, report.position.side))
        });
        let call = MarginCall {
            venue: index,
            cross_wallet: event.cross_wallet,
            positions: positions.collect(),
            text: event.text.clone(),
            exchange_time: event.exchange_time,
            local_time: now.wall,
        };
        let named: Vec<String> = call.positions.iter().map(|(pair, _)| pair.to_string()).collect();
        let text = format!(
            "{}: margin call: {} {}; add collateral or reduce, the exchange may liquidate without another word",
            venue.id,
            call.text,
            named.join(", ")
        );
        if let Some(account) = venue.contracts.as_deref_mut() {
            account.last_call = Some(call.clone());
            account.margin_due = Some(now.mono);
        }
        self.log(LogLevel::Error, text);
        self.wake_at(now.mono);
        self.notes.push_back(Note::MarginCall(call));
    }

    /// Something of a market's prices is to be told strategies, once a settling.
    fn rates_changed(&mut self, index: VenueIndex, id: InstrumentId, change: impl FnOnce(&mut ContractMarket)) {
        let Some(market) = self.state.venues[index.0].market_mut(id) else {
            return;
        };
        let had_news = market.has_news();
        let Some(contracts) = market.contracts.as_deref_mut() else {
            return;
        };
        change(contracts);
        contracts.rates_changed = true;
        if !had_news {
            self.changed.push(Self::market_id(index, id));
        }
    }

    pub(crate) fn on_mark_price(&mut self, index: VenueIndex, event: &MarkPriceEvent) {
        let now = self.mono();
        // In an account in which nothing happens nothing else tells how late it is there.
        let venue = &mut self.state.venues[index.0];
        venue.exchange_time = venue.exchange_time.max(event.exchange_time);
        self.rates_changed(index, event.instrument, |contracts| {
            let index = event.price.index.or(contracts.mark.and_then(|known| known.index));
            contracts.mark = Some(colibri_model::MarkPrice { index, ..event.price });
            contracts.mark_updated = Some(now);
        });
    }

    pub(crate) fn on_funding_rate(&mut self, index: VenueIndex, event: &FundingRateEvent) {
        let now = self.state.now;
        let told = event.funding;
        let market = self.state.venues[index.0].market(event.instrument);
        let known = market.and_then(|m| m.contracts.as_ref()?.funding?.next_time);
        if let (Some(known), Some(next)) = (known, told.next_time)
            && next > known
        {
            // The settlement before is over, whether its time has come by our clock or not.
            self.settlement_over(index, event.instrument, known);
        }
        self.rates_changed(index, event.instrument, |contracts| {
            let known = contracts.funding;
            if let Some(next) = told.next_time {
                let due = SettlementDue::new(next, event.exchange_time, now);
                contracts.settles = Some(due.or_told(contracts.settles));
            }
            contracts.funding = Some(colibri_model::FundingRate {
                next_time: told.next_time.or(known.and_then(|known| known.next_time)),
                interval: told.interval.or(known.and_then(|known| known.interval)),
                ..told
            });
        });
    }

    /// Something was paid. With the number of the entry it is entered, once; without it the entries are asked for.
    pub(crate) fn on_funding_payment(&mut self, index: VenueIndex, event: &FundingPaymentEvent) {
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        venue.exchange_time = venue.exchange_time.max(Some(event.exchange_time));
        if event.source == ReportSource::Stream {
            venue.user_stream.last_data = Some(now.mono);
        }
        let handle = venue.handle_of(event.instrument, &event.symbol);
        let (name, account) = (venue.id.clone(), venue.account.clone());
        let Some(contracts) = venue.contracts.as_deref_mut() else {
            return;
        };
        let Some(entry) = event.id.clone() else {
            contracts.funding.due = now.mono;
            return self.wake_at(now.mono);
        };
        let Some(id) = handle else {
            return self.funding_of_another(index, event);
        };
        let Some(pair) = venue.market(id).map(|m| m.pair.clone()) else {
            return;
        };
        let payment = FundingPayment {
            key: FundingKey {
                account,
                venue: name,
                pair,
                time: event.exchange_time,
                id: entry,
            },
            asset: event.asset.clone(),
            amount: event.amount,
            position_side: event.position_side,
            rate: event.rate,
            quantity: event.quantity,
            local_time: now.wall,
        };
        self.enter_funding(index, id, payment);
    }

    fn enter_funding(&mut self, index: VenueIndex, id: InstrumentId, payment: FundingPayment) {
        let market = Self::market_id(index, id);
        self.brakes.doubt_profit();
        let venue = &mut self.state.venues[index.0];
        let Some(contracts) = venue.contracts.as_deref_mut() else {
            return;
        };
        if !contracts.funding.enter(payment.clone()) {
            return;
        }
        venue
            .holdings
            .settle_exactly(&payment.asset, payment.amount, Some(payment.key.time));
        if let Some(contracts) = venue.contract_market_mut(id) {
            contracts
                .ledger
                .add_funding(payment.position_side, &payment.asset, payment.amount);
        }
        let mut holders = self.state.strategies.iter().filter(|s| s.markets.contains(&market));
        let holder = holders.next().map(|s| s.id.clone());
        let strategy = holder.filter(|_| holders.next().is_none());
        self.journal_fact(Record::FundingPaid {
            strategy,
            payment: payment.clone(),
        });
        self.notes.push_back(Note::Funding(FundingTold { market, payment }));
    }

    /// A payment of an instrument that this bot does not use: the account's balance changes by it all the same.
    fn funding_of_another(&mut self, index: VenueIndex, event: &FundingPaymentEvent) {
        let venue = &mut self.state.venues[index.0];
        if !venue
            .holdings
            .add_external(&event.asset, event.amount, Some(event.exchange_time))
        {
            return;
        }
        let record = Record::ExternalChange {
            venue: venue.id.clone(),
            account: venue.account.clone(),
            asset: event.asset.clone(),
            change: event.amount,
            exchange_time: Some(event.exchange_time),
            time: self.state.now.wall,
        };
        self.journal_fact(record);
    }
}
