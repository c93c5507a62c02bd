//! The market of contracts as a whole: what it holds, how it starts, how time passes.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::algo::AlgoService;
use super::filters::TradingRules;
use super::pricing::Pricing;
use super::render::OrderDetail;
use super::socket::Connection;
use super::user_stream::ListenKeys;
use crate::config::{ConfigError, PerpetualConfig, SimConfig};
use crate::flow::{Flow, FlowMarket};
use crate::identity::{AccountId, AccountName, ClientOrderId, ConnectionId, MarketId, OrderId, Symbol};
use crate::margin::{IncomeKind, Tiers};
use crate::matching::{AccountSettings, ContractRules, Engine, FeeRates, History, MarketSettings, Settlement, Side};
use crate::prng::Prng;
use crate::time::{Span, Timestamp};
use crate::wire::auth::KeyRing;
use crate::wire::feed::{Feed, Speed};
use crate::wire::limits::{Limits, OrderWindows};
use crate::wire::transport::Outgoing;

/// The cadence of everything that is sent by the clock.
pub(super) const TICK: Span = Span::from_millis(50);
/// The account that makes the market; no client can name it.
const HOUSE: &str = "(house)";
/// Connections here are numbered from this up, so that they are not taken for spot's.
const FIRST_CONNECTION: u64 = 1 << 40;
/// The speeds of depth streams.
const SPEEDS: [Speed; 3] = [Speed::Fast, Speed::Quarter, Speed::Half];
const SECOND: Span = Span::from_secs(1);

/// The market of contracts, driven from outside: by sockets, or in virtual time.
///
/// Time never runs backwards: a call with an earlier `now` than the last is taken to happen at the last.
pub struct Exchange {
    pub(super) now: Timestamp,
    next_tick: Timestamp,
    pub(super) engine: Engine,
    pub(super) markets: Vec<PerpetualConfig>,
    /// The rules that bind, of each contract.
    pub(super) rules: Vec<TradingRules>,
    /// Those that are shown meanwhile, where others bind already.
    pub(super) outdated: BTreeMap<MarketId, TradingRules>,
    pub(super) contracts: crate::config::ContractsConfig,
    pub(super) feeds: Vec<Feed>,
    pub(super) prices: Vec<Pricing>,
    /// What a spot market last said of a contract's index.
    leaders: BTreeMap<MarketId, Decimal>,
    pub(super) keys: KeyRing,
    pub(super) limits: Limits,
    pub(super) algos: AlgoService,
    pub(super) details: BTreeMap<(MarketId, OrderId), OrderDetail>,
    pub(super) listen_keys: ListenKeys,
    /// When an account's open orders in a market are cancelled unless it says otherwise.
    pub(super) countdowns: BTreeMap<(AccountId, MarketId), Timestamp>,
    pub(super) last_updates: BTreeMap<(MarketId, Speed), u64>,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    pub(super) next_connection: u64,
    pub(super) outgoing: Vec<(ConnectionId, Outgoing)>,
    pub(super) names: Prng,
    pub(super) flow: Flow,
    /// The account that makes the market.
    pub(super) house: AccountId,
}

impl Exchange {
    /// A market that opens at `now`, after its order flow has warmed up in virtual time.
    ///
    /// # Errors
    /// [`ConfigError`] when the configuration contradicts itself.
    pub fn new(config: &SimConfig, now: Timestamp) -> Result<Self, ConfigError> {
        let mut engine = Engine::new();
        for market in &config.perpetual {
            add_market(&mut engine, market, config)?;
        }
        let opens = now.before(Flow::warm_up(&config.flow));
        let house = add_house(&mut engine, opens);
        let keys = add_accounts(&mut engine, config, opens)?;
        engine.endow_insurance_fund(config.contracts.insurance_fund);
        let moved: Vec<FlowMarket> = config.perpetual.iter().map(FlowMarket::from).collect();
        let flow = Flow::of_contracts(&config.flow, &moved, house, opens)?;
        let seed = Flow::seed(&config.flow);
        let prices = config.perpetual.iter().enumerate();
        let prices = prices.map(|(place, market)| {
            let seed = seed
                .wrapping_mul(1_000_003)
                .wrapping_add(place as u64)
                .wrapping_add(1 << 32);
            Pricing::new(market, seed, opens)
        });
        let mut exchange = Self {
            now: opens,
            next_tick: opens.window_start(TICK).after(TICK),
            engine,
            feeds: config.perpetual.iter().map(|_| Feed::new(&SPEEDS)).collect(),
            prices: prices.collect(),
            markets: config.perpetual.clone(),
            rules: config.perpetual.iter().map(TradingRules::from).collect(),
            outdated: BTreeMap::new(),
            contracts: config.contracts,
            leaders: BTreeMap::new(),
            keys,
            limits: Limits::new(config.contracts.limits.counted(), OrderWindows::TenSecondsAndMinute),
            algos: AlgoService::default(),
            details: BTreeMap::new(),
            listen_keys: ListenKeys::default(),
            countdowns: BTreeMap::new(),
            last_updates: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_connection: FIRST_CONNECTION,
            outgoing: Vec::new(),
            names: Prng::new(1),
            flow,
            house,
        };
        for place in 0..exchange.markets.len() {
            exchange.engine.set_mark(MarketId(place), exchange.prices[place].mark);
        }
        exchange.advance(now);
        // What was settled before anybody could ask belongs to nobody.
        exchange.prices.iter_mut().for_each(|pricing| pricing.settled.clear());
        Ok(exchange)
    }

