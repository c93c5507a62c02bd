//! What a run came to: one table for people, one line of JSON for programs.
//!
//! What lives here: the figures ([`Report`]), what follows from them, and both ways to write them. What must not live here:
//! gathering them; whoever ran the bot fills a [`Report`].

mod json;
mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use colibri_model::{Amount, Asset, Pair, PositionSide, Quantity, VenueId};
use serde::Serialize;

/// The figures of one run of one bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The bot's name.
    pub bot: String,
    /// From its start until it had stopped; seconds in JSON.
    #[serde(rename = "seconds", serialize_with = "json::seconds")]
    pub elapsed: Duration,
    /// Orders sent.
    pub orders: u64,
    /// Orders cancelled.
    pub cancels: u64,
    /// Orders refused, by us or by the exchange.
    pub rejects: u64,
    /// Fills.
    pub fills: u64,
    /// Fills that bought.
    pub buy_fills: u64,
    /// Fills that sold.
    pub sell_fills: u64,
    /// The asset that volume and profit are counted in.
    pub quote: Asset,
    /// Notional of every fill.
    #[serde(serialize_with = "json::amount")]
    pub volume_quote: Amount,
    /// Fees paid by asset; negative is a rebate.
    #[serde(serialize_with = "json::amounts")]
    pub fees: BTreeMap<Asset, Amount>,
    /// Won by closed positions, fees included.
    #[serde(serialize_with = "json::amount")]
    pub realized_pnl: Amount,
    /// Won by open positions at the last price.
    #[serde(serialize_with = "json::amount")]
    pub unrealized_pnl: Amount,
    /// Orders whose outcome was never learned.
    pub unknown_orders: u64,
    /// Orders of ours in the exchange's book after the stop.
    pub open_orders_at_end: u64,
    /// How that is known.
    pub open_orders_proven_by: Proof,
    /// Our ledger beside the exchange's statement, an entry for each asset of a venue.
    pub balances: Vec<BalanceCheck>,
    /// Positions in contracts by our fills beside the exchange's statement, an entry for each that is held or stated.
    pub positions: Vec<PositionCheck>,
    /// Ticks of the Clock.
    pub ticks: u64,
    /// Ticks that took longer than the interval, or came too late.
    pub tick_overruns: u64,
    /// How long ticks took.
    pub tick_timings: TickTimings,
    /// Sessions that were connected again.
    pub reconnects: u64,
    /// Gaps found in books.
    pub book_gaps: u64,
    /// Streams that were open and proven silent, and were opened again.
    pub streams_condemned: u64,
    /// Orders in the accounts that are not ours, at the end: left alone.
    pub foreign_orders: u64,
    /// Positions in contracts that are still held, in words: a stop cancels orders and closes nothing.
    pub held_positions: Vec<String>,
    /// By venue where anything did: what came or left by no trade while the bot was stopped, in words.
    pub moved_meanwhile: Vec<String>,
    /// Why the kill switch is thrown, where it is.
    pub kill_switch: Option<String>,
}

/// How the number of open orders at the end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The exchange was asked after the last cancel, and answered.
    Exchange,
    /// A venue never came up: nothing was sent there, and it was not asked.
    NothingSent,
    /// It could not be asked: the number is the tracker's.
    Tracker,
}

/// What we hold of an asset by our own ledger, and what the exchange says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BalanceCheck {
    /// Where.
    pub venue: VenueId,
    /// The asset.
    pub asset: Asset,
    /// The balance at the start, and every fill and fee since, and what came from outside.
    pub ledger: Amount,
    /// What of it came from outside, as the exchange told: deposits, withdrawals, transfers. Below zero where more left.
    pub external: Amount,
    /// The exchange's statement at the end; `None` where it gave none.
    pub exchange: Option<Amount>,
    /// By how much the exchange may have rounded otherwise what contracts realised; zero in spot.
    pub rounding: Amount,
}

/// What is held of a contract by our fills, and what the exchange says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionCheck {
    /// Where.
    pub venue: VenueId,
    /// Of which pair.
    pub pair: Pair,
    /// Which of its positions.
    pub side: PositionSide,
    /// By the fills, below zero where it is short.
    pub ledger: Quantity,
    /// The exchange's statement; `None` where it gave none.
    pub exchange: Option<Quantity>,
}

impl PositionCheck {
    /// Whether both say the same.
    #[must_use]
    pub fn agreement(&self) -> Agreement {
        match self.exchange {
            Some(exchange) if exchange == self.ledger => Agreement::Equal,
            Some(_) => Agreement::Different,
            None => Agreement::NotStated,
        }
    }
}

/// Whether ledger and exchange say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// To the last digit; of what contracts settle in, to the exchange's rounding.
    Equal,
    /// Not.
    Different,
    /// The exchange did not say.
    NotStated,
}

/// How long ticks took, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TickTimings {
    /// Half took no longer.
    pub p50_us: u64,
    /// 99 of a hundred took no longer.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

impl BalanceCheck {
    /// What the exchange states and nothing told explains; below zero where it states less. `None` where it did not say.
    #[must_use]
    pub fn unexplained(&self) -> Option<Amount> {
        self.exchange.map(|exchange| exchange - self.ledger)
    }

    /// Whether both say the same.
    #[must_use]
    pub fn agreement(&self) -> Agreement {
        match self.exchange {
            Some(exchange) if (exchange - self.ledger).0.abs() <= self.rounding.0 => Agreement::Equal,
            Some(_) => Agreement::Different,
            None => Agreement::NotStated,
        }
    }
}

impl Report {
    /// Whether the ledger says what the exchange says, of every asset: one difference decides; no statement at all, or a
    /// missing one, is not equality.
    #[must_use]
    pub fn ledger_agreement(&self) -> Agreement {
        together(self.balances.iter().map(BalanceCheck::agreement))
    }

    /// Whether the fills make what the exchange says, of every position; `None` where there is none.
    #[must_use]
    pub fn position_agreement(&self) -> Option<Agreement> {
        let agreements = self.positions.iter().map(PositionCheck::agreement);
        (!self.positions.is_empty()).then(|| together(agreements))
    }

    /// One JSON object on one line, without a line break. Amounts are decimal texts; what the exchange did not state is
    /// `null`.
    #[must_use]
    pub fn json_line(&self) -> String {
        json::line(self)
    }

    /// The table for people, a line break after each line.
    #[must_use]
    pub fn table(&self) -> String {
        table::of(self)
    }
}

/// One difference decides; nothing at all, or something that was not stated, is not equality.
fn together(agreements: impl Iterator<Item = Agreement>) -> Agreement {
    let mut all = None;
    for agreement in agreements {
        all = match (all, agreement) {
            (_, Agreement::Different) | (Some(Agreement::Different), _) => Some(Agreement::Different),
            (_, Agreement::NotStated) | (Some(Agreement::NotStated), _) => Some(Agreement::NotStated),
            _ => Some(Agreement::Equal),
        };
    }
    all.unwrap_or(Agreement::NotStated)
}

#[cfg(test)]
mod tests;
