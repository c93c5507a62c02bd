//! One exchange with both of its faces: spot and contracts under one clock and one address, each with its own wallets, its own
//! limits and its own connections.

use std::net::IpAddr;

use rust_decimal::Decimal;

use crate::binance;
use crate::config::{ConfigError, SimConfig};
use crate::flow::Recording;
use crate::identity::{AccountName, Asset, ConnectionId, MarketId, Symbol};
use crate::matching::Side;
use crate::time::{Span, Timestamp};
use crate::usdm;
use crate::wire::transport::{HttpRequest, HttpResponse, Outgoing, SocketPath};

/// How often a spot market says what the index of its contract is.
const LEAD_EVERY: Span = Span::from_millis(500);

/// A whole exchange, driven from outside as each of its faces is.
pub struct Venue {
    spot: binance::Exchange,
    contracts: Option<usdm::Exchange>,
    /// Contracts whose index a spot market leads.
    led: Vec<(Symbol, MarketId)>,
    next_lead: Timestamp,
}

impl Venue {
    /// An exchange that opens at `now`, after its order flow has warmed up in virtual time.
    ///
    /// # Errors
    /// [`ConfigError`] when the configuration contradicts itself.
    pub fn new(config: &SimConfig, recordings: Vec<Recording>, now: Timestamp) -> Result<Self, ConfigError> {
        let spot = binance::Exchange::new(config, recordings, now)?;
        let contracts = match config.perpetual.is_empty() {
            true => None,
            false => Some(usdm::Exchange::new(config, now)?),
        };
        let led = config.perpetual.iter().filter_map(|contract| {
            let market = spot.engine().find_market(&contract.symbol)?;
            Some((contract.symbol.clone(), market))
        });
        let mut venue = Self {
            led: led.collect(),
            spot,
            contracts,
            next_lead: now,
        };
        venue.advance(now);
        Ok(venue)
    }

    /// The face of spot, to be looked at.
    pub fn spot_face(&self) -> &binance::Exchange {
        &self.spot
    }

    /// The face of contracts, to be looked at, where any are configured.
    pub fn contracts_face(&self) -> Option<&usdm::Exchange> {
        self.contracts.as_ref()
    }

    /// The face of spot.
    pub fn spot(&mut self) -> &mut binance::Exchange {
        &mut self.spot
    }

    /// The face of contracts, where any are configured.
    pub fn contracts(&mut self) -> Option<&mut usdm::Exchange> {
        self.contracts.as_mut()
    }

    /// Lets time pass up to `now`, for both faces alike.
    pub fn advance(&mut self, now: Timestamp) {
        while self.next_lead <= now {
            let due = self.next_lead;
            self.next_lead = due.window_start(LEAD_EVERY).after(LEAD_EVERY);
            self.spot.advance(due);
            self.lead(due);
        }
        self.spot.advance(now);
        if let Some(contracts) = &mut self.contracts {
            contracts.advance(now);
        }
    }

    /// When [`Self::advance`] will next have something to do.
    pub fn next_due(&self) -> Timestamp {
        let Some(contracts) = &self.contracts else {
            return self.spot.next_due();
        };
        let lead = (!self.led.is_empty()).then_some(self.next_lead);
        let due = self.spot.next_due().min(contracts.next_due());
        lead.map_or(due, |lead| lead.min(due))
    }

    /// Tells contracts where their spot markets are.
    fn lead(&mut self, due: Timestamp) {
        let Some(contracts) = &mut self.contracts else { return };
        contracts.advance(due);
        for (symbol, market) in &self.led {
            let book = self.spot.engine().market(*market).book();
            let best = |side| book.best(side).map(|(price, _)| price);
            if let Some((bid, ask)) = best(Side::Buy).zip(best(Side::Sell)) {
                contracts.lead(symbol, (bid + ask) / Decimal::TWO);
            }
        }
    }

    /// Answers a REST request.
    pub fn http(&mut self, request: &HttpRequest, now: Timestamp) -> HttpResponse {
        self.advance(now);
        match &mut self.contracts {
            Some(contracts) if request.path.starts_with("/fapi/") => contracts.http(request, now),
            _ => self.spot.http(request, now),
        }
    }

    /// Opens a WebSocket connection; `query` is what follows the `?` in its URL.
    ///
    /// # Errors
    /// The HTTP reply to the handshake when the exchange does not accept it.
    pub fn ws_open(
        &mut self,
        path: &SocketPath,
        query: &str,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<ConnectionId, HttpResponse> {
        self.advance(now);
        match (&mut self.contracts, path) {
            (Some(contracts), SocketPath::Contracts { .. }) => contracts.ws_open(path, query, peer, now),
            _ => self.spot.ws_open(path, query, peer, now),
        }
    }

    /// A text message of the client.
    pub fn ws_message(&mut self, id: ConnectionId, text: &str, now: Timestamp) {
        self.advance(now);
        match self.contracts_of(id) {
            Some(contracts) => contracts.ws_message(id, text, now),
            None => self.spot.ws_message(id, text, now),
        }
    }

    /// A pong of the client.
    pub fn ws_pong(&mut self, id: ConnectionId, payload: &str, now: Timestamp) {
        self.advance(now);
        match self.contracts_of(id) {
            Some(contracts) => contracts.ws_pong(id, payload, now),
            None => self.spot.ws_pong(id, payload, now),
        }
    }

    /// The client closed the connection, or it broke.
    pub fn ws_close(&mut self, id: ConnectionId, now: Timestamp) {
        self.advance(now);
        match self.contracts_of(id) {
            Some(contracts) => contracts.ws_close(id, now),
            None => self.spot.ws_close(id, now),
        }
    }

    fn contracts_of(&mut self, id: ConnectionId) -> Option<&mut usdm::Exchange> {
        self.contracts.as_mut().filter(|_| usdm::Exchange::owns(id))
    }

    /// Tells every client that the exchange is about to go.
    pub fn announce_shutdown(&mut self, now: Timestamp) {
        self.advance(now);
        self.spot.announce_shutdown(now);
        if let Some(contracts) = &mut self.contracts {
            contracts.announce_shutdown(now);
        }
    }

    /// Everything sent on WebSocket connections since the last call, in order within each face.
    pub fn drain(&mut self) -> Vec<(ConnectionId, Outgoing)> {
        let mut sent = self.spot.drain();
        if let Some(contracts) = &mut self.contracts {
            sent.extend(contracts.drain());
        }
        sent
    }

    /// Deposits into an account's spot wallet, or withdraws when `delta` is negative; the account's streams tell of it.
    ///
    /// # Errors
    /// [`binance::TransferError`]; nothing has changed then.
    pub fn transfer(
        &mut self,
        account: &AccountName,
        asset: &Asset,
        delta: Decimal,
        now: Timestamp,
    ) -> Result<(), binance::TransferError> {
        self.advance(now);
        self.spot.transfer(account, asset, delta, now)
    }
}
