//! What somebody else does with contracts: trades, orders and triggers of their own, settings, margin; and what the market does
//! to everybody: gaps of the price, deleveraging, halts.

use colibri_model::{Decimal, SplitMix64};
use colibri_sim::binance::Method;
use colibri_sim::config::MarketStatus;
use colibri_sim::identity::{AccountId, MarketId, Symbol};
use colibri_sim::margin::PositionMode;
use colibri_sim::time::{Span, Timestamp};
use colibri_sim::usdm::{AlgoStatus, Exchange};

use super::settings::SettingChange;
use super::{MOST_OPEN, Outsider, account, ask, choose, in_seconds};
use crate::chaos::fault::Fault;
use crate::chaos::stage::Face;

pub(super) const ORDER: &str = "/fapi/v1/order";
const TRIGGER: &str = "/fapi/v1/algoOrder";
/// A wallet that a shock has left with less than this, in USDT, is filled up to what it began with.
const LEAST_WALLET: i64 = 300;

/// A price that jumped.
#[derive(Debug, Clone)]
struct Shock {
    symbol: Symbol,
    price: Decimal,
    /// When the mark follows the book, where it has not yet.
    pinned: Option<Timestamp>,
    /// When it moves by itself again.
    until: Timestamp,
}

/// What it has done there and is going to undo.
#[derive(Debug, Default)]
pub struct InContracts {
    closed: Option<(Symbol, Timestamp)>,
    shock: Option<Shock>,
    pub(super) changed: Option<SettingChange>,
    /// How many settings have been changed.
    pub(super) changes: u64,
    withdrawn: Option<(Decimal, Timestamp)>,
    /// When the rules that changed are shown.
    pub(super) shown: Option<Timestamp>,
}

impl Outsider {
    /// Does what a fault says, to contracts. Whether it could.
    pub(super) fn act_in_contracts(
        &mut self,
        fault: Fault,
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        let Some(account) = account(exchange.engine()) else {
            return false;
        };
        let Some((market, symbol)) = any_contract(exchange, random) else {
            return false;
        };
        match fault {
            Fault::SymbolHalted => self.close_contract(symbol, MarketStatus::Halt, exchange, random, now),
            Fault::CancelOnly => self.close_contract(symbol, MarketStatus::CancelOnly, exchange, random, now),
            Fault::RulesChanged => self.change_contract_rules(&symbol, exchange, random, now),
            Fault::OutsideTransfer => {
                let amount = Decimal::new(1 + i64::try_from(random.below(20_000)).unwrap_or(0), 2);
                let delta = choose(&[amount, -amount], random).unwrap_or(amount);
                exchange.transfer(account, delta, now).is_ok()
            }
            Fault::FundsWithdrawn => self.withdraw_margin(account, exchange, random, now),
            Fault::OutsideOrder if random.below(4) == 0 => self.place_trigger(&symbol, market, exchange, random, now),
            Fault::OutsideOrder => self.place_order(&symbol, market, exchange, random, now),
            Fault::OutsideCancel => self.cancel_order(account, exchange, random, now),
            Fault::OutsideTrade => self.trade(&symbol, market, exchange, random, now),
            Fault::TriggerCancelled => self.cancel_trigger(account, exchange, random, now),
            Fault::PriceShock => self.shock(&symbol, (account, market), exchange, random, now),
            Fault::Deleveraged => deleverage(account, exchange, random, now),
            Fault::LeverageChanged => self.change_leverage(&symbol, (account, market), exchange, random, now),
            Fault::ModesChanged => self.change_modes(&symbol, (account, market), exchange, random, now),
            Fault::ListenKeyExpired => exchange.expire_listen_key(account, now),
            _ => false,
        }
    }

