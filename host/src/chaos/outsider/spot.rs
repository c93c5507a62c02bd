//! What somebody else does in spot.

use colibri_model::{Decimal, SplitMix64};
use colibri_sim::binance::{Exchange, Method};
use colibri_sim::config::{MarketConfig, MarketStatus};
use colibri_sim::identity::{AccountName, Asset, Symbol};
use colibri_sim::time::Timestamp;

use super::{ACCOUNT, MOST_OPEN, Outsider, account, ask, choose, in_seconds};
use crate::chaos::fault::Fault;
use crate::chaos::stage::Face;

/// Where its orders go.
const ORDER: &str = "/api/v3/order";

impl Outsider {
    /// Does what a fault says, in spot. Whether it could.
    pub(super) fn act_in_spot(
        &mut self,
        fault: Fault,
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
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
    pub(super) fn undo_in_spot(&mut self, exchange: &mut Exchange, now: Timestamp) {
        if self.closed.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.open(exchange, now);
        }
        if self.shown.is_some_and(|at| at <= now) {
            self.shown = None;
            exchange.show_rules();
        }
        if let Some((asset, amount, until)) = self.withdrawn
            && until <= now
            && self.ready.contains(&Face::Spot)
        {
            self.withdrawn = None;
            self.move_funds(asset, amount, exchange, now);
        }
    }

    /// Nothing more is going to happen, and what was closed is open again.
    pub(super) fn clear_up_spot(&mut self, exchange: &mut Exchange, now: Timestamp) {
        self.open(exchange, now);
        self.shown = None;
        exchange.show_rules();
        self.withdrawn = None;
    }

    /// Cancels its orders near the market.
    pub(super) fn leave_spot(&mut self, exchange: &mut Exchange, now: Timestamp) {
        for (symbol, id) in self.near_the_market(exchange.engine()) {
            self.cancel_named(&symbol, &id, exchange, now);
        }
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
        if !self.ready.contains(&Face::Spot) {
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
        if !self.ready.contains(&Face::Spot) || self.withdrawn.is_some() {
            return false;
        }
        let Some(account) = account(exchange.engine()) else {
            return false;
        };
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
        let Some(account) = account(exchange.engine()) else {
            return false;
        };
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
        let name = self.new_name(Face::Spot, random);
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
        let done = exchange.http(&ask(Method::Post, ORDER, &query, now), now).status == 200;
        if done {
            self.placed.insert(name);
        }
        done
    }

    /// Cancels an open order of the account, whoever placed it.
    fn cancel(&mut self, exchange: &mut Exchange, random: &mut SplitMix64, now: Timestamp) -> bool {
        let Some(account) = account(exchange.engine()) else {
            return false;
        };
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
        let done = exchange.http(&ask(Method::Delete, ORDER, &query, now), now).status == 200;
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
