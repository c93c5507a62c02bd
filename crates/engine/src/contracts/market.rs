//! What is known of one instrument that is a contract.

use std::collections::BTreeMap;
use std::fmt;

use colibri_model::{
    AccountId, Contract, Decimal, ExchangeOrderId, FillCause, FundingKey, FundingRate, Leverage, MarginMode, MarkPrice,
    Millis, MonoNs, Pair, PositionMode, PositionSide, Positions, Price, Quantity, StatedPosition, VenueId, WallNs,
};
use serde::{Deserialize, Serialize};

use crate::contracts::{PositionLedger, SettlementDue};
use crate::engine::Recovered;

/// Comparisons in a row that must find the same before anything is made of it: fills may be on their way.
const COMPARED_ALIKE: u32 = 2;

/// A mark price that is older says nothing of what is held: neither what it is worth beside a book that moves, nor how near its
/// liquidation is. The stream tells it each second or so, and what is 15 s old is asked for.
pub(crate) const MARK_STALE: Millis = Millis(30_000);

/// A position as the exchange states it, with its age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatedAt {
    /// What it states.
    pub position: StatedPosition,
    /// When we learned it.
    pub updated: MonoNs,
    /// The exchange's time of it, where it said one.
    pub exchange_time: Option<WallNs>,
}

/// A position that is held, for a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPosition {
    /// Of which pair.
    pub pair: Pair,
    /// Which of its positions.
    pub side: PositionSide,
    /// How much, below zero where it is short.
    pub quantity: Quantity,
    /// Its average price.
    pub entry_price: Option<Price>,
}

impl fmt::Display for HeldPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.pair, self.quantity)?;
        if !self.side.is_net() {
            write!(f, " ({})", self.side.as_str())?;
        }
        match self.entry_price {
            Some(price) => write!(f, " at {}", price.0.round_dp(8).normalize()),
            None => Ok(()),
        }
    }
}

/// Where the exchange states another quantity than the fills make, although fills were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionDifference {
    /// What the exchange states.
    pub stated: Quantity,
    /// What the fills make.
    pub summed: Quantity,
    /// Since when.
    pub since: MonoNs,
    /// How many comparisons in a row have found the same.
    pub times: u32,
}

impl PositionDifference {
    /// Whether it is no matter of a fill that is on its way: nothing that opens is placed.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        self.times >= COMPARED_ALIKE
    }
}

/// What is set of the instrument, as the exchange told it last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct ToldOfInstrument {
    pub(crate) position_mode: Option<PositionMode>,
    pub(crate) margin_mode: Option<MarginMode>,
    pub(crate) leverage: BTreeMap<PositionSide, Leverage>,
}

