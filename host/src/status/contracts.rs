//! What the status file holds of contracts, and how people read it.

use colibri_model::Pair;
use serde::{Deserialize, Serialize};

use super::table::{row, span};
use std::fmt;

/// What an account holds of contracts. Amounts and prices are decimal text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContractsStatus {
    /// `one_way` or `hedge`, as the exchange last told it.
    pub position_mode: Option<String>,
    /// How the account stands; `None` where it is not told yet.
    pub margin: Option<MarginStatus>,
    /// What is set otherwise than it was chosen, in words: nothing is placed then.
    pub settings_differ: Vec<String>,
    /// What is traded.
    pub markets: Vec<ContractStatus>,
    /// What is held.
    pub positions: Vec<PositionStatus>,
    /// The last margin call of this run, in words.
    pub margin_call: Option<String>,
    /// Positions that the exchange reduced by itself in this run, in words.
    pub forced: Vec<String>,
}

/// How the account stands, as the exchange states it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MarginStatus {
    /// What the figures are in.
    pub asset: String,
    /// What answers for positions.
    pub equity: Option<String>,
    /// What is free for new orders.
    pub available: Option<String>,
    /// What positions must have: below it the exchange liquidates.
    pub maintenance: Option<String>,
    /// How long ago it was told.
    pub age_ms: u64,
}

/// An instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractStatus {
    /// Of what.
    pub pair: Pair,
    /// The mark price.
    pub mark: Option<String>,
    /// The index.
    pub index: Option<String>,
    /// The funding rate of the next settlement, a fraction.
    pub funding_rate: Option<String>,
    /// Until that settlement.
    pub next_funding_ms: Option<u64>,
    /// What is set of its positions.
    pub leverage: Option<String>,
    /// `cross` or `isolated`.
    pub margin_mode: Option<String>,
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionStatus {
    /// Of what.
    pub pair: Pair,
    /// `net`, `long` or `short`.
    pub side: String,
    /// How much, below zero where it is short, as the fills make it.
    pub quantity: String,
    /// Its average price.
    pub entry_price: Option<String>,
    /// What closing it at the mark price would realise, in `asset`.
    pub unrealized: Option<String>,
    /// What was realised, in `asset`, before fees and funding.
    pub realized: String,
    /// What funding brought, in `asset`; below zero where it was paid.
    pub funding: String,
    /// What it settles in.
    pub asset: String,
    /// The price at which the exchange liquidates it, as it last estimated.
    pub liquidation_price: Option<String>,
    /// Its leverage.
    pub leverage: Option<String>,
    /// What the exchange states instead, where it goes on to state something else.
    pub stated: Option<String>,
}

fn or_dash(text: Option<&String>) -> &str {
    text.map_or("-", String::as_str)
}

impl ContractsStatus {
    /// The lines of the table.
    pub(super) fn write(&self, out: &mut String) -> fmt::Result {
        for differs in &self.settings_differ {
            row(out, "SETTINGS", &format!("{differs}: nothing is placed"))?;
        }
        if let Some(margin) = &self.margin {
            let words = format!(
                "equity {}, free {}, must have {} {} ({} ago)",
                or_dash(margin.equity.as_ref()),
                or_dash(margin.available.as_ref()),
                or_dash(margin.maintenance.as_ref()),
                margin.asset,
                span(margin.age_ms)
            );
            row(out, "margin", &words)?;
        }
        for market in &self.markets {
            let mut words = format!(
                "mark {}, leverage {}, {}",
                or_dash(market.mark.as_ref()),
                or_dash(market.leverage.as_ref()),
                market.margin_mode.as_deref().unwrap_or("margin mode not told")
            );
            if let Some(rate) = &market.funding_rate {
                words.push_str(&format!(", funding {rate}"));
            }
            if let Some(next) = market.next_funding_ms {
                words.push_str(&format!(" in {}", span(next)));
            }
            row(out, &format!("contract {}", market.pair), &words)?;
        }
        for position in &self.positions {
            let side = match position.side.as_str() {
                "net" => String::new(),
                side => format!("{side} "),
            };
            let mut words = format!(
                "{side}{} at {}, open {} {}, realised {}, funding {}",
                position.quantity,
                or_dash(position.entry_price.as_ref()),
                or_dash(position.unrealized.as_ref()),
                position.asset,
                position.realized,
                position.funding
            );
            match &position.liquidation_price {
                Some(price) => words.push_str(&format!(", liquidated at {price}")),
                None => words.push_str(", no liquidation price told"),
            }
            if let Some(leverage) = &position.leverage {
                words.push_str(&format!(", {leverage}x"));
            }
            row(out, &format!("position {}", position.pair), &words)?;
            if let Some(stated) = &position.stated {
                let words = format!("the exchange states {stated}: until they agree only what reduces is placed");
                row(out, "DIFFERS", &words)?;
            }
        }
        if let Some(call) = &self.margin_call {
            row(out, "MARGIN CALL", call)?;
        }
        for forced in &self.forced {
            row(out, "FORCED", forced)?;
        }
        Ok(())
    }
}
