//! The profit of one owner in one position.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Counted, FeeInKind, Held, Owner, ProfitStep, RecordedPrice, RecordedPrices, Valued};
use crate::{
    AccountId, Amount, Asset, Contract, Fill, FundingPayment, FundingPaymentId, OpenedPosition, Pair, Position,
    PositionSide, Quantity, Side, TradeId, VenueId, WallNs,
};

/// What makes a line one: whose, where, of what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineKey {
    /// Whose.
    pub owner: Owner,
    /// Where.
    pub venue: VenueId,
    /// In which account.
    pub account: AccountId,
    /// Of which pair.
    pub pair: Pair,
    /// Of which of the pair's positions: net but in hedge mode.
    pub position_side: PositionSide,
}

/// The profit of one owner in one position, in the contract's settle asset (of spot: the quote asset).
///
/// What counts are the fills and payments from `since` on; what was held then is carried in at what it cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfitLine {
    /// Whose, where, of what.
    pub key: LineKey,
    /// What it is a contract of; `None` for spot.
    pub contract: Option<Contract>,
    /// What was held before the first thing that counts.
    pub carried: Held,
    /// Realised, before fees: what closing brought against the average cost.
    pub realized: Amount,
    /// Fees in the settle asset: those paid in it, and the others at their rates. Below zero is a rebate.
    pub fees: Amount,
    /// Fees that no rate converts, each in its asset: in no figure.
    pub other_fees: BTreeMap<Asset, Amount>,
    /// Funding in the settle asset; below zero where more was paid than received.
    pub funding: Amount,
    /// Funding that no rate converts, each in its asset: in no figure.
    pub other_funding: BTreeMap<Asset, Amount>,
    /// What trades brought less what they cost, a fee taken in kind among them: [`Contract::worth`] of all, turned about.
    pub flow: Amount,
    /// The fills that are counted, oldest first.
    pub fills: Vec<TradeId>,
    /// Of these, how many have no fee reported yet.
    pub fills_without_fee: u64,
    /// The funding payments that are counted, oldest first.
    pub payments: Vec<FundingPaymentId>,
    /// Each of them with what it did, where steps are asked for.
    pub steps: Vec<ProfitStep>,
    /// The price that what is held is valued at; `None` where none is known.
    pub mark: Option<RecordedPrice>,
    position: Position,
    terms: Contract,
}

/// What a line does with what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counting {
    /// What is before only makes the position.
    pub(super) since: Option<WallNs>,
    /// Whether steps are kept.
    pub(super) keeps_steps: bool,
}

impl Counting {
    fn counts(self, time: WallNs) -> bool {
        self.since.is_none_or(|since| time >= since)
    }
}

impl ProfitLine {
    pub(super) fn new(key: LineKey, contract: Option<Contract>) -> ProfitLine {
        ProfitLine {
            terms: contract.clone().unwrap_or_else(|| Contract::spot(&key.pair)),
            key,
            contract,
            carried: Held::default(),
            realized: Amount::ZERO,
            fees: Amount::ZERO,
            other_fees: BTreeMap::new(),
            funding: Amount::ZERO,
            other_funding: BTreeMap::new(),
            flow: Amount::ZERO,
            fills: Vec::new(),
            fills_without_fee: 0,
            payments: Vec::new(),
            steps: Vec::new(),
            mark: None,
            position: Position::default(),
        }
    }

    /// What is held now.
    #[must_use]
    pub fn held(&self) -> Held {
        Held {
            quantity: self.position.quantity,
            cost: self.position.cost,
        }
    }

    /// By which rule quantities become money; spot is counted as a linear contract that is settled in the quote asset.
    #[must_use]
    pub fn terms(&self) -> &Contract {
        &self.terms
    }

    /// What the figures are in.
    #[must_use]
    pub fn asset(&self) -> &Asset {
        &self.terms.settle
    }

