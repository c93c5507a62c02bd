//! Somebody else at the exchange: an operator who halts a symbol, a person who moves funds of the account or cancels its
//! orders through another door.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use colibri_model::{Decimal, SplitMix64};
use colibri_sim::binance::{Exchange, HttpRequest, Method};
use colibri_sim::config::{DEMO_API_KEY, DEMO_SECRET, MarketStatus};
use colibri_sim::identity::{AccountId, AccountName, Asset, Symbol};
use colibri_sim::time::{Span, Timestamp};

/// The account's name at the exchange.
pub const ACCOUNT: &str = "demo";

/// What somebody else has done.
#[derive(Debug, Default)]
pub struct Outsider {
    /// Funds that came from outside since the host's ledger started, by asset; negative where they left.
    pub transferred: BTreeMap<String, Decimal>,
    /// Whether the host's ledger has started: nothing is moved before, because it would not be known which side it is on.
    pub ledger_started: bool,
    halted: Option<(Symbol, Timestamp)>,
}

/// The account at the exchange.
#[must_use]
pub fn account(exchange: &Exchange) -> Option<AccountId> {
    exchange.engine().find_account(&AccountName::from(ACCOUNT))
}

impl Outsider {
    /// Nothing more is going to happen.
    pub fn clear(&mut self) {
        self.ledger_started = false;
    }

    /// Halts a symbol for some seconds. Whether it did.
    pub fn halt(&mut self, exchange: &mut Exchange, random: &mut SplitMix64, now: Timestamp) -> bool {
        self.resume(exchange, now);
        let count = exchange.engine().markets().count() as u64;
        let index = usize::try_from(random.below(count)).unwrap_or(0);
        let Some(symbol) = exchange
            .engine()
            .markets()
            .nth(index)
            .map(|(_, m)| m.settings.symbol.clone())
        else {
            return false;
        };
        let status = if random.below(2) == 0 {
            MarketStatus::Halt
        } else {
            MarketStatus::Break
        };
        exchange.set_market_status(&symbol, status, now);
        let seconds = 3 + i64::try_from(random.below(30)).unwrap_or(0);
        self.halted = Some((symbol, now.after(Span::from_secs(seconds))));
        true
    }

    /// The halted symbol trades again once its time is over.
    pub fn resume_if_due(&mut self, exchange: &mut Exchange, now: Timestamp) {
        if self.halted.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.resume(exchange, now);
        }
    }

    /// The halted symbol trades again.
    pub fn resume(&mut self, exchange: &mut Exchange, now: Timestamp) {
        if let Some((symbol, _)) = self.halted.take() {
            exchange.set_market_status(&symbol, MarketStatus::Trading, now);
        }
    }

    /// Moves some funds into the account or out of it. Whether it did.
    pub fn transfer(&mut self, exchange: &mut Exchange, random: &mut SplitMix64, now: Timestamp) -> bool {
        if !self.ledger_started {
            return false;
        }
        let (asset, largest) =
            [("BTC", 20_000), ("USDT", 500_000_000), ("ETH", 300_000)][usize::try_from(random.below(3)).unwrap_or(0)];
        let mut delta = Decimal::new(1 + i64::try_from(random.below(largest)).unwrap_or(0), 6);
        if random.below(2) == 0 {
            delta = -delta;
        }
        let done = exchange
            .transfer(&AccountName::from(ACCOUNT), &Asset::from(asset), delta, now)
            .is_ok();
        if done {
            *self.transferred.entry(asset.to_owned()).or_default() += delta;
        }
        done
    }

    /// Cancels an open order of the account. Whether there was one.
    pub fn cancel(&mut self, exchange: &mut Exchange, random: &mut SplitMix64, now: Timestamp) -> bool {
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
        let query = format!("symbol={symbol}&origClientOrderId={id}&timestamp={}", now.millis());
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, DEMO_SECRET.as_bytes());
        let signature: String = ring::hmac::sign(&key, query.as_bytes())
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let request = HttpRequest {
            method: Method::Delete,
            path: "/api/v3/order".to_owned(),
            query: format!("{query}&signature={signature}"),
            headers: vec![("X-MBX-APIKEY".to_owned(), DEMO_API_KEY.to_owned())],
            body: String::new(),
            peer: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        };
        exchange.http(&request, now).status == 200
    }
}
