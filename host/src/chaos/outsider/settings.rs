//! Settings of the account that somebody else changes, and a while later sets as they were.

use colibri_model::{Decimal, SplitMix64};
use colibri_sim::identity::{AccountId, MarketId, Symbol};
use colibri_sim::margin::{ContractSettings, MarginKind, PositionMode, PositionSide};
use colibri_sim::matching::Engine;
use colibri_sim::time::Timestamp;
use colibri_sim::usdm::{AlgoStatus, Exchange};

use super::contracts::ORDER;
use super::{Outsider, account, choose, in_seconds};

/// A setting that was changed, and how it was before.
#[derive(Debug, Clone)]
enum Changed {
    Leverage(Symbol, u32),
    MarginKind(Symbol, MarginKind),
    PositionMode(PositionMode),
}

/// How an account is set at the exchange: its mode of positions, and each contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSettings {
    /// One position a contract, or two.
    pub position_mode: PositionMode,
    /// Each contract's leverage and margin.
    pub contracts: Vec<ContractSettings>,
}

impl AccountSettings {
    /// How an account is set now.
    #[must_use]
    pub fn of(engine: &Engine, account: AccountId) -> AccountSettings {
        let margin = &engine.account(account).margin;
        AccountSettings {
            position_mode: margin.position_mode,
            contracts: engine.markets().map(|(id, _)| margin.settings(id)).collect(),
        }
    }
}

/// A change of a setting from outside that has not been taken back.
#[derive(Debug, Clone)]
pub struct SettingChange {
    /// Which of them all: two may follow one another within a moment.
    pub number: u64,
    /// How the account was set right after it.
    pub left: AccountSettings,
    changed: Changed,
    until: Timestamp,
}

impl Outsider {
    /// The setting that is changed from outside at this moment.
    #[must_use]
    pub const fn changed_setting(&self) -> Option<&SettingChange> {
        self.in_contracts.changed.as_ref()
    }

    /// Notes what was changed just now, and until when.
    fn note_change(&mut self, changed: Changed, until: Timestamp, (exchange, account): (&Exchange, AccountId)) {
        self.in_contracts.changes += 1;
        self.in_contracts.changed = Some(SettingChange {
            number: self.in_contracts.changes,
            left: AccountSettings::of(exchange.engine(), account),
            changed,
            until,
        });
    }

    pub(super) fn change_leverage(
        &mut self,
        symbol: &Symbol,
        (account, market): (AccountId, MarketId),
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        let before = exchange.engine().account(account).margin.settings(market).leverage;
        let leverage = choose(&[8, 20, 75], random).unwrap_or(20);
        if self.in_contracts.changed.is_some() {
            return false;
        }
        let done = set_leverage(symbol, leverage, exchange, now);
        if done {
            let until = in_seconds(now, 10, 30, random);
            self.note_change(Changed::Leverage(symbol.clone(), before), until, (exchange, account));
        }
        done
    }

    /// Ends what stands in the way, and changes the mode of positions or of their margin.
    pub(super) fn change_modes(
        &mut self,
        symbol: &Symbol,
        (account, market): (AccountId, MarketId),
        exchange: &mut Exchange,
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        if self.in_contracts.changed.is_some() {
            return false;
        }
        self.empty(account, exchange, now);
        let margin = &exchange.engine().account(account).margin;
        let (mode, kind) = (margin.position_mode, margin.settings(market).margin);
        let until = in_seconds(now, 10, 30, random);
        let (before, done) = if random.below(2) == 0 {
            let other = match mode {
                PositionMode::OneWay => PositionMode::Hedge,
                PositionMode::Hedge => PositionMode::OneWay,
            };
            (Changed::PositionMode(mode), set_position_mode(other, exchange, now))
        } else {
            let other = match kind {
                MarginKind::Cross => MarginKind::Isolated,
                MarginKind::Isolated => MarginKind::Cross,
            };
            let before = Changed::MarginKind(symbol.clone(), kind);
            (before, set_margin_kind(symbol, other, exchange, now))
        };
        if done {
            self.note_change(before, until, (exchange, account));
        }
        done
    }

