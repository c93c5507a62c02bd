//! Positions as fills make them, and their profit by average cost.
//!
//! What a position cost is kept as an amount, not as a price: a part of it leaves when a part of the position does, and what
//! rounding takes from one goes to the other. So realised and unrealised profit together are always exactly what was paid
//! and received, and what is held.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::contract::to_places;
use super::{Contract, PositionSide};
use crate::{Amount, Asset, Price, Quantity, Side};

/// What one fill did to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PositionChange {
    /// How much of it opened, never below zero.
    pub opened: Quantity,
    /// How much of it closed, never below zero.
    pub closed: Quantity,
    /// Profit that it realised, in the settle asset, before fees.
    pub realized: Amount,
}

/// A position as its fills have made it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// How much is held, below zero where it is short.
    pub quantity: Quantity,
    /// What is held at the prices that it was opened at: [`Contract::worth`], so below zero for a short linear position.
    pub cost: Amount,
    /// Profit that was realised, in the settle asset, before fees and funding.
    pub realized: Amount,
    /// Fees that were paid, by asset; below zero is a rebate.
    pub fees: BTreeMap<Asset, Amount>,
    /// Funding that was received, by asset; below zero where it was paid.
    pub funding: BTreeMap<Asset, Amount>,
}

impl Position {
    /// Counts a fill: `quantity` above zero, bought or sold at `price`. A fill that turns the position over closes all of it
    /// and opens the rest.
    ///
    /// # Panics
    /// Where the sums leave the range of a decimal, as its operators do; [`Position::checked_apply`] does not.
    pub fn apply(&mut self, contract: &Contract, side: Side, price: Price, quantity: Quantity) -> PositionChange {
        self.checked_apply(contract, side, price, quantity)
            .expect("sums below 7.9e28, the range of a decimal")
    }

    /// As [`Position::apply`]; `None` where the sums leave the range of a decimal, and then nothing has changed.
    #[must_use = "where it is None the fill is not counted"]
    pub fn checked_apply(
        &mut self,
        contract: &Contract,
        side: Side,
        price: Price,
        quantity: Quantity,
    ) -> Option<PositionChange> {
        let signed = match side {
            Side::Buy => quantity,
            Side::Sell => -quantity,
        };
        let worth = contract.checked_worth(signed, price)?;
        let held = self.quantity;
        let after = Quantity(held.0.checked_add(signed.0)?);
        if held.is_zero() || held.is_positive() == signed.is_positive() {
            self.cost = Amount(self.cost.0.checked_add(worth.0)?);
            self.quantity = after;
            return Some(PositionChange {
                opened: quantity,
                ..PositionChange::default()
            });
        }
        let size = Quantity(held.0.abs());
        let closed = size.min(quantity);
        let (closing, left) = if closed == quantity {
            (worth, Amount::ZERO)
        } else {
            let closing = contract.checked_worth(if signed.is_positive() { closed } else { -closed }, price)?;
            (closing, worth - closing)
        };
        let gone = if closed == size {
            self.cost
        } else {
            Amount(to_places(self.cost.0.checked_mul(closed.0)?.checked_div(size.0)?))
        };
        let realized = Amount((-closing.0).checked_sub(gone.0)?);
        let cost = self.cost.0.checked_sub(gone.0)?.checked_add(left.0)?;
        self.realized = Amount(self.realized.0.checked_add(realized.0)?);
        self.cost = Amount(cost);
        self.quantity = after;
        Some(PositionChange {
            opened: quantity - closed,
            closed,
            realized,
        })
    }

    /// Takes a fee that was paid in the base asset of spot out of what is held, as if it were given away at the fill's price; a
    /// rebate joins it.
    ///
    /// # Panics
    /// As [`Position::apply`]; [`Position::checked_give`] does not.
    pub fn give(&mut self, contract: &Contract, price: Price, fee: Amount) -> PositionChange {
        self.checked_give(contract, price, fee)
            .expect("sums below 7.9e28, the range of a decimal")
    }

    /// As [`Position::give`]; `None` where the sums leave the range of a decimal, and then nothing has changed.
    #[must_use = "where it is None the fee is not taken"]
    pub fn checked_give(&mut self, contract: &Contract, price: Price, fee: Amount) -> Option<PositionChange> {
        let side = if fee.is_positive() { Side::Sell } else { Side::Buy };
        self.checked_apply(contract, side, price, Quantity(fee.0.abs()))
    }