    /// Undoes what has lasted long enough.
    pub(super) fn undo_in_contracts(&mut self, exchange: &mut Exchange, now: Timestamp) {
        if self
            .in_contracts
            .closed
            .as_ref()
            .is_some_and(|(_, until)| *until <= now)
        {
            self.open_contract(exchange, now);
        }
        if let Some(shock) = &mut self.in_contracts.shock {
            if shock.pinned.is_some_and(|at| at <= now) {
                shock.pinned = None;
                exchange.pin_mark(&shock.symbol, Some(shock.price), now);
            }
            if shock.until <= now {
                self.end_shock(exchange, now);
            }
        }
        self.change_back_if_due(exchange, now);
        self.show_contract_rules_if_due(exchange, now);
        if self
            .in_contracts
            .withdrawn
            .as_ref()
            .is_some_and(|(_, until)| *until <= now)
        {
            self.bring_back(exchange, now);
        }
    }

    /// Nothing more is going to happen, and everything is as it was.
    pub(super) fn clear_up_contracts(&mut self, exchange: &mut Exchange, now: Timestamp) {
        self.open_contract(exchange, now);
        self.end_shock(exchange, now);
        self.change_back(exchange, now);
        self.bring_back(exchange, now);
        self.in_contracts.shown = None;
        exchange.show_rules();
    }

    fn close_contract(
        &mut self,
        symbol: Symbol,
        status: MarketStatus,
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        self.open_contract(exchange, now);
        exchange.set_market_status(&symbol, status, now);
        self.in_contracts.closed = Some((symbol, in_seconds(now, 3, 30, random)));
        true
    }

    fn open_contract(&mut self, exchange: &mut Exchange, now: Timestamp) {
        if let Some((symbol, _)) = self.in_contracts.closed.take() {
            exchange.set_market_status(&symbol, MarketStatus::Trading, now);
        }
    }

    /// Withdraws nearly all that may be, for some seconds.
    fn withdraw_margin(
        &mut self,
        account: AccountId,
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        let free = exchange.engine().figures(account).withdrawable();
        let amount = (free * Decimal::new(95, 2)).trunc_with_scale(2);
        if self.in_contracts.withdrawn.is_some() || amount <= Decimal::ZERO {
            return false;
        }
        let done = exchange.transfer(account, -amount, now).is_ok();
        if done {
            self.in_contracts.withdrawn = Some((amount, in_seconds(now, 5, 60, random)));
        }
        done
    }

    fn bring_back(&mut self, exchange: &mut Exchange, now: Timestamp) {
        if let Some((amount, _)) = self.in_contracts.withdrawn.take()
            && let Some(account) = account(exchange.engine())
        {
            // A deposit is always taken.
            let _ = exchange.transfer(account, amount, now);
        }
    }

    /// A side, and the words that name its position in the mode that is set.
    fn side(exchange: &Exchange, random: &mut SplitMix64) -> (&'static str, &'static str) {
        let side = choose(&["BUY", "SELL"], random).unwrap_or("BUY");
        let mode = account(exchange.engine()).map(|account| exchange.engine().account(account).margin.position_mode);
        let position = match mode {
            Some(PositionMode::Hedge) => choose(&["&positionSide=LONG", "&positionSide=SHORT"], random),
            _ => None,
        };
        (side, position.unwrap_or_default())
    }

    pub(super) fn post(exchange: &mut Exchange, path: &str, query: &str, now: Timestamp) -> bool {
        exchange.http(&ask(Method::Post, path, query, now), now).status == 200
    }

    pub(super) fn delete(exchange: &mut Exchange, path: &str, query: &str, now: Timestamp) -> bool {
        exchange.http(&ask(Method::Delete, path, query, now), now).status == 200
    }

    /// Places an order, far from the market or near it; where several of its own are open, cancels the oldest.
    fn place_order(
        &mut self,
        symbol: &Symbol,
        market: MarketId,
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        if let Some((symbol, id)) = self.oldest_of_many(exchange) {
            return self.cancel_contract_order(&symbol, &id, exchange, now);
        }
        let Some(last) = exchange.engine().market(market).last_price() else {
            return false;
        };
        let name = self.new_name(Face::Contracts, random);
        let (side, position) = Self::side(exchange, random);
        let away = Decimal::new(choose(&[-5, 1, 5, 100, 300], random).unwrap_or(300), 4);
        let price = match side {
            "BUY" => last * (Decimal::ONE - away),
            _ => last * (Decimal::ONE + away),
        };
        let quantity = (Decimal::from(120) / last).round_dp(3);
        let query = format!(
            "symbol={symbol}&side={side}{position}&type=LIMIT&timeInForce=GTC&quantity={quantity}&price={}&newClientOrderId={name}",
            price.trunc()
        );
        let done = Self::post(exchange, ORDER, &query, now);
        if done {
            self.placed.insert(name);
        }
        done
    }

