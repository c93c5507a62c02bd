//! Bringing a venue up: instruments, handles, sessions, fees, orders and fills, then the balances that the ledger starts
//! from. Each step is repeated with a back-off until it succeeds.

use std::collections::BTreeMap;

use colibri_model::Record;
use colibri_standard::{
    Balances, Capability, Channel, Command, Fees, Instruments, InstrumentsEvent, Outcome, SessionRole, Subscription,
    UseInstruments, UsedInstrument,
};

use crate::HostNow;
use crate::engine::core::Core;
use crate::engine::market::{Market, MarketWanted};
use crate::engine::operations::Purpose;
use crate::engine::state::EnginePhase;
use crate::engine::venue::{Retry, VenuePhase};
use crate::engine::{EngineAction, LogLevel, VenueIndex};
use crate::orders::ClientIdSource;

impl Core {
    pub(crate) fn start(&mut self, now: HostNow) {
        self.at(now);
        if self.state.phase != EnginePhase::Idle {
            return;
        }
        self.state.phase = EnginePhase::Running;
        let conflicts = self.environment_conflicts();
        let started = Record::Started {
            bot: self.state.bot.clone(),
            version: self.version.clone(),
            time: now.wall,
        };
        self.journal_fact(started);
        for index in (0..self.state.venues.len()).map(VenueIndex) {
            let venue = &mut self.state.venues[index.0];
            let seed = self.seed ^ (index.0 as u64 + 1);
            match ClientIdSource::new(&venue.manifest.client_id, &self.state.bot, now.wall, seed) {
                Ok(ids) => venue.ids = Some(ids),
                Err(error) => {
                    self.fail_venue(index, error.to_string());
                    continue;
                }
            }
            if let Some(conflict) = conflicts.iter().find(|c| c.index == index) {
                self.fail_venue(index, conflict.to_string());
                continue;
            }
            let venue = &self.state.venues[index.0];
            let used = Record::VenueUsed {
                venue: venue.id.clone(),
                account: venue.account.clone(),
                environment: venue.environment.clone(),
                time: now.wall,
            };
            self.journal_fact(used);
            self.recover(index);
            self.state.venues[index.0].phase = VenuePhase::Instruments;
        }
        self.recovered = crate::engine::Recovered::default();
        self.upkeep();
    }

    pub(crate) fn fail_venue(&mut self, index: VenueIndex, why: String) {
        let venue = &mut self.state.venues[index.0];
        let text = format!("{} cannot be used: {why}", venue.id);
        venue.phase = VenuePhase::Failed(why);
        self.log(LogLevel::Error, text);
    }

    fn advance(&mut self, index: VenueIndex, phase: VenuePhase) {
        let venue = &mut self.state.venues[index.0];
        venue.phase = phase;
        venue.retry = Retry::default();
        self.bring_up(index);
    }

    /// Sends what the venue's phase needs, unless it is under way or being waited for.
    pub(crate) fn bring_up(&mut self, index: VenueIndex) {
        let venue = &self.state.venues[index.0];
        let now = self.mono();
        if now < venue.retry.at {
            return self.wake_at(venue.retry.at);
        }
        match venue.phase {
            VenuePhase::Instruments if !venue.ops.has(&Purpose::Instruments) => {
                self.command(index, Purpose::Instruments, Command::Instruments(Instruments {}));
            }
            VenuePhase::Registering if !venue.ops.has(&Purpose::UseInstruments) => self.use_instruments(index),
            VenuePhase::Collecting if venue.reconcile.healed && venue.funding_is_told() => {
                self.advance(index, VenuePhase::Balances);
            }
            VenuePhase::Balances if !venue.ops.has(&Purpose::StartBalances) => {
                self.command(index, Purpose::StartBalances, Command::Balances(Balances {}));
            }
            _ => {}
        }
    }

    pub(crate) fn use_instruments(&mut self, index: VenueIndex) {
        let used = self.state.venues[index.0].markets.iter().filter_map(|market| {
            let instrument = market.instrument.as_ref()?;
            Some(UsedInstrument {
                id: market.id,
                pair: market.pair.clone(),
                symbol: instrument.symbol.clone(),
                exponents: instrument.exponents,
                contract: instrument.contract.clone(),
            })
        });
        let instruments = used.collect();
        self.command(
            index,
            Purpose::UseInstruments,
            Command::UseInstruments(UseInstruments { instruments }),
        );
    }