    /// Counts a fee of a fill.
    pub fn add_fee(&mut self, asset: &Asset, amount: Amount) {
        *self.fees.entry(asset.clone()).or_default() += amount;
    }

    /// Counts a funding payment: above zero where it was received.
    pub fn add_funding(&mut self, asset: &Asset, amount: Amount) {
        *self.funding.entry(asset.clone()).or_default() += amount;
    }

    /// The average price of what is held; `None` where nothing is.
    #[must_use]
    pub fn entry_price(&self, contract: &Contract) -> Option<Price> {
        if self.quantity.is_zero() {
            return None;
        }
        contract.price_of(self.quantity, self.cost)
    }

    /// What closing at `mark` would realise, in the settle asset, before fees.
    #[must_use]
    pub fn unrealized(&self, contract: &Contract, mark: Price) -> Amount {
        contract.worth(self.quantity, mark) - self.cost
    }

    /// Realised and unrealised profit, with the fees and the funding that are in the settle asset. Those in other assets stay in
    /// [`Position::fees`] and [`Position::funding`]: nothing is converted here.
    #[must_use]
    pub fn net(&self, contract: &Contract, mark: Price) -> Amount {
        let of = |by_asset: &BTreeMap<Asset, Amount>| by_asset.get(&contract.settle).copied().unwrap_or_default();
        self.realized + self.unrealized(contract, mark) + of(&self.funding) - of(&self.fees)
    }

    /// The side by its sign; `None` where it is flat.
    #[must_use]
    pub fn direction(&self) -> Option<PositionSide> {
        if self.quantity.is_zero() {
            None
        } else if self.quantity.is_positive() {
            Some(PositionSide::Long)
        } else {
            Some(PositionSide::Short)
        }
    }
}

/// The positions of one instrument: one in one-way mode, two in hedge mode. What was traded in either mode stays counted where
/// it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Positions {
    /// The one of one-way mode.
    pub net: Position,
    /// The long one of hedge mode.
    pub long: Position,
    /// The short one of hedge mode.
    pub short: Position,
}

impl Positions {
    /// The position of a side.
    #[must_use]
    pub const fn of(&self, side: PositionSide) -> &Position {
        match side {
            PositionSide::Net => &self.net,
            PositionSide::Long => &self.long,
            PositionSide::Short => &self.short,
        }
    }

    /// The position of a side, to count something in.
    pub const fn of_mut(&mut self, side: PositionSide) -> &mut Position {
        match side {
            PositionSide::Net => &mut self.net,
            PositionSide::Long => &mut self.long,
            PositionSide::Short => &mut self.short,
        }
    }

    /// Each side with its position.
    pub fn iter(&self) -> impl Iterator<Item = (PositionSide, &Position)> {
        [PositionSide::Net, PositionSide::Long, PositionSide::Short]
            .into_iter()
            .map(|side| (side, self.of(side)))
    }

    /// How much is held in all, long less short.
    #[must_use]
    pub fn quantity(&self) -> Quantity {
        self.iter().map(|(_, position)| position.quantity).sum()
    }

    /// Realised profit of all, before fees and funding.
    #[must_use]
    pub fn realized(&self) -> Amount {
        self.iter().map(|(_, position)| position.realized).sum()
    }

    /// What closing all at `mark` would realise, before fees.
    #[must_use]
    pub fn unrealized(&self, contract: &Contract, mark: Price) -> Amount {
        self.iter()
            .map(|(_, position)| position.unrealized(contract, mark))
            .sum()
    }

    /// A side whose quantity has a sign that it cannot have: fills of it are missing, or were counted for another.
    #[must_use]
    pub fn contradiction(&self) -> Option<PositionSide> {
        self.iter()
            .find(|(side, position)| !side.may_hold(position.quantity))
            .map(|(side, _)| side)
    }

    /// The size of all positions at `mark`, long and short added up: what leverage is of.
    #[must_use]
    pub fn notional(&self, contract: &Contract, mark: Price) -> Amount {
        self.iter()
            .map(|(_, position)| contract.notional(position.quantity, mark))
            .fold(Amount(Decimal::ZERO), |sum, notional| sum + notional)
    }
}

#[cfg(test)]
#[path = "profit_tests.rs"]
mod tests;
