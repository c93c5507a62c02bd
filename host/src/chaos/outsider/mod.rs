//! Somebody else at the exchange: an operator who halts a symbol or changes its rules, a person who moves funds of the
//! account, places orders with it or cancels ours through another door.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use colibri_engine::orders::ClientIdSource;
use colibri_model::{Decimal, SplitMix64, StrategyId};
use colibri_sim::binance::{Exchange, HttpRequest, Method};
use colibri_sim::config::{DEMO_API_KEY, DEMO_SECRET, MarketConfig, MarketStatus};
use colibri_sim::identity::{AccountId, AccountName, Asset, Symbol};
use colibri_sim::time::{Span, Timestamp};

use super::fault::Fault;

/// The account's name at the exchange.
pub const ACCOUNT: &str = "demo";
/// Orders of its own that it keeps open; beyond, it cancels the oldest.
const MOST_OPEN: usize = 4;

/// What somebody else has done.
#[derive(Debug, Default)]
pub struct Outsider {
    /// Funds that came from outside since the host's ledger started, by asset; negative where they left.
    pub transferred: BTreeMap<String, Decimal>,
    /// Whether the host's ledger has started: nothing is moved before, because it would not be known which side it is on.
    pub ledger_started: bool,
    /// Names of the orders that it placed.
    pub placed: BTreeSet<String>,
    /// Names of orders, its own or the bot's, that it cancelled.
    pub cancelled: BTreeSet<String>,
    /// Names as another run of the same bot makes them, whose journal is lost: orders that the bot adopts.
    bot_names: Option<(ClientIdSource, StrategyId)>,
    closed: Option<(Symbol, Timestamp)>,
    /// When the rules that changed are shown.
    shown: Option<Timestamp>,
    /// What was withdrawn and when it comes back.
    withdrawn: Option<(&'static str, Decimal, Timestamp)>,
}

/// The account at the exchange.
#[must_use]
pub fn account(exchange: &Exchange) -> Option<AccountId> {
    exchange.engine().find_account(&AccountName::from(ACCOUNT))
}

fn in_seconds(now: Timestamp, least: i64, more: u64, random: &mut SplitMix64) -> Timestamp {
    now.after(Span::from_secs(least + i64::try_from(random.below(more)).unwrap_or(0)))
}

fn choose<T: Copy>(from: &[T], random: &mut SplitMix64) -> Option<T> {
    let index = usize::try_from(random.below(from.len() as u64)).unwrap_or(0);
    from.get(index).copied()
}

impl Outsider {
    /// Somebody who also places orders under names of the bot's.
    #[must_use]
    pub fn with_bot_names(names: ClientIdSource, strategy: StrategyId) -> Outsider {
        Outsider {
            bot_names: Some((names, strategy)),
            ..Outsider::default()
        }
    }

    /// Does what a fault says. Whether it could.
    pub fn act(&mut self, fault: Fault, exchange: &mut Exchange, random: &mut SplitMix64, now: Timestamp) -> bool {
        match fault {
            Fault::SymbolHalted => {
                let status = choose(&[MarketStatus::Halt, MarketStatus::Break], random);
                status.is_some_and(|status| self.close(status, exchange, random, now))
            }
            Fault::CancelOnly => self.close(MarketStatus::CancelOnly, exchange, random, now),
            Fault::RulesChanged => self.change_rules(exchange, random, now),
            Fault::OutsideTransfer => self.transfer(exchange, random, now),
            Fault::FundsWithdrawn => self.withdraw(exchange, random, now),
            Fault::OutsideOrder => self.place(exchange, random, now),
            Fault::OutsideCancel => self.cancel(exchange, random, now),
            _ => false,
        }
    }

    /// Undoes what has lasted long enough.
    pub fn undo_if_due(&mut self, exchange: &mut Exchange, now: Timestamp) {
        if self.closed.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.open(exchange, now);
        }
        if self.shown.is_some_and(|at| at <= now) {
            self.shown = None;
            exchange.show_rules();
        }
        if let Some((asset, amount, until)) = self.withdrawn
            && until <= now
            && self.ledger_started
        {
            self.withdrawn = None;
            self.move_funds(asset, amount, exchange, now);
        }
    }