    /// Instruments, at the start and whenever they are refreshed.
    pub(crate) fn on_instruments(&mut self, index: VenueIndex, mut event: InstrumentsEvent) {
        // A book may be made anew.
        self.doubt();
        let venue = &mut self.state.venues[index.0];
        let mut told = false;
        let comes_up = venue.phase == VenuePhase::Instruments;
        let (mut missing, mut gone, mut unwatched) = (Vec::new(), Vec::new(), Vec::new());
        let mut contracts = Vec::new();
        let listed = event.instruments.drain(..);
        let mut listed: BTreeMap<_, _> = listed.map(|instrument| (instrument.pair.clone(), instrument)).collect();
        for market in &mut venue.markets {
            match listed.remove(&market.pair) {
                Some(instrument) => {
                    contracts.extend(market.contract_news(&instrument));
                    told |= market.set_instrument(instrument, &venue.manifest.book);
                }
                None => match market.wanted {
                    MarketWanted::LeftOrders => gone.push(market.pair.to_string()),
                    // It costs nothing that is traded.
                    MarketWanted::Watching if comes_up || market.instrument.is_none() => {
                        unwatched.push(market.pair.to_string());
                    }
                    MarketWanted::Watching | MarketWanted::Trading => missing.push(market.pair.to_string()),
                },
            }
        }
        self.journal_contracts(index, contracts);
        let venue = &self.state.venues[index.0];
        if !unwatched.is_empty() && comes_up {
            let text = format!(
                "{} does not offer {}, to be watched only: left out; check the pairs in the bot's file",
                venue.id,
                unwatched.join(", ")
            );
            self.log(LogLevel::Warn, text);
        }
        let venue = &self.state.venues[index.0];
        if !gone.is_empty() && comes_up {
            let text = format!(
                "{} does not list {} any more, of which an earlier run left orders: nothing can be asked of them here; see \
                 to them at the exchange yourself",
                venue.id,
                gone.join(", ")
            );
            self.log(LogLevel::Error, text);
        }
        let venue = &self.state.venues[index.0];
        if comes_up {
            if !missing.is_empty() {
                let why = format!(
                    "it does not offer {}; check the pairs in the bot's file",
                    missing.join(", ")
                );
                self.fail_venue(index, why);
            }
        } else if !missing.is_empty() {
            let text = format!("{} no longer lists {}", venue.id, missing.join(", "));
            self.log(LogLevel::Error, text);
        } else if told {
            self.use_instruments(index);
        }
    }

    /// The end of an operation of the bring-up.
    pub(crate) fn bring_up_ended(&mut self, index: VenueIndex, purpose: &Purpose, outcome: &Outcome) {
        let venue = &self.state.venues[index.0];
        let done = *outcome == Outcome::Done;
        match (purpose, &venue.phase) {
            (Purpose::Instruments, VenuePhase::Instruments) if done => {
                let usable = |m: &Market| m.instrument.is_some() || m.wanted != MarketWanted::Trading;
                let no_contract = |m: &&Market| {
                    let is_contract = m.instrument.as_ref().is_none_or(|i| i.contract.is_some());
                    m.wanted == MarketWanted::Trading && venue.contracts.is_some() && !is_contract
                };
                if let Some(market) = venue.markets.iter().find(no_contract) {
                    let why = format!("its connector does not tell what {} is a contract of", market.pair);
                    self.fail_venue(index, why);
                } else if venue.markets.iter().all(usable) {
                    self.advance(index, VenuePhase::Registering);
                } else {
                    self.fail_venue(index, "its connector told no instruments".to_owned());
                }
            }
            (Purpose::UseInstruments, VenuePhase::Registering) if done => {
                self.instruments_in_use(index);
                self.advance(index, VenuePhase::Collecting);
            }
            (Purpose::StartBalances, VenuePhase::Balances) if done => {
                let venue = &mut self.state.venues[index.0];
                venue.holdings.start_ledger();
                venue.phase = VenuePhase::Ready;
                let text = format!("{} is ready", venue.id);
                self.log(LogLevel::Info, text);
                self.tell_moved_meanwhile(index);
            }
            (Purpose::Instruments, VenuePhase::Instruments) => {
                self.retry_later(index, "asking for instruments", outcome);
            }
            (Purpose::UseInstruments, VenuePhase::Registering) => {
                self.retry_later(index, "telling the instruments", outcome);
            }
            (Purpose::StartBalances, VenuePhase::Balances) => self.retry_later(index, "asking for balances", outcome),
            _ => {}
        }
    }

    fn instruments_in_use(&mut self, index: VenueIndex) {
        let venue = &mut self.state.venues[index.0];
        let (polling, now) = (venue.manifest.polling.instruments_ms, self.state.now.mono);
        venue.instruments_due = now.plus(polling);
        let listed = venue.markets.iter().filter(|m| m.instrument.is_some());
        let ids: Vec<_> = listed.map(|m| m.id).collect();
        let traded = venue
            .markets
            .iter()
            .filter(|m| m.instrument.is_some() && m.wanted != MarketWanted::Watching);
        let traded: Vec<_> = traded.map(|m| m.id).collect();
        let wants_fees = venue.has(&Capability::FeeRates);
        let has_user_stream = venue.has(&Capability::UserStream);
        let mut channels = vec![Channel::Book, Channel::Trades];
        if venue.contracts.is_some() {
            channels.extend([Channel::MarkPrice, Channel::FundingRate]);
        }
        let subscriptions = ids.iter().map(|&instrument| Subscription {
            instrument,
            channels: channels.clone(),
        });
        let market = EngineAction::Subscribe {
            venue: index,
            role: SessionRole::Market,
            subscriptions: subscriptions.collect(),
        };
        if has_user_stream {
            self.act(EngineAction::Subscribe {
                venue: index,
                role: SessionRole::User,
                subscriptions: Vec::new(),
            });
        }
        self.act(market);
        if wants_fees {
            for instrument in traded {
                self.command(index, Purpose::Fees(instrument), Command::Fees(Fees { instrument }));
            }
        }
    }
}
