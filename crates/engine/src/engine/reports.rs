//! What the exchange tells: orders, fills, balances, notices.

use colibri_model::{
    Asset, ClientOrderId, Fill, FillKey, InstrumentId, Millis, OrderEvidence, OrderState, Record, StrategyId,
};
use colibri_standard::{BalanceScope, BalancesEvent, Event, FillEvent, NoticeKind, OrderEvent, ReportSource};

use crate::HostNow;
use crate::engine::core::Core;
use crate::engine::dispatch::Note;
use crate::engine::operations::Purpose;
use crate::engine::state::RECENT_FILLS;
use crate::engine::{LogLevel, VenueIndex};
use crate::orders::{InFlightOrder, OrderChange, OrderReport, Recorded};
use crate::strategy::{OwnFill, OwnOrderChange};

/// How long fills may lag behind the status that counts them before they are asked for.
const FILLS_GRACE: Millis = Millis(500);
/// Orders of others whose fills are remembered in case they turn out to be ours; oldest exchange ids go first.
const UNATTRIBUTED: usize = 10_000;
/// How long an acknowledged order may take to show as open before it is asked about.
pub(crate) const ACKNOWLEDGED_GRACE: Millis = Millis(5_000);

impl Core {
    pub(crate) fn on_event(&mut self, index: VenueIndex, event: Event, now: HostNow) {
        self.at(now);
        if index.0 >= self.state.venues.len() {
            return;
        }
        self.brakes.doubt_profit();
        match event {
            Event::Instruments(event) => self.on_instruments(index, event),
            Event::Order(event) => self.on_order(index, &event),
            Event::Fill(event) => self.on_fill(index, &event),
            Event::Balances(event) => self.on_balances(index, &event),
            Event::BalanceChange(event) => self.on_balance_change(index, &event),
            Event::Fees(event) => {
                if let Some(market) = self.state.venues[index.0].market_mut(event.instrument) {
                    market.fees = event.rates;
                }
            }
            Event::TradesProgress(event) => {
                let venue = &mut self.state.venues[index.0];
                // Only a reconciliation asks without gaps; the fills of one order say nothing of the others. The event does
                // not name its question: where both kinds are asked, it is nobody's.
                let gapless = venue.ops.has(&Purpose::ReconcileFills(event.instrument))
                    && !venue.asks_fills_of_one(event.instrument);
                if let Some(market) = venue.market_mut(event.instrument).filter(|_| gapless)
                    && let Some(newest) = event.newest
                {
                    market.fills.tells(newest);
                }
            }
            Event::Notice(notice) => {
                match notice.kind {
                    NoticeKind::BalanceMoved { .. } => self.ask_balances(index),
                    NoticeKind::Unreadable { session, instrument } => self.unreadable(index, session, instrument),
                    NoticeKind::Shutdown { .. } | NoticeKind::Other => {}
                }
                let text = format!("{}: {}", self.state.venues[index.0].id, notice.text);
                self.log(LogLevel::Info, text);
            }
            Event::ReplaceResult(result) => self.on_replace_result(index, result),
            // Sessions, the clock and pools are the driver's; candles have no reader here.
            Event::SessionPart(part) => self.on_session_part(index, &part),
            Event::Session(_) | Event::Time(_) | Event::Usage(_) | Event::Candles(_) => {}
            Event::Positions(event) => self.on_positions(index, &event),
            Event::Settings(event) => self.on_settings(index, &event),
            Event::Margin(event) => self.on_margin(index, &event),
            Event::MarginCall(event) => self.on_margin_call(index, &event),
            Event::Forced(event) => self.on_forced(index, &event),
            Event::MarkPrice(event) => self.on_mark_price(index, &event),
            Event::FundingRate(event) => self.on_funding_rate(index, &event),
            Event::FundingPayment(event) => self.on_funding_payment(index, &event),
            // That the question was answered to its end is what counts.
            Event::FundingProgress(_) => {}
            // Nothing here goes by tiers: the exchange tells leverage and liquidation prices itself.
            Event::MarginTiers(_) => {}
            Event::Trigger(event) => self.on_trigger(index, &event),
        }
    }

    fn on_balances(&mut self, index: VenueIndex, event: &BalancesEvent) {
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        if event.source == ReportSource::Stream {
            venue.user_stream.last_data = Some(now.mono);
        }
        venue.exchange_time = venue.exchange_time.max(event.exchange_time);
        venue.holdings.state(event, now.mono);
        // As it is known now: an older statement has changed nothing, and what is not listed any more is zero.
        let told = |asset: &Asset| event.scope == BalanceScope::All || event.balances.iter().any(|b| b.asset == *asset);
        let known = venue.holdings.iter().map(|stated| &stated.balance);
        let record = Record::Balances {
            venue: venue.id.clone(),
            account: venue.account.clone(),
            balances: known.filter(|balance| told(&balance.asset)).cloned().collect(),
            time: now.wall,
        };
        self.journal_fact(record);
        self.notes.push_back(Note::Balances(index));
    }