impl ToldOfInstrument {
    pub(crate) fn leverage_of(&self, side: PositionSide) -> Option<Leverage> {
        let told = |side| self.leverage.get(&side).copied();
        told(side).or_else(|| told(PositionSide::Net)).or_else(|| {
            // Of both positions together, where each has its own: the lower one, which takes more margin.
            let sides = [PositionSide::Long, PositionSide::Short];
            sides.into_iter().filter_map(told).min().filter(|_| side.is_net())
        })
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ContractMarket {
    pub(crate) ledger: PositionLedger,
    /// Whether it stands in the journal what was held before the first fill that is known.
    pub(crate) is_opened: bool,
    pub(crate) stated: BTreeMap<PositionSide, StatedAt>,
    /// When the exchange last stated all of its positions.
    pub(crate) stated_whole: Option<MonoNs>,
    pub(crate) differences: BTreeMap<PositionSide, PositionDifference>,
    /// Whether this run has found once that fills and exchange agree: what differs from then on is not what a person accepted.
    #[serde(default)]
    pub(crate) has_agreed: bool,
    /// Orders that the exchange made by itself, and why.
    #[serde(default)]
    pub(crate) forced_orders: BTreeMap<ExchangeOrderId, FillCause>,
    pub(crate) mark: Option<MarkPrice>,
    pub(crate) mark_updated: Option<MonoNs>,
    pub(crate) funding: Option<FundingRate>,
    /// The last settlement that was due while a position was held: payments of it are asked for.
    pub(crate) settled: Option<WallNs>,
    /// The settlement that comes next.
    #[serde(default)]
    pub(crate) settles: Option<SettlementDue>,
    /// When mark price and rate may be asked for again.
    pub(crate) rates_due: MonoNs,
    /// Whether strategies are to be told of mark price or rate.
    pub(crate) rates_changed: bool,
    pub(crate) told: ToldOfInstrument,
}

impl ContractMarket {
    pub(crate) const fn contract(&self) -> Option<&Contract> {
        self.ledger.contract()
    }

    pub(crate) const fn positions(&self) -> &Positions {
        self.ledger.positions()
    }

    pub(crate) fn mark(&self) -> Option<Price> {
        self.mark.map(|mark| mark.mark)
    }

    /// How long ago the mark price was told; `None` before it was.
    pub(crate) fn mark_age(&self, now: MonoNs) -> Option<Millis> {
        self.mark_updated.map(|at| now.since(at))
    }

    /// Whether the exchange states something else than the fills make, and goes on to.
    pub(crate) fn differs(&self) -> bool {
        self.differences.values().any(PositionDifference::is_lasting)
    }

    /// The price at which the exchange liquidates a position, as it last said; of one that is held still.
    pub(crate) fn liquidation_price(&self, side: PositionSide) -> Option<Price> {
        let stated = &self.stated.get(&side)?.position;
        let held = self.positions().of(side).quantity;
        let is_that = !held.is_zero() && held.is_positive() == stated.quantity.is_positive();
        stated.liquidation_price.filter(|_| is_that)
    }

    /// How far the mark price may still move against a position before it is liquidated, as a fraction of the mark price.
    pub(crate) fn distance_to_liquidation(&self, side: PositionSide) -> Option<Decimal> {
        let stated = StatedPosition {
            quantity: self.positions().of(side).quantity,
            mark_price: self.mark(),
            liquidation_price: self.liquidation_price(side),
            ..StatedPosition::default()
        };
        stated.distance_to_liquidation()
    }

    /// Takes up what the journal holds of it beside its fills.
    pub(crate) fn recover(&mut self, recovered: &Recovered, name: &(VenueId, AccountId, Pair)) {
        if let Some(openings) = recovered.openings.get(name) {
            self.is_opened = true;
            for opened in openings {
                self.ledger.open(opened.side, opened.quantity, opened.price);
            }
        }
        self.forced_orders = recovered.forced_orders.get(name).cloned().unwrap_or_default();
        let is_of_it = |key: &FundingKey| (&key.venue, &key.account, &key.pair) == (&name.0, &name.1, &name.2);
        for payment in recovered.funding.values().filter(|p| is_of_it(&p.key)) {
            self.ledger
                .add_funding(payment.position_side, &payment.asset, payment.amount);
        }
    }

    /// What the exchange states beside what the fills make, of each position that either has.
    pub(crate) fn compared(&self) -> Vec<(PositionSide, Quantity, Quantity)> {
        let sides = [PositionSide::Net, PositionSide::Long, PositionSide::Short];
        let of = |side| {
            let stated = self.stated.get(&side).map(|stated| stated.position.quantity);
            (
                side,
                stated.unwrap_or(Quantity::ZERO),
                self.positions().of(side).quantity,
            )
        };
        sides.into_iter().map(of).collect()
    }

    /// Takes the result of a comparison in; a difference that is the same as the last time has been found once more.
    pub(crate) fn compare(&mut self, now: MonoNs) {
        for (side, stated, summed) in self.compared() {
            if stated == summed {
                self.differences.remove(&side);
                continue;
            }
            let fresh = PositionDifference {
                stated,
                summed,
                since: now,
                times: 0,
            };
            let found = self.differences.entry(side).or_insert(fresh);
            // Fills move both figures, and the difference stays.
            if found.stated - found.summed != stated - summed {
                *found = fresh;
            }
            (found.stated, found.summed) = (stated, summed);
            found.times = found.times.saturating_add(1);
        }
    }
}
