//! When the exchange is asked about contracts: margin, prices, positions, funding; and what the ends of these questions are
//! evidence of.

use colibri_model::{InstrumentId, Millis, MonoNs, OpId, OpenedPosition, Record, WallNs};
use colibri_standard::{Capability, Command, FundingPaymentsSince, FundingRateQuery, Margin, Outcome, Positions};

use crate::engine::contracts::ContractsPurpose;
use crate::engine::core::Core;
use crate::engine::market::{Market, MarketWanted};
use crate::engine::operations::Purpose;
use crate::engine::state::EnginePhase;
use crate::engine::venue::{Venue, VenuePhase};
use crate::engine::{LogLevel, VenueIndex};
use crate::risk::RiskRefusal;
use crate::strategy::BookNeed;

/// A mark price that is older is asked for: the stream tells it each second or so.
const MARK_OLD: Millis = Millis(15_000);
/// After a settlement its payments are asked for, and once more: an exchange's ledger lags behind its settlement.
const AFTER_SETTLEMENT: [Millis; 2] = [Millis(5_000), Millis(60_000)];
/// Questions for payments that fail before the start goes on without them.
const UNANSWERED: u32 = 3;
/// What is learned of positions once a comparison has found something is compared again so soon.
const COMPARE_AGAIN: Millis = Millis(1_000);

impl Venue {
    /// Whether payments of before this run are known, so that the ledger can start behind them. One that cannot be had for long
    /// is not waited for: it shows as what came or left meanwhile.
    pub(crate) fn funding_is_told(&self) -> bool {
        let Some(account) = self.contracts.as_deref() else {
            return true;
        };
        let is_asked = self.has(&Capability::FundingPayments);
        !is_asked || account.funding.is_answered() || account.funding.failures >= UNANSWERED
    }
}

impl Core {
    /// Asks what is due to be asked.
    pub(crate) fn contracts_if_due(&mut self, index: VenueIndex) {
        if self.state.venues[index.0].contracts.is_none() {
            return;
        }
        self.settings_if_due(index);
        self.positions_if_due(index);
        self.margin_if_due(index);
        self.rates_if_due(index);
        self.funding_if_due(index);
    }

    /// The questions that belong to a comparison with the exchange.
    pub(crate) fn reconcile_contracts(&mut self, index: VenueIndex) -> Vec<OpId> {
        if self.state.venues[index.0].contracts.is_none() {
            return Vec::new();
        }
        let positions = Command::Positions(Positions::default());
        vec![
            self.command(index, Purpose::Contracts(ContractsPurpose::Positions), positions),
            self.command(
                index,
                Purpose::Contracts(ContractsPurpose::Margin),
                Command::Margin(Margin {}),
            ),
        ]
    }

    /// The end of an operation about contracts.
    pub(crate) fn contracts_ended(&mut self, index: VenueIndex, op: OpId, purpose: &Purpose, outcome: &Outcome) {
        let Purpose::Contracts(what) = purpose else { return };
        match what {
            ContractsPurpose::Settings => self.settings_read(index, outcome),
            ContractsPurpose::Set(..) => self.setting_ended(index, outcome),
            ContractsPurpose::Funding => self.funding_answered(index, outcome),
            ContractsPurpose::Positions | ContractsPurpose::Margin | ContractsPurpose::Rates(_) => {
                if self.state.venues[index.0].reconcile.running.contains(&op) {
                    return self.reconcile_ended(index, op, purpose, outcome);
                }
                if let Some(refusal) = outcome.refusal() {
                    let text = format!(
                        "{}: asking for {what:?} failed: {refusal}",
                        self.state.venues[index.0].id
                    );
                    self.log(LogLevel::Warn, text);
                }
            }
        }
    }