    /// Whether anything in it counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fills.is_empty() && self.payments.is_empty() && self.position.quantity.is_zero()
    }

    /// What is held, at its mark price; `None` where there is none.
    #[must_use]
    pub fn value(&self) -> Option<Amount> {
        if self.position.quantity.is_zero() {
            return Some(Amount::ZERO);
        }
        self.terms
            .checked_worth(self.position.quantity, self.mark.as_ref()?.price)
    }

    /// What closing at the mark price would realise, before fees; `None` where there is no price.
    #[must_use]
    pub fn unrealized(&self) -> Option<Amount> {
        self.value()?.0.checked_sub(self.position.cost.0).map(Amount)
    }

    /// Realised and unrealised, less fees, with funding; `None` where what is held has no price.
    #[must_use]
    pub fn net(&self) -> Option<Amount> {
        let sum = self.realized.0.checked_add(self.unrealized()?.0)?;
        sum.checked_sub(self.fees.0)?.checked_add(self.funding.0).map(Amount)
    }

    /// The same by another way: what trades brought and what is held, less what was carried in at its cost, less fees, with
    /// funding. It is [`ProfitLine::net`], whatever was rounded on the way.
    #[must_use]
    pub fn net_by_flow(&self) -> Option<Amount> {
        let traded = self
            .flow
            .0
            .checked_add(self.value()?.0)?
            .checked_sub(self.carried.cost.0)?;
        traded.checked_sub(self.fees.0)?.checked_add(self.funding.0).map(Amount)
    }

    /// Takes in what was held before; `None` where its cost leaves the range of a decimal.
    pub(super) fn carry(&mut self, opened: &OpenedPosition) -> Option<()> {
        let side = if opened.quantity.is_positive() {
            Side::Buy
        } else {
            Side::Sell
        };
        let size = Quantity(opened.quantity.0.abs());
        self.position.checked_apply(&self.terms, side, opened.price, size)?;
        self.carried = self.held();
        Some(())
    }

    /// Counts a fill; `None` where a sum leaves the range of a decimal.
    pub(super) fn add_fill(&mut self, fill: Fill, prices: &RecordedPrices, counting: Counting) -> Option<()> {
        let before = self.held();
        let change = self
            .position
            .checked_apply(&self.terms, fill.side, fill.price, fill.quantity)?;
        let signed = match fill.side {
            Side::Buy => fill.quantity,
            Side::Sell => -fill.quantity,
        };
        let mut flow = -self.terms.checked_worth(signed, fill.price)?;
        let mut realized = change.realized;
        let mut in_kind = None;
        let fee = fill.fee.as_ref().map(|fee| {
            let rate = prices.rate_of_fee(&self.terms, &fill, &fee.asset);
            Valued {
                asset: fee.asset.clone(),
                amount: fee.amount,
                worth: rate.and_then(|rate| Some((rate.convert(fee.amount)?, rate))),
            }
        });
        if let Some(fee) = &fee
            && self.contract.is_none()
            && fee.asset == fill.key.pair.base
            && !fee.amount.is_zero()
        {
            let after_trade = self.held();
            let given = self.position.checked_give(&self.terms, fill.price, fee.amount)?;
            realized = Amount(realized.0.checked_add(given.realized.0)?);
            flow = Amount(flow.0.checked_add(fee.amount.0.checked_mul(fill.price.0)?)?);
            in_kind = Some(FeeInKind {
                quantity: Quantity(fee.amount.0),
                realized: given.realized,
                after_trade,
            });
        }
        if !counting.counts(fill.exchange_time) {
            self.carried = self.held();
            return Some(());
        }
        self.realized = sum(self.realized, realized)?;
        self.flow = sum(self.flow, flow)?;
        match &fee {
            None => self.fills_without_fee += 1,
            Some(fee) => add(fee, &mut self.fees, &mut self.other_fees)?,
        }
        self.fills.push(fill.key.trade_id.clone());
        if counting.keeps_steps {
            let counted = Counted::Fill {
                fill: Box::new(fill),
                fee,
                in_kind,
            };
            self.step(counted, before, realized);
        }
        Some(())
    }

    /// Counts a funding payment; `None` where a sum leaves the range of a decimal.
    pub(super) fn add_funding(
        &mut self,
        payment: FundingPayment,
        prices: &RecordedPrices,
        counting: Counting,
    ) -> Option<()> {
        if !counting.counts(payment.key.time) {
            return Some(());
        }
        let key = &payment.key;
        let rate = prices.rate(&key.venue, &payment.asset, &self.terms.settle, key.time);
        let paid = Valued {
            asset: payment.asset.clone(),
            amount: payment.amount,
            worth: rate.and_then(|rate| Some((rate.convert(payment.amount)?, rate))),
        };
        add(&paid, &mut self.funding, &mut self.other_funding)?;
        self.payments.push(key.id.clone());
        if counting.keeps_steps {
            let held = self.held();
            let counted = Counted::Funding {
                payment: Box::new(payment),
                paid,
            };
            self.step(counted, held, Amount::ZERO);
        }
        Some(())
    }

    fn step(&mut self, counted: Counted, before: Held, realized: Amount) {
        self.steps.push(ProfitStep {
            counted,
            before,
            after: self.held(),
            realized,
            total_realized: self.realized,
            total_fees: self.fees,
            total_funding: self.funding,
        });
    }
}

fn sum(one: Amount, other: Amount) -> Option<Amount> {
    one.0.checked_add(other.0).map(Amount)
}

/// Adds what has a worth to the figure, and what has none to its asset.
fn add(valued: &Valued, figure: &mut Amount, others: &mut BTreeMap<Asset, Amount>) -> Option<()> {
    match &valued.worth {
        Some((worth, _)) => *figure = sum(*figure, *worth)?,
        None => {
            let other = others.entry(valued.asset.clone()).or_insert(Amount(Decimal::ZERO));
            *other = sum(*other, valued.amount)?;
        }
    }
    Some(())
}