    fn oldest_of_many(&self, exchange: &Exchange) -> Option<(String, String)> {
        let engine = exchange.engine();
        let account = account(engine)?;
        let open = engine.markets().flat_map(|(_, market)| {
            let symbol = market.settings.symbol.to_string();
            market
                .open_orders(account)
                .map(move |order| (order.created, symbol.clone(), order.client_id.to_string()))
        });
        let mut own: Vec<_> = open.filter(|(_, _, id)| self.placed.contains(id)).collect();
        own.sort();
        let many = own.len() >= MOST_OPEN;
        own.into_iter()
            .next()
            .filter(|_| many)
            .map(|(_, symbol, id)| (symbol, id))
    }

    fn cancel_contract_order(&mut self, symbol: &str, id: &str, exchange: &mut Exchange, now: Timestamp) -> bool {
        let query = format!("symbol={symbol}&origClientOrderId={id}");
        let done = Self::delete(exchange, ORDER, &query, now);
        if done {
            self.cancelled.insert(id.to_owned());
        }
        done
    }

    /// Cancels its orders near the market, and its triggers.
    pub(super) fn leave_contracts(&mut self, exchange: &mut Exchange, now: Timestamp) {
        for (symbol, id) in self.near_the_market(exchange.engine()) {
            self.cancel_contract_order(&symbol, &id, exchange, now);
        }
        let Some(account) = account(exchange.engine()) else {
            return;
        };
        let waiting = exchange
            .triggers_of(account)
            .filter(|trigger| trigger.status == AlgoStatus::New);
        let own: Vec<(u64, String)> = waiting
            .map(|trigger| (trigger.id, trigger.client_id.to_string()))
            .filter(|(_, name)| self.placed.contains(name))
            .collect();
        for (id, name) in own {
            if Self::delete(exchange, TRIGGER, &format!("algoId={id}"), now) {
                self.cancelled.insert(name);
            }
        }
    }

    /// Cancels an open order of the account, whoever placed it.
    fn cancel_order(
        &mut self,
        account: AccountId,
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        let engine = exchange.engine();
        let open = engine.markets().flat_map(|(_, market)| {
            let symbol = market.settings.symbol.to_string();
            market
                .open_orders(account)
                .map(move |order| (symbol.clone(), order.client_id.to_string()))
        });
        let open: Vec<(String, String)> = open.collect();
        let Some((symbol, id)) = open.get(usize::try_from(random.below(open.len() as u64)).unwrap_or(0)) else {
            return false;
        };
        self.cancel_contract_order(symbol, id, exchange, now)
    }

    /// Trades at once.
    fn trade(
        &mut self,
        symbol: &Symbol,
        market: MarketId,
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        let Some(last) = exchange.engine().market(market).last_price() else {
            return false;
        };
        let name = format!("web_{:04}", self.placed.len());
        let (side, position) = Self::side(exchange, random);
        let value = choose(&[60, 300, 1_500], random).unwrap_or(60);
        let quantity = (Decimal::from(value) / last).round_dp(3);
        let query =
            format!("symbol={symbol}&side={side}{position}&type=MARKET&quantity={quantity}&newClientOrderId={name}");
        let done = Self::post(exchange, ORDER, &query, now);
        if done {
            self.placed.insert(name);
        }
        done
    }

    /// Places a trigger that closes half a percent away.
    fn place_trigger(
        &mut self,
        symbol: &Symbol,
        market: MarketId,
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        let Some(last) = exchange.engine().market(market).last_price() else {
            return false;
        };
        let name = format!("web_{:04}", self.placed.len());
        let (side, position) = Self::side(exchange, random);
        let price = match side {
            "BUY" => last * Decimal::new(1_005, 3),
            _ => last * Decimal::new(995, 3),
        };
        let query = format!(
            "algoType=CONDITIONAL&symbol={symbol}&side={side}{position}&type=STOP_MARKET&quantity={}&triggerPrice={}&clientAlgoId={name}",
            (Decimal::from(120) / last).round_dp(3),
            price.trunc()
        );
        let done = Self::post(exchange, TRIGGER, &query, now);
        if done {
            self.placed.insert(name);
        }
        done
    }