    /// Lets time pass up to `now`: order flow, prices, funding, triggers, liquidations, streams.
    pub fn advance(&mut self, now: Timestamp) {
        loop {
            let flow_due = self.flow.next();
            let due = flow_due.map_or(self.next_tick, |flow_due| flow_due.min(self.next_tick));
            if due > now {
                break;
            }
            self.now = self.now.max(due);
            if flow_due.is_some_and(|flow_due| flow_due <= due) {
                self.flow.act(&mut self.engine);
                self.settle();
            } else {
                self.next_tick = self.next_tick.after(TICK);
                self.tick(due);
            }
        }
        self.now = self.now.max(now);
    }

    /// When [`Self::advance`] will next have something to do.
    pub fn next_due(&self) -> Timestamp {
        self.flow
            .next()
            .map_or(self.next_tick, |flow_due| flow_due.min(self.next_tick))
    }

    /// Everything sent on WebSocket connections since the last call, in order.
    pub fn drain(&mut self) -> Vec<(ConnectionId, Outgoing)> {
        std::mem::take(&mut self.outgoing)
    }

    /// The exchange's clock.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Its books, orders and positions.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The contract of a symbol.
    pub fn find_market(&self, symbol: &Symbol) -> Option<MarketId> {
        self.engine.find_market(symbol)
    }

    /// Whether a connection is one of this market's.
    pub fn owns(connection: ConnectionId) -> bool {
        connection.0 >= FIRST_CONNECTION
    }

    /// Says what a contract's index is from now on, and pulls its market makers there: the middle of its spot market.
    pub fn lead(&mut self, symbol: &Symbol, price: Decimal) {
        if let Some(market) = self.engine.find_market(symbol) {
            self.leaders.insert(market, price);
            self.flow.follow(market, price);
        }
    }

    /// What is done by the clock; `due` is a multiple of [`TICK`].
    fn tick(&mut self, due: Timestamp) {
        let full_second = due.window_start(SECOND) == due;
        if full_second {
            self.every_second(due);
        }
        self.end_countdowns(due);
        self.publish_by_clock(due);
    }

    fn every_second(&mut self, due: Timestamp) {
        for market in (0..self.markets.len()).map(MarketId) {
            let place = self.engine.market(market);
            let best = |side| place.book().best(side).map(|(price, _)| price);
            let middle = best(Side::Buy)
                .zip(best(Side::Sell))
                .map(|(bid, ask)| (bid + ask) / Decimal::TWO);
            let last = place.last_price();
            let leader = self.leaders.get(&market).copied();
            self.prices[market.0].step(due, middle, last, leader);
            self.engine.expire_overdue(market, due);
            self.mark_changed(market);
        }
        self.settle();
        for market in (0..self.markets.len()).map(MarketId) {
            if let Some(settled) = self.prices[market.0].settle(due) {
                self.engine.settle_funding(market, settled.rate, settled.time);
            }
        }
        self.settle();
        self.expire_triggers();
        self.expire_listen_keys(due);
        self.keep_alive(due);
    }

    /// What follows from a new mark price: triggers, then liquidations.
    pub(super) fn mark_changed(&mut self, market: MarketId) {
        let mark = self.prices[market.0].mark;
        self.engine.set_mark(market, mark);
        self.fire_triggers_by_mark(market, mark);
        self.engine.liquidate(self.contracts.margin_call_ratio, self.now);
    }

    fn end_countdowns(&mut self, due: Timestamp) {
        let over: Vec<_> = self
            .countdowns
            .iter()
            .filter(|(_, at)| **at <= due)
            .map(|(key, _)| *key)
            .collect();
        for (account, market) in over {
            self.countdowns.remove(&(account, market));
            let name = self.new_name();
            self.engine.cancel_all(market, account, &name, due);
            self.settle();
        }
    }