    fn on_order(&mut self, index: VenueIndex, event: &OrderEvent) {
        let venue = &mut self.state.venues[index.0];
        venue.exchange_time = venue.exchange_time.max(event.exchange_time);
        if venue.is_stale_history(event) {
            return;
        }
        let found = venue
            .orders
            .find(event.instrument, event.client_id.as_ref(), event.exchange_id.as_ref())
            .or_else(|| venue.orders.find(None, event.previous_client_id.as_ref(), None));
        let found = found.or_else(|| self.order_of_trigger(index, event));
        let Some(id) = found.or_else(|| self.adopt_if_ours(index, event)) else {
            return self.on_foreign_order(index, event);
        };
        let venue = &mut self.state.venues[index.0];
        let evidence = event.status.evidence();
        if event.source == ReportSource::Query {
            venue.reconcile.seen.insert(id.clone());
            // A status that is not known is no end either.
            if evidence.is_none_or(|e| !OrderState::Unknown.after(e).is_ok_and(OrderState::is_terminal)) {
                self.stopping.told_open(index);
            }
        }
        let Some(evidence) = evidence else {
            let text = format!("order {id} has a status that is not known: {:?}", event.status);
            return self.log(LogLevel::Warn, text);
        };
        let amended = event.previous_client_id.is_some();
        let name = event.client_id.as_ref();
        if let Some(name) = name.filter(|name| amended || self.names_order_of_trigger(index, &id, name)) {
            self.order_renamed(index, &id, name);
        }
        let venue = &mut self.state.venues[index.0];
        if let (Some(quantity), Some(order)) = (event.quantity, venue.orders.get_mut(&id))
            && order.intent.quantity_unit == colibri_model::QuantityUnit::Base
            && quantity.is_positive()
            && !order.is_older_news(event.exchange_time)
        {
            // An amend shows here first.
            order.learn_quantity(quantity, event.source);
        }
        let report = OrderReport {
            exchange_id: event.exchange_id.clone(),
            filled: event.filled,
            reason: event.reason.clone(),
            exchange_time: event.exchange_time,
            source: Some(event.source),
        };
        let before = self.state.venues[index.0].orders.get(&id).map(InFlightOrder::state);
        self.learn(index, &id, evidence, &report);
        self.order_witnessed(index, &id, before, event.source, evidence);
    }

    /// The exchange calls an order by another name, since an amend or since a trigger became it.
    pub(crate) fn order_renamed(&mut self, index: VenueIndex, id: &ClientOrderId, name: &ClientOrderId) {
        let venue = &mut self.state.venues[index.0];
        if venue
            .orders
            .get(id)
            .is_none_or(|order| order.known_name() == Some(name))
        {
            return;
        }
        venue.orders.rename(id, name);
        let record = Record::Renamed {
            venue: venue.id.clone(),
            client_id: id.clone(),
            name: name.clone(),
            time: self.state.now.wall,
        };
        self.journal_fact(record);
    }

    /// Takes evidence about one of our orders in: state, journal, questions, strategy.
    pub(crate) fn learn(
        &mut self,
        index: VenueIndex,
        id: &ClientOrderId,
        evidence: OrderEvidence,
        report: &OrderReport,
    ) {
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        let known_before = venue.orders.get(id).and_then(|o| o.exchange_id.clone());
        let change = venue.orders.learn(id, evidence, report, now.mono);
        let Some(order) = venue.orders.get(id) else { return };
        let learned_id = known_before.is_none() && order.exchange_id.is_some();
        let instrument = order.intent.instrument;
        match &change {
            Some(change) => self.order_changed(index, change, report),
            // The exchange's id is worth a record of its own: the order can be asked about by it after a crash.
            None if learned_id => self.journal_order(index, id, report),
            None => {}
        }
        if learned_id {
            self.adopt_fills(index, instrument, id);
        }
        self.settle_questions(index, id);
    }

    fn journal_order(&mut self, index: VenueIndex, id: &ClientOrderId, report: &OrderReport) {
        let venue = &self.state.venues[index.0];
        let Some(order) = venue.orders.get(id) else { return };
        let record = Record::OrderChanged {
            venue: venue.id.clone(),
            client_id: id.clone(),
            exchange_id: order.exchange_id.clone(),
            state: order.state(),
            filled: Some(order.reported_filled()).filter(|q| q.is_positive()),
            reason: report.reason.clone(),
            exchange_time: report.exchange_time,
            time: self.state.now.wall,
        };
        self.journal_fact(record);
    }

