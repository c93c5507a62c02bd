//! Somebody else at the exchange: an operator who halts a symbol or changes its rules, a person who moves funds of the
//! account, places orders with it, changes its settings or cancels ours through another door.

mod contracts;
mod rules;
mod settings;
mod spot;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use colibri_engine::orders::ClientIdSource;
use colibri_model::{Decimal, SplitMix64};
use colibri_sim::binance::{HttpRequest, Method};
use colibri_sim::config::{DEMO_API_KEY, DEMO_SECRET};
use colibri_sim::identity::{AccountId, AccountName, Symbol};
use colibri_sim::matching::Engine;
use colibri_sim::time::{Span, Timestamp};
use colibri_sim::venue::Venue;

use self::contracts::InContracts;
pub use self::settings::AccountSettings;
use super::blueprint::strategy_at;
use super::fault::Fault;
use super::stage::{Face, Stage};

/// The account's name at the exchange.
pub const ACCOUNT: &str = "demo";
/// What is so far from the market, as a part of the price, is not reached within seconds.
const NEAR: Decimal = Decimal::from_parts(1, 0, 0, false, 2);
/// Orders of its own that it keeps open; beyond, it cancels the oldest.
const MOST_OPEN: usize = 4;

/// What somebody else has done.
#[derive(Debug, Default)]
pub struct Outsider {
    /// Funds that came to spot from outside since the host's ledger started, by asset; negative where they left.
    pub transferred: BTreeMap<String, Decimal>,
    /// Faces at which the host's ledger has started: nothing is moved before, because it would not be known which side it is on.
    pub ready: BTreeSet<Face>,
    /// Names of the orders that it placed.
    pub placed: BTreeSet<String>,
    /// Names of orders, its own or the bot's, that it cancelled.
    pub cancelled: BTreeSet<String>,
    /// Names as another run of the same bot makes them, whose journal is lost: orders that the bot adopts.
    bot_names: Option<(ClientIdSource, Stage)>,
    in_contracts: InContracts,
    closed: Option<(Symbol, Timestamp)>,
    /// When the rules that changed are shown.
    shown: Option<Timestamp>,
    /// What was withdrawn and when it comes back.
    withdrawn: Option<(&'static str, Decimal, Timestamp)>,
}

/// The account at the exchange.
#[must_use]
pub fn account(engine: &Engine) -> Option<AccountId> {
    engine.find_account(&AccountName::from(ACCOUNT))
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
    pub fn with_bot_names(names: ClientIdSource, stage: Stage) -> Outsider {
        Outsider {
            bot_names: Some((names, stage)),
            ..Outsider::default()
        }
    }

    /// Does what a fault says, at a face where it can happen. Whether it could.
    pub fn act(
        &mut self,
        fault: Fault,
        (venue, stage): (&mut Venue, Stage),
        random: &mut SplitMix64,
        now: Timestamp,
    ) -> bool {
        let possible: Vec<Face> = stage
            .faces()
            .iter()
            .copied()
            .filter(|face| fault.is_of(*face))
            .collect();
        let face = match possible[..] {
            [sole] => Some(sole),
            _ => choose(&possible, random),
        };
        match face {
            None => false,
            Some(Face::Spot) => self.act_in_spot(fault, venue.spot(), random, now),
            Some(Face::Contracts) => {
                let contracts = venue.contracts();
                contracts.is_some_and(|exchange| self.act_in_contracts(fault, exchange, random, now))
            }
        }
    }

    /// Undoes what has lasted long enough.
    pub fn undo_if_due(&mut self, venue: &mut Venue, now: Timestamp) {
        self.undo_in_spot(venue.spot(), now);
        if let Some(exchange) = venue.contracts() {
            self.undo_in_contracts(exchange, now);
        }
    }

    /// Nothing more is going to happen, and what was closed is open again.
    pub fn clear_up(&mut self, venue: &mut Venue, now: Timestamp) {
        self.clear_up_spot(venue.spot(), now);
        if let Some(exchange) = venue.contracts() {
            self.clear_up_contracts(exchange, now);
        }
        self.ready.clear();
    }

    /// Cancels what may trade at any moment: what trades while a stopping bot's last question is answered is told after its
    /// proof, and a bot that has stopped hears nothing.
    pub fn leave_the_market(&mut self, venue: &mut Venue, now: Timestamp) {
        self.leave_spot(venue.spot(), now);
        if let Some(exchange) = venue.contracts() {
            self.leave_contracts(exchange, now);
        }
    }

    /// Its open orders near the market, by symbol and name.
    fn near_the_market(&self, engine: &Engine) -> Vec<(String, String)> {
        let Some(account) = account(engine) else {
            return Vec::new();
        };
        let near = engine.markets().flat_map(|(_, market)| {
            let symbol = market.settings.symbol.to_string();
            let open = market.open_orders(account).filter(move |order| {
                let last = market.last_price().unwrap_or(order.price);
                (order.price - last).abs() < last * NEAR
            });
            open.map(move |order| (symbol.clone(), order.client_id.to_string()))
        });
        near.filter(|(_, id)| self.placed.contains(id)).collect()
    }

    /// A name for an order: one of its own, one like another bot's, or one as this bot makes them.
    fn new_name(&mut self, face: Face, random: &mut SplitMix64) -> String {
        let count = self.placed.len();
        match (random.below(4), &mut self.bot_names) {
            (0, Some((names, stage))) => names.next_id(&strategy_at(*stage, face)).to_string(),
            (1, _) => format!("clb0000000000000web{count:04}"),
            _ => format!("web_{count:04}"),
        }
    }
}

/// A signed request, from another address.
fn ask(method: Method, path: &str, query: &str, now: Timestamp) -> HttpRequest {
    let query = format!("{query}&timestamp={}", now.millis());
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, DEMO_SECRET.as_bytes());
    let signature: String = ring::hmac::sign(&key, query.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    HttpRequest {
        method,
        path: path.to_owned(),
        query: format!("{query}&signature={signature}"),
        headers: vec![("X-MBX-APIKEY".to_owned(), DEMO_API_KEY.to_owned())],
        body: String::new(),
        peer: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    }
}
