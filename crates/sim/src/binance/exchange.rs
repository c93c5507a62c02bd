//! The exchange as a whole: what it holds, how it starts, how time passes.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use thiserror::Error;

use super::connection::Connection;
use crate::config::{ConfigError, FlowConfig, MarketConfig, MarketStatus, SimConfig};
use crate::flow::{Flow, FlowMarket, Recording, SteadyMarkets};
use crate::identity::{AccountId, AccountName, Asset, ClientOrderId, ConnectionId, MarketId, Symbol};
use crate::matching::{AccountSettings, Engine, FeeRates, History, MarketSettings, Reject, Settlement};
use crate::prng::Prng;
use crate::time::{Span, Timestamp};
use crate::wire::auth::KeyRing;
use crate::wire::feed::{Feed, Speed};
use crate::wire::limits::{Limits, OrderWindows};
use crate::wire::transport::Outgoing;

/// The cadence of everything that is sent by the clock.
pub(super) const TICK: Span = Span::from_millis(100);
/// The account that makes the market; no client can name it.
const HOUSE: &str = "(house)";

/// Why a transfer was not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransferError {
    /// No account has this name.
    #[error("no account is named `{0}`; the names are in the configuration")]
    UnknownAccount(AccountName),
    /// The engine refused.
    #[error(transparent)]
    Rejected(#[from] Reject),
}

/// A whole exchange, driven from outside: by sockets, or in virtual time.
///
/// Time never runs backwards: a call with an earlier `now` than the last is taken to happen at the last.
pub struct Exchange {
    pub(super) now: Timestamp,
    next_tick: Timestamp,
    pub(super) engine: Engine,
    pub(super) markets: Vec<MarketConfig>,
    /// What exchangeInfo shows of a market whose rules have changed unannounced.
    outdated: BTreeMap<MarketId, MarketConfig>,
    pub(super) feeds: Vec<Feed>,
    pub(super) keys: KeyRing,
    pub(super) limits: Limits,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    pub(super) next_connection: u64,
    pub(super) outgoing: Vec<(ConnectionId, Outgoing)>,
    names: Prng,
    flow: Flow,
    /// Markets that move without orders: the last ones.
    pub(super) steady: Option<SteadyMarkets>,
}

impl Exchange {
    /// An exchange that opens at `now`, after its order flow has warmed up in virtual time.
    ///
    /// `recordings` holds what the flow replays; it may be empty when nothing is replayed.
    ///
    /// # Errors
    /// [`ConfigError`] when the configuration contradicts itself.
    pub fn new(config: &SimConfig, recordings: Vec<Recording>, now: Timestamp) -> Result<Self, ConfigError> {
        let mut engine = Engine::new();
        let mut markets = config.markets.clone();
        let steady = match &config.flow {
            FlowConfig::Steady(steady) => {
                markets.extend(steady.market_configs());
                Some(SteadyMarkets::new(steady, now)?)
            }
            FlowConfig::None | FlowConfig::Random(_) | FlowConfig::Replay(_) => None,
        };
        for market in &markets {
            check_market(market)?;
            if engine.find_market(&market.symbol).is_some() {
                return Err(ConfigError::Duplicate {
                    what: "market",
                    name: market.symbol.to_string(),
                });
            }
            engine.add_market(MarketSettings {
                symbol: market.symbol.clone(),
                base: market.base.clone(),
                quote: market.quote.clone(),
                lot: market.lot.step,
                settlement: Settlement::Assets,
            });
        }
        let opens = now.before(Flow::warm_up(&config.flow));
        let house = add_house(&mut engine, &config.markets, opens);
        let keys = add_accounts(&mut engine, config, opens)?;
        let moved: Vec<FlowMarket> = config.markets.iter().map(FlowMarket::from).collect();
        let flow = Flow::new(&config.flow, &moved, recordings, house, opens)?;
        let mut exchange = Self {
            now: opens,
            next_tick: opens.window_start(TICK).after(TICK),
            engine,
            feeds: markets.iter().map(|_| Feed::new(&[Speed::Fast, Speed::Slow])).collect(),
            markets,
            outdated: BTreeMap::new(),
            keys,
            limits: Limits::new(config.limits, OrderWindows::TenSecondsAndDay),
            connections: BTreeMap::new(),
            next_connection: 1,
            outgoing: Vec::new(),
            names: Prng::new(0),
            flow,
            steady,
        };
        exchange.advance(now);
        Ok(exchange)
    }

    /// Lets time pass up to `now`: order flow, depth windows, candles, pings.
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
        self.tell_steady(self.now);
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

    /// Its books, orders and balances.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Deposits into an account, or withdraws when `delta` is negative; the account's streams tell of it.
    ///
    /// # Errors
    /// [`TransferError`]; nothing has changed then.
    pub fn transfer(
        &mut self,
        account: &AccountName,
        asset: &Asset,
        delta: Decimal,
        now: Timestamp,
    ) -> Result<(), TransferError> {
        self.advance(now);
        let account = self
            .engine
            .find_account(account)
            .ok_or_else(|| TransferError::UnknownAccount(account.clone()))?;
        self.engine.transfer(account, asset, delta, self.now)?;
        self.settle();
        Ok(())
    }