    pub(crate) fn order_changed(&mut self, index: VenueIndex, change: &OrderChange, report: &OrderReport) {
        match (change.from, change.to) {
            (_, OrderState::Rejected) => self.state.counts.orders_rejected += 1,
            (_, OrderState::Unknown) => self.state.counts.orders_unknown += 1,
            _ => {}
        }
        if change.from == OrderState::Unknown {
            self.state.counts.unknown_resolved += 1;
        }
        self.journal_order(index, &change.client_id, report);
        let Some(order) = self.state.venues[index.0].orders.get(&change.client_id) else {
            return;
        };
        let market = Self::market_id(index, order.intent.instrument);
        let told = OwnOrderChange::of(order, change, market, report.exchange_time, self.state.now.wall);
        self.notes.push_back(Note::Order(index, change.clone(), told));
    }

    /// After a report: what is still open to doubt is asked about, what is not any more is left alone.
    pub(crate) fn settle_questions(&mut self, index: VenueIndex, id: &ClientOrderId) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let Some(order) = venue.orders.get_mut(id) else { return };
        if order.is_settled() {
            order.inquiry.settled();
        } else if order.state() == OrderState::Acknowledged && order.inquiry.due().is_none() {
            order.inquiry.want(now.plus(ACKNOWLEDGED_GRACE));
        }
        if order.missing_fills().is_zero() {
            order.fills_inquiry.settled();
        } else if order.fills_inquiry.due().is_none() && !venue.ops.has(&Purpose::OrderFills(id.clone())) {
            order.fills_inquiry.want(now.plus(FILLS_GRACE));
        }
        let due = [order.inquiry.due(), order.fills_inquiry.due()]
            .into_iter()
            .flatten()
            .min();
        match due {
            Some(due) => {
                venue.in_doubt.insert(id.clone());
                self.wake_at(due);
            }
            None => {
                venue.in_doubt.remove(id);
            }
        }
    }

    fn on_fill(&mut self, index: VenueIndex, event: &FillEvent) {
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        let market = venue.markets.iter().find(|m| match event.instrument {
            Some(instrument) => m.id == instrument,
            None => m.instrument.as_ref().is_some_and(|i| i.symbol == event.symbol),
        });
        let Some(market) = market else { return };
        let instrument = market.id;
        let order = venue
            .orders
            .find(Some(instrument), event.client_id.as_ref(), event.exchange_id.as_ref());
        let order = order.or_else(|| self.filled_order_of_trigger(index, instrument, event));
        let venue = &mut self.state.venues[index.0];
        if let Some(id) = &order
            && event.exchange_id.is_some()
            && venue.orders.get(id).is_some_and(|o| o.exchange_id.is_none())
        {
            // A fill names both ids, and proves that the order works. Fills that came before by the exchange's id alone
            // are the order's.
            let report = OrderReport {
                exchange_id: event.exchange_id.clone(),
                ..OrderReport::default()
            };
            self.learn(index, id, OrderEvidence::PartiallyFilled, &report);
        }
        let venue = &mut self.state.venues[index.0];
        let Some(market) = venue.market(instrument) else { return };
        let contracts = market.contracts.as_deref();
        let cause = contracts.map_or(event.cause, |known| {
            known.cause_of(event.cause, event.exchange_id.as_ref())
        });
        let fill = Fill {
            key: FillKey {
                account: venue.account.clone(),
                venue: venue.id.clone(),
                pair: market.pair.clone(),
                trade_id: event.trade_id.clone(),
                side: event.side,
            },
            client_id: order.clone().or_else(|| event.client_id.clone()),
            exchange_id: event.exchange_id.clone(),
            side: event.side,
            price: event.price,
            quantity: event.quantity,
            fee: event.fee.clone(),
            liquidity: event.liquidity,
            position_side: event.position_side,
            cause,
            exchange_time: event.exchange_time.unwrap_or(now.wall),
            local_time: now.wall,
        };
        let recorded = venue.ledger.record(&fill);
        self.fill_witnessed(index, &fill.key, order.is_some(), recorded, event.source);
        if recorded != Recorded::New {
            self.learn_cause(index, instrument, &fill.key, fill.cause);
        }
        match recorded {
            Recorded::Known => self.state.counts.duplicate_fills += 1,
            Recorded::FeeLearned => {
                self.state.counts.duplicate_fills += 1;
                self.count_fee_in_account(index, instrument, &fill, event.exchange_time);
                self.fee_learned(index, instrument, order, &fill);
            }
            Recorded::New => {
                self.count_fill_in_account(index, instrument, &fill, event.exchange_time);
                let venue = &mut self.state.venues[index.0];
                match (order, &fill.exchange_id) {
                    (Some(id), _) => self.own_fill(index, instrument, &id, fill),
                    (None, Some(exchange_id)) => {
                        // Perhaps an order whose exchange id we have not learned yet; else somebody else's.
                        let key = (instrument, exchange_id.clone());
                        venue.unattributed.entry(key).or_default().push(fill.key.clone());
                        if venue.unattributed.len() > UNATTRIBUTED {
                            venue.unattributed.pop_first();
                        }
                        self.journal_fact(Record::Filled { strategy: None, fill });
                    }
                    (None, None) => self.journal_fact(Record::Filled { strategy: None, fill }),
                }
            }
        }
    }

    fn own_fill(&mut self, index: VenueIndex, instrument: InstrumentId, id: &ClientOrderId, mut fill: Fill) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let strategy = venue.orders.get(id).map(|o| o.strategy.clone());
        fill.client_id = Some(id.clone());
        venue.ledger.attribute(&fill.key, id);
        let change = venue.orders.add_fill(id, &fill, now);
        if let Some(market) = venue.market_mut(instrument) {
            let pair = market.pair.clone();
            market.position.add_fill(&pair, &fill);
        }
        let is_spot = venue.contracts.is_none();
        // What contracts take of the account is margin, which positions and orders tell.
        if let Some(strategy) = strategy.as_ref().filter(|_| is_spot) {
            self.state.takings.add_fill(strategy, &fill.key.pair, &fill);
        }
        self.count_fill(&fill);
        self.journal_price_of_fee(index, &fill);
        self.journal_fact(Record::Filled {
            strategy,
            fill: fill.clone(),
        });
        self.state.recent_fills.push_back(fill.clone());
        if self.state.recent_fills.len() > RECENT_FILLS {
            self.state.recent_fills.pop_front();
        }
        if let Some(order) = self.state.venues[index.0].orders.get(id) {
            let told = OwnFill::of(order, &fill, Self::market_id(index, instrument));
            self.notes.push_back(Note::Fill(index, told));
        }
        if let Some(change) = change {
            let report = OrderReport {
                exchange_time: Some(fill.exchange_time),
                ..OrderReport::default()
            };
            self.order_changed(index, &change, &report);
        }
        self.settle_questions(index, id);
    }

    fn count_fill(&mut self, fill: &Fill) {
        let counts = &mut self.state.counts;
        match fill.side {
            colibri_model::Side::Buy => counts.buy_fills += 1,
            colibri_model::Side::Sell => counts.sell_fills += 1,
        }
        *counts.volume.entry(fill.key.pair.quote.clone()).or_default() += fill.notional();
        if let Some(fee) = &fill.fee {
            *counts.fees.entry(fee.asset.clone()).or_default() += fee.amount;
        }
    }

    fn fee_learned(&mut self, index: VenueIndex, instrument: InstrumentId, order: Option<ClientOrderId>, fill: &Fill) {
        let Some(fee) = &fill.fee else { return };
        let venue = &mut self.state.venues[index.0];
        let mut strategy: Option<StrategyId> = None;
        if let Some(id) = order
            && let Some(order) = venue.orders.get_mut(&id)
        {
            order.add_fee(fill);
            strategy = Some(order.strategy.clone());
            if let Some(market) = venue.market_mut(instrument) {
                let pair = market.pair.clone();
                market.position.add_fee(&pair, fee, fill.price);
            }
            *self.state.counts.fees.entry(fee.asset.clone()).or_default() += fee.amount;
            let known = self.state.venues[index.0].ledger.get(&fill.key).cloned();
            if let (Some(known), Some(order)) = (known, self.state.venues[index.0].orders.get(&id)) {
                let told = OwnFill::of(order, &known, Self::market_id(index, instrument));
                self.notes.push_back(Note::Fee(index, told));
            }
        }
        let is_spot = self.state.venues[index.0].contracts.is_none();
        if let Some(strategy) = strategy.as_ref().filter(|_| is_spot) {
            self.state.takings.add_fee(strategy, fee);
        }
        let fill = self.state.venues[index.0].ledger.get(&fill.key).cloned();
        if let Some(fill) = fill {
            self.journal_price_of_fee(index, &fill);
            self.journal_fact(Record::Filled { strategy, fill });
        }
    }

    /// Fills that were told before their order's exchange id was known.
    fn adopt_fills(&mut self, index: VenueIndex, instrument: InstrumentId, id: &ClientOrderId) {
        let venue = &mut self.state.venues[index.0];
        let Some(exchange_id) = venue.orders.get(id).and_then(|o| o.exchange_id.clone()) else {
            return;
        };
        let keys = venue
            .unattributed
            .remove(&(instrument, exchange_id))
            .unwrap_or_default();
        let fills: Vec<Fill> = keys.iter().filter_map(|key| venue.ledger.get(key).cloned()).collect();
        for fill in fills {
            self.own_fill(index, instrument, id, fill);
        }
    }
}