    /// Nothing more is going to happen, and what was closed is open again.
    pub fn clear_up(&mut self, exchange: &mut Exchange, now: Timestamp) {
        self.open(exchange, now);
        self.shown = None;
        exchange.show_rules();
        self.withdrawn = None;
        self.ledger_started = false;
    }

    /// Closes a symbol to new orders for some seconds.
    fn close(
        &mut self,
        status: MarketStatus,
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        self.open(exchange, now);
        let Some(symbol) = any_symbol(exchange, random) else {
            return false;
        };
        exchange.set_market_status(&symbol, status, now);
        self.closed = Some((symbol, in_seconds(now, 3, 30, random)));
        true
    }

    fn open(&mut self, exchange: &mut Exchange, now: Timestamp) {
        if let Some((symbol, _)) = self.closed.take() {
            exchange.set_market_status(&symbol, MarketStatus::Trading, now);
        }
    }

    /// Coarser ticks and lots, or finer again; another least notional. Shown some seconds later.
    fn change_rules(&mut self, exchange: &mut Exchange, random: &mut SplitMix64, now: Timestamp) -> bool {
        let Some(symbol) = any_symbol(exchange, random) else {
            return false;
        };
        let original = [MarketConfig::btcusdt(), MarketConfig::ethusdt()]
            .into_iter()
            .find(|market| market.symbol == symbol);
        let Some(original) = original else { return false };
        let tick = choose(&[1, 10, 100], random).unwrap_or(1);
        let lot = choose(&[1, 10], random).unwrap_or(1);
        let notional = choose(&[5, 20, 100], random).unwrap_or(5);
        let change = |market: &mut MarketConfig| {
            market.price.tick = original.price.tick * Decimal::from(tick);
            market.lot.step = original.lot.step * Decimal::from(lot);
            market.lot.min = market.lot.step;
            market.notional.min = Decimal::from(notional);
        };
        self.shown = Some(in_seconds(now, 1, 60, random));
        exchange.change_rules(&symbol, change, now)
    }

    fn move_funds(&mut self, asset: &str, delta: Decimal, exchange: &mut Exchange, now: Timestamp) -> bool {
        let done = exchange
            .transfer(&AccountName::from(ACCOUNT), &Asset::from(asset), delta, now)
            .is_ok();
        if done {
            *self.transferred.entry(asset.to_owned()).or_default() += delta;
        }
        done
    }

    /// Moves some funds into the account or out of it.
    fn transfer(&mut self, exchange: &mut Exchange, random: &mut SplitMix64, now: Timestamp) -> bool {
        if !self.ledger_started {
            return false;
        }
        let amounts = [("BTC", 20_000), ("USDT", 500_000_000), ("ETH", 300_000)];
        let Some((asset, largest)) = choose(&amounts, random) else {
            return false;
        };
        let mut delta = Decimal::new(1 + i64::try_from(random.below(largest)).unwrap_or(0), 6);
        if random.below(2) == 0 {
            delta = -delta;
        }
        self.move_funds(asset, delta, exchange, now)
    }

    /// Withdraws nearly all that is free of an asset, for some seconds.
    fn withdraw(&mut self, exchange: &mut Exchange, random: &mut SplitMix64, now: Timestamp) -> bool {
        if !self.ledger_started || self.withdrawn.is_some() {
            return false;
        }
        let Some(account) = account(exchange) else { return false };
        let Some(asset) = choose(&["BTC", "USDT", "ETH"], random) else {
            return false;
        };
        let free = exchange.engine().account(account).ledger.balance(&asset.into()).free;
        let amount = (free * Decimal::new(9_999, 4)).trunc_with_scale(8);
        let until = in_seconds(now, 5, 60, random);
        let done = amount > Decimal::ZERO && self.move_funds(asset, -amount, exchange, now);
        if done {
            self.withdrawn = Some((asset, amount, until));
        }
        done
    }