    /// A name for an order or a cancel that came without one.
    pub(super) fn new_name(&mut self) -> ClientOrderId {
        ClientOrderId::new(self.names.name(22))
    }

    pub(super) fn config(&self, market: MarketId) -> &PerpetualConfig {
        &self.markets[market.0]
    }

    /// A contract, and the rules of it that bind.
    pub(super) fn binding(&self, market: MarketId) -> (&PerpetualConfig, &TradingRules) {
        (&self.markets[market.0], &self.rules[market.0])
    }

    /// Each contract, and the rules of it that exchangeInfo shows.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&PerpetualConfig, &TradingRules)> {
        let rules = self.rules.iter().enumerate();
        let rules = rules.map(|(place, rules)| self.outdated.get(&MarketId(place)).unwrap_or(rules));
        self.markets.iter().zip(rules)
    }

    pub(super) fn symbol(&self, market: MarketId) -> &Symbol {
        &self.markets[market.0].symbol
    }

    /// The asset that every contract is settled in.
    pub(super) fn margin_asset(&self) -> &str {
        self.markets.first().map_or("USDT", |market| market.quote.as_str())
    }
}

fn add_market(engine: &mut Engine, market: &PerpetualConfig, config: &SimConfig) -> Result<(), ConfigError> {
    let symbol = market.symbol.to_string();
    for (what, value) in [
        ("start_price", market.start_price),
        ("price.tick", market.price.tick),
        ("lot.step", market.lot.step),
    ] {
        if value <= Decimal::ZERO {
            return Err(ConfigError::OutOfRange {
                what,
                name: symbol,
                value: value.to_string(),
                range: "greater than 0",
            });
        }
    }
    if !(1..=28_800).contains(&market.funding.interval_seconds) {
        return Err(ConfigError::OutOfRange {
            what: "funding.interval_seconds",
            name: symbol,
            value: market.funding.interval_seconds.to_string(),
            range: "between 1 and 28800",
        });
    }
    if engine.find_market(&market.symbol).is_some() {
        return Err(ConfigError::Duplicate {
            what: "contract",
            name: symbol,
        });
    }
    if let Some(first) = config.perpetual.first().filter(|first| first.quote != market.quote) {
        return Err(ConfigError::MarginAsset {
            symbol,
            asset: market.quote.to_string(),
            shared: first.quote.to_string(),
        });
    }
    let tiers = Tiers::new(market.tiers.clone()).map_err(|reason| ConfigError::Tiers {
        symbol: symbol.clone(),
        reason,
    })?;
    engine.add_market(MarketSettings {
        symbol: market.symbol.clone(),
        base: market.base.clone(),
        quote: market.quote.clone(),
        lot: market.lot.step,
        settlement: Settlement::Contract(ContractRules {
            tiers,
            liquidation_fee: market.liquidation_fee,
            tick: market.price.tick,
        }),
    });
    Ok(())
}

fn add_house(engine: &mut Engine, now: Timestamp) -> AccountId {
    let settings = AccountSettings {
        name: AccountName::from(HOUSE),
        fees: FeeRates::ZERO,
        fee_asset: None,
        trade_group: None,
        history: History::Forget,
    };
    engine.add_account(settings, [], now)
}

fn add_accounts(engine: &mut Engine, config: &SimConfig, now: Timestamp) -> Result<KeyRing, ConfigError> {
    let mut keys = KeyRing::default();
    for account in &config.accounts {
        if account.margin < Decimal::ZERO {
            return Err(ConfigError::OutOfRange {
                what: "margin",
                name: account.name.to_string(),
                value: account.margin.to_string(),
                range: "0 or more",
            });
        }
        let settings = AccountSettings {
            name: account.name.clone(),
            fees: account.contract_fees,
            fee_asset: None,
            trade_group: account.trade_group,
            history: History::Keep,
        };
        let id = engine.add_account(settings, [], now);
        if account.margin > Decimal::ZERO {
            engine.open_margin_account(id, account.margin, now);
        }
        for key in &account.keys {
            keys.add(id, key)?;
        }
    }
    Ok(keys)
}

/// Which entries of the ledger are shown: an income query without a type shows all.
pub(super) fn income_kind(text: &str) -> Option<IncomeKind> {
    [
        IncomeKind::Transfer,
        IncomeKind::RealizedPnl,
        IncomeKind::Commission,
        IncomeKind::FundingFee,
        IncomeKind::InsuranceClear,
    ]
    .into_iter()
    .find(|kind| kind.as_str() == text)
}