    /// Cancels a trigger of the account that waits, whoever placed it.
    fn cancel_trigger(
        &mut self,
        account: AccountId,
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        let waiting: Vec<(u64, String)> = exchange
            .triggers_of(account)
            .filter(|trigger| trigger.status == AlgoStatus::New)
            .map(|trigger| (trigger.id, trigger.client_id.to_string()))
            .collect();
        let Some((id, name)) = waiting.get(usize::try_from(random.below(waiting.len() as u64)).unwrap_or(0)) else {
            return false;
        };
        let done = Self::delete(exchange, TRIGGER, &format!("algoId={id}"), now);
        if done {
            self.cancelled.insert(name.clone());
        }
        done
    }

    /// The price jumps, mostly against the position that is held, and its mark with it.
    fn shock(
        &mut self,
        symbol: &Symbol,
        (account, market): (AccountId, MarketId),
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        if self.in_contracts.shock.is_some() {
            return false;
        }
        let engine = exchange.engine();
        let Some(last) = engine.market(market).last_price() else {
            return false;
        };
        let open = engine.account(account).margin.open_positions();
        let held: Decimal = open
            .filter(|(other, ..)| *other == market)
            .map(|(.., p)| p.amount)
            .sum();
        let falls = match random.below(3) {
            0 => random.below(2) == 0,
            _ => held > Decimal::ZERO,
        };
        let size = Decimal::new(choose(&[1, 3, 9], random).unwrap_or(1), 2);
        let factor = if falls {
            Decimal::ONE - size
        } else {
            Decimal::ONE + size
        };
        let price = (last * factor).round_dp(1);
        exchange.jump(symbol, price, now);
        self.in_contracts.shock = Some(Shock {
            symbol: symbol.clone(),
            price,
            pinned: Some(now.after(Span::from_millis(500))),
            until: in_seconds(now, 3, 12, random),
        });
        true
    }

    /// The mark moves by itself again; who has lost all of the margin puts in some more.
    fn end_shock(&mut self, exchange: &mut Exchange, now: Timestamp) {
        let Some(shock) = self.in_contracts.shock.take() else {
            return;
        };
        exchange.pin_mark(&shock.symbol, None, now);
        let Some(account) = account(exchange.engine()) else {
            return;
        };
        let margin = &exchange.engine().account(account).margin;
        let first = margin.income().first().map(|entry| entry.amount).unwrap_or_default();
        let missing = first - margin.wallet();
        if margin.wallet() < Decimal::from(LEAST_WALLET) && missing > Decimal::ZERO {
            // A deposit is always taken.
            let _ = exchange.transfer(account, missing, now);
        }
    }
}

/// Half of a position, or all of it, answers for somebody else's liquidation.
fn deleverage(account: AccountId, exchange: &mut Exchange, random: &mut SplitMix64, now: Timestamp) -> bool {
    let open = exchange.engine().account(account).margin.open_positions();
    let open: Vec<_> = open
        .map(|(market, side, held)| (market, side, held.amount.abs()))
        .collect();
    let Some((market, side, held)) = choose(&open, random) else {
        return false;
    };
    let settings = &exchange.engine().market(market).settings;
    let (symbol, lot) = (settings.symbol.clone(), settings.lot);
    let half = (held / Decimal::TWO / lot).trunc() * lot;
    let quantity = choose(&[held, half], random).filter(|quantity| !quantity.is_zero());
    exchange.deleverage(account, &symbol, side, quantity.unwrap_or(held), now)
}

fn any_contract(exchange: &Exchange, random: &mut SplitMix64) -> Option<(MarketId, Symbol)> {
    let contracts: Vec<_> = exchange
        .engine()
        .markets()
        .map(|(id, market)| (id, market.settings.symbol.clone()))
        .collect();
    let index = usize::try_from(random.below(contracts.len() as u64)).unwrap_or(0);
    contracts.into_iter().nth(index)
}