    /// Takes back a change that has lasted long enough.
    pub(super) fn change_back_if_due(&mut self, exchange: &mut Exchange, now: Timestamp) {
        if self.changed_setting().is_some_and(|change| change.until <= now) {
            self.change_back(exchange, now);
        }
    }

    pub(super) fn change_back(&mut self, exchange: &mut Exchange, now: Timestamp) {
        let Some(SettingChange { changed, .. }) = self.in_contracts.changed.take() else {
            return;
        };
        if let (Changed::MarginKind(..) | Changed::PositionMode(_), Some(account)) =
            (&changed, account(exchange.engine()))
        {
            self.empty(account, exchange, now);
        }
        match changed {
            // A lower one is refused while an isolated position is held.
            Changed::Leverage(symbol, before) => {
                set_leverage(&symbol, before, exchange, now) || {
                    if let Some(account) = account(exchange.engine()) {
                        self.empty(account, exchange, now);
                    }
                    set_leverage(&symbol, before, exchange, now)
                }
            }
            Changed::MarginKind(symbol, before) => set_margin_kind(&symbol, before, exchange, now),
            Changed::PositionMode(before) => set_position_mode(before, exchange, now),
        };
    }

    /// Cancels every order and trigger, and closes every position.
    fn empty(&mut self, account: AccountId, exchange: &mut Exchange, now: Timestamp) {
        let markets = exchange.engine().markets();
        let symbols: Vec<String> = markets.map(|(_, market)| market.settings.symbol.to_string()).collect();
        for (_, market) in exchange.engine().markets() {
            let open = market.open_orders(account).map(|order| order.client_id.to_string());
            self.cancelled.extend(open);
        }
        let waiting = exchange
            .triggers_of(account)
            .filter(|trigger| trigger.status == AlgoStatus::New);
        self.cancelled
            .extend(waiting.map(|trigger| trigger.client_id.to_string()));
        for symbol in &symbols {
            let of = format!("symbol={symbol}");
            Self::delete(exchange, "/fapi/v1/allOpenOrders", &of, now);
            Self::delete(exchange, "/fapi/v1/algoOpenOrders", &of, now);
        }
        self.end_coarse_lots(exchange, now);
        let margin = &exchange.engine().account(account).margin;
        let open = margin.open_positions();
        let open: Vec<_> = open.map(|(market, side, held)| (market, side, held.amount)).collect();
        for (market, side, amount) in open {
            let name = format!("web_{:04}", self.placed.len());
            let symbol = &symbols[market.0];
            let words = match side {
                PositionSide::Both => "&reduceOnly=true".to_owned(),
                side => format!("&positionSide={}", side.as_str()),
            };
            let closing = if amount > Decimal::ZERO { "SELL" } else { "BUY" };
            let query = format!(
                "symbol={symbol}&side={closing}{words}&type=MARKET&quantity={}&newClientOrderId={name}",
                amount.abs()
            );
            if Self::post(exchange, ORDER, &query, now) {
                self.placed.insert(name);
            }
        }
    }
}

fn set_leverage(symbol: &Symbol, leverage: u32, exchange: &mut Exchange, now: Timestamp) -> bool {
    let query = format!("symbol={symbol}&leverage={leverage}");
    Outsider::post(exchange, "/fapi/v1/leverage", &query, now)
}

fn set_margin_kind(symbol: &Symbol, kind: MarginKind, exchange: &mut Exchange, now: Timestamp) -> bool {
    let word = match kind {
        MarginKind::Cross => "CROSSED",
        MarginKind::Isolated => "ISOLATED",
    };
    let query = format!("symbol={symbol}&marginType={word}");
    Outsider::post(exchange, "/fapi/v1/marginType", &query, now)
}

fn set_position_mode(mode: PositionMode, exchange: &mut Exchange, now: Timestamp) -> bool {
    let query = format!("dualSidePosition={}", mode == PositionMode::Hedge);
    Outsider::post(exchange, "/fapi/v1/positionSide/dual", &query, now)
}
