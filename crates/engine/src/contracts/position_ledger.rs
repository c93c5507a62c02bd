//! A position as the sum of its fills, whichever way and in whichever order they are told.
//!
//! How much is held does not depend on the order of the fills; what it cost and what was realised does. So the youngest fills
//! are kept, and one that comes late is counted where it belongs.

use std::collections::VecDeque;

use colibri_model::{
    Amount, Asset, Contract, Fill, PositionChange, PositionSide, Positions, Price, Quantity, Side, TradeId, WallNs,
};
use serde::{Deserialize, Serialize};

/// Fills among which a late one finds its place. What is older is settled: a fill that is later than so many others is counted
/// before the oldest of these.
const YOUNGEST: usize = 256;

/// A fill as a position counts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    time: WallNs,
    trade_id: TradeId,
    side: Side,
    position_side: PositionSide,
    price: Price,
    quantity: Quantity,
}

impl Counted {
    /// By time; of one time by the exchange's number, which is text: shorter numbers are lower.
    fn place(&self) -> (WallNs, usize, &str, Side) {
        let id = self.trade_id.as_str();
        (self.time, id.len(), id, self.side)
    }
}

/// What was held before the first fill that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Opening {
    side: PositionSide,
    quantity: Quantity,
    price: Price,
}

/// The positions of one instrument, by its fills.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PositionLedger {
    /// Of what the instrument is a contract; nothing is counted before it is known.
    contract: Option<Contract>,
    /// Openings that wait for the contract to be known.
    openings: Vec<Opening>,
    /// Openings and the fills that are older than the youngest.
    settled: Positions,
    /// The youngest fills, in their order.
    youngest: VecDeque<Counted>,
    /// Fees and funding alone, which do not depend on any order.
    costs: Positions,
    /// Everything together.
    current: Positions,
}

impl PositionLedger {
    /// Everything together. All zero while the contract is not known.
    #[must_use]
    pub const fn positions(&self) -> &Positions {
        &self.current
    }

    /// What the instrument is a contract of, once known.
    #[must_use]
    pub const fn contract(&self) -> Option<&Contract> {
        self.contract.as_ref()
    }

    /// Whether nothing was counted, nor waits to be: it has made nothing, whatever it is a contract of.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let nothing = Positions::default();
        self.openings.is_empty() && self.youngest.is_empty() && self.costs == nothing && self.settled == nothing
    }

    /// The contract is known, or another than it was: what is counted is counted by it.
    pub fn know(&mut self, contract: &Contract) {
        if self.contract.as_ref() == Some(contract) {
            return;
        }
        self.contract = Some(contract.clone());
        for opening in std::mem::take(&mut self.openings) {
            self.count_opening(&opening);
        }
        self.count_again();
        self.settle_old();
    }

    /// Counts what was held before the first fill that is known, at the price that it cost.
    pub fn open(&mut self, side: PositionSide, quantity: Quantity, price: Price) {
        let opening = Opening { side, quantity, price };
        if self.contract.is_none() {
            self.openings.push(opening);
        } else {
            self.count_opening(&opening);
            self.count_again();
        }
    }

    fn count_opening(&mut self, opening: &Opening) {
        let Some(contract) = &self.contract else { return };
        let bought = if opening.quantity.is_positive() {
            Side::Buy
        } else {
            Side::Sell
        };
        let position = self.settled.of_mut(opening.side);
        let realized = position.realized;
        position.apply(contract, bought, opening.price, Quantity(opening.quantity.0.abs()));
        position.realized = realized;
    }

    /// Counts a fill, its fee included. What it did: of one that came late, what it has changed in what was realised.
    pub fn add_fill(&mut self, fill: &Fill) -> PositionChange {
        if let Some(fee) = &fill.fee {
            self.add_fee(fill.position_side, &fee.asset, fee.amount);
        }
        let counted = Counted {
            time: fill.exchange_time,
            trade_id: fill.key.trade_id.clone(),
            side: fill.side,
            position_side: fill.position_side,
            price: fill.price,
            quantity: fill.quantity,
        };
        let at = self.youngest.partition_point(|other| other.place() <= counted.place());
        let is_last = at == self.youngest.len();
        let Some(contract) = &self.contract else {
            self.youngest.insert(at, counted);
            return PositionChange::default();
        };
        let position = self.current.of_mut(counted.position_side);
        let realized = position.realized;
        let mut change = position.apply(contract, counted.side, counted.price, counted.quantity);
        let side = counted.position_side;
        self.youngest.insert(at, counted);
        if !is_last {
            self.count_again();
            change.realized = self.current.of(side).realized - realized;
        }
        self.settle_old();
        change
    }

    /// Counts what a fill cost, learned after it.
    pub fn add_fee(&mut self, side: PositionSide, asset: &Asset, amount: Amount) {
        self.costs.of_mut(side).add_fee(asset, amount);
        self.current.of_mut(side).add_fee(asset, amount);
    }

    /// Counts a funding payment: above zero where it was received.
    pub fn add_funding(&mut self, side: PositionSide, asset: &Asset, amount: Amount) {
        self.costs.of_mut(side).add_funding(asset, amount);
        self.current.of_mut(side).add_funding(asset, amount);
    }

    fn count_again(&mut self) {
        let Some(contract) = &self.contract else { return };
        let mut current = self.settled.clone();
        for fill in &self.youngest {
            let position = current.of_mut(fill.position_side);
            position.apply(contract, fill.side, fill.price, fill.quantity);
        }
        for (side, costs) in self.costs.iter() {
            let position = current.of_mut(side);
            position.fees.clone_from(&costs.fees);
            position.funding.clone_from(&costs.funding);
        }
        self.current = current;
    }

    fn settle_old(&mut self) {
        let Some(contract) = &self.contract else { return };
        while self.youngest.len() > YOUNGEST {
            let Some(fill) = self.youngest.pop_front() else { return };
            let position = self.settled.of_mut(fill.position_side);
            position.apply(contract, fill.side, fill.price, fill.quantity);
        }
    }
}

#[cfg(test)]
#[path = "position_ledger_tests.rs"]
mod tests;