    /// Halts a market, or lets it trade again: new orders are refused meanwhile, open ones stay. Whether there is such a
    /// market.
    pub fn set_market_status(&mut self, symbol: &Symbol, status: MarketStatus, now: Timestamp) -> bool {
        self.advance(now);
        let market = self.markets.iter_mut().find(|market| market.symbol == *symbol);
        market.map(|market| market.status = status).is_some()
    }

    /// Changes the trading rules of a market: they bind from now on, and exchangeInfo goes on showing the old ones until
    /// [`Exchange::show_rules`]. Whether there is such a market.
    pub fn change_rules(&mut self, symbol: &Symbol, change: impl FnOnce(&mut MarketConfig), now: Timestamp) -> bool {
        self.advance(now);
        let Some(at) = self.markets.iter().position(|market| market.symbol == *symbol) else {
            return false;
        };
        let market = &mut self.markets[at];
        self.outdated.entry(MarketId(at)).or_insert_with(|| market.clone());
        change(market);
        self.engine.market_mut(MarketId(at)).settings.lot = market.lot.step;
        true
    }

    /// From now on exchangeInfo shows the rules that bind.
    pub fn show_rules(&mut self) {
        self.outdated.clear();
    }

    /// A market as exchangeInfo shows it: its status is always the present one.
    pub(super) fn shown_config(&self, market: MarketId) -> MarketConfig {
        let present = self.market_config(market);
        let mut shown = self.outdated.get(&market).unwrap_or(present).clone();
        shown.status = present.status;
        shown
    }

    /// How many markets have orders behind them: the first ones.
    pub(super) fn traded(&self) -> usize {
        self.markets.len() - self.steady.as_ref().map_or(0, SteadyMarkets::len)
    }

    /// The place of a market among those that move without orders, where it is one.
    pub(super) fn steady_place(&self, market: MarketId) -> Option<usize> {
        market.0.checked_sub(self.traded())
    }

    /// A name for an order or a cancel that came without one.
    pub(super) fn new_name(&mut self) -> ClientOrderId {
        ClientOrderId::new(self.names.name(22))
    }

    pub(super) fn market_config(&self, market: MarketId) -> &MarketConfig {
        &self.markets[market.0]
    }

    pub(super) fn symbol(&self, market: MarketId) -> &Symbol {
        &self.markets[market.0].symbol
    }
}

fn check_market(market: &MarketConfig) -> Result<(), ConfigError> {
    let positive = |what, value: Decimal| {
        if value > Decimal::ZERO {
            return Ok(());
        }
        Err(ConfigError::OutOfRange {
            what,
            name: market.symbol.to_string(),
            value: value.to_string(),
            range: "greater than 0",
        })
    };
    positive("start_price", market.start_price)?;
    positive("price.tick", market.price.tick)?;
    positive("lot.step", market.lot.step)
}

fn add_house(engine: &mut Engine, markets: &[MarketConfig], now: Timestamp) -> AccountId {
    let settings = AccountSettings {
        name: AccountName::from(HOUSE),
        fees: FeeRates::ZERO,
        fee_asset: None,
        trade_group: None,
        history: History::Forget,
    };
    let mut balances = BTreeMap::new();
    for market in markets {
        balances.insert(market.base.clone(), Decimal::from(1_000_000_000_000_u64));
    }
    for market in markets {
        balances.insert(market.quote.clone(), Decimal::from(1_000_000_000_000_000_u64));
    }
    engine.add_account(settings, balances, now)
}

fn add_accounts(engine: &mut Engine, config: &SimConfig, now: Timestamp) -> Result<KeyRing, ConfigError> {
    let mut keys = KeyRing::default();
    for account in &config.accounts {
        if engine.find_account(&account.name).is_some() {
            return Err(ConfigError::Duplicate {
                what: "account",
                name: account.name.to_string(),
            });
        }
        if let Some(holding) = account.balances.iter().find(|holding| holding.amount < Decimal::ZERO) {
            return Err(ConfigError::OutOfRange {
                what: "a balance",
                name: account.name.to_string(),
                value: holding.amount.to_string(),
                range: "0 or more",
            });
        }
        let settings = AccountSettings {
            name: account.name.clone(),
            fees: account.fees,
            fee_asset: account.fee_asset.clone(),
            trade_group: account.trade_group,
            history: History::Keep,
        };
        let balances = account
            .balances
            .iter()
            .map(|holding| (holding.asset.clone(), holding.amount));
        let id = engine.add_account(settings, balances, now);
        for key in &account.keys {
            keys.add(id, key)?;
        }
    }
    Ok(keys)
}