    /// Places an order with the account: far from the market or near it, under a name of its own or one like the bot's.
    fn place(&mut self, exchange: &mut Exchange, random: &mut SplitMix64, now: Timestamp) -> bool {
        let Some(account) = account(exchange) else { return false };
        let mut own: Vec<(u64, String, String)> = Vec::new();
        for (_, market) in exchange.engine().markets() {
            let symbol = market.settings.symbol.to_string();
            let orders = market.open_orders(account);
            let its = orders.filter(|order| self.placed.contains(order.client_id.as_str()));
            own.extend(its.map(|order| {
                (
                    order.created.micros().unsigned_abs(),
                    symbol.clone(),
                    order.client_id.to_string(),
                )
            }));
        }
        own.sort();
        if own.len() >= MOST_OPEN {
            let (_, symbol, id) = &own[0];
            return self.cancel_named(symbol, id, exchange, now);
        }
        let count = self.placed.len();
        let name = match (random.below(4), &mut self.bot_names) {
            (0, Some((names, strategy))) => names.next_id(strategy).to_string(),
            (1, _) => format!("clb0000000000000web{count:04}"),
            _ => format!("web_{count:04}"),
        };
        let Some(symbol) = any_symbol(exchange, random) else {
            return false;
        };
        let Some(id) = exchange.engine().find_market(&symbol) else {
            return false;
        };
        let market = exchange.engine().market(id);
        let Some(last) = market.last_price() else { return false };
        let quantity = (Decimal::from(60) / last).round_dp(3);
        let basis_points = choose(&[-5, 1, 5, 200, 500], random).unwrap_or(500);
        let away = Decimal::new(basis_points, 4);
        let (side, price) = match random.below(2) {
            0 => ("BUY", last * (Decimal::ONE - away)),
            _ => ("SELL", last * (Decimal::ONE + away)),
        };
        let query = format!(
            "symbol={symbol}&side={side}&type=LIMIT&timeInForce=GTC&quantity={quantity}&price={}&newClientOrderId={name}",
            price.trunc()
        );
        let done = ask(exchange, Method::Post, &query, now);
        if done {
            self.placed.insert(name);
        }
        done
    }

    /// Cancels an open order of the account, whoever placed it.
    fn cancel(&mut self, exchange: &mut Exchange, random: &mut SplitMix64, now: Timestamp) -> bool {
        let Some(account) = account(exchange) else { return false };
        let open: Vec<(String, String)> = exchange
            .engine()
            .markets()
            .flat_map(|(_, market)| {
                let symbol = market.settings.symbol.to_string();
                market
                    .open_orders(account)
                    .map(move |order| (symbol.clone(), order.client_id.to_string()))
            })
            .collect();
        let Some((symbol, id)) = open.get(usize::try_from(random.below(open.len() as u64)).unwrap_or(0)) else {
            return false;
        };
        self.cancel_named(symbol, id, exchange, now)
    }

    fn cancel_named(&mut self, symbol: &str, id: &str, exchange: &mut Exchange, now: Timestamp) -> bool {
        let query = format!("symbol={symbol}&origClientOrderId={id}");
        let done = ask(exchange, Method::Delete, &query, now);
        if done {
            self.cancelled.insert(id.to_owned());
        }
        done
    }
}

fn any_symbol(exchange: &Exchange, random: &mut SplitMix64) -> Option<Symbol> {
    let count = exchange.engine().markets().count() as u64;
    let index = usize::try_from(random.below(count)).unwrap_or(0);
    let market = exchange.engine().markets().nth(index);
    market.map(|(_, market)| market.settings.symbol.clone())
}

/// A signed request about an order, from another address. Whether it was done.
fn ask(exchange: &mut Exchange, method: Method, query: &str, now: Timestamp) -> bool {
    let query = format!("{query}&timestamp={}", now.millis());
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, DEMO_SECRET.as_bytes());
    let signature: String = ring::hmac::sign(&key, query.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let request = HttpRequest {
        method,
        path: "/api/v3/order".to_owned(),
        query: format!("{query}&signature={signature}"),
        headers: vec![("X-MBX-APIKEY".to_owned(), DEMO_API_KEY.to_owned())],
        body: String::new(),
        peer: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    };
    exchange.http(&request, now).status == 200
}
