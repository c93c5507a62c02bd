//! One fill or funding payment, and what it did to the figures.

use rust_decimal::Decimal;

use super::Rate;
use crate::{Amount, Asset, Contract, Fill, FundingPayment, Price, Quantity, TradeId, WallNs};

/// What is held, and what it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// How much, below zero where it is short.
    pub quantity: Quantity,
    /// What it cost, as [`Position::cost`](crate::Position::cost).
    pub cost: Amount,
}

impl Held {
    /// The average price that it was opened at; `None` where nothing is held.
    #[must_use]
    pub fn average(&self, contract: &Contract) -> Option<Price> {
        (!self.quantity.is_zero())
            .then(|| contract.price_of(self.quantity, self.cost))
            .flatten()
    }
}

/// An amount as it was paid or received, and what it was worth in the settle asset then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Valued {
    /// In which asset.
    pub asset: Asset,
    /// How much.
    pub amount: Amount,
    /// In the settle asset, and by which rate; `None` where there is none: then it stays in its asset.
    pub worth: Option<(Amount, Rate)>,
}

/// A fee of a spot fill that was taken out of what is held: given away at the fill's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeeInKind {
    /// How much less is held; below zero for a rebate.
    pub quantity: Quantity,
    /// What giving it away realised against the average cost.
    pub realized: Amount,
    /// What was held after the trade and before that.
    pub after_trade: Held,
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// A fill.
    Fill {
        /// The fill.
        fill: Box<Fill>,
        /// Its fee; `None` where none is reported yet.
        fee: Option<Valued>,
        /// Where the fee was taken out of what is held.
        in_kind: Option<FeeInKind>,
    },
    /// A funding payment: above zero where it was received.
    Funding {
        /// The payment.
        payment: Box<FundingPayment>,
        /// What it was worth.
        paid: Valued,
    },
}

/// One fill or funding payment, and what it did to the figures of its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfitStep {
    /// What was counted.
    pub counted: Counted,
    /// Held before.
    pub before: Held,
    /// Held after.
    pub after: Held,
    /// What it realised, a fee taken in kind included, before fees.
    pub realized: Amount,
    /// Realised of the line, this step included.
    pub total_realized: Amount,
    /// Fees of the line in the settle asset, this step included.
    pub total_fees: Amount,
    /// Funding of the line in the settle asset, this step included.
    pub total_funding: Amount,
}

impl ProfitStep {
    /// When, exchange time.
    #[must_use]
    pub fn time(&self) -> WallNs {
        match &self.counted {
            Counted::Fill { fill, .. } => fill.exchange_time,
            Counted::Funding { payment, .. } => payment.key.time,
        }
    }

    /// The trade, of a fill.
    #[must_use]
    pub fn trade_id(&self) -> Option<&TradeId> {
        match &self.counted {
            Counted::Fill { fill, .. } => Some(&fill.key.trade_id),
            Counted::Funding { .. } => None,
        }
    }

    /// Realised less fees, with funding, of the line up to here.
    #[must_use]
    pub fn total(&self) -> Decimal {
        self.total_realized.0 - self.total_fees.0 + self.total_funding.0
    }
}