    /// Positions were told that the fills do not make: fills are asked for.
    fn positions_if_due(&mut self, index: VenueIndex) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let Some(account) = venue.contracts.as_deref_mut() else {
            return;
        };
        match account.positions_due {
            None => return,
            Some(due) if due > now => return self.wake_at(due),
            Some(_) => account.positions_due = None,
        }
        let differs = |m: &Market| {
            let compared = m.contracts.as_ref().map(|contracts| contracts.compared());
            let differs = |(_, stated, summed): &(_, _, _)| stated != summed;
            compared.is_some_and(|sides| sides.iter().any(differs))
        };
        let mut listed = venue.markets.iter().filter(|m| m.instrument.is_some());
        // Before everything has been compared once, a comparison is under way anyhow.
        if venue.reconcile.healed && listed.any(differs) {
            venue.reconcile.next = venue.reconcile.next.min(now);
            self.wake_at(now);
        }
    }

    fn margin_if_due(&mut self, index: VenueIndex) {
        let now = self.mono();
        let purpose = Purpose::Contracts(ContractsPurpose::Margin);
        let venue = &mut self.state.venues[index.0];
        let is_asked = venue.ops.has(&purpose);
        let Some(account) = venue.contracts.as_deref_mut() else {
            return;
        };
        match account.margin_due {
            None => {}
            Some(due) if due > now => self.wake_at(due),
            Some(_) if is_asked => {}
            Some(_) => {
                account.margin_due = None;
                self.command(index, purpose, Command::Margin(Margin {}));
            }
        }
    }

    /// Mark price and rate of traded instruments, where the stream does not tell them.
    fn rates_if_due(&mut self, index: VenueIndex) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let fast = venue.manifest.polling.fast_ms;
        let mut due = Vec::new();
        let mut next: Option<MonoNs> = None;
        let traded = venue.markets.iter_mut().filter(|m| m.wanted != MarketWanted::Watching);
        for market in traded.filter(|m| m.instrument.is_some()) {
            let Some(contracts) = market.contracts.as_deref_mut() else {
                continue;
            };
            let old = contracts.mark_updated.map_or(now, |at| at.plus(MARK_OLD));
            let at = old.max(contracts.rates_due);
            if at <= now {
                contracts.rates_due = now.plus(fast);
                due.push(market.id);
            }
            let again = at.max(contracts.rates_due);
            next = Some(next.map_or(again, |next| next.min(again)));
        }
        if let Some(next) = next {
            self.wake_at(next);
        }
        for instrument in due {
            let purpose = Purpose::Contracts(ContractsPurpose::Rates(instrument));
            if !self.state.venues[index.0].ops.has(&purpose) {
                let query = Command::FundingRate(FundingRateQuery { instrument });
                self.command(index, purpose, query);
            }
        }
    }

    /// Funding payments: at the start, on the connector's cadence, when one is told of, and after each settlement that a
    /// position saw.
    fn funding_if_due(&mut self, index: VenueIndex) {
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        if !venue.has(&Capability::FundingPayments) || self.state.phase == EnginePhase::Stopped {
            return;
        }
        let purpose = Purpose::Contracts(ContractsPurpose::Funding);
        let is_asked = venue.ops.has(&purpose);
        let every = venue
            .manifest
            .perpetual
            .as_ref()
            .map_or(Millis(600_000), |p| p.funding_ms);
        let exchange_now = venue.exchange_time.map_or(now.wall, |told| told.min(now.wall));
        let mut next: Option<MonoNs> = None;
        let mut settled = Vec::new();
        for market in &mut venue.markets {
            let Some(contracts) = market.contracts.as_deref_mut() else {
                continue;
            };
            let Some(due) = contracts.settles else { continue };
            if due.at > now.mono {
                next = Some(next.map_or(due.at, |next| next.min(due.at)));
            } else {
                settled.push((market.id, due.time));
            }
        }
        for (id, time) in settled {
            self.settlement_over(index, id, time);
        }
        let Some(account) = self.state.venues[index.0].contracts.as_deref_mut() else {
            return;
        };
        let due = account.funding.next_due();
        if due <= now.mono && !is_asked {
            account.funding.is_asked_at(now.mono, every);
            let since = account.funding.ask(exchange_now);
            let query = FundingPaymentsSince {
                instrument: None,
                since,
            };
            self.command(index, purpose, Command::FundingPaymentsSince(query));
        }
        let venue = &self.state.venues[index.0];
        if let Some(account) = venue.contracts.as_deref() {
            let due = account.funding.next_due();
            // While it is being asked its end wakes us.
            next = next.into_iter().chain((due > now.mono).then_some(due)).min();
        }
        if let Some(next) = next {
            self.wake_at(next);
        }
    }

    /// A settlement is over: its payments are asked for where a position saw it, or may have: what an order has filled may not be
    /// known yet.
    pub(super) fn settlement_over(&mut self, index: VenueIndex, id: InstrumentId, time: WallNs) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let Some(contracts) = venue.contract_market_mut(id) else {
            return;
        };
        if contracts.settled == Some(time) {
            return;
        }
        contracts.settled = Some(time);
        let is_held = contracts.positions().iter().any(|(_, p)| !p.quantity.is_zero());
        let may_be = venue.outage(BookNeed::Polled).is_some() || venue.orders.live().any(|o| o.intent.instrument == id);
        if let Some(account) = venue.contracts.as_deref_mut().filter(|_| is_held || may_be) {
            let times = AFTER_SETTLEMENT.map(|after| now.plus(after));
            account.funding.after_settlement.extend(times);
            self.wake_at(times[0]);
        }
    }

    fn funding_answered(&mut self, index: VenueIndex, outcome: &Outcome) {
        let now = self.state.now;
        let venue = &mut self.state.venues[index.0];
        let name = venue.id.clone();
        let Some(account) = venue.contracts.as_deref_mut() else {
            return;
        };
        if let Some(refusal) = outcome.refusal() {
            let failures = account.funding.failures;
            account.funding.failures = failures.saturating_add(1);
            let wait = self.back_off(failures);
            let at = self.wake_in(wait);
            if let Some(account) = self.state.venues[index.0].contracts.as_deref_mut() {
                account.funding.due = account.funding.due.min(at);
            }
            let text = format!(
                "{name}: asking for funding payments failed ({refusal}); trying again in {} ms",
                wait.0
            );
            self.log(LogLevel::Warn, text);
            return self.funding_settled(index);
        }
        account.funding.answered();
        let through: WallNs = account.funding.complete_through();
        if through <= account.funding.journaled {
            return self.funding_settled(index);
        }
        account.funding.journaled = through;
        let record = Record::FundingReconciled {
            venue: name,
            account: venue.account.clone(),
            through,
            time: now.wall,
        };
        self.journal_fact(record);
        self.funding_settled(index);
    }

    /// A start that waited for payments goes on.
    fn funding_settled(&mut self, index: VenueIndex) {
        if self.state.venues[index.0].phase == VenuePhase::Collecting {
            self.bring_up(index);
        }
    }

    /// Compares what the exchange states with what the fills make, once fills are complete. What was held before the first fill
    /// is entered once; a difference that stays is told, and is asked about again.
    pub(crate) fn compare_positions(&mut self, index: VenueIndex) {
        let now = self.mono();
        let venue = &mut self.state.venues[index.0];
        let started = venue.reconcile.started;
        let name = venue.id.clone();
        let (mut openings, mut lines, mut again) = (Vec::new(), Vec::new(), false);
        let mut acceptances = Vec::new();
        let choices = venue.contracts.as_ref().map(|account| account.choices.pairs.clone());
        let traded = venue.markets.iter_mut().filter(|m| m.wanted != MarketWanted::Watching);
        // Of what is not listed any more the exchange states nothing.
        for market in traded.filter(|m| m.contract().is_some() && m.instrument.is_some()) {
            let pair = market.pair.clone();
            let Some(contracts) = market.contracts.as_deref_mut() else {
                continue;
            };
            if contracts.stated_whole.is_none_or(|at| at < started) {
                again = true;
                continue;
            }
            let differed = contracts.differs();
            contracts.compare(now);
            let is_open = contracts.differences.values().any(|found| !found.is_lasting());
            again |= is_open;
            if !contracts.is_opened {
                if !is_open {
                    openings.push(market.id);
                }
                continue;
            }
            contracts.has_agreed |= contracts.differences.is_empty();
            if let Some(accepted) =
                contracts.acceptable(choices.as_ref().and_then(|pairs| pairs.get(&pair)?.accepted_position))
            {
                acceptances.push((market.id, accepted));
                continue;
            }
            let differs = contracts.differs();
            if differs && !differed {
                let found = contracts.differences.iter().find(|(_, found)| found.is_lasting());
                if let Some((side, found)) = found {
                    let differs = RiskRefusal::PositionDiffers {
                        pair,
                        stated: found.stated,
                        summed: found.summed,
                    };
                    let text = format!("{name}: position side {}: {differs}", side.as_str());
                    lines.push((LogLevel::Error, text));
                }
            } else if differed && contracts.differences.is_empty() {
                lines.push((LogLevel::Info, format!("{name}: the positions in {pair} agree again")));
            }
        }
        for (level, text) in lines {
            self.log(level, text);
        }
        for id in openings {
            again |= !self.enter_opening(index, id);
        }
        for (id, side) in acceptances {
            again |= !self.accept_position(index, id, side);
        }
        if again {
            let at = self.wake_in(COMPARE_AGAIN);
            let reconcile = &mut self.state.venues[index.0].reconcile;
            reconcile.next = reconcile.next.min(at);
        }
    }

    /// Enters what was held of an instrument before the first fill that is known. Whether it is written down.
    fn enter_opening(&mut self, index: VenueIndex, id: InstrumentId) -> bool {
        let now = self.state.now;
        let venue = &self.state.venues[index.0];
        let Some(market) = venue.market(id) else { return true };
        let Some(contracts) = market.contracts.as_deref() else {
            return true;
        };
        let mid = market.book().and_then(|book| book.mid());
        let mut opened = Vec::new();
        for (side, found) in &contracts.differences {
            let stated = contracts.stated.get(side).map(|stated| &stated.position);
            let entry = stated.and_then(|stated| stated.entry_price).filter(|p| p.is_positive());
            let price = entry.or(stated.and_then(|stated| stated.mark_price));
            let price = price.or(contracts.mark()).or(mid).filter(|p| p.is_positive());
            // Without any price it cannot be valued: one comes soon.
            let Some(price) = price else { return false };
            opened.push(OpenedPosition {
                side: *side,
                quantity: found.stated - found.summed,
                price,
            });
        }
        let record = Record::PositionsOpened {
            venue: venue.id.clone(),
            account: venue.account.clone(),
            pair: market.pair.clone(),
            positions: opened.clone(),
            time: now.wall,
        };
        let name = format!("{}: {}", venue.id, market.pair);
        if self.journal_first(record).is_err() {
            return false;
        }
        self.brakes.doubt_profit();
        if let Some(contracts) = self.state.venues[index.0].contract_market_mut(id) {
            for position in &opened {
                contracts.ledger.open(position.side, position.quantity, position.price);
            }
            contracts.differences.clear();
            contracts.is_opened = true;
        }
        for position in &opened {
            let text = format!(
                "{name}: a {} position of {} at {} was held before this bot's journal began; it is counted from here on",
                position.side.as_str(),
                position.quantity,
                position.price
            );
            self.log(LogLevel::Info, text);
        }
        true
    }
}
